/*
 * tmds.h: versions 3 and 4, asked by the endpoint id. They differ in what an
 * unknown id is answered: 404 by 4, 500 or (statistics, associations) 400 by 3.
 */
#include "agent/tmds_internal.h"
#include "base/str.h"

struct question {
    struct tmds *t;
    struct http_visit *v;
    enum metadata_version version;
    const struct container *c;
};

/* What could not be found, in the words of either version. */
static void answer_unknown(const struct question *q, const char *what, const char *id, int status,
                           bool container)
{
    tmds_text(q->v, q->version == METADATA_V4 ? 404 : status,
              "V%d %s handler: unable to get %s from request: unable to get %s from v3 endpoint "
              "ID: %s",
              (int)q->version, what, container ? "container ID" : "task arn",
              container ? "docker ID" : "task Arn", id);
}

static void answer_container(const struct question *q)
{
    json_t *o = metadata_container(q->c, q->version);

    if (o)
        tmds_json(q->v, 200, o);
    else
        tmds_text(q->v, 500, "%s network response for container '%s'",
                  q->version == METADATA_V4 ? "unable to generate" : "Unable to generate",
                  q->c->docker_id);
}

static void answer_task(const struct question *q, bool tags)
{
    json_t *o = metadata_task(q->c->task, &q->t->o.instance, q->version);

    if (!o)
        tmds_text(q->v, 500, "Unable to generate network response for container '%s'",
                  q->c->docker_id);
    else if (tags)
        tmds_answer_with_tags(q->t, q->v, o, q->version);
    else
        tmds_json(q->v, 200, o);
}

static void answer_stats(const struct question *q)
{
    json_t *o = tmds_container_stats(q->c, q->version);

    if (o)
        tmds_json(q->v, 200, o);
    else
        tmds_text(q->v, q->version == METADATA_V4 ? 500 : 400,
                  "Unable to get container stats for: %s", q->c->docker_id);
}

static void answer_associations(const struct question *q, const char *type)
{
    json_t *o = json_object();

    json_put(o, "Associations", metadata_associations(q->c, type));
    tmds_json(q->v, 200, o);
}

/* Its content is what the service sent, not looked at. */
static void answer_association(const struct question *q, const char *type, const char *name)
{
    const char *content = metadata_association(q->c->task, type, name);

    if (content)
        http_visit_answer(q->v, 200, HTTP_TYPE_JSON, strdup(content), strlen(content));
    else
        tmds_text(q->v, 400,
                  "Unable to write container association response: unable to get association from "
                  "association type %s and association name %s",
                  type, name);
}

/* "" when the path has not so many parts. */
static const char *part(const struct tmds_path *p, size_t i)
{
    return i < p->n ? p->part[i] : "";
}

static bool on_associations(const struct question *q, const struct tmds_path *p, const char *name)
{
    if (p->n < 4)
        return false;
    if (!q->c)
        tmds_text(
            q->v, 400,
            "V%d container associations handler: unable to get %s from request: unable to get "
            "%s from v3 endpoint ID: %s",
            (int)q->version, p->n == 4 ? "container id" : "task arn",
            p->n == 4 ? "docker ID" : "task Arn", p->part[1]);
    else if (p->n == 4)
        answer_associations(q, p->part[3]);
    else if (!*name)
        tmds_text(q->v, 400,
                  "V%d container associations handler: unable to get association name from request",
                  (int)q->version);
    else
        answer_association(q, p->part[3], name);
    return true;
}

/* Everything behind "associations/TYPE/", slashes too. */
static const char *association_name(const struct http_visit *v, const struct tmds_path *p)
{
    size_t skip = 0;

    if (p->n < 5)
        return "";
    for (size_t i = 0; i < 4; i++)
        skip += strlen(p->part[i]) + 1;
    return http_visit_path(v) + skip + 1;
}

bool tmds_v34(struct tmds *t, struct http_visit *v, const struct tmds_path *p,
              enum metadata_version version)
{
    const char *id = p->part[1], *what = part(p, 2), *more = part(p, 3);
    const struct question q = {t, v, version, engine_find_endpoint(t->o.engine, id)};
    bool stats = str_eq(what, "stats"), task = str_eq(what, "task");
    bool task_stats = task && p->n == 4 && str_eq(more, "stats");

    if (str_eq(what, "associations"))
        return on_associations(&q, p, association_name(v, p));
    if (p->n > 3 && !task_stats)
        return false;
    if (p->n == 2) {
        if (q.c)
            answer_container(&q);
        else
            answer_unknown(&q, "container metadata", id, 500, true);
    } else if (stats || task_stats) {
        if (!q.c)
            answer_unknown(&q, stats ? "container stats" : "task stats", id, 400, false);
        else if (stats)
            answer_stats(&q);
        else
            tmds_json(v, 200, tmds_task_stats(q.c->task, version));
    } else if (task || str_eq(what, "taskWithTags")) {
        if (q.c)
            answer_task(&q, !task);
        else
            answer_unknown(&q, "task metadata", id, 500, false);
    } else {
        return false;
    }
    return true;
}
