/*
 * process.h - how the process of a container is made: the seam between the
 * engine and its host.
 *
 * The engine says what shall run (struct process_spec) and is told when it ended.
 * How that is done is a table of functions, so that a host which traces its
 * children can make them itself. The one here, process_host_new(), uses clone() and
 * watches through the fakes' loop.
 *
 * A process gets namespaces of its own for mounts, pids, host name and IPC, and
 * one for users when the fake has no right to make the others. Its network is the
 * fake's, or one that was made for it (wire.h). It dies with the thread that made it.
 *
 * Life cycle of a struct process: memory of the caller, zeroed; spawn() fills it
 * in; on_exit is called exactly once, from the loop, after which the host has
 * forgotten it. abandon() ends it at once and waits for its death; on_exit is not
 * called then.
 */
#ifndef FAKES_DOCKER_PROCESS_H
#define FAKES_DOCKER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct loop;

enum process_mount_kind { PROCESS_BIND, PROCESS_TMPFS };

struct process_mount {
    enum process_mount_kind kind;
    char *source;  /* on the host; NULL for tmpfs */
    char *target;  /* in the container, absolute */
    char *options; /* of a tmpfs: "size=64m,mode=1777", or NULL */
    bool readonly;
};

struct process_limit {
    int resource; /* RLIMIT_NOFILE ... */
    uint64_t soft, hard;
};

struct process_spec {
    char *const *argv, *const *env; /* NULL-ended; argv[0] is looked up in the env's PATH */
    const char *root;               /* folder that becomes / */
    const char *cwd, *user, *hostname;
    const struct process_mount *mounts; /* in the order in which they are made */
    size_t n_mounts;
    char *const *groups; /* further ones, names or numbers; NULL-ended, or NULL */
    const struct process_limit *limits;
    size_t n_limits;
    bool readonly_root, privileged;
    int network; /* namespace that it enters, -1: it stays in ours */
    pid_t join;  /* enters the namespaces of this process instead of making new ones; 0: no */
    bool tty;    /* fds[0] becomes its controlling terminal */
    int fds[3];  /* become 0, 1, 2; stay the caller's */
};

/* What kept a process from starting, as the container runtime tells them apart. */
enum process_failure {
    PROCESS_STARTED,
    PROCESS_NO_FILE,   /* a path that does not exist */
    PROCESS_NO_PATH,   /* a word that is not found in $PATH */
    PROCESS_DENIED,    /* not executable */
    PROCESS_NO_USER,   /* no such user */
    PROCESS_NO_CWD,    /* the working folder cannot be entered */
    PROCESS_NO_MOUNT,  /* a mount failed */
    PROCESS_NO_FORMAT, /* exec format error */
    PROCESS_SYSTEM,    /* anything else */
};

struct process {
    pid_t pid;
    void *host; /* the host's own */
    void (*on_exit)(struct process *p, int wait_status);
};

struct process_host {
    /* 0, or -1 with *why and e. Returns when the program runs or is known not to. */
    int (*spawn)(struct process_host *h, const struct process_spec *s, struct process *p,
                 enum process_failure *why, struct err *e);
    void (*kill)(struct process_host *h, struct process *p, int signal);
    void (*abandon)(struct process_host *h, struct process *p);
    void (*free)(struct process_host *h); /* when no process is left */
};

/*
 * For a host that reaps his children himself, and may trace them. seize is called
 * between the clone and the exec, while the child waits; in_child (or NULL) in the
 * child, last before its exec (-1 and errno: it does not start); end kills a child
 * and waits for its end.
 */
struct process_tracer {
    void *data;
    int (*seize)(void *data, pid_t pid, struct err *e);
    int (*in_child)(void);
    void (*end)(void *data, pid_t pid);
};

/* Children made with clone(), watched on this loop. t: NULL, or copied. */
struct process_host *process_host_new(struct loop *l, const struct process_tracer *t);
/* A host with a tracer is told of the ends of children; false: this one is not his. */
bool process_host_ended(struct process_host *h, pid_t pid, int wait_status);

/* --- between process.c and process_child.c ------------------------------------------------- */

/* What the child sends through its report descriptor, when something went wrong or when it
 * joined namespaces; nothing when it runs the program itself. */
struct process_report {
    enum process_failure why;
    pid_t pid; /* of the process that was made inside, when why is PROCESS_STARTED */
    int sys;
    char what[104]; /* of the step that failed */
};

/* Who makes the child: known before clone() only, inside there is nobody yet. */
struct process_maker {
    bool user; /* it was cloned with a user namespace */
    uid_t uid;
    gid_t gid;
    int go;                /* the process waits until this has something to read; -1: it does not */
    int (*in_child)(void); /* NULL: nothing is to be done */
};

/* In the child: makes it what the spec says and runs the program. report is closed by exec. */
void process_child(const struct process_spec *s, const struct process_maker *m, int report)
    __attribute__((noreturn));

#endif
