/*
 * init.h - ecsim-init, the supervisor of the agent, in the role of ecs-init.
 *
 *   pre-start     waits for Docker, makes the agent's folders, leads 169.254.170.2:80 to the agent
 *   start         starts the agent and starts it again, until it ends with 0 or 5
 *   stop          ends the agent (10 s, then SIGKILL); pre-stop is the same
 *   post-stop     takes the network rules away
 *   reload-cache  loads the image in /var/cache/ecs into Docker
 *
 * One struct init holds what every command needs: a loop, HTTP to the engine, a log on standard
 * error (the journal of the unit). Exit statuses are those of ecs-init: 0, 1 usage, 5 the agent
 * must not be started again, 255 anything else (ecs-init/ecs-init.go, seen in its units).
 *
 * Life cycle: init_open(), one command, init_close().
 */
#ifndef AGENT_INIT_INIT_H
#define AGENT_INIT_INIT_H

#include <stdbool.h>

#include "agent/http.h"
#include "agent/loop.h"
#include "base/err.h"
#include "base/list.h"
#include "base/log.h"

#define INIT_EXIT_OK       0
#define INIT_EXIT_USAGE    1
#define INIT_EXIT_TERMINAL 5
#define INIT_EXIT_ERROR    255

#define INIT_CONTAINER "ecs-agent"
#define INIT_IMAGE     "amazon/amazon-ecs-agent:latest"
#define INIT_CONFIG    "/etc/ecs/ecs.config"
#define INIT_CACHE     "/var/cache/ecs"
#define INIT_DATA      "/var/lib/ecs/data"
#define INIT_DEPS      "/var/lib/ecs/deps"
#define INIT_LOG       "/var/log/ecs"
#define INIT_RUN       "/run/ecsim-init"

enum init_command {
    INIT_PRE_START,
    INIT_START,
    INIT_STOP,
    INIT_POST_STOP,
    INIT_RELOAD_CACHE,
};

struct init_options {
    enum init_command command;
    bool help, version;
    bool container;       /* the agent is a container, not a process */
    const char *agent;    /* command line of the agent; NULL: ecsim-agent beside us */
    const char *image;    /* of the container */
    const char *env_file; /* as docker run --env-file reads it; NULL: INIT_CONFIG for a container */
};

struct init {
    const struct init_options *options;
    const char *const *env;
    struct loop loop;
    struct http *http;
    struct log log;
    char *socket;      /* of the engine; NULL: `base` is where it is */
    char *base;        /* URL before the path */
    struct list calls; /* to the engine, under way */
    char *version;     /* "/v1.25": of calls to the engine; NULL before engine_wait() */
    int status;        /* exit status, once the loop has ended */
};

/* -1: told what is wrong with the command line. */
int init_options_parse(struct init_options *o, int argc, char **argv, const char *const *env,
                       struct err *e);
void init_options_help(void);

int init_open(struct init *in, const struct init_options *o, const char *const *env, struct err *e);
void init_close(struct init *in);

/* A variable of our environment; "" when it is not there. */
const char *init_env(const struct init *in, const char *name);
/* "true", "1" and what else Go's ParseBool takes for true. */
bool init_env_true(const struct init *in, const char *name);

/* Ends the loop with this status. */
void init_end(struct init *in, int status);
/* Logs the error, and ends the loop with INIT_EXIT_ERROR. */
void init_fail(struct init *in, const char *what, const char *error);

#endif
