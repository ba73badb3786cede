#include "proto/task_status.h"

static const char *const names[TASK_STATUS_MAX] = {
    [TASK_NONE] = "NONE",       [TASK_MANIFEST_PULLED] = "MANIFEST_PULLED",
    [TASK_PULLED] = "PULLED",   [TASK_CREATED] = "CREATED",
    [TASK_RUNNING] = "RUNNING", [TASK_STOPPED] = "STOPPED",
};

STRTAB_DEFINE(task_status, enum task_status, names)

const char *task_status_reported(enum task_status s)
{
    return s == TASK_RUNNING || s == TASK_STOPPED ? names[s] : "PENDING";
}
