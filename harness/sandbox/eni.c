/*
 * An elastic network interface shows up in the sandbox (sandbox.h): a device with its MAC address,
 * and the message that the kernel sends when one is plugged in.
 *
 * The device is one end of a veth pair, since nothing else can be made in a network namespace of
 * one's own; the kernel says of it that it is virtual, and agents pass over it. So what it
 * would say of one behind a PCI slot is sent after it: root of a network namespace may have
 * messages of NETLINK_KOBJECT_UEVENT sent by the kernel in there (lib/kobject_uevent.c:
 * uevent_net_rcv_skb, since Linux 4.18), and no listener can tell them from others.
 *
 * What is not like an ENI: who lists the devices sees that it is a veth.
 */
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "fakes/core/netlink.h"
#include "harness/sandbox/sandbox.h"

#define UEVENT_MAX 2048 /* what the kernel takes, and its own SEQNUM */

static int parse_mac(const char *text, unsigned char out[ETH_ALEN], struct err *e)
{
    int used = 0;

    if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &out[0], &out[1], &out[2], &out[3],
               &out[4], &out[5], &used) != ETH_ALEN ||
        text[used])
        return err_set(e, ERR_USAGE, "\"%.40s\" is no MAC address (0a:1b:2c:3d:4e:5f)", text);
    return 0;
}

static void put_device(struct netlink *n, const char *name, const unsigned char mac[ETH_ALEN])
{
    struct nlmsghdr *h = netlink_begin(n, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
                                       sizeof(struct ifinfomsg));
    struct nlattr *info, *data, *peer;
    char other[IFNAMSIZ];

    snprintf(other, sizeof(other), "%.10s-wire", name);
    mnl_attr_put_strz(h, IFLA_IFNAME, name);
    mnl_attr_put(h, IFLA_ADDRESS, ETH_ALEN, mac);
    info = mnl_attr_nest_start(h, IFLA_LINKINFO);
    mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
    data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
    peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(h, IFLA_IFNAME, other);
    mnl_attr_nest_end(h, peer);
    mnl_attr_nest_end(h, data);
    mnl_attr_nest_end(h, info);
    netlink_end(n, h);
}

static int make_device(const char *name, const unsigned char mac[ETH_ALEN], struct err *e)
{
    struct netlink n;
    int r;

    if (netlink_open(&n, NETLINK_ROUTE, e) < 0)
        return -1;
    put_device(&n, name, mac);
    r = netlink_talk(&n, e);
    netlink_close(&n);
    return r < 0 ? err_wrap(e, "a device %s", name) : 0;
}

static void add_word(struct buf *b, const char *word, const char *value)
{
    buf_addf(b, "%s%s", word, value);
    buf_add(b, "", 1);
}

int sandbox_eni_tell(const char *name, struct err *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(UEVENT_MAX);
    char path[80];
    struct netlink n;
    struct nlmsghdr *h;
    int r;

    snprintf(path, sizeof(path), "/devices/pci0000:00/0000:00:06.0/net/%.15s", name);
    add_word(&text, "add@", path);
    add_word(&text, "ACTION=add", "");
    add_word(&text, "DEVPATH=", path);
    add_word(&text, "SUBSYSTEM=net", "");
    add_word(&text, "INTERFACE=", name);
    if (netlink_open(&n, NETLINK_KOBJECT_UEVENT, e) < 0)
        return -1;
    h = netlink_begin(&n, NLMSG_MIN_TYPE, NLM_F_ACK, buf_len(&text));
    memcpy(mnl_nlmsg_get_payload(h), buf_str(&text), buf_len(&text));
    /* no padding: it would be part of the text */
    h->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + buf_len(&text));
    netlink_end(&n, h);
    r = netlink_talk(&n, e);
    netlink_close(&n);
    return r < 0 ? err_wrap(e, "the message of a new device") : 0;
}

int sandbox_eni(const char *name, const char *mac, struct err *e)
{
    unsigned char bytes[ETH_ALEN];

    if (strlen(name) >= IFNAMSIZ - 5 || !*name)
        return err_set(e, ERR_USAGE, "\"%.40s\" is no name for a device", name);
    if (parse_mac(mac, bytes, e) < 0 || make_device(name, bytes, e) < 0)
        return -1;
    return sandbox_eni_tell(name, e);
}
