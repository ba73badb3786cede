#include "fakes/s3/checksum.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const kinds[S3_CHECKSUM_MAX] = {
    [S3_CHECKSUM_CRC32] = "CRC32",         [S3_CHECKSUM_CRC32C] = "CRC32C",
    [S3_CHECKSUM_CRC64NVME] = "CRC64NVME", [S3_CHECKSUM_SHA1] = "SHA1",
    [S3_CHECKSUM_SHA256] = "SHA256",
};

STRTAB_DEFINE(s3_checksum_kind, enum s3_checksum_kind, kinds)

/* Reflected polynomials. */
static const uint64_t polynomials[S3_CHECKSUM_MAX] = {
    [S3_CHECKSUM_CRC32] = 0xedb88320,
    [S3_CHECKSUM_CRC32C] = 0x82f63b78,
    [S3_CHECKSUM_CRC64NVME] = 0x9a6c9329ac4bc9b5,
};

static bool is_crc(enum s3_checksum_kind kind)
{
    return kind >= S3_CHECKSUM_CRC32 && kind <= S3_CHECKSUM_CRC64NVME;
}

/* Eight bytes are taken at once, through eight tables: [k][b] is byte b with k zero bytes behind
 * it. Making them costs as much as a few kilobytes of data. */
static uint64_t (*make_tables(uint64_t polynomial))[256]
{
    uint64_t(*t)[256] = xmalloc(8 * sizeof(*t));

    for (unsigned b = 0; b < 256; b++) {
        uint64_t v = b;

        for (int bit = 0; bit < 8; bit++)
            v = v & 1 ? v >> 1 ^ polynomial : v >> 1;
        t[0][b] = v;
    }
    for (unsigned k = 1; k < 8; k++)
        for (unsigned b = 0; b < 256; b++)
            t[k][b] = t[k - 1][b] >> 8 ^ t[0][t[k - 1][b] & 0xff];
    return t;
}

static uint64_t crc_add(uint64_t (*t)[256], uint64_t crc, const unsigned char *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w;

        memcpy(&w, p, 8);
        w = le64toh(w) ^ crc;
        crc = t[7][w & 0xff] ^ t[6][w >> 8 & 0xff] ^ t[5][w >> 16 & 0xff] ^ t[4][w >> 24 & 0xff] ^
              t[3][w >> 32 & 0xff] ^ t[2][w >> 40 & 0xff] ^ t[1][w >> 48 & 0xff] ^ t[0][w >> 56];
    }
    for (; n; n--, p++)
        crc = crc >> 8 ^ t[0][(crc ^ *p) & 0xff];
    return crc;
}

void s3_checksum_init(struct s3_checksum *c, enum s3_checksum_kind kind)
{
    *c = (struct s3_checksum){.kind = kind};
    if (is_crc(kind)) {
        c->crc = kind == S3_CHECKSUM_CRC64NVME ? UINT64_MAX : UINT32_MAX;
        c->tables = make_tables(polynomials[kind]);
    } else if (kind != S3_CHECKSUM_NONE) {
        c->md = EVP_MD_CTX_new();
        EVP_DigestInit_ex(c->md, kind == S3_CHECKSUM_SHA1 ? EVP_sha1() : EVP_sha256(), NULL);
    }
}

void s3_checksum_release(struct s3_checksum *c)
{
    EVP_MD_CTX_free(c->md);
    free(c->tables);
    *c = (struct s3_checksum){0};
}

void s3_checksum_add(struct s3_checksum *c, const void *p, size_t n)
{
    if (is_crc(c->kind))
        c->crc = crc_add(c->tables, c->crc, p, n);
    else if (c->md)
        EVP_DigestUpdate(c->md, p, n);
}

void s3_checksum_text(struct s3_checksum *c, char out[S3_CHECKSUM_TEXT])
{
    struct buf b = BUF_INIT(S3_CHECKSUM_TEXT);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (c->md) {
        EVP_DigestFinal_ex(c->md, bytes, &n);
    } else if (is_crc(c->kind)) {
        n = c->kind == S3_CHECKSUM_CRC64NVME ? 8 : 4;
        for (unsigned i = 0; i < n; i++)
            bytes[i] = (unsigned char)(~c->crc >> (8 * (n - 1 - i)));
    }
    str_base64(&b, bytes, n);
    snprintf(out, S3_CHECKSUM_TEXT, "%s", buf_str(&b));
    buf_release(&b);
}
