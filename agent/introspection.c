#include <unistd.h>

#include "agent/backoff.h"
#include "agent/introspection.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define HEADERS_MAX    1024
#define BIND_RETRY_MIN (1 * NS_PER_S)
#define BIND_RETRY_MAX (60 * NS_PER_S)

struct introspection {
    struct web *web;
    struct loop *loop;
    const struct config_listen *listen;
    struct introspection_source source;
    struct log *log;
    struct lws_vhost *vhost;
    struct backoff backoff;
    struct clock_timer retry;
};

/* One request under way. */
struct visit {
    unsigned char *body; /* LWS_PRE bytes of room before it; NULL: nothing to send */
    size_t n;
    bool head;
};

static void visit_clear(struct visit *v)
{
    if (v->body)
        free(v->body - LWS_PRE);
    v->body = NULL;
}

static bool is_head(struct lws *wsi)
{
    char *uri;
    int len;

    return lws_http_get_uri_and_method(wsi, &uri, &len) == LWSHUMETH_HEAD;
}

/* The request's headers are complete: build the answer, send its headers. */
static int on_request(struct introspection *i, struct lws *wsi, struct visit *v, const char *path)
{
    unsigned char headers[LWS_PRE + HEADERS_MAX];
    unsigned char *start = headers + LWS_PRE, *p = start, *stop = headers + sizeof(headers) - 1;
    char arn[2048], id[256];
    const char *task_arn = lws_get_urlarg_by_name(wsi, "taskarn=", arn, sizeof(arn));
    const char *docker_id = lws_get_urlarg_by_name(wsi, "dockerid=", id, sizeof(id));
    _cleanup_free_ char *body = NULL;
    const char *type;
    int status = introspection_answer(&i->source, path, task_arn, docker_id, &body, &type);

    visit_clear(v);
    v->n = strlen(body);
    v->head = is_head(wsi);
    v->body = (unsigned char *)xmalloc(LWS_PRE + v->n + 1) + LWS_PRE;
    memcpy(v->body, body, v->n);
    if (lws_add_http_common_headers(wsi, (unsigned int)status, type, v->n, &p, stop) ||
        lws_finalize_write_http_header(wsi, start, &p, stop))
        return -1;
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_writeable(struct lws *wsi, struct visit *v)
{
    if (!v->body)
        return 0;
    if (!v->head && lws_write(wsi, v->body, v->n, LWS_WRITE_HTTP_FINAL) < 0)
        return -1;
    visit_clear(v);
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct visit *v = user;

    (void)len;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return on_request(lws_vhost_user(lws_get_vhost(wsi)), wsi, v, in);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writeable(wsi, v);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (v)
            visit_clear(v);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = "introspection", .callback = on_event, .per_session_data_size = sizeof(struct visit)},
    {0},
};

static void log_address(struct introspection *i)
{
    const struct config_listen *l = i->listen;
    char address[160];

    if (l->path)
        snprintf(address, sizeof(address), "unix:%s", l->path);
    else
        snprintf(address, sizeof(address), "%s:%d", l->host, lws_get_vhost_listen_port(i->vhost));
    log_event(i->log, LOG_INFO, "Introspection listens", "address", address, NULL);
}

static void on_retry(struct clock_timer *t);

static void bind_address(struct introspection *i)
{
    const struct config_listen *l = i->listen;
    struct lws_context_creation_info info = {
        .port = l->path ? 0 : l->port,
        .iface = l->path ? l->path : l->host,
        .protocols = protocols,
        .vhost_name = "introspection",
        .options = l->path ? LWS_SERVER_OPTION_UNIX_SOCK : 0,
        .user = i,
        .keepalive_timeout = 5,
        .timeout_secs = 5,
    };

    if (l->path)
        unlink(l->path); /* left behind by an agent that was killed */
    i->vhost = lws_create_vhost(web_context(i->web), &info);
    if (i->vhost) {
        log_address(i);
        return;
    }
    log_event(i->log, LOG_WARN, "Introspection cannot listen, trying again", "host",
              l->path ? l->path : l->host, NULL);
    loop_timer_start(i->loop, &i->retry, backoff_next(&i->backoff), on_retry);
}

static void on_retry(struct clock_timer *t)
{
    bind_address(container_of(t, struct introspection, retry));
}

struct introspection *introspection_new(struct web *w, const struct config_listen *listen,
                                        const struct introspection_source *source, struct log *log)
{
    struct introspection *i = new0(struct introspection);

    i->web = w;
    i->loop = web_loop(w);
    i->listen = listen;
    i->source = *source;
    i->log = log;
    backoff_init(&i->backoff, BIND_RETRY_MIN, BIND_RETRY_MAX, 2.0, 0.2);
    bind_address(i);
    return i;
}

void introspection_free(struct introspection *i)
{
    if (!i)
        return;
    if (i->listen->path && i->vhost)
        unlink(i->listen->path);
    loop_timer_stop(i->loop, &i->retry);
    free(i);
}
