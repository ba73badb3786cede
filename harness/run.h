/*
 * run.h - one scenario, executed.
 *
 * Runs in the child that the runner forked: makes the world with the fakes that
 * the scenario speaks of, executes the steps in order, judges what came from
 * outside, ends the agent, looks for what was left behind, and fills in a
 * struct result.
 *
 * Steps are plain functions that may wait: run_wait() turns the one loop until
 * something happened. Whatever happens while a step waits is journaled, and
 * each new record is judged at once (judge.c): a call that nobody claims or
 * answers, a forbidden call, an agent that ended, all fail the step that is
 * running, there and then.
 *
 * Failing is one call, run_fail(), which composes the report; everything that
 * returns -1 afterwards only unwinds.
 */
#ifndef HARNESS_RUN_H
#define HARNESS_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "fakes/core/fake.h"
#include "harness/crash.h"
#include "harness/pace.h"
#include "harness/proc.h"
#include "harness/profile.h"
#include "harness/result.h"
#include "harness/sandbox/sandbox.h"
#include "harness/scn.h"
#include "harness/subst.h"

/* How long an `expect` waits when it does not say `within`. */
#define RUN_PATIENCE_NS (5 * NS_PER_S)
/* Limit of a scenario in real time when its header does not say one. */
#define RUN_LIMIT_NS (30 * NS_PER_S)
/* How long an agent may take to end on SIGTERM. */
#define RUN_STOP_NS (10 * NS_PER_S)

struct run_config {
    char *const *agent; /* command line of the agent, NULL-terminated; NULL: none was given */
    const char *again;  /* command that runs scenarios as this one, but for path and seed */
    const char *agent_version;     /* NULL: unknown */
    const struct profile *profile; /* of the agent; NULL: there is none */
    const char *agent_name;        /* as it was asked for; NULL: none was */
    char *const *second;           /* the agent that takes over, as `agent`; often the same one */
    const char *second_version;
    const char *docker; /* version of Docker; NULL: as the scenario says, or the fake's own */
    int64_t limit;      /* overrides the header; 0: no */
    bool verify;        /* the history is wanted */
    bool trace;         /* what went over the wires is wanted, in its place */
    struct pace pace;   /* how time passes, if the scenario does not say `real` */
    int64_t slow;       /* patience is multiplied by it (ECSIM_SLOW, under valgrind) */
    const struct sandbox *sandbox; /* the one we are in; NULL: none */
    enum crash_kind crash;         /* the agent is killed at such a point: */
    uint64_t crash_at;             /* this one, from 1 */
};

/* Names of a scenario, or of a file that it uses: captures, parameters, counters. */
struct scope {
    struct list link;    /* of a file that was used: in run->old_scopes */
    struct scope *outer; /* NULL at the top; names are not looked up there */
    struct map vars;     /* name -> struct var */
};

/* The steps that are being executed, from the outermost block inwards. */
struct frame {
    struct frame *outer;
    struct scn_step *const *steps;
    size_t n, at;
    bool again; /* the block repeats: all its steps may come once more */
};

/* A standing `never`. */
struct forbidden {
    struct list link;
    const struct scn_step *step;
    struct scope *scope;
};

/* A fault that ends by itself. */
struct until {
    struct list link;
    struct clock_timer timer;
    struct fault *fault;
    struct run *run;
    char *name; /* of the capture that ends it; NULL: the timer does */
};
void until_timer(struct clock_timer *t);
/* The step with this name was met. */
void until_met(struct run *r, const char *name);

struct run {
    const struct scn *scn;
    const struct run_config *config;
    const char *dir;
    struct result *result;
    struct world world;
    struct pace pace;
    struct tracer tracer;
    struct process_host *containers; /* of the docker fake; NULL: its own */
    struct procs procs;
    bool procs_ready;
    uint64_t seed;
    struct scope *scope;
    struct scope *builtins; /* values of built-in names, made when they are asked for */
    struct frame *frame;
    const struct scn_step *step; /* the one that runs */
    uint64_t step_began;         /* number of the newest record when it began */
    int64_t step_mono;           /* and the clock's time */
    int64_t limit;               /* real time at which the scenario is over */
    size_t cursor[PEER_MAX];     /* how far expectations of each peer have come */
    size_t judged;               /* records looked at by judge.c */
    bool in_any;                 /* inside an `any` block: order does not count */
    size_t ended_at;             /* records when the last step was through */
    bool over;                   /* the steps are through; nothing is judged any more */
    bool failed;
    struct list forbidden;
    struct list untils;
    struct list old_scopes;
    struct map stopped; /* tasks that an agent reported STOPPED */
    /* the agent */
    struct map env;                  /* NAME -> value (allocated) */
    struct map chosen;               /* names that a step set or unset: no fake changes them */
    struct forward *forward;         /* in place of the sandbox's redirect; NULL: not needed */
    int port_fd, introspection_port; /* kept free for the agent; fd -1: need not be */
    struct proc *agent;              /* NULL: never started, or ended */
    bool second;                     /* it is the second agent, or was when it ended */
    bool agent_clean;                /* it ended with 0 and by itself */
    bool ending;                     /* its end is wanted: stop, kill */
    struct crash crash;
    int agent_log;           /* file that holds what it printed */
    struct machine *machine; /* of `boot`; NULL: none */
    json_t *model;           /* what the model says of it */
    struct buf why;          /* why the newest attempt of a step did not hold */
};

/* The child's whole work. */
void run_scenario(const struct scn *scn, const struct run_config *config, const char *dir,
                  uint64_t seed, struct result *result);

/* --- for steps -------------------------------------------------------------------------- */

/* Fails the scenario at this step; returns -1. Only the first call counts. */
int run_fail(struct run *r, const struct scn_step *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Executes steps in order. -1 when one failed. */
int run_steps(struct run *r, struct scn_step *const *steps, size_t n, bool again);

/* Turns the loop once, not past `until` (mono), and judges what happened. -1: failed. */
int run_turn(struct run *r, int64_t until);

/* Turns until done(r, data) is true (1), the deadline has passed (0), or it failed (-1). */
int run_wait(struct run *r, int64_t deadline, bool (*done)(struct run *r, void *data), void *data);

/* The suffix `within` as a deadline (mono), times config->slow; dflt in ns when there is none.
 * -1: failed. */
int run_within(struct run *r, const struct scn_step *s, int64_t dflt, int64_t *ret);

/* A duration as a point in time (mono). -1: failed. */
int run_deadline(struct run *r, const struct scn_step *s, const struct scn_value *v, int64_t dflt,
                 int64_t *ret);

/* Expansion in the scope of the running step. */
struct subst run_subst(struct run *r);
/* A value as text, to be freed; NULL: failed. */
char *run_text(struct run *r, const struct scn_step *s, const struct scn_value *v);
/* An option as text; *ret is NULL when it is not there. -1: failed. */
int run_option(struct run *r, const struct scn_step *s, const char *name, char **ret);

/* The fake of a peer, made now if nobody spoke of it before. NULL: failed. */
struct fake *run_fake(struct run *r, const struct scn_step *s, enum peer peer);
/* In the sandbox this fake is found under the name, too: `names`. */
int run_name(struct run *r, const struct scn_step *s, enum peer peer, const char *name);
/* Gives a fake a command; args is stolen. -1: failed. */
int run_control(struct run *r, const struct scn_step *s, enum peer peer, const char *command,
                json_t *args, json_t **ret);

/* --- scopes (scope.c) ------------------------------------------------------------------- */

struct scope *scope_new(struct scope *outer);
void scope_free(struct scope *s);
/* Takes the reference of value. */
void scope_set(struct scope *s, const char *name, json_t *value);
/* A capture: the record is looked at anew at each use (its answer may come later). */
void scope_set_record(struct scope *s, const char *name, const struct record *rec);
/* Shows every name of `inner` as PREFIX.NAME (prefix NULL: nothing is shown). */
void scope_export(struct scope *outer, const char *prefix, const struct scope *inner);
json_t *scope_lookup(void *run, const char *ref, size_t *ret_used);
/* The value of a built-in name, borrowed until the next call; NULL: none. */
json_t *run_builtin(struct run *r, const char *name);

/* --- records (claim.c) ------------------------------------------------------------------ */

/* The record as matchers see it: record_json() and the answer of a request. New reference. */
json_t *run_view(const struct run *r, const struct record *rec);
/* True when the record comes from outside, from this peer, and `what` fits. */
bool run_concerns(const struct record *rec, enum peer peer, const char *what);
/* The step's `what`, expanded; to be freed; "*" when it has none. NULL: failed. */
char *run_what(struct run *r, const struct scn_step *s);
/* Marks it as claimed by this step. */
void run_claim(struct run *r, const struct scn_step *s, struct record *rec);
/* 1: the record fits the step's matchers; 0: no, *failed says how many do not; -1: failed. */
int run_fits(struct run *r, const struct scn_step *s, const struct record *rec, size_t *failed);

/* --- judging (judge.c) ------------------------------------------------------------------ */

/* Looks at the records that nobody looked at yet. -1: one of them fails the scenario. */
int run_judge(struct run *r);
/* At the end: what was neither claimed nor answered by declaration. -1: failed. */
int run_judge_end(struct run *r);
int run_forbid(struct run *r, const struct scn_step *s);

/* --- the agent (agent_proc.c) ----------------------------------------------------------- */

int agent_start(struct run *r, const struct scn_step *s, char *const *more);
/* Sends the signal and waits for the end. -1: failed. */
int agent_end(struct run *r, const struct scn_step *s, int signal, int64_t limit);
/* At the end of the scenario: SIGTERM if it runs. -1: failed. */
int agent_teardown(struct run *r);
/* Environment of the agent, or of another child of this scenario, NULL-terminated; freed with
 * str_argv_free(). */
char **run_environment(const struct run *r, bool agent);
void run_setenv(struct run *r, const char *name, const char *value); /* NULL: unset */

/* --- the machine of `boot` (steps_boot.c) ------------------------------------------------- */

/* Ends it. */
void run_machine_end(struct run *r);

/* --- time (run_time.c) ------------------------------------------------------------------- */

void run_time_init(struct run *r, struct pace pace);
/* Writes into the journal what virtual time has cost. */
void run_time_note(struct run *r);
void run_time_release(struct run *r);
/* Makes the processes of containers children of this scenario, on its clock. */
void run_docker_host(struct run *r);
/* Ends them, while there is somebody to reap them. */
void run_docker_release(struct run *r);
/* The tracer that children of this scenario need, or NULL. */
struct tracer *run_tracer(struct run *r);
/* Fails because the scenario's limit has passed, and says who held time up. */
int run_time_over(struct run *r);
/* The agent's time of day is off by offset ns from now on. -1: failed. */
int run_clock_skew(struct run *r, const struct scn_step *s, int64_t offset);
/* Everybody's time of day jumps by offset ns. -1: failed. */
int run_clock_jump(struct run *r, const struct scn_step *s, int64_t offset);

/* --- reports (report.c) ----------------------------------------------------------------- */

/* What a person needs to see: the step, the nearest records, the agent's words, what is owed. */
char *report_failure(struct run *r, const struct scn_step *s, const char *why);
/* One line about a record: "#12 0.345s ecs SubmitTaskStateChange {...}". */
void report_record(const struct record *rec, struct buf *out);

#endif
