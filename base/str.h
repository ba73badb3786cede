/*
 * str.h - words, numbers, durations, encodings. No allocation unless said.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

static inline bool str_eq(const char *a, const char *b)
{
    return a && b ? __builtin_strcmp(a, b) == 0 : a == b;
}

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Points behind the prefix, or NULL when s does not start with it. */
const char *str_after(const char *s, const char *prefix);

/* Whole-string match: '*' is any run without '/', '**' any run, '?' one character but '/'. */
bool str_glob(const char *pattern, const char *s);

/* Decimal digits only, no sign, no blanks; -1 when it is not that or passes max. */
int str_u64(const char *s, uint64_t max, uint64_t *ret);
/* An optional '-' and digits. */
int str_i64(const char *s, int64_t *ret);

/*
 * Durations as Go's time.ParseDuration reads them: "300ms", "1h30m", "1.5s",
 * "-2m", "0". Nanoseconds. -1 when it is not one.
 */
int str_duration(const char *s, int64_t *ret_ns);
/* Shortest exact form: 90s is "1m30s". Writes at most 48 bytes with the NUL; returns out. */
char *str_format_duration(int64_t ns, char out[48]);

/* RFC 3339 in UTC: 2026-11-24T07:00:00.123456789Z; digits (0..9) of a second. Needs 40 bytes. */
char *str_format_time(int64_t wall_ns, int digits, char out[40]);
/* RFC 3339 with Z or offset; nanoseconds since 1970. Years 1678 to 2261: what else Go writes (the
 * zero time, 0001-01-01T00:00:00Z) does not fit and is -1. */
int str_parse_time(const char *s, int64_t *ret_wall_ns);
/* 20261124T070000Z as SigV4 writes it. Needs 17 bytes. */
char *str_format_amz_date(int64_t wall_ns, char out[17]);
int str_parse_amz_date(const char *s, int64_t *ret_wall_ns);
/* Tue, 24 Nov 2026 07:00:00 GMT as HTTP writes it. Needs 30 bytes. */
char *str_format_http_date(int64_t wall_ns, char out[30]);

/* Lower-case hexadecimal; out has 2n+1 bytes. */
void str_hex(const void *p, size_t n, char *out);

/* Standard alphabet with padding. */
int str_base64(struct buf *out, const void *p, size_t n);
/* Either alphabet, with the padding that is due or none, blanks and newlines skipped; -1 on
 * anything else (what came before it was added). */
int str_unbase64(struct buf *out, const char *s, size_t n);

/* %41 to A, and '+' to a blank if plus is set; a bad escape stays as it is. Appends. */
int str_unpercent(struct buf *out, const char *s, size_t n, bool plus);
/* AWS's rule: all but A-Z a-z 0-9 - _ . ~ become %XX; '/' too unless keep_slash. Appends. */
int str_percent(struct buf *out, const char *s, size_t n, bool keep_slash);

/* Length of the UTF-8 sequence at s, 0 when it is not a valid one. */
size_t str_utf8_len(const char *s, size_t n);
bool str_utf8_valid(const char *s, size_t n);

/* Edit distance (insert, delete, change, swap of neighbours), for "did you mean". */
size_t str_distance(const char *a, const char *b);
/* The nearest word of the list if it is near enough to be meant, else NULL. */
const char *str_nearest(const char *word, const char *const *list, size_t n);

/* Appends s as one word that a shell reads back; without quotes when it needs none. */
void str_quote(struct buf *b, const char *s);

/* Splits a command line as a shell would (quotes, backslash; no expansion) into
 * a NULL-terminated vector, to be freed with str_argv_free(). NULL when a quote is open or a
 * word is longer than 1 MiB. */
char **str_argv(const char *cmdline);
void str_argv_free(char **argv);

#endif
