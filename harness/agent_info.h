/*
 * agent_info.h - what an agent says of itself before any scenario runs.
 */
#ifndef HARNESS_AGENT_INFO_H
#define HARNESS_AGENT_INFO_H

#include <stdbool.h>

#include "base/err.h"
#include "harness/profile.h"
#include "harness/sandbox/sandbox.h"

/* How long an agent may take to print its version. */
#define AGENT_INFO_LIMIT_NS (10 * NS_PER_S)

struct agent_info {
    const struct profile *profile; /* borrowed */
    char **argv;                   /* the command line, split */
    char *version;                 /* X.Y.Z whose behaviour it shows; NULL: it does not say */
};

/*
 * text: the name of a profile, or a command line, whose profile is guessed from what it prints.
 * Runs it with what the profile asks with (-version), in a sandbox if there is one. Official agents
 * print "Amazon ECS Agent - v1.105.1 (...)" or a line with the bare version; ours says in a line
 * "behaves as: 1.105.1" which official version it follows. -1 with ERR_USAGE, ERR_NOT_FOUND or
 * ERR_SYS when the command cannot be started at all, ERR_CONFLICT when it is not what the profile
 * says.
 */
int agent_info_get(struct agent_info *a, const struct profiles *ps, const char *text,
                   struct sandbox *box, struct err *e);
void agent_info_release(struct agent_info *a);

/* The version in what an agent printed; NULL: none. To be freed. */
char *agent_info_version(const char *text);

#endif
