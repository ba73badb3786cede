/*
 * A part of sandbox.h: the rule of ecs-init's OUTPUT chain, by nftables:
 *
 *     table ip ecsim {
 *       chain output {
 *         type nat hook output priority -100
 *         ip daddr 169.254.170.2 tcp dport 80 redirect to :51679
 *       }
 *     }
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stddef.h>

#include "harness/sandbox/netlink.h"
#include "harness/sandbox/sandbox.h"

#define TABLE "ecsim"
#define CHAIN "output"

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

static void put_table(struct netlink *n)
{
    struct nlmsghdr *h = begin_new(n, NFT_MSG_NEWTABLE, 0);

    mnl_attr_put_strz(h, NFTA_TABLE_NAME, TABLE);
    netlink_end(n, h);
}

static void put_chain(struct netlink *n)
{
    struct nlmsghdr *h = begin_new(n, NFT_MSG_NEWCHAIN, 0);
    struct nlattr *hook;

    mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, TABLE);
    mnl_attr_put_strz(h, NFTA_CHAIN_NAME, CHAIN);
    hook = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
    put_u32(h, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
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

static void put_rule(struct netlink *n)
{
    const in_addr_t to = inet_addr(SANDBOX_METADATA_ADDRESS);
    const uint16_t port = htons(SANDBOX_METADATA_PORT), agent = htons(SANDBOX_TASKS_PORT);
    const uint8_t tcp = IPPROTO_TCP;
    struct nlmsghdr *h = begin_new(n, NFT_MSG_NEWRULE, NLM_F_APPEND);
    struct nlattr *list;
    struct expr x;

    mnl_attr_put_strz(h, NFTA_RULE_TABLE, TABLE);
    mnl_attr_put_strz(h, NFTA_RULE_CHAIN, CHAIN);
    list = mnl_attr_nest_start(h, NFTA_RULE_EXPRESSIONS);
    put_match(h, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, protocol), &tcp, sizeof(tcp));
    put_match(h, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, daddr), &to, sizeof(to));
    put_match(h, NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(struct tcphdr, dest), &port, sizeof(port));
    x = expr_begin(h, "immediate");
    put_u32(h, NFTA_IMMEDIATE_DREG, NFT_REG_1);
    put_data(h, NFTA_IMMEDIATE_DATA, &agent, sizeof(agent));
    expr_end(h, x);
    x = expr_begin(h, "redir");
    put_u32(h, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
    expr_end(h, x);
    mnl_attr_nest_end(h, list);
    netlink_end(n, h);
}

int sandbox_redirect(struct err *e)
{
    struct netlink n;
    int k;

    if (netlink_open(&n, NETLINK_NETFILTER, e) < 0)
        return -1;
    put_batch(&n, NFNL_MSG_BATCH_BEGIN);
    put_table(&n);
    put_chain(&n);
    put_rule(&n);
    put_batch(&n, NFNL_MSG_BATCH_END);
    k = netlink_talk(&n, e);
    netlink_close(&n);
    return k < 0 ? err_wrap(e, "redirect") : 0;
}
