#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/test/client.c"

#define NETWORKS "NetworkSettings.Networks."

static const char *subnet_of(const char *name)
{
    char *path = xasprintf("/networks/%s", name);
    const struct answer *a = call("GET", path, NULL);

    free(path);
    return json_str(json_array_get(json_at(a->json, "IPAM.Config"), 0), "Subnet");
}

static void subnets_follow_each_other_and_are_not_given_again_at_once(void **state)
{
    (void)state;
    assert_int_equal(call("POST", "/networks/create", "{\"Name\":\"one\"}")->status, 201);
    assert_int_equal(call("POST", "/networks/create", "{\"Name\":\"two\"}")->status, 201);
    assert_string_equal(subnet_of("one"), "172.18.0.0/16");
    assert_string_equal(subnet_of("two"), "172.19.0.0/16");
    assert_int_equal(call("DELETE", "/networks/one", NULL)->status, 204);
    assert_int_equal(call("POST", "/networks/create", "{\"Name\":\"three\"}")->status, 201);
    assert_string_equal(subnet_of("three"), "172.20.0.0/16");
    assert_int_equal(call("POST", "/networks/create",
                          "{\"Name\":\"x\",\"IPAM\":{\"Config\":[{\"Subnet\":\"172.20.1.0/24\"}]}}")
                         ->status,
                     403);
}

static void a_small_network_runs_out_of_addresses(void **state)
{
    (void)state;
    call("POST", "/networks/create",
         "{\"Name\":\"tiny\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/30\"}]}}");
    run("aa", "busybox:1", ",\"HostConfig\":{\"NetworkMode\":\"tiny\"}");
    assert_string_equal(inspect("aa", NETWORKS "tiny.IPAddress"), "10.1.0.2");
    call("POST", "/containers/create?name=bb",
         "{\"Image\":\"busybox:1\",\"HostConfig\":{\"NetworkMode\":\"tiny\"}}");
    assert_int_equal(call("POST", "/containers/bb/start", NULL)->status, 403);
    call("DELETE", "/containers/aa?force=1", NULL);
    assert_int_equal(call("POST", "/containers/bb/start", NULL)->status, 204);
    assert_string_equal(inspect("bb", NETWORKS "tiny.IPAddress"), "10.1.0.2");
}

static void a_container_joins_and_leaves_while_it_runs(void **state)
{
    (void)state;
    call("POST", "/networks/create", "{\"Name\":\"net\"}");
    run("aa", "busybox:1", "");
    assert_int_equal(call("POST", "/networks/net/connect", "{\"Container\":\"aa\"}")->status, 200);
    assert_int_equal(call("POST", "/networks/net/connect", "{\"Container\":\"aa\"}")->status, 403);
    assert_string_equal(inspect("aa", NETWORKS "net.IPAddress"), "172.18.0.2");
    assert_string_equal(inspect("aa", NETWORKS "bridge.IPAddress"), "172.17.0.2");
    assert_int_equal(call("DELETE", "/networks/net", NULL)->status, 403);
    assert_int_equal(call("POST", "/networks/net/disconnect", "{\"Container\":\"aa\"}")->status,
                     200);
    assert_string_equal(inspect("aa", NETWORKS "net.IPAddress"), "");
    assert_int_equal(call("DELETE", "/networks/net", NULL)->status, 204);
}

static void a_network_can_go_while_a_stopped_container_names_it(void **state)
{
    const struct answer *a;

    (void)state;
    call("POST", "/networks/create", "{\"Name\":\"net\"}");
    run("aa", "busybox:1", ",\"HostConfig\":{\"NetworkMode\":\"net\"}");
    call("POST", "/containers/aa/kill", NULL);
    assert_int_equal(call("DELETE", "/networks/net", NULL)->status, 204);
    a = call("POST", "/containers/aa/start", NULL);
    assert_int_equal(a->status, 404);
    assert_string_equal(json_str(a->json, "message"), "network net not found");
}

static void what_was_asked_of_addresses_is_kept(void **state)
{
    const struct answer *a;
    const json_t *config;

    (void)state;
    call("POST", "/networks/create",
         "{\"Name\":\"net\",\"IPAM\":{\"Driver\":\"default\",\"Config\":[{\"Subnet\":"
         "\"172.28.0.0/16\",\"IPRange\":\"172.28.5.0/24\",\"Gateway\":\"172.28.5.254\","
         "\"AuxiliaryAddresses\":{\"a\":\"172.28.0.1\"}}]}}");
    a = call("GET", "/networks/net", NULL);
    config = json_array_get(json_object_get(json_object_get(a->json, "IPAM"), "Config"), 0);
    assert_string_equal(json_str(config, "IPRange"), "172.28.5.0/24");
    assert_string_equal(json_str(json_object_get(config, "AuxiliaryAddresses"), "a"), "172.28.0.1");
    run("aa", "busybox:1", ",\"HostConfig\":{\"NetworkMode\":\"net\"}");
    assert_string_equal(inspect("aa", NETWORKS "net.IPAddress"), "172.28.0.2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(subnets_follow_each_other_and_are_not_given_again_at_once,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_small_network_runs_out_of_addresses, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_container_joins_and_leaves_while_it_runs, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(what_was_asked_of_addresses_is_kept, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_network_can_go_while_a_stopped_container_names_it,
                                        client_begin, client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
