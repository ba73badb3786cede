#include "fakes/ecs/service_sets.h"

#include "base/mem.h"
#include "base/str.h"

const struct service_deployment *service_primary(const struct plane_service *s)
{
    for (size_t i = 0; i < s->n_deployments; i++)
        if (s->deployments[i].primary)
            return &s->deployments[i];
    return NULL;
}

struct service_deployment *service_find_set(const struct plane_service *s, const char *name)
{
    for (size_t i = 0; name && i < s->n_deployments; i++) {
        struct service_deployment *d = &s->deployments[i];

        if (d->set && (str_eq(d->id, name) || str_eq(d->set->arn, name)))
            return d;
    }
    return NULL;
}

json_t *service_set_json(const struct plane *p, const struct plane_service *s,
                         const struct service_deployment *d, bool tags)
{
    struct service_tally n = service_tally(p, s, d);
    json_t *o = json_deep_copy(d->set->given);

    json_put_str(o, "id", d->id);
    json_put_str(o, "taskSetArn", d->set->arn);
    json_put_str(o, "serviceArn", s->arn);
    json_put_str(o, "clusterArn", s->cluster->arn);
    json_put_str(o, "status", d->set->leaving ? "DRAINING" : d->primary ? "PRIMARY" : "ACTIVE");
    json_put_str(o, "taskDefinition", d->definition->arn);
    json_put_int(o, "computedDesiredCount", service_set_count(s, d));
    json_put_int(o, "pendingCount", n.pending);
    json_put_int(o, "runningCount", n.running);
    json_put(o, "createdAt", plane_time(d->created_at));
    json_put(o, "updatedAt", plane_time(d->updated_at));
    json_put(o, "scale", json_pack("{s:f,s:s}", "value", d->set->scale, "unit", "PERCENT"));
    json_put_str(o, "stabilityStatus", d->set->steady ? "STEADY_STATE" : "STABILIZING");
    json_put(o, "stabilityStatusAt", plane_time(d->set->steady_at));
    if (tags)
        json_put(o, "tags", json_deep_copy(d->set->tags));
    return o;
}
