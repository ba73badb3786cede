/*
 * plane.h - the control plane: clusters, container instances, tasks.
 *
 * The three fakes "ecs", "acs" and "tcs" are windows on one state. It belongs
 * to none of them: plane_ref() finds the one that another fake of the world
 * already holds, or makes it; the last plane_unref() frees it.
 *
 * What changes state here says so in the journal (peer "ecs", old -> new). A
 * task's lastStatus has one writer: plane_task_submitted(), called with what an
 * agent submitted and nothing else.
 *
 * Things are found by ARN or by the id at its end, as in the API; pointers
 * stay good until plane_reset() or the removal of the thing. Names and texts
 * are copies owned by the thing.
 */
#ifndef FAKES_ECS_PLANE_H
#define FAKES_ECS_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/map.h"
#include "base/strtab.h"
#include "fakes/core/fake.h"

#define PLANE_CLUSTERS_MAX  10000
#define PLANE_INSTANCES_MAX 100000
#define PLANE_TASKS_MAX     1000000
/* Stopped tasks are shown for so long, as the service does, when there are newer ones. */
#define PLANE_STOPPED_NS (3600 * NS_PER_S)

struct plane_launch;

/* The words of the API, in the order in which they normally follow. */
enum plane_instance_status {
    INSTANCE_ACTIVE,
    INSTANCE_DRAINING,
    INSTANCE_INACTIVE,
    INSTANCE_STATUS_MAX,
};
STRTAB_DECLARE(plane_instance_status, enum plane_instance_status);

enum plane_task_status {
    PLANE_TASK_NONE, /* the agent has not submitted anything: "PENDING" in answers */
    PLANE_TASK_PENDING,
    PLANE_TASK_RUNNING,
    PLANE_TASK_STOPPED,
    PLANE_TASK_STATUS_MAX,
};
STRTAB_DECLARE(plane_task_status, enum plane_task_status);

struct plane_cluster {
    char *name, *arn;
    bool active; /* false: "INACTIVE" */
    json_t *settings, *tags, *configuration;
    json_t *providers, *strategy; /* capacityProviders, defaultCapacityProviderStrategy */
    json_t *connect_defaults;     /* serviceConnectDefaults, or NULL */
};

struct plane_instance {
    char *arn, *id;
    struct plane_cluster *cluster;
    enum plane_instance_status status;
    bool connected;      /* it has an ACS session */
    char *ec2_id;        /* "" when the agent sent no identity document */
    char *instance_type; /* NULL: not known */
    char *client_token;  /* of the last registration, or NULL */
    char *agent_hash, *agent_version, *docker_version; /* from the ACS handshake, or NULL */
    json_t *attributes; /* list of {name, value?}: what was sent and what we added */
    json_t *resources;  /* registered */
    json_t *tags;
    json_t *health;        /* statuses of the last PublishInstanceStatusRequest, or NULL */
    int64_t registered_at; /* wall */
    int64_t version;       /* counts changes */
    int64_t seq;           /* the last seqNum or timeline that was sent */
    /* An update of the agent (ecs_update_agent.c): a word of agentUpdateStatus (static), or NULL
     * when none was ever asked for; the message whose answer is waited for, and what it brings. */
    const char *update_status;
    char *update_message, *update_version;
};

struct plane_task {
    char *arn, *id;
    struct plane_cluster *cluster;
    char *instance_arn;      /* whom it was sent to, or NULL */
    char *family, *revision; /* of the task definition, as the payload said; or NULL */
    char *launch_type;       /* or NULL */
    enum plane_task_status last;
    enum plane_task_status desired;
    char *reason;        /* of the last submission that had one */
    json_t *containers;  /* object: name -> {status, exitCode, reason, ...} as submitted */
    json_t *attachments; /* object: attachmentArn -> status */
    json_t *tags;
    json_t *managed_agents; /* list of {containerName, managedAgentName, status, reason} */
    double pull_started, pull_stopped, execution_stopped; /* seconds since 1970, 0: not said */
    int64_t created_at, started_at, stopped_at;           /* wall, 0: not yet */
    int64_t stopping_at;                                  /* wall, when it was asked to stop */
    const char *stop_code;                                /* static, or NULL: nobody asked */
    char *stop_reason;                                    /* what whoever asked said, or NULL */
    int64_t version;
    struct plane_launch *launch; /* NULL: it came with a payload that a scenario wrote */
};

/* A capacity provider that was made: as it is shown, but for its tags. */
struct plane_provider {
    json_t *shown, *tags;
};

struct plane {
    unsigned refs;
    struct world *world;
    struct map clusters;     /* name -> struct plane_cluster */
    struct map instances;    /* arn -> struct plane_instance */
    struct map instance_ids; /* id -> the same */
    struct map tasks;        /* arn -> struct plane_task */
    struct map task_ids;
    struct map tokens;            /* clientToken -> struct plane_instance */
    struct map attachments;       /* attachmentArn -> status word (static): those of instances */
    struct map families;          /* name -> struct plane_family (definition.h) */
    struct map services;          /* arn -> struct plane_service (service.h) */
    struct map providers;         /* name -> struct plane_provider */
    struct map settings;          /* name -> value (allocated): account settings that were put */
    struct map run_tokens;        /* clientToken of RunTask -> its answer (json_t) */
    struct clock_timer scheduler; /* of service.c: armed when something changed */
    struct clock_timer refresh;   /* of launch.c: role credentials that run out */
    char *manifest;               /* messageId of the last manifest that launch.c sent, or NULL */
    char *agent_version;          /* the newest there is, for UpdateContainerAgent, or NULL */
    json_t *agent_update;         /* {location, signature} of it, or NULL */
};

/* The beginning of each of the three fakes. */
struct plane_fake {
    struct fake fake;
    struct plane *plane;
};

/* Sets f->plane. The cluster of world->id exists from the start. */
void plane_ref(struct plane_fake *f);
void plane_unref(struct plane_fake *f);
/* Back to the start: one cluster, nothing else. */
void plane_reset(struct plane *p);

/* Name or ARN; NULL or "" is "default". NULL when there is none, or it is inactive. */
struct plane_cluster *plane_cluster(const struct plane *p, const char *name_or_arn);
/* The same, inactive ones too. */
struct plane_cluster *plane_cluster_any(const struct plane *p, const char *name_or_arn);
/* Makes it, or makes it active again. */
struct plane_cluster *plane_cluster_add(struct plane *p, const char *name);
void plane_cluster_set_active(struct plane *p, struct plane_cluster *c, bool active);

/* By ARN or id; cluster NULL: any. NULL when there is none. */
struct plane_instance *plane_instance(const struct plane *p, const struct plane_cluster *cluster,
                                      const char *arn_or_id);
/* A new one with a fresh ARN; NULL when there are too many. */
struct plane_instance *plane_instance_add(struct plane *p, struct plane_cluster *cluster);
void plane_instance_set_status(struct plane *p, struct plane_instance *i,
                               enum plane_instance_status status);
void plane_instance_set_connected(struct plane *p, struct plane_instance *i, bool connected);

struct plane_task *plane_task(const struct plane *p, const struct plane_cluster *cluster,
                              const char *arn_or_id);
/* The task of that ARN, made when it is new; NULL when there are too many. */
struct plane_task *plane_task_add(struct plane *p, struct plane_cluster *cluster, const char *arn);
void plane_task_desire(struct plane *p, struct plane_task *t, enum plane_task_status desired);
/* Forgets tasks that were launched here and stopped more than PLANE_STOPPED_NS ago. */
void plane_tasks_prune(struct plane *p);

/*
 * What an agent submitted: body of a SubmitTaskStateChange or SubmitContainerStateChange that
 * was checked. A status never goes back: an earlier one is noted in the journal and not taken.
 */
void plane_task_submitted(struct plane *p, struct plane_task *t, const json_t *body);
void plane_container_submitted(struct plane *p, struct plane_task *t, const json_t *change);

/* What an agent published of the health of containers: list of {containerName, healthStatus}. */
void plane_task_health(struct plane *p, struct plane_task *t, const json_t *containers);
/* HEALTHY, UNHEALTHY, UNKNOWN: the worst of its essential containers. */
const char *plane_task_healthy(const struct plane_task *t);

/* Shapes of the API; new references. */
json_t *plane_cluster_json(const struct plane *p, const struct plane_cluster *c);
json_t *plane_instance_json(const struct plane *p, const struct plane_instance *i, bool tags,
                            bool health);
json_t *plane_task_json(const struct plane *p, const struct plane_task *t, bool tags);

/* How many tasks are RUNNING there. */
int64_t plane_running_on(const struct plane *p, const struct plane_instance *i);

void plane_provider_free(struct plane_provider *c);

/* The ARN of such a thing here; cluster NULL: the short form. To be freed. */
char *plane_arn(const struct plane *p, const char *kind, const char *cluster, const char *id);

/* Seconds since 1970 with milliseconds, as timestamps are in JSON 1.1. */
json_t *plane_time(int64_t wall);

#endif
