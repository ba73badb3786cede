/*
 * healthcheck.h - -healthcheck: does the agent that runs on this machine answer?
 *
 * HEAD /v1/metadata of the introspection API, at ECS_AGENT_HEALTHCHECK_HOST (and
 * where ECSIM_INTROSPECTION says). Any answer is a healthy agent, also one whose
 * control channel is dead. (app/healthcheck.go)
 */
#ifndef AGENT_HEALTHCHECK_H
#define AGENT_HEALTHCHECK_H

#include "agent/args.h"

#define HEALTHCHECK_TIMEOUT (25 * NS_PER_S)

/* env: "NAME=value" list. */
enum agent_exit healthcheck(const char *const *env);

#endif
