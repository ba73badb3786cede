/*
 * gpu.h - the GPUs of the instance, as ecs-init writes them down, and of a task, as its payload
 * has them.
 *
 * The file is read once, at the start, with ECS_ENABLE_GPU_SUPPORT. The service is told of the
 * GPUs when the instance registers, and gives each to one container ("associations"): that gets
 * NVIDIA_VISIBLE_DEVICES in its environment, and the runtime ECS_NVIDIA_RUNTIME. On an external
 * instance Docker is asked for the devices instead.
 *
 * Source: gpu/nvidia_gpu_manager_unix.go; api/task/task.go (addGPUResource,
 * overrideContainerRuntime, getDockerResources).
 */
#ifndef AGENT_GPU_H
#define AGENT_GPU_H

#include "agent/config.h"
#include "agent/task.h"

#define GPU_INFO "/var/lib/ecs/gpu/nvidia-gpu-info.json"
#define GPUS_MAX 256

struct gpus {
    char *driver; /* NULL: not known */
    json_t *ids;  /* array of strings; NULL: there are none */
};

/* A file that is not there leaves it empty (ERR_NOT_FOUND in e, and 0). -1: it is no such file. */
int gpus_read(struct gpus *g, const char *path, struct err *e);
void gpus_release(struct gpus *g);

/* platformDevices of RegisterContainerInstance. New reference; NULL: none. */
json_t *gpus_devices(const struct gpus *g);

/* -1: one is given to several containers, or to one that there is not. */
int gpu_check(const struct task *t, struct err *e);
/* Ids of all its GPUs. New reference. */
json_t *gpu_of_task(const struct task *t);

/* The ids that the container has, with commas. To be freed; NULL: none. */
char *gpu_visible(const struct container *c);
/* What the container needs in its HostConfig. vars: its environment, as an object. */
void gpu_put(const struct container *c, const struct config *config, const json_t *vars,
             json_t *host);

#endif
