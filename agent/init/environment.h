/*
 * environment.h - the agent's environment as a JSON array of "NAME=value", as Docker has it.
 */
#ifndef AGENT_INIT_ENVIRONMENT_H
#define AGENT_INIT_ENVIRONMENT_H

#include "agent/init/init.h"
#include "base/json.h"

/* Adds NAME=value, in place of one with this name. */
void init_env_put(json_t *env, const char *line);

/* Adds the lines of an env-file as `docker run --env-file` does: blanks in front and lines that
 * begin with # do not count, quotes and everything else behind the = do; a name alone is taken from
 * our own environment, if it is there. */
void init_env_put_file(const struct init *in, json_t *env, const char *text, size_t n);

#endif
