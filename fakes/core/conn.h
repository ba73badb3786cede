/*
 * conn.h - one connection of a fake: the bytes below HTTP and websockets.
 *
 * Private to fakes/core. A connection belongs to a listener's fake, reads with
 * libuv, passes TLS if the listener has it, and hands bytes up to its reader
 * (HTTP at first; raw or websocket after a hand-over). It writes at once what
 * the kernel takes and queues the rest.
 *
 * Between the layers above and the socket stands a gate: delays, slow answers
 * and cuts act there, so that no one above knows of them.
 *
 * Life cycle: conn_accept() makes it; it is freed when libuv has closed the
 * handle, after conn_close(), conn_finish() or conn_reset(). reader.gone is called exactly
 * once before that.
 */
#ifndef FAKES_CORE_CONN_H
#define FAKES_CORE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"

struct conn;
struct fake;
struct tls;
struct world;

/* Bytes that may wait for a peer which does not read; then the connection is reset. */
#define CONN_QUEUE_MAX (256u << 20)
/* How long a connection that we closed politely waits for the peer's FIN. */
#define CONN_LINGER_NS (2 * NS_PER_S)

struct conn_reader {
    void (*bytes)(struct conn *c, const char *p, size_t n);
    void (*eof)(struct conn *c);   /* the peer sent FIN */
    void (*gone)(struct conn *c);  /* the connection is over; nothing can be written */
    void (*drain)(struct conn *c); /* the queue shrank */
};

/* Where a fake listens. It outlives its socket: a fake that is down keeps its addresses. */
struct listener {
    struct list link; /* in fake->listeners */
    struct fake *fake;
    struct listen_handle *handle; /* NULL: nobody listens */
    bool tls;
    char *path; /* unix socket, or NULL */
    char *address;
    int port;
};

struct conn {
    struct list link; /* in world->conns */
    struct world *world;
    struct fake *fake;
    uint64_t id;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    bool is_unix;
    struct tls *tls; /* NULL: none */
    const struct conn_reader *reader;
    void *http; /* the HTTP layer's part (struct http) */
    void *ws;   /* the websocket layer's part */
    void *h2;   /* instead of http, where the fake speaks HTTP/2 (h2.h) */
    size_t queued;
    bool gone_told, closing, finishing, reading;
    bool failed, fail_reset; /* a write failed: the end comes with the next turn */
    struct clock_timer linger;
    /* gate */
    struct buf held;
    struct clock_timer gate;
    int64_t rate;     /* bytes a second, 0: as fast as it goes */
    bool delayed;     /* everything waits in `held` until the gate opens */
    int64_t settled;  /* mono: it opens then although the peer has not read; 0: no matter */
    int64_t cut_left; /* -1: no cut; else body bytes that may still pass */
    bool finish_after_held;
    bool fin_sent, peer_ended; /* both: it can be closed */
};

void conn_accept(struct listener *l, uv_stream_t *server);

/* Queues bytes. false when the connection is ending (the bytes are dropped). Never
 * ends the connection by itself while the caller runs. */
bool conn_write(struct conn *c, const void *p, size_t n);
/* The same for bytes that count against a cut. */
bool conn_write_body(struct conn *c, const void *p, size_t n);

void conn_pause(struct conn *c); /* stop reading */
void conn_resume(struct conn *c);

/* Sends what is queued, then FIN, then waits for the peer's FIN. */
void conn_finish(struct conn *c);
/* Closes at once; queued bytes are dropped. */
void conn_close(struct conn *c);
/* RST (on a unix socket: close, the peer sees EOF or ECONNRESET). */
void conn_reset(struct conn *c);

/* Everything written from now on waits for ns. */
void conn_delay(struct conn *c, int64_t ns);
/* Everything written from now on waits until the peer has read what was written before, or for as
 * long as it certainly should have. For what follows the head of a connection that is taken over:
 * clients that read heads through a buffer (docker-py) lose what comes together with one. */
void conn_settle(struct conn *c);
/* Everything written from now on trickles. */
void conn_slow(struct conn *c, int64_t bytes_per_second);
/* After n more body bytes: FIN. */
void conn_cut(struct conn *c, int64_t n);

/* It ends without a request: that is recorded, too. */
void conn_was_idle(const struct conn *c);

/* TLS (tls.c): bytes of the wire in, plain bytes out, and back. */
struct tls_context;
struct tls_context *tls_context_new(struct err *e);
void tls_context_free(struct tls_context *t);
/* Makes the certificate anew, for this name, too. What was handed out before is not trusted now. */
int tls_context_name(struct tls_context *t, const char *name, struct err *e);
/* The certificate in PEM, for clients that want to trust it. */
const char *tls_context_pem(const struct tls_context *t);
struct tls *tls_new(struct tls_context *t);
void tls_free(struct tls *t);
/* -1 when the peer broke the protocol. Plain bytes are appended to plain, wire bytes to send. */
int tls_read(struct tls *t, const void *p, size_t n, struct buf *plain, struct buf *send);
int tls_write(struct tls *t, const void *p, size_t n, struct buf *send);

/* The layer that a new connection gets (http.c). The detach functions free the layers'
 * memory when the handle is closed. */
void http_attach(struct conn *c);
void http_detach(struct conn *c);
void ws_detach(struct conn *c);

#endif
