/*
 * registry.h - the registries behind the engine: who may pull, and how often.
 *
 * A registry is there when it was declared, when an image of the catalogue lies in
 * it, and docker.io always. Pulling from another fails as it does when nobody
 * listens (addresses of this host) or when its name does not resolve.
 *
 * Life cycle: docker_registries_release() with the engine.
 */
#ifndef FAKES_DOCKER_REGISTRY_H
#define FAKES_DOCKER_REGISTRY_H

#include "fakes/docker/engine.h"

/*
 * Declares a registry or adds to it; args, each a text:
 *   user, password   one more who may log in
 *   private yes|no   only those may pull (default: yes as soon as there is a user)
 *   public GLOB      but these repositories (paths without the host) are for anybody
 *   auth token|basic how the registry wants the password: for a bearer token, as Docker Hub
 *                    does, or with each request, as ECR does (default; docker.io: token)
 *   rate-limit N     pulls that are answered; the next gets toomanyrequests
 *   rate-window DURATION  after which the count starts anew (default 6h)
 */
int registry_declare(struct docker *d, const char *host, const json_t *args, struct err *e);

/*
 * Asks for a manifest (tag or digest): 0, or -1 and the refusal that the engine passes on. auth:
 * the value of X-Registry-Auth, or NULL. counted: it is a pull, which the rate limit counts.
 */
int registry_ask(struct docker *d, const struct ref *r, const char *auth, bool counted,
                 struct problem *p);

/* What the engine makes of it when anybody's token is good for nothing. */
#define REGISTRY_DENIED                                                                            \
    "errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication "   \
    "required\n"

/* What a registry of this kind says when it has no such repository, or no such tag of it. */
int registry_lacks(struct docker *d, const struct ref *r, bool repository, struct problem *p);

void docker_registries_release(struct docker *d);
void post_auth(struct fake *f, struct exchange *x);

#endif
