/* ecs_calls.h: container instances and their attributes, as people see and change them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/query.h"
#include "fakes/ecs/update.h"

#define PAGE         100
#define DESCRIBE_MAX 100
#define UPDATE_MAX   10

static json_t *describe_one(struct plane *p, struct plane_cluster *c, const char *name,
                            const json_t *body, const char **ret_why)
{
    const struct plane_instance *i = plane_instance(p, c, name);

    (void)ret_why;
    return i ? plane_instance_json(p, i, ecs_includes(body, "TAGS"),
                                   ecs_includes(body, "CONTAINER_INSTANCE_HEALTH"))
             : NULL;
}

void ecs_describe_instances(struct plane *p, struct exchange *x, const json_t *body)
{
    static const struct ecs_each each = {"containerInstances", "containerInstances",
                                         "container-instance", DESCRIBE_MAX, describe_one};

    ecs_answer_each(p, x, body, &each);
}

void ecs_list_instances(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    const char *status = json_str(body, "status"), *filter = json_str(body, "filter");
    struct err e = ERR_INIT;
    struct query *q;
    json_t *arns;
    void *v;

    if (!c)
        return;
    q = filter ? query_parse(filter, &e) : NULL;
    if (filter && !q) {
        ecs_invalid(x, "Invalid filter: %s", e.text);
        return;
    }
    arns = json_array();
    for (size_t k = 0; map_next(&p->instances, &k, NULL, &v);) {
        const struct plane_instance *i = v;
        bool wanted = status ? str_eq(status, plane_instance_status_name(i->status))
                             : i->status != INSTANCE_INACTIVE;

        if (i->cluster == c && wanted && (!q || query_matches(q, p, i)))
            json_array_append_new(arns, json_string(i->arn));
    }
    query_free(q);
    ecs_answer_page(x, body, "containerInstanceArns", arns, PAGE);
}

static json_t *change_one(struct plane *p, struct plane_cluster *c, const char *name,
                          const json_t *body, const char **ret_why)
{
    struct plane_instance *i = plane_instance(p, c, name);

    if (!i || i->status == INSTANCE_INACTIVE) {
        *ret_why = i ? "INACTIVE" : "MISSING";
        return NULL;
    }
    plane_instance_set_status(
        p, i, (enum plane_instance_status)plane_instance_status_from(json_str(body, "status")));
    return plane_instance_json(p, i, false, false);
}

void ecs_update_instances_state(struct plane *p, struct exchange *x, const json_t *body)
{
    static const struct ecs_each each = {"containerInstances", "containerInstances",
                                         "container-instance", UPDATE_MAX, change_one};
    const char *status = json_str(body, "status");
    int to = status ? plane_instance_status_from(status) : -1;

    if (to == INSTANCE_ACTIVE || to == INSTANCE_DRAINING)
        ecs_answer_each(p, x, body, &each);
    else
        ecs_invalid(x, "Container instance status should be ACTIVE or DRAINING.");
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

/* The instance of body's "containerInstance", or NULL after the error. */
static struct plane_instance *need_instance(struct plane *p, struct exchange *x, const json_t *body,
                                            const struct plane_cluster *c)
{
    struct plane_instance *i = c ? plane_instance(p, c, json_str(body, "containerInstance")) : NULL;

    if (c && (!i || i->status == INSTANCE_INACTIVE)) {
        ecs_invalid(x, "The referenced container instance was not found.");
        return NULL;
    }
    return i;
}

void ecs_deregister_instance(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_instance *i = need_instance(p, x, body, c);
    void *v;

    if (!i)
        return;
    if (!json_bool(body, "force", false) && has_running_tasks(p, i)) {
        ecs_invalid(x, "Found running tasks on the instance.");
        return;
    }
    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        struct plane_task *t = v;

        if (t->launch && str_eq(t->instance_arn, i->arn))
            launch_stop(p, t, "UserInitiated", "Container instance deregistration forced by user.");
    }
    plane_instance_set_status(p, i, INSTANCE_INACTIVE);
    ecs_answer_one(x, "containerInstance", plane_instance_json(p, i, true, false));
}

/* --- the agent's update ---------------------------------------------------------------- */

void ecs_update_agent(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_instance *i = need_instance(p, x, body, c);
    struct update_refusal r;

    if (!i)
        return;
    if (!update_allowed(p, i, &r)) {
        aws_json_error(x, 0, r.error, r.message);
        return;
    }
    update_start(p, i);
    ecs_answer_one(x, "containerInstance", plane_instance_json(p, i, false, false));
}

/* --- attributes ------------------------------------------------------------------------ */

/* The instance that an attribute is to be on; NULL after the error. */
static struct plane_instance *target_of(struct plane *p, struct exchange *x, const json_t *a,
                                        const struct plane_cluster *c)
{
    const char *id = json_str(a, "targetId"), *name = json_str(a, "name");
    struct plane_instance *i = plane_instance(p, c, id);

    if (!name || !*name || strlen(name) > 128) {
        ecs_invalid(x, "An attribute has a name of 1 to 128 characters.");
        return NULL;
    }
    if (!i || i->status == INSTANCE_INACTIVE)
        aws_json_error(x, 0, "TargetNotFoundException", "The specified target wasn't found.");
    return i;
}

static void set_attribute(struct plane_instance *i, const json_t *given, bool put)
{
    const char *name = json_str(given, "name");
    json_t *a;
    size_t n;

    json_array_foreach (i->attributes, n, a)
        if (str_eq(json_str(a, "name"), name)) {
            json_array_remove(i->attributes, n);
            break;
        }
    if (!put)
        return;
    a = json_object();
    json_put_str(a, "name", name);
    json_put_str(a, "value", json_str(given, "value"));
    json_array_append_new(i->attributes, a);
}

static json_t *shown_attribute(const json_t *a, const struct plane_instance *i)
{
    json_t *o = json_object();

    json_put_str(o, "name", json_str(a, "name"));
    json_put_str(o, "value", json_str(a, "value"));
    json_put_str(o, "targetType", "container-instance");
    json_put_str(o, "targetId", i->arn);
    return o;
}

static void change_attributes(struct plane *p, struct exchange *x, const json_t *body, bool put)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    json_t *list = c ? ecs_need_list(x, body, "attributes", 10) : NULL, *done, *a;
    size_t n;

    /* all or nothing */
    json_array_foreach (list, n, a)
        if (!target_of(p, x, a, c))
            return;
    if (!list)
        return;
    done = json_array();
    json_array_foreach (list, n, a) {
        struct plane_instance *i = plane_instance(p, c, json_str(a, "targetId"));

        set_attribute(i, a, put);
        i->version++;
        json_array_append_new(done, shown_attribute(a, i));
    }
    ecs_answer_one(x, "attributes", done);
}

void ecs_put_attributes(struct plane *p, struct exchange *x, const json_t *body)
{
    change_attributes(p, x, body, true);
}

void ecs_delete_attributes(struct plane *p, struct exchange *x, const json_t *body)
{
    change_attributes(p, x, body, false);
}

void ecs_list_attributes(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    const char *name = json_str(body, "attributeName"), *value = json_str(body, "attributeValue");
    json_t *list, *a;
    size_t n;
    void *v;

    if (!c)
        return;
    if (!str_eq(json_str(body, "targetType"), "container-instance")) {
        ecs_invalid(x, "targetType has to be container-instance.");
        return;
    }
    list = json_array();
    for (size_t k = 0; map_next(&p->instances, &k, NULL, &v);) {
        const struct plane_instance *i = v;

        if (i->cluster != c || i->status == INSTANCE_INACTIVE)
            continue;
        json_array_foreach (i->attributes, n, a)
            if ((!name || str_eq(json_str(a, "name"), name)) &&
                (!value || str_eq(json_str(a, "value"), value)))
                json_array_append_new(list, shown_attribute(a, i));
    }
    ecs_answer_page(x, body, "attributes", list, PAGE);
}
