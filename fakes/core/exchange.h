/*
 * exchange.h - one HTTP exchange, as a fake sees it.
 *
 * The core reads the request (chunked or counted, Expect: 100-continue, limits
 * on every size), journals it, applies faults, and calls the fake's handler
 * with the whole request. The handler answers now, or keeps the pointer and
 * answers later; it may answer at once with a whole body, or begin a stream and
 * add to it as things happen, or take the socket over.
 *
 * Life cycle: made when a request line arrives; gone when the answer is
 * complete and written, or when the peer is gone. A handler that keeps the
 * pointer sets on_gone: it is called exactly once when the exchange ends by
 * itself (the peer left, a fault cut it, the world is released) before the
 * handler ended it, and the pointer is dead afterwards. After
 * exchange_answer*() and exchange_end() the pointer is dead too, and on_gone is
 * not called any more.
 *
 * Strings of the request live as long as the exchange.
 */
#ifndef FAKES_CORE_EXCHANGE_H
#define FAKES_CORE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/list.h"

struct conn;
struct fake;
struct h2_stream;
struct loop;
struct ws;
struct ws_handlers;

#define HTTP_TARGET_MAX       (64 << 10)
#define HTTP_HEADERS_MAX      128
#define HTTP_HEADER_BYTES_MAX (128 << 10)
#define HTTP_BODY_MAX         (8 << 20) /* unless the fake says otherwise in begin() */

struct http_header {
    char *name, *value;
};

struct exchange {
    struct list link; /* in the world's list of open exchanges */
    uint64_t id;      /* counts from 1 in a world */
    struct conn *conn;
    struct fake *fake;
    struct h2_stream *stream; /* private: NULL, it came by HTTP/1 */

    /* the request */
    char *method;
    char *target;    /* as sent */
    char *raw_path;  /* as sent, without the query */
    char *raw_query; /* as sent, "" when there is none */
    char *path;      /* percent-decoded */
    struct http_header *headers;
    size_t n_headers, cap_headers;
    struct buf body; /* whole; empty when on_body took it */
    int minor;       /* HTTP/1.minor */
    json_t *json;    /* see exchange_json() */

    /* set by fake_ops.classify */
    char *what;        /* name of the call in the journal; owned by the exchange */
    const char *group; /* static; NULL: the fake does not know such a call */
    json_t *extra;     /* object merged into the journal's record (derived facts), or NULL */

    /* set by the fake, as it needs */
    void *data;
    void (*free_data)(void *data); /* frees `data` with the exchange, however that ends; or NULL */
    void (*on_gone)(struct exchange *x);
    void (*on_drain)(struct exchange *x); /* a stream's queue fell under EXCHANGE_LOW */
    /* set in fake_ops.begin when the answer is certain without the body: a peer that waits for
     * "100 Continue" is answered instead, and the connection ends behind it */
    bool decided;
    /* set in fake_ops.begin to take the body as it comes; a negative return aborts with 400 */
    int (*on_body)(struct exchange *x, const char *p, size_t n);

    /* the answer */
    struct http_header *out_headers;
    size_t n_out_headers, cap_out_headers;
    struct http_header *trailers; /* HTTP/2 only */
    size_t n_trailers, cap_trailers;
    /* what the journal shows instead of the answer's bytes, where those say little; or NULL */
    json_t *shown;
    int state; /* private: enum exchange_state */
    int status;
    const char *reason; /* static; NULL: the usual one of the status */
    bool no_date;       /* set by a handler that must not send Date */
    /* Content-Type as net/http adds it by itself, behind the length; static, or NULL */
    const char *sniffed_type;
    bool close_after, chunked, head_only, reset_after;
    void (*on_bytes)(struct exchange *x, const char *p, size_t n);
    uint64_t record; /* number of the request's record */
    struct buf sent; /* what the journal will show of a streamed answer */
    size_t sent_total;
};

/* Queue length under which on_drain is called, and over which a producer should pause. */
#define EXCHANGE_LOW  (64u << 10)
#define EXCHANGE_HIGH (1u << 20)

/* The value of the first header of that name (any case), or NULL. */
const char *exchange_header(const struct exchange *x, const char *name);

/* Percent-decoded query parameter into a string to be freed; NULL when absent.
 * "?a" and "?a=" are "". '+' is a blank. */
char *exchange_param(const struct exchange *x, const char *name);
bool exchange_has_param(const struct exchange *x, const char *name);
/* Go's strconv.ParseBool over Docker's rule: absent, "", "0", "no", "false", "none" are false. */
bool exchange_param_bool(const struct exchange *x, const char *name);

/* The body as JSON, borrowed and kept; NULL with ERR_PARSE. */
json_t *exchange_json(struct exchange *x, struct err *e);

/* A header of the answer; replaces one of the same name. */
void exchange_set_header(struct exchange *x, const char *name, const char *value);

/* A trailer, sent behind the body. HTTP/2 only. */
void exchange_set_trailer(struct exchange *x, const char *name, const char *value);

/* Answers whole. type may be NULL (no Content-Type). HEAD, 204 and 304 send no body;
 * Content-Length is set as HTTP wants it. */
void exchange_answer(struct exchange *x, int status, const char *type, const void *body, size_t n);
void exchange_answer_text(struct exchange *x, int status, const char *type, const char *text);
/* Compact JSON; `v` is stolen. newline: Docker ends its JSON bodies with one. */
void exchange_answer_json(struct exchange *x, int status, const char *type, json_t *v,
                          bool newline);

/* Begins a streamed answer and flushes the headers. length < 0: chunked (or until close for
 * HTTP/1.0), else a counted body. */
void exchange_begin(struct exchange *x, int status, const char *type, int64_t length);
/* Adds bytes; chunked: exactly one chunk. Returns bytes queued and not yet taken by the kernel. */
size_t exchange_write(struct exchange *x, const void *p, size_t n);
size_t exchange_queued(const struct exchange *x);
void exchange_end(struct exchange *x);
/* Ends a stream without its end (the peer sees a cut): FIN, or RST. */
void exchange_abort(struct exchange *x, bool reset);

/*
 * Takes the socket over: sends `status` with these headers and no framing, and
 * from then on bytes go both ways. on_bytes gets what the peer sends (n = 0: it
 * closed its side); exchange_write() writes raw, exchange_end() closes.
 */
void exchange_hijack(struct exchange *x, int status, const char *type,
                     void (*on_bytes)(struct exchange *x, const char *p, size_t n));

/* Accepts a websocket handshake (fakes/core/ws.h). NULL and a 400 when the request is none.
 * The exchange is over afterwards; the session lives on its own. */
struct ws *exchange_accept_ws(struct exchange *x, const struct ws_handlers *h, void *data);
/* True when the request asks for a websocket. */
bool exchange_wants_ws(const struct exchange *x);

struct loop *exchange_loop(const struct exchange *x);

#endif
