/* Bytes to exchanges: the reading half of the HTTP/1.1 server. */
#include "fakes/core/http.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"

static const struct conn_reader http_reader;

static int on_begin(http_parser *p)
{
    struct http *h = p->data;
    struct exchange *x = new0(struct exchange);

    x->conn = h->c;
    x->fake = h->c->fake;
    x->id = ++h->c->world->next_exchange;
    buf_init(&x->body, HTTP_BODY_MAX);
    buf_init(&x->sent, JOURNAL_BODY_MAX);
    list_add_tail(&h->c->world->exchanges, &x->link);
    h->x = x;
    h->any = true;
    h->complete = false;
    h->header_bytes = 0;
    h->in_value = false;
    buf_clear(&h->target);
    buf_clear(&h->name);
    buf_clear(&h->value);
    return 0;
}

static int on_url(http_parser *p, const char *s, size_t n)
{
    struct http *h = p->data;

    if (buf_add(&h->target, s, n) == 0)
        return 0;
    h->refuse = 414;
    return -1;
}

static int flush_header(struct http *h)
{
    struct exchange *x = h->x;

    if (!buf_len(&h->name))
        return 0;
    if (x->n_headers == HTTP_HEADERS_MAX)
        return -1;
    grow_array(x->headers, x->n_headers, x->cap_headers);
    x->headers[x->n_headers++] =
        (struct http_header){xstrdup(buf_str(&h->name)), xstrdup(buf_str(&h->value))};
    buf_clear(&h->name);
    buf_clear(&h->value);
    h->in_value = false;
    return 0;
}

static int header_bytes(struct http *h, struct buf *b, const char *s, size_t n)
{
    h->header_bytes += n;
    if (h->header_bytes > HTTP_HEADER_BYTES_MAX || buf_add(b, s, n) < 0) {
        h->refuse = 431;
        return -1;
    }
    return 0;
}

static int on_field(http_parser *p, const char *s, size_t n)
{
    struct http *h = p->data;

    if (h->in_value && flush_header(h) < 0) {
        h->refuse = 431;
        return -1;
    }
    return header_bytes(h, &h->name, s, n);
}

static int on_value(http_parser *p, const char *s, size_t n)
{
    struct http *h = p->data;

    h->in_value = true;
    return header_bytes(h, &h->value, s, n);
}

static int on_headers_done(http_parser *p)
{
    struct http *h = p->data;
    struct exchange *x = h->x;
    const char *expect;

    if (h->complete) /* trailers of a chunked body */
        return 0;
    if (flush_header(h) < 0) {
        h->refuse = 431;
        return -1;
    }
    x->method = xstrdup(http_method_str((enum http_method)p->method));
    x->minor = p->http_minor;
    x->head_only = p->method == HTTP_HEAD;
    exchange_set_target(x, buf_str(&h->target));
    if (x->fake->ops->begin)
        x->fake->ops->begin(x->fake, x);
    if (h->x != x)
        return -1; /* answered from the headers alone; the connection closes behind it */
    if (!x->on_body && p->content_length != ULLONG_MAX && p->content_length > x->body.max) {
        h->refuse = 413;
        return -1;
    }
    expect = exchange_header(x, "Expect");
    if (!expect || strcasecmp(expect, "100-continue"))
        return 0;
    if (!x->decided) {
        conn_write(h->c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        return 0;
    }
    exchange_dispatch(x);
    return h->x == x ? 0 : -1;
}

static int on_body(http_parser *p, const char *s, size_t n)
{
    struct http *h = p->data;

    if (h->x->on_body)
        return h->x->on_body(h->x, s, n) < 0 ? (h->refuse = 400, -1) : 0;
    if (buf_add(&h->x->body, s, n) == 0)
        return 0;
    h->refuse = 413;
    return -1;
}

static int on_complete(http_parser *p)
{
    struct http *h = p->data;

    h->complete = true;
    h->keep_alive = http_should_keep_alive(p);
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_done,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static void fresh_parser(struct http *h)
{
    http_parser_init(&h->parser, HTTP_REQUEST);
    h->parser.data = h;
    h->complete = false;
    h->refuse = 0;
}

/* Answers as Go's net/http does, journals that something came that is no request, and closes. */
static void refuse(struct http *h)
{
    int status = h->refuse ? h->refuse : 400;
    const char *reason = http_status_str((enum http_status)status);
    json_t *d = json_object();
    char *text = xasprintf("HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                           "Connection: close\r\n\r\n%d %s",
                           status, reason, status, reason);

    json_put_str(d, "error", http_errno_description(HTTP_PARSER_ERRNO(&h->parser)));
    json_put_int(d, "status", status);
    json_put_str(d, "target", buf_str(&h->target));
    journal_record(&h->c->world->journal,
                   &(struct record_info){.kind = RECORD_REQUEST,
                                         .peer = h->c->fake->ops->name,
                                         .what = "malformed",
                                         .conn = h->c->id,
                                         .foreign = true},
                   d);
    conn_write(h->c, text, strlen(text));
    free(text);
    if (h->x)
        exchange_gone(h->x);
    conn_finish(h->c);
}

/* Parses what is pending until an exchange is open or there is nothing left. */
static void run(struct http *h)
{
    struct conn *c = h->c;

    if (h->running)
        return;
    h->running = true;
    while (buf_len(&h->pending) && !h->complete && !c->closing && !c->finishing &&
           c->reader == &http_reader) {
        size_t n =
            http_parser_execute(&h->parser, &settings, buf_str(&h->pending), buf_len(&h->pending));

        if (h->complete) {
            buf_consume(&h->pending, n);
            if (h->x->state == EXCHANGE_READING)
                exchange_dispatch(h->x);
        } else if (HTTP_PARSER_ERRNO(&h->parser) != HPE_OK) {
            if (!c->closing && (h->x || h->refuse || !h->any || !c->finishing))
                refuse(h);
        } else {
            buf_consume(&h->pending, n);
        }
    }
    h->running = false;
    if (!buf_len(&h->pending) || c->closing)
        return;
    if (h->x && h->x->state == EXCHANGE_HIJACKED) {
        struct buf rest = h->pending;

        buf_init(&h->pending, HTTP_PENDING_MAX);
        h->x->on_bytes(h->x, buf_str(&rest), buf_len(&rest));
        buf_release(&rest);
    } else if (c->reader != &http_reader) {
        c->reader->bytes(c, buf_str(&h->pending), buf_len(&h->pending));
        buf_release(&h->pending);
    }
}

static void on_bytes(struct conn *c, const char *p, size_t n)
{
    struct http *h = c->http;

    if (h->x && h->x->state == EXCHANGE_HIJACKED) {
        h->x->on_bytes(h->x, p, n);
        return;
    }
    /* A body that is taken as it comes passes straight through `pending`. */
    while (n) {
        size_t part = n < HTTP_PENDING_MAX / 2 ? n : HTTP_PENDING_MAX / 2;

        if (buf_add(&h->pending, p, part) < 0) {
            journal_note(&c->world->journal, c->fake->ops->name,
                         "connection %llu reset: it sends on without waiting for an answer",
                         (unsigned long long)c->id);
            conn_reset(c);
            return;
        }
        p += part;
        n -= part;
        run(h);
        if (c->closing || c->reader != &http_reader)
            return;
    }
    if (h->x && buf_len(&h->pending) > HTTP_PENDING_MAX / 2)
        conn_pause(c);
}

static void on_eof(struct conn *c)
{
    struct http *h = c->http;

    if (h->x && h->x->state == EXCHANGE_HIJACKED) {
        h->x->on_bytes(h->x, NULL, 0);
        return;
    }
    /* As in Go's server: a client that closed its side has left. What is answered at once
     * was answered before we saw the FIN. */
    conn_close(c);
}

static void on_gone(struct conn *c)
{
    struct http *h = c->http;

    if (h->x)
        exchange_gone(h->x);
    else if (!h->any)
        conn_was_idle(c);
}

static void on_drain(struct conn *c)
{
    struct http *h = c->http;

    if (h->x && h->x->on_drain && exchange_queued(h->x) < EXCHANGE_LOW)
        h->x->on_drain(h->x);
}

static const struct conn_reader http_reader = {
    .bytes = on_bytes,
    .eof = on_eof,
    .gone = on_gone,
    .drain = on_drain,
};

void http_attach(struct conn *c)
{
    struct http *h = new0(struct http);

    h->c = c;
    buf_init(&h->pending, HTTP_PENDING_MAX);
    buf_init(&h->name, HTTP_HEADER_BYTES_MAX);
    buf_init(&h->value, HTTP_HEADER_BYTES_MAX);
    buf_init(&h->target, HTTP_TARGET_MAX);
    fresh_parser(h);
    c->http = h;
    c->reader = &http_reader;
}

void http_detach(struct conn *c)
{
    struct http *h = c->http;

    if (!h)
        return;
    buf_release(&h->pending);
    buf_release(&h->name);
    buf_release(&h->value);
    buf_release(&h->target);
    free(h);
    c->http = NULL;
}

void http_exchange_over(struct exchange *x)
{
    struct conn *c = x->conn;
    struct http *h = c->http;
    bool close = x->close_after || !h->keep_alive || !h->complete;

    h->x = NULL;
    exchange_free(x);
    if (close) {
        conn_finish(c);
        return;
    }
    fresh_parser(h);
    conn_resume(c);
    run(h);
}
