#include "fakes/ecs/service_history.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/launch.h"
#include "proto/arn.h"

/* s->history is a list of what is shown, newest first, with two members more: "-target" and
 * "-sources", numbers of revisions. s->revisions are shown as they are. */

static char *part_arn(const struct plane *p, const struct plane_service *s, const char *kind,
                      const char *id)
{
    _cleanup_free_ char *below = xasprintf("%s/%s", s->cluster->name, s->name);

    return plane_arn(p, kind, below, id);
}

static char *revision_arn(const struct plane *p, const struct plane_service *s, const char *number)
{
    return part_arn(p, s, "service-revision", number);
}

static json_t *now(const struct plane *p)
{
    return plane_time(loop_wall(&p->world->loop));
}

static bool is_under_way(const json_t *record)
{
    const char *status = json_str(record, "status");

    return str_eq(status, "IN_PROGRESS") || str_eq(status, "ROLLBACK_IN_PROGRESS");
}

static json_t *images(const struct plane_definition *d)
{
    json_t *list = json_array(), *c;
    size_t i;

    json_array_foreach (json_object_get(d->doc, "containerDefinitions"), i, c)
        json_array_append_new(list, json_pack("{s:s*,s:s*}", "containerName", json_str(c, "name"),
                                              "image", json_str(c, "image")));
    return list;
}

static void add_revision(struct plane *p, struct plane_service *s,
                         const struct service_deployment *d)
{
    _cleanup_free_ char *arn = revision_arn(p, s, d->revision);
    json_t *o = json_object();

    json_put_str(o, "serviceRevisionArn", arn);
    json_put_str(o, "serviceArn", s->arn);
    json_put_str(o, "clusterArn", s->cluster->arn);
    json_put_str(o, "taskDefinition", d->definition->arn);
    json_put_str(o, "launchType", json_str(s->given, "launchType"));
    json_put(o, "loadBalancers", json_deep_copy(json_object_get(s->given, "loadBalancers")));
    json_put(o, "serviceRegistries",
             json_deep_copy(json_object_get(s->given, "serviceRegistries")));
    json_put(o, "networkConfiguration",
             json_deep_copy(json_object_get(s->given, "networkConfiguration")));
    json_put(o, "serviceConnectConfiguration", json_deep_copy(s->connect));
    json_put(o, "containerImages", images(d->definition));
    json_put_bool(o, "guardDutyEnabled", false);
    json_put(o, "createdAt", now(p));
    json_array_insert_new(s->revisions, 0, o);
    if (json_array_size(s->revisions) > SERVICE_HISTORY_MAX)
        json_array_remove(s->revisions, SERVICE_HISTORY_MAX);
}

/* --- counts ----------------------------------------------------------------------------- */

static bool has_revision(const struct plane_service *s, const struct plane_task *t,
                         const char *number)
{
    if (!t->launch || t->last == PLANE_TASK_STOPPED || !str_eq(t->launch->service, s->arn))
        return false;
    for (size_t i = 0; i < s->n_deployments; i++)
        if (str_eq(s->deployments[i].revision, number) &&
            str_eq(s->deployments[i].id, t->launch->deployment))
            return true;
    return false;
}

static json_t *revision_counts(const struct plane *p, const struct plane_service *s,
                               const char *number)
{
    _cleanup_free_ char *arn = revision_arn(p, s, number);
    int64_t running = 0, pending = 0, wanted = 0;
    void *v;

    for (size_t i = 0; map_next(&p->tasks, &i, NULL, &v);) {
        const struct plane_task *t = v;

        if (!has_revision(s, t, number))
            continue;
        wanted += t->desired != PLANE_TASK_STOPPED;
        running += t->last == PLANE_TASK_RUNNING;
        pending += t->last < PLANE_TASK_RUNNING && t->desired != PLANE_TASK_STOPPED;
    }
    if (s->n_deployments && str_eq(s->deployments[0].revision, number))
        wanted = s->desired;
    return json_pack("{s:s,s:I,s:I,s:I}", "arn", arn, "requestedTaskCount", (json_int_t)wanted,
                     "runningTaskCount", (json_int_t)running, "pendingTaskCount",
                     (json_int_t)pending);
}

/* The counts of now, in a record or in a copy of one. */
static void count(const struct plane *p, const struct plane_service *s, json_t *record)
{
    json_t *sources = json_array(), *v;
    size_t i;

    json_array_foreach (json_object_get(record, "-sources"), i, v)
        json_array_append_new(sources, revision_counts(p, s, json_string_value(v)));
    json_put(record, "sourceServiceRevisions", sources);
    json_put(record, "targetServiceRevision", revision_counts(p, s, json_str(record, "-target")));
}

/* --- what happens ------------------------------------------------------------------------ */

static int64_t failures(const struct plane_service *s)
{
    return s->n_deployments ? s->deployments[0].failed : 0;
}

static void put_breaker(const struct plane_service *s, json_t *record, const char *status)
{
    json_put(record, "deploymentCircuitBreaker",
             json_pack("{s:s,s:I,s:I}", "status", s->breaker ? status : "DISABLED", "failureCount",
                       (json_int_t)failures(s), "threshold", (json_int_t)service_threshold(s)));
}

static void set_status(struct plane *p, struct plane_service *s, json_t *record, const char *to,
                       const char *why)
{
    _cleanup_free_ char *what =
        xasprintf("service deployment %s", arn_id(json_str(record, "serviceDeploymentArn")));

    journal_state(&p->world->journal, "ecs", what, json_str(record, "status"), to);
    json_put_str(record, "status", to);
    json_put_str(record, "statusReason", why);
    json_put(record, "updatedAt", now(p));
    if (is_under_way(record))
        return;
    count(p, s, record);
    json_put(record, str_eq(to, "STOPPED") ? "stoppedAt" : "finishedAt", now(p));
}

static void begin(struct plane *p, struct plane_service *s)
{
    char id[33];
    _cleanup_free_ char *arn = NULL;
    json_t *o = json_object(), *sources = json_array();

    world_hex(p->world, 16, id);
    id[21] = '\0';
    arn = part_arn(p, s, "service-deployment", id);
    for (size_t i = 1; i < s->n_deployments; i++)
        json_array_append_new(sources, json_string(s->deployments[i].revision));
    json_put_str(o, "serviceDeploymentArn", arn);
    json_put_str(o, "serviceArn", s->arn);
    json_put_str(o, "clusterArn", s->cluster->arn);
    json_put(o, "createdAt", now(p));
    json_put(o, "startedAt", now(p));
    json_put(o, "-sources", sources);
    json_put_str(o, "-target", s->deployments[0].revision);
    json_put(o, "deploymentConfiguration", service_configuration_json(s));
    json_put(
        o, "alarms",
        json_pack("{s:s,s:[],s:[]}", "status", "DISABLED", "alarmNames", "triggeredAlarmNames"));
    json_array_insert_new(s->history, 0, o);
    if (json_array_size(s->history) > SERVICE_HISTORY_MAX)
        json_array_remove(s->history, SERVICE_HISTORY_MAX);
    put_breaker(s, o, "MONITORING");
    set_status(p, s, o, "IN_PROGRESS", NULL);
}

void history_deployed(struct plane *p, struct plane_service *s)
{
    struct service_deployment *d = s->deployments;
    json_t *last = json_array_get(s->history, 0);

    if (str_eq(json_str(last, "status"), "ROLLBACK_IN_PROGRESS") && s->going_back) {
        s->going_back = false;
        d->revision = xstrdup(s->completed_revision);
        return;
    }
    if (last && is_under_way(last))
        set_status(p, s, last, "STOPPED", "Service deployment was replaced by a newer one.");
    d->revision = xstrdup(str_after(d->id, "ecs-svc/"));
    add_revision(p, s, d);
    begin(p, s);
}

void history_completed(struct plane *p, struct plane_service *s)
{
    json_t *last = json_array_get(s->history, 0);

    free(s->completed_revision);
    s->completed_revision = xstrdup(s->deployments[0].revision);
    if (!last || !is_under_way(last))
        return;
    if (str_eq(json_str(last, "status"), "ROLLBACK_IN_PROGRESS")) {
        set_status(p, s, last, "ROLLBACK_SUCCESSFUL",
                   json_at(last, "rollback") ? json_str(json_object_get(last, "rollback"), "reason")
                                             : NULL);
        return;
    }
    put_breaker(s, last, "MONITORING_COMPLETE");
    set_status(p, s, last, "SUCCESSFUL", NULL);
}

void history_failed(struct plane *p, struct plane_service *s, bool back, const char *reason)
{
    json_t *last = json_array_get(s->history, 0);
    _cleanup_free_ char *arn = NULL;

    if (!last || !str_eq(json_str(last, "status"), "IN_PROGRESS"))
        return;
    if (failures(s) >= service_threshold(s))
        put_breaker(s, last, "TRIGGERED");
    if (!back) {
        set_status(p, s, last, "STOPPED", reason);
        return;
    }
    arn = revision_arn(p, s, s->completed_revision);
    json_put(last, "rollback",
             json_pack("{s:s,s:o,s:s}", "reason", reason, "startedAt", now(p), "serviceRevisionArn",
                       arn));
    s->going_back = true;
    set_status(p, s, last, "ROLLBACK_IN_PROGRESS", reason);
}

/* --- shown ------------------------------------------------------------------------------- */

/* The member of a list of what services have whose ARN is this; *ret_s is its service. */
static json_t *find(const struct plane *p, const char *arn, bool revision,
                    struct plane_service **ret_s)
{
    const char *member = revision ? "serviceRevisionArn" : "serviceDeploymentArn";
    void *v;

    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);) {
        struct plane_service *s = v;
        json_t *one;
        size_t k;

        json_array_foreach (revision ? s->revisions : s->history, k, one)
            if (str_eq(json_str(one, member), arn)) {
                *ret_s = s;
                return one;
            }
    }
    return NULL;
}

static json_t *shown(const struct plane *p, const struct plane_service *s, const json_t *record)
{
    json_t *o = json_deep_copy(record);

    if (is_under_way(record)) {
        count(p, s, o);
        json_put_str(o, "lifecycleStage", "SCALE_UP");
    }
    json_object_del(o, "-sources");
    json_object_del(o, "-target");
    return o;
}

json_t *history_deployment(const struct plane *p, const char *arn)
{
    struct plane_service *s;
    const json_t *record = find(p, arn, false, &s);

    return record ? shown(p, s, record) : NULL;
}

json_t *history_revision(const struct plane *p, const char *arn)
{
    struct plane_service *s;

    return json_deep_copy(find(p, arn, true, &s));
}

static bool has_word(const json_t *words, const char *word)
{
    const json_t *v;
    size_t i;

    json_array_foreach (words, i, v)
        if (str_eq(json_string_value(v), word))
            return true;
    return false;
}

json_t *history_list(const struct plane *p, const struct plane_service *s, const json_t *statuses,
                     double after, double before)
{
    static const char *const members[] = {
        "serviceDeploymentArn", "serviceArn", "clusterArn",  "startedAt", "createdAt",
        "finishedAt",           "status",     "statusReason"};
    json_t *list = json_array(), *record;
    size_t i;

    json_array_foreach (s->history, i, record) {
        double at = json_number_value(json_object_get(record, "createdAt"));
        _cleanup_free_ char *target = revision_arn(p, s, json_str(record, "-target"));
        json_t *o;

        if ((json_array_size(statuses) && !has_word(statuses, json_str(record, "status"))) ||
            at < after || (before > 0 && at > before))
            continue;
        o = json_object();
        for (size_t k = 0; k < ARRAY_SIZE(members); k++)
            json_put(o, members[k], json_deep_copy(json_object_get(record, members[k])));
        json_put_str(o, "targetServiceRevisionArn", target);
        json_array_append_new(list, o);
    }
    return list;
}

struct plane_service *history_under_way(const struct plane *p, const char *arn)
{
    struct plane_service *s;
    const json_t *record = find(p, arn, false, &s);

    return record && record == json_array_get(s->history, 0) &&
                   str_eq(json_str(record, "status"), "IN_PROGRESS")
               ? s
               : NULL;
}

void history_current(const struct plane *p, const struct plane_service *s, json_t *service)
{
    const json_t *last = json_array_get(s->history, 0);
    json_t *list = json_array();

    for (size_t i = 0; i < s->n_deployments; i++)
        json_array_append_new(list, revision_counts(p, s, s->deployments[i].revision));
    json_put_str(service, "currentServiceDeployment", json_str(last, "serviceDeploymentArn"));
    json_put(service, "currentServiceRevisions", list);
}
