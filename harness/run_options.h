/*
 * run_options.h - the command lines of `ecsim run`, `matrix` and `diff`.
 *
 * They take the same options, but for some that only one of them has. Texts are borrowed from argv;
 * the lists are freed by run_options_release().
 */
#ifndef HARNESS_RUN_OPTIONS_H
#define HARNESS_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/crash.h"
#include "harness/pace.h"

enum run_command { RUN_COMMAND_RUN = 1, RUN_COMMAND_MATRIX = 2, RUN_COMMAND_DIFF = 4 };

/* --shard K/N: N from 1. */
#define RUN_SHARDS_MAX 10000
/* --retry N */
#define RUN_RETRY_MAX 100

struct run_options {
    enum run_command command;
    const char *agents, *second_agent, *filter, *tags, *junit;
    const char *json, *html, *markdown; /* files of matrix and diff */
    long jobs, repeat, retry;
    bool list, keep, has_seed, no_sandbox, verify;
    bool trace; /* what went over the wires is wanted with the result (wire_trace.h) */
    uint64_t seed;
    uint64_t shard, shards; /* 0: all of it */
    int64_t timeout;
    struct pace pace;
    bool has_pace;
    struct crash_points crash;
    const char **dirs; /* NULL-terminated */
    size_t n_dirs, cap_dirs;
    const char **agents_; /* --agent: of `run` the last one counts */
    size_t n_agents, cap_agents;
    const char **dockers; /* --docker-version */
    size_t n_dockers, cap_dockers;
};

/*
 * Reads the options; optind then says where the paths begin. -1: go on, and call
 * run_options_release() at the end. Else the exit code of the command: it printed its help, or what
 * is wrong, and there is nothing to release.
 */
int run_options_read(struct run_options *o, enum run_command command, int argc, char **argv);
void run_options_release(struct run_options *o);

/* ECSIM_SLOW: how much longer everything may take (valgrind and sanitizers are no fault of the
 * agent), 1 unless it is set. */
int64_t run_options_slowness(void);

/* Appends the command that runs a scenario again as this one, but for its path, its seed and the
 * agent. */
void run_options_again(const struct run_options *o, struct buf *b);

/* --shard "2/5". -1: no such thing. */
int run_options_shard(const char *text, uint64_t *ret_shard, uint64_t *ret_shards);

#endif
