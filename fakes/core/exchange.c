/* Exchanges: questions about the request, and the writing half of the HTTP/1.1 server. */
#include "fakes/core/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"
#include "fakes/core/h2.h"
#include "fakes/core/http.h"
#include "fakes/core/world.h"
#include "fakes/core/ws.h"

struct loop *exchange_loop(const struct exchange *x)
{
    return &x->conn->world->loop;
}

const char *exchange_header(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->n_headers; i++)
        if (!strcasecmp(x->headers[i].name, name))
            return x->headers[i].value;
    return NULL;
}

void exchange_set_target(struct exchange *x, const char *target)
{
    const char *q = strchr(target, '?');
    const char *path = target;
    struct buf b = BUF_INIT(HTTP_TARGET_MAX);

    x->target = xstrdup(target);
    /* absolute form, as a proxy's client sends it */
    if (*path != '/' && (path = strstr(target, "://"))) {
        path = strchr(path + 3, '/');
        if (path)
            q = strchr(path, '?');
    }
    if (!path)
        path = *target == '/' || *target == '*' ? target : "/";
    x->raw_path = q ? xstrndup(path, (size_t)(q - path)) : xstrdup(path);
    x->raw_query = xstrdup(q ? q + 1 : "");
    str_unpercent(&b, x->raw_path, strlen(x->raw_path), false);
    x->path = xstrdup(buf_str(&b));
    buf_release(&b);
}

/* Finds "name" or "name=..." in the raw query; *ret_value is NULL for the bare form. */
static bool find_param(const char *query, const char *name, const char **ret_value, size_t *ret_n)
{
    for (const char *s = query; *s;) {
        size_t n = strcspn(s, "&;");
        size_t key = strcspn(s, "=&;");
        struct buf b = BUF_INIT(HTTP_TARGET_MAX);
        bool same;

        str_unpercent(&b, s, key, true);
        same = str_eq(buf_str(&b), name);
        buf_release(&b);
        if (same) {
            *ret_value = key < n ? s + key + 1 : NULL;
            *ret_n = key < n ? n - key - 1 : 0;
            return true;
        }
        s += n + (s[n] != '\0');
    }
    return false;
}

char *query_param(const char *query, const char *name)
{
    struct buf b = BUF_INIT(HTTP_TARGET_MAX);
    const char *v;
    size_t n;

    if (!find_param(query, name, &v, &n))
        return NULL;
    if (v)
        str_unpercent(&b, v, n, true);
    return buf_steal(&b, NULL);
}

char *exchange_param(const struct exchange *x, const char *name)
{
    return query_param(x->raw_query, name);
}

bool exchange_has_param(const struct exchange *x, const char *name)
{
    const char *v;
    size_t n;

    return find_param(x->raw_query, name, &v, &n);
}

bool exchange_param_bool(const struct exchange *x, const char *name)
{
    static const char *const no[] = {"", "0", "no", "false", "none"};
    char *v = exchange_param(x, name);
    bool yes = v != NULL;

    for (size_t i = 0; v && i < ARRAY_SIZE(no); i++)
        if (!strcasecmp(v, no[i]))
            yes = false;
    free(v);
    return yes;
}

json_t *exchange_json(struct exchange *x, struct err *e)
{
    if (!x->json)
        x->json = json_read(buf_str(&x->body), buf_len(&x->body), JSON_READ_PEER, e);
    return x->json;
}

static void free_headers(struct http_header *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(h[i].name);
        free(h[i].value);
    }
    free(h);
}

void exchange_free(struct exchange *x)
{
    if (x->free_data)
        x->free_data(x->data);
    list_del(&x->link);
    free(x->method);
    free(x->target);
    free(x->raw_path);
    free(x->raw_query);
    free(x->path);
    free(x->what);
    free_headers(x->headers, x->n_headers);
    free_headers(x->out_headers, x->n_out_headers);
    free_headers(x->trailers, x->n_trailers);
    buf_release(&x->body);
    buf_release(&x->sent);
    json_decref(x->json);
    json_decref(x->extra);
    json_decref(x->shown);
    free(x);
}

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
    for (size_t i = 0; i < x->n_out_headers; i++)
        if (!strcasecmp(x->out_headers[i].name, name)) {
            free(x->out_headers[i].value);
            x->out_headers[i].value = xstrdup(value);
            return;
        }
    grow_array(x->out_headers, x->n_out_headers, x->cap_out_headers);
    x->out_headers[x->n_out_headers++] = (struct http_header){xstrdup(name), xstrdup(value)};
}

void exchange_set_trailer(struct exchange *x, const char *name, const char *value)
{
    grow_array(x->trailers, x->n_trailers, x->cap_trailers);
    x->trailers[x->n_trailers++] = (struct http_header){xstrdup(name), xstrdup(value)};
}

static void journal_answer(struct exchange *x, const char *body, size_t n, const char *cut)
{
    json_t *d, *headers;

    if (!journal_wanted(fake_journal(x->fake)))
        return;
    d = json_object();
    headers = json_object();
    json_put_int(d, "status", x->status);
    json_put_int(d, "request", (int64_t)x->record);
    for (size_t i = 0; i < x->n_out_headers; i++)
        json_put_str(headers, x->out_headers[i].name, x->out_headers[i].value);
    for (size_t i = 0; i < x->n_trailers; i++)
        json_put_str(headers, x->trailers[i].name, x->trailers[i].value);
    json_put_str(headers, "Content-Type", x->sniffed_type);
    json_put(d, "headers", headers);
    if (x->shown)
        json_put(d, "body", json_incref(x->shown));
    else
        journal_put_body(fake_journal(x->fake), d, body, n);
    if (x->sent_total > n && body == buf_str(&x->sent))
        json_put_int(d, "body_cut", (int64_t)x->sent_total);
    json_put_str(d, "ended", cut);
    journal_record(fake_journal(x->fake),
                   &(struct record_info){.kind = RECORD_ANSWER,
                                         .peer = x->fake->ops->name,
                                         .what = x->what,
                                         .group = x->group,
                                         .conn = x->conn->id,
                                         .exchange = x->id},
                   d);
}

/* What is sent with the headers in one write, unless a cut counts the body apart. */
#define ONE_WRITE_MAX (32u << 10)

static bool has_header(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->n_out_headers; i++)
        if (!strcasecmp(x->out_headers[i].name, name))
            return true;
    return false;
}

/* Status line and headers, and the body behind them. length < 0: no Content-Length. */
static void write_head(struct exchange *x, const char *type, int64_t length, const void *body,
                       size_t n)
{
    struct buf b = BUF_INIT(1 << 20);
    const char *reason = x->reason ? x->reason : http_status_str((enum http_status)x->status);
    char date[30];

    if (type)
        exchange_set_header(x, "Content-Type", type);
    buf_addf(&b, "HTTP/1.%d %d %s\r\n", x->minor ? 1 : 0, x->status, reason);
    for (size_t i = 0; i < x->n_out_headers; i++)
        buf_addf(&b, "%s: %s\r\n", x->out_headers[i].name, x->out_headers[i].value);
    if (!x->no_date)
        buf_addf(&b, "Date: %s\r\n", str_format_http_date(loop_wall(exchange_loop(x)), date));
    if (length >= 0 && !has_header(x, "Content-Length"))
        buf_addf(&b, "Content-Length: %lld\r\n", (long long)length);
    if (x->sniffed_type)
        buf_addf(&b, "Content-Type: %s\r\n", x->sniffed_type);
    if (x->chunked)
        buf_adds(&b, "Transfer-Encoding: chunked\r\n");
    if (x->close_after)
        buf_adds(&b, "Connection: close\r\n");
    buf_adds(&b, "\r\n");
    if (n <= ONE_WRITE_MAX && x->conn->cut_left < 0) {
        buf_add(&b, body, n);
        n = 0;
    }
    conn_write(x->conn, buf_str(&b), buf_len(&b));
    if (n)
        conn_write_body(x->conn, body, n);
    buf_release(&b);
}

/* The effect has happened; the answer never comes. */
static void reset_instead(struct exchange *x)
{
    struct conn *c = x->conn;

    x->on_gone = NULL;
    conn_reset(c); /* frees x */
}

static void prepare_close(struct exchange *x)
{
    struct http *h = x->conn->http;
    const char *asked = exchange_header(x, "Connection");

    /* a body that was not read to its end cannot be skipped */
    if (!h->complete || (asked && !strcasecmp(asked, "close")) ||
        (!x->minor && !(asked && !strcasecmp(asked, "keep-alive"))))
        x->close_after = true;
}

/* The connection knows of it no more. */
static void forget(struct exchange *x)
{
    if (x->stream)
        h2_forget(x);
    else
        ((struct http *)x->conn->http)->x = NULL;
}

void exchange_answer(struct exchange *x, int status, const char *type, const void *body, size_t n)
{
    bool bodyless = status == 204 || status == 304 || status < 200;

    if (x->reset_after) {
        reset_instead(x);
        return;
    }
    x->status = status;
    if (x->stream) {
        h2_answer(x, type, body, n);
        journal_answer(x, body, n, NULL);
        forget(x);
        exchange_free(x);
        return;
    }
    prepare_close(x);
    write_head(x, type, bodyless ? -1 : (int64_t)n, body, bodyless || x->head_only ? 0 : n);
    journal_answer(x, body, bodyless || x->head_only ? 0 : n, NULL);
    http_exchange_over(x);
}

void exchange_answer_text(struct exchange *x, int status, const char *type, const char *text)
{
    exchange_answer(x, status, type, text, strlen(text));
}

void exchange_answer_json(struct exchange *x, int status, const char *type, json_t *v, bool newline)
{
    struct buf b = BUF_INIT(SIZE_MAX / 4);

    json_write(&b, v);
    json_decref(v);
    if (newline)
        buf_addc(&b, '\n');
    exchange_answer(x, status, type, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

void exchange_begin(struct exchange *x, int status, const char *type, int64_t length)
{
    x->status = status;
    x->state = EXCHANGE_STREAMING;
    if (x->reset_after)
        return;
    prepare_close(x);
    if (length < 0 && x->head_only)
        ; /* there is no body to frame, and Go's server says nothing of it */
    else if (length < 0 && x->minor)
        x->chunked = true;
    else if (length < 0)
        x->close_after = true;
    write_head(x, type, length, NULL, 0);
}

size_t exchange_queued(const struct exchange *x)
{
    return x->conn->queued + buf_len(&x->conn->held);
}

size_t exchange_write(struct exchange *x, const void *p, size_t n)
{
    size_t keep = x->sent.max - buf_len(&x->sent);

    if (!n || x->reset_after || x->head_only)
        return exchange_queued(x);
    x->sent_total += n;
    buf_add(&x->sent, p, n < keep ? n : keep);
    if (x->chunked) {
        struct buf b = BUF_INIT(n + 32);

        buf_addf(&b, "%zx\r\n", n);
        buf_add(&b, p, n);
        buf_adds(&b, "\r\n");
        conn_write_body(x->conn, buf_str(&b), buf_len(&b));
        buf_release(&b);
    } else {
        conn_write_body(x->conn, p, n);
    }
    return exchange_queued(x);
}

void exchange_end(struct exchange *x)
{
    if (x->reset_after) {
        reset_instead(x);
        return;
    }
    if (x->chunked && !x->head_only)
        conn_write_body(x->conn, "0\r\n\r\n", 5);
    if (x->state == EXCHANGE_HIJACKED)
        x->close_after = true;
    journal_answer(x, buf_str(&x->sent), buf_len(&x->sent), NULL);
    http_exchange_over(x);
}

void exchange_abort(struct exchange *x, bool reset)
{
    struct conn *c = x->conn;

    journal_answer(x, buf_str(&x->sent), buf_len(&x->sent), reset ? "reset" : "cut");
    forget(x);
    exchange_free(x);
    if (reset)
        conn_reset(c);
    else
        conn_finish(c);
}

void exchange_gone(struct exchange *x)
{
    void (*tell)(struct exchange *) = x->on_gone;

    if (x->state == EXCHANGE_STREAMING || x->state == EXCHANGE_HIJACKED)
        journal_answer(x, buf_str(&x->sent), buf_len(&x->sent), "peer left");
    x->state = EXCHANGE_DONE;
    forget(x);
    x->on_gone = NULL;
    if (tell)
        tell(x);
    exchange_free(x);
}

void exchange_hijack(struct exchange *x, int status, const char *type,
                     void (*on_bytes)(struct exchange *x, const char *p, size_t n))
{
    x->status = status;
    x->no_date = true;
    x->chunked = false;
    write_head(x, type, -1, NULL, 0);
    conn_settle(x->conn);
    x->on_bytes = on_bytes;
    x->state = EXCHANGE_HIJACKED;
}

/* --- dispatch -------------------------------------------------------------------------- */

/* The Signature of an Authorization header is a secret of a kind: it is cut off. */
static char *safe_header(const struct http_header *h)
{
    char *v = xstrdup(h->value), *s;

    if (!strcasecmp(h->name, "Authorization") && (s = strstr(v, "Signature="))) {
        s[strlen("Signature=")] = '\0';
        char *cut = xasprintf("%s***", v);

        free(v);
        return cut;
    }
    return v;
}

static json_t *query_json(const struct exchange *x)
{
    json_t *o = json_object();

    for (const char *s = x->raw_query; *s;) {
        size_t n = strcspn(s, "&;"), key = strcspn(s, "=&;");
        struct buf k = BUF_INIT(HTTP_TARGET_MAX), v = BUF_INIT(HTTP_TARGET_MAX);

        str_unpercent(&k, s, key, true);
        if (key < n)
            str_unpercent(&v, s + key + 1, n - key - 1, true);
        if (buf_len(&k) && !json_object_get(o, buf_str(&k)))
            json_put_str(o, buf_str(&k),
                         strcasecmp(buf_str(&k), "X-Amz-Signature") ? buf_str(&v) : "***");
        buf_release(&k);
        buf_release(&v);
        s += n + (s[n] != '\0');
    }
    return o;
}

static void journal_request(struct exchange *x)
{
    json_t *d, *headers;
    bool ws = exchange_wants_ws(x);
    struct record *r;

    if (!journal_wanted(fake_journal(x->fake)))
        return;
    d = json_object();
    headers = json_object();
    json_put_str(d, "method", x->method);
    json_put_str(d, "target", x->target);
    json_put_str(d, "path", x->path);
    if (*x->raw_query)
        json_put(d, "query", query_json(x));
    for (size_t i = 0; i < x->n_headers; i++) {
        char *v = safe_header(&x->headers[i]);

        json_put_str(headers, x->headers[i].name, v);
        free(v);
    }
    json_put(d, "headers", headers);
    journal_put_body(fake_journal(x->fake), d, buf_str(&x->body), buf_len(&x->body));
    if (x->extra)
        json_object_update(d, x->extra);
    r = journal_record(fake_journal(x->fake),
                       &(struct record_info){.kind = ws ? RECORD_CONNECT : RECORD_REQUEST,
                                             .peer = x->fake->ops->name,
                                             .what = x->what,
                                             .group = x->group,
                                             .conn = x->conn->id,
                                             .exchange = x->id,
                                             .foreign = true},
                       d);
    x->record = r ? r->n : fake_journal(x->fake)->count;
}

static void reply_as_scripted(struct exchange *x, const struct fault *f)
{
    const char *key;
    json_t *v;

    json_object_foreach (f->headers, key, v)
        exchange_set_header(x, key, json_string_value(v));
    exchange_answer_text(x, f->status ? f->status : 200, f->type, f->text ? f->text : "");
}

/* What replaces the handler. False: the handler is called after all. */
static bool fault_instead(struct exchange *x, const struct fault *f)
{
    static const char garbage[] = "\x16\x03\x01garbage\r\n\r\n";
    const struct fake_ops *ops = x->fake->ops;
    struct conn *c = x->conn;

    switch (f->kind) {
    case FAULT_HANG:
        return true;
    case FAULT_RESET_BEFORE:
        conn_reset(c);
        return true;
    case FAULT_CLOSE:
        conn_finish(c);
        return true;
    case FAULT_STATUS:
    case FAULT_ERROR:
        ops->refuse(x->fake, x, f->status, f->type, f->text);
        return true;
    case FAULT_REPLY:
        reply_as_scripted(x, f);
        return true;
    case FAULT_GARBAGE:
        conn_write(c, garbage, sizeof(garbage) - 1);
        conn_finish(c);
        return true;
    case FAULT_DELAY:
        conn_delay(c, f->delay);
        return false;
    case FAULT_RESET_AFTER:
        x->reset_after = true;
        return false;
    case FAULT_CUT:
        conn_cut(c, f->bytes);
        return false;
    case FAULT_SLOW:
        conn_slow(c, f->rate);
        return false;
    default: /* those of websocket messages */
        return false;
    }
}

void exchange_dispatch(struct exchange *x)
{
    struct world *w = x->conn->world;
    const struct fault *f;

    x->state = EXCHANGE_HANDLING;
    x->fake->ops->classify(x->fake, x);
    if (!x->what)
        x->what = xasprintf("%s %s", x->method, x->path);
    journal_request(x);
    f = fault_table_pick(&w->faults, x->fake->ops->name, x->what);
    if (f) {
        world_fault_applied(w, x->fake->ops->name, x->what, f);
        if (fault_instead(x, f))
            return;
    }
    x->fake->ops->handle(x->fake, x);
}

bool exchange_wants_ws(const struct exchange *x)
{
    const char *upgrade = exchange_header(x, "Upgrade");

    return upgrade && !strcasecmp(upgrade, "websocket");
}

struct ws *exchange_accept_ws(struct exchange *x, const struct ws_handlers *h, void *data)
{
    const char *key = exchange_header(x, "Sec-WebSocket-Key");
    const char *version = exchange_header(x, "Sec-WebSocket-Version");

    if (!exchange_wants_ws(x) || !key || strcmp(x->method, "GET")) {
        exchange_answer_text(x, 400, "text/plain; charset=utf-8", "Bad Request\n");
        return NULL;
    }
    if (!version || strcmp(version, "13")) {
        exchange_set_header(x, "Sec-WebSocket-Version", "13");
        exchange_answer_text(x, 426, "text/plain; charset=utf-8", "Upgrade Required\n");
        return NULL;
    }
    if (x->reset_after) {
        reset_instead(x);
        return NULL;
    }
    return ws_take_over(x, h, data);
}
