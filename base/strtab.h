/*
 * strtab.h - enum <-> word, through one table for both directions.
 *
 * A table is an array of names indexed by the enum; the enum ends in _MAX.
 * Words are compared with regard to case: on the wire they are what they are.
 */
#ifndef BASE_STRTAB_H
#define BASE_STRTAB_H

#include <stddef.h>

/* NULL when v is outside the table or has no name. */
const char *strtab_name(const char *const *table, size_t max, int v);

/* -1 when no name is equal to the n bytes at s. */
int strtab_value_n(const char *const *table, size_t max, const char *s, size_t n);
int strtab_value(const char *const *table, size_t max, const char *s);

/* Declares NAME_name() and NAME_from(); the latter returns -1 for unknown words. */
#define STRTAB_DECLARE(name, type)                                                                 \
    const char *name##_name(type v);                                                               \
    int name##_from(const char *s)

#define STRTAB_DEFINE(name, type, table)                                                           \
    const char *name##_name(type v)                                                                \
    {                                                                                              \
        const char *s = strtab_name((table), sizeof(table) / sizeof((table)[0]), (int)v);          \
        return s ? s : "INVALID";                                                                  \
    }                                                                                              \
    int name##_from(const char *s)                                                                 \
    {                                                                                              \
        return strtab_value((table), sizeof(table) / sizeof((table)[0]), s);                       \
    }

#endif
