#include "harness/boot/unit_file.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

static char *trimmed(const char *s, size_t n)
{
    while (n && isspace((unsigned char)*s)) {
        s++;
        n--;
    }
    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    return xstrndup(s, n);
}

static int add_line(struct unit_file *f, const char *section, char *key, char *value, int line,
                    struct err *e)
{
    if (f->n == UNIT_LINES_MAX) {
        free(key);
        free(value);
        return err_set(e, ERR_LIMIT, "%s: more than %d lines", f->from, UNIT_LINES_MAX);
    }
    grow_array(f->lines, f->n, f->room);
    f->lines[f->n++] = (struct unit_line){xstrdup(section), key, value, line};
    return 0;
}

/* One logical line, continuations joined. */
static int take(struct unit_file *f, char **section, const char *s, size_t n, int line,
                struct err *e)
{
    char *text = trimmed(s, n), *eq;
    size_t len = strlen(text);
    int k = 0;

    if (*text == '[' && text[len - 1] == ']') {
        free(*section);
        *section = xstrndup(text + 1, len - 2);
    } else if (*text && (eq = strchr(text, '=')) && eq > text) {
        k = add_line(f, *section, trimmed(text, (size_t)(eq - text)),
                     trimmed(eq + 1, strlen(eq + 1)), line, e);
    } else if (*text) {
        k = add_line(f, *section, NULL, xstrdup(text), line, e);
    }
    free(text);
    return k;
}

static bool is_comment(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    return n && (*s == '#' || *s == ';');
}

int unit_file_parse(struct unit_file *f, const char *from, const char *text, size_t n,
                    struct err *e)
{
    struct buf whole = BUF_INIT(UNIT_FILE_MAX);
    char *section = xstrdup("");
    int line = 0, first = 0, k = 0;

    *f = (struct unit_file){.from = xstrdup(from)};
    if (memchr(text, '\0', n))
        k = err_set(e, ERR_PARSE, "%s: there is a NUL in it: this is no unit file", from);
    for (const char *s = text, *end = text + n; k == 0 && s < end;) {
        const char *nl = memchr(s, '\n', (size_t)(end - s));
        size_t len = (size_t)((nl ? nl : end) - s);
        bool more;

        line++;
        if (len && s[len - 1] == '\r')
            len--;
        more = len && s[len - 1] == '\\';
        if (!is_comment(s, len)) {
            if (!buf_len(&whole))
                first = line;
            buf_add(&whole, s, more ? len - 1 : len);
            if (more)
                buf_addc(&whole, ' ');
        }
        if (whole.full)
            k = err_set(e, ERR_LIMIT, "%s: longer than %d bytes", from, UNIT_FILE_MAX);
        if (k == 0 && !more && !(is_comment(s, len) && buf_len(&whole))) {
            k = take(f, &section, buf_str(&whole), buf_len(&whole), first, e);
            buf_clear(&whole);
        }
        s = nl ? nl + 1 : end;
    }
    if (k == 0)
        k = take(f, &section, buf_str(&whole), buf_len(&whole), first, e);
    buf_release(&whole);
    free(section);
    return k;
}

void unit_file_release(struct unit_file *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->lines[i].section);
        free(f->lines[i].key);
        free(f->lines[i].value);
    }
    free(f->lines);
    free(f->from);
    *f = (struct unit_file){0};
}

const char *unit_file_get(const struct unit_file *f, const char *section, const char *key)
{
    const char *found = NULL;

    for (size_t i = 0; i < f->n; i++)
        if (f->lines[i].key && str_eq(f->lines[i].section, section) && str_eq(f->lines[i].key, key))
            found = f->lines[i].value;
    return found;
}
