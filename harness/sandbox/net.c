/* The network of sandbox.h: a loopback, its addresses, and routes that acknowledge at once. */
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/mem.h"
#include "fakes/core/netlink.h"
#include "harness/sandbox/sandbox.h"

/* The loopback is the first device of every network namespace. */
#define LOOPBACK 1

static void put_link_up(struct netlink *n)
{
    struct nlmsghdr *h = netlink_begin(n, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    struct ifinfomsg *m = mnl_nlmsg_get_payload(h);

    m->ifi_index = LOOPBACK;
    m->ifi_flags = IFF_UP;
    m->ifi_change = IFF_UP;
    netlink_end(n, h);
}

static void put_address(struct netlink *n, const char *text)
{
    struct nlmsghdr *h = netlink_begin(n, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
                                       sizeof(struct ifaddrmsg));
    struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
    in_addr_t address = inet_addr(text);

    m->ifa_family = AF_INET;
    m->ifa_prefixlen = 32;
    m->ifa_index = LOOPBACK;
    mnl_attr_put(h, IFA_LOCAL, sizeof(address), &address);
    mnl_attr_put(h, IFA_ADDRESS, sizeof(address), &address);
    netlink_end(n, h);
}

/*
 * The kernel made a route of type local for the address; this puts the metric
 * quickack on it, as `ip route change local ADDRESS dev lo quickack 1` does. Without it an
 * acknowledgement may wait 40 ms for data to travel with, and a byte that has
 * arrived looks as if it were still under way.
 */
static void put_route(struct netlink *n, const char *prefix, uint8_t bits, const char *source)
{
    struct nlmsghdr *h =
        netlink_begin(n, RTM_NEWROUTE, NLM_F_ACK | NLM_F_REPLACE, sizeof(struct rtmsg));
    struct rtmsg *m = mnl_nlmsg_get_payload(h);
    in_addr_t to = inet_addr(prefix), from = inet_addr(source);
    struct nlattr *metrics;

    m->rtm_family = AF_INET;
    m->rtm_dst_len = bits;
    m->rtm_table = RT_TABLE_LOCAL;
    m->rtm_protocol = RTPROT_KERNEL;
    m->rtm_scope = RT_SCOPE_HOST;
    m->rtm_type = RTN_LOCAL;
    mnl_attr_put(h, RTA_DST, sizeof(to), &to);
    mnl_attr_put(h, RTA_PREFSRC, sizeof(from), &from);
    mnl_attr_put_u32(h, RTA_OIF, LOOPBACK);
    metrics = mnl_attr_nest_start(h, RTA_METRICS);
    mnl_attr_put_u32(h, RTAX_QUICKACK, 1);
    mnl_attr_nest_end(h, metrics);
    netlink_end(n, h);
}

int sandbox_net(struct err *e)
{
    struct netlink n;
    int k;

    if (netlink_open(&n, NETLINK_ROUTE, e) < 0)
        return -1;
    put_link_up(&n);
    put_address(&n, SANDBOX_IMDS_ADDRESS);
    put_address(&n, SANDBOX_METADATA_ADDRESS);
    put_route(&n, "127.0.0.0", 8, "127.0.0.1");
    put_route(&n, "127.0.0.1", 32, "127.0.0.1");
    put_route(&n, SANDBOX_IMDS_ADDRESS, 32, SANDBOX_IMDS_ADDRESS);
    put_route(&n, SANDBOX_METADATA_ADDRESS, 32, SANDBOX_METADATA_ADDRESS);
    k = netlink_talk(&n, e);
    netlink_close(&n);
    return k < 0 ? err_wrap(e, "network") : 0;
}
