/*
 * client.h - a client of the fake engine for tests, in the same process; and the clock in hand.
 *
 * client_begin() makes a world with one engine. call() makes one request over
 * a real socket and reads the whole answer. pass() lets time pass without
 * waiting for it: the loop believes that it was started earlier.
 */
#ifndef FAKES_DOCKER_TEST_CLIENT_H
#define FAKES_DOCKER_TEST_CLIENT_H

#include "base/json.h"
#include "fakes/core/test/peer.h"
#include "fakes/docker/docker.h"

struct answer {
    int status;
    char head[2048];
    struct buf body; /* without the chunks' frames */
    size_t chunks;
    json_t *json; /* NULL: the body is none */
};

extern struct world *world;
extern struct fake *engine;

int client_begin(void **state);
int client_end(void **state);

/* The answer lives until the next call. body: JSON text, or NULL. path without /vN.NN. */
const struct answer *call(const char *method, const char *path, const char *body);
/* The same; headers: lines that end in CRLF. */
const struct answer *call_with(const char *method, const char *path, const char *headers,
                               const char *body);
/* A request whose answer is not waited for. */
void ask(struct peer *p, const char *method, const char *path, const char *body);
/* The answer as far as it came. */
const struct answer *answer_of(struct peer *p);

/* Whether paths can be resolved inside of a root. False: it has said why the test is skipped. */
bool can_resolve(void);

void pass(int64_t ns);

/* A control command: "exit", "container", "main", "code", "3", NULL. 0 or -1. */
int control(const char *command, ...) __attribute__((sentinel));
extern struct err control_err;

/* Creates and starts a container; more: members of the body, each behind a comma. */
void run(const char *name, const char *image, const char *more);
/* A string of inspect, by dotted path; "" when absent. */
const char *inspect(const char *name, const char *path);
int64_t inspect_int(const char *name, const char *path);
/* "create start kill(15) die[0] stop": what one container's events were so far. */
const char *events_of(const char *name);

#endif
