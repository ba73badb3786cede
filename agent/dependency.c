#include "agent/dependency.h"
#include "base/cleanup.h"
#include "base/mem.h"

/* ---- the graph ---- */

enum colour { WHITE, GREY, BLACK };

static int visit(const struct task *t, size_t i, enum colour *colours, struct err *e)
{
    const struct container *c = &t->containers[i];

    if (colours[i] == BLACK)
        return 0;
    if (colours[i] == GREY)
        return err_set(e, ERR_USAGE, "container \"%.100s\" waits for itself", c->name);
    colours[i] = GREY;
    for (size_t k = 0; k < c->n_depends; k++) {
        const struct container *other = task_container(t, c->depends[k].name);

        if (!other)
            return err_set(e, ERR_USAGE, "container \"%.100s\" waits for \"%.100s\": no such one",
                           c->name, c->depends[k].name);
        if (visit(t, other->index, colours, e) < 0)
            return -1;
    }
    colours[i] = BLACK;
    return 0;
}

int dependency_check(const struct task *t, struct err *e)
{
    _cleanup_free_ enum colour *colours = new0_array(enum colour, t->n_containers + 1);

    for (size_t i = 0; i < t->n_containers; i++)
        if (visit(t, i, colours, e) < 0)
            return -1;
    return 0;
}

/* ---- waiting ---- */

static bool met(const struct container *other, enum depend_condition condition)
{
    bool stopped = other->known == CONTAINER_STOPPED;

    switch (condition) {
    case DEPEND_CREATE:
        return other->known >= CONTAINER_CREATED;
    case DEPEND_START:
        return stopped || other->known >= other->steady;
    case DEPEND_COMPLETE:
        return stopped && other->exit_known;
    case DEPEND_SUCCESS:
        return stopped && other->exit_known && other->exit_code == 0;
    case DEPEND_HEALTHY:
        return !stopped && other->health_checked && other->health == DOCKER_HEALTH_HEALTHY;
    default:
        return false;
    }
}

/* When the condition must have been met at the latest; 0: no limit. */
static int64_t limit_of(const struct container *other, enum depend_condition condition)
{
    bool counts =
        condition == DEPEND_COMPLETE || condition == DEPEND_SUCCESS || condition == DEPEND_HEALTHY;

    if (!counts || other->known == CONTAINER_STOPPED)
        return 0;
    return other->started_at && other->start_timeout > 0 ? other->started_at + other->start_timeout
                                                         : 0;
}

/* NULL, or why the condition can never be met. */
static const char *why_never(const struct container *other, enum depend_condition condition,
                             int64_t now)
{
    bool stopped = other->known == CONTAINER_STOPPED;
    int64_t limit = limit_of(other, condition);

    if (container_will_never_start(other))
        return "because dependency will never start";
    if (met(other, condition))
        return NULL;
    if (limit && now > limit)
        return "has timed out.";
    if (stopped && condition == DEPEND_SUCCESS && (!other->exit_known || other->exit_code != 0))
        return "as dependency did not exit successfully.";
    /* The official agent waits for ever in these two cases. */
    if (stopped && condition == DEPEND_COMPLETE && !other->exit_known)
        return "because the dependency's exit code is not known";
    if (stopped && condition == DEPEND_HEALTHY)
        return "because the dependency stopped before it was healthy";
    return NULL;
}

/*
 * What the agent adds comes first. The network is wired before anything is asked of a registry, as
 * that may take a while and the interface is there (since 1.86.3; before, after the digest); the
 * namespaces only have to be there when the container is to be made.
 */
static bool waits_for_internals(const struct container *c)
{
    const struct container *network = task_internal(c->task, CONTAINER_CNI_PAUSE);
    const struct container *namespaces = task_internal(c->task, CONTAINER_NAMESPACE_PAUSE);

    if (c->type != CONTAINER_NORMAL)
        return false;
    if (network && network->known < network->steady)
        return true;
    return namespaces && c->known >= CONTAINER_MANIFEST_PULLED &&
           namespaces->known < namespaces->steady;
}

enum dependency_verdict dependency_verdict(const struct container *c, bool upfront, int64_t now,
                                           int64_t *ret_until, struct err *e)
{
    enum dependency_verdict verdict = DEPENDENCY_MET;
    enum container_status free_until = upfront ? CONTAINER_PULLED : CONTAINER_MANIFEST_PULLED;

    /* what was created had all it waited for: an unhealthy dependency must not hold it back now */
    if (c->known >= CONTAINER_CREATED)
        return DEPENDENCY_MET;
    if (waits_for_internals(c))
        return DEPENDENCY_WAIT;
    for (size_t i = 0; i < c->n_depends; i++) {
        const struct container_depend *d = &c->depends[i];
        const struct container *other = task_container(c->task, d->name);
        const char *never = other ? why_never(other, d->condition, now) : "does not exist.";
        int64_t limit;

        if (never) {
            err_set(e, ERR_CONFLICT,
                    "dependency graph: failed to resolve container ordering dependency [%.100s] "
                    "for target [%.100s] %s",
                    d->name, c->name, never);
            return DEPENDENCY_NEVER;
        }
        if (c->known < free_until || met(other, d->condition))
            continue;
        verdict = DEPENDENCY_WAIT;
        limit = limit_of(other, d->condition);
        if (limit && limit < *ret_until)
            *ret_until = limit;
    }
    return verdict;
}

bool dependency_may_stop(const struct container *c)
{
    for (size_t i = 0; i < c->task->n_containers; i++) {
        const struct container *other = &c->task->containers[i];

        /* what they live in goes after them */
        if (c->type != CONTAINER_NORMAL && other->type == CONTAINER_NORMAL &&
            other->known != CONTAINER_STOPPED)
            return false;
        for (size_t k = 0; k < other->n_depends; k++)
            if (other->known != CONTAINER_STOPPED &&
                task_container(c->task, other->depends[k].name) == c)
                return false;
    }
    return true;
}
