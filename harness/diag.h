/*
 * diag.h - what is wrong with a scenario, shown where it stands.
 *
 * A struct diag collects messages about source text. Each has a place (file,
 * line, column), the line itself with a caret under the words in question, and
 * up to two remarks: what was expected, and what was probably meant:
 *
 *     boot.scn:7:1: error: unknown verb "expct"
 *       7 | expct   ecs RegisterContainerInstance
 *         | ^~~~~
 *         = did you mean "expect"?
 *
 * Parsing goes on behind an error where the next line makes sense alone, so
 * one run shows several; after DIAG_ERRORS_MAX it is silent and says so.
 *
 * Life cycle: diag_init(), errors and warnings, diag_text(), diag_release().
 * Texts are formatted at once: a source may go before the diag does.
 */
#ifndef HARNESS_DIAG_H
#define HARNESS_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define DIAG_ERRORS_MAX 20

/* Text that positions refer to. Owned by who made it. */
struct source {
    char *path; /* as it is shown to people */
    char *text; /* NUL-terminated; len does not count it */
    size_t len;
};

/* A run of bytes in a source. Lines and columns count from 1, columns in bytes;
 * they are shown as characters. line 0: no place (the tree came from JSON). */
struct pos {
    uint32_t line, col;
    uint32_t len; /* bytes to underline, within the line */
};

struct diag {
    size_t errors, warnings;
    struct buf text;
    bool cut;  /* the limit was passed, later messages are only counted */
    bool open; /* the last message was shown: remarks may follow */
};

void diag_init(struct diag *d);
void diag_release(struct diag *d);

/* One message. src may be NULL (no line is shown). Returns -1, so that
 * `return diag_error(...)` reads well. */
int diag_error(struct diag *d, const struct source *src, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(struct diag *d, const struct source *src, struct pos pos, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A remark under the last message: "expected a duration such as 10s or 1m30s". */
void diag_note(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `= did you mean "x"?` when a word of the list is near enough to be meant. True: it was. */
bool diag_suggest(struct diag *d, const char *word, const char *const *list, size_t n);

/* A second place that belongs to the last message: "first defined here". */
void diag_see(struct diag *d, const struct source *src, struct pos pos, const char *what);

/* Everything so far, ready to print; "" when there is nothing. Borrowed. */
const char *diag_text(const struct diag *d);

#endif
