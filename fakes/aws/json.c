#include "fakes/aws/json.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"

/* Error types whose status is not 400, and what they say when nobody words them. */
static const struct error_type {
    const char *type;
    int status;
    const char *message;
} error_types[] = {
    {"ClientException", 400, "The request is not valid."},
    {"AccessDeniedException", 400, "User is not authorized to perform this operation."},
    {"ThrottlingException", 400, "Rate exceeded"},
    {"InvalidParameterException", 400, "A parameter is not valid."},
    {"LimitExceededException", 400, "The limit for the resource was exceeded."},
    {"ClusterNotFoundException", 400, "Cluster not found."},
    {"ServerException", 500, "Service Unavailable. Please try again later."},
    {"InternalFailure", 500, "The request processing has failed because of an unknown error."},
    {"InternalServerError", 500, "An internal server error occurred."},
    {"ServiceUnavailable", 503, "Service is unavailable. Try again later."},
    {"ServiceUnavailableException", 503, "Service is unavailable. Try again later."},
    {"MissingAuthenticationTokenException", 400, "Missing Authentication Token"},
    {"UnrecognizedClientException", 400, "The security token included in the request is invalid."},
    {"ExpiredTokenException", 400, "The security token included in the request is expired"},
    {"InvalidSignatureException", 400,
     "The request signature we calculated does not match the signature you provided. Check your "
     "AWS Secret Access Key and signing method. Consult the service documentation for details."},
    {"SerializationException", 400, "The request could not be read."},
    {"RequestEntityTooLargeException", 413, "The request is too large."},
};

static const struct error_type *find_type(const char *type)
{
    for (size_t i = 0; type && i < ARRAY_SIZE(error_types); i++)
        if (str_eq(error_types[i].type, type))
            return &error_types[i];
    return NULL;
}

int aws_json_status(const char *type)
{
    const struct error_type *t = find_type(type);

    return t ? t->status : 400;
}

static const char *type_of_status(int status)
{
    switch (status) {
    case 401:
        return "MissingAuthenticationTokenException";
    case 403:
        return "AccessDeniedException";
    case 413:
        return "RequestEntityTooLargeException";
    case 429:
        return "ThrottlingException";
    case 503:
        return "ServiceUnavailableException";
    default:
        return status >= 500 ? "ServerException" : "ClientException";
    }
}

static void set_request_id(struct exchange *x)
{
    char id[37];

    world_uuid(x->fake->world, id);
    exchange_set_header(x, "x-amzn-RequestId", id);
}

void aws_json_answer(struct exchange *x, json_t *body)
{
    set_request_id(x);
    exchange_answer_json(x, 200, AWS_JSON_TYPE, body, false);
}

void aws_json_error(struct exchange *x, int status, const char *type, const char *message)
{
    json_t *body = json_object();
    const struct error_type *t;

    if (!type)
        type = type_of_status(status ? status : 500);
    t = find_type(type);
    if (!status)
        status = t ? t->status : 400;
    if (!message && t)
        message = t->message;
    json_put_str(body, "__type", type);
    json_put_str(body, "message", message);
    set_request_id(x);
    exchange_set_header(x, "x-amzn-ErrorType", type);
    exchange_answer_json(x, status, AWS_JSON_TYPE, body, false);
}

void aws_json_errorf(struct exchange *x, const char *type, const char *fmt, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    aws_json_error(x, 0, type, text);
}

const char *aws_json_signature_type(enum sigv4_result r)
{
    switch (r) {
    case SIGV4_UNSIGNED:
        return "MissingAuthenticationTokenException";
    case SIGV4_MALFORMED:
    case SIGV4_BAD_ALGORITHM:
    case SIGV4_BAD_DATE:
    case SIGV4_BAD_EXPIRES:
        return "IncompleteSignatureException";
    case SIGV4_UNKNOWN_KEY:
    case SIGV4_BAD_TOKEN:
        return "UnrecognizedClientException";
    case SIGV4_EXPIRED_TOKEN:
        return "ExpiredTokenException";
    default:
        return "InvalidSignatureException";
    }
}

int aws_json_verify(struct exchange *x, const struct sigv4_rules *rules)
{
    struct sigv4 s;
    int r = 0;

    if (sigv4_exchange(&s, x, rules) != SIGV4_OK) {
        sigv4_note(&s, x->fake, x->what);
        aws_json_error(x, 0, aws_json_signature_type(s.result), s.text);
        r = -1;
    }
    sigv4_release(&s);
    return r;
}

void aws_json_classify(struct exchange *x, const char *name, const char *group,
                       const struct shape *shape)
{
    const json_t *body = exchange_json(x, NULL);
    struct shape_error se;
    bool fits = body && shape_check(shape, body, &se) == SHAPE_FITS;

    x->what = fits ? xstrdup(name) : xasprintf("malformed %s", name);
    x->group = fits ? group : NULL;
}

json_t *aws_json_body(struct exchange *x, const struct shape *shape)
{
    struct err e = ERR_INIT;
    struct shape_error se;
    json_t *body;

    if (!shape) {
        aws_json_error(x, 0, "UnknownOperationException", NULL);
        return NULL;
    }
    body = exchange_json(x, &e);
    if (body && shape_check(shape, body, &se) == SHAPE_FITS)
        return json_incref(body);
    if (body)
        journal_note(fake_journal(x->fake), x->fake->ops->name, "%s: %s: %s", x->what, se.where,
                     se.text);
    else
        journal_note(fake_journal(x->fake), x->fake->ops->name, "%s: the body is no JSON: %s",
                     x->what, e.text);
    aws_json_error(x, 0, "SerializationException", body ? se.text : NULL);
    return NULL;
}

const char *aws_json_operation(const struct exchange *x, const char *prefix)
{
    const char *target = exchange_header(x, "X-Amz-Target");
    const char *op = target ? str_after(target, prefix) : NULL;

    return op && *op == '.' && op[1] ? op + 1 : NULL;
}
