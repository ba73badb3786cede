#include "harness/jpath.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"
#include "harness/jscan.h"

static const char *const facts[] = {
    "body", "text",   "status", "code",   "method", "target", "path",
    "size", "stdout", "stderr", "reason", "signal", "what",   "conn",
    "line", "by",     "from",   "to",     "type",   "auth",   "image",
};

const char *const *jpath_roots(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(facts);
    return facts;
}

void jpath_free(struct jpath *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++)
        free(p->steps[i].member);
    free(p->steps);
    free(p->name);
    free(p->text);
    free(p);
}

static int add_step(struct jpath *p, struct jpath_step step, struct err *e)
{
    if (p->n == JPATH_STEPS_MAX) {
        free(step.member);
        return err_set(e, ERR_LIMIT, "a path has at most %d steps", JPATH_STEPS_MAX);
    }
    grow_array(p->steps, p->n, p->cap);
    p->steps[p->n++] = step;
    p->wild = p->wild || step.all;
    return 0;
}

/* ["name"]; s[*at] is the quote. */
static int quoted_step(struct jpath *p, const char *s, size_t *at, struct err *e)
{
    _cleanup_buf_ struct buf name = BUF_INIT(1 << 16);
    struct jscan_error je;

    if (jscan_string(s, strlen(s), at, &name, &je) < 0)
        return err_set(e, ERR_PARSE, "%s", je.text);
    if (s[*at] != ']')
        return err_set(e, ERR_PARSE, "expected ']' behind the quoted name");
    ++*at;
    return add_step(p, (struct jpath_step){.member = buf_steal(&name, NULL)}, e);
}

/* [0], [-1], [*], ["name"]; s[*at] is the bracket. */
static int bracket_step(struct jpath *p, const char *s, size_t *at, struct err *e)
{
    char digits[16];
    size_t n;
    int64_t index;

    if (s[*at + 1] == '"') {
        ++*at;
        return quoted_step(p, s, at, e);
    }
    n = strcspn(s + *at + 1, "]");
    if (s[*at + 1 + n] != ']')
        return err_set(e, ERR_PARSE, "'[' is not closed");
    if (n == 1 && s[*at + 1] == '*') {
        *at += 3;
        return add_step(p, (struct jpath_step){.all = true}, e);
    }
    if (n && n < 10) {
        memcpy(digits, s + *at + 1, n);
        digits[n] = '\0';
        if (!str_i64(digits, &index)) {
            *at += n + 2;
            return add_step(p, (struct jpath_step){.index = (long)index}, e);
        }
    }
    return err_set(e, ERR_PARSE, "expected an index, * or a \"quoted name\" in [ ]");
}

static int steps(struct jpath *p, const char *s, size_t *at, struct err *e)
{
    while (s[*at]) {
        size_t n;

        if (s[*at] == '[') {
            if (bracket_step(p, s, at, e) < 0)
                return -1;
            continue;
        }
        if (s[*at] != '.')
            return err_set(e, ERR_PARSE, "expected '.' or '[' in a path");
        if (s[*at + 1] == '[') { /* .[0] is the first element of the body itself */
            ++*at;
            continue;
        }
        n = strcspn(s + *at + 1, ".[]\"");
        if (!n)
            return err_set(e, ERR_PARSE, "expected the name of a member behind '.'");
        if (add_step(p, (struct jpath_step){.member = xstrndup(s + *at + 1, n)}, e) < 0)
            return -1;
        *at += n + 1;
    }
    return 0;
}

static int root(struct jpath *p, const char *s, size_t *at, struct err *e)
{
    const char *rest;
    size_t n;

    if (s[*at] == '.') {
        p->root = JPATH_BODY;
        if (!s[*at + 1])
            ++*at; /* "." is the body itself */
        return steps(p, s, at, e);
    }
    rest = str_after(s + *at, "answer.");
    if (rest && !p->answer) {
        p->answer = true;
        *at += strlen("answer.");
        return root(p, s, at, e);
    }
    if ((rest = str_after(s + *at, "query.")) && *rest) {
        p->root = JPATH_QUERY;
        p->name = xstrdup(rest);
        return 0;
    }
    if ((rest = str_after(s + *at, "header.")) && *rest) {
        p->root = JPATH_HEADER;
        p->name = xstrdup(rest);
        return 0;
    }
    n = strcspn(s + *at, ".[");
    if (strtab_value_n(facts, ARRAY_SIZE(facts), s + *at, n) < 0)
        return err_set(e, ERR_PARSE, "a path begins with '.', or is a fact such as status");
    p->name = xstrndup(s + *at, n);
    p->root = str_eq(p->name, "body")   ? JPATH_BODY
              : str_eq(p->name, "text") ? JPATH_TEXT
                                        : JPATH_FACT;
    *at += n;
    if (p->root != JPATH_BODY && s[*at] && !str_eq(p->name, "auth"))
        return err_set(e, ERR_PARSE, "%s has no members", p->name);
    return steps(p, s, at, e);
}

static struct jpath *compile(const char *text, bool rooted, size_t *ret_at, struct err *e)
{
    struct jpath *p = new0(struct jpath);
    size_t at = 0;

    p->text = xstrdup(text);
    p->root = JPATH_VALUE;
    if ((rooted ? root(p, text, &at, e) : steps(p, text, &at, e)) < 0) {
        if (ret_at)
            *ret_at = at;
        jpath_free(p);
        return NULL;
    }
    return p;
}

struct jpath *jpath_new(const char *text, size_t *ret_at, struct err *e)
{
    return compile(text, true, ret_at, e);
}

struct jpath *jpath_new_rest(const char *text, size_t *ret_at, struct err *e)
{
    return compile(text, false, ret_at, e);
}

bool jpath_is(const char *text)
{
    const char *rest = str_after(text, "answer.");

    if (rest)
        text = rest;
    if (*text == '.' || str_starts(text, "query.") || str_starts(text, "header."))
        return true;
    return strtab_value_n(facts, ARRAY_SIZE(facts), text, strcspn(text, ".[")) >= 0;
}

bool jpath_is_text(const struct jpath *p)
{
    return p->root == JPATH_QUERY || p->root == JPATH_HEADER || p->root == JPATH_TEXT ||
           (p->root == JPATH_FACT && (str_eq(p->name, "stdout") || str_eq(p->name, "stderr")));
}

static json_t *unconst(const json_t *v)
{
    return (json_t *)(uintptr_t)v;
}

static json_t *header_value(const json_t *base, const char *name)
{
    json_t *headers = json_object_get(base, "headers"), *v;
    const char *key;

    json_object_foreach (headers, key, v) {
        if (!strcasecmp(key, name))
            return v;
    }
    return NULL;
}

/* What the steps begin with: borrowed in *ret, or a new reference in *ret_new. */
static const json_t *start(const struct jpath *p, const json_t *record, json_t **ret_new)
{
    const json_t *base = p->answer ? json_object_get(record, "answer") : record;
    json_t *v;
    char *text;

    switch (p->root) {
    case JPATH_VALUE:
        return record;
    case JPATH_BODY:
        return json_object_get(base, "body");
    case JPATH_FACT:
        return json_object_get(base, p->name);
    case JPATH_QUERY:
        return json_object_get(json_object_get(base, "query"), p->name);
    case JPATH_HEADER:
        return header_value(base, p->name);
    case JPATH_TEXT:
        v = json_object_get(base, "text");
        if (!v)
            v = json_object_get(base, "body");
        if (!v || json_is_string(v))
            return v;
        text = json_text(v);
        *ret_new = json_string(text);
        free(text);
        return *ret_new;
    }
    return NULL;
}

static void add_all(json_t *to, const json_t *from)
{
    const char *key;
    json_t *v;
    size_t i;

    if (json_is_array(from)) {
        json_array_foreach (from, i, v) {
            if (json_array_size(to) < JPATH_VALUES_MAX)
                json_array_append(to, v);
        }
        return;
    }
    json_object_foreach (unconst(from), key, v) {
        if (json_array_size(to) < JPATH_VALUES_MAX)
            json_array_append(to, v);
    }
}

static void follow(json_t *to, const struct jpath_step *step, const json_t *from)
{
    json_t *v = NULL;

    if (step->all) {
        add_all(to, from);
        return;
    }
    if (step->member) {
        v = json_object_get(from, step->member);
    } else {
        long n = (long)json_array_size(from), i = step->index < 0 ? n + step->index : step->index;

        if (i >= 0)
            v = json_array_get(from, (size_t)i);
    }
    if (v && json_array_size(to) < JPATH_VALUES_MAX)
        json_array_append(to, v);
}

/* Follows the first n steps. */
static json_t *get(const struct jpath *p, size_t n, const json_t *record)
{
    json_t *made = NULL, *at = json_array();
    const json_t *first = start(p, record, &made);

    if (first)
        json_array_append(at, unconst(first));
    json_decref(made);
    for (size_t i = 0; i < n; i++) {
        json_t *next = json_array(), *v;
        size_t k;

        json_array_foreach (at, k, v)
            follow(next, &p->steps[i], v);
        json_decref(at);
        at = next;
    }
    return at;
}

json_t *jpath_get(const struct jpath *p, const json_t *record)
{
    return get(p, p->n, record);
}

json_t *jpath_first(const struct jpath *p, const json_t *record)
{
    _cleanup_json_ json_t *all = jpath_get(p, record);

    return json_incref(json_array_get(all, 0));
}

#define EXPLAIN_MEMBERS 8

static void explain_step(const struct jpath_step *step, json_t *at, struct buf *out)
{
    const char *key;
    json_t *v;
    size_t n = 0;

    if (!step->member) {
        if (json_is_array(at))
            buf_addf(out, "the array has %zu elements", json_array_size(at));
        else
            buf_addf(out, "a value of type %s is no array", json_type_name(at));
        return;
    }
    if (!json_is_object(at)) {
        buf_addf(out, "no member \"%s\" in a value of type %s", step->member, json_type_name(at));
        return;
    }
    buf_addf(out, "no member \"%s\" (there ", step->member);
    buf_adds(out, json_object_size(at) == 1 ? "is: " : "are: ");
    json_object_foreach (at, key, v) {
        if (n < EXPLAIN_MEMBERS)
            buf_addf(out, "%s%s", n ? ", " : "", key);
        n++;
    }
    buf_adds(out, n > EXPLAIN_MEMBERS ? ", ...)" : n ? ")" : "none)");
}

void jpath_explain(const struct jpath *p, const json_t *record, struct buf *out)
{
    for (size_t i = p->n; i-- > 0;) {
        _cleanup_json_ json_t *before = get(p, i, record);

        if (json_array_size(before)) {
            explain_step(&p->steps[i], json_array_get(before, 0), out);
            return;
        }
    }
    if (p->answer && !json_object_get(record, "answer"))
        buf_adds(out, "it was not answered");
    else if (p->root == JPATH_BODY || p->root == JPATH_TEXT)
        buf_adds(out, "there is no body");
    else if (p->root == JPATH_QUERY)
        buf_addf(out, "there is no parameter %s", p->name);
    else if (p->root == JPATH_HEADER)
        buf_addf(out, "there is no header %s", p->name);
    else
        buf_addf(out, "there is no %s", p->name ? p->name : "value");
}
