/*
 * ws.h - one websocket session, server side.
 *
 * Framing is wslay's; the bytes are ours. Fragments are joined, pings are
 * answered, the closing handshake is made. Each message in and out is
 * journaled, and faults aimed at a message type are applied on the way out.
 *
 * Life cycle: made by exchange_accept_ws(). on_close is called exactly once,
 * whoever ended it; the pointer is dead when it returns.
 */
#ifndef FAKES_CORE_WS_H
#define FAKES_CORE_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

struct fake;
struct ws;

/* A message larger than this closes the session with 1009. */
#define WS_MESSAGE_MAX (4 << 20)
/* Bytes that may wait for a peer that does not read; then the session is dropped. */
#define WS_QUEUE_MAX (16 << 20)

struct ws_handlers {
    /* A whole text or binary message. `what` and `body` for the journal come from name(). */
    void (*on_message)(struct ws *w, const char *p, size_t n, bool binary);
    /* The session ended. code: the peer's close code, 1006 when there was none. by_us: we did it.
     */
    void (*on_close)(struct ws *w, int code, bool by_us);
    /* Names an incoming message for the journal: returns its type and group (static strings or
     * strings of `message`), and may replace *body by what a scenario should see. Either may be
     * NULL: unknown message, not covered by any declared default. */
    void (*name)(struct ws *w, const char *p, size_t n, char **ret_what, const char **ret_group,
                 json_t **ret_body);
};

/* Sends one text message. type names it for the journal and for faults ("PayloadMessage").
 * Returns the number of its record, 0 when a fault swallowed it or the session is closing. */
uint64_t ws_send(struct ws *w, const char *type, const char *text, size_t n);
uint64_t ws_send_json(struct ws *w, const char *type, const json_t *v); /* v is borrowed */

/* Sends bytes as they are, outside of any frame. */
void ws_send_raw(struct ws *w, const void *p, size_t n);
void ws_ping(struct ws *w, const void *p, size_t n);

/* Starts the closing handshake. */
void ws_close(struct ws *w, int code, const char *reason);
/* Ends the connection under it: RST, or FIN without a close frame. */
void ws_drop(struct ws *w, bool reset);

/* Sec-WebSocket-Accept of this Sec-WebSocket-Key. */
void ws_accept_key(const char *key, struct buf *out);

void *ws_data(const struct ws *w);
struct fake *ws_fake(const struct ws *w);
uint64_t ws_conn(const struct ws *w); /* connection number in the journal */
const char *ws_param(const struct ws *w,
                     const char *name); /* query of the handshake, decoded; NULL */
bool ws_closing(const struct ws *w);

#endif
