#include "harness/boot/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/builtin.h"
#include "harness/boot/jobs.h"
#include "harness/boot/units.h"
#include "harness/boot/user_data.h"

#define FINAL "cloud-final.service"

/* The parts of one check. */
struct check {
    const struct boot_check *c;
    struct units us;
    struct user_data data;
    struct boot boot;
    json_t *v;
};

static bool listed(const char *const *list, const char *name)
{
    for (; list && *list; list++) {
        _cleanup_free_ char *full = units_full_name(*list);

        if (str_eq(full, name))
            return true;
    }
    return false;
}

static void append(json_t *v, const char *member, const char *text)
{
    json_t *list = json_object_get(v, member);

    if (!list) {
        list = json_array();
        json_put(v, member, list);
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        if (str_eq(json_string_value(json_array_get(list, i)), text))
            return;
    json_array_append_new(list, json_string(text));
}

/* What cloud-init's generator does on a machine of a cloud: it links its target. */
static void generate(struct units *us)
{
    const struct unit *u = units_get(us, "cloud-init.target");

    for (size_t i = 0; u && i < u->n_in; i++)
        if (u->in[i]->dep == DEP_WANTS || u->in[i]->dep == DEP_REQUIRES)
            return;
    if (!u || !u->found)
        return;
    units_want(us, "multi-user.target", u->name);
    units_reload(us);
}

static int load(struct check *k, struct err *e)
{
    const struct boot_check *c = k->c;

    units_init(&k->us, c->root, c->root ? NULL : c->host ? c->host : builtin_hosts()[0]);
    for (const char *const *p = c->unit_files; p && *p; p++)
        if (units_add_file(&k->us, *p, e) < 0)
            return -1;
    for (size_t i = 0; i < c->n_texts; i++)
        if (units_add_text(&k->us, c->texts[i].name, c->texts[i].name, c->texts[i].text,
                           c->texts[i].len, e) < 0)
            return -1;
    if (c->user_data &&
        user_data_read(&k->data, c->user_data_name, c->user_data, c->user_data_len, e) < 0)
        return -1;
    /* what was given is enabled, as on a machine image, unless somebody says otherwise */
    for (size_t i = 0; i < k->us.n_given; i++) {
        struct unit *u =
            strchr(k->us.given[i].name, '/') ? NULL : units_get(&k->us, k->us.given[i].name);

        if (u && !listed(c->disabled, u->name))
            units_enable(&k->us, u);
    }
    units_get(&k->us, "default.target");
    if (c->root)
        generate(&k->us);
    return 0;
}

static void attach(struct check *k, const char *unit, const struct script *s)
{
    /* cloud-final takes its time, with or without user data: who does not wait for it is earlier */
    struct unit *u = s->n || str_eq(unit, FINAL) ? units_get(&k->us, unit) : NULL;

    if (u)
        boot_attach(&k->boot, u, s);
}

/* --- what is left ------------------------------------------------------------------------- */

/* The job that this one waits for, and why; the text is to be freed. */
static const struct job *waits_for(const struct check *k, const struct job *j, char **ret_why)
{
    const struct attached *a = j->running ? boot_script_of(&k->boot, j->unit) : NULL;
    const struct edge *g = NULL;
    const struct job *other;

    for (size_t i = 0; i < k->boot.n_scripts; i++)
        if (j->running && k->boot.scripts[i].unit == j->unit && k->boot.scripts[i].waiting)
            a = &k->boot.scripts[i];
    if (a && a->waiting && a->n_wait) {
        *ret_why =
            xasprintf("runs \"%s\" (%s), which waits for %s/%s", a->waiting->text,
                      a->waiting->where, a->wait[0]->name, job_type_name(a->wait[0]->job->type));
        return a->wait[0]->job;
    }
    other = boot_blocker(&k->boot, j, &g);
    if (other)
        *ret_why = xasprintf("waits for %s: %s", other->unit->name, g->why);
    return other;
}

static json_t *job_json(const struct check *k, const struct job *j)
{
    _cleanup_free_ char *why = NULL;
    const struct job *other = waits_for(k, j, &why);
    json_t *o = json_object();

    json_put_str(o, "unit", j->unit->name);
    json_put_str(o, "type", job_type_name(j->type));
    json_put_str(o, "state", j->running ? "running" : "waiting");
    if (other)
        json_put_str(o, "waits_for", other->unit->name);
    json_put_str(o, "why", why);
    return o;
}

/* What would end this wait, when a command waits. */
static void suggest(struct check *k, const struct job *j)
{
    for (size_t i = 0; i < k->boot.n_scripts; i++) {
        const struct attached *a = &k->boot.scripts[i];
        _cleanup_free_ char *fix = NULL;

        if (a->unit != j->unit || !a->waiting || !a->waiting->fix)
            continue;
        fix = xasprintf("%s: write \"%s\": it puts the job into the queue and does not wait",
                        a->waiting->where, a->waiting->fix);
        append(k->v, "fixes", fix);
    }
}

/* Follows the waits from each job until they come round. */
static void find_circle(struct check *k)
{
    const struct job *slow, *seen[UNITS_MAX];
    json_t *circle = json_array();
    size_t n = 0, first = 0;
    bool round = false;

    for (size_t i = 0; i < k->boot.n && !round; i++) {
        n = 0;
        for (slow = k->boot.jobs[i]; slow && !round && n < UNITS_MAX;) {
            _cleanup_free_ char *why = NULL;

            for (size_t m = 0; m < n && !round; m++)
                if (seen[m] == slow) {
                    round = true;
                    first = m;
                }
            seen[n++] = slow;
            slow = waits_for(k, slow, &why);
        }
    }
    /* the running one first: it is where a person looks */
    if (round) {
        size_t len = n - 1 - first, start = 0;

        for (size_t i = 0; i < len; i++)
            if (seen[first + i]->running)
                start = i;
        for (size_t i = 0; i < len; i++) {
            const struct job *j = seen[first + (start + i) % len];

            json_array_append_new(circle, job_json(k, j));
            suggest(k, j);
        }
    }
    json_put(k->v, "cycle", circle);
}

static void add_jobs(struct check *k)
{
    json_t *jobs = json_array();

    for (size_t i = 0; i < k->boot.n; i++)
        json_array_append_new(jobs, job_json(k, k->boot.jobs[i]));
    json_put(k->v, "jobs", jobs);
    if (k->boot.n)
        find_circle(k);
}

/* --- units ------------------------------------------------------------------------------- */

static bool named_by(const struct script *s, const struct unit *u)
{
    for (size_t i = 0; i < s->n; i++)
        for (size_t n = 0; s->ops[i].units[n] && s->ops[i].kind < OP_RELOAD; n++)
            if (str_eq(s->ops[i].units[n], u->name))
                return true;
    return false;
}

static bool is_agent(const struct unit *u)
{
    const char *exec = unit_setting(u, "Service", "ExecStart");

    return unit_is(u, ".service") && u->found && !u->builtin &&
           (str_eq(u->name, "ecs.service") || str_eq(u->name, "amazon-ecs.service") ||
            (exec && (strstr(exec, "ecs-init") || strstr(exec, "ecs-agent") ||
                      strstr(exec, "ecsim-init"))));
}

static bool is_subject(const struct check *k, const struct unit *u)
{
    return u->given || str_eq(u->name, FINAL) || is_agent(u) || named_by(&k->data.init, u) ||
           named_by(&k->data.final, u);
}

static const char *when(const struct check *k, const struct unit *u)
{
    const struct unit *final = map_get(&k->us.by_name, FINAL);

    if (!u->started_at || !final || !final->found || u == final)
        return NULL;
    return final->started_at && final->started_at < u->started_at ? "after-user-data"
                                                                  : "before-user-data-ends";
}

static const char *down_because(const struct unit *u)
{
    return !u->found && !u->masked ? "there is no such unit"
           : u->masked             ? "it is masked"
           : u->job                ? "its job waits"
           : u->dropped            ? "its job was deleted to break an ordering cycle"
                                   : "nothing starts it: it is not enabled, and no command does";
}

static void add_units(struct check *k)
{
    static const char *const states[] = {"inactive", "activating", "active", "failed"};
    json_t *list = json_array();

    for (size_t i = 0; i < k->us.n; i++) {
        const struct unit *u = k->us.all[i];
        json_t *o;

        if (!is_subject(k, u))
            continue;
        o = json_object();
        json_put_str(o, "unit", u->name);
        json_put_str(o, "state", states[u->state]);
        json_put_str(o, "when", when(k, u));
        if (u->state == UNIT_INACTIVE)
            json_put_str(o, "why", down_because(u));
        if (u->builtin)
            json_put_bool(o, "builtin", true);
        json_array_append_new(list, o);
    }
    json_put(k->v, "units", list);
}

/* --- what a person should change -------------------------------------------------------------- */

static const struct op *writes_config(const struct check *k)
{
    for (size_t i = 0; i < k->data.final.n; i++)
        if (k->data.final.ops[i].kind == OP_WRITE_ECS)
            return &k->data.final.ops[i];
    return NULL;
}

static void warn_order(struct check *k, const struct unit *u)
{
    const struct op *o = writes_config(k);
    _cleanup_free_ char *text = NULL;

    if (!str_eq(when(k, u), "before-user-data-ends"))
        return;
    if (o)
        text =
            xasprintf("%s does not wait for the user data: it may start before %s is written (%s). "
                      "Add \"After=" FINAL "\" to [Unit]",
                      u->name, o->text, o->where);
    else
        text = xasprintf(
            "%s does not wait for the user data; were it to write /etc/ecs/ecs.config, the "
            "agent may start without it",
            u->name);
    append(k->v, o ? "warnings" : "notes", text);
}

static void warn_restart(struct check *k, const struct unit *u)
{
    const char *restart = unit_setting(u, "Service", "Restart");
    const char *prevent = unit_setting(u, "Service", "RestartPreventExitStatus");
    _cleanup_free_ char *text = NULL;

    if (!restart || !*restart || str_eq(restart, "no"))
        text =
            xasprintf("%s has no Restart=: an agent that ends with 1, to be started again, stays "
                      "down. Add \"Restart=on-failure\" to [Service]",
                      u->name);
    else if (!prevent || !strchr(prevent, '5'))
        text = xasprintf(
            "%s is started again after exit code 5 too, which says that it makes no sense. "
            "Add \"RestartPreventExitStatus=5\" to [Service]",
            u->name);
    if (text)
        append(k->v, "warnings", text);
}

static struct op command(enum op_kind kind, char **units, const char *text)
{
    return (struct op){.kind = kind,
                       .units = units,
                       .text = (char *)(uintptr_t)text,
                       .where = (char *)(uintptr_t) "after the boot"};
}

/* A package update stops the engine and starts it again, in two commands. */
static void try_update(struct check *k)
{
    char name[] = "docker.service", *units[] = {name, NULL};
    struct unit *docker = map_get(&k->us.by_name, name), *agent = NULL;
    struct op stop = command(OP_STOP, units, "systemctl stop docker");
    struct op start = command(OP_START, units, "systemctl start docker");
    _cleanup_free_ char *text = NULL;
    bool stopped;

    for (size_t i = 0; i < k->us.n; i++)
        if (is_agent(k->us.all[i]) && k->us.all[i]->state == UNIT_ACTIVE)
            agent = k->us.all[i];
    if (!docker || docker->state != UNIT_ACTIVE || !agent)
        return;
    boot_command(&k->boot, &stop);
    stopped = agent->state != UNIT_ACTIVE;
    boot_command(&k->boot, &start);
    json_put_str(k->v, "docker_update",
                 agent->state == UNIT_ACTIVE ? stopped ? "comes-back" : "not-touched"
                                             : "stays-stopped");
    if (agent->state == UNIT_ACTIVE)
        return;
    text = xasprintf("a package update that stops docker.service and starts it again leaves %s "
                     "stopped. Add \"docker.service\" to its WantedBy= in [Install], and enable it "
                     "again",
                     agent->name);
    append(k->v, "warnings", text);
}

static void add_cycles(struct check *k)
{
    json_t *list = json_array();

    for (size_t i = 0; i < k->boot.n_cycles; i++) {
        const struct cycle *c = &k->boot.cycles[i];
        json_t *o = json_object(), *may = json_array();

        json_put_str(o, "text", c->text);
        for (size_t n = 0; n < c->n_may_go; n++)
            json_array_append_new(may, json_string(c->may_go[n]->name));
        json_put(o, "may_go", may);
        json_array_append_new(list, o);
    }
    json_put(k->v, "ordering_cycles", list);
    if (k->boot.n_cycles)
        append(k->v, "fixes",
               "take one of these orderings away. A unit that comes after " FINAL
               " where that comes after multi-user.target (Debian, Ubuntu) is wanted by "
               "cloud-init.target, not by multi-user.target");
}

static const char *kind_of(const struct check *k)
{
    if (k->boot.n)
        return "deadlock";
    for (size_t i = 0; i < k->us.n; i++)
        if (k->us.all[i]->dropped && !k->us.all[i]->job && k->us.all[i]->state == UNIT_INACTIVE)
            return "dropped";
    if (k->boot.n_cycles)
        return "dropped";
    for (size_t i = 0; i < k->us.n; i++)
        if (is_agent(k->us.all[i]) && k->us.all[i]->state != UNIT_ACTIVE)
            return "agent-down";
    return "boots";
}

static void judge(struct check *k)
{
    json_put_str(k->v, "verdict", kind_of(k));
    add_jobs(k);
    add_cycles(k);
    add_units(k);
    for (size_t i = 0; i < k->us.n_notes; i++)
        append(k->v, "warnings", k->us.notes[i]);
    for (size_t i = 0; i < k->us.n; i++)
        if (is_agent(k->us.all[i])) {
            warn_order(k, k->us.all[i]);
            warn_restart(k, k->us.all[i]);
        }
    for (size_t i = 0; i < k->boot.n_log; i++) {
        json_t *trace = json_object_get(k->v, "trace");

        if (!trace)
            json_put(k->v, "trace", trace = json_array());
        json_array_append_new(trace, json_string(k->boot.log[i]));
    }
    if (str_eq(verdict_of(k->v), "boots"))
        try_update(k);
}

json_t *boot_check(const struct boot_check *c, struct err *e)
{
    struct check k = {.c = c};
    int r = load(&k, e);

    if (r == 0) {
        struct unit *target = units_get(&k.us, "default.target");

        boot_init(&k.boot, &k.us);
        attach(&k, "cloud-init.service", &k.data.init);
        attach(&k, FINAL, &k.data.final);
        boot_request(&k.boot, target, JOB_START, false, NULL);
        boot_run(&k.boot);
        k.v = json_object();
        judge(&k);
        boot_release(&k.boot);
    }
    units_release(&k.us);
    user_data_release(&k.data);
    return k.v;
}

const char *verdict_of(const json_t *v)
{
    return json_str(v, "verdict");
}

bool verdict_warns(const json_t *v)
{
    return json_array_size(json_object_get(v, "warnings")) > 0;
}
