#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

void json_unrefp(json_t **v)
{
    json_decref(*v);
    *v = NULL;
}

/* Before jansson recurses: it allows 2048 levels, which is stack we do not want to lend a peer. */
static bool too_deep(const char *s, size_t n)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"')
                in_string = false;
        } else if (s[i] == '"') {
            in_string = true;
        } else if (s[i] == '{' || s[i] == '[') {
            if (++depth > JSON_DEPTH_LIMIT)
                return true;
        } else if ((s[i] == '}' || s[i] == ']') && depth) {
            depth--;
        }
    }
    return false;
}

json_t *json_read(const char *s, size_t n, enum json_read how, struct err *e)
{
    json_error_t je;
    json_t *v;

    if (too_deep(s, n)) {
        err_set(e, ERR_LIMIT, "JSON nested deeper than %d levels", JSON_DEPTH_LIMIT);
        return NULL;
    }
    v = json_loadb(s, n, JSON_DECODE_ANY | (how == JSON_READ_STRICT ? JSON_REJECT_DUPLICATES : 0),
                   &je);
    if (!v)
        err_set(e, ERR_PARSE, "%d:%d: %s", je.line, je.column, je.text);
    return v;
}

static int write_chunk(const char *s, size_t n, void *data)
{
    return buf_add(data, s, n);
}

int json_write(struct buf *b, const json_t *v)
{
    return json_dump_callback(v, write_chunk, b, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *json_text(const json_t *v)
{
    char *s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);

    return s ? s : xstrdup("null");
}

const char *json_str(const json_t *o, const char *member)
{
    return json_string_value(json_object_get(o, member));
}

char *json_dup_str(const json_t *o, const char *member)
{
    const char *s = json_str(o, member);

    return xstrdup(s ? s : "");
}

static bool as_int(const json_t *v, int64_t *ret)
{
    if (json_is_integer(v)) {
        *ret = json_integer_value(v);
        return true;
    }
    if (json_is_real(v)) {
        double d = json_real_value(v);

        if (d == floor(d) && fabs(d) <= 9007199254740992.0) {
            *ret = (int64_t)d;
            return true;
        }
    }
    return false;
}

int64_t json_int(const json_t *o, const char *member, int64_t dflt)
{
    int64_t v;

    return as_int(json_object_get(o, member), &v) ? v : dflt;
}

bool json_bool(const json_t *o, const char *member, bool dflt)
{
    const json_t *v = json_object_get(o, member);

    return json_is_boolean(v) ? json_is_true(v) : dflt;
}

json_t *json_at(const json_t *o, const char *path)
{
    json_t *v = (json_t *)(uintptr_t)o;

    while (v && *path) {
        size_t n = strcspn(path, ".");

        v = json_object_getn(v, path, n);
        path += n + (path[n] == '.');
    }
    return v;
}

int json_need_str(const json_t *o, const char *member, const char **ret, struct err *e)
{
    const json_t *v = json_object_get(o, member);

    if (!json_is_string(v))
        return err_set(e, ERR_PARSE, "%s: expected a string, found %s", member,
                       v ? json_type_name(v) : "nothing");
    *ret = json_string_value(v);
    return 0;
}

int json_need_int(const json_t *o, const char *member, int64_t *ret, struct err *e)
{
    const json_t *v = json_object_get(o, member);

    if (!as_int(v, ret))
        return err_set(e, ERR_PARSE, "%s: expected an integer, found %s", member,
                       v ? json_type_name(v) : "nothing");
    return 0;
}

void json_put(json_t *o, const char *member, json_t *value)
{
    if (value)
        json_object_set_new(o, member, value);
}

void json_put_str(json_t *o, const char *member, const char *value)
{
    if (!value)
        return;
    /* What a process printed need not be UTF-8, and jansson refuses it: spell it safely. */
    json_t *v = json_string(value);

    if (!v) {
        struct buf b = BUF_INIT(1 << 26);

        buf_add_json_string(&b, value, strlen(value));
        v = json_loadb(buf_str(&b), buf_len(&b), JSON_DECODE_ANY, NULL);
        buf_release(&b);
    }
    json_put(o, member, v);
}

void json_put_int(json_t *o, const char *member, int64_t value)
{
    json_put(o, member, json_integer(value));
}

void json_put_bool(json_t *o, const char *member, bool value)
{
    json_put(o, member, json_boolean(value));
}

const char *json_type_name(const json_t *v)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object",   [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "integer", [JSON_REAL] = "real",   [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",     [JSON_NULL] = "null",
    };

    return v ? names[json_typeof(v)] : "nothing";
}
