#include "fakes/core/nat.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>

#include "fakes/core/netlink.h"

static struct nlmsghdr *begin(struct netlink *n, uint16_t type, uint16_t flags, uint8_t family,
                              uint16_t resource)
{
    struct nlmsghdr *h = netlink_begin(n, type, flags, sizeof(struct nfgenmsg));
    struct nfgenmsg *m = mnl_nlmsg_get_payload(h);

    m->nfgen_family = family;
    m->version = NFNETLINK_V0;
    m->res_id = htons(resource);
    return h;
}

/* Everything between the two is done whole or not at all. */
static void put_batch(struct netlink *n, uint16_t type)
{
    netlink_end(n, begin(n, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

static struct nlmsghdr *begin_new(struct netlink *n, int what, uint16_t more)
{
    return begin(n, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | what), NLM_F_ACK | NLM_F_CREATE | more,
                 NFPROTO_IPV4, 0);
}

static void put_u32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
    mnl_attr_put_u32(h, type, htonl(v));
}

static void put_table(struct netlink *n, const char *table)
{
    struct nlmsghdr *h = begin_new(n, NFT_MSG_NEWTABLE, 0);

    mnl_attr_put_strz(h, NFTA_TABLE_NAME, table);
    netlink_end(n, h);
}

static const struct {
    const char *name;
    uint32_t hook;
} chains[NAT_PLACE_MAX] = {
    [NAT_OUTPUT] = {"output", NF_INET_LOCAL_OUT},
    [NAT_PREROUTING] = {"prerouting", NF_INET_PRE_ROUTING},
};

static void put_chain(struct netlink *n, const char *table, enum nat_place place)
{
    struct nlmsghdr *h = begin_new(n, NFT_MSG_NEWCHAIN, 0);
    struct nlattr *hook;

    mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, table);
    mnl_attr_put_strz(h, NFTA_CHAIN_NAME, chains[place].name);
    hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
    put_u32(h, NFTA_HOOK_HOOKNUM, chains[place].hook);
    put_u32(h, NFTA_HOOK_PRIORITY, (uint32_t)NF_IP_PRI_NAT_DST);
    mnl_attr_nest_end(h, hook);
    mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "nat");
    netlink_end(n, h);
}

/* An expression of a rule: its name, and its own attributes in between. */
struct expr {
    struct nlattr *elem, *data;
};

static struct expr expr_begin(struct nlmsghdr *h, const char *name)
{
    struct expr x = {.elem = mnl_attr_nest_start(h, NFTA_LIST_ELEM)};

    mnl_attr_put_strz(h, NFTA_EXPR_NAME, name);
    x.data = mnl_attr_nest_start(h, NFTA_EXPR_DATA);
    return x;
}

static void expr_end(struct nlmsghdr *h, struct expr x)
{
    mnl_attr_nest_end(h, x.data);
    mnl_attr_nest_end(h, x.elem);
}

static void put_data(struct nlmsghdr *h, uint16_t type, const void *p, size_t n)
{
    struct nlattr *data = mnl_attr_nest_start(h, type);

    mnl_attr_put(h, NFTA_DATA_VALUE, n, p);
    mnl_attr_nest_end(h, data);
}

/* These bytes of the packet have to be those at p. */
static void put_match(struct nlmsghdr *h, uint32_t base, uint32_t offset, const void *p, size_t n)
{
    struct expr x = expr_begin(h, "payload");

    put_u32(h, NFTA_PAYLOAD_DREG, NFT_REG_1);
    put_u32(h, NFTA_PAYLOAD_BASE, base);
    put_u32(h, NFTA_PAYLOAD_OFFSET, offset);
    put_u32(h, NFTA_PAYLOAD_LEN, (uint32_t)n);
    expr_end(h, x);
    x = expr_begin(h, "cmp");
    put_u32(h, NFTA_CMP_SREG, NFT_REG_1);
    put_u32(h, NFTA_CMP_OP, NFT_CMP_EQ);
    put_data(h, NFTA_CMP_DATA, p, n);
    expr_end(h, x);
}

/* Puts this value into a register. */
static void put_load(struct nlmsghdr *h, uint32_t reg, const void *p, size_t n)
{
    struct expr x = expr_begin(h, "immediate");

    put_u32(h, NFTA_IMMEDIATE_DREG, reg);
    put_data(h, NFTA_IMMEDIATE_DATA, p, n);
    expr_end(h, x);
}

/* To the port in register 1, at the address in register 2 unless it is this machine's. */
static void put_target(struct nlmsghdr *h, bool redirect)
{
    struct expr x = expr_begin(h, redirect ? "redir" : "nat");

    if (redirect) {
        put_u32(h, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
    } else {
        put_u32(h, NFTA_NAT_TYPE, NFT_NAT_DNAT);
        put_u32(h, NFTA_NAT_FAMILY, NFPROTO_IPV4);
        put_u32(h, NFTA_NAT_REG_ADDR_MIN, NFT_REG_2);
        put_u32(h, NFTA_NAT_REG_PROTO_MIN, NFT_REG_1);
    }
    expr_end(h, x);
}

static void put_rule(struct netlink *n, const char *table, const struct nat_rule *r)
{
    const uint16_t port = htons(r->port), new_port = htons(r->new_port);
    struct nlmsghdr *h = begin_new(n, NFT_MSG_NEWRULE, NLM_F_APPEND);
    struct nlattr *list;

    mnl_attr_put_strz(h, NFTA_RULE_TABLE, table);
    mnl_attr_put_strz(h, NFTA_RULE_CHAIN, chains[r->place].name);
    list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
    put_match(h, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, protocol), &r->protocol,
              sizeof(r->protocol));
    put_match(h, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, daddr), &r->to, sizeof(r->to));
    /* the same place in TCP and UDP */
    put_match(h, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, dest), &port, sizeof(port));
    put_load(h, NFT_REG_1, &new_port, sizeof(new_port));
    if (r->new_to)
        put_load(h, NFT_REG_2, &r->new_to, sizeof(r->new_to));
    put_target(h, !r->new_to);
    mnl_attr_nest_end(h, list);
    netlink_end(n, h);
}

static bool has_place(const struct nat_rule *rules, size_t n, enum nat_place place)
{
    for (size_t i = 0; i < n; i++)
        if (rules[i].place == place)
            return true;
    return false;
}

int nat_install(const char *table, const struct nat_rule *rules, size_t n_rules, struct err *e)
{
    struct netlink n;
    int k;

    if (netlink_open(&n, NETLINK_NETFILTER, e) < 0)
        return -1;
    put_batch(&n, NFNL_MSG_BATCH_BEGIN);
    put_table(&n, table);
    for (enum nat_place p = 0; p < NAT_PLACE_MAX; p++)
        if (has_place(rules, n_rules, p))
            put_chain(&n, table, p);
    for (size_t i = 0; i < n_rules; i++)
        put_rule(&n, table, &rules[i]);
    put_batch(&n, NFNL_MSG_BATCH_END);
    k = netlink_talk(&n, e);
    netlink_close(&n);
    return k < 0 ? err_wrap(e, "nat") : 0;
}
