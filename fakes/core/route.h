/*
 * route.h - method and path to handler, through one table.
 *
 * A table ends with an entry whose method is NULL. Patterns are paths whose
 * segments are words or {names}; "{name...}" at the end, or in the middle,
 * takes one or more segments (image names hold slashes). The first entry that
 * fits wins, so put words before names.
 */
#ifndef FAKES_CORE_ROUTE_H
#define FAKES_CORE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

struct exchange;
struct fake;

struct route {
    const char *method;  /* "GET"; "*" any */
    const char *pattern; /* "/containers/{id}/json" */
    const char *group;   /* for closed-world defaults */
    void (*handle)(struct fake *f, struct exchange *x);
};

/* The entry for method and path, or NULL; *ret_other_method tells whether the path is known
 * under another method (405). */
const struct route *route_find(const struct route *table, const char *method, const char *path,
                               bool *ret_other_method);

/* The part of path that {name} stands for in pattern, to be freed; NULL when it has none. */
char *route_param(const char *pattern, const char *path, const char *name);

#endif
