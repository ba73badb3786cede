#include "fakes/s3/xml.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct reader {
    const char *s;
    size_t n, at;
    size_t nodes;
    struct err *e;
};

static int bad(struct reader *r, const char *what)
{
    return err_set(r->e, ERR_PARSE, "at byte %zu: %s", r->at, what);
}

static bool looking_at(const struct reader *r, const char *word)
{
    size_t n = strlen(word);

    return r->n - r->at >= n && !memcmp(r->s + r->at, word, n);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
}

static void skip_space(struct reader *r)
{
    while (r->at < r->n && is_space(r->s[r->at]))
        r->at++;
}

/* Moves behind the next `end`. */
static int skip_past(struct reader *r, const char *end, const char *what)
{
    const char *p = memmem(r->s + r->at, r->n - r->at, end, strlen(end));

    if (!p)
        return bad(r, what);
    r->at = (size_t)(p - r->s) + strlen(end);
    return 0;
}

/* A name without its prefix; *ret_len 0 is an error of the caller's. */
static void read_name(struct reader *r, const char **ret, size_t *ret_len)
{
    size_t start = r->at;

    while (r->at < r->n && is_name(r->s[r->at])) {
        if (r->s[r->at] == ':')
            start = r->at + 1;
        r->at++;
    }
    *ret = r->s + start;
    *ret_len = r->at - start;
}

static int add_code_point(struct buf *b, unsigned long c)
{
    if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return -1;
    if (c < 0x80)
        return buf_addc(b, (char)c);
    if (c < 0x800)
        return buf_addf(b, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
    if (c < 0x10000)
        return buf_addf(b, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)),
                        (int)(0x80 | (c & 0x3f)));
    return buf_addf(b, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)),
                    (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
}

static int read_number(const char *s, size_t n, unsigned long *ret)
{
    bool hex = n > 1 && s[0] == 'x';
    unsigned long v = 0;

    if (hex) {
        s++;
        n--;
    }
    if (!n || n > 7)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int low = s[i] | 0x20;
        int d = s[i] >= '0' && s[i] <= '9'        ? s[i] - '0'
                : hex && low >= 'a' && low <= 'f' ? low - 'a' + 10
                                                  : -1;

        if (d < 0)
            return -1;
        v = v * (hex ? 16 : 10) + (unsigned long)d;
    }
    *ret = v;
    return 0;
}

/* At '&'. */
static int read_entity(struct reader *r, struct buf *text)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    const char *end;
    unsigned long c;
    size_t n;

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (looking_at(r, known[i].name)) {
            r->at += strlen(known[i].name);
            return buf_addc(text, known[i].c);
        }
    end = memchr(r->s + r->at, ';', r->n - r->at);
    if (!looking_at(r, "&#") || !end)
        return bad(r, "an entity that is not known");
    n = (size_t)(end - r->s) - r->at;
    if (read_number(r->s + r->at + 2, n - 2, &c) < 0 || add_code_point(text, c) < 0)
        return bad(r, "a character number that is none");
    r->at += n + 1;
    return 0;
}

/* Attributes up to '>' or '/>'. */
static int skip_attributes(struct reader *r, bool *ret_empty)
{
    for (;;) {
        const char *name;
        size_t n;
        char quote;

        skip_space(r);
        *ret_empty = looking_at(r, "/>");
        if (*ret_empty || looking_at(r, ">")) {
            r->at += *ret_empty ? 2 : 1;
            return 0;
        }
        read_name(r, &name, &n);
        skip_space(r);
        if (!n || !looking_at(r, "="))
            return bad(r, "an element that is not closed with '>'");
        r->at++;
        skip_space(r);
        quote = r->at < r->n ? r->s[r->at] : '\0';
        if (quote != '"' && quote != '\'')
            return bad(r, "an attribute without quotes");
        r->at++;
        if (skip_past(r, quote == '"' ? "\"" : "'", "an attribute without an end") < 0)
            return -1;
    }
}

/* At '<' of an element. */
static struct s3_xml *open_element(struct reader *r, bool *ret_empty)
{
    struct s3_xml *x;
    const char *name;
    size_t n;

    if (++r->nodes > S3_XML_NODES_MAX) {
        err_set(r->e, ERR_LIMIT, "more than %d elements", S3_XML_NODES_MAX);
        return NULL;
    }
    r->at++;
    read_name(r, &name, &n);
    if (!n) {
        bad(r, "an element without a name");
        return NULL;
    }
    x = new0(struct s3_xml);
    x->name = xstrndup(name, n);
    if (skip_attributes(r, ret_empty) < 0) {
        s3_xml_free(x);
        return NULL;
    }
    return x;
}

static int close_element(struct reader *r, const struct s3_xml *x)
{
    const char *name;
    size_t n;

    r->at += 2;
    read_name(r, &name, &n);
    if (n != strlen(x->name) || memcmp(name, x->name, n))
        return bad(r, "an end that does not belong to the element");
    skip_space(r);
    if (!looking_at(r, ">"))
        return bad(r, "an end without '>'");
    r->at++;
    return 0;
}

/* Comments and processing instructions: 1 when there was one, 0 when not. */
static int skip_noise(struct reader *r)
{
    if (looking_at(r, "<!--"))
        return skip_past(r, "-->", "a comment without an end") < 0 ? -1 : 1;
    if (looking_at(r, "<?"))
        return skip_past(r, "?>", "an instruction without an end") < 0 ? -1 : 1;
    return 0;
}

static int read_cdata(struct reader *r, struct buf *text)
{
    size_t start = r->at + strlen("<![CDATA[");

    if (skip_past(r, "]]>", "CDATA without an end") < 0)
        return -1;
    return buf_add(text, r->s + start, r->at - 3 - start);
}

static int read_content(struct reader *r, struct s3_xml *x, int depth);

static int read_child(struct reader *r, struct s3_xml *parent, int depth)
{
    bool empty;
    struct s3_xml *x;

    if (depth >= S3_XML_DEPTH_MAX)
        return err_set(r->e, ERR_LIMIT, "elements in each other deeper than %d", S3_XML_DEPTH_MAX);
    x = open_element(r, &empty);
    if (!x)
        return -1;
    if (parent->last)
        parent->last->next = x;
    else
        parent->first = x;
    parent->last = x;
    if (empty) {
        x->text = xstrdup("");
        return 0;
    }
    return read_content(r, x, depth + 1);
}

/* From behind the start of x to behind its end. */
static int read_content(struct reader *r, struct s3_xml *x, int depth)
{
    struct buf text = BUF_INIT(1 << 20);
    int ret = -1, noise;

    while (r->at < r->n) {
        if (r->s[r->at] == '&') {
            if (read_entity(r, &text) < 0)
                goto out;
        } else if (r->s[r->at] != '<') {
            if (buf_addc(&text, r->s[r->at]) < 0)
                goto out;
            r->at++;
        } else if (looking_at(r, "</")) {
            ret = close_element(r, x);
            goto out;
        } else if (looking_at(r, "<![CDATA[")) {
            if (read_cdata(r, &text) < 0)
                goto out;
        } else if ((noise = skip_noise(r)) != 0) {
            if (noise < 0)
                goto out;
        } else if (read_child(r, x, depth) < 0) {
            goto out;
        }
    }
    bad(r, "the end is missing");
out:
    if (text.full)
        ret = err_set(r->e, ERR_LIMIT, "the text of <%s> is too long", x->name);
    x->text = xstrdup(buf_str(&text));
    buf_release(&text);
    return ret;
}

/* What may stand before and behind the root. */
static int skip_misc(struct reader *r)
{
    int noise;

    do {
        skip_space(r);
        noise = skip_noise(r);
    } while (noise > 0);
    return noise;
}

struct s3_xml *s3_xml_read(const char *s, size_t n, struct err *e)
{
    struct reader r = {.s = s, .n = n, .e = e};
    struct s3_xml top = {0}, *root;
    int ok;

    if (n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
        r.at = 3;
    if (memchr(s, '\0', n) || !str_utf8_valid(s, n)) {
        bad(&r, "this is no UTF-8 text");
        return NULL;
    }
    if (skip_misc(&r) < 0)
        return NULL;
    if (!looking_at(&r, "<") || looking_at(&r, "<!")) {
        bad(&r, "an element is expected");
        return NULL;
    }
    ok = read_child(&r, &top, 0);
    root = top.first;
    if (ok == 0 && skip_misc(&r) == 0 && r.at == r.n)
        return root;
    if (ok == 0)
        bad(&r, "something stands behind the root element");
    s3_xml_free(root);
    return NULL;
}

/* As deep as S3_XML_DEPTH_MAX. */
void s3_xml_free(struct s3_xml *x)
{
    while (x) {
        struct s3_xml *next = x->next;

        s3_xml_free(x->first);
        free(x->name);
        free(x->text);
        free(x);
        x = next;
    }
}

const struct s3_xml *s3_xml_child(const struct s3_xml *x, const char *name)
{
    for (x = x->first; x; x = x->next)
        if (str_eq(x->name, name))
            return x;
    return NULL;
}

const char *s3_xml_child_text(const struct s3_xml *x, const char *name)
{
    const struct s3_xml *c = s3_xml_child(x, name);

    return c ? c->text : NULL;
}

static void add_escaped(struct buf *b, const char *s)
{
    for (; *s; s++) {
        size_t plain = strcspn(s, "&<>\"\r");

        buf_add(b, s, plain);
        s += plain;
        if (!*s)
            return;
        buf_adds(b, *s == '&'   ? "&amp;"
                    : *s == '<' ? "&lt;"
                    : *s == '>' ? "&gt;"
                    : *s == '"' ? "&quot;"
                                : "&#13;");
    }
}

void s3_xml_add(struct buf *b, const char *name, const char *text)
{
    if (!text || !*text) {
        buf_addf(b, "<%s/>", name);
        return;
    }
    buf_addf(b, "<%s>", name);
    add_escaped(b, text);
    buf_addf(b, "</%s>", name);
}

void s3_xml_addf(struct buf *b, const char *name, const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = xvasprintf(fmt, ap);
    va_end(ap);
    s3_xml_add(b, name, s);
    free(s);
}
