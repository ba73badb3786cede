/*
 * command_run.h - programs one after the other, on the loop.
 *
 * Each is a line of words with a blank between them (no shell, no quotes). The
 * first that fails ends the run, unless it may fail. command_run_start() calls
 * back exactly once, never from inside itself; command_run_cancel() kills what
 * runs and calls nobody.
 *
 * Limits: COMMAND_OUTPUT_MAX bytes of what a program says are kept.
 */
#ifndef AGENT_COMMAND_RUN_H
#define AGENT_COMMAND_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/loop.h"
#include "base/buf.h"

#define COMMAND_OUTPUT_MAX (64u << 10)
#define COMMAND_WORDS_MAX  48

/* Lines; each may fail or not. Zeroed memory is an empty list. */
struct commands {
    struct {
        char *line;
        bool may_fail;
        char *input; /* what it reads; NULL: nothing */
        char **env;  /* NULL-terminated "NAME=value"; NULL: the agent's own */
    } * list;
    size_t n, cap;
};

void commands_add(struct commands *c, bool may_fail, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A program by its path, which may hold blanks, without words. input may be NULL; env is taken
 * over. */
void commands_add_program(struct commands *c, const char *path, const char *input, char **env);
void commands_free_env(char **env); /* NULL is fine */
void commands_release(struct commands *c);

struct command_run;

struct command_result {
    bool started;        /* false: there is no such program, or it could not be run */
    int code;            /* of the last; -1: ended by a signal */
    const char *output;  /* of the last: what it printed */
    const char *error;   /* and on standard error, when it was given input */
    const char *command; /* the last */
};

typedef void (*command_fn)(const struct command_result *r, void *user);

/* Takes the commands, of which there is at least one. */
struct command_run *command_run_start(struct loop *l, struct commands *c, command_fn fn,
                                      void *user);
void command_run_cancel(struct command_run *r); /* NULL is fine */

#endif
