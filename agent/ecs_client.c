#include "agent/backoff.h"
#include "agent/ecs_client.h"
#include "agent/version.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* The SDK's standard retryer waits a random part of 2^n seconds, 20 at most. */
#define STANDARD_WAIT_MAX (20 * NS_PER_S)
/* retry_handler.go: 13 attempts that grow, then one every five minutes. */
#define SUBMIT_GROWING   13
#define SUBMIT_ATTEMPTS  298
#define SUBMIT_LONG_WAIT (300 * NS_PER_S)

struct ecs_client {
    struct loop *loop;
    struct http *http;
    const struct config *config;
    const struct credentials *credentials;
    struct list calls;
};

struct ecs_call {
    struct list link;
    struct ecs_client *client;
    enum ecs_operation op;
    enum ecs_retry retry;
    unsigned int attempt; /* 1 = first */
    char *body;
    struct http_request *request;
    struct clock_timer timer;
    ecs_fn fn;
    void *user;
};

static int attempt(struct ecs_call *call, struct err *e);

static void call_free(struct ecs_call *call)
{
    list_del(&call->link);
    loop_timer_stop(call->client->loop, &call->timer);
    http_cancel(call->request);
    free(call->body);
    free(call);
}

static void finish(struct ecs_call *call, const struct ecs_answer *a)
{
    ecs_fn fn = call->fn;
    void *user = call->user;

    call_free(call);
    fn(a, user);
}

bool ecs_answer_transient(const struct ecs_answer *a)
{
    return a->status == 0 || a->status >= 500 || a->status == 429 ||
           a->error == ECS_ERROR_THROTTLING || a->error == ECS_ERROR_SERVER;
}

void ecs_answer_take_id(struct ecs_answer *a, const struct http_result *r)
{
    const char *id = http_result_header(r, "x-amzn-RequestId");

    snprintf(a->request_id, sizeof(a->request_id), "%s", id ? id : "");
}

void ecs_answer_read(struct ecs_answer *a, int status, const char *type_header, const char *body,
                     size_t n)
{
    _cleanup_json_ json_t *j = json_read(body, n, JSON_READ_PEER, NULL);
    const char *type = json_is_object(j) ? json_str(j, "__type") : NULL;
    const char *message = json_is_object(j) ? json_str(j, "message") : NULL;
    size_t len;

    a->status = status;
    a->error = -1;
    if (status >= 200 && status < 300)
        return;
    if (!message && json_is_object(j))
        message = json_str(j, "Message");
    if (!type)
        type = type_header;
    if (type) {
        const char *code = ecs_error_code(type, &len);

        snprintf(a->code, sizeof(a->code), "%.*s", (int)len, code);
        a->error = ecs_error_from(a->code);
    }
    snprintf(a->message, sizeof(a->message), "%.300s", message ? message : "");
    err_set(&a->e, a->error == ECS_ERROR_ACCESS_DENIED ? ERR_AUTH : ERR_PEER, "%s: %.300s (%d)",
            *a->code ? a->code : "UnknownError", message ? message : "no message", status);
}

/* The wait before the next attempt; -1 when there is none. */
static int64_t next_wait(const struct ecs_call *call)
{
    unsigned int n = call->attempt;
    int64_t limit;

    if (call->retry == ECS_RETRY_STANDARD) {
        if (n >= ECS_SDK_ATTEMPTS)
            return -1;
        limit = NS_PER_S << (n - 1);
        return backoff_spread(0, limit < STANDARD_WAIT_MAX ? limit : STANDARD_WAIT_MAX);
    }
    if (n >= SUBMIT_ATTEMPTS)
        return -1;
    if (n > SUBMIT_GROWING)
        return SUBMIT_LONG_WAIT;
    return backoff_spread(30 * NS_PER_MS, 30 * NS_PER_MS) << n;
}

static void on_retry(struct clock_timer *t)
{
    struct ecs_call *call = container_of(t, struct ecs_call, timer);
    struct ecs_answer a = {.error = -1, .e = ERR_INIT};

    call->attempt++;
    if (attempt(call, &a.e) < 0)
        finish(call, &a);
}

static void on_answer(const struct http_result *r, void *user)
{
    struct ecs_call *call = user;
    struct ecs_answer a = {.error = -1, .e = r->error, .refused = r->refused};
    _cleanup_json_ json_t *body = NULL;
    int64_t wait;

    call->request = NULL;
    ecs_answer_take_id(&a, r);
    if (a.e.code == ERR_NONE)
        ecs_answer_read(&a, r->status, http_result_header(r, "x-amzn-ErrorType"), r->body,
                        r->body_len);
    if (a.e.code == ERR_NONE) {
        body = r->body_len ? json_read(r->body, r->body_len, JSON_READ_PEER, &a.e) : json_object();
        if (body && !json_is_object(body))
            err_set(&a.e, ERR_PEER, "the answer is no JSON object");
        a.body = body;
    }
    if (a.e.code != ERR_NONE)
        err_wrap(&a.e, "%s", ecs_operation_name(call->op));
    if (a.e.code != ERR_NONE && ecs_answer_transient(&a) && (wait = next_wait(call)) >= 0) {
        loop_timer_start(call->client->loop, &call->timer, wait, on_retry);
        return;
    }
    finish(call, &a);
}

static int attempt(struct ecs_call *call, struct err *e)
{
    struct ecs_client *c = call->client;
    _cleanup_free_ char *url = xasprintf("%s/", c->config->endpoint);
    _cleanup_free_ char *target =
        xasprintf("X-Amz-Target: " ECS_TARGET_PREFIX ".%s", ecs_operation_name(call->op));
    const char *headers[] = {"Content-Type: " ECS_CONTENT_TYPE, target, NULL};
    struct http_sign sign;
    struct http_call http = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .user_agent = AGENT_USER_AGENT,
        .body = call->body,
        .body_len = strlen(call->body),
        .sign = &sign,
        .connect_timeout = ECS_CONNECT_TIMEOUT,
        .timeout = ECS_ROUND_TRIP,
        .max_body = ECS_ANSWER_MAX,
        .done = on_answer,
        .user = call,
    };

    if (!credentials_sign(c->credentials, &sign))
        return err_set(e, ERR_AUTH, "%s: there are no credentials", ecs_operation_name(call->op));
    call->request = http_start(c->http, &http, e);
    return call->request ? 0 : -1;
}

struct ecs_client *ecs_client_new(struct loop *l, struct http *h, const struct config *config,
                                  const struct credentials *creds)
{
    struct ecs_client *c = new0(struct ecs_client);

    c->loop = l;
    c->http = h;
    c->config = config;
    c->credentials = creds;
    list_init(&c->calls);
    return c;
}

void ecs_client_free(struct ecs_client *c)
{
    if (!c)
        return;
    while (!list_empty(&c->calls))
        call_free(container_of(c->calls.next, struct ecs_call, link));
    free(c);
}

struct ecs_call *ecs_call(struct ecs_client *c, enum ecs_operation op, const json_t *request,
                          enum ecs_retry retry, ecs_fn fn, void *user, struct err *e)
{
    struct ecs_call *call = new0(struct ecs_call);

    call->client = c;
    call->op = op;
    call->retry = retry;
    call->attempt = 1;
    call->body = wire_text(request);
    call->fn = fn;
    call->user = user;
    list_init(&call->link);
    list_add_tail(&c->calls, &call->link);
    if (attempt(call, e) < 0) {
        call_free(call);
        return NULL;
    }
    return call;
}

void ecs_call_cancel(struct ecs_call *call)
{
    if (call)
        call_free(call);
}

struct loop *ecs_client_loop(const struct ecs_client *c)
{
    return c->loop;
}
