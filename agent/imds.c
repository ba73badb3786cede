#include "agent/imds.h"
#include "base/list.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

struct imds {
    struct loop *loop;
    struct http *http;
    char *endpoint;
    char *token; /* NULL: none yet; "": the peer speaks v1 only */
    bool blackholed;
    bool gone;
    int64_t gone_until; /* loop_now() */
    struct http_request *token_request;
    struct list waiting;
};

struct imds_get {
    struct list link;
    struct imds *imds;
    struct http_request *request;
    struct clock_timer fail; /* a failure known at once is told from the loop */
    char *path;
    bool retried;
    imds_fn fn;
    void *user;
};

static void start_get(struct imds_get *g);

static void get_free(struct imds_get *g)
{
    list_del(&g->link);
    loop_timer_stop(g->imds->loop, &g->fail);
    http_cancel(g->request);
    free(g->path);
    free(g);
}

static void finish(struct imds_get *g, const char *body, const struct err *e)
{
    imds_fn fn = g->fn;
    void *user = g->user;

    get_free(g);
    fn(body, e, user);
}

static void on_fail(struct clock_timer *t)
{
    struct imds_get *g = container_of(t, struct imds_get, fail);
    struct err e = ERR_INIT;

    err_set(&e, ERR_NOT_FOUND, "there is no instance metadata here");
    finish(g, NULL, &e);
}

static void on_got(const struct http_result *r, void *user)
{
    struct imds_get *g = user;
    struct imds *m = g->imds;
    struct err e = r->error;

    g->request = NULL;
    if (e.code == ERR_NONE && r->status == 401 && !g->retried) {
        g->retried = true;
        free(m->token);
        m->token = NULL;
        start_get(g);
        return;
    }
    if (e.code == ERR_NONE && r->status != 200)
        err_set(&e, r->status == 404 ? ERR_NOT_FOUND : ERR_PEER, "instance metadata %s: status %d",
                g->path, r->status);
    finish(g, e.code == ERR_NONE ? r->body : NULL, &e);
}

static void send_get(struct imds_get *g)
{
    struct imds *m = g->imds;
    _cleanup_free_ char *url = xasprintf("%s/latest/%s", m->endpoint, g->path);
    _cleanup_free_ char *token = xasprintf("X-aws-ec2-metadata-token: %s", m->token);
    const char *headers[] = {token, NULL};
    struct http_call call = {
        .method = "GET",
        .url = url,
        .headers = *m->token ? headers : NULL,
        .connect_timeout = IMDS_TIMEOUT,
        .timeout = 2 * IMDS_TIMEOUT,
        .max_body = IMDS_BODY_MAX,
        .done = on_got,
        .user = g,
    };

    g->request = http_start(m->http, &call, NULL);
    if (!g->request)
        loop_timer_start(m->loop, &g->fail, 0, on_fail);
}

static void set_gone(struct imds *m)
{
    m->gone = true;
    m->gone_until = loop_now(m->loop) + IMDS_REST;
}

static void on_token(const struct http_result *r, void *user)
{
    struct imds *m = user;
    struct list *pos, *tmp;

    m->token_request = NULL;
    if (r->error.code != ERR_NONE)
        set_gone(m);
    else /* 403, 404 and 405 come from peers without IMDSv2 */
        m->token = xstrdup(r->status == 200 ? r->body : "");
    list_for_each_safe (pos, tmp, &m->waiting) {
        struct imds_get *g = container_of(pos, struct imds_get, link);

        if (!g->request && !clock_timer_armed(&g->fail))
            start_get(g);
    }
}

static void ask_token(struct imds *m)
{
    _cleanup_free_ char *url = xasprintf("%s/latest/api/token", m->endpoint);
    _cleanup_free_ char *ttl =
        xasprintf("X-aws-ec2-metadata-token-ttl-seconds: %d", IMDS_TOKEN_TTL_S);
    const char *headers[] = {ttl, NULL};
    struct http_call call = {
        .method = "PUT",
        .url = url,
        .headers = headers,
        .connect_timeout = IMDS_TIMEOUT,
        .timeout = IMDS_TIMEOUT,
        .max_body = IMDS_BODY_MAX,
        .done = on_token,
        .user = m,
    };

    m->token_request = http_start(m->http, &call, NULL);
    if (!m->token_request)
        set_gone(m);
}

static void start_get(struct imds_get *g)
{
    struct imds *m = g->imds;

    if (!imds_gone(m) && !m->token && !m->token_request)
        ask_token(m);
    if (m->gone)
        loop_timer_start(m->loop, &g->fail, 0, on_fail);
    else if (m->token)
        send_get(g);
}

struct imds *imds_new(struct loop *l, struct http *h, const char *endpoint, bool blackholed)
{
    struct imds *m = new0(struct imds);

    m->loop = l;
    m->http = h;
    m->endpoint = xstrdup(endpoint);
    m->blackholed = m->gone = blackholed;
    list_init(&m->waiting);
    if (str_ends(m->endpoint, "/"))
        m->endpoint[strlen(m->endpoint) - 1] = '\0';
    return m;
}

void imds_free(struct imds *m)
{
    if (!m)
        return;
    while (!list_empty(&m->waiting))
        get_free(container_of(m->waiting.next, struct imds_get, link));
    http_cancel(m->token_request);
    free(m->endpoint);
    free(m->token);
    free(m);
}

struct imds_get *imds_get(struct imds *m, const char *path, imds_fn fn, void *user)
{
    struct imds_get *g = new0(struct imds_get);

    g->imds = m;
    g->path = xstrdup(path);
    g->fn = fn;
    g->user = user;
    list_init(&g->link);
    list_add_tail(&m->waiting, &g->link);
    start_get(g);
    return g;
}

void imds_cancel(struct imds_get *g)
{
    if (g)
        get_free(g);
}

bool imds_gone(struct imds *m)
{
    if (m->gone && !m->blackholed && loop_now(m->loop) >= m->gone_until)
        m->gone = false;
    return m->gone;
}
