/*
 * progress.h - what the runner shows while it runs and when it ends.
 *
 * On a terminal: one live line, failures above it as they happen, a summary.
 * In a pipe: TAP 13, numbered in the order in which they end (consumers refuse
 * another), with the report of a failure as its diagnostic block.
 * For CI: a JUnit file in the form that Jenkins reads.
 * All three end in the closing line "N passed, N failed, N skipped".
 */
#ifndef HARNESS_PROGRESS_H
#define HARNESS_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "harness/result.h"

struct progress_item {
    const char *path; /* of the scenario, as given */
    const char *title;
    struct result result;
    int tries;      /* that failed before (--retry) */
    char *at_first; /* why the first of them did; NULL: there was none */
    bool done, running;
    bool held; /* it has ended, and is shown after the one before it */
};

struct progress {
    FILE *out;
    bool live;                   /* a terminal */
    bool quiet;                  /* it is shown that something runs, not what becomes of it */
    struct progress_item *items; /* the runner's */
    size_t n;
    size_t count[OUTCOME_MAX];
    size_t n_done;
    size_t n_flaky;    /* passed, but not at once */
    const char *suite; /* what a JUnit report calls it beside "ecsim"; NULL: nothing */
    int width;         /* of the terminal */
};

void progress_init(struct progress *p, FILE *out, struct progress_item *items, size_t n);
/* The first line: TAP's plan, or nothing. */
void progress_begin(struct progress *p);
/* Redraws the live line. */
void progress_tick(struct progress *p);
/* items[i] has ended, with the result that stands there. */
void progress_done(struct progress *p, size_t i);
/* The run ends before all were run. TAP's own word for it, or a line on the terminal. */
void progress_bail(struct progress *p, const char *why);
/* seconds: real time of the whole run. */
void progress_end(struct progress *p, double seconds, double clock);

/* Failed = failed, no agent and harness errors; known counts as passed. */
size_t progress_passed(const struct progress *p);
size_t progress_failed(const struct progress *p);
size_t progress_skipped(const struct progress *p);

/* Those that were not run because the run ended early are skipped there. */
int junit_write(const char *path, const struct progress *p, double seconds, struct err *e);

#endif
