/* ecs_calls.h: clusters, as people see and change them. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/service.h"

#define PAGE 100

static void put_number(json_t *list, const char *name, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)n);
    json_array_append_new(list, json_pack("{s:s,s:s}", "name", name, "value", text));
}

/* By launch type, as texts. Nothing runs on Fargate here. */
static json_t *statistics(const struct plane *p, const struct plane_cluster *c)
{
    enum { EC2, EXTERNAL, TYPES };
    int64_t running[TYPES] = {0}, pending[TYPES] = {0}, active[TYPES] = {0}, draining[TYPES] = {0};
    json_t *list = json_array();
    void *v;

    for (size_t i = 0; map_next(&p->tasks, &i, NULL, &v);) {
        const struct plane_task *t = v;
        int type = str_eq(t->launch_type, "EXTERNAL") ? EXTERNAL : EC2;

        if (t->cluster != c)
            continue;
        running[type] += t->last == PLANE_TASK_RUNNING;
        pending[type] += t->last < PLANE_TASK_RUNNING;
    }
    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);) {
        const struct plane_service *s = v;
        int type = str_eq(json_str(s->given, "launchType"), "EXTERNAL") ? EXTERNAL : EC2;

        if (s->cluster != c)
            continue;
        active[type] += str_eq(s->status, "ACTIVE");
        draining[type] += str_eq(s->status, "DRAINING");
    }
    put_number(list, "runningEC2TasksCount", running[EC2]);
    put_number(list, "runningFargateTasksCount", 0);
    put_number(list, "pendingEC2TasksCount", pending[EC2]);
    put_number(list, "pendingFargateTasksCount", 0);
    put_number(list, "runningExternalTasksCount", running[EXTERNAL]);
    put_number(list, "pendingExternalTasksCount", pending[EXTERNAL]);
    put_number(list, "activeEC2ServiceCount", active[EC2]);
    put_number(list, "activeFargateServiceCount", 0);
    put_number(list, "drainingEC2ServiceCount", draining[EC2]);
    put_number(list, "drainingFargateServiceCount", 0);
    put_number(list, "activeExternalServiceCount", active[EXTERNAL]);
    put_number(list, "drainingExternalServiceCount", draining[EXTERNAL]);
    return list;
}

/* What is not asked for is not shown. */
static json_t *shown(const struct plane *p, const struct plane_cluster *c, const json_t *body)
{
    static const struct {
        const char *member, *word;
    } asked[] = {{"tags", "TAGS"}, {"settings", "SETTINGS"}};
    json_t *o = plane_cluster_json(p, c);

    for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
        if (!ecs_includes(body, asked[i].word))
            json_put(o, asked[i].member, json_array());
    if (ecs_includes(body, "STATISTICS"))
        json_put(o, "statistics", statistics(p, c));
    if (ecs_includes(body, "ATTACHMENTS"))
        json_put(o, "attachments", json_array());
    if (!ecs_includes(body, "CONFIGURATIONS"))
        json_object_del(o, "configuration");
    return o;
}

void ecs_describe_clusters(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t *names = json_object_get(body, "clusters"), *found = json_array(), *name;
    json_t *failures = json_array(), *fallback = json_pack("[s]", "default");
    size_t i;

    json_array_foreach (json_array_size(names) ? names : fallback, i, name) {
        const char *s = json_string_value(name);
        const struct plane_cluster *c = plane_cluster_any(p, s);

        if (c)
            json_array_append_new(found, shown(p, c, body));
        else if (str_starts(s, "arn:"))
            ecs_add_failure(failures, s, "MISSING");
        else {
            char *arn = plane_arn(p, "cluster", NULL, s);

            ecs_add_failure(failures, arn, "MISSING");
            free(arn);
        }
    }
    json_decref(fallback);
    ecs_answer_found(x, "clusters", found, failures);
}

void ecs_list_clusters(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t *arns = json_array();
    void *v;

    for (size_t i = 0; map_next(&p->clusters, &i, NULL, &v);) {
        const struct plane_cluster *c = v;

        if (c->active)
            json_array_append_new(arns, json_string(c->arn));
    }
    ecs_answer_page(x, body, "clusterArns", arns, PAGE);
}

/* Why a cluster cannot go: the error type and its text, or NULL. */
static const char *held(const struct plane *p, const struct plane_cluster *c, const char **ret_text)
{
    void *v;

    *ret_text = "The Cluster cannot be deleted while Services are active.";
    if (service_count(p, c))
        return "ClusterContainsServicesException";
    *ret_text = "The Cluster cannot be deleted while Container Instances are active or draining.";
    for (size_t i = 0; map_next(&p->instances, &i, NULL, &v);) {
        const struct plane_instance *inst = v;

        if (inst->cluster == c && inst->status != INSTANCE_INACTIVE)
            return "ClusterContainsContainerInstancesException";
    }
    *ret_text = "The Cluster cannot be deleted while Tasks are active.";
    for (size_t i = 0; map_next(&p->tasks, &i, NULL, &v);) {
        const struct plane_task *t = v;

        if (t->cluster == c && t->last != PLANE_TASK_STOPPED)
            return "ClusterContainsTasksException";
    }
    return NULL;
}

void ecs_delete_cluster(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c;
    const char *type, *text;

    if (!json_str(body, "cluster")) {
        ecs_invalid(x, "cluster can not be null.");
        return;
    }
    c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    if (!c)
        return;
    type = held(p, c, &text);
    if (type) {
        aws_json_error(x, 0, type, text);
        return;
    }
    plane_cluster_set_active(p, c, false);
    ecs_answer_one(x, "cluster", plane_cluster_json(p, c));
}

static void replace(json_t **to, const json_t *from)
{
    if (!from)
        return;
    json_decref(*to);
    *to = json_deep_copy(from);
}

void ecs_update_cluster(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");

    if (!c)
        return;
    replace(&c->settings, json_object_get(body, "settings"));
    replace(&c->configuration, json_object_get(body, "configuration"));
    replace(&c->connect_defaults, json_object_get(body, "serviceConnectDefaults"));
    ecs_answer_one(x, "cluster", plane_cluster_json(p, c));
}
