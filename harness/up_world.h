/*
 * up_world.h - the world behind `ecsim up`: fakes, an agent beside them, until it is told to end.
 */
#ifndef HARNESS_UP_WORLD_H
#define HARNESS_UP_WORLD_H

#include "harness/agent_info.h"
#include "harness/peers.h"
#include "harness/proc.h"
#include "harness/up_dir.h"

/* The exit code by which an agent says that starting it again is of no use. */
#define AGENT_EXIT_TERMINAL 5
/* How long an agent may take until it is connected. */
#define UP_AGENT_READY_NS (60 * NS_PER_S)
/* How long an agent gets to end by itself. */
#define UP_AGENT_END_NS (15 * NS_PER_S)
/* An agent that ended is started again after this, doubled each time it ended at once. */
#define UP_AGENT_AGAIN_NS     (1 * NS_PER_S)
#define UP_AGENT_AGAIN_MAX_NS (60 * NS_PER_S)

struct up_options {
    const char *name, *agent, *docker, *cluster, *region, *address, *s3_dir;
    const char **controls; /* FAKE:COMMAND:NAME[,key=value...] */
    size_t n_controls;
    const char **ports; /* FAKE=N */
    size_t n_ports;
    uint64_t seed;
    bool tls, no_verify;
};

struct up_world {
    struct world w;
    const struct up_options *options;
    struct up_dir *dir;
    struct procs procs;
    struct proc *agent;
    char **agent_argv;
    struct clock_timer again;
    int64_t wait, started; /* until the next start; when the last one was */
    int agent_log;
    uv_signal_t signals[3]; /* here and not on a stack: they are closed with the loop */
    bool over, procs_made, signals_made, gave_up;
};

/* Opens everything. -1: up_world_close() all the same. */
int up_world_open(struct up_world *u, const struct up_options *o, struct up_dir *d, struct err *e);
/* Until the agent that was asked for is connected. -1 when it gives up, or takes too long. */
int up_world_await_agent(struct up_world *u, struct err *e);
/* "export NAME='VALUE'" lines, in the order of their names. */
void up_world_exports(const struct up_world *u, struct buf *out);
/* Until SIGINT, SIGTERM or SIGHUP. */
void up_world_serve(struct up_world *u);
void up_world_close(struct up_world *u);

#endif
