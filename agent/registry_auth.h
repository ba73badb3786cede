/*
 * registry_auth.h - ECS_ENGINE_AUTH_TYPE and ECS_ENGINE_AUTH_DATA: which credentials for which
 * image.
 *
 *   dockercfg  {"<registry>": {"auth": "<base64 of user:password>"}}
 *   docker     {"<registry>": {"username": "...", "password": "...", "email": "..."}}
 *
 * Read as the official agent reads it (dockerauth/dockerauth.go): what does not
 * fit is dropped without a word to anybody, one entry or all of them, and the
 * pulls go on without credentials. Ours drops the same, and says in one line
 * what it found and how to mend it (registry_auth_found(), registry_auth_hint()).
 * Neither line holds a secret; every secret is registered with the log.
 *
 * Keys lose a leading http:// or https:// and nothing else. An image is given
 * the credentials of
 *   - "index.docker.io/v1/" when it is one of Docker Hub, of no other key;
 *   - else the longest key that the image's name begins with and whose host is
 *     the image's; else the host itself; else the first key of this host. The
 *     official agent takes these in the order of a Go map: with several keys for
 *     one host it may choose another one each time.
 */
#ifndef AGENT_REGISTRY_AUTH_H
#define AGENT_REGISTRY_AUTH_H

#include <stdbool.h>

#include "base/json.h"
#include "base/log.h"

#define REGISTRY_AUTH_HUB "index.docker.io/v1/"
#define REGISTRY_AUTH_MAX (4u << 20) /* of the data */

struct registry_auth {
    json_t *logins; /* key -> what X-Registry-Auth says */
    char *found;    /* one line; NULL: nothing was configured */
    char *hint;     /* how to mend it; NULL: nothing is wrong */
};

/* Never fails: what cannot be used is told in `found` and `hint`. type, data and log may be
 * NULL. */
void registry_auth_read(struct registry_auth *a, const char *type, const char *data,
                        struct log *log);
void registry_auth_release(struct registry_auth *a);

/* What X-Registry-Auth says for this image; borrowed, NULL: nothing. */
const json_t *registry_auth_for(const struct registry_auth *a, const char *image);

/* The registry of an image as the official agent splits it: "docker.io" when the name has none. To
 * be freed. */
char *registry_auth_host(const char *image);

#endif
