/*
 * call.h: version 2 of the signature, in the query of a presigned URL.
 *
 * The regions that are older than version 4 still take it, and botocore presigns with it there (and
 * at endpoints it does not know) unless it is told otherwise; all others refuse it. What is
 * signed stands in the S3 user guide ("Signing and authenticating REST requests"): method,
 * Content-MD5, Content-Type, the time of the end, x-amz- headers, the resource. x-amz- parameters
 * of the query count as headers.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/s3/call.h"

#define TO_SIGN_MAX (256 << 10)
#define SHA1_BYTES  20

static bool is_old_region(const char *region)
{
    static const char *const old[] = {"us-east-1",      "us-west-1",      "us-west-2",
                                      "eu-west-1",      "ap-southeast-1", "ap-southeast-2",
                                      "ap-northeast-1", "sa-east-1"};

    for (size_t i = 0; i < ARRAY_SIZE(old); i++)
        if (str_eq(region, old[i]))
            return true;
    return false;
}

bool s3_is_version_2(const struct s3_call *c)
{
    return exchange_has_param(c->x, "AWSAccessKeyId");
}

/* --- what is signed ---------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct http_header *)a)->name, ((const struct http_header *)b)->name);
}

static char *lower(const char *s, size_t n)
{
    char *l = xstrndup(s, n);

    for (char *p = l; *p; p++)
        *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
    return l;
}

static void add_taken(struct s3_headers *h, char *name, const char *value)
{
    if (str_starts(name, "x-amz-") && !s3_headers_get(h, name))
        s3_headers_add(h, name, value);
    free(name);
}

/* Calls take() for each parameter, decoded; value NULL: it has none. */
static void each_param(const struct exchange *x, struct s3_headers *h,
                       void (*take)(struct s3_headers *h, const char *name, const char *value))
{
    for (const char *s = x->raw_query; *s;) {
        size_t n = strcspn(s, "&"), key = strcspn(s, "=&");
        struct buf name = BUF_INIT(HTTP_TARGET_MAX), value = BUF_INIT(HTTP_TARGET_MAX);

        str_unpercent(&name, s, key, true);
        if (key < n)
            str_unpercent(&value, s + key + 1, n - key - 1, true);
        take(h, buf_str(&name), key < n ? buf_str(&value) : NULL);
        buf_release(&name);
        buf_release(&value);
        s += n + (s[n] != '\0');
    }
}

static void take_amz(struct s3_headers *h, const char *name, const char *value)
{
    add_taken(h, lower(name, strlen(name)), value ? value : "");
}

static void take_resource(struct s3_headers *h, const char *name, const char *value)
{
    static const char *const known[] = {
        "accelerate",     "acl",         "analytics",  "cors",        "delete",
        "inventory",      "lifecycle",   "location",   "logging",     "metrics",
        "notification",   "object-lock", "partNumber", "policy",      "replication",
        "requestPayment", "restore",     "select",     "select-type", "storageClass",
        "tagging",        "torrent",     "uploadId",   "uploads",     "versionId",
        "versioning",     "versions",    "website",
    };

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(name, known[i]) || (i == 0 && str_starts(name, "response-"))) {
            s3_headers_add(h, name, value ? value : "\n"); /* "\n": it has no value */
            return;
        }
}

static void add_headers(const struct s3_call *c, struct buf *b)
{
    struct s3_headers h = {0};

    for (size_t i = 0; i < c->x->n_headers; i++)
        add_taken(&h, lower(c->x->headers[i].name, strlen(c->x->headers[i].name)),
                  c->x->headers[i].value);
    each_param(c->x, &h, take_amz);
    if (h.n)
        qsort(h.v, h.n, sizeof(*h.v), by_name);
    for (size_t i = 0; i < h.n; i++)
        buf_addf(b, "%s:%s\n", h.v[i].name, h.v[i].value);
    s3_headers_release(&h);
}

static void add_resource(const struct s3_call *c, struct buf *b)
{
    struct s3_headers h = {0};

    if (c->in_host)
        buf_addf(b, "/%s", c->bucket_name);
    buf_adds(b, c->x->raw_path);
    each_param(c->x, &h, take_resource);
    if (h.n)
        qsort(h.v, h.n, sizeof(*h.v), by_name);
    for (size_t i = 0; i < h.n; i++) {
        buf_addf(b, "%c%s", i ? '&' : '?', h.v[i].name);
        if (!str_eq(h.v[i].value, "\n"))
            buf_addf(b, "=%s", h.v[i].value);
    }
    s3_headers_release(&h);
}

static const char *header_or_none(const struct s3_call *c, const char *name)
{
    const char *v = exchange_header(c->x, name);

    return v ? v : "";
}

/* --- the checks --------------------------------------------------------------------------- */

static int check_key(struct s3_call *c, const struct keyring_key *key)
{
    _cleanup_free_ char *given = exchange_param(c->x, "x-amz-security-token");
    const char *token = given ? given : exchange_header(c->x, "x-amz-security-token");

    if (!key)
        c->sig.result = SIGV4_UNKNOWN_KEY;
    else if (key->token ? !str_eq(key->token, token) : token != NULL)
        c->sig.result = SIGV4_BAD_TOKEN;
    else if (key->expires && s3_now(c) >= key->expires)
        c->sig.result = SIGV4_EXPIRED_TOKEN;
    else
        return 0;
    return -1;
}

static bool is_signed_by(const struct s3_call *c, const struct keyring_key *key, const char *given)
{
    struct buf ours = BUF_INIT(64);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    bool same;

    HMAC(EVP_sha1(), key->secret_key, (int)strlen(key->secret_key),
         (const unsigned char *)buf_str(&c->sig.to_sign), buf_len(&c->sig.to_sign), mac, &n);
    str_base64(&ours, mac, n);
    same = n == SHA1_BYTES && strlen(given) == buf_len(&ours) &&
           !CRYPTO_memcmp(given, buf_str(&ours), buf_len(&ours));
    buf_release(&ours);
    return same;
}

static void verify(struct s3_call *c, const char *access_key, const char *signature,
                   const char *expires)
{
    struct err e = ERR_INIT;
    struct keyring *ring = keyring_of(c->s3->fake.world, &e);
    const struct keyring_key *key = ring ? keyring_find(ring, access_key) : NULL;
    struct sigv4 *s = &c->sig;
    uint64_t end;

    if (check_key(c, key) < 0)
        return;
    if (str_u64(expires, INT64_MAX / NS_PER_S, &end) < 0) {
        s3_failf(c, "AccessDenied", "Invalid date (should be seconds since epoch): %.64s", expires);
        s->result = SIGV4_BAD_EXPIRES;
        return;
    }
    s->date = (int64_t)end * NS_PER_S;
    buf_addf(&s->to_sign, "%s\n%s\n%s\n%s\n", c->x->method, header_or_none(c, "Content-MD5"),
             header_or_none(c, "Content-Type"), expires);
    add_headers(c, &s->to_sign);
    add_resource(c, &s->to_sign);
    s->result = s3_now(c) >= s->date              ? SIGV4_EXPIRED
                : is_signed_by(c, key, signature) ? SIGV4_OK
                                                  : SIGV4_MISMATCH;
}

void s3_verify_version_2(struct s3_call *c)
{
    _cleanup_free_ char *key = exchange_param(c->x, "AWSAccessKeyId");
    _cleanup_free_ char *signature = exchange_param(c->x, "Signature");
    _cleanup_free_ char *expires = exchange_param(c->x, "Expires");
    struct sigv4 *s = &c->sig;

    c->version_2 = s->presigned = true;
    s->payload = SIGV4_PAYLOAD_UNSIGNED;
    if (!is_old_region(s3_call_region(c))) {
        s->result = SIGV4_BAD_ALGORITHM;
        return;
    }
    if (!key || !signature || !expires) {
        s3_failf(c, "AccessDenied",
                 "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
                 "parameters");
        s->result = SIGV4_MALFORMED;
        return;
    }
    s->checked = true;
    snprintf(s->access_key, sizeof(s->access_key), "%s", key);
    snprintf(s->signature, sizeof(s->signature), "%s", signature);
    buf_release(&s->to_sign);
    buf_init(&s->to_sign, TO_SIGN_MAX);
    verify(c, key, signature, expires);
}
