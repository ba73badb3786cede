/*
 * sigv4.h - AWS Signature Version 4, the verifying side.
 *
 * The canonical request is made anew from the raw request as it was sent: raw
 * path, raw query, headers as they came. Both forms are known: the
 * Authorization header, and the query of a presigned URL. The key comes from
 * the world's keyring, the time from the loop's clock.
 *
 * The answer is a neutral enum with the facts beside it; each kind of service
 * words it in its own way: aws/json.h for JSON services, fakes/s3 for XML.
 *
 *     struct sigv4 s;
 *     if (sigv4_exchange(&s, x, &rules) != SIGV4_OK)
 *         ... refuse by s.result, s.text ...
 *     sigv4_release(&s);
 *
 * For a JSON service the whole body is hashed. For S3 (rules.s3) the signature
 * covers what x-amz-content-sha256 claims, so it can be verified when the
 * headers are there (fake_ops.begin); then the caller holds the body against
 * the claim: sigv4_check_payload() for a plain one, aws/chunked.h for the
 * STREAMING- kinds. A presigned URL without X-Amz-Expires has expires 0: S3 refuses that.
 *
 * Order of the checks, as the services show it: form, key, session token,
 * scope, time, signature.
 */
#ifndef FAKES_AWS_SIGV4_H
#define FAKES_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "fakes/core/exchange.h"

struct fake;
struct keyring;
struct keyring_key;

enum sigv4_result {
    SIGV4_OK,
    SIGV4_UNSIGNED,      /* neither an Authorization header nor X-Amz-Signature */
    SIGV4_MALFORMED,     /* something is missing or unreadable; text says what */
    SIGV4_BAD_ALGORITHM, /* not AWS4-HMAC-SHA256 */
    SIGV4_BAD_DATE,      /* no date, or no readable one */
    SIGV4_BAD_EXPIRES,   /* presigned: X-Amz-Expires is no number of 1..604800 */
    SIGV4_UNKNOWN_KEY,   /* nobody has this access key */
    SIGV4_BAD_TOKEN,     /* the session token is missing, foreign, or none is allowed */
    SIGV4_EXPIRED_TOKEN, /* the credentials have expired */
    SIGV4_WRONG_SCOPE,   /* date, region, service or terminator of the scope; text says which */
    SIGV4_SKEWED,        /* the request's time is too far from ours */
    SIGV4_EXPIRED,       /* presigned: past X-Amz-Expires; header form: only in JSON wording */
    SIGV4_HOST_UNSIGNED, /* Host or an x-amz- header is not among the signed headers */
    SIGV4_MISMATCH,      /* the signature is not the one we calculate */
    SIGV4_BAD_PAYLOAD,   /* the body is not what x-amz-content-sha256 says */
    SIGV4_BAD_CHUNK,     /* signature of a chunk or of the trailer */
    SIGV4_BAD_FRAMING,   /* the chunks of a STREAMING body cannot be read, or it ended early */
    SIGV4_RESULT_MAX,
};

/* What x-amz-content-sha256 said. */
enum sigv4_payload {
    SIGV4_PAYLOAD_HASHED,           /* 64 hexadecimal digits */
    SIGV4_PAYLOAD_UNSIGNED,         /* UNSIGNED-PAYLOAD, or presigned without the header */
    SIGV4_PAYLOAD_CHUNKS,           /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    SIGV4_PAYLOAD_CHUNKS_TRAILER,   /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER */
    SIGV4_PAYLOAD_UNSIGNED_TRAILER, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

/* The part of the scope that SIGV4_WRONG_SCOPE is about. */
enum sigv4_scope_part {
    SIGV4_SCOPE_NONE,
    SIGV4_SCOPE_DATE,
    SIGV4_SCOPE_REGION,
    SIGV4_SCOPE_SERVICE,
    SIGV4_SCOPE_TERMINATOR,
};

#define SIGV4_SKEW_JSON (5 * 60 * 1000000000LL)
#define SIGV4_SKEW_S3   (15 * 60 * 1000000000LL)

struct sigv4_rules {
    const char *service; /* "ecs": what the scope must say */
    const char *region;  /* NULL: any region will do */
    int64_t skew;        /* ns that a clock may be off */
    bool s3;             /* S3's rules: path encoded once and not normalised, payload by header */
};

/* What was signed. For a TCS frame this is not an HTTP request at all. */
struct sigv4_request {
    const char *method;
    const char *raw_path;
    const char *raw_query; /* "" when there is none */
    const struct http_header *headers;
    size_t n_headers;
    const char *payload_hash; /* 64 hex digits of the body; with rules.s3 only a default */
};

struct sigv4 {
    enum sigv4_result result;
    char text[600]; /* for a person, as AWS words it; no secret in it */
    bool checked;   /* false: the world does not verify, nothing below is proven */
    bool presigned;
    char access_key[129]; /* "" until it is known */
    char amz_date[17];    /* 20261124T070000Z */
    char region[65];      /* of the scope */
    enum sigv4_scope_part wrong;
    char scope[160]; /* 20261124/us-west-2/ecs/aws4_request */
    int64_t date;    /* amz_date as wall time */
    int64_t expires; /* presigned: seconds */
    enum sigv4_payload payload;
    char payload_hash[65]; /* SIGV4_PAYLOAD_HASHED: the claim, lower case */
    char signature[65];    /* as sent; seed of the first chunk's signature */
    uint8_t signing_key[32];
    struct buf canonical; /* what we calculated, for the answer to a mismatch and for tests */
    struct buf to_sign;
};

/*
 * Verifies. wall: ns since 1970. Returns s->result. s is initialised here, whatever the result;
 * release it.
 */
enum sigv4_result sigv4_verify(struct sigv4 *s, const struct sigv4_request *r,
                               const struct sigv4_rules *rules, struct keyring *ring, int64_t wall);

/*
 * The same for an exchange, with its world's keyring and clock. When the world does not verify
 * signatures the result is SIGV4_OK, `checked` is false and payload is still read from the header.
 */
enum sigv4_result sigv4_exchange(struct sigv4 *s, const struct exchange *x,
                                 const struct sigv4_rules *rules);

void sigv4_release(struct sigv4 *s);

/* Holds the SHA-256 of the body against the claim of the header. Returns and keeps the result. */
enum sigv4_result sigv4_check_payload(struct sigv4 *s, const uint8_t sha256[32]);

/*
 * A line in the journal of what was wrong with the signature of `what` (a call, a frame); for a
 * mismatch with the canonical request that we made, so that a person can compare.
 */
void sigv4_note(const struct sigv4 *s, struct fake *f, const char *what);

/* "mismatch", "expired-token" ... for journals and tests. */
const char *sigv4_result_name(enum sigv4_result r);

/* The parts, for who signs something else (chunks, tests, IMDS documents). */
void sigv4_sha256_hex(const void *p, size_t n, char out[65]);
void sigv4_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[32]);
/* date: eight digits. */
void sigv4_derive(const char *secret, const char *date, const char *region, const char *service,
                  uint8_t out[32]);

#endif
