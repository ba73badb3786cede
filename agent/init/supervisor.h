/*
 * supervisor.h - `ecsim-init start`: the agent runs, ends, and is started again or not.
 *
 * | exit code | what happens |
 * |---|---|
 * | 0 | we end with 0 |
 * | 5 | we end with 5: nobody should start it again |
 * | 42 | an update was staged: it is taken (agent_runner.take_update) and started at once |
 * | 2 | as any other, after the last of what it printed was told |
 * | other, or a signal | started again after 500 ms, doubling to 15 s, jitter 0.1, never reset |
 *
 * (ecs-init/engine/engine.go: StartSupervised)
 *
 * How an agent runs is a struct agent_runner: as a process (agent_process.h) or as a container
 * (agent_container.h).
 */
#ifndef AGENT_INIT_SUPERVISOR_H
#define AGENT_INIT_SUPERVISOR_H

#include "agent/backoff.h"
#include "agent/init/init.h"

#define SUPERVISOR_WAIT_MIN (500 * NS_PER_MS)
#define SUPERVISOR_WAIT_MAX (15 * NS_PER_S)
/* What the agent gets between SIGTERM and SIGKILL; its own last save takes up to 8 s. */
#define SUPERVISOR_GRACE_NS (10 * NS_PER_S)

enum agent_exit_meaning { AGENT_DONE, AGENT_NEVER_AGAIN, AGENT_UPDATED, AGENT_AGAIN };

/* code: of the process; a signal counts as 128 and its number. */
enum agent_exit_meaning agent_exit_meaning(int code);

struct supervisor;

struct agent_runner {
    const char *name;
    /* Starts it; later supervisor_ended() is called once, or init_fail() ends everything. */
    void (*start)(struct supervisor *s);
    /* Asks it to end: SIGTERM, and SIGKILL after the grace. */
    void (*end)(struct supervisor *s);
    /* Exit code 42: makes the next start() that of the update, then calls
     * supervisor_start_again(). NULL: the next start is it already. */
    void (*take_update)(struct supervisor *s);
    /* It has ended, and nobody asked it to. True: that is seen to, and supervisor_start_again()
     * follows; false: the table above holds. NULL: it always does. */
    bool (*ended)(struct supervisor *s, int code);
    /* Tells the last lines that the agent printed, then calls supervisor_start_later(). NULL: its
     * output is ours. */
    void (*tell_tail)(struct supervisor *s);
};

struct supervisor {
    struct init *in;
    const struct agent_runner *runner;
    struct clock_timer again;
    struct backoff backoff;
    bool ending; /* somebody wants us to end */
    bool runs;
    void *data; /* of the runner */
};

/* Runs until the loop ends. */
void supervisor_run(struct supervisor *s, struct init *in, const struct agent_runner *runner,
                    void *data);

/* --- for runners --- */
void supervisor_ended(struct supervisor *s, int code);
void supervisor_start_again(struct supervisor *s);
void supervisor_start_later(struct supervisor *s);

#endif
