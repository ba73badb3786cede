/*
 * json.h - jansson, with the rules of this project.
 *
 * Reading: a limit on nesting (on bytes by the caller's buffer), duplicate
 * members refused or (for what Go peers write) the last one wins, integers
 * exact to 64 bits, one-line errors with line and column. Getters take a type and say what is wrong
 * with which member.
 *
 * Ownership is jansson's: json_t is reference counted, getters borrow.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum json_read {
    JSON_READ_STRICT, /* duplicate members are an error */
    JSON_READ_PEER,   /* as Go's encoding/json: the last duplicate wins */
};

/* Nesting deeper than this is refused (jansson's own limit is 2048). */
#define JSON_DEPTH_LIMIT 200

/* NULL with ERR_PARSE ("2:17: ...") or ERR_LIMIT. A NUL in a string is refused. */
json_t *json_read(const char *s, size_t n, enum json_read how, struct err *e);

/* Compact text, members in the order they were set. Appends; -1 when b is full. */
int json_write(struct buf *b, const json_t *v);
/* Compact text to be freed. */
char *json_text(const json_t *v);

/* Borrowed string, or NULL when the member is absent, null or not a string. */
const char *json_str(const json_t *o, const char *member);
/* A copy of it to be freed; "" instead of NULL. */
char *json_dup_str(const json_t *o, const char *member);
/* The integer member (a real with an integral value counts), or dflt. */
int64_t json_int(const json_t *o, const char *member, int64_t dflt);
bool json_bool(const json_t *o, const char *member, bool dflt);

/* Follows a dotted path of members: json_at(o, "HostConfig.LogConfig"). NULL when absent. */
json_t *json_at(const json_t *o, const char *path);

/* Strict forms: absent, null or of the wrong type is an error naming the member. */
int json_need_str(const json_t *o, const char *member, const char **ret, struct err *e);
int json_need_int(const json_t *o, const char *member, int64_t *ret, struct err *e);

/* Sets member to value (stolen) unless value is NULL. */
void json_put(json_t *o, const char *member, json_t *value);
void json_put_str(json_t *o, const char *member, const char *value); /* NULL: not set */
void json_put_int(json_t *o, const char *member, int64_t value);
void json_put_bool(json_t *o, const char *member, bool value);

/* "object", "array", "string", "integer", "real", "true/false", "null". */
const char *json_type_name(const json_t *v);

void json_unrefp(json_t **v);
#define _cleanup_json_ __attribute__((cleanup(json_unrefp)))

#endif
