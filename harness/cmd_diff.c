#include "harness/cmd_diff.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/exitcode.h"
#include "harness/page.h"
#include "harness/suite.h"
#include "harness/wire_diff.h"
#include "harness/xml.h"

#define PAGE_MAX (64u << 20)
/* Differences of members of one call that a terminal shows; files have all. */
#define MEMBERS_SHOWN 40

/* One scenario, compared. */
struct compared {
    char *name;
    const struct scn *scn;
    struct wire_diff diff;
    enum outcome outcome[2];
    const char *reason[2];
    char *skipped; /* why it could not be run at all; NULL: it was */
};

struct comparison {
    struct compared *all;
    size_t n;
    const char *before, *after; /* labels */
};

/* --- finding --------------------------------------------------------------------------------- */

static void take_result(struct compared *c, int side, const struct result *res)
{
    struct err e = ERR_INIT;

    if (res->outcome == OUTCOME_SKIPPED) {
        if (!c->skipped)
            c->skipped = xstrdup(res->reason);
        return;
    }
    if (res->outcome != OUTCOME_PASSED || !c->diff.runs[side]) {
        c->outcome[side] = res->outcome;
        c->reason[side] = res->reason;
    }
    if (!res->history ||
        wire_diff_add(&c->diff, side, res->history, strlen(res->history), &e) < 0) {
        c->outcome[side] = OUTCOME_HARNESS;
        c->reason[side] = res->history ? "its trace cannot be read" : res->reason;
    }
}

static void compare(struct compared *c)
{
    if (c->skipped)
        return;
    if (c->outcome[0] != c->outcome[1])
        wire_diff_put(&c->diff, DIFFERENCE_OUTCOME, "scenario", NULL, outcome_name(c->outcome[0]),
                      outcome_name(c->outcome[1]));
    if (c->diff.runs[0] && c->diff.runs[1])
        wire_diff_find(&c->diff);
}

static void collect(const struct suite *u, struct comparison *all)
{
    const struct runner *r = &u->runner;

    all->all = new0_array(struct compared, r->n + 1);
    all->before = u->columns[0].label;
    all->after = u->columns[1].label;
    for (size_t i = 0; i < r->n; i++) {
        const struct runner_job *j = &r->jobs[i];
        struct compared *c = all->n ? &all->all[all->n - 1] : NULL;

        if (!c || c->scn != j->data) {
            c = &all->all[all->n++];
            c->scn = j->data;
            c->name = suite_scenario_name(j->path);
        }
        take_result(c, j->column != &u->columns[0], &r->progress.items[i].result);
    }
    for (size_t i = 0; i < all->n; i++)
        compare(&all->all[i]);
}

static void release(struct comparison *all)
{
    for (size_t i = 0; i < all->n; i++) {
        wire_diff_release(&all->all[i].diff);
        free(all->all[i].name);
        free(all->all[i].skipped);
    }
    free(all->all);
}

/* --- text ------------------------------------------------------------------------------------ */

static char sign_of(enum difference_kind k)
{
    return k == DIFFERENCE_CAME ? '+' : k == DIFFERENCE_WENT ? '-' : '~';
}

static const char *what_of(enum difference_kind k)
{
    return k == DIFFERENCE_TIME ? "first at " : k == DIFFERENCE_ORDER ? "first " : "";
}

static void text_difference(const struct difference *x, struct buf *out)
{
    buf_addf(out, "    %c %s%s", sign_of(x->kind), x->member ? "  " : "",
             x->member ? x->member : x->call);
    if (x->before || x->after)
        buf_addf(out, ": %s", what_of(x->kind));
    if (x->before)
        buf_adds(out, x->before);
    if (x->before && x->after)
        buf_adds(out, " -> ");
    if (x->after)
        buf_adds(out, x->after);
    buf_addc(out, '\n');
}

static void text_scenario(const struct comparison *all, const struct compared *c, struct buf *out)
{
    const char *last = "";
    size_t members = 0;

    if (c->skipped) {
        buf_addf(out, "%s: not compared: %s\n", c->name, c->skipped);
        return;
    }
    buf_addf(out, "%s: %s -> %s: %s\n", c->name, all->before, all->after,
             c->diff.n ? "they differ" : "the same");
    for (int s = 0; s < 2; s++)
        if (c->outcome[s] != OUTCOME_PASSED)
            buf_addf(out, "    %s %s: %s\n", s ? all->after : all->before,
                     outcome_name(c->outcome[s]), c->reason[s] ? c->reason[s] : "");
    for (size_t i = 0; i < c->diff.n; i++) {
        const struct difference *x = &c->diff.all[i];

        if (x->member && !str_eq(last, x->call)) {
            members = 0;
            if (!i || !str_eq(c->diff.all[i - 1].call, x->call))
                buf_addf(out, "      %s\n", x->call);
        }
        last = x->member ? x->call : "";
        if (!x->member || members++ < MEMBERS_SHOWN)
            text_difference(x, out);
        else if (members == MEMBERS_SHOWN + 1)
            buf_adds(out, "        (more members of it: --html, --json)\n");
    }
}

/* --- files ----------------------------------------------------------------------------------- */

static void html_difference(const struct difference *x, struct buf *out)
{
    buf_addf(out, "<tr class=\"%s\"><td>%s</td><td>",
             x->kind == DIFFERENCE_CAME   ? "good"
             : x->kind == DIFFERENCE_WENT ? "bad"
                                          : "odd",
             difference_kind_name(x->kind));
    xml_add(out, x->call);
    buf_adds(out, "</td><td>");
    xml_add(out, x->member);
    buf_adds(out, "</td><td>");
    xml_add(out, x->before);
    buf_adds(out, "</td><td>");
    xml_add(out, x->after);
    buf_adds(out, "</td></tr>\n");
}

static void html_scenario(const struct comparison *all, const struct compared *c, struct buf *out)
{
    buf_adds(out, "<h2>");
    xml_add(out, c->name);
    buf_addf(out, "</h2>\n<p>%s",
             c->skipped  ? "not compared: "
             : c->diff.n ? "they differ"
                         : "the same");
    xml_add(out, c->skipped);
    buf_adds(out, "</p>\n");
    for (int s = 0; s < 2 && !c->skipped; s++) {
        if (c->outcome[s] == OUTCOME_PASSED)
            continue;
        buf_adds(out, "<p class=\"odd\">");
        xml_add(out, s ? all->after : all->before);
        buf_addf(out, " %s: ", outcome_name(c->outcome[s]));
        xml_add(out, c->reason[s]);
        buf_adds(out, "</p>\n");
    }
    if (!c->diff.n)
        return;
    buf_adds(out, "<table><thead><tr><th>what</th><th>call</th><th>member</th><th>");
    xml_add(out, all->before);
    buf_adds(out, "</th><th>");
    xml_add(out, all->after);
    buf_adds(out, "</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < c->diff.n; i++)
        html_difference(&c->diff.all[i], out);
    buf_adds(out, "</tbody></table>\n");
}

static void add_html(const struct comparison *all, struct buf *out)
{
    char *title = xasprintf("ecsim: from %s to %s", all->before, all->after);

    page_begin(out, title,
               "td { overflow-wrap: anywhere; color: CanvasText }\n"
               "tr.good td:first-child { color: #1a7f37 }\n"
               "tr.bad td:first-child { color: #d1242f }\n"
               "tr.odd td:first-child { color: #9a6700 }\n");
    for (size_t i = 0; i < all->n; i++)
        html_scenario(all, &all->all[i], out);
    page_end(out);
    free(title);
}

static json_t *scenario_json(const struct compared *c)
{
    json_t *o = json_object(), *list = json_array();

    json_put_str(o, "name", c->name);
    json_put_str(o, "skipped", c->skipped);
    for (size_t i = 0; i < c->diff.n; i++) {
        const struct difference *x = &c->diff.all[i];
        json_t *d = json_object();

        json_put_str(d, "kind", difference_kind_name(x->kind));
        json_put_str(d, "call", x->call);
        json_put_str(d, "member", x->member);
        json_put_str(d, "before", x->before);
        json_put_str(d, "after", x->after);
        json_array_append_new(list, d);
    }
    json_put(o, "differences", list);
    return o;
}

static void add_json(const struct comparison *all, struct buf *out)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *list = json_array();

    json_put_str(o, "form", "ecsim diff 1");
    json_put_str(o, "before", all->before);
    json_put_str(o, "after", all->after);
    for (size_t i = 0; i < all->n; i++)
        json_array_append_new(list, scenario_json(&all->all[i]));
    json_put(o, "scenarios", list);
    json_write(out, o);
    buf_addc(out, '\n');
}

static int write_file(const char *path, void (*add)(const struct comparison *, struct buf *),
                      const struct comparison *all)
{
    _cleanup_buf_ struct buf b = BUF_INIT(PAGE_MAX);
    struct err e = ERR_INIT;

    if (!path)
        return 0;
    add(all, &b);
    if (io_write_file(path, buf_str(&b), buf_len(&b), 0644, &e) == 0)
        return 0;
    fprintf(stderr, "ecsim diff: %s\n", e.text);
    return -1;
}

/* --- the command ----------------------------------------------------------------------------- */

/* A run that did not come to an end for a fault of ours says nothing of the agent. */
static int verdict(const struct comparison *all)
{
    bool differ = false, compared = false;

    for (size_t i = 0; i < all->n; i++) {
        const struct compared *c = &all->all[i];

        for (int s = 0; s < 2; s++) {
            if (c->outcome[s] == OUTCOME_HARNESS)
                return EXITCODE_HARNESS;
            if (c->outcome[s] == OUTCOME_NO_AGENT)
                return EXITCODE_AGENT;
        }
        differ = differ || c->diff.n;
        compared = compared || !c->skipped;
    }
    return differ ? EXITCODE_FAILED : compared ? EXITCODE_PASSED : EXITCODE_HARNESS;
}

static int report(const struct suite *u, const struct run_options *o)
{
    _cleanup_buf_ struct buf b = BUF_INIT(PAGE_MAX);
    struct comparison all = {0};
    int code;

    collect(u, &all);
    for (size_t i = 0; i < all.n; i++)
        text_scenario(&all, &all.all[i], &b);
    fputs(buf_str(&b), stdout);
    fflush(stdout);
    code = verdict(&all);
    if (write_file(o->html, add_html, &all) < 0 || write_file(o->json, add_json, &all) < 0)
        code = EXITCODE_HARNESS;
    release(&all);
    return code;
}

int cmd_diff(int argc, char **argv)
{
    struct run_options o;
    struct suite u;
    int code = run_options_read(&o, RUN_COMMAND_DIFF, argc, argv);
    bool child = false;

    if (code >= 0)
        return code;
    o.trace = true;
    o.repeat = o.repeat ? o.repeat : 3;
    suite_init(&u, "ecsim diff", &o);
    u.runner.quiet = true;
    code = o.repeat > WIRE_DIFF_RUNS_MAX ? EXITCODE_USAGE : suite_open(&u, &o, argv + optind);
    if (o.repeat > WIRE_DIFF_RUNS_MAX)
        fprintf(stderr, "ecsim diff: -n: at most %d\n", WIRE_DIFF_RUNS_MAX);
    if (code == EXITCODE_PASSED) {
        suite_add_jobs(&u, &o);
        code = suite_run(&u, &child);
        /* a scenario that fails is a difference here, or none */
        if (!child && code < 128 && u.runner.progress.items)
            code = report(&u, &o);
    }
    suite_release(&u);
    run_options_release(&o);
    return code;
}
