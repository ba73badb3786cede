#include "fakes/aws/shape.h"

#include <stdio.h>
#include <string.h>

const struct shape shape_string = {.kind = SHAPE_STRING};
const struct shape shape_integer = {.kind = SHAPE_INTEGER};
const struct shape shape_long = {.kind = SHAPE_LONG};
const struct shape shape_double = {.kind = SHAPE_DOUBLE};
const struct shape shape_boolean = {.kind = SHAPE_BOOLEAN};
const struct shape shape_timestamp = {.kind = SHAPE_TIMESTAMP};
const struct shape shape_natural = {.kind = SHAPE_LONG, .natural = true};
const struct shape shape_amount = {.kind = SHAPE_DOUBLE, .natural = true};
const struct shape shape_strings = SHAPE_LIST_OF(shape_string);

/* Where the check stands: a path that grows and shrinks with the recursion. */
struct walk {
    char path[160];
    size_t n;
    struct shape_error *out;
};

static enum shape_fault complain(const struct walk *w, enum shape_fault f, const char *text)
{
    snprintf(w->out->where, sizeof(w->out->where), "%s", w->path);
    snprintf(w->out->text, sizeof(w->out->text), "%s", text);
    return f;
}

static const char *target_name(enum shape_kind k)
{
    switch (k) {
    case SHAPE_STRING:
        return "a String";
    case SHAPE_INTEGER:
        return "an Integer";
    case SHAPE_LONG:
        return "a Long";
    case SHAPE_BOOLEAN:
        return "a Boolean";
    case SHAPE_TIMESTAMP:
        return "a Timestamp";
    default:
        return "a Double";
    }
}

static enum shape_fault wrong_type(const struct walk *w, const struct shape *s, const json_t *v)
{
    char text[100];
    const char *have = json_is_string(v)   ? "STRING_VALUE"
                       : json_is_number(v) ? "NUMBER_VALUE"
                       : json_is_true(v)   ? "TRUE_VALUE"
                                           : "FALSE_VALUE";

    if (s->kind == SHAPE_LIST)
        return complain(w, SHAPE_WRONG_TYPE, "Expected list or null");
    if (s->kind == SHAPE_STRUCTURE || s->kind == SHAPE_MAP)
        return complain(w, SHAPE_WRONG_TYPE, "Expected structure or map, or null");
    if (json_is_object(v))
        return complain(w, SHAPE_WRONG_TYPE, "Start of structure or map found where not expected.");
    if (json_is_array(v))
        return complain(w, SHAPE_WRONG_TYPE, "Start of list found where not expected.");
    snprintf(text, sizeof(text), "%s can not be converted to %s", have, target_name(s->kind));
    return complain(w, SHAPE_WRONG_TYPE, text);
}

static bool is_word(const char *const *words, const char *s)
{
    for (; *words; words++)
        if (!strcmp(*words, s))
            return true;
    return false;
}

static enum shape_fault check(struct walk *w, const struct shape *s, const json_t *v);

/* Checks v one step deeper, at ".name" or "[i]". */
static enum shape_fault deeper(struct walk *w, const struct shape *s, const json_t *v,
                               const char *name, size_t index)
{
    size_t before = w->n, room = sizeof(w->path) - w->n;
    enum shape_fault f;
    int k = name ? snprintf(w->path + w->n, room, "%s%s", w->n ? "." : "", name)
                 : snprintf(w->path + w->n, room, "[%zu]", index);

    w->n = k < 0 || (size_t)k >= room ? sizeof(w->path) - 1 : w->n + (size_t)k;
    f = check(w, s, v);
    w->n = before;
    w->path[before] = '\0';
    return f;
}

static enum shape_fault check_structure(struct walk *w, const struct shape *s, const json_t *v)
{
    for (const struct shape_member *m = s->members; m->name; m++) {
        const json_t *member = json_object_get(v, m->name);
        enum shape_fault f;

        if (m->required || (member && !json_is_null(member))) {
            f = deeper(w, m->shape, member, m->name, 0);
            if (f != SHAPE_FITS)
                return f;
        }
    }
    return SHAPE_FITS;
}

static enum shape_fault check_items(struct walk *w, const struct shape *s, json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    if (!s->item)
        return SHAPE_FITS;
    if (s->kind == SHAPE_MAP) {
        json_object_foreach (v, key, item) {
            enum shape_fault f = deeper(w, s->item, item, key, 0);

            if (f != SHAPE_FITS)
                return f;
        }
        return SHAPE_FITS;
    }
    if (s->max && json_array_size(v) > s->max)
        return complain(w, SHAPE_WRONG_VALUE, "the list is too long");
    json_array_foreach (v, i, item) {
        enum shape_fault f = deeper(w, s->item, item, NULL, i);

        if (f != SHAPE_FITS)
            return f;
    }
    return SHAPE_FITS;
}

static enum shape_fault check_number(struct walk *w, const struct shape *s, const json_t *v)
{
    bool whole = s->kind == SHAPE_INTEGER || s->kind == SHAPE_LONG;

    if (!json_is_number(v) || (whole && !json_is_integer(v)))
        return wrong_type(w, s, v);
    if (s->kind == SHAPE_INTEGER &&
        (json_integer_value(v) > INT32_MAX || json_integer_value(v) < INT32_MIN))
        return wrong_type(w, s, v);
    if (s->natural && json_number_value(v) < 0)
        return complain(w, SHAPE_WRONG_VALUE, "the number is negative");
    return SHAPE_FITS;
}

static enum shape_fault check(struct walk *w, const struct shape *s, const json_t *v)
{
    if (!v || json_is_null(v))
        return complain(w, SHAPE_WRONG_VALUE, "it is missing");
    switch (s->kind) {
    case SHAPE_STRING:
        if (!json_is_string(v))
            return wrong_type(w, s, v);
        if (s->words && !is_word(s->words, json_string_value(v)))
            return complain(w, SHAPE_WRONG_VALUE, "it is none of the words allowed");
        return SHAPE_FITS;
    case SHAPE_BOOLEAN:
        return json_is_boolean(v) ? SHAPE_FITS : wrong_type(w, s, v);
    case SHAPE_STRUCTURE:
        return json_is_object(v) ? check_structure(w, s, v) : wrong_type(w, s, v);
    case SHAPE_MAP:
        return json_is_object(v) ? check_items(w, s, (json_t *)(uintptr_t)v) : wrong_type(w, s, v);
    case SHAPE_LIST:
        return json_is_array(v) ? check_items(w, s, (json_t *)(uintptr_t)v) : wrong_type(w, s, v);
    default:
        return check_number(w, s, v);
    }
}

enum shape_fault shape_check(const struct shape *s, const json_t *v, struct shape_error *ret)
{
    struct walk w = {.out = ret};

    return check(&w, s, v);
}
