/*
 * suite.h - scenarios times agents: what `ecsim run`, `matrix` and `diff` have in common.
 *
 * A column is an agent (a second one that takes over from it, and a version of Docker, if they were
 * asked for); a job of the runner is one scenario in one column. Which scenarios there are, and why
 * one cannot be run in a column, is decided here (suite_pick.c); running them is runner.h's.
 *
 * Life cycle: suite_init(), suite_open(), suite_add_jobs(), suite_run(), suite_release(). The
 * runner's results stay until then. The suite does not move meanwhile: jobs point into it.
 */
#ifndef HARNESS_SUITE_H
#define HARNESS_SUITE_H

#include "harness/agent_info.h"
#include "harness/run.h"
#include "harness/run_options.h"
#include "harness/runner.h"

/* Agents times versions of Docker: past this a command line is refused. */
#define SUITE_COLUMNS_MAX 64

struct suite_column {
    char *label;        /* what a person calls it: "1.62.2", "1.62.2 Docker 29" */
    const char *docker; /* version of Docker, NULL: none was asked for */
    struct agent_info agent, second;
    struct run_config config;
};

struct suite {
    const char *command; /* "ecsim run", for messages */
    struct scn **all;
    size_t n, cap;
    struct suite_column *columns;
    size_t n_columns;
    struct runner runner;
    size_t cap_jobs;
    struct run_config config; /* what all columns have in common */
    struct sandbox sandbox;
    struct profiles profiles;
    const char **keep; /* paths that stay visible in sandboxes */
    char *again;
    uint64_t shards; /* it is one of so many parts, which may be empty; 0: it is whole */
};

void suite_init(struct suite *u, const char *command, const struct run_options *o);

/* Reads the scenarios at these paths, finds the agents and asks for their versions. What is wrong
 * was told. EXITCODE_PASSED, or how the command has to end. */
int suite_open(struct suite *u, const struct run_options *o, char *const *paths);

/* A job for each scenario that was asked for, in each column. */
void suite_add_jobs(struct suite *u, const struct run_options *o);

/* Runs the jobs. The exit code; *ret_child says that this is the child of a fork: its caller
 * unwinds to main with that code and does nothing else. */
int suite_run(struct suite *u, bool *ret_child);

/* How the results of the runner make the command end. */
int suite_exit_code(const struct suite *u);

/* What would be run, a line each. */
int suite_list(const struct suite *u);

void suite_release(struct suite *u);

/* --- suite_pick.c: which scenarios --------------------------------------------------------- */

struct files {
    char **paths;
    size_t n, cap;
};

/* A file, or all scenarios of a folder in the order of their names. */
int files_add(struct files *f, const char *path, struct err *e);
void files_release(struct files *f);

/* -k, --tags and --shard. */
bool suite_selects(const struct run_options *o, const struct scn *s);
/* Something of it has to be in a sandbox. */
bool suite_wants_sandbox(const struct scn *file, struct scn_step *const *steps, size_t n);
/* Why it cannot be run with this agent on this machine; NULL: it can. To be freed. */
char *suite_skip_reason(const struct scn *s, const struct run_config *c, int64_t limit);

/* "scenarios/acs/heartbeat.scn" is "acs/heartbeat": the same on every machine. To be freed. */
char *suite_scenario_name(const char *path);
/* The shard of n, from 1, that a scenario of this name is in: a hash, so that it stays where it is
 * when others come and go. */
uint64_t suite_shard(const char *name, uint64_t n);

#endif
