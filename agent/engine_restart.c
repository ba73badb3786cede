/*
 * Containers with a restart policy: one that has ended is started again before
 * anybody hears of its end. (task_manager.go:handleContainerChange)
 *
 * The try is saved before Docker hears of it. While it is under way, inspects
 * that still see the end are passed over; a start that fails lets the end stand.
 */
#include "agent/container_inspect.h"
#include "agent/engine_internal.h"
#include "base/mem.h"

static void on_restarted(const struct docker_result *r, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;

    w->call = NULL;
    w->restart_failed = !r->ok && r->status != 304;
    engine_step_done(c);
    if (w->restart_failed)
        log_event(w->en->log, LOG_ERROR, "The container could not be started again", "task",
                  c->task->arn, "container", c->name, "error",
                  r->timed_out ? "no answer in time" : r->message, NULL);
    else
        log_event(w->en->log, LOG_INFO, "Started the container again", "task", c->task->arn,
                  "container", c->name, NULL);
    engine_inspect(c);
    engine_progress(c->task);
}

static void restart(struct container *c)
{
    struct container_work *w = c->work;

    c->restarts++;
    c->restarted_at = loop_wall(w->en->loop);
    c->event_exit = -1;
    c->applied = CONTAINER_RUNNING;
    w->dirty = true;
    engine_save_changes(w->en, c->task);
    w->call = docker_start(w->en->docker, c->docker_id, engine_config_version(c),
                           w->en->config->start_timeout, on_restarted, c);
}

static bool is_wanted(struct container *c, const json_t *inspected)
{
    const char *why;
    bool known;
    int code;

    if (c->known != c->steady || c->desired == CONTAINER_STOPPED || c->work->restart_failed ||
        c->work->recovering)
        return false;
    container_inspect_exit(inspected, &known, &code);
    if (!known && c->event_exit < 0)
        return false;
    if (restart_wanted(&c->restart, known ? code : c->event_exit,
                       c->restarted_at ? c->restarted_at : c->started_at,
                       loop_wall(c->work->en->loop), &why))
        return true;
    log_event(c->work->en->log, LOG_INFO, "The container is not started again", "task",
              c->task->arn, "container", c->name, "reason", why, NULL);
    return false;
}

bool engine_restart(struct container *c, const json_t *inspected)
{
    if (!c->restart.enabled || !c->docker_id ||
        container_inspect_status(inspected) != CONTAINER_STOPPED)
        return false;
    if (c->applied == CONTAINER_RUNNING && c->known == c->steady)
        return true; /* the start is under way: what was seen is the end before it */
    if (c->work->call || !is_wanted(c, inspected))
        return false;
    restart(c);
    return true;
}
