/*
 * agent_feature.h - what which release of the official agent does: the table of
 * proto/agent_features.def, for guards, for lists and for people.
 *
 * A guard may say the name of a feature in place of a version: `heartbeat-ack` holds for the
 * releases that have it, `!heartbeat-ack` for those that have not.
 */
#ifndef HARNESS_AGENT_FEATURE_H
#define HARNESS_AGENT_FEATURE_H

#include <stddef.h>

#include "base/buf.h"

struct agent_feature {
    const char *name;
    const char *since; /* the first version that has it */
    const char *until; /* the first that has it no more; NULL: there is none */
    const char *wire;  /* what is seen of it */
    const char *scenario;
};

/* All of them, in the order of the table. */
const struct agent_feature *agent_features(size_t *ret_n);

/* By the first n bytes of a name; NULL: there is none. */
const struct agent_feature *agent_feature_find(const char *name, size_t n);

/* The name that is nearest to a wrong one; NULL: none is near. */
const char *agent_feature_nearest(const char *name, size_t n);

/* The guard, with what each name in it stands for behind it: "heartbeat-ack (>=1.52.0)". */
void agent_feature_explain(const char *guard, struct buf *out);

/* `ecsim features`: what each of the agents that are named should do. */
int cmd_features(int argc, char **argv);

#endif
