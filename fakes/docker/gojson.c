#include "fakes/docker/gojson.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

struct scan {
    const char *p, *end;
    const char *again; /* where the value ended, for a decoder */
    char *out;
    int depth;
    bool truncated;
};

static void skip_blanks(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
        s->p++;
}

/* "invalid character 'x' <context>", or the end of the text. */
static int wrong(struct scan *s, const char *context)
{
    unsigned char c;

    if (s->p >= s->end) {
        s->truncated = true;
        return -1;
    }
    c = (unsigned char)*s->p;
    if (c == '\'')
        snprintf(s->out, GOJSON_TEXT_MAX, "invalid character '\\'' %s", context);
    else if (c == '\\')
        snprintf(s->out, GOJSON_TEXT_MAX, "invalid character '\\\\' %s", context);
    else if (c == '\n' || c == '\r' || c == '\t')
        snprintf(s->out, GOJSON_TEXT_MAX, "invalid character '\\%c' %s",
                 c == '\n'   ? 'n'
                 : c == '\r' ? 'r'
                             : 't',
                 context);
    else if (c < 0x20 || c == 0x7f)
        snprintf(s->out, GOJSON_TEXT_MAX, "invalid character '\\x%02x' %s", c, context);
    else if (c < 0x80)
        snprintf(s->out, GOJSON_TEXT_MAX, "invalid character '%c' %s", c, context);
    else /* Go takes the byte for a code point */
        snprintf(s->out, GOJSON_TEXT_MAX, "invalid character '%c%c' %s", 0xc0 | (c >> 6),
                 0x80 | (c & 0x3f), context);
    return -1;
}

static int scan_value(struct scan *s);

static int scan_word(struct scan *s, const char *word)
{
    char context[64];

    for (const char *w = word; *w; w++, s->p++)
        if (s->p >= s->end || *s->p != *w) {
            snprintf(context, sizeof(context), "in literal %s (expecting '%c')", word, *w);
            return wrong(s, context);
        }
    return 0;
}

static int scan_string(struct scan *s)
{
    for (s->p++;; s->p++) {
        if (s->p >= s->end)
            return wrong(s, "");
        if (*s->p == '"') {
            s->p++;
            return 0;
        }
        if ((unsigned char)*s->p < 0x20)
            return wrong(s, "in string literal");
        if (*s->p != '\\')
            continue;
        s->p++;
        if (s->p >= s->end || !strchr("bfnrt\\/\"u", *s->p))
            return wrong(s, "in string escape code");
        for (int i = 0; *s->p == 'u' && i < 4; i++)
            if (s->p + i + 1 >= s->end || !isxdigit((unsigned char)s->p[i + 1])) {
                s->p += i + 1;
                return wrong(s, "in \\u hexadecimal character escape");
            }
        if (*s->p == 'u')
            s->p += 4;
    }
}

static int scan_digits(struct scan *s, const char *context)
{
    if (s->p >= s->end || !isdigit((unsigned char)*s->p))
        return wrong(s, context);
    while (s->p < s->end && isdigit((unsigned char)*s->p))
        s->p++;
    return 0;
}

static int scan_number(struct scan *s)
{
    if (*s->p == '-')
        s->p++;
    if (s->p < s->end && *s->p == '0')
        s->p++;
    else if (scan_digits(s, "in numeric literal") < 0)
        return -1;
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (scan_digits(s, "after decimal point in numeric literal") < 0)
            return -1;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        return scan_digits(s, "in exponent of numeric literal");
    }
    return 0;
}

static int scan_array(struct scan *s)
{
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p == ']') {
        s->p++;
        return 0;
    }
    for (;;) {
        if (scan_value(s) < 0)
            return -1;
        skip_blanks(s);
        if (s->p < s->end && *s->p == ']') {
            s->p++;
            return 0;
        }
        if (s->p >= s->end || *s->p != ',')
            return wrong(s, "after array element");
        s->p++;
    }
}

static int scan_object(struct scan *s)
{
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p == '}') {
        s->p++;
        return 0;
    }
    for (;;) {
        skip_blanks(s);
        if (s->p >= s->end || *s->p != '"')
            return wrong(s, "looking for beginning of object key string");
        if (scan_string(s) < 0)
            return -1;
        skip_blanks(s);
        if (s->p >= s->end || *s->p != ':')
            return wrong(s, "after object key");
        s->p++;
        if (scan_value(s) < 0)
            return -1;
        skip_blanks(s);
        if (s->p < s->end && *s->p == '}') {
            s->p++;
            return 0;
        }
        if (s->p >= s->end || *s->p != ',')
            return wrong(s, "after object key:value pair");
        s->p++;
    }
}

static int scan_value(struct scan *s)
{
    int r;

    skip_blanks(s);
    if (s->p >= s->end)
        return wrong(s, "");
    if (++s->depth > JSON_DEPTH_LIMIT) {
        snprintf(s->out, GOJSON_TEXT_MAX, "exceeded max depth");
        return -1;
    }
    switch (*s->p) {
    case '{':
        r = scan_object(s);
        break;
    case '[':
        r = scan_array(s);
        break;
    case '"':
        r = scan_string(s);
        break;
    case 't':
        r = scan_word(s, "true");
        break;
    case 'f':
        r = scan_word(s, "false");
        break;
    case 'n':
        r = scan_word(s, "null");
        break;
    default:
        r = *s->p == '-' || isdigit((unsigned char)*s->p)
                ? scan_number(s)
                : wrong(s, "looking for beginning of value");
    }
    s->depth--;
    return r;
}

static int check(const char *text, size_t n, enum gojson_reader how, char *out, size_t *ret_len)
{
    struct scan s = {.p = text, .end = text + n, .out = out};
    const char *empty = how == GOJSON_DECODER ? "EOF" : "unexpected end of JSON input";
    bool blank;

    *out = '\0';
    skip_blanks(&s);
    blank = s.p == s.end;
    if (scan_value(&s) < 0) {
        if (s.truncated)
            snprintf(out, GOJSON_TEXT_MAX, "%s",
                     blank || how == GOJSON_UNMARSHAL ? empty : "unexpected EOF");
        return -1;
    }
    *ret_len = (size_t)(s.p - text);
    skip_blanks(&s);
    if (how == GOJSON_UNMARSHAL && s.p < s.end)
        return wrong(&s, "after top-level value");
    return 0;
}

int gojson_check(const char *s, size_t n, enum gojson_reader how, char *out)
{
    size_t len;

    return check(s, n, how, out, &len);
}

json_t *gojson_read(const char *s, size_t n, enum gojson_reader how, char *out)
{
    struct err e = ERR_INIT;
    size_t len;
    json_t *v;

    if (check(s, n, how, out, &len) < 0)
        return NULL;
    v = json_read(s, len, JSON_READ_PEER, &e);
    if (!v) /* well formed, but not for us: a NUL, text that is not UTF-8 */
        snprintf(out, GOJSON_TEXT_MAX, "%.200s", e.text);
    return v;
}

json_t *gojson_get(const json_t *o, const char *member)
{
    json_t *v = json_object_get(o, member), *found = NULL;
    const char *key;

    if (v)
        return v;
    json_object_foreach ((json_t *)(uintptr_t)o, key, v)
        if (!strcasecmp(key, member))
            found = v;
    return found;
}

const char *gojson_kind(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "bool";
    case JSON_ARRAY:
        return "array";
    case JSON_OBJECT:
        return "object";
    default:
        return "null";
    }
}

void gojson_add(struct buf *b, const char *s)
{
    buf_add_json_string(b, s ? s : "", s ? strlen(s) : 0);
}

void gojson_add_html(struct buf *b, const char *s)
{
    struct buf plain = BUF_INIT(SIZE_MAX / 4);
    const char *p;

    if (!s || !strpbrk(s, "<>&")) {
        gojson_add(b, s);
        return;
    }
    gojson_add(&plain, s);
    for (p = buf_str(&plain); *p; p++)
        if (*p == '<' || *p == '>' || *p == '&')
            buf_addf(b, "\\u%04x", (unsigned char)*p);
        else
            buf_addc(b, *p);
    buf_release(&plain);
}

void gojson_member(struct buf *b, const char *name, const char *value)
{
    const char *s = buf_str(b);

    if (buf_len(b) && s[buf_len(b) - 1] != '{')
        buf_addc(b, ',');
    buf_addc(b, '"');
    buf_adds(b, name);
    buf_adds(b, "\":");
    gojson_add(b, value);
}
