/*
 * published.h - ports of containers that are processes, reachable on the host's.
 *
 * The fake listens on the host's port and hands connections on to the container's
 * address, in the role of docker-proxy. A container without a network of its own
 * (wire.h) listens in that of the fake: where its port and the host's are the same
 * there is nothing to do.
 * TCP over IPv4 only; of simulated containers ports are only told, not opened.
 *
 * Life cycle: port_publish() when a port is taken, port_unpublish() when it is
 * given back. The loop has to be turned once more before it goes.
 */
#ifndef FAKES_DOCKER_PUBLISHED_H
#define FAKES_DOCKER_PUBLISHED_H

#include "fakes/docker/container.h"

/* p->host is set. -1: what dockerd says when its proxy cannot listen there. */
int port_publish(const struct container *c, struct port *p, struct problem *why);
void port_unpublish(struct port *p); /* one that is not published is fine */

#endif
