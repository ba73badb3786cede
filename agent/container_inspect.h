/*
 * container_inspect.h - what an inspect of Docker says about a container.
 *
 * Rules (docker_client.go, metadataFromContainer): running is RUNNING; dead is
 * STOPPED; never started and without an error is CREATED; else STOPPED. The
 * exit code counts only when the container does not run and has a FinishedAt.
 * OOMKilled and State.Error become the reason of a stopped container.
 */
#ifndef AGENT_CONTAINER_INSPECT_H
#define AGENT_CONTAINER_INSPECT_H

#include "agent/container.h"

/* A health check's output is cut to this. */
#define HEALTH_OUTPUT_MAX 1024

/*
 * Takes over every fact but the status, which is returned: CREATED, RUNNING
 * or STOPPED; NONE when v is not an inspect's answer.
 */
enum container_status container_inspect(struct container *c, const json_t *v);

/* Only looks: the same status, and the exit code if there is one that counts. */
enum container_status container_inspect_status(const json_t *v);
void container_inspect_exit(const json_t *v, bool *ret_known, int *ret_code);

#endif
