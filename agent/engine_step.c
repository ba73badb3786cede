/*
 * The heart of the engine: which step each container of a task takes next.
 */
#include "agent/dependency.h"
#include "agent/engine_internal.h"
#include "agent/reason.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "proto/limits.h"

/* ---- statuses ---- */

static void give_ports_back(struct container *c)
{
    struct container_work *w = c->work;

    for (size_t i = 0; w->ports_held && i < c->n_ports; i++)
        port_pool_give_back(&w->en->ports, c->ports[i].host_port, c->ports[i].count,
                            c->ports[i].udp);
    w->ports_held = false;
}

static void on_running(struct container *c)
{
    struct container_work *w = c->work;

    if (w->stats || !c->docker_id || w->en->config->disable_metrics.on ||
        c->type != CONTAINER_NORMAL)
        return;
    w->samples = (struct stats_set){0};
    w->stats = docker_stats_new(w->en->loop, w->en->docker, c->docker_id,
                                w->en->config->poll_metrics.on ? w->en->config->polling_wait : 0,
                                &w->samples);
}

static void on_stopped(struct container *c)
{
    struct container_work *w = c->work;

    docker_stats_free(w->stats);
    w->stats = NULL;
    engine_exec_stopped(c);
    loop_timer_stop(w->en->loop, &w->retry);
    loop_timer_stop(w->en->loop, &w->inspect_later);
    give_ports_back(c);
    w->must_stop = false;
    w->recovering = false;
    w->after = AFTER_NOTHING;
    if (!w->call)
        c->applied = CONTAINER_NONE;
}

void engine_set_known(struct container *c, enum container_status s)
{
    bool changed = container_set_known(c, s, c->work->en->log);

    c->work->dirty |= changed;
    if (changed && s == CONTAINER_RUNNING)
        engine_container_runs(c);
    if (changed && s == CONTAINER_STOPPED)
        on_stopped(c);
    if (!changed && c->known == s && s == CONTAINER_RUNNING)
        engine_exec_watch(c);
    if (c->known == s && s == c->steady && s != CONTAINER_STOPPED)
        on_running(c); /* unchanged when it was found running after a restart */
}

void engine_step_done(struct container *c)
{
    if (c->applied == CONTAINER_PULLED)
        engine_pull_ended(c->work->en);
    c->applied = CONTAINER_NONE;
    c->work->tries = 0;
    c->work->en->steps++;
    loop_timer_stop(c->work->en->loop, &c->work->retry);
}

void engine_fail(struct container *c, const char *name, const char *text)
{
    struct container_work *w = c->work;

    log_event(w->en->log, LOG_ERROR, "Container failed", "task", c->task->arn, "container", c->name,
              "error", name, "reason", text, NULL);
    container_set_error(c, name, text);
    container_set_desired(c, CONTAINER_STOPPED, w->en->log);
    w->dirty = true;
}

/* ---- one step of one container ---- */

static void step_up(struct container *c, int64_t *until)
{
    struct engine *en = c->work->en;
    struct err e = ERR_INIT;

    if (!engine_has_room(c->task))
        return;
    switch (
        dependency_verdict(c, en->config->dependents_upfront.on, loop_wall(en->loop), until, &e)) {
    case DEPENDENCY_WAIT:
        return;
    case DEPENDENCY_NEVER:
        container_set_exit(c, DEPENDENCY_EXIT_CODE);
        engine_fail(c, REASON_START, e.text);
        c->task->work->again = true;
        return;
    case DEPENDENCY_MET:
        break;
    }
    if (c->type != CONTAINER_NORMAL && c->known < CONTAINER_PULLED) {
        /* its image was loaded when the agent started */
        engine_set_known(c, CONTAINER_PULLED);
        return;
    }
    switch (c->known) {
    case CONTAINER_NONE:
        if (engine_logins_ready(c))
            engine_begin_resolve(c);
        break;
    case CONTAINER_MANIFEST_PULLED:
        if (engine_volumes_ready(c->task) && engine_logins_ready(c) && engine_may_pull(c->work->en))
            engine_begin_pull(c);
        break;
    case CONTAINER_RUNNING:
        engine_begin_wiring(c);
        break;
    case CONTAINER_PULLED:
        if (engine_secrets_ready(c->task) && engine_env_files_ready(c) &&
            engine_firelens_ready(c) && engine_gmsa_ready(c->task))
            engine_begin_create(c);
        break;
    default:
        engine_begin_start(c);
    }
}

/* Ends a pull or what comes before it: nothing of it has to be undone. */
static void give_up_image(struct container *c)
{
    struct container_work *w = c->work;

    if (c->applied == CONTAINER_MANIFEST_PULLED) {
        _cleanup_free_ char *text =
            xasprintf("Task stopped before image pull could begin for task: %s", c->task->arn);

        container_set_error(c, REASON_NOT_BEGUN, text);
    }
    docker_cancel(w->call);
    w->call = NULL;
    engine_login_cancel(c);
    engine_step_done(c);
}

static void step_down(struct container *c)
{
    if (c->applied == CONTAINER_MANIFEST_PULLED || c->applied == CONTAINER_PULLED)
        give_up_image(c);
    if (c->applied == CONTAINER_RUNNING || c->applied == CONTAINER_RESOURCES_PROVISIONED ||
        c->applied == CONTAINER_STOPPED)
        return;
    /*
     * What does not run is stopped, without a word to Docker. A create still
     * under way ends by itself; its container is removed with the task.
     */
    if (c->known < CONTAINER_RUNNING && !c->work->must_stop)
        engine_set_known(c, CONTAINER_STOPPED);
    else if (dependency_may_stop(c) && engine_unwired(c))
        engine_begin_stop(c);
}

static void step(struct container *c, int64_t *until)
{
    if (c->work->recovering || c->known == CONTAINER_STOPPED)
        return;
    if (c->desired == CONTAINER_STOPPED)
        step_down(c);
    else if (c->applied == CONTAINER_NONE && c->known < c->desired)
        step_up(c, until);
}

/* ---- the task ---- */

static void on_wake(struct clock_timer *t)
{
    engine_progress(container_of(t, struct task_work, wake)->t);
}

void engine_wake(struct task *t)
{
    loop_timer_start(t->work->en->loop, &t->work->wake, 0, on_wake);
}

static void on_poll(struct clock_timer *t);

static void arm_timers(struct task *t, int64_t until)
{
    struct task_work *tw = t->work;
    struct loop *l = tw->en->loop;

    if (until != INT64_MAX)
        loop_timer_start(l, &tw->wake, until - loop_wall(l) + NS_PER_MS, on_wake);
    else
        loop_timer_stop(l, &tw->wake);
    if (t->known == TASK_STOPPED) {
        engine_leave_room(t);
        engine_release_address(t);
        loop_timer_stop(l, &tw->poll);
        engine_arm_cleanup(t);
    } else if (!clock_timer_armed(&tw->poll)) {
        loop_timer_start(l, &tw->poll, backoff_spread(STEADY_STATE_POLL, STEADY_STATE_POLL_JITTER),
                         on_poll);
    }
}

/* Events can be lost in ways nobody sees: everything that should run is looked at now and then. */
static void on_poll(struct clock_timer *timer)
{
    struct task *t = container_of(timer, struct task_work, poll)->t;

    for (size_t i = 0; i < t->n_containers; i++)
        if (t->containers[i].docker_id && t->containers[i].known != CONTAINER_STOPPED)
            engine_inspect(&t->containers[i]);
    engine_progress(t);
}

static void mark_changed(struct task *t)
{
    t->work->dirty = true;
    for (size_t i = 0; i < t->n_containers; i++)
        t->containers[i].work->dirty = true;
}

void engine_progress(struct task *t)
{
    struct task_work *tw = t->work;
    struct log *log = tw->en->log;
    int64_t until;

    tw->again = true;
    if (tw->running)
        return;
    tw->running = true;
    if (tw->gmsa_due)
        engine_gmsa_renew(t);
    while (tw->again) {
        tw->again = false;
        until = INT64_MAX;
        if (task_propagate_desired(t, log))
            mark_changed(t);
        for (size_t i = 0; i < t->n_containers; i++) {
            enum container_status before = t->containers[i].known;

            step(&t->containers[i], &until);
            tw->again |= t->containers[i].known != before;
        }
        if (task_propagate_known(t, loop_wall(tw->en->loop), log)) {
            tw->dirty = true;
            tw->again = true;
        }
    }
    tw->running = false;
    engine_save_changes(tw->en, t);
    engine_emit(t);
    arm_timers(t, until);
}
