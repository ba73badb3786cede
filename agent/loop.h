/*
 * loop.h - the agent's one loop: time, timers, signals.
 *
 * A struct loop is a libuv loop. HTTP (http.h), the websockets and the
 * introspection server (ws.h) all run on it; nothing in the agent blocks or
 * starts a thread.
 *
 * Timers: a `struct clock_timer` (base/clock.h) is a member of what waits and
 * needs no closing, so its owner may be freed at once after loop_timer_stop().
 * Below them lies one libuv timer on CLOCK_MONOTONIC. Deadlines are kept in
 * nanoseconds; libuv wakes up in whole milliseconds, never early.
 *
 * Life cycle: loop_init(), loop_run() until somebody calls loop_stop(),
 * loop_release(). Everything that put descriptors on the loop is released
 * before it.
 */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"

#define LOOP_SIGNALS_MAX 4

struct loop;
typedef void (*loop_signal_fn)(struct loop *l, int signo, void *user);

struct loop_signal {
    uv_signal_t uv;
    struct loop *loop;
    loop_signal_fn fn;
    void *user;
};

struct loop {
    uv_loop_t uv;
    uv_timer_t wake;
    struct clock clock;
    int64_t wake_at; /* deadline the uv timer is set to; -1: none */
    struct loop_signal signals[LOOP_SIGNALS_MAX];
    unsigned int n_signals;
};

int loop_init(struct loop *l, struct err *e);

/* Closes what is open and runs the loop until libuv has let go of it. */
void loop_release(struct loop *l);

/* Returns after loop_stop(), when the events at hand are dealt with. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Monotonic nanoseconds (CLOCK_MONOTONIC). */
int64_t loop_now(struct loop *l);
/* Nanoseconds since 1970, for timestamps and signatures. */
int64_t loop_wall(const struct loop *l);

/* Arms t to fire once, `after` ns from now; an armed timer is re-armed. */
void loop_timer_start(struct loop *l, struct clock_timer *t, int64_t after, clock_timer_fn fn);
void loop_timer_stop(struct loop *l, struct clock_timer *t); /* not armed: nothing happens */

/* Calls fn in the loop whenever the signal arrives. At most LOOP_SIGNALS_MAX signals. */
int loop_on_signal(struct loop *l, int signo, loop_signal_fn fn, void *user, struct err *e);

#endif
