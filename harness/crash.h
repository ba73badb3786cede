/*
 * crash.h - kills the agent at one point of a scenario, and starts it again.
 *
 * `ecsim run --crash wire:3-9 FILE` runs the scenario seven times. In the first the agent gets
 * SIGKILL at the third event on the wires, in the last at the ninth; it is started again at once,
 * with the same files, and the scenario goes on as if nothing had been. What has to hold all the
 * same is what the scenario expects. One whose steps cannot be met after such a death (it claims
 * each call once, say) is not for this: see scenarios/crash/.
 *
 * Points: `wire`, at each request, answer, frame and session between the agent and Docker, ECS or
 * ACS (killed at a request it does not live to read the answer; at an answer it has not read it
 * yet);
 * `commit`, when what it wrote below its data folder has been made to last (harness/vtime/tracer.h
 * says when); `write`, before each single write there. The last two need virtual time.
 *
 * A scenario in which the agent does not come to that point is skipped, and the reason says how
 * many points there were.
 */
#ifndef HARNESS_CRASH_H
#define HARNESS_CRASH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum crash_kind { CRASH_NONE, CRASH_WIRE, CRASH_COMMIT, CRASH_WRITE };

/* Points of a kind, the first and the last of which are meant. */
struct crash_points {
    enum crash_kind kind;
    uint64_t from, to;
};

#define CRASH_POINTS_MAX 100000

/* KIND:N or KIND:N-M. -1: ERR_USAGE. */
int crash_parse(const char *text, struct crash_points *ret, struct err *e);
const char *crash_kind_name(enum crash_kind k);

/* One of them, in a scenario that runs. */
struct crash {
    enum crash_kind kind;
    uint64_t at, seen;
    bool killed;  /* SIGKILL was sent */
    bool restart; /* and it has to be started again */
};

struct run;

/* Before the agent starts. */
void crash_init(struct run *r, enum crash_kind kind, uint64_t at);
/* Starts the agent again if it was killed and has ended. -1: failed. */
int crash_go_on(struct run *r);
/* At the end of the scenario: skips it when the point was not reached. */
void crash_end(struct run *r);

#endif
