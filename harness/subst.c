#include "harness/subst.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* A reference is a name and a path; nobody writes a longer one by intention. */
#define REF_MAX 1024

/*
 * The length of ${...} at s[at], or 0. A '}' inside of ["..."] does not end it. Within a JSON
 * string that name is written [\"...\"]: what opens it also closes it.
 */
static size_t ref_len(const char *s, size_t n, size_t at)
{
    enum { BARE, QUOTED, ESCAPED } in = BARE;

    for (size_t i = at + 2; i < n && i - at < REF_MAX; i++) {
        bool escaped = s[i] == '\\' && i + 1 < n && s[i + 1] == '"';

        if (s[i] == '\n' || s[i] == '\0')
            break;
        if (s[i] == '}' && in == BARE)
            return i + 1 - at;
        if (escaped && in != QUOTED)
            in = in == BARE ? ESCAPED : BARE;
        else if (s[i] == '"')
            in = in == BARE ? QUOTED : in == QUOTED ? BARE : in;
        i += s[i] == '\\';
    }
    return 0;
}

int subst_next(const char *s, size_t n, size_t *at, const char **ret_ref, size_t *ret_n)
{
    for (size_t i = *at; i + 1 < n; i++) {
        size_t len;

        if (s[i] != '$')
            continue;
        if (s[i + 1] == '$' && i + 2 < n && s[i + 2] == '{') {
            i += 2;
            continue;
        }
        if (s[i + 1] != '{')
            continue;
        len = ref_len(s, n, i);
        if (len < 4) {
            *at = i;
            return -1;
        }
        *ret_ref = s + i + 2;
        *ret_n = len - 3;
        *at = i + len;
        return 1;
    }
    *at = n;
    return 0;
}

bool subst_has(const char *s, size_t n)
{
    const char *ref;
    size_t at = 0, len;

    return subst_next(s, n, &at, &ref, &len) != 0;
}

bool subst_is_typed(const char *s)
{
    json_t *v;
    bool typed;

    if (!*s || !strchr("-0123456789tfn", *s))
        return false;
    v = json_loads(s, JSON_DECODE_ANY, NULL);
    typed = v && !json_is_string(v) && !json_is_array(v) && !json_is_object(v) &&
            s[strlen(s) - 1] != ' ';
    json_decref(v);
    return typed;
}

json_t *subst_ref(const struct subst *x, const char *ref, size_t n, struct err *e)
{
    char name[REF_MAX + 1];
    size_t used = 0, len = 0;
    struct jpath *path;
    json_t *v, *found;

    /* Inside of a JSON string the quotes of ["name"] are escaped. */
    for (size_t i = 0; i < n && len < REF_MAX; i++)
        if (ref[i] != '\\')
            name[len++] = ref[i];
    name[len] = '\0';
    v = x && x->lookup ? x->lookup(x->data, name, &used) : NULL;
    if (!v) {
        err_set(e, ERR_NOT_FOUND, "${%s} is not known", name);
        return NULL;
    }
    path = jpath_new_rest(name + used, NULL, e);
    if (!path) {
        err_wrap(e, "${%s}", name);
        return NULL;
    }
    found = jpath_first(path, v);
    if (!found) {
        _cleanup_buf_ struct buf why = BUF_INIT(4096);

        jpath_explain(path, v, &why);
        err_set(e, ERR_NOT_FOUND, "${%s}: %s", name, buf_str(&why));
    }
    jpath_free(path);
    return found;
}

/* The value as it stands in text. */
static int add_value(struct buf *out, const json_t *v)
{
    _cleanup_free_ char *text = NULL;

    if (json_is_string(v))
        return buf_add(out, json_string_value(v), json_string_length(v));
    text = json_text(v);
    return buf_adds(out, text);
}

static int add_escaped(struct buf *out, const json_t *v)
{
    _cleanup_buf_ struct buf text = BUF_INIT(SUBST_MAX), quoted = BUF_INIT(6 * (size_t)SUBST_MAX);

    if (add_value(&text, v) < 0)
        return -1;
    buf_add_json_string(&quoted, buf_str(&text), buf_len(&text));
    return buf_add(out, buf_str(&quoted) + 1, buf_len(&quoted) - 2);
}

/* Where a reference stands decides how its value is written. */
enum context { IN_TEXT, IN_JSON };

/* Copies s[from, to) with $${ turned into ${. In JSON (in_string is not NULL) it follows whether
 * a string is open. */
static void add_plain(struct buf *out, const char *s, size_t from, size_t to, bool *in_string)
{
    for (size_t i = from; i < to; i++) {
        if (s[i] == '$' && i + 2 < to && s[i + 1] == '$' && s[i + 2] == '{')
            continue;
        if (in_string && *in_string && s[i] == '\\' && i + 1 < to)
            buf_addc(out, s[i++]);
        else if (in_string && s[i] == '"')
            *in_string = !*in_string;
        buf_addc(out, s[i]);
    }
}

static int expand(const struct subst *x, const char *s, size_t n, enum context context,
                  struct buf *out, struct err *e)
{
    size_t at = 0, from = 0, len;
    bool in_string = false;
    const char *ref;
    int r;

    while ((r = subst_next(s, n, &at, &ref, &len)) == 1) {
        _cleanup_json_ json_t *v = NULL;

        add_plain(out, s, from, (size_t)(ref - 2 - s), context == IN_JSON ? &in_string : NULL);
        from = at;
        v = subst_ref(x, ref, len, e);
        if (!v)
            return -1;
        if (context == IN_TEXT)
            add_value(out, v);
        else if (in_string)
            add_escaped(out, v);
        else
            json_write(out, v);
    }
    if (r < 0)
        return err_set(e, ERR_PARSE, "${ without a name and a closing }; write $${ for a plain ${");
    add_plain(out, s, from, n, context == IN_JSON ? &in_string : NULL);
    if (out->full)
        return err_set(e, ERR_LIMIT, "the text grows past %u bytes", SUBST_MAX);
    return 0;
}

int subst_text(const struct subst *x, const char *s, size_t n, struct buf *out, struct err *e)
{
    return expand(x, s, n, IN_TEXT, out, e);
}

int subst_json_text(const struct subst *x, const char *s, size_t n, struct buf *out, struct err *e)
{
    return expand(x, s, n, IN_JSON, out, e);
}

json_t *subst_json(const struct subst *x, const char *s, size_t n, struct err *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(SUBST_MAX);

    if (expand(x, s, n, IN_JSON, &text, e) < 0)
        return NULL;
    return json_read(buf_str(&text), buf_len(&text), JSON_READ_STRICT, e);
}
