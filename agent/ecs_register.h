/*
 * ecs_register.h - RegisterContainerInstance: what is sent, how often, and what
 * an answer means for the exit status.
 *
 * - ThrottlingException, ServerException and LimitExceededException are tried
 *   again for an hour (3 s growing to 192 s).
 * - InvalidParameterException, ClientException, attributes that do not come
 *   back, and a changed instance type are for good: status 5.
 * - Everything else is status 1: access denied, no connection.
 * - With no cluster configured: "default"; when that is not there it is
 *   created, and any first failure gets a second try.
 * (ecs_client.go:RegisterContainerInstance, app/agent.go; statuses seen)
 */
#ifndef AGENT_ECS_REGISTER_H
#define AGENT_ECS_REGISTER_H

#include "agent/args.h"
#include "agent/ecs_client.h"
#include "base/log.h"

struct ecs_register;

struct registration {
    const char *cluster;      /* as configured; "": default, created when missing */
    const char *instance_arn; /* from the saved state, NULL: first registration */
    const char *identity_document, *identity_signature; /* "" outside EC2 */
    const json_t *attributes;                           /* all that are to be sent */
    const json_t *resources;                            /* totalResources */
    const json_t *tags;                                 /* object of strings */
    const json_t *devices;                              /* platformDevices; NULL: none */
};

struct registered {
    enum agent_exit status; /* AGENT_EXIT_OK: registered */
    const char *instance_arn;
    const char *availability_zone; /* NULL: the service did not say */
    struct err e;
};

typedef void (*ecs_register_fn)(const struct registered *r, void *user);

/* Everything is copied. Calls back once, not from inside. */
struct ecs_register *ecs_register_start(struct ecs_client *c, const struct registration *what,
                                        struct log *log, ecs_register_fn fn, void *user,
                                        struct err *e);
void ecs_register_cancel(struct ecs_register *r); /* NULL is fine; not after the call */

/* What a failed answer means. Transient ones are tried again by the module itself. */
enum register_verdict { REGISTER_AGAIN, REGISTER_TERMINAL, REGISTER_FAILED };
enum register_verdict ecs_register_judge(const struct ecs_answer *a);

/* Whether every attribute that was sent came back with its value. */
int ecs_register_validate(const json_t *sent, const json_t *received, struct err *e);

/* What tasks may use of this machine: units of 1/1024 core, MiB. -1: it does not tell its memory,
 * which then has no limit. */
int ecs_register_room(const struct config *c, int64_t *ret_cpu, int64_t *ret_memory);

/* CPU (1024 for each processor), MEMORY (MiB of the machine less the reserved), PORTS, PORTS_UDP.
 * NULL with the reason in e when more memory is reserved than there is. */
json_t *ecs_register_resources(const struct config *c, struct err *e);

#endif
