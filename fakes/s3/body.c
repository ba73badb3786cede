/* The body of a request: where it goes, and the checks that it has to pass. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

const char *s3_checksum_header(enum s3_checksum_kind kind, char out[40])
{
    snprintf(out, 40, "x-amz-checksum-%s", s3_checksum_kind_name(kind));
    for (char *p = out; *p; p++)
        *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
    return out;
}

void s3_set_checksum(struct s3_call *c, enum s3_checksum_kind kind, const char *text,
                     bool composite)
{
    char name[40];

    if (kind == S3_CHECKSUM_NONE)
        return;
    exchange_set_header(c->x, s3_checksum_header(kind, name), text);
    exchange_set_header(c->x, "x-amz-checksum-type", composite ? "COMPOSITE" : "FULL_OBJECT");
}

/* The kind whose checksum comes in a header or was announced for the trailer. */
static enum s3_checksum_kind announced(const struct s3_call *c)
{
    const char *trailer = exchange_header(c->x, "x-amz-trailer");
    char name[40];

    if (c->op && c->op->run == s3_complete_upload) /* that of the whole object, not of this body */
        return S3_CHECKSUM_NONE;

    for (int k = S3_CHECKSUM_NONE + 1; k < S3_CHECKSUM_MAX; k++) {
        s3_checksum_header((enum s3_checksum_kind)k, name);
        if (exchange_header(c->x, name) || (trailer && !strcasecmp(trailer, name)))
            return (enum s3_checksum_kind)k;
    }
    return S3_CHECKSUM_NONE;
}

/* A part has the kind that its upload was begun with, and S3 calculates it if the peer did not. To
 * one that was begun without any the newer SDKs bring CRC32 unasked. */
static int check_kind(struct s3_call *c, enum s3_checksum_kind *kind)
{
    const struct s3_bucket *b = c->bucket_name ? s3_bucket_find(c->s3, c->bucket_name) : NULL;
    char *id = c->key ? exchange_param(c->x, "uploadId") : NULL;
    const struct s3_upload *u =
        b && id && c->op && (c->op->flags & S3_CONTENT) ? s3_upload_find(b, c->key, id) : NULL;

    free(id);
    if (!u || u->checksum_kind == S3_CHECKSUM_NONE || *kind == u->checksum_kind)
        return 0;
    c->own_checksum = *kind == S3_CHECKSUM_NONE;
    if (!c->own_checksum)
        return s3_failf(
            c, "InvalidRequest",
            "Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
            s3_checksum_kind_name(u->checksum_kind), s3_checksum_kind_name(*kind));
    *kind = u->checksum_kind;
    return 0;
}

static int too_large(struct s3_call *c, uint64_t size)
{
    char proposed[24], most[24];

    if (!c->op || !(c->op->flags & S3_CONTENT))
        return s3_fail(c, "MaxMessageLengthExceeded", NULL);
    snprintf(proposed, sizeof(proposed), "%llu", (unsigned long long)size);
    snprintf(most, sizeof(most), "%llu", S3_OBJECT_MAX);
    return s3_fail(c, "EntityTooLarge", "ProposedSize", proposed, "MaxSizeAllowed", most, NULL);
}

/* How long the content will be has to be known before it comes. */
static int check_length(struct s3_call *c)
{
    const char *length = exchange_header(c->x, "Content-Length");
    const char *decoded = exchange_header(c->x, "x-amz-decoded-content-length");
    const char *coding = exchange_header(c->x, "Transfer-Encoding");
    uint64_t n = 0;

    if (!c->op || !(c->op->flags & S3_CONTENT))
        return 0;
    if (coding && !decoded)
        return s3_fail(c, "NotImplemented", "Header", "Transfer-Encoding", NULL);
    if ((!length && !coding) || (c->is_chunked && !decoded))
        return s3_fail(c, "MissingContentLength", NULL);
    if (str_u64(decoded ? decoded : length, UINT64_MAX, &n) < 0)
        return s3_failf(c, "InvalidArgument", "Could not parse the content length");
    if (n > S3_OBJECT_MAX)
        return too_large(c, n);
    s3_sink_expect(&c->sink, n);
    return 0;
}

static int take(void *data, const char *p, size_t n)
{
    struct s3_call *c = data;

    if (s3_sink_add(&c->sink, p, n) == 0)
        return 0;
    return c->sink.full ? too_large(c, c->sink.size + n) : s3_fail(c, "InternalError", NULL);
}

void s3_call_body_begin(struct s3_call *c)
{
    const struct s3 *s = c->s3;
    bool content = c->op && (c->op->flags & S3_CONTENT);
    bool expected = exchange_header(c->x, "Content-Length") || exchange_header(c->x, "Transfer-"
                                                                                     "Encoding");
    enum s3_checksum_kind kind = announced(c);

    s3_sink_init(&c->sink, content ? S3_OBJECT_MAX : S3_BODY_MAX, content ? s->spill_folder : NULL,
                 s->spill_over);
    c->is_chunked =
        c->sig.payload != SIGV4_PAYLOAD_HASHED && c->sig.payload != SIGV4_PAYLOAD_UNSIGNED;
    if (c->is_chunked)
        aws_chunked_init(&c->chunked, &c->sig, take, c);
    check_length(c);
    if (!c->error.code && s3_call_encryption(c) == 0)
        check_kind(c, &kind);
    if (c->error.code || !expected)
        return;
    s3_sink_hash(&c->sink, (content && !c->kms) || exchange_header(c->x, "Content-MD5"),
                 c->sig.checked && c->sig.payload == SIGV4_PAYLOAD_HASHED);
    s3_checksum_init(&c->sink.checksum, kind);
}

int s3_call_body_add(struct exchange *x, const char *p, size_t n)
{
    struct s3_call *c = x->data;

    if (c->error.code) /* it is read to its end, so that the peer reads the answer */
        return 0;
    if (!c->is_chunked) {
        take(c, p, n);
    } else if (aws_chunked_feed(&c->chunked, p, n) < 0) {
        c->sig.result = c->chunked.result;
        s3_call_auth_failed(c);
    }
    return 0;
}

static int check_chunks(struct s3_call *c)
{
    const char *decoded = exchange_header(c->x, "x-amz-decoded-content-length");
    uint64_t n;

    if (!c->is_chunked)
        return 0;
    if (aws_chunked_finish(&c->chunked) < 0) {
        c->sig.result = c->chunked.result;
        return s3_call_auth_failed(c);
    }
    if (decoded && (str_u64(decoded, UINT64_MAX, &n) < 0 || n != c->sink.size))
        return s3_fail(c, "IncompleteBody", NULL);
    return 0;
}

static int check_md5(struct s3_call *c)
{
    const char *claim = exchange_header(c->x, "Content-MD5");
    struct buf want = BUF_INIT(64), ours = BUF_INIT(64);
    unsigned char md5[16];
    int r = 0;

    if (c->kms)
        s3_opaque_etag(c, c->etag);
    if (!c->sink.md5)
        return 0;
    s3_sink_md5(&c->sink, md5);
    if (!c->kms)
        str_hex(md5, sizeof(md5), c->etag);
    if (!claim)
        return 0;
    str_base64(&ours, md5, sizeof(md5));
    if (str_unbase64(&want, claim, strlen(claim)) < 0 || buf_len(&want) != sizeof(md5))
        r = s3_fail(c, "InvalidDigest", "Content-MD5", claim, NULL);
    else if (memcmp(buf_str(&want), md5, sizeof(md5)))
        r = s3_fail(c, "BadDigest", "ExpectedDigest", claim, "CalculatedDigest", buf_str(&ours),
                    NULL);
    buf_release(&want);
    buf_release(&ours);
    return r;
}

static int check_sha256(struct s3_call *c)
{
    unsigned char sha[32];
    char hex[65];

    if (!c->sig.checked || c->sig.payload != SIGV4_PAYLOAD_HASHED)
        return 0;
    if (c->sink.sha256)
        s3_sink_sha256(&c->sink, sha);
    else
        SHA256((const unsigned char *)"", 0, sha);
    if (sigv4_check_payload(&c->sig, sha) == SIGV4_OK)
        return 0;
    str_hex(sha, sizeof(sha), hex);
    return s3_fail(c, "XAmzContentSHA256Mismatch", "ClientComputedContentSHA256",
                   c->sig.payload_hash, "S3ComputedContentSHA256", hex, NULL);
}

/* The value of a trailer, to be freed; NULL when it did not come. */
static char *trailer_value(const struct s3_call *c, const char *name)
{
    for (const char *s = buf_str(&c->chunked.trailers); *s;) {
        size_t n = strcspn(s, "\n"), key = strcspn(s, ":\n");

        if (key < n && key == strlen(name) && !strncasecmp(s, name, key))
            return xstrndup(s + key + 1, n - key - 1);
        s += n + (s[n] == '\n');
    }
    return NULL;
}

static int check_checksum(struct s3_call *c)
{
    enum s3_checksum_kind kind = c->sink.checksum.kind;
    const char *header;
    char name[40], *claim;
    int r = 0;

    if (kind == S3_CHECKSUM_NONE)
        return 0;
    s3_checksum_text(&c->sink.checksum, c->checksum);
    if (c->own_checksum)
        return 0;
    header = exchange_header(c->x, s3_checksum_header(kind, name));
    claim = header || !c->is_chunked ? xstrdup(header) : trailer_value(c, name);
    if (!claim)
        r = s3_failf(c, "InvalidRequest", "Value for %s header is missing.", name);
    else if (strlen(claim) != strlen(c->checksum))
        r = s3_failf(c, "InvalidRequest", "Value for %s header is invalid.", name);
    else if (!str_eq(claim, c->checksum))
        r = s3_failf(c, "BadDigest", "The %s you specified did not match the calculated checksum.",
                     s3_checksum_kind_name(kind));
    free(claim);
    return r;
}

int s3_call_body_end(struct s3_call *c)
{
    if (c->error.code || check_chunks(c) < 0 || check_md5(c) < 0 || check_sha256(c) < 0 ||
        check_checksum(c) < 0)
        return -1;
    return 0;
}

struct s3_xml *s3_call_xml(struct s3_call *c, const char *root)
{
    struct err e = ERR_INIT;
    struct s3_xml *x;

    if (!c->sink.size) {
        s3_fail(c, "MissingRequestBodyError", NULL);
        return NULL;
    }
    x = s3_xml_read(buf_str(&c->sink.mem), buf_len(&c->sink.mem), &e);
    if (x && str_eq(x->name, root))
        return x;
    journal_note(fake_journal(&c->s3->fake), c->s3->fake.ops->name, "%s: the XML: %s", c->op->name,
                 x ? "the root element is another one" : e.text);
    s3_xml_free(x);
    s3_fail(c, "MalformedXML", NULL);
    return NULL;
}
