/*
 * fake.h - what a fake is, and the world it lives in.
 *
 * A fake is a table of functions over its own state. The core gives it
 * listeners, exchanges, sessions, the clock, the journal and the faults; it
 * never touches a socket itself.
 *
 * Its struct begins with `struct fake`:
 *
 *     struct docker {
 *         struct fake fake;
 *         struct map containers;
 *     };
 *     const struct fake_ops docker_ops = {
 *         .name = "docker", .size = sizeof(struct docker), .init = ..., ...
 *     };
 *
 * Life cycle: world_add() allocates and calls init; fake_listen_*() opens it to
 * peers; reset brings its state back to what init left (listeners and
 * addresses stay); world_release() calls release for each, last added first,
 * after all connections are gone.
 */
#ifndef FAKES_CORE_FAKE_H
#define FAKES_CORE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"
#include "fakes/core/exchange.h"
#include "fakes/core/fault.h"
#include "fakes/core/journal.h"
#include "fakes/core/loop.h"

struct fake;
struct listener;
struct tls_context;
struct world;

struct fake_ops {
    const char *name; /* the peer's name in scenarios and in the journal */
    const char *doc;  /* one line for `ecsim serve --help` */
    size_t size;
    bool http2; /* its connections speak HTTP/2 from the first byte (h2.h) */
    int (*init)(struct fake *f, struct err *e);
    void (*reset)(struct fake *f);
    void (*release)(struct fake *f); /* NULL when there is nothing to free */

    /* Headers are there, the body is not: may set x->on_body, raise x->body.max, or answer. */
    void (*begin)(struct fake *f, struct exchange *x); /* may be NULL */
    /* Names the call: sets x->what (allocated) and x->group; may set x->extra. */
    void (*classify)(struct fake *f, struct exchange *x);
    void (*handle)(struct fake *f, struct exchange *x);
    /* Answers an error in the form of this protocol. status 0: the one that goes with `type`;
     * type NULL: the one that goes with the status; message NULL: its usual text. */
    void (*refuse)(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message);

    /*
     * What a scenario or a person asks of the fake itself ("image", "exit", "send" ...): see the
     * fake's own header for its commands. args is an object; *ret may be set to a new reference.
     */
    int (*control)(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e);

    /* Appends one line for each thing it owes or waits for ("container main: stops in 3s"). */
    void (*pending)(struct fake *f, struct buf *out);

    /* Appends "SERVICE OPERATION GROUP\n" for each operation it names; NULL: it has none. */
    void (*operations)(struct buf *out);

    /* NULL-terminated: the groups of calls that a scenario may declare as answered. */
    const char *const *groups;
};

struct fake {
    const struct fake_ops *ops;
    struct world *world;
    struct list listeners;
    char *url;     /* of the first listener: http://127.0.0.1:PORT or unix:///PATH; NULL: none */
    bool down;     /* nobody listens at the moment */
    bool refusing; /* it is down because of a refuse fault */
};

/* Who everybody is in this world; strings are owned by it. Defaults in world_init(). */
struct identity {
    char *region, *account, *cluster;
    char *access_key, *secret_key, *session_token; /* token: NULL for long-lived keys */
    char *instance_id;
    char *availability_zone;
};

#define WORLD_FAKES_MAX 16

struct world {
    struct loop loop;
    struct journal journal;
    struct fault_table faults;
    struct identity id;
    struct fake *fakes[WORLD_FAKES_MAX];
    size_t n_fakes;
    struct list conns;     /* private: every open connection */
    struct list exchanges; /* private */
    uint64_t next_conn, next_exchange;
    struct tls_context *tls;   /* made when the first listener asks for it */
    bool verify_signatures;    /* true unless --no-verify */
    char read_space[64 << 10]; /* private: where bytes are read to, one read at a time */
};

int world_init(struct world *w, uint64_t seed, struct err *e);
/* Everything is there and in its first zone; before a fake is added. ERR_USAGE: it is no region. */
int world_set_region(struct world *w, const char *region, struct err *e);
void world_release(struct world *w);

struct fake *world_add(struct world *w, const struct fake_ops *ops, struct err *e);
struct fake *world_find(const struct world *w, const char *name); /* NULL: not in this world */

/* Brings the state of all fakes, the faults and the journal's marks back to the start. */
void world_reset(struct world *w);

/* What any fake still owes, one line each; and the connections that are open. */
void world_pending(struct world *w, struct buf *out);

/* Unguessable-looking but repeatable ids from the world's seed: n bytes as 2n hex digits. */
void world_hex(struct world *w, size_t n, char *out);
/* A version 4 UUID in text. out: 37 bytes. */
void world_uuid(struct world *w, char out[37]);

/* The certificate of this world's TLS listeners in PEM; NULL when there is none. */
const char *world_certificate(const struct world *w);

/* port 0: any; tls: with the certificate that is made at start. Sets f->url if it is the first. */
int fake_listen_tcp(struct fake *f, const char *address, int port, bool tls, struct err *e);
int fake_listen_unix(struct fake *f, const char *path, struct err *e);
bool fake_listens(const struct fake *f, const char *address); /* at any port of it */
/* The certificate is made anew, for this name too; a listener with TLS has to be there. */
int world_name(struct world *w, const char *name, struct err *e);

/* The peer is gone: listeners close (connections are refused), open connections are reset.
 * And it is back at the same addresses. */
void fake_down(struct fake *f);
int fake_up(struct fake *f, struct err *e);

/* Closes and opens listeners as the refuse faults of the table say; to be called after
 * a fault was added or healed. Open connections are not touched. */
void world_apply_refusals(struct world *w);

/* Resets every open connection of this fake; returns how many. */
size_t fake_drop_connections(struct fake *f);

static inline struct loop *fake_loop(const struct fake *f)
{
    return &f->world->loop;
}
static inline struct journal *fake_journal(const struct fake *f)
{
    return &f->world->journal;
}

#endif
