/* Steps that make a peer speak, fall silent, or misbehave. */
#include "harness/steps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* --- the agent --------------------------------------------------------------------------- */

static char **words(struct run *r, const struct scn_step *s)
{
    char **w = new0_array(char *, s->n_args + 1);

    for (size_t i = 0; i < s->n_args; i++) {
        w[i] = run_text(r, s, &s->args[i]);
        if (!w[i]) {
            str_argv_free(w);
            return NULL;
        }
    }
    return w;
}

int step_start_agent(struct run *r, const struct scn_step *s)
{
    const struct scn_option *which = scn_option(s, "binary");
    char **w = words(r, s);
    int k;

    if (!w)
        return -1;
    if (which)
        r->second = str_eq(which->value.text, "second");
    k = agent_start(r, s, w);
    str_argv_free(w);
    return k;
}

int step_stop_agent(struct run *r, const struct scn_step *s)
{
    int64_t until;

    if (run_within(r, s, RUN_STOP_NS, &until) < 0)
        return -1;
    return agent_end(r, s, SIGTERM, until - loop_now(&r->world.loop));
}

static int signal_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } table[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ABRT", SIGABRT},
                 {"KILL", SIGKILL}, {"SEGV", SIGSEGV}, {"TERM", SIGTERM}, {"USR1", SIGUSR1},
                 {"USR2", SIGUSR2}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};
    uint64_t n;

    if (str_u64(name, 64, &n) == 0)
        return (int)n;
    if (str_starts(name, "SIG"))
        name += 3;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (str_eq(table[i].name, name))
            return table[i].number;
    return -1;
}

int step_kill_agent(struct run *r, const struct scn_step *s)
{
    char *name;
    int number;

    if (run_option(r, s, "signal", &name) < 0)
        return -1;
    number = name ? signal_number(name) : SIGKILL;
    free(name);
    if (number < 0)
        return run_fail(r, s, "not a signal");
    if (number == SIGKILL)
        return agent_end(r, s, number, RUN_STOP_NS);
    if (!r->agent)
        return run_fail(r, s, "the agent is not running");
    proc_kill(r->agent, number);
    return 0;
}

int step_restart_agent(struct run *r, const struct scn_step *s)
{
    return step_stop_agent(r, s) < 0 ? -1 : step_start_agent(r, s);
}

/* --- messages and sessions ---------------------------------------------------------------- */

/* `tasks[0].version=3`: puts value where the path leads, if there is such a place. */
static int override(json_t *body, const char *path, json_t *value)
{
    json_t *at = body;

    for (;;) {
        size_t n = strcspn(path, ".[");
        char *member;
        json_t *next;

        if (*path == '[') {
            char *end;
            size_t i = strtoul(path + 1, &end, 10);

            if (*end != ']' || !json_array_get(at, i))
                return -1;
            path = end + 1 + (end[1] == '.');
            if (!*path)
                return json_array_set(at, i, value);
            at = json_array_get(at, i);
            continue;
        }
        member = xstrndup(path, n);
        path += n;
        if (!*path) {
            int k = json_object_set(at, member, value);

            free(member);
            return k;
        }
        next = json_object_get(at, member);
        free(member);
        if (!next)
            return -1;
        at = next;
        path += *path == '.';
    }
}

static json_t *message_body(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    json_t *body = s->n_args ? value_json(&s->args[0], &x, &e) : json_object();

    if (!body) {
        run_fail(r, s, "%s", e.text);
        return NULL;
    }
    for (size_t i = 0; i < s->n_options; i++) {
        json_t *v = value_json(&s->options[i].value, &x, &e);
        int k = v ? override(body, s->options[i].name, v) : -1;

        json_decref(v);
        if (k < 0) {
            run_fail(r, s, "%s: %s", s->options[i].name, v ? "the body has no such place" : e.text);
            json_decref(body);
            return NULL;
        }
    }
    return body;
}

int step_send(struct run *r, const struct scn_step *s)
{
    json_t *args, *body = message_body(r, s);
    struct journal *j = &r->world.journal;
    char *type = body ? run_what(r, s) : NULL;
    size_t before = j->n;

    if (!type) {
        json_decref(body);
        return -1;
    }
    args = json_object();
    json_put_str(args, "type", type);
    json_put(args, "body", body);
    if (run_control(r, s, s->peer, "send", args, NULL) < 0) {
        free(type);
        return -1;
    }
    for (size_t i = before; i < j->n && s->as; i++)
        if (j->records[i]->kind == RECORD_FRAME_OUT && str_eq(j->records[i]->what, type))
            scope_set_record(r->scope, s->as, j->records[i]);
    free(type);
    return 0;
}

int step_redeliver(struct run *r, const struct scn_step *s)
{
    return run_control(r, s, s->peer, "redeliver", json_object(), NULL);
}

int step_close(struct run *r, const struct scn_step *s)
{
    json_t *args = json_object();
    char *code = NULL, *reason = NULL;

    if (run_option(r, s, "code", &code) < 0 || run_option(r, s, "reason", &reason) < 0) {
        free(code);
        json_decref(args);
        return -1;
    }
    json_put_str(args, "code", code ? code : "1000");
    json_put_str(args, "reason", reason);
    free(code);
    free(reason);
    return run_control(r, s, s->peer, "close", args, NULL);
}

int step_age(struct run *r, const struct scn_step *s)
{
    json_t *args = json_object();
    char *after = NULL;

    if (run_option(r, s, "after", &after) < 0) {
        json_decref(args);
        return -1;
    }
    json_put_str(args, "after", after ? after : "0s");
    free(after);
    return run_control(r, s, s->peer, "age", args, NULL);
}

int step_drop(struct run *r, const struct scn_step *s)
{
    struct fake *f = run_fake(r, s, s->peer);

    if (!f)
        return -1;
    if (!fake_drop_connections(f))
        return run_fail(r, s, "%s has no open connection", peer_name(s->peer));
    return 0;
}

/* --- faults ------------------------------------------------------------------------------- */

static int get_int(struct run *r, const struct scn_step *s, const char *name, int64_t *ret)
{
    const struct scn_option *o = scn_option(s, name);
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;

    if (!o)
        return 0;
    if (value_int(&o->value, &x, ret, &e) < 0)
        return run_fail(r, s, "%s: %s", name, e.text);
    return 1;
}

static int get_size(struct run *r, const struct scn_step *s, const char *name, int64_t *ret)
{
    const struct scn_option *o = scn_option(s, name);
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;

    if (!o)
        return 0;
    if (value_size(&o->value, &x, ret, &e) < 0)
        return run_fail(r, s, "%s: %s", name, e.text);
    return 1;
}

/* `until` is a duration, or the name of a step that is to be met. */
static int get_until(struct run *r, const struct scn_step *s, struct fault *f)
{
    struct until *u;
    int64_t ns;
    char *text;

    if (run_option(r, s, "until", &text) < 0)
        return -1;
    if (!text)
        return 0;
    u = new0(struct until);
    u->fault = f;
    u->run = r;
    if (str_duration(text, &ns) == 0) {
        loop_after(&r->world.loop, &u->timer, ns, until_timer);
        free(text);
    } else {
        u->name = text;
    }
    list_add_tail(&r->untils, &u->link);
    return 0;
}

static int get_selectors(struct run *r, const struct scn_step *s, struct fault *f)
{
    const struct scn_option *chance = scn_option(s, "chance");
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    int64_t v[3] = {0};

    if (get_int(r, s, "first", &v[0]) < 0 || get_int(r, s, "nth", &v[1]) < 0 ||
        get_int(r, s, "every", &v[2]) < 0)
        return -1;
    f->first = (uint64_t)v[0];
    f->nth = (uint64_t)v[1];
    f->every = (uint64_t)v[2];
    if (chance && value_double(&chance->value, &x, &f->chance, &e) < 0)
        return run_fail(r, s, "chance: %s", e.text);
    return get_until(r, s, f);
}

/* The one option that says what goes wrong. */
static int get_kind(struct run *r, const struct scn_step *s, char **ret_reset)
{
    static const char *const kinds[] = {"delay",  "hang",    "refuse",   "close",   "cut", "error",
                                        "status", "wsclose", "badframe", "garbage", "slow"};

    *ret_reset = NULL;
    if (scn_option(s, "reset")) {
        if (run_option(r, s, "reset", ret_reset) < 0)
            return -1;
        return str_eq(*ret_reset, "after") ? FAULT_RESET_AFTER : FAULT_RESET_BEFORE;
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (scn_option(s, kinds[i]))
            return fault_kind_from(kinds[i]);
    return run_fail(r, s, "the step does not say what goes wrong");
}

static int fill_fault(struct run *r, const struct scn_step *s, struct fault *f)
{
    const struct scn_option *delay = scn_option(s, "delay");
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    int64_t status = 0, code = 0;

    if (delay && value_duration(&delay->value, &x, &f->delay, &e) < 0)
        return run_fail(r, s, "delay: %s", e.text);
    if (get_size(r, s, "cut", &f->bytes) < 0 || get_size(r, s, "slow", &f->rate) < 0 ||
        get_int(r, s, "status", &status) < 0 || get_int(r, s, "wsclose", &code) < 0 ||
        run_option(r, s, "error", &f->type) < 0 || run_option(r, s, "message", &f->text) < 0)
        return -1;
    f->status = (int)status;
    f->code = (int)code;
    return get_selectors(r, s, f);
}

int step_fault(struct run *r, const struct scn_step *s)
{
    struct fault *f;
    char *what, *reset;
    int kind = get_kind(r, s, &reset);

    free(reset);
    if (kind < 0 || !run_fake(r, s, s->peer))
        return -1;
    what = run_what(r, s);
    if (!what)
        return -1;
    f = fault_table_add(&r->world.faults, s->as, peer_name(s->peer), what, (enum fault_kind)kind);
    free(what);
    if (fill_fault(r, s, f) < 0)
        return -1;
    world_apply_refusals(&r->world);
    return 0;
}

int step_heal(struct run *r, const struct scn_step *s)
{
    char *name = run_text(r, s, &s->args[0]);
    size_t n;

    if (!name)
        return -1;
    n = fault_table_heal(&r->world.faults, str_eq(name, "all") ? NULL : name);
    world_apply_refusals(&r->world);
    if (!n && !str_eq(name, "all"))
        run_fail(r, s, "there is no fault to heal for \"%s\"", name);
    free(name);
    return r->failed ? -1 : 0;
}

static int reply_headers(struct run *r, const struct scn_step *s, struct fault *f)
{
    for (size_t i = 0; i < s->n_options; i++) {
        const char *name = str_after(s->options[i].name, "header.");
        char *value;

        if (!name)
            continue;
        value = run_text(r, s, &s->options[i].value);
        if (!value)
            return -1;
        if (!f->headers)
            f->headers = json_object();
        json_put_str(f->headers, name, value);
        free(value);
    }
    return 0;
}

int step_reply(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    struct fault *f;
    char *what;
    size_t n;
    int64_t status = 200;

    if (!run_fake(r, s, s->peer))
        return -1;
    what = run_what(r, s);
    if (!what)
        return -1;
    f = fault_table_add(&r->world.faults, s->as, peer_name(s->peer), what, FAULT_REPLY);
    free(what);
    f->text = value_bytes(&s->args[0], &x, &n, &e);
    if (!f->text)
        return run_fail(r, s, "%s", e.text);
    if (get_int(r, s, "status", &status) < 0 || run_option(r, s, "type", &f->type) < 0 ||
        reply_headers(r, s, f) < 0 || get_selectors(r, s, f) < 0)
        return -1;
    f->status = (int)status;
    if (!f->type)
        f->type = xstrdup(s->peer == PEER_ECS ? "application/x-amz-json-1.1" : "application/json");
    return 0;
}
