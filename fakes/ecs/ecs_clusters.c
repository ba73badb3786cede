/* ecs_calls.h: clusters, as people see and change them. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/service.h"

#define PAGE 100

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

/* The two that every account has; instances are not started by this control plane. */
static const char *const known_providers[] = {"FARGATE", "FARGATE_SPOT"};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(known_providers); i++)
        if (str_eq(known_providers[i], name))
            return true;
    return false;
}

void ecs_put_capacity_providers(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    json_t *v;
    size_t i;

    if (!c)
        return;
    json_array_foreach (json_object_get(body, "capacityProviders"), i, v)
        if (!is_known(json_string_value(v))) {
            ecs_invalid(x,
                        "The specified capacity provider '%s' was not found. Specify a valid "
                        "name or ARN and try again.",
                        json_string_value(v));
            return;
        }
    replace(&c->providers, json_object_get(body, "capacityProviders"));
    replace(&c->strategy, json_object_get(body, "defaultCapacityProviderStrategy"));
    ecs_answer_one(x, "cluster", plane_cluster_json(p, c));
}

void ecs_describe_capacity_providers(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t *names = json_object_get(body, "capacityProviders"), *found = json_array(), *v;
    json_t *failures = json_array();
    size_t i;

    for (i = 0; !json_array_size(names) && i < ARRAY_SIZE(known_providers); i++)
        json_array_append_new(
            found, json_pack("{s:s,s:s}", "name", known_providers[i], "status", "ACTIVE"));
    json_array_foreach (names, i, v) {
        const char *name = json_string_value(v);
        char *arn = plane_arn(p, "capacity-provider", NULL, name);

        if (is_known(name))
            json_array_append_new(found, json_pack("{s:s,s:s,s:s}", "capacityProviderArn", arn,
                                                   "name", name, "status", "ACTIVE"));
        else
            ecs_add_failure(failures, arn, "MISSING");
        free(arn);
    }
    ecs_answer_found(x, "capacityProviders", found, failures);
}
