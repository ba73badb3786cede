/* The default host of containers' processes: clone() and a pidfd on the loop. */
#include "fakes/docker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "fakes/core/loop.h"

struct forker {
    struct process_host ops;
    struct loop *loop;
    bool user; /* namespaces need one for users: found out at the first try */
};

/* One child that is watched; it outlives its struct process by the closing of a handle. */
struct watch {
    uv_poll_t poll;
    struct forker *h;
    struct process *p; /* NULL: nobody wants to know any more */
    pid_t pid;
    int pidfd;
};

static void on_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;

    close(w->pidfd);
    free(w);
}

static void watch_end(struct watch *w)
{
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_closed);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    struct process *p = w->p;
    int code = 0;

    (void)status;
    (void)events;
    if (waitpid(w->pid, &code, WNOHANG) == 0)
        return;
    loop_sync(w->h->loop);
    watch_end(w);
    p->host = NULL;
    p->on_exit(p, code);
}

static int watch_begin(struct forker *h, struct process *p, struct err *e)
{
    struct watch *w;
    int fd = (int)syscall(SYS_pidfd_open, p->pid, 0);

    if (fd < 0)
        return err_sys(e, errno, "pidfd_open");
    w = new0(struct watch);
    w->h = h;
    w->p = p;
    w->pid = p->pid;
    w->pidfd = fd;
    uv_poll_init(&h->loop->uv, &w->poll, fd);
    w->poll.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_ready);
    p->host = w;
    return 0;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

int process_clone_flags(const struct process_spec *s, bool user)
{
    if (s->join)
        return 0;
    return CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | (user ? CLONE_NEWUSER : 0);
}

/* One report; 0 at the end, -1: it was cut. */
static int read_one(int report, struct process_report *r)
{
    size_t have = 0;
    ssize_t n;

    while (have < sizeof(*r)) {
        n = read(report, (char *)r + have, sizeof(*r) - have);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        have += n > 0 ? (size_t)n : 0;
    }
    return !have ? 0 : have < sizeof(*r) ? -1 : 1;
}

/* Up to two come, in any order: who was made inside, and what went wrong. */
int process_read_report(int report, pid_t *pid, enum process_failure *why, struct err *e)
{
    struct process_report r;
    int got, failed = 0;

    *why = PROCESS_STARTED;
    while ((got = read_one(report, &r)) > 0) {
        if (r.why == PROCESS_STARTED) {
            *pid = r.pid;
            continue;
        }
        *why = r.why;
        failed = err_sys(e, r.sys, "%.*s", (int)sizeof(r.what) - 1, r.what);
    }
    if (got == 0)
        return failed;
    *why = PROCESS_SYSTEM;
    return err_set(e, ERR_INTERNAL, "the child's report was cut");
}

/* As fork(), with namespaces. The child runs with a copy of the memory. */
static pid_t fork_into(struct forker *h, const struct process_spec *s)
{
    int flags = process_clone_flags(s, h->user) | SIGCHLD;
    pid_t pid = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);

    if (pid >= 0 || errno != EPERM || h->user || s->join)
        return pid;
    h->user = true;
    return (pid_t)syscall(SYS_clone, flags | CLONE_NEWUSER, 0, 0, 0, 0);
}

static int forker_spawn(struct process_host *ops, const struct process_spec *s, struct process *p,
                        enum process_failure *why, struct err *e)
{
    struct forker *h = container_of(ops, struct forker, ops);
    struct process_maker maker = {.uid = geteuid(), .gid = getegid()};
    int report[2];
    pid_t child;

    *why = PROCESS_SYSTEM;
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_sys(e, errno, "pipe");
    child = fork_into(h, s);
    if (child == 0) {
        maker.user = h->user;
        process_child(s, &maker, report[1]);
    }
    close(report[1]);
    if (child < 0) {
        close(report[0]);
        return err_sys(e, errno, "clone");
    }
    p->pid = child;
    int r = process_read_report(report[0], &p->pid, why, e);

    close(report[0]);
    if (p->pid != child)
        reap(child);
    if (r == 0 && (r = watch_begin(h, p, e)) < 0) {
        *why = PROCESS_SYSTEM;
        kill(p->pid, SIGKILL);
    }
    if (r < 0) {
        reap(p->pid);
        p->pid = 0;
    }
    return r;
}

static void forker_kill(struct process_host *ops, struct process *p, int signal)
{
    (void)ops;
    if (p->host)
        kill(p->pid, signal);
}

static void forker_abandon(struct process_host *ops, struct process *p)
{
    struct watch *w = p->host;

    (void)ops;
    if (!w)
        return;
    kill(w->pid, SIGKILL);
    reap(w->pid);
    p->host = NULL;
    w->p = NULL;
    watch_end(w);
}

static void forker_free(struct process_host *ops)
{
    free(container_of(ops, struct forker, ops));
}

struct process_host *process_host_new(struct loop *l)
{
    struct forker *h = new0(struct forker);

    h->ops = (struct process_host){forker_spawn, forker_kill, forker_abandon, forker_free};
    h->loop = l;
    return &h->ops;
}
