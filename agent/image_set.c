#include "agent/image_set.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void image_set_init(struct image_set *s)
{
    list_init(&s->states);
}

void image_set_drop(struct image_state *st)
{
    list_del(&st->link);
    free(st->id);
    json_decref(st->names);
    free(st);
}

void image_set_release(struct image_set *s)
{
    while (!list_empty(&s->states))
        image_set_drop(container_of(s->states.next, struct image_state, link));
}

struct image_state *image_set_next(const struct image_set *s, const struct image_state *after)
{
    struct list *next = after ? after->link.next : s->states.next;

    return next == &s->states ? NULL : container_of(next, struct image_state, link);
}

struct image_state *image_set_find(const struct image_set *s, const char *id)
{
    struct image_state *st = NULL;

    while ((st = image_set_next(s, st)))
        if (str_eq(st->id, id))
            return st;
    return NULL;
}

static bool find_name(const struct image_state *st, const char *name, size_t *ret_i)
{
    const json_t *v;
    size_t i;

    json_array_foreach (st->names, i, v) {
        *ret_i = i;
        if (str_eq(json_string_value(v), name))
            return true;
    }
    return false;
}

bool image_state_has_name(const struct image_state *st, const char *name)
{
    size_t i;

    return find_name(st, name, &i);
}

struct image_state *image_set_named(const struct image_set *s, const char *name)
{
    struct image_state *st = NULL;

    while ((st = image_set_next(s, st)))
        if (image_state_has_name(st, name))
            return st;
    return NULL;
}

void image_state_unname(struct image_state *st, const char *name)
{
    size_t i;

    if (!find_name(st, name, &i))
        return;
    json_array_remove(st->names, i);
    st->dirty = true;
}

static struct image_state *add(struct image_set *s, const char *id)
{
    struct image_state *st = new0(struct image_state);

    st->id = xstrdup(id);
    st->names = json_array();
    list_add_tail(&s->states, &st->link);
    return st;
}

struct image_state *image_set_use(struct image_set *s, const char *id, const char *name,
                                  int64_t size, int64_t now)
{
    struct image_state *old = image_set_named(s, name), *st = image_set_find(s, id);

    if (old && old != st)
        image_state_unname(old, name);
    if (!st) {
        st = add(s, id);
        st->size = size;
        st->pulled_at = st->last_used = now;
        st->dirty = true;
    }
    if (old != st) {
        json_array_append_new(st->names, json_string(name));
        st->dirty = true;
    }
    return st;
}

/* ---- the store ---- */

json_t *image_state_json(const struct image_state *st)
{
    json_t *o = json_object();

    json_object_set(o, "names", st->names);
    json_put_int(o, "size", st->size);
    json_put_int(o, "pulledAt", st->pulled_at);
    json_put_int(o, "lastUsedAt", st->last_used);
    json_put_bool(o, "pullSucceeded", st->pulled);
    return o;
}

int image_set_load(struct image_set *s, const char *id, const json_t *state)
{
    const json_t *names = json_object_get(state, "names"), *v;
    struct image_state *st;
    size_t i;

    if (!json_is_array(names) || image_set_find(s, id))
        return -1;
    st = add(s, id);
    json_array_foreach (names, i, v)
        if (json_is_string(v) && !image_set_named(s, json_string_value(v)))
            json_array_append(st->names, (json_t *)(uintptr_t)v);
    st->size = json_int(state, "size", 0);
    st->pulled_at = json_int(state, "pulledAt", 0);
    st->last_used = json_int(state, "lastUsedAt", 0);
    st->pulled = json_bool(state, "pullSucceeded", false);
    return 0;
}
