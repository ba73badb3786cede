/* What a configuration inherits; see image_config.h. */
#include <string.h>

#include "fakes/docker/image_config.h"

static void inherit_map(json_t *config, const json_t *base, const char *member)
{
    json_t *from = json_object_get(base, member), *to, *v;
    const char *key;

    if (!from)
        return;
    to = json_object_get(config, member);
    if (!to) {
        json_object_set_new(config, member, json_copy(from));
        return;
    }
    json_object_foreach (from, key, v)
        if (!json_object_get(to, key))
            json_object_set(to, key, v);
}

/* The image's environment stands behind the container's; a name that is there wins. */
static void inherit_env(json_t *config, const json_t *base)
{
    json_t *from = json_object_get(base, "Env"), *have, *to, *v, *h;
    size_t i, k;

    if (!from)
        return;
    have = json_object_get(config, "Env");
    to = have ? json_copy(have) : json_array();
    json_array_foreach (from, i, v) {
        const char *s = json_string_value(v) ? json_string_value(v) : "";
        size_t n = strcspn(s, "=");
        bool there = false;

        json_array_foreach (have, k, h) {
            const char *mine = json_string_value(h);

            there |= mine && !strncmp(mine, s, n) && strcspn(mine, "=") == n;
        }
        if (!there)
            json_array_append(to, v);
    }
    json_object_set_new(config, "Env", to);
}

static void inherit(json_t *config, const json_t *base, const char *member)
{
    json_t *v = json_object_get(base, member);
    const json_t *mine = json_object_get(config, member);

    if (v && (!mine || (json_is_string(mine) && !json_string_length(mine))))
        json_object_set(config, member, v);
}

static bool no_words(const json_t *v)
{
    return !json_array_size(v);
}

static void inherit_health(json_t *config, const json_t *base)
{
    json_t *from = json_object_get(base, "Healthcheck"), *v;
    json_t *mine = json_object_get(config, "Healthcheck");
    const char *key;

    if (!from || !mine) {
        inherit(config, base, "Healthcheck");
        return;
    }
    json_object_foreach (from, key, v)
        if (!json_object_get(mine, key))
            json_object_set(mine, key, v);
}

void config_merge(json_t *config, const json_t *from)
{
    bool entrypoint = json_object_get(config, "Entrypoint") != NULL;

    inherit_env(config, from);
    inherit_map(config, from, "ExposedPorts");
    inherit_map(config, from, "Volumes");
    inherit_map(config, from, "Labels");
    inherit(config, from, "User");
    inherit(config, from, "WorkingDir");
    inherit(config, from, "StopSignal");
    inherit_health(config, from);
    if (!entrypoint) {
        if (no_words(json_object_get(config, "Cmd")))
            inherit(config, from, "Cmd");
        if (no_words(json_object_get(config, "Cmd")) && json_object_get(from, "Cmd"))
            json_object_set(config, "Cmd", json_object_get(from, "Cmd"));
        inherit(config, from, "Entrypoint");
    }
    if (!json_object_get(config, "Labels"))
        json_object_set_new(config, "Labels", json_object());
}
