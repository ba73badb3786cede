/*
 * task_status.h - the states of a task in the agent, in their order.
 *
 * A task's known status only rises. The service knows three words: RUNNING,
 * STOPPED, and PENDING for everything before (taskstatus.go:BackendStatus).
 */
#ifndef PROTO_TASK_STATUS_H
#define PROTO_TASK_STATUS_H

#include "base/strtab.h"

enum task_status {
    TASK_NONE,
    TASK_MANIFEST_PULLED,
    TASK_PULLED,
    TASK_CREATED,
    TASK_RUNNING,
    TASK_STOPPED,
    TASK_STATUS_MAX
};

STRTAB_DECLARE(task_status, enum task_status);

/* The word that goes to the service: "PENDING", "RUNNING" or "STOPPED". */
const char *task_status_reported(enum task_status s);

#endif
