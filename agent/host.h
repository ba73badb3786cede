/*
 * host.h - what tasks take of this instance: CPU, memory, host ports, GPUs.
 *
 * The service places a task as soon as another one is to stop, and while that
 * one still runs the instance has less than the service thinks. A task that
 * does not fit yet waits. Which one goes first is the caller's to decide: the
 * official agent (since 1.74.1) keeps a queue, in which one that does not fit
 * holds up all behind it; ours lets those go that fit.
 *
 * Counted as the official agent does (api/task/task.go:ToHostResources): CPU
 * and memory of the task, or else the sums over its containers, where a
 * reservation of memory counts before a limit; host ports that the payload
 * fixes, but for awsvpc. A port that the agent chooses is never in the way.
 *
 * Pure arithmetic. Life cycle: host_init(), host_release().
 */
#ifndef AGENT_HOST_H
#define AGENT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/task.h"

struct host {
    int64_t cpu, memory; /* all there is: units of 1/1024 core, MiB */
    int64_t cpu_used, memory_used;
    unsigned char ports[2][65536 / 8]; /* tcp, udp */
    json_t *gpus;                      /* object: id of one that is used -> how often */
};

void host_init(struct host *h, int64_t cpu, int64_t memory);
void host_release(struct host *h);

/* NULL when there is room for the task, and it is taken. Else what there is not enough of. */
const char *host_take(struct host *h, const struct task *t);
/* Takes it whether there is room or not: the task runs already. */
void host_hold(struct host *h, const struct task *t);
/* What was taken or held; once. */
void host_give_back(struct host *h, const struct task *t);

#endif
