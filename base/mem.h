/*
 * mem.h - allocation that does not return NULL.
 *
 * When memory ends, these print one line on standard error and abort(): no
 * caller can do better, and the journal, which is written as it grows,
 * survives. Sizes that a peer chooses never reach here unchecked: struct buf
 * and every parser have a limit given at birth.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t n) __attribute__((returns_nonnull));

/* xstrdup(NULL) is NULL. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n) __attribute__((returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((returns_nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *fmt, va_list ap)
    __attribute__((format(printf, 1, 0), returns_nonnull));

/* Allocates a zeroed struct: struct x *p = new0(struct x). */
#define new0(type)          ((type *)xcalloc(1, sizeof(type)))
#define new0_array(type, n) ((type *)xcalloc((n), sizeof(type)))

/* Makes room for one more element in a growing array (p, used n, room cap). */
#define grow_array(p, n, cap)                                                                      \
    do {                                                                                           \
        if ((n) == (cap)) {                                                                        \
            (cap) = (cap) ? (cap)*2 : 8;                                                           \
            (p) = xrealloc((p), (cap) * sizeof(*(p)));                                             \
        }                                                                                          \
    } while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
