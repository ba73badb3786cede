#include "agent/task_network.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define ENI_IFNAME    "eth0"
#define BRIDGE_IFNAME "ecs-eth0"
#define NETWORK_NAME  "network-name"
#define SUBNET        "169.254.172.0/22"
#define ENDPOINT      "169.254.170.2/32"
#define V6_PREFIX     "64" /* of a task that has addresses of both kinds */

static json_t *interfaces(const struct task *t)
{
    return json_object_get(t->spec, "elasticNetworkInterfaces");
}

/* The mac of the last one: what ecs-ipam knows an address by. */
static const char *address_id(const struct task *t)
{
    json_t *list = interfaces(t);
    const char *mac = json_array_size(list)
                          ? json_str(json_array_get(list, json_array_size(list) - 1), "macAddress")
                          : NULL;

    return mac ? mac : "";
}

static json_t *config_of(const char *plugin)
{
    json_t *o = json_object();

    json_put_str(o, "type", plugin);
    json_put_str(o, "cniVersion", CNI_VERSION);
    json_put_str(o, "name", NETWORK_NAME);
    return o;
}

/* ---- interfaces ---- */

/* "10.0.0.1/24" without, or with, what is before the slash. */
static char *gateway_of(const char *text)
{
    return xstrndup(text ? text : "", text ? strcspn(text, "/") : 0);
}

static const char *prefix_of(const char *text)
{
    const char *slash = text ? strchr(text, '/') : NULL;

    return slash ? slash + 1 : "";
}

static void add_addresses(json_t *into, const json_t *eni, const char *list, const char *member,
                          const char *prefix)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(eni, list), i, v) {
        _cleanup_free_ char *text =
            xasprintf("%s/%s", json_str(v, member) ? json_str(v, member) : "", prefix);

        json_array_append_new(into, json_string(text));
    }
}

static bool only_v6(const json_t *eni)
{
    return !json_array_size(json_object_get(eni, "ipv4Addresses")) &&
           json_array_size(json_object_get(eni, "ipv6Addresses"));
}

static json_t *addresses(const json_t *eni)
{
    json_t *list = json_array();
    const char *v6 = json_str(eni, "subnetGatewayIpv6Address");

    add_addresses(list, eni, "ipv4Addresses", "privateAddress",
                  prefix_of(json_str(eni, "subnetGatewayIpv4Address")));
    add_addresses(list, eni, "ipv6Addresses", "address", only_v6(eni) ? prefix_of(v6) : V6_PREFIX);
    return list;
}

static json_t *gateways(const json_t *eni)
{
    const char *member = only_v6(eni) ? "subnetGatewayIpv6Address" : "subnetGatewayIpv4Address";
    _cleanup_free_ char *gateway = gateway_of(json_str(eni, member));
    json_t *list = json_array();

    json_array_append_new(list, json_string(gateway));
    return list;
}

static void add_eni(struct cni_networks *w, const json_t *eni, bool block)
{
    json_t *o = config_of("vpc-eni");

    json_put(o, "dns", json_object());
    json_put_str(o, "eniName", "");
    json_put_str(o, "eniMACAddress", json_str(eni, "macAddress"));
    json_put(o, "eniIPAddresses", addresses(eni));
    json_put(o, "gatewayIPAddresses", gateways(eni));
    json_put_bool(o, "useExistingNetwork", false);
    json_put_bool(o, "blockInstanceMetadata", block);
    cni_networks_add(w, "vpc-eni", ENI_IFNAME, o);
}

static void add_branch(struct cni_networks *w, const json_t *eni, bool block)
{
    const json_t *vlan = json_object_get(eni, "interfaceVlanProperties");
    json_t *o = config_of("vpc-branch-eni");

    json_put_str(o, "trunkMACAddress", json_str(vlan, "trunkInterfaceMacAddress"));
    json_put_str(o, "branchVlanID", json_str(vlan, "vlanId"));
    json_put_str(o, "branchMACAddress", json_str(eni, "macAddress"));
    json_put(o, "ipAddresses", addresses(eni));
    json_put(o, "gatewayIPAddresses", gateways(eni));
    json_put_bool(o, "blockInstanceMetadata", block);
    json_put_str(o, "interfaceType", "vlan");
    cni_networks_add(w, "vpc-branch-eni", ENI_IFNAME, o);
}

static int add_interface(struct cni_networks *w, const json_t *eni, bool block, struct err *e)
{
    const char *protocol = json_str(eni, "interfaceAssociationProtocol");

    if (!protocol || !*protocol || str_eq(protocol, "default"))
        add_eni(w, eni, block);
    else if (str_eq(protocol, "vlan"))
        add_branch(w, eni, block);
    else
        return err_set(e, ERR_USAGE, "task config: unknown interface association type: %.60s",
                       protocol);
    return 0;
}

/* ---- the bridge ---- */

static json_t *ipam(const struct task *t, const struct config *c)
{
    json_t *o = json_object(), *routes = json_array(), *v;
    size_t i;

    json_put_str(o, "type", "ecs-ipam");
    json_put_str(o, "id", address_id(t));
    json_put_str(o, "ipv4-subnet", SUBNET);
    json_array_append_new(routes, json_pack("{s:s}", "dst", ENDPOINT));
    json_array_foreach (c->local_routes, i, v)
        json_array_append_new(routes, json_pack("{s:O}", "dst", v));
    json_put(o, "ipv4-routes", routes);
    return o;
}

static void add_bridge(struct cni_networks *w, const struct task *t, const struct config *c,
                       bool with_ipam)
{
    static const char *const off[] = {"isGateway", "isDefaultGateway", "forceAddress", "ipMasq",
                                      "hairpinMode"};
    json_t *o = config_of("ecs-bridge");

    json_put_str(o, "bridge", "ecs-bridge");
    for (size_t i = 0; i < ARRAY_SIZE(off); i++)
        json_put_bool(o, off[i], false);
    json_put_int(o, "mtu", 0);
    json_put(o, "ipam", with_ipam ? ipam(t, c) : json_object());
    cni_networks_add(w, "ecs-bridge", BRIDGE_IFNAME, o);
}

/* ---- App Mesh ---- */

static void put_list(json_t *o, const char *member, const char *text)
{
    _cleanup_free_ char *copy = xstrdup(text ? text : "");
    json_t *list = json_array();
    char *save = NULL;

    for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save))
        json_array_append_new(list, json_string(s + strspn(s, " ")));
    if (json_array_size(list))
        json_put(o, member, list);
    else
        json_decref(list);
}

/* Adds a text unless the list has it. */
static void need(json_t *list, const char *text)
{
    json_t *v;
    size_t i;

    json_array_foreach (list, i, v)
        if (str_eq(json_string_value(v), text))
            return;
    json_array_append_new(list, json_string(text));
}

/* The agent adds its own address and that of the instance metadata to what App Mesh leaves alone.
 */
static void add_appmesh(struct cni_networks *w, const struct task *t)
{
    const json_t *proxy = json_object_get(t->spec, "proxyConfiguration"), *p;
    const char *type = json_str(proxy, "type");
    json_t *o;

    if (!type || strcasecmp(type, "appmesh") != 0)
        return;
    p = json_object_get(proxy, "properties");
    o = config_of("aws-appmesh");
    json_put_str(o, "ignoredUID", json_str(p, "IgnoredUID"));
    json_put_str(o, "ignoredGID", json_str(p, "IgnoredGID"));
    json_put_str(o, "proxyIngressPort", json_str(p, "ProxyIngressPort"));
    json_put_str(o, "proxyEgressPort", json_str(p, "ProxyEgressPort"));
    put_list(o, "appPorts", json_str(p, "AppPorts"));
    put_list(o, "egressIgnoredPorts", json_str(p, "EgressIgnoredPorts"));
    put_list(o, "egressIgnoredIPs", json_str(p, "EgressIgnoredIPs"));
    if (!json_object_get(o, "egressIgnoredIPs"))
        json_put(o, "egressIgnoredIPs", json_array());
    need(json_object_get(o, "egressIgnoredIPs"), "169.254.170.2");
    need(json_object_get(o, "egressIgnoredIPs"), "169.254.169.254");
    cni_networks_add(w, "aws-appmesh", "aws-appmesh", o);
}

/* ---- all of it ---- */

int task_network_build(const struct task *t, const struct config *c, bool with_ipam,
                       struct cni_networks *w, struct err *e)
{
    json_t *eni;
    size_t i;

    *w = (struct cni_networks){0};
    json_array_foreach (interfaces(t), i, eni)
        if (add_interface(w, eni, c->block_imds.on, e) < 0) {
            cni_networks_release(w);
            return -1;
        }
    add_bridge(w, t, c, with_ipam);
    add_appmesh(w, t);
    return 0;
}

void task_network_build_release(const struct task *t, const struct config *c,
                                struct cni_networks *w)
{
    json_t *o = config_of("ecs-ipam");

    json_put(o, "ipam", ipam(t, c));
    *w = (struct cni_networks){0};
    cni_networks_add(w, "ecs-ipam", BRIDGE_IFNAME, o);
}

/* ---- the pause container ---- */

static json_t *copy_list(const json_t *eni, const char *member)
{
    const json_t *list = json_object_get(eni, member);

    return json_array_size(list) ? json_deep_copy(list) : NULL;
}

static void put_hosts(json_t *host, const json_t *eni, const char *name)
{
    bool v6 = only_v6(eni);
    json_t *list = json_array(), *v;
    size_t i;

    json_array_foreach (json_object_get(eni, v6 ? "ipv6Addresses" : "ipv4Addresses"), i, v) {
        const char *ip = json_str(v, v6 ? "address" : "privateAddress");
        _cleanup_free_ char *line = xasprintf("%s:%s", name, ip ? ip : "");

        json_array_append_new(list, json_string(line));
    }
    json_put(host, "ExtraHosts", list);
}

void task_network_pause(const struct task *t, json_t *body, json_t *host)
{
    const json_t *eni = json_array_get(interfaces(t), 0);
    const char *name = json_str(eni, "privateDnsName");

    json_put_str(host, "NetworkMode", "none");
    if (!eni)
        return;
    if (name && *name) {
        json_put_str(body, "Hostname", name);
        put_hosts(host, eni, name);
    }
    json_put(host, "Dns", copy_list(eni, "domainNameServers"));
    json_put(host, "DnsSearch", copy_list(eni, "domainName"));
    /* the engine turns it off in a namespace without a network of its own */
    if (json_array_size(json_object_get(eni, "ipv6Addresses")))
        json_put(host, "Sysctls", json_pack("{s:s}", "net.ipv6.conf.all.disable_ipv6", "0"));
}

char *task_network_address(const json_t *bridge_answer)
{
    const json_t *first = json_array_get(json_object_get(bridge_answer, "ips"), 0);
    const char *text = json_str(first, "address");

    return text && *text ? xstrndup(text, strcspn(text, "/")) : NULL;
}
