/*
 * rate_limit.h - token buckets by key: so many a second, so many at once.
 *
 * A bucket is full when its key is seen first, loses a token with each call
 * and gets `rate` a second. Buckets that are full again are forgotten when
 * RATE_LIMIT_KEYS are there; when all are in use, strangers share one. (The
 * official agent forgets none: whoever asks for many paths makes it grow.)
 */
#ifndef AGENT_RATE_LIMIT_H
#define AGENT_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

#define RATE_LIMIT_KEYS 4096

struct rate_limit {
    double rate, burst;
    struct map buckets;
};

void rate_limit_init(struct rate_limit *r, double rate, double burst);
void rate_limit_release(struct rate_limit *r);

/* False when there is no token left. now: ns, never going back. */
bool rate_limit_take(struct rate_limit *r, const char *key, int64_t now);

#endif
