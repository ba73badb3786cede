/*
 * app.h - the agent's life: start in the official order, run, end.
 *
 * Order: configuration, Docker's version, saved state, instance metadata,
 * registration, task engine, introspection, then the ACS and TCS sessions.
 * SIGTERM and SIGINT end it with a last save and status 0.
 */
#ifndef AGENT_APP_H
#define AGENT_APP_H

#include "agent/args.h"

/* Runs until the agent's end; returns the exit status. env: "NAME=value" list. */
enum agent_exit app_run(const struct args *args, const char *const *env);

#endif
