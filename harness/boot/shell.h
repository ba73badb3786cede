/*
 * shell.h - a shell script as simple commands. The grammar is that of POSIX, as far as commands
 * are told apart; nothing is expanded.
 */
#ifndef HARNESS_BOOT_SHELL_H
#define HARNESS_BOOT_SHELL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SHELL_WORDS_MAX    4000 /* of one command */
#define SHELL_COMMANDS_MAX 20000
#define SHELL_NESTING_MAX  100 /* of ( and { */

struct shell_command {
    char **words; /* NULL-terminated, quotes taken away, redirections not among them */
    size_t n;
    int line;
    bool background; /* it, or a group that it is in, ends in & */
    char *to;        /* target of > or >>; NULL: none */
    char *here;      /* text of its here-document; NULL: none */
};

struct shell {
    struct shell_command *commands;
    size_t n, room;
};

/* line: number of the first line. -1: ERR_PARSE "NAME:LINE: ...", ERR_LIMIT. */
int shell_parse(struct shell *sh, const char *from, int line, const char *text, size_t n,
                struct err *e);
void shell_release(struct shell *sh);

#endif
