#include "agent/protobuf.h"
#include "base/mem.h"

/* https://protobuf.dev/programming-guides/encoding/ */
enum { WIRE_VARINT, WIRE_64_BIT, WIRE_LENGTH, WIRE_32_BIT = 5 };

static void put_varint(struct buf *b, uint64_t v)
{
    for (; v > 0x7f; v >>= 7)
        buf_addc(b, (char)(v | 0x80));
    buf_addc(b, (char)v);
}

void protobuf_put_element(struct buf *b, uint32_t number, const char *text)
{
    size_t n = strlen(text);

    put_varint(b, (uint64_t)number << 3 | WIRE_LENGTH);
    put_varint(b, n);
    buf_add(b, text, n);
}

void protobuf_put(struct buf *b, uint32_t number, const char *text)
{
    if (text && *text)
        protobuf_put_element(b, number, text);
}

/* -1: it is cut, or longer than ten bytes. */
static int get_varint(struct protobuf_reader *r, uint64_t *ret)
{
    uint64_t v = 0;

    for (int shift = 0; shift < 70 && r->p < r->end; shift += 7) {
        unsigned char c = *r->p++;

        if (shift < 64)
            v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = v;
            return 0;
        }
    }
    return -1;
}

static int skip(struct protobuf_reader *r, uint64_t n)
{
    if (n > (uint64_t)(r->end - r->p))
        return -1;
    r->p += n;
    return 0;
}

/* 1: a member with a length, 0: another, passed over, -1: the bytes make no sense. */
static int next(struct protobuf_reader *r, struct protobuf_member *ret)
{
    uint64_t tag, n;

    if (get_varint(r, &tag) < 0 || tag >> 3 == 0 || tag >> 3 > INT32_MAX)
        return -1;
    switch (tag & 7) {
    case WIRE_VARINT:
        return get_varint(r, &n);
    case WIRE_64_BIT:
        return skip(r, 8);
    case WIRE_32_BIT:
        return skip(r, 4);
    case WIRE_LENGTH:
        if (get_varint(r, &n) < 0 || n > (uint64_t)(r->end - r->p))
            return -1;
        *ret = (struct protobuf_member){(uint32_t)(tag >> 3), (const char *)r->p, (size_t)n};
        r->p += n;
        return 1;
    default: /* groups, which no message of today has */
        return -1;
    }
}

bool protobuf_next(struct protobuf_reader *r, struct protobuf_member *ret, struct err *e)
{
    while (r->p < r->end) {
        int k = next(r, ret);

        if (k > 0)
            return true;
        if (k < 0) {
            err_set(e, ERR_PARSE, "bytes that are no message");
            r->p = r->end;
        }
    }
    return false;
}
