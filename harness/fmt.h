/*
 * fmt.h - a tree as canonical .scn text.
 *
 * One form for one tree: verbs in a column, two blanks a block, one blank
 * between words and two before matchers, suffixes and comments, JSON on one
 * line where it fits, lines of at most FMT_COLUMNS where words allow it.
 * fmt(parse(fmt(x))) is fmt(x), to the byte.
 */
#ifndef HARNESS_FMT_H
#define HARNESS_FMT_H

#include "base/buf.h"
#include "harness/scn.h"

#define FMT_COLUMNS 100

/* Appends; -1 when out is full. */
int fmt_scn(const struct scn *s, struct buf *out);

/* One value as it is written, JSON on one line. */
void fmt_value(const struct scn_value *v, struct buf *out);

#endif
