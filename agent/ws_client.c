#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "agent/ws_client.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define CLOSE_TOO_BIG 1009

/* How long a refusal's body may come after its headers. */
#define REFUSAL_WAIT (1 * NS_PER_S)

struct outgoing {
    struct list link;
    size_t n;
    unsigned char *text; /* LWS_PRE bytes of room before it */
};

/* The connection of a refusal whose body is still to come; freed by its close callback. */
struct late_body {
    uv_poll_t poll;
    int fd;
    struct ws *ws; /* NULL: nobody waits any more */
};

struct ws {
    struct web *web;
    struct lws *wsi; /* NULL: libwebsockets has let go of it */
    const struct ws_callbacks *cb;
    void *user;
    char *host, *path; /* "host:port", "/path?query" */
    char **headers;
    bool opened, ended, closing;
    int close_code; /* ours */
    char *close_reason;
    int status, peer_code;
    char why[160];
    struct buf in, refusal;
    struct list out;
    size_t queued, max_queue;
    bool tls;
    struct late_body *late;
    struct clock_timer deadline; /* of the handshake; then: ended() is due */
};

static void on_late_closed(uv_handle_t *handle)
{
    struct late_body *late = handle->data;

    close(late->fd);
    free(late);
}

static void stop_late(struct ws *s)
{
    if (!s->late)
        return;
    s->late->ws = NULL;
    uv_close((uv_handle_t *)&s->late->poll, on_late_closed);
    s->late = NULL;
}

static void ws_free(struct ws *s)
{
    if (s->wsi)
        lws_set_opaque_user_data(s->wsi, NULL);
    loop_timer_stop(web_loop(s->web), &s->deadline);
    stop_late(s);
    while (!list_empty(&s->out)) {
        struct outgoing *o = container_of(s->out.next, struct outgoing, link);

        list_del(&o->link);
        free(o->text - LWS_PRE);
        free(o);
    }
    for (size_t i = 0; s->headers && s->headers[i]; i++)
        free(s->headers[i]);
    free(s->headers);
    free(s->host);
    free(s->path);
    free(s->close_reason);
    buf_release(&s->in);
    buf_release(&s->refusal);
    free(s);
}

/* Lets libwebsockets close the connection when it gets to it. */
static void kill_connection(struct ws *s)
{
    struct lws *wsi = s->wsi;

    if (!wsi)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    s->wsi = NULL;
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    /* libwebsockets looks at its timeouts when something happens: now */
    lws_cancel_service(web_context(s->web));
}

static void on_ended(struct clock_timer *t)
{
    struct ws *s = container_of(t, struct ws, deadline);
    struct ws_end end = {
        .opened = s->opened,
        .status = s->status,
        .body = buf_str(&s->refusal),
        .close_code = s->peer_code,
        .why = s->why,
    };

    s->cb->ended(&end, s->user);
    ws_free(s);
}

/* The one place where a session ends; the receiver is told from the loop. */
static void end(struct ws *s, const char *why)
{
    if (s->ended)
        return;
    s->ended = true;
    snprintf(s->why, sizeof(s->why), "%s", why);
    loop_timer_start(web_loop(s->web), &s->deadline, s->late ? REFUSAL_WAIT : 0, on_ended);
}

static void on_late_body(uv_poll_t *poll, int status, int events)
{
    struct late_body *late = poll->data;
    struct ws *s = late->ws;
    char piece[4096];
    ssize_t n = status < 0 ? -1 : recv(late->fd, piece, sizeof(piece), MSG_DONTWAIT);

    (void)events;
    if (n < 0 && status == 0 && errno == EAGAIN)
        return;
    if (n > 0)
        buf_add(&s->refusal, piece, (size_t)n);
    stop_late(s);
    if (s->ended)
        loop_timer_start(web_loop(s->web), &s->deadline, 0, on_ended);
}

/*
 * libwebsockets closes a refused connection at once. A second descriptor keeps
 * it open until the body is there, which says whether it makes sense to come
 * back soon. (With TLS only what came with the headers can be read.)
 */
static void wait_for_body(struct ws *s)
{
    struct late_body *late;
    int fd = s->tls ? -1 : fcntl(lws_get_socket_fd(s->wsi), F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return;
    late = new0(struct late_body);
    late->fd = fd;
    late->ws = s;
    late->poll.data = late;
    if (uv_poll_init(&web_loop(s->web)->uv, &late->poll, fd) < 0) {
        close(fd);
        free(late);
        return;
    }
    s->late = late;
    uv_poll_start(&late->poll, UV_READABLE, on_late_body);
}

static void on_deadline(struct clock_timer *t)
{
    struct ws *s = container_of(t, struct ws, deadline);

    kill_connection(s);
    end(s, s->closing ? "the peer did not answer the close frame" : "the handshake took too long");
}

/* ---- what libwebsockets asks and tells ---- */

static int add_headers(struct ws *s, unsigned char **p, unsigned char *stop)
{
    for (size_t i = 0; s->headers[i]; i++) {
        const char *colon = strchr(s->headers[i], ':');
        char name[64];
        const char *value;

        if (!colon || (size_t)(colon - s->headers[i]) + 2 > sizeof(name))
            return -1;
        snprintf(name, sizeof(name), "%.*s:", (int)(colon - s->headers[i]), s->headers[i]);
        value = colon + 1 + strspn(colon + 1, " ");
        if (lws_add_http_header_by_name(s->wsi, (const unsigned char *)name,
                                        (const unsigned char *)value, (int)strlen(value), p, stop))
            return -1;
    }
    return 0;
}

/*
 * A reply that is no 101: its body says why. libwebsockets has read it together
 * with the headers if the peer sent both at once, and lends it here only.
 */
static void read_refusal(struct ws *s)
{
    char piece[LWS_PRE + 4096];
    char *p = piece + LWS_PRE;
    int n = 4096;

    char length[16];

    s->status = (int)lws_http_client_http_response(s->wsi);
    if (s->status == 101)
        return;
    lws_http_client_read(s->wsi, &p, &n);
    if (!buf_len(&s->refusal) &&
        lws_hdr_copy(s->wsi, length, sizeof(length), WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0 &&
        !str_eq(length, "0"))
        wait_for_body(s);
}

static int receive(struct ws *s, const void *p, size_t n)
{
    if (lws_is_first_fragment(s->wsi))
        buf_clear(&s->in);
    if (buf_add(&s->in, p, n) < 0) {
        lws_close_reason(s->wsi, CLOSE_TOO_BIG, NULL, 0);
        end(s, "the peer sent a message that is too large");
        return -1;
    }
    if (!lws_is_final_fragment(s->wsi) || lws_remaining_packet_payload(s->wsi))
        return 0;
    s->cb->message(buf_str(&s->in), buf_len(&s->in), s->user);
    return 0;
}

static int send_next(struct ws *s)
{
    struct outgoing *o;
    int r;

    if (list_empty(&s->out)) {
        if (!s->closing)
            return 0;
        lws_close_reason(s->wsi, (enum lws_close_status)s->close_code,
                         (unsigned char *)s->close_reason, strlen(s->close_reason));
        return -1;
    }
    o = container_of(s->out.next, struct outgoing, link);
    r = lws_write(s->wsi, o->text, o->n, LWS_WRITE_TEXT);
    s->queued -= o->n;
    list_del(&o->link);
    free(o->text - LWS_PRE);
    free(o);
    if (r < 0)
        return -1;
    if (!list_empty(&s->out) || s->closing)
        lws_callback_on_writable(s->wsi);
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *unused, void *in,
                    size_t len)
{
    struct ws *s = lws_get_opaque_user_data(wsi);
    unsigned char **p;

    (void)unused;
    if (!s)
        return reason == LWS_CALLBACK_CLIENT_RECEIVE || reason == LWS_CALLBACK_CLIENT_WRITEABLE ? -1
                                                                                                : 0;
    s->wsi = wsi;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        p = in;
        return add_headers(s, p, *p + len);
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        read_refusal(s);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        if (buf_add(&s->refusal, in, len) < 0)
            buf_clear(&s->refusal);
        return -1; /* libwebsockets would take the exchange for complete, and the upgrade with it */
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        s->opened = true;
        loop_timer_stop(web_loop(s->web), &s->deadline);
        s->cb->opened(s->user);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return s->ended ? -1 : receive(s, in, len);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return s->ended ? -1 : send_next(s);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        s->peer_code = len >= 2 ? ((unsigned char *)in)[0] << 8 | ((unsigned char *)in)[1] : 1005;
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        end(s, in ? in : "the connection failed");
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        end(s, s->peer_code ? "the peer closed the session" : "the connection ended");
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        s->wsi = NULL;
        end(s, "the connection failed");
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "ecs", .callback = on_event, .rx_buffer_size = 16384},
    {0},
};

/* ---- opening ---- */

struct target {
    const char *url; /* borrowed */
    bool tls;
    char *host; /* as in the Host header */
    char *address;
    int port;
    char *path;
};

static int split_url(const char *url, struct target *t, struct err *e)
{
    const char *rest = str_after(url, "http://");
    const char *slash, *colon;
    uint64_t port;
    size_t n;

    t->url = url;
    if (!rest)
        rest = str_after(url, "ws://");
    t->tls = !rest;
    if (!rest)
        rest = str_after(url, "https://");
    if (!rest)
        rest = str_after(url, "wss://");
    if (!rest)
        return err_set(e, ERR_USAGE, "%.80s: only http, https, ws and wss can be spoken", url);
    slash = strpbrk(rest, "/?");
    n = slash ? (size_t)(slash - rest) : strlen(rest);
    t->host = xstrndup(rest, n);
    t->path = slash ? xstrdup(slash) : xstrdup("/");
    t->port = t->tls ? 443 : 80;
    colon = strrchr(t->host, ':');
    if (colon && !strchr(colon, ']')) {
        if (str_u64(colon + 1, 65535, &port) < 0)
            return err_set(e, ERR_USAGE, "%.80s: the port is no number", url);
        t->port = (int)port;
        t->address = xstrndup(t->host, (size_t)(colon - t->host));
    } else {
        t->address = xstrdup(t->host);
    }
    if (!*t->address)
        return err_set(e, ERR_USAGE, "%.80s: there is no host", url);
    return 0;
}

static void copy_headers(struct ws *s, const char *const *headers)
{
    size_t n = 0;

    while (headers && headers[n])
        n++;
    s->headers = new0_array(char *, n + 1);
    for (size_t i = 0; i < n; i++)
        s->headers[i] = xstrdup(headers[i]);
}

static int connect_to(struct ws *s, const struct target *t, struct err *e)
{
    struct lws_client_connect_info info = {
        .context = web_context(s->web),
        .vhost = web_client_vhost(s->web, t->url, protocols, e),
        .address = t->address,
        .port = t->port,
        .path = s->path,
        .host = s->host,
        .local_protocol_name = protocols[0].name,
        .ietf_version_or_minus_one = -1,
        .opaque_user_data = s,
        .pwsi = &s->wsi,
    };

    if (!info.vhost)
        return -1;
    if (t->tls)
        info.ssl_connection = LCCSCF_USE_SSL;
    if (t->tls && web_insecure(s->web))
        info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_INSECURE |
                               LCCSCF_ALLOW_EXPIRED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
    if (!lws_client_connect_via_info(&info)) {
        s->wsi = NULL;
        end(s, "the connection failed");
    }
    return 0;
}

struct ws *ws_open(struct web *w, const struct ws_call *call, struct err *e)
{
    struct ws *s = new0(struct ws);
    struct target t = {0};
    int r;

    s->web = w;
    s->cb = call->cb;
    s->user = call->user;
    s->max_queue = call->max_queue;
    buf_init(&s->in, call->max_message);
    buf_init(&s->refusal, REFUSAL_BODY_MAX);
    list_init(&s->out);
    copy_headers(s, call->headers);
    r = split_url(call->url, &t, e);
    if (r == 0) {
        s->tls = t.tls;
        s->host = steal_ptr(&t.host);
        s->path = steal_ptr(&t.path);
        loop_timer_start(web_loop(w), &s->deadline, call->connect_timeout, on_deadline);
        r = connect_to(s, &t, e);
    }
    free(t.host);
    free(t.path);
    free(t.address);
    if (r < 0) {
        ws_free(s);
        return NULL;
    }
    return s;
}

int ws_send(struct ws *s, const char *text, size_t n, struct err *e)
{
    struct outgoing *o;

    if (s->ended || s->closing || !s->wsi)
        return err_set(e, ERR_CONFLICT, "the session is over");
    if (n > s->max_queue - s->queued)
        return err_set(e, ERR_LIMIT, "%zu bytes are waiting to be sent, %zu are allowed", s->queued,
                       s->max_queue);
    o = new0(struct outgoing);
    o->n = n;
    o->text = (unsigned char *)xmalloc(LWS_PRE + n) + LWS_PRE;
    memcpy(o->text, text, n);
    list_add_tail(&s->out, &o->link);
    s->queued += n;
    lws_callback_on_writable(s->wsi);
    return 0;
}

void ws_close(struct ws *s, int code, const char *reason)
{
    if (s->ended || s->closing)
        return;
    s->closing = true;
    s->close_code = code;
    s->close_reason = xstrdup(reason);
    if (s->wsi)
        lws_callback_on_writable(s->wsi);
    loop_timer_start(web_loop(s->web), &s->deadline, WS_CLOSE_TIMEOUT, on_deadline);
}

void ws_drop(struct ws *s)
{
    if (!s)
        return;
    s->ended = true;
    kill_connection(s);
    ws_free(s);
}
