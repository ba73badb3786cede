/* The shapes in which the API shows clusters, instances and tasks. */
#include "fakes/ecs/plane.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/place.h"
#include "fakes/ecs/service.h"
#include "proto/arn.h"

json_t *plane_time(int64_t wall)
{
    return json_real((double)(wall / NS_PER_MS) / 1000.0);
}

static json_t *seconds(double s)
{
    return s > 0 ? json_real(round(s * 1000.0) / 1000.0) : NULL;
}

static json_t *time_or_nothing(int64_t wall)
{
    return wall ? plane_time(wall) : NULL;
}

/* PLANE_TASK_NONE is a word of ours: to others such a task is PENDING. */
static const char *shown(enum plane_task_status s)
{
    return plane_task_status_name(s == PLANE_TASK_NONE ? PLANE_TASK_PENDING : s);
}

/* How many tasks of a cluster, or of one instance, are RUNNING and PENDING. */
static void count_tasks(const struct plane *p, const struct plane_cluster *c, const char *instance,
                        int64_t *running, int64_t *pending)
{
    const char *key;
    void *v;

    *running = *pending = 0;
    for (size_t i = 0; map_next(&p->tasks, &i, &key, &v);) {
        const struct plane_task *t = v;

        if (t->cluster != c || (instance && !str_eq(t->instance_arn, instance)))
            continue;
        *running += t->last == PLANE_TASK_RUNNING;
        *pending += t->last < PLANE_TASK_RUNNING;
    }
}

int64_t plane_running_on(const struct plane *p, const struct plane_instance *i)
{
    int64_t running, pending;

    count_tasks(p, i->cluster, i->arn, &running, &pending);
    return running;
}

json_t *plane_cluster_json(const struct plane *p, const struct plane_cluster *c)
{
    json_t *o = json_object();
    int64_t running, pending, instances = 0;
    const char *key;
    void *v;

    count_tasks(p, c, NULL, &running, &pending);
    for (size_t i = 0; map_next(&p->instances, &i, &key, &v);) {
        const struct plane_instance *inst = v;

        instances += inst->cluster == c && inst->status != INSTANCE_INACTIVE;
    }
    json_put_str(o, "clusterArn", c->arn);
    json_put_str(o, "clusterName", c->name);
    json_put_str(o, "status", c->active ? "ACTIVE" : "INACTIVE");
    json_put_int(o, "registeredContainerInstancesCount", instances);
    json_put_int(o, "runningTasksCount", running);
    json_put_int(o, "pendingTasksCount", pending);
    json_put_int(o, "activeServicesCount", (int64_t)service_count(p, c));
    json_put(o, "statistics", json_array());
    json_put(o, "tags", json_incref(c->tags));
    json_put(o, "settings", json_incref(c->settings));
    json_put(o, "capacityProviders", json_deep_copy(c->providers));
    json_put(o, "defaultCapacityProviderStrategy", json_deep_copy(c->strategy));
    json_put(o, "serviceConnectDefaults", json_deep_copy(c->connect_defaults));
    if (c->configuration)
        json_put(o, "configuration", json_incref(c->configuration));
    return o;
}

/* A resource as the service shows it: all the numbers are there, whatever the type. */
static json_t *resources(const struct plane *p, const struct plane_instance *inst, bool remaining)
{
    json_t *list = json_array(), *registered;
    size_t i;

    json_array_foreach (inst->resources, i, registered) {
        json_t *r _cleanup_json_ =
            remaining ? place_remaining(p, inst, registered) : json_incref(registered);
        json_t *o = json_object();
        json_t *set = json_object_get(r, "stringSetValue");

        json_put_str(o, "name", json_str(r, "name"));
        json_put_str(o, "type", json_str(r, "type"));
        json_put(o, "doubleValue", json_real(json_number_value(json_object_get(r, "doubleValue"))));
        json_put_int(o, "longValue", json_int(r, "longValue", 0));
        json_put_int(o, "integerValue", json_int(r, "integerValue", 0));
        if (json_is_array(set))
            json_put(o, "stringSetValue", json_deep_copy(set));
        json_array_append_new(list, o);
    }
    return list;
}

/* Agents say "ContainerRuntime" where the API says "CONTAINER_RUNTIME". */
static char *api_word(const char *camel)
{
    struct buf b = BUF_INIT(256);

    for (size_t i = 0; camel[i]; i++) {
        bool upper = isupper((unsigned char)camel[i]), after = i && camel[i - 1] != '_';

        if (upper && after &&
            (islower((unsigned char)camel[i - 1]) || islower((unsigned char)camel[i + 1])))
            buf_addc(&b, '_');
        buf_addc(&b, (char)toupper((unsigned char)camel[i]));
    }
    return buf_steal(&b, NULL);
}

static json_t *health_json(const json_t *statuses)
{
    json_t *o = json_object(), *details = json_array(), *s;
    const char *overall = statuses ? "OK" : "INSUFFICIENT_DATA";
    size_t i;

    json_array_foreach (statuses, i, s) {
        _cleanup_free_ char *type = api_word(json_str(s, "type"));
        json_t *d = json_deep_copy(s);

        if (!str_eq(json_str(s, "status"), "OK"))
            overall = json_str(s, "status");
        json_put_str(d, "type", type);
        json_array_append_new(details, d);
    }
    json_put_str(o, "overallStatus", overall);
    json_put(o, "details", details);
    return o;
}

static json_t *version_info(const struct plane_instance *i)
{
    json_t *o = json_object();
    const char *docker = i->docker_version;

    json_put_str(o, "agentVersion", i->agent_version);
    json_put_str(o, "agentHash", i->agent_hash);
    json_put_str(o, "dockerVersion", docker);
    return o;
}

json_t *plane_instance_json(const struct plane *p, const struct plane_instance *i, bool tags,
                            bool health)
{
    json_t *o = json_object();
    int64_t running, pending;

    count_tasks(p, i->cluster, i->arn, &running, &pending);
    json_put_str(o, "containerInstanceArn", i->arn);
    if (*i->ec2_id)
        json_put_str(o, "ec2InstanceId", i->ec2_id);
    json_put_int(o, "version", i->version);
    json_put(o, "versionInfo", version_info(i));
    json_put(o, "remainingResources", resources(p, i, true));
    json_put(o, "registeredResources", resources(p, i, false));
    json_put_str(o, "status", plane_instance_status_name(i->status));
    json_put_bool(o, "agentConnected", i->connected);
    json_put_int(o, "runningTasksCount", running);
    json_put_int(o, "pendingTasksCount", pending);
    json_put_str(o, "agentUpdateStatus", i->update_status);
    json_put(o, "attributes", json_deep_copy(i->attributes));
    json_put(o, "registeredAt", plane_time(i->registered_at));
    json_put(o, "attachments", json_array());
    json_put(o, "tags", tags ? json_deep_copy(i->tags) : json_array());
    if (health)
        json_put(o, "healthStatus", health_json(i->health));
    return o;
}

static void put_managed(json_t *o, const struct plane_task *t, const char *container)
{
    json_t *list = json_array(), *m;
    size_t i;

    json_array_foreach (t->managed_agents, i, m)
        if (str_eq(json_str(m, "containerName"), container))
            json_array_append_new(
                list, json_pack("{s:s,s:s,s:s}", "name", json_str(m, "managedAgentName"),
                                "lastStatus", json_str(m, "status"), "reason",
                                json_str(m, "reason") ? json_str(m, "reason") : ""));
    json_put(o, "managedAgents", json_array_size(list) ? json_incref(list) : NULL);
    json_decref(list);
}

/* cpu, memory and memoryReservation of a container: texts, as the API shows them for tasks. */
static void put_sizes(json_t *o, const struct plane_launch *l, const char *container)
{
    static const char *const members[] = {"cpu", "memory", "memoryReservation"};
    const json_t *c = definition_container(l->definition, container);
    const json_t *override = launch_override(l->overrides, container);
    char text[24];

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        int64_t n = json_int(override, members[i], json_int(c, members[i], -1));

        snprintf(text, sizeof(text), "%lld", (long long)n);
        json_put_str(o, members[i], n >= 0 ? text : NULL);
    }
}

static json_t *container_json(const struct plane_task *t, const char *name, const json_t *c)
{
    static const char *const same[] = {"containerArn", "exitCode",    "reason",
                                       "runtimeId",    "imageDigest", "image"};
    int status = json_str(c, "status") ? plane_task_status_from(json_str(c, "status")) : 0;
    json_t *o = json_object(), *bindings = json_object_get(c, "networkBindings");

    json_put_str(o, "taskArn", t->arn);
    json_put_str(o, "name", name);
    json_put_str(o, "lastStatus", shown((enum plane_task_status)status));
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        if (json_object_get(c, same[i]))
            json_object_set(o, same[i], json_object_get(c, same[i]));
    json_put(o, "networkBindings",
             json_is_array(bindings) ? json_deep_copy(bindings) : json_array());
    json_put(o, "networkInterfaces", json_array());
    json_put_str(o, "healthStatus",
                 json_str(c, "healthStatus") ? json_str(c, "healthStatus") : "UNKNOWN");
    put_managed(o, t, name);
    if (t->launch)
        put_sizes(o, t->launch, name);
    return o;
}

static json_t *containers_json(const struct plane_task *t)
{
    json_t *list = json_array(), *c;
    const char *name;

    json_object_foreach (t->containers, name, c)
        json_array_append_new(list, container_json(t, name, c));
    return list;
}

static json_t *attachments_json(const struct plane_task *t)
{
    json_t *list = json_array(), *status;
    const char *arn;

    json_object_foreach (t->attachments, arn, status) {
        json_t *o = json_object();

        json_put_str(o, "id", arn_id(arn));
        json_put_str(o, "status", json_string_value(status));
        json_put(o, "details", json_array());
        json_array_append_new(list, o);
    }
    return list;
}

static void put_definition(const struct plane *p, json_t *o, const struct plane_task *t)
{
    _cleanup_free_ char *id = NULL, *arn = NULL;

    if (!t->family || !t->revision)
        return;
    id = xasprintf("%s:%s", t->family, t->revision);
    arn = plane_arn(p, "task-definition", NULL, id);
    json_put_str(o, "taskDefinitionArn", arn);
}

/* Each container's override is shown, also when it is empty. */
static json_t *overrides_json(const struct plane_launch *l)
{
    json_t *o = json_deep_copy(l->overrides), *list = json_array(), *c;
    size_t i;

    json_array_foreach (json_object_get(l->definition->doc, "containerDefinitions"), i, c) {
        json_t *given = launch_override(l->overrides, json_str(c, "name"));

        json_array_append_new(list, given ? json_deep_copy(given)
                                          : json_pack("{s:s}", "name", json_str(c, "name")));
    }
    json_put(o, "containerOverrides", list);
    if (!json_object_get(o, "inferenceAcceleratorOverrides"))
        json_put(o, "inferenceAcceleratorOverrides", json_array());
    return o;
}

static void put_launch(json_t *o, const struct plane_launch *l)
{
    char text[24];

    json_put_str(o, "group", l->group);
    json_put_str(o, "startedBy", l->started_by);
    json_put(o, "overrides", overrides_json(l));
    json_put_bool(o, "enableExecuteCommand", l->exec);
    snprintf(text, sizeof(text), "%lld", (long long)l->cpu);
    json_put_str(o, "cpu", text);
    snprintf(text, sizeof(text), "%lld", (long long)l->memory);
    json_put_str(o, "memory", text);
}

static void put_instance(const struct plane *p, json_t *o, const struct plane_task *t)
{
    const struct plane_instance *i = plane_instance(p, NULL, t->instance_arn);
    json_t *a, *attributes = json_array();
    size_t n;

    /* where it runs is on the instance; what it runs on is the task's own */
    json_put(o, "attributes", attributes);

    if (!i)
        return;
    json_array_foreach (i->attributes, n, a)
        if (str_eq(json_str(a, "name"), "ecs.availability-zone"))
            json_put_str(o, "availabilityZone", json_str(a, "value"));
    json_array_foreach (i->attributes, n, a)
        if (str_eq(json_str(a, "name"), "ecs.cpu-architecture"))
            json_array_append_new(attributes, json_deep_copy(a));
    json_put_str(o, "connectivity", i->connected ? "CONNECTED" : "DISCONNECTED");
}

/* Whoever stopped it said why; else the agent did; else it follows from how far it came. */
static void put_stopped(json_t *o, const struct plane_task *t)
{
    const char *code = t->stop_code, *reason = t->stop_reason;

    if (t->last != PLANE_TASK_STOPPED) {
        json_put_str(o, "stopCode", code);
        json_put_str(o, "stoppedReason", reason);
        return;
    }
    if (!code)
        code = t->started_at ? "EssentialContainerExited" : "TaskFailedToStart";
    if (!reason)
        reason = t->reason;
    if (!reason)
        reason = t->started_at ? "Essential container in task exited" : "Task failed to start";
    json_put_str(o, "stopCode", code);
    json_put_str(o, "stoppedReason", reason);
}

json_t *plane_task_json(const struct plane *p, const struct plane_task *t, bool tags)
{
    json_t *o = json_object();

    json_put(o, "attachments", attachments_json(t));
    put_instance(p, o, t);
    json_put_str(o, "clusterArn", t->cluster->arn);
    json_put_str(o, "containerInstanceArn", t->instance_arn);
    json_put(o, "containers", containers_json(t));
    json_put(o, "createdAt", plane_time(t->created_at));
    json_put_str(o, "desiredStatus", shown(t->desired));
    json_put_str(o, "healthStatus", plane_task_healthy(t));
    json_put_str(o, "lastStatus", shown(t->last));
    json_put_str(o, "launchType", t->launch_type ? t->launch_type : "EC2");
    if (t->launch)
        put_launch(o, t->launch);
    json_put(o, "pullStartedAt", seconds(t->pull_started));
    json_put(o, "pullStoppedAt", seconds(t->pull_stopped));
    json_put(o, "startedAt", time_or_nothing(t->started_at));
    json_put(o, "executionStoppedAt", seconds(t->execution_stopped));
    json_put(o, "stoppingAt", time_or_nothing(t->stopping_at));
    json_put(o, "stoppedAt", time_or_nothing(t->stopped_at));
    put_stopped(o, t);
    json_put(o, "tags", tags ? json_deep_copy(t->tags) : json_array());
    json_put_str(o, "taskArn", t->arn);
    put_definition(p, o, t);
    json_put_int(o, "version", t->version);
    return o;
}
