/*
 * checksum.h - the checksums that S3 keeps beside the ETag. Private to fakes/s3.
 *
 * CRC32, CRC32C and CRC64NVME are calculated here with one table each, SHA-1
 * and SHA-256 by OpenSSL. On the wire all are base64 of the big-endian bytes.
 */
#ifndef FAKES_S3_CHECKSUM_H
#define FAKES_S3_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/strtab.h"

enum s3_checksum_kind {
    S3_CHECKSUM_NONE,
    S3_CHECKSUM_CRC32,
    S3_CHECKSUM_CRC32C,
    S3_CHECKSUM_CRC64NVME,
    S3_CHECKSUM_SHA1,
    S3_CHECKSUM_SHA256,
    S3_CHECKSUM_MAX,
};

/* "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256". */
STRTAB_DECLARE(s3_checksum_kind, enum s3_checksum_kind);

struct s3_checksum {
    enum s3_checksum_kind kind;
    uint64_t crc;
    uint64_t (*tables)[256]; /* of a CRC */
    void *md;                /* EVP_MD_CTX of a SHA */
};

/* Base64 of the longest (SHA-256) and its NUL. */
#define S3_CHECKSUM_TEXT 45

void s3_checksum_init(struct s3_checksum *c, enum s3_checksum_kind kind);
void s3_checksum_release(struct s3_checksum *c);
void s3_checksum_add(struct s3_checksum *c, const void *p, size_t n);
/* Ends it and writes its text. */
void s3_checksum_text(struct s3_checksum *c, char out[S3_CHECKSUM_TEXT]);

#endif
