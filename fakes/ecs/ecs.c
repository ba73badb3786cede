#include "fakes/ecs/ecs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/args.h"
#include "fakes/ecs/ecs_calls.h"
#include "proto/ecs_operation.h"

static int init(struct fake *f, struct err *e)
{
    (void)e;
    plane_ref((struct plane_fake *)f);
    return 0;
}

static void reset(struct fake *f)
{
    plane_reset(((struct plane_fake *)f)->plane);
}

static void release(struct fake *f)
{
    plane_unref((struct plane_fake *)f);
}

/* --- calls ----------------------------------------------------------------------------- */

/* Which parser reads the body is chosen by the type: another one is another protocol. */
static bool is_json_1_1(const struct exchange *x)
{
    const char *type = exchange_header(x, "Content-Type");
    size_t n = strlen(ECS_CONTENT_TYPE);

    return type && !strncasecmp(type, ECS_CONTENT_TYPE, n) &&
           (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

/* NULL: the service has no such call, or it does not come as its calls do. */
static const struct ecs_call *call_of(const struct exchange *x)
{
    return str_eq(x->method, "POST") && str_eq(x->path, "/") && is_json_1_1(x)
               ? ecs_call_find(aws_json_operation(x, ECS_TARGET_PREFIX))
               : NULL;
}

static void classify(struct fake *f, struct exchange *x)
{
    const char *op = aws_json_operation(x, ECS_TARGET_PREFIX);
    const struct ecs_call *call = call_of(x);

    (void)f;
    if (call)
        aws_json_classify(x, call->name, call->group, call->shape);
    else if (op)
        x->what = xstrndup(op, 128);
    /* A task on its way (digests are known, nothing runs) is news of another kind than one that
     * runs or stopped: agents before 1.83 send none, and scenarios declare it apart. */
    if (str_eq(x->group, "submit") && str_eq(json_str(exchange_json(x, NULL), "status"), "PENDING"))
        x->group = "progress";
}

static void handle(struct fake *f, struct exchange *x)
{
    const struct sigv4_rules rules = {
        .service = ECS_SERVICE, .region = f->world->id.region, .skew = SIGV4_SKEW_JSON};
    const struct ecs_call *call = call_of(x);
    json_t *body;

    if (call && aws_json_verify(x, &rules) < 0)
        return;
    /* it outlives the exchange: a handler may look at it after it answered */
    body = aws_json_body(x, call ? call->shape : NULL);
    if (body)
        call->handle(((struct plane_fake *)f)->plane, x, body);
    json_decref(body);
}

static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    (void)f;
    aws_json_error(x, status, type, message);
}

struct plane_cluster *ecs_need_cluster(struct plane *p, struct exchange *x, const json_t *body,
                                       const char *error_type)
{
    struct plane_cluster *c = plane_cluster(p, json_str(body, "cluster"));

    if (!c)
        aws_json_error(x, 0, error_type, "Cluster not found.");
    return c;
}

/* --- commands -------------------------------------------------------------------------- */

static int do_cluster(struct plane *p, const json_t *args, json_t **ret, struct err *e)
{
    const char *name, *status;
    struct plane_cluster *c;

    if (json_need_str(args, "name", &name, e) < 0 || args_text(args, "status", &status, e) < 0)
        return -1;
    if (status && strcasecmp(status, "ACTIVE") && strcasecmp(status, "INACTIVE"))
        return err_set(e, ERR_USAGE, "the status of a cluster is ACTIVE or INACTIVE");
    c = plane_cluster_add(p, name);
    if (!c)
        return err_set(e, ERR_LIMIT, "there are %d clusters already", PLANE_CLUSTERS_MAX);
    plane_cluster_set_active(p, c, !status || !strcasecmp(status, "ACTIVE"));
    if (ret)
        *ret = plane_cluster_json(p, c);
    return 0;
}

static struct plane_instance *named_instance(struct plane *p, const json_t *args, struct err *e)
{
    const char *name, *key;
    struct plane_instance *i;
    size_t at = 0;
    void *v = NULL;

    if (args_text(args, "instance", &name, e) < 0)
        return NULL;
    if (name) {
        i = plane_instance(p, NULL, name);
        if (!i)
            err_set(e, ERR_NOT_FOUND, "ecs: no container instance '%s'", name);
        return i;
    }
    if (map_count(&p->instances) != 1 || !map_next(&p->instances, &at, &key, &v)) {
        err_set(e, ERR_USAGE, "ecs: there are %zu container instances, say which (instance=...)",
                map_count(&p->instances));
        return NULL;
    }
    return v;
}

static int do_instance(struct plane *p, const json_t *args, json_t **ret, struct err *e)
{
    struct plane_instance *i = named_instance(p, args, e);
    const char *status;

    if (!i || json_need_str(args, "status", &status, e) < 0)
        return -1;
    for (int s = 0; s < INSTANCE_STATUS_MAX; s++)
        if (!strcasecmp(status, plane_instance_status_name((enum plane_instance_status)s))) {
            plane_instance_set_status(p, i, (enum plane_instance_status)s);
            if (ret)
                *ret = plane_instance_json(p, i, true, true);
            return 0;
        }
    return err_set(e, ERR_USAGE,
                   "the status of a container instance is ACTIVE, DRAINING or INACTIVE");
}

static int do_tags(struct plane *p, const json_t *args, struct err *e)
{
    json_t *given = json_object_get(args, "tags"), **tags, *v;
    const char *arn, *key;

    if (json_need_str(args, "resourceArn", &arn, e) < 0)
        return -1;
    tags = ecs_tags_of(p, arn);
    if (!tags)
        return err_set(e, ERR_NOT_FOUND, "ecs: there is no %s", arn);
    if (!json_is_object(given))
        return err_set(e, ERR_USAGE, "tags has to be an object of texts");
    json_decref(*tags);
    *tags = json_array();
    json_object_foreach (given, key, v) {
        json_t *o = json_object();

        json_put_str(o, "key", key);
        json_put_str(o, "value", json_is_string(v) ? json_string_value(v) : "");
        json_array_append_new(*tags, o);
    }
    return 0;
}

static int do_agent_version(struct plane *p, const json_t *args, struct err *e)
{
    const char *version, *location, *signature;

    if (json_need_str(args, "version", &version, e) < 0 ||
        json_need_str(args, "location", &location, e) < 0 ||
        json_need_str(args, "signature", &signature, e) < 0)
        return -1;
    free(p->agent_version);
    p->agent_version = xstrdup(version);
    json_decref(p->agent_update);
    p->agent_update = json_pack("{s:s,s:s}", "location", location, "signature", signature);
    return 0;
}

static int control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e)
{
    struct plane *p = ((struct plane_fake *)f)->plane;

    if (str_eq(command, "cluster"))
        return do_cluster(p, args, ret, e);
    if (str_eq(command, "instance"))
        return do_instance(p, args, ret, e);
    if (str_eq(command, "tags"))
        return do_tags(p, args, e);
    if (str_eq(command, "agent-version"))
        return do_agent_version(p, args, e);
    return err_set(e, ERR_USAGE, "ecs: no command '%s' (cluster, instance, tags, agent-version)",
                   command);
}

/* A task that was not reported to be what it has to be is what this service waits for. */
static void pending(struct fake *f, struct buf *out)
{
    const struct plane *p = ((struct plane_fake *)f)->plane;
    const char *key;
    void *v;

    for (size_t i = 0; map_next(&p->tasks, &i, &key, &v);) {
        const struct plane_task *t = v;

        if (t->last < t->desired)
            buf_addf(out, "ecs: task %s is %s, wanted %s\n", t->id, plane_task_status_name(t->last),
                     plane_task_status_name(t->desired));
    }
}

static void operations(struct buf *out)
{
    const struct ecs_call *call;

    for (size_t i = 0; (call = ecs_call_at(i)); i++)
        buf_addf(out, "ecs %s %s\n", call->name, call->group);
}

static const char *const groups[] = {"register", "submit",     "progress", "tags",
                                     "drain",    "protection", "people",   NULL};

const struct fake_ops ecs_ops = {
    .name = "ecs",
    .doc = "ECS API: registration, state changes, and what people may ask",
    .size = sizeof(struct ecs),
    .init = init,
    .reset = reset,
    .release = release,
    .classify = classify,
    .handle = handle,
    .refuse = refuse,
    .control = control,
    .pending = pending,
    .operations = operations,
    .groups = groups,
};
