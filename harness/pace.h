/*
 * pace.h - how time passes in a scenario: `virtual`, `real` or `scaled:N`.
 *
 * Chosen by the header `time` of a scenario and by `ecsim run --time`. Where one
 * of them says `real`, it is real: a scenario says so because something in it
 * cannot live on another clock.
 */
#ifndef HARNESS_PACE_H
#define HARNESS_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "fakes/core/loop.h"
#include "harness/scn.h"

/* The most that a clock can be sped up. */
#define PACE_SCALE_MAX 100000

struct pace {
    enum loop_time mode;
    int64_t scale; /* of LOOP_SCALED */
};

/* -1: not one of the three. */
int pace_parse(const char *text, struct pace *ret);

/* What holds for a scenario whose header says `header` (NULL: nothing) when the command line says
 * `wanted`. */
struct pace pace_choose(const char *header, struct pace wanted);

/* How much time the steps let pass by themselves (advance, for), in ns; what is only known when
 * they run does not count. */
int64_t pace_passes(const struct scn *s);

/* Some step sets a clock, which only a clock of ours can be. */
bool pace_sets_clocks(const struct scn *s);

#endif
