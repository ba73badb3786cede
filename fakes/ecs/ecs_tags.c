/* ecs_calls.h: tags of everything that has them, and account settings. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/definition.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/service.h"
#include "proto/arn.h"

#define PAGE 10

json_t **ecs_tags_of(struct plane *p, const char *arn)
{
    struct plane_instance *i = map_get(&p->instances, arn);
    struct plane_task *t = map_get(&p->tasks, arn);
    struct plane_service *service = map_get(&p->services, arn);
    struct plane_definition *d = strstr(arn, ":task-definition/") ? definition_find(p, arn) : NULL;
    struct plane_provider *provider =
        strstr(arn, ":capacity-provider/") ? ecs_provider(p, arn) : NULL;
    struct plane_cluster *c = plane_cluster(p, arn);

    if (i)
        return &i->tags;
    if (t)
        return &t->tags;
    if (service)
        return &service->tags;
    if (d)
        return &d->tags;
    if (provider)
        return &provider->tags;
    return c && str_eq(c->arn, arn) ? &c->tags : NULL;
}

/* The tags behind body's resourceArn, or NULL after the error. */
static json_t **need_tags(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *arn = json_str(body, "resourceArn");
    json_t **tags = arn ? ecs_tags_of(p, arn) : NULL;

    if (!arn || !str_starts(arn, "arn:"))
        ecs_invalid(x, "The resource ARN is not valid.");
    else if (!tags)
        ecs_invalid(x, "The specified resource was not found.");
    return tags;
}

void ecs_list_tags(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t **tags = need_tags(p, x, body);

    if (tags)
        ecs_answer_one(x, "tags", json_deep_copy(*tags));
}

static void untag(json_t *tags, const char *key)
{
    json_t *t;
    size_t i;

    json_array_foreach (tags, i, t)
        if (str_eq(json_str(t, "key"), key)) {
            json_array_remove(tags, i);
            return;
        }
}

void ecs_tag_resource(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t **tags = need_tags(p, x, body), *given = json_object_get(body, "tags"), *all, *t;
    size_t i;

    if (!tags || !ecs_check_tags(x, given))
        return;
    all = json_deep_copy(*tags);
    json_array_foreach (given, i, t) {
        untag(all, json_str(t, "key"));
        json_array_append_new(all, json_deep_copy(t));
    }
    if (!ecs_check_tags(x, all)) {
        json_decref(all);
        return;
    }
    json_decref(*tags);
    *tags = all;
    aws_json_answer(x, json_object());
}

void ecs_untag_resource(struct plane *p, struct exchange *x, const json_t *body)
{
    json_t **tags = need_tags(p, x, body), *key;
    size_t i;

    if (!tags)
        return;
    json_array_foreach (json_object_get(body, "tagKeys"), i, key)
        untag(*tags, json_string_value(key));
    aws_json_answer(x, json_object());
}

/* --- account settings ------------------------------------------------------------------ */

static const struct {
    const char *name, *usual;
} settings[] = {
    {"serviceLongArnFormat", "enabled"},
    {"taskLongArnFormat", "enabled"},
    {"containerInstanceLongArnFormat", "enabled"},
    {"awsvpcTrunking", "disabled"},
    {"containerInsights", "disabled"},
    {"fargateFIPSMode", "disabled"},
    {"tagResourceAuthorization", "on"},
    {"fargateTaskRetirementWaitPeriod", "7"},
    {"guardDutyActivate", "off"},
    {"defaultLogDriverMode", "blocking"},
};

static const char *usual_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (str_eq(settings[i].name, name))
            return settings[i].usual;
    return NULL;
}

static json_t *setting_json(const struct plane *p, const char *name, const char *value)
{
    _cleanup_free_ char *principal = xasprintf(
        "arn:%s:iam::%s:root", arn_partition_of_region(p->world->id.region), p->world->id.account);
    json_t *o = json_object();

    json_put_str(o, "name", name);
    json_put_str(o, "value", value);
    json_put_str(o, "principalArn", principal);
    return o;
}

void ecs_list_account_settings(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *name = json_str(body, "name"), *value = json_str(body, "value");
    bool effective = json_bool(body, "effectiveSettings", false);
    json_t *list = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        const char *set = map_get(&p->settings, settings[i].name);
        const char *now = set ? set : effective ? settings[i].usual : NULL;

        if (now && (!name || str_eq(name, settings[i].name)) && (!value || str_eq(value, now)))
            json_array_append_new(list, setting_json(p, settings[i].name, now));
    }
    ecs_answer_page(x, body, "settings", list, PAGE);
}

/* The name of body's setting when there is such a one, else NULL after the error. */
static const char *need_setting(struct exchange *x, const json_t *body)
{
    const char *name = json_str(body, "name");

    if (name && usual_of(name))
        return name;
    ecs_invalid(x, "Invalid setting name '%s'.", name ? name : "");
    return NULL;
}

void ecs_put_account_setting(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *name = need_setting(x, body), *value = json_str(body, "value");

    if (!name)
        return;
    if (!value || !*value || strlen(value) > 64) {
        ecs_invalid(x, "Invalid value of the setting '%s'.", name);
        return;
    }
    free(map_set(&p->settings, name, xstrdup(value)));
    ecs_answer_one(x, "setting", setting_json(p, name, value));
}

void ecs_delete_account_setting(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *name = need_setting(x, body);
    char *value = name ? map_remove(&p->settings, name) : NULL;

    if (!name)
        return;
    ecs_answer_one(x, "setting", setting_json(p, name, value ? value : usual_of(name)));
    free(value);
}
