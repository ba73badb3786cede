/* Ports, mounts and volumes of a new container. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/create.h"

/* --- ports ------------------------------------------------------------------------------- */

static struct port *add_port(struct container *c, const char *key)
{
    const char *slash = strchr(key, '/');
    char *number = xstrndup(key, slash ? (size_t)(slash - key) : strlen(key));
    struct port *p;
    uint64_t n;
    int r = str_u64(number, 65535, &n);

    free(number);
    if (r < 0)
        return NULL;
    c->ports = xrealloc(c->ports, (c->n_ports + 1) * sizeof(*c->ports));
    p = &c->ports[c->n_ports++];
    *p = (struct port){.container = (uint16_t)n, .host_ip = xstrdup("")};
    snprintf(p->proto, sizeof(p->proto), "%s", slash ? slash + 1 : "tcp");
    return p;
}

static void bind_port(struct container *c, const char *key, const json_t *binding)
{
    struct port *p = add_port(c, key);
    const char *ip = json_str(binding, "HostIp"), *host = json_str(binding, "HostPort");
    char *first = xstrndup(host ? host : "", strcspn(host ? host : "", "-"));
    uint64_t n = 0;

    if (p) {
        str_u64(first, 65535, &n);
        p->wanted = (uint16_t)n;
        p->published = true;
        free(p->host_ip);
        p->host_ip = xstrdup(ip ? ip : "");
    }
    free(first);
}

static int by_port(const void *a, const void *b)
{
    const struct port *x = a, *y = b;
    int proto = strcmp(x->proto, y->proto);

    if (x->container != y->container)
        return x->container < y->container ? -1 : 1;
    return proto;
}

void create_ports(struct create *r, struct container *c)
{
    json_t *exposed = json_object_get(r->config, "ExposedPorts"), *list, *one;
    json_t *bindings = json_object_get(r->host, "PortBindings");
    bool publish_all = json_bool(r->host, "PublishAllPorts", false);
    const char *key;
    struct port *p;
    size_t i;

    json_object_foreach (bindings, key, list)
        json_array_foreach (list, i, one)
            bind_port(c, key, one);
    json_object_foreach (exposed, key, one) {
        if (json_array_size(json_object_get(bindings, key)))
            continue;
        p = add_port(c, key);
        if (p)
            p->published = publish_all;
    }
    if (c->n_ports)
        qsort(c->ports, c->n_ports, sizeof(*c->ports), by_port);
}

/* --- mounts ------------------------------------------------------------------------------ */

static struct mount *add_mount(struct container *c, const char *type, const char *destination)
{
    struct mount *m;

    c->mounts = xrealloc(c->mounts, (c->n_mounts + 1) * sizeof(*c->mounts));
    m = &c->mounts[c->n_mounts++];
    *m = (struct mount){.destination = xstrdup(destination), .rw = true};
    snprintf(m->type, sizeof(m->type), "%s", type);
    m->mode = xstrdup("");
    m->propagation = xstrdup("");
    return m;
}

static void set(char **at, const char *s)
{
    free(*at);
    *at = xstrdup(s);
}

static void use_volume(struct mount *m, struct volume *v)
{
    m->name = xstrdup(v->name);
    m->volume = v;
    v->uses++;
}

static bool mounted(const struct container *c, const char *destination)
{
    for (size_t i = 0; i < c->n_mounts; i++)
        if (str_eq(c->mounts[i].destination, destination))
            return true;
    return false;
}

static int mode_wrong(const char *mode, struct problem *p)
{
    static const char *const known[] = {"ro",       "rw",         "z",      "Z",        "nocopy",
                                        "shared",   "rshared",    "slave",  "rslave",   "private",
                                        "rprivate", "consistent", "cached", "delegated"};
    const char *s = mode;

    while (*s) {
        size_t n = strcspn(s, ",");
        bool found = false;

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
            found |= strlen(known[i]) == n && !strncmp(known[i], s, n);
        if (!found)
            return problem(p, 500, "invalid mode: %s", mode);
        s += n + (s[n] == ',');
    }
    return 0;
}

static bool has_mode(const char *mode, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = mode; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ','))
        if (strcspn(s, ",") == n && !strncmp(s, word, n))
            return true;
    return false;
}

static bool is_propagation(const char *word)
{
    static const char *const words[] = {"private", "rprivate", "shared",
                                        "rshared", "slave",    "rslave"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(words[i], word))
            return true;
    return false;
}

/* The word of a mode that says how mounts are seen on the other side; dockerd's default. */
static char *propagation_of(const char *mode)
{
    for (const char *s = mode; *s; s += strcspn(s, ",") + (s[strcspn(s, ",")] == ',')) {
        char *word = xstrndup(s, strcspn(s, ","));

        if (is_propagation(word))
            return word;
        free(word);
    }
    return xstrdup("rprivate");
}

/* "source:destination[:mode]" */
static int add_bind(struct create *r, struct container *c, const char *text, struct problem *p)
{
    const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
    char *source = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
    char *destination =
        colon ? xstrndup(colon + 1, second ? (size_t)(second - colon - 1) : strlen(colon + 1))
              : xstrdup(text);
    const char *mode = second ? second + 1 : "";
    int ret = -1;
    struct mount *m;

    if (mode_wrong(mode, p) < 0)
        goto out;
    if (!*text) {
        problem(p, 500, "invalid volume specification: ''");
        goto out;
    }
    if (*destination != '/') {
        problem(p, 500,
                "invalid volume specification: '%s': invalid mount config for type "
                "\"%s\": invalid mount path: '%s' mount path must be absolute",
                text, source && *source == '/' ? "bind" : "volume", destination);
        goto out;
    }
    if (str_eq(destination, "/")) {
        problem(p, 500,
                "invalid volume specification: '%s': invalid mount config for type \"%s\": invalid "
                "specification: destination can't be '/'",
                text, source && *source == '/' ? "bind" : "volume");
        goto out;
    }
    if (mounted(c, destination)) {
        problem(p, 400, "Duplicate mount point: %s", destination);
        goto out;
    }
    if (source && *source != '/' && !volume_name_valid(source)) {
        problem(p, 400,
                "create %s: \"%s\" includes invalid characters for a local volume name, only "
                "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host "
                "directory, use absolute path",
                source, source);
        goto out;
    }
    m = add_mount(c, source && *source == '/' ? "bind" : "volume", destination);
    set(&m->mode, mode);
    m->rw = !has_mode(mode, "ro");
    if (source && *source == '/') {
        m->source = xstrdup(source);
        free(m->propagation);
        m->propagation = propagation_of(mode);
    } else {
        use_volume(m, volume_ensure(r->d, source, NULL, NULL));
        if (!*mode)
            set(&m->mode, "z");
    }
    ret = 0;
out:
    free(source);
    free(destination);
    return ret;
}

/* Whether a relative path stays below where it begins. (filepath.IsLocal) */
static bool is_local(const char *path)
{
    int depth = 0;

    for (const char *s = path; *s; s += strspn(s, "/")) {
        size_t n = strcspn(s, "/");

        if (n == 2 && strncmp(s, "..", 2) == 0)
            depth--;
        else if (n != 1 || *s != '.')
            depth++;
        if (depth < 0)
            return false;
        s += n;
    }
    return *path && *path != '/';
}

int create_subpaths_wrong(struct create *r, struct problem *p)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(r->host, "Mounts"), i, v) {
        json_t *options = json_object_get(v, "VolumeOptions");
        const char *path = json_str(options, "Subpath"), *source = json_str(v, "Source");

        if (r->d->api < API(45))
            json_object_del(options, "Subpath");
        else if (!path || !*path)
            continue;
        else if (call_version(r->x) < API(45))
            return problem(p, 400, "VolumeOptions.Subpath needs API v1.45 or newer");
        else if (!source || !*source)
            return problem(p, 400,
                           "invalid mount config for type \"volume\": must not set Subpath when "
                           "using anonymous volumes");
        else if (!is_local(path))
            return problem(p, 400,
                           "invalid mount config for type \"volume\": subpath must be a relative "
                           "path within the volume");
    }
    return 0;
}

/* One of HostConfig.Mounts. */
static int add_typed(struct create *r, struct container *c, const json_t *v, struct problem *p)
{
    const char *type = json_str(v, "Type"), *source = json_str(v, "Source");
    const char *target = json_str(v, "Target"), *asked;
    struct mount *m;

    if (!type || !(str_eq(type, "bind") || str_eq(type, "volume") || str_eq(type, "tmpfs")))
        return problem(p, 400, "invalid mount config for type \"%s\": mount type unknown",
                       type ? type : "");
    if (!target || !*target)
        return problem(
            p, 400, "invalid mount config for type \"%s\": field Target must not be empty", type);
    if (*target != '/')
        return problem(p, 400,
                       "invalid mount config for type \"%s\": invalid mount path: '%s' mount path "
                       "must be absolute",
                       type, target);
    if (str_eq(type, "bind") && (!source || !*source))
        return problem(p, 400,
                       "invalid mount config for type \"bind\": field Source must not be "
                       "empty");
    if (mounted(c, target))
        return problem(p, 400, "Duplicate mount point: %s", target);
    m = add_mount(c, type, target);
    m->rw = !json_bool(v, "ReadOnly", false);
    if (str_eq(type, "bind")) {
        asked = json_str(json_object_get(v, "BindOptions"), "Propagation");
        m->source = xstrdup(source);
        set(&m->propagation, asked && is_propagation(asked) ? asked : "rprivate");
    } else if (str_eq(type, "volume")) {
        use_volume(m, volume_ensure(r->d, source && *source ? source : NULL,
                                    json_object_get(json_object_get(v, "VolumeOptions"), "Labels"),
                                    NULL));
        set(&m->mode, "z");
        asked = json_str(json_object_get(v, "VolumeOptions"), "Subpath");
        if (asked && *asked)
            m->subpath = xstrdup(asked);
    } else {
        m->source = xstrdup("");
    }
    return 0;
}

/* "container[:mode]": the mounts of another. */
static int add_from(struct create *r, struct container *c, const char *text, struct problem *p)
{
    char *name = xstrndup(text, strcspn(text, ":"));
    const char *mode = text[strlen(name)] ? text + strlen(name) + 1 : "";
    const struct container *other;

    if (*mode && mode_wrong(mode, p) < 0) {
        free(name);
        return -1;
    }
    other = container_find(r->d, name, p);
    free(name);
    if (!other) {
        p->status = 400;
        return -1;
    }
    for (size_t i = 0; i < other->n_mounts; i++) {
        const struct mount *from = &other->mounts[i];
        struct mount *m;

        if (mounted(c, from->destination))
            continue;
        m = add_mount(c, from->type, from->destination);
        m->source = xstrdup(from->source);
        set(&m->mode, from->mode);
        set(&m->propagation, from->propagation);
        m->rw = from->rw && !has_mode(mode, "ro");
        if (from->volume)
            use_volume(m, from->volume);
    }
    return 0;
}

static void give_back(struct container *c)
{
    for (size_t i = 0; i < c->n_mounts; i++) {
        struct volume *v = c->mounts[i].volume;

        c->mounts[i].volume = NULL;
        if (v && !--v->uses && v->anonymous)
            volume_remove(c->d, v);
    }
}

static int by_destination(const void *a, const void *b)
{
    return strcmp(((const struct mount *)a)->destination, ((const struct mount *)b)->destination);
}

void create_sort_mounts(struct container *c)
{
    if (c->n_mounts)
        qsort(c->mounts, c->n_mounts, sizeof(*c->mounts), by_destination);
}

int create_mounts(struct create *r, struct container *c, struct problem *p)
{
    json_t *v, *volumes = json_object_get(r->config, "Volumes");
    const char *key;
    int ret = 0;
    size_t i;

    json_array_foreach (json_object_get(r->host, "Binds"), i, v)
        if (!ret && json_is_string(v))
            ret = add_bind(r, c, json_string_value(v), p);
    json_array_foreach (json_object_get(r->host, "Mounts"), i, v)
        if (!ret)
            ret = add_typed(r, c, v, p);
    json_array_foreach (json_object_get(r->host, "VolumesFrom"), i, v)
        if (!ret && json_is_string(v))
            ret = add_from(r, c, json_string_value(v), p);
    json_object_foreach (volumes, key, v)
        if (!ret && !mounted(c, key))
            use_volume(add_mount(c, "volume", key), volume_ensure(r->d, NULL, NULL, NULL));
    if (ret < 0) {
        give_back(c);
        return -1;
    }
    create_sort_mounts(c);
    return 0;
}
