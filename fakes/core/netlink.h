/*
 * netlink.h - requests to the kernel by netlink, each acknowledged.
 *
 * A request is built with libmnl in a struct netlink and sent with
 * netlink_talk(), which waits for the acknowledgement of the last message.
 */
#ifndef FAKES_CORE_NETLINK_H
#define FAKES_CORE_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdint.h>

#include "base/err.h"

/* Enough for the largest batch that is sent (the redirect's, under 2 KiB). */
#define NETLINK_BYTES 8192

struct netlink {
    struct mnl_socket *socket;
    uint32_t seq;
    size_t used; /* bytes of finished messages */
    _Alignas(struct nlmsghdr) char bytes[NETLINK_BYTES];
};

/* bus: NETLINK_ROUTE, NETLINK_NETFILTER ... */
int netlink_open(struct netlink *n, int bus, struct err *e);
void netlink_close(struct netlink *n);

/* Begins a message behind those that are there, with its family header of `extra` bytes, zeroed
 * (get it with mnl_nlmsg_get_payload()); attributes are then put with libmnl. */
struct nlmsghdr *netlink_begin(struct netlink *n, uint16_t type, uint16_t flags, size_t extra);
/* The message is whole. */
void netlink_end(struct netlink *n, const struct nlmsghdr *h);

/* Sends what is there and empties it. -1 with the kernel's error for the first message that it
 * did not like. Each message that was begun with NLM_F_ACK is waited for. */
int netlink_talk(struct netlink *n, struct err *e);

#endif
