#include "harness/http_client.h"

#include <ctype.h>
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "base/str.h"

struct http_client {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct loop *loop;
    void (*on_done)(struct http_client *c, void *data);
    void *data;
    struct buf request;
    uv_connect_t connect;
    uv_write_t write;
    http_parser parser;
    char name[256];
    bool in_value, done, head, closing, closed, freed;
    struct http_client_result r;
    char space[16384];
};

static void on_closed(uv_handle_t *h)
{
    struct http_client *c = h->data;

    c->closed = true;
    if (c->freed)
        free(c);
}

static void finish(struct http_client *c)
{
    if (c->done)
        return;
    c->done = true;
    if (!c->closing) {
        c->closing = true;
        uv_close(&c->uv.handle, on_closed);
    }
    c->on_done(c, c->data);
}

static void fail(struct http_client *c, const char *what, int r)
{
    err_set(&c->r.err, ERR_PEER, "%s: %s", what, uv_strerror(r));
    finish(c);
}

static int on_field(http_parser *p, const char *s, size_t n)
{
    struct http_client *c = p->data;
    size_t have = c->in_value ? 0 : strlen(c->name);

    c->in_value = false;
    for (size_t i = 0; i < n && have + 1 < sizeof(c->name); i++)
        c->name[have++] = (char)tolower((unsigned char)s[i]);
    c->name[have] = '\0';
    return 0;
}

static int on_value(http_parser *p, const char *s, size_t n)
{
    struct http_client *c = p->data;
    const char *begun = c->in_value ? json_str(c->r.headers, c->name) : NULL;
    char *v = xasprintf("%s%.*s", begun ? begun : "", (int)n, s);

    c->in_value = true;
    json_put_str(c->r.headers, c->name, v);
    free(v);
    return 0;
}

static int on_headers(http_parser *p)
{
    struct http_client *c = p->data;

    return c->head ? 1 : 0;
}

static int on_body(http_parser *p, const char *s, size_t n)
{
    struct http_client *c = p->data;

    return buf_add(&c->r.body, s, n);
}

static int on_complete(http_parser *p)
{
    struct http_client *c = p->data;

    if (p->status_code / 100 == 1 && p->status_code != 101) {
        json_object_clear(c->r.headers); /* an interim answer: the one that counts follows */
        return 0;
    }
    c->r.status = (int)p->status_code;
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    struct http_client *c = h->data;

    (void)n;
    *b = uv_buf_init(c->space, sizeof(c->space));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct http_client *c = s->data;
    enum http_errno why;

    loop_sync(c->loop);
    if (n == 0 || c->done)
        return;
    if (n < 0 && n != UV_EOF) {
        fail(c, "the answer broke off", (int)n);
        return;
    }
    http_parser_execute(&c->parser, &settings, b->base, n < 0 ? 0 : (size_t)n);
    why = HTTP_PARSER_ERRNO(&c->parser);
    if (c->r.status) {
        finish(c);
    } else if (why != HPE_OK) {
        err_set(&c->r.err, ERR_PEER, "the answer is no HTTP: %s", http_errno_description(why));
        finish(c);
    } else if (n < 0) {
        err_set(&c->r.err, ERR_PEER, "the connection was closed before the answer was whole");
        finish(c);
    }
}

static void on_written(uv_write_t *w, int status)
{
    struct http_client *c = w->data;

    if (status < 0 && status != UV_ECANCELED)
        fail(c, "the request could not be sent", status);
}

static void on_connect(uv_connect_t *r, int status)
{
    struct http_client *c = r->data;
    uv_buf_t b = uv_buf_init(buf_data(&c->request), (unsigned)buf_len(&c->request));

    loop_sync(c->loop);
    if (status == UV_ECANCELED)
        return;
    if (status < 0) {
        fail(c, "cannot connect", status);
        return;
    }
    c->write.data = c;
    uv_read_start(&c->uv.stream, on_alloc, on_read);
    uv_write(&c->write, &c->uv.stream, &b, 1, on_written);
}

struct url {
    char *host;
    int port;
    const char *path;
};

static int split_url(const char *url, struct url *u, struct err *e)
{
    struct http_parser_url p;

    http_parser_url_init(&p);
    if (http_parser_parse_url(url, strlen(url), 0, &p) || !(p.field_set & 1 << UF_HOST))
        return err_set(e, ERR_USAGE, "not a URL: %s", url);
    if (p.field_data[UF_SCHEMA].len != 4)
        return err_set(e, ERR_USAGE, "only http:// can be asked: %s", url);
    u->host = xstrndup(url + p.field_data[UF_HOST].off, p.field_data[UF_HOST].len);
    u->port = p.port ? p.port : 80;
    u->path = p.field_set & 1 << UF_PATH ? url + p.field_data[UF_PATH].off : "/";
    return 0;
}

static void write_request(struct http_client *c, const struct http_client_request *r,
                          const struct url *u)
{
    const char *key;
    json_t *v;

    buf_init(&c->request, HTTP_CLIENT_BODY_MAX + (1 << 20));
    buf_addf(&c->request, "%s %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n", r->method,
             u->path, u->host, u->port);
    if (r->body || !strcmp(r->method, "POST") || !strcmp(r->method, "PUT"))
        buf_addf(&c->request, "Content-Length: %zu\r\n", r->body_len);
    json_object_foreach ((json_t *)(uintptr_t)r->headers, key, v)
        buf_addf(&c->request, "%s: %s\r\n", key, json_string_value(v));
    buf_adds(&c->request, "\r\n");
    if (r->body)
        buf_add(&c->request, r->body, r->body_len);
}

struct http_client *http_client_start(struct loop *loop, const struct http_client_request *r,
                                      void (*on_done)(struct http_client *c, void *data),
                                      void *data, struct err *e)
{
    struct http_client *c;
    struct sockaddr_in sa;
    struct url u = {0};
    int n;

    if (split_url(r->url, &u, e) < 0)
        return NULL;
    if (!r->unix_path &&
        uv_ip4_addr(str_eq(u.host, "localhost") ? "127.0.0.1" : u.host, u.port, &sa) < 0) {
        err_set(e, ERR_USAGE, "not an address: %s", u.host);
        free(u.host);
        return NULL;
    }
    c = new0(struct http_client);
    c->loop = loop;
    c->on_done = on_done;
    c->data = data;
    c->head = str_eq(r->method, "HEAD");
    c->r.headers = json_object();
    buf_init(&c->r.body, HTTP_CLIENT_BODY_MAX);
    http_parser_init(&c->parser, HTTP_RESPONSE);
    c->parser.data = c;
    write_request(c, r, &u);
    free(u.host);
    c->connect.data = c;
    if (r->unix_path) {
        uv_pipe_init(&loop->uv, &c->uv.pipe, 0);
        c->uv.handle.data = c;
        uv_pipe_connect(&c->connect, &c->uv.pipe, r->unix_path, on_connect);
        return c;
    }
    uv_tcp_init(&loop->uv, &c->uv.tcp);
    c->uv.handle.data = c;
    n = uv_tcp_connect(&c->connect, &c->uv.tcp, (struct sockaddr *)&sa, on_connect);
    if (n < 0) {
        err_set(e, ERR_SYS, "connect: %s", uv_strerror(n));
        c->done = true;
        http_client_free(c);
        return NULL;
    }
    return c;
}

const struct http_client_result *http_client_result(const struct http_client *c)
{
    return &c->r;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    c->done = true;
    json_decref(c->r.headers);
    buf_release(&c->r.body);
    buf_release(&c->request);
    c->freed = true;
    if (!c->closing) {
        c->closing = true;
        uv_close(&c->uv.handle, on_closed);
    } else if (c->closed) {
        free(c);
    }
}
