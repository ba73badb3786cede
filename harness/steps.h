/*
 * steps.h - one function for each verb of harness/verbs.def.
 *
 * A step returns 0 when it is met, or -1 after run_fail(). It may wait with
 * run_wait(); it must not look at anything but the journal to decide what
 * happened.
 */
#ifndef HARNESS_STEPS_H
#define HARNESS_STEPS_H

#include "harness/run.h"

#define VERB(ID, id, ...) int step_##id(struct run *r, const struct scn_step *s);
#include "harness/verbs.def"

#endif
