#include "harness/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/run.h"

static const char *const kinds[] = {
    [CRASH_NONE] = "none",
    [CRASH_WIRE] = "wire",
    [CRASH_COMMIT] = "commit",
    [CRASH_WRITE] = "write",
};

const char *crash_kind_name(enum crash_kind k)
{
    return kinds[k];
}

/* A number up to the end, or up to the character `end`; *text goes behind it. */
static bool take_number(const char **text, char end, uint64_t *ret)
{
    size_t n = strspn(*text, "0123456789");
    char digits[24];

    if (!n || n >= sizeof(digits) || ((*text)[n] && (*text)[n] != end))
        return false;
    memcpy(digits, *text, n);
    digits[n] = '\0';
    *text += n + ((*text)[n] != '\0');
    return str_u64(digits, CRASH_POINTS_MAX, ret) == 0 && *ret > 0;
}

int crash_parse(const char *text, struct crash_points *ret, struct err *e)
{
    struct crash_points p = {0};
    const char *rest = NULL;

    for (int k = CRASH_WIRE; k <= CRASH_WRITE && !rest; k++) {
        rest = str_after(text, kinds[k]);
        p.kind = (enum crash_kind)k;
        rest = rest && *rest == ':' ? rest + 1 : NULL;
    }
    if (!rest || !take_number(&rest, '-', &p.from))
        goto bad;
    p.to = p.from;
    if (rest[-1] == '-' && !take_number(&rest, '\0', &p.to))
        goto bad;
    if (p.to < p.from)
        goto bad;
    *ret = p;
    return 0;
bad:
    return err_set(e, ERR_USAGE,
                   "--crash %s: expected wire:N, commit:N or write:N, or a range such as wire:1-9 "
                   "(up to %d)",
                   text, CRASH_POINTS_MAX);
}

static void point(struct run *r, const char *what)
{
    struct crash *c = &r->crash;

    if (!r->agent || r->ending || r->over || c->killed || ++c->seen != c->at)
        return;
    c->killed = c->restart = true;
    proc_kill(r->agent, SIGKILL);
    journal_note(&r->world.journal, "agent", "killed at %s %llu: %s", kinds[c->kind],
                 (unsigned long long)c->at, what);
}

static void on_record(struct journal *j, struct record *rec, void *data)
{
    (void)j;
    switch (rec->kind) {
    case RECORD_REQUEST:
    case RECORD_ANSWER:
    case RECORD_FRAME_IN:
    case RECORD_FRAME_OUT:
    case RECORD_CONNECT:
        if (str_eq(rec->peer, "docker") || str_eq(rec->peer, "ecs") || str_eq(rec->peer, "acs"))
            point(data, rec->what);
        break;
    default:
        break;
    }
}

static void on_file(void *data, enum tracer_file what, const char *path)
{
    struct run *r = data;

    if ((what == TRACER_COMMIT) == (r->crash.kind == CRASH_COMMIT))
        point(r, path);
}

void crash_init(struct run *r, enum crash_kind kind, uint64_t at)
{
    const char *data = map_get(&r->env, "ECS_DATADIR");

    r->crash = (struct crash){.kind = kind, .at = at};
    if (kind == CRASH_WIRE) {
        r->world.journal.on_record = on_record;
        r->world.journal.on_record_data = r;
    } else if (kind != CRASH_NONE && data) {
        snprintf(r->tracer.files.dir, sizeof(r->tracer.files.dir), "%s", data);
        r->tracer.files.fn = on_file;
        r->tracer.files.data = r;
    }
}

int crash_go_on(struct run *r)
{
    if (!r->crash.restart || r->agent || r->over)
        return 0;
    r->crash.restart = false;
    return agent_start(r, r->step, NULL);
}

void crash_end(struct run *r)
{
    const struct crash *c = &r->crash;

    if (c->kind == CRASH_NONE || c->killed || r->result->outcome != OUTCOME_PASSED)
        return;
    r->result->outcome = OUTCOME_SKIPPED;
    free(r->result->reason);
    r->result->reason = xasprintf("the agent came to %llu points of this kind (%s)",
                                  (unsigned long long)c->seen, kinds[c->kind]);
}
