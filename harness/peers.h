/*
 * peers.h - the fakes by name, and the environment that leads an agent to them.
 */
#ifndef HARNESS_PEERS_H
#define HARNESS_PEERS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/map.h"
#include "fakes/core/fake.h"

/* File below socket_dir that holds the certificate of the fakes. */
#define PEERS_CERTIFICATE "ca.pem"

/* Where a fake shall listen; zeroed memory is the default for all. */
struct peer_place {
    const char *socket_dir; /* folder for unix sockets */
    const char *address;    /* NULL: 127.0.0.1 */
    int port;               /* 0: any */
    bool tls;
    const char *const *tls_names; /* fakes that speak TLS although `tls` is not set; NULL: none */
    bool sandbox; /* at the real addresses too: we are in a sandbox (sandbox/sandbox.h) */
};

/* NULL-terminated names of all fakes. */
const char *const *peers_names(void);
const struct fake_ops *peers_ops(const char *name); /* NULL: no such fake */

/* Adds the fake and opens its listener. acs and tcs come with ecs, and ecs with them. */
int peers_add(struct world *w, const char *name, const struct peer_place *place, struct err *e);

/*
 * The environment an agent needs to meet the fakes of this world, as a map from
 * name to value (allocated; peers_environment_release()). Peers that are not in
 * the world are pointed at an address where surely nobody listens.
 */
void peers_environment(const struct world *w, struct map *env);

/* Writes the certificate to <dir>/ca.pem and adds what leads clients to it. Nothing without TLS. */
int peers_certificate(const struct world *w, const char *dir, struct map *env, struct err *e);
/* In a sandbox: the fake is found under this name, at ports 443 (TLS) and 80, at an address of
 * its own. The certificate is another one afterwards. */
int peers_name(struct world *w, const char *fake, const char *name, struct err *e);
/* Takes away what leads to addresses that every agent finds by itself, in a sandbox. */
void peers_environment_real(struct map *env);
void peers_environment_release(struct map *env);

#endif
