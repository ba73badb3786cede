/*
 * link_watch.h - which network devices the instance has, and when one shows up.
 *
 * The kernel is asked for its devices at the start, every ENI_LOOK_AGAIN, and whenever it
 * says that one was added; each MAC address is told as it is found, once while its device is
 * there. What counts as an elastic network interface is what the official agent takes for one
 * (eni/watcher/watcher_linux.go, eni/networkutils): a device without a kind ("veth", "bridge") and
 * not the loopback, or one of which a message from the kernel said that it is behind a PCI slot or
 * a Xen vif.
 *
 * Nothing blocks: both sockets are on the loop.
 */
#ifndef AGENT_LINK_WATCH_H
#define AGENT_LINK_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/loop.h"
#include "base/err.h"

struct link_watch;

#define LINK_MAC_SIZE  18 /* "0a:1b:2c:3d:4e:5f" */
#define LINK_NAME_SIZE 16

typedef void (*link_fn)(const char *mac, void *user);

/* own_mac: the instance's first interface, which is passed over; NULL: not known. */
struct link_watch *link_watch_new(struct loop *l, const char *own_mac, link_fn fn, void *user,
                                  struct err *e);
void link_watch_free(struct link_watch *w); /* NULL is fine */

/* A device with this address is there now. */
bool link_watch_has(const struct link_watch *w, const char *mac);

/* --- parts, for tests: what the kernel said --- */

/* The device that a message of NETLINK_KOBJECT_UEVENT says was added, when it is one that can be
 * an elastic network interface. */
bool link_read_uevent(const char *p, size_t n, char ret_name[LINK_NAME_SIZE]);

struct link_facts {
    char name[LINK_NAME_SIZE], mac[LINK_MAC_SIZE]; /* mac "": it has none */
    bool plain;                                    /* no kind, no loopback */
};
/* A netlink message of type RTM_NEWLINK; header and all, of n bytes. */
bool link_read_newlink(const void *p, size_t n, struct link_facts *ret);

#endif
