/*
 * PayloadMessage: tasks that are to stop first, then the others.
 */
#include "agent/dependency.h"
#include "agent/engine_internal.h"
#include "agent/payload.h"
#include "base/cleanup.h"
#include "base/mem.h"

/* The official agent's spelling: what looks for it looks for this. */
#define UNREADABLE_TASK "UnrecogniedTaskError: Error loading task - "

/* No container may have a higher limit than its task. (task_linux.go:buildLinuxMemorySpec) */
static int memory_fits(const struct task *t, struct err *e)
{
    for (size_t i = 0; t->memory > 0 && i < t->n_containers; i++) {
        int64_t memory = json_int(t->containers[i].spec, "memory", 0);

        if (memory > t->memory)
            return err_set(e, ERR_USAGE,
                           "container \"%.60s\" has %lld MiB, more than the %lld MiB "
                           "of its task",
                           t->containers[i].name, (long long)memory, (long long)t->memory);
    }
    return 0;
}

/* A task that is not possible here is taken on, to be reported STOPPED with its reason. */
static void check_possible(struct engine *en, struct task *t)
{
    struct err e = ERR_INIT;
    _cleanup_free_ char *reason = NULL;

    if (t->desired == TASK_STOPPED)
        return;
    if (dependency_check(t, &e) < 0)
        reason = xasprintf("TaskDependencyError: Task dependencies cannot be resolved, taskArn: %s",
                           t->arn);
    else if (payload_unsupported(t, en->config, &e) < 0 || (t->limits && memory_fits(t, &e) < 0))
        reason = xasprintf("ResourceInitializationError: %s", e.text);
    else
        return;
    log_event(en->log, LOG_ERROR, "The task cannot run here", "task", t->arn, "error", e.text,
              NULL);
    task_set_reason(t, reason);
    task_set_desired(t, TASK_STOPPED, en->log);
}

/*
 * A task that is to run and is not in the store is not acknowledged, so that
 * the service sends it again; it runs all the same, as with the official agent
 * (payload_responder.go:addTasks), and each change of it tries to save it.
 */
static int is_saved(struct engine *en, const struct task *t, struct err *e)
{
    if (!en->store || !t->work->unsaved || t->desired != TASK_RUNNING)
        return 0;
    return err_set(e, ERR_SYS, "the task could not be saved");
}

static int update_task(struct engine *en, struct task *t, enum task_status desired, struct err *e)
{
    t->work->dirty |= task_set_desired(t, desired, en->log);
    if (t->work->unsaved)
        engine_save_changes(en, t);
    engine_progress(t);
    return is_saved(en, t, e);
}

static int add_task(struct engine *en, struct task *t, struct err *e)
{
    struct err why = ERR_INIT;

    log_event(en->log, LOG_INFO, "New task", "task", t->arn, "family", t->family, "version",
              t->version, "desiredStatus", task_status_name(t->desired), NULL);
    t->limits = en->limit_new && t->desired == TASK_RUNNING;
    check_possible(en, t);
    engine_add_task(en, t);
    if (en->store && engine_put_task(en, t, &why) < 0)
        engine_store_failed(en, &why);
    engine_progress(t);
    return is_saved(en, t, e);
}

/* 0 when the task was handled. */
static int handle_task(struct engine *en, const json_t *spec, struct err *e)
{
    const char *arn = NULL;
    enum task_status desired;
    struct task *t;

    if (payload_head(spec, &arn, &desired, e) == 0) {
        t = engine_find_task(en, arn);
        if (t)
            return update_task(en, t, desired, e);
        t = payload_task(spec, e);
        if (t)
            return add_task(en, t, e);
    }
    if (arn) {
        _cleanup_free_ char *reason = xasprintf(UNREADABLE_TASK "%s", e->text);

        engine_emit_rejected(en, arn, reason);
    }
    log_event(en->log, LOG_ERROR, "A task of the payload cannot be read", "task", arn, "error",
              e->text, NULL);
    return -1;
}

static bool is_to_stop(const json_t *spec)
{
    const char *word = json_str(spec, "desiredStatus");

    return word && strcmp(word, "STOPPED") == 0;
}

bool engine_handle_payload(struct engine *en, const json_t *payload, struct err *e)
{
    const json_t *tasks = json_object_get(payload, "tasks"), *spec;
    int64_t seq = json_int(payload, "seqNum", 0);
    bool all = true;
    size_t i;

    if (!json_is_array(tasks) && tasks && !json_is_null(tasks)) {
        err_set(e, ERR_PARSE, "\"tasks\" is not a list but %s", json_type_name(tasks));
        return false;
    }
    for (int pass = 0; pass < 2; pass++) {
        json_array_foreach (tasks, i, spec) {
            struct err why = ERR_INIT;

            if (is_to_stop(spec) != (pass == 0) || handle_task(en, spec, &why) == 0)
                continue;
            if (all && e)
                *e = why;
            all = false;
        }
    }
    if (seq > en->latest_seq)
        en->latest_seq = seq;
    return all;
}
