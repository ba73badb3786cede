/* TLS between the wire and a connection: OpenSSL over memory, no socket of its own. */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "fakes/core/conn.h"

struct tls_context {
    SSL_CTX *ctx;
    EVP_PKEY *key;
    struct buf names; /* as OpenSSL's configuration writes a subjectAltName */
    char *pem;
};

struct tls {
    SSL *ssl;
    BIO *in, *out;      /* owned by ssl */
    struct buf waiting; /* plain bytes written before the handshake was over */
};

/* Names under which clients reach us: loopback, and AWS's own when a sandbox redirects them. */
static const char our_names[] = "DNS:localhost,IP:127.0.0.1,IP:169.254.169.254,IP:169.254.170.2,"
                                "DNS:*.amazonaws.com,DNS:*.us-west-2.amazonaws.com,"
                                "DNS:*.s3.us-west-2.amazonaws.com";

#define NAMES_MAX (64 << 10)

static int add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    int ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext && X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    return ok;
}

/* Self-signed, good for ten years: it is made at each start and trusted by nobody else. */
static X509 *make_certificate(EVP_PKEY *key, const char *names)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_NAME_new();
    bool ok = cert && name &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"ecsim",
                                         -1, -1, 0) &&
              X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
              X509_gmtime_adj(X509_getm_notBefore(cert), -86400) &&
              X509_gmtime_adj(X509_getm_notAfter(cert), 3650L * 86400) &&
              X509_set_pubkey(cert, key) && X509_set_subject_name(cert, name) &&
              X509_set_issuer_name(cert, name) &&
              add_extension(cert, NID_subject_alt_name, names) &&
              add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
              X509_sign(cert, key, EVP_sha256());

    X509_NAME_free(name);
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static char *to_pem(X509 *cert)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p = NULL, *pem = NULL;
    long n;

    if (b && PEM_write_bio_X509(b, cert)) {
        n = BIO_get_mem_data(b, &p);
        pem = xstrndup(p, (size_t)n);
    }
    BIO_free(b);
    return pem;
}

static int use_certificate(struct tls_context *t, struct err *e)
{
    X509 *cert = t->key ? make_certificate(t->key, buf_str(&t->names)) : NULL;
    int r = 0;

    if (cert && t->ctx && SSL_CTX_use_certificate(t->ctx, cert) == 1 &&
        SSL_CTX_use_PrivateKey(t->ctx, t->key) == 1) {
        free(t->pem);
        t->pem = to_pem(cert);
    } else {
        r = err_set(e, ERR_INTERNAL, "TLS: the certificate could not be made");
    }
    X509_free(cert);
    return r;
}

struct tls_context *tls_context_new(struct err *e)
{
    struct tls_context *t = new0(struct tls_context);

    t->names = (struct buf)BUF_INIT(NAMES_MAX);
    buf_adds(&t->names, our_names);
    t->key = EVP_EC_gen("P-256");
    t->ctx = SSL_CTX_new(TLS_server_method());
    if (t->ctx)
        SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION);
    if (use_certificate(t, e) == 0)
        return t;
    tls_context_free(t);
    return NULL;
}

int tls_context_name(struct tls_context *t, const char *name, struct err *e)
{
    buf_addf(&t->names, ",DNS:%s", name);
    return use_certificate(t, e);
}

void tls_context_free(struct tls_context *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    EVP_PKEY_free(t->key);
    buf_release(&t->names);
    free(t->pem);
    free(t);
}

const char *tls_context_pem(const struct tls_context *t)
{
    return t->pem;
}

struct tls *tls_new(struct tls_context *ctx)
{
    struct tls *t = new0(struct tls);

    t->ssl = SSL_new(ctx->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out)
        abort(); /* memory */
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_accept_state(t->ssl);
    buf_init(&t->waiting, CONN_QUEUE_MAX);
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    buf_release(&t->waiting);
    free(t);
}

static void collect(struct tls *t, struct buf *send)
{
    char chunk[16384];
    int n;

    while ((n = BIO_read(t->out, chunk, sizeof(chunk))) > 0)
        buf_add(send, chunk, (size_t)n);
}

int tls_write(struct tls *t, const void *p, size_t n, struct buf *send)
{
    if (!SSL_is_init_finished(t->ssl))
        return buf_add(&t->waiting, p, n);
    while (n) {
        int part = n > (1 << 30) ? 1 << 30 : (int)n;
        int w = SSL_write(t->ssl, p, part);

        if (w <= 0)
            return -1;
        p = (const char *)p + w;
        n -= (size_t)w;
        collect(t, send);
    }
    return 0;
}

int tls_read(struct tls *t, const void *p, size_t n, struct buf *plain, struct buf *send)
{
    char chunk[16384];
    int r = 0;

    if (BIO_write(t->in, p, (int)n) != (int)n)
        return -1;
    while ((r = SSL_read(t->ssl, chunk, sizeof(chunk))) > 0)
        if (buf_add(plain, chunk, (size_t)r) < 0)
            return -1;
    r = SSL_get_error(t->ssl, r);
    collect(t, send);
    if (SSL_is_init_finished(t->ssl) && buf_len(&t->waiting)) {
        struct buf late = t->waiting;

        buf_init(&t->waiting, CONN_QUEUE_MAX);
        tls_write(t, buf_str(&late), buf_len(&late), send);
        buf_release(&late);
    }
    return r == SSL_ERROR_WANT_READ || r == SSL_ERROR_NONE ? 0 : -1;
}
