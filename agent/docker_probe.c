#include "agent/docker_probe.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/docker_path.h"
#include "proto/limits.h"

/* What daemons that do not say it serve at the least (Docker 1.12 to 24). */
#define API_MIN_UNSAID 12

struct docker_probe {
    struct http *http;
    struct http_request *request;
    char *base; /* URL in front of the path */
    char *socket;
    docker_probe_fn fn;
    void *user;
};

static void probe_free(struct docker_probe *p)
{
    free(p->base);
    free(p->socket);
    free(p);
}

static void finish(struct docker_probe *p, const struct docker_engine *d, struct err *e)
{
    docker_probe_fn fn = p->fn;
    void *user = p->user;

    if (e->code != ERR_NONE && e->code != ERR_CONFLICT)
        err_wrap(e, "Docker at %s", p->socket ? p->socket : p->base);
    probe_free(p);
    fn(d, e, user);
}

/* The minor number of "1.<minor>"; -1 when it is not that. */
static int minor_of(const char *text)
{
    const char *rest = text ? str_after(text, "1.") : NULL;
    uint64_t minor;

    return rest && str_u64(rest, 999, &minor) == 0 ? (int)minor : -1;
}

int docker_engine_read(struct docker_engine *d, const char *body, size_t n, struct err *e)
{
    _cleanup_json_ json_t *j = json_read(body, n, JSON_READ_PEER, e);
    const char *version;

    if (!j)
        return err_wrap(e, "GET /version");
    version = json_str(j, "Version");
    snprintf(d->version, sizeof(d->version), "%s", version ? version : "");
    d->api_max = minor_of(json_str(j, "ApiVersion"));
    d->api_min = minor_of(json_str(j, "MinAPIVersion"));
    if (d->api_max < 0)
        return err_set(e, ERR_PEER, "GET /version names no ApiVersion");
    if (d->api_min < 0)
        d->api_min = API_MIN_UNSAID < d->api_max ? API_MIN_UNSAID : d->api_max;
    d->api = d->api_min > DOCKER_API_MIN ? d->api_min : DOCKER_API_MIN;
    if (d->api_max < DOCKER_API_MIN)
        return err_set(e, ERR_CONFLICT,
                       "Docker %s is too old: it serves API 1.%d at most, this agent needs 1.%d",
                       d->version, d->api_max, DOCKER_API_MIN);
    if (d->api_min > DOCKER_API_NEWEST)
        return err_set(e, ERR_PEER,
                       "Docker %s is too new: it serves API 1.%d at least, this agent knows 1.%d",
                       d->version, d->api_min, DOCKER_API_NEWEST);
    return 0;
}

bool docker_engine_serves(const struct docker_engine *d, int minor)
{
    return minor >= d->api_min && minor <= d->api_max && minor >= DOCKER_API_OLDEST &&
           minor <= DOCKER_API_NEWEST;
}

static int ask(struct docker_probe *p, enum docker_call what, int64_t timeout, http_done_fn done,
               struct err *e)
{
    const struct docker_call_info *info = docker_call_info(what);
    _cleanup_free_ char *url = xasprintf("%s%s", p->base, info->path);
    struct http_call call = {
        .method = info->method,
        .url = url,
        .unix_socket = p->socket,
        .connect_timeout = timeout,
        .timeout = timeout,
        .max_body = 256u << 10,
        .done = done,
        .user = p,
    };

    p->request = http_start(p->http, &call, e);
    return p->request ? 0 : -1;
}

static void on_version(const struct http_result *r, void *user)
{
    struct docker_probe *p = user;
    struct docker_engine d = {.api_max = -1};
    struct err e = r->error;

    p->request = NULL;
    if (e.code == ERR_NONE && r->status != 200)
        err_set(&e, ERR_PEER, "GET /version: status %d", r->status);
    if (e.code == ERR_NONE)
        docker_engine_read(&d, r->body, r->body_len, &e);
    finish(p, &d, &e);
}

static void on_ping(const struct http_result *r, void *user)
{
    struct docker_probe *p = user;
    struct docker_engine d = {.api_max = -1};
    struct err e = r->error;

    p->request = NULL;
    if (e.code == ERR_NONE && r->status != 200)
        err_set(&e, ERR_PEER, "GET /_ping: status %d", r->status);
    if (e.code != ERR_NONE || ask(p, DOCKER_VERSION, DOCKER_VERSION_TIMEOUT, on_version, &e) < 0)
        finish(p, &d, &e);
}

struct docker_probe *docker_probe_start(struct http *h, const char *docker_host, docker_probe_fn fn,
                                        void *user, struct err *e)
{
    struct docker_probe *p = new0(struct docker_probe);
    const char *path = str_after(docker_host, "unix://");
    const char *address = str_after(docker_host, "tcp://");

    p->http = h;
    p->fn = fn;
    p->user = user;
    if (path) {
        p->socket = xstrdup(path);
        p->base = xstrdup("http://docker");
    } else if (address) {
        p->base = xasprintf("http://%s", address);
    } else {
        err_set(e, ERR_USAGE, "DOCKER_HOST=%s is neither unix:///path nor tcp://host:port",
                docker_host);
        probe_free(p);
        return NULL;
    }
    if (ask(p, DOCKER_PING, DOCKER_PING_TIMEOUT, on_ping, e) < 0) {
        probe_free(p);
        return NULL;
    }
    return p;
}

void docker_probe_cancel(struct docker_probe *p)
{
    if (!p)
        return;
    http_cancel(p->request);
    probe_free(p);
}
