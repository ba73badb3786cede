#include "harness/jscan.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/subst.h"

struct jscan {
    const char *s;
    size_t n, at;
    struct buf *out;
    int indent;
    int depth;
    struct jscan_error *e;
};

__attribute__((format(printf, 4, 5))) static int fail(struct jscan *j, size_t at, size_t len,
                                                      const char *fmt, ...)
{
    va_list ap;

    *j->e = (struct jscan_error){.at = at, .len = len ? len : 1};
    va_start(ap, fmt);
    vsnprintf(j->e->text, sizeof(j->e->text), fmt, ap);
    va_end(ap);
    return -1;
}

static int hint(struct jscan *j, const char *text)
{
    snprintf(j->e->hint, sizeof(j->e->hint), "%s", text);
    return -1;
}

static char peek(const struct jscan *j)
{
    return j->at < j->n ? j->s[j->at] : '\0';
}

static void put(struct jscan *j, const char *s, size_t n)
{
    if (j->out)
        buf_add(j->out, s, n);
}

static void blanks(struct jscan *j)
{
    while (j->at < j->n && strchr(" \t\r\n", j->s[j->at]) && j->s[j->at])
        j->at++;
}

/* A newline and indentation, or one blank (pad), or nothing. */
static void newline(struct jscan *j, bool pad)
{
    if (j->indent == JSCAN_ONE_LINE) {
        if (pad)
            put(j, " ", 1);
        return;
    }
    put(j, "\n", 1);
    for (int i = 0; i < j->indent + 2 * j->depth; i++)
        put(j, " ", 1);
}

static int hex4(const struct jscan *j, size_t at)
{
    int v = 0;

    if (at + 4 > j->n)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF", *p;

        p = j->s[i] ? strchr(digits, j->s[i]) : NULL;
        if (!p)
            return -1;
        v = v << 4 | (int)((p - digits) & 15);
    }
    return v;
}

static void add_utf8(struct buf *b, uint32_t c)
{
    if (!b)
        return;
    if (c < 0x80) {
        buf_addc(b, (char)c);
    } else if (c < 0x800) {
        buf_addc(b, (char)(0xc0 | c >> 6));
        buf_addc(b, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_addc(b, (char)(0xe0 | c >> 12));
        buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_addc(b, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_addc(b, (char)(0xf0 | c >> 18));
        buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_addc(b, (char)(0x80 | (c & 0x3f)));
    }
}

/* \uXXXX, the second half of a pair included; j->at is at the backslash. */
static int unicode_escape(struct jscan *j, struct buf *text)
{
    size_t from = j->at;
    int hi = hex4(j, j->at + 2), lo;

    if (hi < 0) {
        fail(j, from, 2, "\\u is followed by four hexadecimal digits");
        return hint(j, "write \\\\ for a backslash");
    }
    j->at += 6;
    if (hi == 0)
        return fail(j, from, 6, "a NUL character cannot be part of a text");
    if (hi >= 0xdc00 && hi <= 0xdfff)
        return fail(j, from, 6, "second half of a surrogate pair without the first");
    if (hi < 0xd800 || hi > 0xdbff) {
        add_utf8(text, (uint32_t)hi);
        return 0;
    }
    lo = peek(j) == '\\' && j->at + 1 < j->n && j->s[j->at + 1] == 'u' ? hex4(j, j->at + 2) : -1;
    if (lo < 0xdc00 || lo > 0xdfff)
        return fail(j, from, 6, "first half of a surrogate pair without the second");
    j->at += 6;
    add_utf8(text, 0x10000 + ((uint32_t)(hi & 0x3ff) << 10) + (uint32_t)(lo & 0x3ff));
    return 0;
}

static int escape(struct jscan *j, struct buf *text)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = j->at + 1 < j->n ? j->s[j->at + 1] : '\0';
    const char *p = c ? strchr(from, c) : NULL;

    if (c == 'u')
        return unicode_escape(j, text);
    if (!p) {
        fail(j, j->at, 2, "unknown escape in a text");
        return hint(j, "there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX; "
                       "write \\\\ for a backslash");
    }
    if (text)
        buf_addc(text, to[p - from]);
    j->at += 2;
    return 0;
}

static int string(struct jscan *j, struct buf *text)
{
    size_t from = j->at++;

    for (;;) {
        char c = peek(j);
        size_t len;

        if (j->at >= j->n || c == '\n' || c == '\r') {
            fail(j, from, j->at - from, "text that is not closed on its line");
            return hint(j, "write \\n for a new line");
        }
        if (c == '"')
            break;
        if (c == '\\') {
            if (escape(j, text) < 0)
                return -1;
            continue;
        }
        if ((unsigned char)c < 0x20)
            return fail(j, j->at, 1, "control character in a text: write it as \\u%04x", c);
        len = str_utf8_len(j->s + j->at, j->n - j->at);
        if (!len)
            return fail(j, j->at, 1, "a byte that is not UTF-8");
        if (text)
            buf_add(text, j->s + j->at, len);
        j->at += len;
    }
    j->at++;
    put(j, j->s + from, j->at - from);
    return 0;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(struct jscan *j)
{
    size_t from = j->at;

    while (digit(peek(j)))
        j->at++;
    return j->at - from;
}

static int number(struct jscan *j)
{
    size_t from = j->at;

    if (peek(j) == '-')
        j->at++;
    if (peek(j) == '0' && j->at + 1 < j->n && digit(j->s[j->at + 1])) {
        digits(j);
        fail(j, from, j->at - from, "a number with a leading zero");
        return hint(j, "JSON has no octal numbers; quote it if it is a text");
    }
    if (!digits(j))
        return fail(j, from, 1, "'-' without a number");
    if (peek(j) == '.') {
        j->at++;
        if (!digits(j))
            return fail(j, from, j->at - from, "a number that ends in '.'");
    }
    if (peek(j) == 'e' || peek(j) == 'E') {
        j->at++;
        if (peek(j) == '+' || peek(j) == '-')
            j->at++;
        if (!digits(j))
            return fail(j, from, j->at - from, "a number with an empty exponent");
    }
    put(j, j->s + from, j->at - from);
    return 0;
}

static bool word_char(char c)
{
    return c == '_' || c == '$' || digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static size_t word_len(const struct jscan *j, size_t at)
{
    size_t n = at;

    while (n < j->n && word_char(j->s[n]))
        n++;
    return n - at;
}

static int literal(struct jscan *j)
{
    static const char *const ok[] = {"true", "false", "null"};
    static const struct {
        const char *word, *means;
    } often[] = {{"True", "true"},      {"False", "false"}, {"None", "null"},  {"nil", "null"},
                 {"undefined", "null"}, {"TRUE", "true"},   {"FALSE", "false"}};
    size_t n = word_len(j, j->at);

    for (size_t i = 0; i < ARRAY_SIZE(ok); i++)
        if (strlen(ok[i]) == n && !memcmp(ok[i], j->s + j->at, n)) {
            put(j, ok[i], n);
            j->at += n;
            return 0;
        }
    fail(j, j->at, n, "%.*s is no JSON value", (int)(n > 40 ? 40 : n), j->s + j->at);
    for (size_t i = 0; i < ARRAY_SIZE(often); i++)
        if (strlen(often[i].word) == n && !memcmp(often[i].word, j->s + j->at, n)) {
            snprintf(j->e->hint, sizeof(j->e->hint), "JSON writes it %s", often[i].means);
            return -1;
        }
    return hint(j, "texts stand in \"double quotes\"");
}

/* ${...} in place of a value. */
static int reference(struct jscan *j)
{
    size_t at = j->at, from = j->at, n;
    const char *ref;

    if (subst_next(j->s, j->n, &at, &ref, &n) != 1 || ref != j->s + from + 2)
        return fail(j, from, 2, "${ without a name and a closing }");
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)ref[i] < 0x20 || ref[i] == 0x7f || !str_utf8_valid(ref, n))
            return fail(j, from, at - from, "a byte in ${...} that no name has");
    put(j, j->s + from, at - from);
    j->at = at;
    return 0;
}

static int value(struct jscan *j);

static int no_comma(struct jscan *j, char close, size_t open)
{
    bool element = peek(j) == '"' || peek(j) == '{' || peek(j) == '[';

    fail(j, j->at, 1, "expected ',' or '%c'", close);
    if (element)
        return hint(j, "a comma is missing between two elements");
    j->e->first_at = open;
    j->e->first_len = 1;
    j->e->first_what = "to close what is opened here";
    return -1;
}

/* Behind an element: a comma (true), or the closing bracket (false); -1. */
static int next_element(struct jscan *j, char close, size_t open)
{
    size_t comma;

    blanks(j);
    if (peek(j) == close)
        return 0;
    if (j->at >= j->n)
        return fail(j, open, 1, "'%c' is never closed", j->s[open]);
    if (peek(j) != ',')
        return no_comma(j, close, open);
    comma = j->at++;
    put(j, ",", 1);
    blanks(j);
    if (peek(j) == close) {
        fail(j, comma, 1, "a comma before '%c'", close);
        return hint(j, "JSON allows no comma behind the last element");
    }
    newline(j, true);
    return 1;
}

static int member_name(struct jscan *j, struct map *seen)
{
    _cleanup_buf_ struct buf name = BUF_INIT(1 << 20);
    size_t from = j->at, *place;

    if (peek(j) != '"') {
        size_t n = word_len(j, j->at);

        if (j->at >= j->n)
            return fail(j, j->n ? j->n - 1 : 0, 1, "the object is not closed");
        fail(j, j->at, n, "expected the name of a member in \"double quotes\"");
        return peek(j) == '\'' ? hint(j, "JSON has no single quotes") : -1;
    }
    if (string(j, &name) < 0)
        return -1;
    place = map_get(seen, buf_str(&name));
    if (place) {
        fail(j, from, j->at - from, "duplicate member \"%.80s\"", buf_str(&name));
        j->e->first_at = place[0];
        j->e->first_len = place[1];
        j->e->first_what = "first here";
        return -1;
    }
    place = new0_array(size_t, 2);
    place[0] = from;
    place[1] = j->at - from;
    map_set(seen, buf_str(&name), place);
    blanks(j);
    if (peek(j) != ':') {
        fail(j, j->at < j->n ? j->at : from, 1, "expected ':' behind the name of a member");
        return peek(j) == '=' ? hint(j, "members are written \"name\": value") : -1;
    }
    j->at++;
    put(j, ": ", 2);
    return 0;
}

static void free_places(struct map *m)
{
    const char *key;
    void *v;

    for (size_t i = 0; map_next(m, &i, &key, &v);)
        free(v);
    map_release(m);
}

static int members(struct jscan *j, size_t open)
{
    struct map seen;
    int r;

    map_init(&seen);
    do {
        r = member_name(j, &seen);
        if (!r)
            r = value(j);
        if (!r)
            r = next_element(j, '}', open);
    } while (r == 1);
    free_places(&seen);
    return r;
}

static int elements(struct jscan *j, size_t open)
{
    int r;

    do {
        r = value(j);
        if (!r)
            r = next_element(j, ']', open);
    } while (r == 1);
    return r;
}

static int container(struct jscan *j)
{
    size_t open = j->at;
    char close = j->s[open] == '{' ? '}' : ']';
    int r;

    if (j->depth >= JSON_DEPTH_LIMIT)
        return fail(j, open, 1, "nested deeper than %d levels", JSON_DEPTH_LIMIT);
    put(j, j->s + open, 1);
    j->at++;
    blanks(j);
    if (peek(j) != close) {
        j->depth++;
        newline(j, false);
        r = close == '}' ? members(j, open) : elements(j, open);
        j->depth--;
        if (r < 0)
            return -1;
        newline(j, false);
    }
    j->at++;
    put(j, &close, 1);
    return 0;
}

static int value(struct jscan *j)
{
    char c;

    blanks(j);
    c = peek(j);
    if (j->at >= j->n)
        return fail(j, j->n ? j->n - 1 : 0, 1, "the text ends where a JSON value is expected");
    if (c == '{' || c == '[')
        return container(j);
    if (c == '"')
        return string(j, NULL);
    if (c == '-' || digit(c))
        return number(j);
    if (c == '$' && j->at + 1 < j->n && j->s[j->at + 1] == '{')
        return reference(j);
    if (c == '\'') {
        fail(j, j->at, 1, "JSON has no single quotes");
        return hint(j, "texts stand in \"double quotes\"");
    }
    if (c == '#' || c == '/') {
        fail(j, j->at, 1, "JSON has no comments");
        return hint(j, "put it on a line of its own before the step");
    }
    if (word_char(c))
        return literal(j);
    fail(j, j->at, 1, "expected a JSON value");
    return c == ',' ? hint(j, "a value is missing before the comma") : -1;
}

int jscan_value(const char *s, size_t n, size_t *at, struct buf *out, int indent,
                struct jscan_error *e)
{
    struct jscan j = {.s = s, .n = n, .at = *at, .out = out, .indent = indent, .e = e};

    if (value(&j) < 0)
        return -1;
    *at = j.at;
    return 0;
}

int jscan_text(const char *s, size_t n, struct buf *out, int indent, struct jscan_error *e)
{
    struct jscan j = {.s = s, .n = n, .out = out, .indent = indent, .e = e};

    if (value(&j) < 0)
        return -1;
    blanks(&j);
    if (j.at < n)
        return fail(&j, j.at, 1, "more text behind the JSON value");
    return 0;
}

int jscan_string(const char *s, size_t n, size_t *at, struct buf *text, struct jscan_error *e)
{
    struct jscan j = {.s = s, .n = n, .at = *at, .e = e};

    if (string(&j, text) < 0)
        return -1;
    *at = j.at;
    return 0;
}

size_t jscan_skip(const char *s, size_t n, size_t at)
{
    size_t depth = 0;

    for (; at < n; at++) {
        if (s[at] == '"') {
            for (at++; at < n && s[at] != '"' && s[at] != '\n'; at++)
                if (s[at] == '\\' && at + 1 < n)
                    at++;
        } else if (s[at] == '{' || s[at] == '[') {
            depth++;
        } else if ((s[at] == '}' || s[at] == ']') && depth && !--depth) {
            return at + 1;
        }
    }
    return n;
}
