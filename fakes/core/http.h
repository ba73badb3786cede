/*
 * http.h - how exchange.c and http.c share a connection. Private to fakes/core.
 *
 * http.c turns bytes into exchanges, one at a time; bytes that arrive while an
 * exchange is open wait in `pending`. exchange.c turns answers into bytes and
 * tells http.c when one is over.
 */
#ifndef FAKES_CORE_HTTP_H
#define FAKES_CORE_HTTP_H

#include <http_parser.h>

#include "base/buf.h"
#include "fakes/core/conn.h"
#include "fakes/core/exchange.h"

/* What a client may send ahead of its answer before reading stops. */
#define HTTP_PENDING_MAX (1u << 20)

enum exchange_state {
    EXCHANGE_READING,   /* the request is not whole */
    EXCHANGE_HANDLING,  /* the handler has it, no byte was answered */
    EXCHANGE_STREAMING, /* the answer has begun */
    EXCHANGE_HIJACKED,  /* raw bytes both ways */
    EXCHANGE_DONE,
};

struct http {
    struct conn *c;
    http_parser parser;
    struct exchange *x; /* the open one, or NULL */
    struct buf pending;
    struct buf name, value; /* a header as it comes */
    struct buf target;
    size_t header_bytes;
    bool in_value, running, keep_alive, complete, any;
    int refuse; /* status of a request that is too large or malformed, 0: none */
};

/* The exchange is over: frees it and goes on with the connection. */
void http_exchange_over(struct exchange *x);
/* The exchange is over because the connection is: tells the handler, journals, frees. */
void exchange_gone(struct exchange *x);
void exchange_free(struct exchange *x);
/* Classifies, journals, applies faults, calls the handler. */
void exchange_dispatch(struct exchange *x);
/* Splits target into path and query. */
void exchange_set_target(struct exchange *x, const char *target);

/* A parameter of a raw query, decoded, to be freed; NULL when absent. */
char *query_param(const char *query, const char *name);

/* Moves the connection to the websocket layer with what is left to read. */
struct ws *ws_take_over(struct exchange *x, const struct ws_handlers *h, void *data);

#endif
