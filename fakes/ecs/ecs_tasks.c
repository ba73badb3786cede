/* ecs_calls.h: tasks that are there: what they are, their protection, commands in them. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/service.h"

#define PAGE            100
#define DESCRIBE_MAX    100
#define PROTECT_MAX     10
#define PROTECT_MINUTES 120
#define PROTECT_LONGEST 2880

static json_t *describe_one(struct plane *p, struct plane_cluster *c, const char *name,
                            const json_t *body, const char **ret_why)
{
    const struct plane_task *t = plane_task(p, c, name);

    (void)ret_why;
    return t ? plane_task_json(p, t, ecs_includes(body, "TAGS")) : NULL;
}

void ecs_describe_tasks(struct plane *p, struct exchange *x, const json_t *body)
{
    static const struct ecs_each each = {"tasks", "tasks", "task", DESCRIBE_MAX, describe_one};

    ecs_answer_each(p, x, body, &each);
}

void ecs_list_tasks(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    const char *desired = json_str(body, "desiredStatus"), *family = json_str(body, "family");
    const char *instance = json_str(body, "containerInstance");
    const char *by = json_str(body, "startedBy"), *service = json_str(body, "serviceName");
    const char *type = json_str(body, "launchType");
    const struct plane_service *s = NULL;
    struct plane_instance *i = c && instance ? plane_instance(p, c, instance) : NULL;
    json_t *arns;
    void *v;

    if (!c)
        return;
    if (instance && !i) {
        aws_json_error(x, 0, "InvalidParameterException",
                       "The referenced container instance was not found.");
        return;
    }
    if (service && !(s = service_find(p, c, service))) {
        aws_json_error(x, 0, "ServiceNotFoundException", "Service not found.");
        return;
    }
    arns = json_array();
    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        const struct plane_task *t = v;
        const struct plane_launch *l = t->launch;

        if (t->cluster == c && (!i || str_eq(t->instance_arn, i->arn)) &&
            (!family || str_eq(t->family, family)) && (!type || str_eq(t->launch_type, type)) &&
            (!by || (l && str_eq(l->started_by, by))) &&
            (!s || (l && str_eq(l->service, s->arn))) &&
            str_eq(plane_task_status_name(t->desired), desired ? desired : "RUNNING"))
            json_array_append_new(arns, json_string(t->arn));
    }
    ecs_answer_page(x, body, "taskArns", arns, PAGE);
}

/* --- protection ------------------------------------------------------------------------ */

static json_t *protection_json(const struct plane *p, const struct plane_task *t)
{
    const struct plane_launch *l = t->launch;
    bool on = l->protect && l->protect_until > loop_wall(&p->world->loop);
    json_t *o = json_object();

    json_put_str(o, "taskArn", t->arn);
    json_put_bool(o, "protectionEnabled", on);
    if (on)
        json_put(o, "expirationDate", plane_time(l->protect_until));
    return o;
}

/* Why a task has no protection: the failure's reason, its detail in ret; NULL: it has. */
static const char *no_protection(const struct plane_task *t, const char **ret_detail)
{
    *ret_detail = NULL;
    if (!t)
        return "MISSING";
    *ret_detail = "The specified task is not part of a service.";
    if (!t->launch || !t->launch->service)
        return "TASK_NOT_VALID";
    *ret_detail = "The specified task is stopping or has stopped.";
    return t->desired == PLANE_TASK_STOPPED ? "TASK_NOT_VALID" : NULL;
}

static void change_protection(struct plane *p, struct plane_task *t, const json_t *body)
{
    int64_t minutes = json_int(body, "expiresInMinutes", PROTECT_MINUTES);
    bool on = json_bool(body, "protectionEnabled", false);
    char *what;

    if (t->launch->protect != on) {
        what = xasprintf("protection of task %s", t->id);
        journal_state(&p->world->journal, "ecs", what, on ? "off" : "on", on ? "on" : "off");
        free(what);
    }
    t->launch->protect = on;
    t->launch->protect_until = loop_wall(&p->world->loop) + minutes * 60 * NS_PER_S;
    if (!on)
        service_kick(p); /* what it held up may go on */
}

static void answer_protection(struct plane *p, struct exchange *x, const json_t *body,
                              const struct plane_cluster *c, bool change)
{
    json_t *found = json_array(), *failures = json_array(), *name;
    size_t k;

    json_array_foreach (json_object_get(body, "tasks"), k, name) {
        struct plane_task *t = plane_task(p, c, json_string_value(name));
        const char *detail, *why = no_protection(t, &detail);

        if (why) {
            ecs_add_missing(failures, "task", c, json_string_value(name), why);
            json_put_str(json_array_get(failures, json_array_size(failures) - 1), "detail", detail);
            continue;
        }
        if (change)
            change_protection(p, t, body);
        json_array_append_new(found, protection_json(p, t));
    }
    ecs_answer_found(x, "protectedTasks", found, failures);
}

void ecs_get_protection(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");

    if (c && ecs_need_list(x, body, "tasks", DESCRIBE_MAX))
        answer_protection(p, x, body, c, false);
}

void ecs_update_protection(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    int64_t minutes = json_int(body, "expiresInMinutes", PROTECT_MINUTES);

    if (!c || !ecs_need_list(x, body, "tasks", PROTECT_MAX))
        return;
    if (!json_is_boolean(json_object_get(body, "protectionEnabled")))
        ecs_invalid(x, "protectionEnabled can not be null.");
    else if (minutes < 1 || minutes > PROTECT_LONGEST)
        ecs_invalid(x, "expiresInMinutes has to be 1 to %d.", PROTECT_LONGEST);
    else
        answer_protection(p, x, body, c, true);
}

/* --- ExecuteCommand: the control side -------------------------------------------------- */

static bool agent_runs(const struct plane_task *t, const char *container)
{
    json_t *m;
    size_t i;

    json_array_foreach (t->managed_agents, i, m)
        if (str_eq(json_str(m, "containerName"), container) &&
            str_eq(json_str(m, "managedAgentName"), "ExecuteCommandAgent") &&
            str_eq(json_str(m, "status"), "RUNNING"))
            return true;
    return false;
}

static void answer_session(struct plane *p, struct exchange *x, const struct plane_task *t,
                           const char *container)
{
    struct world *w = p->world;
    _cleanup_free_ char *session = NULL, *url = NULL;
    char hex[18], token[65];
    json_t *o = json_object();

    world_hex(w, 8, hex);
    world_hex(w, 32, token);
    session = xasprintf("ecs-execute-command-0%s", hex);
    url = xasprintf("wss://ssmmessages.%s.amazonaws.com/v1/data-channel/%s?role=publish_subscribe",
                    w->id.region, session);
    json_put_str(o, "clusterArn", t->cluster->arn);
    json_put_str(o, "containerArn",
                 json_str(json_object_get(t->containers, container), "containerArn"));
    json_put_str(o, "containerName", container);
    json_put_bool(o, "interactive", true);
    json_put(
        o, "session",
        json_pack("{s:s,s:s,s:s}", "sessionId", session, "streamUrl", url, "tokenValue", token));
    json_put_str(o, "taskArn", t->arn);
    aws_json_answer(x, o);
}

void ecs_execute_command(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_task *t = c ? plane_task(p, c, json_str(body, "task")) : NULL;
    const char *container = json_str(body, "container");

    if (!c)
        return;
    if (!t || t->last == PLANE_TASK_STOPPED) {
        ecs_invalid(x, "The referenced task was not found.");
        return;
    }
    if (!json_bool(body, "interactive", false)) {
        ecs_invalid(x, "Interactive is the only mode supported currently.");
        return;
    }
    if (!container && json_object_size(t->containers) == 1)
        container = json_object_iter_key(json_object_iter(t->containers));
    if (!container || !json_object_get(t->containers, container))
        ecs_invalid(x, "The container %s was not found in the task.", container ? container : "");
    else if (!t->launch || !t->launch->exec || !agent_runs(t, container))
        ecs_invalid(x, "The execute command failed because execute command was not enabled when "
                       "the task was run or the execute command agent isn\xe2\x80\x99t running. "
                       "Wait and try again or run a new task with execute command enabled and try "
                       "again.");
    else
        answer_session(p, x, t, container);
}
