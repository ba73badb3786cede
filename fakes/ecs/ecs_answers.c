/* ecs_calls.h: what answers to people have in common. */
#include <stdarg.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"

#define PAGE_MAX      100
#define TAGS_MAX      50
#define TAG_KEY_MAX   128
#define TAG_VALUE_MAX 256

void ecs_invalid(struct exchange *x, const char *fmt, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    aws_json_error(x, 0, "InvalidParameterException", text);
}

bool ecs_includes(const json_t *body, const char *word)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(body, "include"), i, v)
        if (str_eq(json_string_value(v), word))
            return true;
    return false;
}

json_t *ecs_need_list(struct exchange *x, const json_t *body, const char *member, size_t max)
{
    json_t *list = json_object_get(body, member);

    if (!json_array_size(list)) {
        ecs_invalid(x, "%s can not be empty.", member);
        return NULL;
    }
    if (json_array_size(list) > max) {
        ecs_invalid(x, "%s can have at most %zu items.", member, max);
        return NULL;
    }
    return list;
}

void ecs_answer_found(struct exchange *x, const char *member, json_t *found, json_t *failures)
{
    json_t *o = json_object();

    json_put(o, member, found);
    json_put(o, "failures", failures);
    aws_json_answer(x, o);
}

void ecs_answer_one(struct exchange *x, const char *member, json_t *value)
{
    json_t *o = json_object();

    json_put(o, member, value);
    aws_json_answer(x, o);
}

void ecs_add_failure(json_t *failures, const char *arn, const char *reason)
{
    json_t *o = json_object();

    json_put_str(o, "arn", arn);
    json_put_str(o, "reason", reason);
    json_array_append_new(failures, o);
}

void ecs_add_missing(json_t *failures, const char *kind, const struct plane_cluster *c,
                     const char *name, const char *reason)
{
    size_t n = strlen(c->arn) - strlen("cluster/") - strlen(c->name);
    _cleanup_free_ char *arn = str_starts(name, "arn:")
                                   ? xstrdup(name)
                                   : xasprintf("%.*s%s/%s/%s", (int)n, c->arn, kind, c->name, name);

    ecs_add_failure(failures, arn, reason);
}

void ecs_answer_each(struct plane *p, struct exchange *x, const json_t *body,
                     const struct ecs_each *each)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    json_t *names = c ? ecs_need_list(x, body, each->names, each->max) : NULL;
    json_t *found, *failures, *name;
    size_t k;

    if (!names)
        return;
    found = json_array();
    failures = json_array();
    json_array_foreach (names, k, name) {
        const char *why = "MISSING";
        json_t *v = each->one(p, c, json_string_value(name), body, &why);

        if (v)
            json_array_append_new(found, v);
        else
            ecs_add_missing(failures, each->kind, c, json_string_value(name), why);
    }
    ecs_answer_found(x, each->answer, found, failures);
}

/* A token is where to go on. */
void ecs_answer_page(struct exchange *x, const json_t *body, const char *member, json_t *list,
                     int64_t usual)
{
    const char *token = json_str(body, "nextToken");
    int64_t max = json_int(body, "maxResults", usual);
    json_t *o, *page, *v;
    uint64_t from = 0;
    size_t i;

    if (max < 1 || max > PAGE_MAX || (token && str_u64(token, json_array_size(list), &from) < 0)) {
        json_decref(list);
        ecs_invalid(x, "%s", token ? "Invalid token." : "maxResults has to be 1 to 100.");
        return;
    }
    page = json_array();
    json_array_foreach (list, i, v)
        if (i >= from && i < from + (uint64_t)max)
            json_array_append(page, v);
    o = json_object();
    json_put(o, member, page);
    if (from + (uint64_t)max < json_array_size(list)) {
        _cleanup_free_ char *next = xasprintf("%llu", (unsigned long long)(from + (uint64_t)max));

        json_put_str(o, "nextToken", next);
    }
    json_decref(list);
    aws_json_answer(x, o);
}

bool ecs_check_tags(struct exchange *x, const json_t *tags)
{
    json_t *t;
    size_t i;

    if (json_array_size(tags) > TAGS_MAX) {
        ecs_invalid(x, "A resource can have at most %d tags.", TAGS_MAX);
        return false;
    }
    json_array_foreach (tags, i, t) {
        const char *key = json_str(t, "key"), *value = json_str(t, "value");

        if (!key || !*key || strlen(key) > TAG_KEY_MAX ||
            (value && strlen(value) > TAG_VALUE_MAX)) {
            ecs_invalid(x, "A tag has a key of 1 to %d characters and a value of up to %d.",
                        TAG_KEY_MAX, TAG_VALUE_MAX);
            return false;
        }
        if (!strncasecmp(key, "aws:", 4)) {
            ecs_invalid(x, "Tag keys that start with aws: are reserved.");
            return false;
        }
    }
    return true;
}
