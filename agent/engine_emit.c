/*
 * Telling ECS: when a task change is due, and what goes into it.
 *
 * A change of a container waits for the next change of its task; if none comes
 * within 10 to 30 s, a change with the task's status as it is carries it.
 * (eventhandler/task_handler.go)
 */
#include <malloc.h>

#include "agent/engine_internal.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* ---- what is left out ---- */

/* The row of portMappings that is a range and has this port; NULL: none. */
static const struct container_port *range_of(const struct container *c,
                                             const struct container_binding *b)
{
    for (size_t i = 0; i < c->n_ports; i++) {
        const struct container_port *p = &c->ports[i];

        if (p->range && p->udp == b->udp && b->container_port >= p->container_port &&
            b->container_port < p->container_port + p->count)
            return p;
    }
    return NULL;
}

/* A range is told once for each address, by its first port. */
static size_t reported_bindings(const struct engine *en, const struct container *c,
                                struct container_binding *out)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_bindings; i++) {
        const struct container_binding *b = &c->bindings[i];
        const struct container_port *range = range_of(c, b);

        if ((en->config->exclude_ipv6_bindings.on && str_eq(b->bind_ip, "::")) ||
            (range && b->container_port != range->container_port))
            continue;
        out[n] = *b;
        out[n++].count = range ? range->count : 0;
    }
    return n;
}

static size_t all_bindings(const struct task *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->n_containers; i++)
        n += t->containers[i].n_bindings;
    return n;
}

/* ---- one change ---- */

static void fill(const struct engine *en, const struct container *c,
                 struct container_binding *bindings, struct engine_container_change *ch)
{
    *ch = (struct engine_container_change){
        .name = c->name,
        .status = container_status_reported(container_reportable(c), c->steady),
        .runtime_id = c->docker_id,
        .image_digest = c->image_digest,
        .reason = c->reason,
        .exit_known = c->exit_known,
        .exit_code = c->exit_code,
        .bindings = bindings,
        .n_bindings = reported_bindings(en, c, bindings),
    };
}

static void hand_over(struct task *t)
{
    struct engine *en = t->work->en;
    _cleanup_free_ struct engine_container_change *changes =
        new0_array(struct engine_container_change, t->n_containers + 1);
    _cleanup_free_ struct container_binding *bindings =
        new0_array(struct container_binding, all_bindings(t) + 1);
    _cleanup_free_ struct engine_managed_change *managed =
        new0_array(struct engine_managed_change, t->n_containers + 1);
    struct engine_change ch = {
        .seq = ++en->last_seq,
        .task_arn = t->arn,
        .status = task_status_reported(t->known),
        .reason = t->reason ? t->reason : "",
        .pull_started_at = t->pull_started_at,
        .pull_stopped_at = t->pull_stopped_at,
        .execution_stopped_at = t->execution_stopped_at,
        .containers = changes,
        .managed = managed,
    };
    size_t used = 0;

    for (size_t i = 0; i < t->n_containers; i++) {
        struct container *c = &t->containers[i];
        enum container_status s = container_reportable(c);

        if (c->exec && c->exec->due && !c->exec->handed_seq) {
            managed[ch.n_managed++] = (struct engine_managed_change){
                c->name, EXEC_AGENT_NAME, exec_agent_status_name(c->exec->status), c->exec->reason};
            c->exec->handed_seq = ch.seq;
        }
        if (s <= c->handed)
            continue;
        fill(en, c, bindings + used, &changes[ch.n_containers]);
        used += changes[ch.n_containers++].n_bindings;
        c->handed = s;
        c->handed_seq[s] = ch.seq;
    }
    t->handed = t->known;
    t->handed_seq[t->known] = ch.seq;
    en->cb.on_state_change(&ch, en->cb.user);
}

/* A digest that the agent resolved is told at once; what else happens on the way up is not. */
static bool has_digest_to_tell(const struct task *t)
{
    for (size_t i = 0; i < t->n_containers; i++)
        if (container_reportable(&t->containers[i]) == CONTAINER_MANIFEST_PULLED &&
            t->containers[i].handed == CONTAINER_NONE)
            return true;
    return false;
}

void engine_emit(struct task *t)
{
    bool pending = t->known >= TASK_MANIFEST_PULLED && t->handed == TASK_NONE &&
                   t->known < TASK_RUNNING && has_digest_to_tell(t);

    if (!t->work->en->recovered)
        return;
    if ((t->known >= TASK_RUNNING && t->known > t->handed) || pending)
        hand_over(t);
}

void engine_emit_rejected(struct engine *en, const char *arn, const char *reason)
{
    struct engine_change ch = {.task_arn = arn, .status = "STOPPED", .reason = reason};

    en->cb.on_state_change(&ch, en->cb.user);
}

/* ---- the drain ---- */

static void on_drain(struct clock_timer *timer)
{
    struct engine *en = container_of(timer, struct engine, drain);
    struct task *t = NULL;

    while ((t = engine_next_task(en, t)))
        if (en->recovered && t->known != TASK_STOPPED && task_has_unhanded(t))
            hand_over(t);
    /* what many tasks at once have taken lies between what stays: the system gets it back */
    if (en->steps >= STEPS_TO_TRIM) {
        malloc_trim(0);
        en->steps = 0;
    }
    engine_arm_drain(en);
}

void engine_arm_drain(struct engine *en)
{
    loop_timer_start(en->loop, &en->drain,
                     backoff_spread(ECS_DRAIN_MIN, ECS_DRAIN_MAX - ECS_DRAIN_MIN), on_drain);
}

/* ---- what came of it ---- */

static void mark_container(struct container *c, uint64_t seq)
{
    for (int s = CONTAINER_NONE + 1; s < CONTAINER_STATUS_MAX; s++) {
        if (!c->handed_seq[s] || c->handed_seq[s] > seq || (int)c->sent >= s)
            continue;
        c->sent = (enum container_status)s;
        c->work->dirty = true;
    }
    if (c->exec && c->exec->handed_seq && c->exec->handed_seq <= seq) {
        c->exec->due = false;
        c->work->dirty = true;
    }
}

void engine_mark_sent(struct engine *en, const char *task_arn, uint64_t seq)
{
    struct task *t = engine_find_task(en, task_arn);

    if (!t)
        return;
    for (int s = TASK_NONE + 1; s < TASK_STATUS_MAX; s++) {
        if (!t->handed_seq[s] || t->handed_seq[s] > seq || (int)t->sent >= s)
            continue;
        t->sent = (enum task_status)s;
        t->work->dirty = true;
    }
    for (size_t i = 0; i < t->n_containers; i++)
        mark_container(&t->containers[i], seq);
    engine_save_changes(en, t);
    if (t->known == TASK_STOPPED)
        engine_arm_cleanup(t);
}
