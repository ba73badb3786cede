/*
 * The end of a task: some hours after it stopped, its containers are removed
 * and it is forgotten; not before ECS knows that it stopped (72 h at most).
 */
#include "agent/engine_internal.h"
#include "agent/firelens.h"
#include "base/mem.h"
#include "proto/limits.h"

#define REPORT_WAIT     (30 * NS_PER_S)
#define REPORT_WAIT_MAX (72 * 3600 * NS_PER_S)
#define BUSY_WAIT       (5 * NS_PER_S)
#define REMOVE_AGAIN    (60 * NS_PER_S)

static void on_cleanup(struct clock_timer *timer);

static void wait_more(struct task *t, int64_t ns)
{
    loop_timer_start(t->work->en->loop, &t->work->cleanup, ns, on_cleanup);
}

static void forget(struct task *t)
{
    struct engine *en = t->work->en;
    struct err e = ERR_INIT;

    if (t->limits && en->cgroup && cgroup_remove(en->cgroup, t, &e) < 0)
        log_event(en->log, LOG_WARN, "The control group of a task is left behind", "task", t->arn,
                  "error", e.text, NULL);
    if (firelens_router(t))
        firelens_remove(t, en->config);
    engine_exec_forget(t);
    if (en->config->container_metadata.on && metadata_file_remove(t, en->config, &e) < 0)
        log_event(en->log, LOG_WARN, "Metadata files of a task are left behind", "task", t->arn,
                  "error", e.text, NULL);
    err_clear(&e);
    err_clear(&e);
    log_event(en->log, LOG_INFO, "Task cleaned up", "task", t->arn, NULL);
    for (size_t i = 0; i < t->n_containers; i++)
        engine_image_released(&t->containers[i]);
    if (state_store_delete_task(en->store, t->arn, &e) < 0)
        engine_store_failed(en, &e);
    if (en->cb.on_task_gone)
        en->cb.on_task_gone(t, en->cb.user);
    engine_drop_task(en, t);
}

static void remove_volumes(struct task *t)
{
    struct task_work *tw = t->work;

    tw->containers_gone = true;
    tw->removing = engine_remove_volumes(t) + engine_gmsa_release(t);
    if (!tw->removing)
        forget(t);
}

/* One of the calls has ended. Volumes go after the containers that hold them. */
void engine_removed(struct task *t, const struct docker_result *r)
{
    struct task_work *tw = t->work;

    tw->removing--;
    tw->remove_again |= r->unreachable;
    if (tw->removing)
        return;
    if (tw->remove_again)
        wait_more(t, REMOVE_AGAIN);
    else if (!tw->containers_gone)
        remove_volumes(t);
    else
        forget(t);
}

static void on_removed(const struct docker_result *r, void *user)
{
    struct container *c = user;

    c->work->call = NULL;
    if (!r->ok && r->status != 404)
        log_event(c->work->en->log, LOG_WARN, "A container cannot be removed", "task", c->task->arn,
                  "container", c->name, "error", r->message, NULL);
    engine_removed(c->task, r);
}

static void remove_containers(struct task *t)
{
    struct task_work *tw = t->work;

    tw->remove_again = tw->containers_gone = false;
    for (size_t i = 0; i < t->n_containers; i++) {
        struct container *c = &t->containers[i];

        if (!c->docker_id && !c->create_tried)
            continue;
        c->work->call = docker_remove(tw->en->docker, c->docker_id ? c->docker_id : c->docker_name,
                                      on_removed, c);
        tw->removing += c->work->call != NULL;
    }
    if (!tw->removing)
        remove_volumes(t);
}

static bool busy(const struct task *t)
{
    for (size_t i = 0; i < t->n_containers; i++)
        if (t->containers[i].work->call || t->containers[i].work->inspect)
            return true;
    return false;
}

static void on_cleanup(struct clock_timer *timer)
{
    struct task *t = container_of(timer, struct task_work, cleanup)->t;
    int64_t waited = loop_wall(t->work->en->loop) - t->stopped_at;

    if (t->sent < TASK_STOPPED && waited < REPORT_WAIT_MAX)
        wait_more(t, REPORT_WAIT);
    else if (busy(t))
        wait_more(t, BUSY_WAIT);
    else
        remove_containers(t);
}

void engine_arm_cleanup(struct task *t)
{
    struct engine *en = t->work->en;
    int64_t wait = backoff_spread(en->config->cleanup_wait, en->config->cleanup_jitter);
    int64_t left = t->stopped_at + wait - loop_wall(en->loop);

    if (clock_timer_armed(&t->work->cleanup) || t->work->removing)
        return;
    wait_more(t, left > 0 ? left : 0);
}
