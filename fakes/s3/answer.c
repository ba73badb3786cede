/* Answers: XML, nothing, and content as fast as the peer reads it. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

int64_t s3_now(const struct s3_call *c)
{
    return loop_wall(fake_loop(&c->s3->fake));
}

int s3_answer_xml(struct s3_call *c, struct buf *b)
{
    if (b->full) {
        buf_release(b);
        return s3_fail(c, "InternalError", NULL);
    }
    s3_common_headers(c->x);
    exchange_answer(c->x, 200, "application/xml", buf_str(b), buf_len(b));
    buf_release(b);
    return 0;
}

int s3_answer_empty(struct s3_call *c, int status)
{
    s3_common_headers(c->x);
    exchange_answer(c->x, status, NULL, "", 0);
    return 0;
}

void s3_set_etag(struct s3_call *c, const char *etag)
{
    char quoted[64];

    snprintf(quoted, sizeof(quoted), "\"%s\"", etag);
    exchange_set_header(c->x, "ETag", quoted);
}

void s3_xml_time(struct buf *b, const char *name, int64_t wall)
{
    char text[40];

    s3_xml_add(b, name, str_format_time(wall, 3, text));
}

void s3_owner_id(const struct s3_call *c, char out[65])
{
    const char *account = c->s3->fake.world->id.account;
    unsigned char sha[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)account, strlen(account), sha);
    str_hex(sha, sizeof(sha), out);
}

void s3_xml_owner(struct s3_call *c, struct buf *b, const char *name)
{
    char id[65];

    s3_owner_id(c, id);
    buf_addf(b, "<%s>", name);
    s3_xml_add(b, "ID", id);
    s3_xml_add(b, "DisplayName", c->s3->fake.world->id.account);
    buf_addf(b, "</%s>", name);
}

/* Sends until the connection has enough; on_drain goes on. Ends the exchange when all is sent. */
static void pump(struct exchange *x)
{
    struct s3_call *c = x->data;

    while (c->at < c->end) {
        uint64_t left = c->end - c->at;
        const char *p;
        size_t n = s3_content_at(&c->sending, c->at, c->scratch,
                                 left < S3_PIECE ? (size_t)left : S3_PIECE, &p);

        if (!n) {
            exchange_abort(x, true);
            return;
        }
        c->at += n;
        if (exchange_write(x, p, n) > EXCHANGE_HIGH && c->at < c->end)
            return;
    }
    x->on_drain = NULL;
    exchange_end(x);
}

int s3_answer_content(struct s3_call *c, int status, const char *type,
                      const struct s3_content *content, uint64_t from, uint64_t end)
{
    struct exchange *x = c->x;
    const char *p = "";
    size_t whole = end - from <= S3_PIECE ? (size_t)(end - from) : 0;

    s3_common_headers(x);
    if (x->head_only) {
        exchange_answer(x, status, type, "", (size_t)(end - from));
        return 0;
    }
    /* the usual case: a small object in memory goes out in one piece */
    if (content->n <= 1 && (!content->n || content->pieces[0].blob->mem) && whole == end - from) {
        if (whole)
            s3_content_at(content, from, NULL, whole, &p);
        exchange_answer(x, status, type, p, whole);
        return 0;
    }
    s3_content_add_slice(&c->sending, content, from, end - from);
    c->at = 0;
    c->end = end - from;
    c->scratch = xmalloc(S3_PIECE);
    x->on_drain = pump;
    exchange_begin(x, status, type, (int64_t)c->end);
    pump(x);
    return 0;
}
