#include "agent/aws_call.h"
#include "agent/backoff.h"
#include "agent/version.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "proto/limits.h"

struct aws_caller {
    struct loop *loop;
    struct http *http;
    const struct config *config;
};

struct aws_call {
    struct aws_caller *caller;
    enum aws_service service;
    char *url, *operation, *region, *body;
    char *access_key, *secret_key, *session_token;
    unsigned int attempt;
    struct http_request *http;
    struct clock_timer timer;
    struct backoff backoff;
    ecs_fn fn;
    void *user;
};

static const struct {
    const char *name, *target;
} services[] = {
    [AWS_SSM] = {"ssm", "AmazonSSM"},
    [AWS_SECRETS_MANAGER] = {"secretsmanager", "secretsmanager"},
    [AWS_ECS] = {ECS_SERVICE, ECS_TARGET_PREFIX},
    [AWS_ECR] = {"ecr", "AmazonEC2ContainerRegistry_V20150921"},
};

static void call_free(struct aws_call *c)
{
    http_cancel(c->http);
    loop_timer_stop(c->caller->loop, &c->timer);
    free(c->url);
    free(c->operation);
    free(c->region);
    free(c->body);
    free(c->access_key);
    free(c->secret_key);
    free(c->session_token);
    free(c);
}

static int attempt(struct aws_call *c, struct err *e);

static void finish(struct aws_call *c, const struct ecs_answer *a)
{
    ecs_fn fn = c->fn;
    void *user = c->user;

    fn(a, user);
    call_free(c);
}

static void on_retry(struct clock_timer *t)
{
    struct aws_call *c = container_of(t, struct aws_call, timer);
    struct ecs_answer a = {.error = -1};

    if (attempt(c, &a.e) < 0)
        finish(c, &a);
}

static void on_answer(const struct http_result *r, void *user)
{
    struct aws_call *c = user;
    _cleanup_json_ json_t *body = NULL;
    struct ecs_answer a = {.error = -1, .e = r->error, .refused = r->refused};

    c->http = NULL;
    ecs_answer_take_id(&a, r);
    if (r->error.code == ERR_NONE)
        ecs_answer_read(&a, r->status, http_result_header(r, "x-amzn-errortype"), r->body,
                        r->body_len);
    if (a.e.code != ERR_NONE && ecs_answer_transient(&a) && c->attempt < ECS_SDK_ATTEMPTS) {
        loop_timer_start(c->caller->loop, &c->timer, backoff_next(&c->backoff), on_retry);
        return;
    }
    if (a.e.code == ERR_NONE)
        a.body = body = json_read(r->body, r->body_len, JSON_READ_PEER, &a.e);
    if (!r->status)
        err_wrap(&a.e, "POST %s", c->url);
    finish(c, &a);
}

static char *url_of(const struct config *config, enum aws_service service, const char *region)
{
    const char *const endpoints[] = {
        [AWS_SSM] = config->ssm_endpoint,
        [AWS_SECRETS_MANAGER] = config->secrets_endpoint,
        [AWS_ECS] = config->endpoint,
        [AWS_ECR] = config->ecr_endpoint,
    };
    const char *endpoint = endpoints[service];

    if (*endpoint)
        return xasprintf("%s/", endpoint);
    return xasprintf("https://%s.%s.%s/", services[service].name, region,
                     arn_dns_suffix_of_region(region));
}

static int attempt(struct aws_call *c, struct err *e)
{
    _cleanup_free_ char *target =
        xasprintf("X-Amz-Target: %s.%s", services[c->service].target, c->operation);
    const char *headers[] = {"Content-Type: " ECS_CONTENT_TYPE, target, NULL};
    struct http_sign sign = {c->region, services[c->service].name, c->access_key, c->secret_key,
                             c->session_token};
    struct http_call call = {
        .method = "POST",
        .url = c->url,
        .headers = headers,
        .user_agent = AGENT_USER_AGENT,
        .body = c->body,
        .body_len = strlen(c->body),
        .sign = &sign,
        .timeout = AWS_ROUND_TRIP,
        .max_body = ECS_ANSWER_MAX,
        .done = on_answer,
        .user = c,
    };

    c->attempt++;
    c->http = http_start(c->caller->http, &call, e);
    return c->http ? 0 : -1;
}

struct aws_caller *aws_caller_new(struct loop *l, struct http *h, const struct config *config)
{
    struct aws_caller *a = new0(struct aws_caller);

    a->loop = l;
    a->http = h;
    a->config = config;
    return a;
}

void aws_caller_free(struct aws_caller *a)
{
    free(a);
}

struct aws_call *aws_call_start(struct aws_caller *a, enum aws_service service,
                                const char *operation, const char *region,
                                const struct task_credential *who, const json_t *request, ecs_fn fn,
                                void *user, struct err *e)
{
    _cleanup_free_ char *url = NULL;

    if (!region || !*region)
        region = a->config->region;
    url = url_of(a->config, service, region);
    return aws_call_start_at(a, service, url, operation, region, who, request, fn, user, e);
}

struct aws_call *aws_call_start_at(struct aws_caller *a, enum aws_service service, const char *url,
                                   const char *operation, const char *region,
                                   const struct task_credential *who, const json_t *request,
                                   ecs_fn fn, void *user, struct err *e)
{
    struct aws_call *c = new0(struct aws_call);

    c->caller = a;
    c->service = service;
    c->operation = xstrdup(operation);
    c->url = xstrdup(url);
    c->region = xstrdup(region);
    c->body = wire_text(request);
    c->access_key = xstrdup(who->access_key);
    c->secret_key = xstrdup(who->secret_key);
    c->session_token = xstrdup(who->session_token);
    c->fn = fn;
    c->user = user;
    backoff_init(&c->backoff, 100 * NS_PER_MS, 5 * NS_PER_S, 2.0, 0.5);
    if (attempt(c, e) < 0) {
        call_free(c);
        return NULL;
    }
    return c;
}

void aws_call_cancel(struct aws_call *c)
{
    if (c)
        call_free(c);
}
