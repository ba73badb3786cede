/*
 * Telemetry of the tasks, in the members of TCS's requests.
 */
#include "agent/engine_internal.h"
#include "base/mem.h"
#include "base/str.h"

static json_t *task_head(const struct engine *en, const struct task *t)
{
    json_t *o = json_object();

    json_put_str(o, "taskArn", t->arn);
    json_put_str(o, "clusterArn", *t->cluster_arn ? t->cluster_arn : engine_cluster(en));
    json_put_str(o, "taskDefinitionFamily", t->family);
    json_put_str(o, "taskDefinitionVersion", t->version);
    return o;
}

/* Those since the last time. */
static void put_restarts(struct container *c, json_t *o)
{
    json_t *set = json_object();

    json_put_int(set, "restartCount", c->restarts - c->work->restarts_told);
    json_put(o, "restartStatsSet", set);
    c->work->restarts_told = c->restarts;
}

static json_t *container_metric(struct container *c)
{
    json_t *o = json_object();
    bool network = !str_eq(c->task->network_mode, "host") && !str_eq(c->task->network_mode, "none");

    json_put_str(o, "containerName", c->name);
    json_put_str(o, "containerArn", json_str(c->spec, "containerArn"));
    if (stats_set_take(&c->work->samples, network, o)) {
        if (c->restart.enabled)
            put_restarts(c, o);
        return o;
    }
    json_decref(o);
    return NULL;
}

json_t *engine_collect_metrics(struct engine *en)
{
    json_t *list = json_array();
    struct task *t = NULL;

    while ((t = engine_next_task(en, t))) {
        json_t *metrics = json_array(), *o;

        for (size_t i = 0; i < t->n_containers; i++) {
            json_t *m = t->containers[i].known == CONTAINER_STOPPED
                            ? NULL
                            : container_metric(&t->containers[i]);

            if (m)
                json_array_append_new(metrics, m);
        }
        if (json_array_size(metrics) == 0) {
            json_decref(metrics);
            continue;
        }
        o = task_head(en, t);
        json_put(o, "containerMetrics", metrics);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *container_health(const struct container *c)
{
    static const char *const words[DOCKER_HEALTH_MAX] = {
        [DOCKER_HEALTH_NONE] = "UNKNOWN",
        [DOCKER_HEALTH_STARTING] = "UNKNOWN",
        [DOCKER_HEALTH_HEALTHY] = "HEALTHY",
        [DOCKER_HEALTH_UNHEALTHY] = "UNHEALTHY",
    };
    json_t *o = json_object();

    json_put_str(o, "containerName", c->name);
    json_put_str(o, "healthStatus", words[c->health]);
    if (c->health_since)
        json_put(o, "statusSince", json_real((double)(c->health_since / NS_PER_MS) / 1000.0));
    if (c->health_output && c->health == DOCKER_HEALTH_UNHEALTHY)
        json_put_str(o, "statusMessage", c->health_output);
    return o;
}

json_t *engine_collect_health(struct engine *en)
{
    json_t *list = json_array();
    struct task *t = NULL;

    while ((t = engine_next_task(en, t))) {
        json_t *containers = json_array(), *o;

        for (size_t i = 0; i < t->n_containers; i++)
            if (t->containers[i].health_checked && t->containers[i].known == CONTAINER_RUNNING)
                json_array_append_new(containers, container_health(&t->containers[i]));
        if (json_array_size(containers) == 0) {
            json_decref(containers);
            continue;
        }
        o = task_head(en, t);
        json_put(o, "containers", containers);
        json_array_append_new(list, o);
    }
    return list;
}
