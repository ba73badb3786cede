/* A verdict as text for a person: part of verdict.h. */
#include "harness/boot/verdict.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"

static void list(const json_t *v, const char *member, const char *title, struct buf *out)
{
    const json_t *a = json_object_get(v, member);

    for (size_t i = 0; i < json_array_size(a); i++)
        buf_addf(out, "%s%s  %s\n", i ? "" : title, i ? "" : "\n",
                 json_string_value(json_array_get(a, i)));
    if (json_array_size(a))
        buf_addc(out, '\n');
}

static void jobs(const json_t *a, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *j = json_array_get(a, i);

        buf_addf(out, "  %s/%s %s: %s\n", json_str(j, "unit"), json_str(j, "type"),
                 json_str(j, "state"), json_str(j, "why") ? json_str(j, "why") : "");
    }
}

static void deadlock(const json_t *v, struct buf *out)
{
    const json_t *circle = json_object_get(v, "cycle"), *all = json_object_get(v, "jobs");

    buf_adds(out, "DEADLOCK: this boot never ends. These jobs wait for each other:\n\n");
    jobs(circle, out);
    if (json_array_size(all) > json_array_size(circle)) {
        buf_addf(out, "\nAll %zu jobs that are left:\n", json_array_size(all));
        jobs(all, out);
    }
    buf_adds(
        out,
        "\nSeen on such a machine: `systemctl list-jobs` shows these jobs, the agent's unit is "
        "inactive,\nthere is no agent log, and nothing reaches Docker or ECS.\n\n");
}

static void dropped(const json_t *v, struct buf *out)
{
    const json_t *a = json_object_get(v, "ordering_cycles");

    buf_adds(out,
             "ORDERING CYCLE: the machine boots, but a job is deleted, and its unit stays down.\n");
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *c = json_array_get(a, i), *may = json_object_get(c, "may_go");
        const char *text = json_str(c, "text");

        buf_addc(out, '\n');
        while (text && *text) {
            size_t n = strcspn(text, "\n");

            buf_addf(out, "  %.*s\n", (int)n, text);
            text += n + (text[n] == '\n');
        }
        buf_adds(out, "  systemd deletes the job of ");
        for (size_t m = 0; m < json_array_size(may); m++)
            buf_addf(out, "%s%s", m ? " or " : "", json_string_value(json_array_get(may, m)));
        buf_adds(out, json_array_size(may) ? "\n" : "nobody: it refuses the request\n");
    }
    buf_addc(out, '\n');
}

static void units(const json_t *a, struct buf *out)
{
    for (size_t i = 0; i < json_array_size(a); i++) {
        const json_t *u = json_array_get(a, i);
        const char *when = json_str(u, "when"), *why = json_str(u, "why");

        buf_addf(out, "  %-24s %s%s%s%s\n", json_str(u, "unit"), json_str(u, "state"),
                 str_eq(when, "after-user-data") ? ", after the user data had run"
                 : when                          ? ", not after the user data"
                                                 : "",
                 why ? ": " : "", why ? why : "");
    }
    buf_addc(out, '\n');
}

void verdict_text(const json_t *v, bool trace, struct buf *out)
{
    if (trace)
        list(v, "trace", "What happens:", out);
    if (str_eq(verdict_of(v), "deadlock"))
        deadlock(v, out);
    else if (str_eq(verdict_of(v), "dropped"))
        dropped(v, out);
    else if (str_eq(verdict_of(v), "agent-down"))
        buf_adds(out, "BOOTS, but nothing starts the agent.\n\n");
    else
        buf_adds(out, "BOOTS: every job ends.\n\n");
    units(json_object_get(v, "units"), out);
    list(v, "fixes", "Fix:", out);
    list(v, "warnings", "Warnings:", out);
    list(v, "notes", "Notes:", out);
}
