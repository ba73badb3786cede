/*
 * runner.h - runs many scenarios, each in a process of its own.
 *
 * The runner forks per scenario: own process group, own folder, standard
 * output and error in a file there. The child tells its result through a pipe;
 * a child that ends without one has crashed, and that is a failure of the
 * harness, with the tail of what it printed. A child that does not end within
 * its limit (it knows it itself and reports what it waits for) is killed with
 * its whole group a little later.
 *
 * A job that asks for it gets a sandbox around it (sandbox/sandbox.h): its child
 * is born into it, so that it stays one fork per scenario.
 *
 * fork() returns in the child into the middle of the runner: runner_run() then
 * returns RUNNER_CHILD, and the caller unwinds to main as always, so that
 * everything is freed and leaks are seen.
 */
#ifndef HARNESS_RUNNER_H
#define HARNESS_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "harness/progress.h"
#include "harness/sandbox/sandbox.h"

/* How long a child may overrun the limit that it keeps itself. */
#define RUNNER_GRACE_NS (5 * NS_PER_S)

enum runner_end { RUNNER_DONE, RUNNER_INTERRUPTED, RUNNER_CHILD, RUNNER_ERROR };

struct runner_job {
    const char *path, *title;
    int64_t limit;    /* ns of real time */
    const char *skip; /* reason not to run it, or NULL */
    bool boxed;       /* in a sandbox; needs runner.sandbox */
    uint64_t seed;
    bool twin;          /* runs the same as the job before it, and must have the same history */
    uint64_t crash_at;  /* for run(), as data: where the agent is killed, if it is */
    const void *column; /* for run(), as data: with which agent */
    void *data;         /* for run() */
};

struct runner {
    /* Runs one scenario in the child. dir: its folder. Fills r. */
    void (*run)(const struct runner *self, const struct runner_job *job, const char *dir,
                uint64_t seed, struct result *r);
    void *data;
    struct runner_job *jobs;
    size_t n;
    int parallel;
    uint64_t seed;
    bool keep;                       /* keep every folder, not only those of failures */
    bool quiet;                      /* shows nothing but the live line of a terminal */
    int retries;                     /* what failed is run again, so many times at most */
    const char *junit;               /* file to write, or NULL */
    struct sandbox *sandbox;         /* as sandbox_probe() left it; NULL: no job is boxed */
    const char *const *keep_visible; /* see sandbox_enter() */
    /* results */
    struct progress progress;
    char *root;     /* folder above the scenarios' folders */
    int child_code; /* in the child: exit status for main */
    int signal;     /* that interrupted the run */
};

enum runner_end runner_run(struct runner *r, struct err *e);
void runner_release(struct runner *r);

#endif
