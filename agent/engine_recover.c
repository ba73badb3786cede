/*
 * After a restart: tasks from the saved state, containers from Docker.
 *
 * A container with a saved id is looked for by it; gone means STOPPED
 * (ContainerVanishedError). One without an id is looked for by its name, which
 * was saved before any create: found, it is adopted; not found, it was never
 * made. Statuses only rise. (engine/data.go, synchronizeState)
 */
#include "agent/dependency.h"
#include "agent/engine_internal.h"
#include "agent/payload.h"
#include "base/cleanup.h"
#include "base/mem.h"

#define UNREADABLE "TaskStateError: the saved state of the task cannot be read"

/* ---- reading ---- */

static void on_saved_container(const char *name, json_t *state, void *user)
{
    json_t *o = json_object();

    (void)state;
    json_put_str(o, "name", name);
    json_put_str(o, "image", "?");
    json_array_append_new(user, o);
}

/*
 * Stands for a task of which only the ARN and the states are left: what still
 * runs of it is stopped, it is reported STOPPED, and cleaned up like any other.
 */
static struct task *unreadable_task(struct engine *en, const char *arn)
{
    json_t *spec = json_object(), *containers = json_array();
    struct err e = ERR_INIT;
    struct task *t;

    json_put_str(spec, "arn", arn);
    json_put_str(spec, "desiredStatus", "STOPPED");
    json_put(spec, "containers", containers);
    if (state_store_containers(en->store, arn, on_saved_container, containers, &e) < 0)
        engine_store_failed(en, &e);
    t = payload_task(spec, &e);
    json_decref(spec);
    return t;
}

static void load_containers(struct engine *en, struct task *t)
{
    for (size_t i = 0; i < t->n_containers; i++) {
        struct container *c = &t->containers[i];
        _cleanup_json_ json_t *state = state_store_container(en->store, t->arn, c->name);

        if (state)
            container_state_load(c, state);
    }
}

static void take_on(struct engine *en, struct task *t)
{
    bool begun = false;

    engine_add_task(en, t);
    for (size_t i = 0; i < t->n_containers; i++) {
        struct container *c = &t->containers[i];

        c->work->recovering = c->known != CONTAINER_STOPPED;
        if (c->known != CONTAINER_STOPPED && (c->docker_id || c->create_tried))
            engine_hold_ports(c);
        begun |= c->known != CONTAINER_NONE || c->create_tried;
    }
    if (begun && t->known != TASK_STOPPED)
        engine_hold_room(t);
}

static void on_saved_task(const char *arn, json_t *spec, json_t *state, void *user)
{
    struct engine *en = user;
    struct err e = ERR_INIT;
    struct task *t = spec && state ? payload_task(spec, &e) : NULL;
    bool readable = t != NULL;

    if (!readable) {
        log_event(en->log, LOG_ERROR, "A saved task cannot be read: it is given up", "task", arn,
                  "error", e.code ? e.text : "not JSON", NULL);
        t = unreadable_task(en, arn);
        if (!t)
            return;
    }
    if (state)
        task_state_load(t, state);
    if (!readable) {
        t->desired = TASK_STOPPED;
        task_set_reason(t, UNREADABLE);
    }
    load_containers(en, t);
    take_on(en, t);
}

int engine_load_tasks(struct engine *en, struct err *e)
{
    return state_store_tasks(en->store, on_saved_task, en, e);
}

/* ---- finding ---- */

void engine_recover(struct engine *en)
{
    struct task *t = NULL;

    loop_timer_stop(en->loop, &en->recover);
    if (en->recovered)
        return;
    en->recovered = true;
    while ((t = engine_next_task(en, t))) {
        for (size_t i = 0; i < t->n_containers; i++) {
            struct container *c = &t->containers[i];

            if (!c->work->recovering)
                continue;
            if (c->docker_id || c->create_tried)
                engine_inspect(c);
            else
                c->work->recovering = false;
        }
        engine_progress(t);
    }
}
