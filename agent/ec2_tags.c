#include <expat.h>
#include <strings.h>

#include "agent/backoff.h"
#include "agent/ec2_tags.h"
#include "agent/version.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "proto/limits.h"

#define API_VERSION "2016-11-15"
#define OWN_PREFIX  "aws:" /* of AWS's own tags */
#define TEXT_MAX    1024   /* a key, a value, a code or a message */

struct ec2_tags {
    struct loop *loop;
    struct http *http;
    const struct config *config;
    const struct credentials *who;
    char *url, *body;
    unsigned int attempt;
    struct http_request *request;
    struct clock_timer timer;
    struct backoff backoff;
    ec2_tags_fn fn;
    void *user;
};

/* --- the answer ------------------------------------------------------------------------------- */

/* One answer while it is read: <item><key/><value/></item>, or <Error><Code/><Message/></Error>. */
struct reader {
    XML_Parser parser;
    json_t *tags;
    struct buf text; /* of the innermost element */
    char *key, *value, *code, *message;
};

static void on_begin(void *user, const char *name, const char **attributes)
{
    struct reader *r = user;

    (void)name;
    (void)attributes;
    buf_clear(&r->text);
}

static void on_text(void *user, const char *p, int n)
{
    struct reader *r = user;

    if (buf_add(&r->text, p, (size_t)n) < 0)
        XML_StopParser(r->parser, XML_FALSE);
}

static void keep(char **slot, const struct buf *text)
{
    free(*slot);
    *slot = xstrdup(buf_str(text));
}

static bool is_own(const char *s)
{
    return strncasecmp(s, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

static void take_item(struct reader *r)
{
    const char *value = r->value ? r->value : "";

    if (r->key && !is_own(r->key) && !is_own(value))
        json_put_str(r->tags, r->key, value);
    free(r->key);
    free(r->value);
    r->key = r->value = NULL;
}

static void on_end(void *user, const char *name)
{
    struct reader *r = user;

    if (str_eq(name, "key"))
        keep(&r->key, &r->text);
    else if (str_eq(name, "value"))
        keep(&r->value, &r->text);
    else if (str_eq(name, "Code"))
        keep(&r->code, &r->text);
    else if (str_eq(name, "Message"))
        keep(&r->message, &r->text);
    else if (str_eq(name, "item"))
        take_item(r);
    buf_clear(&r->text);
}

static int read_answer(struct reader *r, const char *body, size_t n, struct err *e)
{
    *r = (struct reader){.text = BUF_INIT(TEXT_MAX), .tags = json_object()};
    r->parser = XML_ParserCreate(NULL);
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_begin, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    if (XML_Parse(r->parser, body, (int)n, XML_TRUE) == XML_STATUS_OK)
        return 0;
    return err_set(e, ERR_PEER, "DescribeTags: the answer is no XML: %s in line %lu",
                   XML_ErrorString(XML_GetErrorCode(r->parser)),
                   (unsigned long)XML_GetCurrentLineNumber(r->parser));
}

static void reader_release(struct reader *r)
{
    XML_ParserFree(r->parser);
    json_decref(r->tags);
    buf_release(&r->text);
    free(r->key);
    free(r->value);
    free(r->code);
    free(r->message);
}

json_t *ec2_tags_read(const char *body, size_t n, struct err *e)
{
    struct reader r;
    json_t *tags = NULL;

    if (read_answer(&r, body, n, e) == 0)
        tags = json_incref(r.tags);
    reader_release(&r);
    return tags;
}

/* What EC2 says of a call it refused; the same again would be worth a try: *ret_again. */
static void read_refusal(const struct http_result *h, bool *ret_again, struct err *e)
{
    static const char *const throttled[] = {"RequestLimitExceeded", "Throttling",
                                            "RequestThrottled", "ThrottlingException"};
    struct err ignored = ERR_INIT;
    struct reader r;

    read_answer(&r, h->body, h->body_len, &ignored);
    err_clear(&ignored);
    *ret_again = h->status >= 500;
    for (size_t i = 0; i < ARRAY_SIZE(throttled); i++)
        *ret_again |= str_eq(r.code, throttled[i]);
    err_set(e, ERR_PEER, "DescribeTags: %s: %s (status %d)", r.code ? r.code : "refused",
            r.message ? r.message : "no message", h->status);
    reader_release(&r);
}

/* --- the call --------------------------------------------------------------------------------- */

static int try(struct ec2_tags *t, struct err *e);

static void tags_free(struct ec2_tags *t)
{
    http_cancel(t->request);
    loop_timer_stop(t->loop, &t->timer);
    free(t->url);
    free(t->body);
    free(t);
}

static void finish(struct ec2_tags *t, const json_t *tags, const struct err *e)
{
    t->fn(tags, e, t->user);
    tags_free(t);
}

static void on_timer(struct clock_timer *timer)
{
    struct ec2_tags *t = container_of(timer, struct ec2_tags, timer);
    struct err e = ERR_INIT;

    if (try(t, &e) < 0)
        finish(t, NULL, &e);
}

static void on_answer(const struct http_result *h, void *user)
{
    struct ec2_tags *t = user;
    struct err e = h->error;
    _cleanup_json_ json_t *tags = NULL;
    bool again = true;

    t->request = NULL;
    if (e.code != ERR_NONE) {
        err_wrap(&e, "DescribeTags");
    } else if (h->status != 200) {
        read_refusal(h, &again, &e);
    } else {
        again = false;
        tags = ec2_tags_read(h->body, h->body_len, &e);
    }
    if (again && t->attempt < EC2_ATTEMPTS)
        loop_timer_start(t->loop, &t->timer, backoff_next(&t->backoff), on_timer);
    else
        finish(t, tags, &e);
}

static int try(struct ec2_tags *t, struct err *e)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    struct http_sign sign;
    struct http_call call = {
        .method = "POST",
        .url = t->url,
        .headers = headers,
        .user_agent = AGENT_USER_AGENT,
        .body = t->body,
        .body_len = strlen(t->body),
        .sign = &sign,
        .timeout = AWS_ROUND_TRIP,
        .max_body = ECS_ANSWER_MAX,
        .done = on_answer,
        .user = t,
    };

    if (!credentials_sign(t->who, &sign))
        return err_set(e, ERR_AUTH, "DescribeTags: there are no credentials");
    sign.service = "ec2";
    t->attempt++;
    t->request = http_start(t->http, &call, e);
    return t->request ? 0 : -1;
}

struct ec2_tags *ec2_tags_start(struct loop *l, struct http *h, const struct config *c,
                                const struct credentials *who, const char *instance_id,
                                ec2_tags_fn fn, void *user, struct err *e)
{
    struct ec2_tags *t = new0(struct ec2_tags);
    _cleanup_buf_ struct buf id = BUF_INIT(TEXT_MAX);

    t->loop = l;
    t->http = h;
    t->config = c;
    t->who = who;
    t->fn = fn;
    t->user = user;
    backoff_init(&t->backoff, NS_PER_S / 2, EC2_WAIT_MAX, 2.0, 1.0);
    t->url = *c->ec2_endpoint
                 ? xasprintf("%s/", c->ec2_endpoint)
                 : xasprintf("https://ec2.%s.%s/", c->region, arn_dns_suffix_of_region(c->region));
    str_percent(&id, instance_id, strlen(instance_id), false);
    t->body = xasprintf("Action=DescribeTags&Version=" API_VERSION
                        "&Filter.1.Name=resource-id&Filter.1.Value.1=%s"
                        "&Filter.2.Name=resource-type&Filter.2.Value.1=instance&MaxResults=%d",
                        buf_str(&id), EC2_TAGS_MAX);
    if (try(t, e) < 0) {
        tags_free(t);
        return NULL;
    }
    return t;
}

void ec2_tags_cancel(struct ec2_tags *t)
{
    if (t)
        tags_free(t);
}
