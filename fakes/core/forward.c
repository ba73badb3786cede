#include "fakes/core/forward.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/mem.h"

/* One side of a connection. */
struct side {
    uv_tcp_t tcp;
    struct pair *pair;
    bool open;   /* its handle is there */
    bool ended;  /* it said that no more comes */
    bool paused; /* it is not read: the other side does not take it */
};

struct pair {
    struct list link;
    struct forward *f;
    struct side sides[2]; /* who connected, and the port */
    uv_connect_t connect;
    int handles;
};

struct forward {
    struct loop *loop;
    uv_tcp_t listener;
    struct list pairs;
    size_t n;
    struct sockaddr_in to;
    int port;
    bool over;     /* forward_free() was called */
    bool unlisted; /* the listener's handle is closed */
};

struct piece {
    uv_write_t req;
    struct side *from;
    char bytes[];
};

static void end_if_done(struct forward *f)
{
    if (f->over && f->unlisted && !f->n)
        free(f);
}

static void on_closed(uv_handle_t *h)
{
    struct side *s = h->data;
    struct pair *p = s->pair;
    struct forward *f = p->f;

    if (--p->handles)
        return;
    list_del(&p->link);
    free(p);
    f->n--;
    end_if_done(f);
}

static void drop(struct pair *p, bool reset)
{
    for (int i = 0; i < 2; i++) {
        struct side *s = &p->sides[i];

        if (!s->open)
            continue;
        s->open = false;
        if (!reset || uv_tcp_close_reset(&s->tcp, on_closed) < 0)
            uv_close((uv_handle_t *)&s->tcp, on_closed);
    }
}

static struct side *other(struct side *s)
{
    return s == &s->pair->sides[0] ? &s->pair->sides[1] : &s->pair->sides[0];
}

static void on_space(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct piece *piece;

    (void)h;
    (void)hint;
    piece = xmalloc(sizeof(*piece) + (16 << 10));
    *b = uv_buf_init(piece->bytes, 16 << 10);
}

static void on_read(uv_stream_t *st, ssize_t n, const uv_buf_t *b);

static void on_written(uv_write_t *req, int status)
{
    struct piece *piece = container_of(req, struct piece, req);
    struct side *from = piece->from;
    struct pair *p = from->pair;

    free(piece);
    if (status < 0) {
        drop(p, true);
    } else if (from->paused && from->open && other(from)->tcp.write_queue_size == 0) {
        from->paused = false;
        uv_read_start((uv_stream_t *)&from->tcp, on_space, on_read);
    }
}

static void on_shut(uv_shutdown_t *req, int status)
{
    (void)status;
    free(req);
}

/* No more comes from this side. */
static void side_ended(struct side *s)
{
    uv_shutdown_t *req;

    s->ended = true;
    uv_read_stop((uv_stream_t *)&s->tcp);
    if (other(s)->ended) {
        drop(s->pair, false);
        return;
    }
    req = new0(uv_shutdown_t);
    if (uv_shutdown(req, (uv_stream_t *)&other(s)->tcp, on_shut) < 0)
        free(req);
}

static void on_read(uv_stream_t *st, ssize_t n, const uv_buf_t *b)
{
    struct side *s = st->data;
    struct piece *piece = b->base ? container_of(b->base, struct piece, bytes) : NULL;
    uv_stream_t *to = (uv_stream_t *)&other(s)->tcp;
    uv_buf_t out;

    loop_sync(s->pair->f->loop);
    if (n <= 0) {
        free(piece);
        if (n == UV_EOF)
            side_ended(s);
        else if (n < 0)
            drop(s->pair, true);
        return;
    }
    out = uv_buf_init(piece->bytes, (unsigned)n);
    piece->from = s;
    if (uv_write(&piece->req, to, &out, 1, on_written) < 0) {
        free(piece);
        drop(s->pair, true);
    } else if (to->write_queue_size > FORWARD_BYTES_MAX) {
        s->paused = true;
        uv_read_stop(st);
    }
}

static void on_connected(uv_connect_t *req, int status)
{
    struct pair *p = req->data;

    loop_sync(p->f->loop);
    if (status < 0) {
        drop(p, true);
        return;
    }
    for (int i = 0; i < 2; i++)
        uv_read_start((uv_stream_t *)&p->sides[i].tcp, on_space, on_read);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct forward *f = listener->data;
    struct pair *p;

    loop_sync(f->loop);
    if (status < 0)
        return;
    p = new0(struct pair);
    p->f = f;
    p->connect.data = p;
    list_add_tail(&f->pairs, &p->link);
    f->n++;
    for (int i = 0; i < 2; i++) {
        p->sides[i].pair = p;
        uv_tcp_init(&f->loop->uv, &p->sides[i].tcp);
        uv_tcp_nodelay(&p->sides[i].tcp, 1);
        p->sides[i].tcp.data = &p->sides[i];
        p->sides[i].open = true;
        p->handles++;
    }
    if (uv_accept(listener, (uv_stream_t *)&p->sides[0].tcp) < 0 || f->n > FORWARD_PAIRS_MAX ||
        uv_tcp_connect(&p->connect, &p->sides[1].tcp, (struct sockaddr *)&f->to, on_connected) < 0)
        drop(p, true);
}

static void on_unlisted(uv_handle_t *h)
{
    struct forward *f = h->data;

    f->unlisted = true;
    end_if_done(f);
}

struct forward *forward_new(struct loop *loop, const char *address, int port,
                            const char *to_address, int to, struct err *e)
{
    struct forward *f = new0(struct forward);
    struct sockaddr_in sa;
    int n = sizeof(sa), k;

    *f = (struct forward){.loop = loop};
    list_init(&f->pairs);
    uv_tcp_init(&loop->uv, &f->listener);
    f->listener.data = f;
    k = uv_ip4_addr(to_address, to, &f->to);
    if (k == 0)
        k = uv_ip4_addr(address, port, &sa);
    if (k == 0)
        k = uv_tcp_bind(&f->listener, (struct sockaddr *)&sa, 0);
    if (k == 0)
        k = uv_listen((uv_stream_t *)&f->listener, 128, on_connection);
    if (k == 0)
        k = uv_tcp_getsockname(&f->listener, (struct sockaddr *)&sa, &n);
    f->port = ntohs(sa.sin_port);
    if (k == 0)
        return f;
    err_set(e, ERR_SYS, "cannot listen on %s:%d: %s", address, port, uv_strerror(k));
    forward_free(f);
    return NULL;
}

int forward_port(const struct forward *f)
{
    return f->port;
}

static void hand_on_the_last(struct pair *p)
{
    uv_os_fd_t from, to;
    char bytes[16 << 10];
    ssize_t n;

    if (p->sides[0].tcp.write_queue_size || uv_fileno((uv_handle_t *)&p->sides[1].tcp, &from) < 0 ||
        uv_fileno((uv_handle_t *)&p->sides[0].tcp, &to) < 0)
        return;
    while ((n = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        if (send(to, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
            return;
}

void forward_finish(struct forward *f)
{
    struct list *pos, *tmp;

    if (!f)
        return;
    list_for_each_safe (pos, tmp, &f->pairs) {
        struct pair *p = container_of(pos, struct pair, link);

        if (!p->sides[0].open)
            continue;
        hand_on_the_last(p);
        drop(p, false);
    }
    forward_free(f);
}

void forward_free(struct forward *f)
{
    struct list *pos, *tmp;

    if (!f)
        return;
    f->over = true;
    list_for_each_safe (pos, tmp, &f->pairs)
        drop(container_of(pos, struct pair, link), true);
    uv_close((uv_handle_t *)&f->listener, on_unlisted);
}
