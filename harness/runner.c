#include "harness/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "harness/history.h"

#define RESULT_MAX (16 << 20)
#define TAIL_MAX   4000
#define SWEEPS_MAX 100 /* a tree of processes that forks faster than it is killed stays */

/* One scenario that runs. */
struct slot {
    pid_t pid; /* 0: free */
    int fd;
    size_t item;
    struct buf out;
    int64_t started;
    bool killed;
};

struct board {
    struct runner *r;
    struct slot *slots;
    size_t next;
    size_t *again; /* those that failed and are to be run once more */
    size_t n_again;
    int signals;
    bool interrupted; /* by a signal, or by an error of ours: nothing more is begun */
    double clock;
    struct progress_item *items;
};

/* The runner supervises in real time: it is outside every scenario's clock. */
static int64_t real_now(void)
{
    return (int64_t)uv_hrtime();
}

/* A failure's folder stays: another try has one of its own. */
static char *folder(const struct board *b, size_t i)
{
    int tries = b->items[i].tries;

    return tries ? xasprintf("%s/%zu.%d", b->r->root, i + 1, tries + 1)
                 : xasprintf("%s/%zu", b->r->root, i + 1);
}

static int redirect(const char *dir, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/harness.log", dir);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        return err_sys(e, errno, "%s", path);
    return 0;
}

/* Nothing of the scenario outlives the runner, however that ends. The runner may have ended before
 * the kernel was told; then nobody reads what we tell. */
static void die_with_runner(int tell)
{
    struct pollfd p = {tell, 0, 0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&p, 1, 0) > 0 && p.revents & POLLERR)
        _exit(1);
}

/* The child's whole life, but for what main does when it returns. */
static void live(struct board *b, size_t i, int tell)
{
    struct runner *r = b->r;
    const struct runner_job *job = &r->jobs[i];
    struct result result = {0};
    struct err e = ERR_INIT;
    _cleanup_free_ char *dir = folder(b, i);
    sigset_t none;
    char *line;

    setpgid(0, 0);
    die_with_runner(tell);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    r->child_code = 0;
    if (redirect(dir, &e) < 0 ||
        (job->boxed && sandbox_enter(r->sandbox, dir, r->keep_visible, &e) < 0)) {
        result.outcome = OUTCOME_HARNESS;
        result.reason = xstrdup(e.text);
    } else {
        r->run(r, job, dir, job->seed, &result);
    }
    line = result_write(&result);
    if (io_write_all(tell, line, strlen(line), &e) < 0)
        r->child_code = 1;
    free(line);
    result_release(&result);
}

/* Takes the sockets of a board apart, in the child or at the end. */
static void board_release(struct board *b)
{
    for (int i = 0; i < b->r->parallel; i++) {
        if (b->slots[i].pid)
            cleanup_closep(&b->slots[i].fd);
        buf_release(&b->slots[i].out);
    }
    free(b->slots);
    free(b->again);
    cleanup_closep(&b->signals);
}

/* 1 in the child. */
static int start(struct board *b, struct slot *s, struct err *e)
{
    struct runner *r = b->r;
    size_t i = b->next < r->n ? b->next++ : b->again[--b->n_again];
    _cleanup_free_ char *dir = folder(b, i);
    int fds[2];
    pid_t pid;

    if (mkdir(dir, 0700) < 0)
        return err_sys(e, errno, "%s", dir);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, errno, "pipe");
    fflush(NULL);
    pid = r->jobs[i].boxed ? sandbox_fork(r->sandbox) : fork();
    if (pid < 0) {
        close(fds[0]);
        close(fds[1]);
        return err_sys(e, errno, "fork");
    }
    if (pid == 0) {
        close(fds[0]);
        live(b, i, fds[1]);
        close(fds[1]);
        return 1;
    }
    setpgid(pid, pid); /* both sides do it: whoever comes second finds it done */
    close(fds[1]);
    *s = (struct slot){.pid = pid, .fd = fds[0], .item = i, .started = real_now()};
    buf_init(&s->out, RESULT_MAX);
    b->items[i].running = true;
    return 0;
}

static char *tail_of(const char *dir, const char *name)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    _cleanup_buf_ struct buf b = BUF_INIT(64 << 20);
    size_t n;

    if (io_read_file(path, &b, NULL) < 0)
        return xstrdup("");
    n = buf_len(&b);
    return xstrdup(buf_str(&b) + (n > TAIL_MAX ? n - TAIL_MAX : 0));
}

/* The child ended without a result, or badly after it. */
static void crashed(struct board *b, struct slot *s, int status, struct result *r)
{
    _cleanup_free_ char *dir = folder(b, s->item);
    _cleanup_free_ char *tail = tail_of(dir, "harness.log");

    result_release(r);
    r->outcome = OUTCOME_HARNESS;
    if (s->killed)
        r->reason = xstrdup("the scenario did not end by its limit and was killed");
    else if (WIFSIGNALED(status))
        r->reason = xasprintf("the harness itself ended by signal %d (%s)", WTERMSIG(status),
                              strsignal(WTERMSIG(status)));
    else
        r->reason = xasprintf("the harness itself ended with status %d", WEXITSTATUS(status));
    r->journal = xasprintf("%s/journal.jsonl", dir);
    r->report = xasprintf("%s\nwhat it printed:\n%s\njournal: %s\n", r->reason, tail, r->journal);
}

static void clean_up(struct board *b, struct slot *s, const struct result *r)
{
    _cleanup_free_ char *dir = folder(b, s->item);
    bool fine = r->outcome == OUTCOME_PASSED || r->outcome == OUTCOME_SKIPPED ||
                r->outcome == OUTCOME_KNOWN;

    if (fine && !b->r->keep)
        io_remove_tree(dir, NULL);
}

static bool is_slot(const struct board *b, pid_t pid)
{
    for (int i = 0; i < b->r->parallel; i++)
        if (b->slots[i].pid == pid)
            return true;
    return false;
}

/* Kills children of ours that are no scenarios; returns how many there were. */
static size_t kill_strays(struct board *b)
{
    _cleanup_free_ char *path = xasprintf("/proc/self/task/%d/children", (int)getpid());
    _cleanup_buf_ struct buf kids = BUF_INIT(1 << 20);
    size_t n = 0;
    char *end;

    if (io_read_file(path, &kids, NULL) < 0)
        return 0;
    for (const char *p = buf_str(&kids); *p; p = end + strspn(end, " \n")) {
        pid_t pid = (pid_t)strtol(p, &end, 10);

        if (end == p)
            break;
        if (is_slot(b, pid))
            continue;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        n++;
    }
    return n;
}

/* A scenario finds its own strays and reports them. One that was killed could not, and they
 * came to us. What a stray leaves comes to us in turn. */
static void sweep(struct board *b)
{
    for (int i = 0; i < SWEEPS_MAX && kill_strays(b); i++)
        ;
}

/* The child is gone: takes its slot apart. Returns its exit status. */
static int bury(struct board *b, struct slot *s)
{
    int status = 0;
    pid_t pid = s->pid;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    /* Whatever is left of the group goes too: nothing may outlive its scenario. */
    kill(-pid, SIGKILL);
    s->pid = 0;
    sweep(b);
    cleanup_closep(&s->fd);
    b->items[s->item].running = false;
    return status;
}

static char *history_report(const char *why)
{
    return xasprintf("%s\n  hint: what the agent or the scenario leaves to chance shows here; two "
                     "runs with `--keep` have journals to compare\n",
                     why);
}

/* Both of a pair have ended: the second one fails when they lived through different things. */
static void compare_twins(struct board *b, size_t second)
{
    struct result *r = &b->items[second].result;
    const struct result *first = &b->items[second - 1].result;
    _cleanup_free_ char *difference = NULL;

    if (first->outcome != OUTCOME_PASSED || r->outcome != OUTCOME_PASSED || !r->history ||
        !first->history)
        return;
    difference = history_difference(first->history, r->history);
    if (!difference)
        return;
    free(r->reason);
    r->outcome = OUTCOME_FAILED;
    r->reason = xasprintf("a second run was different: %s", difference);
    r->report = history_report(r->reason);
}

/* The second of a pair is told after the first, when both can be compared. */
static void tell(struct board *b, size_t i)
{
    struct progress *p = &b->r->progress;
    bool is_second = b->r->jobs[i].twin;

    if (is_second && !p->items[i - 1].done) {
        p->items[i].held = true;
        return;
    }
    if (is_second)
        compare_twins(b, i);
    progress_done(p, i);
    if (i + 1 < b->r->n && p->items[i + 1].held)
        tell(b, i + 1);
}

/* What failed gets another try, as long as it may have one. The result is taken then. */
static bool try_again(struct board *b, size_t i, struct result *r)
{
    struct progress_item *item = &b->items[i];

    if ((r->outcome != OUTCOME_FAILED && r->outcome != OUTCOME_HARNESS) || b->interrupted ||
        item->tries >= b->r->retries)
        return false;
    if (!item->at_first)
        item->at_first = steal_ptr(&r->reason);
    item->tries++;
    b->again[b->n_again++] = i;
    result_release(r);
    return true;
}

static void ended(struct board *b, struct slot *s)
{
    struct progress_item *item = &b->items[s->item];
    struct result r = {0};
    int status = bury(b, s);
    bool told = result_read(&r, buf_str(&s->out), buf_len(&s->out), NULL) == 0;

    if (b->interrupted && !told) { /* we killed it: it has no result */
        _cleanup_free_ char *dir = folder(b, s->item);

        if (!b->r->keep)
            io_remove_tree(dir, NULL);
        buf_release(&s->out);
        return;
    }
    if (!told || !WIFEXITED(status) || WEXITSTATUS(status))
        crashed(b, s, status, &r);
    r.seconds = (double)(real_now() - s->started) / NS_PER_S;
    clean_up(b, s, &r);
    b->clock += r.clock;
    buf_release(&s->out);
    if (try_again(b, s->item, &r))
        return;
    item->result = r;
    tell(b, s->item);
}

static void receive(struct board *b, struct slot *s)
{
    char chunk[65536];
    ssize_t n = read(s->fd, chunk, sizeof(chunk));

    if (n > 0)
        buf_add(&s->out, chunk, (size_t)n);
    else if (n == 0 || errno != EINTR)
        ended(b, s);
}

static void enforce_limits(struct board *b)
{
    for (int i = 0; i < b->r->parallel; i++) {
        struct slot *s = &b->slots[i];

        if (s->pid && !s->killed &&
            real_now() - s->started > b->r->jobs[s->item].limit + RUNNER_GRACE_NS) {
            s->killed = true;
            kill(-s->pid, SIGKILL);
        }
    }
}

static void interrupt(struct board *b)
{
    b->interrupted = true;
    for (int i = 0; i < b->r->parallel; i++)
        if (b->slots[i].pid)
            kill(-b->slots[i].pid, SIGKILL);
}

/* Waits for something to happen, at most a tick. */
static void wait_board(struct board *b)
{
    struct pollfd *fds = new0_array(struct pollfd, (size_t)b->r->parallel + 1);
    struct signalfd_siginfo si;

    for (int i = 0; i < b->r->parallel; i++)
        fds[i] = (struct pollfd){b->slots[i].pid ? b->slots[i].fd : -1, POLLIN, 0};
    fds[b->r->parallel] = (struct pollfd){b->signals, POLLIN, 0};
    if (poll(fds, (nfds_t)b->r->parallel + 1, 200) > 0) {
        for (int i = 0; i < b->r->parallel; i++)
            if (fds[i].revents)
                receive(b, &b->slots[i]);
        if (fds[b->r->parallel].revents && read(b->signals, &si, sizeof(si)) > 0) {
            b->r->signal = (int)si.ssi_signo;
            interrupt(b);
        }
    }
    free(fds);
    enforce_limits(b);
    progress_tick(&b->r->progress);
}

static void skip(struct board *b)
{
    size_t i = b->next++;
    struct progress_item *item = &b->items[i];

    item->result =
        (struct result){.outcome = OUTCOME_SKIPPED, .reason = xstrdup(b->r->jobs[i].skip)};
    progress_done(&b->r->progress, i);
}

/* Fills free slots. 1 in a child, -1 on an error. */
static int fill(struct board *b, struct err *e)
{
    for (int i = 0; i < b->r->parallel && !b->interrupted; i++) {
        int k;

        if (b->slots[i].pid)
            continue;
        while (b->next < b->r->n && b->r->jobs[b->next].skip)
            skip(b);
        if (b->next == b->r->n && !b->n_again)
            break;
        k = start(b, &b->slots[i], e);
        if (k)
            return k;
    }
    return 0;
}

static bool busy(const struct board *b)
{
    for (int i = 0; i < b->r->parallel; i++)
        if (b->slots[i].pid)
            return true;
    return false;
}

static enum runner_end run_board(struct board *b, struct err *e)
{
    for (;;) {
        int k = fill(b, e);

        if (k > 0)
            return RUNNER_CHILD;
        if (k < 0) {
            interrupt(b);
            while (busy(b))
                wait_board(b);
            return RUNNER_ERROR;
        }
        if (!busy(b))
            return b->interrupted ? RUNNER_INTERRUPTED : RUNNER_DONE;
        wait_board(b);
    }
}

static int open_board(struct board *b, struct err *e)
{
    sigset_t set;

    b->r->root = io_temp_folder("ecsim", e);
    if (!b->r->root)
        return -1;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return err_sys(e, errno, "subreaper");
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    b->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return b->signals < 0 ? err_sys(e, errno, "signalfd") : 0;
}

enum runner_end runner_run(struct runner *r, struct err *e)
{
    struct board b = {.r = r, .signals = -1};
    enum runner_end end = RUNNER_ERROR;
    int64_t began = real_now();
    double seconds;

    if (r->parallel < 1)
        r->parallel = 1;
    b.items = new0_array(struct progress_item, r->n);
    for (size_t i = 0; i < r->n; i++) {
        b.items[i].path = r->jobs[i].path;
        b.items[i].title = r->jobs[i].title;
    }
    b.slots = new0_array(struct slot, (size_t)r->parallel);
    b.again = new0_array(size_t, r->n);
    progress_init(&r->progress, stdout, b.items, r->n);
    r->progress.quiet = r->quiet;
    if (open_board(&b, e) == 0) {
        progress_begin(&r->progress);
        end = run_board(&b, e);
    }
    board_release(&b);
    if (end == RUNNER_CHILD)
        return end;
    seconds = (double)(real_now() - began) / NS_PER_S;
    if (end == RUNNER_INTERRUPTED)
        progress_bail(&r->progress, strsignal(r->signal));
    else if (end == RUNNER_ERROR)
        progress_bail(&r->progress, e ? e->text : "");
    progress_end(&r->progress, seconds, b.clock);
    /* what ended is worth a report, however the run did */
    if (r->junit && end != RUNNER_ERROR && junit_write(r->junit, &r->progress, seconds, e) < 0)
        end = RUNNER_ERROR;
    if (r->root)
        rmdir(r->root); /* stays when a scenario's folder was kept */
    return end;
}

void runner_release(struct runner *r)
{
    for (size_t i = 0; i < r->progress.n; i++) {
        result_release(&r->progress.items[i].result);
        free(r->progress.items[i].at_first);
    }
    free(r->progress.items);
    free(r->root);
}
