#include "harness/result.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/strtab.h"

static const char *const names[OUTCOME_MAX] = {
    [OUTCOME_PASSED] = "passed",     [OUTCOME_FAILED] = "failed",
    [OUTCOME_SKIPPED] = "skipped",   [OUTCOME_KNOWN] = "known",
    [OUTCOME_NO_AGENT] = "no-agent", [OUTCOME_HARNESS] = "harness-error",
};

const char *outcome_name(enum outcome o)
{
    return names[o];
}

void result_release(struct result *r)
{
    free(r->reason);
    free(r->report);
    free(r->journal);
    free(r->history);
    *r = (struct result){0};
}

char *result_write(const struct result *r)
{
    _cleanup_json_ json_t *o = json_object();

    json_put_str(o, "outcome", names[r->outcome]);
    json_put_str(o, "reason", r->reason);
    json_put_str(o, "report", r->report);
    json_put_str(o, "journal", r->journal);
    if (r->history)
        json_put_str(o, "history", r->history);
    json_put_int(o, "line", r->line);
    json_put(o, "seconds", json_real(r->seconds));
    json_put(o, "clock", json_real(r->clock));
    return json_text(o);
}

int result_read(struct result *r, const char *text, size_t n, struct err *e)
{
    _cleanup_json_ json_t *o = json_read(text, n, JSON_READ_STRICT, e);
    int outcome;

    if (!o)
        return -1;
    outcome = strtab_value(names, OUTCOME_MAX, json_str(o, "outcome"));
    if (outcome < 0)
        return err_set(e, ERR_PARSE, "a result without an outcome");
    *r = (struct result){
        .outcome = (enum outcome)outcome,
        .reason = xstrdup(json_str(o, "reason")),
        .report = xstrdup(json_str(o, "report")),
        .journal = xstrdup(json_str(o, "journal")),
        .history = json_str(o, "history") ? xstrdup(json_str(o, "history")) : NULL,
        .line = (int)json_int(o, "line", 0),
        .seconds = json_number_value(json_object_get(o, "seconds")),
        .clock = json_number_value(json_object_get(o, "clock")),
    };
    return 0;
}
