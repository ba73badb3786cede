/* The queue: what runs when, and scripts. Transactions are in transaction.c. */
#include "harness/boot/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/transaction.h"

const char *job_type_name(enum job_type t)
{
    return t == JOB_START ? "start" : t == JOB_STOP ? "stop" : "restart";
}

void boot_init(struct boot *b, struct units *us)
{
    *b = (struct boot){.us = us};
}

void boot_release(struct boot *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->jobs[i]);
    for (size_t i = 0; i < b->n_scripts; i++) {
        free(b->scripts[i].wait);
        if (b->scripts[i].own)
            script_release(b->scripts[i].own);
        free(b->scripts[i].own);
    }
    for (size_t i = 0; i < b->n_cycles; i++) {
        free(b->cycles[i].text);
        free(b->cycles[i].units);
        free(b->cycles[i].may_go);
    }
    for (size_t i = 0; i < b->n_log; i++)
        free(b->log[i]);
    free(b->jobs);
    free(b->scripts);
    free(b->cycles);
    free(b->fresh);
    free(b->log);
    *b = (struct boot){0};
}

void boot_log(struct boot *b, char *text)
{
    grow_array(b->log, b->n_log, b->log_room);
    b->log[b->n_log++] = text;
}

static const char *const state_names[] = {"inactive", "activating", "active", "failed"};

static void set_state(struct boot *b, struct unit *u, enum unit_state to)
{
    if (u->state == to)
        return;
    boot_log(b, xasprintf("%s: %s -> %s", u->name, state_names[u->state], state_names[to]));
    u->state = to;
    if (to == UNIT_ACTIVE)
        u->started_at = ++b->clock;
}

void boot_attach(struct boot *b, struct unit *u, const struct script *s)
{
    grow_array(b->scripts, b->n_scripts, b->script_room);
    b->scripts[b->n_scripts++] = (struct attached){.unit = u, .script = s};
}

const struct attached *boot_script_of(const struct boot *b, const struct unit *u)
{
    for (size_t i = 0; i < b->n_scripts; i++)
        if (b->scripts[i].unit == u)
            return &b->scripts[i];
    return NULL;
}

/* A is before B: whose job goes first? As job_compare(): a stop or the stop of a restart of the
 * later unit goes before everything of the earlier one. */
static bool earlier_waits(const struct job *a, const struct job *b)
{
    (void)a;
    return b->type == JOB_STOP || b->type == JOB_RESTART;
}

bool boot_must_wait(const struct edge *g, const struct job *from, const struct job *to,
                    const struct job *asked)
{
    /* who is the earlier unit of this edge */
    bool from_first = g->dep == DEP_BEFORE;
    const struct job *a = from_first ? from : to, *c = from_first ? to : from;
    const struct job *first = earlier_waits(a, c) ? c : a;

    return first != asked;
}

const struct job *boot_blocker(const struct boot *b, const struct job *j, const struct edge **why)
{
    const struct unit *u = j->unit;

    (void)b;
    if (j->ignore_order)
        return NULL;
    for (int inward = 0; inward < 2; inward++) {
        struct edge **list = inward ? u->in : u->out;
        size_t n = inward ? u->n_in : u->n_out;

        for (size_t i = 0; i < n; i++) {
            const struct edge *g = list[i];
            const struct unit *other = inward ? g->from : g->to;

            if ((g->dep != DEP_AFTER && g->dep != DEP_BEFORE) || !other->job)
                continue;
            if (boot_must_wait(g, g->from->job, g->to->job, j)) {
                *why = g;
                return other->job;
            }
        }
    }
    return NULL;
}

static void finish(struct boot *b, struct job *j)
{
    size_t i = 0;

    while (b->jobs[i] != j)
        i++;
    for (; i + 1 < b->n; i++)
        b->jobs[i] = b->jobs[i + 1];
    b->n--;
    j->unit->job = NULL;
    free(j);
}

static struct attached *script_of(struct boot *b, const struct unit *u)
{
    for (size_t i = 0; i < b->n_scripts; i++)
        if (b->scripts[i].unit == u && !b->scripts[i].over)
            return &b->scripts[i];
    return NULL;
}

/* Commands to systemd that the unit itself runs while it starts. */
static void attach_own(struct boot *b, struct unit *u)
{
    const char *type = unit_setting(u, "Service", "Type");
    struct script s = {0};

    if (u->looked_at)
        return;
    u->looked_at = true;
    for (size_t f = 0; f < u->n_files; f++)
        for (size_t i = 0; i < u->files[f].n; i++) {
            const struct unit_line *l = &u->files[f].lines[i];
            char **words;

            if (!l->key || !str_eq(l->section, "Service") ||
                !(str_eq(l->key, "ExecStartPre") || str_eq(l->key, "ExecStartPost") ||
                  (str_eq(l->key, "ExecStart") && str_eq(type, "oneshot"))))
                continue;
            words = str_argv(l->value + strspn(l->value, "@-:+!|"));
            if (words)
                script_words(&s, u->files[f].from, l->line, words, NULL);
            str_argv_free(words);
        }
    if (!s.n)
        return;
    boot_attach(b, u, NULL);
    b->scripts[b->n_scripts - 1].own = xmemdup(&s, sizeof(s));
    b->scripts[b->n_scripts - 1].script = b->scripts[b->n_scripts - 1].own;
}

/* True when something happened. */
static bool begin(struct boot *b, struct job *j)
{
    struct unit *u = j->unit;

    if (j->type == JOB_STOP || (j->type == JOB_RESTART && u->state == UNIT_ACTIVE)) {
        set_state(b, u, UNIT_INACTIVE);
        if (j->type == JOB_STOP)
            finish(b, j);
        else
            j->type = JOB_START;
        return true;
    }
    if (j->type != JOB_START) {
        /* a restart of what is down becomes a start, which waits for its turn again */
        j->type = JOB_START;
        return true;
    }
    if (u->state == UNIT_ACTIVE) {
        finish(b, j);
        return true;
    }
    attach_own(b, u);
    if (script_of(b, u)) {
        set_state(b, u, UNIT_ACTIVATING);
        j->running = true;
        return true;
    }
    set_state(b, u, UNIT_ACTIVE);
    finish(b, j);
    return true;
}

static bool run_jobs(struct boot *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct edge *why;

        if (!b->jobs[i]->running && !boot_blocker(b, b->jobs[i], &why))
            return begin(b, b->jobs[i]);
    }
    return false;
}

static void wait_for(struct attached *a, struct unit *u)
{
    grow_array(a->wait, a->n_wait, a->wait_room);
    a->wait[a->n_wait++] = u;
}

static void write_unit(struct boot *b, const struct op *o)
{
    size_t n = 0;

    while (o->content[n])
        n++;
    units_add_text(b->us, o->units[0], o->where, o->content, n, NULL);
    /* it counts when its unit is looked for the first time, or after a daemon-reload */
}

/* Starts what the command asks for; what it waits for goes to `a` (NULL: nobody waits). */
static void execute(struct boot *b, const struct op *o, struct attached *a)
{
    static const enum job_type types[] = {[OP_START] = JOB_START,
                                          [OP_STOP] = JOB_STOP,
                                          [OP_RESTART] = JOB_RESTART,
                                          [OP_TRY_RESTART] = JOB_TRY_RESTART};

    if (o->kind != OP_WRITE_ECS)
        boot_log(
            b, xasprintf("%s: %s%s", o->where, o->kind == OP_WRITE_UNIT ? "writes " : "", o->text));
    if (o->kind == OP_RELOAD)
        units_reload(b->us);
    if (o->kind == OP_WRITE_UNIT)
        write_unit(b, o);
    for (size_t i = 0; o->units[i] && o->kind < OP_WRITE_UNIT; i++) {
        struct unit *u = units_get(b->us, o->units[i]);

        if (!u)
            continue;
        if (o->kind == OP_ENABLE)
            units_enable(b->us, u);
        else if (o->kind == OP_DISABLE)
            units_disable(b->us, u);
        else if (o->kind == OP_MASK || o->kind == OP_UNMASK)
            u->masked = o->kind == OP_MASK;
        else if (o->kind <= OP_TRY_RESTART &&
                 boot_request(b, u, types[o->kind], o->ignore_order, o) == 0 && a && o->blocks &&
                 u->job)
            wait_for(a, u);
    }
}

/* True when the command that a script waits for is through. */
static bool waits(struct attached *a)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->n_wait; i++)
        if (a->wait[i]->job)
            a->wait[kept++] = a->wait[i];
    a->n_wait = kept;
    return kept > 0;
}

/* One command of one script, or the end of one. */
static bool run_scripts(struct boot *b)
{
    for (size_t i = 0; i < b->n_scripts; i++) {
        struct attached *a = &b->scripts[i];
        struct job *j = a->unit->job;

        if (a->over || !j || !j->running || waits(a))
            continue;
        a->waiting = NULL;
        if (a->at < a->script->n) {
            const struct op *o = &a->script->ops[a->at++];

            execute(b, o, a);
            a->waiting = a->n_wait ? o : NULL;
            return true;
        }
        a->over = true;
        if (script_of(b, a->unit))
            return true; /* another one is attached behind it */
        set_state(b, a->unit, UNIT_ACTIVE);
        finish(b, j);
        return true;
    }
    return false;
}

/* Everything hangs, but somebody waits with timeout(1) only. */
static bool give_up_waiting(struct boot *b)
{
    for (size_t i = 0; i < b->n_scripts; i++) {
        struct attached *a = &b->scripts[i];

        if (!a->over && a->waiting && a->waiting->limited) {
            boot_log(b, xasprintf("%s: timeout ends it: %s", a->waiting->where, a->waiting->text));
            a->n_wait = 0;
            a->waiting = NULL;
            return true;
        }
    }
    return false;
}

void boot_run(struct boot *b)
{
    while (run_jobs(b) || run_scripts(b) || give_up_waiting(b))
        ;
}

void boot_command(struct boot *b, const struct op *o)
{
    execute(b, o, NULL);
    boot_run(b);
}
