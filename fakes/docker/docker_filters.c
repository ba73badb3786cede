/* ?filters={"label":["a=b"]} and its older form {"label":{"a=b":true}}. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/gojson.h"

static void add_value(struct filter *f, const char *value)
{
    f->values = xrealloc(f->values, (f->n + 1) * sizeof(*f->values));
    f->values[f->n++] = xstrdup(value);
}

static int wrong_shape(struct problem *p, bool modern, const json_t *v, bool whole)
{
    if (modern)
        return problem(p, 400, "invalid filter");
    return problem(p, 500, "json: cannot unmarshal %s into Go value of type %s", gojson_kind(v),
                   whole ? "map[string]map[string]bool" : "map[string]bool");
}

static int read_values(struct filter *f, const json_t *v, bool modern, struct problem *p)
{
    const char *key;
    json_t *kid;
    size_t i;

    if (json_is_object(v)) {
        json_object_foreach ((json_t *)(uintptr_t)v, key, kid) {
            if (!json_is_boolean(kid))
                return wrong_shape(p, modern, kid, false);
            add_value(f, key);
        }
        return 0;
    }
    if (!json_is_array(v))
        return wrong_shape(p, modern, v, false);
    json_array_foreach (v, i, kid) {
        if (!json_is_string(kid))
            return wrong_shape(p, modern, v, false);
        add_value(f, json_string_value(kid));
    }
    return 0;
}

int filters_parse(struct filters *f, const char *text, bool modern, struct problem *p)
{
    char why[GOJSON_TEXT_MAX];
    json_t *v, *kid;
    const char *key;
    int r = 0;

    *f = (struct filters){0};
    if (!*text)
        return 0;
    v = gojson_read(text, strlen(text), GOJSON_UNMARSHAL, why);
    if (!v)
        return modern ? problem(p, 400, "invalid filter") : problem(p, 500, "%s", why);
    if (!json_is_object(v) && !json_is_null(v))
        r = wrong_shape(p, modern, v, true);
    json_object_foreach (v, key, kid) {
        f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
        f->v[f->n++] = (struct filter){.name = xstrdup(key)};
        r = read_values(&f->v[f->n - 1], kid, modern, p);
        if (r < 0)
            break;
    }
    json_decref(v);
    if (r < 0)
        filters_release(f);
    return r;
}

int filters_read(struct filters *f, struct exchange *x, const char *const *accepted,
                 struct problem *p)
{
    bool modern = docker_modern(docker_of(x));
    char *text = exchange_param(x, "filters");
    int r = filters_parse(f, text ? text : "", modern, p);

    free(text);
    if (r < 0 || !accepted)
        return r;
    for (size_t i = 0; i < f->n; i++) {
        bool known = false;

        for (const char *const *a = accepted; *a; a++)
            known |= str_eq(*a, f->v[i].name);
        if (known)
            continue;
        problem(p, 400, "%s filter '%s'", modern ? "invalid" : "Invalid", f->v[i].name);
        filters_release(f);
        return -1;
    }
    return 0;
}

void filters_add(struct filters *f, const char *name, const char *value)
{
    struct filter *one = NULL;

    for (size_t i = 0; i < f->n && !one; i++)
        if (str_eq(f->v[i].name, name))
            one = &f->v[i];
    if (!one) {
        f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
        one = &f->v[f->n++];
        *one = (struct filter){.name = xstrdup(name)};
    }
    one->values = xrealloc(one->values, (one->n + 1) * sizeof(*one->values));
    one->values[one->n++] = xstrdup(value);
}

int filters_until(struct docker *d, const struct filters *f, int64_t *ret_wall, struct problem *p)
{
    const struct filter *until = filters_get(f, "until");

    *ret_wall = INT64_MAX;
    if (!until || parse_when(d, until->values[0], ret_wall) == 0)
        return 0;
    return problem(p, docker_modern(d) ? 400 : 500,
                   "failed to parse value as time or duration: \"%s\"", until->values[0]);
}

void filters_release(struct filters *f)
{
    for (size_t i = 0; i < f->n; i++) {
        for (size_t k = 0; k < f->v[i].n; k++)
            free(f->v[i].values[k]);
        free(f->v[i].values);
        free(f->v[i].name);
    }
    free(f->v);
    *f = (struct filters){0};
}

const struct filter *filters_get(const struct filters *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eq(f->v[i].name, name) && f->v[i].n)
            return &f->v[i];
    return NULL;
}

static bool same(const char *want, const char *value)
{
    return str_eq(want, value);
}

static bool begins(const char *want, const char *value)
{
    return str_starts(value, want);
}

static bool any(const struct filters *f, const char *name, const char *value,
                bool (*fits)(const char *want, const char *value))
{
    const struct filter *one = filters_get(f, name);

    for (size_t i = 0; one && i < one->n; i++)
        if (fits(one->values[i], value))
            return true;
    return !one;
}

bool filters_exact(const struct filters *f, const char *name, const char *value)
{
    return any(f, name, value, same);
}

bool filters_prefix(const struct filters *f, const char *name, const char *value)
{
    return any(f, name, value, begins);
}

bool filters_match(const struct filters *f, const char *name, const char *value)
{
    return any(f, name, value, regex_found);
}

/* Every value asked for is there: "key" or "key=value". */
bool filters_pairs(const struct filters *f, const char *name, const struct pairs *p)
{
    const struct filter *one = filters_get(f, name);

    for (size_t i = 0; one && i < one->n; i++) {
        const char *eq = strchr(one->values[i], '=');
        char *key =
            eq ? xstrndup(one->values[i], (size_t)(eq - one->values[i])) : xstrdup(one->values[i]);
        const char *v = pairs_get(p, key);

        free(key);
        if (!v || (eq && !str_eq(v, eq + 1)))
            return false;
    }
    return true;
}

/* All its values in Go's form of a list. */
static int bad_bool(const struct docker *d, const struct filter *one, struct problem *p)
{
    struct buf b = BUF_INIT(4096);

    for (size_t i = 0; i < one->n; i++)
        buf_addf(&b, "%s%s", i ? " " : "", one->values[i]);
    problem(p, 400, "%s filter '%s=[%s]'", docker_modern(d) ? "invalid" : "Invalid", one->name,
            buf_str(&b));
    buf_release(&b);
    return -1;
}

int filters_bool(const struct docker *d, const struct filters *f, const char *name, bool dflt,
                 bool *ret, struct problem *p)
{
    const struct filter *one = filters_get(f, name);
    bool yes = false, no = false;

    *ret = dflt;
    for (size_t i = 0; one && i < one->n; i++) {
        if (str_eq(one->values[i], "1") || !strcasecmp(one->values[i], "true"))
            yes = true;
        else if (str_eq(one->values[i], "0") || !strcasecmp(one->values[i], "false"))
            no = true;
        else
            return bad_bool(d, one, p);
    }
    if (yes != no)
        *ret = yes;
    return 0;
}

bool filters_labels(const struct filters *f, const struct pairs *labels)
{
    return filters_pairs(f, "label", labels) &&
           !(filters_get(f, "label!") && filters_pairs(f, "label!", labels));
}

int filters_read_prune(struct filters *f, struct exchange *x, int64_t *ret_until)
{
    static const char *const accepted[] = {"label", "label!", "until", NULL};
    struct problem p = {0};

    if (filters_read(f, x, accepted, &p) == 0) {
        if (filters_until(docker_of(x), f, ret_until, &p) == 0)
            return 0;
        filters_release(f);
    }
    docker_refuse(x, &p);
    return -1;
}
