/*
 * ecs_calls.h: capacity providers.
 *
 * Two are there in every account, FARGATE and FARGATE_SPOT; others stand for an Auto Scaling group
 * and are made, changed and deleted here. There are no groups here, so no instance ever comes from
 * one: what is to run by a strategy of providers is refused (ecs_run.c, ecs_services.c).
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"

#define NAME_MAX_LENGTH 255
#define PROVIDERS_MAX   100

static const char *const fargate[] = {"FARGATE", "FARGATE_SPOT"};

static bool is_fargate(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(fargate); i++)
        if (str_eq(fargate[i], name))
            return true;
    return false;
}

struct plane_provider *ecs_provider(const struct plane *p, const char *name_or_arn)
{
    const char *slash =
        name_or_arn && str_starts(name_or_arn, "arn:") ? strrchr(name_or_arn, '/') : NULL;

    return name_or_arn ? map_get(&p->providers, slash ? slash + 1 : name_or_arn) : NULL;
}

static json_t *fargate_json(struct plane *p, const char *name)
{
    _cleanup_free_ char *arn = plane_arn(p, "capacity-provider", NULL, name);

    return json_pack("{s:s,s:s,s:s,s:[]}", "capacityProviderArn", arn, "name", name, "status",
                     "ACTIVE", "tags");
}

static json_t *shown(const struct plane_provider *c, bool tags)
{
    json_t *o = json_deep_copy(c->shown);

    json_put(o, "tags", tags ? json_deep_copy(c->tags) : json_array());
    return o;
}

/* --- of a cluster ---------------------------------------------------------------------- */

static bool is_there(const struct plane *p, const char *name)
{
    return is_fargate(name) || ecs_provider(p, name);
}

void ecs_put_capacity_providers(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    json_t *providers = json_object_get(body, "capacityProviders"), *v;
    json_t *strategy = json_object_get(body, "defaultCapacityProviderStrategy");
    size_t i;

    if (!c)
        return;
    json_array_foreach (providers, i, v)
        if (!is_there(p, json_string_value(v))) {
            ecs_invalid(x,
                        "The specified capacity provider '%s' was not found. Specify a valid "
                        "name or ARN and try again.",
                        json_string_value(v));
            return;
        }
    json_decref(c->providers);
    c->providers = providers ? json_deep_copy(providers) : json_array();
    json_decref(c->strategy);
    c->strategy = strategy ? json_deep_copy(strategy) : json_array();
    ecs_answer_one(x, "cluster", plane_cluster_json(p, c));
}

/* --- create, update, delete, describe -------------------------------------------------- */

static bool is_name(const char *s)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    return *s && strlen(s) <= NAME_MAX_LENGTH && strspn(s, letters) == strlen(s) &&
           strncasecmp(s, "aws", 3) && strncasecmp(s, "ecs", 3) && strncasecmp(s, "fargate", 7);
}

static void set_missing(json_t *o, const char *name, json_t *value)
{
    if (!json_object_get(o, name))
        json_object_set_new(o, name, value);
    else
        json_decref(value);
}

/* The group with what ECS says where nothing was said; numbers that it does not take are an error.
 */
static json_t *group_json(struct exchange *x, json_t *given, const json_t *before)
{
    json_t *o = before ? json_deep_copy(before) : json_object(), *scaling;
    int64_t target;

    json_object_update(o, given); /* which may be NULL */
    if (before)
        json_put_str(o, "autoScalingGroupArn", json_str(before, "autoScalingGroupArn"));
    scaling = json_deep_copy(json_object_get(o, "managedScaling"));
    scaling = scaling ? scaling : json_object();
    set_missing(scaling, "status", json_string("DISABLED"));
    set_missing(scaling, "targetCapacity", json_integer(100));
    set_missing(scaling, "minimumScalingStepSize", json_integer(1));
    set_missing(scaling, "maximumScalingStepSize", json_integer(10000));
    set_missing(scaling, "instanceWarmupPeriod", json_integer(300));
    target = json_int(scaling, "targetCapacity", 0);
    json_object_set_new(o, "managedScaling", scaling);
    set_missing(o, "managedTerminationProtection", json_string("DISABLED"));
    if (target >= 1 && target <= 100)
        return o;
    json_decref(o);
    ecs_invalid(x, "targetCapacity has to be 1 to 100.");
    return NULL;
}

void ecs_create_provider(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *name = json_str(body, "name");
    json_t *given = json_object_get(body, "autoScalingGroupProvider");
    const char *of_group = json_str(given, "autoScalingGroupArn");
    json_t *tags = json_object_get(body, "tags"), *group;
    struct plane_provider *c;
    _cleanup_free_ char *arn = NULL;

    if (!name || !is_name(name)) {
        ecs_invalid(x,
                    "The capacity provider name is invalid. It has to be 1 to %d letters, "
                    "numbers, underscores and hyphens, and must not begin with aws, ecs or "
                    "fargate.",
                    NAME_MAX_LENGTH);
        return;
    }
    if (!of_group || !str_starts(of_group, "arn:")) {
        ecs_invalid(x, "The Auto Scaling group ARN is not valid.");
        return;
    }
    if (ecs_provider(p, name)) {
        ecs_invalid(x, "The capacity provider %s already exists.", name);
        return;
    }
    if (map_count(&p->providers) >= PROVIDERS_MAX) {
        aws_json_error(x, 0, "LimitExceededException", "There are too many capacity providers.");
        return;
    }
    if (!ecs_check_tags(x, tags) || !(group = group_json(x, given, NULL)))
        return;
    arn = plane_arn(p, "capacity-provider", NULL, name);
    c = new0(struct plane_provider);
    c->shown = json_pack("{s:s,s:s,s:s,s:o}", "capacityProviderArn", arn, "name", name, "status",
                         "ACTIVE", "autoScalingGroupProvider", group);
    c->tags = tags ? json_deep_copy(tags) : json_array();
    map_set(&p->providers, name, c);
    ecs_answer_one(x, "capacityProvider", shown(c, true));
}

static struct plane_provider *need_provider(struct plane *p, struct exchange *x, const char *name)
{
    struct plane_provider *c = ecs_provider(p, name);

    if (!c)
        ecs_invalid(x,
                    "The specified capacity provider '%s' was not found. Specify a valid name "
                    "or ARN and try again.",
                    name ? name : "");
    return c;
}

void ecs_update_provider(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_provider *c = need_provider(p, x, json_str(body, "name"));
    json_t *group;

    if (!c)
        return;
    group = group_json(x, json_object_get(body, "autoScalingGroupProvider"),
                       json_object_get(c->shown, "autoScalingGroupProvider"));
    if (!group)
        return;
    json_put(c->shown, "autoScalingGroupProvider", group);
    json_put_str(c->shown, "updateStatus", "UPDATE_COMPLETE");
    ecs_answer_one(x, "capacityProvider", shown(c, true));
}

static bool is_used(const struct plane *p, const char *name)
{
    void *v;
    json_t *n;
    size_t k;

    for (size_t i = 0; map_next(&p->clusters, &i, NULL, &v);)
        json_array_foreach (((const struct plane_cluster *)v)->providers, k, n)
            if (str_eq(json_string_value(n), name))
                return true;
    return false;
}

void ecs_delete_provider(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *name = json_str(body, "capacityProvider");
    struct plane_provider *c;

    if (name && is_fargate(name)) {
        ecs_invalid(x, "The specified capacity provider is reserved and cannot be deleted.");
        return;
    }
    c = need_provider(p, x, name);
    if (!c)
        return;
    if (is_used(p, json_str(c->shown, "name"))) {
        ecs_invalid(x, "The specified capacity provider is in use and cannot be removed.");
        return;
    }
    c = map_remove(&p->providers, json_str(c->shown, "name"));
    json_put_str(c->shown, "updateStatus", "DELETE_IN_PROGRESS");
    ecs_answer_one(x, "capacityProvider", shown(c, true));
    plane_provider_free(c);
}

void ecs_describe_capacity_providers(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t *names = json_object_get(body, "capacityProviders"), *found = json_array(), *v;
    json_t *failures = json_array();
    bool tags = ecs_includes(body, "TAGS");
    size_t i;
    void *c;

    for (i = 0; !json_array_size(names) && i < ARRAY_SIZE(fargate); i++)
        json_array_append_new(found, fargate_json(p, fargate[i]));
    for (i = 0; !json_array_size(names) && map_next(&p->providers, &i, NULL, &c);)
        json_array_append_new(found, shown(c, tags));
    json_array_foreach (names, i, v) {
        const char *name = json_string_value(v);
        const struct plane_provider *one = ecs_provider(p, name);

        if (is_fargate(name) || one) {
            json_array_append_new(found, one ? shown(one, tags) : fargate_json(p, name));
        } else {
            _cleanup_free_ char *arn = str_starts(name, "arn:")
                                           ? xstrdup(name)
                                           : plane_arn(p, "capacity-provider", NULL, name);

            ecs_add_failure(failures, arn, "MISSING");
        }
    }
    ecs_answer_found(x, "capacityProviders", found, failures);
}

bool ecs_refuse_strategy(struct exchange *x, const json_t *body)
{
    if (!json_array_size(json_object_get(body, "capacityProviderStrategy")))
        return false;
    ecs_invalid(x, "A capacity provider strategy is not offered here: there is no Auto Scaling "
                   "group behind a capacity provider. Use the launch type EC2.");
    return true;
}
