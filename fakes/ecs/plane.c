#include "fakes/ecs/plane.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/definition.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/service.h"
#include "proto/arn.h"

static const char *const instance_words[INSTANCE_STATUS_MAX] = {
    [INSTANCE_ACTIVE] = "ACTIVE",
    [INSTANCE_DRAINING] = "DRAINING",
    [INSTANCE_INACTIVE] = "INACTIVE",
};
STRTAB_DEFINE(plane_instance_status, enum plane_instance_status, instance_words)

static const char *const task_words[PLANE_TASK_STATUS_MAX] = {
    [PLANE_TASK_NONE] = "NONE",
    [PLANE_TASK_PENDING] = "PENDING",
    [PLANE_TASK_RUNNING] = "RUNNING",
    [PLANE_TASK_STOPPED] = "STOPPED",
};
STRTAB_DEFINE(plane_task_status, enum plane_task_status, task_words)

#define ARN_ROOM 512

static void state(struct plane *p, const char *kind, const char *id, const char *from,
                  const char *to)
{
    char *what = xasprintf("%s %s", kind, id);

    journal_state(&p->world->journal, "ecs", what, from, to);
    free(what);
}

char *plane_arn(const struct plane *p, const char *kind, const char *cluster, const char *id)
{
    struct buf b = BUF_INIT(ARN_ROOM + 512);

    arn_build_ecs(&b, p->world->id.region, p->world->id.account, kind, cluster, id);
    return buf_steal(&b, NULL);
}

/* --- clusters -------------------------------------------------------------------------- */

void plane_provider_free(struct plane_provider *c)
{
    json_decref(c->shown);
    json_decref(c->tags);
    free(c);
}

static void cluster_free(struct plane_cluster *c)
{
    free(c->name);
    free(c->arn);
    json_decref(c->settings);
    json_decref(c->tags);
    json_decref(c->configuration);
    json_decref(c->providers);
    json_decref(c->strategy);
    json_decref(c->connect_defaults);
    free(c);
}

struct plane_cluster *plane_cluster_any(const struct plane *p, const char *name_or_arn)
{
    struct plane_cluster *c;

    if (!name_or_arn || !*name_or_arn)
        name_or_arn = "default";
    if (!str_starts(name_or_arn, "arn:"))
        return map_get(&p->clusters, name_or_arn);
    c = map_get(&p->clusters, arn_id(name_or_arn));
    return c && str_eq(c->arn, name_or_arn) ? c : NULL;
}

struct plane_cluster *plane_cluster(const struct plane *p, const char *name_or_arn)
{
    struct plane_cluster *c = plane_cluster_any(p, name_or_arn);

    return c && c->active ? c : NULL;
}

static struct plane_cluster *cluster_new(struct plane *p, const char *name)
{
    struct plane_cluster *c = new0(struct plane_cluster);

    c->name = xstrdup(name);
    c->arn = plane_arn(p, "cluster", NULL, name);
    c->settings = json_array();
    c->tags = json_array();
    c->providers = json_array();
    c->strategy = json_array();
    map_set(&p->clusters, name, c);
    return c;
}

struct plane_cluster *plane_cluster_add(struct plane *p, const char *name)
{
    struct plane_cluster *c = plane_cluster_any(p, name);

    if (!c && map_count(&p->clusters) >= PLANE_CLUSTERS_MAX)
        return NULL;
    if (!c)
        c = cluster_new(p, name);
    plane_cluster_set_active(p, c, true);
    return c;
}

void plane_cluster_set_active(struct plane *p, struct plane_cluster *c, bool active)
{
    if (c->active == active)
        return;
    state(p, "cluster", c->name, c->active ? "ACTIVE" : "INACTIVE", active ? "ACTIVE" : "INACTIVE");
    c->active = active;
}

/* --- container instances --------------------------------------------------------------- */

static void instance_free(struct plane_instance *i)
{
    free(i->arn);
    free(i->id);
    free(i->ec2_id);
    free(i->instance_type);
    free(i->client_token);
    free(i->agent_hash);
    free(i->agent_version);
    free(i->docker_version);
    free(i->update_message);
    free(i->update_version);
    json_decref(i->attributes);
    json_decref(i->resources);
    json_decref(i->tags);
    json_decref(i->health);
    free(i);
}

struct plane_instance *plane_instance(const struct plane *p, const struct plane_cluster *cluster,
                                      const char *arn_or_id)
{
    struct plane_instance *i;

    if (!arn_or_id)
        return NULL;
    i = map_get(str_starts(arn_or_id, "arn:") ? &p->instances : &p->instance_ids, arn_or_id);
    return i && (!cluster || i->cluster == cluster) ? i : NULL;
}

struct plane_instance *plane_instance_add(struct plane *p, struct plane_cluster *cluster)
{
    struct plane_instance *i;
    char id[33];

    if (map_count(&p->instances) >= PLANE_INSTANCES_MAX)
        return NULL;
    world_hex(p->world, 16, id);
    i = new0(struct plane_instance);
    i->id = xstrdup(id);
    i->arn = plane_arn(p, "container-instance", cluster->name, id);
    i->cluster = cluster;
    i->status = INSTANCE_INACTIVE;
    i->ec2_id = xstrdup("");
    i->attributes = json_array();
    i->resources = json_array();
    i->tags = json_array();
    i->registered_at = loop_wall(&p->world->loop);
    map_set(&p->instances, i->arn, i);
    map_set(&p->instance_ids, i->id, i);
    plane_instance_set_status(p, i, INSTANCE_ACTIVE);
    return i;
}

void plane_instance_set_status(struct plane *p, struct plane_instance *i,
                               enum plane_instance_status status)
{
    if (i->status == status)
        return;
    state(p, "instance", i->id, plane_instance_status_name(i->status),
          plane_instance_status_name(status));
    i->status = status;
    i->version++;
    service_kick(p);
}

void plane_instance_set_connected(struct plane *p, struct plane_instance *i, bool connected)
{
    if (i->connected == connected)
        return;
    state(p, "agent of instance", i->id, i->connected ? "connected" : "disconnected",
          connected ? "connected" : "disconnected");
    i->connected = connected;
    i->version++;
    service_kick(p);
}

/* --- tasks ----------------------------------------------------------------------------- */

static void task_free(struct plane_task *t)
{
    free(t->arn);
    free(t->id);
    free(t->instance_arn);
    free(t->family);
    free(t->revision);
    free(t->launch_type);
    free(t->reason);
    free(t->stop_reason);
    launch_free(t->launch);
    json_decref(t->managed_agents);
    json_decref(t->containers);
    json_decref(t->attachments);
    json_decref(t->tags);
    free(t);
}

struct plane_task *plane_task(const struct plane *p, const struct plane_cluster *cluster,
                              const char *arn_or_id)
{
    struct plane_task *t;

    if (!arn_or_id)
        return NULL;
    t = map_get(str_starts(arn_or_id, "arn:") ? &p->tasks : &p->task_ids, arn_or_id);
    return t && (!cluster || t->cluster == cluster) ? t : NULL;
}

struct plane_task *plane_task_add(struct plane *p, struct plane_cluster *cluster, const char *arn)
{
    struct plane_task *t = map_get(&p->tasks, arn);

    if (t)
        return t;
    if (map_count(&p->tasks) >= PLANE_TASKS_MAX)
        return NULL;
    t = new0(struct plane_task);
    t->arn = xstrdup(arn);
    t->id = xstrdup(arn_id(arn));
    t->cluster = cluster;
    t->desired = PLANE_TASK_RUNNING;
    t->containers = json_object();
    t->attachments = json_object();
    t->managed_agents = json_array();
    t->tags = json_array();
    t->created_at = loop_wall(&p->world->loop);
    map_set(&p->tasks, t->arn, t);
    map_set(&p->task_ids, t->id, t);
    return t;
}

void plane_task_desire(struct plane *p, struct plane_task *t, enum plane_task_status desired)
{
    if (t->desired == desired)
        return;
    state(p, "desired status of task", t->id, plane_task_status_name(t->desired),
          plane_task_status_name(desired));
    t->desired = desired;
    t->version++;
}

void plane_tasks_prune(struct plane *p)
{
    int64_t before = loop_wall(&p->world->loop) - PLANE_STOPPED_NS;
    void *v;

    for (size_t i = 0; map_next(&p->tasks, &i, NULL, &v);) {
        struct plane_task *t = v;

        if (!t->launch || t->last != PLANE_TASK_STOPPED || t->stopped_at > before)
            continue;
        map_remove(&p->task_ids, t->id);
        map_remove(&p->tasks, t->arn);
        task_free(t);
    }
}

static void task_set_last(struct plane *p, struct plane_task *t, enum plane_task_status last)
{
    int64_t now = loop_wall(&p->world->loop);

    if (last < t->last) {
        journal_note(&p->world->journal, "ecs", "task %s: submitted %s after %s is not taken",
                     t->id, plane_task_status_name(last), plane_task_status_name(t->last));
        return;
    }
    if (last == t->last)
        return;
    state(p, "task", t->id, plane_task_status_name(t->last), plane_task_status_name(last));
    t->last = last;
    t->version++;
    if (last == PLANE_TASK_RUNNING)
        t->started_at = now;
    if (last == PLANE_TASK_STOPPED) {
        t->stopped_at = now;
        plane_task_desire(p, t, PLANE_TASK_STOPPED); /* nothing starts it again */
    }
    service_task_changed(p, t);
}

void plane_container_submitted(struct plane *p, struct plane_task *t, const json_t *change)
{
    static const char *const kept[] = {"exitCode",    "reason",          "runtimeId",
                                       "imageDigest", "networkBindings", "status"};
    const char *name = json_str(change, "containerName"), *word = json_str(change, "status");
    json_t *c = json_object_get(t->containers, name);
    int from = c ? plane_task_status_from(json_str(c, "status")) : PLANE_TASK_NONE;
    int to = word ? plane_task_status_from(word) : from;
    char *what;

    if (to < from) {
        journal_note(&p->world->journal, "ecs",
                     "container %s of task %s: submitted %s after %s is not taken", name, t->id,
                     word, plane_task_status_name((enum plane_task_status)from));
        return;
    }
    if (!c)
        json_put(t->containers, name, c = json_object());
    if (to != from) {
        what = xasprintf("%s/%s", t->id, name);
        state(p, "container", what, plane_task_status_name((enum plane_task_status)from), word);
        free(what);
    }
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        if (json_object_get(change, kept[i]))
            json_object_set(c, kept[i], json_object_get(change, kept[i]));
}

static void take_time(const json_t *body, const char *member, double *to)
{
    json_t *v = json_object_get(body, member);

    if (json_is_number(v))
        *to = json_number_value(v);
}

void plane_task_submitted(struct plane *p, struct plane_task *t, const json_t *body)
{
    const char *reason = json_str(body, "reason"), *status = json_str(body, "status");
    json_t *item;
    size_t i;

    json_array_foreach (json_object_get(body, "containers"), i, item)
        plane_container_submitted(p, t, item);
    json_array_foreach (json_object_get(body, "attachments"), i, item)
        json_object_set(t->attachments, json_str(item, "attachmentArn"),
                        json_object_get(item, "status"));
    item = json_object_get(body, "managedAgents");
    if (json_is_array(item)) {
        json_decref(t->managed_agents);
        t->managed_agents = json_deep_copy(item);
    }
    if (reason && *reason) {
        free(t->reason);
        t->reason = xstrdup(reason);
    }
    take_time(body, "pullStartedAt", &t->pull_started);
    take_time(body, "pullStoppedAt", &t->pull_stopped);
    take_time(body, "executionStoppedAt", &t->execution_stopped);
    if (status)
        task_set_last(p, t, (enum plane_task_status)plane_task_status_from(status));
}

const char *plane_task_healthy(const struct plane_task *t)
{
    const char *worst = "HEALTHY", *name;
    json_t *c;

    json_object_foreach (t->containers, name, c) {
        const json_t *d = t->launch ? definition_container(t->launch->definition, name) : NULL;
        const char *health = json_str(c, "healthStatus");

        if (!json_bool(d, "essential", true))
            continue;
        if (str_eq(health, "UNHEALTHY"))
            return "UNHEALTHY";
        if (!str_eq(health, "HEALTHY"))
            worst = "UNKNOWN";
    }
    return json_object_size(t->containers) ? worst : "UNKNOWN";
}

void plane_task_health(struct plane *p, struct plane_task *t, const json_t *containers)
{
    char *before = xstrdup(plane_task_healthy(t));
    json_t *item;
    size_t i;

    json_array_foreach (containers, i, item) {
        const char *name = json_str(item, "containerName");
        json_t *c = name ? json_object_get(t->containers, name) : NULL;

        if (c)
            json_put_str(c, "healthStatus", json_str(item, "healthStatus"));
    }
    if (!str_eq(before, plane_task_healthy(t))) {
        state(p, "health of task", t->id, before, plane_task_healthy(t));
        t->version++;
        service_task_changed(p, t);
    }
    free(before);
}

/* --- life cycle ------------------------------------------------------------------------ */

static void clear(struct plane *p)
{
    const char *key;
    void *v;

    loop_cancel(&p->world->loop, &p->refresh);
    services_clear(p);
    for (size_t i = 0; map_next(&p->tasks, &i, &key, &v);)
        task_free(v);
    definitions_clear(p);
    for (size_t i = 0; map_next(&p->instances, &i, &key, &v);)
        instance_free(v);
    for (size_t i = 0; map_next(&p->clusters, &i, &key, &v);)
        cluster_free(v);
    for (size_t i = 0; map_next(&p->settings, &i, &key, &v);)
        free(v);
    for (size_t i = 0; map_next(&p->providers, &i, &key, &v);)
        plane_provider_free(v);
    map_release(&p->providers);
    for (size_t i = 0; map_next(&p->run_tokens, &i, &key, &v);)
        json_decref(v);
    map_release(&p->settings);
    map_release(&p->run_tokens);
    free(p->agent_version);
    free(p->manifest);
    p->agent_version = p->manifest = NULL;
    json_decref(p->agent_update);
    p->agent_update = NULL;
    map_release(&p->tasks);
    map_release(&p->task_ids);
    map_release(&p->instances);
    map_release(&p->instance_ids);
    map_release(&p->clusters);
    map_release(&p->tokens);
    map_release(&p->attachments);
}

void plane_reset(struct plane *p)
{
    clear(p);
    cluster_new(p, p->world->id.cluster)->active = true;
}

void plane_ref(struct plane_fake *f)
{
    static const char *const others[] = {"ecs", "acs", "tcs"};
    struct world *w = f->fake.world;

    for (size_t i = 0; i < ARRAY_SIZE(others) && !f->plane; i++) {
        struct plane_fake *other = (struct plane_fake *)world_find(w, others[i]);

        if (other)
            f->plane = other->plane;
    }
    if (!f->plane) {
        f->plane = new0(struct plane);
        f->plane->world = w;
        plane_reset(f->plane);
    }
    f->plane->refs++;
}

void plane_unref(struct plane_fake *f)
{
    struct plane *p = f->plane;

    f->plane = NULL;
    if (!p || --p->refs)
        return;
    clear(p);
    free(p);
}
