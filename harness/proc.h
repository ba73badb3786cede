/*
 * proc.h - children: the agent under test, and the programs of `run` steps.
 *
 * A child runs in the process group of the scenario, so that the runner ends
 * everything with one kill, and gets SIGKILL when its parent dies, so that
 * nothing outlives a runner that was killed. What it prints comes as lines, in
 * the order of reading, before its exit is told.
 *
 * Life cycle: procs_init() per loop; proc_spawn(); on_exit is called exactly
 * once; proc_free() after that (or at any time: a running child is killed).
 */
#ifndef HARNESS_PROC_H
#define HARNESS_PROC_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "fakes/core/loop.h"
#include "harness/vtime/tracer.h"

/* The longest line that is told as one; longer ones are cut into pieces. */
#define PROC_LINE_MAX (64 << 10)
/* What is kept of the output of a child with `capture`. */
#define PROC_CAPTURE_MAX (16 << 20)

struct procs {
    struct loop *loop;
    struct tracer *tracer; /* children live on the loop's clock; NULL: on the system's */
    struct rlimit files;   /* of children: what we were started with */
    uv_signal_t chld;
    struct list all;
    /* Every child is reaped here: the ends of those that are not in `all` are told to this one;
     * NULL: to nobody. */
    void (*others)(void *data, pid_t pid, int status);
    void *others_data;
};

struct proc;

struct proc_ops {
    /* One line without its newline; stream 1 or 2. */
    void (*on_line)(struct proc *p, int stream, const char *line, size_t n);
    /* It ended: exit code, or -1 and the signal. All its lines were told. */
    void (*on_exit)(struct proc *p, int code, int signal);
};

struct proc_stream {
    uv_poll_t poll;
    struct proc *p;
    int fd; /* -1: closed */
    struct buf line;
    struct buf captured;
    bool polling;
};

struct proc {
    struct list link;
    struct procs *procs;
    const struct proc_ops *ops;
    void *data;
    pid_t pid;
    bool running, capture;
    int code, signal; /* when it ended */
    struct proc_stream out[2];
    int closing; /* handles whose close callback is pending */
    bool free_when_closed;
};

struct proc_spec {
    char *const *argv; /* argv[0] is looked up in the PATH of env */
    char *const *env;  /* NULL-terminated NAME=VALUE */
    const char *cwd;   /* NULL: ours */
    const char *input; /* what it reads on standard input; NULL: nothing */
    size_t input_len;  /* at most 64 KiB (the pipe takes it at once) */
    bool capture;
};

/* Kills a child that is in none of our lists, and waits for its end. */
void procs_end_other(struct procs *ps, pid_t pid);

/* tracer may be NULL. It must outlive the procs. */
int procs_init(struct procs *ps, struct loop *loop, struct tracer *tracer, struct err *e);
/* Kills what still runs, and waits for it. */
void procs_release(struct procs *ps);

/* Deals with what children did, without waiting for the loop to be told. False: nothing. */
bool procs_serve(struct procs *ps);

/* NULL with ERR_SYS when it cannot be started (no such program, not executable ...). */
struct proc *proc_spawn(struct procs *ps, const struct proc_spec *spec, const struct proc_ops *ops,
                        void *data, struct err *e);
int proc_kill(struct proc *p, int signal);
void proc_free(struct proc *p);

/*
 * Children of this process that are not ours any more (their parent ended and
 * they came to us, who are a subreaper). Each is appended as "PID COMMAND\n",
 * killed and reaped. Returns how many. known: true for a child that is somebody's (NULL: none is).
 */
size_t procs_reap_strays(struct procs *ps, bool (*known)(void *data, pid_t pid), void *data,
                         struct buf *out);

#endif
