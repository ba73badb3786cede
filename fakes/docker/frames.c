#include "fakes/docker/frames.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wslay/wslay.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/ws.h"

struct frames {
    struct exchange *x;
    wslay_event_context_ptr ctx;
    bool binary;
    const char *in; /* what was read and wslay has not taken */
    size_t n_in;
    struct buf *input;
    bool closed;
};

static ssize_t from_peer(wslay_event_context_ptr ctx, uint8_t *p, size_t n, int flags, void *data)
{
    struct frames *f = data;

    (void)flags;
    if (!f->n_in) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n > f->n_in)
        n = f->n_in;
    memcpy(p, f->in, n);
    f->in += n;
    f->n_in -= n;
    return (ssize_t)n;
}

static ssize_t to_peer(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags,
                       void *data)
{
    const struct frames *f = data;

    (void)ctx;
    (void)flags;
    exchange_write(f->x, p, n);
    return (ssize_t)n;
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg,
                       void *data)
{
    struct frames *f = data;

    (void)ctx;
    if (arg->opcode == WSLAY_CONNECTION_CLOSE)
        f->closed = true;
    else if (!wslay_is_ctrl_frame(arg->opcode) && buf_add(f->input, arg->msg, arg->msg_length) < 0)
        f->closed = true;
}

/* --- the handshake ------------------------------------------------------------------------ */

/* x/net/websocket has taken the connection over by then, and answers by hand. */
static void refuse(struct exchange *x, const char *text, bool version)
{
    if (version)
        exchange_set_header(x, "Sec-WebSocket-Version", "13");
    exchange_hijack(x, 400, NULL, NULL);
    exchange_write(x, text, strlen(text));
    exchange_end(x);
}

static bool holds_word(const char *list, const char *word)
{
    return list && strcasestr(list, word);
}

/* What is wrong with it, NULL: nothing. */
static const char *handshake_wrong(const struct exchange *x, bool *ret_version)
{
    const char *upgrade = exchange_header(x, "Upgrade"), *key, *version, *protocol;

    *ret_version = false;
    if (!upgrade || strcasecmp(upgrade, "websocket") != 0 ||
        !holds_word(exchange_header(x, "Connection"), "upgrade"))
        return "not websocket protocol";
    key = exchange_header(x, "Sec-WebSocket-Key");
    if (!key || !*key)
        return "mismatch challenge/response";
    version = exchange_header(x, "Sec-WebSocket-Version");
    if (!str_eq(version, "13")) {
        *ret_version = true;
        return "missing or bad WebSocket Version";
    }
    protocol = exchange_header(x, "Sec-WebSocket-Protocol");
    return protocol && strchr(protocol, ',') ? "" : NULL;
}

struct frames *frames_new(struct exchange *x, bool binary,
                          void (*on_bytes)(struct exchange *x, const char *p, size_t n))
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = from_peer,
        .send_callback = to_peer,
        .on_msg_recv_callback = on_message,
    };
    const char *protocol = exchange_header(x, "Sec-WebSocket-Protocol"), *wrong;
    struct buf accept = BUF_INIT(64);
    struct frames *f;
    bool version;

    wrong = handshake_wrong(x, &version);
    if (wrong) {
        refuse(x, wrong, version);
        return NULL;
    }
    f = new0(struct frames);
    f->x = x;
    f->binary = binary;
    if (wslay_event_context_server_init(&f->ctx, &callbacks, f) < 0)
        abort(); /* its only failure is memory */
    wslay_event_config_set_max_recv_msg_length(f->ctx, FRAMES_MESSAGE_MAX);
    ws_accept_key(exchange_header(x, "Sec-WebSocket-Key"), &accept);
    exchange_set_header(x, "Upgrade", "websocket");
    exchange_set_header(x, "Connection", "Upgrade");
    exchange_set_header(x, "Sec-WebSocket-Accept", buf_str(&accept));
    if (protocol)
        exchange_set_header(x, "Sec-WebSocket-Protocol", protocol);
    buf_release(&accept);
    exchange_hijack(x, 101, NULL, on_bytes);
    return f;
}

void frames_free(struct frames *f)
{
    if (!f)
        return;
    wslay_event_context_free(f->ctx);
    free(f);
}

/* --- messages ----------------------------------------------------------------------------- */

void frames_write(struct frames *f, const char *p, size_t n)
{
    struct wslay_event_msg msg = {f->binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME,
                                  (const uint8_t *)p, n};

    if (wslay_event_queue_msg(f->ctx, &msg) == 0)
        wslay_event_send(f->ctx);
}

int frames_read(struct frames *f, const char *p, size_t n, struct buf *input)
{
    int r;

    f->in = p;
    f->n_in = n;
    f->input = input;
    r = wslay_event_recv(f->ctx);
    f->input = NULL;
    wslay_event_send(f->ctx); /* pongs, and the answer to a close */
    return r < 0 || f->closed || !wslay_event_get_read_enabled(f->ctx) ? -1 : 0;
}

void frames_close(struct frames *f)
{
    wslay_event_queue_close(f->ctx, 1000, NULL, 0);
    wslay_event_send(f->ctx);
}
