/*
 * tracer.h - makes programs live on the loop's clock, without their help.
 *
 * A traced program, its threads and its children read the time of the loop
 * (fakes/core/loop.h) and wait on it. How:
 *
 *   - At exec the vDSO is replaced by ours (vdso/vdso.c), which reads the time
 *     from a page that the tracer writes (image.c).
 *   - A seccomp filter (filter.c) stops a thread at calls that read the time or
 *     wait with a limit. Readings are answered. A wait is made endless, its limit
 *     becomes a timer on the loop's clock (wait.c); when that fires, the thread
 *     is interrupted, and its call ends as it does when time has run out.
 *   - Timers of the kernel (timerfd, setitimer, timer_create) are disarmed there
 *     and kept here (timer.c).
 *   - Limits of sockets (SO_RCVTIMEO) are remembered, and become timers when a thread
 *     is found waiting on one (socket.c).
 *   - tracer_quiet() says whether every thread waits (idle.c). Only then may the
 *     loop move its clock.
 *
 * One process traces, the one that owns the loop, on its one thread. What it
 * traces ends with it (PTRACE_O_EXITKILL).
 *
 * Not on this clock: CPU clocks and what runs on them, timeouts kept inside of
 * sockets (TCP keep-alive), file times, 32-bit programs. io_uring is refused (ENOSYS).
 *
 * Life cycle: tracer_init(); for each program tracer_seize() between its fork
 * and its exec; whoever reaps children hands every status to tracer_event();
 * tracer_moved() after each move of the clock; tracer_release() when all that
 * was traced has ended or is to be let go.
 */
#ifndef HARNESS_VTIME_TRACER_H
#define HARNESS_VTIME_TRACER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "fakes/core/loop.h"

/* Threads of all traced programs together; a further one is killed, and that is told. */
#define TRACER_THREADS_MAX 20000

/* What is told of files below a folder: before each write to one of them, and when what was
 * written has been made to last. That is fsync, fdatasync, a rename, or the last page of a
 * transaction in a write-ahead log of SQLite (https://www.sqlite.org/fileformat2.html#walformat).
 */
enum tracer_file { TRACER_WRITE, TRACER_COMMIT };

struct tracer_files {
    char dir[256]; /* as the traced name it; "": files are not watched */
    void (*fn)(void *data, enum tracer_file what, const char *path); /* may kill who did it */
    void *data;
};

struct tracer {
    struct loop *loop;
    int64_t base;             /* CLOCK_MONOTONIC of the machine at mono 0 */
    int64_t skew;             /* CLOCK_REALTIME of what is traced, against the loop's */
    bool ask;                 /* the clock runs by itself (scaled): pages send every reading here */
    struct list buckets[256]; /* threads, by id */
    size_t n_threads;
    struct list groups;  /* processes */
    struct list sockets; /* those that a program gave a limit (socket.c) */
    size_t n_sockets;
    bool wchan_tells;          /* this kernel's wchan can be relied on (idle.c) */
    size_t waking;             /* threads that were told to wake and have not been seen since */
    size_t stopped;            /* threads in a group stop (SIGSTOP) */
    pid_t runner;              /* the thread that was seen to run when all were looked at */
    struct tracer_files files; /* set before a program is started that is to be watched */
    uint64_t jumps;            /* how often the clock moved */
    uint64_t stops;            /* how often a thread stopped for us */
    uint64_t looks;            /* how often it was asked whether all wait */
};

/* Whether this machine lets us trace: forks a child and traces it. ERR_SYS says what is forbidden.
 */
int tracer_probe(struct err *e);

void tracer_init(struct tracer *t, struct loop *loop);
/* Kills what is still traced. */
void tracer_release(struct tracer *t);

/* In a child, after tracer_seize() and before exec: the filter. files: calls that write to files
 * stop, too. 0, or -1 with errno. */
int tracer_install_filter(bool files);

/* Attaches to a child that waits and has not installed the filter. */
int tracer_seize(struct tracer *t, pid_t pid, struct err *e);

/*
 * A status that waitpid(-1, &status, WNOHANG | __WALL) brought. True: it was a
 * stop, or the end of a thread, and is dealt with. False: process `pid` has
 * ended; the tracer has forgotten it, and the rest is the caller's.
 */
bool tracer_event(struct tracer *t, pid_t pid, int status);

/*
 * The statuses that are there, each as with tracer_event(); `ended` is told of a
 * process that is none of the tracer's any more. When threads were told to wake
 * it waits for the first of them, which comes at once. False: there was none.
 */
bool tracer_serve(struct tracer *t, void (*ended)(void *data, pid_t pid, int status), void *data);

/* The clock or the wall clock has moved. */
void tracer_moved(struct tracer *t);
/* Readings of CLOCK_REALTIME differ by this much from the loop's wall clock from now on. */
void tracer_set_skew(struct tracer *t, int64_t skew);
/* The loop's wall clock was stepped by delta. */
void tracer_wall_stepped(struct tracer *t, int64_t delta);

/* Every thread waits for something that somebody else has to do. No I/O of the loop is looked at.
 */
bool tracer_quiet(struct tracer *t);
/* Appends who runs, "PID NAME (state R)\n" for each. */
void tracer_describe(struct tracer *t, struct buf *out);

/* Nothing is traced: the clock may move freely. */
static inline bool tracer_empty(const struct tracer *t)
{
    return t->n_threads == 0;
}

#endif
