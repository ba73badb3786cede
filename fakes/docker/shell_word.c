#include "fakes/docker/shell_word.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

/* ${a:-${b:-...}} within each other; what is deeper was made to hurt. */
#define DEPTH_MAX 64

struct lexer {
    const char *s; /* what is left */
    const json_t *env;
    char *why;
    bool modern;
    unsigned depth;
};

static int fail(struct lexer *l, const char *text)
{
    snprintf(l->why, GOJSON_TEXT_MAX, "%s", text);
    return -1;
}

/* The value of a name of n bytes; NULL when it has none. */
static const char *value_of(const struct lexer *l, const char *name, size_t n)
{
    json_t *v;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)l->env, i, v) {
        const char *kv = json_string_value(v);

        if (kv && strcspn(kv, "=") == n && !strncmp(kv, name, n))
            return kv[n] ? kv + n + 1 : "";
    }
    return NULL;
}

static size_t name_length(const char *s)
{
    size_t n = 0;

    if (isdigit((unsigned char)*s))
        return strspn(s, "0123456789");
    if (*s && strchr("@*#?-$!", *s))
        return 1;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return n;
}

static int process(struct lexer *l, char stop, struct buf *out);

/* How a modifier is spelled that nobody knows. */
static int unsupported(struct lexer *l, bool colon, char modifier)
{
    char text[] = {modifier, '\0'};

    snprintf(l->why, GOJSON_TEXT_MAX, "unsupported modifier (%s%s) in substitution",
             colon && l->modern ? ":" : "", modifier ? text : "\xef\xbf\xbd");
    return -1;
}

/* Behind "${NAME:", or "${NAME", up to the brace. value: NULL when it counts as none. */
static int modified(struct lexer *l, const char *name, size_t n, const char *value, bool colon,
                    struct buf *out)
{
    struct buf word = BUF_INIT(SHELL_WORD_MAX);
    char modifier = *l->s;
    int r;

    if (!modifier || !strchr("+-?", modifier))
        return !modifier && !l->modern ? fail(l, "syntax error: missing '}'")
                                       : unsupported(l, colon, modifier);
    l->s++;
    r = process(l, '}', &word);
    if (r == 0 && *l->s != '}')
        r = fail(l, "syntax error: missing '}'");
    if (r == 0) {
        l->s++;
        if (modifier == '+') {
            buf_adds(out, value ? buf_str(&word) : "");
        } else if (modifier == '-' || value) {
            buf_adds(out, value ? value : buf_str(&word));
        } else {
            snprintf(l->why, GOJSON_TEXT_MAX, "%.*s: %.100s", n < 100 ? (int)n : 100, name,
                     buf_len(&word) ? buf_str(&word) : "is not allowed to be unset");
            r = -1;
        }
    }
    buf_release(&word);
    return r;
}

static int dollar(struct lexer *l, struct buf *out)
{
    const char *name, *value;
    size_t n;

    l->s++;
    if (*l->s != '{') {
        n = name_length(l->s);
        value = n ? value_of(l, l->s, n) : "$";
        buf_adds(out, value ? value : "");
        l->s += n;
        return 0;
    }
    name = ++l->s;
    if (!*name)
        return fail(l, "syntax error: missing '}'");
    if (strchr("{}:", *name))
        return fail(l, "syntax error: bad substitution");
    n = name_length(name);
    value = value_of(l, name, n);
    l->s += n;
    if (*l->s == '}') {
        l->s++;
        buf_adds(out, value ? value : "");
        return 0;
    }
    if (*l->s != ':')
        return l->modern ? modified(l, name, n, value, false, out)
                         : fail(l, "missing ':' in substitution");
    l->s++;
    return modified(l, name, n, value && *value ? value : NULL, true, out);
}

static int single_quoted(struct lexer *l, struct buf *out)
{
    size_t n = strcspn(++l->s, "'");

    if (!l->s[n])
        return fail(l, "unexpected end of statement while looking for matching single-quote");
    buf_add(out, l->s, n);
    l->s += n + 1;
    return 0;
}

static int double_quoted(struct lexer *l, struct buf *out)
{
    for (l->s++; *l->s != '"';) {
        if (!*l->s || (*l->s == '\\' && !l->s[1]))
            return fail(l, "unexpected end of statement while looking for matching double-quote");
        if (*l->s == '$') {
            if (dollar(l, out) < 0)
                return -1;
            continue;
        }
        if (*l->s == '\\' && strchr("\"$\\", l->s[1]))
            l->s++;
        buf_addc(out, *l->s++);
    }
    l->s++;
    return 0;
}

/* Up to stop, or the end. */
static int process(struct lexer *l, char stop, struct buf *out)
{
    int r = 0;

    if (++l->depth > DEPTH_MAX)
        return fail(l, "too many substitutions in each other");
    while (r == 0 && *l->s && *l->s != stop) {
        if (*l->s == '\'') {
            r = single_quoted(l, out);
        } else if (*l->s == '"') {
            r = double_quoted(l, out);
        } else if (*l->s == '$') {
            r = dollar(l, out);
        } else {
            if (*l->s == '\\' && !*++l->s)
                break;
            buf_addc(out, *l->s++);
        }
    }
    l->depth--;
    return r;
}

char *shell_word(const char *word, const json_t *env, bool modern, char why[GOJSON_TEXT_MAX])
{
    struct lexer l = {.s = word, .env = env, .modern = modern, .why = why};
    struct buf out = BUF_INIT(SHELL_WORD_MAX);

    if (process(&l, '\0', &out) == 0 && (!out.full || fail(&l, "the word becomes too long") == 0))
        return buf_steal(&out, NULL);
    buf_release(&out);
    return NULL;
}
