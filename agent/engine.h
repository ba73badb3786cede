/*
 * engine.h - the task engine: payloads in, containers run, state changes out.
 *
 * The engine owns every task of this instance. It drives each container
 * through NONE, MANIFEST_PULLED, PULLED, CREATED, RUNNING to STOPPED with the
 * Docker Engine, and believes Docker alone: events and inspects feed one state
 * machine, a status is raised only when Docker shows it.
 *
 * Life cycle: engine_new(), engine_start() once the instance is registered,
 * engine_free(). Everything runs on the loop. Tasks are saved through the
 * store as they change, before anybody is told.
 *
 * Where it is better than the official agent, on purpose: the event stream is
 * reopened with a backoff and everything that runs is inspected after a gap
 * (the official agent waits for its 5 minute poll); a container whose stop
 * failed is not called stopped while Docker still shows it running; a
 * container removed behind the agent's back is noticed at its destroy event;
 * a task that cannot be read from the saved state is reported STOPPED while the others
 * live on.
 */
#ifndef AGENT_ENGINE_H
#define AGENT_ENGINE_H

#include "agent/aws_call.h"
#include "agent/cgroup.h"
#include "agent/config.h"
#include "agent/docker_client.h"
#include "agent/ecr_auth.h"
#include "agent/loop.h"
#include "agent/registry_auth.h"
#include "agent/s3_client.h"
#include "agent/state_store.h"
#include "agent/task.h"
#include "base/log.h"

struct credfetch_client;
struct metadata_place;
struct engine;

/* One entry of containers[] in SubmitTaskStateChange. */
struct engine_container_change {
    const char *name;
    const char *status;                             /* "RUNNING", "STOPPED", "PENDING" */
    const char *runtime_id, *image_digest, *reason; /* NULL: leave out */
    bool exit_known;
    int exit_code;
    const struct container_binding *bindings; /* already without what config leaves out */
    size_t n_bindings;
};

/* One entry of managedAgents[]. */
struct engine_managed_change {
    const char *container, *name, *status, *reason;
};

/*
 * What one SubmitTaskStateChange has to say. Changes of one task must reach
 * ECS in the order in which they were handed over. Borrowed: the receiver
 * copies what it needs before it returns.
 */
struct engine_change {
    uint64_t seq; /* for engine_mark_sent(); rises, never 0 but for a task that was not taken on */
    const char *task_arn;
    const char *status; /* "RUNNING", "STOPPED", "PENDING" */
    const char *reason; /* "" when there is none */
    int64_t pull_started_at, pull_stopped_at,
        execution_stopped_at; /* ns since 1970; 0: leave out */
    const struct engine_container_change *containers;
    size_t n_containers;
    const struct engine_managed_change *managed;
    size_t n_managed;
};

struct engine_callbacks {
    void (*on_state_change)(const struct engine_change *c, void *user);
    /* A task has been cleaned up and its struct is about to go: forget its ARN. May be NULL. */
    void (*on_task_gone)(const struct task *t, void *user);
    void *user;
};

/* config, docker, store, log and loop are borrowed and outlive the engine. store may be NULL. */
struct engine *engine_new(struct loop *loop, const struct config *config, struct log *log,
                          struct docker_client *docker, struct state_store *store,
                          const struct engine_callbacks *cb);

/*
 * Reads the saved tasks; call before registration, so that the number of tasks
 * is known. Records that cannot be read are logged. -1 when the store fails.
 */
int engine_load(struct engine *en, struct err *e);

/*
 * Where the control groups of tasks are; NULL (from the start): nowhere.
 * limit_new: new tasks get one, not only those that had one. Borrowed.
 */
void engine_set_cgroup(struct engine *en, const struct cgroup *g, bool limit_new);

/* From where, and as whom, files, secrets and images of tasks are fetched; all borrowed. */
struct engine_sources {
    struct s3_client *s3;
    struct aws_caller *aws;
    struct ecr_auth *ecr;
    struct credfetch_client *credfetch;
    const struct task_credentials *who;
    const struct registry_auth *registries;
};
void engine_set_sources(struct engine *en, const struct engine_sources *s);

/*
 * Opens the event stream, finds the containers of the loaded tasks again (by
 * id, else by name), and lets every task go on. Emits what ECS has not
 * accepted yet; what it has accepted is not reported again.
 */
void engine_start(struct engine *en);

/* Writes everything once more: the final save at SIGTERM. */
int engine_save(struct engine *en, struct err *e);
void engine_free(struct engine *en); /* NULL is fine; does not touch containers */

/*
 * Takes the tasks of a PayloadMessage (its "message" object): those that are to
 * stop first, then the others. A known task only gets its desired status. A
 * task that cannot be read is reported STOPPED and not counted as handled.
 * Returns true when every task was handled (and saved): then, and only then,
 * the message may be acknowledged. *e says which task was bad first.
 */
bool engine_handle_payload(struct engine *en, const json_t *payload, struct err *e);

/*
 * IAMRoleCredentialsMessage: the id of a task's role (execution: of its
 * execution role). -1 when there is no such task.
 */
int engine_set_task_credentials(struct engine *en, const char *task_arn, bool execution,
                                const char *credentials_id);

/*
 * TaskManifestMessage: false when its timeline is not newer than what was seen
 * (then nothing is answered); otherwise the number is saved and *ret_candidates
 * (new reference) is the array for TaskStopVerificationMessage: each task that
 * is to run here but not according to the manifest. Empty: nothing to verify.
 */
bool engine_manifest(struct engine *en, const json_t *manifest, json_t **ret_candidates);

/* Sets a task's desired status to STOPPED (TaskStopVerificationAck). -1: no such task. */
int engine_stop_task(struct engine *en, const char *task_arn);

/* ECS accepted the change, or refused it for good: it is not handed over again. Saved. */
void engine_mark_sent(struct engine *en, const char *task_arn, uint64_t seq);

/* Iteration in the order of arrival: NULL starts; NULL at the end. */
struct task *engine_next_task(const struct engine *en, const struct task *after);
struct task *engine_find_task(const struct engine *en, const char *arn);
/*
 * By Docker id: longer than 12 characters the whole id, else a prefix. NULL when
 * there is none; *ret_matches (may be NULL) counts the tasks that match.
 */
struct task *engine_find_docker_id(const struct engine *en, const char *id, size_t *ret_matches);

/* The container that has this id in its metadata URIs, once Docker has it; NULL: none. */
struct container *engine_find_endpoint(const struct engine *en, const char *endpoint_id);

/* What Docker said last of what a container uses, and bytes a second between the last two samples.
 */
struct engine_stats {
    json_t *sample; /* NULL: none yet */
    bool rated;     /* there were two samples, with networks */
    double rx_per_s, tx_per_s;
};
/* False when nobody watches the container: it does not run, or metrics are off. The sample is a new
 * reference. */
bool engine_container_stats(const struct container *c, struct engine_stats *ret);

/* Where this is, for the files that containers have (metadata_file.h); copied. */
void engine_set_place(struct engine *en, const struct metadata_place *p);

/* No task is known that is not STOPPED. */
bool engine_idle(const struct engine *en);

/*
 * taskMetrics of a PublishMetricsRequest: one object a task that has samples
 * since the last call. The samples are consumed. New reference, never NULL.
 */
json_t *engine_collect_metrics(struct engine *en);
/* tasks of a PublishHealthRequest: containers whose health Docker checks. */
json_t *engine_collect_health(struct engine *en);

#endif
