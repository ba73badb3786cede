/*
 * introspection.h - the agent's own HTTP API, port 51678.
 *
 *   /v1/metadata              cluster, container instance ARN, version
 *   /v1/tasks                 every task; ?taskarn= or ?dockerid= one of them
 *   /license                  text
 *   anything else             the list of these
 *
 * metadata has a member that the official agent has not: EcsimControlChannel
 * says whether the agent is connected to ACS, and since when it is or is not.
 * Whoever watches over agents asks for it in vain elsewhere: the official one
 * looks healthy while nobody can reach it. ECSIM_HIDE_VERSION leaves Version
 * away, as agents before 1.0.0 did, for programs that advise an update then.
 *
 * ECSIM_INTROSPECTION says where (config.h); the address that is listened on
 * is logged. The default host is 127.0.0.1 and not every address, as the
 * official agent has it, because there no packet filter is set up by an init
 * program, and the API tells whoever asks which containers run. When the
 * address is taken it is tried again, 1 s doubling to 1 min.
 * (introspection server of the agent; answers seen)
 */
#ifndef AGENT_INTROSPECTION_H
#define AGENT_INTROSPECTION_H

#include "agent/http_server.h"
#include "base/json.h"

struct introspection;

/* What is shown; borrowed. task functions give a new reference. */
struct introspection_source {
    const char *cluster;
    const char *instance_arn;                            /* NULL: not registered */
    json_t *(*tasks)(void *user);                        /* array */
    json_t *(*task_by_arn)(void *user, const char *arn); /* NULL: unknown */
    /* longer than 12 characters: the whole id; else a prefix. *ret_matches counts the tasks. */
    json_t *(*task_by_docker_id)(void *user, const char *id, size_t *ret_matches);
    /* ours: the connection to ACS; NULL: it is not told */
    bool (*connected)(void *user, int64_t *ret_since);
    bool hide_version; /* as agents before 1.0.0 */
    void *user;
};

struct introspection *introspection_new(struct loop *l, const struct config_listen *listen,
                                        const struct introspection_source *source, struct log *log);
void introspection_free(struct introspection *i);

struct task;

/* One task as /v1/tasks shows it. */
json_t *introspection_task(const struct task *t);

/* The answer to a request; body is to be freed. For the server and its tests. */
int introspection_answer(const struct introspection_source *source, const char *path,
                         const char *task_arn, const char *docker_id, char **ret_body,
                         const char **ret_type);

#endif
