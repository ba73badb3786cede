/*
 * unit_file.h - the text of one systemd unit, or of one drop-in, as lines.
 *
 * After systemd.syntax(7): "[Section]", "Key=value", comments with # or ; at the start of a line,
 * a backslash at the end goes on with the next line (comments between are left out), blanks
 * around = and at both ends do not count. What is none of this systemd ignores with a warning;
 * here it becomes a line with key NULL.
 *
 * Life cycle: unit_file_parse() into zeroed memory; unit_file_release().
 */
#ifndef HARNESS_BOOT_UNIT_FILE_H
#define HARNESS_BOOT_UNIT_FILE_H

#include <stddef.h>

#include "base/err.h"

/* A unit with more than this is none that a person wrote. */
#define UNIT_FILE_MAX   (1 << 20)
#define UNIT_LINES_MAX  10000
#define UNIT_LIST_WORDS 1000

struct unit_line {
    char *section; /* "Unit"; "" before the first section */
    char *key;     /* NULL: no section, no key, no comment: systemd ignores this line */
    char *value;
    int line;
};

struct unit_file {
    char *from; /* the name shown in messages: "ecs.service" */
    struct unit_line *lines;
    size_t n, room;
};

/* -1: ERR_LIMIT, or ERR_PARSE when there is a NUL in it. */
int unit_file_parse(struct unit_file *f, const char *from, const char *text, size_t n,
                    struct err *e);
void unit_file_release(struct unit_file *f);

/* The last value of a key ("" resets, as systemd does), NULL: not there. */
const char *unit_file_get(const struct unit_file *f, const char *section, const char *key);

#endif
