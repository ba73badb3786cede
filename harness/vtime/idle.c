/* Does everything that is traced wait? */
#include "harness/vtime/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

/* A file of /proc about the thread, kept open. -1: there is no such thread (any more). -2: it
 * cannot be opened, so nothing is known. */
static int look_fd(const struct thread *th, int *fd, const char *name)
{
    char path[64];

    if (*fd >= 0)
        return *fd;
    if (!th->group)
        return -2;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)th->group->tgid, (int)th->tid, name);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 ? *fd : errno == ENOENT || errno == ESRCH ? -1 : -2;
}

/* The letter of /proc/PID/stat. 'X': gone. '?': not known. */
static char state_of(struct thread *th)
{
    char text[128];
    const char *p;
    ssize_t n;
    int fd = look_fd(th, &th->stat_fd, "stat");

    if (fd < 0)
        return fd == -1 ? 'X' : '?';
    n = pread(fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return 'X';
    text[n] = '\0';
    p = strrchr(text, ')');
    return p && p[1] == ' ' ? p[2] : '?';
}

/* S: it waits. D: for a disk, or for its vfork()ed child. T, t: it is stopped, by us or by a
 * signal. Z: it has ended. X: it is gone. R: it runs, or could. */
static bool state_waits(struct thread *th)
{
    switch (state_of(th)) {
    case 'S':
    case 'I':
    case 'X':
        return true;
    case 'Z':
        /* its end is about to be told; a first thread may end long before the others */
        return th->group && th->group->threads > 1 && th->group->tgid == th->tid;
    case 'D':
        return th->vforked;
    case 't':
    case 'T':
        return th->in_stop;
    default:
        return false;
    }
}

/*
 * One file says it of those that sleep where most do, for a third of the price.
 * The kernel names the function that a thread sleeps in only when the thread has
 * left the processor and nobody has begun to wake it, and looks at both under the
 * lock that a waker takes. "0" says nothing.
 */
static bool sleeps_as_usual(struct thread *th)
{
    char name[8];
    int fd;

    if (!th->tracer->wchan_tells)
        return false;
    fd = look_fd(th, &th->wchan_fd, "wchan");
    return fd >= 0 && pread(fd, name, sizeof(name), 0) >= 7 &&
           (!memcmp(name, "futex_", 6) || !memcmp(name, "ep_poll", 7));
}

/* Before 5.16 the kernel looked without the lock. */
bool tracer_wchan_tells(void)
{
    struct utsname u;
    int major, minor;

    return uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 16));
}

/*
 * Two files, because each lets something through, and in this order. A thread
 * that is still on its way to sleep, or that looks a last time whether it must,
 * is S in `stat`; for `syscall` the kernel waits until such a thread has left the
 * processor for good, or says "running". A thread that is being woken on another
 * processor seems to wait in `syscall`, and was R in `stat`. Looked at the other
 * way round, one that is woken just then passes both: a moment later it is S
 * again while it runs, in wait4().
 */
static bool waits(struct thread *th)
{
    char first;
    int fd;

    if (th->held || sleeps_as_usual(th))
        return true;
    if (!state_waits(th))
        return false;
    fd = look_fd(th, &th->call_fd, "syscall");
    return fd < 0 || pread(fd, &first, 1, 0) != 1 || first != 'r';
}

bool thread_call(struct thread *th, uint64_t *ret_nr, uint64_t *ret_arg)
{
    char text[64];
    ssize_t n;
    int fd;

    if (th->held || sleeps_as_usual(th))
        return false;
    fd = look_fd(th, &th->call_fd, "syscall");
    n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return sscanf(text, "%" SCNu64 " %" SCNx64, ret_nr, ret_arg) == 2;
}

/* Nanoseconds of CPU time that the process has used; it grows when any thread of it runs. */
static int64_t used_by(const struct group *g)
{
    /* the kernel's name for the CPU clock of a process: see clock_getcpuclockid(3) */
    clockid_t clock = (clockid_t)(~(unsigned)g->tgid << 3 | 2);
    struct timespec ts;

    return clock_gettime(clock, &ts) < 0 ? 0 : ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t used_by_all(const struct tracer *t)
{
    struct list *pos;
    int64_t sum = 0;

    list_for_each (pos, &t->groups)
        sum += used_by(container_of(pos, struct group, link));
    return sum;
}

static bool all_wait(struct tracer *t)
{
    struct thread *runner = thread_find(t, t->runner);

    /* the one that ran last time is the most likely to run still */
    if (runner && !waits(runner))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos;

        list_for_each (pos, &t->buckets[i]) {
            struct thread *th = container_of(pos, struct thread, link);

            if (th == runner || waits(th))
                continue;
            t->runner = th->tid;
            return false;
        }
    }
    return true;
}

/*
 * A thread that was seen waiting may have been woken by one that waited only
 * when its turn came. So nobody may have run while they were looked at: the CPU
 * time of all is the same before and after.
 */
bool tracer_quiet(struct tracer *t)
{
    int64_t used;

    t->looks++;
    if (t->waking)
        return false;
    used = used_by_all(t);
    if (!all_wait(t) || used_by_all(t) != used)
        return false;
    sockets_look(t);
    return true;
}

void tracer_describe(struct tracer *t, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos;

        list_for_each (pos, &t->buckets[i]) {
            struct thread *th = container_of(pos, struct thread, link);
            char state = state_of(th), text[128] = "", *end;

            if (waits(th) && !th->waking)
                continue;
            if (th->stat_fd >= 0 && pread(th->stat_fd, text, sizeof(text) - 1, 0) > 0 &&
                (end = strrchr(text, ')')))
                end[1] = '\0';
            buf_addf(out, "%s (state %c)\n", text, state);
        }
    }
}
