/*
 * gmsa.h - what the agent's container needs for tasks with credentialspecs.
 *
 * As ecs-init (docker/docker.go): where the socket of credentials-fetcher is told whether or not
 * somebody listens there; with ECS_GMSA_SUPPORTED=true in our own environment the agent is told
 * that the instance is joined to a domain, when `realm list` names one; and with the same line in
 * the configuration the socket is bound, when it exists.
 */
#ifndef AGENT_INIT_GMSA_H
#define AGENT_INIT_GMSA_H

#include "agent/init/init.h"
#include "base/json.h"

/* The path in CREDENTIALS_FETCHER_HOST (unix:///path), or the daemon's usual one; to be freed. */
char *gmsa_socket(const struct init *in);
/* The lines of the environment (agent/init/environment.h), before those of the configuration. */
void gmsa_env(struct init *in, json_t *env);
/* "PATH:PATH" of the socket when env, which is whole, wants it and it exists; to be freed. */
char *gmsa_bind(const struct init *in, const json_t *env);

#endif
