/*
 * task.h - one task, and how the statuses of its containers become its own.
 *
 * A task is known by its ARN and lives from the payload that brought it (or
 * the saved state) until it was cleaned up. `spec` is the payload's task
 * without the secret halves of the role credentials; everything this agent
 * does not use stays in there, so that nothing is lost when it is saved.
 *
 * Pure data and rules, as container.h. The known status is written by
 * task_set_known() alone. Source of the rules: the official agent's task.go
 * (updateTaskKnownStatus, updateTaskDesiredStatusUnsafe).
 */
#ifndef AGENT_TASK_H
#define AGENT_TASK_H

#include "agent/container.h"
#include "base/list.h"
#include "proto/task_status.h"

struct task_work;

struct task {
    struct list link;
    json_t *spec;
    const char *arn; /* these six point into spec; cluster_arn and network_mode may be "" */
    const char *cluster_arn;
    const char *family, *version;
    const char *network_mode;
    struct container *containers;
    size_t n_containers;

    double cpu;          /* vCPUs of the whole task; 0: no limit */
    int64_t memory;      /* MiB of the whole task; 0: no limit */
    bool limits;         /* it has a control group of its own (cgroup.h) */
    char *local_address; /* on the bridge to the agent, of a task in mode awsvpc; NULL: none yet */
    bool address_released;                           /* it has gone back to ecs-ipam */
    char *credentials_id, *execution_credentials_id; /* NULL: no role */

    enum task_status known, desired;
    char *reason; /* the task's own terminal reason, or NULL */
    int64_t pull_started_at, pull_stopped_at, execution_stopped_at; /* ns since 1970; 0: never */
    int64_t stopped_at; /* when the task became STOPPED: its clean-up counts from here */

    enum task_status sent;                /* the highest status ECS has accepted */
    enum task_status handed;              /* the highest status given to the sender */
    uint64_t handed_seq[TASK_STATUS_MAX]; /* with which change; 0: not handed over */

    /* gMSA (engine_gmsa.h); NULL: nothing. What each credentialspec has become: a folder with a
     * ticket, on Windows a security option. And what is to be given back: ids of leases, on Windows
     * names of files. */
    json_t *tickets, *leases;

    struct task_work *work; /* the engine's; NULL outside it */
};

/* Zeroed task with n containers, all at NONE. */
struct task *task_new(size_t n_containers);
void task_free(struct task *t);

struct container *task_container(const struct task *t, const char *name);
/* The one of this type that the agent added; NULL: there is none. */
struct container *task_internal(const struct task *t, enum container_type type);
bool task_is_awsvpc(const struct task *t);

/* The id at the end of the ARN. */
const char *task_id(const struct task *t);

/* Change the status, log "old -> new"; a lower or equal one is ignored. True if changed. */
bool task_set_known(struct task *t, enum task_status s, struct log *log);
bool task_set_desired(struct task *t, enum task_status s, struct log *log);

/* Records the task's reason unless there is one already: with a capital letter first, and one blank
 * between words. (task.go:SetTerminalReason) */
void task_set_reason(struct task *t, const char *reason);

/*
 * Desired statuses: an essential container that stopped, or is to stop, takes
 * the task with it; a task that is to stop takes all containers with it.
 */
bool task_propagate_desired(struct task *t, struct log *log);

/*
 * Known status: the lowest of what the containers allow; RUNNING is not
 * reached while an essential container is STOPPED. `now` (ns since 1970) is
 * recorded as executionStoppedAt when the first essential container stopped.
 */
bool task_propagate_known(struct task *t, int64_t now, struct log *log);

/* At least one change of a container, or of what runs in it, that ECS has not seen and nobody was
 * handed. */
bool task_has_unhanded(const struct task *t);

json_t *task_state_json(const struct task *t);
void task_state_load(struct task *t, const json_t *state);

#endif
