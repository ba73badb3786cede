#include "harness/match.h"

#include <math.h>
#include <regex.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"

static const char *const op_names[MATCH_OP_MAX] = {
    [MATCH_EQ] = "==",
    [MATCH_NE] = "!=",
    [MATCH_LT] = "<",
    [MATCH_LE] = "<=",
    [MATCH_GT] = ">",
    [MATCH_GE] = ">=",
    [MATCH_RE] = "~",
    [MATCH_NOT_RE] = "!~",
    [MATCH_EXISTS] = "exists",
    [MATCH_ABSENT] = "absent",
    [MATCH_CONTAINS] = "contains",
};

const char *match_op_name(enum match_op op)
{
    return strtab_name(op_names, MATCH_OP_MAX, (int)op);
}

int match_op_from(const char *s)
{
    return strtab_value(op_names, MATCH_OP_MAX, s);
}

bool match_op_unary(enum match_op op)
{
    return op == MATCH_EXISTS || op == MATCH_ABSENT;
}

/* What a matcher compares with, expanded once. */
struct expected {
    enum match_op op;
    json_t *json;   /* typed; NULL for a regular expression */
    char *text;     /* as text, for parameters, headers and expressions; NULL for JSON */
    bool spelled;   /* a bare number that would not print the same: 1.10 */
    bool text_only; /* the left side is always text */
    regex_t re;
    bool compiled;
};

static void expected_release(struct expected *x)
{
    json_decref(x->json);
    free(x->text);
    if (x->compiled)
        regfree(&x->re);
}

static int compile(regex_t *re, const char *text, struct err *e)
{
    char why[128];
    int r = regcomp(re, text, REG_EXTENDED | REG_NOSUB | REG_NEWLINE);

    if (!r)
        return 0;
    regerror(r, re, why, sizeof(why));
    return err_set(e, ERR_PARSE, "/%.120s/ is no regular expression: %s", text, why);
}

int match_regex_check(const char *text, struct err *e)
{
    regex_t re;

    if (compile(&re, text, e) < 0)
        return -1;
    regfree(&re);
    return 0;
}

static int expect_value(struct expected *x, const struct scn_match *m, const struct subst *s,
                        struct err *e)
{
    _cleanup_free_ char *printed = NULL;

    x->op = m->op;
    if (match_op_unary(m->op))
        return 0;
    if (m->value.kind != SCN_JSON && m->value.kind != SCN_FILE) {
        x->text = value_text(&m->value, s, e);
        if (!x->text)
            return -1;
    }
    if (m->op == MATCH_RE || m->op == MATCH_NOT_RE) {
        if (!x->text)
            return err_set(e, ERR_USAGE, "%s takes a /regular expression/", match_op_name(m->op));
        if (compile(&x->re, x->text, e) < 0)
            return -1;
        x->compiled = true;
        return 0;
    }
    x->json = value_json(&m->value, s, e);
    if (!x->json)
        return -1;
    if (x->text && m->value.kind == SCN_WORD && json_is_number(x->json)) {
        printed = json_text(x->json);
        x->spelled = !str_eq(printed, x->text);
    }
    return 0;
}

/* Equality by value: 1 and 1.0 are the same number. */
static bool same(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *v;

    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_is_array(a) && json_is_array(b)) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!same(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return true;
    }
    if (json_is_object(a) && json_is_object(b)) {
        if (json_object_size(a) != json_object_size(b))
            return false;
        json_object_foreach ((json_t *)(uintptr_t)a, key, v) {
            if (!same(v, json_object_get(b, key)))
                return false;
        }
        return true;
    }
    return json_equal(a, b);
}

/* Does `a` have everything that `b` has? Arrays are compared whole. */
static bool covers(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *v;

    if (!json_is_object(a) || !json_is_object(b))
        return same(a, b);
    json_object_foreach ((json_t *)(uintptr_t)b, key, v) {
        const json_t *has = json_object_get(a, key);

        if (!has || !covers(has, v))
            return false;
    }
    return true;
}

/* The value as text; *ret_free is set when it had to be made. */
static const char *as_text(const json_t *v, char **ret_free)
{
    if (json_is_string(v))
        return json_string_value(v);
    return *ret_free = json_text(v);
}

static bool equal(const struct expected *x, const json_t *v)
{
    if (same(v, x->json))
        return true;
    return json_is_string(v) && x->text && (x->text_only || x->spelled) &&
           str_eq(json_string_value(v), x->text);
}

static bool contains(const struct expected *x, const json_t *v)
{
    if (json_is_string(v))
        return x->text && strstr(json_string_value(v), x->text);
    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++)
            if (covers(json_array_get(v, i), x->json))
                return true;
        return false;
    }
    return covers(v, x->json);
}

static bool to_number(const json_t *v, double *ret)
{
    char *end;

    if (json_is_number(v)) {
        *ret = json_number_value(v);
        return true;
    }
    if (!json_is_string(v) || !json_string_length(v))
        return false;
    *ret = strtod(json_string_value(v), &end);
    return !*end && isfinite(*ret);
}

static bool ordered(const struct expected *x, const json_t *v)
{
    double a, b;

    if (!to_number(v, &a) || !to_number(x->json, &b))
        return false;
    return x->op == MATCH_LT   ? a < b
           : x->op == MATCH_LE ? a <= b
           : x->op == MATCH_GT ? a > b
                               : a >= b;
}

/* One value against the positive form of the operator. */
static bool fits(const struct expected *x, const json_t *v)
{
    _cleanup_free_ char *made = NULL;

    switch (x->op) {
    case MATCH_EQ:
    case MATCH_NE:
        return equal(x, v);
    case MATCH_RE:
    case MATCH_NOT_RE:
        return !regexec(&x->re, as_text(v, &made), 0, NULL, 0);
    case MATCH_CONTAINS:
        return contains(x, v);
    case MATCH_EXISTS:
    case MATCH_ABSENT:
        return true;
    default:
        return ordered(x, v);
    }
}

static bool negative(enum match_op op)
{
    return op == MATCH_NE || op == MATCH_NOT_RE || op == MATCH_ABSENT;
}

#define FOUND_MAX  3   /* values shown of a wildcard */
#define FOUND_TEXT 200 /* bytes shown of a value */

static void add_short(struct buf *out, const json_t *v)
{
    _cleanup_free_ char *text = json_text(v);
    size_t n = strlen(text);

    if (n <= FOUND_TEXT) {
        buf_adds(out, text);
        return;
    }
    n = FOUND_TEXT;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    buf_add(out, text, n);
    buf_adds(out, "...");
}

static void add_wanted(struct buf *why, const struct expected *x, const struct scn_match *m)
{
    static const char *const how[MATCH_OP_MAX] = {
        [MATCH_EQ] = "",
        [MATCH_NE] = "anything but ",
        [MATCH_RE] = "a match of ",
        [MATCH_NOT_RE] = "no match of ",
        [MATCH_CONTAINS] = "something with ",
    };
    const char *word = how[x->op];

    buf_adds(why, "expected ");
    if (x->op == MATCH_ABSENT) {
        buf_adds(why, "nothing");
        return;
    }
    if (x->op == MATCH_EXISTS) {
        buf_adds(why, "a value");
        return;
    }
    if (word)
        buf_adds(why, word);
    else
        buf_addf(why, "%s ", match_op_name(x->op));
    if (x->compiled)
        buf_addf(why, "/%s/", x->text);
    else if (m->value.kind == SCN_WORD && x->text)
        buf_adds(why, x->text);
    else
        add_short(why, x->json);
}

static void explain(struct buf *why, const struct expected *x, const struct scn_match *m,
                    const json_t *found, const json_t *record)
{
    size_t n = json_array_size(found);

    if (!why)
        return;
    buf_addf(why, "%s: ", m->path ? m->path->text : "value");
    add_wanted(why, x, m);
    if (!n) {
        buf_adds(why, ", but ");
        if (m->path)
            jpath_explain(m->path, record, why);
        else
            buf_adds(why, "there is none");
        return;
    }
    buf_adds(why, ", found ");
    for (size_t i = 0; i < n && i < FOUND_MAX; i++) {
        buf_adds(why, i ? ", " : "");
        add_short(why, json_array_get(found, i));
    }
    if (n > FOUND_MAX)
        buf_addf(why, " and %zu more", n - FOUND_MAX);
}

static int judge(const struct expected *x, const struct scn_match *m, const json_t *found,
                 const json_t *record, struct buf *why)
{
    bool some = false;

    for (size_t i = 0; i < json_array_size(found) && !some; i++)
        some = fits(x, json_array_get(found, i));
    if (some != negative(x->op))
        return 1;
    explain(why, x, m, found, record);
    return 0;
}

int match_record(const struct scn_match *m, const json_t *record, const struct subst *x,
                 struct buf *why, struct err *e)
{
    struct expected want = {.text_only = jpath_is_text(m->path)};
    _cleanup_json_ json_t *found = NULL;
    int r = -1;

    if (!expect_value(&want, m, x, e)) {
        found = jpath_get(m->path, record);
        r = judge(&want, m, found, record, why);
    }
    expected_release(&want);
    return r;
}

int match_value(const struct scn_value *left, const struct scn_match *m, const struct subst *x,
                struct buf *why, struct err *e)
{
    struct expected want = {0};
    _cleanup_json_ json_t *found = json_array(), *value = NULL;
    struct err missing = ERR_INIT;
    int r = -1;

    value = value_named(left, x, &missing);
    if (!value && !(match_op_unary(m->op) && missing.code == ERR_NOT_FOUND)) {
        if (e)
            *e = missing;
        return -1;
    }
    if (value)
        json_array_append(found, value);
    if (!expect_value(&want, m, x, e))
        r = judge(&want, m, found, NULL, why);
    expected_release(&want);
    return r;
}

int match_all(const struct scn_match *m, size_t n, const json_t *record, const struct subst *x,
              size_t *ret_failed, struct buf *why, struct err *e)
{
    size_t failed = 0;

    for (size_t i = 0; i < n; i++) {
        size_t before = why ? buf_len(why) : 0;
        int r;

        if (why && before)
            buf_addc(why, '\n');
        r = match_record(&m[i], record, x, why, e);
        if (r < 0)
            return -1;
        if (r && why && before)
            why->len = before;
        failed += !r;
    }
    if (ret_failed)
        *ret_failed = failed;
    return failed == 0;
}
