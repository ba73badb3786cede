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
    assert_int_equal(call("POST", "/containers/bb/start", NULL)->status, 500);
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
    assert_string_equal(inspect("aa", NETWORKS "net.IPAddress"), "172.28.5.0");
}

static int create_net(const char *body)
{
    return call("POST", "/networks/create", body)->status;
}

static const char *create_says(const char *body)
{
    return json_str(call("POST", "/networks/create", body)->json, "message");
}

static void a_network_of_both_families_gives_two_addresses(void **state)
{
    const struct answer *a;

    (void)state;
    assert_int_equal(
        create_net("{\"Name\":\"net\",\"EnableIPv6\":true,\"IPAM\":{\"Config\":[{\"Subnet\":"
                   "\"2001:db8::/64\",\"AuxiliaryAddresses\":{\"a\":\"2001:db8::2\"}}]}}"),
        201);
    a = call("GET", "/networks/net", NULL);
    assert_true(json_bool(a->json, "EnableIPv6", false));
    assert_int_equal(json_array_size(json_at(a->json, "IPAM.Config")), 2);
    run("aa", "busybox:1", ",\"HostConfig\":{\"NetworkMode\":\"net\"}");
    assert_string_equal(inspect("aa", NETWORKS "net.GlobalIPv6Address"), "2001:db8::3");
    assert_string_equal(inspect("aa", NETWORKS "net.IPv6Gateway"), "2001:db8::1");
    assert_int_equal(inspect_int("aa", NETWORKS "net.GlobalIPv6PrefixLen"), 64);
    assert_string_equal(inspect("aa", NETWORKS "net.IPAddress"), "172.18.0.2");
    call("POST", "/containers/aa/kill", NULL);
    assert_string_equal(inspect("aa", NETWORKS "net.GlobalIPv6Address"), "");
    run("bb", "busybox:1", ",\"HostConfig\":{\"NetworkMode\":\"net\"}");
    assert_string_equal(inspect("bb", NETWORKS "net.GlobalIPv6Address"), "2001:db8::3");
    assert_int_equal(create_net("{\"Name\":\"x\",\"EnableIPv6\":true}"), 404);
}

static void an_address_that_is_asked_for_is_given_once(void **state)
{
    const char *fixed = ",\"HostConfig\":{\"NetworkMode\":\"net\"},\"NetworkingConfig\":{"
                        "\"EndpointsConfig\":{\"net\":{\"IPAMConfig\":{\"IPv4Address\":"
                        "\"10.1.0.9\"}}}}";
    const struct answer *a;

    (void)state;
    create_net("{\"Name\":\"net\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/24\"}]}}");
    run("aa", "busybox:1", fixed);
    assert_string_equal(inspect("aa", NETWORKS "net.IPAddress"), "10.1.0.9");
    assert_string_equal(inspect("aa", NETWORKS "net.MacAddress"), "02:42:0a:01:00:09");
    run("bb", "busybox:1", fixed);
    assert_string_equal(inspect("bb", "State.Error"), "Address already in use");
    call("POST", "/networks/net/connect", "{\"Container\":\"aa\"}");
    a = call("POST", "/networks/bridge/connect",
             "{\"Container\":\"aa\",\"EndpointConfig\":{\"IPAMConfig\":{\"IPv4Address\":"
             "\"172.17.0.9\"}}}");
    assert_int_equal(a->status, 400);
    assert_string_equal(json_str(a->json, "message"),
                        "user specified IP address is supported on user defined networks only");
}

static void a_newer_engine_says_all_that_is_wrong_with_a_network(void **state)
{
    (void)state;
    assert_int_equal(control("version", "version", "26.1.5", NULL), 0);
    assert_string_equal(
        create_says("{\"Name\":\"net\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.1/24\","
                    "\"Gateway\":\"10.2.0.1\"}]}}"),
        "invalid network config:\n* invalid subnet 10.1.0.1/24: it should be 10.1.0.0/24\n* "
        "invalid gateway 10.2.0.1: parent subnet 10.1.0.1/24 doesn't contain this address");
    assert_string_equal(
        create_says("{\"Name\":\"net\",\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/24\","
                    "\"IPRange\":\"10.2.0.0/24\"}]}}"),
        "invalid network config:\ninvalid ip-range 10.2.0.0/24: parent subnet 10.1.0.0/24 doesn't "
        "contain ip-range");
    assert_int_equal(create_net("{\"Name\":\"net\"}"), 201);
    assert_int_equal(create_net("{\"Name\":\"net\"}"), 409);
}

static void a_mac_address_is_of_the_endpoint_in_a_newer_engine(void **state)
{
    const struct answer *a;

    (void)state;
    assert_int_equal(control("version", "version", "26.1.5", NULL), 0);
    create_net("{\"Name\":\"net\"}");
    a = call("POST", "/containers/create?name=aa",
             "{\"Image\":\"busybox:1\",\"MacAddress\":\"02:42:0a:00:00:01\",\"HostConfig\":{"
             "\"NetworkMode\":\"net\"},\"NetworkingConfig\":{\"EndpointsConfig\":{\"net\":{"
             "\"MacAddress\":\"02:42:0a:00:00:02\"}}}}");
    assert_int_equal(a->status, 400);
    run("bb", "busybox:1",
        ",\"HostConfig\":{\"NetworkMode\":\"net\"},\"NetworkingConfig\":{\"EndpointsConfig\":{"
        "\"net\":{\"MacAddress\":\"02:42:0a:00:00:02\"}}}");
    assert_string_equal(inspect("bb", NETWORKS "net.MacAddress"), "02:42:0a:00:00:02");
    assert_string_equal(inspect("bb", "Config.MacAddress"), "02:42:0a:00:00:02");
}

static void two_networks_of_one_name_are_told_apart_by_their_ids(void **state)
{
    const struct answer *a;
    char *id, *path;

    (void)state;
    a = call("POST", "/networks/create", "{\"Name\":\"same\"}");
    id = xstrdup(json_str(a->json, "Id"));
    a = call("POST", "/networks/create", "{\"Name\":\"same\"}");
    assert_int_equal(a->status, 201);
    assert_true(str_starts(json_str(a->json, "Warning"), "Network with name same (id : "));
    assert_int_equal(create_net("{\"Name\":\"same\",\"CheckDuplicate\":true}"), 409);
    a = call("GET", "/networks/same", NULL);
    assert_int_equal(a->status, 400);
    assert_string_equal(json_str(a->json, "message"),
                        "2 matches found based on name: network same is ambiguous");
    run("aa", "busybox:1", ",\"HostConfig\":{\"NetworkMode\":\"same\"}");
    assert_string_equal(inspect("aa", "State.Error"),
                        "network same is ambiguous (2 matches found on name)");
    path = xasprintf("/networks/%s", id);
    assert_int_equal(call("DELETE", path, NULL)->status, 204);
    assert_int_equal(call("POST", "/containers/aa/start", NULL)->status, 204);
    free(path);
    free(id);
}

static void a_stopped_container_joins_whatever_it_is_told(void **state)
{
    (void)state;
    create_net("{\"Name\":\"net\"}");
    call("POST", "/containers/create?name=aa", "{\"Image\":\"busybox:1\"}");
    assert_int_equal(call("POST", "/networks/later/connect", "{\"Container\":\"aa\"}")->status,
                     200);
    assert_int_equal(call("POST", "/containers/aa/start", NULL)->status, 404);
    assert_int_equal(call("POST", "/networks/later/disconnect", "{\"Container\":\"aa\"}")->status,
                     200);
    assert_int_equal(call("POST", "/networks/later/disconnect", "{\"Container\":\"aa\"}")->status,
                     500);
    assert_int_equal(call("POST", "/networks/net/connect", "{\"Container\":\"aa\"}")->status, 200);
    assert_int_equal(call("POST", "/containers/aa/start", NULL)->status, 204);
    assert_string_equal(inspect("aa", NETWORKS "net.IPAddress"), "172.18.0.2");
}

static void a_network_has_its_settings_from_a_pattern(void **state)
{
    (void)state;
    assert_int_equal(create_net("{\"Name\":\"conf\",\"ConfigOnly\":true,\"IPAM\":{\"Config\":[{"
                                "\"Subnet\":\"10.7.0.0/24\"}]}}"),
                     201);
    assert_int_equal(create_net("{\"Name\":\"net\",\"ConfigFrom\":{\"Network\":\"conf\"}}"), 201);
    assert_string_equal(subnet_of("net"), "10.7.0.0/24");
    assert_int_equal(call("DELETE", "/networks/conf", NULL)->status, 403);
    assert_int_equal(create_net("{\"Name\":\"x\",\"ConfigFrom\":{\"Network\":\"none\"}}"), 404);
    assert_int_equal(call("DELETE", "/networks/net", NULL)->status, 204);
    assert_int_equal(call("DELETE", "/networks/conf", NULL)->status, 204);
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
        cmocka_unit_test_setup_teardown(a_network_of_both_families_gives_two_addresses,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(an_address_that_is_asked_for_is_given_once, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_newer_engine_says_all_that_is_wrong_with_a_network,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_mac_address_is_of_the_endpoint_in_a_newer_engine,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(two_networks_of_one_name_are_told_apart_by_their_ids,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_stopped_container_joins_whatever_it_is_told, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_network_has_its_settings_from_a_pattern, client_begin,
                                        client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
