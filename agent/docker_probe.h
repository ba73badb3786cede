/*
 * docker_probe.h - which Docker Engine is there, before anything else.
 *
 * Asks GET /_ping, then GET /version. The official agent asks /version at each
 * of the 28 API versions it knows; the range between MinAPIVersion and
 * ApiVersion says the same with one request.
 */
#ifndef AGENT_DOCKER_PROBE_H
#define AGENT_DOCKER_PROBE_H

#include <stdbool.h>

#include "agent/http.h"
#include "base/err.h"

struct docker_engine {
    char version[64];     /* of the engine, "" unknown */
    int api_min, api_max; /* the minor numbers of what it serves: 12, 43 */
    int api; /* the minor number this agent speaks by default: 21, or api_min if that is higher */
};

/* e->code: ERR_NONE; ERR_CONFLICT: it is there and too old for good; else not there. */
typedef void (*docker_probe_fn)(const struct docker_engine *d, const struct err *e, void *user);

struct docker_probe;

/* docker_host: unix:///path or tcp://host:port. NULL with the reason in e when it is neither. */
struct docker_probe *docker_probe_start(struct http *h, const char *docker_host, docker_probe_fn fn,
                                        void *user, struct err *e);
/* Ends it without a call; not after the call. NULL is fine. */
void docker_probe_cancel(struct docker_probe *p);

/* Whether this agent may speak 1.<minor> with it. */
bool docker_engine_serves(const struct docker_engine *d, int minor);

/* Reads the range out of the JSON of /version. */
int docker_engine_read(struct docker_engine *d, const char *body, size_t n, struct err *e);

#endif
