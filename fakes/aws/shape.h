/*
 * shape.h - is this JSON of the shape that the service's model says?
 *
 * A shape is a static table, written like the models that AWS publishes.
 * Members that the table does not name are let through, as the services do;
 * null counts as absent.
 *
 *     static const struct shape_member tag_members[] = {
 *         {"key", &shape_string, true}, {"value", &shape_string, false}, {0}};
 *     static const struct shape tag = SHAPE_OF(tag_members);
 *     static const struct shape tags = SHAPE_LIST_OF(tag);
 */
#ifndef FAKES_AWS_SHAPE_H
#define FAKES_AWS_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

enum shape_kind {
    SHAPE_STRING,
    SHAPE_INTEGER,
    SHAPE_LONG,
    SHAPE_DOUBLE,
    SHAPE_TIMESTAMP, /* a number: seconds since 1970, with a fraction */
    SHAPE_BOOLEAN,
    SHAPE_STRUCTURE,
    SHAPE_LIST,
    SHAPE_MAP, /* of item */
};

struct shape_member;

struct shape {
    enum shape_kind kind;
    const struct shape_member *members; /* structure; ends with a NULL name */
    const struct shape *item;           /* list, map; NULL: items of any kind */
    const char *const *words;           /* string: one of these; ends with NULL. NULL: any */
    bool natural;                       /* number: not negative */
    size_t max;                         /* list: at most so many, 0: no limit */
};

struct shape_member {
    const char *name;
    const struct shape *shape;
    bool required;
};

#define SHAPE_OF(m)                                                                                \
    {                                                                                              \
        .kind = SHAPE_STRUCTURE, .members = (m)                                                    \
    }
#define SHAPE_LIST_OF(s)                                                                           \
    {                                                                                              \
        .kind = SHAPE_LIST, .item = &(s)                                                           \
    }
#define SHAPE_WORDS(w)                                                                             \
    {                                                                                              \
        .kind = SHAPE_STRING, .words = (w)                                                         \
    }

extern const struct shape shape_string, shape_integer, shape_long, shape_double, shape_boolean,
    shape_timestamp, shape_natural, shape_amount, shape_strings;

enum shape_fault {
    SHAPE_FITS,
    SHAPE_WRONG_TYPE,  /* SerializationException */
    SHAPE_WRONG_VALUE, /* the type is right: missing, negative, too many, not one of the words */
};

struct shape_error {
    char where[160]; /* "containers[0].exitCode", "" for the whole */
    char text[160];  /* as AWS words it: "STRING_VALUE can not be converted to an Integer" */
};

/* Looks at v (NULL: absent). *ret is set when it does not fit. */
enum shape_fault shape_check(const struct shape *s, const json_t *v, struct shape_error *ret);

#endif
