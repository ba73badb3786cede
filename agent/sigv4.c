#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "agent/sigv4.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define QUERY_MAX  (16u << 10)
#define PAIRS_MAX  64
#define DIGEST_LEN 32

static void sha256_hex(const void *p, size_t n, char out[2 * DIGEST_LEN + 1])
{
    unsigned char digest[DIGEST_LEN];

    EVP_Digest(p, n, digest, NULL, EVP_sha256(), NULL);
    str_hex(digest, sizeof(digest), out);
}

static void hmac(const void *key, size_t key_len, const char *text, unsigned char out[DIGEST_LEN])
{
    HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, NULL);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One name=value pair, decoded as a form and encoded again by AWS's rule. */
static char *canonical_pair(const char *s, size_t n)
{
    _cleanup_buf_ struct buf plain = BUF_INIT(QUERY_MAX);
    struct buf out = BUF_INIT(4 * QUERY_MAX);
    const char *eq = memchr(s, '=', n);
    size_t name = eq ? (size_t)(eq - s) : n;

    str_unpercent(&plain, s, name, true);
    str_percent(&out, buf_str(&plain), buf_len(&plain), false);
    buf_addc(&out, '=');
    buf_clear(&plain);
    if (eq)
        str_unpercent(&plain, eq + 1, n - name - 1, true);
    str_percent(&out, buf_str(&plain), buf_len(&plain), false);
    return buf_steal(&out, NULL);
}

static int add_query(struct buf *out, const char *query)
{
    char *pairs[PAIRS_MAX];
    size_t n = 0;
    int r = 0;

    if (strlen(query) > QUERY_MAX)
        return -1;
    while (*query && n < PAIRS_MAX) {
        size_t len = strcspn(query, "&");

        if (len)
            pairs[n++] = canonical_pair(query, len);
        query += len + (query[len] == '&');
    }
    if (*query)
        r = -1;
    qsort(pairs, n, sizeof(*pairs), by_text);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s%s", i ? "&" : "", pairs[i]);
        free(pairs[i]);
    }
    return r;
}

static const char *signed_headers(const struct sigv4_request *r)
{
    return r->session_token ? "host;x-amz-date;x-amz-security-token" : "host;x-amz-date";
}

int sigv4_canonical(const struct sigv4_request *r, const char *date, struct buf *out)
{
    char hash[2 * DIGEST_LEN + 1];

    buf_addf(out, "%s\n", r->method);
    str_percent(out, r->path, strlen(r->path), true);
    buf_addc(out, '\n');
    if (r->query && add_query(out, r->query) < 0)
        return -1;
    buf_addf(out, "\nhost:%s\nx-amz-date:%s\n", r->host, date);
    if (r->session_token)
        buf_addf(out, "x-amz-security-token:%s\n", r->session_token);
    sha256_hex(r->payload ? r->payload : "", r->payload ? r->payload_len : 0, hash);
    buf_addf(out, "\n%s\n%s", signed_headers(r), hash);
    return out->full ? -1 : 0;
}

/* The key of the day, region and service. */
static int signing_key(const struct sigv4_request *r, const char *day,
                       unsigned char key[DIGEST_LEN])
{
    _cleanup_free_ char *secret = xasprintf("AWS4%s", r->secret_key);
    unsigned char a[DIGEST_LEN], b[DIGEST_LEN];

    hmac(secret, strlen(secret), day, a);
    hmac(a, sizeof(a), r->region, b);
    hmac(b, sizeof(b), r->service, a);
    hmac(a, sizeof(a), "aws4_request", key);
    return 0;
}

int sigv4_sign(const struct sigv4_request *r, struct sigv4_signature *ret)
{
    _cleanup_buf_ struct buf canonical = BUF_INIT(6 * QUERY_MAX);
    _cleanup_free_ char *scope = NULL;
    _cleanup_free_ char *text = NULL;
    unsigned char key[DIGEST_LEN], mac[DIGEST_LEN];
    char hash[2 * DIGEST_LEN + 1], signature[2 * DIGEST_LEN + 1], day[9];
    int n;

    str_format_amz_date(r->wall, ret->date);
    memcpy(day, ret->date, 8);
    day[8] = '\0';
    if (sigv4_canonical(r, ret->date, &canonical) < 0)
        return -1;
    sha256_hex(buf_str(&canonical), buf_len(&canonical), hash);
    scope = xasprintf("%s/%s/%s/aws4_request", day, r->region, r->service);
    text = xasprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", ret->date, scope, hash);
    signing_key(r, day, key);
    hmac(key, sizeof(key), text, mac);
    str_hex(mac, sizeof(mac), signature);
    n = snprintf(ret->authorization, sizeof(ret->authorization),
                 "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", r->access_key,
                 scope, signed_headers(r), signature);
    return n < 0 || (size_t)n >= sizeof(ret->authorization) ? -1 : 0;
}
