/*
 * loop.h - the event loop of the fakes, and owner of the one clock.
 *
 * One struct loop per process of fakes. It drives a libuv loop for sockets,
 * children and signals, and the clock of base/clock.h for everything that has
 * to do with time: no fake and no step arms a libuv timer or asks the system
 * what time it is (docs/decisions/0004).
 *
 * Life cycle: loop_init(), handles are attached, loop_turn() again and again,
 * every handle is closed by who opened it, loop_release() (which turns the loop
 * until the close callbacks have run and returns an error when a handle was
 * left open: that is a leak of ours).
 *
 * Every callback of libuv begins with loop_sync(), so that what it does sees
 * the time at which the bytes arrived and not the time at which the loop began
 * to wait.
 *
 * Time has three modes. LOOP_REAL: the clock follows the system's. LOOP_SCALED:
 * it runs so many times as fast. LOOP_VIRTUAL: it stands still while anybody who
 * shares it has something to do, and then jumps to the next deadline. Who else
 * shares it (programs under test) is behind struct loop_others; whatever they
 * wait for is a timer on this clock, too.
 */
#ifndef FAKES_CORE_LOOP_H
#define FAKES_CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"

enum loop_time { LOOP_REAL, LOOP_SCALED, LOOP_VIRTUAL };

/* Who shares the clock. Without one, only the loop itself does. */
struct loop_others {
    /* Deals with what they did, if the loop's descriptors do not tell. False: nothing. May be
     * NULL. */
    bool (*serve)(void *data);
    /* Nobody runs, and nothing is under way between them and us: time may move. */
    bool (*quiet)(void *data);
    /* The clock has moved. */
    void (*moved)(void *data);
};

/* When there was no moment for so long (real time) at which everybody waited, virtual time begins
 * to flow, until there is one: a program that computes, or spins, until some time has passed would
 * otherwise never come to an end. */
#define LOOP_BUSY_NS (2 * NS_PER_S)

struct loop {
    uv_loop_t uv;
    struct clock clock;
    enum loop_time mode;
    int64_t scale; /* LOOP_SCALED: the clock's seconds in one of the system's */
    const struct loop_others *others;
    void *others_data;
    uint64_t activity;  /* counts callbacks of libuv */
    int64_t seen;       /* real time at which something was seen to happen */
    int64_t quiet_at;   /* and at which everybody waited */
    int64_t flows_from; /* real time up to which the clock has flowed, 0: it stands */
    int64_t nap;        /* how long to wait before the others are looked at again */
    uv_timer_t wake;    /* the only libuv timer: wakes at the clock's next deadline */
    uint64_t started;   /* uv_hrtime() at mono 0 */
    bool awake;         /* wake is initialised */
};

int loop_init(struct loop *l, struct err *e);
int loop_release(struct loop *l, struct err *e);

/* Chooses how time passes from now on; others (may be NULL) must outlive the loop, or be taken
 * back. scale counts for LOOP_SCALED only. */
void loop_set_time(struct loop *l, enum loop_time mode, int64_t scale);
void loop_set_others(struct loop *l, const struct loop_others *others, void *data);

/* Moves the clock to the present; virtual time has none, and stays. */
void loop_sync(struct loop *l);

/* Nanoseconds since loop_init() by the system's own clock, for reports that
 * show real time beside the clock's. */
int64_t loop_real(const struct loop *l);

/* Waits for I/O or the next deadline, but not past `until` (mono; -1: no limit),
 * handles all that is ready, and fires the timers that are due. In virtual time it
 * returns early now and then, with nothing done. */
void loop_turn(struct loop *l, int64_t until);

/* Shorthands for timers on this loop. */
static inline int64_t loop_now(const struct loop *l)
{
    return clock_mono(&l->clock);
}
static inline int64_t loop_wall(const struct loop *l)
{
    return clock_wall(&l->clock);
}
static inline void loop_after(struct loop *l, struct clock_timer *t, int64_t ns, clock_timer_fn fn)
{
    clock_timer_start(&l->clock, t, ns, fn);
}
static inline void loop_cancel(struct loop *l, struct clock_timer *t)
{
    clock_timer_stop(&l->clock, t);
}

#endif
