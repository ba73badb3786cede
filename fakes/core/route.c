/* Tables of routes: the first entry whose pattern fits. */
#include "fakes/core/route.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* The name that is looked for while a pattern is held against a path, and what it stood for. */
struct capture {
    const char *name;
    const char *start;
    size_t n;
};

/* pat is at the '{' of a name, n characters before its '}'. */
static bool is_name(const char *pat, size_t n, bool many, const char *name)
{
    size_t len = n - 1 - (many ? 3 : 0);

    return name && strlen(name) == len && !memcmp(pat + 1, name, len);
}

/*
 * A name of many segments takes as much as the rest of the pattern leaves it, as the routers of
 * the real servers do: /images/{name...}/json over /images/json/json/json gives "json/json".
 * Recursion is as deep as the pattern has names.
 */
static bool fits(const char *pat, const char *path, struct capture *c)
{
    for (; *pat != '{'; pat++, path++) {
        if (*pat != *path)
            return false;
        if (!*pat)
            return true;
    }

    size_t n = strcspn(pat, "}");
    bool many = n > 4 && !memcmp(pat + n - 3, "...", 3);
    size_t shortest = many ? 1 : strcspn(path, "/");

    if (!pat[n] || !*path || !shortest)
        return false;
    for (size_t take = many ? strlen(path) : shortest; take >= shortest; take--) {
        if (path[take] != '\0' && path[take] != '/')
            continue;
        if (!fits(pat + n + 1, path + take, c))
            continue;
        if (is_name(pat, n, many, c->name)) {
            c->start = path;
            c->n = take;
        }
        return true;
    }
    return false;
}

const struct route *route_find(const struct route *table, const char *method, const char *path,
                               bool *ret_other_method)
{
    bool other = false;

    for (const struct route *r = table; r->method; r++) {
        struct capture none = {0};

        if (!fits(r->pattern, path, &none))
            continue;
        if (str_eq(r->method, "*") || str_eq(r->method, method)) {
            if (ret_other_method)
                *ret_other_method = false;
            return r;
        }
        other = true;
    }
    if (ret_other_method)
        *ret_other_method = other;
    return NULL;
}

char *route_param(const char *pattern, const char *path, const char *name)
{
    struct capture c = {.name = name};

    if (!fits(pattern, path, &c) || !c.start)
        return NULL;
    return xstrndup(c.start, c.n);
}
