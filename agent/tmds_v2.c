/*
 * tmds.h: version 2, for tasks with an elastic network interface: who asks is
 * known by the address that he comes from. A container is told to its own task
 * only (the official agent tells it to any).
 */
#include "agent/tmds_internal.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* The visitor's address without its port. To be freed. */
static char *address_of(const struct http_visit *v)
{
    const char *remote = http_visit_remote(v), *colon = strrchr(remote, ':');

    if (*remote == '[' && colon)
        return xstrndup(remote + 1, (size_t)(colon - remote) - 2);
    return xstrndup(remote, colon ? (size_t)(colon - remote) : strlen(remote));
}

static const struct task *task_at(const struct tmds *t, const char *address)
{
    struct task *task = NULL;

    while ((task = engine_next_task(t->o.engine, task)))
        if (metadata_has_address(task, address))
            return task;
    return NULL;
}

static const struct container *container_of_task(const struct task *task, const char *docker_id)
{
    for (size_t i = 0; i < task->n_containers; i++)
        if (str_eq(task->containers[i].docker_id, docker_id))
            return &task->containers[i];
    return NULL;
}

static void answer_metadata(struct tmds *t, struct http_visit *v, const struct task *task,
                            const char *id, bool tags)
{
    const struct container *c = container_of_task(task, id);

    if (*id && c)
        tmds_json(v, 200, metadata_container(c, METADATA_V2));
    else if (*id)
        tmds_text(v, 400, "Unable to generate metadata for container '%s'", id);
    else if (tags)
        tmds_answer_with_tags(t, v, metadata_task(task, &t->o.instance, METADATA_V2), METADATA_V2);
    else
        tmds_json(v, 200, metadata_task(task, &t->o.instance, METADATA_V2));
}

static void answer_stats(struct http_visit *v, const struct task *task, const char *id)
{
    const struct container *c = *id ? container_of_task(task, id) : NULL;
    json_t *o = NULL;

    if (!*id)
        o = tmds_task_stats(task, METADATA_V2);
    else if (c)
        o = tmds_container_stats(c, METADATA_V2);
    if (o)
        tmds_json(v, 200, o);
    else
        tmds_text(v, 400, "Unable to get container stats for: %s", id);
}

bool tmds_v2(struct tmds *t, struct http_visit *v, const char *path)
{
    const char *metadata = str_after(path, "/v2/metadata"), *stats = str_after(path, "/v2/stats");
    const char *rest = metadata ? metadata : stats;
    bool tags = metadata && str_starts(metadata, "WithTags");
    _cleanup_free_ char *address = NULL;
    const struct task *task;

    if (!rest)
        return false;
    if (tags)
        rest += strlen("WithTags");
    if ((*rest && *rest != '/') || (tags && rest[0] && rest[1]))
        return false;
    if (*rest)
        rest++;
    address = address_of(v);
    task = task_at(t, address);
    if (!task)
        tmds_text(v, 400, "Unable to get task arn from request: unable to associate '%s' with task",
                  address);
    else if (metadata)
        answer_metadata(t, v, task, rest, tags);
    else
        answer_stats(v, task, rest);
    return true;
}
