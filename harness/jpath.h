/*
 * jpath.h - a path into a record or a JSON value: compiled once, followed often.
 *
 * A path of a matcher begins with a root and goes on with members, indices and
 * wildcards:
 *
 *     .status                       the JSON body, member status
 *     .containers[0].exitCode       first element
 *     .containers[-1].exitCode      last element
 *     .containers[*].exitCode       every element, or every member of an object
 *     .Labels["com.amazonaws.ecs.cluster"]   a member whose name is no word
 *     body text status code ...     a fact of the record (jpath_roots)
 *     query.NAME header.NAME        a parameter, a header (any case)
 *     answer.status answer.body.x answer.header.NAME
 *                                   the same of the answer that a request was given
 *
 * The same syntax without the root is what follows the name in ${name.path}.
 */
#ifndef HARNESS_JPATH_H
#define HARNESS_JPATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define JPATH_STEPS_MAX  32
#define JPATH_VALUES_MAX 100000 /* values that one path may lead to */

enum jpath_root {
    JPATH_BODY,   /* written "." or "body" */
    JPATH_FACT,   /* a member of the record: status code method target path size ... */
    JPATH_TEXT,   /* the body as text */
    JPATH_QUERY,  /* query.NAME */
    JPATH_HEADER, /* header.NAME */
    JPATH_VALUE,  /* no root: the value itself (captures) */
};

struct jpath_step {
    char *member; /* NULL: index or wildcard */
    long index;   /* from 0; negative: from the end */
    bool all;     /* [*] */
};

struct jpath {
    char *text; /* as written */
    enum jpath_root root;
    bool answer; /* begins with "answer.": root is looked for in the record's answer */
    char *name;  /* of the fact, parameter or header */
    struct jpath_step *steps;
    size_t n, cap;
    bool wild; /* some step is [*] */
};

/* Compiles a matcher's path. NULL with ERR_PARSE; *ret_at is the offset of what is wrong. */
struct jpath *jpath_new(const char *text, size_t *ret_at, struct err *e);

/* Compiles what follows a name: "" or ".a[0]" or "[0].a". */
struct jpath *jpath_new_rest(const char *text, size_t *ret_at, struct err *e);

void jpath_free(struct jpath *p);

/* True when text is a path: begins with '.', or is a fact, or query. header. answer. */
bool jpath_is(const char *text);

/* The facts a matcher may name ("status", "code" ...), for messages and the reference. */
const char *const *jpath_roots(size_t *ret_n);

/*
 * The values the path leads to in this record (or in this value, for a path
 * without root), as a new JSON array; empty when there is nothing there.
 * JPATH_TEXT gives the body as a string: itself when it is one, compact JSON
 * otherwise. Follows at most JPATH_VALUES_MAX values.
 */
json_t *jpath_get(const struct jpath *p, const json_t *record);

/* The parameter, header, text, stdout and stderr roots always give text. */
bool jpath_is_text(const struct jpath *p);

/*
 * Where the path ends although there should be more: appends for a person
 * "no member "statos" (there are: status, task)" to out. Only for a path that
 * jpath_get() finds nothing for.
 */
void jpath_explain(const struct jpath *p, const json_t *record, struct buf *out);

/* The first of them, a new reference, or NULL. */
json_t *jpath_first(const struct jpath *p, const json_t *record);

#endif
