/*
 * result.h - how one scenario ended, as its child tells the runner.
 */
#ifndef HARNESS_RESULT_H
#define HARNESS_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

enum outcome {
    OUTCOME_PASSED,
    OUTCOME_FAILED,
    OUTCOME_SKIPPED,
    OUTCOME_KNOWN,    /* failed as its `known` header says it must */
    OUTCOME_NO_AGENT, /* the agent could not be started */
    OUTCOME_HARNESS,  /* our own failure: crash, leak of ours, no journal */
    OUTCOME_MAX,
};

struct result {
    enum outcome outcome;
    char *reason;   /* one line: why it failed, was skipped, or is known */
    char *report;   /* what a person needs to see of a failure; NULL: nothing */
    char *journal;  /* path of the journal that was kept, or NULL */
    char *history;  /* for `--verify` (history.h); NULL: not asked for */
    int line;       /* of the step that failed, 0: none */
    double seconds; /* real time */
    double clock;   /* time on the scenario's clock */
};

void result_release(struct result *r);
const char *outcome_name(enum outcome o);

/* One line of JSON, and back. The caller frees the text. */
char *result_write(const struct result *r);
int result_read(struct result *r, const char *text, size_t n, struct err *e);

#endif
