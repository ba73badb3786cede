/*
 * check.h - what a parsed scenario means, before anything starts.
 *
 * Names: every ${name} is a built-in, a parameter, or was captured by a step
 * above; nothing is shadowed; what is captured is used. Values: durations,
 * numbers, expressions, JSON, versions. Calls: operations and messages that
 * exist. Attachments and parameters that nobody uses are errors, since they are
 * nearly always misspelt. (Groups of `answer` are known to those who know the
 * fakes: harness/cmd_run.c.)
 */
#ifndef HARNESS_CHECK_H
#define HARNESS_CHECK_H

#include "harness/scn.h"

/* Checks the tree with its imports. -1 when there was an error; all are reported. */
int check_scn(struct scn *s, struct diag *d);

/* -- parts, for each other -- */

/* Kinds of an argument or option value; texts with ${...} are left for the run. -1: reported. */
int check_value(const struct scn_value *v, enum arg_kind kind, const char *choices,
                const char *what, struct diag *d);

/* WHAT of the step against what its peer knows. -1: reported. */
int check_what(const struct scn_step *st, struct diag *d);

/* JSON in an attachment or file. -1: reported, at its place. */
int check_content(const struct scn *s, const struct scn_attachment *a, struct diag *d);

/* The place of bytes [at, at + len) of an attachment or file, and the source they stand in: src
 * is filled in and borrows from s and a. */
struct pos check_place(const struct scn *s, const struct scn_attachment *a, size_t at, size_t len,
                       struct source *src);

#endif
