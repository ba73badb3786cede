#include <string.h>

#include "base/str.h"
#include "proto/ecs_operation.h"

static const char *const names[ECS_OPERATION_MAX] = {
    [ECS_REGISTER_CONTAINER_INSTANCE] = "RegisterContainerInstance",
    [ECS_DISCOVER_POLL_ENDPOINT] = "DiscoverPollEndpoint",
    [ECS_SUBMIT_TASK_STATE_CHANGE] = "SubmitTaskStateChange",
    [ECS_SUBMIT_CONTAINER_STATE_CHANGE] = "SubmitContainerStateChange",
    [ECS_SUBMIT_ATTACHMENT_STATE_CHANGES] = "SubmitAttachmentStateChanges",
    [ECS_CREATE_CLUSTER] = "CreateCluster",
    [ECS_UPDATE_CONTAINER_INSTANCES_STATE] = "UpdateContainerInstancesState",
    [ECS_LIST_TAGS_FOR_RESOURCE] = "ListTagsForResource",
    [ECS_UPDATE_TASK_PROTECTION] = "UpdateTaskProtection",
    [ECS_GET_TASK_PROTECTION] = "GetTaskProtection",
};

STRTAB_DEFINE(ecs_operation, enum ecs_operation, names)

int ecs_operation_from_target(const char *target)
{
    const char *name = str_after(target, ECS_TARGET_PREFIX ".");

    return name ? ecs_operation_from(name) : -1;
}

static const char *const errors[ECS_ERROR_MAX] = {
    [ECS_ERROR_ACCESS_DENIED] = "AccessDeniedException",
    [ECS_ERROR_CLIENT] = "ClientException",
    [ECS_ERROR_CLUSTER_NOT_FOUND] = "ClusterNotFoundException",
    [ECS_ERROR_INVALID_PARAMETER] = "InvalidParameterException",
    [ECS_ERROR_LIMIT_EXCEEDED] = "LimitExceededException",
    [ECS_ERROR_SERVER] = "ServerException",
    [ECS_ERROR_THROTTLING] = "ThrottlingException",
};

STRTAB_DEFINE(ecs_error, enum ecs_error, errors)

const char *ecs_error_code(const char *type, size_t *ret_len)
{
    const char *hash = strrchr(type, '#');
    const char *start = hash ? hash + 1 : type;

    *ret_len = strcspn(start, ":");
    return start;
}
