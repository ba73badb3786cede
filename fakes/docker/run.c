/* A process and its streams on the loop. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/loop.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/docker.h"

struct channel {
    uv_pipe_t pipe;
    struct run *run;
    bool is_err, reading;
    char space[16 << 10];
};

struct run {
    struct docker *d;
    struct process process;
    struct run_owner owner;
    struct channel *in, *out, *err; /* of a terminal: in and out are the same */
    int terminal;                   /* the side of the terminal that is ours, or -1 */
    bool held;                      /* thirsty(false) was the last */
    int64_t tell_from;              /* its end is told at this time or later */
    struct clock_timer tell;
    bool ended; /* the process is gone; code is what is to be told */
    int code;
};

static void on_channel_closed(uv_handle_t *h)
{
    free(h->data);
}

static void channel_close(struct channel **at)
{
    struct channel *ch = *at;

    *at = NULL;
    if (!ch)
        return;
    ch->run = NULL;
    uv_close((uv_handle_t *)&ch->pipe, on_channel_closed);
}

static void run_free(struct run *r)
{
    clock_timer_stop(docker_clock(r->d), &r->tell);
    if (r->in == r->out)
        r->in = NULL;
    channel_close(&r->in);
    channel_close(&r->out);
    channel_close(&r->err);
    free(r);
}

/* --- output ------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    struct channel *ch = h->data;

    (void)suggested;
    *b = uv_buf_init(ch->space, sizeof(ch->space));
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct channel *ch = s->data;

    if (!ch->run)
        return;
    loop_sync(fake_loop(&ch->run->d->fake));
    if (n > 0)
        ch->run->owner.output(ch->run->owner.data, ch->is_err, b->base, (size_t)n);
    else if (n < 0)
        uv_read_stop(s); /* the end; of a terminal it is EIO */
}

static void channel_read(struct channel *ch, bool go)
{
    if (!ch || ch->reading == go)
        return;
    ch->reading = go;
    if (go)
        uv_read_start((uv_stream_t *)&ch->pipe, on_alloc, on_output);
    else
        uv_read_stop((uv_stream_t *)&ch->pipe);
}

void run_flow(struct run *r, bool go)
{
    channel_read(r->out, go);
    channel_read(r->err, go);
}

/* What the process wrote before it ended is in the pipe, all of it. */
static void drain(struct run *r, struct channel *ch)
{
    uv_os_fd_t fd;
    ssize_t n;

    if (!ch || uv_fileno((uv_handle_t *)&ch->pipe, &fd) < 0)
        return;
    while ((n = read(fd, ch->space, sizeof(ch->space))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            r->owner.output(r->owner.data, ch->is_err, ch->space, (size_t)n);
}

static void on_tell(struct clock_timer *timer)
{
    struct run *r = container_of(timer, struct run, tell);
    struct run_owner owner = r->owner;
    int code = r->code;

    run_free(r);
    owner.over(owner.data, code);
}

static void on_exit_status(struct process *p, int status)
{
    struct run *r = container_of(p, struct run, process);
    struct clock *clock = docker_clock(r->d);

    r->ended = true;
    r->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    drain(r, r->out);
    drain(r, r->err);
    if (clock_mono(clock) < r->tell_from)
        clock_timer_start(clock, &r->tell, r->tell_from - clock_mono(clock), on_tell);
    else
        on_tell(&r->tell);
}

/* --- input -------------------------------------------------------------------------------- */

struct input {
    uv_write_t req;
    struct channel *ch;
    char bytes[];
};

static void on_input_written(uv_write_t *req, int status)
{
    struct input *w = (struct input *)req;
    struct run *r = w->ch->run;

    free(w);
    if (!r || !r->held || status < 0 || !r->in ||
        uv_stream_get_write_queue_size((uv_stream_t *)&r->in->pipe) > RUN_INPUT_LOW)
        return;
    r->held = false;
    r->owner.thirsty(r->owner.data, true);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    struct channel *ch = req->data;

    (void)status;
    free(req);
    if (ch->run && ch->run->in == ch)
        channel_close(&ch->run->in);
}

void run_input(struct run *r, const char *p, size_t n)
{
    struct input *w;
    uv_buf_t b;

    if (!r->in)
        return;
    if (!n) {
        uv_shutdown_t *req;

        if (r->terminal >= 0)
            return; /* a terminal's input has no end */
        req = new0(uv_shutdown_t);
        req->data = r->in;
        if (uv_shutdown(req, (uv_stream_t *)&r->in->pipe, on_shutdown) < 0) {
            free(req);
            channel_close(&r->in);
        }
        return;
    }
    w = xmalloc(sizeof(*w) + n);
    w->ch = r->in;
    memcpy(w->bytes, p, n);
    b = uv_buf_init(w->bytes, (unsigned)n);
    if (uv_write(&w->req, (uv_stream_t *)&r->in->pipe, &b, 1, on_input_written) < 0) {
        free(w);
        return;
    }
    if (!r->held && uv_stream_get_write_queue_size((uv_stream_t *)&r->in->pipe) > RUN_INPUT_HIGH) {
        r->held = true;
        r->owner.thirsty(r->owner.data, false);
    }
}

/* --- beginning ---------------------------------------------------------------------------- */

static struct channel *channel_new(struct run *r, int fd, bool is_err)
{
    struct channel *ch = new0(struct channel);

    ch->run = r;
    ch->is_err = is_err;
    uv_pipe_init(&fake_loop(&r->d->fake)->uv, &ch->pipe, 0);
    ch->pipe.data = ch;
    uv_pipe_open(&ch->pipe, fd);
    return ch;
}

struct ends {
    int child[3], ours[3];
};

static void close_ends(int fds[3])
{
    for (int i = 0; i < 3; i++)
        cleanup_closep(&fds[i]);
}

static int open_terminal(struct ends *n, struct err *e)
{
    int flags = O_CLOEXEC | O_NOCTTY;
    char name[64];

    n->ours[1] = posix_openpt(O_RDWR | flags);
    if (n->ours[1] < 0 || grantpt(n->ours[1]) < 0 || unlockpt(n->ours[1]) < 0 ||
        ptsname_r(n->ours[1], name, sizeof(name)) != 0)
        return err_sys(e, errno, "a terminal");
    for (int i = 0; i < 3; i++)
        if ((n->child[i] = open(name, O_RDWR | flags)) < 0)
            return err_sys(e, errno, "%s", name);
    return 0;
}

static int open_ends(struct ends *n, bool tty, bool input, struct err *e)
{
    int fds[2];

    *n = (struct ends){{-1, -1, -1}, {-1, -1, -1}};
    if (tty)
        return open_terminal(n, e);
    for (int i = 0; i < 3; i++) {
        if (i == 0 && !input) {
            n->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            continue;
        }
        if (pipe2(fds, O_CLOEXEC) < 0)
            return err_sys(e, errno, "pipe");
        n->child[i] = fds[i == 0 ? 0 : 1];
        n->ours[i] = fds[i == 0 ? 1 : 0];
    }
    return 0;
}

static void take_ends(struct run *r, struct ends *n, bool tty)
{
    if (tty) {
        r->terminal = n->ours[1];
        r->out = channel_new(r, steal_fd(&n->ours[1]), false);
        r->in = r->out;
    } else {
        if (n->ours[0] >= 0)
            r->in = channel_new(r, steal_fd(&n->ours[0]), false);
        r->out = channel_new(r, steal_fd(&n->ours[1]), false);
        r->err = channel_new(r, steal_fd(&n->ours[2]), true);
    }
    run_flow(r, true);
}

struct run *run_start(struct docker *d, struct process_spec *s, bool input,
                      const struct run_owner *owner, enum process_failure *why, struct err *e)
{
    struct run *r = new0(struct run);
    struct ends n;
    int failed;

    if (!d->host)
        d->host = process_host_new(fake_loop(&d->fake), NULL);
    r->d = d;
    r->owner = *owner;
    r->tell_from = clock_mono(docker_clock(d)) + owner->told_after;
    r->terminal = -1;
    r->process.on_exit = on_exit_status;
    *why = PROCESS_SYSTEM;
    failed = open_ends(&n, s->tty, input, e);
    if (!failed) {
        memcpy(s->fds, n.child, sizeof(s->fds));
        failed = d->host->spawn(d->host, s, &r->process, why, e);
    }
    if (!failed)
        take_ends(r, &n, s->tty);
    close_ends(n.child);
    close_ends(n.ours);
    if (!failed)
        return r;
    free(r);
    return NULL;
}

void run_signal(struct run *r, int signal)
{
    if (!r->ended)
        r->d->host->kill(r->d->host, &r->process, signal);
}

void run_resize(struct run *r, unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

    if (r->terminal >= 0)
        ioctl(r->terminal, TIOCSWINSZ, &size);
}

int run_pid(const struct run *r)
{
    return r->ended ? 0 : (int)r->process.pid;
}

void run_abandon(struct run *r)
{
    if (!r->ended)
        r->d->host->abandon(r->d->host, &r->process);
    run_free(r);
}

/* Go's words for the few errors that chdir() has. */
static const char *cwd_error(int sys)
{
    return sys == ENOENT    ? "no such file or directory"
           : sys == ENOTDIR ? "not a directory"
                            : "permission denied";
}

/* --- what the runtime says ---------------------------------------------------------------- */

void run_problem(const struct docker *d, enum process_failure why, const char *program,
                 const struct err *e, bool exec, struct problem *p, int *ret_code)
{
    const char *prefix = exec ? "OCI runtime exec failed: exec failed: "
                         : docker_modern(d)
                             ? "failed to create task for container: failed to create shim task: "
                               "OCI runtime create failed: runc create failed: "
                             : "failed to create shim task: OCI runtime create failed: runc create "
                               "failed: ";
    const char *start = "unable to start container process";
    const char *colon = strrchr(e->text, ':');
    int what = colon ? (int)(colon - e->text) : (int)strlen(e->text);

    *ret_code = exec ? 126 : why == PROCESS_DENIED ? 126 : 127;
    switch (why) {
    case PROCESS_NO_FILE:
        problem(p, 400, "%s%s: exec: \"%s\": stat %s: no such file or directory: unknown", prefix,
                start, program, program);
        return;
    case PROCESS_NO_PATH:
        problem(p, 400, "%s%s: exec: \"%s\": executable file not found in $PATH: unknown", prefix,
                start, program);
        return;
    case PROCESS_DENIED:
        problem(p, 400, "%s%s: exec: \"%s\": permission denied: unknown", prefix, start, program);
        return;
    case PROCESS_NO_USER:
        problem(p, 500, "%.*s: no matching entries in passwd file", what, e->text);
        break;
    case PROCESS_NO_CWD:
        problem(p, 400, "%s%s: chdir to cwd (\"%.*s\") set in config.json failed: %s: unknown",
                prefix, start, what, e->text, cwd_error(e->sys));
        break;
    default:
        problem(p, 500, "%s%s: %s: unknown", prefix, start, e->text);
    }
    *ret_code = exec ? 126 : 128;
}

/* --- the host ----------------------------------------------------------------------------- */

void docker_set_host(struct fake *f, struct process_host *h)
{
    struct docker *d = (struct docker *)f;

    if (d->host)
        d->host->free(d->host);
    d->host = h;
}

bool docker_runs(const struct fake *f, pid_t pid)
{
    const struct docker *d = (const struct docker *)f;
    struct list *pos, *link;

    list_for_each (pos, &d->containers) {
        const struct container *c = container_of(pos, struct container, link);

        if (c->run && run_pid(c->run) == pid)
            return true;
        list_for_each (link, &c->execs)
            if (exec_process_pid(link) == pid)
                return true;
    }
    return false;
}

const char *docker_folder(const struct fake *f)
{
    return ((const struct docker *)f)->folder;
}
