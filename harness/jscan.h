/*
 * jscan.h - reads JSON text that may hold ${...}, without making values of it.
 *
 * The parser needs three things that a JSON library does not give: the end of a
 * value that begins in the middle of a line, errors with a place and words for
 * a person, and text that keeps its numbers, escapes and ${...} as written while
 * its blanks are normalised.
 *
 * A ${...} is allowed inside of strings, and in place of a value. What is JSON
 * here is read without complaint by json_read() after expansion: strings are
 * UTF-8, surrogates come in pairs, there is no \u0000, no duplicate member.
 */
#ifndef HARNESS_JSCAN_H
#define HARNESS_JSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct jscan_error {
    size_t at, len;  /* bytes of the text in question */
    char text[200];  /* what is wrong */
    char hint[160];  /* what to do, "" when nothing helps */
    size_t first_at; /* a second place, with first_len > 0 */
    size_t first_len;
    const char *first_what; /* what is there: "first here" */
};

/* One line: {"a": 1, "b": [true]}. Else: members on lines of their own, indented by
 * `indent` + 2 blanks a level. */
#define JSCAN_ONE_LINE (-1)

/*
 * Reads one value at s[*at] (blanks before it are skipped) and moves *at behind
 * it. out may be NULL; else the text with normalised blanks is appended. Returns
 * -1 with *e.
 */
int jscan_value(const char *s, size_t n, size_t *at, struct buf *out, int indent,
                struct jscan_error *e);

/* The same for text that holds one value and nothing else. */
int jscan_text(const char *s, size_t n, struct buf *out, int indent, struct jscan_error *e);

/*
 * Reads a string at s[*at], which is its opening quote, moves *at behind it.
 * text (may be NULL) gets it decoded. It ends on its line.
 */
int jscan_string(const char *s, size_t n, size_t *at, struct buf *text, struct jscan_error *e);

/* Where the brackets that open at s[at] are closed (behind the closing one), strings taken
 * into account; n when they never are. For going on behind an error. */
size_t jscan_skip(const char *s, size_t n, size_t at);

#endif
