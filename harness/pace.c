#include "harness/pace.h"

#include "base/str.h"
#include "harness/subst.h"
#include "harness/verb.h"

int pace_parse(const char *text, struct pace *ret)
{
    const char *n = str_after(text, "scaled:");
    uint64_t scale;

    if (str_eq(text, "virtual")) {
        *ret = (struct pace){LOOP_VIRTUAL, 1};
    } else if (str_eq(text, "real")) {
        *ret = (struct pace){LOOP_REAL, 1};
    } else if (n && str_u64(n, PACE_SCALE_MAX, &scale) == 0 && scale) {
        *ret = (struct pace){LOOP_SCALED, (int64_t)scale};
    } else {
        return -1;
    }
    return 0;
}

struct pace pace_choose(const char *header, struct pace wanted)
{
    struct pace said = {LOOP_VIRTUAL, 1};

    if (header)
        pace_parse(header, &said);
    if (said.mode == LOOP_REAL || wanted.mode == LOOP_REAL)
        return (struct pace){LOOP_REAL, 1};
    return wanted.mode == LOOP_VIRTUAL ? said : wanted;
}

static int64_t add(int64_t a, int64_t b)
{
    return __builtin_add_overflow(a, b, &a) ? INT64_MAX : a;
}

static int64_t steps_pass(struct scn_step *const *steps, size_t n)
{
    int64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        const struct scn_step *s = steps[i];
        const struct scn_value *span = s->id == VERB_ADVANCE ? &s->args[0] : s->for_;
        int64_t ns = 0, times = 1, inner;

        if (span && !span->subst)
            value_duration(span, NULL, &ns, NULL);
        if (s->id == VERB_REPEAT && !s->args[0].subst)
            value_int(&s->args[0], NULL, &times, NULL);
        else if (s->id == VERB_EACH)
            times = (int64_t)s->n_args - 1;
        inner = s->import ? steps_pass(s->import->steps, s->import->n_steps)
                          : steps_pass(s->steps, s->n_steps);
        if (__builtin_mul_overflow(inner, times, &inner))
            inner = INT64_MAX;
        sum = add(sum, add(ns, inner));
    }
    return sum;
}

int64_t pace_passes(const struct scn *s)
{
    return steps_pass(s->steps, s->n_steps);
}

static bool steps_set_clocks(struct scn_step *const *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct scn_step *s = steps[i];

        if (s->id == VERB_CLOCK_SKEW || s->id == VERB_CLOCK_JUMP ||
            steps_set_clocks(s->steps, s->n_steps) ||
            (s->import && steps_set_clocks(s->import->steps, s->import->n_steps)))
            return true;
    }
    return false;
}

bool pace_sets_clocks(const struct scn *s)
{
    return steps_set_clocks(s->steps, s->n_steps);
}
