#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <resolv.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/resolver.h"
#include "fakes/docker/test/client.c"

#define ROOM 512

static struct container *asker(const char *name)
{
    struct problem p = {0};
    struct container *c = container_find((struct docker *)engine, name, &p);

    assert_non_null(c);
    return c;
}

/* The answer to a question, in short: "172.18.0.2 172.18.0.3", "name", or the code. */
static const char *asked(const char *who, const char *name, int type, unsigned turn)
{
    static char text[512];
    unsigned char query[ROOM], out[ROOM];
    int n = res_mkquery(ns_o_query, name, ns_c_in, type, NULL, 0, NULL, query, sizeof(query));
    size_t len = resolver_answer(asker(who), turn, query, (size_t)n, out, sizeof(out));
    char *end = text;
    ns_msg m;

    assert_true(n > 0 && len > 0);
    assert_int_equal(ns_initparse(out, (int)len, &m), 0);
    assert_int_equal(ns_msg_id(m), query[0] << 8 | query[1]);
    assert_int_equal(ns_msg_getflag(m, ns_f_qr), 1);
    assert_int_equal(ns_msg_getflag(m, ns_f_ra), 1);
    assert_int_equal(ns_msg_count(m, ns_s_qd), 1);
    *text = '\0';
    if (ns_msg_getflag(m, ns_f_rcode) != ns_r_noerror)
        snprintf(text, sizeof(text), "code %d", ns_msg_getflag(m, ns_f_rcode));
    for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
        char one[NS_MAXDNAME];
        ns_rr rr;

        assert_int_equal(ns_parserr(&m, ns_s_an, i, &rr), 0);
        assert_int_equal(ns_rr_type(rr), type);
        assert_int_equal(ns_rr_ttl(rr), 600);
        assert_int_equal(strcasecmp(ns_rr_name(rr), name), 0);
        if (type == ns_t_ptr)
            assert_true(ns_name_uncompress(ns_msg_base(m), ns_msg_end(m), ns_rr_rdata(rr), one,
                                           sizeof(one)) > 0);
        else
            inet_ntop(type == ns_t_a ? AF_INET : AF_INET6, ns_rr_rdata(rr), one, sizeof(one));
        end += snprintf(end, sizeof(text) - (size_t)(end - text), "%s%s", i ? " " : "", one);
    }
    return text;
}

static const char *address(const char *who, const char *name)
{
    return asked(who, name, ns_t_a, 0);
}

static void furnish(void)
{
    control("image", "name", "busybox:1", "cached", "", NULL);
    assert_int_equal(call("POST", "/networks/create", "{\"Name\":\"net1\"}")->status, 201);
    assert_int_equal(call("POST", "/networks/create", "{\"Name\":\"net2\"}")->status, 201);
    run("web", "busybox:1",
        ",\"Hostname\":\"host\",\"HostConfig\":{\"NetworkMode\":\"net1\"},\"NetworkingConfig\":"
        "{\"EndpointsConfig\":{\"net1\":{\"Aliases\":[\"www\",\"both\"]}}}");
    run("other", "busybox:1",
        ",\"HostConfig\":{\"NetworkMode\":\"net1\"},\"NetworkingConfig\":"
        "{\"EndpointsConfig\":{\"net1\":{\"Aliases\":[\"both\"],\"Links\":[\"web:linked\"]}}}");
    run("far", "busybox:1", ",\"HostConfig\":{\"NetworkMode\":\"net2\"}");
    run("plain", "busybox:1", "");
}

static void a_container_is_known_by_all_its_names(void **state)
{
    static const char *const names[] = {"web", "WEB", "www", "host", "web.net1", "www.net1"};
    char short_id[13];

    (void)state;
    furnish();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_string_equal(address("other", names[i]), "172.18.0.2");
    snprintf(short_id, sizeof(short_id), "%.12s", inspect("web", "Id"));
    assert_string_equal(address("other", short_id), "172.18.0.2");
    assert_string_equal(address("web", "other"), "172.18.0.3");
    assert_string_equal(address("other", "linked"), "172.18.0.2");
    assert_string_equal(address("web", "linked"), "code 3"); /* a link is one's own */
}

static void only_networks_that_somebody_made_have_names(void **state)
{
    (void)state;
    furnish();
    assert_string_equal(address("web", "far"), "code 3");
    assert_string_equal(address("web", "plain"), "code 3");
    assert_string_equal(address("plain", "web"), "code 3");
    call("POST", "/networks/net1/connect", "{\"Container\":\"far\"}");
    assert_string_equal(address("web", "far"), "172.18.0.4");
    assert_string_equal(address("far", "web"), "172.18.0.2");
    call("POST", "/networks/net1/disconnect", "{\"Container\":\"far\"}");
    assert_string_equal(address("web", "far"), "code 3");
}

static void one_that_has_ended_is_not_known(void **state)
{
    (void)state;
    furnish();
    call("POST", "/containers/web/kill", NULL);
    pass(NS_PER_S);
    assert_string_equal(address("other", "web"), "code 3");
    assert_string_equal(address("other", "both"), "172.18.0.3");
    call("POST", "/containers/web/start", NULL);
    call("POST", "/containers/web/rename?name=new", NULL);
    assert_string_equal(address("other", "new"), "172.18.0.2");
    assert_string_equal(address("other", "web"), "code 3");
}

static void several_of_one_name_take_turns(void **state)
{
    (void)state;
    furnish();
    assert_string_equal(asked("web", "both", ns_t_a, 0), "172.18.0.2 172.18.0.3");
    assert_string_equal(asked("web", "both", ns_t_a, 1), "172.18.0.3 172.18.0.2");
}

static void other_types_of_a_known_name_are_empty(void **state)
{
    (void)state;
    furnish();
    assert_string_equal(asked("other", "web", ns_t_aaaa, 0), "");
    assert_string_equal(asked("other", "web", ns_t_mx, 0), "");
    assert_string_equal(asked("other", "nosuch", ns_t_aaaa, 0), "code 3");
    assert_string_equal(asked("other", "2.0.18.172.in-addr.arpa", ns_t_ptr, 0), "web.net1");
    assert_string_equal(asked("other", "9.0.18.172.in-addr.arpa", ns_t_ptr, 0), "code 3");
    assert_string_equal(asked("other", "2.0.18.999.in-addr.arpa", ns_t_ptr, 0), "code 3");
}

static void what_is_no_question_gets_no_answer(void **state)
{
    unsigned char query[ROOM], out[ROOM];
    int n = res_mkquery(ns_o_query, "both", ns_c_in, ns_t_a, NULL, 0, NULL, query, sizeof(query));
    const struct container *c;
    size_t len;

    (void)state;
    furnish();
    c = asker("web");
    for (size_t i = 0; i < (size_t)n; i++)
        assert_int_equal(resolver_answer(c, 0, query, i, out, sizeof(out)), 0);
    /* what there is no room for is cut, and said to be */
    len = resolver_answer(c, 0, query, (size_t)n, out, (size_t)n + 20);
    assert_int_equal(len, n + 16);
    assert_int_equal(out[2] & 0x02, 0x02);
    assert_int_equal(out[7], 1);
    query[2] |= 0x80; /* an answer */
    assert_int_equal(resolver_answer(c, 0, query, (size_t)n, out, sizeof(out)), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, client_begin, client_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_container_is_known_by_all_its_names),
        TEST(only_networks_that_somebody_made_have_names),
        TEST(one_that_has_ended_is_not_known),
        TEST(several_of_one_name_take_turns),
        TEST(other_types_of_a_known_name_are_empty),
        TEST(what_is_no_question_gets_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
