/* Records as expectations see them, and who claimed which. */
#include "harness/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/match.h"

static const struct record *answer_of(const struct run *r, const struct record *rec)
{
    const struct journal *j = &r->world.journal;

    if (!rec->exchange || (rec->kind != RECORD_REQUEST && rec->kind != RECORD_CONNECT))
        return NULL;
    for (size_t i = (size_t)rec->n; i < j->n; i++)
        if (j->records[i]->kind == RECORD_ANSWER && j->records[i]->exchange == rec->exchange)
            return j->records[i];
    return NULL;
}

json_t *run_view(const struct run *r, const struct record *rec)
{
    json_t *v = record_json(rec);
    const struct record *a = answer_of(r, rec);

    if (a)
        json_object_set(v, "answer", a->data);
    return v;
}

bool run_concerns(const struct record *rec, enum peer peer, const char *what)
{
    if (!str_eq(rec->peer, peer_name(peer)))
        return false;
    if (peer_is_process(peer)) {
        if (rec->kind != RECORD_PROCESS)
            return false;
    } else if (!rec->foreign) {
        return false;
    }
    return str_glob(what, rec->what);
}

char *run_what(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct buf b = BUF_INIT(SUBST_MAX);
    struct err e = ERR_INIT;

    if (!s->what)
        return xstrdup("**");
    if (!s->what_subst)
        return xstrdup(s->what);
    if (subst_text(&x, s->what, strlen(s->what), &b, &e) < 0) {
        buf_release(&b);
        run_fail(r, s, "%s", e.text);
        return NULL;
    }
    return buf_steal(&b, NULL);
}

void run_claim(struct run *r, const struct scn_step *s, struct record *rec)
{
    rec->claimed = true;
    rec->claimed_by = s->number;
    if (s->peer > PEER_NONE && rec->n > r->cursor[s->peer])
        r->cursor[s->peer] = (size_t)rec->n;
    if (s->as)
        scope_set_record(r->scope, s->as, rec);
}

int run_fits(struct run *r, const struct scn_step *s, const struct record *rec, size_t *failed)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    json_t *view = run_view(r, rec);
    int k;

    buf_clear(&r->why);
    k = match_all(s->matches, s->n_matches, view, &x, failed, &r->why, &e);
    json_decref(view);
    return k < 0 ? run_fail(r, s, "%s", e.text) : k;
}
