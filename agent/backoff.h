/*
 * backoff.h - growing waits with jitter, as the official agent computes them.
 *
 * backoff_next() returns the current wait plus a random part of it, uniform in
 * [0, wait * jitter), and then multiplies the wait, up to max. Nanoseconds.
 * (utils/retry/exponential_backoff.go)
 */
#ifndef AGENT_BACKOFF_H
#define AGENT_BACKOFF_H

#include <stdint.h>

struct backoff {
    int64_t min, max, wait;
    double multiple, jitter;
};

void backoff_init(struct backoff *b, int64_t min, int64_t max, double multiple, double jitter);
int64_t backoff_next(struct backoff *b);
void backoff_reset(struct backoff *b);

/* base + uniform [0, spread). */
int64_t backoff_spread(int64_t base, int64_t spread);

#endif
