/*
 * subst.h - ${name}, ${name.path[0].to.field}, and $${ for a literal ${.
 *
 * Names are looked up with a callback, which answers with a JSON value: a
 * string for a parameter or a built-in name, a whole record for a capture. In
 * text a string stands for itself and anything else for its compact JSON. In
 * JSON, inside a string the same holds (escaped); outside of strings the value
 * itself is put in, so "port": ${probe.body.port} stays a number.
 */
#ifndef HARNESS_SUBST_H
#define HARNESS_SUBST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "harness/scn.h"

/* The longest text that an expansion may become. */
#define SUBST_MAX (8u << 20)

struct subst {
    /*
     * The value that name stands for, borrowed until the next call, or NULL when there is none.
     * ref is the whole of what stands in the braces ("t.reg.body.cluster"); the callback says in
     * *ret_used how many bytes of it the name took ("t.reg"), the rest is a path into the value.
     */
    json_t *(*lookup)(void *data, const char *ref, size_t *ret_used);
    void *data;
};

/* True when the text has ${...} in it ($${ does not count). */
bool subst_has(const char *s, size_t n);

/* The next ${...} at or behind *at, past $${: *ret_ref and *ret_n are what stands between the
 * braces, *at is moved behind it. 1: found, 0: no more, -1: not closed or empty (*at points to
 * the '$'). */
int subst_next(const char *s, size_t n, size_t *at, const char **ret_ref, size_t *ret_n);

/* One reference, as it stands between the braces: a new reference, or NULL. */
json_t *subst_ref(const struct subst *x, const char *ref, size_t n, struct err *e);

/* Expands text; appends to out. */
int subst_text(const struct subst *x, const char *s, size_t n, struct buf *out, struct err *e);

/* The same in JSON text: in strings values are escaped, elsewhere put in as JSON. */
int subst_json_text(const struct subst *x, const char *s, size_t n, struct buf *out, struct err *e);

/* Expands JSON text and reads it. NULL: ERR_PARSE, ERR_NOT_FOUND. */
json_t *subst_json(const struct subst *x, const char *s, size_t n, struct err *e);

/* Would this text be a number, true, false or null in JSON? */
bool subst_is_typed(const char *s);

/*
 * A value of the tree as the kind that a step needs. Each expands first. An
 * error says what was expected and what was found; the position is the value's.
 */
char *value_text(const struct scn_value *v, const struct subst *x, struct err *e); /* free() */
/* Bytes: an attachment's or file's contents (expanded when it holds ${}), text as it is, JSON as
 * compact text. free(). */
char *value_bytes(const struct scn_value *v, const struct subst *x, size_t *ret_len, struct err *e);
/* Typed: a bare number, true, false, null; a bare ${ref} alone keeps its type; @file is read as
 * JSON; other words and strings are JSON strings. */
json_t *value_json(const struct scn_value *v, const struct subst *x, struct err *e);
/* What a name stands for that is given by param, set or each: as value_json(), but a bare number
 * that would not print the same (1.10, 007, 1e3) is its text: versions stay versions. */
json_t *value_named(const struct scn_value *v, const struct subst *x, struct err *e);
int value_duration(const struct scn_value *v, const struct subst *x, int64_t *ret_ns,
                   struct err *e);
int value_int(const struct scn_value *v, const struct subst *x, int64_t *ret, struct err *e);
int value_double(const struct scn_value *v, const struct subst *x, double *ret, struct err *e);
/* "80MiB", "64KiB", "100kB", "512": bytes. */
int value_size(const struct scn_value *v, const struct subst *x, int64_t *ret, struct err *e);
/* true or false. (A flag option without a value is true: look at its has_value first.) */
int value_bool(const struct scn_value *v, const struct subst *x, bool *ret, struct err *e);

#endif
