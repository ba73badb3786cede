#include "harness/results.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"
#include "harness/exitcode.h"

/* First member of every file: what it is, and which form of it. */
#define FORM "ecsim results 1"

static const char *const verdicts[VERDICT_MAX] = {
    [VERDICT_NONE] = "not run",
    [VERDICT_PASSED] = "passed",
    [VERDICT_FAILED] = "failed",
    [VERDICT_KNOWN] = "known",
    [VERDICT_NOT_APPLICABLE] = "not applicable",
    [VERDICT_FLAKY] = "flaky",
};

const char *verdict_name(enum verdict v)
{
    return verdicts[v];
}

static char *copy(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

size_t results_column(struct results *r, const struct results_column *c)
{
    size_t at = r->n_columns;

    for (size_t i = 0; i < at; i++)
        if (str_eq(r->columns[i].label, c->label))
            return i;
    grow_array(r->columns, r->n_columns, r->cap_columns);
    r->columns[r->n_columns++] =
        (struct results_column){copy(c->label), copy(c->agent), copy(c->version), copy(c->docker)};
    for (size_t i = 0; i < r->n_rows; i++) {
        struct results_cell *cells = new0_array(struct results_cell, r->n_columns);

        if (at)
            memcpy(cells, r->rows[i].cells, at * sizeof(*cells));
        free(r->rows[i].cells);
        r->rows[i].cells = cells;
    }
    return at;
}

size_t results_row(struct results *r, const char *name, const char *path, const char *title)
{
    /* most are asked for in the order in which they came: the newest first */
    for (size_t i = r->n_rows; i-- > 0;)
        if (str_eq(r->rows[i].name, name))
            return i;
    grow_array(r->rows, r->n_rows, r->cap_rows);
    r->rows[r->n_rows] = (struct results_row){copy(name), copy(path), copy(title),
                                              new0_array(struct results_cell, r->n_columns + 1)};
    return r->n_rows++;
}

void results_shard(struct results *r, size_t k, size_t n)
{
    if (!r->shards) {
        r->shards = new0_array(bool, n);
        r->n_shards = n;
    }
    r->shards[k - 1] = true;
}

/* What the runs of a cell come to. */
static enum verdict sum_up(const struct results_cell *c, enum verdict last)
{
    if (!c->failures)
        return last;
    return c->failures == c->runs ? VERDICT_FAILED : VERDICT_FLAKY;
}

static enum verdict verdict_of(enum outcome o)
{
    switch (o) {
    case OUTCOME_PASSED:
        return VERDICT_PASSED;
    case OUTCOME_SKIPPED:
        return VERDICT_NOT_APPLICABLE;
    case OUTCOME_KNOWN:
        return VERDICT_KNOWN;
    default:
        return VERDICT_FAILED;
    }
}

void results_add(struct results *r, size_t row, size_t column, const struct progress_item *it)
{
    struct results_cell *c = &r->rows[row].cells[column];
    enum verdict v = verdict_of(it->result.outcome);
    bool first_failure = v == VERDICT_FAILED && c->ok;

    if (!it->done)
        return;
    if (c->verdict == VERDICT_NONE || first_failure || (c->ok && v != VERDICT_PASSED)) {
        free(c->reason);
        free(c->report);
        c->reason = copy(v == VERDICT_PASSED ? it->at_first : it->result.reason);
        c->report = v == VERDICT_FAILED ? copy(it->result.report) : NULL;
        c->outcome = it->result.outcome;
    }
    c->ok = (c->verdict == VERDICT_NONE || c->ok) && v != VERDICT_FAILED;
    c->runs += 1 + (size_t)it->tries;
    c->failures += (v == VERDICT_FAILED) + (size_t)it->tries;
    c->seconds += it->result.seconds;
    c->verdict = sum_up(c, v);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct results_row *)a)->name, ((const struct results_row *)b)->name);
}

void results_sort(struct results *r)
{
    if (r->n_rows)
        qsort(r->rows, r->n_rows, sizeof(*r->rows), by_name);
}

static void merge_cell(struct results_cell *c, const struct results_cell *from)
{
    bool ran = c->verdict != VERDICT_NONE && c->verdict != VERDICT_NOT_APPLICABLE;

    if (from->verdict == VERDICT_NONE || (ran && from->verdict == VERDICT_NOT_APPLICABLE))
        return;
    if (!ran || (c->ok && !from->ok)) {
        free(c->reason);
        free(c->report);
        c->reason = copy(from->reason);
        c->report = copy(from->report);
        c->outcome = from->outcome;
    }
    c->ok = (!ran || c->ok) && from->ok;
    c->runs = (ran ? c->runs : 0) + from->runs;
    c->failures = (ran ? c->failures : 0) + from->failures;
    c->seconds += from->seconds;
    c->verdict = sum_up(c, from->verdict);
}

static int merge_shards(struct results *r, const struct results *from, bool first, struct err *e)
{
    if (!from->n_shards)
        return 0;
    if (!first && r->n_shards != from->n_shards)
        return err_set(e, ERR_CONFLICT, "it is one of %zu parts, others are %s%zu", from->n_shards,
                       r->n_shards ? "of " : "whole: ", r->n_shards);
    for (size_t k = 1; k <= from->n_shards; k++)
        if (from->shards[k - 1])
            results_shard(r, k, from->n_shards);
    return 0;
}

int results_merge(struct results *r, const struct results *from, struct err *e)
{
    size_t *at = new0_array(size_t, from->n_columns + 1);

    if (merge_shards(r, from, !r->n_columns, e) < 0) {
        free(at);
        return -1;
    }
    for (size_t i = 0; i < from->n_columns; i++)
        at[i] = results_column(r, &from->columns[i]);
    for (size_t i = 0; i < from->n_rows; i++) {
        const struct results_row *row = &from->rows[i];
        size_t to = results_row(r, row->name, row->path, row->title);

        for (size_t k = 0; k < from->n_columns; k++)
            merge_cell(&r->rows[to].cells[at[k]], &row->cells[k]);
    }
    free(at);
    return 0;
}

size_t results_missing(const struct results *r)
{
    for (size_t k = 0; k < r->n_shards; k++)
        if (!r->shards[k])
            return k + 1;
    return 0;
}

size_t results_count(const struct results *r, size_t column, enum verdict v)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_rows; i++)
        n += r->rows[i].cells[column].verdict == v;
    return n;
}

int results_exit_code(const struct results *r)
{
    int code = EXITCODE_PASSED;

    for (size_t i = 0; i < r->n_rows; i++)
        for (size_t k = 0; k < r->n_columns; k++) {
            const struct results_cell *c = &r->rows[i].cells[k];

            if (c->verdict == VERDICT_NONE || c->ok)
                continue;
            if (c->outcome == OUTCOME_HARNESS)
                return EXITCODE_HARNESS;
            if (c->outcome == OUTCOME_NO_AGENT)
                code = EXITCODE_AGENT;
            else if (code == EXITCODE_PASSED)
                code = EXITCODE_FAILED;
        }
    return code;
}

/* --- files ---------------------------------------------------------------------------------- */

static json_t *cell_json(const struct results_cell *c)
{
    json_t *o;

    if (c->verdict == VERDICT_NONE)
        return json_null();
    o = json_object();
    json_put_str(o, "verdict", verdicts[c->verdict]);
    json_put_str(o, "outcome", outcome_name(c->outcome));
    json_put_bool(o, "ok", c->ok);
    json_put_str(o, "reason", c->reason);
    json_put_str(o, "report", c->report);
    json_put(o, "seconds", json_real(c->seconds));
    json_put_int(o, "runs", (int64_t)c->runs);
    json_put_int(o, "failures", (int64_t)c->failures);
    return o;
}

static json_t *columns_json(const struct results *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_columns; i++) {
        json_t *o = json_object();

        json_put_str(o, "label", r->columns[i].label);
        json_put_str(o, "agent", r->columns[i].agent);
        json_put_str(o, "version", r->columns[i].version);
        json_put_str(o, "docker", r->columns[i].docker);
        json_array_append_new(list, o);
    }
    return list;
}

char *results_json(const struct results *r)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *list = json_array();

    json_put_str(o, "form", FORM);
    if (r->n_shards) {
        json_t *have = json_array();

        for (size_t k = 0; k < r->n_shards; k++)
            if (r->shards[k])
                json_array_append_new(have, json_integer((json_int_t)k + 1));
        json_put_int(o, "shards", (int64_t)r->n_shards);
        json_put(o, "have", have);
    }
    json_put(o, "columns", columns_json(r));
    for (size_t i = 0; i < r->n_rows; i++) {
        json_t *row = json_object(), *cells = json_array();

        json_put_str(row, "name", r->rows[i].name);
        json_put_str(row, "path", r->rows[i].path);
        json_put_str(row, "title", r->rows[i].title);
        for (size_t k = 0; k < r->n_columns; k++)
            json_array_append_new(cells, cell_json(&r->rows[i].cells[k]));
        json_put(row, "cells", cells);
        json_array_append_new(list, row);
    }
    json_put(o, "scenarios", list);
    return json_text(o);
}

static int read_cell(struct results_cell *c, const json_t *o, struct err *e)
{
    int v = strtab_value(verdicts, VERDICT_MAX, json_str(o, "verdict")), out = -1;
    int64_t runs = json_int(o, "runs", -1), failures = json_int(o, "failures", -1);

    if (json_is_null(o))
        return 0;
    for (int k = 0; k < OUTCOME_MAX; k++)
        if (str_eq(outcome_name((enum outcome)k), json_str(o, "outcome")))
            out = k;
    if (v <= VERDICT_NONE || out < 0 || runs < 1 || failures < 0 || failures > runs ||
        runs > 1000000000)
        return err_set(e, ERR_PARSE, "a cell is no result");
    *c = (struct results_cell){.verdict = (enum verdict)v,
                               .outcome = (enum outcome)out,
                               .ok = json_bool(o, "ok", false),
                               .reason = copy(json_str(o, "reason")),
                               .report = copy(json_str(o, "report")),
                               .seconds = json_number_value(json_object_get(o, "seconds")),
                               .runs = (size_t)runs,
                               .failures = (size_t)failures};
    return 0;
}

static int read_row(struct results *r, const json_t *o, struct err *e)
{
    const json_t *cells = json_object_get(o, "cells");
    const char *name = json_str(o, "name"), *path = json_str(o, "path");
    const char *title = json_str(o, "title");
    size_t row = r->n_rows;

    if (!name || !*name || !path || !title || json_array_size(cells) != r->n_columns)
        return err_set(e, ERR_PARSE, "scenario %zu: expected name, path, title and %zu cells",
                       row + 1, r->n_columns);
    if (results_row(r, name, path, title) != row)
        return err_set(e, ERR_PARSE, "scenario %.200s is there twice", name);
    for (size_t k = 0; k < r->n_columns; k++)
        if (read_cell(&r->rows[row].cells[k], json_array_get(cells, k), e) < 0)
            return err_wrap(e, "scenario %.200s", name);
    return 0;
}

static int read_shards(struct results *r, const json_t *o, struct err *e)
{
    int64_t n = json_int(o, "shards", 0);
    const json_t *have = json_object_get(o, "have"), *item;
    size_t i;

    if (!n)
        return 0;
    if (n < 1 || n > RESULTS_SHARDS_MAX)
        return err_set(e, ERR_PARSE, "shards: expected 1 to %d", RESULTS_SHARDS_MAX);
    json_array_foreach (have, i, item) {
        json_int_t k = json_integer_value(item);

        if (k < 1 || k > n)
            return err_set(e, ERR_PARSE, "have: there is no part %lld of %lld", (long long)k,
                           (long long)n);
        results_shard(r, (size_t)k, (size_t)n);
    }
    return r->n_shards ? 0 : err_set(e, ERR_PARSE, "have: expected the parts that are here");
}

static int read_all(struct results *r, const json_t *o, struct err *e)
{
    const json_t *columns = json_object_get(o, "columns"), *item;
    const json_t *rows = json_object_get(o, "scenarios");
    size_t i;

    if (!str_eq(json_str(o, "form"), FORM))
        return err_set(e, ERR_PARSE, "these are no results: expected \"form\": \"" FORM "\"");
    if (!json_array_size(columns) || json_array_size(columns) > RESULTS_COLUMNS_MAX ||
        !json_is_array(rows) || json_array_size(rows) > RESULTS_ROWS_MAX)
        return err_set(e, ERR_PARSE, "expected 1 to %d columns and at most %d scenarios",
                       RESULTS_COLUMNS_MAX, RESULTS_ROWS_MAX);
    json_array_foreach (columns, i, item) {
        struct results_column c = {(char *)(uintptr_t)json_str(item, "label"),
                                   (char *)(uintptr_t)json_str(item, "agent"),
                                   (char *)(uintptr_t)json_str(item, "version"),
                                   (char *)(uintptr_t)json_str(item, "docker")};

        if (!c.label || !*c.label || results_column(r, &c) != i)
            return err_set(e, ERR_PARSE, "column %zu: expected a label of its own", i + 1);
    }
    json_array_foreach (rows, i, item)
        if (read_row(r, item, e) < 0)
            return -1;
    return read_shards(r, o, e);
}

int results_read(struct results *r, const char *text, size_t n, struct err *e)
{
    _cleanup_json_ json_t *o = json_read(text, n, JSON_READ_STRICT, e);

    *r = (struct results){0};
    if (!o)
        return -1;
    if (read_all(r, o, e) == 0)
        return 0;
    results_release(r);
    return -1;
}

void results_release(struct results *r)
{
    for (size_t i = 0; i < r->n_rows; i++) {
        struct results_row *row = &r->rows[i];

        for (size_t k = 0; k < r->n_columns; k++) {
            free(row->cells[k].reason);
            free(row->cells[k].report);
        }
        free(row->cells);
        free(row->name);
        free(row->path);
        free(row->title);
    }
    for (size_t i = 0; i < r->n_columns; i++) {
        free(r->columns[i].label);
        free(r->columns[i].agent);
        free(r->columns[i].version);
        free(r->columns[i].docker);
    }
    free(r->rows);
    free(r->columns);
    free(r->shards);
    *r = (struct results){0};
}
