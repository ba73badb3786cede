/* ecs_calls.h: RunTask, StartTask, StopTask. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/place.h"

#define COUNT_MAX      10
#define STARTED_BY_MAX 128
#define RUN_TOKENS_MAX 10000

/* --- what both check ------------------------------------------------------------------- */

struct plane_definition *ecs_definition(struct plane *p, struct exchange *x, const json_t *body,
                                        const char *missing)
{
    struct plane_definition *d = definition_find(p, json_str(body, "taskDefinition"));

    if (!json_str(body, "taskDefinition"))
        ecs_invalid(x, "%s", missing);
    else if (!d)
        aws_json_error(x, 0, "ClientException", "TaskDefinition not found.");
    else if (d->status != DEFINITION_ACTIVE) {
        aws_json_error(x, 0, "ClientException", "TaskDefinition is inactive");
        return NULL;
    }
    return d;
}

static int check_overrides(struct exchange *x, const struct plane_definition *d, const json_t *body)
{
    json_t *o;
    size_t i;

    json_array_foreach (json_at(body, "overrides.containerOverrides"), i, o) {
        const char *name = json_str(o, "name");

        if (!name || !definition_container(d, name)) {
            ecs_invalid(x,
                        "Override for container named %s is not a container in the "
                        "TaskDefinition.",
                        name ? name : "null");
            return -1;
        }
    }
    return 0;
}

static int check_network(struct exchange *x, const struct plane_definition *d, const json_t *body)
{
    bool awsvpc = str_eq(json_str(d->doc, "networkMode"), "awsvpc");
    bool given = json_is_object(json_object_get(body, "networkConfiguration"));

    if (awsvpc && !given)
        ecs_invalid(x, "Network Configuration must be provided when networkMode 'awsvpc' is "
                       "specified.");
    else if (!awsvpc && given)
        ecs_invalid(x, "Network Configuration is not valid for the given networkMode of this task "
                       "definition.");
    else
        return 0;
    return -1;
}

static int check_common(struct exchange *x, const struct plane_definition *d, const json_t *body)
{
    const char *by = json_str(body, "startedBy"), *type = json_str(body, "launchType");

    if (by && strlen(by) > STARTED_BY_MAX) {
        ecs_invalid(x, "startedBy can be at most %d characters long.", STARTED_BY_MAX);
        return -1;
    }
    if (type && !str_eq(type, "EC2") && !str_eq(type, "EXTERNAL")) {
        ecs_invalid(x, "The launch type %s is not offered here: tasks run on container instances.",
                    type);
        return -1;
    }
    if (ecs_refuse_strategy(x, body) || ecs_refuse_volumes(x, body) ||
        check_overrides(x, d, body) < 0 || check_network(x, d, body) < 0)
        return -1;
    return ecs_check_tags(x, json_object_get(body, "tags")) ? 0 : -1;
}

static struct launch_order order_of(struct plane_cluster *c, struct plane_definition *d,
                                    const json_t *body)
{
    const json_t *tags = json_object_get(body, "tags");

    if (!tags && str_eq(json_str(body, "propagateTags"), "TASK_DEFINITION"))
        tags = d->tags;
    return (struct launch_order){.cluster = c,
                                 .definition = d,
                                 .group = json_str(body, "group"),
                                 .started_by = json_str(body, "startedBy"),
                                 .reference_id = json_str(body, "referenceId"),
                                 .launch_type = json_str(body, "launchType"),
                                 .overrides = json_object_get(body, "overrides"),
                                 .tags = tags,
                                 .exec = json_bool(body, "enableExecuteCommand", false)};
}

/* --- RunTask --------------------------------------------------------------------------- */

static bool has_instances(const struct plane *p, const struct plane_cluster *c)
{
    void *v;

    for (size_t i = 0; map_next(&p->instances, &i, NULL, &v);) {
        const struct plane_instance *inst = v;

        if (inst->cluster == c && inst->status == INSTANCE_ACTIVE)
            return true;
    }
    return false;
}

/* The answer of the call that came with this token before; false: go on. */
static bool answered_before(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *token = json_str(body, "clientToken");
    const json_t *known = token ? map_get(&p->run_tokens, token) : NULL;

    if (!known)
        return false;
    if (json_equal(json_object_get(known, "request"), body))
        aws_json_answer(x, json_deep_copy(json_object_get(known, "answer")));
    else
        aws_json_error(x, 0, "ConflictException",
                       "The clientToken was used before, with other parameters.");
    return true;
}

static void remember(struct plane *p, const json_t *body, json_t *answer)
{
    const char *token = json_str(body, "clientToken");

    if (token && map_count(&p->run_tokens) < RUN_TOKENS_MAX)
        map_set(&p->run_tokens, token,
                json_pack("{s:o,s:o}", "request", json_deep_copy(body), "answer",
                          json_deep_copy(answer)));
}

static int place_of(struct exchange *x, struct place *need, const struct launch_order *o,
                    const json_t *body, const char *group)
{
    struct err e = ERR_INIT;

    place_need(need, o->definition, o->overrides);
    need->group = group;
    if (place_constrain(need, json_object_get(o->definition->doc, "placementConstraints"), &e) ==
            0 &&
        place_constrain(need, json_object_get(body, "placementConstraints"), &e) == 0 &&
        place_by(need, json_object_get(body, "placementStrategy"), &e) == 0)
        return 0;
    ecs_invalid(x, "%s", e.text);
    return -1;
}

static void run(struct plane *p, struct exchange *x, const json_t *body, struct launch_order *o)
{
    _cleanup_free_ char *family = xasprintf("family:%s", o->definition->family->name);
    int64_t count = json_int(body, "count", 1);
    json_t *tasks, *failures, *answer;
    struct place need = {0};

    if (place_of(x, &need, o, body, o->group ? o->group : family) < 0) {
        place_release(&need);
        return;
    }
    tasks = json_array();
    failures = json_array();
    for (; count > 0; count--) {
        struct plane_instance *i = place_choose(p, &need, o->cluster, failures);
        struct plane_task *t = i ? launch_task(p, o, i) : NULL;

        if (t)
            json_array_append_new(tasks, plane_task_json(p, t, true));
        if (!i)
            break;
    }
    place_release(&need);
    answer = json_pack("{s:o,s:o}", "tasks", tasks, "failures", failures);
    remember(p, body, answer);
    aws_json_answer(x, answer);
}

void ecs_run_task(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_definition *d =
        c ? ecs_definition(p, x, body, "taskDefinition can not be null.") : NULL;
    int64_t count = json_int(body, "count", 1);
    struct launch_order o;

    if (!d || check_common(x, d, body) < 0 || answered_before(p, x, body))
        return;
    if (count < 1 || count > COUNT_MAX) {
        ecs_invalid(x, "count has to be 1 to %d.", COUNT_MAX);
        return;
    }
    if (!has_instances(p, c)) {
        ecs_invalid(x, "No Container Instances were found in your cluster.");
        return;
    }
    o = order_of(c, d, body);
    run(p, x, body, &o);
}

/* --- StartTask ------------------------------------------------------------------------- */

void ecs_start_task(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_definition *d =
        c ? ecs_definition(p, x, body, "taskDefinition can not be null.") : NULL;
    json_t *names = d ? ecs_need_list(x, body, "containerInstances", COUNT_MAX) : NULL;
    json_t *tasks, *failures, *name;
    struct launch_order o;
    struct place need = {0};
    size_t k;

    if (!names || check_common(x, d, body) < 0)
        return;
    o = order_of(c, d, body);
    tasks = json_array();
    failures = json_array();
    place_need(&need, d, o.overrides);
    json_array_foreach (names, k, name) {
        struct plane_instance *i = plane_instance(p, c, json_string_value(name));
        const char *why = i ? place_refused(p, &need, i) : "MISSING";
        struct plane_task *t = why ? NULL : launch_task(p, &o, i);

        if (t)
            json_array_append_new(tasks, plane_task_json(p, t, true));
        else if (why)
            ecs_add_missing(failures, "container-instance", c, json_string_value(name), why);
    }
    place_release(&need);
    ecs_answer_found(x, "tasks", tasks, failures);
}

/* --- StopTask -------------------------------------------------------------------------- */

void ecs_stop_task(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_task *t = c ? plane_task(p, c, json_str(body, "task")) : NULL;
    const char *reason = json_str(body, "reason");

    if (!c)
        return;
    if (!json_str(body, "task")) {
        ecs_invalid(x, "Task can not be null.");
        return;
    }
    if (!t) {
        ecs_invalid(x, "The referenced task was not found.");
        return;
    }
    launch_stop(p, t, "UserInitiated", reason ? reason : "Task stopped by user");
    ecs_answer_one(x, "task", plane_task_json(p, t, true));
}
