/*
 * Looking at containers: events and inspects become facts here, in one place.
 */
#include "agent/container_inspect.h"
#include "agent/engine_internal.h"
#include "agent/reason.h"
#include "base/mem.h"
#include "base/str.h"

static void on_inspected(const struct docker_result *r, void *user);

/* ---- asking ---- */

static void on_later(struct clock_timer *t)
{
    engine_inspect(container_of(t, struct container_work, inspect_later)->c);
}

static void inspect_later(struct container *c, int64_t after)
{
    loop_timer_start(c->work->en->loop, &c->work->inspect_later, backoff_spread(after, after / 2),
                     on_later);
}

void engine_inspect(struct container *c)
{
    struct container_work *w = c->work;

    if (w->inspect) {
        w->inspect_again = true;
        return;
    }
    loop_timer_stop(w->en->loop, &w->inspect_later);
    w->inspect = docker_inspect(w->en->docker, c->docker_id ? c->docker_id : c->docker_name,
                                on_inspected, c);
    if (!w->inspect)
        inspect_later(c, INSPECT_AGAIN);
}

void engine_inspect_running(struct engine *en)
{
    struct task *t = NULL;

    while ((t = engine_next_task(en, t)))
        for (size_t i = 0; i < t->n_containers; i++)
            if (t->containers[i].docker_id && t->containers[i].known != CONTAINER_STOPPED)
                engine_inspect(&t->containers[i]);
}

void engine_on_docker_event(enum docker_event event, const char *id, int exit_code, void *user)
{
    struct engine *en = user;
    struct container *c = map_get(&en->by_docker_id, id);

    if (!c || event == DOCKER_EVENT_CREATE || event == DOCKER_EVENT_KILL ||
        event == DOCKER_EVENT_OOM)
        return;
    log_event(en->log, LOG_DEBUG, "Docker event", "event", docker_event_name(event), "container",
              c->name, "task", c->task->arn, NULL);
    if (event == DOCKER_EVENT_DIE) {
        c->work->died = true;
        if (exit_code >= 0)
            c->event_exit = exit_code;
    }
    if (event == DOCKER_EVENT_DESTROY && c->known == CONTAINER_STOPPED)
        return;
    engine_inspect(c);
}

/* ---- facts ---- */

/* A container that was taken for stopped runs: it is told to stop, once. */
static void on_late_stop(const struct docker_result *r, void *user)
{
    struct container *c = user;

    c->work->call = NULL;
    if (!r->ok && r->status != 304 && r->status != 404)
        log_event(c->work->en->log, LOG_WARN, "A stopped container runs and cannot be stopped",
                  "task", c->task->arn, "container", c->name, "error", r->message, NULL);
}

static void stop_again(struct container *c)
{
    struct container_work *w = c->work;
    int64_t grace = c->stop_timeout ? c->stop_timeout : w->en->config->stop_timeout;

    if (c->stopped_again || w->call)
        return;
    c->stopped_again = true;
    log_event(w->en->log, LOG_WARN, "A container known as stopped runs: stopping it", "task",
              c->task->arn, "container", c->name, NULL);
    w->call = docker_stop(w->en->docker, c->docker_id, grace, on_late_stop, c);
}

static bool is_ours(const struct container *c, const json_t *v)
{
    json_t *labels = json_at(v, "Config.Labels");

    return str_eq(json_str(labels, DOCKER_LABEL_TASK_ARN), c->task->arn);
}

/* Found by its name: the create that made it told nobody its id. */
static void adopt(struct container *c, const json_t *v)
{
    struct container_work *w = c->work;
    const char *id = json_str(v, "Id");

    if (!id)
        return;
    container_set_text(&c->docker_id, id);
    map_set(&w->en->by_docker_id, id, c);
    w->dirty = true;
    log_event(w->en->log, LOG_INFO, "Found the container by its name", "task", c->task->arn,
              "container", c->name, "runtimeId", id, NULL);
}

/*
 * It runs, but has ended since somebody last looked: a stranger has started it again. Its task has
 * ended with it all the same, and no container runs on without one (docker_task_engine.go takes a
 * die for the end, whatever an inspect says; task_manager.go stops what comes back).
 */
static void came_back(struct container *c)
{
    if (c->event_exit >= 0)
        container_set_exit(c, c->event_exit);
    engine_set_known(c, CONTAINER_STOPPED);
    stop_again(c);
}

static void see(struct container *c, const json_t *v)
{
    struct container_work *w = c->work;
    enum container_status seen;
    bool died = w->died && !c->restart.enabled;

    if (!c->docker_id) {
        if (!is_ours(c, v)) {
            w->name_is_foreign = true;
            return;
        }
        adopt(c, v);
    }
    w->died = false;
    if (engine_restart(c, v))
        return;
    seen = container_inspect(c, v);
    w->pid = json_int(json_object_get(v, "State"), "Pid", 0);
    w->dirty = true;
    if (seen == CONTAINER_STOPPED && !c->exit_known && c->event_exit >= 0)
        container_set_exit(c, c->event_exit);
    if (seen == CONTAINER_RUNNING && c->known == CONTAINER_STOPPED)
        stop_again(c);
    else if (seen == CONTAINER_RUNNING && died)
        came_back(c);
    else if (seen != CONTAINER_NONE)
        engine_set_known(c, seen);
}

static void vanished(struct container *c)
{
    if (!c->docker_id || c->known == CONTAINER_STOPPED)
        return;
    if (c->event_exit >= 0)
        container_set_exit(c, c->event_exit);
    container_set_error(c, REASON_GONE, REASON_GONE_TEXT);
    engine_set_known(c, CONTAINER_STOPPED);
}

/* ---- who waited for it ---- */

static void on_create_retry(struct clock_timer *t)
{
    struct container *c = container_of(t, struct container_work, retry)->c;

    c->applied = CONTAINER_NONE;
    engine_progress(c->task);
}

/*
 * The name is taken. Either the container is there, or the daemon is still at
 * work on a create whose agent was killed, or has just given that up: then
 * another create will tell.
 */
static void after_create(struct container *c)
{
    struct container_work *w = c->work;
    int64_t tries = w->en->config->create_timeout / CREATE_AGAIN;

    w->after = AFTER_NOTHING;
    if (!c->docker_id && !w->name_is_foreign && c->desired != CONTAINER_STOPPED &&
        (int64_t)++w->tries < tries) {
        loop_timer_start(w->en->loop, &w->retry, CREATE_AGAIN, on_create_retry);
        return;
    }
    engine_step_done(c);
    if (!c->docker_id)
        engine_fail(c, REASON_CREATE, w->failure ? w->failure : "the name is taken");
}

static void after_start(struct container *c)
{
    struct container_work *w = c->work;

    if (!w->start_failed && c->known < CONTAINER_RUNNING) {
        inspect_later(c, STARTED_LOOK_AGAIN);
        return;
    }
    w->after = AFTER_NOTHING;
    engine_step_done(c);
}

static void on_stop_retry(struct clock_timer *t)
{
    struct container *c = container_of(t, struct container_work, retry)->c;

    c->applied = CONTAINER_NONE;
    engine_progress(c->task);
}

/* It is not STOPPED, whatever the call said: it is never reported so while it runs. */
static void after_stop(struct container *c)
{
    struct container_work *w = c->work;
    bool soon = !w->stop_had_effect && ++w->tries < STOP_TRIES;

    w->after = AFTER_NOTHING;
    if (w->must_stop && c->known < CONTAINER_RUNNING && w->stop_had_effect) {
        w->must_stop = false;
        engine_step_done(c);
        return;
    }
    log_event(w->en->log, LOG_WARN, "The container is not stopped yet", "task", c->task->arn,
              "container", c->name, NULL);
    loop_timer_start(w->en->loop, &w->retry, soon ? backoff_next(&w->backoff) : STOP_AGAIN,
                     on_stop_retry);
}

static void go_on(struct container *c, bool answered)
{
    struct container_work *w = c->work;

    if (c->known == CONTAINER_STOPPED)
        return;
    if (!answered) {
        inspect_later(c, INSPECT_AGAIN);
        return;
    }
    w->recovering = false;
    switch (w->after) {
    case AFTER_CREATE:
        after_create(c);
        break;
    case AFTER_START:
        after_start(c);
        break;
    case AFTER_STOP:
        after_stop(c);
        break;
    case AFTER_NOTHING:
        break;
    }
}

static void on_inspected(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;
    bool again = w->inspect_again;

    w->inspect = NULL;
    w->inspect_again = false;
    if (r->ok && r->json)
        see(c, r->json);
    else if (r->status == 404)
        vanished(c);
    else
        log_event(w->en->log, LOG_WARN, "Docker does not show the container", "task", c->task->arn,
                  "container", c->name, "error", r->message, NULL);
    if (again && c->known != CONTAINER_STOPPED)
        engine_inspect(c);
    else
        go_on(c, r->ok || r->status == 404);
    engine_progress(c->task);
}
