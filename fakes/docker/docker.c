/* The engine as a fake: routes, versions, and the forms of its answers. */
#include "fakes/docker/docker.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/process.h"
#include "fakes/docker/rootfs.h"
#include "fakes/docker/spool.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/registry.h"
#include "fakes/docker/trouble.h"

static void not_simulated(struct fake *f, struct exchange *x);

static const char engine[] = "engine", images[] = "images", lifecycle[] = "lifecycle",
                  volumes[] = "volumes", networks[] = "networks";

static const struct route routes[] = {
    {"GET", "/_ping", engine, get_ping},
    {"HEAD", "/_ping", engine, get_ping},
    {"GET", "/version", engine, get_version},
    {"GET", "/info", engine, get_info},
    {"GET", "/events", engine, get_events},
    {"GET", "/plugins", engine, get_plugins},
    {"GET", "/system/df", engine, get_system_df},
    {"POST", "/auth", engine, post_auth},
    {"GET", "/plugins/{name...}/json", engine, plugin_missing},
    {"POST", "/plugins/{name...}/enable", engine, plugin_missing},
    {"POST", "/plugins/{name...}/disable", engine, plugin_missing},
    {"POST", "/plugins/{name...}/push", engine, plugin_missing},
    {"POST", "/plugins/{name...}/set", engine, post_plugin_set},
    {"POST", "/plugins/{name...}/upgrade", engine, post_plugin_upgrade},
    {"DELETE", "/plugins/{name...}", engine, plugin_missing},
    {"GET", "/swarm", engine, not_a_manager},
    {"GET", "/swarm/unlockkey", engine, not_a_manager},
    {"POST", "/swarm/unlock", engine, post_swarm_thing},
    {"POST", "/swarm/leave", engine, post_swarm_leave},
    {"POST", "/swarm/update", engine, post_swarm_update},
    {"GET", "/services", engine, not_a_manager},
    {"POST", "/services/create", engine, post_swarm_thing},
    {"GET", "/services/{id}", engine, not_a_manager},
    {"DELETE", "/services/{id}", engine, not_a_manager},
    {"POST", "/services/{id}/update", engine, post_swarm_update},
    {"GET", "/services/{id}/logs", engine, not_a_manager},
    {"GET", "/nodes", engine, not_a_manager},
    {"GET", "/nodes/{id}", engine, not_a_manager},
    {"DELETE", "/nodes/{id}", engine, not_a_manager},
    {"POST", "/nodes/{id}/update", engine, post_swarm_update},
    {"GET", "/tasks", engine, not_a_manager},
    {"GET", "/tasks/{id}", engine, not_a_manager},
    {"GET", "/tasks/{id}/logs", engine, not_a_manager},
    {"GET", "/secrets", engine, not_a_manager},
    {"POST", "/secrets/create", engine, post_swarm_thing},
    {"GET", "/secrets/{id}", engine, not_a_manager},
    {"DELETE", "/secrets/{id}", engine, not_a_manager},
    {"POST", "/secrets/{id}/update", engine, post_swarm_update},
    {"GET", "/configs", engine, not_a_manager},
    {"POST", "/configs/create", engine, post_swarm_thing},
    {"GET", "/configs/{id}", engine, not_a_manager},
    {"DELETE", "/configs/{id}", engine, not_a_manager},
    {"POST", "/configs/{id}/update", engine, post_swarm_update},
    {"GET", "/networks", engine, get_networks},
    {"GET", "/networks/", engine, get_networks},
    {"GET", "/networks/{id}", engine, get_network},
    {"GET", "/containers/json", engine, get_containers},
    {"GET", "/containers/{name...}/json", engine, get_container},
    {"GET", "/containers/{name...}/top", engine, get_container_top},
    {"GET", "/containers/{name...}/logs", engine, get_container_logs},
    {"GET", "/containers/{name...}/stats", engine, get_container_stats},
    {"POST", "/containers/create", lifecycle, post_containers_create},
    {"POST", "/containers/prune", lifecycle, post_containers_prune},
    {"POST", "/containers/{name...}/start", lifecycle, post_container_start},
    {"POST", "/containers/{name...}/stop", lifecycle, post_container_stop},
    {"POST", "/containers/{name...}/kill", lifecycle, post_container_kill},
    {"POST", "/containers/{name...}/restart", lifecycle, post_container_restart},
    {"POST", "/containers/{name...}/pause", lifecycle, post_container_pause},
    {"POST", "/containers/{name...}/unpause", lifecycle, post_container_unpause},
    {"POST", "/containers/{name...}/wait", lifecycle, post_container_wait},
    {"POST", "/containers/{name...}/rename", lifecycle, post_container_rename},
    {"POST", "/containers/{name...}/update", lifecycle, post_container_update},
    {"DELETE", "/containers/{name...}", lifecycle, delete_container},
    {"GET", "/containers/{name...}/changes", engine, get_container_changes},
    {"GET", "/containers/{name...}/export", engine, get_container_export},
    {"GET", "/containers/{name...}/archive", engine, get_container_archive},
    {"HEAD", "/containers/{name...}/archive", engine, get_container_archive},
    {"PUT", "/containers/{name...}/archive", lifecycle, put_container_archive},
    {"POST", "/containers/{name...}/attach", lifecycle, post_container_attach},
    {"GET", "/containers/{name...}/attach/ws", lifecycle, get_container_attach_ws},
    {"POST", "/containers/{name...}/resize", lifecycle, post_container_resize},
    {"POST", "/containers/{name...}/exec", lifecycle, post_container_exec},
    {"POST", "/exec/{id}/start", lifecycle, post_exec_start},
    {"POST", "/exec/{id}/resize", lifecycle, post_exec_resize},
    {"GET", "/exec/{id}/json", engine, get_exec},
    {"GET", "/images/json", images, get_images},
    {"GET", "/images/search", images, get_images_search},
    {"GET", "/images/get", images, get_images_tar},
    {"POST", "/images/load", images, post_images_load},
    {"GET", "/images/{name...}/get", images, get_image_tar},
    {"POST", "/images/{name...}/push", images, post_image_push},
    {"POST", "/build", images, post_build},
    {"POST", "/build/prune", images, post_build_prune},
    {"POST", "/session", images, post_session},
    {"POST", "/images/create", images, post_images_create},
    {"POST", "/commit", images, post_commit},
    {"POST", "/images/prune", images, post_images_prune},
    {"GET", "/images/{name...}/json", images, get_image},
    {"GET", "/images/{name...}/history", images, get_image_history},
    {"POST", "/images/{name...}/tag", images, post_image_tag},
    {"GET", "/distribution/{name...}/json", images, get_distribution},
    {"GET", "/volumes", volumes, get_volumes},
    {"POST", "/volumes/create", volumes, post_volumes_create},
    {"POST", "/volumes/prune", volumes, post_volumes_prune},
    {"GET", "/volumes/", volumes, get_volume},
    {"GET", "/volumes/{name...}", volumes, get_volume},
    {"DELETE", "/volumes/{name...}", volumes, delete_volume},
    /* known to dockerd, not to us */
    {"POST", "/build/cancel", NULL, not_simulated},
    {"POST", "/grpc", NULL, not_simulated},
    {"DELETE", "/images/{name...}", images, delete_image},
    {"POST", "/networks/create", networks, post_networks_create},
    {"POST", "/networks/prune", networks, post_networks_prune},
    {"POST", "/networks/{id}/connect", networks, post_network_connect},
    {"POST", "/networks/{id}/disconnect", networks, post_network_disconnect},
    {"DELETE", "/networks/{id}", networks, delete_network},
    {"GET", "/plugins/privileges", NULL, not_simulated},
    {"POST", "/plugins/pull", NULL, not_simulated},
    {"POST", "/plugins/create", NULL, not_simulated},
    {"POST", "/swarm/init", NULL, not_simulated},
    {"POST", "/swarm/join", NULL, not_simulated},
    {NULL, NULL, NULL, NULL},
};

/* "1.41" is 1041, and so is "1.41.0"; "1" is 1000. */
static int path_version(const char *s)
{
    char *end;
    unsigned long major = strtoul(s, &end, 10),
                  minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

    return (int)(major < 1000 ? major : 999) * 1000 + (int)(minor < 1000 ? minor : 999);
}

/* The path behind /vN.NN, and the version; -1 when the path names none. */
static const char *split_version(const char *path, int *ret_version)
{
    const char *v = str_after(path, "/v");
    size_t n = v ? strspn(v, "0123456789.") : 0;

    *ret_version = -1;
    if (!n || v[n] != '/')
        return path;
    *ret_version = path_version(v);
    return v + n;
}

int call_version(const struct exchange *x)
{
    int v;

    split_version(x->path, &v);
    return v < 0 ? docker_of(x)->api : v;
}

int problem(struct problem *p, int status, const char *fmt, ...)
{
    va_list ap;

    free(p->text);
    p->status = status;
    va_start(ap, fmt);
    p->text = xvasprintf(fmt, ap);
    va_end(ap);
    return -1;
}

static void engine_headers(struct exchange *x, const char *type, bool experimental)
{
    struct docker *d = docker_of(x);
    char api[24], server[96];

    snprintf(api, sizeof(api), "%d.%d", d->api / 1000, d->api % 1000);
    snprintf(server, sizeof(server), "Docker/%.64s (%s)", d->version, docker_os(d));
    exchange_set_header(x, "Api-Version", api);
    if (type)
        exchange_set_header(x, "Content-Type", type);
    if (experimental)
        exchange_set_header(x, "Docker-Experimental", "false");
    exchange_set_header(x, "Ostype", docker_os(d));
    exchange_set_header(x, "Server", server);
}

void docker_headers(struct exchange *x, const char *type)
{
    engine_headers(x, type, true);
}

void docker_begin(struct exchange *x, const char *type)
{
    docker_headers(x, type);
    exchange_begin(x, 200, NULL, -1);
}

/* Errors were plain text below 1.24, until engine 25 forgot that. */
static bool plain_errors(const struct exchange *x)
{
    return call_version(x) < API(24) && docker_of(x)->api < API(44);
}

static void answer_error(struct exchange *x, int status, const char *text)
{
    struct buf b = BUF_INIT(ANSWER_MAX);

    if (plain_errors(x)) {
        exchange_set_header(x, "X-Content-Type-Options", "nosniff");
        buf_addf(&b, "%s\n", text);
    } else {
        buf_adds(&b, "{\"message\":");
        gojson_add(&b, text);
        buf_adds(&b, "}\n");
    }
    exchange_answer(x, status, NULL, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

static const char *error_type(const struct exchange *x)
{
    return plain_errors(x) ? "text/plain; charset=utf-8" : "application/json";
}

void docker_refuse(struct exchange *x, struct problem *p)
{
    docker_headers(x, error_type(x));
    answer_error(x, p->status, p->text);
    free(p->text);
    p->text = NULL;
}

void docker_refuse_text(struct exchange *x, int status, const char *fmt, ...)
{
    struct problem p = {.status = status};
    va_list ap;

    va_start(ap, fmt);
    p.text = xvasprintf(fmt, ap);
    va_end(ap);
    docker_refuse(x, &p);
}

/* net/http counts what fits into its buffer and sends the rest in chunks. */
#define COUNTED_MAX 2048

void docker_answer(struct exchange *x, int status, struct buf *b)
{
    buf_addc(b, '\n');
    docker_headers(x, "application/json");
    if (buf_len(b) <= COUNTED_MAX) {
        exchange_answer(x, status, NULL, buf_str(b), buf_len(b));
    } else {
        exchange_begin(x, status, NULL, -1);
        exchange_write(x, buf_str(b), buf_len(b));
        exchange_end(x);
    }
    buf_release(b);
}

void docker_answer_empty(struct exchange *x, int status)
{
    docker_headers(x, NULL);
    if (status == 304 && plain_errors(x)) /* dockerd answers it as an error */
        exchange_set_header(x, "X-Content-Type-Options", "nosniff");
    exchange_answer(x, status, NULL, "", 0);
}

char *docker_param(struct exchange *x, const char *name)
{
    struct docker *d = docker_of(x);
    const char *path;
    char *v;
    int version;

    path = split_version(x->path, &version);
    v = d->route ? route_param(d->route->pattern, path, name) : NULL;
    return v ? v : xstrdup("");
}

/* --- bodies ------------------------------------------------------------------------------ */

static int content_type_wrong(struct exchange *x, struct problem *p)
{
    const char *type = exchange_header(x, "Content-Type");
    bool modern = docker_modern(docker_of(x));
    size_t n;

    if (!type || !*type) {
        if (!buf_len(&x->body))
            return 0;
        return modern ? problem(p, 400, "malformed Content-Type header (): mime: no media type")
                      : problem(p, 400, "Content-Type specified () must be 'application/json'");
    }
    n = strcspn(type, "; \t");
    if (n == strlen("application/json") && !strncasecmp(type, "application/json", n))
        return 0;
    return problem(p, 400,
                   modern ? "unsupported Content-Type header (%s): must be 'application/json'"
                          : "Content-Type specified (%s) must be 'application/json'",
                   type);
}

json_t *docker_body(struct exchange *x, struct problem *p)
{
    bool modern = docker_modern(docker_of(x));
    char why[GOJSON_TEXT_MAX];
    json_t *v;

    if (content_type_wrong(x, p) < 0)
        return NULL;
    v = gojson_read(buf_str(&x->body), buf_len(&x->body), GOJSON_DECODER, why);
    if (v)
        return v;
    if (!modern)
        problem(p, 500, "%s", why);
    else if (str_eq(why, "EOF"))
        problem(p, 400, "invalid JSON: got EOF while reading request body");
    else
        problem(p, 400, "invalid JSON: %s", why);
    return NULL;
}

json_t *docker_body_strict(struct exchange *x, struct problem *p)
{
    json_t *v;

    if (docker_modern(docker_of(x)) && !buf_len(&x->body))
        return json_object(); /* no body is one without members */
    v = docker_body(x, p);
    if (!v && p->status == 500) {
        p->status = 400;
        if (str_eq(p->text, "EOF"))
            problem(p, 400, "got EOF while reading request body");
    }
    return v;
}

/* --- answers that take their time --------------------------------------------------------- */

/* dockerd asks for a plugin again and again before it gives up. */
#define PLUGIN_SEARCH_NS (15 * NS_PER_S)

struct delayed {
    struct list link;
    struct clock_timer timer;
    struct exchange *x;
    struct problem p;
};

static void delayed_free(struct delayed *l)
{
    clock_timer_stop(docker_clock(docker_of(l->x)), &l->timer);
    list_del(&l->link);
    free(l->p.text);
    free(l);
}

static void on_delayed(struct clock_timer *t)
{
    struct delayed *l = container_of(t, struct delayed, timer);
    struct exchange *x = l->x;
    struct problem p = l->p;

    l->p.text = NULL;
    x->on_gone = NULL;
    delayed_free(l);
    docker_refuse(x, &p);
}

static void delayed_gone(struct exchange *x)
{
    delayed_free(x->data);
}

void docker_refuse_later(struct exchange *x, struct problem *p)
{
    docker_refuse_after(x, p, PLUGIN_SEARCH_NS);
}

void docker_refuse_after(struct exchange *x, struct problem *p, int64_t ns)
{
    struct docker *d = docker_of(x);
    struct delayed *l = new0(struct delayed);

    l->x = x;
    l->p = *p;
    p->text = NULL;
    list_add_tail(&d->delayed, &l->link);
    x->data = l;
    x->on_gone = delayed_gone;
    clock_timer_start(docker_clock(d), &l->timer, ns, on_delayed);
}

/* --- the fake ---------------------------------------------------------------------------- */

static void not_simulated(struct fake *f, struct exchange *x)
{
    const char *path;
    int version;

    (void)f;
    path = split_version(x->path, &version);
    docker_refuse_text(x, 501, "ecsim does not simulate %s %s", x->method, path);
}

/* A tar may be larger than memory should be. */
static void docker_begin_body(struct fake *f, struct exchange *x)
{
    const struct route *r;
    bool other;
    int version;

    (void)f;
    r = route_find(routes, x->method, split_version(x->path, &version), &other);
    if (r && (r->handle == put_container_archive || r->handle == post_images_load ||
              (r->handle == post_images_create && post_image_imports(x))))
        spool_begin(x);
}

static void docker_classify(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    const struct route *r;
    const char *path;
    bool other;
    int version;

    path = split_version(x->path, &version);
    x->what = xasprintf("%s %s", x->method, path);
    r = route_find(routes, x->method, path, &other);
    x->group = r ? r->group : NULL;
    if (r && r->handle == post_images_create)
        x->extra = pull_extra(d, x);
    else if (r && r->handle == get_distribution)
        auth_extra(d, x, x->extra = json_object());
}

static void page_not_found(struct exchange *x)
{
    exchange_set_header(x, "Content-Type", error_type(x));
    answer_error(x, 404, "page not found");
}

/* True when the window does not hold the call's version; it was answered. */
static bool outside_window(struct docker *d, struct exchange *x, int version)
{
    int given = (int)strspn(x->path + 2, "0123456789.");
    char text[200];

    given = given < 20 ? given : 20;
    if (version < 0 || (version >= d->min && version <= d->api))
        return false;
    if (version < d->min)
        snprintf(text, sizeof(text),
                 "client version %.*s is too old. Minimum supported API version is %d.%d, "
                 "please upgrade your client to a newer version",
                 given, x->path + 2, d->min / 1000, d->min % 1000);
    else
        snprintf(text, sizeof(text),
                 "client version %.*s is too new. Maximum supported API version is %d.%d", given,
                 x->path + 2, d->api / 1000, d->api % 1000);
    engine_headers(x, error_type(x), false);
    answer_error(x, 400, text);
    return true;
}

/* gorilla/mux answers a path that is not clean with the one that is. */
static bool redirected(struct exchange *x)
{
    struct buf b = BUF_INIT(HTTP_TARGET_MAX);
    const char *s = x->path;
    bool dirty = strstr(s, "//") || strstr(s, "/./") || strstr(s, "/../") || str_ends(s, "/.") ||
                 str_ends(s, "/..");

    if (!dirty)
        return false;
    while (*s) {
        size_t n = strspn(s, "/"), len = strcspn(s + n, "/");

        if (len == 2 && !strncmp(s + n, "..", 2)) {
            const char *begin = buf_str(&b), *slash = strrchr(begin, '/');

            b.len = slash ? (size_t)(slash - begin) : 0;
            buf_data(&b)[b.len] = '\0';
        } else if (len && !(len == 1 && s[n] == '.')) {
            buf_addf(&b, "/%.*s", (int)len, s + n);
        } else if (!s[n + len] && !len) {
            buf_addc(&b, '/');
        }
        s += n + len;
    }
    if (!buf_len(&b))
        buf_addc(&b, '/');
    if (*x->raw_query)
        buf_addf(&b, "?%s", x->raw_query);
    exchange_set_header(x, "Location", buf_str(&b));
    exchange_answer(x, 301, NULL, "", 0);
    buf_release(&b);
    return true;
}

static void docker_handle(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    const struct route *r;
    const char *path;
    bool other;
    int version;

    path = split_version(x->path, &version);
    r = route_find(routes, x->method, path, &other);
    if (redirected(x))
        return;
    if (!r && !str_eq(x->method, "OPTIONS")) {
        page_not_found(x);
        return;
    }
    if (outside_window(d, x, version))
        return;
    if (!r) {
        docker_answer_empty(x, 200);
        return;
    }
    d->route = r;
    if (!trouble_holds(d, x))
        r->handle(f, x);
    d->route = NULL;
}

void docker_handle_again(struct docker *d, struct exchange *x)
{
    const struct route *before = d->route;

    docker_handle(&d->fake, x);
    d->route = before;
}

static void docker_refuse_op(struct fake *f, struct exchange *x, int status, const char *type,
                             const char *message)
{
    struct problem p = {0};
    struct ref none = {0};

    (void)f;
    if (type)
        pull_problem(&p, type, &none);
    if (message)
        problem(&p, p.status ? p.status : 500, "%s", message);
    if (!p.text)
        problem(&p, status ? status : 500, "%s", type ? type : "server error");
    if (status)
        p.status = status;
    docker_refuse(x, &p);
}

static int docker_init(struct fake *f, struct err *e)
{
    struct docker *d = (struct docker *)f;
    char hex[33];

    list_init(&d->containers);
    list_init(&d->event_streams);
    list_init(&d->stat_streams);
    list_init(&d->pulls);
    list_init(&d->delayed);
    list_init(&d->trouble.calls);
    d->next_pid = 1200;
    for (size_t i = 0; i < ARRAY_SIZE(d->next_port); i++)
        d->next_port[i] = 32768;
    d->collected = -1;
    docker_networks_init(d);
    world_hex(f->world, 16, hex);
    d->engine_id =
        xasprintf("%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
    return docker_set_version(d, "20.10.24", NULL, NULL, e);
}

/* All but who makes the processes. */
static void release_all(struct docker *d)
{
    docker_delayed_release(d);
    trouble_release(d);
    docker_containers_release(d);
    docker_execs_release(d);
    docker_files_release(d);
    docker_images_release(d);
    catalogue_release(d);
    docker_registries_release(d);
    docker_volumes_release(d);
    docker_events_release(d);
    clock_timer_stop(docker_clock(d), &d->collector);
    map_release(&d->ports);
    docker_networks_release(d);
    free(d->engine_id);
    free(d->version);
}

static void docker_release(struct fake *f)
{
    struct docker *d = (struct docker *)f;

    release_all(d);
    if (d->host)
        d->host->free(d->host);
}

void docker_delayed_release(struct docker *d)
{
    while (!list_empty(&d->delayed))
        delayed_free(container_of(d->delayed.next, struct delayed, link));
}

static void docker_reset(struct fake *f)
{
    struct docker *d = (struct docker *)f;
    struct fake core = *f;
    struct err e = ERR_INIT;
    struct process_host *host = d->host;
    bool own_networks = d->own_networks;

    release_all(d);
    *d = (struct docker){.fake = core, .host = host, .own_networks = own_networks};
    /* the list's ends point at its head, which has not moved */
    docker_init(f, &e);
}

static const char *const groups[] = {engine, images, lifecycle, volumes, networks, NULL};

const struct fake_ops docker_ops = {
    .name = "docker",
    .doc = "Docker Engine API (20.10 by default) on a unix socket or TCP",
    .size = sizeof(struct docker),
    .init = docker_init,
    .reset = docker_reset,
    .release = docker_release,
    .begin = docker_begin_body,
    .classify = docker_classify,
    .handle = docker_handle,
    .refuse = docker_refuse_op,
    .control = docker_control,
    .pending = docker_pending,
    .groups = groups,
};
