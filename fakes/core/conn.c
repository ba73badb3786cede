#include "fakes/core/conn.h"

#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "fakes/core/fake.h"
#include "fakes/core/h2.h"
#include "fakes/core/world.h"

static void tell_gone(struct conn *c)
{
    if (c->gone_told)
        return;
    c->gone_told = true;
    c->reader->gone(c);
}

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;

    list_del(&c->link);
    http_detach(c);
    ws_detach(c);
    h2_detach(c);
    tls_free(c->tls);
    buf_release(&c->held);
    free(c);
}

static void begin_close(struct conn *c)
{
    loop_cancel(&c->world->loop, &c->linger);
    loop_cancel(&c->world->loop, &c->gate);
    buf_clear(&c->held);
    c->closing = true;
    tell_gone(c);
}

void conn_close(struct conn *c)
{
    if (c->closing)
        return;
    begin_close(c);
    uv_close(&c->uv.handle, on_closed);
}

void conn_reset(struct conn *c)
{
    if (c->closing)
        return;
    begin_close(c);
    if (c->is_unix || uv_tcp_close_reset(&c->uv.tcp, on_closed) < 0)
        uv_close(&c->uv.handle, on_closed);
}

static void on_linger(struct clock_timer *t)
{
    conn_close(container_of(t, struct conn, linger));
}

/* A write that fails must not pull the connection from under the one who writes: the end
 * comes with the next turn of the loop, and until then bytes are dropped. */
static void on_fail(struct clock_timer *t)
{
    struct conn *c = container_of(t, struct conn, linger);

    if (c->fail_reset)
        conn_reset(c);
    else
        conn_close(c);
}

static void fail(struct conn *c, bool reset)
{
    if (c->closing || c->failed)
        return;
    c->failed = true;
    c->fail_reset = reset;
    loop_after(&c->world->loop, &c->linger, 0, on_fail);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct conn *c = req->handle->data;

    (void)status; /* that it failed: closing is all that is left */
    free(req);
    c->fin_sent = true;
    if (c->peer_ended)
        conn_close(c);
}

/* FIN goes out behind what libuv has queued; the peer's FIN, an error or the limit closes. */
static void send_fin(struct conn *c)
{
    uv_shutdown_t *req = new0(uv_shutdown_t);

    if (uv_shutdown(req, &c->uv.stream, on_shutdown) < 0) {
        free(req);
        fail(c, false);
        return;
    }
    loop_after(&c->world->loop, &c->linger, CONN_LINGER_NS, on_linger);
    conn_resume(c);
}

void conn_finish(struct conn *c)
{
    if (c->closing || c->finishing || c->failed)
        return;
    c->finishing = true;
    if (buf_len(&c->held))
        c->finish_after_held = true;
    else
        send_fin(c);
}

struct write_req {
    uv_write_t req;
    struct conn *c;
    size_t n;
    char bytes[];
};

static void on_written(uv_write_t *req, int status)
{
    struct write_req *w = (struct write_req *)req;
    struct conn *c = w->c;

    loop_sync(&c->world->loop);
    c->queued -= w->n;
    free(w);
    if (status < 0)
        conn_close(c);
    else if (!c->closing)
        c->reader->drain(c);
}

/* What the kernel does not take at once is copied and left to libuv. */
static void write_wire(struct conn *c, const char *p, size_t n)
{
    struct write_req *w;
    uv_buf_t b;
    int r = 0;

    if (!n || c->closing || c->failed)
        return;
    if (!c->queued) {
        b = uv_buf_init((char *)(uintptr_t)p, (unsigned)(n > INT32_MAX ? INT32_MAX : n));
        r = uv_try_write(&c->uv.stream, &b, 1);
        if (r == UV_EAGAIN)
            r = 0;
        if (r < 0) {
            fail(c, false);
            return;
        }
        p += r;
        n -= (size_t)r;
        if (!n)
            return;
    }
    if (c->queued + n > CONN_QUEUE_MAX) {
        journal_note(&c->world->journal, c->fake->ops->name,
                     "connection %llu reset: the peer does not read what it asked for",
                     (unsigned long long)c->id);
        fail(c, true);
        return;
    }
    w = xmalloc(sizeof(*w) + n);
    w->c = c;
    w->n = n;
    memcpy(w->bytes, p, n);
    c->queued += n;
    b = uv_buf_init(w->bytes, (unsigned)n);
    r = uv_write(&w->req, &c->uv.stream, &b, 1, on_written);
    if (r < 0) {
        c->queued -= n;
        free(w);
        fail(c, false);
    }
}

static void write_plain(struct conn *c, const char *p, size_t n)
{
    struct buf send = BUF_INIT(CONN_QUEUE_MAX);

    if (!c->tls) {
        write_wire(c, p, n);
        return;
    }
    if (tls_write(c->tls, p, n, &send) < 0)
        fail(c, false);
    else
        write_wire(c, buf_str(&send), buf_len(&send));
    buf_release(&send);
}

#define GATE_TICK_NS (20 * NS_PER_MS)
/* How often it is looked whether the peer has read; for how long; and how long it is given where
 * that cannot be seen. */
#define SETTLE_TICK_NS (1 * NS_PER_MS)
#define SETTLE_MAX_NS  (250 * NS_PER_MS)
#define SETTLE_TCP_NS  (5 * NS_PER_MS)

/* Of a unix socket the kernel counts what its peer has not read yet. */
static bool is_unread(const struct conn *c)
{
    uv_os_fd_t fd;
    int n = 0;

    return c->is_unix && uv_fileno(&c->uv.handle, &fd) == 0 && ioctl(fd, SIOCOUTQ, &n) == 0 && n;
}

static void on_gate(struct clock_timer *t)
{
    struct conn *c = container_of(t, struct conn, gate);
    size_t n = buf_len(&c->held);
    /* fewer bytes a second than there are ticks: one byte each time, and less often */
    int64_t tick = c->rate && NS_PER_S / c->rate > GATE_TICK_NS ? NS_PER_S / c->rate : GATE_TICK_NS;

    if (c->settled && loop_now(&c->world->loop) < c->settled && is_unread(c)) {
        loop_after(&c->world->loop, &c->gate, SETTLE_TICK_NS, on_gate);
        return;
    }
    c->settled = 0;
    if (c->delayed) {
        c->delayed = false;
        if (c->rate) {
            loop_after(&c->world->loop, &c->gate, GATE_TICK_NS, on_gate);
            return;
        }
    } else if (c->rate) {
        size_t part = (size_t)(c->rate * tick / NS_PER_S);

        part = part ? part : 1;
        n = n < part ? n : part;
    }
    write_plain(c, buf_str(&c->held), n);
    buf_consume(&c->held, n);
    if (buf_len(&c->held))
        loop_after(&c->world->loop, &c->gate, tick, on_gate);
    else if (c->finish_after_held)
        send_fin(c);
    else
        c->reader->drain(c);
}

void conn_delay(struct conn *c, int64_t ns)
{
    if (c->closing)
        return;
    c->delayed = true;
    c->settled = 0;
    loop_after(&c->world->loop, &c->gate, ns, on_gate);
}

void conn_settle(struct conn *c)
{
    if (c->closing || c->delayed || c->rate || buf_len(&c->held))
        return; /* the head itself waits */
    c->delayed = true;
    c->settled = loop_now(&c->world->loop) + SETTLE_MAX_NS;
    loop_after(&c->world->loop, &c->gate, c->is_unix ? SETTLE_TICK_NS : SETTLE_TCP_NS, on_gate);
}

void conn_slow(struct conn *c, int64_t rate)
{
    c->rate = rate > 0 ? rate : 1;
}

void conn_cut(struct conn *c, int64_t n)
{
    c->cut_left = n;
}

void conn_was_idle(const struct conn *c)
{
    journal_record(&c->world->journal,
                   &(struct record_info){.kind = RECORD_CONNECT,
                                         .peer = c->fake->ops->name,
                                         .what = "connection",
                                         .group = "idle",
                                         .conn = c->id,
                                         .foreign = true},
                   NULL);
}

bool conn_write(struct conn *c, const void *p, size_t n)
{
    if (c->closing || c->finishing || c->failed)
        return false;
    if (!c->delayed && !c->rate && !buf_len(&c->held)) {
        write_plain(c, p, n);
        return !c->failed;
    }
    if (buf_add(&c->held, p, n) < 0) {
        fail(c, true);
        return false;
    }
    if (!clock_timer_armed(&c->gate))
        loop_after(&c->world->loop, &c->gate, GATE_TICK_NS, on_gate);
    return true;
}

bool conn_write_body(struct conn *c, const void *p, size_t n)
{
    if (c->cut_left < 0 || (int64_t)n <= c->cut_left) {
        if (c->cut_left >= 0)
            c->cut_left -= (int64_t)n;
        return conn_write(c, p, n);
    }
    conn_write(c, p, (size_t)c->cut_left);
    c->cut_left = 0;
    conn_finish(c);
    return false;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct conn *c = h->data;

    (void)suggested;
    *b = uv_buf_init(c->world->read_space, sizeof(c->world->read_space));
}

static void on_plain(struct conn *c, const char *p, size_t n)
{
    if (!c->finishing)
        c->reader->bytes(c, p, n);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct conn *c = s->data;

    loop_sync(&c->world->loop);
    if (n == 0 || c->closing)
        return;
    if (n < 0) {
        if (n == UV_EOF && !c->finishing) {
            c->reader->eof(c);
        } else if (n == UV_EOF && !c->fin_sent && !c->failed) {
            c->peer_ended = true; /* it may still read what is on its way */
            conn_pause(c);
        } else {
            conn_close(c);
        }
        return;
    }
    if (!c->tls) {
        on_plain(c, b->base, (size_t)n);
        return;
    }
    struct buf plain = BUF_INIT(CONN_QUEUE_MAX), send = BUF_INIT(CONN_QUEUE_MAX);
    int r = tls_read(c->tls, b->base, (size_t)n, &plain, &send);

    write_wire(c, buf_str(&send), buf_len(&send));
    if (buf_len(&plain) && !c->closing)
        on_plain(c, buf_str(&plain), buf_len(&plain));
    if (r < 0)
        conn_close(c);
    buf_release(&plain);
    buf_release(&send);
}

void conn_pause(struct conn *c)
{
    if (c->reading && !c->closing)
        uv_read_stop(&c->uv.stream);
    c->reading = false;
}

void conn_resume(struct conn *c)
{
    if (!c->reading && !c->closing)
        c->reading = uv_read_start(&c->uv.stream, on_alloc, on_read) == 0;
}

void conn_accept(struct listener *l, uv_stream_t *server)
{
    struct world *w = l->fake->world;
    struct conn *c = new0(struct conn);

    c->world = w;
    c->fake = l->fake;
    c->id = ++w->next_conn;
    c->is_unix = l->path != NULL;
    c->cut_left = -1;
    buf_init(&c->held, CONN_QUEUE_MAX);
    if (c->is_unix)
        uv_pipe_init(&w->loop.uv, &c->uv.pipe, 0);
    else
        uv_tcp_init(&w->loop.uv, &c->uv.tcp);
    c->uv.handle.data = c;
    list_add_tail(&w->conns, &c->link);
    if (c->fake->ops->http2)
        h2_attach(c);
    else
        http_attach(c);
    if (uv_accept(server, &c->uv.stream) < 0) {
        conn_close(c);
        return;
    }
    if (!c->is_unix)
        uv_tcp_nodelay(&c->uv.tcp, 1);
    if (l->tls)
        c->tls = tls_new(w->tls);
    conn_resume(c);
}
