/* ecs_calls.h: task definitions. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/definition.h"
#include "fakes/ecs/ecs_calls.h"
#include "proto/arn.h"

#define PAGE       100
#define DELETE_MAX 10

static void answer(struct exchange *x, const struct plane_definition *d, bool tags)
{
    json_t *o = json_object();

    json_put(o, "taskDefinition", definition_json(d));
    if (tags)
        json_put(o, "tags", json_deep_copy(d->tags));
    aws_json_answer(x, o);
}

void ecs_register_definition(struct plane *p, struct exchange *x, const json_t *body)
{
    _cleanup_free_ char *wrong = definition_check(body);
    struct plane_definition *d;

    if (wrong) {
        aws_json_error(x, 0, "ClientException", wrong);
        return;
    }
    if (!ecs_check_tags(x, json_object_get(body, "tags")))
        return;
    d = definition_add(p, body);
    if (!d) {
        aws_json_error(x, 0, "LimitExceededException", "There are too many task definitions.");
        return;
    }
    answer(x, d, json_array_size(d->tags) > 0);
}

void ecs_describe_definition(struct plane *p, struct exchange *x, const json_t *body)
{
    const struct plane_definition *d = definition_find(p, json_str(body, "taskDefinition"));

    if (!d) {
        aws_json_error(x, 0, "ClientException", "Unable to describe task definition.");
        return;
    }
    answer(x, d, ecs_includes(body, "TAGS"));
}

/* One that is named with its revision; NULL and the text of the error. */
static struct plane_definition *revision_of(const struct plane *p, const char *name,
                                            char **ret_wrong)
{
    const char *id = name && str_starts(name, "arn:") ? arn_id(name) : name;
    const char *colon = id ? strchr(id, ':') : NULL;
    struct plane_definition *d;
    uint64_t n;

    if (!colon || str_u64(colon + 1, INT64_MAX, &n) < 0) {
        *ret_wrong = xasprintf("Invalid revision number. Number: %s", colon ? colon + 1 : "null");
        return NULL;
    }
    d = definition_find(p, name);
    if (!d)
        *ret_wrong = xstrdup("The specified task definition does not exist.");
    return d;
}

void ecs_deregister_definition(struct plane *p, struct exchange *x, const json_t *body)
{
    _cleanup_free_ char *wrong = NULL;
    struct plane_definition *d = revision_of(p, json_str(body, "taskDefinition"), &wrong);

    if (!d) {
        aws_json_error(x, 0, "ClientException", wrong);
        return;
    }
    if (d->status == DEFINITION_ACTIVE)
        definition_set_status(p, d, DEFINITION_INACTIVE);
    answer(x, d, false);
}

void ecs_delete_definitions(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t *names = ecs_need_list(x, body, "taskDefinitions", DELETE_MAX), *found, *failures, *v;
    size_t i;

    if (!names)
        return;
    found = json_array();
    failures = json_array();
    json_array_foreach (names, i, v) {
        _cleanup_free_ char *wrong = NULL;
        struct plane_definition *d = revision_of(p, json_string_value(v), &wrong);

        if (!d) {
            ecs_add_failure(failures, json_string_value(v), wrong);
        } else if (d->status == DEFINITION_ACTIVE) {
            ecs_add_failure(failures, d->arn,
                            "The specified task definition is still in ACTIVE status. Please "
                            "deregister the target and try again.");
        } else {
            definition_set_status(p, d, DEFINITION_DELETING);
            json_array_append_new(found, definition_json(d));
        }
    }
    ecs_answer_found(x, "taskDefinitions", found, failures);
}

/* --- lists ----------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    const struct plane_family *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static struct plane_family **sorted(const struct plane *p, size_t *ret_n)
{
    struct plane_family **list = new0_array(struct plane_family *, map_count(&p->families) + 1);
    size_t n = 0;
    void *v;

    for (size_t i = 0; map_next(&p->families, &i, NULL, &v);)
        list[n++] = v;
    qsort(list, n, sizeof(*list), by_name);
    *ret_n = n;
    return list;
}

/* The status asked for, or -1 after the error. */
static int wanted_status(struct exchange *x, const json_t *body, const char *usual)
{
    const char *word = json_str(body, "status");
    int status;

    if (!word)
        word = usual;
    if (str_eq(word, "ALL"))
        return DEFINITION_STATUS_MAX;
    status = definition_status_from(word);
    if (status < 0)
        ecs_invalid(x, "Invalid status '%s'.", word);
    return status;
}

void ecs_list_definitions(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *family = json_str(body, "familyPrefix");
    bool down = str_eq(json_str(body, "sort"), "DESC");
    int status = wanted_status(x, body, "ACTIVE");
    struct plane_family **families;
    json_t *arns;
    size_t n;

    if (status < 0)
        return;
    arns = json_array();
    families = sorted(p, &n);
    for (size_t i = 0; i < n; i++) {
        const struct plane_family *f = families[down ? n - 1 - i : i];

        for (size_t k = 0; (!family || str_eq(f->name, family)) && k < f->n; k++) {
            const struct plane_definition *d = f->list[down ? f->n - 1 - k : k];

            if (status == DEFINITION_STATUS_MAX || (int)d->status == status)
                json_array_append_new(arns, json_string(d->arn));
        }
    }
    free(families);
    ecs_answer_page(x, body, "taskDefinitionArns", arns, PAGE);
}

static bool has_active(const struct plane_family *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->list[i]->status == DEFINITION_ACTIVE)
            return true;
    return false;
}

void ecs_list_families(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *prefix = json_str(body, "familyPrefix");
    int status = wanted_status(x, body, "ALL");
    struct plane_family **families;
    json_t *names;
    size_t n;

    if (status < 0)
        return;
    names = json_array();
    families = sorted(p, &n);
    for (size_t i = 0; i < n; i++) {
        bool fits = status == DEFINITION_STATUS_MAX ||
                    (status == DEFINITION_ACTIVE) == has_active(families[i]);

        if (fits && (!prefix || str_starts(families[i]->name, prefix)))
            json_array_append_new(names, json_string(families[i]->name));
    }
    free(families);
    ecs_answer_page(x, body, "families", names, PAGE);
}
