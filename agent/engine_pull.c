/*
 * From a name to an image: the digest, the pull, the tag, a look at the image.
 *
 * The digest is asked for nine times in about 15 seconds. When the daemon
 * cannot tell (no registry, 404, 500) the tag is pulled all the same, unless
 * the pull behaviour is always or once, and the error stays the container's
 * reason, whatever comes after. A daemon whose API has no such call is not
 * asked. (docker_client.go:PullImageManifest, task_manager.go:handleEventError)
 */
#include "agent/engine_internal.h"
#include "agent/reason.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define RESOLVE_WAIT_MIN (10 * NS_PER_MS)
#define RESOLVE_WAIT_MAX (5 * NS_PER_S)
#define PULL_WAIT_MIN    (1100 * NS_PER_MS)
#define PULL_WAIT_MAX    (5 * NS_PER_S)
#define TAG_TRIES        5
#define TAG_WAIT         (100 * NS_PER_MS)

static void resolve_now(struct container *c);
static void pull_now(struct container *c);
static void tag_now(struct container *c);
static void look_at_image(struct container *c);

/* Whether the image is one that this agent has pulled and may use as it is. */
static bool pulled_once(const struct container *c)
{
    const struct engine *en = c->work->en;

    return en->config->pull_behavior == PULL_ONCE && engine_image_was_pulled(en, c->image);
}

/* ---- the digest ---- */

static void resolved(struct container *c)
{
    engine_step_done(c);
    engine_set_known(c, CONTAINER_MANIFEST_PULLED);
}

static bool is_digest(const char *s)
{
    const char *hex = s ? str_after(s, "sha256:") : NULL;

    return hex && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

/* Digests of schema 1 manifests do not name what the daemon stores. */
static bool is_schema1(const json_t *descriptor)
{
    const char *type = json_str(descriptor, "mediaType");

    return type && strstr(type, "manifest.v1");
}

/* What is left of the time for all tries; never nothing, which would be no limit. */
static int64_t time_left(const struct container *c)
{
    int64_t left = c->work->until - loop_now(c->work->en->loop);

    return left > NS_PER_MS ? left : NS_PER_MS;
}

/* The same result, with the time that was given to all tries. */
static struct docker_result of_all_tries(const struct docker_result *r, int64_t given)
{
    struct docker_result all = *r;

    all.waited = given;
    return all;
}

static void on_resolve_retry(struct clock_timer *t)
{
    resolve_now(container_of(t, struct container_work, retry)->c);
}

/* always and once want no image that happens to be there. */
static bool is_fresh_wanted(const struct engine *en)
{
    return en->config->pull_behavior == PULL_ALWAYS || en->config->pull_behavior == PULL_ONCE;
}

static void give_up(struct container *c, const char *name, const char *text)
{
    engine_step_done(c);
    engine_fail(c, name, text);
    c->task->work->dirty |= task_set_desired(c->task, TASK_STOPPED, c->work->en->log);
    engine_progress(c->task);
}

static void resolve_failed(struct container *c, const struct docker_result *r)
{
    struct container_work *w = c->work;
    struct engine *en = w->en;
    _cleanup_buf_ struct buf text = BUF_INIT(8192);
    struct docker_result all;
    const char *name;

    if (++w->tries < DOCKER_MANIFEST_TRIES && !r->timed_out) {
        loop_timer_start(en->loop, &w->retry, backoff_next(&w->backoff), on_resolve_retry);
        return;
    }
    all = r->timed_out ? of_all_tries(r, en->config->manifest_pull_timeout) : *r;
    name = reason_of_manifest(&all, c->image, &text);
    log_event(en->log, LOG_WARN, "No digest for the image", "task", c->task->arn, "container",
              c->name, "image", c->image, "error", buf_str(&text), NULL);
    if (is_fresh_wanted(en)) {
        give_up(c, name, buf_str(&text));
        return;
    }
    container_set_error(c, name, buf_str(&text));
    w->dirty = true;
    resolved(c);
    engine_progress(c->task);
}

static void on_distribution(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;
    const json_t *descriptor = json_object_get(r->json, "Descriptor");
    const char *digest = json_str(descriptor, "digest");

    w->call = NULL;
    if (!r->ok) {
        engine_login_refused(c, r->message);
        resolve_failed(c, r);
        return;
    }
    if (is_digest(digest) && !is_schema1(descriptor)) {
        container_set_text(&c->image_digest, digest);
        w->dirty = true;
    } else {
        log_event(w->en->log, LOG_INFO, "No digest for the image: its tag will be pulled", "task",
                  c->task->arn, "container", c->name, "image", c->image, "error",
                  "no digest in the answer", NULL);
    }
    resolved(c);
    engine_progress(c->task);
}

/* Without the credentials that the payload speaks of nobody is asked. */
static void login_failed(struct container *c, const struct err *e,
                         void (*go_on)(struct container *))
{
    log_event(c->work->en->log, LOG_WARN, "No credentials for the registry", "task", c->task->arn,
              "container", c->name, "image", c->image, "error", e->text, NULL);
    if (is_fresh_wanted(c->work->en)) {
        give_up(c, REASON_PULL_ECR, e->text);
        return;
    }
    container_set_error(c, REASON_PULL_ECR, e->text);
    c->work->dirty = true;
    go_on(c);
}

static void resolved_go_on(struct container *c)
{
    resolved(c);
    engine_progress(c->task);
}

static void on_resolve_login(struct container *c, const json_t *login, const struct err *e)
{
    struct container_work *w = c->work;
    struct engine *en = w->en;

    if (e->code != ERR_NONE) {
        login_failed(c, e, resolved_go_on);
        return;
    }
    w->call = docker_distribution(en->docker, c->image, login, time_left(c), on_distribution, c);
    if (!w->call)
        resolved_go_on(c);
}

static void resolve_now(struct container *c)
{
    engine_login(c, on_resolve_login);
}

/* An image's repository as Docker shows it: "redis" for docker.io/library/redis:7. To be freed. */
static char *familiar_repository(const char *image)
{
    static const char *const prefixes[] = {"docker.io/", "index.docker.io/", "library/"};
    const char *slash, *colon;

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (str_starts(image, prefixes[i]))
            image += strlen(prefixes[i]);
    slash = strrchr(image, '/');
    colon = strchr(slash ? slash : image, ':');
    return xstrndup(image, colon ? (size_t)(colon - image) : strlen(image));
}

/* The digest by which the image that is there was pulled. */
static void take_local_digest(struct container *c, const json_t *image)
{
    _cleanup_free_ char *repository = familiar_repository(c->image);
    const json_t *v;
    size_t i;

    json_array_foreach (json_object_get(image, "RepoDigests"), i, v) {
        const char *rest = str_after(json_string_value(v) ? json_string_value(v) : "", repository);

        if (rest && *rest == '@' && is_digest(rest + 1)) {
            container_set_text(&c->image_digest, rest + 1);
            c->work->dirty = true;
            return;
        }
    }
}

/* What is there and is to be used as it is needs no registry. */
static void on_local(const struct docker_result *r, void *user)
{
    struct container *c = user;

    c->work->call = NULL;
    if (!r->ok && !pulled_once(c)) {
        resolve_now(c);
        return;
    }
    if (r->ok)
        take_local_digest(c, r->json);
    resolved_go_on(c);
}

void engine_begin_resolve(struct container *c)
{
    struct container_work *w = c->work;
    const struct engine *en = w->en;

    c->applied = CONTAINER_MANIFEST_PULLED;
    w->tries = 0;
    w->until = loop_now(en->loop) + en->config->manifest_pull_timeout;
    backoff_init(&w->backoff, RESOLVE_WAIT_MIN, RESOLVE_WAIT_MAX, 3.0, 0.2);
    if (strchr(c->image, '@'))
        resolved(c);
    else if (pulled_once(c) || en->config->pull_behavior == PULL_PREFER_CACHED)
        w->call = docker_image_inspect(en->docker, c->image, on_local, c);
    else
        resolve_now(c);
}

/* ---- the pull ---- */

static void on_pull_retry(struct clock_timer *t)
{
    pull_now(container_of(t, struct container_work, retry)->c);
}

/* ECS_IMAGE_PULL_TIMEOUT is for all tries together. */
static bool is_whole_time(const struct docker_result *r)
{
    return r->timed_out && str_eq(r->phase, "pulled");
}

static void pull_failed(struct container *c, const struct docker_result *r)
{
    struct container_work *w = c->work;
    struct engine *en = w->en;
    _cleanup_buf_ struct buf text = BUF_INIT(8192);
    struct docker_result all;
    const char *name;

    if (++w->tries < DOCKER_PULL_TRIES && !is_whole_time(r)) {
        log_event(en->log, LOG_WARN, "Pull failed: trying again", "task", c->task->arn, "container",
                  c->name, "image", c->image, "error", r->timed_out ? "too slow" : r->message,
                  NULL);
        loop_timer_start(en->loop, &w->retry, backoff_next(&w->backoff), on_pull_retry);
        return;
    }
    c->task->pull_stopped_at = loop_wall(en->loop);
    c->task->work->dirty = true;
    all = is_whole_time(r) ? of_all_tries(r, en->config->image_pull_timeout) : *r;
    name = reason_of_pull(&all, c->image, &text);
    if (is_fresh_wanted(en)) {
        give_up(c, name, buf_str(&text));
        return;
    }
    log_event(en->log, LOG_WARN, "Pull failed: the image may be there all the same", "task",
              c->task->arn, "container", c->name, "image", c->image, "error", buf_str(&text), NULL);
    container_set_error(c, name, buf_str(&text));
    w->dirty = true;
    look_at_image(c);
}

static void on_pulled(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;

    w->call = NULL;
    if (!r->ok) {
        engine_login_refused(c, r->message);
        pull_failed(c, r);
        return;
    }
    c->task->pull_stopped_at = loop_wall(w->en->loop);
    c->task->work->dirty = true;
    w->pulled = true;
    w->tries = 0;
    if (c->image_digest)
        tag_now(c);
    else
        look_at_image(c);
}

static void stop_pulling(struct container *c)
{
    c->task->pull_stopped_at = loop_wall(c->work->en->loop);
    c->task->work->dirty = true;
    look_at_image(c);
}

static void on_pull_login(struct container *c, const json_t *login, const struct err *e)
{
    struct container_work *w = c->work;
    const struct config *config = w->en->config;
    const struct docker_pull_limits limits = {DOCKER_PULL_BEGIN, config->pull_inactivity_timeout,
                                              time_left(c)};

    if (e->code != ERR_NONE)
        login_failed(c, e, stop_pulling);
    else
        w->call =
            docker_pull(w->en->docker, c->image, c->image_digest, login, &limits, on_pulled, c);
}

static void pull_now(struct container *c)
{
    if (!c->task->pull_started_at) {
        c->task->pull_started_at = loop_wall(c->work->en->loop);
        c->task->work->dirty = true;
    }
    engine_login(c, on_pull_login);
}

/* ---- the tag ---- */

static void on_tag_retry(struct clock_timer *t)
{
    tag_now(container_of(t, struct container_work, retry)->c);
}

static void on_tagged(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;

    w->call = NULL;
    if (r->ok) {
        look_at_image(c);
    } else if (++w->tries < TAG_TRIES) {
        loop_timer_start(w->en->loop, &w->retry, TAG_WAIT, on_tag_retry);
    } else {
        w->tries = DOCKER_PULL_TRIES; /* what was pulled cannot be used by its name */
        pull_failed(c, r);
    }
}

static void tag_now(struct container *c)
{
    c->work->call = docker_tag(c->work->en->docker, c->image, c->image_digest, on_tagged, c);
}

/* ---- the image ---- */

static bool names_region(const json_t *image)
{
    const json_t *line;
    size_t i;

    json_array_foreach (json_at(image, "Config.Env"), i, line) {
        const char *text = json_string_value(line);

        if (text && (str_starts(text, "AWS_REGION=") || str_starts(text, "AWS_DEFAULT_REGION=")))
            return true;
    }
    return false;
}

static void take_image(struct container *c, const json_t *image)
{
    container_set_text(&c->image_id, json_str(image, "Id"));
    c->image_sets_region = names_region(image);
    if (!c->image_digest) {
        take_local_digest(c, image);
        c->digest_late = true;
    }
    engine_image_used(c, json_int(image, "Size", 0), c->work->pulled);
    c->work->dirty = true;
}

/* With or without an answer: the create will say whether the image is there. */
static void on_image(const struct docker_result *r, void *user)
{
    struct container *c = user;

    c->work->call = NULL;
    if (r->ok)
        take_image(c, r->json);
    engine_step_done(c);
    engine_set_known(c, CONTAINER_PULLED);
    engine_progress(c->task);
}

static void look_at_image(struct container *c)
{
    c->work->call = docker_image_inspect(c->work->en->docker, c->image, on_image, c);
}

/* prefer-cached: pulled only when it is not there. */
static void on_cached(const struct docker_result *r, void *user)
{
    struct container *c = user;

    if (r->ok) {
        on_image(r, user);
        return;
    }
    c->work->call = NULL;
    pull_now(c);
}

void engine_begin_pull(struct container *c)
{
    struct container_work *w = c->work;

    c->applied = CONTAINER_PULLED;
    w->tries = 0;
    w->until = loop_now(w->en->loop) + w->en->config->image_pull_timeout;
    backoff_init(&w->backoff, PULL_WAIT_MIN, PULL_WAIT_MAX, 2.0, 0.2);
    if (pulled_once(c))
        look_at_image(c);
    else if (w->en->config->pull_behavior == PULL_PREFER_CACHED)
        w->call = docker_image_inspect(w->en->docker, c->image, on_cached, c);
    else
        pull_now(c);
}
