/*
 * metadata_file.h - ECS_ENABLE_CONTAINER_METADATA: a file in each container with facts about it.
 *
 * It lies below ECS_DATADIR, in metadata/<task>/<container>/, is mounted into the container, and
 * ECS_CONTAINER_METADATA_FILE says where. When the container is created it has what the payload
 * says ("INITIAL"); once it runs, what Docker says too ("READY").
 *
 * Source: the official agent's containermetadata package. Not here: the mount option Z for a daemon
 * with SELinux, for which it asks GET /info before each create.
 */
#ifndef AGENT_METADATA_FILE_H
#define AGENT_METADATA_FILE_H

#include <stdbool.h>

#include "agent/config.h"
#include "agent/task.h"

/* What is the same for every container. NULL or "": not known, left out. */
struct metadata_place {
    const char *cluster, *instance_arn, *zone, *private_ipv4, *public_ipv4;
};

/* The content. New reference. */
json_t *metadata_file_json(const struct container *c, const struct metadata_place *p, bool ready);

/* Writes it, over what is there. */
int metadata_file_write(const struct container *c, const struct config *config,
                        const struct metadata_place *p, bool ready, struct err *e);

/* Into the body of the create: the mount, and the variable. */
void metadata_file_mount(const struct container *c, const struct config *config, json_t *body);

/* Those of all containers of the task. */
int metadata_file_remove(const struct task *t, const struct config *config, struct err *e);

#endif
