/*
 * import.h - files that belong to a scenario: imports and what @names.
 *
 * Loading goes before checking: each `use` gets its file parsed into a tree of
 * its own below the step, and each @name that is no attachment is read from
 * beside the scenario.
 */
#ifndef HARNESS_IMPORT_H
#define HARNESS_IMPORT_H

#include "harness/scn.h"

/* Reads what the tree names. dirs as in scn_load(). -1: reported. */
int import_all(struct scn *s, const char *const *dirs, struct diag *d);

#endif
