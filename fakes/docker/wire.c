#include "fakes/docker/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/netlink.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/docker.h"
#include "fakes/docker/resolver.h"

#define LOOPBACK  1
#define OWN_NET   "/proc/thread-self/ns/net"
#define MAC_BYTES 6

struct wire {
    int namespace;
    unsigned next; /* number of the next device: eth0, eth1 ... */
    struct resolver *resolver;
};

/* --- namespaces -------------------------------------------------------------------------- */

static int enter(int namespace, int *ret_back, struct err *e)
{
    *ret_back = open(OWN_NET, O_RDONLY | O_CLOEXEC);
    if (*ret_back < 0)
        return err_sys(e, errno, OWN_NET);
    if (namespace < 0 ? unshare(CLONE_NEWNET) == 0 : setns(namespace, CLONE_NEWNET) == 0)
        return 0;
    err_sys(e, errno, "network namespace");
    cleanup_closep(ret_back);
    return -1;
}

/* Everything that comes after would be done in the wrong place. */
static void leave(int back)
{
    if (setns(back, CLONE_NEWNET) < 0)
        abort();
    close(back);
}

int wire_inside(int namespace, int (*fn)(void *data, struct err *e), void *data, struct err *e)
{
    int back, r;

    if (enter(namespace, &back, e) < 0)
        return -1;
    r = fn(data, e);
    leave(back);
    return r;
}

/* --- messages ---------------------------------------------------------------------------- */

/* An address in the order of bytes that the kernel wants. */
static void put_ip(struct nlmsghdr *h, uint16_t type, ip_number address, bool six)
{
    size_t n = six ? 16 : 4;
    unsigned char b[16];

    for (size_t i = 0; i < n; i++)
        b[i] = (unsigned char)(address >> 8 * (n - 1 - i));
    mnl_attr_put(h, type, n, b);
}

static struct nlmsghdr *begin_link(struct netlink *n, uint16_t type, uint16_t flags, int index)
{
    struct nlmsghdr *h = netlink_begin(n, type, NLM_F_ACK | flags, sizeof(struct ifinfomsg));
    struct ifinfomsg *m = mnl_nlmsg_get_payload(h);

    m->ifi_index = index;
    if (type == RTM_NEWLINK) {
        m->ifi_flags = IFF_UP;
        m->ifi_change = IFF_UP;
    }
    return h;
}

static void put_up(struct netlink *n, int index)
{
    netlink_end(n, begin_link(n, RTM_NEWLINK, 0, index));
}

static void put_address(struct netlink *n, int index, ip_number address, int prefix, bool six)
{
    struct nlmsghdr *h = netlink_begin(n, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
                                       sizeof(struct ifaddrmsg));
    struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);

    m->ifa_family = six ? AF_INET6 : AF_INET;
    m->ifa_prefixlen = (uint8_t)prefix;
    m->ifa_index = (unsigned)index;
    m->ifa_flags = six ? IFA_F_NODAD : 0;
    put_ip(h, IFA_LOCAL, address, six);
    put_ip(h, IFA_ADDRESS, address, six);
    if (!six)
        put_ip(h, IFA_BROADCAST, address | (((ip_number)1 << (32 - prefix)) - 1), false);
    netlink_end(n, h);
}

/* The route to a subnet (the kernel made one with the address), or by default through a gateway. */
struct way {
    int index;
    bool six;
    ip_number from, gateway; /* gateway 0: to the subnet of from */
    int prefix;
};

static void put_route(struct netlink *n, const struct way *w)
{
    struct nlmsghdr *h = netlink_begin(n, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
                                       sizeof(struct rtmsg));
    struct rtmsg *m = mnl_nlmsg_get_payload(h);
    int bits = w->six ? 128 : 32;
    struct nlattr *metrics;

    m->rtm_family = w->six ? AF_INET6 : AF_INET;
    m->rtm_table = RT_TABLE_MAIN;
    m->rtm_protocol = w->gateway ? RTPROT_BOOT : RTPROT_KERNEL;
    m->rtm_scope = w->gateway || w->six ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    m->rtm_type = RTN_UNICAST;
    if (w->gateway) {
        put_ip(h, RTA_GATEWAY, w->gateway, w->six);
    } else {
        m->rtm_dst_len = (uint8_t)w->prefix;
        put_ip(h, RTA_DST, w->from >> (bits - w->prefix) << (bits - w->prefix), w->six);
        if (!w->six)
            put_ip(h, RTA_PREFSRC, w->from, false);
    }
    mnl_attr_put_u32(h, RTA_OIF, (uint32_t)w->index);
    metrics = mnl_attr_nest_start(h, RTA_METRICS);
    mnl_attr_put_u32(h, RTAX_QUICKACK, 1);
    mnl_attr_nest_end(h, metrics);
    netlink_end(n, h);
}

/* Both families of an end of a network. */
static void put_place(struct netlink *n, int index, const struct network *net, ip_number four,
                      ip_number six)
{
    struct way w = {.index = index, .from = four, .prefix = net->four.prefix};

    if (four) {
        put_address(n, index, four, net->four.prefix, false);
        put_route(n, &w);
    }
    if (six)
        put_address(n, index, six, net->six.prefix, true);
}

static int talk(struct netlink *n, struct err *e)
{
    int r = netlink_talk(n, e);

    netlink_close(n);
    return r;
}

/* --- bridges ----------------------------------------------------------------------------- */

static const char *bridge_name(const struct network *n, char out[IFNAMSIZ])
{
    const char *own = pairs_get(&n->options, "com.docker.network.bridge.name");

    if (own && *own)
        snprintf(out, IFNAMSIZ, "%.15s", own);
    else if (str_eq(n->name, "bridge"))
        snprintf(out, IFNAMSIZ, "docker0");
    else
        snprintf(out, IFNAMSIZ, "br-%.12s", n->id);
    return out;
}

static void put_bridge(struct netlink *n, const char *name)
{
    struct nlmsghdr *h = begin_link(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
    struct nlattr *info;

    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(h, info);
    netlink_end(n, h);
}

/* Addresses that the kernel makes up, and asks for, are none of dockerd's. */
static void no_six(const char *device)
{
    _cleanup_free_ char *path = xasprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", device);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        io_write_all(fd, "1", 1, NULL);
}

/* Its index; made when it is not there. -1. */
static int bridge_index(const struct network *net, struct err *e)
{
    char name[IFNAMSIZ];
    int index = (int)if_nametoindex(bridge_name(net, name));
    struct netlink n;

    if (index)
        return index;
    if (netlink_open(&n, NETLINK_ROUTE, e) < 0)
        return -1;
    put_bridge(&n, name);
    if (netlink_talk(&n, e) < 0) {
        netlink_close(&n);
        return err_wrap(e, "bridge %s", name);
    }
    index = (int)if_nametoindex(name);
    if (!net->six.used)
        no_six(name);
    put_place(&n, index, net, net->four.gateway, net->six.used ? net->six.gateway : 0);
    return talk(&n, e) < 0 ? err_wrap(e, "bridge %s", name) : index;
}

static void remove_device(const char *name)
{
    int index = (int)if_nametoindex(name);
    struct err unused = ERR_INIT;
    struct netlink n;

    if (!index || netlink_open(&n, NETLINK_ROUTE, &unused) < 0)
        return;
    netlink_end(&n, begin_link(&n, RTM_DELLINK, 0, index));
    talk(&n, &unused); /* what is not there need not go */
}

void wire_remove_bridge(struct network *n)
{
    char name[IFNAMSIZ];

    if (n->bridged)
        remove_device(bridge_name(n, name));
    n->bridged = false;
}

/* --- endpoints --------------------------------------------------------------------------- */

static const char *outer_name(const struct endpoint *e, char out[IFNAMSIZ])
{
    snprintf(out, IFNAMSIZ, "veth%.7s", e->id);
    return out;
}

static void put_mac(struct nlmsghdr *h, const char *mac)
{
    unsigned char b[MAC_BYTES];

    if (sscanf(mac, "%2hhx%*[:-]%2hhx%*[:-]%2hhx%*[:-]%2hhx%*[:-]%2hhx%*[:-]%2hhx", &b[0], &b[1],
               &b[2], &b[3], &b[4], &b[5]) == MAC_BYTES)
        mnl_attr_put(h, IFLA_ADDRESS, sizeof(b), b);
}

static void put_veth(struct netlink *n, const struct container *c, const struct endpoint *e,
                     int bridge, const char *inner)
{
    struct nlmsghdr *h = begin_link(n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
    struct nlattr *info, *data, *peer;
    char outer[IFNAMSIZ], mac[18];

    mnl_attr_put_strz(h, IFLA_IFNAME, outer_name(e, outer));
    mnl_attr_put_u32(h, IFLA_TXQLEN, 0);
    mnl_attr_put_u32(h, IFLA_MASTER, (uint32_t)bridge);
    info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
    data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
    peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(h, IFLA_IFNAME, inner);
    mnl_attr_put_u32(h, IFLA_TXQLEN, 0);
    mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)c->wire->namespace);
    put_mac(h, endpoint_mac(c, e, mac));
    mnl_attr_nest_end(h, peer);
    mnl_attr_nest_end(h, data);
    mnl_attr_nest_end(h, info);
    netlink_end(n, h);
}

struct inner {
    const struct endpoint *e;
    char name[IFNAMSIZ];
};

/* Inside: the device goes up, with its addresses. */
static int furnish(void *data, struct err *e)
{
    const struct inner *in = data;
    int index = (int)if_nametoindex(in->name);
    struct netlink n;

    if (!in->e->address_six)
        no_six(in->name);
    if (netlink_open(&n, NETLINK_ROUTE, e) < 0)
        return -1;
    put_up(&n, index);
    put_place(&n, index, in->e->n, in->e->address, in->e->address_six);
    return talk(&n, e);
}

/* --- the way out ------------------------------------------------------------------------- */

/* Nothing leads out of an internal network, but for engines up to 22, which say otherwise. */
static bool leads_out(const struct container *c, const struct endpoint *e)
{
    return e->device[0] && e->address && !(e->n->internal && docker_modern(c->d));
}

/* Through the network whose name comes first, as libnetwork chooses it. */
static const struct endpoint *way_out(const struct container *c)
{
    const struct endpoint *best = NULL;

    for (size_t i = 0; i < c->n_endpoints; i++) {
        const struct endpoint *e = &c->endpoints[i];

        if (leads_out(c, e) &&
            (!best || e->n->internal < best->n->internal ||
             (e->n->internal == best->n->internal && strcmp(e->n->name, best->n->name) < 0)))
            best = e;
    }
    return best;
}

static int route_out(void *data, struct err *e)
{
    const struct endpoint *out = data;
    struct way w = {.index = (int)if_nametoindex(out->device), .gateway = out->n->four.gateway};
    struct netlink n;

    if (netlink_open(&n, NETLINK_ROUTE, e) < 0)
        return -1;
    if (w.gateway)
        put_route(&n, &w);
    if (out->address_six && out->n->six.gateway) {
        w.six = true;
        w.gateway = out->n->six.gateway;
        put_route(&n, &w);
    }
    return talk(&n, e);
}

/* The default route and the names follow what it is connected to. */
static int settle(struct container *c, struct err *e)
{
    const struct endpoint *out = way_out(c);
    bool named = false;

    for (size_t i = 0; i < c->n_endpoints; i++)
        named |= c->endpoints[i].device[0] && network_is_user_defined(c->endpoints[i].n->name);
    if (named && !c->wire->resolver)
        c->wire->resolver = resolver_new(c, c->wire->namespace, e);
    if (named && !c->wire->resolver)
        return -1;
    return out ? wire_inside(c->wire->namespace, route_out, (void *)(uintptr_t)out, e) : 0;
}

/* --- attaching --------------------------------------------------------------------------- */

static int attach(struct container *c, struct endpoint *end, struct err *e)
{
    struct inner in = {.e = end};
    struct netlink n;
    int bridge;

    if (!str_eq(end->n->driver, "bridge"))
        return 0;
    bridge = bridge_index(end->n, e);
    if (bridge < 0 || netlink_open(&n, NETLINK_ROUTE, e) < 0)
        return -1;
    end->n->bridged = true;
    snprintf(in.name, sizeof(in.name), "eth%u", c->wire->next++);
    put_veth(&n, c, end, bridge, in.name);
    if (talk(&n, e) < 0)
        return err_wrap(e, "veth");
    snprintf(end->device, sizeof(end->device), "%s", in.name);
    return wire_inside(c->wire->namespace, furnish, &in, e);
}

int wire_attach(struct container *c, struct endpoint *end, struct problem *p)
{
    struct err e = ERR_INIT;

    if (!c->wire || (attach(c, end, &e) == 0 && settle(c, &e) == 0))
        return 0;
    return problem(p, 500, "%s", e.text);
}

void wire_detach(struct container *c, struct endpoint *end)
{
    char name[IFNAMSIZ];
    struct err e = ERR_INIT;

    if (!c->wire || !end->device[0])
        return;
    remove_device(outer_name(end, name));
    end->device[0] = '\0';
    settle(c, &e); /* a way out that there is not any more is none */
}

static int put_loopback_up(void *data, struct err *e)
{
    struct wire *w = data;
    struct netlink n;

    w->namespace = open(OWN_NET, O_RDONLY | O_CLOEXEC);
    if (w->namespace < 0)
        return err_sys(e, errno, OWN_NET);
    no_six("all");
    no_six("lo");
    if (netlink_open(&n, NETLINK_ROUTE, e) < 0)
        return -1;
    put_up(&n, LOOPBACK);
    return talk(&n, e);
}

/* A namespace of its own; where there can be none, there is none from now on. */
static bool begin(struct container *c)
{
    struct wire *w = new0(struct wire);
    struct err e = ERR_INIT;

    w->namespace = -1;
    c->wire = w;
    if (wire_inside(-1, put_loopback_up, w, &e) == 0)
        return true;
    container_unwire(c);
    c->d->own_networks = false;
    journal_note(fake_journal(&c->d->fake), "docker",
                 "containers that are processes share one network, their ports are relayed: %s",
                 e.text);
    return false;
}

int container_wire(struct container *c, struct problem *p)
{
    struct err e = ERR_INIT;

    if (!c->d->own_networks || !container_is_process(c) || container_shares_network(c) ||
        str_eq(c->network_mode, "host") || !begin(c))
        return 0;
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (attach(c, &c->endpoints[i], &e) < 0)
            return problem(p, 500, "%s", e.text);
    return settle(c, &e) < 0 ? problem(p, 500, "%s", e.text) : 0;
}

void container_unwire(struct container *c)
{
    struct wire *w = c->wire;
    char name[IFNAMSIZ];

    if (!w)
        return;
    for (size_t i = 0; i < c->n_endpoints; i++) {
        if (c->endpoints[i].device[0])
            remove_device(outer_name(&c->endpoints[i], name));
        c->endpoints[i].device[0] = '\0';
    }
    resolver_free(w->resolver);
    if (w->namespace >= 0)
        close(w->namespace);
    free(w);
    c->wire = NULL;
}

int container_namespace(const struct container *c)
{
    struct problem quiet = {0};
    const struct container *other = c;

    if (container_shares_network(c))
        other = container_find(c->d, c->network_mode + strlen("container:"), &quiet);
    free(quiet.text);
    return other && other->wire ? other->wire->namespace : -1;
}

bool container_has_resolver(const struct container *c)
{
    return c->wire && c->wire->resolver;
}

void docker_own_networks(struct fake *f)
{
    ((struct docker *)f)->own_networks = true;
}
