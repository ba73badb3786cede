#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
    size_t max = b->max;

    free(b->mem);
    buf_init(b, max);
}

void buf_releasep(struct buf *b)
{
    buf_release(b);
}

void buf_clear(struct buf *b)
{
    b->off = b->len = 0;
    b->full = false;
    if (b->mem)
        b->mem[0] = '\0';
}

const char *buf_str(const struct buf *b)
{
    return b->mem ? b->mem + b->off : "";
}

char *buf_data(struct buf *b)
{
    /* Not by buf_reserve(): nobody asked for a byte, so a maximum of 0 is not passed. */
    if (!b->mem) {
        b->room = b->max < 63 ? b->max + 1 : 64;
        b->mem = xcalloc(1, b->room);
    }
    return b->mem + b->off;
}

char *buf_reserve(struct buf *b, size_t n)
{
    size_t need;

    if (n > b->max || b->len > b->max - n) {
        b->full = true;
        return NULL;
    }
    need = b->len + n + 1;
    if (b->off + need > b->room && b->off) {
        memmove(b->mem, b->mem + b->off, b->len + 1);
        b->off = 0;
    }
    if (need > b->room) {
        size_t room = b->room ? b->room * 2 : 64;

        if (room < need)
            room = need;
        if (room - 1 > b->max)
            room = b->max + 1;
        b->mem = xrealloc(b->mem, room);
        b->room = room;
        b->mem[b->off + b->len] = '\0';
    }
    return b->mem + b->off + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
    b->len += n;
    b->mem[b->off + b->len] = '\0';
}

int buf_add(struct buf *b, const void *p, size_t n)
{
    char *to = buf_reserve(b, n);

    if (!to)
        return -1;
    if (n)
        memcpy(to, p, n);
    buf_grew(b, n);
    return 0;
}

int buf_adds(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

int buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    char small[256];
    va_list again;
    char *to;
    int n;

    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    if (n < 0) { /* longer than an int can say, or not text in this locale */
        va_end(again);
        b->full = true;
        return -1;
    }
    if (n < (int)sizeof(small)) {
        va_end(again);
        return buf_add(b, small, (size_t)n);
    }
    to = buf_reserve(b, (size_t)n);
    if (to) {
        vsnprintf(to, (size_t)n + 1, fmt, again);
        buf_grew(b, (size_t)n);
    }
    va_end(again);
    return to ? 0 : -1;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int r;

    va_start(ap, fmt);
    r = buf_vaddf(b, fmt, ap);
    va_end(ap);
    return r;
}

static int add_json_control(struct buf *b, unsigned char c)
{
    switch (c) {
    case '"':
        return buf_adds(b, "\\\"");
    case '\\':
        return buf_adds(b, "\\\\");
    case '\n':
        return buf_adds(b, "\\n");
    case '\r':
        return buf_adds(b, "\\r");
    case '\t':
        return buf_adds(b, "\\t");
    default:
        return buf_addf(b, "\\u%04x", c);
    }
}

int buf_add_json_string(struct buf *b, const char *s, size_t n)
{
    size_t i = 0, from = 0, len = b->len;
    bool full = b->full;

    b->full = false;
    buf_addc(b, '"');
    while (i < n) {
        unsigned char c = (unsigned char)s[i];
        size_t seq = c < 0x80 ? 1 : str_utf8_len(s + i, n - i);

        if (seq && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            i += seq;
            continue;
        }
        buf_add(b, s + from, i - from);
        if (seq)
            add_json_control(b, c);
        else
            buf_adds(b, "\xef\xbf\xbd");
        from = ++i;
    }
    buf_add(b, s + from, n - from);
    buf_addc(b, '"');
    if (!b->full) {
        b->full = full;
        return 0;
    }
    b->len = len; /* half a string is no string */
    buf_data(b)[len] = '\0';
    return -1;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->len) {
        buf_clear(b);
        return;
    }
    b->off += n;
    b->len -= n;
}

char *buf_steal(struct buf *b, size_t *ret_len)
{
    char *p = buf_data(b);

    if (b->off)
        p = memmove(b->mem, p, b->len + 1);
    if (ret_len)
        *ret_len = b->len;
    b->mem = NULL;
    buf_release(b);
    return p;
}
