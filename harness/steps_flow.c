/* Steps that order other steps: phases, blocks, imports, names, guards. */
#include "harness/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/feature.h"
#include "harness/match.h"

int step_phase(struct run *r, const struct scn_step *s)
{
    char *text = run_text(r, s, &s->args[0]);

    if (!text)
        return -1;
    journal_note(&r->world.journal, "scenario", "phase: %s", text);
    free(text);
    return 0;
}

int step_note(struct run *r, const struct scn_step *s)
{
    char *text = run_text(r, s, &s->args[0]);

    if (!text)
        return -1;
    journal_note(&r->world.journal, "scenario", "%s", text);
    free(text);
    return 0;
}

int step_repeat(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    int64_t times;

    if (value_int(&s->args[0], &x, &times, &e) < 0)
        return run_fail(r, s, "%s", e.text);
    for (int64_t i = 1; i <= times; i++) {
        scope_set(r->scope, s->as ? s->as : "i", json_integer(i));
        if (run_steps(r, s->steps, s->n_steps, i < times) < 0)
            return -1;
    }
    return 0;
}

/* each NAME in VALUE...: args are the name, the word `in`, and the values. */
int step_each(struct run *r, const struct scn_step *s)
{
    size_t first = s->n_args > 1 && str_eq(s->args[1].text, "in") ? 2 : 1;

    for (size_t i = first; i < s->n_args; i++) {
        struct subst x = run_subst(r);
        struct err e = ERR_INIT;
        json_t *v = value_named(&s->args[i], &x, &e);

        if (!v)
            return run_fail(r, s, "%s", e.text);
        scope_set(r->scope, s->args[0].text, v);
        if (run_steps(r, s->steps, s->n_steps, i + 1 < s->n_args) < 0)
            return -1;
    }
    return 0;
}

int step_set(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    json_t *v = value_named(&s->args[1], &x, &e);

    if (!v)
        return run_fail(r, s, "%s", e.text);
    scope_set(r->scope, s->args[0].text, v);
    return 0;
}

/* Parameters are evaluated where they are written: in the scope of the one who uses the file. */
static int bind_params(struct run *r, const struct scn_step *s, struct scope *inner)
{
    const struct scn *file = s->import;

    for (size_t i = 0; i < file->n_params; i++) {
        const struct scn_option *given = scn_option(s, file->params[i].name);
        const struct scn_value *v = given ? &given->value : file->params[i].dflt;
        struct subst x = run_subst(r);
        struct err e = ERR_INIT;
        json_t *value;

        if (!v)
            return run_fail(r, s, "parameter %s is missing", file->params[i].name);
        value = value_named(v, &x, &e);
        if (!value)
            return run_fail(r, s, "parameter %s: %s", file->params[i].name, e.text);
        scope_set(inner, file->params[i].name, value);
    }
    return 0;
}

int step_use(struct run *r, const struct scn_step *s)
{
    struct scope *outer = r->scope, *inner = scope_new(outer);
    int k;

    if (bind_params(r, s, inner) < 0) {
        scope_free(inner);
        return -1;
    }
    r->scope = inner;
    k = run_steps(r, s->import->steps, s->import->n_steps, false);
    r->scope = outer;
    scope_export(outer, s->as, inner);
    /* standing prohibitions of the file look names up in its scope until the end */
    list_add_tail(&r->old_scopes, &inner->link);
    return k;
}

/* 1: every guard holds; *reason is the quoted text at the end, or what was not met. */
static int guards_hold(struct run *r, const struct scn_step *s, const char **reason)
{
    bool all = true;

    *reason = NULL;
    for (size_t i = 0; i < s->n_args; i++) {
        const struct scn_value *v = &s->args[i];
        struct err e = ERR_INIT;
        int k;

        if (v->kind == SCN_STRING) {
            *reason = v->text;
            continue;
        }
        if (str_eq(v->text, "agent") && i + 1 < s->n_args) {
            k = match_version(s->args[++i].text, r->config->agent_version, &e);
            if (k < 0)
                return run_fail(r, s, "%s", e.text);
        } else {
            k = feature_present(v->text, r->config);
        }
        all = all && k > 0;
    }
    return all;
}

static int skip(struct run *r, const struct scn_step *s, const char *reason)
{
    char where[256];

    r->failed = true; /* unwinds; the outcome says what it means */
    r->result->outcome = OUTCOME_SKIPPED;
    r->result->reason = xasprintf("%s (%s)", reason ? reason : "its guard says so",
                                  scn_where(s, where, sizeof(where)));
    return -1;
}

int step_skip_if(struct run *r, const struct scn_step *s)
{
    const char *reason;
    int k = guards_hold(r, s, &reason);

    return k > 0 ? skip(r, s, reason) : k;
}

int step_only_if(struct run *r, const struct scn_step *s)
{
    const char *reason;
    int k = guards_hold(r, s, &reason);

    return k == 0 ? skip(r, s, reason) : k < 0 ? -1 : 0;
}
