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

static void add_pending(struct run *r, struct buf *out)
{
    struct buf b = BUF_INIT(1 << 16);

    world_pending(&r->world, &b);
    if (buf_len(&b))
        buf_adds(out, "  pending:\n");
    for (const char *line = buf_str(&b); *line;) {
        size_t n = strcspn(line, "\n");

        buf_addf(out, "    %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    buf_release(&b);
}

/* As a shell reads it back. */
static void add_quoted(struct buf *out, const char *text)
{
    buf_addc(out, '\'');
    for (; *text; text++)
        if (*text == '\'')
            buf_adds(out, "'\\''");
        else
            buf_addc(out, *text);
    buf_addc(out, '\'');
}

char *report_failure(struct run *r, const struct scn_step *s, const char *why)
{
    struct buf out = BUF_INIT(1 << 20);

    if (s)
        add_step(s, &out);
    buf_addf(&out, "  %s\n", why);
    add_nearest(r, s, &out);
    add_agent_log(r, &out);
    add_pending(r, &out);
    buf_addf(&out, "  again: ecsim run %s --seed %llu", r->scn->source.path,
             (unsigned long long)r->seed);
    if (r->config->agent_text) {
        buf_adds(&out, " --agent ");
        add_quoted(&out, r->config->agent_text);
    }
    buf_addf(&out, "\n  journal: %s/journal.jsonl\n", r->dir);
    return buf_steal(&out, NULL);
}
