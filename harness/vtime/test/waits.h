/*
 * waits.h - small programs that wait, each in one way, and check for how long.
 *
 * The test of the tracer starts itself with the name of one of them. Such a
 * program knows nothing of the tracer: it waits for two hours or so, looks at
 * the clock before and after, and ends with 0 when both agree to a millisecond.
 */
#ifndef HARNESS_VTIME_TEST_WAITS_H
#define HARNESS_VTIME_TEST_WAITS_H

#include <stddef.h>
#include <stdint.h>

struct wait_program {
    const char *name;
    int (*run)(const char *arg); /* exit code: 0, or the line that was not satisfied & 0x7f */
    int64_t lasts;               /* ns that it takes on its clock; -1: not checked outside */
};

extern const struct wait_program wait_programs[];
extern const size_t n_wait_programs;

/* The main() of such a program; -1: no such one. */
int wait_program_main(const char *name, const char *arg);

#endif
