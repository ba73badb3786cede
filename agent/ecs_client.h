/*
 * ecs_client.h - calls of the ECS API: signed, retried as the AWS SDK does,
 * errors told apart.
 *
 * ecs_call() sends one operation. What the SDK would retry (no answer, 5xx,
 * throttling) is retried here, inside the call; everything else is the
 * caller's decision. The callback comes exactly once, never from inside
 * ecs_call(); ecs_call_cancel() and ecs_client_free() drop it.
 */
#ifndef AGENT_ECS_CLIENT_H
#define AGENT_ECS_CLIENT_H

#include <stdbool.h>

#include "agent/credentials.h"
#include "agent/http.h"
#include "base/json.h"
#include "proto/ecs_operation.h"

struct ecs_client;
struct ecs_call;

enum ecs_retry {
    ECS_RETRY_STANDARD, /* 3 attempts, growing to seconds: the SDK's standard retryer */
    ECS_RETRY_SUBMIT,   /* 298 attempts over a day: retry_handler.go */
};

struct ecs_answer {
    int status;        /* 0: none came */
    int error;         /* enum ecs_error; -1: none, or one not in the table */
    char code[80];     /* the error's type as sent, without namespace */
    char message[304]; /* and its text, cut */
    char request_id[64];
    struct err e;       /* ERR_NONE when the status was 2xx; else "Code: message" */
    bool refused;       /* the endpoint refused the connection */
    const json_t *body; /* of a 2xx answer; an object, maybe empty */
};

typedef void (*ecs_fn)(const struct ecs_answer *a, void *user);

struct ecs_client *ecs_client_new(struct loop *l, struct http *h, const struct config *c,
                                  const struct credentials *creds);
void ecs_client_free(struct ecs_client *c);

/* NULL only without credentials or when the request cannot be built. */
struct ecs_call *ecs_call(struct ecs_client *c, enum ecs_operation op, const json_t *request,
                          enum ecs_retry retry, ecs_fn fn, void *user, struct err *e);
void ecs_call_cancel(struct ecs_call *call);

/* Whether the same call may succeed later: no answer, 5xx, throttling. */
bool ecs_answer_transient(const struct ecs_answer *a);

/* Keeps the request's id, if the answer has one. */
void ecs_answer_take_id(struct ecs_answer *a, const struct http_result *r);

/* Fills status, error, code, message and e from an HTTP answer; for the client and its tests. */
void ecs_answer_read(struct ecs_answer *a, int status, const char *type_header, const char *body,
                     size_t n);

/* Endpoints of ACS and TCS. Cached for ECS_ENDPOINT_TTL; when a renewal fails, the old ones stay.
 * The callback's texts are borrowed; e is set when there are none. May call back at once. */
typedef void (*ecs_endpoints_fn)(const char *acs, const char *tcs, const struct err *e, void *user);
struct ecs_discovery;

struct ecs_discovery *ecs_discovery_new(struct ecs_client *c, const char *cluster,
                                        const char *instance_arn);
void ecs_discovery_free(struct ecs_discovery *d);
void ecs_discover(struct ecs_discovery *d, ecs_endpoints_fn fn, void *user);

/*
 * Nobody answers at an endpoint: the service is asked anew with the next call, when it told them
 * more than ECS_ENDPOINT_DOUBT ago. (The official agent dials the dead one until its 12 hours are
 * over.)
 */
void ecs_discovery_doubt(struct ecs_discovery *d);

struct loop *ecs_client_loop(const struct ecs_client *c);

#endif
