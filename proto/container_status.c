#include "proto/container_status.h"

static const char *const names[CONTAINER_STATUS_MAX] = {
    [CONTAINER_NONE] = "NONE",       [CONTAINER_MANIFEST_PULLED] = "MANIFEST_PULLED",
    [CONTAINER_PULLED] = "PULLED",   [CONTAINER_CREATED] = "CREATED",
    [CONTAINER_RUNNING] = "RUNNING", [CONTAINER_RESOURCES_PROVISIONED] = "RESOURCES_PROVISIONED",
    [CONTAINER_STOPPED] = "STOPPED",
};

STRTAB_DEFINE(container_status, enum container_status, names)

const char *container_status_reported(enum container_status s, enum container_status steady)
{
    if (s == steady)
        return "RUNNING";
    return s == CONTAINER_STOPPED ? "STOPPED" : "PENDING";
}

enum task_status container_status_to_task(enum container_status s, enum container_status steady)
{
    if (s == steady)
        return TASK_RUNNING;
    switch (s) {
    case CONTAINER_MANIFEST_PULLED:
    case CONTAINER_PULLED:
        return TASK_MANIFEST_PULLED;
    case CONTAINER_CREATED:
        return TASK_CREATED;
    case CONTAINER_RUNNING:
        /* a pause container that runs has not set up its network yet */
        return steady == CONTAINER_RESOURCES_PROVISIONED ? TASK_CREATED : TASK_NONE;
    case CONTAINER_STOPPED:
        return TASK_STOPPED;
    default:
        return TASK_NONE;
    }
}

static const char *const conditions[DEPEND_CONDITION_MAX] = {
    [DEPEND_START] = "START",     [DEPEND_CREATE] = "CREATE",   [DEPEND_COMPLETE] = "COMPLETE",
    [DEPEND_SUCCESS] = "SUCCESS", [DEPEND_HEALTHY] = "HEALTHY",
};

STRTAB_DEFINE(depend_condition, enum depend_condition, conditions)
