#include "harness/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

static void tell_lines(struct proc_stream *s, bool last)
{
    const char *p;
    size_t n;

    while ((n = buf_len(&s->line))) {
        const char *nl;

        p = buf_str(&s->line);
        nl = memchr(p, '\n', n);
        if (!nl && !last && n < PROC_LINE_MAX)
            return;
        n = nl ? (size_t)(nl - p) : n;
        s->p->ops->on_line(s->p, s == &s->p->out[0] ? 1 : 2, p, n);
        buf_consume(&s->line, n + (nl ? 1 : 0));
    }
}

static void on_handle_closed(uv_handle_t *h)
{
    struct proc_stream *s = h->data;
    struct proc *p = s->p;

    p->closing--;
    if (p->free_when_closed && !p->closing)
        free(p);
}

static void stream_close(struct proc_stream *s)
{
    if (s->polling) {
        s->polling = false;
        s->p->closing++;
        uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    }
    cleanup_closep(&s->fd);
}

/* Reads what is there. False when the stream has ended. */
static bool stream_read(struct proc_stream *s)
{
    char chunk[16384];

    for (;;) {
        ssize_t n = read(s->fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        if (s->p->capture)
            buf_add(&s->captured, chunk, (size_t)n);
        for (char *p = chunk; n > 0;) {
            size_t part = n > PROC_LINE_MAX / 2 ? PROC_LINE_MAX / 2 : (size_t)n;

            buf_add(&s->line, p, part);
            tell_lines(s, false);
            p += part;
            n -= (ssize_t)part;
        }
    }
}

static void on_readable(uv_poll_t *h, int status, int events)
{
    struct proc_stream *s = h->data;

    (void)events;
    loop_sync(s->p->procs->loop);
    if (status < 0 || !stream_read(s)) {
        tell_lines(s, true);
        stream_close(s);
    }
}

static void ended(struct proc *p, int status)
{
    p->running = false;
    p->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    p->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    /* A grandchild may hold the pipes open: what is in them now is all we wait for. */
    for (int i = 0; i < 2; i++)
        if (p->out[i].fd >= 0) {
            stream_read(&p->out[i]);
            tell_lines(&p->out[i], true);
            stream_close(&p->out[i]);
        }
    p->ops->on_exit(p, p->code, p->signal);
}

static struct proc *find_proc(const struct procs *ps, pid_t pid)
{
    struct list *pos;

    list_for_each (pos, &ps->all) {
        struct proc *p = container_of(pos, struct proc, link);

        if (p->running && p->pid == pid)
            return p;
    }
    return NULL;
}

/* A child of a child that came to us needs no more than to be reaped. */
static void on_ended(void *data, pid_t pid, int status)
{
    struct procs *ps = data;
    struct proc *p = find_proc(ps, pid);

    if (p)
        ended(p, status);
    else if (ps->others)
        ps->others(ps->others_data, pid, status);
}

bool procs_serve(struct procs *ps)
{
    return ps->tracer && tracer_serve(ps->tracer, on_ended, ps);
}

/* Those whose parent ended before them came to us. They have left nothing but their exit code,
 * which nobody asks for, unless it is one of the others. */
static void reap_orphans(struct procs *ps)
{
    siginfo_t si = {0};
    int status;

    /* one of ours that ended just now brings its own signal */
    while (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid &&
           !find_proc(ps, si.si_pid)) {
        if (waitpid(si.si_pid, &status, 0) == si.si_pid)
            on_ended(ps, si.si_pid, status);
        si.si_pid = 0;
    }
}

static void on_chld(uv_signal_t *h, int signum)
{
    struct procs *ps = h->data;
    struct list *pos, *tmp;
    int status;

    (void)signum;
    loop_sync(ps->loop);
    if (ps->tracer) {
        procs_serve(ps);
        return;
    }
    list_for_each_safe (pos, tmp, &ps->all) {
        struct proc *p = container_of(pos, struct proc, link);

        if (p->running && waitpid(p->pid, &status, WNOHANG) == p->pid)
            ended(p, status);
    }
    reap_orphans(ps);
}

/* Kills a process and waits for its end. The threads of one that is traced have to be reaped
 * before it, and others may stop meanwhile: each status goes where it belongs. */
static void end_now(struct procs *ps, pid_t pid)
{
    int status;
    pid_t got;

    kill(pid, SIGKILL);
    for (;;) {
        got = waitpid(ps->tracer ? -1 : pid, &status, ps->tracer ? __WALL : 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return;
        if (ps->tracer && tracer_event(ps->tracer, got, status))
            continue;
        if (got == pid)
            return;
        on_ended(ps, got, status);
    }
}

void procs_end_other(struct procs *ps, pid_t pid)
{
    end_now(ps, pid);
}

int procs_init(struct procs *ps, struct loop *loop, struct tracer *tracer, struct err *e)
{
    struct rlimit more;

    *ps = (struct procs){.loop = loop, .tracer = tracer};
    list_init(&ps->all);
    /* the tracer keeps two descriptors for each thread; children get the limit that we were given
     */
    getrlimit(RLIMIT_NOFILE, &ps->files);
    more = (struct rlimit){.rlim_cur = ps->files.rlim_max, .rlim_max = ps->files.rlim_max};
    if (tracer)
        setrlimit(RLIMIT_NOFILE, &more);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return err_sys(e, errno, "subreaper");
    uv_signal_init(&loop->uv, &ps->chld);
    ps->chld.data = ps;
    if (uv_signal_start(&ps->chld, on_chld, SIGCHLD) < 0)
        return err_set(e, ERR_SYS, "SIGCHLD cannot be watched");
    return 0;
}

void procs_release(struct procs *ps)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &ps->all)
        proc_free(container_of(pos, struct proc, link));
    uv_close((uv_handle_t *)&ps->chld, NULL);
}

int proc_kill(struct proc *p, int signum)
{
    return p->running ? kill(p->pid, signum) : -1;
}

void proc_free(struct proc *p)
{
    if (!p)
        return;
    list_del(&p->link);
    if (p->running)
        end_now(p->procs, p->pid);
    for (int i = 0; i < 2; i++) {
        stream_close(&p->out[i]);
        buf_release(&p->out[i].line);
        buf_release(&p->out[i].captured);
    }
    if (p->closing)
        p->free_when_closed = true;
    else
        free(p);
}

struct child_fds {
    int in[2], out[2], err[2], failed[2], go[2];
};

/* In the child: nothing here may fail silently, and errno goes back through `failed`. */
static void run_child(const struct procs *ps, const struct proc_spec *spec, struct child_fds *f)
{
    sigset_t none;
    char go;
    int why;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setrlimit(RLIMIT_NOFILE, &ps->files);
    if (dup2(f->in[0], 0) >= 0 && dup2(f->out[1], 1) >= 0 && dup2(f->err[1], 2) >= 0 &&
        (!spec->cwd || chdir(spec->cwd) == 0) &&
        (!ps->tracer || (read(f->go[0], &go, 1) == 1 &&
                         tracer_install_filter(ps->tracer->files.dir[0] != '\0') == 0)))
        execvpe(spec->argv[0], spec->argv, spec->env);
    why = errno;
    if (write(f->failed[1], &why, sizeof(why)) < 0)
        _exit(126);
    _exit(127);
}

static int open_pipes(struct child_fds *f, struct err *e)
{
    int *all[] = {f->in, f->out, f->err, f->failed, f->go};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        all[i][0] = all[i][1] = -1;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (pipe2(all[i], O_CLOEXEC) < 0)
            return err_sys(e, errno, "pipe");
    return 0;
}

static void close_pipes(struct child_fds *f)
{
    int *all[] = {f->in, f->out, f->err, f->failed, f->go};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        cleanup_closep(&all[i][0]);
        cleanup_closep(&all[i][1]);
    }
}

static void watch(struct proc *p, int i, int fd)
{
    struct proc_stream *s = &p->out[i];

    s->p = p;
    s->fd = fd;
    io_set_nonblock(fd, NULL);
    buf_init(&s->line, PROC_LINE_MAX * 2);
    buf_init(&s->captured, PROC_CAPTURE_MAX);
    uv_poll_init(&p->procs->loop->uv, &s->poll, fd);
    s->poll.data = s;
    s->polling = true;
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

struct proc *proc_spawn(struct procs *ps, const struct proc_spec *spec, const struct proc_ops *ops,
                        void *data, struct err *e)
{
    struct child_fds f;
    struct proc *p;
    int why = 0;
    pid_t pid;

    if (open_pipes(&f, e) < 0) {
        close_pipes(&f);
        return NULL;
    }
    pid = fork();
    if (pid == 0)
        run_child(ps, spec, &f);
    if (pid < 0) {
        err_sys(e, errno, "fork");
        close_pipes(&f);
        return NULL;
    }
    if (ps->tracer && (tracer_seize(ps->tracer, pid, e) < 0 || write(f.go[1], "", 1) != 1)) {
        end_now(ps, pid);
        close_pipes(&f);
        return NULL;
    }
    cleanup_closep(&f.failed[1]);
    if (read(f.failed[0], &why, sizeof(why)) == (ssize_t)sizeof(why)) {
        end_now(ps, pid);
        close_pipes(&f);
        err_sys(e, why, "cannot start %s", spec->argv[0]);
        return NULL;
    }
    if (spec->input && io_write_all(f.in[1], spec->input, spec->input_len, NULL) < 0)
        why = EPIPE; /* it does not read: its own business */
    p = new0(struct proc);
    p->procs = ps;
    p->ops = ops;
    p->data = data;
    p->pid = pid;
    p->running = true;
    p->capture = spec->capture;
    list_add_tail(&ps->all, &p->link);
    watch(p, 0, steal_fd(&f.out[0]));
    watch(p, 1, steal_fd(&f.err[0]));
    close_pipes(&f);
    return p;
}

static bool is_zombie(pid_t pid)
{
    siginfo_t info = {0};

    /* what is traced is told of when it stops, too, whatever was asked for */
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid && info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED;
}

size_t procs_reap_strays(struct procs *ps, bool (*known)(void *data, pid_t pid), void *data,
                         struct buf *out)
{
    struct buf kids = BUF_INIT(1 << 20);
    _cleanup_free_ char *path = xasprintf("/proc/self/task/%d/children", (int)getpid());
    size_t n = 0;
    const char *s;

    if (io_read_file(path, &kids, NULL) < 0)
        return 0;
    for (s = buf_str(&kids); *s;) {
        pid_t pid = (pid_t)strtol(s, NULL, 10);
        char name[64];
        struct buf comm = BUF_INIT(256);

        s += strcspn(s, " ");
        s += strspn(s, " ");
        if (pid <= 0 || find_proc(ps, pid) || (known && known(data, pid)))
            continue;
        snprintf(name, sizeof(name), "/proc/%d/comm", (int)pid);
        io_read_file(name, &comm, NULL);
        /* a zombie that was ours to reap is no leak: it has ended, and left nothing */
        if (!is_zombie(pid)) {
            buf_addf(out, "%d %s", (int)pid, buf_len(&comm) ? buf_str(&comm) : "?\n");
            n++;
        }
        end_now(ps, pid);
        buf_release(&comm);
    }
    buf_release(&kids);
    return n;
}
