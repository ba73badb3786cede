#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agent/shared_credentials.h"
#include "base/str.h"

static struct shared_credentials got;
static struct err e;

static int reset(void **state)
{
    (void)state;
    shared_credentials_release(&got);
    err_clear(&e);
    return 0;
}

static void the_profile_that_is_asked_for_counts(void **state)
{
    static const char text[] = "[other]\naws_access_key_id = AKIAOTHER\n"
                               "aws_secret_access_key=other\n\n"
                               "# a comment\n; another\n[ mine ]\r\n"
                               "  AWS_ACCESS_KEY_ID=AKIAMINE  \r\n"
                               "aws_secret_access_key = a=b/c+d==\r\n"
                               "region = us-west-2\n"
                               "aws_session_token = token\n[last]\naws_access_key_id = AKIALAST\n";

    (void)state;
    assert_int_equal(shared_credentials_parse(text, "mine", &got, &e), 0);
    assert_string_equal(got.access_key, "AKIAMINE");
    assert_string_equal(got.secret_key, "a=b/c+d==");
    assert_string_equal(got.session_token, "token");
}

static void without_a_token_there_is_none(void **state)
{
    (void)state;
    assert_int_equal(shared_credentials_parse("[default]\naws_access_key_id=A\n"
                                              "aws_session_token=\naws_secret_access_key=S",
                                              "default", &got, &e),
                     0);
    assert_null(got.session_token);
}

static void what_is_missing_is_told_and_no_value_with_it(void **state)
{
    (void)state;
    assert_int_equal(
        shared_credentials_parse("[other]\naws_access_key_id=A\n", "default", &got, &e), -1);
    assert_string_equal(e.text, "there is no profile [default]");
    err_clear(&e);
    assert_int_equal(shared_credentials_parse("[default]\naws_secret_access_key=hunter22\n",
                                              "default", &got, &e),
                     -1);
    assert_non_null(strstr(e.text, "has no aws_access_key_id"));
    assert_null(strstr(e.text, "hunter22"));
}

static void odd_lines_are_passed_over(void **state)
{
    static const char *const odd[] = {"", "[", "]", "=", "[]", "[default", "\n\n=\n[x]=", "\r\r\r"};

    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        assert_int_equal(shared_credentials_parse(odd[i], "default", &got, &e), -1);
        err_clear(&e);
    }
}

static void a_file_that_is_not_there_is_told_apart(void **state)
{
    (void)state;
    assert_int_equal(shared_credentials_read("/nonexistent/file", "default", &got, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_profile_that_is_asked_for_counts, reset),
        cmocka_unit_test_teardown(without_a_token_there_is_none, reset),
        cmocka_unit_test_teardown(what_is_missing_is_told_and_no_value_with_it, reset),
        cmocka_unit_test_teardown(odd_lines_are_passed_over, reset),
        cmocka_unit_test_teardown(a_file_that_is_not_there_is_told_apart, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
