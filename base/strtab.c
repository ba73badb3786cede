#include "base/strtab.h"

#include <string.h>

const char *strtab_name(const char *const *table, size_t max, int v)
{
    return v >= 0 && (size_t)v < max ? table[v] : NULL;
}

int strtab_value_n(const char *const *table, size_t max, const char *s, size_t n)
{
    for (size_t i = 0; i < max; i++)
        if (table[i] && strlen(table[i]) == n && !memcmp(table[i], s, n))
            return (int)i;
    return -1;
}

int strtab_value(const char *const *table, size_t max, const char *s)
{
    return s ? strtab_value_n(table, max, s, strlen(s)) : -1;
}
