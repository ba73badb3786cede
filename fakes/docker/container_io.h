/*
 * container_io.h - what goes into a container and comes out of it: logs, attached
 * clients, and the calls that run further commands inside.
 */
#ifndef FAKES_DOCKER_CONTAINER_IO_H
#define FAKES_DOCKER_CONTAINER_IO_H

#include "fakes/docker/container.h"
#include "fakes/docker/stdio.h"

/* The container's streams, made at need. */
struct stdio *container_io(struct container *c);
/* The process wrote: to the attached at once, to the logs by lines. */
void container_output(struct container *c, bool is_err, const char *p, size_t n);
/* The process is gone: what was left of a line goes to the logs, the attached are sent away. */
void container_output_end(struct container *c);

void container_io_free(struct container *c);

/* Its simulated command: true when a rule of the image fits, which is then at work; it writes
 * at once and ends after *ret_after (-1: with its input). */
bool container_command_start(struct container *c, int64_t *ret_after);
bool container_command_output(struct container *c);    /* false: there is no rule at work */
int container_command_code(const struct container *c); /* -1: there is no rule at work */
void container_command_stop(struct container *c);
struct command_rule;
/* The rule for a command given as an array of strings. */
bool command_find_json(const char *rules, const json_t *words, struct command_rule *ret);

/* Ends and forgets the execs of a container: it has ended (its processes are gone), or it is
 * removed. */
void execs_end(struct container *c);
void execs_remove(struct container *c);
/* Pid of an exec that is a real process, by its link in container.execs; 0: it is none. */
int exec_process_pid(const struct list *link);
void docker_execs_release(struct docker *d);
/* "ExecIDs": null or a list. */
void add_exec_ids(struct buf *b, const struct container *c);

/* Content-Type, Connection and Upgrade of a connection that is taken over. */
void stream_headers(struct exchange *x, bool tty);
/* h and w of a resize. */
int read_size(struct exchange *x, unsigned *ret_rows, unsigned *ret_columns, struct problem *p);

void post_container_attach(struct fake *f, struct exchange *x);
void get_container_attach_ws(struct fake *f, struct exchange *x);
void post_container_resize(struct fake *f, struct exchange *x);
void post_container_exec(struct fake *f, struct exchange *x);
void post_exec_start(struct fake *f, struct exchange *x);
void post_exec_resize(struct fake *f, struct exchange *x);
void get_exec(struct fake *f, struct exchange *x);

/* docker_archive.c */
void get_container_archive(struct fake *f, struct exchange *x);
void put_container_archive(struct fake *f, struct exchange *x);
void get_container_export(struct fake *f, struct exchange *x);
void get_container_changes(struct fake *f, struct exchange *x);

#endif
