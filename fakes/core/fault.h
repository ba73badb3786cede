/*
 * fault.h - named misbehaviour, and when it happens.
 *
 * A fault names a peer, a call (a glob over what the record says: "POST
 * /containers/create", "SubmitTaskState*", "connect", "PayloadMessage"), what
 * goes wrong, and which calls it hits. The core applies faults; a fake only has
 * to know how an error looks in its protocol (fake_ops.refuse).
 *
 * Where a fault hits:
 *   a request    delay hang refuse reset close cut status error garbage slow reply
 *   "connect"    the same, for the handshake of a websocket (status, error: refusal)
 *   a message to the agent (acs, tcs: by its type)  delay hang(dropped) wsclose badframe garbage
 * reset
 */
#ifndef FAKES_CORE_FAULT_H
#define FAKES_CORE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/list.h"

enum fault_kind {
    FAULT_DELAY,        /* the effect happens, the answer waits `delay` */
    FAULT_HANG,         /* no effect, no answer; the connection stays open */
    FAULT_REFUSE,       /* nobody listens: connections are refused as long as it lasts */
    FAULT_RESET_BEFORE, /* RST instead of an effect */
    FAULT_RESET_AFTER,  /* the effect happens, then RST instead of the answer */
    FAULT_CLOSE,        /* FIN without a byte, no effect */
    FAULT_CUT,          /* the effect happens; the answer stops after `bytes` bytes, then FIN */
    FAULT_STATUS,       /* no effect; answers this HTTP status in the protocol's error form */
    FAULT_ERROR,        /* no effect; answers this AWS error type (or Docker message) */
    FAULT_REPLY,        /* no effect; answers status and body as scripted */
    FAULT_GARBAGE,      /* no effect; answers bytes that are no HTTP, or no frame */
    FAULT_SLOW,         /* the effect happens; the answer trickles at `rate` bytes a second */
    FAULT_WSCLOSE,      /* websocket: a close frame with `code` instead of the message */
    FAULT_BADFRAME,     /* websocket: a frame that breaks RFC 6455 instead of the message */
    FAULT_KIND_MAX,
};

struct fault {
    struct list link;
    char *name; /* NULL: none; `heal NAME` ends it */
    char *peer;
    char *what; /* glob */
    enum fault_kind kind;
    int64_t delay;   /* ns */
    int64_t bytes;   /* cut */
    int64_t rate;    /* slow, bytes a second */
    int status;      /* status, reply, error (0: by the type) */
    int code;        /* wsclose */
    char *type;      /* error type; reply: Content-Type */
    char *text;      /* message; reply: body */
    json_t *headers; /* reply: object of more headers, or NULL */
    /* which calls */
    uint64_t first; /* the first N, 0: no limit */
    uint64_t nth;   /* only call number N, 0: any */
    uint64_t every; /* each N-th, 0: any */
    double chance;  /* 0..1 with the world's seed; 1: always */
    bool healed;
    /* count */
    uint64_t seen, hits;
};

struct fault_table {
    struct list faults;
    uint64_t rng; /* state of the generator; printed as the seed of the run */
};

void fault_table_init(struct fault_table *t, uint64_t seed);
void fault_table_release(struct fault_table *t);

/* An empty fault in the table, owned by it; the caller fills in what it wants. */
struct fault *fault_table_add(struct fault_table *t, const char *name, const char *peer,
                              const char *what, enum fault_kind kind);

/* The first fault that hits this call now, or NULL. Counts the call for every
 * fault that matches peer and what, hit or not. */
struct fault *fault_table_pick(struct fault_table *t, const char *peer, const char *what);

/* True while a refuse fault for this peer lasts; does not count. */
bool fault_table_refuses(const struct fault_table *t, const char *peer);

/* Ends faults by name, by peer, or all (NULL). Returns how many. */
size_t fault_table_heal(struct fault_table *t, const char *name_or_peer);

int fault_kind_from(const char *word); /* delay hang refuse reset-before ... ; -1: no such kind */
const char *fault_kind_name(enum fault_kind kind);

/* What is thrown: uniform in [0, n), from the table's generator (so that a seed repeats a run). */
uint64_t fault_table_random(struct fault_table *t, uint64_t n);

#endif
