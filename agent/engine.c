#include "agent/ecs_register.h"
#include "agent/engine_internal.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* ---- tasks ---- */

void engine_add_task(struct engine *en, struct task *t)
{
    struct task_work *tw = new0(struct task_work);

    tw->en = en;
    tw->t = t;
    t->work = tw;
    for (size_t i = 0; i < t->n_containers; i++) {
        struct container_work *w = new0(struct container_work);

        w->en = en;
        w->c = &t->containers[i];
        t->containers[i].work = w;
        w->restarts_told = w->c->restarts;
        if (w->c->docker_id)
            map_set(&en->by_docker_id, w->c->docker_id, w->c);
        if (w->c->endpoint_id)
            map_set(&en->by_endpoint, w->c->endpoint_id, w->c);
    }
    list_add_tail(&en->tasks, &t->link);
    map_set(&en->by_arn, t->arn, t);
}

static void drop_container(struct engine *en, struct container *c)
{
    struct container_work *w = c->work;

    docker_cancel(w->call);
    docker_cancel(w->inspect);
    engine_login_cancel(c);
    engine_network_cancel(c);
    docker_stats_free(w->stats);
    engine_exec_free(c);
    loop_timer_stop(en->loop, &w->retry);
    loop_timer_stop(en->loop, &w->inspect_later);
    if (c->docker_id)
        map_remove(&en->by_docker_id, c->docker_id);
    if (c->endpoint_id)
        map_remove(&en->by_endpoint, c->endpoint_id);
    free(w->failure);
    s3_cancel(w->env_request);
    json_decref(w->env_vars);
    free(w);
    c->work = NULL;
}

void engine_drop_task(struct engine *en, struct task *t)
{
    struct task_work *tw = t->work;

    engine_leave_room(t);
    for (size_t i = 0; i < t->n_containers; i++)
        drop_container(en, &t->containers[i]);
    loop_timer_stop(en->loop, &tw->wake);
    loop_timer_stop(en->loop, &tw->poll);
    loop_timer_stop(en->loop, &tw->cleanup);
    engine_free_volumes(t);
    engine_free_secrets(t);
    s3_cancel(tw->firelens_request);
    engine_free_logins(t);
    engine_free_gmsa(t);
    free(tw);
    t->work = NULL;
    map_remove(&en->by_arn, t->arn);
    task_free(t);
}

/* ---- saving ---- */

void engine_store_failed(struct engine *en, const struct err *e)
{
    log_event(en->log, LOG_ERROR, "The state cannot be saved", "error", e->text, NULL);
}

static int put_container(struct engine *en, const struct container *c, struct err *e)
{
    _cleanup_json_ json_t *state = NULL;

    if (!en->store)
        return 0;
    state = container_state_json(c);
    return state_store_put_container(en->store, c->task->arn, c->name, state, e);
}

static void set_dirty(struct task *t, bool dirty)
{
    t->work->dirty = dirty;
    for (size_t i = 0; i < t->n_containers; i++)
        t->containers[i].work->dirty = dirty;
}

int engine_put_task(struct engine *en, struct task *t, struct err *e)
{
    _cleanup_json_ json_t *state = task_state_json(t);
    int r;

    t->work->unsaved = true;
    if (state_store_begin(en->store, e) < 0)
        return -1;
    r = state_store_put_task(en->store, t->arn, t->spec, state, e);
    for (size_t i = 0; r == 0 && i < t->n_containers; i++)
        r = put_container(en, &t->containers[i], e);
    if (r < 0) {
        state_store_rollback(en->store);
        return -1;
    }
    if (state_store_commit(en->store, e) < 0)
        return -1;
    t->work->unsaved = false;
    set_dirty(t, false);
    return 0;
}

static int put_changes(struct engine *en, struct task *t, struct err *e)
{
    int r = 0;

    if (state_store_begin(en->store, e) < 0)
        return -1;
    if (t->work->dirty) {
        _cleanup_json_ json_t *state = task_state_json(t);

        r = state_store_put_task_state(en->store, t->arn, state, e);
    }
    for (size_t i = 0; i < t->n_containers && r == 0; i++)
        if (t->containers[i].work->dirty)
            r = put_container(en, &t->containers[i], e);
    if (r < 0) {
        state_store_rollback(en->store);
        return -1;
    }
    return state_store_commit(en->store, e);
}

static bool is_dirty(const struct task *t)
{
    bool dirty = t->work->dirty || t->work->unsaved;

    for (size_t i = 0; i < t->n_containers; i++)
        dirty |= t->containers[i].work->dirty;
    return dirty;
}

void engine_save_changes(struct engine *en, struct task *t)
{
    struct err e = ERR_INIT;
    int r;

    if (!en->store || !is_dirty(t))
        return;
    r = t->work->unsaved ? engine_put_task(en, t, &e) : put_changes(en, t, &e);
    if (r < 0)
        engine_store_failed(en, &e);
    else
        set_dirty(t, false);
}

int engine_save(struct engine *en, struct err *e)
{
    struct list *pos;

    if (!en->store)
        return 0;
    list_for_each (pos, &en->tasks) {
        if (engine_put_task(en, container_of(pos, struct task, link), e) < 0)
            return -1;
    }
    return 0;
}

/* ---- life ---- */

struct engine *engine_new(struct loop *loop, const struct config *config, struct log *log,
                          struct docker_client *docker, struct state_store *store,
                          const struct engine_callbacks *cb)
{
    struct engine *en = new0(struct engine);
    int64_t cpu, memory;

    en->loop = loop;
    en->config = config;
    en->log = log;
    en->docker = docker;
    en->store = store;
    en->cb = *cb;
    list_init(&en->tasks);
    ecs_register_room(config, &cpu, &memory);
    host_init(&en->host, cpu, memory);
    image_set_init(&en->images);
    if (!port_pool_init(&en->ports, config->dynamic_ports, config->reserved_ports,
                        config->reserved_ports_udp))
        log_event(log, LOG_WARN, "ECS_DYNAMIC_HOST_PORT_RANGE is not FIRST-LAST: ignored", "value",
                  config->dynamic_ports, NULL);
    return en;
}

void engine_set_cgroup(struct engine *en, const struct cgroup *g, bool limit_new)
{
    en->cgroup = g;
    en->limit_new = g && limit_new;
}

void engine_set_sources(struct engine *en, const struct engine_sources *s)
{
    en->s3 = s->s3;
    en->aws = s->aws;
    en->ecr = s->ecr;
    en->credfetch = s->credfetch;
    en->credentials = s->who;
    en->registries = s->registries;
}

int engine_load(struct engine *en, struct err *e)
{
    _cleanup_free_ char *seq = state_store_get(en->store, STATE_MANIFEST_SEQ);

    if (seq && str_i64(seq, &en->latest_seq) < 0)
        log_event(en->log, LOG_WARN, "The saved number of the task manifest is not one: ignored",
                  "value", seq, NULL);
    if (engine_load_images(en, e) < 0)
        return -1;
    return engine_load_tasks(en, e);
}

static void on_recover_time(struct clock_timer *t)
{
    engine_recover(container_of(t, struct engine, recover));
}

static void on_events_open(bool gap, void *user)
{
    struct engine *en = user;

    loop_timer_stop(en->loop, &en->recover);
    if (!en->recovered)
        engine_recover(en);
    else if (gap)
        engine_inspect_running(en);
}

static void keep(const char **slot, const char *value)
{
    free((void *)(uintptr_t)*slot);
    *slot = xstrdup(value);
}

void engine_set_place(struct engine *en, const struct metadata_place *p)
{
    static const struct metadata_place none;

    p = p ? p : &none;
    keep(&en->place.cluster, p->cluster);
    keep(&en->place.instance_arn, p->instance_arn);
    keep(&en->place.zone, p->zone);
    keep(&en->place.private_ipv4, p->private_ipv4);
    keep(&en->place.public_ipv4, p->public_ipv4);
}

void engine_start(struct engine *en)
{
    struct docker_events_sink sink = {on_events_open, engine_on_docker_event, en};

    /* a daemon that sends no headers before its first event must not hold everything up */
    loop_timer_start(en->loop, &en->recover, EVENTS_WAIT, on_recover_time);
    en->events = docker_events_new(en->loop, en->docker, en->log, &sink);
    engine_arm_drain(en);
    engine_arm_image_cleanup(en);
}

void engine_free(struct engine *en)
{
    if (!en)
        return;
    docker_events_free(en->events);
    engine_free_images(en);
    loop_timer_stop(en->loop, &en->drain);
    loop_timer_stop(en->loop, &en->recover);
    while (!list_empty(&en->tasks))
        engine_drop_task(en, container_of(en->tasks.next, struct task, link));
    map_release(&en->by_arn);
    map_release(&en->by_docker_id);
    map_release(&en->by_endpoint);
    host_release(&en->host);
    engine_set_place(en, NULL);
    free(en);
}

/* ---- asking ---- */

const char *engine_cluster(const struct engine *en)
{
    return *en->config->cluster ? en->config->cluster : "default";
}

struct task *engine_next_task(const struct engine *en, const struct task *after)
{
    struct list *next = after ? after->link.next : en->tasks.next;

    return next == &en->tasks ? NULL : container_of(next, struct task, link);
}

struct task *engine_find_task(const struct engine *en, const char *arn)
{
    return arn ? map_get(&en->by_arn, arn) : NULL;
}

static bool has_docker_id(const struct task *t, const char *id, bool whole)
{
    for (size_t i = 0; i < t->n_containers; i++) {
        const char *have = t->containers[i].docker_id;

        if (have && (whole ? str_eq(have, id) : str_starts(have, id)))
            return true;
    }
    return false;
}

struct task *engine_find_docker_id(const struct engine *en, const char *id, size_t *ret_matches)
{
    struct task *t = NULL, *found = NULL;
    size_t matches = 0;

    while ((t = engine_next_task(en, t))) {
        if (!has_docker_id(t, id, strlen(id) > 12))
            continue;
        found = t;
        matches++;
    }
    if (ret_matches)
        *ret_matches = matches;
    return found;
}

struct container *engine_find_endpoint(const struct engine *en, const char *endpoint_id)
{
    struct container *c = map_get(&en->by_endpoint, endpoint_id);

    return c && c->docker_id ? c : NULL;
}

bool engine_container_stats(const struct container *c, struct engine_stats *ret)
{
    const struct container_work *w = c->work;

    *ret = (struct engine_stats){0};
    if (!w || !w->stats)
        return false;
    ret->sample = docker_stats_last(w->stats);
    ret->rated = w->samples.seen > 1 && json_object_get(ret->sample, "networks");
    ret->rx_per_s = w->samples.rx_now;
    ret->tx_per_s = w->samples.tx_now;
    return true;
}

bool engine_idle(const struct engine *en)
{
    struct task *t = NULL;

    while ((t = engine_next_task(en, t)))
        if (t->known != TASK_STOPPED)
            return false;
    return true;
}

/* ---- from outside ---- */

int engine_set_task_credentials(struct engine *en, const char *task_arn, bool execution,
                                const char *credentials_id)
{
    struct task *t = engine_find_task(en, task_arn);

    if (!t)
        return -1;
    container_set_text(execution ? &t->execution_credentials_id : &t->credentials_id,
                       credentials_id);
    t->work->dirty = true;
    engine_save_changes(en, t);
    t->work->gmsa_due |= execution; /* the credentials come after their id */
    engine_wake(t); /* who waits for them finds them in the next round of the loop */
    return 0;
}

int engine_stop_task(struct engine *en, const char *task_arn)
{
    struct task *t = engine_find_task(en, task_arn);

    if (!t)
        return -1;
    t->work->dirty |= task_set_desired(t, TASK_STOPPED, en->log);
    engine_progress(t);
    return 0;
}

/* True when the manifest has the task as one to run. */
static bool listed_as_running(const json_t *manifest, const char *arn)
{
    const json_t *v;
    size_t i;

    json_array_foreach (json_object_get(manifest, "tasks"), i, v)
        if (str_eq(json_str(v, "taskArn"), arn))
            return str_eq(json_str(v, "desiredStatus"), "RUNNING");
    return false;
}

bool engine_manifest(struct engine *en, const json_t *manifest, json_t **ret_candidates)
{
    int64_t timeline = json_int(manifest, "timeline", 0);
    struct err e = ERR_INIT;
    struct task *t = NULL;
    char text[24];

    if (timeline <= en->latest_seq)
        return false;
    en->latest_seq = timeline;
    snprintf(text, sizeof(text), "%lld", (long long)timeline);
    if (state_store_set(en->store, STATE_MANIFEST_SEQ, text, &e) < 0)
        engine_store_failed(en, &e);
    *ret_candidates = json_array();
    while ((t = engine_next_task(en, t))) {
        json_t *o;

        if (t->desired != TASK_RUNNING || listed_as_running(manifest, t->arn))
            continue;
        o = json_object();
        json_put_str(o, "taskArn", t->arn);
        json_put_str(o, "taskClusterArn", t->cluster_arn);
        json_put_str(o, "desiredStatus", "STOPPED");
        json_array_append_new(*ret_candidates, o);
    }
    return true;
}
