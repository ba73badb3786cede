#include "agent/s3_client.h"
#include "agent/version.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "proto/limits.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3_client {
    struct http *http;
    const struct config *config;
};

struct s3_request {
    struct s3_client *client;
    char *access_key, *secret_key, *session_token;
    char *region, *bucket, *key;
    size_t max;
    struct http_request *http;
    s3_fn fn;
    void *user;
};

static void request_free(struct s3_request *r)
{
    http_cancel(r->http);
    free(r->access_key);
    free(r->secret_key);
    free(r->session_token);
    free(r->region);
    free(r->bucket);
    free(r->key);
    free(r);
}

static void finish(struct s3_request *r, const char *body, size_t n, const struct err *e)
{
    s3_fn fn = r->fn;
    void *user = r->user;

    fn(body, n, e, user);
    request_free(r);
}

/* key NULL: the bucket. */
static int send_call(struct s3_request *r, const char *method, const char *key, http_done_fn done,
                     struct err *e)
{
    static const char *const headers[] = {"x-amz-content-sha256: " EMPTY_SHA256, NULL};
    const struct config *c = r->client->config;
    _cleanup_buf_ struct buf url = BUF_INIT(8192);
    struct http_sign sign = {r->region, "s3", r->access_key, r->secret_key, r->session_token};
    struct http_call call = {
        .method = method,
        .headers = headers,
        .user_agent = AGENT_USER_AGENT,
        .sign = &sign,
        .timeout = S3_TIMEOUT,
        .max_body = r->max,
        .done = done,
        .user = r,
    };

    if (*c->s3_endpoint)
        buf_addf(&url, "%s/", c->s3_endpoint);
    else
        buf_addf(&url, "https://s3.%s.%s/", r->region, arn_dns_suffix_of_region(r->region));
    str_percent(&url, r->bucket, strlen(r->bucket), false);
    if (key) {
        buf_addc(&url, '/');
        str_percent(&url, key, strlen(key), true);
    }
    call.url = buf_str(&url);
    r->http = http_start(r->client->http, &call, e);
    return r->http ? 0 : -1;
}

/* "NoSuchKey" of <Code>NoSuchKey</Code>; to be freed, NULL when there is none. */
static char *code_of(const char *body)
{
    const char *at = body ? strstr(body, "<Code>") : NULL;

    return at ? xstrndup(at + 6, strcspn(at + 6, "<")) : NULL;
}

static void on_object(const struct http_result *h, void *user)
{
    struct s3_request *r = user;
    struct err e = h->error;

    r->http = NULL;
    if (e.code == ERR_NONE && h->status != 200) {
        _cleanup_free_ char *code = code_of(h->body);

        err_set(&e, h->status == 404 ? ERR_NOT_FOUND : ERR_PEER, "%s (status %d)",
                code ? code : "refused", h->status);
    }
    finish(r, e.code == ERR_NONE ? h->body : NULL, h->body_len, &e);
}

static void on_bucket(const struct http_result *h, void *user)
{
    struct s3_request *r = user;
    const char *region = http_result_header(h, "x-amz-bucket-region");
    struct err e = h->error;

    r->http = NULL;
    if (e.code == ERR_NONE && !region)
        err_set(&e, h->status == 404 ? ERR_NOT_FOUND : ERR_PEER,
                "the region of the bucket is not told (status %d)", h->status);
    if (e.code == ERR_NONE) {
        free(r->region);
        r->region = xstrdup(region);
        if (send_call(r, "GET", r->key, on_object, &e) == 0)
            return;
    }
    finish(r, NULL, 0, &e);
}

struct s3_client *s3_client_new(struct http *h, const struct config *c)
{
    struct s3_client *s = new0(struct s3_client);

    s->http = h;
    s->config = c;
    return s;
}

void s3_client_free(struct s3_client *s)
{
    free(s);
}

struct s3_request *s3_fetch(struct s3_client *s, const struct task_credential *who,
                            const char *bucket, const char *key, size_t max, s3_fn fn, void *user,
                            struct err *e)
{
    struct s3_request *r = new0(struct s3_request);

    r->client = s;
    r->access_key = xstrdup(who->access_key);
    r->secret_key = xstrdup(who->secret_key);
    r->session_token = xstrdup(who->session_token);
    r->region = xstrdup(s->config->region);
    r->bucket = xstrdup(bucket);
    r->key = xstrdup(key);
    r->max = max;
    r->fn = fn;
    r->user = user;
    if (send_call(r, "HEAD", NULL, on_bucket, e) < 0) {
        request_free(r);
        return NULL;
    }
    return r;
}

void s3_cancel(struct s3_request *r)
{
    if (r)
        request_free(r);
}
