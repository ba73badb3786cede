/* The world: fakes, their listeners, and what they share. */
#include "fakes/core/fake.h"

#include <arpa/inet.h>
#include <sys/un.h>
#include <errno.h>
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/conn.h"
#include "fakes/core/world.h"
#include "fakes/core/ws.h"

struct listen_handle {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct listener *l;
};

int world_init(struct world *w, uint64_t seed, struct err *e)
{
    memset(w, 0, offsetof(struct world, read_space));
    if (loop_init(&w->loop, e) < 0)
        return -1;
    journal_init(&w->journal, &w->loop);
    fault_table_init(&w->faults, seed);
    list_init(&w->conns);
    list_init(&w->exchanges);
    w->verify_signatures = true;
    /* the parser's own limit on headers; ours (HTTP_HEADER_BYTES_MAX) is reached first */
    http_parser_set_max_header_size(HTTP_HEADER_BYTES_MAX + HTTP_TARGET_MAX + 4096);
    w->id = (struct identity){.region = xstrdup("us-west-2"),
                              .account = xstrdup("123456789012"),
                              .cluster = xstrdup("demo"),
                              .access_key = xstrdup("AKIAECSIMEXAMPLE0001"),
                              .secret_key = xstrdup("ecsim/secret/key/EXAMPLE/0123456789abcd"),
                              .instance_id = xstrdup("i-0123456789abcdef0"),
                              .availability_zone = xstrdup("us-west-2a")};
    journal_secret(&w->journal, w->id.secret_key);
    return 0;
}

/* "us-gov-west-1": words in small letters and a number, with dashes between. */
static bool is_region(const char *s)
{
    size_t dashes = 0;

    if (strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(s) || strlen(s) > 32)
        return false;
    for (const char *p = s; (p = strchr(p, '-')); p++, dashes++)
        if (p == s || p[1] == '-')
            return false;
    return dashes >= 2 &&
           strspn(strrchr(s, '-') + 1, "0123456789") == strlen(strrchr(s, '-') + 1) &&
           strrchr(s, '-')[1];
}

int world_set_region(struct world *w, const char *region, struct err *e)
{
    if (!is_region(region))
        return err_set(e, ERR_USAGE, "%s is no region: one is us-east-1", region);
    free(w->id.region);
    free(w->id.availability_zone);
    w->id.region = xstrdup(region);
    w->id.availability_zone = xasprintf("%sa", region);
    return 0;
}

struct fake *world_find(const struct world *w, const char *name)
{
    for (size_t i = 0; i < w->n_fakes; i++)
        if (str_eq(w->fakes[i]->ops->name, name))
            return w->fakes[i];
    return NULL;
}

struct fake *world_add(struct world *w, const struct fake_ops *ops, struct err *e)
{
    struct fake *f;

    if (w->n_fakes == WORLD_FAKES_MAX) {
        err_set(e, ERR_LIMIT, "a world holds at most %d fakes", WORLD_FAKES_MAX);
        return NULL;
    }
    f = xcalloc(1, ops->size);
    f->ops = ops;
    f->world = w;
    list_init(&f->listeners);
    if (ops->init && ops->init(f, e) < 0) {
        err_wrap(e, "fake %s", ops->name);
        free(f);
        return NULL;
    }
    return w->fakes[w->n_fakes++] = f;
}

void world_reset(struct world *w)
{
    uint64_t seed = w->faults.rng;

    for (size_t i = 0; i < w->n_fakes; i++) {
        fake_drop_connections(w->fakes[i]);
        if (w->fakes[i]->ops->reset)
            w->fakes[i]->ops->reset(w->fakes[i]);
    }
    fault_table_release(&w->faults);
    fault_table_init(&w->faults, seed);
    world_apply_refusals(w);
}

void world_pending(struct world *w, struct buf *out)
{
    struct list *pos;

    for (size_t i = 0; i < w->n_fakes; i++)
        if (w->fakes[i]->ops->pending)
            w->fakes[i]->ops->pending(w->fakes[i], out);
    list_for_each (pos, &w->exchanges) {
        struct exchange *x = container_of(pos, struct exchange, link);

        buf_addf(out, "%s: %s is open (connection %llu)\n", x->fake->ops->name,
                 x->what ? x->what : "a request", (unsigned long long)x->conn->id);
    }
}

void world_fault_applied(struct world *w, const char *peer, const char *what,
                         const struct fault *fault)
{
    json_t *d = json_object();

    json_put_str(d, "fault", fault_kind_name(fault->kind));
    json_put_str(d, "name", fault->name);
    json_put_int(d, "hit", (int64_t)fault->hits);
    journal_add(&w->journal, RECORD_FAULT, peer, what, d);
}

void world_hex(struct world *w, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)fault_table_random(&w->faults, 256);

        str_hex(&b, 1, out + 2 * i);
    }
}

void world_uuid(struct world *w, char out[37])
{
    char h[33];

    world_hex(w, 16, h);
    h[12] = '4';
    h[16] = "89ab"[h[16] & 3];
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16, h + 20);
}

static void on_connection(uv_stream_t *s, int status)
{
    struct listen_handle *h = s->data;

    if (status < 0 || !h->l)
        return;
    loop_sync(fake_loop(h->l->fake));
    conn_accept(h->l, s);
}

static void on_handle_closed(uv_handle_t *h)
{
    free(h->data);
}

static void listener_close(struct listener *l)
{
    if (!l->handle)
        return;
    l->handle->l = NULL;
    uv_close(&l->handle->uv.handle, on_handle_closed);
    l->handle = NULL;
}

static int bind_tcp(struct listener *l, struct listen_handle *h)
{
    struct sockaddr_storage sa;
    int n = sizeof(sa), r;

    uv_tcp_init(&fake_loop(l->fake)->uv, &h->uv.tcp);
    r = strchr(l->address, ':') ? uv_ip6_addr(l->address, l->port, (struct sockaddr_in6 *)&sa)
                                : uv_ip4_addr(l->address, l->port, (struct sockaddr_in *)&sa);
    if (r < 0 || (r = uv_tcp_bind(&h->uv.tcp, (struct sockaddr *)&sa, 0)) < 0)
        return r;
    r = uv_listen(&h->uv.stream, 511, on_connection);
    if (r < 0 || (r = uv_tcp_getsockname(&h->uv.tcp, (struct sockaddr *)&sa, &n)) < 0)
        return r;
    /* port and sin6_port lie at the same place */
    l->port = ntohs(((struct sockaddr_in *)&sa)->sin_port);
    return 0;
}

static int bind_unix(struct listener *l, struct listen_handle *h)
{
    int r;

    uv_pipe_init(&fake_loop(l->fake)->uv, &h->uv.pipe, 0);
    if (strlen(l->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return UV_ENAMETOOLONG;
    r = uv_pipe_bind(&h->uv.pipe, l->path);
    return r < 0 ? r : uv_listen(&h->uv.stream, 511, on_connection);
}

static int listener_open(struct listener *l, struct err *e)
{
    struct listen_handle *h;
    int r;

    if (l->handle)
        return 0;
    h = new0(struct listen_handle);
    h->l = l;
    r = l->path ? bind_unix(l, h) : bind_tcp(l, h);
    h->uv.handle.data = h;
    if (r < 0) {
        uv_close(&h->uv.handle, on_handle_closed);
        return err_set(e, ERR_SYS, "%s: cannot listen on %s: %s", l->fake->ops->name,
                       l->path ? l->path : l->address, uv_strerror(r));
    }
    l->handle = h;
    return 0;
}

static void listener_free(struct listener *l)
{
    listener_close(l);
    list_del(&l->link);
    free(l->path);
    free(l->address);
    free(l);
}

static int listen_on(struct fake *f, struct listener *l, struct err *e)
{
    l->fake = f;
    list_add_tail(&f->listeners, &l->link);
    if (listener_open(l, e) < 0) {
        listener_free(l);
        return -1;
    }
    if (!f->url)
        f->url = l->path ? xasprintf("unix://%s", l->path)
                         : xasprintf(strchr(l->address, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
                                     l->tls ? "https" : "http", l->address, l->port);
    return 0;
}

/* The official agent's websockets hold the certificate against "host:port" (ecs-agent/wsclient:
 * ServerName is the URL's Host), all versions so far, which no real certificate names. */
static int name_listener(const struct listener *l, struct err *e)
{
    _cleanup_free_ char *name = xasprintf("%s:%d", l->address, l->port);

    return tls_context_name(l->fake->world->tls, name, e);
}

int fake_listen_tcp(struct fake *f, const char *address, int port, bool tls, struct err *e)
{
    struct listener *l;

    if (tls && !f->world->tls && !(f->world->tls = tls_context_new(e)))
        return -1;
    l = new0(struct listener);
    l->address = xstrdup(address);
    l->port = port;
    l->tls = tls;
    return listen_on(f, l, e) < 0 || (tls && name_listener(l, e) < 0) ? -1 : 0;
}

int fake_listen_unix(struct fake *f, const char *path, struct err *e)
{
    struct listener *l = new0(struct listener);

    l->path = xstrdup(path);
    return listen_on(f, l, e);
}

bool fake_listens(const struct fake *f, const char *address)
{
    struct list *pos;

    list_for_each (pos, &f->listeners) {
        const struct listener *l = container_of(pos, struct listener, link);

        if (l->address && str_eq(l->address, address))
            return true;
    }
    return false;
}

int world_name(struct world *w, const char *name, struct err *e)
{
    return tls_context_name(w->tls, name, e);
}

const char *world_certificate(const struct world *w)
{
    return w->tls ? tls_context_pem(w->tls) : NULL;
}

size_t fake_drop_connections(struct fake *f)
{
    struct list *pos, *tmp;
    size_t n = 0;

    list_for_each_safe (pos, tmp, &f->world->conns) {
        struct conn *c = container_of(pos, struct conn, link);

        if (c->fake == f && !c->closing) {
            if (c->ws)
                ws_drop(c->ws, true); /* which notes that it was us */
            else
                conn_reset(c);
            n++;
        }
    }
    return n;
}

static void close_listeners(struct fake *f)
{
    struct list *pos;

    list_for_each (pos, &f->listeners)
        listener_close(container_of(pos, struct listener, link));
    f->down = true;
}

void fake_down(struct fake *f)
{
    close_listeners(f);
    fake_drop_connections(f);
}

int fake_up(struct fake *f, struct err *e)
{
    struct list *pos;

    list_for_each (pos, &f->listeners)
        if (listener_open(container_of(pos, struct listener, link), e) < 0)
            return -1;
    f->down = false;
    f->refusing = false;
    return 0;
}

void world_apply_refusals(struct world *w)
{
    for (size_t i = 0; i < w->n_fakes; i++) {
        struct fake *f = w->fakes[i];
        bool refuse = fault_table_refuses(&w->faults, f->ops->name);
        struct err e = ERR_INIT;

        if (refuse && !f->down) {
            close_listeners(f);
            f->refusing = true;
        } else if (!refuse && f->refusing && fake_up(f, &e) < 0) {
            journal_note(&w->journal, f->ops->name, "%s", e.text);
        }
    }
}

void world_release(struct world *w)
{
    struct list *pos, *tmp;
    struct err e = ERR_INIT;

    for (size_t i = 0; i < w->n_fakes; i++) {
        list_for_each_safe (pos, tmp, &w->fakes[i]->listeners)
            listener_free(container_of(pos, struct listener, link));
        fake_drop_connections(w->fakes[i]);
    }
    while (!list_empty(&w->conns))
        uv_run(&w->loop.uv, UV_RUN_ONCE);
    for (size_t i = w->n_fakes; i-- > 0;) {
        struct fake *f = w->fakes[i];

        if (f->ops->release)
            f->ops->release(f);
        free(f->url);
        free(f);
    }
    fault_table_release(&w->faults);
    journal_release(&w->journal);
    tls_context_free(w->tls);
    if (loop_release(&w->loop, &e) < 0)
        fprintf(stderr, "ecsim: %s\n", e.text);
    free(w->id.region);
    free(w->id.account);
    free(w->id.cluster);
    free(w->id.access_key);
    free(w->id.secret_key);
    free(w->id.session_token);
    free(w->id.instance_id);
    free(w->id.availability_zone);
}
