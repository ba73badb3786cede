/*
 * tmds.h: a task protects itself from scaling in. The agent asks the service as
 * the task, with its role; what the service says is handed on.
 * (tmds/handlers/taskprotection; TMDS_ECS_CALL is the time that the service has)
 */
#include <math.h>
#include <stdlib.h>

#include "agent/tmds_internal.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define NO_TASK    "Failed to find a task for the request"
#define NO_ROLE    "Invalid Request: no task IAM role credentials available for task"
#define NO_FIELD   "Invalid request: does not contain 'ProtectionEnabled' field"
#define NO_DECODE  "UpdateTaskProtection: failed to decode request"
#define TIMED_OUT  "Timed out calling ECS Task Protection API"
#define UNEXPECTED "Unexpected error occurred"

struct protecting {
    struct tmds_wait wait;
    char *task_arn;
    struct aws_call *call;
};

static void answer_error(struct http_visit *v, int status, const char *arn, const char *code,
                         const char *message, const char *request_id)
{
    json_t *o = json_object(), *error = json_object();

    if (request_id && *request_id)
        json_put_str(o, "requestID", request_id);
    if (arn && *arn)
        json_put_str(error, "Arn", arn);
    json_put_str(error, "Code", code);
    json_put_str(error, "Message", message);
    json_put(o, "error", error);
    tmds_json(v, status, o);
}

/* ---- the request ---- */

struct protection_request {
    const json_t *enabled, *minutes; /* NULL or null: not said */
};

/* As Go decodes it: names without regard to case, what follows the value is not read. */
static bool decode(const json_t *body, struct protection_request *r)
{
    const char *key;
    json_t *v;

    *r = (struct protection_request){0};
    if (!body || !(json_is_object(body) || json_is_null(body)))
        return false;
    json_object_foreach ((json_t *)(uintptr_t)body, key, v) {
        if (strcasecmp(key, "ProtectionEnabled") == 0) {
            if (!json_is_boolean(v) && !json_is_null(v))
                return false;
            r->enabled = json_is_null(v) ? NULL : v;
        } else if (strcasecmp(key, "ExpiresInMinutes") == 0) {
            if (!json_is_integer(v) && !json_is_null(v))
                return false;
            r->minutes = json_is_null(v) ? NULL : v;
        } else {
            return false;
        }
    }
    return true;
}

/* ---- the service's answer ---- */

static void protecting_free(struct tmds_wait *w)
{
    struct protecting *p = container_of(w, struct protecting, wait);

    tmds_wait_end(w);
    aws_call_cancel(p->call);
    free(p->task_arn);
    free(p);
}

static json_t *text_or_null(const json_t *o, const char *member)
{
    const char *text = json_str(o, member);

    return text ? json_string(text) : json_null();
}

static json_t *protection_json(const json_t *task)
{
    json_t *o = json_object(), *expires = json_object_get(task, "expirationDate");

    if (json_is_number(expires) && fabs(json_number_value(expires)) < 9e9)
        wire_put_time(o, "ExpirationDate",
                      (int64_t)llround(json_number_value(expires) * 1000) * NS_PER_MS);
    else
        json_put(o, "ExpirationDate", json_null());
    json_put_bool(o, "ProtectionEnabled", json_bool(task, "protectionEnabled", false));
    json_put(o, "TaskArn", text_or_null(task, "taskArn"));
    return o;
}

static json_t *failure_json(const json_t *failure)
{
    json_t *o = json_object();

    json_put(o, "Arn", text_or_null(failure, "arn"));
    json_put(o, "Detail", text_or_null(failure, "detail"));
    json_put(o, "Reason", text_or_null(failure, "reason"));
    return o;
}

static void answer_found(struct http_visit *v, const char *arn, const json_t *body)
{
    const json_t *tasks = json_object_get(body, "protectedTasks");
    const json_t *failures = json_object_get(body, "failures");
    json_t *o;

    if (json_array_size(failures) > 1 ||
        (!json_array_size(failures) && json_array_size(tasks) != 1)) {
        answer_error(v, 500, arn, "ServerException", UNEXPECTED, NULL);
        return;
    }
    o = json_object();
    if (json_array_size(failures))
        json_put(o, "failure", failure_json(json_array_get(failures, 0)));
    else
        json_put(o, "protection", protection_json(json_array_get(tasks, 0)));
    tmds_json(v, 200, o);
}

static void on_service(const struct ecs_answer *a, void *user)
{
    struct protecting *p = user;
    struct http_visit *v = p->wait.v;
    _cleanup_free_ char *arn = xstrdup(p->task_arn);

    p->call = NULL;
    protecting_free(&p->wait);
    if (a->e.code == ERR_NONE)
        answer_found(v, arn, a->body);
    else if (a->status && *a->code)
        answer_error(v, a->status, arn, a->code, a->message, a->request_id);
    else
        answer_error(v, 500, arn, "ServerException", a->e.text, NULL);
}

static void on_limit(struct clock_timer *t)
{
    struct protecting *p =
        container_of(container_of(t, struct tmds_wait, timer), struct protecting, wait);
    struct http_visit *v = p->wait.v;
    _cleanup_free_ char *arn = xstrdup(p->task_arn);

    protecting_free(&p->wait);
    answer_error(v, 504, arn, "RequestCanceled", TIMED_OUT, NULL);
}

/* ---- asking it ---- */

static void ask_service(struct tmds *t, struct http_visit *v, const struct task *task,
                        const char *operation, json_t *request)
{
    const struct task_credential *who =
        task->credentials_id ? task_credentials_get(t->o.credentials, task->credentials_id) : NULL;
    struct protecting *p;
    struct err e = ERR_INIT;
    json_t *tasks = json_array();

    if (!who || !who->access_key) {
        json_decref(tasks);
        answer_error(v, 403, task->arn, "AccessDeniedException", NO_ROLE, NULL);
        return;
    }
    json_array_append_new(tasks, json_string(task->arn));
    json_put(request, "tasks", tasks);
    json_put_str(request, "cluster", t->o.instance.cluster);
    p = new0(struct protecting);
    p->task_arn = xstrdup(task->arn);
    tmds_wait_begin(&p->wait, t, v, TMDS_ECS_CALL, on_limit, protecting_free);
    p->call = aws_call_start(t->o.aws, AWS_ECS, operation, NULL, who, request, on_service, p, &e);
    if (p->call)
        return;
    protecting_free(&p->wait);
    answer_error(v, 500, task->arn, "ServerException", e.text, NULL);
}

static void update(struct tmds *t, struct http_visit *v, const struct container *c)
{
    size_t n;
    const char *text = http_visit_body(v, &n);
    _cleanup_json_ json_t *body =
        json_loadb(text, n, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL);
    _cleanup_json_ json_t *request = NULL;
    struct protection_request r;

    if (!decode(body, &r)) {
        answer_error(v, 400, NULL, "InvalidParameterException", NO_DECODE, NULL);
    } else if (!c) {
        answer_error(v, 404, NULL, "ResourceNotFoundException", NO_TASK, NULL);
    } else if (!r.enabled) {
        answer_error(v, 400, c->task->arn, "InvalidParameterException", NO_FIELD, NULL);
    } else {
        request = json_object();
        if (r.minutes)
            json_put_int(request, "expiresInMinutes", json_integer_value(r.minutes));
        json_put_bool(request, "protectionEnabled", json_is_true(r.enabled));
        ask_service(t, v, c->task, "UpdateTaskProtection", request);
    }
}

static void get(struct tmds *t, struct http_visit *v, const struct container *c)
{
    _cleanup_json_ json_t *request = json_object();

    if (c)
        ask_service(t, v, c->task, "GetTaskProtection", request);
    else
        answer_error(v, 404, NULL, "ResourceNotFoundException", NO_TASK, NULL);
}

bool tmds_protection(struct tmds *t, struct http_visit *v, const struct tmds_path *p)
{
    const struct container *c;

    if (p->n != 5 || !str_eq(p->part[2], "task-protection") || !str_eq(p->part[3], "v1") ||
        !str_eq(p->part[4], "state"))
        return false;
    c = engine_find_endpoint(t->o.engine, p->part[1]);
    if (str_eq(http_visit_method(v), "PUT"))
        update(t, v, c);
    else if (str_eq(http_visit_method(v), "GET"))
        get(t, v, c);
    else
        http_visit_answer(v, 405, NULL, NULL, 0);
    return true;
}
