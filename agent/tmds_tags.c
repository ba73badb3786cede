/*
 * tmds.h: ...WithTags. The service is asked twice, for the tags of the instance
 * and for those of the task; what it does not tell is left out, and version 4
 * says why, in the members that are documented. (The official agent goes on
 * trying for 30 s, long after its server has given up the visitor.)
 */
#include <stdlib.h>

#include "agent/tmds_internal.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

struct tagging {
    struct tmds_wait wait;
    json_t *metadata;
    enum metadata_version version;
    bool of_task; /* what is being asked for */
    struct ecs_call *call;
};

static void ask(struct tagging *g);

static const char *arn_of(const struct tagging *g)
{
    return g->of_task ? json_str(g->metadata, "TaskARN") : g->wait.t->o.instance_arn;
}

static const char *member_of(const struct tagging *g)
{
    return g->of_task ? "TaskTags" : "ContainerInstanceTags";
}

static void tagging_free(struct tmds_wait *w)
{
    struct tagging *g = container_of(w, struct tagging, wait);

    tmds_wait_end(w);
    ecs_call_cancel(g->call);
    json_decref(g->metadata);
    free(g);
}

static void finish(struct tagging *g)
{
    struct http_visit *v = g->wait.v;
    json_t *metadata = json_incref(g->metadata);

    tagging_free(&g->wait);
    tmds_json(v, 200, metadata);
}

static void add_error(struct tagging *g, const struct ecs_answer *a, const char *text)
{
    json_t *list = json_object_get(g->metadata, "Errors"), *o;

    log_event(g->wait.t->log, LOG_ERROR, "Tags are not told to a task", "resource", arn_of(g),
              "error", text, NULL);
    if (g->version < METADATA_V4)
        return;
    if (!list) {
        list = json_array();
        json_object_set_new(g->metadata, "Errors", list);
    }
    o = json_object();
    json_put_str(o, "ErrorField", member_of(g));
    if (a && *a->code)
        json_put_str(o, "ErrorCode", a->code);
    json_put_str(o, "ErrorMessage", a && *a->code ? a->message : text);
    if (a && a->status)
        json_put_int(o, "StatusCode", a->status);
    if (a && *a->request_id)
        json_put_str(o, "RequestId", a->request_id);
    json_put_str(o, "ResourceARN", arn_of(g));
    json_array_append_new(list, o);
}

static void next(struct tagging *g)
{
    if (g->of_task) {
        finish(g);
        return;
    }
    g->of_task = true;
    ask(g);
}

static void on_tags(const struct ecs_answer *a, void *user)
{
    struct tagging *g = user;
    json_t *tags, *tag;
    size_t i;

    g->call = NULL;
    if (a->e.code != ERR_NONE) {
        add_error(g, a, a->e.text);
        next(g);
        return;
    }
    tags = json_object();
    json_array_foreach (json_object_get(a->body, "tags"), i, tag) {
        const char *key = json_str(tag, "key");

        if (key)
            json_put_str(tags, key, json_str(tag, "value") ? json_str(tag, "value") : "");
    }
    if (json_object_size(tags))
        json_put(g->metadata, member_of(g), tags);
    else
        json_decref(tags);
    next(g);
}

static void ask(struct tagging *g)
{
    json_t *request = json_object();
    struct err e = ERR_INIT;

    json_put_str(request, "resourceArn", arn_of(g));
    g->call = ecs_call(g->wait.t->o.ecs, ECS_LIST_TAGS_FOR_RESOURCE, request, ECS_RETRY_STANDARD,
                       on_tags, g, &e);
    json_decref(request);
    if (!g->call) {
        add_error(g, NULL, e.text);
        next(g);
    }
}

static void on_limit(struct clock_timer *t)
{
    struct tagging *g =
        container_of(container_of(t, struct tmds_wait, timer), struct tagging, wait);

    ecs_call_cancel(g->call);
    g->call = NULL;
    add_error(g, NULL, "the service did not answer in time");
    if (!g->of_task) {
        g->of_task = true;
        add_error(g, NULL, "the service did not answer in time");
    }
    finish(g);
}

void tmds_answer_with_tags(struct tmds *t, struct http_visit *v, json_t *metadata,
                           enum metadata_version version)
{
    struct tagging *g = new0(struct tagging);

    g->metadata = metadata;
    g->version = version;
    tmds_wait_begin(&g->wait, t, v, TMDS_ECS_CALL, on_limit, tagging_free);
    ask(g);
}
