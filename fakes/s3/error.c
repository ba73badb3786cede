#include "fakes/s3/error.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/exchange.h"
#include "fakes/s3/call.h"
#include "fakes/s3/xml.h"

static const struct {
    const char *code;
    int status;
    const char *text;
} errors[] = {
    {"AccessControlListNotSupported", 400, "The bucket does not allow ACLs"},
    {"AccessDenied", 403, "Access Denied"},
    {"AccessForbidden", 403, "Access forbidden"},
    {"AuthorizationHeaderMalformed", 400, "The authorization header is malformed."},
    {"AuthorizationQueryParametersError", 400,
     "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
     "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."},
    {"BadRequest", 400, "An error occurred when parsing the HTTP request."},
    {"BadDigest", 400, "The Content-MD5 you specified did not match what we received."},
    {"BucketAlreadyExists", 409,
     "The requested bucket name is not available. The bucket namespace is shared by all users of "
     "the system. Please select a different name and try again."},
    {"BucketAlreadyOwnedByYou", 409,
     "Your previous request to create the named bucket succeeded and you already own it."},
    {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty"},
    {"EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size"},
    {"EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size"},
    {"ExpiredToken", 400, "The provided token has expired."},
    {"IllegalVersioningConfigurationException", 400, "The Versioning element must be specified"},
    {"IllegalLocationConstraintException", 400,
     "The unspecified location constraint is incompatible for the region specific endpoint this "
     "request was sent to."},
    {"IncompleteBody", 400,
     "You did not provide the number of bytes specified by the Content-Length HTTP header"},
    {"InternalError", 500, "We encountered an internal error. Please try again."},
    {"InvalidAccessKeyId", 403,
     "The AWS Access Key Id you provided does not exist in our records."},
    {"InvalidArgument", 400, "Invalid Argument"},
    {"InvalidBucketAclWithObjectOwnership", 400,
     "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
    {"InvalidBucketName", 400, "The specified bucket is not valid."},
    {"InvalidDigest", 400, "The Content-MD5 you specified was invalid."},
    {"InvalidLocationConstraint", 400, "The specified location-constraint is not valid"},
    {"InvalidObjectState", 403, "The operation is not valid for the object's storage class"},
    {"InvalidPart", 400,
     "One or more of the specified parts could not be found.  The part may not have been "
     "uploaded, or the specified entity tag may not match the part's entity tag."},
    {"InvalidPartNumber", 416, "The requested partnumber is not satisfiable"},
    {"InvalidPartOrder", 400,
     "The list of parts was not in ascending order. Parts must be ordered by part number."},
    {"InvalidRange", 416, "The requested range is not satisfiable"},
    {"InvalidRequest", 400, "Invalid Request"},
    {"InvalidStorageClass", 400, "The storage class you specified is not valid"},
    {"InvalidTag", 400, "The tag provided was not a valid tag."},
    {"InvalidToken", 400, "The provided token is malformed or otherwise invalid."},
    {"InvalidURI", 400, "Couldn't parse the specified URI."},
    {"KeyTooLongError", 400, "Your key is too long"},
    {"KMS.DisabledException", 400,
     "The request was rejected because the specified KMS key is "
     "not enabled."},
    {"MalformedXML", 400,
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {"MaxMessageLengthExceeded", 400, "Your request was too big."},
    {"MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size"},
    {"MethodNotAllowed", 405, "The specified method is not allowed against this resource."},
    {"MissingContentLength", 411, "You must provide the Content-Length HTTP header."},
    {"MissingRequestBodyError", 400, "Request Body is empty"},
    {"NoSuchBucket", 404, "The specified bucket does not exist"},
    {"NoSuchBucketPolicy", 404, "The bucket policy does not exist"},
    {"NoSuchCORSConfiguration", 404, "The CORS configuration does not exist"},
    {"NoSuchKey", 404, "The specified key does not exist."},
    {"NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist"},
    {"NoSuchPublicAccessBlockConfiguration", 404,
     "The public access block configuration was not found"},
    {"NoSuchTagSet", 404, "The TagSet does not exist"},
    {"NoSuchUpload", 404,
     "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
     "been aborted or completed."},
    {"NoSuchVersion", 404, "The specified version does not exist."},
    {"NoSuchWebsiteConfiguration", 404,
     "The specified bucket does not have a website configuration"},
    {"NotImplemented", 501, /* S3's own words follow */
     "A header you provided implies functionality that is not implemented"}, /* lint-ok: words */
    {"ObjectLockConfigurationNotFoundError", 404,
     "Object Lock configuration does not exist for this bucket"},
    {"OwnershipControlsNotFoundError", 404, "The bucket ownership controls were not found"},
    {"PermanentRedirect", 301,
     "The bucket you are attempting to access must be addressed using the specified endpoint. "
     "Please send all future requests to this endpoint."},
    {"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
    {"ReplicationConfigurationNotFoundError", 404, "The replication configuration was not found"},
    {"RequestTimeTooSkewed", 403,
     "The difference between the request time and the current time is too large."},
    {"RequestTimeout", 400,
     "Your socket connection to the server was not read from or written to within the timeout "
     "period. Idle connections will be closed."},
    {"ServiceUnavailable", 503, "Please reduce your request rate."},
    {"SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the signature you provided. Check your "
     "key and signing method."},
    {"SlowDown", 503, "Please reduce your request rate."},
    {"TooManyBuckets", 400, "You have attempted to create more buckets than allowed"},
    {"XAmzContentSHA256Mismatch", 400,
     "The provided 'x-amz-content-sha256' header does not match what was computed."},
};

static int find(const char *code)
{
    for (size_t i = 0; code && i < ARRAY_SIZE(errors); i++)
        if (str_eq(errors[i].code, code))
            return (int)i;
    return -1;
}

int s3_error_status(const char *code)
{
    int i = find(code);

    return i < 0 ? 400 : errors[i].status;
}

const char *s3_error_text(const char *code)
{
    int i = find(code);

    return i < 0 ? NULL : errors[i].text;
}

const char *s3_error_code(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {
        {301, "PermanentRedirect"}, {400, "InvalidRequest"},   {403, "AccessDenied"},
        {404, "NoSuchKey"},         {405, "MethodNotAllowed"}, {412, "PreconditionFailed"},
        {416, "InvalidRange"},      {501, "NotImplemented"},   {503, "SlowDown"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return status < 500 ? "InvalidRequest" : "InternalError";
}

void s3_fail_member(struct s3_call *c, const char *name, const char *value)
{
    if (value)
        s3_xml_add(&c->error.members, name, value);
}

int s3_fail(struct s3_call *c, const char *code, ...)
{
    va_list ap;
    const char *name;

    if (c->error.code)
        return -1;
    c->error.code = code;
    va_start(ap, code);
    while ((name = va_arg(ap, const char *)))
        s3_fail_member(c, name, va_arg(ap, const char *));
    va_end(ap);
    return -1;
}

int s3_failf(struct s3_call *c, const char *code, const char *fmt, ...)
{
    va_list ap;

    if (c->error.code)
        return -1;
    c->error.code = code;
    va_start(ap, fmt);
    c->error.message = xvasprintf(fmt, ap);
    va_end(ap);
    return -1;
}

/* Looks random, is the same in every run, and takes nothing from the world's generator, so that
 * requests do not move the faults that are thrown. */
static uint64_t mix(uint64_t v)
{
    v += 0x9e3779b97f4a7c15;
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

static const char *request_id(const struct exchange *x, char out[17])
{
    snprintf(out, 17, "%016llX", (unsigned long long)mix(x->id));
    return out;
}

static void host_id(const struct exchange *x, struct buf *out)
{
    uint64_t bytes[7];

    for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
        bytes[i] = mix(x->id * 8 + i);
    str_base64(out, bytes, sizeof(bytes));
}

void s3_common_headers(struct exchange *x)
{
    struct buf b = BUF_INIT(128);
    char id[17];

    host_id(x, &b);
    exchange_set_header(x, "x-amz-id-2", buf_str(&b));
    exchange_set_header(x, "x-amz-request-id", request_id(x, id));
    exchange_set_header(x, "Server", "AmazonS3");
    buf_release(&b);
}

void s3_error_answer(struct exchange *x, const struct s3_error *e)
{
    struct buf b = BUF_INIT(2 * S3_ERROR_MEMBERS_MAX), host = BUF_INIT(128);
    const char *text = e->message ? e->message : s3_error_text(e->code);
    char id[17];

    s3_common_headers(x);
    buf_adds(&b, S3_XML_HEAD "<Error>");
    s3_xml_add(&b, "Code", e->code);
    s3_xml_add(&b, "Message", text ? text : e->code);
    buf_add(&b, buf_str(&e->members), buf_len(&e->members));
    s3_xml_add(&b, "RequestId", request_id(x, id));
    host_id(x, &host);
    s3_xml_add(&b, "HostId", buf_str(&host));
    buf_adds(&b, "</Error>");
    exchange_answer(x, e->status ? e->status : s3_error_status(e->code), "application/xml",
                    buf_str(&b), x->head_only ? 0 : buf_len(&b));
    buf_release(&b);
    buf_release(&host);
}

void s3_error_release(struct s3_error *e)
{
    free(e->message);
    buf_release(&e->members);
}
