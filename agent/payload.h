/*
 * payload.h - the tasks of a PayloadMessage, from JSON to struct task.
 *
 * Every member that this agent uses is checked for its type and range; all
 * others stay untouched in the task's spec. Members are those of the ACS
 * model (PayloadMessage, Task, Container).
 */
#ifndef AGENT_PAYLOAD_H
#define AGENT_PAYLOAD_H

#include "agent/config.h"
#include "agent/task.h"

/* Limits on one task; the service's own are far below. */
#define PAYLOAD_CONTAINERS_MAX 64
#define PAYLOAD_PORTS_MAX      1024
#define PAYLOAD_DEPENDS_MAX    256

/* Reads arn and desiredStatus alone, enough for a task that is known. Borrowed from spec. */
int payload_head(const json_t *spec, const char **ret_arn, enum task_status *ret_desired,
                 struct err *e);

/*
 * A new task with desired and credential ids set and all known statuses NONE.
 * The secret members of the role credentials are not kept. Names for Docker
 * and for the metadata URIs are chosen. NULL with a line that says which
 * container and which member is wrong.
 */
struct task *payload_task(const json_t *spec, struct err *e);

/*
 * 0, or -1 with what this agent cannot do for the task: volume plugins.
 * Network interfaces and GPUs have to be asked for by the configuration.
 */
int payload_unsupported(const struct task *t, const struct config *c, struct err *e);

#endif
