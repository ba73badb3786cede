/*
 * engine_internal.h - what the parts of the engine share (engine*.c only).
 *
 * One task goes on in engine_progress(): desired statuses spread, each
 * container takes its next step if it may, known statuses are summed up, what
 * changed is saved and then told. Everything else - answers of Docker, events,
 * timers, payloads - changes facts and calls it.
 *
 * container->applied says which step is under way; a container takes one at a
 * time. Who starts a step sets it, who ends the step calls engine_step_done().
 */
#ifndef AGENT_ENGINE_INTERNAL_H
#define AGENT_ENGINE_INTERNAL_H

#include "agent/backoff.h"
#include "agent/cni.h"
#include "agent/docker_events.h"
#include "agent/docker_stats.h"
#include "agent/ecr_auth.h"
#include "agent/engine.h"
#include "agent/host.h"
#include "agent/image_set.h"
#include "agent/metadata_file.h"
#include "agent/port_pool.h"
#include "agent/registry_auth.h"
#include "base/map.h"

#define INSPECT_AGAIN      (5 * NS_PER_S)    /* after an inspect that gave no answer */
#define STARTED_LOOK_AGAIN (1 * NS_PER_S)    /* started, and not yet seen running */
#define STOP_AGAIN         (30 * NS_PER_S)   /* a stop that had no effect */
#define CREATE_AGAIN       (500 * NS_PER_MS) /* the daemon is at work under this name already */
#define STOP_TRIES         5                 /* with the short waits, before STOP_AGAIN */
#define STEPS_TO_TRIM      200            /* so many containers' steps leave holes worth a look */
#define EVENTS_WAIT        (1 * NS_PER_S) /* for the stream's answer, before recovery begins */

/* One cycle over images at a time; see engine_images.c. */
struct image_cleanup {
    struct clock_timer timer, after_pull;
    bool waits, running; /* for pulls to end; since then */
    struct docker_request *call;
    struct image_state *image; /* being removed */
    json_t *list, *chosen;     /* that are gone through, and what of them is to go */
    size_t at;                 /* in one of them */
    int64_t tried;             /* images of tasks */
    int64_t removed, allowed;  /* of others */
};

struct engine {
    struct loop *loop;
    const struct config *config;
    struct log *log;
    struct docker_client *docker;
    struct state_store *store;
    const struct cgroup *cgroup; /* NULL: no limits of tasks */
    bool limit_new;
    struct s3_client *s3; /* NULL: none */
    struct aws_caller *aws;
    struct ecr_auth *ecr;
    struct credfetch_client *credfetch;
    const struct task_credentials *credentials;
    const struct registry_auth *registries;
    struct engine_callbacks cb;
    struct list tasks;
    struct map by_arn;       /* struct task */
    struct map by_docker_id; /* struct container */
    struct map by_endpoint;  /* struct container, by its endpoint_id */
    struct docker_events *events;
    struct port_pool ports;
    struct host host;
    struct image_set images;
    struct image_cleanup cleanup;
    struct clock_timer drain;
    struct clock_timer recover;
    bool recovered;
    struct metadata_place place; /* its texts are ours */
    unsigned int steps;          /* taken since memory was given back */
    uint64_t last_seq;           /* of the changes handed over */
    int64_t latest_seq;          /* of payloads and manifests */
};

/* What an inspect is waited for. */
enum after { AFTER_NOTHING, AFTER_CREATE, AFTER_START, AFTER_STOP };

/* login: what X-Registry-Auth says, NULL: nothing. e: there is to be one, and there is none. */
typedef void (*engine_login_fn)(struct container *c, const json_t *login, const struct err *e);

struct exec_work;

struct container_work {
    struct engine *en;
    struct container *c;
    struct docker_request *call; /* of the step under way */
    struct ecr_auth_call *login_call;
    engine_login_fn on_login;
    struct docker_request *inspect;
    bool inspect_again; /* something happened while one was under way */
    struct clock_timer inspect_later;
    enum after after;
    struct clock_timer retry; /* of the step under way */
    struct backoff backoff;
    unsigned int tries;
    int64_t until;   /* mono: all tries of the digest, or of the pull */
    bool pulled;     /* its image, by this agent */
    bool recovering; /* Docker has not been asked yet after a restart */
    bool must_stop;  /* a start timed out: it may run although it is not seen running */
    bool start_failed, stop_had_effect;
    bool ports_held;
    bool restart_failed;
    size_t env_next; /* environment file */
    json_t *env_vars;
    struct s3_request *env_request;
    int64_t restarts_told; /* to TCS */
    bool name_is_foreign;  /* somebody else's container has our name */
    bool died;             /* Docker told its end, and nobody has looked since */
    bool dirty;
    struct cni_call *cni;
    int64_t pid;   /* of its first process; 0: not known */
    char *failure; /* what the daemon said to a create that found the name taken */
    struct docker_stats *stats;
    struct exec_work *exec; /* NULL: nothing of it is under way */
    struct stats_set samples;
};

struct volume_work;
struct secret_work;
struct login_work;
struct gmsa_work;

struct task_work {
    struct engine *en;
    struct task *t;
    struct clock_timer wake; /* a dependency runs out of time */
    struct clock_timer poll; /* look at everything that should run */
    struct clock_timer cleanup;
    struct volume_work *volumes; /* NULL: not looked for yet */
    size_t n_volumes;
    struct secret_work *secrets; /* NULL: not looked for yet */
    size_t n_secrets;
    struct aws_call *secret_call;
    struct s3_request *firelens_request;
    bool firelens_ready;       /* the configuration in S3 has been fetched */
    struct login_work *logins; /* NULL: not looked for yet */
    size_t n_logins;
    struct aws_call *login_call;
    struct gmsa_work *gmsa; /* NULL: not looked for yet */
    bool gmsa_due;          /* its tickets are to be renewed */
    unsigned int removing;  /* DELETE calls under way */
    bool containers_gone;
    bool remove_again;
    bool has_room; /* on the instance (engine_room.c) */
    bool waits_for_room;
    bool running, again; /* inside engine_progress() */
    bool dirty;
    bool unsaved; /* the store does not have the task at all */
};

/* engine.c */
void engine_add_task(struct engine *en, struct task *t);
void engine_drop_task(struct engine *en, struct task *t);
const char *engine_cluster(const struct engine *en);
/* Saves all of it, or what has changed. What could not be saved stays due: the next change of the
 * task tries again. */
int engine_put_task(struct engine *en, struct task *t, struct err *e);
void engine_save_changes(struct engine *en, struct task *t);
void engine_store_failed(struct engine *en, const struct err *e);

/* engine_step.c */
void engine_progress(struct task *t);
void engine_wake(struct task *t); /* the same, soon */
void engine_step_done(struct container *c);
/* Raises the known status and does what belongs to it. */
void engine_set_known(struct container *c, enum container_status s);
/* The container is to go, for this reason; the task follows if it is essential. */
void engine_fail(struct container *c, const char *name, const char *text);

/* engine_pull.c */
void engine_begin_resolve(struct container *c);
void engine_begin_pull(struct container *c);

/* engine_run.c */
void engine_begin_create(struct container *c);
void engine_begin_start(struct container *c);
void engine_begin_stop(struct container *c);
void engine_container_runs(const struct container *c); /* its file says so */
int engine_hold_ports(struct container *c); /* chooses what the payload left open; -1: none left */

const char *engine_config_version(const struct container *c); /* dockerConfig.version, or NULL */

/* engine_room.c. Asks once for what the task needs; when there is none it is woken later. */
bool engine_has_room(struct task *t);
void engine_hold_room(struct task *t);  /* it runs already */
void engine_leave_room(struct task *t); /* it has ended, or goes */

/* engine_network.c. Wires the namespace that the pause container holds: RESOURCES_PROVISIONED. */
void engine_begin_wiring(struct container *c);
/* The network of what c holds has been taken apart, or there is none; else it is being done. */
bool engine_unwired(struct container *c);
/* The task has ended: its address on the bridge goes back. */
void engine_release_address(struct task *t);
void engine_network_cancel(struct container *c);

/* engine_exec.c: the agent of ECS Exec, of a container that has one. */
void engine_exec_prepare(struct container *c, json_t *body); /* of the create */
void engine_exec_begin(struct container *c);                 /* the container was started */
void engine_exec_watch(struct container *c);                 /* it runs, also after a restart */
void engine_exec_stopped(struct container *c);
void engine_exec_free(struct container *c);    /* what is under way is dropped */
void engine_exec_forget(const struct task *t); /* its logs go */

/* engine_restart.c: true when the end that was seen is not to be taken over. */
bool engine_restart(struct container *c, const json_t *inspected);

/* engine_inspect.c */
void engine_inspect(struct container *c);
void engine_inspect_running(struct engine *en);
void engine_on_docker_event(enum docker_event event, const char *id, int exit_code, void *user);

/* engine_emit.c */
void engine_emit(struct task *t);
void engine_emit_rejected(struct engine *en, const char *arn, const char *reason);
void engine_arm_drain(struct engine *en);

/* engine_recover.c */
int engine_load_tasks(struct engine *en, struct err *e);
void engine_recover(struct engine *en);

/* engine_envfile.c: false while they are being fetched, or cannot be. */
bool engine_env_files_ready(struct container *c);

/* engine_firelens.c: false while the router's configuration is being fetched, or cannot be. */
bool engine_firelens_ready(struct container *c);
int engine_firelens_write(struct container *c); /* when c routes; -1: the task is to stop */

/* engine_secret.c: false while they are being fetched, or cannot be. */
bool engine_secrets_ready(struct task *t);
/* Name and value for the environment, or for the options of the log driver; those of a router are
 * the options of all that log to it. New reference. */
json_t *engine_secret_vars(const struct container *c, bool log_driver);
void engine_free_secrets(struct task *t);

/* engine_gmsa.c: false while tickets of the task's accounts are being fetched, or cannot be. */
bool engine_gmsa_ready(struct task *t);
/* Puts them into the body of a create. */
int engine_gmsa_apply(const struct container *c, json_t *body, struct err *e);
/* The execution role has new credentials. */
void engine_gmsa_renew(struct task *t);
/* Gives all back; so many calls are under way, each ends in engine_removed(). */
unsigned int engine_gmsa_release(struct task *t);
void engine_free_gmsa(struct task *t);

/* engine_login.c: false while the credentials are being fetched, or cannot be. */
bool engine_logins_ready(struct container *c);
void engine_free_logins(struct task *t);
/* Calls back once, at once or later. */
void engine_login(struct container *c, engine_login_fn fn);
void engine_login_cancel(struct container *c);
/* The registry said this to the login: what was kept of it is forgotten if that is why. */
void engine_login_refused(struct container *c, const char *message);

/* engine_images.c */
int engine_load_images(struct engine *en, struct err *e);
void engine_free_images(struct engine *en);
void engine_arm_image_cleanup(struct engine *en);
/* The container's image was inspected: its id is known. size in bytes. */
void engine_image_used(struct container *c, int64_t size, bool pulled);
void engine_image_released(struct container *c);
bool engine_image_was_pulled(const struct engine *en, const char *name);
bool engine_image_excluded(const struct engine *en, const char *name);
bool engine_may_pull(const struct engine *en); /* else its task is woken up when it may */
void engine_pull_ended(struct engine *en);
void engine_cleanup_done(struct engine *en);

/* engine_untracked.c: the end of a cycle; so many images may go. */
void engine_clean_untracked(struct engine *en, int64_t allowed);

/* engine_volume.c */
bool engine_volumes_ready(struct task *t); /* else they are being made */
unsigned int
engine_remove_volumes(struct task *t); /* calls under way; each ends in engine_removed() */
void engine_free_volumes(struct task *t);

/* engine_cleanup.c */
void engine_arm_cleanup(struct task *t);
void engine_removed(struct task *t, const struct docker_result *r);

#endif
