/*
 * run_options.h - the command line of `ecsim run`.
 *
 * Texts are borrowed from argv; the list of folders is freed by who called.
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

struct run_options {
    const char *agent, *agents, *filter, *tags, *junit;
    long jobs, repeat;
    bool list, keep, has_seed, no_sandbox, verify;
    uint64_t seed;
    int64_t timeout;
    struct pace pace;
    bool has_pace;
    struct crash_points crash;
    const char **dirs;
    size_t n_dirs, cap_dirs;
};

/* Reads the options; optind then says where the paths begin. 1: help was printed. -1: ERR_USAGE. */
int run_options_parse(struct run_options *o, int argc, char **argv, struct err *e);

/* How time passes: --time, or ECSIM_TIME. Where nobody may trace, time is real, and that is told.
 * -1: what was asked for is no pace; it was told. */
int run_options_pace(struct run_options *o);

/* ECSIM_SLOW: how much longer everything may take (valgrind and sanitizers are no fault of the
 * agent), 1 unless it is set. */
int64_t run_options_slowness(void);

/* Appends the command that runs a scenario again as this one, but for its path and seed. */
void run_options_again(const struct run_options *o, struct buf *b);

#endif
