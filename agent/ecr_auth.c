#include "agent/ecr_auth.h"

#include "agent/backoff.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "proto/limits.h"

struct token {
    struct list link; /* the most recently used is the last */
    char *key;
    json_t *login;
    int64_t until; /* wall */
};

struct ecr_auth {
    struct loop *loop;
    struct aws_caller *aws;
    const struct config *config;
    const struct credentials *own;
    struct log *log;
    struct list tokens;
    size_t n;
};

struct ecr_auth_call {
    struct ecr_auth *auth;
    char *key, *image;
    struct aws_call *call;
    ecr_auth_fn fn;
    void *user;
};

/* ---- what is kept ---- */

static void token_free(struct ecr_auth *a, struct token *t)
{
    list_del(&t->link);
    a->n--;
    free(t->key);
    json_decref(t->login);
    free(t);
}

/* The role is not enough: its credentials change. */
static char *key_of(const struct ecr_auth_question *q)
{
    return xasprintf("%s+%s-%s-%s-%s", q->who ? q->who->id : "", q->who ? q->who->role_arn : "",
                     q->region ? q->region : "", q->registry_id, q->endpoint ? q->endpoint : "");
}

static struct token *token_find(struct ecr_auth *a, const char *key)
{
    struct list *pos;

    list_for_each (pos, &a->tokens) {
        struct token *t = container_of(pos, struct token, link);

        if (str_eq(t->key, key))
            return t;
    }
    return NULL;
}

static const json_t *kept(struct ecr_auth *a, const char *key)
{
    struct token *t = token_find(a, key);

    if (!t)
        return NULL;
    if (t->until <= loop_wall(a->loop)) {
        token_free(a, t);
        return NULL;
    }
    list_del(&t->link);
    list_add_tail(&a->tokens, &t->link);
    return t->login;
}

static void keep(struct ecr_auth *a, const char *key, json_t *login, int64_t expires)
{
    int64_t now = loop_wall(a->loop), latest = now + ECR_TOKEN_KEPT;
    struct token *t = token_find(a, key);

    if (t)
        token_free(a, t);
    t = new0(struct token);
    t->key = xstrdup(key);
    t->login = json_incref(login);
    t->until = expires - backoff_spread(ECR_TOKEN_AHEAD, ECR_TOKEN_JITTER);
    if (t->until > latest)
        t->until = latest;
    list_add_tail(&a->tokens, &t->link);
    if (++a->n > ECR_AUTH_MAX)
        token_free(a, container_of(a->tokens.next, struct token, link));
}

void ecr_auth_forget(struct ecr_auth *a, const struct ecr_auth_question *q)
{
    _cleanup_free_ char *key = key_of(q);
    struct token *t = token_find(a, key);

    if (t)
        token_free(a, t);
}

/* ---- the address ---- */

char *ecr_auth_url(const struct config *c, const char *region, const char *override)
{
    bool fips = c->use_fips.on, dual = c->use_dualstack.on;
    const char *suffix =
        dual ? arn_dual_stack_suffix_of_region(region) : arn_dns_suffix_of_region(region);

    if (override && *override)
        return xasprintf("%s%s/", strstr(override, "://") ? "" : "https://", override);
    if (*c->ecr_endpoint)
        return xasprintf("%s/", c->ecr_endpoint);
    return xasprintf("https://%s.%s.%s/",
                     fips   ? "ecr-fips"
                     : dual ? "ecr"
                            : "api.ecr",
                     region, suffix);
}

/* ---- the answer ---- */

json_t *ecr_auth_read(const json_t *answer, const char *image, int64_t *ret_expires, struct err *e)
{
    const json_t *list = json_object_get(answer, "authorizationData"), *data;
    _cleanup_buf_ struct buf plain = BUF_INIT(64 << 10);
    const char *token, *proxy, *text, *colon;
    json_t *login;

    *ret_expires = 0;
    if (json_array_size(list) != 1) {
        err_set(e, ERR_PEER, "unexpected number of results in AuthorizationData (%zu)",
                json_array_size(list));
        return NULL;
    }
    data = json_array_get(list, 0);
    token = json_str(data, "authorizationToken");
    proxy = json_str(data, "proxyEndpoint");
    text = !token || str_unbase64(&plain, token, strlen(token)) < 0 ? "" : buf_str(&plain);
    colon = strchr(text, ':');
    if (!colon) {
        err_set(e, ERR_PEER, "ecr auth: AuthorizationData is malformed for %s", image);
        return NULL;
    }
    *ret_expires = (int64_t)(json_number_value(json_object_get(data, "expiresAt")) * 1e9);
    login = json_object();
    json_put(login, "username", json_stringn(text, (size_t)(colon - text)));
    json_put_str(login, "password", colon + 1);
    json_put_str(login, "serveraddress", proxy);
    return login;
}

static void call_free(struct ecr_auth_call *c)
{
    free(c->key);
    free(c->image);
    free(c);
}

void ecr_auth_cancel(struct ecr_auth_call *c)
{
    if (!c)
        return;
    aws_call_cancel(c->call);
    call_free(c);
}

static void on_answer(const struct ecs_answer *a, void *user)
{
    struct ecr_auth_call *c = user;
    _cleanup_json_ json_t *login = NULL;
    struct err e = a->e;
    int64_t expires;

    if (e.code == ERR_NONE)
        login = ecr_auth_read(a->body, c->image, &expires, &e);
    if (login) {
        const json_t *data = json_array_get(json_object_get(a->body, "authorizationData"), 0);

        log_secret(c->auth->log, json_str(data, "authorizationToken"));
        log_secret(c->auth->log, json_str(login, "password"));
        keep(c->auth, c->key, login, expires);
    }
    c->fn(login, &e, c->user);
    call_free(c);
}

/* ---- asking ---- */

/* As whom: the task's execution role, or the agent. -1: nobody has credentials. */
static int who_asks(struct ecr_auth *a, const struct ecr_auth_question *q,
                    struct task_credential *ret, struct err *e)
{
    struct http_sign own;

    if (q->who) {
        *ret = *q->who;
        return 0;
    }
    if (!credentials_sign(a->own, &own))
        return err_set(e, ERR_CONFLICT, "the agent has no credentials");
    *ret = (struct task_credential){
        .access_key = (char *)(uintptr_t)own.access_key,
        .secret_key = (char *)(uintptr_t)own.secret_key,
        .session_token = (char *)(uintptr_t)own.session_token,
    };
    return 0;
}

static struct aws_call *ask(struct ecr_auth *a, const struct ecr_auth_question *q,
                            struct ecr_auth_call *c, struct err *e)
{
    const char *region = q->region && *q->region ? q->region : a->config->region;
    _cleanup_free_ char *url = ecr_auth_url(a->config, region, q->endpoint);
    _cleanup_json_ json_t *request = json_object();
    json_t *ids = json_array();
    struct task_credential who;

    json_array_append_new(ids, json_string(q->registry_id));
    json_put(request, "registryIds", ids);
    if (who_asks(a, q, &who, e) < 0)
        return NULL;
    return aws_call_start_at(a->aws, AWS_ECR, url, "GetAuthorizationToken", region, &who, request,
                             on_answer, c, e);
}

struct ecr_auth_call *ecr_auth_get(struct ecr_auth *a, const struct ecr_auth_question *q,
                                   ecr_auth_fn fn, void *user)
{
    _cleanup_free_ char *key = key_of(q);
    const json_t *login = kept(a, key);
    struct err e = ERR_INIT;
    struct ecr_auth_call *c;

    if (login) {
        fn(login, &e, user);
        return NULL;
    }
    c = new0(struct ecr_auth_call);
    *c = (struct ecr_auth_call){.auth = a, .fn = fn, .user = user};
    c->key = steal_ptr(&key);
    c->image = xstrdup(q->image);
    c->call = ask(a, q, c, &e);
    if (c->call)
        return c;
    call_free(c);
    fn(NULL, &e, user);
    return NULL;
}

struct ecr_auth *ecr_auth_new(struct loop *l, struct aws_caller *aws, const struct config *config,
                              const struct credentials *own, struct log *log)
{
    struct ecr_auth *a = new0(struct ecr_auth);

    a->loop = l;
    a->aws = aws;
    a->config = config;
    a->own = own;
    a->log = log;
    list_init(&a->tokens);
    return a;
}

void ecr_auth_free(struct ecr_auth *a)
{
    if (!a)
        return;
    while (a->n)
        token_free(a, container_of(a->tokens.next, struct token, link));
    free(a);
}
