/*
 * journal.h - everything that happened, in one order.
 *
 * Requests, answers, frames in both directions, connections, processes, faults
 * and steps are records in one list. Expectations read the journal and nothing
 * else. Each record is also appended to a file as one line of JSON at the
 * moment it is made, with one write(): what happened before a crash of the
 * harness can be read after it. Neither has a fixed size.
 *
 * Ownership: the journal owns its records; they live until journal_release().
 * journal_add() takes the reference to `data`.
 *
 * Claims. A record that came from outside (a request, a frame, a websocket
 * session, a bare connection) has to be accounted for: a step claims it, or the
 * group of calls it belongs to was declared as answered by the fake itself.
 * The journal only keeps the marks; the harness judges.
 *
 * Secrets: values registered with journal_secret() are replaced by "***" in
 * every record made from then on, in memory and in the file.
 */
#ifndef FAKES_CORE_JOURNAL_H
#define FAKES_CORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "fakes/core/loop.h"

enum record_kind {
    RECORD_REQUEST,    /* from outside: an HTTP request, whole */
    RECORD_ANSWER,     /* ours: status, headers and body, when the last byte was queued */
    RECORD_FRAME_IN,   /* from outside: one websocket message */
    RECORD_FRAME_OUT,  /* ours: one websocket message */
    RECORD_CONNECT,    /* from outside: a websocket session was asked for, or a connection
                        * closed that never sent a request ("connection") */
    RECORD_DISCONNECT, /* a websocket session or a stream ended; data.by says who ended it */
    RECORD_PROCESS,    /* a process under test: start, exit, a line of its log */
    RECORD_STATE,      /* a fake changed a state: data.from, data.to */
    RECORD_FAULT,      /* a fault was applied */
    RECORD_STEP,       /* a step of the scenario began or ended */
    RECORD_NOTE,       /* for people */
    RECORD_KIND_MAX,
};

struct record {
    uint64_t n;   /* 1, 2, 3 ... */
    int64_t mono; /* the clock's time */
    int64_t real; /* the system's time since start */
    enum record_kind kind;
    const char *peer;    /* "docker", "ecs", "agent" ...; lives as long as the journal */
    char *what;          /* "POST /containers/create", "PayloadMessage", "connect", "exit" ... */
    const char *group;   /* of a known call, "lifecycle"; NULL: the fake does not know this call */
    uint64_t conn;       /* connection, 0: none */
    uint64_t exchange;   /* a request and its answer carry the same number, 0: none */
    json_t *data;        /* object; members depend on kind, see below */
    bool foreign;        /* came from outside: has to be claimed or covered */
    bool claimed;        /* a step took it */
    uint64_t claimed_by; /* number of that step */
};

/*
 * Members of data:
 *   request   method target path query{} headers{} body (JSON value if it is JSON, else string;
 *             bytes that are not UTF-8: body_base64)
 *   answer    status headers{} body|body_base64, request (number of its record), what
 *   frame     body (JSON value of "message"), type, text when it is no JSON, bytes when binary
 *   connect   target path query{} headers{}
 *   disconnect by ("peer", "us"), code, reason
 *   process   line | pid, argv | code, signal
 * A body over JOURNAL_BODY_MAX bytes is cut: body_cut says how long it was.
 */
#define JOURNAL_BODY_MAX (1 << 20)

struct journal {
    struct loop *loop;
    struct record **records;
    size_t n, room;   /* records that are kept */
    uint64_t count;   /* records that were made */
    bool keep;        /* keep records in memory (the harness); false for a long-lived server */
    int fd;           /* file, or -1 */
    int write_error;  /* errno of the first failed write, 0: none */
    struct log masks; /* only its list of secrets is used */
    char **peers;     /* interned names */
    size_t n_peers, cap_peers;
    void (*on_record)(struct journal *j, struct record *r, void *data); /* may be NULL */
    void *on_record_data;
};

void journal_init(struct journal *j, struct loop *loop);
void journal_release(struct journal *j);

/* False when a record would go nowhere: then who makes one may save himself the work. */
static inline bool journal_wanted(const struct journal *j)
{
    return j->keep || j->fd >= 0 || j->on_record;
}

/* Appends to this file from now on (created with mode 0600). */
int journal_open(struct journal *j, const char *path, struct err *e);

void journal_secret(struct journal *j, const char *value);

/* Makes a record. data may be NULL; the reference is taken. Returns the record,
 * or NULL when records are not kept (then it is already written and freed). */
struct record *journal_add(struct journal *j, enum record_kind kind, const char *peer,
                           const char *what, json_t *data);

/* The same with connection, exchange, group and foreign set before it is written. */
struct record_info {
    enum record_kind kind;
    const char *peer, *what, *group;
    uint64_t conn, exchange;
    bool foreign;
};
struct record *journal_record(struct journal *j, const struct record_info *info, json_t *data);

/* Puts bytes under data.body as said above. type: the Content-Type, or NULL to guess. */
void journal_put_body(struct journal *j, json_t *data, const char *p, size_t n);

/* A state of a fake changed: the one line that tells `old -> new`. */
void journal_state(struct journal *j, const char *peer, const char *what, const char *from,
                   const char *to);

/* A line for people. */
void journal_note(struct journal *j, const char *peer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

const char *record_kind_name(enum record_kind kind);

/* The record as one JSON object, the form of the file. A new reference. */
json_t *record_json(const struct record *r);

#endif
