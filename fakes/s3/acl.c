/*
 * call.h: what was asked for beside the call itself and cannot be given.
 *
 * Buckets are as they are made today: "bucket owner enforced", so nothing has a list of
 * who may do what. S3 refuses to set one, but for the lists that say what holds anyway. Keys of
 * the customer's own (SSE-C) are not offered: what came with one must not be kept in the clear as
 * if nothing had been said.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

/* The name of the first header that begins so, or NULL. */
static const char *header_with(const struct exchange *x, const char *prefix)
{
    for (size_t i = 0; i < x->n_headers; i++)
        if (!strncasecmp(x->headers[i].name, prefix, strlen(prefix)))
            return x->headers[i].name;
    return NULL;
}

int s3_check_acl(struct s3_call *c)
{
    const char *canned = exchange_header(c->x, "x-amz-acl");
    bool grants = header_with(c->x, "x-amz-grant-") != NULL;

    /* that nobody else may is what holds anyway; rclone says it with each object */
    if (!grants && (!canned || !*canned || str_eq(canned, "private")))
        return 0;
    if (c->level == S3_BUCKET)
        return s3_fail(c, "InvalidBucketAclWithObjectOwnership", NULL);
    return !grants && str_eq(canned, "bucket-owner-full-control")
               ? 0
               : s3_fail(c, "AccessControlListNotSupported", NULL);
}

int s3_put_acl(struct s3_call *c)
{
    return c->key && !s3_need_object(c) ? -1 : s3_fail(c, "AccessControlListNotSupported", NULL);
}

/* The account that the bucket is believed to belong to: it has to be ours. */
static int check_owner(struct s3_call *c, const char *header)
{
    const char *expected = exchange_header(c->x, header);

    return expected && !str_eq(expected, c->s3->fake.world->id.account)
               ? s3_fail(c, "AccessDenied", NULL)
               : 0;
}

int s3_check_asked(struct s3_call *c)
{
    static const char *const prefixes[] = {
        "x-amz-server-side-encryption-customer-",
        "x-amz-copy-source-server-side-encryption-customer-",
        "x-amz-write-offset-bytes", /* appends; directory buckets have them */
    };

    if (check_owner(c, "x-amz-expected-bucket-owner") < 0 ||
        check_owner(c, "x-amz-source-expected-bucket-owner") < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (header_with(c->x, prefixes[i]))
            return s3_fail(c, "NotImplemented", "Header", header_with(c->x, prefixes[i]), NULL);
    if (!(c->op->flags & S3_ACL))
        return 0;
    if (c->key && header_with(c->x, "x-amz-object-lock-"))
        return s3_failf(c, "InvalidRequest", "Bucket is missing Object Lock Configuration");
    return s3_check_acl(c);
}

int s3_preflight(struct s3_call *c)
{
    if (!exchange_header(c->x, "Origin"))
        return s3_failf(c, "BadRequest", "Insufficient information. Origin request header needed.");
    if (!exchange_header(c->x, "Access-Control-Request-Method"))
        return s3_failf(c, "BadRequest", "Invalid Access-Control-Request-Method: null");
    s3_failf(c, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.");
    s3_fail_member(c, "Method", exchange_header(c->x, "Access-Control-Request-Method"));
    s3_fail_member(c, "ResourceType", c->level == S3_OBJECT ? "OBJECT" : "BUCKET");
    return -1;
}
