/* What people ask, and what changes the state of instances from outside. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"

#define PAGE_MAX     100
#define DESCRIBE_MAX 100
#define UPDATE_MAX   10

static bool includes(const json_t *body, const char *word)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(body, "include"), i, v)
        if (str_eq(json_string_value(v), word))
            return true;
    return false;
}

static void add_failure(json_t *failures, const char *arn, const char *reason)
{
    json_t *o = json_object();

    json_put_str(o, "arn", arn);
    json_put_str(o, "reason", reason);
    json_array_append_new(failures, o);
}

/* The ARN that a failure shows for something that was named by its id. */
static char *shown_arn(const struct plane *p, const char *kind, const struct plane_cluster *c,
                       const char *name)
{
    const char *prefix = c->arn;
    size_t n = strlen(prefix) - strlen("cluster/") - strlen(c->name);

    (void)p;
    if (str_starts(name, "arn:"))
        return xstrdup(name);
    return xasprintf("%.*s%s/%s/%s", (int)n, prefix, kind, c->name, name);
}

static json_t *need_list(struct exchange *x, const json_t *body, const char *member, size_t max)
{
    json_t *list = json_object_get(body, member);

    if (!json_array_size(list)) {
        aws_json_errorf(x, "InvalidParameterException", "%s can not be empty.", member);
        return NULL;
    }
    if (json_array_size(list) > max) {
        aws_json_errorf(x, "InvalidParameterException", "%s can have at most %zu items.", member,
                        max);
        return NULL;
    }
    return list;
}

/* --- paging ---------------------------------------------------------------------------- */

/* Answers {member: part of arns, nextToken?}; arns is stolen. A token is where to go on. */
static void answer_page(struct exchange *x, const json_t *body, const char *member, json_t *arns)
{
    const char *token = json_str(body, "nextToken");
    int64_t max = json_int(body, "maxResults", PAGE_MAX);
    json_t *o, *page, *arn;
    uint64_t from = 0;
    size_t i;

    if (max < 1 || max > PAGE_MAX || (token && str_u64(token, json_array_size(arns), &from) < 0)) {
        json_decref(arns);
        aws_json_error(x, 0, "InvalidParameterException",
                       token ? "Invalid token." : "maxResults has to be 1 to 100.");
        return;
    }
    page = json_array();
    json_array_foreach (arns, i, arn)
        if (i >= from && i < from + (uint64_t)max)
            json_array_append(page, arn);
    o = json_object();
    json_put(o, member, page);
    if (from + (uint64_t)max < json_array_size(arns)) {
        char *next = xasprintf("%llu", (unsigned long long)(from + (uint64_t)max));

        json_put_str(o, "nextToken", next);
        free(next);
    }
    json_decref(arns);
    aws_json_answer(x, o);
}

/* --- clusters -------------------------------------------------------------------------- */

void ecs_describe_clusters(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t *names = json_object_get(body, "clusters"), *found = json_array(), *name, *o;
    json_t *failures = json_array();
    json_t *fallback = json_pack("[s]", "default");
    size_t i;

    json_array_foreach (json_array_size(names) ? names : fallback, i, name) {
        const struct plane_cluster *c = plane_cluster(p, json_string_value(name));

        if (c)
            json_array_append_new(found, plane_cluster_json(p, c));
        else
            add_failure(failures, json_string_value(name), "MISSING");
    }
    json_decref(fallback);
    o = json_object();
    json_put(o, "clusters", found);
    json_put(o, "failures", failures);
    aws_json_answer(x, o);
}

void ecs_list_clusters(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t *arns = json_array();
    const char *key;
    void *v;

    for (size_t i = 0; map_next(&p->clusters, &i, &key, &v);) {
        const struct plane_cluster *c = v;

        if (c->active)
            json_array_append_new(arns, json_string(c->arn));
    }
    answer_page(x, body, "clusterArns", arns);
}

/* --- container instances --------------------------------------------------------------- */

void ecs_describe_instances(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    json_t *names = c ? need_list(x, body, "containerInstances", DESCRIBE_MAX) : NULL;
    json_t *found, *failures, *name, *o;
    size_t k;

    if (!names)
        return;
    found = json_array();
    failures = json_array();
    json_array_foreach (names, k, name) {
        const struct plane_instance *i = plane_instance(p, c, json_string_value(name));
        char *arn = shown_arn(p, "container-instance", c, json_string_value(name));

        if (i)
            json_array_append_new(found,
                                  plane_instance_json(p, i, includes(body, "TAGS"),
                                                      includes(body, "CONTAINER_INSTANCE_HEALTH")));
        else
            add_failure(failures, arn, "MISSING");
        free(arn);
    }
    o = json_object();
    json_put(o, "containerInstances", found);
    json_put(o, "failures", failures);
    aws_json_answer(x, o);
}

void ecs_list_instances(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    const char *status, *key;
    json_t *arns;
    void *v;

    if (!c)
        return;
    status = json_str(body, "status");
    arns = json_array();
    for (size_t k = 0; map_next(&p->instances, &k, &key, &v);) {
        const struct plane_instance *i = v;
        bool wanted = status ? str_eq(status, plane_instance_status_name(i->status))
                             : i->status != INSTANCE_INACTIVE;

        if (i->cluster == c && wanted)
            json_array_append_new(arns, json_string(i->arn));
    }
    answer_page(x, body, "containerInstanceArns", arns);
}

void ecs_update_instances_state(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    json_t *names = c ? need_list(x, body, "containerInstances", UPDATE_MAX) : NULL;
    json_t *found, *failures, *name, *o;
    const char *status;
    size_t k;
    int to;

    if (!names)
        return;
    status = json_str(body, "status");
    to = status ? plane_instance_status_from(status) : -1;
    if (to != INSTANCE_ACTIVE && to != INSTANCE_DRAINING) {
        aws_json_error(x, 0, "InvalidParameterException",
                       "Container instance status should be ACTIVE or DRAINING.");
        return;
    }
    found = json_array();
    failures = json_array();
    json_array_foreach (names, k, name) {
        struct plane_instance *i = plane_instance(p, c, json_string_value(name));
        char *arn = shown_arn(p, "container-instance", c, json_string_value(name));

        if (i && i->status != INSTANCE_INACTIVE) {
            plane_instance_set_status(p, i, (enum plane_instance_status)to);
            json_array_append_new(found, plane_instance_json(p, i, false, false));
        } else {
            add_failure(failures, arn, i ? "INACTIVE" : "MISSING");
        }
        free(arn);
    }
    o = json_object();
    json_put(o, "containerInstances", found);
    json_put(o, "failures", failures);
    aws_json_answer(x, o);
}

static bool has_running_tasks(const struct plane *p, const struct plane_instance *i)
{
    const char *key;
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, &key, &v);) {
        const struct plane_task *t = v;

        if (str_eq(t->instance_arn, i->arn) && t->last != PLANE_TASK_STOPPED)
            return true;
    }
    return false;
}

void ecs_deregister_instance(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_instance *i = c ? plane_instance(p, c, json_str(body, "containerInstance")) : NULL;
    json_t *o;

    if (!c)
        return;
    if (!i || i->status == INSTANCE_INACTIVE) {
        aws_json_error(x, 0, "InvalidParameterException",
                       "The referenced container instance was not found.");
        return;
    }
    if (!json_bool(body, "force", false) && has_running_tasks(p, i)) {
        aws_json_error(x, 0, "InvalidParameterException", "Found running tasks on the instance.");
        return;
    }
    plane_instance_set_status(p, i, INSTANCE_INACTIVE);
    o = json_object();
    json_put(o, "containerInstance", plane_instance_json(p, i, true, false));
    aws_json_answer(x, o);
}

/* --- tasks ----------------------------------------------------------------------------- */

void ecs_describe_tasks(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    json_t *names = c ? need_list(x, body, "tasks", DESCRIBE_MAX) : NULL;
    json_t *found, *failures, *name, *o;
    size_t k;

    if (!names)
        return;
    found = json_array();
    failures = json_array();
    json_array_foreach (names, k, name) {
        const struct plane_task *t = plane_task(p, c, json_string_value(name));
        char *arn = shown_arn(p, "task", c, json_string_value(name));

        if (t)
            json_array_append_new(found, plane_task_json(p, t, includes(body, "TAGS")));
        else
            add_failure(failures, arn, "MISSING");
        free(arn);
    }
    o = json_object();
    json_put(o, "tasks", found);
    json_put(o, "failures", failures);
    aws_json_answer(x, o);
}

void ecs_list_tasks(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    const char *desired, *family, *instance, *key;
    struct plane_instance *i;
    json_t *arns;
    void *v;

    if (!c)
        return;
    desired = json_str(body, "desiredStatus");
    family = json_str(body, "family");
    instance = json_str(body, "containerInstance");
    i = instance ? plane_instance(p, c, instance) : NULL;
    if (instance && !i) {
        aws_json_error(x, 0, "InvalidParameterException",
                       "The referenced container instance was not found.");
        return;
    }
    arns = json_array();
    for (size_t k = 0; map_next(&p->tasks, &k, &key, &v);) {
        const struct plane_task *t = v;

        if (t->cluster == c && (!i || str_eq(t->instance_arn, i->arn)) &&
            (!family || str_eq(t->family, family)) &&
            str_eq(plane_task_status_name(t->desired), desired ? desired : "RUNNING"))
            json_array_append_new(arns, json_string(t->arn));
    }
    answer_page(x, body, "taskArns", arns);
}

/* --- tags ------------------------------------------------------------------------------ */

json_t **ecs_tags_of(struct plane *p, const char *arn)
{
    struct plane_instance *i = map_get(&p->instances, arn);
    struct plane_task *t = map_get(&p->tasks, arn);
    struct plane_cluster *c = plane_cluster(p, arn);

    if (i)
        return &i->tags;
    if (t)
        return &t->tags;
    return c && str_eq(c->arn, arn) ? &c->tags : NULL;
}

void ecs_list_tags(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *arn = json_str(body, "resourceArn");
    json_t **tags, *o;

    if (!arn || !str_starts(arn, "arn:")) {
        aws_json_error(x, 0, "InvalidParameterException", "The resource ARN is not valid.");
        return;
    }
    tags = ecs_tags_of(p, arn);
    if (!tags) {
        aws_json_error(x, 0, "InvalidParameterException", "The specified resource was not found.");
        return;
    }
    o = json_object();
    json_put(o, "tags", json_deep_copy(*tags));
    aws_json_answer(x, o);
}
