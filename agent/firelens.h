/*
 * firelens.h - FireLens: one container of a task takes the logs of others and routes them.
 *
 * The router is the container with a firelensConfiguration (fluentd or fluentbit). The agent writes
 * its configuration below ECS_DATADIR and mounts it, with a folder for a socket; containers whose
 * log driver is "awsfirelens" get Docker's fluentd driver with that socket, and the rest of
 * their options becomes an output of the router. They start after it.
 *
 * A configuration of the router's own in S3 is fetched before it is created (engine_firelens.c),
 * and included. Secrets among the log options do not stand in the configuration: it names variables
 * of the router's environment.
 *
 * Source: taskresource/firelens, api/task/task.go (AddFirelensContainerBindMounts),
 * engine/docker_task_engine.go (getFirelensLogConfig), each line held against what the official
 * agent 1.105.1 writes. Options come in the order of their names there and here.
 */
#ifndef AGENT_FIRELENS_H
#define AGENT_FIRELENS_H

#include "agent/config.h"
#include "agent/task.h"

#define FIRELENS_CONFIG_MAX (256u << 10)

/* The container that routes; NULL: none. */
struct container *firelens_router(const struct task *t);
/* Its log driver is awsfirelens. */
bool firelens_logs(const struct container *c);

/* ARN of the router's configuration in S3; NULL: none. */
const char *firelens_s3(const struct task *t);
/* The variable that holds this option of c, a secret: "NAME_INDEX". To be freed. */
char *firelens_variable(const struct container *c, const char *name);

/* -1: nobody routes, or in a way that there is not. */
int firelens_check(const struct task *t, struct err *e);

/* The router's configuration. To be freed; NULL with the reason. */
char *firelens_config(const struct task *t, const char *cluster, struct err *e);

/* Writes it and makes the folders; what is there is written anew. */
int firelens_write(const struct task *t, const struct config *config, const char *cluster,
                   struct err *e);
/* What was fetched from S3. */
int firelens_write_external(const struct task *t, const struct config *config, const char *text,
                            size_t n, struct err *e);
void firelens_remove(const struct task *t, const struct config *config);

/* Into the create body: LogConfig of one that logs, Binds of the router. */
void firelens_put(const struct container *c, const struct config *config,
                  const char *docker_version, json_t *host);
/* Into the environment: where to log to, or as whom to listen. */
void firelens_env(const struct container *c, json_t *vars);

#endif
