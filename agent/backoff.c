#include "agent/backoff.h"
#include "base/io.h"

/* Uniform in [0, 1). */
static double fraction(void)
{
    uint64_t r;

    io_random(&r, sizeof(r));
    return (double)(r >> 11) / 9007199254740992.0; /* 53 bits */
}

void backoff_init(struct backoff *b, int64_t min, int64_t max, double multiple, double jitter)
{
    *b = (struct backoff){min, max, min, multiple, jitter};
}

int64_t backoff_next(struct backoff *b)
{
    int64_t wait = b->wait;
    double grown = (double)wait * b->multiple;

    b->wait = grown >= (double)b->max ? b->max : (int64_t)grown;
    return backoff_spread(wait, (int64_t)((double)wait * b->jitter));
}

void backoff_reset(struct backoff *b)
{
    b->wait = b->min;
}

int64_t backoff_spread(int64_t base, int64_t spread)
{
    return base + (int64_t)((double)spread * fraction());
}
