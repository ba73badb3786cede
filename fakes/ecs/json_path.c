#include "fakes/ecs/json_path.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define INDEX_MAX 100000

/* Members that hold digits and are texts all the same. */
static bool is_text_member(const char *name)
{
    static const char *const names[] = {
        "version", "taskDefinitionAccountId", "messageId", "credentialsId", "registryId", "family",
        "name"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

static json_t *meant(const json_t *v, const json_t *there, const char *name)
{
    const char *s = json_string_value(v);
    json_t *read;

    if (!s || json_is_string(there) || is_text_member(name))
        return json_deep_copy(v);
    read = json_loads(s, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (read && !json_is_string(read) && !json_is_object(read) && !json_is_array(read))
        return read;
    json_decref(read);
    return json_deep_copy(v);
}

/* The place that a step of the path names: a member of an object or an item of a list. */
struct place {
    json_t *in;
    char *name; /* NULL: index counts */
    size_t index;
};

static json_t *look(const struct place *at)
{
    return at->name ? json_object_get(at->in, at->name) : json_array_get(at->in, at->index);
}

static int put(const struct place *at, json_t *v, struct err *e)
{
    if (at->name && json_is_object(at->in))
        return json_object_set_new(at->in, at->name, v);
    if (!at->name && json_is_array(at->in)) {
        if (at->index < json_array_size(at->in))
            return json_array_set_new(at->in, at->index, v);
        if (at->index == json_array_size(at->in))
            return json_array_append_new(at->in, v);
        json_decref(v);
        return err_set(e, ERR_USAGE, "the list has only %zu items", json_array_size(at->in));
    }
    json_decref(v);
    return err_set(e, ERR_USAGE, "there is a %s on the way", json_type_name(at->in));
}

/* Takes "name" or "[0]" from the front of *path. */
static int step(const char **path, struct place *at, struct err *e)
{
    const char *s = *path;
    size_t n;

    at->name = NULL;
    if (*s == '[') {
        _cleanup_free_ char *digits = NULL;
        uint64_t index;

        n = strcspn(s, "]");
        digits = xstrndup(s + 1, n ? n - 1 : 0);
        if (s[n] != ']' || str_u64(digits, INDEX_MAX, &index) < 0)
            return err_set(e, ERR_USAGE, "the index in \"%s\" cannot be read", s);
        at->index = (size_t)index;
        *path = s + n + 1;
        return 0;
    }
    s += *s == '.';
    n = strcspn(s, ".[");
    if (!n)
        return err_set(e, ERR_USAGE, "a name is missing in the path");
    at->name = xstrndup(s, n);
    *path = s + n;
    return 0;
}

int json_path_set(json_t *root, const char *path, const json_t *v, struct err *e)
{
    struct place at = {.in = root};
    int r;

    for (;;) {
        json_t *next;

        if (step(&path, &at, e) < 0)
            return -1;
        if (!*path)
            break;
        next = look(&at);
        if (!next || json_is_null(next)) {
            next = *path == '[' ? json_array() : json_object();
            r = put(&at, next, e);
            if (r < 0) {
                free(at.name);
                return -1;
            }
        }
        free(at.name);
        at.in = next;
    }
    r = put(&at, meant(v, look(&at), at.name ? at.name : ""), e);
    free(at.name);
    return r < 0 ? -1 : 0;
}
