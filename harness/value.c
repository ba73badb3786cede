/* Values of the tree as the kinds that a step needs: the value_ functions of harness/subst.h. */
#include "harness/subst.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

/* A file whose name is known only now, such as @${tmp}/ecs.config: its bytes as they are. */
static char *file_bytes(const struct scn_value *v, const char *name, size_t *ret_len, struct err *e)
{
    const char *slash = v->file ? strrchr(v->file->source.path, '/') : NULL;
    int dir = slash && *name != '/' ? (int)(slash + 1 - v->file->source.path) : 0;
    _cleanup_free_ char *path = xasprintf("%.*s%s", dir, dir ? v->file->source.path : "", name);
    struct buf out = BUF_INIT(SUBST_MAX);

    if (io_read_file(path, &out, e) < 0) {
        buf_release(&out);
        return NULL;
    }
    return buf_steal(&out, ret_len);
}

static char *content_bytes(const struct scn_value *v, const struct subst *x, size_t *ret_len,
                           struct err *e)
{
    _cleanup_buf_ struct buf name = BUF_INIT(4096);
    const struct scn_attachment *a = v->content;
    struct buf out = BUF_INIT(SUBST_MAX);
    int r;

    if (!a && subst_text(x, v->text, v->len, &name, e) < 0)
        return NULL;
    if (!a && v->file)
        a = scn_attachment(v->file, buf_str(&name));
    if (!a)
        return file_bytes(v, buf_str(&name), ret_len, e);
    if (!a->subst)
        r = buf_add(&out, a->data, a->len);
    else if (str_ends(a->name, ".json"))
        r = subst_json_text(x, a->data, a->len, &out, e);
    else
        r = subst_text(x, a->data, a->len, &out, e);
    if (r < 0) {
        err_wrap(e, "@%s", a->name);
        buf_release(&out);
        return NULL;
    }
    return buf_steal(&out, ret_len);
}

char *value_bytes(const struct scn_value *v, const struct subst *x, size_t *ret_len, struct err *e)
{
    struct buf out = BUF_INIT(SUBST_MAX);
    int r;

    if (v->kind == SCN_FILE)
        return content_bytes(v, x, ret_len, e);
    if (v->kind == SCN_JSON)
        r = subst_json_text(x, v->text, v->len, &out, e);
    else
        r = subst_text(x, v->text, v->len, &out, e);
    if (r < 0) {
        buf_release(&out);
        return NULL;
    }
    return buf_steal(&out, ret_len);
}

char *value_text(const struct scn_value *v, const struct subst *x, struct err *e)
{
    return value_bytes(v, x, NULL, e);
}

/* The reference when the whole text is one ${...}. */
static bool lone_ref(const struct scn_value *v, const char **ret_ref, size_t *ret_n)
{
    size_t at = 0;

    return v->kind == SCN_WORD && v->subst && str_starts(v->text, "${") &&
           subst_next(v->text, v->len, &at, ret_ref, ret_n) == 1 && at == v->len;
}

static json_t *word_json(const struct scn_value *v, const struct subst *x, struct err *e)
{
    _cleanup_free_ char *text = NULL;
    json_t *j = NULL;
    const char *ref;
    size_t n;

    if (lone_ref(v, &ref, &n))
        return subst_ref(x, ref, n, e);
    text = value_text(v, x, e);
    if (!text)
        return NULL;
    if (v->kind == SCN_WORD && subst_is_typed(text))
        return json_read(text, strlen(text), JSON_READ_STRICT, e);
    j = json_string(text);
    if (!j)
        err_set(e, ERR_PARSE, "a text that is not UTF-8 cannot be put into JSON");
    return j;
}

json_t *value_json(const struct scn_value *v, const struct subst *x, struct err *e)
{
    _cleanup_free_ char *bytes = NULL;
    size_t n = 0;
    json_t *j;

    if (v->kind == SCN_JSON)
        return subst_json(x, v->text, v->len, e);
    if (v->kind != SCN_FILE)
        return word_json(v, x, e);
    bytes = value_bytes(v, x, &n, e);
    if (!bytes)
        return NULL;
    j = json_read(bytes, n, JSON_READ_STRICT, e);
    if (!j)
        err_wrap(e, "@%s", v->text);
    return j;
}

json_t *value_named(const struct scn_value *v, const struct subst *x, struct err *e)
{
    json_t *j = value_json(v, x, e);
    _cleanup_free_ char *printed = NULL, *text = NULL;
    const char *ref;
    size_t n;

    if (!j || v->kind != SCN_WORD || json_is_string(j) || lone_ref(v, &ref, &n))
        return j;
    printed = json_text(j);
    text = value_text(v, x, e);
    if (text && !str_eq(text, printed)) {
        json_decref(j);
        j = json_string(text);
    }
    return j;
}

/* Text and then a number in it, with what was expected when it is none. */
static int number_error(struct err *e, const char *expected, const char *text)
{
    return err_set(e, ERR_PARSE, "expected %s, found \"%.80s\"", expected, text);
}

int value_duration(const struct scn_value *v, const struct subst *x, int64_t *ret_ns, struct err *e)
{
    _cleanup_free_ char *text = value_text(v, x, e);
    int64_t ns;

    if (!text)
        return -1;
    if (str_duration(text, &ns) < 0 || ns < 0)
        return number_error(e, arg_kind_expects(ARG_DURATION), text);
    *ret_ns = ns;
    return 0;
}

int value_int(const struct scn_value *v, const struct subst *x, int64_t *ret, struct err *e)
{
    _cleanup_free_ char *text = value_text(v, x, e);
    int64_t n;

    if (!text)
        return -1;
    if (str_i64(text, &n) < 0)
        return number_error(e, arg_kind_expects(ARG_INT), text);
    *ret = n;
    return 0;
}

int value_double(const struct scn_value *v, const struct subst *x, double *ret, struct err *e)
{
    _cleanup_free_ char *text = value_text(v, x, e);
    char *end;
    double d;

    if (!text)
        return -1;
    d = strtod(text, &end);
    if (end == text || *end || !isfinite(d))
        return number_error(e, arg_kind_expects(ARG_NUMBER), text);
    *ret = d;
    return 0;
}

int value_size(const struct scn_value *v, const struct subst *x, int64_t *ret, struct err *e)
{
    static const struct {
        const char *unit;
        int64_t bytes;
    } units[] = {
        {"", 1},          {"B", 1},         {"kB", 1000},
        {"KB", 1000},     {"MB", 1000000},  {"GB", 1000000000},
        {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
    };
    _cleanup_free_ char *text = value_text(v, x, e);
    char digits[20];
    uint64_t n;
    size_t len;

    if (!text)
        return -1;
    len = strspn(text, "0123456789");
    if (len && len < sizeof(digits)) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
            if (!str_eq(text + len, units[i].unit) ||
                str_u64(digits, (uint64_t)(INT64_MAX / units[i].bytes), &n) < 0)
                continue;
            *ret = (int64_t)n * units[i].bytes;
            return 0;
        }
    }
    return number_error(e, arg_kind_expects(ARG_SIZE), text);
}

int value_bool(const struct scn_value *v, const struct subst *x, bool *ret, struct err *e)
{
    _cleanup_free_ char *text = value_text(v, x, e);

    if (!text)
        return -1;
    if (!str_eq(text, "true") && !str_eq(text, "false"))
        return number_error(e, "true or false", text);
    *ret = str_eq(text, "true");
    return 0;
}
