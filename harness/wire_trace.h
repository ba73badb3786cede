/*
 * wire_trace.h - what an agent did on its wires in one run of a scenario, in a form that two
 * agents can be compared by (wire_diff.h).
 *
 * A call is a request, a frame, a session, or the agent's end. It is called by its peer and its
 * name, and by the status that it submits, if it does: "ecs SubmitTaskStateChange RUNNING". Its
 * members are told flat, by their path: `.containers[main].exitCode`, `query.protocolVersion`,
 * `header.Accept`, `answer.status`. Members of a list go by their name if they have one, else
 * they are one set. Ids, times of day, ports and folders are the same in every run
 * (history_plain()); what has to differ between two agents, and says nothing (their own version,
 * signatures), is taken out.
 */
#ifndef HARNESS_WIRE_TRACE_H
#define HARNESS_WIRE_TRACE_H

#include "fakes/core/journal.h"

/* One trace; what is more is left out. */
#define WIRE_TRACE_CALLS_MAX  20000
#define WIRE_TRACE_FIELDS_MAX 4000 /* of one call */

/*
 * JSON: {"calls": [{"t": ns, "call": "ecs RegisterContainerInstance", "fields": {PATH: TEXT}}]}.
 * Of the first `upto` records. dir: the scenario's folder. The caller frees.
 */
char *wire_trace_text(const struct journal *j, size_t upto, const char *dir);

#endif
