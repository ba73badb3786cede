#include "harness/diag.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"

/* Text of all messages of a run; 20 errors with a line each come nowhere near. */
#define DIAG_TEXT_MAX (1u << 20)
/* A longer line is shown around the caret only. */
#define DIAG_LINE_MAX 160

void diag_init(struct diag *d)
{
    *d = (struct diag){.text = BUF_INIT(DIAG_TEXT_MAX)};
}

void diag_release(struct diag *d)
{
    buf_release(&d->text);
}

const char *diag_text(const struct diag *d)
{
    return buf_str(&d->text);
}

/* Characters in n bytes; what is not UTF-8 counts one a byte. */
static size_t chars(const char *s, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; count++) {
        size_t len = str_utf8_len(s + i, n - i);

        i += len ? len : 1;
    }
    return count;
}

static const char *line_start(const struct source *src, uint32_t line, size_t *ret_len)
{
    const char *p = src->text, *end = src->text + src->len;

    for (uint32_t i = 1; i < line && p < end; i++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));

        p = nl ? nl + 1 : end;
    }
    const char *nl = memchr(p, '\n', (size_t)(end - p));

    *ret_len = (size_t)((nl ? nl : end) - p);
    if (*ret_len && p[*ret_len - 1] == '\r')
        --*ret_len;
    return p;
}

static void add_visible(struct buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = str_utf8_len(s + i, n - i);

        if (!len || (len == 1 && ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) && s[i] != '\t'))
            buf_addc(b, '?');
        else
            buf_add(b, s + i, len);
        i += len ? len : 1;
    }
}

/* Blanks as wide as these bytes are shown. */
static void add_margin(struct buf *b, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = str_utf8_len(s + i, n - i);

        buf_addc(b, s[i] == '\t' ? '\t' : ' ');
        i += len ? len : 1;
    }
}

static void add_snippet(struct diag *d, const struct source *src, struct pos pos)
{
    size_t n, at, under, from = 0, to;
    const char *line = line_start(src, pos.line, &n);

    at = pos.col ? pos.col - 1 : 0;
    if (at > n)
        at = n;
    to = n;
    if (n > DIAG_LINE_MAX) {
        from = at > DIAG_LINE_MAX / 2 ? at - DIAG_LINE_MAX / 2 : 0;
        while (from && ((unsigned char)line[from] & 0xc0) == 0x80)
            from--;
        to = from + DIAG_LINE_MAX < n ? from + DIAG_LINE_MAX : n;
        while (to < n && ((unsigned char)line[to] & 0xc0) == 0x80)
            to++;
    }
    under = pos.len ? pos.len : 1;
    if (under > to - at)
        under = to - at;
    buf_addf(&d->text, "%4u | %s", pos.line, from ? "..." : "");
    add_visible(&d->text, line + from, to - from);
    buf_addf(&d->text, "%s\n     | %s", to < n ? "..." : "", from ? "   " : "");
    add_margin(&d->text, line + from, at - from);
    buf_addc(&d->text, '^');
    for (size_t i = 1, wide = chars(line + at, under); i < wide; i++)
        buf_addc(&d->text, '~');
    buf_addc(&d->text, '\n');
}

static void add_place(struct diag *d, const struct source *src, struct pos pos)
{
    size_t n;

    if (!src)
        return;
    if (!pos.line) {
        buf_addf(&d->text, "%s: ", src->path);
        return;
    }
    const char *line = line_start(src, pos.line, &n);
    size_t at = pos.col && pos.col - 1 < n ? pos.col - 1 : n;

    buf_addf(&d->text, "%s:%u:%zu: ", src->path, pos.line, chars(line, at) + 1);
}

__attribute__((format(printf, 5, 0))) static void message(struct diag *d, const struct source *src,
                                                          struct pos pos, const char *kind,
                                                          const char *fmt, va_list ap)
{
    add_place(d, src, pos);
    buf_addf(&d->text, "%s: ", kind);
    buf_vaddf(&d->text, fmt, ap);
    buf_addc(&d->text, '\n');
    if (src && pos.line)
        add_snippet(d, src, pos);
    d->open = true;
}

int diag_error(struct diag *d, const struct source *src, struct pos pos, const char *fmt, ...)
{
    va_list ap;

    d->open = false;
    if (d->errors++ >= DIAG_ERRORS_MAX) {
        if (!d->cut)
            buf_addf(&d->text, "too many errors: the first %d are shown\n", DIAG_ERRORS_MAX);
        d->cut = true;
        return -1;
    }
    va_start(ap, fmt);
    message(d, src, pos, "error", fmt, ap);
    va_end(ap);
    return -1;
}

void diag_warning(struct diag *d, const struct source *src, struct pos pos, const char *fmt, ...)
{
    va_list ap;

    d->open = false;
    if (d->warnings++ >= DIAG_ERRORS_MAX || d->cut)
        return;
    va_start(ap, fmt);
    message(d, src, pos, "warning", fmt, ap);
    va_end(ap);
}

void diag_note(struct diag *d, const char *fmt, ...)
{
    va_list ap;

    if (!d->open)
        return;
    buf_adds(&d->text, "     = ");
    va_start(ap, fmt);
    buf_vaddf(&d->text, fmt, ap);
    va_end(ap);
    buf_addc(&d->text, '\n');
}

bool diag_suggest(struct diag *d, const char *word, const char *const *list, size_t n)
{
    const char *near = str_nearest(word, list, n);

    if (!near)
        return false;
    diag_note(d, "did you mean \"%s\"?", near);
    return true;
}

void diag_see(struct diag *d, const struct source *src, struct pos pos, const char *what)
{
    if (!d->open)
        return;
    buf_adds(&d->text, "     = ");
    add_place(d, src, pos);
    buf_addf(&d->text, "%s\n", what);
    if (pos.line)
        add_snippet(d, src, pos);
}
