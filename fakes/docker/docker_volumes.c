/* Volumes of the local driver. They hold no files: what counts is that they are there. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/rootfs.h"

bool volume_name_valid(const char *name)
{
    if (!isalnum((unsigned char)*name) || !name[1])
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
            return false;
    return true;
}

static void volume_event(struct docker *d, const char *action, const struct volume *v)
{
    const char *const more[] = {"driver", "local"};

    docker_event(d, EVENT_VOLUME, action, v->name, NULL, more, 1);
}

struct volume *volume_ensure(struct docker *d, const char *name, const json_t *labels,
                             const json_t *options)
{
    static const char *const mark[] = {"com.docker.volume.anonymous", ""};
    struct volume *v = name ? map_get(&d->volumes, name) : NULL;
    char hex[65];

    if (v) {
        if (!docker_modern(d)) /* up to 22 it says so whenever it is asked to */
            volume_event(d, "create", v);
        return v;
    }
    v = new0(struct volume);
    if (!name)
        world_hex(d->fake.world, 32, hex);
    v->anonymous = !name;
    v->name = xstrdup(name ? name : hex);
    v->created = clock_wall(docker_clock(d));
    v->labels = pairs_from_json(labels);
    if (v->anonymous && docker_modern(d)) {
        struct pairs marked = pairs_merge(&v->labels, mark, 1);

        pairs_release(&v->labels);
        v->labels = marked;
    }
    v->options = pairs_from_json(options);
    map_set(&d->volumes, v->name, v);
    volume_event(d, "create", v);
    return v;
}

static void volume_free(struct volume *v)
{
    free(v->name);
    pairs_release(&v->labels);
    pairs_release(&v->options);
    free(v);
}

static void volume_drop(struct docker *d, struct volume *v)
{
    map_remove(&d->volumes, v->name);
    volume_folder_remove(d, v);
    volume_free(v);
}

void volume_remove(struct docker *d, struct volume *v)
{
    volume_event(d, "destroy", v);
    volume_drop(d, v);
}

void docker_volumes_release(struct docker *d)
{
    void *v;

    for (size_t i = 0; map_next(&d->volumes, &i, NULL, &v);)
        volume_free(v);
    map_release(&d->volumes);
}

/* usage: with what system df adds. */
void volume_summary(struct buf *b, const struct volume *v, int64_t bytes)
{
    char t[40];

    buf_addf(b, "{\"CreatedAt\":\"%s\",\"Driver\":\"local\",\"Labels\":",
             str_format_time(v->created, 0, t));
    if (v->labels.n)
        pairs_write(b, &v->labels, false);
    else
        buf_adds(b, "null");
    buf_addf(b, ",\"Mountpoint\":\"/var/lib/docker/volumes/%s/_data\"", v->name);
    gojson_member(b, "Name", v->name);
    buf_adds(b, ",\"Options\":");
    if (v->options.n)
        pairs_write(b, &v->options, false);
    else
        buf_adds(b, "null");
    buf_adds(b, ",\"Scope\":\"local\"");
    if (bytes >= 0)
        buf_addf(b, ",\"UsageData\":{\"RefCount\":%u,\"Size\":%lld}", v->uses, (long long)bytes);
    buf_addc(b, '}');
}

static int wrong_types(const struct docker *d, const json_t *body, struct problem *p)
{
    static const struct {
        const char *name, *type;
        bool map;
    } members[] = {{"Name", "string", false},
                   {"Driver", "string", false},
                   {"DriverOpts", "map[string]string", true},
                   {"Labels", "map[string]string", true}};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *v = gojson_get(body, members[i].name);

        if (v && !json_is_null(v) && !(members[i].map ? json_is_object(v) : json_is_string(v)))
            return problem(p, 400,
                           "%sjson: cannot unmarshal %s into Go struct field %s.%s of type %s",
                           docker_modern(d) ? "invalid JSON: " : "", gojson_kind(v),
                           docker_modern(d) ? "CreateOptions" : "VolumeCreateBody", members[i].name,
                           members[i].type);
    }
    return 0;
}

/* What the local driver does not know; NULL: nothing. */
static const char *unknown_option(const json_t *options)
{
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)options, key, v)
        if (!str_eq(key, "type") && !str_eq(key, "o") && !str_eq(key, "device") &&
            !str_eq(key, "size"))
            return key;
    return NULL;
}

void post_volumes_create(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};
    json_t *body = docker_body_strict(x, &p);
    const char *name, *driver, *option;

    if (!body) {
        docker_refuse(x, &p);
        return;
    }
    if (wrong_types(d, body, &p) < 0) {
        json_decref(body);
        docker_refuse(x, &p);
        return;
    }
    name = json_string_value(gojson_get(body, "Name"));
    driver = json_string_value(gojson_get(body, "Driver"));
    if (name && !*name)
        name = NULL;
    if (driver && *driver && !str_eq(driver, "local")) {
        problem(&p, 404, "create %s: error looking up volume plugin %s: plugin \"%s\" not found",
                name ? name : "", driver, driver);
        docker_refuse_later(x, &p);
    } else if (name && strlen(name) == 1) {
        docker_refuse_text(x, 400,
                           "create %s: volume name is too short, names should be at least two "
                           "alphanumeric characters",
                           name);
    } else if ((option = unknown_option(gojson_get(body, "DriverOpts")))) {
        docker_refuse_text(x, 400, "create %s: invalid option: \"%s\"", name ? name : "", option);
    } else if (name && !volume_name_valid(name)) {
        docker_refuse_text(
            x, 400,
            "create %s: \"%s\" includes invalid characters for a local volume name, "
            "only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass "
            "a host directory, use absolute path",
            name, name);
    } else {
        volume_summary(
            &b, volume_ensure(d, name, gojson_get(body, "Labels"), gojson_get(body, "DriverOpts")),
            -1);
        docker_answer(x, 201, &b);
    }
    json_decref(body);
}

static bool volume_fits(const struct filters *f, const struct volume *v, bool dangling, bool any)
{
    return filters_match(f, "name", v->name) && filters_exact(f, "driver", "local") &&
           filters_pairs(f, "label", &v->labels) && (any || dangling == !v->uses);
}

void get_volumes(struct fake *f, struct exchange *x)
{
    static const char *const accepted[] = {"dangling", "driver", "label", "name", NULL};
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};
    struct filters filters;
    bool dangling;
    void *v;

    if (filters_read(&filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (filters_bool(d, &filters, "dangling", false, &dangling, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    buf_adds(&b, "{\"Volumes\":[");
    for (size_t i = 0; map_next(&d->volumes, &i, NULL, &v);)
        if (volume_fits(&filters, v, dangling, !filters_get(&filters, "dangling"))) {
            if (buf_str(&b)[buf_len(&b) - 1] != '[')
                buf_addc(&b, ',');
            volume_summary(&b, v, -1);
        }
    buf_adds(&b, "],\"Warnings\":null}");
    filters_release(&filters);
    docker_answer(x, 200, &b);
}

void get_volume(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    const struct volume *v = map_get(&d->volumes, name);
    struct buf b = BUF_INIT(ANSWER_MAX);

    if (v) {
        volume_summary(&b, v, -1);
        docker_answer(x, 200, &b);
    } else {
        docker_refuse_text(x, 404, "get%s%s: no such volume", *name ? " " : "", name);
    }
    free(name);
}

/* The containers that have it, as the refusal lists them. */
static void add_users(struct buf *b, struct docker *d, const struct volume *v)
{
    struct list *pos;

    for (pos = d->containers.prev; pos != &d->containers; pos = pos->prev) {
        const struct container *c = container_of(pos, struct container, link);

        for (size_t i = 0; i < c->n_mounts; i++)
            if (c->mounts[i].volume == v) {
                buf_addf(b, "%s%s", buf_len(b) ? ", " : "", c->id);
                break;
            }
    }
}

void delete_volume(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    struct volume *v = map_get(&d->volumes, name);
    struct buf users = BUF_INIT(ANSWER_MAX);

    if (!v && exchange_param_bool(x, "force")) {
        docker_answer_empty(x, 204);
    } else if (!v) {
        docker_refuse_text(x, 404, "get %s: no such volume", name);
    } else if (v->uses) {
        add_users(&users, d, v);
        docker_refuse_text(x, 409, "remove %s: volume is in use - [%s]", name, buf_str(&users));
    } else {
        volume_remove(d, v);
        docker_answer_empty(x, 204);
    }
    buf_release(&users);
    free(name);
}

void post_volumes_prune(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    const char *const accepted[] = {"label", "label!", docker_modern(d) ? "all" : NULL, NULL};
    char bytes[24];
    const char *const reclaimed[] = {"reclaimed", bytes};
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};
    struct filters filters;
    bool all, first = true;
    int64_t freed = 0;
    void *value;

    if (filters_read(&filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    /* named volumes are kept from 1.42 on */
    if (filters_bool(d, &filters, "all", call_version(x) < API(42), &all, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    buf_adds(&b, "{\"VolumesDeleted\":");
    for (size_t i = 0; map_next(&d->volumes, &i, NULL, &value);) {
        struct volume *v = value;

        if (v->uses || v->options.n || !(all || v->anonymous) ||
            !filters_labels(&filters, &v->labels))
            continue;
        buf_addc(&b, first ? '[' : ',');
        first = false;
        gojson_add(&b, v->name);
        freed += volume_bytes(d, v);
        if (docker_modern(d))
            volume_remove(d, v);
        else
            volume_drop(d, v); /* pruning tells only of itself */
    }
    snprintf(bytes, sizeof(bytes), "%lld", (long long)freed);
    buf_addf(&b, "%s],\"SpaceReclaimed\":%s}", first ? "[" : "", bytes);
    filters_release(&filters);
    docker_event(d, EVENT_VOLUME, "prune", "", NULL, reclaimed, 1);
    docker_answer(x, 200, &b);
}
