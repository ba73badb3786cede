/*
 * engine.h - what ecsim-init asks of the Docker engine.
 *
 * engine_wait() is the readiness test of ecs-init: GET /v<version>/_ping for 1.25 to 1.44,
 * then 1.21 to 1.24. A version that is refused with 400 gives way to the next at once; anything
 * else (nobody listens, no answer, another status) is tried again after 1 s, doubling to 3 s with a
 * jitter of 0.2, at most 5 times in all. So it gives up after about ten seconds, and the unit's
 * RestartSec takes over. (ecs-init/docker/dependencies.go)
 */
#ifndef AGENT_INIT_ENGINE_H
#define AGENT_INIT_ENGINE_H

#include "agent/init/init.h"

#define ENGINE_RETRIES      5
#define ENGINE_PING_TIMEOUT (5 * NS_PER_S)

typedef void (*engine_ready_fn)(struct init *in, void *user);

/* Calls fn when the engine answers; else the loop ends with INIT_EXIT_ERROR. */
void engine_wait(struct init *in, engine_ready_fn fn, void *user);

struct engine_answer {
    int status;       /* 0: none came; `text` says why */
    const char *body; /* NUL-terminated */
    size_t len;
    const char *message; /* of an error, without its JSON; "" when status is 2xx */
};
typedef void (*engine_done_fn)(struct init *in, const struct engine_answer *a, void *user);

/* One call, after engine_wait(). path: behind the version. body may be NULL; type: its
 * Content-Type, application/json when NULL. timeout 0: none. done() comes exactly once,
 * unless everything ends first. */
void engine_call(struct init *in, const char *method, const char *path, const char *type,
                 const void *body, size_t n, int64_t timeout, engine_done_fn done, void *user);
/* Of calls that are cancelled with in->http: their done() never comes. */
void engine_forget(struct init *in);

#endif
