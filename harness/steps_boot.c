/* Steps of a machine that boots: `boot`, and what its systemd does. `inside` is in steps_tools.c.
 */
#include "harness/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/machine.h"
#include "harness/boot/verdict.h"

/* What the words of a `boot` step stand for. */
struct ask {
    struct machine_unit *units;
    size_t n;
    char *user_data, *host, *verdict;
    size_t user_data_len;
    bool disabled;
};

static void ask_release(struct ask *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->units[i].name);
        free(a->units[i].text);
    }
    free(a->units);
    free(a->user_data);
    free(a->host);
    free(a->verdict);
}

/* "../../agent/packaging/x/ecs.service" is ecs.service, "a/ecs.service.d/b.conf" a drop-in. */
static char *unit_name(const char *path)
{
    const char *p = strrchr(path, '/');

    if (p && str_ends(path, ".conf"))
        while (p > path && p[-1] != '/')
            p--;
    else if (p)
        p++;
    return xstrdup(p ? p : path);
}

static int ask_init(struct run *r, const struct scn_step *s, struct ask *a)
{
    const struct scn_option *data = scn_option(s, "user-data"), *enabled = scn_option(s, "enabled");
    bool on = true;
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;

    *a = (struct ask){.units = new0_array(struct machine_unit, s->n_args + 1)};
    for (; a->n < s->n_args; a->n++) {
        struct machine_unit *u = &a->units[a->n];

        u->text = value_bytes(&s->args[a->n], &x, &u->len, &e);
        if (!u->text)
            return run_fail(r, s, "%s", e.text);
        u->name = unit_name(s->args[a->n].text);
    }
    if (data && !(a->user_data = value_bytes(&data->value, &x, &a->user_data_len, &e)))
        return run_fail(r, s, "user-data: %s", e.text);
    if (enabled && value_bool(&enabled->value, &x, &on, &e) < 0)
        return run_fail(r, s, "enabled: %s", e.text);
    a->disabled = !on;
    return run_option(r, s, "host", &a->host) < 0 || run_option(r, s, "verdict", &a->verdict) < 0
               ? -1
               : 0;
}

static void record(struct run *r, const char *what, json_t *body, bool foreign)
{
    json_t *d = json_object();

    json_put(d, "body", body);
    journal_record(&r->world.journal,
                   &(struct record_info){.kind = RECORD_PROCESS,
                                         .peer = "machine",
                                         .what = what,
                                         .group = r->ending ? "asked" : NULL,
                                         .foreign = foreign},
                   d);
}

static int compare_verdict(struct run *r, const struct scn_step *s, const char *want)
{
    _cleanup_buf_ struct buf text = BUF_INIT(1 << 20);

    if (str_eq(verdict_of(r->model), want))
        return 0;
    verdict_text(r->model, true, &text);
    return run_fail(r, s, "the model says \"%s\", expected \"%s\":\n%s", verdict_of(r->model), want,
                    buf_str(&text));
}

/* The model, on the units that the machine will read. -1: it says something else than the step. */
static int ask_model(struct run *r, const struct scn_step *s, const struct ask *a)
{
    const struct boot_check c = {.root = machine_root(r->machine),
                                 .user_data = a->user_data,
                                 .user_data_len = a->user_data_len,
                                 .user_data_name = "user-data"};
    const char *want = a->verdict ? a->verdict : "boots";
    struct err e = ERR_INIT;

    r->model = boot_check(&c, &e);
    if (!r->model)
        return run_fail(r, s, "%s", e.text);
    record(r, "model", json_deep_copy(r->model), false);
    return compare_verdict(r, s, want);
}

static bool names_unit(const json_t *list, const char *unit)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);

        if (str_eq(json_is_string(o) ? json_string_value(o) : json_str(o, "unit"), unit))
            return true;
    }
    return false;
}

/* The circle that systemd shows has to be the model's. */
static void compare_deadlock(struct run *r, const json_t *event)
{
    const json_t *mine = json_object_get(r->model, "cycle");
    const json_t *real = json_object_get(event, "cycle");

    if (!str_eq(verdict_of(r->model), "deadlock")) {
        run_fail(r, r->step, "systemd is in a deadlock, the model says \"%s\"",
                 verdict_of(r->model));
        return;
    }
    for (size_t i = 0; i < json_array_size(real); i++)
        if (!names_unit(mine, json_str(json_array_get(real, i), "unit")))
            run_fail(r, r->step, "%s is in the deadlock, and the model does not say so",
                     json_str(json_array_get(real, i), "unit"));
    if (json_array_size(real) != json_array_size(mine))
        run_fail(r, r->step, "the deadlock has %zu jobs, the model's has %zu",
                 json_array_size(real), json_array_size(mine));
}

/* A job that systemd deletes to break a cycle is one of those that the model names. */
static void compare_deleted(struct run *r, const char *unit)
{
    const json_t *cycles = json_object_get(r->model, "ordering_cycles");

    for (size_t i = 0; i < json_array_size(cycles); i++)
        if (names_unit(json_object_get(json_array_get(cycles, i), "may_go"), unit))
            return;
    run_fail(r, r->step,
             "systemd deletes the job of %s to break an ordering cycle, and the model "
             "does not say so",
             unit);
}

/* The scenario ends as skipped. */
static int no_machine(struct run *r, const char *why)
{
    if (r->failed)
        return -1;
    r->failed = true; /* unwinds; the outcome says what it means */
    r->result->outcome = OUTCOME_SKIPPED;
    r->result->reason = xasprintf("no real machine: %s; the model says \"%s\", as expected", why,
                                  verdict_of(r->model));
    return -1;
}

static void on_event(void *data, const char *what, json_t *event)
{
    struct run *r = data;
    bool deadlock = str_eq(what, "deadlock");

    if (json_str(event, "never_began")) {
        no_machine(r, json_str(event, "never_began"));
        return;
    }
    /* what ends a boot in a way that nobody wants has to be expected */
    record(r, what, json_deep_copy(event), deadlock || str_eq(what, "end"));
    if (deadlock)
        compare_deadlock(r, event);
    if (str_eq(what, "job") && str_eq(json_str(event, "state"), "deleted"))
        compare_deleted(r, json_str(event, "unit"));
    if (str_eq(what, "up") && str_eq(verdict_of(r->model), "deadlock"))
        run_fail(r, r->step, "the machine is up, and the model says \"deadlock\"");
}

static const struct machine_ops ops = {.on_event = on_event};

/* Without a machine there is no root folder to read: the model's own units stand in. */
static int model_alone(struct run *r, const struct scn_step *s, const struct ask *a,
                       const char *why)
{
    const char **names = new0_array(const char *, a->n + 1);
    struct boot_check c = {.texts = a->units,
                           .n_texts = a->n,
                           .disabled = a->disabled ? names : NULL,
                           .host = a->host,
                           .user_data = a->user_data,
                           .user_data_len = a->user_data_len,
                           .user_data_name = "user-data"};
    const char *want = a->verdict ? a->verdict : "boots";
    struct err e = ERR_INIT;

    for (size_t i = 0; i < a->n; i++)
        names[i] = a->units[i].name;
    r->model = boot_check(&c, &e);
    free(names);
    if (!r->model)
        return run_fail(r, s, "%s", e.text);
    return compare_verdict(r, s, want) < 0 ? -1 : no_machine(r, why);
}

static int start(struct run *r, const struct scn_step *s, const struct ask *a)
{
    char **env = run_environment(r, true);
    struct machine_spec spec = {.dir = r->dir,
                                .host = a->host ? a->host : "amazon-linux",
                                .units = a->units,
                                .n_units = a->n,
                                .disabled = a->disabled,
                                .user_data = a->user_data ? a->user_data : "",
                                .user_data_len = a->user_data_len,
                                .env = env,
                                .agent = r->config->agent,
                                .engine = world_find(&r->world, "docker") ? "/run" : NULL};
    struct err e = ERR_INIT;

    r->machine = machine_make(&spec, &e);
    str_argv_free(env);
    if (!r->machine)
        return run_fail(r, s, "%s", e.text);
    if (ask_model(r, s, a) < 0)
        return -1;
    if (machine_boot(r->machine, &r->procs, &ops, r, &e) < 0)
        return run_fail(r, s, "%s", e.text);
    record(r, "start", json_object(), false);
    return 0;
}

int step_boot(struct run *r, const struct scn_step *s)
{
    const struct sandbox *box = r->config->sandbox;
    const char *why = !box                       ? "there is no sandbox"
                      : box->user_ns || box->uid ? "control groups and systemd-nspawn need root"
                                                 : machine_missing();
    struct ask a;
    int k;

    if (r->machine)
        return run_fail(r, s, "a machine was booted already");
    if (r->pace.mode != LOOP_REAL)
        return run_fail(r, s, "a machine keeps its own time: say `time real` in the header");
    k = ask_init(r, s, &a);
    if (k == 0)
        k = why ? model_alone(r, s, &a, why) : start(r, s, &a);
    ask_release(&a);
    return k;
}

static bool has_ended(struct run *r, void *data)
{
    (void)data;
    return !machine_runs(r->machine);
}

void run_machine_end(struct run *r)
{
    int64_t until = loop_now(&r->world.loop) + MACHINE_END_NS;

    if (r->machine && machine_runs(r->machine)) {
        r->ending = true;
        machine_kill(r->machine);
        while (!has_ended(r, NULL) && loop_now(&r->world.loop) < until)
            loop_turn(&r->world.loop, until);
        r->ending = false;
    }
    machine_free(r->machine);
    json_decref(r->model);
    r->machine = NULL;
    r->model = NULL;
}
