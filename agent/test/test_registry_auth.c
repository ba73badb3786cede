#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "agent/ecr_auth.h"
#include "agent/registry_auth.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define BOB "{\"auth\":\"Ym9iOmh1bnRlcjIy\"}"

static char *login_for(const char *type, const char *data, const char *image)
{
    struct registry_auth a;
    const json_t *login;
    char *text;

    registry_auth_read(&a, type, data, NULL);
    login = registry_auth_for(&a, image);
    text = login ? json_text(login) : NULL;
    registry_auth_release(&a);
    return text;
}

static void an_image_gets_the_login_of_its_registry(void **state)
{
    static const struct {
        const char *data, *image, *user;
    } rows[] = {
        {"{\"https://index.docker.io/v1/\":" BOB "}", "redis", "bob"},
        {"{\"index.docker.io/v1/\":" BOB "}", "index.docker.io/library/redis:7", "bob"},
        {"{\"index.docker.io/v1\":" BOB "}", "redis", NULL},
        {"{\"docker.io\":" BOB "}", "docker.io/x/y", NULL},
        {"{\"reg:1\":" BOB "}", "reg:1/x@sha256:00", "bob"},
        {"{\"reg:1\":" BOB "}", "reg:2/x", NULL},
        {"{\"a.b\":{\"auth\":\"YWxsOng=\"},\"a.b/t\":" BOB "}", "a.b/t/x", "bob"},
        {"{\"a.b/t\":" BOB ",\"a.b\":{\"auth\":\"YWxsOng=\"}}", "a.b/u/x", "all"},
        /* the official agent may take the longer one first, and keep it (Go's maps have no order)
         */
        {"{\"a.b/other\":{\"auth\":\"YWxsOng=\"},\"a.b/t\":" BOB "}", "a.b/t/x", "bob"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text = login_for("dockercfg", rows[i].data, rows[i].image);
        bool bob = text && strstr(text, "\"username\":\"bob\"");

        if (!rows[i].user)
            assert_null(text);
        else
            assert_true(text && (str_eq(rows[i].user, "bob") == bob));
        free(text);
    }
}

static void nothing_that_is_told_holds_a_secret(void **state)
{
    static const char *const rows[] = {
        "{\"auths\":{\"r\":{\"auth\":\"hunter22\"}}}",
        "{\"r\":{\"auth\":\"hunter22\"}}",
        "{\"r\":\"hunter22\"}",
        "hunter22",
        "\"hunter22\"",
        "['hunter22']",
        "{\"r\":{\"username\":\"bob\",\"password\":\"hunter22\"}}",
        "{\"r\":{\"identitytoken\":\"hunter22\"}}",
        "{\"r\":{\"auth\":\"Ym9iOmh1bnRlcjIyCg==\"}}",
    };

    (void)state;
    for (size_t i = 0; i < 3 * ARRAY_SIZE(rows); i++) {
        static const char *const types[] = {"docker", "dockercfg", "hunt"};
        struct registry_auth a;

        registry_auth_read(&a, types[i % 3], rows[i / 3], NULL);
        assert_non_null(a.found);
        assert_null(strstr(a.found, "hunter22"));
        assert_true(!a.hint || !strstr(a.hint, "hunter22"));
        registry_auth_release(&a);
    }
}

static void a_megabyte_and_deep_nesting_are_read_or_refused(void **state)
{
    struct buf b = BUF_INIT(4u << 20);
    struct registry_auth a;

    (void)state;
    buf_adds(&b, "{\"reg.example\":" BOB);
    for (int i = 0; buf_len(&b) < 1 << 20; i++)
        buf_addf(&b, ",\"r%d.example\":{\"auth\":\"!\"}", i);
    buf_addc(&b, '}');
    registry_auth_read(&a, "dockercfg", buf_str(&b), NULL);
    assert_int_equal(1, json_object_size(a.logins));
    assert_true(strlen(a.found) < 2000);
    registry_auth_release(&a);
    buf_clear(&b);
    for (int i = 0; i < 100000; i++)
        buf_adds(&b, "{\"a\":");
    registry_auth_read(&a, "dockercfg", buf_str(&b), NULL);
    assert_int_equal(0, json_object_size(a.logins));
    assert_non_null(a.hint);
    registry_auth_release(&a);
    buf_release(&b);
}

static void the_name_of_ecr_follows_from_region_and_switches(void **state)
{
    static const struct {
        const char *region, *override, *env;
        bool fips, dual;
        const char *url;
    } rows[] = {
        {"us-west-2", NULL, "", false, false, "https://api.ecr.us-west-2.amazonaws.com/"},
        {"us-west-2", "", "", true, false, "https://ecr-fips.us-west-2.amazonaws.com/"},
        {"us-west-2", "", "", false, true, "https://ecr.us-west-2.api.aws/"},
        {"us-west-2", "", "", true, true, "https://ecr-fips.us-west-2.api.aws/"},
        {"cn-north-1", "", "", false, false, "https://api.ecr.cn-north-1.amazonaws.com.cn/"},
        {"us-west-2", "", "http://127.0.0.1:1", true, false, "http://127.0.0.1:1/"},
        {"us-west-2", "ecr-fips.us-gov-west-1.amazonaws.com", "http://x", true, false,
         "https://ecr-fips.us-gov-west-1.amazonaws.com/"},
        {"us-west-2", "http://vpce-1.ecr", "", true, false, "http://vpce-1.ecr/"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct config c = {.ecr_endpoint = (char *)(uintptr_t)rows[i].env,
                           .use_fips = {.on = rows[i].fips},
                           .use_dualstack = {.on = rows[i].dual}};
        char *url = ecr_auth_url(&c, rows[i].region, rows[i].override);

        assert_string_equal(rows[i].url, url);
        free(url);
    }
}

static void a_token_is_one_and_has_a_user(void **state)
{
    static const struct {
        const char *answer, *login;
    } rows[] = {
        {"{}", NULL},
        {"{\"authorizationData\":[]}", NULL},
        {"{\"authorizationData\":[{},{}]}", NULL},
        {"{\"authorizationData\":[{}]}", NULL},
        {"{\"authorizationData\":[{\"authorizationToken\":\"!\"}]}", NULL},
        {"{\"authorizationData\":[{\"authorizationToken\":\"QVdT\"}]}", NULL},
        {"{\"authorizationData\":[{\"authorizationToken\":\"QVdTOmE6Yg==\",\"expiresAt\":1.5,"
         "\"proxyEndpoint\":\"https://r\"}]}",
         "{\"username\":\"AWS\",\"password\":\"a:b\",\"serveraddress\":\"https://r\"}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *answer = json_read(rows[i].answer, strlen(rows[i].answer), JSON_READ_STRICT, NULL);
        struct err e = ERR_INIT;
        int64_t expires;
        json_t *login = ecr_auth_read(answer, "r/x", &expires, &e);
        char *text = login ? json_text(login) : NULL;

        if (rows[i].login) {
            assert_string_equal(rows[i].login, text);
            assert_int_equal(3 * LIMIT_S / 2, expires);
        } else {
            assert_null(text);
            assert_true(*e.text);
        }
        free(text);
        json_decref(login);
        json_decref(answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_gets_the_login_of_its_registry),
        cmocka_unit_test(nothing_that_is_told_holds_a_secret),
        cmocka_unit_test(a_megabyte_and_deep_nesting_are_read_or_refused),
        cmocka_unit_test(the_name_of_ecr_follows_from_region_and_switches),
        cmocka_unit_test(a_token_is_one_and_has_a_user),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
