/*
 * agent_process.h - the agent as a child of ecsim-init.
 *
 * Its environment is ours (the unit's EnvironmentFile=), and where that does not say it, the
 * folders of host.h and the switches that ecs-init sets (ecs-init/docker/docker.go:
 * getContainerConfig), but for those that need what a bare process does not have: a pause image and
 * CNI plug-ins (ECS_ENABLE_TASK_ENI), a volume plug-in, an image to update.
 *
 * Who it is lies in /run/ecsim-init/agent.pid while it runs: its process id and the time at which
 * it began, so that `stop` ends no other that got the same id since.
 */
#ifndef AGENT_INIT_AGENT_PROCESS_H
#define AGENT_INIT_AGENT_PROCESS_H

#include "agent/init/supervisor.h"

/* data of the supervisor: a struct agent_process. */
extern const struct agent_runner agent_process_runner;

struct agent_process {
    struct supervisor *s;
    uv_process_t *uv; /* of the one that runs; NULL: none. uv closes it */
    struct clock_timer grace;
    char **argv, **env;
};

/* -1: there is no such program. */
int agent_process_init(struct agent_process *p, struct init *in, struct err *e);
void agent_process_release(struct agent_process *p);

/* `stop`: SIGTERM to the agent that runs, SIGKILL after SUPERVISOR_GRACE_NS. Returns when it is
 * gone, at once when there is none. */
int agent_process_stop(struct init *in, struct err *e);

#endif
