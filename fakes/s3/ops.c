/* The table of operations, and how a request finds its own. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

#define CONFIG(level, param, name)                                                                 \
    {                                                                                              \
        "GET", level, param, name, "read", 0, s3_get_configuration                                 \
    }

/* The first that fits wins: those with a parameter stand before those without. */
static const struct s3_op ops[] = {
    {"GET", S3_SERVICE, NULL, "ListBuckets", "read", S3_NO_BUCKET, s3_list_buckets},
    {"GET", S3_BUCKET, "location", "GetBucketLocation", "read", 0, s3_bucket_location},
    {"GET", S3_BUCKET, "uploads", "ListMultipartUploads", "read", 0, s3_list_uploads},
    {"POST", S3_BUCKET, "delete", "DeleteObjects", "write", 0, s3_delete_objects},
    CONFIG(S3_BUCKET, "accelerate", "GetBucketAccelerateConfiguration"),
    CONFIG(S3_BUCKET, "acl", "GetBucketAcl"),
    CONFIG(S3_BUCKET, "cors", "GetBucketCors"),
    CONFIG(S3_BUCKET, "encryption", "GetBucketEncryption"),
    CONFIG(S3_BUCKET, "lifecycle", "GetBucketLifecycleConfiguration"),
    CONFIG(S3_BUCKET, "logging", "GetBucketLogging"),
    CONFIG(S3_BUCKET, "notification", "GetBucketNotificationConfiguration"),
    CONFIG(S3_BUCKET, "object-lock", "GetObjectLockConfiguration"),
    CONFIG(S3_BUCKET, "ownershipControls", "GetBucketOwnershipControls"),
    CONFIG(S3_BUCKET, "policy", "GetBucketPolicy"),
    CONFIG(S3_BUCKET, "publicAccessBlock", "GetPublicAccessBlock"),
    CONFIG(S3_BUCKET, "replication", "GetBucketReplication"),
    CONFIG(S3_BUCKET, "requestPayment", "GetBucketRequestPayment"),
    {"GET", S3_BUCKET, "tagging", "GetBucketTagging", "read", 0, s3_get_bucket_tags},
    {"PUT", S3_BUCKET, "tagging", "PutBucketTagging", "write", 0, s3_put_bucket_tags},
    {"DELETE", S3_BUCKET, "tagging", "DeleteBucketTagging", "write", 0, s3_delete_bucket_tags},
    {"GET", S3_BUCKET, "versioning", "GetBucketVersioning", "read", 0, s3_get_versioning},
    {"PUT", S3_BUCKET, "versioning", "PutBucketVersioning", "write", 0, s3_put_versioning},
    CONFIG(S3_BUCKET, "website", "GetBucketWebsite"),
    {"GET", S3_BUCKET, "versions", "ListObjectVersions", "read", 0, s3_list_versions},
    {"GET", S3_BUCKET, "list-type", "ListObjectsV2", "read", S3_PUBLIC, s3_list_objects_v2},
    {"GET", S3_BUCKET, NULL, "ListObjects", "read", S3_PUBLIC, s3_list_objects},
    {"HEAD", S3_BUCKET, NULL, "HeadBucket", "read", S3_PUBLIC, s3_head_bucket},
    {"PUT", S3_BUCKET, NULL, "CreateBucket", "write", S3_NO_BUCKET | S3_ACL, s3_create_bucket},
    {"DELETE", S3_BUCKET, NULL, "DeleteBucket", "write", 0, s3_delete_bucket},
    {"PUT", S3_BUCKET, "encryption", "PutBucketEncryption", "write", 0, s3_put_bucket_encryption},
    {"DELETE", S3_BUCKET, "encryption", "DeleteBucketEncryption", "write", 0,
     s3_delete_bucket_encryption},
    {"PUT", S3_BUCKET, "acl", "PutBucketAcl", "write", 0, s3_put_acl},
    {"OPTIONS", S3_BUCKET, NULL, "OptionsBucket", "read", S3_ANYBODY, s3_preflight},
    {"GET", S3_OBJECT, "uploadId", "ListParts", "read", 0, s3_list_parts},
    {"GET", S3_OBJECT, "attributes", "GetObjectAttributes", "read", 0, s3_object_attributes},
    CONFIG(S3_OBJECT, "acl", "GetObjectAcl"),
    {"GET", S3_OBJECT, "tagging", "GetObjectTagging", "read", 0, s3_get_tags},
    {"PUT", S3_OBJECT, "tagging", "PutObjectTagging", "write", 0, s3_put_tags},
    {"DELETE", S3_OBJECT, "tagging", "DeleteObjectTagging", "write", 0, s3_delete_tags},
    {"POST", S3_OBJECT, "uploads", "CreateMultipartUpload", "write", S3_ACL, s3_create_upload},
    {"POST", S3_OBJECT, "uploadId", "CompleteMultipartUpload", "write", 0, s3_complete_upload},
    {"PUT", S3_OBJECT, "uploadId", "UploadPartCopy", "write", S3_COPY, s3_upload_part_copy},
    {"PUT", S3_OBJECT, "uploadId", "UploadPart", "write", S3_CONTENT, s3_upload_one_part},
    {"DELETE", S3_OBJECT, "uploadId", "AbortMultipartUpload", "write", 0, s3_abort_upload},
    {"GET", S3_OBJECT, NULL, "GetObject", "read", S3_PUBLIC, s3_get_object},
    {"HEAD", S3_OBJECT, NULL, "HeadObject", "read", S3_PUBLIC, s3_get_object},
    {"PUT", S3_OBJECT, NULL, "CopyObject", "write", S3_COPY | S3_ACL, s3_copy_object},
    {"PUT", S3_OBJECT, NULL, "PutObject", "write", S3_CONTENT | S3_ACL, s3_put_object},
    {"DELETE", S3_OBJECT, NULL, "DeleteObject", "write", 0, s3_delete_object},
    {"PUT", S3_OBJECT, "acl", "PutObjectAcl", "write", 0, s3_put_acl},
    {"OPTIONS", S3_OBJECT, NULL, "OptionsObject", "read", S3_ANYBODY, s3_preflight},
};

void s3_operations(struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        if (!(ops[i].flags & S3_ANYBODY)) /* a preflight is the browser's, no operation */
            buf_addf(out, "s3 %s %s\n", ops[i].name, ops[i].group);
}

/* Parameters that make a request about something else than the bucket or object itself. A
 * request with one of them fits only an operation that names it. */
static const char *const subresources[] = {
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
};

static const char *subresource(const struct exchange *x)
{
    for (size_t i = 0; *x->raw_query && i < ARRAY_SIZE(subresources); i++)
        if (exchange_has_param(x, subresources[i]))
            return subresources[i];
    return NULL;
}

static bool fits(const struct s3_op *op, const struct s3_call *c, const char *sub)
{
    const struct exchange *x = c->x;

    if (op->level != c->level || !str_eq(op->method, x->method))
        return false;
    if ((op->flags & S3_COPY) && !exchange_header(x, "x-amz-copy-source"))
        return false;
    if (op->param && str_eq(op->param, "list-type"))
        return !sub && exchange_has_param(x, op->param);
    return str_eq(op->param, sub);
}

void s3_call_find_op(struct s3_call *c)
{
    static const char *const kinds[] = {"SERVICE", "BUCKET", "OBJECT"};
    static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
    const char *sub = subresource(c->x);

    for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
        if (fits(&ops[i], c, sub)) {
            c->op = &ops[i];
            return;
        }
    for (size_t i = 0; sub && i < ARRAY_SIZE(methods); i++)
        if (str_eq(methods[i], c->x->method)) {
            s3_fail(c, "NotImplemented", "Header", sub, NULL);
            return;
        }
    if (c->level == S3_BUCKET && str_eq(c->x->method, "POST")) { /* PostObject: a browser's form */
        s3_fail(c, "NotImplemented", "Header", "Content-Type", NULL);
        return;
    }
    s3_fail(c, "MethodNotAllowed", "Method", c->x->method, "ResourceType", kinds[c->level], NULL);
}
