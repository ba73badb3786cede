#include "harness/wire_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/wire_trace.h"

#define VALUES_SHOWN 3
#define TEXT_SHOWN   160

struct field {
    struct map values[2]; /* value -> bits of the runs that it was seen in, as a pointer */
    unsigned runs[2];     /* bits of the runs that have it */
};

struct call {
    char *name;
    size_t count[2][WIRE_DIFF_RUNS_MAX];
    int64_t first[2][WIRE_DIFF_RUNS_MAX];
    size_t place[2][WIRE_DIFF_RUNS_MAX]; /* among the first calls of each name */
    struct map fields;                   /* path -> struct field */
};

const char *difference_kind_name(enum difference_kind k)
{
    static const char *const names[DIFFERENCE_KIND_MAX] = {
        "came", "went", "changed", "count", "time", "order", "outcome",
    };

    return names[k];
}

static struct call *call_of(struct wire_diff *d, const char *name)
{
    struct call *c = map_get(&d->calls, name);

    if (c)
        return c;
    c = new0(struct call);
    c->name = xstrdup(name);
    map_set(&d->calls, name, c);
    return c;
}

static void add_fields(struct call *c, int side, unsigned run, json_t *fields)
{
    const char *path;
    json_t *value;

    json_object_foreach (fields, path, value) {
        struct field *f = map_get(&c->fields, path);
        const char *text = json_is_string(value) ? json_string_value(value) : "";
        uintptr_t seen;

        if (!f) {
            f = new0(struct field);
            map_set(&c->fields, path, f);
        }
        seen = (uintptr_t)map_get(&f->values[side], text);
        f->runs[side] |= run;
        map_set(&f->values[side], text, (void *)(seen | run)); /* a set of bits, no pointer */
    }
}

int wire_diff_add(struct wire_diff *d, int side, const char *trace, size_t n, struct err *e)
{
    _cleanup_json_ json_t *o = json_read(trace, n, JSON_READ_STRICT, e);
    const json_t *calls = json_object_get(o, "calls"), *item;
    size_t run = d->runs[side], i, places = 0;

    if (!o)
        return -1;
    if (run == WIRE_DIFF_RUNS_MAX)
        return err_set(e, ERR_LIMIT, "at most %d runs", WIRE_DIFF_RUNS_MAX);
    if (!json_is_array(calls) || json_array_size(calls) > WIRE_TRACE_CALLS_MAX)
        return err_set(e, ERR_PARSE, "expected a list of at most %d calls", WIRE_TRACE_CALLS_MAX);
    json_array_foreach (calls, i, item)
        if (!json_str(item, "call") || json_int(item, "t", -1) < 0 ||
            !json_is_object(json_object_get(item, "fields")))
            return err_set(e, ERR_PARSE, "call %zu: expected t, call and fields", i + 1);
    d->runs[side]++;
    json_array_foreach (calls, i, item) {
        struct call *c = call_of(d, json_str(item, "call"));

        if (!c->count[side][run]++) {
            c->first[side][run] = json_int(item, "t", 0);
            c->place[side][run] = ++places;
        }
        add_fields(c, side, 1u << run, json_object_get(item, "fields"));
    }
    return 0;
}

void wire_diff_put(struct wire_diff *d, enum difference_kind kind, const char *call,
                   const char *member, const char *before, const char *after)
{
    grow_array(d->all, d->n, d->cap);
    d->all[d->n++] =
        (struct difference){kind, xstrdup(call), member ? xstrdup(member) : NULL,
                            before ? xstrdup(before) : NULL, after ? xstrdup(after) : NULL};
}

static unsigned all_runs(const struct wire_diff *d, int side)
{
    return (1u << d->runs[side]) - 1;
}

static void count_range(const struct wire_diff *d, const struct call *c, int side, size_t *low,
                        size_t *high)
{
    *low = SIZE_MAX;
    *high = 0;
    for (size_t i = 0; i < d->runs[side]; i++) {
        *low = c->count[side][i] < *low ? c->count[side][i] : *low;
        *high = c->count[side][i] > *high ? c->count[side][i] : *high;
    }
}

static void time_range(const struct wire_diff *d, const struct call *c, int side, int64_t *low,
                       int64_t *high)
{
    *low = INT64_MAX;
    *high = 0;
    for (size_t i = 0; i < d->runs[side]; i++) {
        *low = c->first[side][i] < *low ? c->first[side][i] : *low;
        *high = c->first[side][i] > *high ? c->first[side][i] : *high;
    }
}

static char *seconds(int64_t low, int64_t high)
{
    if (high - low < WIRE_DIFF_TIME_NS)
        return xasprintf("%.1fs", (double)low / 1e9);
    return xasprintf("%.1fs to %.1fs", (double)low / 1e9, (double)high / 1e9);
}

static char *times(size_t low, size_t high)
{
    return low == high ? xasprintf("%zu times", low) : xasprintf("%zu to %zu times", low, high);
}

static void compare_times(struct wire_diff *d, const struct call *c)
{
    int64_t low[2], high[2], gap;
    char *before, *after;

    for (int s = 0; s < 2; s++)
        time_range(d, c, s, &low[s], &high[s]);
    gap = low[1] > high[0] ? low[1] - high[0] : low[0] - high[1];
    if (gap < WIRE_DIFF_TIME_NS || gap < (low[1] > high[0] ? low[1] : low[0]) / 20)
        return;
    before = seconds(low[0], high[0]);
    after = seconds(low[1], high[1]);
    wire_diff_put(d, DIFFERENCE_TIME, c->name, NULL, before, after);
    free(before);
    free(after);
}

/* Some of the values, those that were seen in every run first. */
static char *values_text(const struct map *values)
{
    struct buf b = BUF_INIT(4096);
    const char *text;
    void *runs;
    size_t n = 0;

    for (size_t i = 0; map_next(values, &i, &text, &runs); n++)
        if (n < VALUES_SHOWN)
            buf_addf(&b, "%s\"%.*s\"%s", n ? ", " : "", TEXT_SHOWN, text,
                     strlen(text) > TEXT_SHOWN ? "..." : "");
    if (n > VALUES_SHOWN)
        buf_addf(&b, " and %zu more", n - VALUES_SHOWN);
    return buf_steal(&b, NULL);
}

/* A value was there in every run of this side. */
static bool is_steady(const struct wire_diff *d, const struct field *f, int side)
{
    const char *text;
    void *runs;

    for (size_t i = 0; map_next(&f->values[side], &i, &text, &runs);)
        if ((uintptr_t)runs == all_runs(d, side))
            return true;
    return false;
}

static bool values_meet(const struct field *f)
{
    const char *text;
    void *runs;

    for (size_t i = 0; map_next(&f->values[0], &i, &text, &runs);)
        if (map_get(&f->values[1], text))
            return true;
    return false;
}

static void compare_fields(struct wire_diff *d, const struct call *c)
{
    const char *path;
    void *p;

    for (size_t i = 0; map_next(&c->fields, &i, &path, &p);) {
        const struct field *f = p;
        bool all[2] = {f->runs[0] == all_runs(d, 0), f->runs[1] == all_runs(d, 1)};
        char *before = values_text(&f->values[0]), *after = values_text(&f->values[1]);

        if (!f->runs[0] && all[1])
            wire_diff_put(d, DIFFERENCE_CAME, c->name, path, NULL, after);
        else if (!f->runs[1] && all[0])
            wire_diff_put(d, DIFFERENCE_WENT, c->name, path, before, NULL);
        else if (all[0] && all[1] && !values_meet(f) && is_steady(d, f, 0) && is_steady(d, f, 1))
            wire_diff_put(d, DIFFERENCE_CHANGED, c->name, path, before, after);
        free(before);
        free(after);
    }
}

static void compare_call(struct wire_diff *d, const struct call *c)
{
    size_t low[2], high[2];
    char *count[2];

    for (int s = 0; s < 2; s++) {
        count_range(d, c, s, &low[s], &high[s]);
        count[s] = times(low[s], high[s]);
    }
    if (!high[0] && low[1])
        wire_diff_put(d, DIFFERENCE_CAME, c->name, NULL, NULL, count[1]);
    else if (low[0] && !high[1])
        wire_diff_put(d, DIFFERENCE_WENT, c->name, NULL, count[0], NULL);
    else if (low[0] > high[1] || low[1] > high[0])
        wire_diff_put(d, DIFFERENCE_COUNT, c->name, NULL, count[0], count[1]);
    if (low[0] && low[1]) {
        compare_times(d, c);
        compare_fields(d, c);
    }
    free(count[0]);
    free(count[1]);
}

static const char *peer_end(const char *name)
{
    return name + strcspn(name, " ");
}

static bool same_peer(const struct call *a, const struct call *b)
{
    size_t n = (size_t)(peer_end(a->name) - a->name);

    return n == (size_t)(peer_end(b->name) - b->name) && !strncmp(a->name, b->name, n);
}

/* In every run of this side both came, a before b. */
static bool comes_before(const struct wire_diff *d, const struct call *a, const struct call *b,
                         int side)
{
    for (size_t i = 0; i < d->runs[side]; i++)
        if (!a->place[side][i] || !b->place[side][i] || a->place[side][i] > b->place[side][i])
            return false;
    return true;
}

/* Of calls of one peer; each is told to have moved at most once. */
static void compare_order(struct wire_diff *d)
{
    const char *name, *other;
    void *p, *q;

    for (size_t i = 0; map_next(&d->calls, &i, &name, &p);)
        for (size_t k = i; map_next(&d->calls, &k, &other, &q);) {
            const struct call *a = p, *b = q;
            char *text;

            if (!same_peer(a, b) || !comes_before(d, a, b, 0) || !comes_before(d, b, a, 1))
                continue;
            text = xasprintf("before %s", peer_end(other) + 1);
            wire_diff_put(d, DIFFERENCE_ORDER, name, NULL, text, "behind it");
            free(text);
            break;
        }
}

void wire_diff_find(struct wire_diff *d)
{
    const char *name;
    void *c;

    for (size_t i = 0; map_next(&d->calls, &i, &name, &c);)
        compare_call(d, c);
    compare_order(d);
}

void wire_diff_release(struct wire_diff *d)
{
    const char *name, *path;
    void *p, *q;

    for (size_t i = 0; map_next(&d->calls, &i, &name, &p);) {
        struct call *c = p;

        for (size_t k = 0; map_next(&c->fields, &k, &path, &q);) {
            struct field *f = q;

            map_release(&f->values[0]);
            map_release(&f->values[1]);
            free(f);
        }
        map_release(&c->fields);
        free(c->name);
        free(c);
    }
    map_release(&d->calls);
    for (size_t i = 0; i < d->n; i++) {
        free(d->all[i].call);
        free(d->all[i].member);
        free(d->all[i].before);
        free(d->all[i].after);
    }
    free(d->all);
    *d = (struct wire_diff){0};
}
