#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/fault_request.h"

/* Reads text as a request; the error it is refused with, or NULL. */
static const char *refused(enum fault_kind kind, const char *text, struct fault_request *r,
                           json_t **ret_body)
{
    static struct err e;

    e = (struct err)ERR_INIT;
    *r = (struct fault_request){.kind = kind, .action = FAULT_START};
    *ret_body = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(*ret_body);
    return fault_request_read(r, *ret_body, &e) < 0 ? e.text : NULL;
}

static void bad_requests_are_refused_with_the_words_of_the_official_agent(void **state)
{
    static const struct {
        enum fault_kind kind;
        const char *body, *error;
    } table[] = {
        {FAULT_BLACKHOLE, "{}", "required parameter Port is missing"},
        {FAULT_BLACKHOLE, "null", "required parameter Port is missing"},
        {FAULT_BLACKHOLE, "{\"port\":1}", "required parameter Protocol is missing"},
        {FAULT_BLACKHOLE, "{\"Port\":1,\"Protocol\":\"\"}",
         "required parameter Protocol is missing"},
        {FAULT_BLACKHOLE, "{\"Port\":-1}",
         "json: cannot unmarshal number -1 into Go struct field NetworkBlackholePortRequest.Port "
         "of "
         "type uint16"},
        {FAULT_BLACKHOLE, "{\"Port\":\"1\"}",
         "json: cannot unmarshal string into Go struct field NetworkBlackholePortRequest.Port of "
         "type uint16"},
        {FAULT_BLACKHOLE,
         "{\"Port\":1,\"Protocol\":\"tcp\",\"TrafficType\":\"ingress\","
         "\"SourcesToFilter\":[\"1.2.3\"]}",
         "invalid value 1.2.3 for parameter SourcesToFilter"},
        {FAULT_BLACKHOLE,
         "{\"Port\":1,\"Protocol\":\"tcp\",\"TrafficType\":\"ingress\","
         "\"SourcesToFilter\":[\"1.2.3.4/33\"]}",
         "invalid value 1.2.3.4/33 for parameter SourcesToFilter"},
        {FAULT_BLACKHOLE,
         "{\"Port\":1,\"Protocol\":\"tcp\",\"TrafficType\":\"ingress\","
         "\"SourcesToFilter\":[\"::/129\"]}",
         "invalid value ::/129 for parameter SourcesToFilter"},
        {FAULT_BLACKHOLE,
         "{\"Port\":1,\"Protocol\":\"tcp\",\"TrafficType\":\"ingress\","
         "\"SourcesToFilter\":[null]}",
         "invalid value  for parameter SourcesToFilter"},
        {FAULT_LATENCY, "{\"DelayMilliseconds\":1,\"JitterMilliseconds\":1,\"Sources\":[]}",
         "required parameter Sources is missing"},
        {FAULT_LATENCY,
         "{\"DelayMilliseconds\":1,\"JitterMilliseconds\":1,\"Sources\":[\"::1\"],\"FlowsPercent\":"
         "0}",
         "invalid value 0 for parameter flowsPercent"},
        {FAULT_PACKET_LOSS, "{\"LossPercent\":101,\"Sources\":[\"::1\"]}",
         "invalid value 101 for parameter LossPercent"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fault_request r;
        json_t *body;
        const char *error = refused(table[i].kind, table[i].body, &r, &body);

        assert_non_null(error);
        assert_string_equal(error, table[i].error);
        json_decref(body);
    }
}

static size_t counted(const struct commands *c, const char *part)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += strstr(c->list[i].line, part) != NULL;
    return n;
}

static void the_way_to_the_agent_is_spared(void **state)
{
    struct fault_request r;
    struct commands c = {0};
    json_t *body;

    (void)state;
    assert_null(refused(FAULT_BLACKHOLE,
                        "{\"Port\":80,\"Protocol\":\"tcp\",\"TrafficType\":\"egress\"}", &r,
                        &body));
    fault_add_commands(&r, "eth0", &c);
    assert_int_equal(counted(&c, "-d 169.254.170.2 --dport 80 -j ACCEPT"), 1);
    assert_int_equal(counted(&c, "-j DROP"), 2);
    /* the second table may be missing, the first may not */
    for (size_t i = 0; i < c.n; i++)
        assert_int_equal(c.list[i].may_fail, strncmp(c.list[i].line, "ip6tables", 9) == 0);
    commands_release(&c);
    json_decref(body);
    assert_null(refused(FAULT_BLACKHOLE,
                        "{\"Port\":80,\"Protocol\":\"udp\",\"TrafficType\":\"ingress\"}", &r,
                        &body));
    fault_add_commands(&r, "eth0", &c);
    assert_int_equal(counted(&c, "169.254.170.2"), 0);
    assert_int_equal(counted(&c, "INPUT"), 2);
    commands_release(&c);
    json_decref(body);
}

static void so_many_flows_of_a_hundred_are_hit(void **state)
{
    struct fault_request r;
    struct commands c = {0};
    json_t *body;

    (void)state;
    assert_null(refused(FAULT_PACKET_LOSS,
                        "{\"LossPercent\":30,\"Sources\":[\"10.0.0.0/8\",\"fd00::/8\"],"
                        "\"FlowsPercent\":12}",
                        &r, &body));
    fault_add_commands(&r, "eth0", &c);
    assert_int_equal(counted(&c, "netem loss 30%"), 12);
    assert_int_equal(counted(&c, "parent 100:a handle 209:"), 1);
    assert_int_equal(counted(&c, "parent 101:2 handle 211:"), 1);
    assert_int_equal(counted(&c, "match ip dst 10.0.0.0/8 flowid 1:1"), 1);
    assert_int_equal(counted(&c, "match ip6 dst fd00::/8 flowid 1:1"), 1);
    assert_int_equal(counted(&c, "flow hash keys"), 11);
    commands_release(&c);
    json_decref(body);
}

static void what_tc_shows_is_one_of_two_faults(void **state)
{
    bool latency, loss;

    (void)state;
    assert_int_equal(fault_read_tc("[]", &latency, &loss), 0);
    assert_false(latency || loss);
    assert_int_equal(fault_read_tc("[{\"kind\":\"netem\",\"options\":{}}]", &latency, &loss), 0);
    assert_true(latency && !loss);
    assert_int_equal(fault_read_tc("[{\"kind\":\"prio\"},{\"kind\":\"netem\",\"options\":"
                                   "{\"loss-random\":{\"loss\":0.3}}}]",
                                   &latency, &loss),
                     0);
    assert_true(loss && !latency);
    assert_int_equal(fault_read_tc("Cannot find device", &latency, &loss), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_requests_are_refused_with_the_words_of_the_official_agent),
        cmocka_unit_test(the_way_to_the_agent_is_spared),
        cmocka_unit_test(so_many_flows_of_a_hundred_are_hit),
        cmocka_unit_test(what_tc_shows_is_one_of_two_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
