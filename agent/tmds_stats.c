/* tmds.h: what containers use, as Docker said it last. */
#include "agent/tmds_internal.h"
#include "agent/wire.h"

static json_t *rates(const struct engine_stats *s)
{
    json_t *o = json_object();

    json_put(o, "rx_bytes_per_sec", wire_real(s->rx_per_s));
    json_put(o, "tx_bytes_per_sec", wire_real(s->tx_per_s));
    return o;
}

json_t *tmds_container_stats(const struct container *c, enum metadata_version version)
{
    struct engine_stats s;
    json_t *o;

    if (!engine_container_stats(c, &s))
        return NULL;
    if (!s.sample)
        return version >= METADATA_V4 ? json_object() : json_null();
    o = s.sample;
    if (version >= METADATA_V4 && s.rated)
        json_put(o, "network_rate_stats", rates(&s));
    return o;
}

/* One that is not watched is there too, with nothing to tell. */
json_t *tmds_task_stats(const struct task *task, enum metadata_version version)
{
    json_t *all = json_object();

    for (size_t i = 0; i < task->n_containers; i++) {
        const struct container *c = &task->containers[i];
        json_t *one = c->docker_id ? tmds_container_stats(c, version) : NULL;

        if (c->docker_id && !one)
            one = version >= METADATA_V4 ? json_object() : json_null();
        if (one)
            json_object_set_new(all, c->docker_id, one);
    }
    return all;
}
