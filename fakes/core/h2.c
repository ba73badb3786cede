#include "fakes/core/h2.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"
#include "fakes/core/http.h"

/* Of one stream: what it says of itself, what is still to be sent. */
struct h2_stream {
    struct list link;
    struct h2 *h;
    struct exchange *x; /* NULL: answered, or given up */
    int32_t id;
    size_t header_bytes;
    bool dispatched;
    struct buf out;
    struct http_header *trailers;
    size_t n_trailers;
};

struct h2 {
    struct conn *c;
    nghttp2_session *session;
    struct list streams;
    bool any;     /* a request came */
    bool reading; /* nghttp2 is not to be asked for bytes from inside of itself */
};

/* ---- bytes out ---- */

static void flush(struct h2 *h)
{
    const uint8_t *p;
    ssize_t n;

    while (!h->c->closing && (n = nghttp2_session_mem_send(h->session, &p)) > 0) {
        bool ok = h->c->cut_left < 0 ? conn_write(h->c, p, (size_t)n)
                                     : conn_write_body(h->c, p, (size_t)n);

        if (!ok)
            return;
    }
    if (!h->c->closing && !nghttp2_session_want_read(h->session) &&
        !nghttp2_session_want_write(h->session))
        conn_finish(h->c);
}

/* ---- streams ---- */

static void free_trailers(struct h2_stream *s)
{
    for (size_t i = 0; i < s->n_trailers; i++) {
        free(s->trailers[i].name);
        free(s->trailers[i].value);
    }
    free(s->trailers);
}

static void stream_free(struct h2_stream *s)
{
    list_del(&s->link);
    free_trailers(s);
    buf_release(&s->out);
    free(s);
}

static struct h2_stream *stream_of(struct h2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h = user;
    struct h2_stream *s;
    struct exchange *x;

    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    s = new0(struct h2_stream);
    x = new0(struct exchange);
    s->h = h;
    s->id = frame->hd.stream_id;
    s->x = x;
    buf_init(&s->out, HTTP_BODY_MAX);
    list_add_tail(&h->streams, &s->link);
    x->conn = h->c;
    x->fake = h->c->fake;
    x->id = ++h->c->world->next_exchange;
    x->stream = s;
    x->minor = 1;
    buf_init(&x->body, HTTP_BODY_MAX);
    buf_init(&x->sent, JOURNAL_BODY_MAX);
    list_add_tail(&h->c->world->exchanges, &x->link);
    h->any = true;
    nghttp2_session_set_stream_user_data(session, s->id, s);
    return 0;
}

static void add_header(struct exchange *x, const char *name, const char *value, size_t n)
{
    grow_array(x->headers, x->n_headers, x->cap_headers);
    x->headers[x->n_headers++] = (struct http_header){xstrdup(name), xstrndup(value, n)};
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    struct h2_stream *s = stream_of(user, frame->hd.stream_id);
    const char *n = (const char *)name, *v = (const char *)value;
    struct exchange *x = s ? s->x : NULL;

    (void)session;
    (void)flags;
    if (!x || s->dispatched || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    s->header_bytes += name_len + value_len;
    if (s->header_bytes > HTTP_HEADER_BYTES_MAX || x->n_headers == HTTP_HEADERS_MAX)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* RST_STREAM */
    if (str_eq(n, ":method") && !x->method)
        x->method = xstrndup(v, value_len);
    else if (str_eq(n, ":path") && !x->target)
        exchange_set_target(x, v);
    else if (str_eq(n, ":authority"))
        add_header(x, "Host", v, value_len);
    else if (*n != ':')
        add_header(x, n, v, value_len);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                   void *user)
{
    struct h2_stream *s = stream_of(user, id);

    (void)flags;
    if (!s || !s->x || s->dispatched)
        return 0;
    if (buf_add(&s->x->body, p, n) < 0)
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_ENHANCE_YOUR_CALM);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h = user;
    struct h2_stream *s;

    (void)session;
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    s = stream_of(h, frame->hd.stream_id);
    if (s && s->x && !s->dispatched && s->x->method && s->x->target) {
        s->dispatched = true;
        exchange_dispatch(s->x);
    }
    /* a fault has ended the connection: nothing more is taken from it */
    return h->c->closing || h->c->finishing ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    struct h2_stream *s = stream_of(user, id);

    (void)session;
    (void)code;
    if (!s)
        return 0;
    nghttp2_session_set_stream_user_data(s->h->session, id, NULL);
    if (s->x)
        exchange_gone(s->x); /* the peer gave it up */
    stream_free(s);
    return 0;
}

/* ---- answers ---- */

static nghttp2_nv pair(const char *name, const char *value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name,
        .value = (uint8_t *)(uintptr_t)value,
        .namelen = strlen(name),
        .valuelen = strlen(value),
    };
}

static ssize_t read_out(nghttp2_session *session, int32_t id, uint8_t *p, size_t max,
                        uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct h2_stream *s = source->ptr;
    size_t n = buf_len(&s->out) < max ? buf_len(&s->out) : max;
    nghttp2_nv nv[HTTP_HEADERS_MAX];

    (void)user;
    memcpy(p, buf_str(&s->out), n);
    buf_consume(&s->out, n);
    if (buf_len(&s->out))
        return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->n_trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        for (size_t i = 0; i < s->n_trailers; i++)
            nv[i] = pair(s->trailers[i].name, s->trailers[i].value);
        nghttp2_submit_trailer(session, id, nv, s->n_trailers);
    }
    return (ssize_t)n;
}

/* Names are in small letters on this wire. */
static char *small(const char *name)
{
    char *s = xstrdup(name);

    for (char *p = s; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return s;
}

/* Takes the exchange's trailers: they outlive it. */
static void take_trailers(struct h2_stream *s, const struct exchange *x)
{
    s->trailers = new0_array(struct http_header, x->n_trailers + 1);
    for (size_t i = 0; i < x->n_trailers && i < HTTP_HEADERS_MAX; i++)
        s->trailers[s->n_trailers++] =
            (struct http_header){small(x->trailers[i].name), xstrdup(x->trailers[i].value)};
}

void h2_answer(struct exchange *x, const char *type, const void *body, size_t n)
{
    struct h2_stream *s = x->stream;
    nghttp2_data_provider out = {.source.ptr = s, .read_callback = read_out};
    nghttp2_nv nv[HTTP_HEADERS_MAX + 2];
    char *names[HTTP_HEADERS_MAX] = {NULL};
    char status[12];
    size_t k = 0;

    snprintf(status, sizeof(status), "%d", x->status);
    nv[k++] = pair(":status", status);
    if (type)
        nv[k++] = pair("content-type", type);
    for (size_t i = 0; i < x->n_out_headers && i < HTTP_HEADERS_MAX; i++) {
        names[i] = small(x->out_headers[i].name);
        nv[k++] = pair(names[i], x->out_headers[i].value);
    }
    take_trailers(s, x);
    buf_add(&s->out, body, n);
    nghttp2_submit_response(s->h->session, s->id, nv, k, n || s->n_trailers ? &out : NULL);
    for (size_t i = 0; i < HTTP_HEADERS_MAX; i++)
        free(names[i]);
    if (!s->h->reading)
        flush(s->h);
}

void h2_forget(struct exchange *x)
{
    x->stream->x = NULL;
    x->stream = NULL;
}

/* ---- the connection ---- */

/* What came is no HTTP/2, or breaks its rules: that is journaled, said, and the end. */
static void refuse(struct h2 *h, int error)
{
    json_t *d = json_object();

    json_put_str(d, "error", nghttp2_strerror(error));
    h->any = true;
    journal_record(&h->c->world->journal,
                   &(struct record_info){.kind = RECORD_REQUEST,
                                         .peer = h->c->fake->ops->name,
                                         .what = "malformed",
                                         .conn = h->c->id,
                                         .foreign = true},
                   d);
    nghttp2_session_terminate_session(h->session, NGHTTP2_PROTOCOL_ERROR);
    flush(h);
    conn_finish(h->c);
}

static void on_bytes(struct conn *c, const char *p, size_t n)
{
    struct h2 *h = c->h2;
    ssize_t taken;

    h->reading = true;
    taken = nghttp2_session_mem_recv(h->session, (const uint8_t *)p, n);
    h->reading = false;
    if (c->closing || c->finishing)
        return;
    if (taken < 0)
        refuse(h, (int)taken);
    else
        flush(h);
}

static void on_eof(struct conn *c)
{
    conn_close(c);
}

static void on_gone(struct conn *c)
{
    struct h2 *h = c->h2;
    struct list *pos;

    list_for_each (pos, &h->streams) {
        struct h2_stream *s = container_of(pos, struct h2_stream, link);

        if (s->x)
            exchange_gone(s->x);
    }
    if (!h->any)
        conn_was_idle(c);
}

static void on_drain(struct conn *c)
{
    (void)c; /* conn.c keeps what is queued */
}

static const struct conn_reader h2_reader = {
    .bytes = on_bytes,
    .eof = on_eof,
    .gone = on_gone,
    .drain = on_drain,
};

void h2_attach(struct conn *c)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, H2_STREAMS_MAX},
    };
    struct h2 *h = new0(struct h2);
    nghttp2_session_callbacks *cb;

    h->c = c;
    list_init(&h->streams);
    if (nghttp2_session_callbacks_new(&cb) != 0)
        abort(); /* out of memory: decision 5 */
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    if (nghttp2_session_server_new(&h->session, cb, h) != 0)
        abort();
    nghttp2_session_callbacks_del(cb);
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_SIZE(settings));
    c->h2 = h;
    c->reader = &h2_reader;
}

void h2_detach(struct conn *c)
{
    struct h2 *h = c->h2;
    struct list *pos, *tmp;

    if (!h)
        return;
    nghttp2_session_del(h->session);
    list_for_each_safe (pos, tmp, &h->streams)
        stream_free(container_of(pos, struct h2_stream, link));
    free(h);
    c->h2 = NULL;
}
