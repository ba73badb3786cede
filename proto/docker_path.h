/*
 * docker_path.h - the calls of the Docker Engine API that an agent makes, and
 * the events it acts on.
 *
 * A path is a template: {name} stands for one container, image or exec id.
 * Image names may hold '/' and arrive unescaped. All paths but the ping may be
 * preceded by "/v<major>.<minor>".
 */
#ifndef PROTO_DOCKER_PATH_H
#define PROTO_DOCKER_PATH_H

#include "base/strtab.h"

enum docker_call {
    DOCKER_PING,
    DOCKER_VERSION,
    DOCKER_INFO,
    DOCKER_EVENTS,
    DOCKER_PLUGIN_LIST,
    DOCKER_DISTRIBUTION_INSPECT,
    DOCKER_IMAGE_CREATE,
    DOCKER_IMAGE_INSPECT,
    DOCKER_IMAGE_LIST,
    DOCKER_IMAGE_LOAD,
    DOCKER_IMAGE_TAG,
    DOCKER_IMAGE_REMOVE,
    DOCKER_CONTAINER_LIST,
    DOCKER_CONTAINER_CREATE,
    DOCKER_CONTAINER_INSPECT,
    DOCKER_CONTAINER_START,
    DOCKER_CONTAINER_STOP,
    DOCKER_CONTAINER_REMOVE,
    DOCKER_CONTAINER_STATS,
    DOCKER_CONTAINER_LOGS,
    DOCKER_EXEC_CREATE,
    DOCKER_EXEC_START,
    DOCKER_EXEC_INSPECT,
    DOCKER_VOLUME_CREATE,
    DOCKER_VOLUME_INSPECT,
    DOCKER_VOLUME_REMOVE,
    DOCKER_CALL_MAX
};

struct docker_call_info {
    const char *method;
    const char *path;
};

/* NULL when call is outside the table. */
const struct docker_call_info *docker_call_info(enum docker_call call);

/* Container events; every one but create makes the agent inspect the container. */
enum docker_event {
    DOCKER_EVENT_CREATE,
    DOCKER_EVENT_START,
    DOCKER_EVENT_DIE,
    DOCKER_EVENT_STOP,
    DOCKER_EVENT_OOM,
    DOCKER_EVENT_KILL,
    DOCKER_EVENT_DESTROY,
    DOCKER_EVENT_HEALTHY,
    DOCKER_EVENT_UNHEALTHY,
    DOCKER_EVENT_MAX
};
STRTAB_DECLARE(docker_event, enum docker_event);

/* State.Health.Status of an inspect. */
enum docker_health {
    DOCKER_HEALTH_NONE,
    DOCKER_HEALTH_STARTING,
    DOCKER_HEALTH_HEALTHY,
    DOCKER_HEALTH_UNHEALTHY,
    DOCKER_HEALTH_MAX
};
STRTAB_DECLARE(docker_health, enum docker_health);

/* Labels that the agent puts on each container. */
#define DOCKER_LABEL_PREFIX         "com.amazonaws.ecs."
#define DOCKER_LABEL_CLUSTER        DOCKER_LABEL_PREFIX "cluster"
#define DOCKER_LABEL_CONTAINER_NAME DOCKER_LABEL_PREFIX "container-name"
#define DOCKER_LABEL_TASK_ARN       DOCKER_LABEL_PREFIX "task-arn"
#define DOCKER_LABEL_FAMILY         DOCKER_LABEL_PREFIX "task-definition-family"
#define DOCKER_LABEL_VERSION        DOCKER_LABEL_PREFIX "task-definition-version"

/* Docker's "never": what FinishedAt and StartedAt hold before they happen. */
#define DOCKER_TIME_ZERO "0001-01-01T00:00:00Z"

#endif
