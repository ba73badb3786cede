#include "agent/docker_client.h"

#include <stdlib.h>

#include "agent/json_stream.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/docker_path.h"
#include "proto/limits.h"

/* What libcurl reads at a time, and keeps for as long as a call lasts: there is a stream for each
 * container and, when many tasks come at once, a call for each. */
#define READ_BUFFER 4096
/* dockerd takes at most 1 MiB of headers. */
#define LOGIN_HEADER_MAX (2u << 20)
#define TAG_TIMEOUT      (30 * NS_PER_S)
#define MESSAGE_MAX      4096

struct docker_client {
    struct loop *loop;
    struct http *http;
    char *host;   /* as configured, for messages */
    char *base;   /* URL before the path */
    char *socket; /* or NULL */
    char *version;
    int minor;           /* of the paths; 0: no prefix yet */
    int lowest, highest; /* that both sides speak */
    struct list requests;
};

struct docker_request {
    struct list link;
    struct docker_client *client;
    struct http_request *http;
    docker_done_fn done;
    docker_negotiated_fn negotiated; /* instead of done, for docker_negotiate() */
    void (*opened)(void *user);
    void (*line)(const json_t *v, void *user);
    void (*text)(const char *p, size_t n, void *user);
    void *user;
    bool streams, pull, in_callback, cancelled;
    struct json_stream objects;
    struct buf refusal; /* the body of an answer other than 200 to a stream */
    int status;
    int64_t timeout;
    /* pull */
    struct clock_timer watch;
    int64_t begin, idle;
    bool began;
    char *pull_error;
};

/* ---- making and ending ---- */

struct docker_client *docker_new(struct loop *l, struct http *http, const char *host, struct err *e)
{
    struct docker_client *d = new0(struct docker_client);
    const char *rest;

    d->loop = l;
    d->http = http;
    d->host = xstrdup(host);
    d->version = xstrdup("");
    list_init(&d->requests);
    if ((rest = str_after(host, "unix://")) && *rest == '/') {
        d->socket = xstrdup(rest);
        d->base = xstrdup("http://" DOCKER_HOST_NAME);
    } else if ((rest = str_after(host, "tcp://")) && *rest) {
        d->base = xasprintf("http://%s", rest);
    } else if (str_starts(host, "http://") || str_starts(host, "https://")) {
        d->base = xstrdup(host);
    } else {
        err_set(e, ERR_USAGE, "DOCKER_HOST=%.200s is not unix:///path or tcp://host:port", host);
        docker_free(d);
        return NULL;
    }
    return d;
}

static void request_free(struct docker_request *r)
{
    list_del(&r->link);
    loop_timer_stop(r->client->loop, &r->watch);
    json_stream_release(&r->objects);
    buf_release(&r->refusal);
    free(r->pull_error);
    free(r);
}

void docker_cancel(struct docker_request *r)
{
    if (!r || r->cancelled)
        return;
    http_cancel(r->http);
    r->cancelled = true;
    r->objects.stop = true;
    if (!r->in_callback)
        request_free(r);
}

void docker_free(struct docker_client *d)
{
    if (!d)
        return;
    while (!list_empty(&d->requests))
        docker_cancel(container_of(d->requests.next, struct docker_request, link));
    free(d->host);
    free(d->base);
    free(d->socket);
    free(d->version);
    free(d);
}

const char *docker_server_version(const struct docker_client *d)
{
    return d->version;
}

bool docker_is_at_least(const char *version, long major, long minor)
{
    char *point;
    long have = version ? strtol(version, &point, 10) : 0;

    return have > major || (have == major && *point == '.' && strtol(point + 1, NULL, 10) >= minor);
}

int docker_api_lowest(const struct docker_client *d)
{
    return d->lowest;
}

int docker_api_highest(const struct docker_client *d)
{
    return d->highest;
}

/* ---- versions ---- */

/* The minor version of "1.24"; 0 when it is not such a text. */
static int minor_of(const char *version)
{
    const char *rest = version ? str_after(version, "1.") : NULL;
    uint64_t minor;

    return rest && str_u64(rest, 999, &minor) == 0 ? (int)minor : 0;
}

static void settle(struct docker_client *d, int server_lowest, int server_highest)
{
    d->lowest = server_lowest > DOCKER_API_OLDEST ? server_lowest : DOCKER_API_OLDEST;
    d->highest = server_highest < DOCKER_API_NEWEST ? server_highest : DOCKER_API_NEWEST;
}

static int judge(struct docker_client *d, const struct docker_result *r, struct err *e)
{
    const char *api = json_str(r->json, "ApiVersion");
    const char *least = json_str(r->json, "MinAPIVersion");
    const char *version = json_str(r->json, "Version");
    int highest = minor_of(api), lowest = minor_of(least);

    if (!r->ok)
        return err_set(e, ERR_PEER, "Docker does not answer: %s", r->message);
    settle(d, lowest, highest ? highest : DOCKER_API_NEWEST);
    if (d->highest < DOCKER_API_MIN)
        return err_set(e, ERR_PEER,
                       "Docker %s with API %s is too old: 1.%d (Docker 1.9.0) is the least",
                       version ? version : "?", api, DOCKER_API_MIN);
    if (d->highest < d->lowest)
        return err_set(
            e, ERR_PEER, "Docker %s speaks API 1.%d to 1.%d; this agent speaks 1.%d to 1.%d",
            version ? version : "?", lowest, highest, DOCKER_API_OLDEST, DOCKER_API_NEWEST);
    d->minor = d->lowest > DOCKER_API_MIN ? d->lowest : DOCKER_API_MIN;
    free(d->version);
    d->version = xstrdup(version ? version : "");
    return 0;
}

/* ---- what the daemon says ---- */

/* The daemon's text, as Docker's own client shows it. */
static void say_refusal(const char *body, size_t len, struct buf *out)
{
    _cleanup_json_ json_t *v = NULL;
    const char *text;

    if (len && body[0] == '{')
        v = json_read(body, len, JSON_READ_PEER, NULL);
    text = v ? json_str(v, "message") : NULL;
    if (text) {
        body = text;
        len = strlen(text);
    }
    while (len && (body[len - 1] == '\n' || body[len - 1] == '\r'))
        len--;
    if (len > MESSAGE_MAX - 64)
        len = MESSAGE_MAX - 64;
    buf_adds(out, "Error response from daemon: ");
    buf_add(out, body, len);
}

static void say_failure(const struct docker_client *d, const struct http_result *h, struct buf *out)
{
    if (h->refused)
        buf_addf(out,
                 "Cannot connect to the Docker daemon at %s. Is the docker daemon running? (%s)",
                 d->host, h->error.text);
    else
        buf_adds(out, h->error.text);
}

/* Hands the result over and ends the request. */
static void deliver(struct docker_request *r, const struct docker_result *res)
{
    struct docker_client *d = r->client;
    docker_negotiated_fn negotiated = r->negotiated;
    docker_done_fn done = r->done;
    void *user = r->user;

    request_free(r);
    if (negotiated) {
        struct err e = ERR_INIT;

        judge(d, res, &e);
        negotiated(&e, user);
        return;
    }
    done(res, user);
}

static void pull_is_late(struct clock_timer *t);

static void finish_pull(struct docker_request *r, const struct http_result *h,
                        struct docker_result *res, struct buf *text)
{
    if (h->error.code == ERR_TIMEOUT) {
        res->phase = "pulled";
        res->waited = r->timeout;
    } else if (res->ok && r->pull_error) {
        res->ok = false;
        buf_adds(text, r->pull_error);
    }
}

static void on_done(const struct http_result *h, void *user)
{
    struct docker_request *r = user;
    struct docker_result res = {.status = h->status};
    _cleanup_json_ json_t *json = NULL;
    _cleanup_buf_ struct buf text = BUF_INIT(MESSAGE_MAX);
    const char *body = r->streams ? buf_str(&r->refusal) : h->body;
    size_t len = r->streams ? buf_len(&r->refusal) : h->body_len;

    if (h->error.code != ERR_NONE) {
        res.timed_out = h->error.code == ERR_TIMEOUT;
        res.waited = r->timeout;
        res.unreachable = h->refused;
        say_failure(r->client, h, &text);
    } else if (h->status >= 200 && h->status < 300) {
        res.ok = true;
        if (len && (body[0] == '{' || body[0] == '['))
            json = json_read(body, len, JSON_READ_PEER, NULL);
    } else if (h->status != 304) {
        say_refusal(body, len, &text);
    }
    if (r->pull)
        finish_pull(r, h, &res, &text);
    res.json = json;
    res.message = buf_str(&text);
    deliver(r, &res);
}

/* ---- streams ---- */

static void on_object(const json_t *v, void *user)
{
    struct docker_request *r = user;

    if (r->pull) {
        const char *error = json_str(v, "error");

        if (!error)
            error = json_str(json_object_get(v, "errorDetail"), "message");
        if (error && *error && !r->pull_error)
            r->pull_error = xstrndup(error, strnlen(error, MESSAGE_MAX - 1));
        return;
    }
    r->line(v, r->user);
}

static void on_object_text(const char *p, size_t n, void *user)
{
    struct docker_request *r = user;

    r->text(p, n, r->user);
}

static int on_data(struct http_request *h, const char *p, size_t n, void *user)
{
    struct docker_request *r = user;

    (void)h;
    if (r->status >= 300) {
        buf_add(&r->refusal, p, n);
        return 0;
    }
    if (r->pull) {
        r->began = true;
        loop_timer_start(r->client->loop, &r->watch, r->idle, pull_is_late);
    }
    r->in_callback = true;
    json_stream_feed(&r->objects, p, n);
    r->in_callback = false;
    if (r->cancelled)
        request_free(r);
    return 0;
}

static void on_headers(struct http_request *h, int status, void *user)
{
    struct docker_request *r = user;

    (void)h;
    r->status = status;
    if (status != 200 || !r->opened)
        return;
    r->in_callback = true;
    r->opened(r->user);
    r->in_callback = false;
    if (r->cancelled)
        request_free(r);
}

static void pull_is_late(struct clock_timer *t)
{
    struct docker_request *r = container_of(t, struct docker_request, watch);
    struct docker_result res = {.timed_out = true};

    http_cancel(r->http);
    res.phase = r->began ? "inactivity" : "pullBegin";
    res.waited = r->began ? r->idle : r->begin;
    res.message = r->began ? "inactivity time exceeded timeout while pulling image" : "";
    deliver(r, &res);
}

/* ---- sending ---- */

struct call {
    const char *method;
    const char *path; /* behind the prefix */
    int minor;        /* at least this API version; 0: the usual one */
    bool plain;       /* without a version */
    const char *body;
    size_t archive_len; /* the body is a tar of so many bytes; 0: it is JSON, a text */
    const char *auth;
    int64_t timeout, idle_timeout;
};

static struct docker_request *request_new(struct docker_client *d, docker_done_fn done, void *user)
{
    struct docker_request *r = new0(struct docker_request);

    r->client = d;
    r->done = done;
    r->user = user;
    buf_init(&r->refusal, 64u << 10);
    list_init(&r->link);
    list_add_tail(&d->requests, &r->link);
    return r;
}

static struct docker_request *send_call(struct docker_request *r, const struct call *c)
{
    struct docker_client *d = r->client;
    _cleanup_free_ char *url = NULL;
    const char *headers[4] = {NULL};
    struct http_call hc = {.method = c->method};
    int minor = c->minor > d->minor ? c->minor : d->minor;
    size_t n = 0;

    if (c->plain || d->minor == 0)
        url = xasprintf("%s%s", d->base, c->path);
    else
        url = xasprintf("%s/v1.%d%s", d->base, minor, c->path);
    if (c->body)
        headers[n++] =
            c->archive_len ? "Content-Type: application/x-tar" : "Content-Type: application/json";
    if (c->auth)
        headers[n++] = c->auth;
    hc.url = url;
    hc.unix_socket = d->socket;
    hc.headers = headers;
    hc.body = c->body;
    hc.body_len = c->archive_len ? c->archive_len : c->body ? strlen(c->body) : 0;
    hc.timeout = r->timeout = c->timeout;
    hc.idle_timeout = c->idle_timeout;
    hc.buffer = READ_BUFFER;
    hc.max_body = DOCKER_ANSWER_MAX;
    hc.done = on_done;
    hc.on_headers = r->streams ? on_headers : NULL;
    hc.data = r->streams ? on_data : NULL;
    hc.user = r;
    r->http = http_start(d->http, &hc, NULL);
    if (r->http)
        return r;
    request_free(r);
    return NULL;
}

const char *docker_socket(const struct docker_client *d)
{
    return d->socket;
}

char *docker_target(const struct docker_client *d, const char *path)
{
    return d->minor ? xasprintf("/v1.%d%s", d->minor, path) : xstrdup(path);
}

/* The path of a call with {name} filled in and a query behind it. To be freed. */
static char *path_of(enum docker_call call, const char *name, const char *query)
{
    const char *template = docker_call_info(call)->path;
    const char *brace = strchr(template, '{');

    if (!brace)
        return xasprintf("%s%s", template, query);
    return xasprintf("%.*s%s%s%s", (int)(brace - template), template, name, strchr(brace, '}') + 1,
                     query);
}

static struct docker_request *simple(struct docker_client *d, enum docker_call which,
                                     const char *name, const char *query, int64_t timeout,
                                     docker_done_fn done, void *user)
{
    _cleanup_free_ char *path = path_of(which, name, query);
    struct call c = {
        .method = docker_call_info(which)->method,
        .path = path,
        .timeout = timeout,
    };

    return send_call(request_new(d, done, user), &c);
}

struct docker_request *docker_negotiate(struct docker_client *d, docker_negotiated_fn fn,
                                        void *user)
{
    struct docker_request *r = request_new(d, NULL, user);
    struct call c = {
        .method = "GET",
        .path = docker_call_info(DOCKER_VERSION)->path,
        .plain = true,
        .timeout = DOCKER_VERSION_TIMEOUT,
    };

    r->negotiated = fn;
    return send_call(r, &c);
}

/* ---- the calls ---- */

struct docker_request *docker_ping(struct docker_client *d, int64_t timeout, docker_done_fn done,
                                   void *user)
{
    struct call c = {
        .method = "HEAD",
        .path = docker_call_info(DOCKER_PING)->path,
        .plain = true,
        .timeout = timeout,
    };

    return send_call(request_new(d, done, user), &c);
}

/*
 * The header that carries the credentials, in base64 for URLs; to be freed. line: with the newline
 * that Go's encoder puts behind the text, which the official agent's pulls have in there.
 */
static char *login_header(const json_t *login, bool line)
{
    _cleanup_buf_ struct buf header = BUF_INIT(LOGIN_HEADER_MAX);
    _cleanup_free_ char *json = login ? json_text(login) : xstrdup("{}");
    _cleanup_free_ char *text = xasprintf("%s%s", json, line ? "\n" : "");
    char *value;

    buf_adds(&header, "X-Registry-Auth: ");
    str_base64(&header, text, strlen(text));
    value = buf_data(&header) + strlen("X-Registry-Auth: ");
    for (; *value; value++)
        *value = (char)(*value == '+' ? '-' : *value == '/' ? '_' : *value);
    return buf_steal(&header, NULL);
}

struct docker_request *docker_distribution(struct docker_client *d, const char *image,
                                           const json_t *login, int64_t timeout,
                                           docker_done_fn done, void *user)
{
    _cleanup_free_ char *path = path_of(DOCKER_DISTRIBUTION_INSPECT, image, "");
    _cleanup_free_ char *auth = login_header(login, false);
    struct call c = {
        .method = "GET",
        .path = path,
        .minor = DOCKER_API_DISTRIBUTION,
        .auth = auth,
        .timeout = timeout,
    };

    if (d->highest < DOCKER_API_DISTRIBUTION)
        return NULL;
    return send_call(request_new(d, done, user), &c);
}

/* Splits name[:tag] or name@digest; *ret_tag points behind the separator, or is "latest". */
static size_t split_image(const char *image, const char **ret_tag)
{
    const char *at = strchr(image, '@');
    const char *slash = strrchr(image, '/');
    const char *colon = strrchr(slash ? slash : image, ':');

    *ret_tag = "latest";
    if (at) {
        *ret_tag = at + 1;
        return (size_t)(at - image);
    }
    if (!colon)
        return strlen(image);
    *ret_tag = colon + 1;
    return (size_t)(colon - image);
}

struct docker_request *docker_pull(struct docker_client *d, const char *image, const char *digest,
                                   const json_t *login, const struct docker_pull_limits *limits,
                                   docker_done_fn done, void *user)
{
    _cleanup_buf_ struct buf path = BUF_INIT(8192);
    _cleanup_free_ char *auth = login_header(login, true);
    struct docker_request *r = request_new(d, done, user);
    struct call c = {.method = "POST", .auth = auth, .timeout = limits->timeout};
    const char *tag;
    size_t n = split_image(image, &tag);

    buf_addf(&path, "%s?fromImage=", docker_call_info(DOCKER_IMAGE_CREATE)->path);
    str_percent(&path, image, n, false);
    buf_adds(&path, "&tag=");
    str_percent(&path, digest ? digest : tag, strlen(digest ? digest : tag), false);
    c.path = buf_str(&path);
    r->streams = r->pull = true;
    r->begin = limits->begin;
    r->idle = limits->idle;
    json_stream_init(&r->objects, DOCKER_LINE_MAX, on_object, r);
    r = send_call(r, &c);
    if (r)
        loop_timer_start(d->loop, &r->watch, limits->begin, pull_is_late);
    return r;
}

struct docker_request *docker_image_inspect(struct docker_client *d, const char *image,
                                            docker_done_fn done, void *user)
{
    return simple(d, DOCKER_IMAGE_INSPECT, image, "", DOCKER_INSPECT_TIMEOUT, done, user);
}

struct docker_request *docker_tag(struct docker_client *d, const char *image, const char *digest,
                                  docker_done_fn done, void *user)
{
    _cleanup_buf_ struct buf query = BUF_INIT(8192);
    _cleanup_free_ char *source = NULL;
    const char *tag;
    size_t n = split_image(image, &tag);

    source = xasprintf("%.*s@%s", (int)n, image, digest);
    buf_adds(&query, "?repo=");
    str_percent(&query, image, n, false);
    buf_adds(&query, "&tag=");
    str_percent(&query, tag, strlen(tag), false);
    return simple(d, DOCKER_IMAGE_TAG, source, buf_str(&query), TAG_TIMEOUT, done, user);
}

struct docker_request *docker_create(struct docker_client *d, const char *name, const char *version,
                                     const json_t *body, int64_t timeout, docker_done_fn done,
                                     void *user)
{
    _cleanup_free_ char *path = NULL, *text = json_text(body);
    struct call c = {
        .method = "POST", .minor = minor_of(version), .body = text, .timeout = timeout};

    path = xasprintf("%s?name=%s", docker_call_info(DOCKER_CONTAINER_CREATE)->path, name);
    c.path = path;
    return send_call(request_new(d, done, user), &c);
}

struct docker_request *docker_start(struct docker_client *d, const char *id, const char *version,
                                    int64_t timeout, docker_done_fn done, void *user)
{
    _cleanup_free_ char *path = path_of(DOCKER_CONTAINER_START, id, "");
    struct call c = {
        .method = "POST", .path = path, .minor = minor_of(version), .timeout = timeout};

    return send_call(request_new(d, done, user), &c);
}

struct docker_request *docker_stop(struct docker_client *d, const char *id, int64_t grace,
                                   docker_done_fn done, void *user)
{
    char query[40];

    snprintf(query, sizeof(query), "?t=%lld", (long long)(grace / NS_PER_S));
    return simple(d, DOCKER_CONTAINER_STOP, id, query, grace + DOCKER_STOP_EXTRA, done, user);
}

struct docker_request *docker_inspect(struct docker_client *d, const char *id, docker_done_fn done,
                                      void *user)
{
    return simple(d, DOCKER_CONTAINER_INSPECT, id, "", DOCKER_INSPECT_TIMEOUT, done, user);
}

struct docker_request *docker_stats_once(struct docker_client *d, const char *id,
                                         docker_done_fn done, void *user)
{
    return simple(d, DOCKER_CONTAINER_STATS, id, "?stream=0", DOCKER_STATS_INACTIVITY, done, user);
}

struct docker_request *docker_remove(struct docker_client *d, const char *id, docker_done_fn done,
                                     void *user)
{
    return simple(d, DOCKER_CONTAINER_REMOVE, id, "?v=1", DOCKER_REMOVE_TIMEOUT, done, user);
}

/* A call with a body; name: what stands in its path. */
static struct docker_request *post(struct docker_client *d, enum docker_call which,
                                   const char *name, const json_t *body, int64_t timeout,
                                   docker_done_fn done, void *user)
{
    _cleanup_free_ char *text = json_text(body), *path = path_of(which, name, "");
    struct call c = {.method = "POST", .path = path, .body = text, .timeout = timeout};

    return send_call(request_new(d, done, user), &c);
}

struct docker_request *docker_volume_create(struct docker_client *d, const json_t *body,
                                            docker_done_fn done, void *user)
{
    return post(d, DOCKER_VOLUME_CREATE, "", body, DOCKER_VOLUME_TIMEOUT, done, user);
}

struct docker_request *docker_exec_create(struct docker_client *d, const char *container,
                                          const json_t *body, docker_done_fn done, void *user)
{
    return post(d, DOCKER_EXEC_CREATE, container, body, DOCKER_EXEC_TIMEOUT, done, user);
}

struct docker_request *docker_exec_start(struct docker_client *d, const char *id,
                                         docker_done_fn done, void *user)
{
    _cleanup_json_ json_t *body = json_pack("{s:b,s:b}", "Detach", 1, "Tty", 0);

    return post(d, DOCKER_EXEC_START, id, body, DOCKER_EXEC_TIMEOUT, done, user);
}

struct docker_request *docker_exec_inspect(struct docker_client *d, const char *id,
                                           docker_done_fn done, void *user)
{
    return simple(d, DOCKER_EXEC_INSPECT, id, "", DOCKER_EXEC_TIMEOUT, done, user);
}

struct docker_request *docker_volume_inspect(struct docker_client *d, const char *name,
                                             docker_done_fn done, void *user)
{
    return simple(d, DOCKER_VOLUME_INSPECT, name, "", DOCKER_VOLUME_TIMEOUT, done, user);
}

struct docker_request *docker_volume_remove(struct docker_client *d, const char *name,
                                            docker_done_fn done, void *user)
{
    return simple(d, DOCKER_VOLUME_REMOVE, name, "", DOCKER_VOLUME_TIMEOUT, done, user);
}

struct docker_request *docker_list(struct docker_client *d, bool all, docker_done_fn done,
                                   void *user)
{
    return simple(d, DOCKER_CONTAINER_LIST, "", all ? "?all=1" : "", DOCKER_LIST_TIMEOUT, done,
                  user);
}

struct docker_request *docker_image_remove(struct docker_client *d, const char *name,
                                           docker_done_fn done, void *user)
{
    return simple(d, DOCKER_IMAGE_REMOVE, name, "?noprune=1", DOCKER_IMAGE_REMOVE_TIMEOUT, done,
                  user);
}

struct docker_request *docker_image_list(struct docker_client *d, docker_done_fn done, void *user)
{
    return simple(d, DOCKER_IMAGE_LIST, "", "", DOCKER_LIST_TIMEOUT, done, user);
}

struct docker_request *docker_image_load(struct docker_client *d, const char *archive, size_t n,
                                         docker_done_fn done, void *user)
{
    _cleanup_free_ char *path = path_of(DOCKER_IMAGE_LOAD, "", "?quiet=0");
    struct call c = {
        .method = "POST",
        .path = path,
        .body = archive,
        .archive_len = n,
        .timeout = DOCKER_LOAD_TIMEOUT,
    };

    return send_call(request_new(d, done, user), &c);
}

struct docker_request *docker_stream(struct docker_client *d, const struct docker_stream_call *sc)
{
    struct docker_request *r = request_new(d, sc->done, sc->user);
    struct call c = {.method = "GET", .path = sc->path, .idle_timeout = sc->idle_timeout};

    r->streams = true;
    r->opened = sc->opened;
    r->line = sc->line;
    r->text = sc->text;
    json_stream_init(&r->objects, sc->max_line, on_object, r);
    if (r->text)
        r->objects.text_fn = on_object_text;
    return send_call(r, &c);
}
