/*
 * credfetch_client.h - what this agent asks credentials-fetcher, the daemon beside it.
 *
 * Four methods of its service: leases with tickets for accounts, made as the machine or as a user
 * of the domain, renewed, and given back. A call has a minute for three tries, twenty
 * seconds each; what may pass by itself is tried again after one and two seconds.
 * (ecs-agent/gmsacredclient; the tries since 1.103.2)
 *
 * credfetch_start() calls back exactly once, never from inside itself; credfetch_cancel() drops the
 * call without.
 */
#ifndef AGENT_CREDFETCH_CLIENT_H
#define AGENT_CREDFETCH_CLIENT_H

#include "agent/grpc.h"

#define CREDFETCH_PATHS_MAX 256 /* in one answer */

/* The user of the domain, for two of them. */
struct credfetch_user {
    const char *name, *password, *domain;
};

enum credfetch_method {
    CREDFETCH_ADD,            /* specs */
    CREDFETCH_ADD_DOMAINLESS, /* specs, user */
    CREDFETCH_RENEW,          /* user */
    CREDFETCH_DELETE,         /* lease_id */
};

struct credfetch_request {
    enum credfetch_method method;
    const char *const *specs; /* JSON texts */
    size_t n_specs;
    struct credfetch_user user;
    const char *lease_id;
};

struct credfetch_answer {
    struct err e;         /* ERR_NONE: it is done */
    const char *lease_id; /* "": none was given */
    char *const *paths;   /* folders of tickets */
    size_t n_paths;
};

struct credfetch_client;
struct credfetch_call;
typedef void (*credfetch_fn)(const struct credfetch_answer *a, void *user);

/* socket: where the daemon listens; "": it is nowhere. Everything is borrowed. */
struct credfetch_client *credfetch_client_new(struct loop *l, struct http *h, const char *socket);
void credfetch_client_free(struct credfetch_client *c); /* after every call is done or cancelled */

/* Texts are copied. NULL with the reason in e: there is no socket, or something is missing. */
struct credfetch_call *credfetch_start(struct credfetch_client *c,
                                       const struct credfetch_request *q, credfetch_fn fn,
                                       void *user, struct err *e);
void credfetch_cancel(struct credfetch_call *c); /* NULL is fine */

/* The message of an answer; *paths and what they point to are to be freed. -1: it is none. */
int credfetch_read(const char *p, size_t n, enum credfetch_method method, char **ret_lease_id,
                   char ***ret_paths, size_t *ret_n, struct err *e);
void credfetch_free_paths(char **paths, size_t n);

#endif
