#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/test/client.c"

#define PULL "/images/create?fromImage=10.0.0.1%3A5000%2Fapp&tag=1"

static const char *message(const struct answer *a)
{
    const char *s = json_str(a->json, "message");

    return s ? s : "";
}

/* Pulls with these credentials; NULL: none. */
static const struct answer *pull_as(const char *user, const char *password)
{
    char *json = xasprintf("{\"username\":\"%s\",\"password\":\"%s\"}", user ? user : "", password);
    struct buf b = BUF_INIT(4096);
    const struct answer *a;
    char *header;

    str_base64(&b, json, strlen(json));
    header = xasprintf("X-Registry-Auth: %s\r\n", buf_str(&b));
    a = call_with("POST", PULL, user ? header : "", NULL);
    free(header);
    free(json);
    buf_release(&b);
    return a;
}

static void a_registry_that_nobody_declared_does_not_answer(void **state)
{
    const struct answer *a;

    (void)state;
    a = call("POST", "/images/create?fromImage=127.0.0.1%3A5999%2Fapp&tag=1", NULL);
    assert_int_equal(a->status, 500);
    assert_string_equal(message(a), "Get \"http://127.0.0.1:5999/v2/\": dial tcp 127.0.0.1:5999: "
                                    "connect: connection refused");
    a = call("POST", "/images/create?fromImage=registry.example%2Fapp&tag=1", NULL);
    assert_int_equal(a->status, 500);
    assert_string_equal(message(a), "Get \"https://registry.example/v2/\": dial tcp: lookup "
                                    "registry.example: no such host");
}

static void a_private_registry_wants_its_users(void **state)
{
    (void)state;
    control("registry", "name", "10.0.0.1:5000", "user", "bob", "password", "secret", NULL);
    control("image", "name", "10.0.0.1:5000/app:1", NULL);
    assert_string_equal(message(pull_as(NULL, "")),
                        "Head \"https://10.0.0.1:5000/v2/app/manifests/1\": no basic auth "
                        "credentials");
    assert_string_equal(message(pull_as("bob", "wrong")), "unauthorized: authentication required");
    assert_int_equal(pull_as("bob", "wrong")->status, 500);
    assert_int_equal(call("GET", "/images/10.0.0.1:5000/app:1/json", NULL)->status, 404);
    assert_int_equal(pull_as("bob", "secret")->status, 200);
    assert_int_equal(call("GET", "/images/10.0.0.1:5000/app:1/json", NULL)->status, 200);
}

static void a_rate_limit_counts_pulls_in_its_window(void **state)
{
    (void)state;
    control("registry", "name", "10.0.0.1:5000", "rate-limit", "2", "rate-window", "1h", NULL);
    control("image", "name", "10.0.0.1:5000/app:1", NULL);
    assert_int_equal(call("POST", PULL, NULL)->status, 200);
    assert_int_equal(call("GET", "/distribution/10.0.0.1:5000/app:1/json", NULL)->status, 200);
    assert_int_equal(call("POST", PULL, NULL)->status, 200);
    assert_true(str_starts(message(call("POST", PULL, NULL)), "toomanyrequests: "));
    pass(3600 * NS_PER_S);
    assert_int_equal(call("POST", PULL, NULL)->status, 200);
}

static void a_login_is_tried_at_the_registry(void **state)
{
    (void)state;
    control("registry", "name", "10.0.0.1:5000", "user", "bob", "password", "secret", NULL);
    assert_int_equal(call("POST", "/auth",
                          "{\"username\":\"bob\",\"password\":\"secret\",\"serveraddress\":"
                          "\"https://10.0.0.1:5000\"}")
                         ->status,
                     200);
    assert_string_equal(message(call("POST", "/auth",
                                     "{\"username\":\"bob\",\"password\":\"no\",\"serveraddress\":"
                                     "\"10.0.0.1:5000\"}")),
                        "login attempt to https://10.0.0.1:5000/v2/ failed with status: 401 "
                        "Unauthorized");
}

static void what_makes_no_sense_is_refused_with_the_reason(void **state)
{
    (void)state;
    assert_int_equal(control("registry", "name", "a/b", NULL), -1);
    assert_int_equal(control("registry", "name", "a", "user", "bob", NULL), -1);
    assert_non_null(strstr(control_err.text, "a user has a password"));
    assert_int_equal(control("registry", "name", "a", "rate-limit", "many", NULL), -1);
    assert_int_equal(control("registry", "name", "a", "rate-window", "0s", NULL), -1);
    assert_int_equal(control("registry", "name", "a", "private", "maybe", NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_registry_that_nobody_declared_does_not_answer,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_private_registry_wants_its_users, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_rate_limit_counts_pulls_in_its_window, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_login_is_tried_at_the_registry, client_begin, client_end),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused_with_the_reason,
                                        client_begin, client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
