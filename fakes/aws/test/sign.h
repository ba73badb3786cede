/*
 * sign.h - a signer for tests, made straight from OpenSSL and not from the code under test.
 */
#ifndef FAKES_AWS_TEST_SIGN_H
#define FAKES_AWS_TEST_SIGN_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void sign_hex(const unsigned char *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static inline void sign_sha(const void *p, size_t n, char out[65])
{
    unsigned char d[32];

    EVP_Digest(p, n, d, NULL, EVP_sha256(), NULL);
    sign_hex(d, 32, out);
}

/* Signs a canonical request; date is 20260101T000000Z. */
static inline void sign_canonical(const char *secret, const char *date, const char *region,
                                  const char *service, const char *canonical, char out[65])
{
    unsigned char k[32];
    char start[256], day[9], hash[65], text[1024];

    snprintf(start, sizeof(start), "AWS4%s", secret);
    snprintf(day, sizeof(day), "%.8s", date);
    sign_sha(canonical, strlen(canonical), hash);
    snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s", date, day,
             region, service, hash);
    HMAC(EVP_sha256(), start, (int)strlen(start), (unsigned char *)day, 8, k, NULL);
    HMAC(EVP_sha256(), k, 32, (const unsigned char *)region, strlen(region), k, NULL);
    HMAC(EVP_sha256(), k, 32, (const unsigned char *)service, strlen(service), k, NULL);
    HMAC(EVP_sha256(), k, 32, (const unsigned char *)"aws4_request", 12, k, NULL);
    HMAC(EVP_sha256(), k, 32, (unsigned char *)text, strlen(text), k, NULL);
    sign_hex(k, 32, out);
}

#endif
