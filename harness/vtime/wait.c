/* Calls that wait with a limit: made endless, and ended by the loop's clock. */
#include "harness/vtime/thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

/* Newer than the headers of Debian 12, or not in them under this name. */
#ifndef SYS_futex_wait
#define SYS_futex_wait 455
#endif

#define ERESTARTNOHAND_    (-514)
#define NEVER              INT64_MAX
#define CALLS_WITH_A_LIMIT 18
/* A sleep up to this is not made at all: the thread stands at the call until it is over. That is
 * one stop instead of three, and Go's monitor thread sleeps so most of the time. A signal for a
 * thread that stands so comes as much later. */
#define SHORT_NS (10 * NS_PER_MS)

enum form { FORM_MS, FORM_TIMESPEC, FORM_TIMEVAL };

/* Where a call has its limit, and what it gives when that has passed. */
struct wait_kind {
    int nr;
    int arg; /* of the limit */
    enum form form;
    int result;       /* when the limit has passed */
    bool absolute;    /* the limit is a point in time */
    int clock;        /* and this is its clock; CLOCK_OF_ARG + n: argument n says so */
    int rest;         /* argument that takes what is left when it ends early; -1: none */
    bool rest_always; /* also when it did not end early: 0 then */
    bool pauses;      /* it waits for nothing else: pause() stands in for it */
};

#define CLOCK_OF_ARG 1000

static const struct wait_kind kinds[] = {
    {SYS_nanosleep, 0, FORM_TIMESPEC, 0, false, 0, 1, false, true},
    {SYS_clock_nanosleep, 2, FORM_TIMESPEC, 0, false, CLOCK_OF_ARG + 0, 3, false, true},
    {SYS_futex, 3, FORM_TIMESPEC, -ETIMEDOUT, false, 0, -1, false, false},
    {SYS_futex_waitv, 3, FORM_TIMESPEC, -ETIMEDOUT, true, CLOCK_OF_ARG + 4, -1, false, false},
    {SYS_futex_wait, 4, FORM_TIMESPEC, -ETIMEDOUT, true, CLOCK_OF_ARG + 5, -1, false, false},
    {SYS_epoll_wait, 3, FORM_MS, 0, false, 0, -1, false, false},
    {SYS_epoll_pwait, 3, FORM_MS, 0, false, 0, -1, false, false},
    {SYS_epoll_pwait2, 3, FORM_TIMESPEC, 0, false, 0, -1, false, false},
    {SYS_poll, 2, FORM_MS, 0, false, 0, -1, false, false},
    {SYS_ppoll, 2, FORM_TIMESPEC, 0, false, 0, 2, true, false},
    {SYS_select, 4, FORM_TIMEVAL, 0, false, 0, 4, true, false},
    {SYS_pselect6, 4, FORM_TIMESPEC, 0, false, 0, 4, true, false},
    {SYS_rt_sigtimedwait, 2, FORM_TIMESPEC, -EAGAIN, false, 0, -1, false, false},
    {SYS_semtimedop, 3, FORM_TIMESPEC, -EAGAIN, false, 0, -1, false, false},
    {SYS_mq_timedsend, 4, FORM_TIMESPEC, -ETIMEDOUT, true, CLOCK_REALTIME, -1, false, false},
    {SYS_mq_timedreceive, 4, FORM_TIMESPEC, -ETIMEDOUT, true, CLOCK_REALTIME, -1, false, false},
    {SYS_io_getevents, 4, FORM_TIMESPEC, 0, false, 0, -1, false, false},
    {SYS_io_pgetevents, 4, FORM_TIMESPEC, 0, false, 0, -1, false, false},
};
_Static_assert(ARRAY_SIZE(kinds) == CALLS_WITH_A_LIMIT, "wait_calls names each once");

const struct filter_call wait_calls[] = {
    {SYS_futex, FILTER_FUTEX, 3},
    {SYS_epoll_pwait, FILTER_MS, 3},
    {SYS_epoll_wait, FILTER_MS, 3},
    {SYS_nanosleep, FILTER_ALWAYS, 0},
    {SYS_clock_nanosleep, FILTER_ALWAYS, 0},
    {SYS_poll, FILTER_MS, 2},
    {SYS_ppoll, FILTER_PTR, 2},
    {SYS_select, FILTER_PTR, 4},
    {SYS_pselect6, FILTER_PTR, 4},
    {SYS_epoll_pwait2, FILTER_PTR, 3},
    {SYS_rt_sigtimedwait, FILTER_PTR, 2},
    {SYS_semtimedop, FILTER_PTR, 3},
    {SYS_mq_timedsend, FILTER_PTR, 4},
    {SYS_mq_timedreceive, FILTER_PTR, 4},
    {SYS_io_getevents, FILTER_PTR, 4},
    {SYS_io_pgetevents, FILTER_PTR, 4},
    {SYS_futex_waitv, FILTER_PTR, 3},
    {SYS_futex_wait, FILTER_PTR, 4},
    {-1, FILTER_ALWAYS, 0},
};

static const struct wait_kind *find_kind(uint64_t nr)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if ((uint64_t)kinds[i].nr == nr)
            return &kinds[i];
    return NULL;
}

/* --- limits ------------------------------------------------------------------------------- */

/* Seconds and parts; false when the kernel would not take them. */
static bool to_ns(int64_t s, int64_t part, int64_t unit, int64_t *ret)
{
    if (s < 0 || part < 0 || part * unit >= NS_PER_S)
        return false;
    *ret = s > NEVER / NS_PER_S / 2 ? NEVER : s * NS_PER_S + part * unit;
    return true;
}

static bool read_limit(struct thread *th, const struct wait_kind *k, uint64_t value, int64_t *ret)
{
    struct timespec ts;
    struct timeval tv;

    switch (k->form) {
    case FORM_MS:
        *ret = (int)value * NS_PER_MS;
        return true;
    case FORM_TIMESPEC:
        return mem_read(th->tid, value, &ts, sizeof(ts)) == 0 &&
               to_ns(ts.tv_sec, ts.tv_nsec, 1, ret);
    case FORM_TIMEVAL:
        return mem_read(th->tid, value, &tv, sizeof(tv)) == 0 &&
               to_ns(tv.tv_sec + tv.tv_usec / 1000000, tv.tv_usec % 1000000, 1000, ret);
    }
    return false;
}

/* Its clock, and whether the limit is a point in time: what the table leaves to the arguments. */
static void read_clock(const struct wait_kind *k, const uint64_t *args, int *clock, bool *absolute)
{
    *absolute = k->absolute;
    *clock = k->clock >= CLOCK_OF_ARG ? (int)args[k->clock - CLOCK_OF_ARG] : k->clock;
    if (k->nr == SYS_clock_nanosleep)
        *absolute = (args[1] & TIMER_ABSTIME) != 0;
    else if (!k->absolute)
        *clock = CLOCK_MONOTONIC; /* a span is the same on each */
    if (k->nr == SYS_futex) {
        int cmd = (int)args[1] & FUTEX_CMD_MASK;

        *absolute = cmd != FUTEX_WAIT;
        *clock = (args[1] & FUTEX_CLOCK_REALTIME) || cmd == FUTEX_LOCK_PI ? CLOCK_REALTIME
                                                                          : CLOCK_MONOTONIC;
    }
}

/* Fills in the deadline. False: the call is none of ours, or the kernel refuses it. */
static bool begin(struct thread *th, const struct wait_kind *k, struct wait *w)
{
    const struct tracer *t = th->tracer;
    int64_t from, limit;
    bool absolute;
    int clock;

    group_catch_up(th->group);
    from = loop_now(t->loop);
    read_clock(k, w->args, &clock, &absolute);
    if ((!clock_is_wall(clock) && !clock_is_mono(clock)) ||
        !read_limit(th, k, w->args[k->arg], &limit))
        return false;
    if (absolute) {
        int64_t at = clock_is_wall(clock) ? tracer_wall(t) : tracer_mono(t);

        w->wall = clock_is_wall(clock);
        limit = limit == NEVER ? NEVER : limit > at ? limit - at : 0;
    }
    w->deadline = limit > NEVER - from ? NEVER : from + limit;
    w->kind = k;
    return true;
}

/* --- the end of a wait ---------------------------------------------------------------------- */

/* What was held at its call is let go, with the result of a sleep that is over. */
static void on_short_sleep(struct clock_timer *timer)
{
    struct thread *th = container_of(timer, struct thread, timer);
    arch_regs r;

    th->held = false;
    th->wait.kind = NULL;
    if (ptrace(PTRACE_GETREGS, th->tid, NULL, &r) == 0)
        thread_answer(th, &r, 0);
}

static void on_deadline(struct clock_timer *timer)
{
    struct thread *th = container_of(timer, struct thread, timer);

    th->expired = true;
    th->waking = true;
    th->tracer->waking++;
    /* its call returns, and it stops for us there; a thread that is on its way out stops as well */
    ptrace(PTRACE_INTERRUPT, th->tid, NULL, NULL);
}

static void arm(struct thread *th)
{
    struct tracer *t = th->tracer;

    if (th->wait.deadline != NEVER)
        loop_after(t->loop, &th->timer, th->wait.deadline - loop_now(t->loop), on_deadline);
}

static bool same_call(const struct wait *a, const struct wait *b)
{
    return a->nr == b->nr && !memcmp(a->args, b->args, sizeof(a->args));
}

static void make_endless(const struct wait_kind *k, arch_regs *r)
{
    if (k->pauses)
        *arch_nr(r) = SYS_pause;
    else
        *arch_arg(r, k->arg) = k->form == FORM_MS ? (unsigned long long)-1 : 0;
}

bool wait_enter(struct thread *th, arch_regs *r)
{
    const struct wait_kind *k = find_kind(*arch_nr(r));
    struct wait w = {.nr = *arch_nr(r)};

    if (!k)
        return false;
    for (int i = 0; i < 6; i++)
        w.args[i] = *arch_arg(r, i);
    if (!begin(th, k, &w)) {
        th->cut.kind = NULL;
        thread_continue(th, 0);
        return true;
    }
    /* the kernel starts a call again that a signal without a handler cut short: same limit */
    if (th->cut.kind && same_call(&th->cut, &w))
        w = th->cut;
    th->cut.kind = NULL;
    th->eintr = false;
    th->wait = w;
    if (k->pauses && w.deadline <= loop_now(th->tracer->loop)) {
        th->wait.kind = NULL;
        thread_answer(th, r, 0);
        return true;
    }
    if (k->pauses && w.deadline - loop_now(th->tracer->loop) <= SHORT_NS) {
        th->held = true;
        loop_after(th->tracer->loop, &th->timer, w.deadline - loop_now(th->tracer->loop),
                   on_short_sleep);
        return true;
    }
    make_endless(k, r);
    ptrace(PTRACE_SETREGS, th->tid, NULL, r);
    arm(th);
    thread_until_return(th, AFTER_WAIT);
    return true;
}

static void write_rest(struct thread *th, const struct wait_kind *k, bool early)
{
    int64_t left = early ? th->wait.deadline - loop_now(th->tracer->loop) : 0;
    uint64_t at = th->wait.args[k->rest];

    if (!at)
        return;
    if (left < 0)
        left = 0;
    if (k->form == FORM_TIMEVAL) {
        struct timeval tv = {left / NS_PER_S, left % NS_PER_S / 1000};

        mem_write(th->tid, at, &tv, sizeof(tv));
    } else {
        struct timespec ts = {left / NS_PER_S, left % NS_PER_S};

        mem_write(th->tid, at, &ts, sizeof(ts));
    }
}

/* A select() whose limit passes empties its sets; one that is interrupted leaves them. */
static void empty_sets(struct thread *th)
{
    static const unsigned char zeros[1024 / 8];
    size_t n = (th->wait.args[0] + 63) / 64 * 8;

    for (int i = 1; i <= 3; i++)
        for (size_t at = 0; th->wait.args[i] && at < n; at += sizeof(zeros))
            mem_write(th->tid, th->wait.args[i] + at, zeros,
                      n - at < sizeof(zeros) ? n - at : sizeof(zeros));
}

void wait_leave(struct thread *th)
{
    const struct wait_kind *k = th->wait.kind;
    arch_regs r;
    int64_t result;
    bool cut;

    loop_cancel(th->tracer->loop, &th->timer);
    if (ptrace(PTRACE_GETREGS, th->tid, NULL, &r) < 0)
        return;
    result = (int64_t)*arch_result(&r);
    cut = (result >= RESTART_FIRST && result <= RESTART_LAST) || result == -EINTR;
    *arch_nr(&r) = th->wait.nr;
    if (!k->pauses)
        *arch_arg(&r, k->arg) = th->wait.args[k->arg];
    if (th->expired && (cut || k->pauses)) {
        *arch_result(&r) = (unsigned long long)(int64_t)k->result;
        if (k->nr == SYS_select || k->nr == SYS_pselect6)
            empty_sets(th);
        cut = false;
    } else if (cut && result != -EINTR) {
        /* what a call with a limit does: EINTR behind a handler, else it is started again */
        *arch_result(&r) = (unsigned long long)(int64_t)ERESTARTNOHAND_;
    }
    if (k->rest >= 0 && (cut || k->rest_always) &&
        !(th->wait.nr == SYS_clock_nanosleep && th->wait.args[1] & TIMER_ABSTIME))
        write_rest(th, k, cut || !th->expired);
    if (cut)
        th->cut = th->wait;
    th->eintr = result == -EINTR && cut;
    th->expired = false;
    th->wait.kind = NULL;
    ptrace(PTRACE_SETREGS, th->tid, NULL, &r);
    thread_continue(th, 0);
}

/* --- signals ---------------------------------------------------------------------------------- */

/* A line of /proc/PID/status that is a mask of signals. */
static bool mask_has(const struct buf *status, const char *name, int sig)
{
    const char *p = strstr(buf_str(status), name);

    return p && (strtoull(p + strlen(name), NULL, 16) >> (sig - 1) & 1);
}

static bool ignored_by_default(int sig)
{
    return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
}

/*
 * A traced thread is woken by signals that it ignores, which the kernel would
 * otherwise not even send: a wait that gave EINTR because of one is made to go
 * on. One that is caught ends the wait for good.
 */
void wait_signalled(struct thread *th, int sig)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
    char path[64];
    bool caught, ignored;

    if (!th->cut.kind)
        return;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)th->tid);
    if (io_read_file(path, &b, NULL) < 0)
        return;
    caught = mask_has(&b, "\nSigCgt:\t", sig);
    ignored = mask_has(&b, "\nSigIgn:\t", sig) || (!caught && ignored_by_default(sig));
    if (caught)
        th->cut.kind = NULL;
    if (ignored && th->eintr) {
        arch_regs r;

        if (ptrace(PTRACE_GETREGS, th->tid, NULL, &r) == 0) {
            *arch_result(&r) = (unsigned long long)(int64_t)ERESTARTNOHAND_;
            ptrace(PTRACE_SETREGS, th->tid, NULL, &r);
        }
    }
    th->eintr = false;
}

void wait_wall_stepped(struct tracer *t, int64_t delta)
{
    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos;

        list_for_each (pos, &t->buckets[i]) {
            struct thread *th = container_of(pos, struct thread, link);

            if (!th->wait.kind || !th->wait.wall || th->held || th->expired ||
                th->wait.deadline == NEVER)
                continue;
            th->wait.deadline -= delta;
            arm(th);
        }
    }
}
