/*
 * doc.h - the reference of the language as Markdown, from the table of verbs.
 *
 * docs/SCENARIOS.md is this text; `make docs` writes it anew.
 */
#ifndef HARNESS_DOC_H
#define HARNESS_DOC_H

#include "base/buf.h"

void doc_write(struct buf *out);

#endif
