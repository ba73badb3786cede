/*
 * resolver.h - the names that a container finds at 127.0.0.11, as dockerd's own DNS
 * server tells them: of containers in its networks that run, by name, alias,
 * short id and host name, alone or with the network's name behind; of what its
 * links are called; and of addresses (PTR). A name that is none of these is not
 * known (NXDOMAIN): there is nothing beyond the fake's world.
 *
 * The sockets are in the container's network namespace, on any port, and packets to
 * port 53 are led there, as dockerd does it: port 53 is the container's to use. Over TCP
 * a connection is good for one question. Where the kernel has no nftables they are at 53.
 *
 * Life cycle: resolver_new() in a namespace; resolver_free(), after which the loop has to be turned
 * until the handles are closed.
 */
#ifndef FAKES_DOCKER_RESOLVER_H
#define FAKES_DOCKER_RESOLVER_H

#include "fakes/docker/container.h"

#define RESOLVER_ADDRESS "127.0.0.11"
/* Connections at once; a further one ends the oldest. */
#define RESOLVER_CLIENTS_MAX 16

struct resolver;

struct resolver *resolver_new(struct container *c, int namespace, struct err *e);
void resolver_free(struct resolver *r); /* NULL is fine */

/* The answer to a message; 0: there is none to give. room: 512 over UDP. turn: of several
 * addresses, which comes first. */
size_t resolver_answer(const struct container *c, unsigned turn, const unsigned char *query,
                       size_t n, unsigned char *out, size_t room);

#endif
