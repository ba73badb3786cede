#include "fakes/aws/keyring.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* The owner of keys that a scenario or a person added. */
#define BY_HAND "keys"

static void key_free(struct keyring_key *k)
{
    if (!k)
        return;
    free(k->access_key);
    if (k->secret_key)
        OPENSSL_cleanse(k->secret_key, strlen(k->secret_key));
    free(k->secret_key);
    free(k->token);
    free(k->arn);
    free(k->owner);
    OPENSSL_cleanse(k->derived, sizeof(k->derived));
    free(k);
}

struct keyring_key *keyring_find(const struct keyring *k, const char *access_key)
{
    return map_get(&k->keys, access_key);
}

int keyring_put(struct keyring *k, const struct keyring_new *n, struct err *e)
{
    struct keyring_key *key;

    if (!n->access_key || !*n->access_key || !n->secret_key || !*n->secret_key)
        return err_set(e, ERR_USAGE, "a key needs accessKeyId and secretAccessKey");
    if (map_count(&k->keys) >= KEYRING_MAX && !keyring_find(k, n->access_key))
        return err_set(e, ERR_LIMIT, "more than %d access keys", KEYRING_MAX);
    key = new0(struct keyring_key);
    key->access_key = xstrdup(n->access_key);
    key->secret_key = xstrdup(n->secret_key);
    key->token = xstrdup(n->token);
    key->arn = xstrdup(n->arn);
    key->owner = xstrdup(n->owner ? n->owner : BY_HAND);
    key->expires = n->expires;
    journal_secret(&k->fake.world->journal, n->secret_key);
    journal_secret(&k->fake.world->journal, n->token);
    key_free(map_set(&k->keys, n->access_key, key));
    return 0;
}

int keyring_remove(struct keyring *k, const char *access_key, struct err *e)
{
    struct keyring_key *key = map_remove(&k->keys, access_key);

    if (!key)
        return err_set(e, ERR_NOT_FOUND, "no access key '%s'", access_key);
    key_free(key);
    return 0;
}

void keyring_drop(struct keyring *k, const char *owner)
{
    const char *name;
    void *v;

    for (size_t i = 0; map_next(&k->keys, &i, &name, &v);) {
        struct keyring_key *key = v;

        if (str_eq(key->owner, owner))
            key_free(map_remove(&k->keys, name));
    }
}

static int put_identity(struct keyring *k, struct err *e)
{
    const struct identity *id = &k->fake.world->id;

    return keyring_put(k,
                       &(struct keyring_new){.access_key = id->access_key,
                                             .secret_key = id->secret_key,
                                             .token = id->session_token,
                                             .owner = BY_HAND},
                       e);
}

static int init(struct fake *f, struct err *e)
{
    struct keyring *k = (struct keyring *)f;

    map_init(&k->keys);
    if (put_identity(k, e) < 0) {
        map_release(&k->keys);
        return -1;
    }
    return 0;
}

/* Keys of other fakes stay: each takes its own back in its own reset, in whatever order. */
static void reset(struct fake *f)
{
    struct keyring *k = (struct keyring *)f;
    struct err e = ERR_INIT;

    keyring_drop(k, BY_HAND);
    if (put_identity(k, &e) < 0)
        journal_note(fake_journal(f), f->ops->name, "%s", e.text);
}

static void release(struct fake *f)
{
    struct keyring *k = (struct keyring *)f;
    const char *name;
    void *v;

    for (size_t i = 0; map_next(&k->keys, &i, &name, &v);)
        key_free(v);
    map_release(&k->keys);
}

static int add_by_hand(struct keyring *k, const json_t *args, struct err *e)
{
    const char *expiration = json_str(args, "expiration");
    struct keyring_new n = {
        .token = json_str(args, "sessionToken"), .arn = json_str(args, "arn"), .owner = BY_HAND};

    if (json_need_str(args, "accessKeyId", &n.access_key, e) < 0 ||
        json_need_str(args, "secretAccessKey", &n.secret_key, e) < 0)
        return -1;
    if (expiration && str_parse_time(expiration, &n.expires) < 0)
        return err_set(e, ERR_USAGE, "expiration '%s' is no RFC 3339 time", expiration);
    return keyring_put(k, &n, e);
}

static int control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e)
{
    struct keyring *k = (struct keyring *)f;
    struct keyring_key *key;
    const char *name;

    (void)ret;
    if (str_eq(command, "key"))
        return add_by_hand(k, args, e);
    if (!str_eq(command, "expire") && !str_eq(command, "remove"))
        return err_set(e, ERR_USAGE, "keys: no command '%s' (key, expire, remove)", command);
    if (json_need_str(args, "accessKeyId", &name, e) < 0)
        return -1;
    if (str_eq(command, "remove"))
        return keyring_remove(k, name, e);
    key = keyring_find(k, name);
    if (!key)
        return err_set(e, ERR_NOT_FOUND, "no access key '%s'", name);
    key->expires = loop_wall(fake_loop(f));
    return 0;
}

/* Nobody can reach it; these are what the table of a fake has to have. */
static void classify(struct fake *f, struct exchange *x)
{
    (void)f;
    (void)x;
}

static void handle(struct fake *f, struct exchange *x)
{
    (void)f;
    exchange_answer_text(x, 404, NULL, "");
}

static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    (void)f;
    (void)type;
    exchange_answer_text(x, status ? status : 400, NULL, message ? message : "");
}

static void pending(struct fake *f, struct buf *out)
{
    (void)f;
    (void)out;
}

static const char *const groups[] = {NULL};

const struct fake_ops keyring_ops = {
    .name = "keys",
    .doc = "access keys that are good in this world",
    .size = sizeof(struct keyring),
    .init = init,
    .reset = reset,
    .release = release,
    .classify = classify,
    .handle = handle,
    .refuse = refuse,
    .control = control,
    .pending = pending,
    .groups = groups,
};

struct keyring *keyring_of(struct world *w, struct err *e)
{
    struct fake *f = world_find(w, keyring_ops.name);

    return (struct keyring *)(f ? f : world_add(w, &keyring_ops, e));
}
