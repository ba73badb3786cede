/*
 * command.h - what commands do in a simulated container.
 *
 * An image declares rules, divided by ";;":
 *     COMMAND => [exit=N] [after=DURATION] [stdin] [stdout=TEXT | stderr=TEXT | TEXT]
 * COMMAND is a glob over the whole command line ("**" for anything); a command of a
 * shell (sh -c X) is looked up as X too. TEXT goes to the end of the rule, may hold
 * \n, \t and \\, and gets a newline at its end. exit: with this code; after: it takes
 * this long; stdin: what comes on standard input is written to standard output, and
 * the end of it is the end of the command.
 *
 * The rules hold for the command that a container runs and for exec. A container
 * whose command no rule fits does what the rest of the image's behaviour says; an
 * exec that no rule fits is a program that does not exist.
 */
#ifndef FAKES_DOCKER_COMMAND_H
#define FAKES_DOCKER_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command_rule {
    int exit_code;
    int64_t after; /* ns */
    bool echo;     /* stdin */
    char *out, *err;
};

bool commands_valid(const char *rules);
/* Finds the rule for a command line (argv, n words); true and *ret, to be released. */
bool command_find(const char *rules, const char *const *argv, size_t n, struct command_rule *ret);
void command_rule_release(struct command_rule *r);

#endif
