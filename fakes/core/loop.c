#include "fakes/core/loop.h"

#include <poll.h>
#include <time.h>

/* The shortest wait between two looks at the others. */
#define LOOP_NAP_NS (20 * NS_PER_US)

static void on_wake(uv_timer_t *t)
{
    (void)t; /* its only use is to end the wait */
}

int loop_init(struct loop *l, struct err *e)
{
    struct timespec ts;
    int r = uv_loop_init(&l->uv);

    if (r < 0)
        return err_set(e, ERR_SYS, "event loop: %s", uv_strerror(r));
    clock_gettime(CLOCK_REALTIME, &ts);
    l->mode = LOOP_REAL;
    l->scale = 1;
    l->others = NULL;
    l->activity = 0;
    l->flows_from = 0;
    l->nap = LOOP_NAP_NS;
    clock_init(&l->clock, ts.tv_sec * NS_PER_S + ts.tv_nsec);
    l->started = uv_hrtime();
    l->seen = l->quiet_at = 0;
    uv_timer_init(&l->uv, &l->wake);
    l->awake = true;
    return 0;
}

int loop_release(struct loop *l, struct err *e)
{
    int r;

    if (l->awake)
        uv_close((uv_handle_t *)&l->wake, NULL);
    l->awake = false;
    /* Close callbacks free their owners; a handle that nobody closed keeps uv_run() at 1. */
    for (int i = 0; i < 8 && uv_run(&l->uv, UV_RUN_NOWAIT); i++)
        ;
    clock_release(&l->clock);
    r = uv_loop_close(&l->uv);
    return r < 0 ? err_set(e, ERR_INTERNAL, "event loop: a handle was left open") : 0;
}

int64_t loop_real(const struct loop *l)
{
    return (int64_t)(uv_hrtime() - l->started);
}

void loop_set_time(struct loop *l, enum loop_time mode, int64_t scale)
{
    l->mode = mode;
    l->scale = mode == LOOP_SCALED && scale > 0 ? scale : 1;
    l->seen = l->quiet_at = loop_real(l);
}

void loop_set_others(struct loop *l, const struct loop_others *others, void *data)
{
    l->others = others;
    l->others_data = data;
}

void loop_sync(struct loop *l)
{
    l->activity++;
    if (l->mode != LOOP_VIRTUAL)
        clock_set(&l->clock, loop_real(l) * l->scale);
}

/* libuv counts in milliseconds, which is enough where time is the system's. */
static void turn_real(struct loop *l, int64_t next)
{
    uv_run_mode mode = UV_RUN_ONCE;

    loop_sync(l);
    if (next >= 0) {
        int64_t wait = (next - loop_now(l)) / l->scale;

        if (next <= loop_now(l)) {
            mode = UV_RUN_NOWAIT;
        } else {
            /* libuv counts from its own cached present: refresh it, or a wait begins in the past.
             * It also fires timers before it waits: one that is due by then and does not repeat
             * would leave the wait without an end. */
            uv_update_time(&l->uv);
            uv_timer_start(&l->wake, on_wake, (uint64_t)((wait + NS_PER_MS - 1) / NS_PER_MS), 1);
        }
    }
    uv_run(&l->uv, mode);
    uv_timer_stop(&l->wake);
    loop_sync(l);
    clock_run(&l->clock);
}

/* --- virtual time ------------------------------------------------------------------------------
 */

static void move_to(struct loop *l, int64_t mono)
{
    if (mono <= loop_now(l))
        return;
    clock_set(&l->clock, mono);
    if (l->others)
        l->others->moved(l->others_data);
}

/* Is libuv ready to do something at once? What is asked of the kernel is what uv_run() watches. */
static bool has_work(const struct loop *l)
{
    struct pollfd p = {.fd = uv_backend_fd(&l->uv), .events = POLLIN};

    return uv_backend_timeout(&l->uv) == 0 || poll(&p, 1, 0) > 0;
}

/* Somebody runs, and nothing tells when he stops: look again soon, then less soon. */
static void nap(struct loop *l)
{
    const struct timespec ts = {0, l->nap};
    struct pollfd p = {.fd = uv_backend_fd(&l->uv), .events = POLLIN};

    ppoll(&p, 1, &ts, NULL);
    l->nap = l->nap * 2 > NS_PER_MS ? NS_PER_MS : l->nap * 2;
}

/* Nobody has waited for too long: time flows as the system's does, up to the next deadline, until
 * everybody waits again. */
static void flow(struct loop *l, int64_t next)
{
    int64_t real = loop_real(l), to = loop_now(l) + real - l->flows_from;

    if (real - l->quiet_at < LOOP_BUSY_NS)
        return;
    if (!l->flows_from)
        to = loop_now(l);
    l->flows_from = real;
    move_to(l, next >= 0 && next < to ? next : to);
}

static bool serve(struct loop *l)
{
    return l->others && l->others->serve && l->others->serve(l->others_data);
}

/* Everybody waits for the clock, or for something outside. */
static bool is_quiet(struct loop *l)
{
    if ((l->others && !l->others->quiet(l->others_data)) || has_work(l) || serve(l))
        return false;
    l->quiet_at = loop_real(l);
    l->flows_from = 0;
    return true;
}

static void turn_virtual(struct loop *l, int64_t next)
{
    uint64_t before = l->activity;
    bool happened = serve(l);

    uv_run(&l->uv, UV_RUN_NOWAIT);
    happened = clock_run(&l->clock) || happened || l->activity != before || has_work(l);
    if (happened) {
        l->seen = loop_real(l);
        l->nap = LOOP_NAP_NS;
        flow(l, next);
    } else if (!is_quiet(l)) {
        flow(l, next);
        nap(l);
    } else if (next < 0) {
        nap(l);
    } else {
        l->seen = l->quiet_at;
        l->nap = LOOP_NAP_NS;
        move_to(l, next);
        clock_run(&l->clock);
    }
}

void loop_turn(struct loop *l, int64_t until)
{
    int64_t next = clock_next(&l->clock);

    if (next < 0 || (until >= 0 && until < next))
        next = until;
    if (l->mode == LOOP_VIRTUAL)
        turn_virtual(l, next);
    else
        turn_real(l, next);
}
