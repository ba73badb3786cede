#include "fakes/core/loop.h"

#include <time.h>

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
    clock_init(&l->clock, ts.tv_sec * NS_PER_S + ts.tv_nsec);
    l->started = uv_hrtime();
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

void loop_sync(struct loop *l)
{
    clock_set(&l->clock, loop_real(l));
}

void loop_turn(struct loop *l, int64_t until)
{
    int64_t next = clock_next(&l->clock);
    uv_run_mode mode = UV_RUN_ONCE;

    loop_sync(l);
    if (next < 0 || (until >= 0 && until < next))
        next = until;
    if (next >= 0) {
        int64_t wait = next - loop_now(l);

        if (wait <= 0) {
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
