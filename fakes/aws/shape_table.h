/*
 * shape_table.h - short words for tables of shapes (shape.h); for sources that are such tables.
 *
 *     STRUCTURE(tag, S("key"), S("value"));
 *     LIST(tags, tag);
 *     STRUCTURE(tag_resource, S("resourceArn"), M("tags", tags));
 */
#ifndef FAKES_AWS_SHAPE_TABLE_H
#define FAKES_AWS_SHAPE_TABLE_H

#include "fakes/aws/shape.h"

/* clang-format off */
/* Members: text, whole number, truth, list of texts, any other shape. */
#define S(n) {n, &shape_string, false}
#define I(n) {n, &shape_integer, false}
#define B(n) {n, &shape_boolean, false}
#define L(n) {n, &shape_strings, false}
#define M(n, s) {n, &(s), false}
#define END {0}
#define STRUCTURE(n, ...) \
    static const struct shape_member n##_members[] = {__VA_ARGS__, END}; \
    static const struct shape n = SHAPE_OF(n##_members)
#define LIST(n, of) static const struct shape n = SHAPE_LIST_OF(of)
/* clang-format on */

#endif
