/* Threads, processes, and what to do at each stop. */
#include "harness/vtime/tracer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "harness/vtime/page.h"
#include "harness/vtime/thread.h"

#define OPTIONS                                                                                    \
    (PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE |     \
     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC)
#define SYSCALL_STOP (SIGTRAP | 0x80)

/* --- threads and groups --------------------------------------------------------------------- */

static struct list *bucket(struct tracer *t, pid_t tid)
{
    return &t->buckets[(size_t)tid % ARRAY_SIZE(t->buckets)];
}

struct thread *thread_find(struct tracer *t, pid_t tid)
{
    struct list *pos;

    list_for_each (pos, bucket(t, tid)) {
        struct thread *th = container_of(pos, struct thread, link);

        if (th->tid == tid)
            return th;
    }
    return NULL;
}

static struct group *group_find(struct tracer *t, pid_t tgid)
{
    struct list *pos;

    list_for_each (pos, &t->groups)
        if (container_of(pos, struct group, link)->tgid == tgid)
            return container_of(pos, struct group, link);
    return NULL;
}

static void group_put(struct group *g)
{
    if (--g->threads)
        return;
    timers_drop(g, false);
    list_del(&g->link);
    free(g);
}

static pid_t tgid_of(pid_t tid)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
    char path[64];
    const char *p;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    if (io_read_file(path, &b, NULL) < 0 || !(p = strstr(buf_str(&b), "\nTgid:\t")))
        return tid;
    return (pid_t)strtol(p + 7, NULL, 10);
}

/* from: the thread that made it, or NULL. */
static void join_group(struct thread *th, const struct thread *from)
{
    struct tracer *t = th->tracer;
    pid_t tgid = tgid_of(th->tid);
    struct group *g = group_find(t, tgid);

    if (!g) {
        g = new0(struct group);
        g->tracer = t;
        g->tgid = tgid;
        list_init(&g->timers);
        list_add_tail(&t->groups, &g->link);
        if (from && from->group)
            g->page = from->group->page; /* a copy of its memory, or the same */
    }
    g->threads++;
    th->group = g;
}

static struct thread *thread_new(struct tracer *t, pid_t tid)
{
    struct thread *th = new0(struct thread);

    th->tracer = t;
    th->tid = tid;
    th->stat_fd = th->call_fd = th->wchan_fd = -1;
    th->fresh = true;
    list_add_tail(bucket(t, tid), &th->link);
    t->n_threads++;
    return th;
}

static void awake(struct thread *th)
{
    if (th->waking)
        th->tracer->waking--;
    th->waking = false;
}

static void close_looks(struct thread *th)
{
    cleanup_closep(&th->stat_fd);
    cleanup_closep(&th->call_fd);
    cleanup_closep(&th->wchan_fd);
}

void thread_free(struct thread *th)
{
    struct tracer *t = th->tracer;

    awake(th);
    if (th->in_stop)
        t->stopped--;
    loop_cancel(t->loop, &th->timer);
    loop_cancel(t->loop, &th->on_socket.timer);
    close_looks(th);
    if (th->group)
        group_put(th->group);
    list_del(&th->link);
    t->n_threads--;
    free(th);
}

void group_trim(struct group *g, struct thread *keep)
{
    struct tracer *t = g->tracer;

    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos, *tmp;

        list_for_each_safe (pos, tmp, &t->buckets[i]) {
            struct thread *th = container_of(pos, struct thread, link);

            if (th->group == g && th != keep)
                thread_free(th);
        }
    }
}

/* --- memory and time ------------------------------------------------------------------------ */

int mem_read(pid_t tid, uint64_t at, void *p, size_t n)
{
    struct iovec ours = {p, n}, theirs = {(void *)(uintptr_t)at, n};
    ssize_t k = process_vm_readv(tid, &ours, 1, &theirs, 1, 0);

    if (k == (ssize_t)n)
        return 0;
    if (k >= 0)
        errno = EFAULT;
    return -1;
}

int mem_write(pid_t tid, uint64_t at, const void *p, size_t n)
{
    struct iovec ours = {(void *)(uintptr_t)p, n}, theirs = {(void *)(uintptr_t)at, n};
    ssize_t k = process_vm_writev(tid, &ours, 1, &theirs, 1, 0);

    if (k == (ssize_t)n)
        return 0;
    if (k >= 0)
        errno = EFAULT;
    return -1;
}

int64_t tracer_mono(const struct tracer *t)
{
    return t->base + loop_now(t->loop);
}

int64_t tracer_wall(const struct tracer *t)
{
    return loop_wall(t->loop) + t->skew;
}

int64_t group_now(const struct group *g)
{
    const struct tracer *t = g->tracer;
    int64_t now = loop_now(t->loop), mono;

    if (g->page && !t->ask && mem_read(g->tgid, g->page, &mono, sizeof(mono)) == 0 &&
        mono - t->base > now)
        return mono - t->base;
    return now;
}

void group_catch_up(const struct group *g)
{
    struct clock *c = &g->tracer->loop->clock;

    clock_set(c, group_now(g));
}

int64_t group_read_clock(struct group *g, int clock)
{
    const struct tracer *t = g->tracer;
    struct vtime_page page = {.mono = tracer_mono(t), .offset = tracer_wall(t) - tracer_mono(t)};

    if (t->ask)
        loop_sync(t->loop);
    /* the same count as the vDSO's, or a program that asks in both ways would go back in time */
    if (!t->ask && g->page && mem_read(g->tgid, g->page, &page, sizeof(page)) == 0) {
        int64_t next = page.mono + 1;

        mem_write(g->tgid, g->page, &next, sizeof(next));
    }
    if (clock_is_mono(clock))
        return page.mono;
    return clock_is_wall(clock) ? page.mono + page.offset : -1;
}

/* --- resuming ------------------------------------------------------------------------------- */

void thread_continue(struct thread *th, int sig)
{
    th->after = AFTER_NOTHING;
    ptrace(PTRACE_CONT, th->tid, NULL, (void *)(intptr_t)sig);
}

void thread_until_return(struct thread *th, enum after why)
{
    th->after = why;
    ptrace(PTRACE_SYSCALL, th->tid, NULL, NULL);
}

void thread_answer(struct thread *th, arch_regs *r, int64_t result)
{
    *arch_nr(r) = (unsigned long long)-1;
    *arch_result(r) = (unsigned long long)result;
    ptrace(PTRACE_SETREGS, th->tid, NULL, r);
    thread_continue(th, 0);
}

/* --- readings of the time --------------------------------------------------------------------- */

static int64_t answer_clock(struct thread *th, int clock, uint64_t at)
{
    int64_t ns = group_read_clock(th->group, clock);
    struct timespec ts = {ns / NS_PER_S, ns % NS_PER_S};

    return mem_write(th->tid, at, &ts, sizeof(ts)) < 0 ? -EFAULT : 0;
}

static int64_t answer_day(struct thread *th, uint64_t at, uint64_t zone)
{
    int64_t ns = group_read_clock(th->group, CLOCK_REALTIME);
    struct timeval tv = {ns / NS_PER_S, ns % NS_PER_S / NS_PER_US};
    struct timezone tz = {0};

    if (at && mem_write(th->tid, at, &tv, sizeof(tv)) < 0)
        return -EFAULT;
    return zone && mem_write(th->tid, zone, &tz, sizeof(tz)) < 0 ? -EFAULT : 0;
}

static int64_t answer_time(struct thread *th, uint64_t at)
{
    int64_t s = group_read_clock(th->group, CLOCK_REALTIME) / NS_PER_S;

    return at && mem_write(th->tid, at, &s, sizeof(s)) < 0 ? -EFAULT : s;
}

static bool clock_enter(struct thread *th, arch_regs *r)
{
    int clock = (int)*arch_arg(r, 0);

    switch ((long)*arch_nr(r)) {
    case SYS_clock_gettime:
        if (group_read_clock(th->group, clock) < 0)
            thread_continue(th, 0);
        else
            thread_answer(th, r, answer_clock(th, clock, *arch_arg(r, 1)));
        return true;
    case SYS_gettimeofday:
        thread_answer(th, r, answer_day(th, *arch_arg(r, 0), *arch_arg(r, 1)));
        return true;
    case SYS_time:
        thread_answer(th, r, answer_time(th, *arch_arg(r, 0)));
        return true;
    default:
        return false;
    }
}

/* --- stops ------------------------------------------------------------------------------------ */

static void on_call(struct thread *th)
{
    arch_regs r;

    if (ptrace(PTRACE_GETREGS, th->tid, NULL, &r) < 0)
        return; /* it was killed: its end comes */
    if (!clock_enter(th, &r) && !wait_enter(th, &r) && !timer_enter(th, &r) &&
        !socket_enter(th, &r) && !file_enter(th, &r))
        thread_continue(th, 0);
}

static void on_return(struct thread *th)
{
    awake(th);
    switch (th->after) {
    case AFTER_WAIT:
        wait_leave(th);
        break;
    case AFTER_TIMER_CREATE:
        timer_created(th);
        break;
    case AFTER_COMMIT:
        file_committed(th);
        break;
    default:
        thread_continue(th, 0);
    }
}

static void on_child(struct thread *th)
{
    struct tracer *t = th->tracer;
    unsigned long tid = 0;
    struct thread *child;

    if (th->group)
        group_catch_up(th->group);

    if (ptrace(PTRACE_GETEVENTMSG, th->tid, NULL, &tid) < 0)
        return;
    if (t->n_threads >= TRACER_THREADS_MAX) {
        kill((pid_t)tid, SIGKILL);
        return;
    }
    child = thread_find(t, (pid_t)tid); /* it may have stopped before its maker did */
    if (!child)
        child = thread_new(t, (pid_t)tid);
    if (!child->group)
        join_group(child, th);
    else if (!child->group->page && th->group)
        child->group->page = th->group->page;
}

/* A new program: other threads are gone, and it has the id of the process. False: it ended, too. */
static bool on_exec(struct thread *th, int *status)
{
    unsigned long former = 0;
    struct thread *other;

    if (ptrace(PTRACE_GETEVENTMSG, th->tid, NULL, &former) == 0 && (pid_t)former != th->tid &&
        (other = thread_find(th->tracer, (pid_t)former)))
        thread_free(other);
    if (!th->group)
        join_group(th, NULL);
    group_trim(th->group, th);
    timers_drop(th->group, true);
    th->group->page = 0; /* gone with the old program's memory */
    th->wait.kind = th->cut.kind = NULL;
    th->expired = false;
    loop_cancel(th->tracer->loop, &th->timer);
    loop_cancel(th->tracer->loop, &th->on_socket.timer);
    close_looks(th);
    return image_install(th, status);
}

static bool is_stop_signal(int sig)
{
    return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static void set_in_stop(struct thread *th, bool in)
{
    if (th->in_stop != in)
        th->tracer->stopped += in ? 1 : (size_t)-1;
    th->in_stop = in;
}

/* PTRACE_EVENT_STOP: a new thread, an interrupt of ours, the begin or end of a group stop. */
static void on_event_stop(struct thread *th, int sig)
{
    if (is_stop_signal(sig)) {
        set_in_stop(th, true);
        ptrace(PTRACE_LISTEN, th->tid, NULL, NULL);
        return;
    }
    awake(th);
    socket_expire(th);
    if (th->after == AFTER_NOTHING)
        thread_continue(th, 0);
    else
        thread_until_return(th, th->after);
}

/* False: it ended while it was dealt with, as *status says. */
static bool on_stop(struct thread *th, int *status)
{
    int sig = WSTOPSIG(*status);

    th->tracer->stops++;
    if (*status >> 16 != PTRACE_EVENT_STOP)
        set_in_stop(th, false);
    switch (*status >> 16) {
    case PTRACE_EVENT_SECCOMP:
        on_call(th);
        return true;
    case PTRACE_EVENT_STOP:
        if (!is_stop_signal(sig))
            set_in_stop(th, false);
        on_event_stop(th, sig);
        return true;
    case PTRACE_EVENT_EXEC:
        if (!on_exec(th, status))
            return false;
        thread_continue(th, 0);
        return true;
    case PTRACE_EVENT_VFORK:
        th->vforked = true;
        __attribute__((fallthrough));
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_CLONE:
        on_child(th);
        thread_continue(th, 0);
        return true;
    case PTRACE_EVENT_VFORK_DONE:
        th->vforked = false;
        thread_continue(th, 0);
        return true;
    default:
        break;
    }
    if (sig == SYSCALL_STOP) {
        on_return(th);
        return true;
    }
    awake(th);
    wait_signalled(th, sig);
    thread_continue(th, sig);
    return true;
}

/* A thread or a process is gone. False: it was a process that our caller may know. */
static bool on_end(struct tracer *t, pid_t pid)
{
    struct thread *th = thread_find(t, pid);
    bool whole = !th || !th->group || th->group->tgid == pid;

    if (th && th->group && whole) {
        group_catch_up(th->group);
        group_trim(th->group, th);
    }
    if (th)
        thread_free(th);
    return !whole;
}

bool tracer_event(struct tracer *t, pid_t pid, int status)
{
    struct thread *th;

    if (!WIFSTOPPED(status))
        return on_end(t, pid);
    th = thread_find(t, pid);
    if (!th)
        th = thread_new(t, pid);
    if (th->fresh) {
        th->fresh = false;
        if (!th->group)
            join_group(th, NULL);
    }
    return on_stop(th, &status) || on_end(t, pid);
}

bool tracer_serve(struct tracer *t, void (*ended)(void *data, pid_t pid, int status), void *data)
{
    int status, flags = t->waking ? __WALL : __WALL | WNOHANG;
    bool any = false;
    pid_t pid;

    while ((pid = waitpid(-1, &status, flags)) > 0 || (pid < 0 && errno == EINTR)) {
        if (pid < 0)
            continue;
        any = true;
        flags |= WNOHANG;
        if (!tracer_event(t, pid, status))
            ended(data, pid, status);
    }
    return any;
}

/* --- life ---------------------------------------------------------------------------------------
 */

void tracer_init(struct tracer *t, struct loop *loop)
{
    *t = (struct tracer){.loop = loop, .base = (int64_t)uv_hrtime() - loop_now(loop)};
    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++)
        list_init(&t->buckets[i]);
    list_init(&t->groups);
    list_init(&t->sockets);
    t->wchan_tells = tracer_wchan_tells();
}

void tracer_release(struct tracer *t)
{
    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos, *tmp;

        list_for_each_safe (pos, tmp, &t->buckets[i]) {
            struct thread *th = container_of(pos, struct thread, link);

            kill(th->tid, SIGKILL);
            thread_free(th);
        }
    }
    sockets_release(t);
}

int tracer_seize(struct tracer *t, pid_t pid, struct err *e)
{
    struct thread *th;

    if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(uintptr_t)OPTIONS) < 0)
        return err_sys(e, errno, "ptrace");
    th = thread_new(t, pid);
    th->fresh = false;
    join_group(th, NULL);
    return 0;
}

void tracer_moved(struct tracer *t)
{
    struct list *pos;

    t->jumps++;
    list_for_each (pos, &t->groups)
        image_write(container_of(pos, struct group, link));
}

void tracer_set_skew(struct tracer *t, int64_t skew)
{
    int64_t delta = skew - t->skew;

    t->skew = skew;
    tracer_wall_stepped(t, delta);
}

void tracer_wall_stepped(struct tracer *t, int64_t delta)
{
    wait_wall_stepped(t, delta);
    timers_wall_stepped(t, delta);
    tracer_moved(t);
}
