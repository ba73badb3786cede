/*
 * identity.h - the three signatures of an instance identity document, as EC2 makes them.
 *
 *   signature  RSA of 1024 bits over the SHA-256, in base64 with lines of 76
 *   pkcs7      PKCS #7 SignedData with the document in it and no certificate: DSA, SHA-1
 *   rsa2048    the same: RSA of 2048 bits, SHA-256
 *
 * They are checked with the commands of EC2's documentation and the certificates
 * that `ecsim certificates` prints, in the place of those that EC2 publishes.
 */
#ifndef FAKES_IMDS_IDENTITY_H
#define FAKES_IMDS_IDENTITY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum imds_identity_kind {
    IMDS_IDENTITY_SIGNATURE,
    IMDS_IDENTITY_PKCS7,
    IMDS_IDENTITY_RSA2048,
    IMDS_IDENTITY_MAX
};

/* Private to identity.c: DER in base64. */
struct imds_identity_key {
    const char *key, *certificate;
};
extern const struct imds_identity_key imds_identity_keys[IMDS_IDENTITY_MAX];

/* Appends the signature over n bytes, said to be made at `wall` (where the form tells). */
int imds_identity_sign(enum imds_identity_kind kind, const char *document, size_t n, int64_t wall,
                       struct buf *out, struct err *e);

/* Appends the certificate that such a signature is checked with, as PEM. */
int imds_identity_certificate(enum imds_identity_kind kind, struct buf *out, struct err *e);

#endif
