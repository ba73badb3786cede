/*
 * task_metadata.h - a task and its containers as the task metadata endpoint shows them.
 *
 * Three forms of the same facts: version 2 knows networks of elastic network
 * interfaces only, 3 those of Docker too, 4 has more members (LogDriver,
 * ContainerARN, HostIp, RestartCount, LaunchType, VPCID ...). Times are RFC
 * 3339, CPU is in units of which a processor has 1024, memory in MiB; those
 * of the whole task are in vCPUs and MiB. Statuses are the agent's own names.
 * (handlers/v2, v3, v4: response.go; seen)
 *
 * Of the documented members EphemeralStorageMetrics, ClockDrift and Snapshotter
 * are told on Fargate only: an agent on an instance has nothing to put there.
 *
 * Pure: what is known becomes JSON.
 */
#ifndef AGENT_TASK_METADATA_H
#define AGENT_TASK_METADATA_H

#include "agent/task.h"

enum metadata_version { METADATA_V2 = 2, METADATA_V3 = 3, METADATA_V4 = 4 };

/* What is the same for every task. NULL or "": not known. */
struct metadata_instance {
    const char *cluster, *zone, *zone_id, *vpc_id;
};

/* NULL: its networks are not known yet, and the version does not do without. New reference. */
json_t *metadata_container(const struct container *c, enum metadata_version version);

/* The same; containers that Docker does not have yet are left out, but for 4 those that are pulled.
 */
json_t *metadata_task(const struct task *t, const struct metadata_instance *i,
                      enum metadata_version version);

/* The addresses of the task's elastic network interface: is ip one of them? */
bool metadata_has_address(const struct task *t, const char *ip);

/* The names of a container's associations of a type; null when there are none, as Go writes it. */
json_t *metadata_associations(const struct container *c, const char *type);
/* The content of one of the task's associations, or NULL. */
const char *metadata_association(const struct task *t, const char *type, const char *name);

#endif
