#include "fakes/aws/chunked.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* S3 takes no object part larger than 5 GiB, so no chunk is. */
#define CHUNK_MAX (5ull << 30)

enum chunked_state {
    CHUNK_HEAD,    /* "size;chunk-signature=..." */
    CHUNK_DATA,    /* the bytes */
    CHUNK_DATA_CR, /* the line end behind them */
    CHUNK_DATA_LF,
    CHUNK_TRAILER, /* lines behind the last chunk, up to an empty one */
    CHUNK_END,     /* nothing may come any more */
};

static bool signed_kind(const struct aws_chunked *c)
{
    return c->kind != SIGV4_PAYLOAD_UNSIGNED_TRAILER;
}

static int fail(struct aws_chunked *c, enum sigv4_result r, const char *text)
{
    c->result = r;
    snprintf(c->text, sizeof(c->text), "%s", text);
    return -1;
}

void aws_chunked_init(struct aws_chunked *c, const struct sigv4 *s,
                      int (*out)(void *data, const char *p, size_t n), void *data)
{
    memset(c, 0, sizeof(*c));
    c->kind = s->payload;
    c->checked = s->checked;
    c->out = out;
    c->data = data;
    memcpy(c->previous, s->signature, sizeof(c->previous));
    memcpy(c->amz_date, s->amz_date, sizeof(c->amz_date));
    memcpy(c->scope, s->scope, sizeof(c->scope));
    memcpy(c->signing_key, s->signing_key, sizeof(c->signing_key));
    buf_init(&c->line, AWS_CHUNK_LINE_MAX);
    buf_init(&c->trailers, AWS_CHUNK_TRAILER_MAX);
    c->sha = EVP_MD_CTX_new();
    EVP_DigestInit_ex(c->sha, EVP_sha256(), NULL);
}

void aws_chunked_release(struct aws_chunked *c)
{
    buf_release(&c->line);
    buf_release(&c->trailers);
    EVP_MD_CTX_free(c->sha);
    c->sha = NULL;
    OPENSSL_cleanse(c->signing_key, sizeof(c->signing_key));
}

/* Signs "ALGORITHM\ndate\nscope\nprevious\n" and `rest` with the request's key, and compares. */
static int check(struct aws_chunked *c, const char *algorithm, const char *rest,
                 const char *claimed)
{
    struct buf b = BUF_INIT(1024);
    uint8_t mac[32];
    char ours[65];

    buf_addf(&b, "%s\n%s\n%s\n%s\n%s", algorithm, c->amz_date, c->scope, c->previous, rest);
    sigv4_hmac(c->signing_key, sizeof(c->signing_key), buf_str(&b), buf_len(&b), mac);
    buf_release(&b);
    str_hex(mac, sizeof(mac), ours);
    if (c->checked && CRYPTO_memcmp(ours, claimed, 64))
        return fail(c, SIGV4_BAD_CHUNK,
                    "The request signature we calculated does not match the signature of a chunk.");
    memcpy(c->previous, claimed, sizeof(c->previous));
    return 0;
}

static int end_of_chunk(struct aws_chunked *c)
{
    char rest[131], hex[65];
    uint8_t sha[32];

    EVP_DigestFinal_ex(c->sha, sha, NULL);
    EVP_DigestInit_ex(c->sha, EVP_sha256(), NULL);
    str_hex(sha, sizeof(sha), hex);
    snprintf(rest, sizeof(rest), "%s\n%s", EMPTY_SHA256, hex);
    return signed_kind(c) ? check(c, "AWS4-HMAC-SHA256-PAYLOAD", rest, c->claimed) : 0;
}

static bool is_hex64(const char *s)
{
    return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* "400;chunk-signature=..." without its line end. */
static int take_head(struct aws_chunked *c)
{
    const char *line = buf_str(&c->line), *sig;
    size_t n = strspn(line, "0123456789abcdefABCDEF");

    if (!n || n > 16 || (line[n] && line[n] != ';'))
        return fail(c, SIGV4_BAD_FRAMING, "The size of a chunk cannot be read.");
    c->left = strtoull(line, NULL, 16);
    if (c->left > CHUNK_MAX)
        return fail(c, SIGV4_BAD_FRAMING, "A chunk is larger than 5 GiB.");
    c->last = c->left == 0;
    if (signed_kind(c)) {
        sig = str_after(line + n, ";chunk-signature=");
        if (!sig || !is_hex64(sig))
            return fail(c, SIGV4_BAD_FRAMING, "A chunk has no chunk-signature.");
        memcpy(c->claimed, sig, 65);
    } else if (line[n]) {
        return fail(c, SIGV4_BAD_FRAMING, "A chunk of an unsigned body has an extension.");
    }
    buf_clear(&c->line);
    if (!c->last) {
        c->state = CHUNK_DATA;
        return 0;
    }
    if (end_of_chunk(c) < 0)
        return -1;
    c->state = c->kind == SIGV4_PAYLOAD_CHUNKS ? CHUNK_DATA_CR : CHUNK_TRAILER;
    return 0;
}

/* "x-amz-checksum-crc32c:wdBDMA==", or an empty line at the end. */
static int take_trailer(struct aws_chunked *c)
{
    const char *line = buf_str(&c->line), *value = strchr(line, ':');
    const char *sig = str_after(line, "x-amz-trailer-signature:");
    char hex[65];
    size_t n;

    /* AWS's own description ends each trailer with LF CR LF: an empty line before the signature */
    if (!*line && c->kind == SIGV4_PAYLOAD_CHUNKS_TRAILER && !c->trailer_signed) {
        if (!buf_len(&c->trailers))
            return fail(c, SIGV4_BAD_FRAMING, "There is no x-amz-trailer-signature.");
        return 0;
    }
    if (!*line) {
        c->state = CHUNK_END;
        c->done = true;
        return 0;
    }
    if (sig && c->kind == SIGV4_PAYLOAD_CHUNKS_TRAILER) {
        if (!is_hex64(sig) || c->trailer_signed)
            return fail(c, SIGV4_BAD_FRAMING, "x-amz-trailer-signature cannot be read.");
        c->trailer_signed = true;
        sigv4_sha256_hex(buf_str(&c->trailers), buf_len(&c->trailers), hex);
        if (check(c, "AWS4-HMAC-SHA256-TRAILER", hex, sig) < 0)
            return -1;
    } else {
        if (!value || value == line || c->trailer_signed)
            return fail(c, SIGV4_BAD_FRAMING, "A trailer cannot be read.");
        buf_add(&c->trailers, line, (size_t)(value - line));
        value += 1 + strspn(value + 1, " \t");
        n = strlen(value);
        while (n && (value[n - 1] == ' ' || value[n - 1] == '\t'))
            n--;
        if (buf_addf(&c->trailers, ":%.*s\n", (int)n, value) < 0)
            return fail(c, SIGV4_BAD_FRAMING, "The trailers are too large.");
    }
    buf_clear(&c->line);
    return 0;
}

/* Collects one line; 1 when it is whole (without CR LF), 0 when more is needed. */
static int take_line(struct aws_chunked *c, const char **p, size_t *n)
{
    const char *lf = memchr(*p, '\n', *n);
    size_t use = lf ? (size_t)(lf - *p) : *n;
    size_t len;

    if (memchr(*p, '\0', use) || buf_add(&c->line, *p, use) < 0)
        return fail(c, SIGV4_BAD_FRAMING, "A line between chunks is too long or holds a NUL.");
    *p += use + (lf != NULL);
    *n -= use + (lf != NULL);
    if (!lf)
        return 0;
    len = buf_len(&c->line);
    /* the trailers are signed with LF, and some clients end them so on the wire too */
    if (len && buf_str(&c->line)[len - 1] == '\r')
        buf_data(&c->line)[c->line.len = len - 1] = '\0';
    return 1;
}

static int take_data(struct aws_chunked *c, const char **p, size_t *n)
{
    size_t use = *n < c->left ? *n : (size_t)c->left;

    if (signed_kind(c) && c->checked)
        EVP_DigestUpdate(c->sha, *p, use);
    if (c->out && c->out(c->data, *p, use) < 0)
        return fail(c, SIGV4_BAD_FRAMING, "The body was not accepted.");
    c->decoded += use;
    c->left -= use;
    *p += use;
    *n -= use;
    if (c->left)
        return 0;
    c->state = CHUNK_DATA_CR;
    return end_of_chunk(c);
}

static int take_line_end(struct aws_chunked *c, const char **p, size_t *n)
{
    char want = c->state == CHUNK_DATA_CR ? '\r' : '\n';

    if (**p != want)
        return fail(c, SIGV4_BAD_FRAMING, "A chunk is not followed by a line end.");
    ++*p;
    --*n;
    if (c->state == CHUNK_DATA_CR) {
        c->state = CHUNK_DATA_LF;
    } else {
        c->state = c->last ? CHUNK_END : CHUNK_HEAD;
        c->done = c->last;
    }
    return 0;
}

static int step(struct aws_chunked *c, const char **p, size_t *n)
{
    int r;

    switch (c->state) {
    case CHUNK_HEAD:
        r = take_line(c, p, n);
        return r > 0 ? take_head(c) : r;
    case CHUNK_DATA:
        return take_data(c, p, n);
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF:
        return take_line_end(c, p, n);
    case CHUNK_TRAILER:
        r = take_line(c, p, n);
        return r > 0 ? take_trailer(c) : r;
    default:
        return fail(c, SIGV4_BAD_FRAMING, "There are bytes behind the last chunk.");
    }
}

int aws_chunked_feed(struct aws_chunked *c, const char *p, size_t n)
{
    if (c->result != SIGV4_OK)
        return -1;
    while (n)
        if (step(c, &p, &n) < 0)
            return -1;
    return 0;
}

int aws_chunked_finish(struct aws_chunked *c)
{
    if (c->result != SIGV4_OK)
        return -1;
    if (c->done)
        return 0;
    return fail(c, SIGV4_BAD_FRAMING,
                "You did not provide the number of bytes specified by the Content-Length HTTP "
                "header");
}
