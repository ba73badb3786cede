/*
 * agent_container.h - the agent as a container of Docker, named ecs-agent: `--container`.
 *
 * Each start removes a container of that name, creates a new one and starts it; its end is what
 * POST /containers/ecs-agent/wait tells. Its create body is ecs-init's
 * (ecs-init/docker/docker.go: getContainerConfig, getHostConfig): network and user namespace of the
 * host, an init process, NET_ADMIN and SYS_ADMIN (none with ECS_EXTERNAL), json-file logs of 16m
 * in 4 files, the machine's folders. Its environment: ecs-init's defaults, over them the
 * env-file, read as `docker run --env-file` reads one: quotes stay.
 *
 * The image is looked for in Docker; where it is not there it is loaded from
 * /var/cache/ecs/ecs-agent.tar. Exit code 42: /var/cache/ecs/desired-image names the file in that
 * folder to load instead. When that fails it is told, and the old image runs again; so it does when
 * the new one does not register (trial.h).
 */
#ifndef AGENT_INIT_AGENT_CONTAINER_H
#define AGENT_INIT_AGENT_CONTAINER_H

#include "agent/init/supervisor.h"
#include "base/json.h"

/* data of the supervisor: a struct trial. After engine_wait(). */
extern const struct agent_runner agent_container_runner;

/* Image files larger than this are not loaded. */
#define AGENT_IMAGE_MAX (1ll << 30)

typedef void (*agent_image_fn)(struct init *in, const char *error, void *user);

/* Loads an image file into Docker; error NULL: done. */
void agent_image_load(struct init *in, const char *path, agent_image_fn done, void *user);
/* Loads the cached image unless Docker has one of this name. */
void agent_image_need(struct init *in, agent_image_fn done, void *user);

/* The body of the create call; a new reference. env_text: the env-file, n bytes. */
json_t *agent_container_body(struct init *in, const char *env_text, size_t n);
/* The image file that desired-image's text names; to be freed. NULL: it names none that may be
 * loaded (a path, nothing). */
char *agent_desired_image(const char *text);

/* `stop`: docker stop with the grace; the loop ends with INIT_EXIT_OK, also when there is none. */
void agent_container_stop(struct init *in);

#endif
