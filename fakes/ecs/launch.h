/*
 * launch.h - tasks that the control plane starts and stops by itself.
 *
 * RunTask, StartTask and services order a task; place.h finds the instance;
 * launch_task() makes the task and sends it to the agent. A task that an agent
 * may not have taken yet is sent again when the agent connects. What becomes of
 * it is what the agent submits, and nothing else.
 *
 * Tasks with roles get credentials of their own, which are good for signing
 * (fakes/aws/keyring.h), last LAUNCH_CREDENTIALS_NS and are renewed before they end.
 */
#ifndef FAKES_ECS_LAUNCH_H
#define FAKES_ECS_LAUNCH_H

#include "fakes/ecs/definition.h"
#include "fakes/ecs/plane.h"

#define LAUNCH_CREDENTIALS_NS (6 * 3600 * NS_PER_S)
#define LAUNCH_RENEW_NS       (3600 * NS_PER_S) /* before they end */

/* What the plane knows of a task that it started itself. */
struct plane_launch {
    struct plane_definition *definition;
    char *group, *started_by, *reference_id; /* group: "family:..." or "service:..." */
    char *service, *deployment;              /* arn and id; NULL: it stands alone */
    json_t *overrides;                       /* as given, or an empty object */
    int64_t cpu, memory;                     /* what it takes from its instance */
    json_t *tcp, *udp;                       /* host ports that it takes; lists of integers */
    json_t *credentials[2];                  /* of the task role and the execution role; or NULL */
    int64_t credentials_until;               /* wall */
    bool exec;                               /* enableExecuteCommand */
    bool protect;
    int64_t protect_until; /* wall */
};

struct launch_order {
    struct plane_cluster *cluster;
    struct plane_definition *definition;
    const char *group, *started_by, *reference_id, *service, *deployment, *launch_type;
    const json_t *overrides, *tags; /* or NULL */
    bool exec;
};

/* The task on that instance, sent. NULL when there are too many tasks. */
struct plane_task *launch_task(struct plane *p, const struct launch_order *o,
                               struct plane_instance *i);

/* Wants it stopped, for this reason. code is one of the API's stopCode words, static. */
void launch_stop(struct plane *p, struct plane_task *t, const char *code, const char *reason);

/* For acs.c: the agent of this instance is there. credentials: it asked for those of all tasks. */
void launch_connected(struct plane *p, const struct plane_instance *i, bool credentials);

struct session;
/* For acs.c: an agent asks whether it may stop these, which our manifest did not have. */
void launch_verify_stops(struct plane *p, struct session *s, const char *message_id,
                         const json_t *candidates);

/* The value of member for this task: that of its overrides, else that of its definition. */
const char *launch_text(const struct plane_launch *l, const char *member);

/* What RunTask may have given for a container; NULL: nothing. */
json_t *launch_override(const json_t *overrides, const char *container);

void launch_free(struct plane_launch *l);

/* The task as a PayloadMessage carries it (payload.c); a new reference. */
json_t *payload_task(const struct plane *p, const struct plane_task *t);

#endif
