#include <stddef.h>

#include "proto/docker_path.h"

static const struct docker_call_info calls[DOCKER_CALL_MAX] = {
    [DOCKER_PING] = {"GET", "/_ping"},
    [DOCKER_VERSION] = {"GET", "/version"},
    [DOCKER_INFO] = {"GET", "/info"},
    [DOCKER_EVENTS] = {"GET", "/events"},
    [DOCKER_PLUGIN_LIST] = {"GET", "/plugins"},
    [DOCKER_DISTRIBUTION_INSPECT] = {"GET", "/distribution/{name}/json"},
    [DOCKER_IMAGE_CREATE] = {"POST", "/images/create"},
    [DOCKER_IMAGE_INSPECT] = {"GET", "/images/{name}/json"},
    [DOCKER_IMAGE_LIST] = {"GET", "/images/json"},
    [DOCKER_IMAGE_LOAD] = {"POST", "/images/load"},
    [DOCKER_IMAGE_TAG] = {"POST", "/images/{name}/tag"},
    [DOCKER_IMAGE_REMOVE] = {"DELETE", "/images/{name}"},
    [DOCKER_CONTAINER_LIST] = {"GET", "/containers/json"},
    [DOCKER_CONTAINER_CREATE] = {"POST", "/containers/create"},
    [DOCKER_CONTAINER_INSPECT] = {"GET", "/containers/{name}/json"},
    [DOCKER_CONTAINER_START] = {"POST", "/containers/{name}/start"},
    [DOCKER_CONTAINER_STOP] = {"POST", "/containers/{name}/stop"},
    [DOCKER_CONTAINER_REMOVE] = {"DELETE", "/containers/{name}"},
    [DOCKER_CONTAINER_STATS] = {"GET", "/containers/{name}/stats"},
    [DOCKER_CONTAINER_LOGS] = {"GET", "/containers/{name}/logs"},
    [DOCKER_EXEC_CREATE] = {"POST", "/containers/{name}/exec"},
    [DOCKER_EXEC_START] = {"POST", "/exec/{name}/start"},
    [DOCKER_EXEC_INSPECT] = {"GET", "/exec/{name}/json"},
    [DOCKER_VOLUME_CREATE] = {"POST", "/volumes/create"},
    [DOCKER_VOLUME_INSPECT] = {"GET", "/volumes/{name}"},
    [DOCKER_VOLUME_REMOVE] = {"DELETE", "/volumes/{name}"},
};

const struct docker_call_info *docker_call_info(enum docker_call call)
{
    return (unsigned int)call < DOCKER_CALL_MAX ? &calls[call] : NULL;
}

static const char *const events[DOCKER_EVENT_MAX] = {
    [DOCKER_EVENT_CREATE] = "create",
    [DOCKER_EVENT_START] = "start",
    [DOCKER_EVENT_DIE] = "die",
    [DOCKER_EVENT_STOP] = "stop",
    [DOCKER_EVENT_OOM] = "oom",
    [DOCKER_EVENT_KILL] = "kill",
    [DOCKER_EVENT_DESTROY] = "destroy",
    [DOCKER_EVENT_HEALTHY] = "health_status: healthy",
    [DOCKER_EVENT_UNHEALTHY] = "health_status: unhealthy",
};

STRTAB_DEFINE(docker_event, enum docker_event, events)

static const char *const healths[DOCKER_HEALTH_MAX] = {
    [DOCKER_HEALTH_NONE] = "none",
    [DOCKER_HEALTH_STARTING] = "starting",
    [DOCKER_HEALTH_HEALTHY] = "healthy",
    [DOCKER_HEALTH_UNHEALTHY] = "unhealthy",
};

STRTAB_DEFINE(docker_health, enum docker_health, healths)
