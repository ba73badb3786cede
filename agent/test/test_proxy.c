/* Which URLs go through a proxy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/proxy.h"
#include "base/mem.h"

static const char *by(const char *none, const char *url)
{
    const struct proxy p = {"http://plain:3128", "http://secure:3128", none};

    return proxy_for(&p, url);
}

static void the_scheme_chooses_the_proxy(void **state)
{
    (void)state;
    assert_string_equal(by(NULL, "http://ecs.example/"), "http://plain:3128");
    assert_string_equal(by(NULL, "ws://ecs.example/"), "http://plain:3128");
    assert_string_equal(by(NULL, "https://ecs.example/"), "http://secure:3128");
    assert_string_equal(by(NULL, "wss://ecs.example:8443/ws?x"), "http://secure:3128");
    assert_null(proxy_for(NULL, "http://ecs.example/"));
}

static void what_is_local_is_asked_directly(void **state)
{
    (void)state;
    assert_null(by(NULL, "http://169.254.169.254/latest/meta-data/"));
    assert_null(by(NULL, "http://169.254.170.2/v2/credentials/x"));
    assert_null(by(NULL, "http://[fd00:ec2::254]/latest/"));
    assert_null(by(NULL, "http://127.0.0.1:8080/"));
    assert_null(by(NULL, "http://localhost:8080/"));
    assert_null(by(NULL, "http://[::1]:8080/"));
}

static void no_proxy_lists_hosts_domains_and_networks(void **state)
{
    static const struct {
        const char *none, *url;
        int direct;
    } cases[] = {
        {"example.com", "http://example.com/", 1},
        {"example.com", "http://a.example.com/", 1},
        {"example.com", "http://badexample.com/", 0},
        {".example.com", "http://a.example.com/", 1},
        {".example.com", "http://example.com/", 0},
        {"*.example.com", "http://a.example.com/", 1},
        {"EXAMPLE.com", "http://example.COM/", 1},
        {"x, example.com ,y", "http://example.com/", 1},
        {"*", "https://any.where/", 1},
        {"10.0.0.0/8", "http://10.1.2.3/", 1},
        {"10.0.0.0/8", "http://11.1.2.3/", 0},
        {"10.1.2.3", "http://10.1.2.3:99/", 1},
        {"10.1.2.3:98", "http://10.1.2.3:99/", 0},
        {"example.com:443", "https://example.com/", 1},
        {"example.com:443", "http://example.com/", 0},
        {"2001:db8::/32", "http://[2001:db8::1]/", 1},
        {"", "http://example.com/", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *got = by(cases[i].none, cases[i].url);

        if ((got == NULL) != (cases[i].direct == 1))
            print_error("%s with %s\n", cases[i].url, cases[i].none);
        assert_int_equal(got == NULL, cases[i].direct);
    }
}

static void the_environment_is_read_in_capitals_first(void **state)
{
    const char *env[] = {"http_proxy=http://small:1", "HTTP_PROXY=http://large:1",
                         "NO_PROXY=", "no_proxy=x", NULL};
    struct proxy p;

    (void)state;
    proxy_read(&p, env);
    assert_string_equal(p.http, "http://large:1");
    assert_null(p.https);
    assert_string_equal(p.none, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scheme_chooses_the_proxy),
        cmocka_unit_test(what_is_local_is_asked_directly),
        cmocka_unit_test(no_proxy_lists_hosts_domains_and_networks),
        cmocka_unit_test(the_environment_is_read_in_capitals_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
