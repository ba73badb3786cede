/* Results as text, as Markdown and as files: part of harness/results.h. */
#include "harness/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define WORD_MIN 6 /* of a column: room for "FAILED" */
#define SHOW_MAX (256u << 20)

static const char *word_of(enum verdict v)
{
    static const char *const words[VERDICT_MAX] = {
        [VERDICT_NONE] = "",       [VERDICT_PASSED] = "ok",        [VERDICT_FAILED] = "FAILED",
        [VERDICT_KNOWN] = "known", [VERDICT_NOT_APPLICABLE] = "-", [VERDICT_FLAKY] = "flaky",
    };

    return words[v];
}

static bool is_plain(const struct results *r, const struct results_row *row)
{
    for (size_t k = 0; k < r->n_columns; k++)
        if (row->cells[k].verdict != VERDICT_PASSED)
            return false;
    return true;
}

static size_t width_of(const struct results *r, size_t column)
{
    size_t n = strlen(r->columns[column].label);

    return n < WORD_MIN ? WORD_MIN : n;
}

static void text_row(const struct results *r, const struct results_row *row, size_t width,
                     struct buf *out)
{
    buf_addf(out, "%-*s", (int)width, row->name);
    for (size_t k = 0; k < r->n_columns; k++)
        buf_addf(out, "  %-*s", k + 1 < r->n_columns ? (int)width_of(r, k) : 0,
                 word_of(row->cells[k].verdict));
    buf_addc(out, '\n');
}

static void text_table(const struct results *r, const char *prefix, struct buf *out)
{
    size_t width = strlen("not applicable"), plain = 0;

    for (size_t i = 0; i < r->n_rows; i++)
        if (strlen(r->rows[i].name) > width)
            width = strlen(r->rows[i].name);
    buf_addf(out, "%s%-*s", prefix, (int)width, "scenario");
    for (size_t k = 0; k < r->n_columns; k++)
        buf_addf(out, "  %-*s", k + 1 < r->n_columns ? (int)width_of(r, k) : 0,
                 r->columns[k].label);
    buf_addc(out, '\n');
    for (size_t i = 0; i < r->n_rows; i++) {
        if (is_plain(r, &r->rows[i])) {
            plain++;
            continue;
        }
        buf_adds(out, prefix);
        text_row(r, &r->rows[i], width, out);
    }
    if (plain)
        buf_addf(out, "%s(%zu of %zu passed everywhere)\n", prefix, plain, r->n_rows);
    for (int v = VERDICT_PASSED; v < VERDICT_MAX; v++) {
        buf_addf(out, "%s%-*s", prefix, (int)width, verdict_name((enum verdict)v));
        for (size_t k = 0; k < r->n_columns; k++)
            buf_addf(out, "  %-*zu", k + 1 < r->n_columns ? (int)width_of(r, k) : 0,
                     results_count(r, k, (enum verdict)v));
        buf_addc(out, '\n');
    }
}

void results_text(const struct results *r, const char *prefix, struct buf *out)
{
    text_table(r, prefix, out);
    for (size_t k = 0; k < r->n_columns; k++)
        for (size_t i = 0; i < r->n_rows; i++) {
            const struct results_cell *c = &r->rows[i].cells[k];

            if (c->verdict == VERDICT_FAILED || c->verdict == VERDICT_FLAKY)
                buf_addf(out, "%s%s %s: %s, %zu of %zu: %s\n", prefix, r->columns[k].label,
                         r->rows[i].name, verdict_name(c->verdict), c->failures, c->runs,
                         c->reason ? c->reason : "");
        }
}

/* --- remarks -------------------------------------------------------------------------------- */

/* Of "for agent >=1.52, this is 1.20.3" what holds for all agents, and of "known a/b#1 (why): what
 * failed" what explains it. */
static char *remark_of(const struct results_cell *c)
{
    const char *s = c->reason, *end;

    if (!s || (c->verdict != VERDICT_NOT_APPLICABLE && c->verdict != VERDICT_KNOWN))
        return NULL;
    if (c->verdict == VERDICT_NOT_APPLICABLE) {
        end = strstr(s, ", this is ");
        return end ? xstrndup(s, (size_t)(end - s)) : xstrdup(s);
    }
    if (str_starts(s, "known "))
        s += strlen("known ");
    end = strstr(s, "): ");
    if (end && strchr(s, '(') && strchr(s, '(') < end)
        return xstrndup(s, (size_t)(end + 1 - s));
    end = strstr(s, ": ");
    return end ? xstrndup(s, (size_t)(end - s)) : xstrdup(s);
}

void results_remarks(const struct results_row *row, size_t n, struct buf *out)
{
    char **said = new0_array(char *, n + 1);
    size_t n_said = 0;

    for (size_t k = 0; k < n; k++) {
        char *remark = remark_of(&row->cells[k]);
        bool new = remark != NULL;

        for (size_t i = 0; i < n_said && new; i++)
            new = !str_eq(said[i], remark);
        if (!new) {
            free(remark);
            continue;
        }
        buf_addf(out, "%s%s", n_said ? "; " : "", remark);
        said[n_said++] = remark;
    }
    for (size_t i = 0; i < n_said; i++)
        free(said[i]);
    free(said);
}

/* --- Markdown ------------------------------------------------------------------------------- */

/* What would end a cell, or begin a tag. */
static void add_markdown(struct buf *out, const char *s)
{
    for (; *s; s++) {
        if (*s == '|')
            buf_adds(out, "\\|");
        else if (*s == '<')
            buf_adds(out, "&lt;");
        else
            buf_addc(out, *s == '\n' ? ' ' : *s);
    }
}

void results_markdown(const struct results *r, struct buf *out)
{
    static const char *const words[VERDICT_MAX] = {
        "", "passed", "**FAILED**", "known", "-", "**flaky**",
    };

    buf_adds(out, "| scenario |");
    for (size_t k = 0; k < r->n_columns; k++) {
        buf_addc(out, ' ');
        add_markdown(out, r->columns[k].label);
        buf_adds(out, " |");
    }
    buf_adds(out, " remarks |\n|---|");
    for (size_t k = 0; k <= r->n_columns; k++)
        buf_adds(out, "---|");
    buf_addc(out, '\n');
    for (size_t i = 0; i < r->n_rows; i++) {
        _cleanup_buf_ struct buf remarks = BUF_INIT(1 << 20);

        buf_addf(out, "| %s |", r->rows[i].name);
        for (size_t k = 0; k < r->n_columns; k++)
            buf_addf(out, " %s |", words[r->rows[i].cells[k].verdict]);
        results_remarks(&r->rows[i], r->n_columns, &remarks);
        buf_addc(out, ' ');
        add_markdown(out, buf_str(&remarks));
        buf_adds(out, " |\n");
    }
    for (int v = VERDICT_PASSED; v < VERDICT_MAX; v++) {
        buf_addf(out, "| **%s** |", verdict_name((enum verdict)v));
        for (size_t k = 0; k < r->n_columns; k++)
            buf_addf(out, " %zu |", results_count(r, k, (enum verdict)v));
        buf_adds(out, " |\n");
    }
}

/* --- files ---------------------------------------------------------------------------------- */

/* A JUnit report of one column. */
static int write_junit(const struct results *r, size_t column, const char *path, struct err *e)
{
    struct progress_item *items = new0_array(struct progress_item, r->n_rows + 1);
    struct progress p = {.items = items, .n = r->n_rows, .suite = r->columns[column].label};
    double seconds = 0;
    int k;

    for (size_t i = 0; i < r->n_rows; i++) {
        const struct results_cell *c = &r->rows[i].cells[column];
        bool flaky = c->ok && c->failures;

        items[i] = (struct progress_item){
            .path = r->rows[i].path,
            .title = r->rows[i].title,
            .done = c->verdict != VERDICT_NONE,
            .tries = flaky ? (int)c->failures : 0,
            .at_first = flaky ? c->reason : NULL,
            .result = {.outcome = c->outcome,
                       .reason = c->reason,
                       .report = c->report,
                       .seconds = c->seconds},
        };
        if (!items[i].done)
            continue;
        p.count[c->outcome]++;
        p.n_done++;
        seconds += c->seconds;
    }
    k = junit_write(path, &p, seconds, e);
    free(items);
    return k;
}

static int write_reports(const struct results *r, const char *folder, struct err *e)
{
    int result = io_mkdirs(folder, 0755, e);

    for (size_t k = 0; k < r->n_columns && result == 0; k++) {
        char *name = xstrdup(r->columns[k].label), *path;

        for (char *s = name; *s; s++)
            if (*s == '/' || *s == ' ' || *s == '#')
                *s = '_';
        path = xasprintf("%s/%s.xml", folder, name);
        result = write_junit(r, k, path, e);
        free(path);
        free(name);
    }
    return result;
}

static int write_text(const char *path, const struct buf *b, struct err *e)
{
    if (b->full)
        return err_set(e, ERR_LIMIT, "%s: larger than %u bytes", path, SHOW_MAX);
    if (!str_eq(path, "-"))
        return io_write_file(path, buf_str(b), buf_len(b), 0644, e);
    fputs(buf_str(b), stdout);
    return fflush(stdout) ? err_set(e, ERR_SYS, "standard output could not be written") : 0;
}

int results_write_files(const struct results *r, const struct results_files *f, struct err *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(SHOW_MAX);

    if (f->json) {
        char *text = results_json(r);

        buf_adds(&b, text);
        buf_addc(&b, '\n');
        free(text);
        if (write_text(f->json, &b, e) < 0)
            return -1;
        buf_clear(&b);
    }
    if (f->markdown) {
        results_markdown(r, &b);
        if (write_text(f->markdown, &b, e) < 0)
            return -1;
        buf_clear(&b);
    }
    if (f->html) {
        results_html(r, &b);
        if (write_text(f->html, &b, e) < 0)
            return -1;
    }
    return f->junit ? write_reports(r, f->junit, e) : 0;
}
