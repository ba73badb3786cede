/*
 * clock.h - the one clock, and the timers on it.
 *
 * A struct clock is a number and a heap of timers; it never asks the system
 * what time it is. Whoever owns it (the loop of the fakes) moves it forward
 * with clock_set() and then calls clock_run(), which fires what is due, in
 * the order of the deadlines, and in the order of arming where they are equal.
 * Moving it by real time or by jumps is the owner's business: that is how the
 * same fakes live in real and in virtual time.
 *
 * Units: nanoseconds. `mono` starts at 0 and never goes back. `wall` is
 * nanoseconds since 1970 and is mono plus an offset, which may be stepped.
 *
 * A timer is a member of the struct that uses it; it is zeroed memory before
 * clock_timer_start(). A running timer must be stopped before its memory goes.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S  1000000000LL

struct clock;
struct clock_timer;

typedef void (*clock_timer_fn)(struct clock_timer *t);

struct clock_timer {
    int64_t deadline; /* mono */
    uint64_t order;   /* ties are broken by arming order */
    size_t slot;      /* index in the heap + 1; 0 = not armed */
    clock_timer_fn fn;
};

struct clock {
    int64_t mono;
    int64_t wall_offset;
    uint64_t armed; /* counts armings, for order */
    struct clock_timer **heap;
    size_t n, room;
};

/* wall: nanoseconds since 1970 at mono 0. */
void clock_init(struct clock *c, int64_t wall);
void clock_release(struct clock *c); /* timers that are still armed are forgotten */

static inline int64_t clock_mono(const struct clock *c)
{
    return c->mono;
}

static inline int64_t clock_wall(const struct clock *c)
{
    return c->mono + c->wall_offset;
}

/* Moves mono forward; an earlier time is ignored. Fires nothing. */
void clock_set(struct clock *c, int64_t mono);

/* Steps the wall clock by delta without touching mono or any timer. */
void clock_step_wall(struct clock *c, int64_t delta);

/* Arms t to fire once, `after` ns from now (negative counts as 0); an armed timer is re-armed. */
void clock_timer_start(struct clock *c, struct clock_timer *t, int64_t after, clock_timer_fn fn);
void clock_timer_stop(struct clock *c, struct clock_timer *t); /* not armed: nothing happens */

static inline bool clock_timer_armed(const struct clock_timer *t)
{
    return t->slot != 0;
}

/* The nearest deadline (mono), or -1 when nothing is armed. */
int64_t clock_next(const struct clock *c);

/* Fires what is due at clock_mono(). Timers armed by the callbacks for now or
 * earlier wait for the next call, so a timer that re-arms itself with 0 cannot
 * hang the loop. Returns how many fired. */
size_t clock_run(struct clock *c);

#endif
