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
#include "base/list.h"
#include "base/mem.h"
#include "fakes/core/loop.h"

struct forker {
    struct process_host ops;
    struct loop *loop;
    struct process_tracer tracer;
    bool traced;
    bool user; /* namespaces need one for users: found out at the first try */
    struct list watches;
};

/* One child that is watched; it outlives its struct process by the closing of a handle. */
struct watch {
    struct list link;
    uv_poll_t poll; /* of a pidfd, where nobody else reaps */
    struct forker *h;
    struct process *p;
    pid_t pid;
    int pidfd;
};

/* --- the end of one ----------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;

    close(w->pidfd);
    free(w);
}

static void watch_end(struct watch *w)
{
    list_del(&w->link);
    w->p->host = NULL;
    if (w->h->traced) {
        free(w);
        return;
    }
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_closed);
}

static void ended(struct watch *w, int status)
{
    struct process *p = w->p;

    watch_end(w);
    p->on_exit(p, status);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int code = 0;

    (void)status;
    (void)events;
    if (waitpid(w->pid, &code, WNOHANG) == 0)
        return;
    loop_sync(w->h->loop);
    ended(w, code);
}

bool process_host_ended(struct process_host *ops, pid_t pid, int wait_status)
{
    struct forker *h = container_of(ops, struct forker, ops);
    struct list *pos;

    list_for_each (pos, &h->watches) {
        struct watch *w = container_of(pos, struct watch, link);

        if (w->pid != pid)
            continue;
        ended(w, wait_status);
        return true;
    }
    return false;
}

static int watch_begin(struct forker *h, struct process *p, struct err *e)
{
    int fd = h->traced ? -1 : (int)syscall(SYS_pidfd_open, p->pid, 0);
    struct watch *w;

    if (fd < 0 && !h->traced)
        return err_sys(e, errno, "pidfd_open");
    w = new0(struct watch);
    w->h = h;
    w->p = p;
    w->pid = p->pid;
    w->pidfd = fd;
    list_add_tail(&h->watches, &w->link);
    p->host = w;
    if (h->traced)
        return 0;
    uv_poll_init(&h->loop->uv, &w->poll, fd);
    w->poll.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_ready);
    return 0;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void end_now(struct forker *h, pid_t pid)
{
    if (h->traced) {
        h->tracer.end(h->tracer.data, pid);
        return;
    }
    kill(pid, SIGKILL);
    reap(pid);
}

/* --- the beginning of one ----------------------------------------------------------------- */

/* What one spawn has open. */
struct spawning {
    struct forker *h;
    pid_t child; /* that was cloned */
    pid_t pid;   /* of the process: the child, or what it made inside of others' namespaces */
    int report[2], go[2];
};

static int seize(struct spawning *g, struct err *e)
{
    struct forker *h = g->h;

    if (!h->traced)
        return 0;
    if (h->tracer.seize(h->tracer.data, g->pid, e) < 0)
        return -1;
    return write(g->go[1], "", 1) == 1 ? 0 : err_sys(e, errno, "go");
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
static int read_report(struct spawning *g, enum process_failure *why, struct err *e)
{
    struct process_report r;
    int got, failed = 0;

    *why = PROCESS_STARTED;
    while ((got = read_one(g->report[0], &r)) > 0) {
        if (r.why == PROCESS_STARTED) {
            g->pid = r.pid;
            if (!failed && seize(g, e) == 0)
                continue;
            cleanup_closep(&g->go[1]); /* it gives up */
            if (failed)
                continue; /* what went wrong was told first */
            r.why = PROCESS_SYSTEM;
        } else {
            err_sys(e, r.sys, "%.*s", (int)sizeof(r.what) - 1, r.what);
        }
        *why = r.why;
        failed = -1;
    }
    if (got == 0)
        return failed;
    *why = PROCESS_SYSTEM;
    return err_set(e, ERR_INTERNAL, "the child's report was cut");
}

/* As fork(), with namespaces. The child runs with a copy of the memory. */
static pid_t fork_into(struct forker *h, const struct process_spec *s)
{
    int inside = s->join ? 0 : CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
    int user = s->join ? 0 : CLONE_NEWUSER;
    pid_t pid;

    pid = (pid_t)syscall(SYS_clone, inside | (h->user ? user : 0) | SIGCHLD, 0, 0, 0, 0);
    if (pid >= 0 || errno != EPERM || h->user || s->join)
        return pid;
    h->user = true;
    return (pid_t)syscall(SYS_clone, inside | user | SIGCHLD, 0, 0, 0, 0);
}

static int spawn(struct spawning *g, const struct process_spec *s, enum process_failure *why,
                 struct err *e)
{
    struct process_maker maker = {.uid = geteuid(), .gid = getegid()};

    *why = PROCESS_SYSTEM;
    if (pipe2(g->report, O_CLOEXEC) < 0 || pipe2(g->go, O_CLOEXEC) < 0)
        return err_sys(e, errno, "pipe");
    g->child = g->pid = fork_into(g->h, s);
    if (g->child == 0) {
        maker.user = g->h->user;
        maker.go = g->h->traced ? g->go[0] : -1;
        maker.in_child = g->h->traced ? g->h->tracer.in_child : NULL;
        close(g->go[1]);
        process_child(s, &maker, g->report[1]);
    }
    if (g->child < 0)
        return err_sys(e, errno, "clone");
    cleanup_closep(&g->report[1]);
    if (!s->join && seize(g, e) < 0)
        return -1;
    return read_report(g, why, e);
}

static int forker_spawn(struct process_host *ops, const struct process_spec *s, struct process *p,
                        enum process_failure *why, struct err *e)
{
    struct forker *h = container_of(ops, struct forker, ops);
    struct spawning g = {.h = h, .report = {-1, -1}, .go = {-1, -1}};
    int r = spawn(&g, s, why, e);

    for (int i = 0; i < 2; i++) {
        cleanup_closep(&g.report[i]);
        cleanup_closep(&g.go[i]);
    }
    if (g.child > 0 && g.pid != g.child)
        end_now(h, g.child); /* it has done its work */
    p->pid = g.pid;
    if (r == 0 && (r = watch_begin(h, p, e)) < 0)
        *why = PROCESS_SYSTEM;
    if (r == 0)
        return 0;
    if (g.pid > 0)
        end_now(h, g.pid);
    p->pid = 0;
    return -1;
}

/* --- the table ---------------------------------------------------------------------------- */

static void forker_kill(struct process_host *ops, struct process *p, int signal)
{
    (void)ops;
    if (p->host)
        kill(p->pid, signal);
}

static void forker_abandon(struct process_host *ops, struct process *p)
{
    struct watch *w = p->host;

    if (!w)
        return;
    /* first, so that whoever reaps it finds nobody to tell */
    watch_end(w);
    end_now(container_of(ops, struct forker, ops), p->pid);
}

static void forker_free(struct process_host *ops)
{
    free(container_of(ops, struct forker, ops));
}

struct process_host *process_host_new(struct loop *l, const struct process_tracer *t)
{
    struct forker *h = new0(struct forker);

    h->ops = (struct process_host){forker_spawn, forker_kill, forker_abandon, forker_free};
    h->loop = l;
    h->traced = t != NULL;
    if (t)
        h->tracer = *t;
    list_init(&h->watches);
    return &h->ops;
}
