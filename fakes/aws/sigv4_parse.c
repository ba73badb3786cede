#include "fakes/aws/sigv4_parse.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/sigv4_canonical.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

/* S3's limit for a presigned URL: seven days. */
#define EXPIRES_MAX 604800

/* AWS shows a header it could not read only as a hash: it may hold a secret. */
static void hash_of(const char *text, char out[49])
{
    struct buf b = BUF_INIT(64);
    uint8_t sha[32];

    EVP_Digest(text, strlen(text), sha, NULL, EVP_sha256(), NULL);
    str_base64(&b, sha, sizeof(sha));
    snprintf(out, 49, "%s", buf_str(&b));
    buf_release(&b);
}

static enum sigv4_result split_credential(struct sigv4 *s, struct sigv4_parsed *p)
{
    char *part[5], *rest;
    size_t n = 0;

    rest = p->parts = xstrdup(p->credential);
    while (rest && n < ARRAY_SIZE(part))
        part[n++] = strsep(&rest, "/");
    if (n != ARRAY_SIZE(part) || rest)
        return sigv4_fail(s, SIGV4_MALFORMED,
                          "Credential must have exactly 5 slash-delimited elements, e.g. "
                          "keyid/date/region/service/term, got '%.200s'",
                          p->credential);
    if (strlen(part[0]) >= sizeof(s->access_key) || strlen(part[2]) >= sizeof(s->region) ||
        strlen(part[1]) > 16 || strlen(part[3]) > 32 || strlen(part[4]) > 32)
        return sigv4_fail(s, SIGV4_MALFORMED, "Credential is too long.");
    snprintf(s->access_key, sizeof(s->access_key), "%s", part[0]);
    snprintf(s->region, sizeof(s->region), "%s", part[2]);
    p->date = part[1];
    p->region = part[2];
    p->service = part[3];
    p->terminator = part[4];
    snprintf(s->scope, sizeof(s->scope), "%s/%s/%s/%s", p->date, p->region, p->service,
             p->terminator);
    return SIGV4_OK;
}

/* "Tue, 24 Nov 2026 07:00:00 GMT", which a Date header may hold instead of the ISO form. */
static int parse_http_date(const char *text, int64_t *ret)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    time_t t;

    if (!end || *end)
        return -1;
    t = timegm(&tm);
    *ret = (int64_t)t * NS_PER_S;
    return 0;
}

static enum sigv4_result set_date(struct sigv4 *s, const char *amz, const char *date)
{
    if (amz ? str_parse_amz_date(amz, &s->date) < 0
            : str_parse_amz_date(date, &s->date) < 0 && parse_http_date(date, &s->date) < 0)
        return sigv4_fail(s, SIGV4_BAD_DATE,
                          "Date must be in ISO-8601 'basic format'. Got '%.64s'. See "
                          "http://en.wikipedia.org/wiki/ISO_8601",
                          amz ? amz : date);
    str_format_amz_date(s->date, s->amz_date);
    return SIGV4_OK;
}

/* One "Name=value" of the Authorization header. */
static int take_pair(struct sigv4_parsed *p, char **signature, const char *s, size_t n)
{
    const char *eq = memchr(s, '=', n);
    char **slot = NULL;
    size_t key;

    if (!eq)
        return -1;
    key = (size_t)(eq - s);
    if (key == 10 && !memcmp(s, "Credential", key))
        slot = &p->credential;
    else if (key == 13 && !memcmp(s, "SignedHeaders", key))
        slot = &p->signed_headers;
    else if (key == 9 && !memcmp(s, "Signature", key))
        slot = signature;
    if (slot) {
        free(*slot);
        *slot = xstrndup(eq + 1, n - key - 1);
    }
    return 0;
}

static enum sigv4_result take_pairs(struct sigv4 *s, struct sigv4_parsed *p, char **signature,
                                    const char *header)
{
    const char *at = header + strlen(ALGORITHM);

    while (*at) {
        size_t n;

        at += strspn(at, ", \t");
        n = strcspn(at, ",");
        while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
            n--;
        if (n && take_pair(p, signature, at, n) < 0) {
            char hash[49];

            hash_of(header, hash);
            return sigv4_fail(s, SIGV4_MALFORMED,
                              "Invalid key=value pair (missing equal-sign) in Authorization "
                              "header (hashed with SHA-256 and encoded with Base64): '%s'.",
                              hash);
        }
        at += n;
        at += strspn(at, " \t");
    }
    return SIGV4_OK;
}

static enum sigv4_result missing_parts(struct sigv4 *s, const struct sigv4_parsed *p,
                                       const char *signature, bool dated, const char *header)
{
    char hash[49];

    hash_of(header, hash);
    return sigv4_fail(
        s, p->credential && signature && p->signed_headers ? SIGV4_BAD_DATE : SIGV4_MALFORMED,
        "%s%s%s%s(Hashed with SHA-256 and encoded with Base64) Authorization=%s",
        p->credential ? "" : "Authorization header requires 'Credential' parameter. ",
        signature ? "" : "Authorization header requires 'Signature' parameter. ",
        p->signed_headers ? "" : "Authorization header requires 'SignedHeaders' parameter. ",
        dated ? ""
              : "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                "header. ",
        hash);
}

static enum sigv4_result parse_header(struct sigv4 *s, struct sigv4_parsed *p,
                                      const struct sigv4_request *r, const char *header)
{
    _cleanup_free_ char *signature = NULL;
    const char *amz = sigv4_header(r, "x-amz-date"), *date = sigv4_header(r, "date");
    const char *token = sigv4_header(r, "x-amz-security-token");
    size_t word = strcspn(header, " \t");

    if (strncmp(header, "AWS", 3))
        return sigv4_fail(s, SIGV4_UNSIGNED, "Missing Authentication Token");
    if (word != strlen(ALGORITHM) || strncmp(header, ALGORITHM, word))
        return sigv4_fail(s, SIGV4_BAD_ALGORITHM, "Unsupported AWS 'algorithm': '%.*s'.",
                          (int)(word < 64 ? word : 64), header);
    if (take_pairs(s, p, &signature, header) != SIGV4_OK)
        return s->result;
    if (!p->credential || !signature || !p->signed_headers || (!amz && !date))
        return missing_parts(s, p, signature, amz || date, header);
    p->token = xstrdup(token);
    snprintf(s->signature, sizeof(s->signature), "%s", strlen(signature) == 64 ? signature : "");
    if (split_credential(s, p) != SIGV4_OK)
        return s->result;
    return set_date(s, amz, date);
}

static enum sigv4_result parse_query(struct sigv4 *s, struct sigv4_parsed *p,
                                     const struct sigv4_request *r)
{
    const char *q = r->raw_query;
    _cleanup_free_ char *algorithm = sigv4_query_param(q, "X-Amz-Algorithm");
    _cleanup_free_ char *signature = sigv4_query_param(q, "X-Amz-Signature");
    _cleanup_free_ char *date = sigv4_query_param(q, "X-Amz-Date");
    _cleanup_free_ char *expires = sigv4_query_param(q, "X-Amz-Expires");
    uint64_t seconds = 0;

    s->presigned = true;
    p->credential = sigv4_query_param(q, "X-Amz-Credential");
    p->signed_headers = sigv4_query_param(q, "X-Amz-SignedHeaders");
    p->token = sigv4_query_param(q, "X-Amz-Security-Token");
    if (!str_eq(algorithm, ALGORITHM))
        return sigv4_fail(s, SIGV4_BAD_ALGORITHM,
                          "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
    if (!p->credential || !p->signed_headers || !signature || !date)
        return sigv4_fail(s, SIGV4_MALFORMED, "AWS query-string parameters must include %s%s%s%s",
                          !p->credential ? "'X-Amz-Credential'. " : "",
                          !p->signed_headers ? "'X-Amz-SignedHeaders'. " : "",
                          !signature ? "'X-Amz-Signature'. " : "", !date ? "'X-Amz-Date'. " : "");
    snprintf(s->signature, sizeof(s->signature), "%s", strlen(signature) == 64 ? signature : "");
    if (split_credential(s, p) != SIGV4_OK || set_date(s, date, NULL) != SIGV4_OK)
        return s->result;
    if (!expires)
        return SIGV4_OK;
    if (str_u64(expires, UINT64_MAX, &seconds) < 0)
        return sigv4_fail(s, SIGV4_BAD_EXPIRES, "X-Amz-Expires should be a number");
    if (seconds > EXPIRES_MAX)
        return sigv4_fail(s, SIGV4_BAD_EXPIRES,
                          "X-Amz-Expires must be less than a week (in seconds); that is, the "
                          "given X-Amz-Expires must be less than %d seconds",
                          EXPIRES_MAX);
    if (!seconds)
        return sigv4_fail(s, SIGV4_BAD_EXPIRES, "X-Amz-Expires must be non-negative");
    s->expires = (int64_t)seconds;
    return SIGV4_OK;
}

enum sigv4_result sigv4_parse(struct sigv4 *s, struct sigv4_parsed *p,
                              const struct sigv4_request *r)
{
    const char *header = sigv4_header(r, "authorization");
    _cleanup_free_ char *signature = NULL;
    _cleanup_free_ char *algorithm = NULL;

    if (header)
        return parse_header(s, p, r, header);
    signature = sigv4_query_param(r->raw_query, "X-Amz-Signature");
    algorithm = sigv4_query_param(r->raw_query, "X-Amz-Algorithm");
    if (signature || algorithm)
        return parse_query(s, p, r);
    return sigv4_fail(s, SIGV4_UNSIGNED, "Missing Authentication Token");
}

void sigv4_parsed_release(struct sigv4_parsed *p)
{
    free(p->credential);
    free(p->parts);
    free(p->signed_headers);
    free(p->token);
}
