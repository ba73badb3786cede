#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/secret.h"
#include "base/mem.h"
#include "base/str.h"

#define ARN "arn:aws:secretsmanager:us-west-2:1:secret:db-a1b2c3"

static struct err e;
static char *member;

static char *request(const char *from)
{
    json_t *o = secret_request(from, &member, &e);
    char *text = o ? json_text(o) : NULL;

    json_decref(o);
    return text;
}

static void an_arn_of_seven_or_ten_fields_is_a_secret(void **state)
{
    static const struct {
        const char *from, *request, *member;
    } rows[] = {
        {ARN, "{\"SecretId\":\"" ARN "\"}", NULL},
        {ARN ":user::", "{\"SecretId\":\"" ARN "\"}", "user"},
        {ARN ":::", "{\"SecretId\":\"" ARN "\"}", NULL},
        {ARN "::AWSPREVIOUS:", "{\"SecretId\":\"" ARN "\",\"VersionStage\":\"AWSPREVIOUS\"}", NULL},
        {ARN ":k::v-1", "{\"SecretId\":\"" ARN "\",\"VersionId\":\"v-1\"}", "k"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text = request(rows[i].from);

        assert_string_equal(text, rows[i].request);
        assert_true(str_eq(member, rows[i].member));
        free(text);
        free(member);
    }
}

static void anything_else_is_an_error(void **state)
{
    static const char *const bad[] = {"",       "db",       "arn:aws:secretsmanager",
                                      ARN ":k", ARN ":k:s", ARN ":k:s:v:more"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_null(request(bad[i]));
        assert_null(member);
        assert_non_null(strstr(e.text, "invalid ARN"));
    }
}

static void a_member_is_printed_as_go_does(void **state)
{
    static const char *const rows[][2] = {
        {"s", "te xt"}, {"n", "5432"},    {"big", "1e+06"},   {"f", "0.1"},
        {"t", "true"},  {"nil", "<nil>"}, {"o", "{\"a\":1}"},
    };
    const char *text = "{\"s\":\"te xt\",\"n\":5432,\"big\":1000000,\"f\":0.1,\"t\":true,"
                       "\"nil\":null,\"o\":{\"a\":1}}";

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *value = secret_member(text, rows[i][0], &e);

        assert_string_equal(value, rows[i][1]);
        free(value);
    }
}

static void a_member_that_is_not_there_is_told_without_the_value(void **state)
{
    (void)state;
    assert_null(secret_member("{\"user\":\"hush\"}", "password", &e));
    assert_non_null(strstr(e.text, "password"));
    assert_null(strstr(e.text, "hush"));
    assert_null(secret_member("hush", "password", &e));
    assert_null(strstr(e.text, "hush"));
}

static void a_parameter_is_found_by_its_name_or_its_arn(void **state)
{
    const char *text = "{\"Parameters\":[{\"Name\":\"/a\",\"ARN\":\"arn:x:a\",\"Value\":\"1\"},"
                       "{\"Name\":\"/b\",\"Value\":\"2\"}]}";
    json_t *answer = json_read(text, strlen(text), JSON_READ_STRICT, &e);

    (void)state;
    assert_string_equal(secret_parameter(answer, "/b"), "2");
    assert_string_equal(secret_parameter(answer, "arn:x:a"), "1");
    assert_null(secret_parameter(answer, "/c"));
    assert_null(secret_parameter(NULL, "/c"));
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arn_of_seven_or_ten_fields_is_a_secret),
        cmocka_unit_test(anything_else_is_an_error),
        cmocka_unit_test(a_member_is_printed_as_go_does),
        cmocka_unit_test(a_member_that_is_not_there_is_told_without_the_value),
        cmocka_unit_test(a_parameter_is_found_by_its_name_or_its_arn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
