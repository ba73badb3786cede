/*
 * service.h - services: a number of tasks that is kept.
 *
 * A service has deployments: the PRIMARY one and, while it is rolled out, older
 * ACTIVE ones. The scheduler runs when something changed (a task, an instance, a
 * request) and brings the tasks nearer to what is wanted, within
 * minimumHealthyPercent and maximumPercent. Tasks that do not get to RUNNING
 * make it wait, longer each time; with a circuit breaker the deployment fails
 * and, if asked for, the last one that was completed comes back.
 */
#ifndef FAKES_ECS_SERVICE_H
#define FAKES_ECS_SERVICE_H

#include "fakes/ecs/definition.h"
#include "fakes/ecs/plane.h"

#define SERVICES_MAX            5000
#define SERVICE_EVENTS_MAX      100
#define SERVICE_DEPLOYMENTS_MAX 10
#define SERVICE_SETS_MAX        5
/* A task that cannot be placed is tried again after so long, if nothing changed before. */
#define SERVICE_RETRY_NS    (15 * NS_PER_S)
#define SERVICE_BACKOFF_NS  (1 * NS_PER_S) /* after the first failure; doubles */
#define SERVICE_BACKOFF_MAX (15 * 60 * NS_PER_S)

/* What a task set has beside what a deployment has (service_sets.h). */
struct service_set {
    char *arn;
    double scale; /* percent of the service's desired count */
    bool leaving; /* it is deleted: DRAINING until its last task has stopped */
    bool steady;
    int64_t steady_at; /* wall: since when it is what it is */
    json_t *given;     /* what is shown as it was given */
    json_t *tags;
    char *client_token;
};

struct service_deployment {
    char *id;       /* "ecs-svc/..." */
    char *revision; /* number of the service revision (service_history.h) */
    struct plane_definition *definition;
    bool primary;
    const char *rollout; /* IN_PROGRESS, COMPLETED, FAILED; static */
    char *rollout_reason;
    int64_t failed, launched;       /* failed in a row; launched in all */
    int64_t not_before;             /* mono: when it may start tasks again */
    int64_t created_at, updated_at; /* wall */
    struct service_set *set;        /* NULL: the service makes its deployments itself */
};

struct plane_service {
    char *arn, *name;
    struct plane_cluster *cluster;
    const char *status; /* ACTIVE, DRAINING, INACTIVE; static */
    int64_t desired, min_percent, max_percent;
    bool daemon, breaker, rollback, exec, managed_tags;
    bool external; /* its deployments are task sets, which somebody else makes */
    char *client_token;
    json_t *given;   /* what is shown as it was given: placement, network ... */
    json_t *connect; /* serviceConnectConfiguration, or NULL */
    json_t *tags;
    json_t *events;                         /* newest first */
    struct service_deployment *deployments; /* primary first */
    size_t n_deployments;
    struct plane_definition *completed; /* the last one that was rolled out whole, or NULL */
    char *completed_revision;           /* that of it, or NULL */
    json_t *history, *revisions;        /* service_history.h; newest first */
    bool going_back;                    /* the next deployment is a rollback */
    bool steady;
    int64_t created_at; /* wall */
};

/* Name or ARN in a cluster; NULL when there is none. */
struct plane_service *service_find(const struct plane *p, const struct plane_cluster *c,
                                   const char *name_or_arn);

/* An ACTIVE service without a deployment; NULL when there are too many. One of that name that is
 * INACTIVE is replaced. */
struct plane_service *service_add(struct plane *p, struct plane_cluster *c, const char *name);

/* A new PRIMARY deployment; what was the primary becomes an ACTIVE one. */
void service_deploy(struct plane *p, struct plane_service *s, struct plane_definition *d);

/* Goes back from a deployment that is under way to what was rolled out before; -1: there is none.
 */
int service_roll_back(struct plane *p, struct plane_service *s, const char *why);
/* So many tasks in a row that do not start trip the circuit breaker. */
int64_t service_threshold(const struct plane_service *s);

/* Ends it: no task is wanted any more; INACTIVE when the last one has stopped. */
void service_drain(struct plane *p, struct plane_service *s);

/* A task set behind the others, ACTIVE; the set belongs to it. For services of an EXTERNAL
 * deployment controller, which may have SERVICE_SETS_MAX. */
struct service_deployment *service_add_set(struct plane *p, struct plane_service *s,
                                           struct plane_definition *d, struct service_set *set);
struct service_tally {
    int64_t running, pending; /* running: as the agent says, whatever is wanted of them */
    int64_t wanted;           /* those that shall go on */
    int64_t healthy;          /* running and wanted */
};
/* The tasks of one deployment; NULL: of all. */
struct service_tally service_tally(const struct plane *p, const struct plane_service *s,
                                   const struct service_deployment *d);
/* How many tasks a set shall have. */
int64_t service_set_count(const struct plane_service *s, const struct service_deployment *d);

/* Something changed: the scheduler runs with the next turn of the loop. */
void service_kick(struct plane *p);
/* For plane.c: this task has a new last status. */
void service_task_changed(struct plane *p, const struct plane_task *t);

/* As DescribeServices shows it; a new reference. */
json_t *service_json(const struct plane *p, const struct plane_service *s, bool tags);

/* Its deploymentConfiguration; a new reference. */
json_t *service_configuration_json(const struct plane_service *s);

size_t service_count(const struct plane *p, const struct plane_cluster *c);
void services_clear(struct plane *p);

#endif
