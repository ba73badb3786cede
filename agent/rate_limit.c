#include <stdlib.h>

#include "agent/rate_limit.h"
#include "base/clock.h"
#include "base/mem.h"

#define SHARED "" /* the key of those for whom there is no bucket */

struct bucket {
    double tokens;
    int64_t at;
};

void rate_limit_init(struct rate_limit *r, double rate, double burst)
{
    r->rate = rate;
    r->burst = burst;
    map_init(&r->buckets);
}

void rate_limit_release(struct rate_limit *r)
{
    const char *key;
    void *b;

    for (size_t i = 0; map_next(&r->buckets, &i, &key, &b);)
        free(b);
    map_release(&r->buckets);
}

static void fill(const struct rate_limit *r, struct bucket *b, int64_t now)
{
    b->tokens += (double)(now - b->at) / NS_PER_S * r->rate;
    b->at = now;
    if (b->tokens > r->burst)
        b->tokens = r->burst;
}

static void forget_full(struct rate_limit *r, int64_t now)
{
    const char *key;
    void *b;

    for (size_t i = 0; map_next(&r->buckets, &i, &key, &b);) {
        fill(r, b, now);
        if (((struct bucket *)b)->tokens < r->burst)
            continue;
        map_remove(&r->buckets, key);
        free(b);
    }
}

bool rate_limit_take(struct rate_limit *r, const char *key, int64_t now)
{
    struct bucket *b = map_get(&r->buckets, key);

    if (!b && map_count(&r->buckets) >= RATE_LIMIT_KEYS) {
        forget_full(r, now);
        if (map_count(&r->buckets) >= RATE_LIMIT_KEYS)
            b = map_get(&r->buckets, key = SHARED);
    }
    if (!b) {
        b = new0(struct bucket);
        b->tokens = r->burst;
        b->at = now;
        map_set(&r->buckets, key, b);
    }
    fill(r, b, now);
    if (b->tokens < 1)
        return false;
    b->tokens -= 1;
    return true;
}
