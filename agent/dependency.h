/*
 * dependency.h - which container has to wait for which.
 *
 * Rules of dependsOn as the official agent has them (dependencygraph/graph.go):
 *
 *   CREATE   the other is CREATED or beyond
 *   START    the other is in its steady state, or STOPPED after it ran
 *   COMPLETE the other is STOPPED and its exit code is known
 *   SUCCESS  the other is STOPPED with exit code 0
 *   HEALTHY  the other's Docker health check says so
 *
 * They gate a container once it is past MANIFEST_PULLED (with
 * ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT: past PULLED). One that can never be
 * met ends the waiting container. Stopping goes in reverse: a container waits
 * until those that depend on it have stopped.
 *
 * Pure rules over a struct task.
 */
#ifndef AGENT_DEPENDENCY_H
#define AGENT_DEPENDENCY_H

#include "agent/task.h"

/* What the agent says in place of an exit code of a container it never started. */
#define DEPENDENCY_EXIT_CODE 143

enum dependency_verdict {
    DEPENDENCY_MET,
    DEPENDENCY_WAIT,  /* something else has to happen first */
    DEPENDENCY_NEVER, /* it cannot happen any more; e has the text of the reason */
};

/* Every name exists, and no circle: -1 with a text naming the container. */
int dependency_check(const struct task *t, struct err *e);

/*
 * May c go to its next status on its way up? now: ns since 1970. *ret_until is
 * lowered to the moment at which a wait turns into NEVER (startTimeout of the
 * other container), if there is one.
 */
enum dependency_verdict dependency_verdict(const struct container *c, bool upfront, int64_t now,
                                           int64_t *ret_until, struct err *e);

/* True when no container that depends on c still has to stop. */
bool dependency_may_stop(const struct container *c);

#endif
