/*
 * forward.h - connections to one address, handed on to a port of another.
 *
 * What stands in for the redirect of a sandbox where the kernel has no
 * nftables, and for docker-proxy where a container is a process. Bytes and
 * half-closes go through in both directions, no more than FORWARD_BYTES_MAX
 * waiting in each. When nobody listens at the port, the
 * connection is reset. The other side sees this machine as who connects.
 *
 * Life cycle: forward_new() on a loop; forward_free(), after which the loop has to be turned
 * until the handles are closed (loop_release() does).
 */
#ifndef FAKES_CORE_FORWARD_H
#define FAKES_CORE_FORWARD_H

#include "base/err.h"
#include "fakes/core/loop.h"

#define FORWARD_BYTES_MAX (256 << 10)
/* Connections at once; a further one is reset. */
#define FORWARD_PAIRS_MAX 1024

struct forward;

/* port 0: any; see forward_port(). NULL: it cannot listen there. */
struct forward *forward_new(struct loop *loop, const char *address, int port,
                            const char *to_address, int to, struct err *e);
int forward_port(const struct forward *f);
void forward_free(struct forward *f); /* NULL is fine */
/* The same when who listened at the port is gone: what it said last still goes through, as far as
 * the other side takes it now. */
void forward_finish(struct forward *f);

#endif
