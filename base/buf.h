/*
 * buf.h - growing bytes with a hard maximum.
 *
 * Life cycle: buf_init() (or BUF_INIT(max)), add, take or read, buf_release().
 * The bytes always end in a NUL that is not counted, so data can be read as a
 * string when it holds no NUL itself.
 *
 * buf_add*() return 0, or -1 when the maximum would be passed; then nothing
 * was added and `full` stays set, so a caller may add many times and look
 * once. Taking from the front (buf_consume) is cheap: the space is reclaimed
 * when the next addition needs it.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *mem;   /* allocation, or NULL */
    size_t off;  /* first byte that counts */
    size_t len;  /* bytes that count */
    size_t room; /* size of the allocation */
    size_t max;  /* len never passes this */
    bool full;   /* an addition was refused */
};

/* clang-format off */
#define BUF_INIT(limit) { .max = (limit) }
/* clang-format on */

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* frees; the object can be used again */
void buf_clear(struct buf *b);   /* empties, keeps the memory */

static inline size_t buf_len(const struct buf *b)
{
    return b->len;
}

/* Never NULL; NUL-terminated. */
const char *buf_str(const struct buf *b);
char *buf_data(struct buf *b);

int buf_add(struct buf *b, const void *p, size_t n);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Appends s as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
int buf_add_json_string(struct buf *b, const char *s, size_t n);

/* Room for n more bytes behind the data, to be written by the caller, who then
 * calls buf_grew(). NULL when the maximum would be passed. */
char *buf_reserve(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

/* Drops n bytes from the front; when none is left, as buf_clear(). */
void buf_consume(struct buf *b, size_t n);

/* Hands the bytes over (free() them); the buffer is empty afterwards. */
char *buf_steal(struct buf *b, size_t *ret_len);

void buf_releasep(struct buf *b);
#define _cleanup_buf_ __attribute__((cleanup(buf_releasep)))

#endif
