/* service.h: services as DescribeServices shows them. */
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/service_history.h"
#include "fakes/ecs/service_sets.h"

static json_t *deployment_json(const struct plane *p, const struct plane_service *s,
                               const struct service_deployment *d)
{
    struct service_tally n = service_tally(p, s, d);
    json_t *o = json_object();

    json_put_str(o, "id", d->id);
    json_put_str(o, "status", d->primary ? "PRIMARY" : "ACTIVE");
    json_put_str(o, "taskDefinition", d->definition->arn);
    json_put_int(o, "desiredCount", d->primary ? s->desired : n.wanted);
    json_put_int(o, "pendingCount", n.pending);
    json_put_int(o, "runningCount", n.running);
    json_put_int(o, "failedTasks", d->failed);
    json_put(o, "createdAt", plane_time(d->created_at));
    json_put(o, "updatedAt", plane_time(d->updated_at));
    json_put_str(o, "launchType", json_str(s->given, "launchType"));
    json_put(o, "networkConfiguration",
             json_deep_copy(json_object_get(s->given, "networkConfiguration")));
    json_put(o, "serviceConnectConfiguration", json_deep_copy(s->connect));
    json_put_str(o, "rolloutState", d->rollout);
    json_put_str(o, "rolloutStateReason", d->rollout_reason);
    return o;
}

json_t *service_configuration_json(const struct plane_service *s)
{
    return json_pack("{s:{s:b,s:b},s:I,s:I}", "deploymentCircuitBreaker", "enable", s->breaker,
                     "rollback", s->rollback, "maximumPercent", s->max_percent,
                     "minimumHealthyPercent", s->min_percent);
}

json_t *service_json(const struct plane *p, const struct plane_service *s, bool tags)
{
    struct service_tally n = service_tally(p, s, NULL);
    json_t *o = json_object(), *deployments = json_array(), *sets = json_array();
    const struct service_deployment *first = service_primary(s);

    for (size_t i = 0; !str_eq(s->status, "INACTIVE") && i < s->n_deployments; i++)
        if (s->deployments[i].set)
            json_array_append_new(sets, service_set_json(p, s, &s->deployments[i], tags));
        else
            json_array_append_new(deployments, deployment_json(p, s, &s->deployments[i]));
    json_put_str(o, "serviceArn", s->arn);
    json_put_str(o, "serviceName", s->name);
    json_put_str(o, "clusterArn", s->cluster->arn);
    json_put(o, "loadBalancers", json_array());
    json_put(o, "serviceRegistries", json_array());
    json_put_str(o, "status", s->status);
    json_put_int(o, "desiredCount", s->desired);
    json_put_int(o, "runningCount", n.running);
    json_put_int(o, "pendingCount", n.pending);
    json_put_str(o, "taskDefinition", first ? first->definition->arn : NULL);
    json_put(o, "deploymentConfiguration", service_configuration_json(s));
    json_put(o, "deployments", deployments);
    if (s->external)
        json_put(o, "taskSets", sets);
    else
        json_decref(sets);
    json_put(o, "events", json_deep_copy(s->events));
    json_put(o, "createdAt", plane_time(s->created_at));
    json_put_str(o, "schedulingStrategy", s->daemon ? "DAEMON" : "REPLICA");
    json_put_bool(o, "enableECSManagedTags", s->managed_tags);
    json_put_bool(o, "enableExecuteCommand", s->exec);
    json_put(o, "placementConstraints", json_array());
    json_put(o, "placementStrategy", json_array());
    json_object_update(o, s->given);
    if (!s->external)
        history_current(p, s, o);
    if (tags)
        json_put(o, "tags", json_deep_copy(s->tags));
    return o;
}
