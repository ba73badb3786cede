/*
 * container_status.h - the states of a container in the agent, in their order,
 * and what becomes of them for the task and for the service.
 *
 * RESOURCES_PROVISIONED is the steady state of a pause container only; for all
 * others it is RUNNING. (status.go, statusmapping.go of the agent)
 */
#ifndef PROTO_CONTAINER_STATUS_H
#define PROTO_CONTAINER_STATUS_H

#include "base/strtab.h"
#include "proto/task_status.h"

enum container_status {
    CONTAINER_NONE,
    CONTAINER_MANIFEST_PULLED,
    CONTAINER_PULLED,
    CONTAINER_CREATED,
    CONTAINER_RUNNING,
    CONTAINER_RESOURCES_PROVISIONED,
    CONTAINER_STOPPED,
    CONTAINER_STATUS_MAX
};

STRTAB_DECLARE(container_status, enum container_status);

/* The word that goes to the service; steady is the container's steady state. */
const char *container_status_reported(enum container_status s, enum container_status steady);

/* What a container in state s lets its task be. */
enum task_status container_status_to_task(enum container_status s, enum container_status steady);

/* dependsOn conditions. */
enum depend_condition {
    DEPEND_START,
    DEPEND_CREATE,
    DEPEND_COMPLETE,
    DEPEND_SUCCESS,
    DEPEND_HEALTHY,
    DEPEND_CONDITION_MAX
};
STRTAB_DECLARE(depend_condition, enum depend_condition);

#endif
