/*
 * Limits that a program gave to its sockets (SO_RCVTIMEO, SO_SNDTIMEO). Part of thread.h.
 *
 * They are remembered here, by the socket's inode, and the kernel's stays at
 * "for ever". No call stops for them: when everything waits, and before time
 * moves, a thread that is found in a call on such a socket gets its deadline. As
 * time stood still since it went there, that is the time from which it waits.
 */
#include "harness/vtime/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

/* Sockets that have a limit. Of more, those that got theirs first have none. */
#define SOCKETS_MAX 4096

enum way { WAY_IN, WAY_OUT, WAYS };

struct limited {
    struct list link; /* in tracer->sockets */
    uint64_t inode;
    int64_t limit[WAYS]; /* ns, 0: none */
};

const struct filter_call socket_calls[] = {
    {SYS_setsockopt, FILTER_SOCKOPT, 0},
    {SYS_getsockopt, FILTER_SOCKOPT, 0},
    {-1, FILTER_ALWAYS, 0},
};

static const struct {
    int nr;
    enum way way;
    int result; /* when the limit has passed */
} calls[] = {
    {SYS_read, WAY_IN, -EAGAIN},          {SYS_readv, WAY_IN, -EAGAIN},
    {SYS_recvfrom, WAY_IN, -EAGAIN},      {SYS_recvmsg, WAY_IN, -EAGAIN},
    {SYS_recvmmsg, WAY_IN, -EAGAIN},      {SYS_accept, WAY_IN, -EAGAIN},
    {SYS_accept4, WAY_IN, -EAGAIN},       {SYS_write, WAY_OUT, -EAGAIN},
    {SYS_writev, WAY_OUT, -EAGAIN},       {SYS_sendto, WAY_OUT, -EAGAIN},
    {SYS_sendmsg, WAY_OUT, -EAGAIN},      {SYS_sendmmsg, WAY_OUT, -EAGAIN},
    {SYS_connect, WAY_OUT, -EINPROGRESS},
};

/* 0: the descriptor is no socket. */
static uint64_t inode_of(const struct group *g, int fd)
{
    char path[64], target[64];
    ssize_t n;

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)g->tgid, fd);
    n = readlink(path, target, sizeof(target) - 1);
    if (n <= 0)
        return 0;
    target[n] = '\0';
    return str_starts(target, "socket:[") ? strtoull(target + 8, NULL, 10) : 0;
}

static struct limited *find(struct tracer *t, uint64_t inode)
{
    struct list *pos;

    list_for_each (pos, &t->sockets)
        if (container_of(pos, struct limited, link)->inode == inode)
            return container_of(pos, struct limited, link);
    return NULL;
}

static void forget(struct tracer *t, struct limited *l)
{
    list_del(&l->link);
    t->n_sockets--;
    free(l);
}

void sockets_release(struct tracer *t)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &t->sockets)
        forget(t, container_of(pos, struct limited, link));
}

static void remember(struct tracer *t, uint64_t inode, enum way way, int64_t ns)
{
    struct limited *l = find(t, inode);

    if (!l && ns) {
        if (t->n_sockets >= SOCKETS_MAX)
            forget(t, container_of(t->sockets.next, struct limited, link));
        l = new0(struct limited);
        l->inode = inode;
        list_add_tail(&t->sockets, &l->link);
        t->n_sockets++;
    }
    if (l)
        l->limit[way] = ns;
    if (l && !l->limit[WAY_IN] && !l->limit[WAY_OUT])
        forget(t, l);
}

/* What the kernel would not take is left to it. */
static bool set_limit(struct thread *th, arch_regs *r, uint64_t inode, enum way way)
{
    struct timeval tv;
    int64_t ns;

    if ((int)*arch_arg(r, 4) < (int)sizeof(tv) ||
        mem_read(th->tid, *arch_arg(r, 3), &tv, sizeof(tv)) < 0 || tv.tv_usec < 0 ||
        tv.tv_usec >= 1000000)
        return false;
    ns = tv.tv_sec < 0                          ? 0
         : tv.tv_sec > INT64_MAX / NS_PER_S / 2 ? 0
                                                : tv.tv_sec * NS_PER_S + tv.tv_usec * NS_PER_US;
    remember(th->tracer, inode, way, ns);
    return ns > 0;
}

static bool tell_limit(struct thread *th, arch_regs *r, const struct limited *l, enum way way)
{
    struct timeval tv = {l->limit[way] / NS_PER_S, l->limit[way] % NS_PER_S / NS_PER_US};
    int len;

    if (mem_read(th->tid, *arch_arg(r, 4), &len, sizeof(len)) < 0 || len < (int)sizeof(tv))
        return false;
    len = sizeof(tv);
    return mem_write(th->tid, *arch_arg(r, 3), &tv, sizeof(tv)) == 0 &&
           mem_write(th->tid, *arch_arg(r, 4), &len, sizeof(len)) == 0;
}

bool socket_enter(struct thread *th, arch_regs *r)
{
    int option = (int)*arch_arg(r, 2);
    enum way way = option == SO_RCVTIMEO || option == RCVTIMEO_NEW ? WAY_IN : WAY_OUT;
    bool set = *arch_nr(r) == SYS_setsockopt, done = false;
    uint64_t inode;

    if (!set && *arch_nr(r) != SYS_getsockopt)
        return false;
    /* a clock that runs by itself is not looked at before it moves: the kernel's limit it is */
    inode = th->tracer->ask ? 0 : inode_of(th->group, (int)*arch_arg(r, 0));
    if (inode && set) {
        done = set_limit(th, r, inode, way);
    } else if (inode) {
        const struct limited *l = find(th->tracer, inode);

        done = l && l->limit[way] && tell_limit(th, r, l, way);
    }
    if (done)
        thread_answer(th, r, 0);
    else
        thread_continue(th, 0);
    return true;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void on_deadline(struct clock_timer *timer)
{
    struct thread *th = container_of(timer, struct thread, on_socket.timer);

    th->on_socket.expired = true;
    th->waking = true;
    th->tracer->waking++;
    ptrace(PTRACE_INTERRUPT, th->tid, NULL, NULL);
}

void socket_expire(struct thread *th)
{
    arch_regs r;
    int64_t result;

    if (!th->on_socket.expired)
        return;
    th->on_socket.expired = false;
    if (ptrace(PTRACE_GETREGS, th->tid, NULL, &r) < 0)
        return;
    result = (int64_t)*arch_result(&r);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        if (*arch_nr(&r) == (unsigned long long)calls[i].nr && result >= RESTART_FIRST &&
            result <= RESTART_LAST) {
            *arch_nr(&r) = (unsigned long long)-1; /* or it would be made again */
            *arch_result(&r) = (unsigned long long)(int64_t)calls[i].result;
            ptrace(PTRACE_SETREGS, th->tid, NULL, &r);
            return;
        }
}

/* How often it has gone to sleep: the same number says that it still sleeps in the same call. */
static uint64_t sleeps(const struct thread *th)
{
    _cleanup_buf_ struct buf b = BUF_INIT(1 << 16);
    char path[64];
    const char *p;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)th->group->tgid, (int)th->tid);
    if (io_read_file(path, &b, NULL) < 0 ||
        !(p = strstr(buf_str(&b), "\nvoluntary_ctxt_switches:")))
        return 0;
    return strtoull(strchr(p + 1, ':') + 1, NULL, 10);
}

/* The limit of the call that it waits in, in ns; 0: none. */
static int64_t limit_of(struct thread *th)
{
    uint64_t nr, fd;

    if (th->wait.kind || !th->group || !thread_call(th, &nr, &fd))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        if (nr == (uint64_t)calls[i].nr) {
            uint64_t inode = inode_of(th->group, (int)fd);
            const struct limited *l = inode ? find(th->tracer, inode) : NULL;

            return l ? l->limit[calls[i].way] : 0;
        }
    return 0;
}

static void look_at(struct thread *th)
{
    struct loop *loop = th->tracer->loop;
    struct on_socket *s = &th->on_socket;
    int64_t limit = limit_of(th);
    uint64_t n = limit ? sleeps(th) : 0;

    if (limit && clock_timer_armed(&s->timer) && s->sleeps == n)
        return;
    loop_cancel(loop, &s->timer);
    if (!limit)
        return;
    s->sleeps = n;
    loop_after(loop, &s->timer, limit, on_deadline);
}

void sockets_look(struct tracer *t)
{
    for (size_t i = 0; t->n_sockets && i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos;

        list_for_each (pos, &t->buckets[i])
            look_at(container_of(pos, struct thread, link));
    }
}
