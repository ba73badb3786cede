#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool str_starts(const char *s, const char *prefix)
{
    return str_after(s, prefix) != NULL;
}

const char *str_after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncmp(s, prefix, n) ? NULL : s + n;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && !memcmp(s + n - m, suffix, m);
}

/* Backtracks to the last star only; a '**' seen later replaces an earlier '*'. */
bool str_glob(const char *p, const char *s)
{
    const char *star = NULL, *back = NULL;
    const char *dstar = NULL, *dback = NULL;

    for (;;) {
        if (p[0] == '*' && p[1] == '*') {
            dstar = p += 2;
            dback = s;
            star = NULL;
        } else if (*p == '*') {
            star = ++p;
            back = s;
        } else if (!*s) {
            if (!*p)
                return true;
            return false;
        } else if (*p == *s || (*p == '?' && *s != '/')) {
            p++;
            s++;
        } else if (star && *back != '/') {
            p = star;
            s = ++back;
        } else if (dstar && *dback) {
            p = dstar;
            s = ++dback;
            star = NULL;
        } else {
            return false;
        }
    }
}

int str_u64(const char *s, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;

    if (!s || !*s)
        return -1;
    for (; *s; s++) {
        uint64_t d = (uint64_t)(*s - '0');

        if (*s < '0' || *s > '9' || d > max || v > (max - d) / 10)
            return -1;
        v = v * 10 + d;
    }
    *ret = v;
    return 0;
}

int str_i64(const char *s, int64_t *ret)
{
    bool neg = s && *s == '-';
    uint64_t v;

    if (!s || str_u64(s + neg, neg ? (uint64_t)INT64_MAX + 1 : INT64_MAX, &v) < 0)
        return -1;
    *ret = neg ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

void str_hex(const void *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * n] = '\0';
}

int str_base64(struct buf *out, const void *p, size_t n)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = p;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)b[i] << 16;

        if (i + 1 < n)
            v |= (uint32_t)b[i + 1] << 8;
        if (i + 2 < n)
            v |= b[i + 2];
        buf_addc(out, abc[v >> 18]);
        buf_addc(out, abc[v >> 12 & 63]);
        buf_addc(out, i + 1 < n ? abc[v >> 6 & 63] : '=');
        buf_addc(out, i + 2 < n ? abc[v & 63] : '=');
    }
    return out->full ? -1 : 0;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

int str_unbase64(struct buf *out, const char *s, size_t n)
{
    uint32_t v = 0;
    int bits = 0;
    size_t digits = 0, pads = 0;

    for (size_t i = 0; i < n; i++) {
        int d = base64_digit(s[i]);

        if (s[i] == '\n' || s[i] == '\r' || s[i] == ' ' || s[i] == '\t')
            continue;
        if (s[i] == '=') {
            pads++;
            continue;
        }
        if (d < 0 || pads)
            return -1;
        digits++;
        v = v << 6 | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (buf_addc(out, (char)(v >> bits & 255)) < 0)
                return -1;
        }
    }
    return digits % 4 == 1 || (pads && (pads > 2 || (digits + pads) % 4)) ? -1 : 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int str_unpercent(struct buf *out, const char *s, size_t n, bool plus)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%' && i + 2 < n && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            buf_addc(out, (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2])));
            i += 2;
        } else {
            buf_addc(out, plus && s[i] == '+' ? ' ' : s[i]);
        }
    }
    return out->full ? -1 : 0;
}

int str_percent(struct buf *out, const char *s, size_t n, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slash)) {
            buf_addc(out, (char)c);
        } else {
            buf_addc(out, '%');
            buf_addc(out, digits[c >> 4]);
            buf_addc(out, digits[c & 15]);
        }
    }
    return out->full ? -1 : 0;
}

size_t str_utf8_len(const char *s, size_t n)
{
    const unsigned char *b = (const unsigned char *)s;
    size_t len;

    if (!n)
        return 0;
    if (b[0] < 0x80)
        return 1;
    if (b[0] >= 0xc2 && b[0] <= 0xdf)
        len = 2;
    else if (b[0] >= 0xe0 && b[0] <= 0xef)
        len = 3;
    else if (b[0] >= 0xf0 && b[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    /* overlong forms, surrogates, and what lies above U+10FFFF */
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
        (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
        return 0;
    return len;
}

bool str_utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0, len; i < n; i += len) {
        len = str_utf8_len(s + i, n - i);
        if (!len)
            return false;
    }
    return true;
}

#define DISTANCE_MAX 64

size_t str_distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned char d[3][DISTANCE_MAX + 1];
    unsigned char *before = d[0], *prev = d[1], *row = d[2];

    if (n > DISTANCE_MAX || m > DISTANCE_MAX)
        return n > m ? n : m;
    for (size_t j = 0; j <= m; j++)
        prev[j] = (unsigned char)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned char *spare = before;

        row[0] = (unsigned char)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned v = prev[j - 1] + (a[i - 1] != b[j - 1]);

            if (prev[j] + 1u < v)
                v = prev[j] + 1u;
            if (row[j - 1] + 1u < v)
                v = row[j - 1] + 1u;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1u < v)
                v = before[j - 2] + 1u;
            row[j] = (unsigned char)v;
        }
        before = prev;
        prev = row;
        row = spare;
    }
    return prev[m];
}

const char *str_nearest(const char *word, const char *const *list, size_t n)
{
    size_t best = (strlen(word) + 2) / 3 + 1;
    const char *found = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d;

        if (!list[i])
            continue;
        d = str_distance(word, list[i]);
        if (d < best) {
            best = d;
            found = list[i];
        }
    }
    return found;
}

/* One word of a command line; *s is left behind it. False when a quote is open.
 * Within "" a backslash escapes what a shell would let it, and else is itself. */
static bool argv_word(const char **s, struct buf *w)
{
    char quote = 0;

    for (; **s; (*s)++) {
        char c = **s;

        if (!quote && (c == ' ' || c == '\t' || c == '\n'))
            return true;
        if (quote && c == quote)
            quote = 0;
        else if (!quote && (c == '\'' || c == '"'))
            quote = c;
        else if (c == '\\' && !quote && (*s)[1])
            buf_addc(w, *++(*s));
        else if (c == '\\' && quote == '"' && (*s)[1] && strchr("$`\"\\", (*s)[1]))
            buf_addc(w, *++(*s));
        else
            buf_addc(w, c);
    }
    return !quote && !w->full;
}

void str_quote(struct buf *b, const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";

    if (*s && !s[strspn(s, plain)]) {
        buf_adds(b, s);
        return;
    }
    buf_addc(b, '\'');
    for (; *s; s++)
        if (*s == '\'')
            buf_adds(b, "'\\''");
        else
            buf_addc(b, *s);
    buf_addc(b, '\'');
}

char **str_argv(const char *cmdline)
{
    char **argv = NULL;
    size_t n = 0, cap = 0;
    struct buf w = BUF_INIT(1 << 20);
    bool ok = true;

    for (;;) {
        cmdline += strspn(cmdline, " \t\n");
        if (!*cmdline || !ok)
            break;
        ok = argv_word(&cmdline, &w);
        grow_array(argv, n, cap);
        argv[n++] = buf_steal(&w, NULL);
        buf_init(&w, 1 << 20);
    }
    grow_array(argv, n, cap);
    argv[n] = NULL;
    buf_release(&w);
    if (ok)
        return argv;
    str_argv_free(argv);
    return NULL;
}

void str_argv_free(char **argv)
{
    if (!argv)
        return;
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    free(argv);
}
