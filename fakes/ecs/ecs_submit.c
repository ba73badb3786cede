/* What agents report: SubmitTaskStateChange and its kin. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "proto/arn.h"
#include "proto/limits.h"

static int invalid(struct exchange *x, const char *message)
{
    aws_json_error(x, 0, "InvalidParameterException", message);
    return -1;
}

/* The three words an agent may submit. */
static bool is_status(const char *s)
{
    return s && plane_task_status_from(s) > PLANE_TASK_NONE;
}

static bool too_long(const json_t *o, const char *member, size_t max)
{
    const char *s = json_str(o, member);

    return s && strlen(s) > max;
}

static int check_container(struct exchange *x, const json_t *c)
{
    const char *name = json_str(c, "containerName");

    if (!name || !*name)
        return invalid(x, "Container name can not be blank.");
    /* a change of something else, such as a digest, comes without a status */
    if (json_str(c, "status") && !is_status(json_str(c, "status")))
        return invalid(x, "Invalid container status.");
    if (too_long(c, "reason", REASON_MAX))
        return invalid(x, "Container reason is too long.");
    if (too_long(c, "runtimeId", RUNTIME_ID_MAX) || too_long(c, "imageDigest", DIGEST_MAX))
        return invalid(x, "Container runtimeId or imageDigest is too long.");
    if (json_array_size(json_object_get(c, "networkBindings")) > BINDINGS_MAX)
        return invalid(x, "There are too many network bindings.");
    return 0;
}

static bool is_attachment_status(const char *s)
{
    return str_eq(s, "ATTACHED") || str_eq(s, "DETACHED") || str_eq(s, "NONE");
}

static int check_attachments(struct exchange *x, const json_t *list)
{
    json_t *a;
    size_t i;

    json_array_foreach (list, i, a) {
        const char *arn = json_str(a, "attachmentArn");

        if (!arn || !*arn)
            return invalid(x, "attachmentArn can not be blank.");
        if (!is_attachment_status(json_str(a, "status")))
            return invalid(x, "Invalid attachment status.");
    }
    return 0;
}

static int check_managed(struct exchange *x, const json_t *list)
{
    json_t *m;
    size_t i;

    json_array_foreach (list, i, m) {
        if (!json_str(m, "containerName") || !json_str(m, "managedAgentName"))
            return invalid(x, "A managed agent needs containerName and managedAgentName.");
        if (!is_status(json_str(m, "status")))
            return invalid(x, "Invalid managed agent status.");
        if (too_long(m, "reason", REASON_MAX))
            return invalid(x, "Managed agent reason is too long.");
    }
    return 0;
}

static int check_task(struct exchange *x, const json_t *body)
{
    const char *status = json_str(body, "status");
    json_t *c;
    size_t i;

    /* a change of attachments alone has no status */
    if ((status || !json_object_get(body, "attachments")) && !is_status(status))
        return invalid(x, "Invalid task status.");
    if (too_long(body, "reason", REASON_MAX))
        return invalid(x, "Task reason is too long.");
    json_array_foreach (json_object_get(body, "containers"), i, c)
        if (check_container(x, c) < 0)
            return -1;
    if (check_attachments(x, json_object_get(body, "attachments")) < 0)
        return -1;
    return check_managed(x, json_object_get(body, "managedAgents"));
}

/* The task that the body names, known from now on; NULL after an error. */
static struct plane_task *need_task(struct plane *p, struct exchange *x, const json_t *body,
                                    struct plane_cluster *c)
{
    const char *arn = json_str(body, "task");
    struct plane_task *t = plane_task(p, c, arn);
    struct arn parts;

    if (t)
        return t;
    if (!arn || !*arn || arn_parse(arn, &parts, NULL) < 0 || strlen(arn) > ARN_MAX ||
        strncmp(parts.resource.s, "task/", 5)) {
        invalid(x, "Task ARN is not valid.");
        return NULL;
    }
    t = plane_task_add(p, c, arn);
    if (!t)
        aws_json_error(x, 0, "LimitExceededException", "There are too many tasks.");
    return t;
}

static void acknowledge(struct exchange *x)
{
    json_t *o = json_object();

    json_put_str(o, "acknowledgment", "ok");
    aws_json_answer(x, o);
}

void ecs_submit_task(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClientException");
    struct plane_task *t;

    if (!c || check_task(x, body) < 0 || !(t = need_task(p, x, body, c)))
        return;
    plane_task_submitted(p, t, body);
    acknowledge(x);
}

void ecs_submit_container(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClientException");
    struct plane_task *t;

    if (!c || check_container(x, body) < 0)
        return;
    if (!json_str(body, "status")) {
        invalid(x, "Invalid container status.");
        return;
    }
    if (!(t = need_task(p, x, body, c)))
        return;
    plane_container_submitted(p, t, body);
    acknowledge(x);
}

void ecs_submit_attachments(struct plane *p, struct exchange *x, const json_t *body)
{
    static const char *const words[] = {"ATTACHED", "DETACHED", "NONE"};
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClientException");
    json_t *list, *a;
    size_t i;

    if (!c)
        return;
    list = json_object_get(body, "attachments");
    if (!json_array_size(list)) {
        invalid(x, "attachments can not be empty.");
        return;
    }
    if (check_attachments(x, list) < 0)
        return;
    json_array_foreach (list, i, a) {
        const char *arn = json_str(a, "attachmentArn"), *now = json_str(a, "status");
        const char *before = map_get(&p->attachments, arn);
        char *what;

        if (str_eq(before, now))
            continue;
        what = xasprintf("attachment %s", arn_id(arn));
        journal_state(&p->world->journal, "ecs", what, before ? before : "NONE", now);
        free(what);
        for (size_t k = 0; k < ARRAY_SIZE(words); k++)
            if (str_eq(words[k], now))
                map_set(&p->attachments, arn, (void *)(uintptr_t)words[k]);
    }
    acknowledge(x);
}
