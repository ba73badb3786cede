/* Steps that act from outside: HTTP probes, programs, and the passing of time. */
#include "harness/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/machine.h"
#include "harness/http_client.h"
#include "harness/match.h"

/* How long between two tries of a probe or program that has `within`. */
#define RETRY_NS (20 * NS_PER_MS)

static void wake(struct clock_timer *t)
{
    (void)t;
}

/* Lets time pass on the clock; what happens meanwhile is judged. */
static int pass(struct run *r, int64_t until)
{
    struct clock_timer t = {0};
    int k = 0;

    loop_after(&r->world.loop, &t, until - loop_now(&r->world.loop), wake);
    while (k == 0 && loop_now(&r->world.loop) < until)
        k = run_turn(r, until);
    loop_cancel(&r->world.loop, &t);
    return k;
}

int step_advance(struct run *r, const struct scn_step *s)
{
    int64_t until;

    return run_deadline(r, s, &s->args[0], 0, &until) < 0 ? -1 : pass(r, until);
}

static int offset_of(struct run *r, const struct scn_step *s, const struct scn_value *v,
                     int64_t *ret)
{
    char *text = run_text(r, s, v);
    int k = text ? str_duration(text, ret) : -1;

    if (text && k < 0)
        run_fail(r, s, "expected %s, found \"%.80s\"", arg_kind_expects(ARG_OFFSET), text);
    free(text);
    return k;
}

int step_clock_skew(struct run *r, const struct scn_step *s)
{
    int64_t offset;

    if (offset_of(r, s, &s->args[s->n_args - 1], &offset) < 0)
        return -1;
    return run_clock_skew(r, s, offset);
}

int step_clock_jump(struct run *r, const struct scn_step *s)
{
    int64_t offset;

    return offset_of(r, s, &s->args[0], &offset) < 0 ? -1 : run_clock_jump(r, s, offset);
}

/* 1: the matchers hold for this record; 0: not; -1: failed. */
static int matches_hold(struct run *r, const struct scn_step *s, const json_t *record)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    size_t failed;
    int k;

    buf_clear(&r->why);
    k = match_all(s->matches, s->n_matches, record, &x, &failed, &r->why, &e);
    return k < 0 ? run_fail(r, s, "%s", e.text) : k;
}

static bool has_matcher_for(const struct scn_step *s, const char *fact)
{
    for (size_t i = 0; i < s->n_matches; i++)
        if (s->matches[i].path && s->matches[i].path->root == JPATH_FACT &&
            str_eq(s->matches[i].path->name, fact))
            return true;
    return false;
}

/* Tries again until it holds or the time is over. Once, when there is no `within`. */
static int try_until(struct run *r, const struct scn_step *s,
                     json_t *(*attempt)(struct run *r, const struct scn_step *s, int64_t deadline),
                     int (*holds)(struct run *r, const struct scn_step *s, const json_t *record))
{
    int64_t deadline;
    json_t *record = NULL;
    int k;

    if (run_within(r, s, RUN_PATIENCE_NS, &deadline) < 0)
        return -1;
    for (;;) {
        json_decref(record);
        record = attempt(r, s, deadline);
        if (!record)
            return -1;
        k = holds(r, s, record);
        if (k || !s->within || loop_now(&r->world.loop) + RETRY_NS >= deadline)
            break;
        if (pass(r, loop_now(&r->world.loop) + RETRY_NS) < 0) {
            json_decref(record);
            return -1;
        }
    }
    if (k > 0 && s->as)
        scope_set(r->scope, s->as, json_incref(record));
    json_decref(record);
    return k > 0 ? 0 : k < 0 ? -1 : run_fail(r, s, "%s", buf_str(&r->why));
}

/* --- probe ---------------------------------------------------------------------------------- */

static void probe_done(struct http_client *c, void *data)
{
    (void)c;
    *(bool *)data = true;
}

static bool flag_set(struct run *r, void *data)
{
    (void)r;
    return *(bool *)data;
}

static json_t *probe_record(struct run *r, const struct http_client_result *result)
{
    json_t *rec = json_object();

    if (result->err.code != ERR_NONE) {
        json_put_str(rec, "error", result->err.text);
    } else {
        json_put_int(rec, "status", result->status);
        json_object_set(rec, "headers", result->headers);
        json_put_int(rec, "size", (int64_t)buf_len(&result->body));
        journal_put_body(&r->world.journal, rec, buf_str(&result->body), buf_len(&result->body));
    }
    return rec;
}

static json_t *probe_headers(struct run *r, const struct scn_step *s)
{
    json_t *h = json_object();

    json_put_str(h, "User-Agent", "ecsim-probe");
    for (size_t i = 0; i < s->n_options; i++) {
        const char *name = str_after(s->options[i].name, "header.");
        char *value = name ? run_text(r, s, &s->options[i].value) : NULL;

        if (name && !value) {
            json_decref(h);
            return NULL;
        }
        if (name)
            json_put_str(h, name, value);
        free(value);
    }
    return h;
}

/* The words of the step, expanded. */
struct probe {
    char *method, *url, *unix_path, *body;
    size_t body_len;
    json_t *headers;
};

static void probe_release(struct probe *p)
{
    free(p->method);
    free(p->url);
    free(p->unix_path);
    free(p->body);
    json_decref(p->headers);
}

static int probe_init(struct run *r, const struct scn_step *s, struct probe *p)
{
    const struct scn_option *body = scn_option(s, "body");
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;

    *p = (struct probe){.method = run_text(r, s, &s->args[0])};
    if (!p->method || !(p->url = run_text(r, s, &s->args[1])) ||
        run_option(r, s, "unix", &p->unix_path) < 0 || !(p->headers = probe_headers(r, s)))
        return -1;
    if (body && !(p->body = value_bytes(&body->value, &x, &p->body_len, &e)))
        return run_fail(r, s, "body: %s", e.text);
    return 0;
}

static json_t *ask(struct run *r, const struct scn_step *s, struct probe *p, int64_t deadline)
{
    struct http_client_request q = {.method = p->method,
                                    .url = p->url,
                                    .unix_path = p->unix_path,
                                    .body = p->body,
                                    .body_len = p->body_len,
                                    .headers = p->headers};
    struct err e = ERR_INIT;
    json_t *rec = NULL;
    bool done = false;
    struct http_client *c = http_client_start(&r->world.loop, &q, probe_done, &done, &e);
    int k;

    if (!c) {
        run_fail(r, s, "%s", e.text);
        return NULL;
    }
    k = run_wait(r, deadline, flag_set, &done);
    if (k > 0)
        rec = probe_record(r, http_client_result(c));
    else if (k == 0)
        run_fail(r, s, "there was no answer in time");
    http_client_free(c);
    return rec;
}

static json_t *probe_once(struct run *r, const struct scn_step *s, int64_t deadline)
{
    struct probe p;
    json_t *rec = NULL;

    if (probe_init(r, s, &p) == 0)
        rec = ask(r, s, &p, deadline);
    probe_release(&p);
    if (rec) {
        journal_add(&r->world.journal, RECORD_STEP, "scenario", "probe", json_deep_copy(rec));
        run_judge(r);
    }
    return rec;
}

static int probe_holds(struct run *r, const struct scn_step *s, const json_t *rec)
{
    const char *error = json_str(rec, "error");

    if (!error)
        return matches_hold(r, s, rec);
    buf_clear(&r->why);
    buf_adds(&r->why, error);
    return 0;
}

int step_probe(struct run *r, const struct scn_step *s)
{
    return try_until(r, s, probe_once, probe_holds);
}

/* --- run ------------------------------------------------------------------------------------ */

static void run_line(struct proc *p, int stream, const char *line, size_t n)
{
    (void)p;
    (void)stream;
    (void)line;
    (void)n; /* its output is captured whole */
}

static void run_ended(struct proc *p, int code, int signum)
{
    (void)code;
    (void)signum;
    *(bool *)p->data = true;
}

static const struct proc_ops run_ops = {.on_line = run_line, .on_exit = run_ended};

static void put_output(json_t *rec, const char *name, const struct buf *b)
{
    size_t n = buf_len(b);
    const char *s = buf_str(b);
    char *text;

    /* as a shell's $(...): the newline at the end is not part of what was said */
    while (n && s[n - 1] == '\n')
        n--;
    text = xstrndup(s, n);
    json_put_str(rec, name, text);
    free(text);
}

static json_t *run_record(const struct proc *p, char *const *argv)
{
    json_t *rec = json_object(), *w = json_array();

    for (size_t i = 0; argv[i]; i++)
        json_array_append_new(w, json_string(argv[i]));
    json_put(rec, "argv", w);
    if (p->code >= 0)
        json_put_int(rec, "code", p->code);
    else
        json_put_int(rec, "signal", p->signal);
    put_output(rec, "stdout", &p->out[0].captured);
    put_output(rec, "stderr", &p->out[1].captured);
    return rec;
}

static json_t *run_program(struct run *r, const struct scn_step *s, char **argv, int64_t deadline)
{
    char **env = run_environment(r, false);
    struct proc_spec spec = {.argv = argv, .env = env, .cwd = r->dir, .capture = true};
    struct err e = ERR_INIT;
    bool done = false;
    struct proc *p = proc_spawn(&r->procs, &spec, &run_ops, &done, &e);
    json_t *rec = NULL;
    int k;

    str_argv_free(env);
    if (!p) {
        run_fail(r, s, "%s", e.text);
        return NULL;
    }
    k = run_wait(r, deadline, flag_set, &done);
    if (k > 0)
        rec = run_record(p, argv);
    else if (k == 0)
        run_fail(r, s, "%s did not end in time", argv[0]);
    proc_free(p);
    return rec;
}

/* The words that run these inside of the machine; takes them. NULL: failed. */
static char **enter(struct run *r, const struct scn_step *s, char **words)
{
    char **argv = r->machine ? machine_inside(r->machine, words) : NULL;

    str_argv_free(words);
    if (!argv)
        run_fail(r, s, "there is no machine that runs: `boot` one");
    return argv;
}

static json_t *run_once(struct run *r, const struct scn_step *s, int64_t deadline)
{
    char **argv = new0_array(char *, s->n_args + 1);
    json_t *rec = NULL;
    size_t n = 0;

    while (n < s->n_args && (argv[n] = run_text(r, s, &s->args[n])))
        n++;
    if (n == s->n_args && s->id == VERB_INSIDE)
        argv = enter(r, s, argv);
    if (argv && n == s->n_args)
        rec = run_program(r, s, argv, deadline);
    str_argv_free(argv);
    if (rec) {
        journal_add(&r->world.journal, RECORD_STEP, "scenario", "run", json_deep_copy(rec));
        run_judge(r);
    }
    return rec;
}

static int run_holds(struct run *r, const struct scn_step *s, const json_t *rec)
{
    int k = matches_hold(r, s, rec);

    if (k > 0 && !has_matcher_for(s, "code") && json_int(rec, "code", -1) != 0) {
        buf_addf(&r->why, "it ended with %lld, expected 0",
                 (long long)json_int(rec, "code", -json_int(rec, "signal", 0)));
        k = 0;
    }
    if (k == 0 && json_str(rec, "stderr") && *json_str(rec, "stderr"))
        buf_addf(&r->why, "\nit said: %.2000s", json_str(rec, "stderr"));
    return k;
}

int step_run(struct run *r, const struct scn_step *s)
{
    return try_until(r, s, run_once, run_holds);
}

int step_inside(struct run *r, const struct scn_step *s)
{
    return try_until(r, s, run_once, run_holds);
}
