/* Timers of the kernel, kept on the loop's clock: timerfd, setitimer, alarm, timer_create. */
#include "harness/vtime/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"

/* linux/timerfd.h cannot be included beside sys/timerfd.h. */
#define SET_TICKS _IOW('T', 0, uint64_t)
/* Timers of one process. A further one stays the kernel's. */
#define TIMERS_MAX 4096

enum timer_kind { TIMER_ITIMER, TIMER_POSIX, TIMER_FD };

struct vtimer {
    struct list link;
    struct group *group;
    enum timer_kind kind;
    int id; /* of a POSIX timer; descriptor number of a timerfd in the process */
    int fd; /* ours for the same timerfd */
    int clock;
    struct sigevent event;
    struct clock_timer timer;
    int64_t deadline; /* mono of the loop; meaningful while armed */
    int64_t interval; /* ns, 0: fires once */
    bool wall;
};

const struct filter_call timer_calls[] = {
    {SYS_timerfd_settime, FILTER_ALWAYS, 0}, {SYS_timerfd_gettime, FILTER_ALWAYS, 0},
    {SYS_setitimer, FILTER_ALWAYS, 0},       {SYS_getitimer, FILTER_ALWAYS, 0},
    {SYS_alarm, FILTER_ALWAYS, 0},           {SYS_timer_create, FILTER_ALWAYS, 0},
    {SYS_timer_settime, FILTER_ALWAYS, 0},   {SYS_timer_gettime, FILTER_ALWAYS, 0},
    {SYS_timer_delete, FILTER_ALWAYS, 0},    {-1, FILTER_ALWAYS, 0},
};

/* --- the set of a process ------------------------------------------------------------------- */

static void vtimer_free(struct vtimer *v)
{
    loop_cancel(v->group->tracer->loop, &v->timer);
    cleanup_closep(&v->fd);
    list_del(&v->link);
    free(v);
}

void timers_drop(struct group *g, bool keep_itimer)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &g->timers) {
        struct vtimer *v = container_of(pos, struct vtimer, link);

        if (keep_itimer && v->kind != TIMER_POSIX)
            continue; /* exec() keeps them */
        vtimer_free(v);
    }
}

static struct vtimer *vtimer_find(struct group *g, enum timer_kind kind, int id)
{
    struct list *pos;

    list_for_each (pos, &g->timers) {
        struct vtimer *v = container_of(pos, struct vtimer, link);

        if (v->kind == kind && v->id == id)
            return v;
    }
    return NULL;
}

static struct vtimer *vtimer_new(struct group *g, enum timer_kind kind, int id)
{
    struct list *pos;
    struct vtimer *v;
    size_t n = 0;

    list_for_each (pos, &g->timers)
        if (++n >= TIMERS_MAX)
            return NULL;
    v = new0(struct vtimer);
    v->group = g;
    v->kind = kind;
    v->id = id;
    v->fd = -1;
    v->clock = CLOCK_MONOTONIC;
    list_add_tail(&g->timers, &v->link);
    return v;
}

/* --- firing ------------------------------------------------------------------------------------
 */

/* Of an expired timerfd that nobody has read yet. */
static uint64_t unread_ticks(int fd)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 14);
    char path[64];
    const char *p;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    if (io_read_file(path, &b, NULL) < 0 || !(p = strstr(buf_str(&b), "\nticks: ")))
        return 0;
    return strtoull(p + 8, NULL, 10);
}

static void fire_fd(const struct vtimer *v)
{
    const struct itimerspec now = {.it_value.tv_nsec = 1};
    uint64_t ticks = unread_ticks(v->fd) + 1;

    /* where the kernel was built without, the count of missed ticks is lost, the wake-up is not */
    if (ioctl(v->fd, SET_TICKS, &ticks) < 0)
        timerfd_settime(v->fd, 0, &now, NULL);
}

static void fire_signal(const struct vtimer *v)
{
    siginfo_t info = {0};
    int sig = v->event.sigev_signo;

    if (v->event.sigev_notify == SIGEV_NONE)
        return;
    info.si_signo = sig;
    info.si_code = SI_TIMER;
    info.si_timerid = v->id;
    info.si_value = v->event.sigev_value;
    if (v->event.sigev_notify == SIGEV_THREAD_ID)
        syscall(SYS_rt_tgsigqueueinfo, v->group->tgid, v->event._sigev_un._tid, sig, &info);
    else
        syscall(SYS_rt_sigqueueinfo, v->group->tgid, sig, &info);
}

static void on_fire(struct clock_timer *timer)
{
    struct vtimer *v = container_of(timer, struct vtimer, timer);
    struct loop *loop = v->group->tracer->loop;

    if (v->interval) {
        v->deadline += v->interval;
        loop_after(loop, &v->timer, v->deadline - loop_now(loop), on_fire);
    }
    if (v->kind == TIMER_FD)
        fire_fd(v);
    else if (v->kind == TIMER_ITIMER)
        kill(v->group->tgid, SIGALRM);
    else
        fire_signal(v);
}

void timers_wall_stepped(struct tracer *t, int64_t delta)
{
    struct list *pos, *at;

    list_for_each (pos, &t->groups)
        list_for_each (at, &container_of(pos, struct group, link)->timers) {
            struct vtimer *v = container_of(at, struct vtimer, link);

            if (!v->wall || !clock_timer_armed(&v->timer))
                continue;
            v->deadline -= delta;
            loop_after(t->loop, &v->timer, v->deadline - loop_now(t->loop), on_fire);
        }
}

/* --- setting and asking ------------------------------------------------------------------------
 */

/* A timer cannot be made on a raw or a coarse clock: the kernel says so. */
static bool is_ours(int clock)
{
    return clock_is_wall(clock) || clock_is_mono(clock);
}

/* value 0: disarm. */
static void set(struct vtimer *v, bool absolute, int64_t value, int64_t interval)
{
    const struct tracer *t = v->group->tracer;
    int64_t now;

    group_catch_up(v->group);
    now = loop_now(t->loop);
    loop_cancel(t->loop, &v->timer);
    v->interval = interval;
    v->wall = absolute && clock_is_wall(v->clock);
    if (!value)
        return;
    if (absolute)
        value -= v->wall ? tracer_wall(t) : tracer_mono(t);
    v->deadline = value > INT64_MAX - now ? INT64_MAX : now + value;
    loop_after(t->loop, &v->timer, v->deadline - now, on_fire);
}

static struct itimerspec remaining(const struct vtimer *v)
{
    struct itimerspec its = {0};
    int64_t left;

    if (!v)
        return its;
    its.it_interval = (struct timespec){v->interval / NS_PER_S, v->interval % NS_PER_S};
    if (!clock_timer_armed(&v->timer))
        return its;
    left = v->deadline - loop_now(v->group->tracer->loop);
    if (left < 1)
        left = 1; /* 0 would say that it is not armed */
    its.it_value = (struct timespec){left / NS_PER_S, left % NS_PER_S};
    return its;
}

static int64_t span(const struct timespec *ts)
{
    if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= NS_PER_S)
        return -1;
    return ts->tv_sec > INT64_MAX / NS_PER_S / 2 ? INT64_MAX : ts->tv_sec * NS_PER_S + ts->tv_nsec;
}

/* What the kernel's *_settime() do, on one of ours. Returns the call's result. */
static int64_t settime(struct thread *th, struct vtimer *v, bool absolute, uint64_t new_at,
                       uint64_t old_at)
{
    struct itimerspec its, old = remaining(v);
    int64_t value, interval;

    if (mem_read(th->tid, new_at, &its, sizeof(its)) < 0)
        return -EFAULT;
    value = span(&its.it_value);
    interval = span(&its.it_interval);
    if (value < 0 || interval < 0)
        return -EINVAL;
    set(v, absolute, value, interval);
    return old_at && mem_write(th->tid, old_at, &old, sizeof(old)) < 0 ? -EFAULT : 0;
}

static int64_t gettime(struct thread *th, const struct vtimer *v, uint64_t at)
{
    struct itimerspec its = remaining(v);

    return mem_write(th->tid, at, &its, sizeof(its)) < 0 ? -EFAULT : 0;
}

/* --- timerfd
 * --------------------------------------------------------------------------------------- */

static int copy_fd(pid_t tgid, int fd)
{
    _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, tgid, 0);

    return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

static bool same_file(pid_t tgid, int fd, int ours)
{
    return syscall(SYS_kcmp, tgid, getpid(), KCMP_FILE, (unsigned long)fd, (unsigned long)ours) ==
           0;
}

static int clock_of_fd(int fd)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 14);
    char path[64];
    const char *p;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    if (io_read_file(path, &b, NULL) < 0 || !(p = strstr(buf_str(&b), "\nclockid: ")))
        return -1; /* not a timerfd: the kernel says so better */
    return (int)strtol(p + 10, NULL, 10);
}

/* The timer behind a descriptor, in whichever process it was set; made when there is none. */
static struct vtimer *timerfd_of(struct thread *th, int fd)
{
    struct tracer *t = th->tracer;
    struct list *pos, *at, *tmp;
    struct vtimer *v;
    int ours, clock;

    list_for_each (pos, &t->groups)
        list_for_each_safe (at, tmp, &container_of(pos, struct group, link)->timers) {
            v = container_of(at, struct vtimer, link);
            if (v->kind != TIMER_FD)
                continue;
            if (same_file(th->group->tgid, fd, v->fd))
                return v;
            if (v->group == th->group && v->id == fd)
                vtimer_free(v); /* the number has been used again */
        }
    ours = copy_fd(th->group->tgid, fd);
    if (ours < 0)
        return NULL;
    fcntl(ours, F_SETFD, FD_CLOEXEC);
    clock = clock_of_fd(ours);
    v = is_ours(clock) ? vtimer_new(th->group, TIMER_FD, fd) : NULL;
    if (!v) {
        close(ours);
        return NULL;
    }
    v->fd = ours;
    v->clock = clock;
    return v;
}

static bool timerfd_enter(struct thread *th, arch_regs *r)
{
    const struct itimerspec none = {0};
    struct vtimer *v = timerfd_of(th, (int)*arch_arg(r, 0));
    int64_t result;

    if (!v)
        return false;
    if (*arch_nr(r) == SYS_timerfd_gettime) {
        thread_answer(th, r, gettime(th, v, *arch_arg(r, 1)));
        return true;
    }
    result = settime(th, v, (*arch_arg(r, 1) & TFD_TIMER_ABSTIME) != 0, *arch_arg(r, 2),
                     *arch_arg(r, 3));
    if (result == 0)
        timerfd_settime(v->fd, 0, &none, NULL); /* what had fired and was not read is forgotten */
    thread_answer(th, r, result);
    return true;
}

/* --- setitimer and alarm
 * ------------------------------------------------------------------------------ */

static int64_t put_itimerval(struct thread *th, const struct vtimer *v, uint64_t at)
{
    struct itimerspec its = remaining(v);
    struct itimerval itv = {{its.it_interval.tv_sec, its.it_interval.tv_nsec / 1000},
                            {its.it_value.tv_sec, (its.it_value.tv_nsec + 999) / 1000}};

    return at && mem_write(th->tid, at, &itv, sizeof(itv)) < 0 ? -EFAULT : 0;
}

static int64_t us_to_ns(const struct timeval *tv)
{
    if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
        return -1;
    return tv->tv_sec > INT64_MAX / NS_PER_S / 2 ? INT64_MAX
                                                 : tv->tv_sec * NS_PER_S + tv->tv_usec * NS_PER_US;
}

static int64_t set_itimer(struct thread *th, struct vtimer *v, uint64_t new_at, uint64_t old_at)
{
    struct itimerval itv = {0};
    int64_t value, interval;

    if (new_at && mem_read(th->tid, new_at, &itv, sizeof(itv)) < 0)
        return -EFAULT;
    value = us_to_ns(&itv.it_value);
    interval = us_to_ns(&itv.it_interval);
    if (value < 0 || interval < 0)
        return -EINVAL;
    if (put_itimerval(th, v, old_at) < 0)
        return -EFAULT;
    set(v, false, value, interval);
    return 0;
}

static bool itimer_enter(struct thread *th, arch_regs *r)
{
    struct vtimer *v = vtimer_find(th->group, TIMER_ITIMER, 0);
    long nr = (long)*arch_nr(r);

    if (nr != SYS_alarm && *arch_arg(r, 0) != ITIMER_REAL)
        return false;
    if (!v && nr != SYS_getitimer)
        v = vtimer_new(th->group, TIMER_ITIMER, 0);
    if (nr == SYS_getitimer) {
        thread_answer(th, r, put_itimerval(th, v, *arch_arg(r, 1)));
    } else if (!v) {
        return false;
    } else if (nr == SYS_setitimer) {
        thread_answer(th, r, set_itimer(th, v, *arch_arg(r, 1), *arch_arg(r, 2)));
    } else {
        struct itimerspec old = remaining(v);
        int64_t left = old.it_value.tv_sec + (old.it_value.tv_nsec >= NS_PER_S / 2);

        if (!left && old.it_value.tv_nsec)
            left = 1;
        set(v, false, (int64_t)(unsigned)*arch_arg(r, 0) * NS_PER_S, 0);
        thread_answer(th, r, left);
    }
    return true;
}

/* --- timer_create
 * --------------------------------------------------------------------------------------- */

static bool posix_create(struct thread *th, arch_regs *r)
{
    if (!is_ours((int)*arch_arg(r, 0)))
        return false;
    /* the kernel makes it, and never sees it set */
    for (int i = 0; i < 6; i++)
        th->wait.args[i] = *arch_arg(r, i);
    thread_until_return(th, AFTER_TIMER_CREATE);
    return true;
}

void timer_created(struct thread *th)
{
    arch_regs r;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct vtimer *v;
    int id;

    if (ptrace(PTRACE_GETREGS, th->tid, NULL, &r) == 0 && *arch_result(&r) == 0 &&
        mem_read(th->tid, th->wait.args[2], &id, sizeof(id)) == 0 &&
        (v = vtimer_new(th->group, TIMER_POSIX, id))) {
        ev.sigev_value.sival_int = id;
        if (th->wait.args[1])
            mem_read(th->tid, th->wait.args[1], &ev, sizeof(ev));
        v->event = ev;
        v->clock = (int)th->wait.args[0];
    }
    thread_continue(th, 0);
}

static bool posix_enter(struct thread *th, arch_regs *r)
{
    struct vtimer *v = vtimer_find(th->group, TIMER_POSIX, (int)*arch_arg(r, 0));

    if (!v)
        return false; /* one on a CPU clock, or none */
    switch ((long)*arch_nr(r)) {
    case SYS_timer_settime:
        thread_answer(th, r,
                      settime(th, v, (*arch_arg(r, 1) & TIMER_ABSTIME) != 0, *arch_arg(r, 2),
                              *arch_arg(r, 3)));
        return true;
    case SYS_timer_gettime:
        thread_answer(th, r, gettime(th, v, *arch_arg(r, 1)));
        return true;
    default:
        vtimer_free(v);
        return false; /* and the kernel's own goes too */
    }
}

bool timer_enter(struct thread *th, arch_regs *r)
{
    switch ((long)*arch_nr(r)) {
    case SYS_timerfd_settime:
    case SYS_timerfd_gettime:
        return timerfd_enter(th, r);
    case SYS_setitimer:
    case SYS_getitimer:
    case SYS_alarm:
        return itimer_enter(th, r);
    case SYS_timer_create:
        return posix_create(th, r);
    case SYS_timer_settime:
    case SYS_timer_gettime:
    case SYS_timer_delete:
        return posix_enter(th, r);
    default:
        return false;
    }
}
