#include "fakes/ecs/definition.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"

static const char *const status_words[DEFINITION_STATUS_MAX] = {
    [DEFINITION_ACTIVE] = "ACTIVE",
    [DEFINITION_INACTIVE] = "INACTIVE",
    [DEFINITION_DELETING] = "DELETE_IN_PROGRESS",
};
STRTAB_DEFINE(definition_status, enum definition_status, status_words)

/* --- sizes ----------------------------------------------------------------------------- */

/* A number and, after blanks, one of the units; ret is the number times the unit's factor. */
static int read_size(const char *text, const char *unit, double factor, int64_t *ret)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || v <= 0 || v > 1e9)
        return -1;
    while (*end == ' ')
        end++;
    if (*end && strcasecmp(end, unit))
        return -1;
    *ret = (int64_t)(*end ? v * factor : v);
    return *ret > 0 ? 0 : -1;
}

int definition_cpu(const char *text, int64_t *ret)
{
    return read_size(text, "vCPU", 1024, ret);
}

int definition_memory(const char *text, int64_t *ret)
{
    return read_size(text, "GB", 1024, ret);
}

/* --- defaults -------------------------------------------------------------------------- */

static void put_default(json_t *o, const char *member, json_t *value)
{
    const json_t *v = json_object_get(o, member);

    if (!v || json_is_null(v))
        json_object_set(o, member, value);
    json_decref(value);
}

static void fill_port(json_t *m, const char *mode)
{
    int64_t inside = json_int(m, "containerPort", 0);

    put_default(m, "protocol", json_string("tcp"));
    if (!json_str(m, "containerPortRange"))
        put_default(m, "hostPort",
                    json_integer(str_eq(mode, "awsvpc") || str_eq(mode, "host") ? inside : 0));
}

static void fill_container(json_t *c, const char *mode)
{
    static const char *const lists[] = {"portMappings", "environment", "mountPoints",
                                        "volumesFrom"};
    json_t *m;
    size_t i;

    put_default(c, "cpu", json_integer(0));
    put_default(c, "essential", json_true());
    for (i = 0; i < ARRAY_SIZE(lists); i++)
        put_default(c, lists[i], json_array());
    json_array_foreach (json_object_get(c, "portMappings"), i, m)
        fill_port(m, mode);
    m = json_object_get(c, "healthCheck");
    if (!json_is_object(m))
        return;
    put_default(m, "interval", json_integer(30));
    put_default(m, "timeout", json_integer(5));
    put_default(m, "retries", json_integer(3));
}

static void drop_nulls(json_t *v)
{
    const char *key;
    json_t *item;
    void *tmp;
    size_t i;

    json_object_foreach_safe(v, tmp, key, item)
    {
        if (json_is_null(item))
            json_object_del(v, key);
        else
            drop_nulls(item);
    }
    json_array_foreach (v, i, item)
        drop_nulls(item);
}

/* "0.5 vCPU" is shown as "512". */
static void plain_size(json_t *doc, const char *member, int (*read)(const char *, int64_t *))
{
    const char *text = json_str(doc, member);
    char out[32];
    int64_t n;

    if (!text || read(text, &n) < 0)
        return;
    snprintf(out, sizeof(out), "%lld", (long long)n);
    json_put_str(doc, member, out);
}

static json_t *compatibilities(const json_t *doc)
{
    const char *mode = json_str(doc, "networkMode");
    json_t *list = json_array();

    if (!str_eq(mode, "awsvpc"))
        json_array_append_new(list, json_string("EXTERNAL"));
    json_array_append_new(list, json_string("EC2"));
    if (str_eq(mode, "awsvpc") && json_str(doc, "cpu") && json_str(doc, "memory"))
        json_array_append_new(list, json_string("FARGATE"));
    return list;
}

/* The request with defaults, in the order in which the service shows it. */
static json_t *document(const struct plane *p, const struct plane_definition *d,
                        const json_t *request)
{
    _cleanup_free_ char *by = xasprintf(
        "arn:%s:iam::%s:root", arn_partition_of_region(p->world->id.region), p->world->id.account);
    static const char *const same[] = {"taskRoleArn",
                                       "executionRoleArn",
                                       "networkMode",
                                       "requiresCompatibilities",
                                       "cpu",
                                       "memory",
                                       "inferenceAccelerators",
                                       "pidMode",
                                       "ipcMode",
                                       "proxyConfiguration",
                                       "ephemeralStorage",
                                       "runtimePlatform"};
    json_t *o = json_object(), *containers, *v;
    const char *mode = json_str(request, "networkMode");
    size_t i;

    containers = json_deep_copy(json_object_get(request, "containerDefinitions"));
    drop_nulls(containers);
    json_array_foreach (containers, i, v)
        fill_container(v, mode ? mode : "bridge");
    json_put_str(o, "taskDefinitionArn", d->arn);
    json_put(o, "containerDefinitions", containers);
    json_put_str(o, "family", d->family->name);
    json_put_int(o, "revision", d->revision);
    for (i = 0; i < ARRAY_SIZE(same); i++) {
        v = json_object_get(request, same[i]);
        if (v && !json_is_null(v))
            json_put(o, same[i], json_deep_copy(v));
    }
    v = json_object_get(request, "volumes");
    json_put(o, "volumes", v && !json_is_null(v) ? json_deep_copy(v) : json_array());
    v = json_object_get(request, "placementConstraints");
    json_put(o, "placementConstraints", v && !json_is_null(v) ? json_deep_copy(v) : json_array());
    drop_nulls(o);
    plain_size(o, "cpu", definition_cpu);
    plain_size(o, "memory", definition_memory);
    json_put(o, "requiresAttributes", definition_attributes(o));
    json_put(o, "compatibilities", compatibilities(o));
    json_put_str(o, "registeredBy", by);
    return o;
}

/* --- the set --------------------------------------------------------------------------- */

struct plane_definition *definition_add(struct plane *p, const json_t *request)
{
    const char *name = json_str(request, "family");
    struct plane_family *f = map_get(&p->families, name);
    json_t *tags = json_object_get(request, "tags");
    struct plane_definition *d;
    _cleanup_free_ char *id = NULL;

    if (!f && map_count(&p->families) >= DEFINITION_FAMILIES_MAX)
        return NULL;
    if (f && f->n >= DEFINITION_REVISIONS_MAX)
        return NULL;
    if (!f) {
        f = new0(struct plane_family);
        f->name = xstrdup(name);
        map_set(&p->families, name, f);
    }
    d = new0(struct plane_definition);
    d->family = f;
    d->revision = (int64_t)f->n + 1;
    id = xasprintf("%s:%lld", name, (long long)d->revision);
    d->arn = plane_arn(p, "task-definition", NULL, id);
    d->doc = document(p, d, request);
    d->tags = json_is_array(tags) ? json_deep_copy(tags) : json_array();
    d->registered_at = loop_wall(&p->world->loop);
    grow_array(f->list, f->n, f->cap);
    f->list[f->n++] = d;
    journal_state(&p->world->journal, "ecs", d->arn, "none", "ACTIVE");
    return d;
}

static struct plane_definition *newest(const struct plane_family *f)
{
    for (size_t i = f->n; i > 0; i--)
        if (f->list[i - 1]->status == DEFINITION_ACTIVE)
            return f->list[i - 1];
    return NULL;
}

struct plane_definition *definition_find(const struct plane *p, const char *name)
{
    _cleanup_free_ char *family = NULL;
    const char *id = name, *colon;
    struct plane_definition *d;
    struct plane_family *f;
    uint64_t revision;

    if (!name || !*name)
        return NULL;
    if (str_starts(name, "arn:"))
        id = arn_id(name);
    colon = strchr(id, ':');
    family = colon ? xstrndup(id, (size_t)(colon - id)) : xstrdup(id);
    f = map_get(&p->families, family);
    if (!f)
        return NULL;
    if (!colon)
        return id == name ? newest(f) : NULL;
    if (str_u64(colon + 1, f->n, &revision) < 0 || !revision)
        return NULL;
    d = f->list[revision - 1];
    return id == name || str_eq(d->arn, name) ? d : NULL;
}

void definition_set_status(struct plane *p, struct plane_definition *d,
                           enum definition_status status)
{
    if (d->status == status)
        return;
    journal_state(&p->world->journal, "ecs", d->arn, definition_status_name(d->status),
                  definition_status_name(status));
    if (d->status == DEFINITION_ACTIVE)
        d->deregistered_at = loop_wall(&p->world->loop);
    d->status = status;
}

json_t *definition_json(const struct plane_definition *d)
{
    json_t *o = json_deep_copy(d->doc);

    json_put_str(o, "status", definition_status_name(d->status));
    json_put(o, "registeredAt", plane_time(d->registered_at));
    if (d->deregistered_at)
        json_put(o, "deregisteredAt", plane_time(d->deregistered_at));
    return o;
}

json_t *definition_container(const struct plane_definition *d, const char *name)
{
    json_t *c;
    size_t i;

    json_array_foreach (json_object_get(d->doc, "containerDefinitions"), i, c)
        if (str_eq(json_str(c, "name"), name))
            return c;
    return NULL;
}

void definitions_clear(struct plane *p)
{
    void *v;

    for (size_t i = 0; map_next(&p->families, &i, NULL, &v);) {
        struct plane_family *f = v;

        for (size_t k = 0; k < f->n; k++) {
            free(f->list[k]->arn);
            json_decref(f->list[k]->doc);
            json_decref(f->list[k]->tags);
            free(f->list[k]);
        }
        free(f->list);
        free(f->name);
        free(f);
    }
    map_release(&p->families);
}
