/* Version guards: match_version() of harness/match.h. */
#include "harness/match.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/agent_feature.h"

#define VERSION_PARTS 4

struct version {
    unsigned part[VERSION_PARTS];
    size_t n;
};

/* Reads digits and dots at s; returns the bytes it took, 0 when there is no version. */
static size_t read_version(const char *s, struct version *v)
{
    size_t at = 0;

    v->n = 0;
    for (;;) {
        unsigned part = 0;
        size_t from = at;

        while (s[at] >= '0' && s[at] <= '9' && at - from < 6)
            part = part * 10 + (unsigned)(s[at++] - '0');
        if (at == from || v->n == VERSION_PARTS)
            return 0;
        v->part[v->n++] = part;
        if (s[at] != '.' || s[at + 1] == '.')
            return at;
        at++;
    }
}

/* At the precision of b: 1.62.3 and 1.62 are equal; missing parts of a are 0. */
static int compare(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < b->n; i++) {
        unsigned part = i < a->n ? a->part[i] : 0;

        if (part != b->part[i])
            return part < b->part[i] ? -1 : 1;
    }
    return 0;
}

enum bound { BOUND_EQ, BOUND_LT, BOUND_LE, BOUND_GT, BOUND_GE, BOUND_RANGE, BOUND_FEATURE };

struct condition {
    enum bound bound;
    struct version from, to;
    bool ends, lacks; /* of a feature: `to` is the first that has it no more; it is not wanted */
};

/* The name of a feature at s, `!` before it or not; as read_condition(). */
static size_t read_feature(const char *s, struct condition *c, size_t *ret_at)
{
    bool lacks = *s == '!';
    size_t n = strcspn(s + lacks, ",");
    const struct agent_feature *f = agent_feature_find(s + lacks, n);

    *ret_at = lacks;
    if (!f)
        return 0;
    *c = (struct condition){.bound = BOUND_FEATURE, .lacks = lacks, .ends = f->until};
    read_version(f->since, &c->from);
    if (f->until)
        read_version(f->until, &c->to);
    return lacks + n;
}

/* One condition at s; returns the bytes it took, or 0 with *ret_at. */
static size_t read_condition(const char *s, struct condition *c, size_t *ret_at)
{
    static const struct {
        const char *op;
        enum bound bound;
    } ops[] = {
        {"<=", BOUND_LE}, {">=", BOUND_GE}, {"==", BOUND_EQ}, {"<", BOUND_LT}, {">", BOUND_GT}};
    size_t at = 0, n;

    if (*s == '!' || (*s >= 'a' && *s <= 'z'))
        return read_feature(s, c, ret_at);
    c->bound = BOUND_EQ;
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        if (str_starts(s, ops[i].op)) {
            c->bound = ops[i].bound;
            at = strlen(ops[i].op);
            break;
        }
    *ret_at = at;
    n = read_version(s + at, &c->from);
    if (!n)
        return 0;
    if (!at && str_starts(s + n, "..")) {
        c->bound = BOUND_RANGE;
        *ret_at = n + 2;
        at = read_version(s + n + 2, &c->to);
        return at ? n + 2 + at : 0;
    }
    return at + n;
}

static bool holds(const struct condition *c, const struct version *v)
{
    int d = compare(v, &c->from);

    switch (c->bound) {
    case BOUND_EQ:
        return d == 0;
    case BOUND_LT:
        return d < 0;
    case BOUND_LE:
        return d <= 0;
    case BOUND_GT:
        return d > 0;
    case BOUND_GE:
        return d >= 0;
    case BOUND_RANGE:
        return d >= 0 && compare(v, &c->to) <= 0;
    case BOUND_FEATURE:
        return (d >= 0 && !(c->ends && compare(v, &c->to) >= 0)) != c->lacks;
    }
    return false;
}

static int wrong(const char *guard, const char *at, struct err *e)
{
    const char *near = agent_feature_nearest(at, strcspn(at, ","));

    return err_set(e, ERR_PARSE, "\"%.60s\" is no guard: expected %s%s%s%s", guard,
                   arg_kind_expects(ARG_VERSIONS), near ? "; did you mean \"" : "",
                   near ? near : "", near ? "\"?" : "");
}

static int each_condition(const char *guard, const struct version *v, size_t *ret_at, struct err *e)
{
    size_t at = 0, n, bad;
    int all = 1;

    for (;;) {
        struct condition c;

        n = read_condition(guard + at, &c, &bad);
        if (!n || (guard[at + n] && guard[at + n] != ',')) {
            if (ret_at)
                *ret_at = n ? at + n : at + bad;
            return wrong(guard, guard + at + (n ? 0 : bad), e);
        }
        all = all && v && holds(&c, v);
        at += n;
        if (!guard[at])
            return all;
        at++;
    }
}

int match_version_check(const char *guard, size_t *ret_at, struct err *e)
{
    return each_condition(guard, NULL, ret_at, e) < 0 ? -1 : 0;
}

int match_version(const char *guard, const char *version, struct err *e)
{
    struct version v;

    /* "v1.44.0" and "1.44.0-dev" are versions of agents too. */
    if (version && *version == 'v')
        version++;
    return each_condition(guard, version && read_version(version, &v) ? &v : NULL, NULL, e);
}
