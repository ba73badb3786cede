/*
 * methods.h - the seven methods. Private to fakes/credfetch.
 */
#ifndef FAKES_CREDFETCH_METHODS_H
#define FAKES_CREDFETCH_METHODS_H

#include <protobuf-c/protobuf-c.h>

#include "fakes/credfetch/credfetch.h"

struct credfetch_user {
    char *password, *domain; /* NULL: any */
};

/* A handler answers once. `in` is of the method's request type. */
struct credfetch_method {
    const char *name, *group;
    void (*handle)(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in);
};

/* Ends with a NULL name. */
extern const struct credfetch_method credfetch_methods[];

/* arn.c: what the daemon does by itself with keys that it is handed. */
void credfetch_add_arn_lease(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in);
void credfetch_renew_arn_lease(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in);

/* Who may fetch tickets. */
bool credfetch_knows_user(const struct credfetch *c, const char *name, const char *password,
                          const char *domain);
/* NULL, or what the daemon says to a user's name, password and domain that cannot be. */
const char *credfetch_bad_user(const char *name, const char *password, const char *domain,
                               bool arn);
bool credfetch_knows_account(const struct credfetch *c, const char *name);

#endif
