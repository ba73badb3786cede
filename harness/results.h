/*
 * results.h - which scenario came out how with which agent: a table that can be written, read,
 * put together with others, and shown.
 *
 * The rows are scenarios by their name ("acs/heartbeat"), the columns agents (and versions of
 * Docker) by their label. A cell sums up all runs of one scenario with one agent.
 *
 * Life cycle: zeroed, results_column(), results_row(), results_add(); or results_read() from what
 * results_json() made; results_merge() as often as wanted; results_release().
 */
#ifndef HARNESS_RESULTS_H
#define HARNESS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/progress.h"
#include "harness/result.h"

/* Limits: past one of them a file is an error. */
#define RESULTS_FILE_MAX    (256u << 20)
#define RESULTS_COLUMNS_MAX 256
#define RESULTS_ROWS_MAX    10000
#define RESULTS_SHARDS_MAX  10000

enum verdict {
    VERDICT_NONE, /* it has not run (yet) */
    VERDICT_PASSED,
    VERDICT_FAILED,
    VERDICT_KNOWN,          /* failed as an issue says that it must */
    VERDICT_NOT_APPLICABLE, /* not for this agent, engine or machine */
    VERDICT_FLAKY,          /* some runs passed, some failed */
    VERDICT_MAX,
};

struct results_cell {
    enum verdict verdict;
    enum outcome outcome; /* of the run that decided */
    bool ok;              /* it does not make the whole a failure */
    char *reason;         /* one line: why it failed, is known or not applicable; NULL: none */
    char *report;         /* what a person needs to see of a failure; NULL: none */
    double seconds;       /* of all runs */
    size_t runs, failures;
};

struct results_column {
    char *label, *agent, *version, *docker; /* all but the label may be NULL */
};

struct results_row {
    char *name, *path, *title;
    struct results_cell *cells; /* as many as there are columns */
};

struct results {
    struct results_column *columns;
    size_t n_columns, cap_columns;
    struct results_row *rows;
    size_t n_rows, cap_rows;
    size_t n_shards; /* it consists of parts: so many in all; 0: it is whole */
    bool *shards;    /* which of them are here */
};

/* Makes a column or a row, before cells are filled. Texts are copied. Returns its number; that of
 * the one of this label, or name, if it is there already. */
size_t results_column(struct results *r, const struct results_column *c);
size_t results_row(struct results *r, const char *name, const char *path, const char *title);
/* This is part k (from 1) of n. */
void results_shard(struct results *r, size_t k, size_t n);

/* One more run (with those that failed before it, --retry) of this cell. */
void results_add(struct results *r, size_t row, size_t column, const struct progress_item *it);

/* Puts the rows in the order of their names. */
void results_sort(struct results *r);

/* Takes over all of `from`. -1: they are no parts of one whole, ERR_CONFLICT. */
int results_merge(struct results *r, const struct results *from, struct err *e);
/* The first part that is missing, from 1; 0: none is. */
size_t results_missing(const struct results *r);

size_t results_count(const struct results *r, size_t column, enum verdict v);
/* How they make a command end: one of harness/exitcode.h. */
int results_exit_code(const struct results *r);

const char *verdict_name(enum verdict v);

/* The form of files. The caller frees. */
char *results_json(const struct results *r);
int results_read(struct results *r, const char *text, size_t n, struct err *e);
void results_release(struct results *r);

/* --- results_show.c, results_html.c: for people -------------------------------------------- */

/* Rows that do not pass everywhere, sums, and the reasons of what failed; each line behind prefix.
 */
void results_text(const struct results *r, const char *prefix, struct buf *out);
/* Every row, with a last column that explains what did not pass. */
void results_markdown(const struct results *r, struct buf *out);
/* One page that needs nothing else. */
void results_html(const struct results *r, struct buf *out);
/* What explains a row: why it is not for some, and the issues by which it fails. */
void results_remarks(const struct results_row *row, size_t n, struct buf *out);

/* What --json, --html, --markdown and --junit ask for; NULL: not that. "-" is standard output.
 * junit: a folder, in which each column gets a file. */
struct results_files {
    const char *json, *html, *markdown, *junit;
};
int results_write_files(const struct results *r, const struct results_files *f, struct err *e);

#endif
