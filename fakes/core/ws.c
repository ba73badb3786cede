#include "fakes/core/ws.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"
#include "fakes/core/http.h"
#include "fakes/core/world.h"

/* A message that waits because a fault says so. */
struct late {
    struct list link;
    struct clock_timer timer;
    struct ws *w;
    char *type, *text;
    size_t n;
};

struct ws {
    struct conn *c;
    const struct ws_handlers *h;
    void *data;
    char *query;
    struct map params; /* decoded query, filled on demand */
    wslay_event_context_ptr ctx;
    struct buf in; /* what libuv read and wslay has not taken */
    struct list late;
    int close_code; /* the peer's, 1006 until a close frame came */
    char *close_reason;
    bool by_us, fin_sent, told;
};

void *ws_data(const struct ws *w)
{
    return w->data;
}

struct fake *ws_fake(const struct ws *w)
{
    return w->c->fake;
}

uint64_t ws_conn(const struct ws *w)
{
    return w->c->id;
}

bool ws_closing(const struct ws *w)
{
    return w->c->closing || w->c->finishing || w->fin_sent || w->by_us;
}

const char *ws_param(const struct ws *w, const char *name)
{
    struct map *params = (struct map *)(uintptr_t)&w->params;
    char *v = map_get(params, name);

    if (!v && (v = query_param(w->query, name)))
        map_set(params, name, v);
    return v;
}

static ssize_t from_peer(wslay_event_context_ptr ctx, uint8_t *p, size_t n, int flags, void *data)
{
    struct ws *w = data;

    (void)flags;
    if (!buf_len(&w->in)) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (n > buf_len(&w->in))
        n = buf_len(&w->in);
    memcpy(p, buf_str(&w->in), n);
    buf_consume(&w->in, n);
    return (ssize_t)n;
}

static ssize_t to_peer(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags,
                       void *data)
{
    struct ws *w = data;

    (void)flags;
    if (!conn_write(w->c, p, n)) {
        wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
        return -1;
    }
    return (ssize_t)n;
}

static void journal_frame(struct ws *w, enum record_kind kind, const char *what, const char *group,
                          json_t *body, const char *p, size_t n)
{
    struct fake *f = w->c->fake;
    json_t *d;

    if (!journal_wanted(fake_journal(f))) {
        json_decref(body);
        return;
    }
    d = json_object();
    json_put_str(d, "type", what);
    if (body)
        json_put(d, "body", body);
    else
        journal_put_body(fake_journal(f), d, p, n);
    journal_record(fake_journal(f),
                   &(struct record_info){.kind = kind,
                                         .peer = f->ops->name,
                                         .what = what,
                                         .group = group,
                                         .conn = w->c->id,
                                         .foreign = kind == RECORD_FRAME_IN},
                   d);
}

static void on_msg(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg,
                   void *data)
{
    struct ws *w = data;
    const char *p = (const char *)arg->msg, *group = NULL;
    char *what = NULL;
    json_t *body = NULL;

    (void)ctx;
    if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
        w->close_code = arg->status_code ? arg->status_code : 1005;
        if (arg->msg_length > 2)
            w->close_reason = xstrndup(p + 2, arg->msg_length - 2);
        return;
    }
    if (wslay_is_ctrl_frame(arg->opcode))
        return;
    if (w->h->name)
        w->h->name(w, p, arg->msg_length, &what, &group, &body);
    journal_frame(w, RECORD_FRAME_IN, what ? what : "unknown", what ? group : NULL, body, p,
                  arg->msg_length);
    free(what);
    w->h->on_message(w, p, arg->msg_length, arg->opcode == WSLAY_BINARY_FRAME);
}

/* Writes what wslay has; when both close frames are through, FIN. A peer that broke the protocol
 * was sent ours, and is not waited for. */
static void pump(struct ws *w)
{
    if (w->c->closing)
        return;
    if (wslay_event_want_write(w->ctx) && wslay_event_send(w->ctx) < 0) {
        ws_drop(w, false);
        return;
    }
    if (w->c->queued > WS_QUEUE_MAX) {
        journal_note(&w->c->world->journal, w->c->fake->ops->name,
                     "session on connection %llu reset: the peer does not read",
                     (unsigned long long)w->c->id);
        ws_drop(w, true);
        return;
    }
    if (wslay_event_get_close_sent(w->ctx) && !w->fin_sent &&
        (wslay_event_get_close_received(w->ctx) || !wslay_event_get_read_enabled(w->ctx))) {
        w->fin_sent = true;
        conn_finish(w->c);
    }
}

static void on_bytes(struct conn *c, const char *p, size_t n)
{
    struct ws *w = c->ws;

    if (buf_add(&w->in, p, n) < 0 || wslay_event_recv(w->ctx) < 0) {
        ws_drop(w, false);
        return;
    }
    pump(w);
}

static void on_eof(struct conn *c)
{
    conn_close(c);
}

static void late_free(struct late *l)
{
    loop_cancel(&l->w->c->world->loop, &l->timer);
    list_del(&l->link);
    free(l->type);
    free(l->text);
    free(l);
}

static void on_gone(struct conn *c)
{
    struct ws *w = c->ws;
    struct list *pos, *tmp;
    json_t *d = json_object();

    list_for_each_safe (pos, tmp, &w->late)
        late_free(container_of(pos, struct late, link));
    json_put_str(d, "by", w->by_us ? "us" : "peer");
    json_put_int(d, "code", w->close_code);
    json_put_str(d, "reason", w->close_reason);
    journal_record(&c->world->journal,
                   &(struct record_info){.kind = RECORD_DISCONNECT,
                                         .peer = c->fake->ops->name,
                                         .what = "disconnect",
                                         .group = "session",
                                         .conn = c->id,
                                         .foreign = !w->by_us},
                   d);
    if (!w->told) {
        w->told = true;
        w->h->on_close(w, w->close_code, w->by_us);
    }
}

static void on_drain(struct conn *c)
{
    pump(c->ws);
}

static const struct conn_reader ws_reader = {
    .bytes = on_bytes,
    .eof = on_eof,
    .gone = on_gone,
    .drain = on_drain,
};

void ws_accept_key(const char *key, struct buf *out)
{
    unsigned char digest[SHA_DIGEST_LENGTH];
    char *s = xasprintf("%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);

    SHA1((const unsigned char *)s, strlen(s), digest);
    str_base64(out, digest, sizeof(digest));
    free(s);
}

struct ws *ws_take_over(struct exchange *x, const struct ws_handlers *h, void *data)
{
    static const struct wslay_event_callbacks callbacks = {
        .recv_callback = from_peer,
        .send_callback = to_peer,
        .on_msg_recv_callback = on_msg,
    };
    struct conn *c = x->conn;
    struct buf accept = BUF_INIT(64), head = BUF_INIT(512);
    struct ws *w = new0(struct ws);
    struct http *http = c->http;

    w->c = c;
    w->h = h;
    w->data = data;
    w->query = xstrdup(x->raw_query);
    w->close_code = 1006;
    list_init(&w->late);
    buf_init(&w->in, WS_MESSAGE_MAX + HTTP_PENDING_MAX);
    if (wslay_event_context_server_init(&w->ctx, &callbacks, w) < 0)
        abort(); /* its only failure is memory */
    wslay_event_config_set_max_recv_msg_length(w->ctx, WS_MESSAGE_MAX);
    ws_accept_key(exchange_header(x, "Sec-WebSocket-Key"), &accept);
    buf_addf(&head,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n\r\n",
             buf_str(&accept));
    conn_write(c, buf_str(&head), buf_len(&head));
    buf_release(&accept);
    buf_release(&head);
    http->x = NULL;
    exchange_free(x);
    c->ws = w;
    c->reader = &ws_reader;
    return w;
}

void ws_detach(struct conn *c)
{
    struct ws *w = c->ws;
    const char *key;
    void *v;

    if (!w)
        return;
    wslay_event_context_free(w->ctx);
    for (size_t i = 0; map_next(&w->params, &i, &key, &v);)
        free(v);
    map_release(&w->params);
    buf_release(&w->in);
    free(w->query);
    free(w->close_reason);
    free(w);
    c->ws = NULL;
}

static uint64_t send_now(struct ws *w, const char *type, const char *text, size_t n)
{
    struct wslay_event_msg msg = {WSLAY_TEXT_FRAME, (const uint8_t *)text, n};
    json_t *v, *body = NULL;

    if (wslay_event_queue_msg(w->ctx, &msg) < 0)
        return 0;
    v = journal_wanted(fake_journal(w->c->fake)) ? json_read(text, n, JSON_READ_PEER, NULL) : NULL;
    if (json_is_object(v) && json_object_get(v, "message"))
        body = json_incref(json_object_get(v, "message"));
    journal_frame(w, RECORD_FRAME_OUT, type, NULL, body, text, n);
    json_decref(v);
    pump(w);
    return journal_wanted(&w->c->world->journal) ? w->c->world->journal.count : 1;
}

static void on_late(struct clock_timer *t)
{
    struct late *l = container_of(t, struct late, timer);

    if (!ws_closing(l->w))
        send_now(l->w, l->type, l->text, l->n);
    late_free(l);
}

/* A reserved opcode, an unmasked-looking length and one byte too few: RFC 6455 forbids all of it.
 */
static const char bad_frame[] = "\xbb\x05\x00";

static uint64_t send_faulty(struct ws *w, const struct fault *f, const char *type, const char *text,
                            size_t n)
{
    struct late *l;

    switch (f->kind) {
    case FAULT_DELAY:
        l = new0(struct late);
        *l = (struct late){.w = w, .type = xstrdup(type), .text = xmemdup(text, n + 1), .n = n};
        list_add_tail(&w->late, &l->link);
        loop_after(&w->c->world->loop, &l->timer, f->delay, on_late);
        return 0;
    case FAULT_WSCLOSE:
        ws_close(w, f->code, f->text);
        return 0;
    case FAULT_BADFRAME:
        ws_send_raw(w, bad_frame, sizeof(bad_frame) - 1);
        return 0;
    case FAULT_GARBAGE:
        ws_send_raw(w, "garbage\r\n", 9);
        return 0;
    case FAULT_RESET_BEFORE:
    case FAULT_RESET_AFTER:
        ws_drop(w, true);
        return 0;
    case FAULT_CLOSE:
        ws_drop(w, false);
        return 0;
    case FAULT_HANG:
        return 0;
    default:
        return send_now(w, type, text, n);
    }
}

uint64_t ws_send(struct ws *w, const char *type, const char *text, size_t n)
{
    struct world *world = w->c->world;
    const struct fault *f;

    if (ws_closing(w))
        return 0;
    f = fault_table_pick(&world->faults, w->c->fake->ops->name, type);
    if (!f)
        return send_now(w, type, text, n);
    world_fault_applied(world, w->c->fake->ops->name, type, f);
    return send_faulty(w, f, type, text, n);
}

uint64_t ws_send_json(struct ws *w, const char *type, const json_t *v)
{
    char *text = json_text(v);
    uint64_t n = ws_send(w, type, text, strlen(text));

    free(text);
    return n;
}

void ws_send_raw(struct ws *w, const void *p, size_t n)
{
    conn_write(w->c, p, n);
}

void ws_ping(struct ws *w, const void *p, size_t n)
{
    struct wslay_event_msg msg = {WSLAY_PING, p, n};

    if (wslay_event_queue_msg(w->ctx, &msg) == 0)
        pump(w);
}

void ws_close(struct ws *w, int code, const char *reason)
{
    if (ws_closing(w))
        return;
    w->by_us = true;
    /* 1005 and 1006 say that there was no close frame: they cannot be in one */
    if (code == 1005 || code == 1006) {
        ws_drop(w, code == 1006);
        return;
    }
    wslay_event_queue_close(w->ctx, (uint16_t)code, (const uint8_t *)reason,
                            reason ? strlen(reason) : 0);
    pump(w);
}

void ws_drop(struct ws *w, bool reset)
{
    w->by_us = true;
    if (reset)
        conn_reset(w->c);
    else
        conn_finish(w->c);
}
