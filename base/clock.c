#include "base/clock.h"

#include <stdlib.h>

#include "base/mem.h"

void clock_init(struct clock *c, int64_t wall)
{
    *c = (struct clock){.wall_offset = wall};
}

void clock_release(struct clock *c)
{
    for (size_t i = 0; i < c->n; i++)
        c->heap[i]->slot = 0;
    free(c->heap);
    *c = (struct clock){0};
}

void clock_set(struct clock *c, int64_t mono)
{
    if (mono > c->mono)
        c->mono = mono;
}

void clock_step_wall(struct clock *c, int64_t delta)
{
    c->wall_offset += delta;
}

static bool earlier(const struct clock_timer *a, const struct clock_timer *b)
{
    return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

static void place(struct clock *c, size_t i, struct clock_timer *t)
{
    c->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct clock *c, size_t i, struct clock_timer *t)
{
    while (i && earlier(t, c->heap[(i - 1) / 2])) {
        place(c, i, c->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(c, i, t);
}

static void sift_down(struct clock *c, size_t i, struct clock_timer *t)
{
    for (;;) {
        size_t kid = 2 * i + 1;

        if (kid >= c->n)
            break;
        if (kid + 1 < c->n && earlier(c->heap[kid + 1], c->heap[kid]))
            kid++;
        if (!earlier(c->heap[kid], t))
            break;
        place(c, i, c->heap[kid]);
        i = kid;
    }
    place(c, i, t);
}

void clock_timer_stop(struct clock *c, struct clock_timer *t)
{
    size_t i = t->slot - 1;
    struct clock_timer *last;

    if (!t->slot)
        return;
    t->slot = 0;
    last = c->heap[--c->n];
    if (last == t)
        return;
    if (i && earlier(last, c->heap[(i - 1) / 2]))
        sift_up(c, i, last);
    else
        sift_down(c, i, last);
}

void clock_timer_start(struct clock *c, struct clock_timer *t, int64_t after, clock_timer_fn fn)
{
    clock_timer_stop(c, t);
    if (after < 0)
        after = 0;
    t->deadline = after > INT64_MAX - c->mono ? INT64_MAX : c->mono + after;
    t->order = ++c->armed;
    t->fn = fn;
    grow_array(c->heap, c->n, c->room);
    c->n++;
    sift_up(c, c->n - 1, t);
}

int64_t clock_next(const struct clock *c)
{
    return c->n ? c->heap[0]->deadline : -1;
}

size_t clock_run(struct clock *c)
{
    uint64_t until = c->armed;
    size_t fired = 0;

    while (c->n && c->heap[0]->deadline <= c->mono && c->heap[0]->order <= until) {
        struct clock_timer *t = c->heap[0];

        clock_timer_stop(c, t);
        fired++;
        t->fn(t);
    }
    return fired;
}
