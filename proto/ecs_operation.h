/*
 * ecs_operation.h - the calls of the ECS API that an agent makes, and the
 * error types it tells apart.
 *
 * Every call is POST / with Content-Type application/x-amz-json-1.1 and the
 * header X-Amz-Target: ECS_TARGET_PREFIX "." name; SigV4 service "ecs".
 * An error answer is not 2xx and carries {"__type":"Code" or "ns#Code",
 * "message":"..."} or the header x-amzn-ErrorType (which may end in ":url").
 */
#ifndef PROTO_ECS_OPERATION_H
#define PROTO_ECS_OPERATION_H

#include <stddef.h>

#include "base/strtab.h"

#define ECS_TARGET_PREFIX "AmazonEC2ContainerServiceV20141113"
#define ECS_CONTENT_TYPE  "application/x-amz-json-1.1"
#define ECS_SERVICE       "ecs"

enum ecs_operation {
    ECS_REGISTER_CONTAINER_INSTANCE,
    ECS_DISCOVER_POLL_ENDPOINT,
    ECS_SUBMIT_TASK_STATE_CHANGE,
    ECS_SUBMIT_CONTAINER_STATE_CHANGE,
    ECS_SUBMIT_ATTACHMENT_STATE_CHANGES,
    ECS_CREATE_CLUSTER,
    ECS_UPDATE_CONTAINER_INSTANCES_STATE,
    ECS_LIST_TAGS_FOR_RESOURCE,
    ECS_UPDATE_TASK_PROTECTION,
    ECS_GET_TASK_PROTECTION,
    ECS_OPERATION_MAX
};

STRTAB_DECLARE(ecs_operation, enum ecs_operation);

/* The operation of an X-Amz-Target value, or -1. */
int ecs_operation_from_target(const char *target);

/* Error types that change what an agent does, in agreement with the service's model. */
enum ecs_error {
    ECS_ERROR_ACCESS_DENIED,
    ECS_ERROR_CLIENT,
    ECS_ERROR_CLUSTER_NOT_FOUND,
    ECS_ERROR_INVALID_PARAMETER,
    ECS_ERROR_LIMIT_EXCEEDED,
    ECS_ERROR_SERVER,
    ECS_ERROR_THROTTLING,
    ECS_ERROR_MAX
};

STRTAB_DECLARE(ecs_error, enum ecs_error);

/*
 * Finds the code in a __type or x-amzn-ErrorType value: what stands behind the
 * last '#' and before a ':'. Returns its start and sets *ret_len.
 */
const char *ecs_error_code(const char *type, size_t *ret_len);

/* Attribute names that the agent sends and must get back (validated on registration). */
#define ECS_ATTR_OS_TYPE           "ecs.os-type"
#define ECS_ATTR_OS_FAMILY         "ecs.os-family"
#define ECS_ATTR_OS_TYPE_DETAILED  "ecs.os-type-detailed"
#define ECS_ATTR_CPU_ARCHITECTURE  "ecs.cpu-architecture"
#define ECS_ATTR_OUTPOST_ARN       "ecs.outpost-arn"
#define ECS_ATTR_AVAILABILITY_ZONE "ecs.availability-zone"
/* Most capabilities begin with one of these. */
#define ECS_CAPABILITY_LONG  "com.amazonaws.ecs.capability."
#define ECS_CAPABILITY_SHORT "ecs.capability."

#endif
