/*
 * exec_agent.h - the agent of ECS Exec in a container: what is known of it, and the files it needs.
 *
 * A container whose payload names the managed agent "ExecuteCommandAgent" gets the programs of the
 * SSM agent, its configuration and certificates mounted below /ecs-execute-command-<id>/, and the
 * engine starts amazon-ssm-agent in it with Docker's exec (engine_exec.c). ecs-init shows the agent
 * the host's EXEC_AGENT_HOST as EXEC_AGENT_ROOT: what is mounted is named as the host knows it.
 *
 * A container without those files runs all the same, and ECS is told why nobody can look into it.
 *
 * Source: the official agent's engine/execcmd (manager_init_task_linux.go, agent_version.go).
 */
#ifndef AGENT_EXEC_AGENT_H
#define AGENT_EXEC_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strtab.h"

#define EXEC_AGENT_NAME "ExecuteCommandAgent"
#define EXEC_AGENT_ROOT "/managed-agents/execute-command"
#define EXEC_AGENT_HOST "/var/lib/ecs/deps/execute-command"
#define EXEC_AGENT_LOGS "/log/exec" /* below it a folder for each task */

enum exec_agent_status {
    EXEC_AGENT_NONE,
    EXEC_AGENT_RUNNING,
    EXEC_AGENT_STOPPED,
    EXEC_AGENT_STATUS_MAX
};
STRTAB_DECLARE(exec_agent_status, enum exec_agent_status);

struct exec_agent {
    int64_t session_limit;
    char *id;      /* of its folder in the container; NULL: not made ready */
    char *exec_id; /* of its process, as Docker knows it; NULL: it never ran */
    bool failed;   /* it could not be made ready: the container runs without */
    enum exec_agent_status status;
    char *reason;
    bool due;            /* ECS has not accepted the last status yet */
    uint64_t handed_seq; /* with which change it was handed over; 0: not yet */
};

/* From the payload's container; NULL: it names no such agent. */
struct exec_agent *exec_agent_read(const json_t *spec);
void exec_agent_free(struct exec_agent *a); /* NULL is fine */

/* The status as it is told, and why; from here on ECS is to hear of it. */
void exec_agent_set(struct exec_agent *a, enum exec_agent_status s, const char *reason);

/* The state as JSON for the store, and back. */
json_t *exec_agent_state(const struct exec_agent *a);
void exec_agent_load(struct exec_agent *a, const json_t *state);

/*
 * Chooses an id, writes the configuration below root (EXEC_AGENT_ROOT) unless it is there, and adds
 * to binds what has to be mounted into this container of this task. -1 with the text for the
 * reason.
 */
int exec_agent_prepare(struct exec_agent *a, const char *root, const char *task_id,
                       const char *container, json_t *binds, struct err *e);

/* Path of the program in the container. To be freed. */
char *exec_agent_command(const struct exec_agent *a);

/* Everything that the capability execute-command stands for lies below root.
 * (agent_capability.go: appendExecCapabilities) */
bool exec_agent_available(const char *root);

#endif
