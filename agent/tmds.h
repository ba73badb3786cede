/*
 * tmds.h - what tasks ask the agent: task metadata, statistics, credentials, the agent API.
 *
 *   /v1/credentials?id=ID  /v2/credentials/ID         tmds_credentials.c
 *   /v2/metadata[WithTags]  /v2/metadata/DOCKER-ID  /v2/stats...   by the visitor's address
 *   /v3/ID and /v4/ID: itself, /task, /taskWithTags, /stats, /task/stats,
 *       /associations/TYPE[/NAME]                     tmds_v2.c, tmds_v34.c
 *   /api/ID/task-protection/v1/state                  tmds_protection.c
 *   /api/ID/fault/v1/KIND/ACTION                      tmds_fault.c
 *
 * ID is a container's endpoint id, which is in its environment; nobody else
 * knows it. Each visitor may ask for each path 40 times a second and 60 times at
 * once (ECS_TASK_METADATA_RPS_LIMIT); every answer says so in its headers.
 * Listens on 127.0.0.1:51679: tasks come to it through the rules that an init
 * program makes for 169.254.170.2:80.
 * (tmds/server.go, handlers/task_server_setup.go; answers and headers seen)
 */
#ifndef AGENT_TMDS_H
#define AGENT_TMDS_H

#include "agent/aws_call.h"
#include "agent/ecs_client.h"
#include "agent/engine.h"
#include "agent/http_server.h"
#include "agent/task_metadata.h"

#define TMDS_BODY_MAX (64u << 10)

struct tmds;

/* Everything is borrowed. */
struct tmds_options {
    const struct config *config;
    struct engine *engine;
    const struct task_credentials *credentials;
    struct ecs_client *ecs;
    struct aws_caller *aws;
    struct metadata_instance instance;
    const char *instance_arn;
};

struct tmds *tmds_new(struct loop *l, const struct tmds_options *o, struct log *log);
/* Before the engine and the callers. NULL is fine. */
void tmds_free(struct tmds *t);

/* One request, as the server hands it over; for the fuzz target too. */
void tmds_visit(struct http_visit *v, void *tmds);

#endif
