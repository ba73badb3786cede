/* ecs_calls.h: task sets of services whose deployment controller is EXTERNAL. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/service_sets.h"

#define DESCRIBE_MAX 100

/* The service that the call is about; NULL: it was refused. */
static struct plane_service *need_external(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_service *s = c ? service_find(p, c, json_str(body, "service")) : NULL;

    if (!c)
        return NULL;
    if (!s) {
        aws_json_error(x, 0, "ServiceNotFoundException", "Service not found.");
        return NULL;
    }
    if (!str_eq(s->status, "ACTIVE")) {
        aws_json_error(x, 0, "ServiceNotActiveException", "Service was not ACTIVE.");
        return NULL;
    }
    if (s->external)
        return s;
    ecs_invalid(x, "Task sets are not supported with the deployment controller type ECS. The "
                   "service has to use the deployment controller type EXTERNAL.");
    return NULL;
}

static struct service_deployment *need_set(struct plane *p, struct exchange *x, const json_t *body,
                                           const char *member, struct plane_service **ret_s)
{
    struct plane_service *s = need_external(p, x, body);
    struct service_deployment *d;

    if (!s)
        return NULL;
    d = service_find_set(s, json_str(body, member));
    if (!d) {
        aws_json_error(x, 0, "TaskSetNotFoundException", "The specified task set was not found.");
        return NULL;
    }
    *ret_s = s;
    return d;
}

/* A share of 0 to 100 percent; dflt when none is given. -1 when it is refused. */
static int read_scale(struct exchange *x, const json_t *body, double dflt, double *ret)
{
    const json_t *scale = json_object_get(body, "scale"), *value = json_object_get(scale, "value");
    const char *unit = json_str(scale, "unit");

    *ret = value ? json_number_value(value) : dflt;
    if (*ret >= 0 && *ret <= 100 && (!unit || str_eq(unit, "PERCENT")))
        return 0;
    ecs_invalid(x, "The scale of a task set has to be 0 to 100 PERCENT.");
    return -1;
}

static int check_create(struct exchange *x, const struct plane_service *s,
                        const struct plane_definition *d, const json_t *body)
{
    const char *type = json_str(body, "launchType");
    bool network = json_is_object(json_object_get(body, "networkConfiguration"));

    if (type && !str_eq(type, "EC2") && !str_eq(type, "EXTERNAL"))
        ecs_invalid(x, "The launch type %s is not offered here: tasks run on container instances.",
                    type);
    else if (str_eq(json_str(d->doc, "networkMode"), "awsvpc") && !network)
        ecs_invalid(x, "Network Configuration must be provided when networkMode 'awsvpc' is "
                       "specified.");
    else if (s->n_deployments >= SERVICE_SETS_MAX)
        ecs_invalid(x, "A service can have at most %d task sets.", SERVICE_SETS_MAX);
    else if (!ecs_refuse_strategy(x, body) && ecs_check_tags(x, json_object_get(body, "tags")))
        return 0;
    return -1;
}

static json_t *given(const json_t *body)
{
    static const char *const members[] = {"externalId",    "networkConfiguration",
                                          "loadBalancers", "serviceRegistries",
                                          "launchType",    "platformVersion"};
    json_t *o =
        json_pack("{s:s,s:[],s:[]}", "launchType", "EC2", "loadBalancers", "serviceRegistries");

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        json_t *v = json_object_get(body, members[i]);

        if (v && !json_is_null(v))
            json_put(o, members[i], json_deep_copy(v));
    }
    return o;
}

/* The one that was made with the same clientToken, or NULL. */
static const struct service_deployment *made_before(const struct plane_service *s,
                                                    const char *token)
{
    for (size_t i = 0; token && i < s->n_deployments; i++)
        if (str_eq(s->deployments[i].set->client_token, token))
            return &s->deployments[i];
    return NULL;
}

void ecs_create_task_set(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_service *s = need_external(p, x, body);
    struct plane_definition *definition =
        s ? ecs_definition(p, x, body, "TaskDefinition can not be blank.") : NULL;
    const char *token = json_str(body, "clientToken");
    const json_t *tags = json_object_get(body, "tags");
    const struct service_deployment *before;
    _cleanup_free_ char *below = NULL;
    struct service_deployment *d;
    struct service_set *set;
    double scale;

    if (!definition)
        return;
    before = made_before(s, token);
    if (before) {
        ecs_answer_one(x, "taskSet", service_set_json(p, s, before, true));
        return;
    }
    if (check_create(x, s, definition, body) < 0 || read_scale(x, body, 100, &scale) < 0)
        return;
    set = new0(struct service_set);
    set->scale = scale;
    set->given = given(body);
    set->tags = tags ? json_deep_copy(tags) : json_array();
    set->client_token = xstrdup(token);
    d = service_add_set(p, s, definition, set);
    below = xasprintf("%s/%s", s->cluster->name, s->name);
    set->arn = plane_arn(p, "task-set", below, d->id);
    ecs_answer_one(x, "taskSet", service_set_json(p, s, d, true));
}

void ecs_update_task_set(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_service *s;
    struct service_deployment *d = need_set(p, x, body, "taskSet", &s);
    double scale;

    if (!d)
        return;
    if (!json_is_object(json_object_get(body, "scale"))) {
        ecs_invalid(x, "scale can not be null.");
        return;
    }
    if (read_scale(x, body, d->set->scale, &scale) < 0)
        return;
    d->set->scale = scale;
    d->set->steady = false;
    d->updated_at = d->set->steady_at = loop_wall(&p->world->loop);
    service_kick(p);
    ecs_answer_one(x, "taskSet", service_set_json(p, s, d, true));
}

void ecs_update_primary_task_set(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_service *s;
    struct service_deployment *d = need_set(p, x, body, "primaryTaskSet", &s);

    if (!d)
        return;
    if (d->set->leaving) {
        ecs_invalid(x, "A task set that is draining cannot be the primary one.");
        return;
    }
    for (size_t i = 0; i < s->n_deployments; i++)
        s->deployments[i].primary = &s->deployments[i] == d;
    d->updated_at = loop_wall(&p->world->loop);
    ecs_answer_one(x, "taskSet", service_set_json(p, s, d, true));
}

void ecs_delete_task_set(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_service *s;
    struct service_deployment *d = need_set(p, x, body, "taskSet", &s);

    if (!d)
        return;
    if (service_set_count(s, d) > 0 && !json_bool(body, "force", false)) {
        ecs_invalid(x, "The task set cannot be deleted while it is scaled above 0.");
        return;
    }
    d->set->leaving = true;
    d->primary = false;
    d->updated_at = loop_wall(&p->world->loop);
    ecs_answer_one(x, "taskSet", service_set_json(p, s, d, true));
    service_kick(p);
}

void ecs_describe_task_sets(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_service *s = need_external(p, x, body);
    const json_t *names = json_object_get(body, "taskSets"), *name;
    json_t *found, *failures;
    bool tags = ecs_includes(body, "TAGS");
    size_t i;

    if (!s)
        return;
    if (json_array_size(names) > DESCRIBE_MAX) {
        ecs_invalid(x, "taskSets can have at most %d items.", DESCRIBE_MAX);
        return;
    }
    found = json_array();
    failures = json_array();
    for (i = 0; !json_array_size(names) && i < s->n_deployments; i++)
        json_array_append_new(found, service_set_json(p, s, &s->deployments[i], tags));
    json_array_foreach (names, i, name) {
        const struct service_deployment *d = service_find_set(s, json_string_value(name));

        if (d)
            json_array_append_new(found, service_set_json(p, s, d, tags));
        else
            ecs_add_failure(failures, json_string_value(name), "MISSING");
    }
    ecs_answer_found(x, "taskSets", found, failures);
}
