#include "fakes/imds/identity.h"

#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

#define DER_MAX        (1 << 20)
#define SIGNATURE_LINE 76
#define PEM_LINE       64

/* Base64 in lines, without a newline at the end. */
static int add_lines(struct buf *out, const void *p, size_t n, size_t line)
{
    struct buf b64 = BUF_INIT(2 * DER_MAX);
    int r = str_base64(&b64, p, n);

    for (size_t at = 0; r == 0 && at < buf_len(&b64); at += line) {
        size_t part = buf_len(&b64) - at < line ? buf_len(&b64) - at : line;

        if ((at && buf_addc(out, '\n') < 0) || buf_add(out, buf_str(&b64) + at, part) < 0)
            r = -1;
    }
    buf_release(&b64);
    return r;
}

static EVP_PKEY *read_key(enum imds_identity_kind kind)
{
    const char *text = imds_identity_keys[kind].key;
    struct buf der = BUF_INIT(DER_MAX);
    const unsigned char *p;
    EVP_PKEY *key = NULL;

    if (str_unbase64(&der, text, strlen(text)) == 0) {
        p = (const unsigned char *)buf_str(&der);
        key = d2i_AutoPrivateKey(NULL, &p, (long)buf_len(&der));
    }
    buf_release(&der);
    return key;
}

static X509 *read_certificate(enum imds_identity_kind kind)
{
    const char *text = imds_identity_keys[kind].certificate;
    struct buf der = BUF_INIT(DER_MAX);
    const unsigned char *p;
    X509 *cert = NULL;

    if (str_unbase64(&der, text, strlen(text)) == 0) {
        p = (const unsigned char *)buf_str(&der);
        cert = d2i_X509(NULL, &p, (long)buf_len(&der));
    }
    buf_release(&der);
    return cert;
}

static int sign_plain(EVP_PKEY *key, const char *document, size_t n, struct buf *out)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char signature[512];
    size_t size = sizeof(signature);
    bool ok = EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(md, signature, &size, (const unsigned char *)document, n) == 1;

    EVP_MD_CTX_free(md);
    return ok ? add_lines(out, signature, size, SIGNATURE_LINE) : -1;
}

/* The signer's attributes: what was signed, and when on the world's clock. */
static bool add_signer(PKCS7 *p7, X509 *cert, EVP_PKEY *key, const EVP_MD *md, int64_t wall)
{
    PKCS7_SIGNER_INFO *si =
        PKCS7_sign_add_signer(p7, cert, key, md, PKCS7_NOCERTS | PKCS7_NOSMIMECAP);
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)(wall / NS_PER_S));

    if (si && when && PKCS7_add0_attrib_signing_time(si, when))
        return true;
    ASN1_TIME_free(when);
    return false;
}

static int sign_pkcs7(EVP_PKEY *key, X509 *cert, const EVP_MD *md, const char *document, size_t n,
                      int64_t wall, struct buf *out)
{
    BIO *in = BIO_new_mem_buf(document, (int)n);
    PKCS7 *p7 = PKCS7_sign(NULL, NULL, NULL, in, PKCS7_PARTIAL | PKCS7_BINARY);
    unsigned char *der = NULL;
    int size = -1, r;

    if (p7 && add_signer(p7, cert, key, md, wall) && PKCS7_final(p7, in, PKCS7_BINARY))
        size = i2d_PKCS7(p7, &der);
    r = size > 0 ? add_lines(out, der, (size_t)size, PEM_LINE) : -1;
    OPENSSL_free(der);
    PKCS7_free(p7);
    BIO_free(in);
    return r;
}

int imds_identity_sign(enum imds_identity_kind kind, const char *document, size_t n, int64_t wall,
                       struct buf *out, struct err *e)
{
    EVP_PKEY *key = read_key(kind);
    X509 *cert = read_certificate(kind);
    int r = -1;

    if (key && cert && kind == IMDS_IDENTITY_SIGNATURE)
        r = sign_plain(key, document, n, out);
    else if (key && cert)
        r = sign_pkcs7(key, cert, kind == IMDS_IDENTITY_PKCS7 ? EVP_sha1() : EVP_sha256(), document,
                       n, wall, out);
    EVP_PKEY_free(key);
    X509_free(cert);
    return r < 0 ? err_set(e, ERR_INTERNAL, "the identity document could not be signed") : 0;
}

int imds_identity_certificate(enum imds_identity_kind kind, struct buf *out, struct err *e)
{
    const char *text = imds_identity_keys[kind].certificate;
    struct buf der = BUF_INIT(DER_MAX);
    int r = -1;

    if (str_unbase64(&der, text, strlen(text)) == 0 &&
        buf_adds(out, "-----BEGIN CERTIFICATE-----\n") == 0 &&
        add_lines(out, buf_data(&der), buf_len(&der), PEM_LINE) == 0 &&
        buf_adds(out, "\n-----END CERTIFICATE-----\n") == 0)
        r = 0;
    buf_release(&der);
    return r < 0 ? err_set(e, ERR_LIMIT, "no room for the certificate") : 0;
}
