/*
 * thread.h - what the tracer knows of threads and processes. Private to
 * harness/vtime.
 */
#ifndef HARNESS_VTIME_THREAD_H
#define HARNESS_VTIME_THREAD_H

#include <time.h>

#include "base/clock.h"
#include "base/list.h"
#include "harness/vtime/arch.h"
#include "harness/vtime/tracer.h"

/* What the kernel's own restart codes are; they never leave it but for tracers. */
#define RESTART_FIRST (-516)
#define RESTART_LAST  (-512)

struct wait_kind;

/* A process: one address space, as far as its page of time is concerned. */
struct group {
    struct list link; /* in tracer->groups */
    struct tracer *tracer;
    pid_t tgid;
    size_t threads;
    uint64_t page;      /* address of its struct vtime_page, 0: none (yet) */
    struct list timers; /* struct vtimer */
};

/* A call that waits with a limit. */
struct wait {
    const struct wait_kind *kind; /* NULL: none */
    uint64_t nr, args[6];         /* as the program gave them */
    int64_t deadline;             /* mono of the loop */
    bool wall;                    /* it is a time of day: it moves when the wall clock is stepped */
};

/* A call on a socket that has a limit (socket.c). */
struct on_socket {
    struct clock_timer timer;
    uint64_t sleeps; /* of the thread, when the timer was armed */
    bool expired;    /* its limit has passed: it was interrupted */
};

enum after { AFTER_NOTHING, AFTER_WAIT, AFTER_TIMER_CREATE, AFTER_COMMIT };

struct thread {
    struct list link; /* in a bucket of the tracer */
    struct tracer *tracer;
    struct group *group; /* NULL: not known yet */
    pid_t tid;
    int stat_fd, call_fd, wchan_fd; /* of /proc/.../stat, syscall and wchan, or -1 */
    enum after after;               /* what its next return from the kernel is for */
    struct wait wait;
    struct wait cut; /* a wait that a signal cut short, and that the kernel may start again */
    struct clock_timer timer;
    struct on_socket on_socket;
    bool expired;  /* its limit has passed: it was interrupted */
    bool waking;   /* counted in tracer->waking */
    bool eintr;    /* its newest wait returned EINTR */
    bool in_stop;  /* group stop */
    bool held;     /* a short sleep: it stands at its call until that is over */
    bool vforked;  /* it waits for its child to exec or end */
    bool fresh;    /* it has not made its first stop */
    bool wal_last; /* the page that it writes next is the last of a transaction */
    uint64_t scratch;
    int64_t expected; /* of timer_create: where the id will be written */
};

/* The kernel's clocks that go with the loop's, by what they count from. Others (of CPU time) are
 * left to the kernel. */
static inline bool clock_is_wall(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
           clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static inline bool clock_is_mono(int clock)
{
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
           clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME ||
           clock == CLOCK_BOOTTIME_ALARM;
}

struct thread *thread_find(struct tracer *t, pid_t tid);
void thread_free(struct thread *th);
/* Forgets every thread of the group but this one (NULL: all). */
void group_trim(struct group *g, struct thread *keep);

/* Nanoseconds of CLOCK_MONOTONIC and CLOCK_REALTIME as the traced see them. */
int64_t tracer_mono(const struct tracer *t);
int64_t tracer_wall(const struct tracer *t);
/* The reading of a clock for this group, as its vDSO would give it; -1: not a clock of ours. */
int64_t group_read_clock(struct group *g, int clock);

/* The loop's clock as the group has read it: some nanoseconds ahead (page.h). What counts from now
 * counts from there, or it would be over too early. */
int64_t group_now(const struct group *g);
/* The loop's clock goes there, so that a process which learns of this one later does not seem to
 * have lived before. */
void group_catch_up(const struct group *g);

/* Memory of a thread. 0, or -1 with errno: its own fault (EFAULT) or it is gone. */
int mem_read(pid_t tid, uint64_t at, void *p, size_t n);
int mem_write(pid_t tid, uint64_t at, const void *p, size_t n);

/* Resumes a thread; sig 0: none. Errors (it was killed meanwhile) come as its end. */
void thread_continue(struct thread *th, int sig);
/* Resumes it until its call returns. */
void thread_until_return(struct thread *th, enum after why);
/* The call is not made and gives this. Continues. */
void thread_answer(struct thread *th, arch_regs *r, int64_t result);

/* --- wait.c ------------------------------------------------------------------------------- */

/* A call of the table is entered. Resumes the thread. False: not a call of the table. */
bool wait_enter(struct thread *th, arch_regs *r);
/* It returned. Resumes the thread. */
void wait_leave(struct thread *th);
/* A signal is about to be delivered. */
void wait_signalled(struct thread *th, int sig);
/* The wall clock was stepped by delta: limits that are times of day move. */
void wait_wall_stepped(struct tracer *t, int64_t delta);

/* --- timer.c ------------------------------------------------------------------------------ */

bool timer_enter(struct thread *th, arch_regs *r);
void timer_created(struct thread *th);
void timers_drop(struct group *g, bool keep_itimer);
void timers_wall_stepped(struct tracer *t, int64_t delta);

/* --- socket.c ----------------------------------------------------------------------------- */

/* The kernel's names for times of 64 bits; on this processor the layout is the same. */
#define RCVTIMEO_NEW 66
#define SNDTIMEO_NEW 67

bool socket_enter(struct thread *th, arch_regs *r);
/* Everything waits: what waits on a socket with a limit gets its deadline. */
void sockets_look(struct tracer *t);
/* It stopped as it was interrupted: when a limit was the reason, its call says so. */
void socket_expire(struct thread *th);
void sockets_release(struct tracer *t);

/* --- files.c ------------------------------------------------------------------------------ */

/* A call that writes is entered. Resumes the thread. False: none that is watched. */
bool file_enter(struct thread *th, arch_regs *r);
void file_committed(struct thread *th);

/* --- image.c ------------------------------------------------------------------------------ */

/* At PTRACE_EVENT_EXEC: gives the new program our vDSO. Leaves the thread stopped at its first
 * instruction. False: it ended meanwhile, and *status says how. */
bool image_install(struct thread *th, int *status);
/* Writes the group's page. */
void image_write(struct group *g);

/* --- idle.c ------------------------------------------------------------------------------- */

/* The call that it waits in, and its first argument. False: none, or one where it cannot be on a
 * socket. */
bool thread_call(struct thread *th, uint64_t *ret_nr, uint64_t *ret_arg);
/* Whether /proc/.../wchan of this kernel can be relied on. */
bool tracer_wchan_tells(void);

/* --- filter.c ----------------------------------------------------------------------------- */

enum filter_rule {
    FILTER_ALWAYS,  /* stop */
    FILTER_PTR,     /* stop when argument `arg` is not NULL */
    FILTER_MS,      /* stop when argument `arg` is over 0 milliseconds */
    FILTER_FUTEX,   /* stop when it waits and argument `arg` is not NULL */
    FILTER_SOCKOPT, /* stop when it is about a limit of a socket */
    FILTER_REFUSE,  /* the kernel does not have it: ENOSYS */
};

struct filter_call {
    int nr;
    enum filter_rule rule;
    int arg;
};
/* Calls of a table, for the filter; the end is nr -1. */
extern const struct filter_call wait_calls[];
extern const struct filter_call timer_calls[];
extern const struct filter_call socket_calls[];
extern const struct filter_call file_calls[];

#endif
