/*
 * keyring.h - which access keys are good in this world.
 *
 * One keyring per world, found with keyring_of(). It is itself a fake without
 * listeners ("keys"), so that it lives and ends with the world and can be told
 * things by a scenario; it is made on first use and knows the key pair of
 * world->id from then on.
 *
 * Whoever hands out credentials (IMDS a role, ACS a task role, STS a session)
 * registers them here under its own name, and takes them back with
 * keyring_drop() when it is reset.
 *
 * Commands (fake_ops.control):
 *   key    {accessKeyId, secretAccessKey, sessionToken?, expiration?}   adds or replaces one
 *   expire {accessKeyId}                                                its token is expired now
 *   remove {accessKeyId}                                                nobody knows it any more
 */
#ifndef FAKES_AWS_KEYRING_H
#define FAKES_AWS_KEYRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "fakes/core/fake.h"

/* More keys than this at once are refused (ERR_LIMIT): a leak of a fake shows early. */
#define KEYRING_MAX 65536

struct keyring_key {
    char *access_key, *secret_key;
    char *token;     /* session token that has to come with it; NULL: long-lived, none allowed */
    char *arn;       /* who it is; NULL: not said */
    char *owner;     /* name of the fake that registered it */
    int64_t expires; /* wall, ns since 1970; 0: never */
    /* The key derived for the last scope, because a client uses the same one all day. */
    char scope[160];
    uint8_t derived[32];
};

struct keyring {
    struct fake fake;
    struct map keys; /* access key -> struct keyring_key */
};

extern const struct fake_ops keyring_ops;

/* The world's keyring, made when there is none. NULL with *e when the world is full. */
struct keyring *keyring_of(struct world *w, struct err *e);

struct keyring_new {
    const char *access_key, *secret_key;
    const char *token; /* NULL: none */
    const char *arn;   /* NULL: not said */
    const char *owner; /* name of a fake: lives as long as the caller likes, it is copied */
    int64_t expires;   /* wall, 0: never */
};

/* Adds a key or replaces the one of the same name. Secret and token become secrets of the journal.
 */
int keyring_put(struct keyring *k, const struct keyring_new *n, struct err *e);

/* The key, or NULL. Borrowed until the key is replaced or removed. */
struct keyring_key *keyring_find(const struct keyring *k, const char *access_key);

/* Removes one key; -1 with ERR_NOT_FOUND. */
int keyring_remove(struct keyring *k, const char *access_key, struct err *e);

/* Removes all keys that this fake registered. */
void keyring_drop(struct keyring *k, const char *owner);

#endif
