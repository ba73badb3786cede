/* Steps that say what must happen, and what must not. */
#include "harness/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/match.h"

/* One `expect` that is waiting. */
struct wanted {
    const struct scn_step *s;
    char *what;
    size_t base;        /* records up to this one are too early */
    int64_t not_before; /* mono; `after` as a duration */
    int64_t deadline, limit;
    size_t scanned; /* records before this one need no second look */
    bool met;
};

/* `after` is a duration from now, or a capture that has to come first. */
static int set_after(struct run *r, struct wanted *w)
{
    char *text = w->s->after ? run_text(r, w->s, w->s->after) : NULL;
    struct subst x = run_subst(r);
    json_t *v;
    int64_t ns;

    if (!w->s->after)
        return 0;
    if (!text)
        return -1;
    if (str_duration(text, &ns) == 0) {
        w->not_before = loop_now(&r->world.loop) + ns;
    } else {
        v = subst_ref(&x, text, strlen(text), NULL);
        if (!v) {
            run_fail(r, w->s, "after %s: nothing was captured under this name", text);
            free(text);
            return -1;
        }
        if ((size_t)json_int(v, "n", 0) > w->base)
            w->base = (size_t)json_int(v, "n", 0);
        json_decref(v);
    }
    free(text);
    return 0;
}

static int wanted_init(struct run *r, struct wanted *w, const struct scn_step *s, size_t base)
{
    *w = (struct wanted){.s = s, .base = base};
    if (run_within(r, s, RUN_PATIENCE_NS, &w->deadline) < 0 || set_after(r, w) < 0)
        return -1;
    w->limit = w->deadline - loop_now(&r->world.loop);
    w->what = run_what(r, s);
    return w->what ? 0 : -1;
}

static bool looks_at_answer(const struct scn_step *s)
{
    for (size_t i = 0; i < s->n_matches; i++)
        if (s->matches[i].path && s->matches[i].path->answer)
            return true;
    return false;
}

/* Claims the first record that fits. 1: met, 0: not yet, -1: failed. */
static int try_wanted(struct run *r, struct wanted *w)
{
    struct journal *j = &r->world.journal;
    size_t from = w->scanned > w->base ? w->scanned : w->base;
    bool answers = looks_at_answer(w->s);
    size_t next = j->n;

    for (size_t i = from; i < j->n; i++) {
        struct record *rec = j->records[i];
        size_t failed;
        int k;

        if (rec->claimed || !run_concerns(rec, w->s->peer, w->what) || rec->mono < w->not_before)
            continue;
        k = run_fits(r, w->s, rec, &failed);
        if (k < 0)
            return -1;
        if (k == 0) {
            if (answers && i < next)
                next = i; /* its answer may still come */
            continue;
        }
        run_claim(r, w->s, rec);
        if (w->s->as)
            until_met(r, w->s->as);
        return w->met = true;
    }
    w->scanned = next;
    return 0;
}

static int not_met(struct run *r, const struct wanted *w)
{
    char text[48];

    return run_fail(r, w->s, "it did not come within %s", str_format_duration(w->limit, text));
}

int step_expect(struct run *r, const struct scn_step *s)
{
    struct wanted w;
    int k = wanted_init(r, &w, s, r->cursor[s->peer]);

    while (k == 0) {
        k = try_wanted(r, &w);
        if (k)
            break;
        if (loop_now(&r->world.loop) >= w.deadline)
            k = not_met(r, &w);
        else if (run_turn(r, w.deadline) < 0)
            k = -1;
    }
    free(w.what);
    return k < 0 ? -1 : 0;
}

/* Tries each that is not met yet. 1: all are met, 0: not yet, -1: failed. */
static int try_all(struct run *r, struct wanted *w, size_t n, int64_t *nearest)
{
    bool all = true;

    *nearest = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        if (w[i].met)
            continue;
        r->step = w[i].s;
        if (try_wanted(r, &w[i]) < 0)
            return -1;
        if (w[i].met)
            continue;
        if (loop_now(&r->world.loop) >= w[i].deadline)
            return not_met(r, &w[i]);
        all = false;
        if (w[i].deadline < *nearest)
            *nearest = w[i].deadline;
    }
    return all;
}

/* Expectations of the block in any order; then its other steps, in theirs. */
int step_any(struct run *r, const struct scn_step *s)
{
    struct wanted *w = new0_array(struct wanted, s->n_steps);
    size_t base[PEER_MAX], n = 0;
    int64_t nearest;
    int k = 0;

    memcpy(base, r->cursor, sizeof(base));
    for (size_t i = 0; i < s->n_steps && k == 0; i++)
        if (s->steps[i]->id == VERB_EXPECT)
            k = wanted_init(r, &w[n++], s->steps[i], base[s->steps[i]->peer]);
    while (k == 0) {
        k = try_all(r, w, n, &nearest);
        r->step = s;
        if (k == 0 && run_turn(r, nearest) < 0)
            k = -1;
    }
    for (size_t i = 0; i < n; i++)
        free(w[i].what);
    free(w);
    for (size_t i = 0; i < s->n_steps && k > 0; i++)
        if (s->steps[i]->id != VERB_EXPECT && run_steps(r, &s->steps[i], 1, false) < 0)
            k = -1;
    return k < 0 ? -1 : 0;
}

/* With `for` it waits and watches, from the records of this very moment on. */
int step_never(struct run *r, const struct scn_step *s)
{
    size_t at = r->world.journal.n, failed;
    int64_t until;
    char *what;
    int k = 0;

    if (!s->for_)
        return run_forbid(r, s);
    if (run_deadline(r, s, s->for_, 0, &until) < 0 || !(what = run_what(r, s)))
        return -1;
    while (k == 0 && loop_now(&r->world.loop) < until) {
        k = run_turn(r, until);
        for (; k == 0 && at < r->world.journal.n; at++) {
            const struct record *rec = r->world.journal.records[at];

            if (!run_concerns(rec, s->peer, what))
                continue;
            k = run_fits(r, s, rec, &failed);
            if (k > 0)
                k = run_fail(r, s, "record #%llu is what must not come",
                             (unsigned long long)rec->n);
        }
    }
    free(what);
    return k;
}

static int64_t count_records(struct run *r, const struct scn_step *s, const char *what)
{
    int64_t n = 0;

    for (size_t i = 0; i < r->world.journal.n; i++) {
        const struct record *rec = r->world.journal.records[i];
        size_t failed;
        int k;

        if (!run_concerns(rec, s->peer, what))
            continue;
        k = run_fits(r, s, rec, &failed);
        if (k < 0)
            return -1;
        n += k;
    }
    return n;
}

int step_count(struct run *r, const struct scn_step *s)
{
    static const char *const words[] = {"is", "min", "max"};
    char *what = run_what(r, s);
    int64_t n;

    if (!what)
        return -1;
    n = count_records(r, s, what);
    free(what);
    if (n < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const struct scn_option *o = scn_option(s, words[i]);
        struct subst x = run_subst(r);
        struct err e = ERR_INIT;
        int64_t want;

        if (!o)
            continue;
        if (value_int(&o->value, &x, &want, &e) < 0)
            return run_fail(r, s, "%s: %s", words[i], e.text);
        if ((i == 0 && n != want) || (i == 1 && n < want) || (i == 2 && n > want))
            return run_fail(r, s, "there are %lld, expected %s %lld", (long long)n, words[i],
                            (long long)want);
    }
    return 0;
}

int step_check(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    int k;

    buf_clear(&r->why);
    k = match_value(&s->args[0], &s->matches[0], &x, &r->why, &e);
    if (k < 0)
        return run_fail(r, s, "%s", e.text);
    return k ? 0 : run_fail(r, s, "%s", buf_str(&r->why));
}
