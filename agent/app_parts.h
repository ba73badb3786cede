/*
 * app_parts.h - the parts of the running agent; private to app*.c.
 *
 * app.c makes and ends them, app_start.c goes through the start in the official
 * order, app_engine.c joins the task engine with the wires.
 */
#ifndef AGENT_APP_PARTS_H
#define AGENT_APP_PARTS_H

#include "agent/acs_session.h"
#include "agent/args.h"
#include "agent/attachment.h"
#include "agent/command_run.h"
#include "agent/ec2_tags.h"
#include "agent/ecs_register.h"
#include "agent/engine.h"
#include "agent/gpu.h"
#include "agent/imds.h"
#include "agent/introspection.h"
#include "agent/spot.h"
#include "agent/submit_queue.h"
#include "agent/tcs_session.h"
#include "agent/tmds.h"
#include "agent/updater.h"

struct app {
    const struct args *args;
    struct config config;
    size_t notes_told; /* of the configuration's notes */
    struct log log;
    struct loop loop;
    enum agent_exit status;

    struct proxy proxy;
    struct http_trust trust;
    struct http *http;
    struct imds *imds;
    struct credentials *credentials;
    struct docker_client *docker;
    struct state_store *store; /* NULL: checkpointing is off */
    struct cgroup cgroup;
    struct gpus gpus;
    struct s3_client *s3;
    struct aws_caller *aws;
    struct ecr_auth *ecr;
    struct credfetch_client *credfetch;
    struct registry_auth registries;
    struct engine *engine;
    struct ecs_client *ecs;
    struct ec2_tags *asking_tags;
    struct ecs_register *registering;
    struct submit_queue *queue;
    struct web *web;
    struct introspection *introspection;
    struct tmds *tmds;
    struct ecs_discovery *discovery;
    struct session_env env;
    struct acs_session *acs;
    struct updater *updater;
    struct tcs_session *tcs;
    struct spot *spot; /* NULL: not asked for */
    struct attachments *attachments;
    struct link_watch *links;   /* NULL: there are no network interfaces of tasks */
    struct command_run *asking; /* a plugin */
    size_t plugins_asked;
    json_t *plugin_versions; /* object: attribute -> value; NULL: none */
    bool pause_loaded;
    void (*on_network)(struct app *a); /* after app_network() */
    void (*in_service)(struct app *a); /* after app_wait_in_service() */
    struct clock_timer pool_timer;
    unsigned int pool_silent;
    bool pool_seen;
    struct task_credentials task_credentials;

    char *cluster;                                                  /* configured, or "default" */
    char *ec2_instance_id, *identity_document, *identity_signature; /* NULL: not on EC2 */
    char *instance_arn;                                             /* saved, then as registered */
    char *zone_id, *vpc_id, *subnet_id, *mac;                       /* NULL: not known */
    char *private_ipv4; /* NULL: not asked for, or none */
    char *zone;         /* as registered; NULL: none */
};

/* Ends the agent with this status, from anywhere below loop_run(). */
void app_end(struct app *a, enum agent_exit status);
/* The same, and says why. */
void app_fail(struct app *a, enum agent_exit status, const char *what, const struct err *e);

/* Logs what the configuration has noted since the last call. */
void app_tell_notes(struct app *a);

/* Goes on until the instance is registered and connected, or app_fail(). */
void app_start(struct app *a);

/* app_warm_pool.c: then(), at once or when the instance goes into service. */
void app_wait_in_service(struct app *a, void (*then)(struct app *a));

/*
 * app_network.c: the pause image, and what network mode awsvpc needs, where it is asked for: no
 * agent as process 1, the VPC and the subnet, plugins that are able to, and an eye on devices.
 * Then on_ready, or app_fail(). An instance outside of any VPC goes on without.
 */
void app_network(struct app *a, void (*on_ready)(struct app *a));

/* The engine and its callbacks. */
int app_engine_new(struct app *a, struct err *e);
/* Starts the engine, the introspection API and both sessions. */
int app_connect(struct app *a, struct err *e);

/* The body of SubmitTaskStateChange, without "cluster". New reference. */
json_t *app_change_json(const struct engine_change *c);

#endif
