#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <cmocka.h>

#include "agent/link_watch.h"
#include "agent/payload.h"
#include "agent/task_network.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

static struct config config;
static struct task *task;
static struct cni_networks networks;

static void take(const char *enis, const char *more)
{
    _cleanup_free_ char *text = xasprintf(
        "{\"arn\":\"arn:aws:ecs:us-west-2:1:task/demo/1\",\"desiredStatus\":\"RUNNING\","
        "\"family\":\"web\",\"version\":\"3\",\"networkMode\":\"awsvpc\",%s"
        "\"elasticNetworkInterfaces\":[%s],\"containers\":[{\"name\":\"main\",\"image\":\"i\"}]}",
        more, enis);
    struct err e = ERR_INIT;
    json_t *spec = json_read(text, strlen(text), JSON_READ_PEER, &e);

    task_free(task);
    task = payload_task(spec, &e);
    json_decref(spec);
    assert_string_equal(e.text, "");
    assert_non_null(task);
}

static int setup(void **state)
{
    (void)state;
    config = (struct config){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cni_networks_release(&networks);
    task_free(task);
    task = NULL;
    return 0;
}

static void is(const json_t *v, const char *text)
{
    _cleanup_free_ char *have = json_text(v);

    assert_string_equal(have ? have : "nothing", text);
}

#define V4                                                                                         \
    "{\"macAddress\":\"0a:01\",\"ec2Id\":\"eni-1\",\"subnetGatewayIpv4Address\":\"10.0.1.1/24\","  \
    "\"ipv4Addresses\":[{\"privateAddress\":\"10.0.1.7\",\"primary\":true}],"                      \
    "\"privateDnsName\":\"ip-7\",\"domainNameServers\":[\"10.0.0.2\"],\"domainName\":[\"int\"]"

static void an_interface_and_the_bridge_to_the_agent(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    take(V4 "}", "");
    assert_int_equal(task_network_build(task, &config, true, &networks, &e), 0);
    assert_int_equal(networks.n, 2);
    assert_string_equal(networks.list[0].plugin, "vpc-eni");
    assert_string_equal(networks.list[0].ifname, "eth0");
    is(json_object_get(networks.list[0].config, "eniIPAddresses"), "[\"10.0.1.7/24\"]");
    is(json_object_get(networks.list[0].config, "gatewayIPAddresses"), "[\"10.0.1.1\"]");
    assert_string_equal(networks.list[1].plugin, "ecs-bridge");
    is(json_object_get(networks.list[1].config, "ipam"),
       "{\"type\":\"ecs-ipam\",\"id\":\"0a:01\",\"ipv4-subnet\":\"169.254.172.0/22\","
       "\"ipv4-routes\":[{\"dst\":\"169.254.170.2/32\"}]}");
}

static void addresses_of_both_kinds_and_of_the_sixth_version_alone(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    take(V4 ",\"ipv6Addresses\":[{\"address\":\"fd00::7\"}]}", "");
    assert_int_equal(task_network_build(task, &config, false, &networks, &e), 0);
    is(json_object_get(networks.list[0].config, "eniIPAddresses"),
       "[\"10.0.1.7/24\",\"fd00::7/64\"]");
    is(json_object_get(networks.list[1].config, "ipam"), "{}");
    cni_networks_release(&networks);
    take("{\"macAddress\":\"0a:01\",\"ec2Id\":\"e\",\"ipv6Addresses\":[{\"address\":\"fd00::7\"}],"
         "\"subnetGatewayIpv6Address\":\"fd00::1/80\"}",
         "");
    assert_int_equal(task_network_build(task, &config, false, &networks, &e), 0);
    is(json_object_get(networks.list[0].config, "eniIPAddresses"), "[\"fd00::7/80\"]");
    is(json_object_get(networks.list[0].config, "gatewayIPAddresses"), "[\"fd00::1\"]");
}

static void an_interface_of_a_trunk_has_a_plugin_of_its_own(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    take(V4 ",\"interfaceAssociationProtocol\":\"vlan\",\"interfaceVlanProperties\":{\"vlanId\":"
            "\"7\",\"trunkInterfaceMacAddress\":\"0a:ff\"}}",
         "");
    config.block_imds.on = true;
    assert_int_equal(task_network_build(task, &config, true, &networks, &e), 0);
    assert_string_equal(networks.list[0].plugin, "vpc-branch-eni");
    assert_string_equal(json_str(networks.list[0].config, "trunkMACAddress"), "0a:ff");
    assert_string_equal(json_str(networks.list[0].config, "branchVlanID"), "7");
    assert_true(json_bool(networks.list[0].config, "blockInstanceMetadata", false));
    cni_networks_release(&networks);
    take(V4 ",\"interfaceAssociationProtocol\":\"tunnel\"}", "");
    assert_int_equal(task_network_build(task, &config, true, &networks, &e), -1);
    assert_non_null(strstr(e.text, "tunnel"));
}

static void app_mesh_leaves_the_agent_and_the_metadata_alone(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    take(V4 "}",
         "\"proxyConfiguration\":{\"type\":\"APPMESH\",\"properties\":{\"AppPorts\":\"80,81\","
         "\"ProxyIngressPort\":\"15000\",\"EgressIgnoredIPs\":\"169.254.170.2\"}},");
    assert_int_equal(task_network_build(task, &config, true, &networks, &e), 0);
    assert_int_equal(networks.n, 3);
    is(json_object_get(networks.list[2].config, "appPorts"), "[\"80\",\"81\"]");
    is(json_object_get(networks.list[2].config, "egressIgnoredIPs"),
       "[\"169.254.170.2\",\"169.254.169.254\"]");
}

static void the_pause_container_has_the_interfaces_names(void **state)
{
    _cleanup_json_ json_t *body = json_object(), *host = json_object();

    (void)state;
    take(V4 ",\"ipv6Addresses\":[{\"address\":\"fd00::7\"}]}", "\"pidMode\":\"task\",");
    assert_int_equal(task->n_containers, 3);
    assert_ptr_equal(task_internal(task, CONTAINER_CNI_PAUSE), &task->containers[1]);
    assert_ptr_equal(task_internal(task, CONTAINER_NAMESPACE_PAUSE), &task->containers[2]);
    task_network_pause(task, body, host);
    is(body, "{\"Hostname\":\"ip-7\"}");
    is(host, "{\"NetworkMode\":\"none\",\"ExtraHosts\":[\"ip-7:10.0.1.7\"],\"Dns\":[\"10.0.0.2\"],"
             "\"DnsSearch\":[\"int\"],\"Sysctls\":{\"net.ipv6.conf.all.disable_ipv6\":\"0\"}}");
}

/* ---- what plugins say ---- */

static void a_plugins_error_is_its_message(void **state)
{
    static const struct {
        int code;
        const char *output, *error, *text; /* NULL: fine */
    } cases[] = {
        {0, "", "", NULL},
        {0, "{\"cniVersion\":\"0.3.0\"}", "noise", NULL},
        {0, "nonsense", "", "the plugin's result is no JSON object"},
        {0, "[1]", "", "the plugin's result is no JSON object"},
        {1, "{\"code\":100,\"msg\":\"no device\"}", "", "no device"},
        {1, "{\"code\":100,\"msg\":\"no\",\"details\":\"it is gone\"}", "", "no; it is gone"},
        {1, "", "panic", "netplugin failed with no error message: \"panic\""},
        {-1, "half a", "", "netplugin failed: \"half a\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err e = ERR_INIT;
        json_t *answer = NULL;
        int r = cni_read_answer(cases[i].code, cases[i].output, cases[i].error, &answer, &e);

        assert_int_equal(r, cases[i].text ? -1 : 0);
        assert_string_equal(e.text, cases[i].text ? cases[i].text : "");
        json_decref(answer);
    }
}

static void versions_capabilities_and_addresses(void **state)
{
    _cleanup_json_ json_t *answer = json_pack("{s:[{s:s}]}", "ips", "address", "169.254.172.2/22");
    _cleanup_free_ char *clean = cni_version_text(
        "{\"version\":\"2017.06.0\",\"dirty\":false,\"gitShortHash\":\"326db36\"}");
    _cleanup_free_ char *dirty =
        cni_version_text("{\"version\":\"2017.06.0\",\"dirty\":true,\"gitShortHash\":\"226db36\"}");
    _cleanup_free_ char *address = task_network_address(answer);

    (void)state;
    assert_string_equal(clean, "326db36-2017.06.0");
    assert_string_equal(dirty, "@226db36-2017.06.0");
    assert_null(cni_version_text("v1"));
    assert_true(cni_has_capability("{\"capabilities\":[\"a\",\"b\"]}", "b"));
    assert_false(cni_has_capability("{\"capabilities\":[\"a\"]}", "b"));
    assert_false(cni_has_capability("", "b"));
    assert_string_equal(address, "169.254.172.2");
    assert_null(task_network_address(NULL));
}

/* ---- what the kernel says ---- */

#define EVENT(path) "add@x\0ACTION=add\0DEVPATH=" path "\0SUBSYSTEM=net\0INTERFACE=eth1\0SEQNUM=7"

static void only_real_devices_that_were_added_count(void **state)
{
    static const char real[] = EVENT("/devices/pci0000:00/0000:00:05.0/net/eth1");
    static const char xen[] = EVENT("/devices/vif-1/net/eth1");
    static const char made[] = EVENT("/devices/virtual/net/eth1");
    static const char gone[] = "x\0ACTION=remove\0DEVPATH=/devices/pci0/net/eth1\0SUBSYSTEM=net\0"
                               "INTERFACE=eth1";
    char name[LINK_NAME_SIZE];

    (void)state;
    assert_true(link_read_uevent(real, sizeof(real), name));
    assert_string_equal(name, "eth1");
    assert_true(link_read_uevent(xen, sizeof(xen), name));
    assert_false(link_read_uevent(made, sizeof(made), name));
    assert_false(link_read_uevent(gone, sizeof(gone), name));
    assert_false(link_read_uevent(real, sizeof(real) - 20, name));
    assert_false(link_read_uevent("", 0, name));
}

struct link_message {
    struct nlmsghdr h;
    struct ifinfomsg m;
    char attributes[128];
};

static void put(struct link_message *l, int type, const void *p, size_t n)
{
    struct rtattr *a = (void *)((char *)l + l->h.nlmsg_len);

    a->rta_type = (unsigned short)type;
    a->rta_len = (unsigned short)RTA_LENGTH(n);
    memcpy(RTA_DATA(a), p, n);
    l->h.nlmsg_len += (uint32_t)RTA_ALIGN(a->rta_len);
}

static void a_device_is_told_by_its_address_and_whether_it_was_made(void **state)
{
    struct link_message l = {
        .h = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK}};
    struct link_facts f;

    (void)state;
    put(&l, IFLA_IFNAME, "eth1", 5);
    put(&l, IFLA_ADDRESS, "\x0a\x1b\x2c\x3d\x4e\x5f", 6);
    assert_true(link_read_newlink(&l, sizeof(l), &f));
    assert_string_equal(f.name, "eth1");
    assert_string_equal(f.mac, "0a:1b:2c:3d:4e:5f");
    assert_true(f.plain);
    put(&l, IFLA_LINKINFO | NLA_F_NESTED, "", 0);
    assert_true(link_read_newlink(&l, sizeof(l), &f));
    assert_false(f.plain);
    assert_false(link_read_newlink(&l, sizeof(struct nlmsghdr), &f));
    l.h.nlmsg_len = sizeof(l) + 1;
    assert_false(link_read_newlink(&l, sizeof(l), &f));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_interface_and_the_bridge_to_the_agent),
        TEST(addresses_of_both_kinds_and_of_the_sixth_version_alone),
        TEST(an_interface_of_a_trunk_has_a_plugin_of_its_own),
        TEST(app_mesh_leaves_the_agent_and_the_metadata_alone),
        TEST(the_pause_container_has_the_interfaces_names),
        TEST(a_plugins_error_is_its_message),
        TEST(versions_capabilities_and_addresses),
        TEST(only_real_devices_that_were_added_count),
        TEST(a_device_is_told_by_its_address_and_whether_it_was_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
