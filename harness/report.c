/* What a failing person sees first. */
#include "harness/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define NEAREST   4   /* records shown for an expectation that was not met */
#define AGENT_MAX 15  /* lines of the agent's log */
#define BODY_MAX  400 /* bytes of a body in one line */

void report_record(const struct record *rec, struct buf *out)
{
    const json_t *body = json_object_get(rec->data, "body");
    char *text = body ? json_text(body) : NULL;

    buf_addf(out, "#%llu %.3fs %s %s %s", (unsigned long long)rec->n, (double)rec->mono / NS_PER_S,
             rec->peer, record_kind_name(rec->kind), rec->what);
    if (json_object_get(rec->data, "status"))
        buf_addf(out, " %lld", (long long)json_int(rec->data, "status", 0));
    if (text)
        buf_addf(out, " %.*s%s", BODY_MAX, text, strlen(text) > BODY_MAX ? "..." : "");
    free(text);
}

static void add_step(const struct scn_step *s, struct buf *out)
{
    char where[256];
    size_t n;
    const char *text = scn_step_text(s, &n);

    buf_addf(out, "%s: ", scn_where(s, where, sizeof(where)));
    for (const char *p = text; p < text + n; p++) {
        buf_addc(out, *p);
        if (*p == '\n')
            buf_adds(out, "    ");
    }
    buf_addc(out, '\n');
    if (*s->phase)
        buf_addf(out, "  phase: %s\n", s->phase);
}

/* Why this record is not what the step wants, in words; false when it is of no concern. */
static bool explain(struct run *r, const struct scn_step *s, const struct record *rec,
                    const char *what, struct buf *out)
{
    size_t failed;
    bool was = r->failed;

    if (!run_concerns(rec, s->peer, what))
        return false;
    r->failed = true; /* an error in a matcher was reported already */
    if (run_fits(r, s, rec, &failed) > 0) {
        buf_clear(&r->why);
        buf_adds(&r->why, rec->claimed ? "claimed by an earlier step"
                                       : "it fits, but came before what the last step on this "
                                         "peer claimed: the order is another (see `any`)");
    }
    r->failed = was;
    buf_adds(out, "    ");
    report_record(rec, out);
    for (const char *line = buf_str(&r->why); *line;) {
        size_t n = strcspn(line, "\n");

        buf_addf(out, "\n        %.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
    buf_addc(out, '\n');
    return true;
}

static void add_nearest(struct run *r, const struct scn_step *s, struct buf *out)
{
    const struct journal *j = &r->world.journal;
    char *what;
    size_t shown = 0;

    if (!s || s->peer <= PEER_NONE || (s->id != VERB_EXPECT && s->id != VERB_NEVER))
        return;
    what = run_what(r, s);
    if (!what)
        return;
    buf_addf(out, "  nearest records on %s:\n", peer_name(s->peer));
    for (size_t i = j->n; i-- > 0 && shown < NEAREST;)
        shown += explain(r, s, j->records[i], what, out);
    for (size_t i = j->n; i-- > 0 && !shown;) {
        const struct record *rec = j->records[i];

        if (rec->foreign && str_eq(rec->peer, peer_name(s->peer))) {
            buf_adds(out, "    nothing of that name; the last that came was ");
            report_record(rec, out);
            buf_addc(out, '\n');
            shown++;
        }
    }
    if (!shown)
        buf_adds(out, "    nothing came from the agent to this peer at all\n");
    free(what);
}

static void add_agent_log(struct run *r, struct buf *out)
{
    const struct journal *j = &r->world.journal;
    size_t from = j->n, lines = 0;

    while (from > 0 && lines < AGENT_MAX) {
        const struct record *rec = j->records[--from];

        if (rec->kind == RECORD_PROCESS && str_eq(rec->peer, "agent"))
            lines++;
    }
    if (!lines)
        return;
    buf_adds(out, "  the agent, last:\n");
    for (; from < j->n; from++) {
        const struct record *rec = j->records[from];
        const char *text = json_str(rec->data, "body");

        if (rec->kind != RECORD_PROCESS || !str_eq(rec->peer, "agent"))
            continue;
        buf_addf(out, "    %.3fs ", (double)rec->mono / NS_PER_S);
        if (text)
            buf_addf(out, "%.300s\n", text);
        else if (str_eq(rec->what, "exit") && json_object_get(rec->data, "code"))
            buf_addf(out, "exit code %lld\n", (long long)json_int(rec->data, "code", 0));
        else if (str_eq(rec->what, "exit"))
            buf_addf(out, "ended by signal %lld\n", (long long)json_int(rec->data, "signal", 0));
        else
            buf_addf(out, "%s\n", rec->what);
    }
}

/* Each line of text behind an indent; those that are empty are left out. */
static void add_lines(struct buf *out, const char *indent, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        if (n)
            buf_addf(out, "%s%.*s\n", indent, (int)n, text);
        text += n + (text[n] == '\n');
    }
}

/* What the agent is at, as far as it shows outside. */
static void agent_pending(struct run *r, struct buf *out)
{
    const struct journal *j = &r->world.journal;
    char text[48];

    if (!r->agent)
        return;
    for (size_t i = j->n; i-- > 0;) {
        const struct record *rec = j->records[i];

        if (rec->kind != RECORD_PROCESS || !str_eq(rec->peer, "agent"))
            continue;
        str_format_duration(loop_now(&r->world.loop) - rec->mono, text);
        buf_addf(out, "agent: runs (process %d), silent for %s\n", (int)r->agent->pid, text);
        return;
    }
}

/* The steps that wait: the one that failed, and those it stands in. */
static void steps_pending(const struct run *r, struct buf *out)
{
    char where[256];

    for (const struct frame *f = r->frame; f; f = f->outer) {
        const struct scn_step *at = f->at < f->n ? f->steps[f->at] : NULL;
        const char *text, *end;
        size_t n;

        if (!at)
            continue;
        text = scn_step_text(at, &n);
        end = memchr(text, '\n', n);
        buf_addf(out, "scenario: %s: %.*s\n", scn_where(at, where, sizeof(where)),
                 (int)(end ? (size_t)(end - text) : n), text);
    }
}

static void add_pending(struct run *r, struct buf *out)
{
    struct buf b = BUF_INIT(1 << 16);

    steps_pending(r, &b);
    agent_pending(r, &b);
    world_pending(&r->world, &b);
    if (buf_len(&b))
        buf_adds(out, "  pending:\n");
    add_lines(out, "    ", buf_str(&b));
    buf_release(&b);
}

char *report_failure(struct run *r, const struct scn_step *s, const char *why)
{
    struct buf out = BUF_INIT(1 << 20);

    if (s)
        add_step(s, &out);
    add_lines(&out, "  ", why);
    add_nearest(r, s, &out);
    add_agent_log(r, &out);
    add_pending(r, &out);
    buf_addf(&out, "  again: %s --seed %llu ", r->config->again, (unsigned long long)r->seed);
    str_quote(&out, r->scn->source.path);
    buf_addf(&out, "\n  journal: %s/journal.jsonl\n", r->dir);
    return buf_steal(&out, NULL);
}
