/*
 * wire.h - networks of containers that are processes, in the kernel.
 *
 * Such a container has a network namespace, each of its endpoints is a pair of
 * veths between that and a bridge, and the bridges lie where the fake lives: named,
 * numbered and addressed as dockerd does it and inspect says. So two containers may
 * listen on one port, reach each other by address, and by name where dockerd's DNS
 * knows names (resolver.h). What they send to an address of the machine arrives;
 * packets are not forwarded beyond it.
 *
 * This is done once docker_own_networks() was called, for who has the right to make
 * namespaces: in a scenario's sandbox, or as root. Otherwise, and from the first refusal of the
 * kernel on, which is told in the journal, all share the network of the fake.
 * Simulated containers have none of this; a process in the network of one is in the fake's.
 *
 * Routes acknowledge at once, as those of the sandbox do (harness/sandbox/net.c).
 *
 * Life cycle: container_wire() when its endpoints have addresses; container_unwire() before they
 * are given back. Both are fine for one that needs none.
 */
#ifndef FAKES_DOCKER_WIRE_H
#define FAKES_DOCKER_WIRE_H

#include "fakes/docker/container.h"

struct wire;

/* -1 and a problem. */
int container_wire(struct container *c, struct problem *p);
void container_unwire(struct container *c);
/* The namespace that its processes are in, to be entered; -1: the fake's. */
int container_namespace(const struct container *c);

/* It was in a network with names once since it was started: dockerd's DNS stays then. */
bool container_has_resolver(const struct container *c);

/* One more endpoint, or one less, while it runs. */
int wire_attach(struct container *c, struct endpoint *e, struct problem *p);
void wire_detach(struct container *c, struct endpoint *e);

/* The network is removed: its bridge, if there is one, goes. */
void wire_remove_bridge(struct network *n);

/* Calls fn in this namespace and comes back. Its return value, or -1. */
int wire_inside(int namespace, int (*fn)(void *data, struct err *e), void *data, struct err *e);

#endif
