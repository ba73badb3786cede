#include <stdarg.h>
#include <stdlib.h>

#include "agent/tmds_internal.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* ---- answers ---- */

void tmds_json(struct http_visit *v, int status, json_t *body)
{
    char *text = wire_text(body);

    json_decref(body);
    http_visit_answer(v, status, HTTP_TYPE_JSON, text, strlen(text));
}

void tmds_text(struct http_visit *v, int status, const char *fmt, ...)
{
    _cleanup_buf_ struct buf b = BUF_INIT(8192);
    _cleanup_free_ char *text = NULL;
    va_list ap;
    char *s;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    buf_add_json_string(&b, text, strnlen(text, 1024));
    s = xstrdup(buf_str(&b));
    http_visit_answer(v, status, HTTP_TYPE_JSON, s, strlen(s));
}

void tmds_not_found(struct http_visit *v)
{
    static const char text[] = "404 page not found\n";

    http_visit_add_header(v, "X-Content-Type-Options", "nosniff");
    http_visit_answer(v, 404, HTTP_TYPE_TEXT, xstrdup(text), sizeof(text) - 1);
}

/* ---- answers that come later ---- */

void tmds_wait_begin(struct tmds_wait *w, struct tmds *t, struct http_visit *v, int64_t limit,
                     clock_timer_fn on_limit, void (*abandon)(struct tmds_wait *w))
{
    w->t = t;
    w->v = v;
    w->abandon = abandon;
    list_init(&w->link);
    list_add_tail(&t->waiting, &w->link);
    loop_timer_start(t->loop, &w->timer, limit, on_limit);
}

void tmds_wait_end(struct tmds_wait *w)
{
    loop_timer_stop(w->t->loop, &w->timer);
    list_del(&w->link);
}

/* ---- paths ---- */

/* As Go's path.Clean, but a slash at the end stays: no empty parts, no dots. To be freed. */
static char *clean_path(const char *path)
{
    char *out = xmalloc(strlen(path) + 3);
    size_t n = 0, len;
    bool slash = *path && path[strlen(path) - 1] == '/';

    for (;; path += len) {
        path += strspn(path, "/");
        len = strcspn(path, "/");
        if (!len)
            break;
        if (len == 1 && *path == '.')
            continue;
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            while (n && out[--n] != '/')
                ;
            continue;
        }
        out[n++] = '/';
        memcpy(out + n, path, len);
        n += len;
    }
    if (!n || slash)
        out[n++] = '/';
    out[n] = '\0';
    return out;
}

static bool redirected(struct http_visit *v)
{
    const char *path = http_visit_path(v);
    _cleanup_free_ char *clean = clean_path(path);
    _cleanup_buf_ struct buf to = BUF_INIT(16384);

    if (str_eq(clean, path))
        return false;
    str_percent(&to, clean, strlen(clean), true);
    http_visit_add_header(v, "Location", buf_str(&to));
    http_visit_answer(v, 301, NULL, NULL, 0);
    return true;
}

/* False: it is longer, or has more parts, than any path there is. */
static bool split(struct tmds_path *p, const char *path)
{
    size_t len = strlen(path);

    p->n = 0;
    if (*path != '/' || len >= sizeof(p->text))
        return false;
    memcpy(p->text, path, len + 1);
    for (char *s = p->text; s; s = strchr(s, '/')) {
        *s++ = '\0';
        if (p->n == TMDS_PARTS)
            return false;
        p->part[p->n++] = s;
    }
    return true;
}

static bool route(struct tmds *t, struct http_visit *v)
{
    const char *path = http_visit_path(v);
    struct tmds_path p;

    if (tmds_credentials(t, v, path) || tmds_v2(t, v, path))
        return true;
    if (!split(&p, path) || p.n < 2)
        return false;
    if (str_eq(p.part[0], "v3"))
        return tmds_v34(t, v, &p, METADATA_V3);
    if (str_eq(p.part[0], "v4"))
        return tmds_v34(t, v, &p, METADATA_V4);
    if (str_eq(p.part[0], "api"))
        return tmds_protection(t, v, &p) || tmds_fault(t, v, &p);
    return false;
}

/* ---- the rate ---- */

static void answer_too_many(struct tmds *t, struct http_visit *v)
{
    static const char text[] = "You have reached maximum request limit.";
    const struct audit_entry e = {.wall = loop_wall(t->loop),
                                  .status = 429,
                                  .remote = http_visit_remote(v),
                                  .path = http_visit_path(v),
                                  .user_agent = http_visit_header(v, "User-Agent"),
                                  .role = -1};

    audit_log_add(t->audit, &e);
    http_visit_answer(v, 429, HTTP_TYPE_TEXT, xstrdup(text), sizeof(text) - 1);
}

bool tmds_take(struct rate_limit *r, const struct tmds *t, const struct http_visit *v)
{
    const char *remote = http_visit_remote(v), *colon = strrchr(remote, ':');
    _cleanup_free_ char *key =
        xasprintf("%.*s|%s", colon ? (int)(colon - remote) : 1, remote, http_visit_path(v));

    return rate_limit_take(r, key, loop_now(t->loop));
}

static bool within_limit(struct tmds *t, struct http_visit *v)
{
    const char *forwarded = http_visit_header(v, "X-Forwarded-For");
    char rate[24];

    snprintf(rate, sizeof(rate), "%.2f", t->limit.rate);
    http_visit_add_header(v, "X-Rate-Limit-Limit", rate);
    http_visit_add_header(v, "X-Rate-Limit-Duration", "1");
    http_visit_add_header(v, "X-Rate-Limit-Request-Forwarded-For",
                          forwarded && *forwarded ? forwarded : " ");
    http_visit_add_header(v, "X-Rate-Limit-Request-Remote-Addr", http_visit_remote(v));
    return tmds_take(&t->limit, t, v);
}

void tmds_visit(struct http_visit *v, void *tmds)
{
    struct tmds *t = tmds;

    if (redirected(v))
        return;
    if (!within_limit(t, v))
        answer_too_many(t, v);
    else if (!route(t, v))
        tmds_not_found(v);
}

/* ---- life ---- */

struct tmds *tmds_new(struct loop *l, const struct tmds_options *o, struct log *log)
{
    struct tmds *t = new0(struct tmds);
    const struct config *c = o->config;
    struct http_server_options server = {
        .name = "The task metadata endpoint",
        .listen = &c->task_listen,
        .max_body = TMDS_BODY_MAX,
        .max_connections = HTTP_SERVER_CONNECTIONS,
        .fn = tmds_visit,
        .user = t,
    };

    t->loop = l;
    t->log = log;
    t->o = *o;
    list_init(&t->waiting);
    rate_limit_init(&t->limit, (double)c->metadata_rate, (double)c->metadata_burst);
    rate_limit_init(&t->fault_limit, 0.2, 1);
    t->audit =
        audit_log_new(c->audit_disabled.on ? "" : c->audit_file, c->cluster, o->instance_arn, log);
    t->server = http_server_new(l, &server, log);
    return t;
}

void tmds_free(struct tmds *t)
{
    if (!t)
        return;
    while (!list_empty(&t->waiting)) {
        struct tmds_wait *w = container_of(t->waiting.next, struct tmds_wait, link);

        w->abandon(w);
    }
    http_server_free(t->server);
    rate_limit_release(&t->limit);
    rate_limit_release(&t->fault_limit);
    audit_log_free(t->audit);
    free(t);
}
