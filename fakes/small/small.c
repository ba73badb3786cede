#include "fakes/small/small.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/json.h"
#include "fakes/aws/keyring.h"
#include "fakes/small/call.h"
#include "proto/arn.h"

#define XML_TYPE     "text/xml"
#define FORM_MAX     (1 << 20)
#define ROLE_DEFAULT (6 * 3600 * NS_PER_S)

static const struct small_op *const tables[] = {small_ssm, small_secrets, small_ecr, small_sts,
                                                small_ec2};

bool small_call_name(size_t i, char out[64])
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct small_op *op = tables[t]; op->name; op++)
            if (i-- == 0) {
                snprintf(out, 64, "%s.%s", op->service->name, op->name);
                return true;
            }
    return false;
}

/* --- which call is it? ----------------------------------------------------------------- */

/* For a form `name` is its Action, for JSON what stands behind the target's dot. */
static const struct small_op *find_op(const char *target, const char *version, const char *name)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct small_op *op = tables[t]; op->name; op++) {
            const struct small_service *v = op->service;

            if (str_eq(op->name, name) && (target ? v->target && str_eq(v->target, target)
                                                  : v->version && str_eq(v->version, version)))
                return op;
        }
    return NULL;
}

/* The parameters of a form as an object. */
static json_t *read_form(const char *s, size_t n)
{
    json_t *o = json_object();

    while (n) {
        size_t part = strnlen(s, n), key;
        const char *amp = memchr(s, '&', n);
        struct buf name = BUF_INIT(FORM_MAX), value = BUF_INIT(FORM_MAX);

        if (amp)
            part = (size_t)(amp - s);
        key = memchr(s, '=', part) ? (size_t)((const char *)memchr(s, '=', part) - s) : part;
        str_unpercent(&name, s, key, true);
        if (key < part)
            str_unpercent(&value, s + key + 1, part - key - 1, true);
        if (str_utf8_valid(buf_str(&value), buf_len(&value)) && buf_len(&name))
            json_put(o, buf_str(&name), json_stringn(buf_str(&value), buf_len(&value)));
        buf_release(&name);
        buf_release(&value);
        s += part + (amp ? 1 : 0);
        n -= part + (amp ? 1 : 0);
    }
    return o;
}

static bool is_credentials(const struct exchange *x)
{
    return str_starts(x->path, "/v2/credentials/") && str_eq(x->method, "GET");
}

/* What classify finds out and handle needs; lives with the exchange. */
struct found {
    const struct small_op *op;
    json_t *form;
};

static void free_found(void *data)
{
    struct found *f = data;

    json_decref(f->form);
    free(f);
}

static void classify(struct fake *f, struct exchange *x)
{
    const char *target = exchange_header(x, "X-Amz-Target"),
               *dot = target ? strrchr(target, '.') : NULL;
    struct found *found = new0(struct found);
    _cleanup_free_ char *name = NULL;

    (void)f;
    x->data = found;
    x->free_data = free_found;
    if (is_credentials(x)) {
        x->what = xstrdup("credentials");
        x->group = "credentials";
        return;
    }
    if (!str_eq(x->path, "/"))
        return;
    if (dot) {
        _cleanup_free_ char *prefix = xstrndup(target, (size_t)(dot - target));

        found->op = find_op(prefix, NULL, dot + 1);
    } else {
        bool post = str_eq(x->method, "POST");

        found->form = read_form(post ? buf_str(&x->body) : x->raw_query,
                                post ? buf_len(&x->body) : strlen(x->raw_query));
        found->op =
            find_op(NULL, json_str(found->form, "Version"), json_str(found->form, "Action"));
    }
    if (!found->op)
        return;
    name = xasprintf("%s.%s", found->op->service->name, found->op->name);
    if (found->op->service->protocol == SMALL_JSON) {
        aws_json_classify(x, name, found->op->service->name, found->op->shape);
        return;
    }
    x->what = xstrdup(name);
    x->group = found->op->service->name;
}

/* --- answers --------------------------------------------------------------------------- */

void small_answer(struct small_call *c, json_t *body)
{
    aws_json_answer(c->x, body);
}

void small_xml(struct buf *b, const char *name, const char *text)
{
    buf_addf(b, "<%s>", name);
    for (; text && *text; text++)
        switch (*text) {
        case '&':
            buf_adds(b, "&amp;");
            break;
        case '<':
            buf_adds(b, "&lt;");
            break;
        case '>':
            buf_adds(b, "&gt;");
            break;
        default:
            buf_addc(b, *text);
        }
    buf_addf(b, "</%s>", name);
}

static void namespace(struct buf *b, const struct small_service *v)
{
    buf_addf(b,
             v->protocol == SMALL_EC2 ? "http://ec2.amazonaws.com/doc/%s/"
                                      : "https://sts.amazonaws.com/doc/%s/",
             v->version);
}

static void send_xml(struct small_call *c, int status, struct buf *b)
{
    exchange_answer(c->x, status, XML_TYPE, buf_str(b), buf_len(b));
    buf_release(b);
}

void small_answer_xml(struct small_call *c, const struct buf *inside)
{
    const struct small_service *v = c->op->service;
    struct buf b = BUF_INIT(FORM_MAX);
    char id[37];

    world_uuid(c->s->fake.world, id);
    exchange_set_header(c->x, "x-amzn-RequestId", id);
    buf_addf(&b, "<%sResponse xmlns=\"", c->op->name);
    namespace(&b, v);
    buf_adds(&b, "\">");
    if (v->protocol == SMALL_EC2) {
        small_xml(&b, "requestId", id);
        buf_add(&b, buf_str(inside), buf_len(inside));
    } else {
        buf_addf(&b, "<%sResult>%s</%sResult><ResponseMetadata>", c->op->name, buf_str(inside),
                 c->op->name);
        small_xml(&b, "RequestId", id);
        buf_adds(&b, "</ResponseMetadata>");
    }
    buf_addf(&b, "</%sResponse>", c->op->name);
    send_xml(c, 200, &b);
}

static void fail_xml(struct small_call *c, enum small_protocol protocol, int status,
                     const char *code, const char *text)
{
    struct buf b = BUF_INIT(FORM_MAX);
    char id[37];

    world_uuid(c->s->fake.world, id);
    if (protocol == SMALL_EC2)
        buf_adds(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>");
    else
        buf_adds(&b, "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>");
    if (protocol != SMALL_EC2)
        small_xml(&b, "Type", status >= 500 ? "Receiver" : "Sender");
    small_xml(&b, "Code", code);
    small_xml(&b, "Message", text);
    buf_adds(&b, protocol == SMALL_EC2 ? "</Error></Errors>" : "</Error>");
    small_xml(&b, protocol == SMALL_EC2 ? "RequestID" : "RequestId", id);
    buf_adds(&b, protocol == SMALL_EC2 ? "</Response>" : "</ErrorResponse>");
    send_xml(c, status, &b);
}

void small_fail(struct small_call *c, int status, const char *code, const char *fmt, ...)
{
    enum small_protocol protocol = c->op ? c->op->service->protocol : SMALL_QUERY;
    _cleanup_free_ char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    if (protocol == SMALL_JSON)
        aws_json_error(c->x, status, code, text);
    else
        fail_xml(c, protocol, status ? status : 400, code, text);
}

/* --- who may do what ------------------------------------------------------------------- */

char *small_caller(const struct small_call *c)
{
    struct err e = ERR_INIT;
    const struct keyring *ring = keyring_of(c->s->fake.world, &e);
    const struct keyring_key *key =
        c->access_key && ring ? keyring_find(ring, c->access_key) : NULL;

    if (key && key->arn)
        return xstrdup(key->arn);
    return xasprintf("arn:%s:iam::%s:user/ecsim",
                     arn_partition_of_region(c->s->fake.world->id.region),
                     c->s->fake.world->id.account);
}

char *small_arn(const struct small *s, const char *service, const char *fmt, ...)
{
    const struct identity *id = &s->fake.world->id;
    _cleanup_free_ char *rest = NULL;
    va_list ap;

    va_start(ap, fmt);
    rest = xvasprintf(fmt, ap);
    va_end(ap);
    return xasprintf("arn:%s:%s:%s:%s:%s", arn_partition_of_region(id->region), service, id->region,
                     id->account, rest);
}

bool small_may(const struct small *s, const char *action)
{
    const char *glob;
    void *v;

    for (size_t i = 0; map_next(&s->denied, &i, &glob, &v);)
        if (str_glob(glob, action))
            return false;
    return true;
}

bool small_allowed(struct small_call *c, const char *resource)
{
    _cleanup_free_ char *action = xasprintf("%s:%s", c->op->service->name, c->op->name);
    _cleanup_free_ char *caller = small_caller(c);

    if (small_may(c->s, action))
        return true;
    small_fail(c, c->op->service->protocol == SMALL_JSON ? 400 : 403,
               c->op->service->protocol == SMALL_EC2    ? "UnauthorizedOperation"
               : c->op->service->protocol == SMALL_JSON ? "AccessDeniedException"
                                                        : "AccessDenied",
               "User: %s is not authorized to perform: %s on resource: %s because no "
               "identity-based policy allows the %s action",
               caller, action, resource, action);
    return false;
}

json_t *small_page(struct small_call *c, json_t *list, const char *max_name, int64_t usual,
                   int64_t most, const char *token_name, char **ret_token)
{
    const char *token = json_str(c->in, token_name);
    int64_t max = json_int(c->in, max_name, usual);
    uint64_t from = 0;
    json_t *page, *v;
    size_t i;

    *ret_token = NULL;
    if (max < 1 || max > most || (token && str_u64(token, json_array_size(list), &from) < 0)) {
        json_decref(list);
        small_fail(c, 0, token ? "InvalidNextToken" : "ValidationException",
                   token ? "The specified token isn't valid." : "%s has to be 1 to %lld.", max_name,
                   (long long)most);
        return NULL;
    }
    page = json_array();
    json_array_foreach (list, i, v)
        if (i >= from && i < from + (uint64_t)max)
            json_array_append(page, v);
    if (from + (uint64_t)max < json_array_size(list))
        *ret_token = xasprintf("%llu", (unsigned long long)(from + (uint64_t)max));
    json_decref(list);
    return page;
}

/* How the query protocols say what is wrong with a signature. */
static void refuse_signature(struct small_call *c, const struct sigv4 *s)
{
    bool ec2 = c->op->service->protocol == SMALL_EC2;

    if (c->op->service->protocol == SMALL_JSON)
        small_fail(c, 0, aws_json_signature_type(s->result), "%s", s->text);
    else if (s->result == SIGV4_UNSIGNED)
        small_fail(c, 403, ec2 ? "MissingParameter" : "MissingAuthenticationToken",
                   ec2 ? "The request must contain the parameter AWSAccessKeyId"
                       : "Request is missing Authentication Token");
    else if (ec2 && s->result != SIGV4_SKEWED && s->result != SIGV4_EXPIRED)
        small_fail(c, 401, "AuthFailure",
                   "AWS was not able to validate the provided access credentials");
    else if (s->result == SIGV4_UNKNOWN_KEY || s->result == SIGV4_BAD_TOKEN)
        small_fail(c, 403, "InvalidClientTokenId",
                   "The security token included in the request is invalid.");
    else if (s->result == SIGV4_EXPIRED_TOKEN)
        small_fail(c, 403, "ExpiredToken", "The security token included in the request is expired");
    else
        small_fail(c, s->result == SIGV4_MALFORMED ? 400 : 403,
                   s->result == SIGV4_MALFORMED ? "IncompleteSignature" : "SignatureDoesNotMatch",
                   "%s", s->text);
}

/* The region in a real name of a service: api.ecr.eu-west-1.amazonaws.com, ecr.eu-west-1.api.aws.
 * Any other name, an address too, is of the world's own region: NULL. To be freed. */
static char *region_of_host(const char *host)
{
    _cleanup_free_ char *name = host ? xstrndup(host, strcspn(host, ":")) : NULL;
    char *label = name, *dot;

    for (; label && (dot = strchr(label, '.')); label = dot + 1) {
        *dot = '\0';
        if (str_eq(dot + 1, arn_dns_suffix_of_region(label)) ||
            str_eq(dot + 1, arn_dual_stack_suffix_of_region(label)))
            return xstrdup(label);
    }
    return NULL;
}

static int verify(struct small_call *c, struct sigv4 *s)
{
    const struct sigv4_rules rules = {
        .service = c->op->service->name, .region = c->region, .skew = SIGV4_SKEW_JSON};

    if (sigv4_exchange(s, c->x, &rules) == SIGV4_OK)
        return 0;
    sigv4_note(s, &c->s->fake, c->x->what);
    refuse_signature(c, s);
    return -1;
}

static void handle_op(struct small_call *c, json_t *form)
{
    bool json = c->op->service->protocol == SMALL_JSON;
    /* it outlives the exchange: a handler may look at it after it answered */
    json_t *in = json ? aws_json_body(c->x, c->op->shape) : json_incref(form);

    c->in = in;
    if (in)
        c->op->handle(c);
    json_decref(in);
}

static void handle(struct fake *f, struct exchange *x)
{
    const struct found *found = x->data;
    _cleanup_free_ char *asked = region_of_host(exchange_header(x, "Host"));
    struct small_call c = {.s = (struct small *)f,
                           .x = x,
                           .op = found->op,
                           .region = asked ? asked : f->world->id.region};
    struct sigv4 s;

    if (str_eq(x->group, "credentials")) {
        small_container_credentials(c.s, x);
        return;
    }
    if (!c.op && exchange_header(x, "X-Amz-Target")) {
        aws_json_body(x, NULL);
        return;
    }
    if (!c.op) {
        const char *action = json_str(found->form, "Action"), *v = json_str(found->form, "Version");

        small_fail(&c, 400, "InvalidAction", "Could not find operation %s for version %s",
                   action ? action : "", v ? v : "NO_VERSION_SPECIFIED");
        return;
    }
    if (verify(&c, &s) == 0) {
        c.access_key = *s.access_key ? s.access_key : NULL;
        handle_op(&c, found->form);
    }
    sigv4_release(&s);
}

static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    const struct found *found = x->data;
    struct small_call c = {.s = (struct small *)f, .x = x, .op = found ? found->op : NULL};

    if (!c.op || c.op->service->protocol == SMALL_JSON) {
        aws_json_error(x, status, type, message);
        return;
    }
    if (!status)
        status = type && aws_json_status(type) >= 500 ? aws_json_status(type) : 400;
    if (!type)
        type = status >= 500 ? "InternalFailure" : status == 403 ? "AccessDenied" : "Throttling";
    fail_xml(&c, c.op->service->protocol, status, type, message ? message : type);
}

/* --- life, commands -------------------------------------------------------------------- */

static void clear(struct small *s)
{
    small_parameters_clear(s);
    small_secrets_clear(s);
    small_repositories_clear(s);
    map_release(&s->denied);
    json_decref(s->tags);
    free(s->role);
    free(s->role_token);
    free(s->token);
    s->role = s->role_token = s->token = NULL;
    s->token_lifetime = 0;
    s->tags = NULL;
}

static void reset(struct fake *f)
{
    struct small *s = (struct small *)f;
    struct keyring *ring = (struct keyring *)world_find(f->world, keyring_ops.name);

    clear(s);
    s->tags = json_array();
    if (ring)
        keyring_drop(ring, f->ops->name);
}

static int init(struct fake *f, struct err *e)
{
    ((struct small *)f)->tags = json_array();
    return keyring_of(f->world, e) ? 0 : -1;
}

static void release(struct fake *f)
{
    clear((struct small *)f);
}

static int do_role(struct small *s, const json_t *args, struct err *e)
{
    const char *name, *lifetime = json_str(args, "lifetime");
    int64_t ns = ROLE_DEFAULT;

    if (json_need_str(args, "name", &name, e) < 0)
        return -1;
    if (lifetime && (str_duration(lifetime, &ns) < 0 || ns <= 0))
        return err_set(e, ERR_USAGE, "lifetime is a duration like 6h, not %s", lifetime);
    free(s->role);
    free(s->role_token);
    s->role = *name ? xstrdup(name) : NULL;
    s->role_token = xstrdup(json_str(args, "token"));
    s->role_lifetime = ns;
    return 0;
}

static int do_token(struct small *s, const char *name, const json_t *args, struct err *e)
{
    const char *lifetime = json_str(args, "lifetime");
    int64_t ns = 0;

    if (lifetime && (str_duration(lifetime, &ns) < 0 || ns <= 0))
        return err_set(e, ERR_USAGE, "lifetime is a duration like 12h, not %s", lifetime);
    free(s->token);
    s->token = xstrdup(name);
    s->token_lifetime = ns;
    return 0;
}

static int do_tag(struct small *s, const json_t *args, struct err *e)
{
    const char *name, *value, *resource = json_str(args, "resource");

    if (json_need_str(args, "name", &name, e) < 0 || json_need_str(args, "value", &value, e) < 0)
        return -1;
    if (json_array_size(s->tags) >= SMALL_THINGS_MAX)
        return err_set(e, ERR_LIMIT, "there are too many tags");
    if (!resource)
        resource = s->fake.world->id.instance_id;
    json_array_append_new(s->tags,
                          json_pack("{s:s,s:s,s:s,s:s}", "resourceId", resource, "resourceType",
                                    str_starts(resource, "i-") ? "instance" : "volume", "key", name,
                                    "value", value));
    return 0;
}

static int control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e)
{
    static const char *const commands[] = {"parameter", "secret", "repository", "tag",
                                           "deny",      "allow",  "role",       "token"};
    struct small *s = (struct small *)f;
    const char *name, *value = json_str(args, "value"), *near;

    (void)ret;
    if (json_need_str(args, "name", &name, e) < 0)
        return -1;
    if (str_eq(command, "parameter"))
        return small_parameter_set(s, name, json_str(args, "type"), value, e);
    if (str_eq(command, "secret"))
        return small_secret_set(s, name, value, e);
    if (str_eq(command, "repository"))
        return small_repository_set(s, name, json_str(args, "tag"), e);
    if (str_eq(command, "tag"))
        return do_tag(s, args, e);
    if (str_eq(command, "token"))
        return do_token(s, name, args, e);
    if (str_eq(command, "role"))
        return do_role(s, args, e);
    if (str_eq(command, "deny"))
        return map_set(&s->denied, name, s), 0;
    if (str_eq(command, "allow"))
        return map_remove(&s->denied, name)
                   ? 0
                   : err_set(e, ERR_NOT_FOUND, "aws: %s was not denied", name);
    near = str_nearest(command, commands, ARRAY_SIZE(commands));
    return err_set(e, ERR_USAGE, "aws: no command '%s'%s%s", command, near ? "; did you mean " : "",
                   near ? near : "");
}

static void operations(struct buf *out)
{
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct small_op *op = tables[t]; op->name; op++)
            buf_addf(out, "%s %s %s\n", op->service->name, op->name, op->service->name);
}

static void pending(struct fake *f, struct buf *out)
{
    (void)f;
    (void)out;
}

static const char *const groups[] = {"ssm", "secretsmanager", "ecr", "sts",
                                     "ec2", "credentials",    NULL};

const struct fake_ops small_ops = {
    .name = "aws",
    .doc = "small services: STS, SSM, Secrets Manager, ECR, EC2 tags, container credentials",
    .size = sizeof(struct small),
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
