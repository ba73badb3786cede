/*
 * history.h - what the peers of a scenario lived through, in a form that two
 * runs of it can be compared by (`ecsim run --verify`).
 *
 * One line for each request, answer and frame, peer by peer, in the order of
 * each peer. What must differ between two runs is taken out: ids are numbered in
 * the order of their first appearance (so a wrong one still shows), times of
 * day, ports and the scenario's folder have one name each. Headers, what the
 * agent logs and the order between peers are not part of it; nor is the order in
 * which things happened at the same (virtual) time.
 */
#ifndef HARNESS_HISTORY_H
#define HARNESS_HISTORY_H

#include "fakes/core/journal.h"

/* Of the first `upto` records. dir: the scenario's folder. The caller frees. */
char *history_text(const struct journal *j, size_t upto, const char *dir);

/* One text in that form, but with "#" for every id: what is the same in two runs whatever else
 * differs between them. The caller frees. */
char *history_plain(const char *text, const char *dir);

/* NULL when they are equal, else one line that says where they part. The caller frees. */
char *history_difference(const char *first, const char *second);

#endif
