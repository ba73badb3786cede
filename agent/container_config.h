/*
 * container_config.h - the body of Docker's container create, from the payload.
 *
 * Plain members come first; the payload's dockerConfig.config and .hostConfig
 * (strings of Docker API JSON) are merged over them as Go's decoder does into
 * a filled struct: objects are merged member by member, all else is replaced,
 * a null leaves a plain value alone. Then come the agent's labels.
 *
 * Source: the official agent's task.go (dockerConfig, dockerHostConfig) and
 * docker_task_engine.go (createContainer).
 */
#ifndef AGENT_CONTAINER_CONFIG_H
#define AGENT_CONTAINER_CONFIG_H

#include "agent/config.h"
#include "agent/task.h"

/* Address of the task metadata server as containers see it. */
#define TASK_METADATA_URL "http://169.254.170.2"

struct container_config_env {
    const struct config *config;   /* for GPUs, FireLens, IPv6 alone; NULL: there is none */
    const char *docker_version;    /* with config */
    const char *cluster;           /* for the label */
    const char *region;            /* for AWS_REGION and logs; NULL or "": not set */
    const char *cgroup_parent;     /* NULL: the task has no control group */
    json_t *file_vars;             /* of environment files: where nothing else says; NULL: none */
    const json_t *pause_labels;    /* of pause containers; may be NULL */
    json_t *secrets, *log_secrets; /* for the environment, and for the log driver; NULL: none */
};

/* How Docker knows a volume of the payload (or its path on the host). To be freed. */
char *container_config_volume(const struct task *t, const json_t *volume);

/*
 * New reference, or NULL with a text in e and in *ret_error_name what it is
 * called in the container's reason. Host ports must have been chosen.
 */
json_t *container_config_body(const struct container *c, const struct container_config_env *env,
                              const char **ret_error_name, struct err *e);

#endif
