#include "fakes/core/netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

/* The kernel answers at once; a limit only so that nothing can hang for ever. */
#define ANSWER_SECONDS 10

int netlink_open(struct netlink *n, int bus, struct err *e)
{
    const struct timeval limit = {.tv_sec = ANSWER_SECONDS};

    *n = (struct netlink){.seq = 1};
    n->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
    if (!n->socket)
        return err_sys(e, errno, "netlink");
    if (mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) <
            0) {
        err_sys(e, errno, "netlink");
        netlink_close(n);
        return -1;
    }
    return 0;
}

void netlink_close(struct netlink *n)
{
    if (n->socket)
        mnl_socket_close(n->socket);
    n->socket = NULL;
}

struct nlmsghdr *netlink_begin(struct netlink *n, uint16_t type, uint16_t flags, size_t extra)
{
    struct nlmsghdr *h = mnl_nlmsg_put_header(n->bytes + n->used);

    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | flags;
    h->nlmsg_seq = n->seq++;
    mnl_nlmsg_put_extra_header(h, extra);
    return h;
}

void netlink_end(struct netlink *n, const struct nlmsghdr *h)
{
    n->used += MNL_ALIGN(h->nlmsg_len);
}

/* How many of the messages ask for an acknowledgement. */
static size_t acks_due(const struct netlink *n)
{
    size_t due = 0;

    for (size_t at = 0; at < n->used;) {
        const struct nlmsghdr *h = (const void *)(n->bytes + at);

        due += (h->nlmsg_flags & NLM_F_ACK) != 0;
        at += MNL_ALIGN(h->nlmsg_len);
    }
    return due;
}

/* Looks at what was received; returns the number of acknowledgements, -1 for a refusal. */
static int read_acks(const char *bytes, int len, struct err *e)
{
    const struct nlmsghdr *h = (const void *)bytes;
    int acks = 0;

    for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len)) {
        const struct nlmsgerr *why = mnl_nlmsg_get_payload(h);

        if (h->nlmsg_type != NLMSG_ERROR)
            continue;
        if (why->error)
            return err_sys(e, -why->error, "netlink");
        acks++;
    }
    return acks;
}

int netlink_talk(struct netlink *n, struct err *e)
{
    _Alignas(struct nlmsghdr) char in[NETLINK_BYTES];
    size_t due = acks_due(n);

    if (mnl_socket_sendto(n->socket, n->bytes, n->used) < 0)
        return err_sys(e, errno, "netlink");
    n->used = 0;
    while (due > 0) {
        ssize_t len = mnl_socket_recvfrom(n->socket, in, sizeof(in));
        int acks;

        if (len < 0)
            return err_sys(e, errno, "netlink");
        acks = read_acks(in, (int)len, e);
        if (acks < 0)
            return -1;
        due -= (size_t)acks < due ? (size_t)acks : due;
    }
    return 0;
}
