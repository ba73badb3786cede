#include "fakes/aws/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"
#include "fakes/aws/keyring.h"
#include "fakes/aws/sigv4_canonical.h"
#include "fakes/aws/sigv4_parse.h"
#include "fakes/core/fake.h"

/* The canonical request repeats the target (at most tripled by encoding) and the headers. */
#define CANONICAL_MAX (4 * HTTP_TARGET_MAX + 2 * HTTP_HEADER_BYTES_MAX)

static const char *const result_names[SIGV4_RESULT_MAX] = {
    [SIGV4_OK] = "ok",
    [SIGV4_UNSIGNED] = "unsigned",
    [SIGV4_MALFORMED] = "malformed",
    [SIGV4_BAD_ALGORITHM] = "bad-algorithm",
    [SIGV4_BAD_DATE] = "bad-date",
    [SIGV4_BAD_EXPIRES] = "bad-expires",
    [SIGV4_UNKNOWN_KEY] = "unknown-key",
    [SIGV4_BAD_TOKEN] = "bad-token",
    [SIGV4_EXPIRED_TOKEN] = "expired-token",
    [SIGV4_WRONG_SCOPE] = "wrong-scope",
    [SIGV4_SKEWED] = "skewed",
    [SIGV4_EXPIRED] = "expired",
    [SIGV4_HOST_UNSIGNED] = "host-unsigned",
    [SIGV4_MISMATCH] = "mismatch",
    [SIGV4_BAD_PAYLOAD] = "bad-payload",
    [SIGV4_BAD_CHUNK] = "bad-chunk",
    [SIGV4_BAD_FRAMING] = "bad-framing",
};

const char *sigv4_result_name(enum sigv4_result r)
{
    const char *s = strtab_name(result_names, ARRAY_SIZE(result_names), (int)r);

    return s ? s : "INVALID";
}

void sigv4_sha256_hex(const void *p, size_t n, char out[65])
{
    uint8_t sha[32];

    EVP_Digest(p, n, sha, NULL, EVP_sha256(), NULL);
    str_hex(sha, sizeof(sha), out);
}

void sigv4_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[32])
{
    HMAC(EVP_sha256(), key, (int)key_len, p, n, out, NULL);
}

void sigv4_derive(const char *secret, const char *date, const char *region, const char *service,
                  uint8_t out[32])
{
    char *start = xasprintf("AWS4%s", secret);
    uint8_t k[32];

    sigv4_hmac(start, strlen(start), date, strlen(date), k);
    sigv4_hmac(k, sizeof(k), region, strlen(region), k);
    sigv4_hmac(k, sizeof(k), service, strlen(service), k);
    sigv4_hmac(k, sizeof(k), "aws4_request", 12, out);
    OPENSSL_cleanse(k, sizeof(k));
    OPENSSL_cleanse(start, strlen(start));
    free(start);
}

enum sigv4_result sigv4_fail(struct sigv4 *s, enum sigv4_result r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(s->text, sizeof(s->text), fmt, ap);
    va_end(ap);
    return s->result = r;
}

/* What the body is said to be; JSON services hash what is there. */
static void set_payload(struct sigv4 *s, const struct sigv4_request *r, bool s3,
                        const char **ret_line)
{
    static const struct {
        const char *word;
        enum sigv4_payload payload;
    } words[] = {
        {"UNSIGNED-PAYLOAD", SIGV4_PAYLOAD_UNSIGNED},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", SIGV4_PAYLOAD_CHUNKS},
        {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", SIGV4_PAYLOAD_CHUNKS_TRAILER},
        {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", SIGV4_PAYLOAD_UNSIGNED_TRAILER},
    };
    const char *v = s3 ? sigv4_header(r, "x-amz-content-sha256") : NULL;

    if (s3 && !v && s->presigned)
        v = "UNSIGNED-PAYLOAD";
    if (!v)
        v = r->payload_hash;
    *ret_line = v;
    s->payload = SIGV4_PAYLOAD_HASHED;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(v, words[i].word))
            s->payload = words[i].payload;
    if (s->payload != SIGV4_PAYLOAD_HASHED)
        return;
    snprintf(s->payload_hash, sizeof(s->payload_hash), "%s", v);
    for (char *p = s->payload_hash; *p; p++)
        *p |= *p >= 'A' && *p <= 'F' ? 0x20 : 0;
}

static enum sigv4_result check_key(struct sigv4 *s, const struct keyring_key *key,
                                   const char *token, int64_t wall)
{
    if (!key)
        return sigv4_fail(s, SIGV4_UNKNOWN_KEY,
                          "The security token included in the request is invalid.");
    if (key->expires && wall >= key->expires)
        return sigv4_fail(s, SIGV4_EXPIRED_TOKEN,
                          "The security token included in the request is expired");
    if (!key->token != !token || (token && (strlen(token) != strlen(key->token) ||
                                            CRYPTO_memcmp(token, key->token, strlen(token)))))
        return sigv4_fail(s, SIGV4_BAD_TOKEN,
                          "The security token included in the request is invalid.");
    return SIGV4_OK;
}

static enum sigv4_result check_scope(struct sigv4 *s, const struct sigv4_parsed *p,
                                     const struct sigv4_rules *rules)
{
    if (strlen(p->date) != 8 || strncmp(p->date, s->amz_date, 8)) {
        s->wrong = SIGV4_SCOPE_DATE;
        return sigv4_fail(s, SIGV4_WRONG_SCOPE,
                          "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                          "of date from HTTP: '%.16s' != '%.8s', from '%s'.",
                          p->date, s->amz_date, s->amz_date);
    }
    if (rules->region && !str_eq(p->region, rules->region)) {
        s->wrong = SIGV4_SCOPE_REGION;
        return sigv4_fail(s, SIGV4_WRONG_SCOPE, "Credential should be scoped to a valid region. ");
    }
    if (!str_eq(p->service, rules->service)) {
        s->wrong = SIGV4_SCOPE_SERVICE;
        return sigv4_fail(s, SIGV4_WRONG_SCOPE,
                          "Credential should be scoped to correct service: '%s'. ", rules->service);
    }
    if (!str_eq(p->terminator, "aws4_request")) {
        s->wrong = SIGV4_SCOPE_TERMINATOR;
        return sigv4_fail(s, SIGV4_WRONG_SCOPE,
                          "Credential should be scoped with a valid terminator: 'aws4_request', "
                          "not '%.64s'.",
                          p->terminator);
    }
    return SIGV4_OK;
}

static enum sigv4_result check_time(struct sigv4 *s, const struct sigv4_rules *rules, int64_t wall)
{
    char now[17], edge[17];
    long long minutes = rules->skew / (60 * NS_PER_S);

    str_format_amz_date(wall, now);
    if (s->date > wall + rules->skew) {
        str_format_amz_date(wall + rules->skew, edge);
        return sigv4_fail(s, SIGV4_SKEWED,
                          "Signature not yet current: %s is still later than %s (%s + %lld min.)",
                          s->amz_date, edge, now, minutes);
    }
    if (s->presigned && s->expires) {
        if (wall > s->date + s->expires * NS_PER_S)
            return sigv4_fail(s, SIGV4_EXPIRED, "Request has expired");
        return SIGV4_OK;
    }
    if (s->date < wall - rules->skew) {
        str_format_amz_date(wall - rules->skew, edge);
        return sigv4_fail(s, SIGV4_SKEWED,
                          "Signature expired: %s is now earlier than %s (%s - %lld min.)",
                          s->amz_date, edge, now, minutes);
    }
    return SIGV4_OK;
}

static enum sigv4_result check_signed_headers(struct sigv4 *s, const struct sigv4_request *r,
                                              const struct sigv4_parsed *p, bool s3)
{
    if (!sigv4_is_signed(p->signed_headers, "host"))
        return sigv4_fail(s, SIGV4_HOST_UNSIGNED,
                          "'Host' or ':authority' must be a 'SignedHeader' in the AWS "
                          "Authorization.");
    for (size_t i = 0; s3 && i < r->n_headers; i++)
        if (!strncasecmp(r->headers[i].name, "x-amz-", 6) &&
            !sigv4_is_signed(p->signed_headers, r->headers[i].name))
            return sigv4_fail(s, SIGV4_HOST_UNSIGNED,
                              "There were headers present in the request which were not signed");
    return SIGV4_OK;
}

static void derive(struct sigv4 *s, struct keyring_key *key, const struct sigv4_parsed *p)
{
    if (!str_eq(key->scope, s->scope)) {
        sigv4_derive(key->secret_key, p->date, p->region, p->service, key->derived);
        snprintf(key->scope, sizeof(key->scope), "%s", s->scope);
    }
    memcpy(s->signing_key, key->derived, sizeof(s->signing_key));
}

static enum sigv4_result check_signature(struct sigv4 *s, const struct sigv4_request *r,
                                         const struct sigv4_parsed *p, bool s3)
{
    char hash[65], ours[65];
    uint8_t mac[32];
    struct sigv4_canonical how = {
        .signed_headers = p->signed_headers, .s3 = s3, .presigned = s->presigned};

    set_payload(s, r, s3, &how.payload);
    if (sigv4_canonical(&s->canonical, r, &how) < 0)
        return sigv4_fail(s, SIGV4_MALFORMED, "The signed headers are too large.");
    sigv4_sha256_hex(buf_str(&s->canonical), buf_len(&s->canonical), hash);
    buf_addf(&s->to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", s->amz_date, s->scope, hash);
    sigv4_hmac(s->signing_key, sizeof(s->signing_key), buf_str(&s->to_sign), buf_len(&s->to_sign),
               mac);
    str_hex(mac, sizeof(mac), ours);
    if (strlen(s->signature) != 64 || CRYPTO_memcmp(ours, s->signature, 64))
        return sigv4_fail(s, SIGV4_MISMATCH,
                          "The request signature we calculated does not match the signature you "
                          "provided. Check your AWS Secret Access Key and signing method. Consult "
                          "the service documentation for details.");
    return SIGV4_OK;
}

static void init(struct sigv4 *s)
{
    memset(s, 0, sizeof(*s));
    buf_init(&s->canonical, CANONICAL_MAX);
    buf_init(&s->to_sign, 512);
}

/* The checks that need a key, in the order in which the services make them. */
static enum sigv4_result check_all(struct sigv4 *s, const struct sigv4_request *r,
                                   const struct sigv4_parsed *p, const struct sigv4_rules *rules,
                                   struct keyring_key *key, int64_t wall)
{
    if (check_key(s, key, p->token, wall) != SIGV4_OK || check_scope(s, p, rules) != SIGV4_OK ||
        check_time(s, rules, wall) != SIGV4_OK ||
        check_signed_headers(s, r, p, rules->s3) != SIGV4_OK)
        return s->result;
    derive(s, key, p);
    return check_signature(s, r, p, rules->s3);
}

enum sigv4_result sigv4_verify(struct sigv4 *s, const struct sigv4_request *r,
                               const struct sigv4_rules *rules, struct keyring *ring, int64_t wall)
{
    struct sigv4_parsed p = {0};

    init(s);
    s->checked = true;
    if (sigv4_parse(s, &p, r) == SIGV4_OK)
        check_all(s, r, &p, rules, keyring_find(ring, s->access_key), wall);
    sigv4_parsed_release(&p);
    return s->result;
}

enum sigv4_result sigv4_exchange(struct sigv4 *s, const struct exchange *x,
                                 const struct sigv4_rules *rules)
{
    struct world *w = x->fake->world;
    struct keyring *ring;
    struct err e = ERR_INIT;
    const char *line;
    char hash[65];
    struct sigv4_request r = {
        .method = x->method,
        .raw_path = x->raw_path,
        .raw_query = x->raw_query,
        .headers = x->headers,
        .n_headers = x->n_headers,
        .payload_hash = hash,
    };

    sigv4_sha256_hex(buf_str(&x->body), buf_len(&x->body), hash);
    if (!w->verify_signatures) {
        init(s);
        s->presigned = exchange_has_param(x, "X-Amz-Signature");
        set_payload(s, &r, rules->s3, &line);
        return s->result;
    }
    ring = keyring_of(w, &e);
    if (!ring) {
        init(s);
        return sigv4_fail(s, SIGV4_UNKNOWN_KEY, "%s", e.text);
    }
    return sigv4_verify(s, &r, rules, ring, loop_wall(&w->loop));
}

void sigv4_note(const struct sigv4 *s, struct fake *f, const char *what)
{
    bool show = s->result == SIGV4_MISMATCH;

    journal_note(fake_journal(f), f->ops->name, "%s: signature %s: %s%s%s", what,
                 sigv4_result_name(s->result), s->text,
                 show ? " The canonical request that we made:\n" : "",
                 show ? buf_str(&s->canonical) : "");
}

enum sigv4_result sigv4_check_payload(struct sigv4 *s, const uint8_t sha256[32])
{
    char hex[65];

    str_hex(sha256, 32, hex);
    if (!s->checked || s->payload != SIGV4_PAYLOAD_HASHED || str_eq(hex, s->payload_hash))
        return s->result;
    return sigv4_fail(s, SIGV4_BAD_PAYLOAD,
                      "The provided 'x-amz-content-sha256' header does not match what was "
                      "computed.");
}

void sigv4_release(struct sigv4 *s)
{
    buf_release(&s->canonical);
    buf_release(&s->to_sign);
    OPENSSL_cleanse(s->signing_key, sizeof(s->signing_key));
}
