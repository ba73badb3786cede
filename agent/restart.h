/*
 * restart.h - a container's restart policy: whether one that has ended is started again.
 *
 * The agent starts the same container again, and nobody is told that it had
 * stopped. Not when it is to stop, its exit code is not known or is one of
 * ignoredExitCodes, or restartAttemptPeriod has not passed since it was
 * started (by the agent again, or at first). The agent has no default for the
 * period: the service sends it. (api/container/restart/restart_tracker.go)
 *
 * Pure rules; the engine does the rest.
 */
#ifndef AGENT_RESTART_H
#define AGENT_RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

#define RESTART_CODES_MAX 50

struct restart_policy {
    bool enabled;
    int ignored[RESTART_CODES_MAX];
    size_t n_ignored;
    int64_t period; /* ns */
};

/* From a payload's container; absent or null: not enabled. */
int restart_policy_read(struct restart_policy *p, const json_t *container, struct err *e);

/*
 * True when a container that ended with this code should run again. since:
 * when it was started last; now: both ns since 1970. *ret_why (for the log) says
 * why not; NULL when the policy is off.
 */
bool restart_wanted(const struct restart_policy *p, int exit_code, int64_t since, int64_t now,
                    const char **ret_why);

#endif
