/*
 * Create, start, stop. What came of them is not believed but looked at: each
 * ends in an inspect (engine_inspect.c), but for a create that gave an id.
 */
#include "agent/container_config.h"
#include "agent/engine_internal.h"
#include "agent/reason.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

const char *engine_config_version(const struct container *c)
{
    return json_str(json_object_get(c->spec, "dockerConfig"), "version");
}

/* The container of this name or id, as Docker knows it. */
static const char *docker_ref(const struct container *c)
{
    return c->docker_id ? c->docker_id : c->docker_name;
}

/* ---- create ---- */

int engine_hold_ports(struct container *c)
{
    struct port_pool *pool = &c->work->en->ports;

    if (c->work->ports_held)
        return 0;
    c->work->ports_held = true;
    for (size_t i = 0; i < c->n_ports; i++) {
        struct container_port *p = &c->ports[i];

        if (p->host_port == 0) {
            int port = port_pool_take(pool, p->count, p->udp);

            if (port < 0)
                return -1;
            p->host_port = port;
            p->chosen = true;
        } else {
            port_pool_hold(pool, p->host_port, p->count, p->udp);
        }
    }
    return 0;
}

static bool needs_host_port(const struct container *c)
{
    return !str_eq(c->task->network_mode, "host") && !str_eq(c->task->network_mode, "none") &&
           !task_is_awsvpc(c->task);
}

static void create_failed(struct container *c, const struct docker_result *r)
{
    _cleanup_buf_ struct buf text = BUF_INIT(8192);
    const char *name = reason_of_call(r, REASON_CREATE, "created", &text);

    engine_step_done(c);
    engine_fail(c, name, buf_str(&text));
}

static void on_created(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;
    const char *id = r->ok ? json_str(r->json, "Id") : NULL;

    w->call = NULL;
    w->dirty = true;
    if (id) {
        container_set_text(&c->docker_id, id);
        map_set(&w->en->by_docker_id, id, c);
        c->created_at = loop_wall(w->en->loop);
        engine_step_done(c);
        engine_set_known(c, CONTAINER_CREATED);
    } else if (c->known == CONTAINER_STOPPED) {
        engine_step_done(c);
    } else if (r->status == 409) {
        /* a create before this one has done it: whoever got no answer then gets it now */
        free(w->failure);
        w->failure = xstrdup(r->message);
        w->after = AFTER_CREATE;
        engine_inspect(c);
    } else {
        create_failed(c, r);
    }
    engine_progress(c->task);
}

/* The task's control group is there before its first container. *ret_parent is to be freed. */
static int hold_cgroup(struct container *c, char **ret_parent)
{
    struct task *t = c->task;
    struct engine *en = c->work->en;
    struct err e = ERR_INIT;

    if (!t->limits || !en->cgroup)
        return 0;
    if (cgroup_create(en->cgroup, t, &e) == 0) {
        *ret_parent = cgroup_parent(en->cgroup, t);
        return 0;
    }
    log_event(en->log, LOG_ERROR, "The task's control group cannot be made", "task", t->arn,
              "error", e.text, NULL);
    task_set_reason(t, REASON_NO_CGROUP);
    task_set_desired(t, TASK_STOPPED, en->log);
    t->work->dirty = t->work->again = true;
    return -1;
}

/* A container does without, if it has to. (docker_task_engine.go:createContainer) */
static bool writes_metadata(const struct container *c, bool ready)
{
    struct engine *en = c->work->en;
    struct err e = ERR_INIT;

    if (!en->config->container_metadata.on || c->type != CONTAINER_NORMAL)
        return false;
    if (metadata_file_write(c, en->config, &en->place, ready, &e) == 0)
        return true;
    log_event(en->log, LOG_WARN, "The metadata file of a container is not written", "task",
              c->task->arn, "container", c->name, "error", e.text, NULL);
    return false;
}

void engine_container_runs(const struct container *c)
{
    writes_metadata(c, true);
}

void engine_begin_create(struct container *c)
{
    struct container_work *w = c->work;
    struct engine *en = w->en;
    _cleanup_free_ char *parent = NULL;
    struct container_config_env env = {.cluster = engine_cluster(en)};
    struct err e = ERR_INIT;
    const char *error_name = REASON_CREATE;
    _cleanup_json_ json_t *body = NULL;
    _cleanup_json_ json_t *secrets = engine_secret_vars(c, false);
    _cleanup_json_ json_t *log_secrets = engine_secret_vars(c, true);

    if (needs_host_port(c) && engine_hold_ports(c) < 0) {
        engine_fail(c, REASON_CREATE,
                    "no host port, or not as many in a row, is left to choose from");
        c->task->work->again = true;
        return;
    }
    if (hold_cgroup(c, &parent) < 0 || engine_firelens_write(c) < 0)
        return;
    env.region = en->config->region;
    env.cgroup_parent = parent;
    env.file_vars = w->env_vars;
    env.secrets = secrets;
    env.log_secrets = log_secrets;
    env.config = en->config;
    env.docker_version = docker_server_version(en->docker);
    env.pause_labels = en->config->pause_labels;
    body = container_config_body(c, &env, &error_name, &e);
    if (body && engine_gmsa_apply(c, body, &e) < 0) {
        json_decref(body);
        body = NULL;
        error_name = REASON_CONFIG;
    }
    if (!body) {
        engine_fail(c, error_name, e.text);
        c->task->work->again = true;
        return;
    }
    engine_exec_prepare(c, body);
    if (writes_metadata(c, false))
        metadata_file_mount(c, en->config, body);
    c->applied = CONTAINER_CREATED;
    c->create_tried = true;
    w->dirty = true;
    /* name, ports and the try are on disk before Docker hears of them */
    engine_save_changes(en, c->task);
    w->call = docker_create(en->docker, c->docker_name, engine_config_version(c), body,
                            en->config->create_timeout, on_created, c);
}

/* ---- start ---- */

static void on_started(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;

    w->call = NULL;
    w->start_failed = !r->ok && r->status != 304;
    if (w->start_failed && c->known != CONTAINER_STOPPED) {
        _cleanup_buf_ struct buf text = BUF_INIT(8192);
        const char *name = reason_of_call(r, REASON_START, "started", &text);

        engine_fail(c, name, buf_str(&text));
        w->must_stop = r->timed_out;
    }
    if (c->known == CONTAINER_STOPPED) {
        engine_step_done(c);
    } else {
        if (!w->start_failed)
            engine_exec_begin(c);
        w->after = AFTER_START;
        engine_inspect(c);
    }
    engine_progress(c->task);
}

void engine_begin_start(struct container *c)
{
    struct container_work *w = c->work;

    c->applied = CONTAINER_RUNNING;
    w->call = docker_start(w->en->docker, docker_ref(c), engine_config_version(c),
                           w->en->config->start_timeout, on_started, c);
}

/* ---- stop ---- */

static void on_stop_answer(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;

    w->call = NULL;
    w->stop_had_effect = r->ok || r->status == 304;
    if (!w->stop_had_effect)
        log_event(w->en->log, LOG_WARN, "Stop failed", "task", c->task->arn, "container", c->name,
                  "error", r->timed_out ? "no answer in time" : r->message, NULL);
    if (c->known == CONTAINER_STOPPED) {
        engine_step_done(c);
    } else if (r->status == 404) {
        engine_step_done(c);
        container_set_error(c, REASON_STOP, r->message);
        if (c->event_exit >= 0)
            container_set_exit(c, c->event_exit);
        engine_set_known(c, CONTAINER_STOPPED);
    } else {
        w->after = AFTER_STOP;
        engine_inspect(c);
    }
    engine_progress(c->task);
}

void engine_begin_stop(struct container *c)
{
    struct container_work *w = c->work;
    int64_t grace = c->stop_timeout ? c->stop_timeout : w->en->config->stop_timeout;

    if (c->applied == CONTAINER_NONE && w->tries == 0)
        backoff_init(&w->backoff, 1 * NS_PER_S, 5 * NS_PER_S, 1.3, 0.2);
    c->applied = CONTAINER_STOPPED;
    w->call = docker_stop(w->en->docker, docker_ref(c), grace, on_stop_answer, c);
}
