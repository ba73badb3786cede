#include "harness/boot/transaction.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

static struct job *fresh_of(const struct boot *b, const struct unit *u)
{
    for (size_t i = 0; i < b->n_fresh; i++)
        if (b->fresh[i]->unit == u)
            return b->fresh[i];
    return NULL;
}

static bool pulls_in(enum dep d)
{
    return d == DEP_REQUIRES || d == DEP_BINDS_TO || d == DEP_WANTS || d == DEP_UPHOLDS;
}

static bool needs(enum dep d)
{
    return d == DEP_REQUIRES || d == DEP_BINDS_TO || d == DEP_REQUISITE;
}

/* Who stops or restarts when the unit that it points to does. */
static bool propagates(enum dep d)
{
    return d == DEP_REQUIRES || d == DEP_BINDS_TO || d == DEP_REQUISITE || d == DEP_PART_OF;
}

static void build(struct boot *b, struct unit *u, enum job_type type, bool matters,
                  bool ignore_order, const struct op *by);

static void build_dependencies(struct boot *b, struct unit *u, enum job_type type, bool matters,
                               bool ignore_order, const struct op *by)
{
    if (type != JOB_STOP)
        for (size_t i = 0; i < u->n_out; i++) {
            const struct edge *g = u->out[i];

            if (pulls_in(g->dep) && g->to->state != UNIT_ACTIVE)
                build(b, g->to, JOB_START, matters && needs(g->dep), ignore_order, by);
            if (g->dep == DEP_CONFLICTS && (g->to->state == UNIT_ACTIVE || g->to->job))
                build(b, g->to, JOB_STOP, matters, ignore_order, by);
        }
    if (type == JOB_START)
        return;
    for (size_t i = 0; i < u->n_in; i++) {
        const struct edge *g = u->in[i];

        if (!propagates(g->dep) || (g->from->state == UNIT_INACTIVE && type != JOB_STOP) ||
            (g->from->state == UNIT_INACTIVE && !g->from->job))
            continue;
        build(b, g->from, type == JOB_STOP ? JOB_STOP : JOB_RESTART, matters, ignore_order, by);
    }
}

static void build(struct boot *b, struct unit *u, enum job_type type, bool matters,
                  bool ignore_order, const struct op *by)
{
    struct job *j = fresh_of(b, u);

    if (j) {
        if (matters && !j->matters) {
            j->matters = true;
            build_dependencies(b, u, type, matters, ignore_order, by);
        }
        return;
    }
    if (type != JOB_STOP && (!u->found || u->masked))
        return; /* a wish for what is not there is nothing */
    j = new0(struct job);
    *j = (struct job){
        .unit = u, .type = type, .matters = matters, .ignore_order = ignore_order, .by = by};
    grow_array(b->fresh, b->n_fresh, b->fresh_room);
    b->fresh[b->n_fresh++] = j;
    build_dependencies(b, u, type, matters, ignore_order, by);
}

/* --- ordering cycles -------------------------------------------------------------------- */

struct walk {
    struct boot *b;
    const struct edge *path[UNITS_MAX]; /* how each unit was reached from the one before */
    struct unit *units[UNITS_MAX];
    size_t n;
};

/* The job of a unit: of this transaction, or one that waits already. */
static struct job *job_of(const struct boot *b, const struct unit *u)
{
    struct job *j = fresh_of(b, u);

    return j ? j : u->job;
}

static void forget_fresh(struct boot *b, struct job *gone)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->n_fresh; i++)
        if (b->fresh[i] != gone)
            b->fresh[kept++] = b->fresh[i];
    b->n_fresh = kept;
    free(gone);
}

/* Units that cannot be without the one whose job goes lose theirs too. */
static void drop(struct boot *b, struct unit *u)
{
    struct job *j = fresh_of(b, u);

    if (!j)
        return;
    forget_fresh(b, j);
    u->dropped = true;
    for (size_t i = 0; i < u->n_in; i++)
        if (u->in[i]->dep == DEP_REQUIRES || u->in[i]->dep == DEP_BINDS_TO)
            drop(b, u->in[i]->from);
}

static int break_cycle(struct walk *w, size_t from, const struct edge *back)
{
    struct boot *b = w->b;
    struct cycle c = {.n = w->n - from};
    struct buf text = BUF_INIT(1 << 16);
    struct unit *gone = NULL;

    c.units = new0_array(struct unit *, c.n);
    c.may_go = new0_array(struct unit *, c.n);
    for (size_t i = from; i < w->n; i++) {
        struct job *j = fresh_of(b, w->units[i]);
        const struct edge *g = i + 1 < w->n ? w->path[i + 1] : back;

        c.units[i - from] = w->units[i];
        buf_addf(&text, "%s%s comes before %s: %s", i > from ? "\n" : "", w->units[i]->name,
                 i + 1 < w->n ? w->units[i + 1]->name : w->units[from]->name, g->why);
        if (j && !j->matters) {
            c.may_go[c.n_may_go++] = w->units[i];
            gone = w->units[i];
        }
    }
    c.text = buf_steal(&text, NULL);
    grow_array(b->cycles, b->n_cycles, b->cycle_room);
    b->cycles[b->n_cycles++] = c;
    if (!gone)
        return -1;
    boot_log(b, xasprintf("%s: its start job is deleted to break an ordering cycle", gone->name));
    drop(b, gone);
    return 1;
}

/* Visits the units whose jobs must wait for this one's. 1: a cycle was broken, begin anew;
 * -1: one cannot be; 0: none. */
static int visit(struct walk *w, struct unit *u, const struct edge *by)
{
    struct boot *b = w->b;
    int k = 0;

    if (u->path_mark == b->mark) {
        size_t from = w->n;

        while (from > 0 && w->units[from - 1] != u)
            from--;
        return break_cycle(w, from - 1, by);
    }
    if (u->mark == b->mark)
        return 0;
    u->mark = u->path_mark = b->mark;
    w->path[w->n] = by;
    w->units[w->n++] = u;
    for (int inward = 0; k == 0 && inward < 2; inward++) {
        struct edge **list = inward ? u->in : u->out;
        size_t n = inward ? u->n_in : u->n_out;

        for (size_t i = 0; k == 0 && i < n; i++) {
            const struct edge *g = list[i];
            struct unit *other = inward ? g->from : g->to;
            struct job *mine = job_of(b, u), *his;

            if ((g->dep != DEP_AFTER && g->dep != DEP_BEFORE) || !(his = job_of(b, other)) ||
                !mine || mine->ignore_order || his->ignore_order)
                continue;
            if (boot_must_wait(g, job_of(b, g->from), job_of(b, g->to), his))
                k = visit(w, other, g);
        }
    }
    u->path_mark = 0;
    w->n--;
    return k;
}

static int check_order(struct boot *b)
{
    struct walk *w = new0(struct walk);
    int k = 1;

    w->b = b;
    while (k > 0) {
        k = 0;
        b->mark++;
        for (size_t i = 0; k == 0 && i < b->n_fresh; i++) {
            w->n = 0;
            k = visit(w, b->fresh[i]->unit, NULL);
        }
    }
    free(w);
    return k;
}

/* --- into the queue ----------------------------------------------------------------------- */

static void install(struct boot *b, struct job *j)
{
    struct unit *u = j->unit;

    if (u->job && u->job->type != JOB_STOP && j->type == JOB_START) {
        /* merged: whoever waits, waits for the one that is there */
        u->job->ignore_order = u->job->ignore_order || j->ignore_order;
        free(j);
        return;
    }
    if (u->job) {
        bool start = u->job->type == JOB_STOP;

        /* stop and start conflict: the newer one replaces; restart and start become restart */
        u->job->type = start || j->type == JOB_STOP ? j->type : JOB_RESTART;
        u->job->running = false;
        u->job->by = j->by;
        u->job->ignore_order = j->ignore_order;
        free(j);
        return;
    }
    j->installed = true;
    u->job = j;
    u->dropped = false;
    grow_array(b->jobs, b->n, b->room);
    b->jobs[b->n++] = j;
    boot_log(b, xasprintf("queued: %s/%s", u->name, job_type_name(j->type)));
}

static void give_up(struct boot *b)
{
    for (size_t i = 0; i < b->n_fresh; i++)
        free(b->fresh[i]);
    b->n_fresh = 0;
}

int boot_request(struct boot *b, struct unit *u, enum job_type type, bool ignore_order,
                 const struct op *by)
{
    if (type == JOB_TRY_RESTART && u->state != UNIT_ACTIVE)
        return 0;
    if (type == JOB_TRY_RESTART)
        type = JOB_RESTART;
    if (type != JOB_STOP && (!u->found || u->masked)) {
        boot_log(
            b, xasprintf("%s: %s", u->name, u->masked ? "it is masked" : "there is no such unit"));
        return -1;
    }
    build(b, u, type, true, ignore_order, by);
    if (check_order(b) < 0) {
        boot_log(b, xasprintf("%s: the request is refused: its order is a cycle", u->name));
        give_up(b);
        return -1;
    }
    for (size_t i = 0; i < b->n_fresh; i++)
        install(b, b->fresh[i]);
    b->n_fresh = 0;
    return 0;
}
