/* Who asks, and how S3 says no. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

#define MALFORMED  "The authorization header is malformed; "
#define CREDENTIAL "Error parsing the X-Amz-Credential parameter; "

const char *s3_call_region(const struct s3_call *c)
{
    const struct s3_bucket *b = c->bucket_name ? s3_bucket_find(c->s3, c->bucket_name) : NULL;

    return b ? b->region : c->global ? "us-east-1" : c->s3->fake.world->id.region;
}

/* For "HTTP header" and "query" forms of the same fault S3 has two codes. */
static const char *form_code(const struct s3_call *c)
{
    return c->sig.presigned ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed";
}

static int wrong_scope(struct s3_call *c)
{
    const char *begin = c->sig.presigned ? CREDENTIAL : MALFORMED;

    switch (c->sig.wrong) {
    case SIGV4_SCOPE_REGION:
        s3_failf(c, form_code(c), "%sthe region '%s' is wrong; expecting '%s'", begin,
                 c->sig.region, s3_call_region(c));
        s3_fail_member(c, "Region", s3_call_region(c));
        return -1;
    case SIGV4_SCOPE_SERVICE:
        return s3_failf(c, form_code(c), "%sincorrect service. This endpoint belongs to \"s3\".",
                        begin);
    case SIGV4_SCOPE_TERMINATOR:
        return s3_failf(c, form_code(c),
                        "%sincorrect terminal. This endpoint uses \"aws4_request\".", begin);
    default:
        return s3_failf(c, form_code(c),
                        "Invalid credential date. This date is not the same as X-Amz-Date: "
                        "\"%.8s\".",
                        c->sig.amz_date);
    }
}

static int skewed(struct s3_call *c)
{
    char now[40], asked[17];

    if (c->sig.presigned)
        return s3_failf(c, "AccessDenied", "Request is not valid yet");
    return s3_fail(c, "RequestTimeTooSkewed", "RequestTime",
                   str_format_amz_date(c->sig.date, asked), "ServerTime",
                   str_format_time(s3_now(c), 0, now), "MaxAllowedSkewMilliseconds", "900000",
                   NULL);
}

static int expired(struct s3_call *c)
{
    char now[40], end[40], seconds[24];

    snprintf(seconds, sizeof(seconds), "%lld", (long long)c->sig.expires);
    s3_failf(c, "AccessDenied", "Request has expired");
    if (!c->version_2)
        s3_fail_member(c, "X-Amz-Expires", seconds);
    s3_fail_member(c, "Expires", str_format_time(c->sig.date + c->sig.expires * NS_PER_S, 0, end));
    s3_fail_member(c, "ServerTime", str_format_time(s3_now(c), 0, now));
    return -1;
}

/* "41 57 53 ...", the bytes of what was signed, as S3 shows them beside the text. */
static char *bytes_of(const struct buf *b)
{
    struct buf out = BUF_INIT(S3_ERROR_MEMBERS_MAX);
    const char *s = buf_str(b);

    for (size_t i = 0; i < buf_len(b) && buf_len(b) < 16384; i++)
        buf_addf(&out, "%s%02x", i ? " " : "", (unsigned char)s[i]);
    return buf_steal(&out, NULL);
}

static int mismatch(struct s3_call *c)
{
    char *to_sign = bytes_of(&c->sig.to_sign), *canonical = bytes_of(&c->sig.canonical);

    s3_fail(c, "SignatureDoesNotMatch", "AWSAccessKeyId", c->sig.access_key, "StringToSign",
            buf_str(&c->sig.to_sign), "SignatureProvided", c->sig.signature, "StringToSignBytes",
            to_sign, NULL);
    if (!c->version_2) {
        s3_fail_member(c, "CanonicalRequest", buf_str(&c->sig.canonical));
        s3_fail_member(c, "CanonicalRequestBytes", canonical);
    }
    free(to_sign);
    free(canonical);
    return -1;
}

int s3_call_auth_failed(struct s3_call *c)
{
    switch (c->sig.result) {
    case SIGV4_OK:
        return 0;
    case SIGV4_UNSIGNED:
        return s3_fail(c, "AccessDenied", NULL);
    case SIGV4_MALFORMED:
    case SIGV4_BAD_EXPIRES:
        return s3_failf(c, form_code(c), "%s", c->sig.text);
    case SIGV4_BAD_ALGORITHM:
        return s3_failf(c, "InvalidRequest",
                        "The authorization mechanism you have provided is not supported. Please "
                        "use AWS4-HMAC-SHA256.");
    case SIGV4_BAD_DATE:
        return s3_failf(c, "AccessDenied",
                        "AWS authentication requires a valid Date or x-amz-date header");
    case SIGV4_UNKNOWN_KEY:
        return s3_fail(c, "InvalidAccessKeyId", "AWSAccessKeyId", c->sig.access_key, NULL);
    case SIGV4_BAD_TOKEN:
        return s3_fail(c, "InvalidToken", NULL);
    case SIGV4_EXPIRED_TOKEN:
        return s3_fail(c, "ExpiredToken", NULL);
    case SIGV4_WRONG_SCOPE:
        return wrong_scope(c);
    case SIGV4_SKEWED:
        return skewed(c);
    case SIGV4_EXPIRED:
        return expired(c);
    case SIGV4_HOST_UNSIGNED:
        return s3_failf(c, "AccessDenied", "%s", c->sig.text);
    case SIGV4_BAD_FRAMING:
        return s3_fail(c, "IncompleteBody", NULL);
    case SIGV4_BAD_PAYLOAD:
        return s3_fail(c, "XAmzContentSHA256Mismatch", NULL);
    default:
        return mismatch(c);
    }
}

/* S3 wants the header whenever the request is signed in its headers. */
static int check_claim(struct s3_call *c)
{
    const char *claim = exchange_header(c->x, "x-amz-content-sha256");

    if (!c->sig.checked || (c->sig.presigned && !claim))
        return 0;
    if (!claim)
        return s3_failf(c, "InvalidRequest",
                        "Missing required header for this request: x-amz-content-sha256");
    if (c->sig.payload == SIGV4_PAYLOAD_HASHED &&
        (strlen(claim) != 64 || strspn(claim, "0123456789abcdefABCDEF") != 64)) {
        s3_failf(c, "InvalidArgument",
                 "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                 "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.");
        s3_fail_member(c, "ArgumentName", "x-amz-content-sha256");
        s3_fail_member(c, "ArgumentValue", claim);
        return -1;
    }
    return 0;
}

void s3_call_authorize(struct s3_call *c)
{
    const struct s3_bucket *b = c->bucket_name ? s3_bucket_find(c->s3, c->bucket_name) : NULL;
    unsigned flags = c->op ? c->op->flags : 0;
    bool open = (b && b->public && (flags & S3_PUBLIC)) || (flags & S3_ANYBODY);
    struct sigv4_rules rules = {
        .service = "s3",
        .region = s3_call_region(c),
        .skew = SIGV4_SKEW_S3,
        .s3 = true,
    };

    sigv4_exchange(&c->sig, c->x, &rules);
    if (c->s3->fake.world->verify_signatures && c->sig.result == SIGV4_UNSIGNED &&
        s3_is_version_2(c))
        s3_verify_version_2(c);
    if (c->sig.result == SIGV4_UNSIGNED && open) {
        c->sig.result = SIGV4_OK;
        c->sig.checked = false;
        return;
    }
    /* who does not say a name is told of a bucket that is not there, and nothing else */
    if (c->sig.result == SIGV4_UNSIGNED && c->bucket_name && !b && !(flags & S3_NO_BUCKET)) {
        s3_fail(c, "NoSuchBucket", "BucketName", c->bucket_name, NULL);
        return;
    }
    if (c->sig.result != SIGV4_OK) {
        sigv4_note(&c->sig, &c->s3->fake, c->op ? c->op->name : c->x->method);
        s3_call_auth_failed(c);
        return;
    }
    c->signed_ok = true;
    check_claim(c);
}
