/* ECS_ENGINE_AUTH_DATA: which of its registries an agent will log in to. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/config_lint_parts.h"

#define PLAIN_MAX (4u << 20)

static const char *const take_off =
    "take it off: jq -c .auths ~/.docker/config.json gives what belongs here";

struct place {
    struct lint *l;
    size_t line, column;
};

static void say(const struct place *p, const char *key, const char *why, const char *hint)
{
    lint_say(p->l, p->line, p->column, hint, "ECS_ENGINE_AUTH_DATA: \"%.80s\" %s", key, why);
}

static const char *text_at(const json_t *o, const char *name)
{
    const char *key, *found = NULL;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)o, key, v)
        if (strcasecmp(key, name) == 0)
            found = json_string_value(v);
    return found && *found ? found : NULL;
}

static void check_auth(const struct place *p, const char *key, const char *auth)
{
    _cleanup_buf_ struct buf plain = BUF_INIT(PLAIN_MAX);

    if (strpbrk(auth, "-_ ") || str_unbase64(&plain, auth, strlen(auth)) < 0)
        say(p, key, "has an \"auth\" that is not base64: it is passed over",
            "\"auth\" is the base64 of user:password");
    else if (!memchr(buf_str(&plain), ':', buf_len(&plain)))
        say(p, key, "has an \"auth\" without a colon: it is passed over",
            "\"auth\" is the base64 of user:password");
    else if (buf_str(&plain)[buf_len(&plain) - 1] == '\n')
        say(p, key, "has a password that ends in a newline, which the registry will not know",
            "encode it with printf %s user:password | base64");
}

static void check_key(const struct place *p, const char *key)
{
    static const char *const hub[] = {"docker.io",          "index.docker.io",
                                      "index.docker.io/v1", "registry-1.docker.io",
                                      "hub.docker.com",     "registry.hub.docker.com"};
    const char *bare = str_after(key, "https://");

    if (!bare)
        bare = str_after(key, "http://");
    if (!bare)
        bare = key;
    for (size_t i = 0; i < ARRAY_SIZE(hub); i++)
        if (str_eq(bare, hub[i]))
            say(p, key, "is never used for Docker Hub",
                "the key of Docker Hub is https://index.docker.io/v1/");
}

static void check_entry(const struct place *p, bool docker, const char *key, const json_t *entry)
{
    const char *auth = text_at(entry, "auth"), *user = text_at(entry, "username");

    if (str_eq(key, "auths"))
        say(p, key, "is taken for a registry of that name: nobody is logged in anywhere", take_off);
    else if (docker && !user && auth)
        say(p, key, "has \"auth\" and no user name: it is sent, and logs nobody in",
            "set ECS_ENGINE_AUTH_TYPE=dockercfg");
    else if (docker && !user && !text_at(entry, "identitytoken"))
        say(p, key, "has no credentials", NULL);
    else if (!docker && !auth)
        say(p, key, "has no \"auth\": it is passed over",
            user ? "set ECS_ENGINE_AUTH_TYPE=docker"
                 : "credential helpers, stores and identity tokens are not supported");
    else if (!docker)
        check_auth(p, key, auth);
    check_key(p, key);
}

/* A member that Go cannot put where it is to be makes all of them disappear. */
static bool fits(bool docker, const json_t *entry)
{
    static const char *const members[] = {"auth",          "username",      "password",     "email",
                                          "serveraddress", "identitytoken", "registrytoken"};
    const char *key;
    json_t *v;

    if (!json_is_object(entry))
        return json_is_null(entry);
    json_object_foreach ((json_t *)(uintptr_t)entry, key, v)
        for (size_t i = 0; i < (docker ? ARRAY_SIZE(members) : 1); i++)
            if (strcasecmp(key, members[i]) == 0 && !json_is_string(v) && !json_is_null(v))
                return false;
    return true;
}

static void check_object(const struct place *p, bool docker, const json_t *o)
{
    bool all = true;
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
        if (fits(docker, v))
            continue;
        all = false;
        say(p, key, "is no entry, and so none of them counts",
            json_object_get(o, "auths") ? take_off : "what stands beside the registries has to go");
    }
    if (!all)
        return;
    json_object_foreach ((json_t *)(uintptr_t)o, key, v)
        check_entry(p, docker, key, v);
    if (!json_object_size(o))
        lint_say(p->l, p->line, p->column, NULL, "ECS_ENGINE_AUTH_DATA names no registry");
}

void lint_auth(struct lint *l, size_t line, size_t column, const char *type, const char *data)
{
    const struct place p = {l, line, column};
    struct err e = ERR_INIT;
    _cleanup_json_ json_t *o = NULL;
    const char *quote = data + strspn(data, " \t");

    if (!*quote)
        return;
    if (!type || !*type) {
        lint_say(l, line, column, "set ECS_ENGINE_AUTH_TYPE to docker or dockercfg",
                 "ECS_ENGINE_AUTH_DATA counts for nothing without ECS_ENGINE_AUTH_TYPE");
        return;
    }
    if (!str_eq(type, "docker") && !str_eq(type, "dockercfg")) {
        lint_say(l, line, column, "it is docker or dockercfg",
                 "ECS_ENGINE_AUTH_TYPE is none that there is: nobody is logged in anywhere");
        return;
    }
    o = json_read(data, strlen(data), JSON_READ_PEER, &e);
    if (json_is_object(o))
        check_object(&p, str_eq(type, "docker"), o);
    else
        lint_say(l, line, column,
                 *quote == '\'' || *quote == '"'
                     ? "quotes are kept by ecs.config and by Docker's --env-file: take them off"
                     : "{\"registry\":{\"auth\":\"<base64 of user:password>\"}}",
                 "ECS_ENGINE_AUTH_DATA is no JSON object: nobody is logged in anywhere");
}
