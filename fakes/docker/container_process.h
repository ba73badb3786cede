/*
 * container_process.h - a process and its three streams, of a container or an exec.
 *
 * Life cycle: run_start() makes it; it is freed by itself when the process has
 * ended and `over` was called, or by run_abandon(), which ends it at once.
 */
#ifndef FAKES_DOCKER_CONTAINER_PROCESS_H
#define FAKES_DOCKER_CONTAINER_PROCESS_H

#include "fakes/docker/container.h"
#include "fakes/docker/process.h"

/* What a client may send ahead of a process that does not read its input. */
#define RUN_INPUT_HIGH (256u << 10)
#define RUN_INPUT_LOW  (32u << 10)

struct run;

struct run_owner {
    void *data;
    void (*output)(void *data, bool is_err, const char *p, size_t n);
    /* The process is gone and everything that it wrote was handed over. */
    void (*over)(void *data, int exit_code);
    /* The input queue is full (false), or not any more (true). */
    void (*thirsty)(void *data, bool more);
    /* ns from its start before which over() is not called: the runtime needs its time to tell. */
    int64_t told_after;
};

/* s->fds are filled in here. input: the process can read what run_input() gives it. NULL: *why
 * and e. */
struct run *run_start(struct docker *d, struct process_spec *s, bool input,
                      const struct run_owner *owner, enum process_failure *why, struct err *e);
void run_input(struct run *r, const char *p, size_t n); /* n = 0: the end */
void run_flow(struct run *r, bool go);                  /* stops and goes on reading its output */
void run_signal(struct run *r, int signal);             /* to one that has ended: nothing happens */
void run_resize(struct run *r, unsigned rows, unsigned columns);
int run_pid(const struct run *r); /* 0: it has ended */
void run_abandon(struct run *r);

/* What the runtime says of a process that did not start; *ret_code is the exit code. exec: it was
 * one in a container that runs. */
void run_problem(const struct docker *d, enum process_failure why, const char *program,
                 const struct err *e, bool exec, struct problem *p, int *ret_code);

/* --- the container's own ------------------------------------------------------------------ */

/* True when the image says that containers of it are processes. */
static inline bool container_is_process(const struct container *c)
{
    return c->b->rootfs || c->b->process;
}
/* -1 with the runtime's refusal; *ret_code: the exit code that goes with it. */
int container_process_start(struct container *c, struct problem *p, int *ret_code);
/* A further command in a container that is a process. how: as the body of an exec. NULL and what
 * the runtime says. */
struct run *exec_process_start(struct container *c, const json_t *how,
                               const struct run_owner *owner, struct problem *p);
/* HostConfig.Ulimits, as far as there is such a limit. Returns how many. */
#define CONTAINER_LIMITS 15
size_t container_limits_read(const json_t *host, struct process_limit v[CONTAINER_LIMITS]);
/* A signal to every process of the container. */
void container_process_signal_all(struct container *c, int signal);
/* The strings of an array behind the first one (NULL: none), NULL-ended, to be freed with
 * str_argv_free(). */
char **json_words(const char *first, const json_t *array);
/* Its environment as the engine completes it, NULL-ended, to be freed with str_argv_free(). more:
 * an array of strings that win, or NULL. */
char **container_environment(const struct container *c, const json_t *config, const json_t *more);

/* --- container_files.c -------------------------------------------------------------------- */

/* What dockerd writes beside a container and mounts below its /etc. */
#define CONTAINER_FILES 3
extern const char *const container_files[CONTAINER_FILES];
int container_files_write(struct container *c, const json_t *config, const json_t *host,
                          struct err *e);
/* Its networks have changed while it runs. */
void container_files_renew(struct container *c);
/* Whose network it is in, and whose files it has therefore: its own, or another's that is a process
 * too. */
struct container *container_network_owner(struct container *c);
/* The name that its processes are told; to be freed. */
char *container_own_hostname(struct container *c, const json_t *config);

struct process_row {
    int pid, ppid, uid;
    int64_t cpu; /* ns */
    int64_t rss; /* bytes */
    char command[256];
};
/* Calls fn for each process of the container. */
void container_process_each(const struct container *c,
                            void (*fn)(const struct process_row *row, void *data), void *data);

/* Folders of volumes that are to be mounted alone, but are not there. -1 and a problem. */
int container_subpaths_wrong(struct container *c, struct problem *p);

#endif
