#include <time.h>

#include "agent/loop.h"

static int64_t monotonic(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void on_wake(uv_timer_t *uv);

/* Sets the uv timer to the nearest deadline, if that has changed. */
static void rearm(struct loop *l)
{
    int64_t next = clock_next(&l->clock);
    int64_t wait;

    if (next == l->wake_at)
        return;
    l->wake_at = next;
    if (next < 0) {
        uv_timer_stop(&l->wake);
        return;
    }
    /* libuv counts from the time at which the loop last looked at the clock */
    uv_update_time(&l->uv);
    wait = next - monotonic();
    if (wait < 0)
        wait = 0;
    uv_timer_start(&l->wake, on_wake, (uint64_t)((wait + NS_PER_MS - 1) / NS_PER_MS), 0);
}

static void on_wake(uv_timer_t *uv)
{
    struct loop *l = uv->data;

    l->wake_at = -1;
    clock_set(&l->clock, monotonic());
    clock_run(&l->clock);
    rearm(l);
}

int loop_init(struct loop *l, struct err *e)
{
    int r = uv_loop_init(&l->uv);

    if (r < 0)
        return err_set(e, ERR_SYS, "starting the event loop: %s", uv_strerror(r));
    uv_timer_init(&l->uv, &l->wake);
    l->wake.data = l;
    l->wake_at = -1;
    l->n_signals = 0;
    clock_init(&l->clock, 0);
    clock_set(&l->clock, monotonic());
    return 0;
}

void loop_release(struct loop *l)
{
    uv_close((uv_handle_t *)&l->wake, NULL);
    for (unsigned int i = 0; i < l->n_signals; i++)
        uv_close((uv_handle_t *)&l->signals[i].uv, NULL);
    l->n_signals = 0;
    uv_run(&l->uv, UV_RUN_DEFAULT);
    uv_loop_close(&l->uv);
    clock_release(&l->clock);
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

int64_t loop_now(struct loop *l)
{
    clock_set(&l->clock, monotonic());
    return clock_mono(&l->clock);
}

int64_t loop_wall(const struct loop *l)
{
    struct timespec ts;

    (void)l;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void loop_timer_start(struct loop *l, struct clock_timer *t, int64_t after, clock_timer_fn fn)
{
    clock_set(&l->clock, monotonic());
    clock_timer_start(&l->clock, t, after, fn);
    rearm(l);
}

void loop_timer_stop(struct loop *l, struct clock_timer *t)
{
    clock_timer_stop(&l->clock, t);
    rearm(l);
}

static void on_signal(uv_signal_t *uv, int signo)
{
    struct loop_signal *s = uv->data;

    s->fn(s->loop, signo, s->user);
}

int loop_on_signal(struct loop *l, int signo, loop_signal_fn fn, void *user, struct err *e)
{
    struct loop_signal *s;
    int r;

    if (l->n_signals == LOOP_SIGNALS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d signals on the loop", LOOP_SIGNALS_MAX);
    s = &l->signals[l->n_signals];
    r = uv_signal_init(&l->uv, &s->uv);
    if (r < 0)
        return err_set(e, ERR_SYS, "watching signal %d: %s", signo, uv_strerror(r));
    l->n_signals++;
    s->uv.data = s;
    s->loop = l;
    s->fn = fn;
    s->user = user;
    r = uv_signal_start(&s->uv, on_signal, signo);
    if (r < 0)
        return err_set(e, ERR_SYS, "watching signal %d: %s", signo, uv_strerror(r));
    return 0;
}
