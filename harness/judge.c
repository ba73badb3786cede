/*
 * The judging part of harness/run.h: in a closed world each record that came
 * from outside has to be somebody's.
 *
 * A record is fine when a step claimed it, when its group of calls was declared
 * as answered (`answer docker engine`), or when a step that has not run yet
 * could claim it. Otherwise the scenario fails, at once and not at its end.
 * Standing prohibitions and what no agent may ever do are looked at here too.
 */
#include "harness/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static bool declared(const struct run *r, const struct record *rec)
{
    const char *agent = json_str(json_object_get(rec->data, "headers"), "User-Agent");
    int peer = peer_from(rec->peer);

    if (str_eq(rec->group, "idle") || str_eq(agent, "ecsim-probe"))
        return true; /* a connection that asked nothing; our own probes */
    if (peer == PEER_AGENT || peer == PEER_MACHINE)
        return str_eq(rec->group, "asked");
    if (peer < 0)
        return false;
    if (r->scn->strict[peer] == SCN_STRICT_OFF)
        return true;
    if (!rec->group)
        return false;
    if (r->scn->strict[peer] == SCN_STRICT_KNOWN)
        return true;
    for (size_t i = 0; i < r->scn->n_answers; i++)
        if ((int)r->scn->answers[i].peer == peer && (str_eq(r->scn->answers[i].group, rec->group) ||
                                                     str_eq(r->scn->answers[i].group, "all")))
            return true;
    return false;
}

/* Could this step claim the record, whatever its matchers say? ${} in `what` is taken as any. */
static bool step_may_claim(const struct scn_step *s, const struct record *rec)
{
    bool yes;
    char *what;

    if (s->id != VERB_EXPECT || s->peer <= PEER_NONE)
        return false;
    if (!s->what_subst)
        return run_concerns(rec, s->peer, s->what ? s->what : "**");
    what = xstrdup(s->what);
    for (char *p; (p = strstr(what, "${"));) {
        size_t n = strcspn(p, "}");

        memmove(p + 2, p + n + (p[n] == '}'), strlen(p + n + (p[n] == '}')) + 1);
        memcpy(p, "**", 2);
    }
    yes = run_concerns(rec, s->peer, what);
    free(what);
    return yes;
}

static bool steps_may_claim(struct scn_step *const *steps, size_t from, size_t n,
                            const struct record *rec)
{
    for (size_t i = from; i < n; i++) {
        const struct scn_step *s = steps[i];

        if (step_may_claim(s, rec) || steps_may_claim(s->steps, 0, s->n_steps, rec) ||
            (s->import && steps_may_claim(s->import->steps, 0, s->import->n_steps, rec)))
            return true;
    }
    return false;
}

static bool may_still_be_claimed(const struct run *r, const struct record *rec)
{
    for (const struct frame *f = r->frame; f; f = f->outer)
        if (steps_may_claim(f->steps, f->again ? 0 : f->at, f->n, rec))
            return true;
    return false;
}

int run_forbid(struct run *r, const struct scn_step *s)
{
    struct forbidden *f = new0(struct forbidden);

    f->step = s;
    f->scope = r->scope;
    list_add_tail(&r->forbidden, &f->link);
    return 0;
}

static int check_forbidden(struct run *r, const struct record *rec)
{
    struct list *pos;

    list_for_each (pos, &r->forbidden) {
        struct forbidden *f = container_of(pos, struct forbidden, link);
        struct scope *keep = r->scope;
        size_t failed;
        char *what;
        int k = 0;

        r->scope = f->scope;
        what = run_what(r, f->step);
        if (what && run_concerns(rec, f->step->peer, what))
            k = run_fits(r, f->step, rec, &failed);
        free(what);
        r->scope = keep;
        if (k < 0)
            return -1;
        if (k > 0)
            return run_fail(r, f->step, "record #%llu is what must never come",
                            (unsigned long long)rec->n);
    }
    return 0;
}

/* What holds in every scenario: a task that was reported STOPPED stays so. */
static int check_invariants(struct run *r, const struct record *rec)
{
    const json_t *body = json_object_get(rec->data, "body");
    const char *task = json_str(body, "task"), *status = json_str(body, "status");

    if (!str_eq(rec->what, "SubmitTaskStateChange") || rec->kind != RECORD_REQUEST || !task)
        return 0;
    if (str_eq(status, "STOPPED")) {
        map_set(&r->stopped, task, r);
        return 0;
    }
    if (status && map_get(&r->stopped, task))
        return run_fail(r, r->step, "record #%llu reports %s for a task that was reported STOPPED",
                        (unsigned long long)rec->n, status);
    return 0;
}

/* What the fake noted about a record when it took it: in the next few records. */
static const char *note_about(const struct journal *j, const struct record *rec)
{
    for (uint64_t i = rec->n; i < j->n && i < rec->n + 4; i++)
        if (j->records[i]->kind == RECORD_NOTE && str_eq(j->records[i]->peer, rec->peer))
            return json_str(j->records[i]->data, "text");
    return NULL;
}

static int fail_unclaimed(struct run *r, const struct record *rec)
{
    const char *note = rec->group ? NULL : note_about(&r->world.journal, rec);

    if (str_eq(rec->peer, "machine"))
        run_fail(r, r->step, "no step expected this of the machine: %s", rec->what);
    else if (str_eq(rec->peer, "agent") && json_object_get(rec->data, "signal"))
        run_fail(r, r->step, "the agent ended and no step expected it: %s",
                 strsignal((int)json_int(rec->data, "signal", 0)));
    else if (str_eq(rec->peer, "agent"))
        run_fail(r, r->step, "the agent ended and no step expected it: exit code %lld",
                 (long long)json_int(rec->data, "code", 0));
    else if (rec->group)
        run_fail(r, r->step,
                 "nobody claims this %s, and no declared default answers it: %s %s\n"
                 "  hint: claim it with `expect %s %s`, or declare `answer %s %s` in the header",
                 record_kind_name(rec->kind), rec->peer, rec->what, rec->peer, rec->what, rec->peer,
                 rec->group);
    else if (note)
        run_fail(r, r->step, "nobody claims this %s, and the fake does not take it: %s %s\n  %s",
                 record_kind_name(rec->kind), rec->peer, rec->what, note);
    else
        run_fail(r, r->step,
                 "nobody claims this %s, and it is none that the fake knows: %s %s\n"
                 "  hint: claim it with `expect %s %s` if it is meant",
                 record_kind_name(rec->kind), rec->peer, rec->what, rec->peer, rec->what);
    return -1;
}

static int judge(struct run *r, const struct record *rec)
{
    if (!rec->foreign)
        return 0;
    if (check_forbidden(r, rec) < 0 || check_invariants(r, rec) < 0)
        return -1;
    if (rec->claimed || declared(r, rec) || may_still_be_claimed(r, rec))
        return 0;
    return fail_unclaimed(r, rec);
}

int run_judge(struct run *r)
{
    const struct journal *j = &r->world.journal;

    if (r->over)
        return 0;
    while (r->judged < j->n)
        if (judge(r, j->records[r->judged++]) < 0)
            return -1;
    return r->failed ? -1 : 0;
}

int run_judge_end(struct run *r)
{
    const struct journal *j = &r->world.journal;

    for (size_t i = 0; i < j->n; i++) {
        const struct record *rec = j->records[i];

        if (rec->foreign && !rec->claimed && !declared(r, rec))
            return fail_unclaimed(r, rec);
    }
    return 0;
}
