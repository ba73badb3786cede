/*
 * container.h - one container of a task: what the payload said, and what is known of it.
 *
 * Pure data and rules; nothing here talks to Docker. The members are read by
 * everybody (engine, introspection, telemetry) and written by the engine.
 * `known` is written by container_set_known() alone, which logs old -> new.
 *
 * Three statuses: `known` is what Docker was last seen to say and only rises;
 * `desired` is where it shall go (RUNNING or STOPPED) and only rises; `applied`
 * is the status a call now under way leads to (CONTAINER_NONE: no call).
 *
 * Life cycle: container_init() on zeroed memory, container_release().
 */
#ifndef AGENT_CONTAINER_H
#define AGENT_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/exec_agent.h"
#include "agent/restart.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "proto/container_status.h"
#include "proto/docker_path.h"

struct task;
struct container_work;

/* One dependsOn entry; volumesFrom (CREATE) and links (START) become entries too. */
struct container_depend {
    char *name;
    enum depend_condition condition;
};

/*
 * One row of the payload's portMappings; host_port is the chosen one when the
 * payload said 0. A containerPortRange is `count` ports from container_port on,
 * at as many host ports in a row.
 */
struct container_port {
    int container_port, host_port;
    int count;  /* 1 or more */
    bool range; /* told as one even when it is of one port */
    bool udp;
    bool chosen; /* the agent picked host_port */
};

/* One published port as Docker reports it; told to ECS, a range is one too. */
struct container_binding {
    char *bind_ip;
    int container_port, host_port;
    int count; /* 0: not a range */
    bool udp;
};

/* What the agent adds to a task; the service is never told of those. Their names are fixed. */
enum container_type {
    CONTAINER_NORMAL,
    CONTAINER_CNI_PAUSE,       /* holds the network namespace of a task in mode awsvpc */
    CONTAINER_NAMESPACE_PAUSE, /* holds what pidMode or ipcMode "task" shares */
    CONTAINER_TYPE_MAX
};
STRTAB_DECLARE(container_type, enum container_type);
#define CONTAINER_NAME_CNI_PAUSE       "~internal~ecs~pause"
#define CONTAINER_NAME_NAMESPACE_PAUSE "~internal~ecs~pause~namespace"

struct container {
    struct task *task;
    enum container_type type;
    size_t index;     /* place in task->containers */
    json_t *spec;     /* the payload's container, whole */
    const char *name; /* these two point into spec */
    const char *image;
    bool essential;
    bool
        health_checked; /* healthCheckType is "docker": HEALTHY can be waited for and is reported */
    int64_t stop_timeout;  /* ns; 0: the agent's own */
    int64_t start_timeout; /* ns a dependent waits for this container's condition; 0: for ever */
    struct container_depend *depends;
    size_t n_depends;
    struct container_port *ports;
    size_t n_ports;
    struct restart_policy restart;
    struct exec_agent *exec; /* NULL: no ECS Exec */

    char *docker_name;      /* chosen when the task was taken on, so saved before any create */
    char *docker_id;        /* NULL until Docker gave one */
    char *endpoint_id;      /* UUID in the metadata URIs */
    char *image_id;         /* NULL until the image was inspected */
    char *image_digest;     /* resolved by the agent, or NULL */
    bool digest_late;       /* only known once it was pulled: told with what comes next */
    bool image_sets_region; /* the image's own environment names an AWS region */
    bool create_tried;      /* Docker may have it although no id is known */
    bool torn_down;         /* CNI_PAUSE: its namespace was unwired */
    bool stopped_again;     /* seen running although known STOPPED, and told to stop */

    enum container_status known, desired, applied, steady;
    bool exit_known;
    int exit_code;
    int event_exit; /* exitCode of a die event, used when no inspect can tell; -1: none */
    char *reason;   /* "<ErrorName>: <text>" of the first error, or NULL */
    int64_t created_at, started_at, finished_at; /* ns since 1970; 0: never */
    int64_t restarts, restarted_at;              /* by its policy */
    struct container_binding *bindings;
    size_t n_bindings;

    json_t
        *seen; /* what inspects said that tasks may ask for (container_inspect.h); NULL: none yet */

    enum docker_health health;
    int64_t health_since;
    int health_exit;
    char *health_output;

    enum container_status sent;                /* the highest status ECS has accepted */
    enum container_status handed;              /* the highest status given to the sender */
    uint64_t handed_seq[CONTAINER_STATUS_MAX]; /* with which change; 0: not handed over */

    struct container_work *work; /* the engine's: calls and timers; NULL outside it */
};

void container_init(struct container *c, struct task *t, size_t index);
void container_release(struct container *c);

/* Changes the known status and logs "old -> new"; a lower or equal one is ignored. True if changed.
 */
bool container_set_known(struct container *c, enum container_status s, struct log *log);
bool container_set_desired(struct container *c, enum container_status s, struct log *log);

/* Records "<name>: <text>" as the reason unless there is one already. */
void container_set_error(struct container *c, const char *name, const char *text);

/* Records the exit code unless one is known. */
void container_set_exit(struct container *c, int code);

/* Replaces a text of the container (docker_id, image_id ...) by a copy; NULL empties it. */
void container_set_text(char **member, const char *value);

/* Replaces the published ports; takes the array and the texts in it. */
void container_set_bindings(struct container *c, struct container_binding *b, size_t n);

/* It never ran and never will: dependents need not wait. (HasNotAndWillNotStart) */
bool container_will_never_start(const struct container *c);

/*
 * The status worth telling ECS: STOPPED, the steady state, MANIFEST_PULLED when
 * the agent resolved the image's digest, else NONE.
 */
enum container_status container_reportable(const struct container *c);

/* "ecs-<family>-<revision>-<name>-<hex>", the name with [A-Za-z0-9-] only. To be freed. */
char *container_docker_name(const char *family, const char *revision, const char *name,
                            const char *hex);

/* State as JSON for the store, and back; unknown members are ignored. */
json_t *container_state_json(const struct container *c);
void container_state_load(struct container *c, const json_t *state);

#endif
