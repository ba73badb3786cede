/* call.h: SSM's parameters. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/sigv4.h"
#include "fakes/aws/shape_table.h"
#include "fakes/small/call.h"
#include "proto/arn.h"

#define NAMES_MAX 10
#define VALUE_MAX 8192

struct small_parameter {
    char *name, *value, *description; /* description NULL: none */
    const char *type;                 /* static */
    int64_t version, modified;        /* wall */
};

static const struct small_service ssm = {"ssm", "AmazonSSM", NULL, SMALL_JSON};

static const char *const types[] = {"String", "StringList", "SecureString"};

static const char *type_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (str_eq(types[i], word))
            return types[i];
    return NULL;
}

static void parameter_free(struct small_parameter *p)
{
    if (!p)
        return;
    explicit_bzero(p->value, strlen(p->value));
    free(p->value);
    free(p->description);
    free(p->name);
    free(p);
}

void small_parameters_clear(struct small *s)
{
    void *v;

    for (size_t i = 0; map_next(&s->parameters, &i, NULL, &v);)
        parameter_free(v);
    map_release(&s->parameters);
}

int small_parameter_set(struct small *s, const char *name, const char *type, const char *value,
                        struct err *e)
{
    struct small_parameter *p = map_get(&s->parameters, name);

    if (!value)
        return err_set(e, ERR_USAGE, "aws: a parameter needs a value");
    type = type_of(type ? type : "String");
    if (!type)
        return err_set(e, ERR_USAGE, "aws: a parameter is String, StringList or SecureString");
    if (!p && map_count(&s->parameters) >= SMALL_THINGS_MAX)
        return err_set(e, ERR_LIMIT, "aws: there are too many parameters");
    if (!p) {
        p = new0(struct small_parameter);
        p->name = xstrdup(name);
        map_set(&s->parameters, name, p);
    }
    free(p->value);
    p->value = xstrdup(value);
    p->type = type;
    p->version++;
    p->modified = loop_wall(&s->fake.world->loop);
    if (str_eq(type, "SecureString"))
        journal_secret(&s->fake.world->journal, value);
    return 0;
}

/* --- reading --------------------------------------------------------------------------- */

/* By name, "name:version", or ARN. */
static struct small_parameter *find(const struct small *s, const char *name)
{
    const char *of_arn = str_starts(name, "arn:") ? strstr(name, ":parameter") : NULL;
    _cleanup_free_ char *plain = NULL;
    struct small_parameter *p;
    const char *colon;
    uint64_t version;

    if (of_arn)
        name = of_arn + strlen(":parameter");
    colon = strrchr(name, ':');
    plain = colon ? xstrndup(name, (size_t)(colon - name)) : xstrdup(name);
    p = map_get(&s->parameters, plain);
    if (!p && *plain == '/')
        p = map_get(&s->parameters, plain + 1); /* in an ARN a name without a slash has one */
    if (p && colon &&
        (str_u64(colon + 1, INT64_MAX, &version) < 0 || (int64_t)version != p->version))
        return NULL;
    return p;
}

static char *arn_of(const struct small *s, const struct small_parameter *p)
{
    return small_arn(s, "ssm", "parameter%s%s", *p->name == '/' ? "" : "/", p->name);
}

static json_t *time_of(int64_t wall)
{
    return json_real((double)(wall / NS_PER_MS) / 1000.0);
}

static json_t *parameter_json(const struct small *s, const struct small_parameter *p, bool decrypt)
{
    _cleanup_free_ char *arn = arn_of(s, p);
    struct buf hidden = BUF_INIT(2 * VALUE_MAX);
    json_t *o = json_object();

    json_put_str(o, "Name", p->name);
    json_put_str(o, "Type", p->type);
    if (str_eq(p->type, "SecureString") && !decrypt) {
        char sha[65];

        /* what KMS made of it: nobody can read it, and it differs from value to value */
        sigv4_sha256_hex(p->value, strlen(p->value), sha);
        str_base64(&hidden, sha, 64);
        json_put_str(o, "Value", buf_str(&hidden));
    } else {
        json_put_str(o, "Value", p->value);
    }
    buf_release(&hidden);
    json_put_int(o, "Version", p->version);
    json_put(o, "LastModifiedDate", time_of(p->modified));
    json_put_str(o, "ARN", arn);
    json_put_str(o, "DataType", "text");
    return o;
}

/* False after the error: a SecureString is to be read, and KMS says no. */
static bool may_decrypt(struct small_call *c, const struct small_parameter *p)
{
    if (!str_eq(p->type, "SecureString") || !json_bool(c->in, "WithDecryption", false) ||
        small_may(c->s, "kms:Decrypt"))
        return true;
    small_fail(c, 0, "AccessDeniedException",
               "The ciphertext refers to a customer master key that does not exist, does not exist "
               "in this region, or you are not allowed to access.");
    return false;
}

static void get_parameter(struct small_call *c)
{
    const char *name = json_str(c->in, "Name");
    struct small_parameter *p = name ? find(c->s, name) : NULL;
    _cleanup_free_ char *arn = small_arn(c->s, "ssm", "parameter/%s", name ? name : "");

    if (!small_allowed(c, arn))
        return;
    if (!p)
        small_fail(c, 0, "ParameterNotFound", "%s", "");
    else if (may_decrypt(c, p))
        small_answer(c,
                     json_pack("{s:o}", "Parameter",
                               parameter_json(c->s, p, json_bool(c->in, "WithDecryption", false))));
}

static void bad_names(struct small_call *c, const json_t *names)
{
    small_fail(c, 0, "ValidationException",
               "1 validation error detected: Value at 'names' failed to satisfy constraint: "
               "Member must have length %s",
               json_array_size(names) ? "less than or equal to 10" : "greater than or equal to 1");
}

static void get_parameters(struct small_call *c)
{
    const json_t *names = json_object_get(c->in, "Names");
    json_t *found, *missing, *name;
    _cleanup_free_ char *arn = small_arn(c->s, "ssm", "parameter/%s",
                                         json_string_value(json_array_get(names, 0))
                                             ? json_string_value(json_array_get(names, 0))
                                             : "");
    size_t i;

    if (!small_allowed(c, arn))
        return;
    if (!json_array_size(names) || json_array_size(names) > NAMES_MAX) {
        bad_names(c, names);
        return;
    }
    json_array_foreach (names, i, name) {
        const struct small_parameter *p = find(c->s, json_string_value(name));

        if (p && !may_decrypt(c, p))
            return;
    }
    found = json_array();
    missing = json_array();
    json_array_foreach (names, i, name) {
        const struct small_parameter *p = find(c->s, json_string_value(name));

        if (p)
            json_array_append_new(
                found, parameter_json(c->s, p, json_bool(c->in, "WithDecryption", false)));
        else
            json_array_append(missing, name);
    }
    small_answer(c, json_pack("{s:o,s:o}", "Parameters", found, "InvalidParameters", missing));
}

/* --- filters ---------------------------------------------------------------------------- */

/* Whether the name fits what the filter's Option says, or lies below the path. */
static bool name_fits(const char *name, const char *key, const char *option, const char *value)
{
    const char *rest;

    if (str_eq(key, "Path")) {
        rest = str_after(name, value);
        rest = rest && *rest == '/' ? rest + 1 : rest && str_ends(value, "/") ? rest : NULL;
        return rest && (str_eq(option, "Recursive") || !strchr(rest, '/'));
    }
    if (str_eq(option, "Contains"))
        return strstr(name, value) != NULL;
    return str_eq(option, "BeginsWith") ? str_starts(name, value) : str_eq(name, value);
}

static bool fits(const struct small_parameter *p, const json_t *f)
{
    const char *key = json_str(f, "Key"), *option = json_str(f, "Option");
    const json_t *v;
    size_t i;

    json_array_foreach (json_object_get(f, "Values"), i, v) {
        const char *value = json_string_value(v);

        if (str_eq(key, "Type")   ? str_eq(p->type, value)
            : str_eq(key, "Tier") ? str_eq(value, "Standard")
                                  : name_fits(p->name, key, option, value))
            return true;
    }
    return false;
}

/* What people may filter by here; the older Filters have no Option, and a name there begins so. */
static int check_filters(struct small_call *c, json_t **ret)
{
    static const char *const keys[] = {"Name", "Type", "Path", "Tier"};
    json_t *list = json_deep_copy(json_object_get(c->in, "ParameterFilters")), *f;
    const json_t *old = json_object_get(c->in, "Filters");
    size_t i, k;

    if (!json_array_size(list)) {
        json_decref(list);
        list = old ? json_deep_copy(old) : json_array();
        json_array_foreach (list, i, f)
            if (str_eq(json_str(f, "Key"), "Name"))
                json_put_str(f, "Option", "BeginsWith");
    }
    *ret = list;
    json_array_foreach (list, i, f) {
        for (k = 0; k < ARRAY_SIZE(keys) && !str_eq(json_str(f, "Key"), keys[k]); k++)
            ;
        if (k == ARRAY_SIZE(keys)) {
            small_fail(c, 0, "InvalidFilterKey", "The filter key %s is not offered here.",
                       json_str(f, "Key") ? json_str(f, "Key") : "null");
            return -1;
        }
    }
    return 0;
}

static bool is_filtered_in(const struct small_parameter *p, const json_t *filters)
{
    const json_t *f;
    size_t i;

    json_array_foreach (filters, i, f)
        if (!fits(p, f))
            return false;
    return true;
}

static void describe(struct small_call *c)
{
    _cleanup_json_ json_t *filters = NULL;
    json_t *list, *page, *o;
    char *token;
    void *v;

    if (check_filters(c, &filters) < 0)
        return;
    list = json_array();
    for (size_t i = 0; map_next(&c->s->parameters, &i, NULL, &v);) {
        const struct small_parameter *p = v;

        if (!is_filtered_in(p, filters))
            continue;
        o = json_pack("{s:s,s:s,s:I,s:o,s:s,s:s,s:[]}", "Name", p->name, "Type", p->type, "Version",
                      p->version, "LastModifiedDate", time_of(p->modified), "Tier", "Standard",
                      "DataType", "text", "Policies");
        json_put_str(o, "Description", p->description);
        json_array_append_new(list, o);
    }
    page = small_page(c, list, "MaxResults", 50, 50, "NextToken", &token);
    if (!page)
        return;
    o = json_pack("{s:o}", "Parameters", page);
    json_put_str(o, "NextToken", token);
    free(token);
    small_answer(c, o);
}

static void get_by_path(struct small_call *c)
{
    const char *path = json_str(c->in, "Path");
    bool deep = json_bool(c->in, "Recursive", false);
    _cleanup_json_ json_t *filters = NULL;
    json_t *list, *page, *o;
    char *token;
    void *v;

    if (check_filters(c, &filters) < 0)
        return;
    list = json_array();
    for (size_t i = 0; path && map_next(&c->s->parameters, &i, NULL, &v);) {
        const struct small_parameter *p = v;
        const char *rest = str_after(p->name, path);

        if (rest && *rest == '/')
            rest++;
        else if (!rest || !str_ends(path, "/"))
            continue;
        if ((deep || !strchr(rest, '/')) && is_filtered_in(p, filters))
            json_array_append_new(
                list, parameter_json(c->s, p, json_bool(c->in, "WithDecryption", false)));
    }
    page = small_page(c, list, "MaxResults", 10, 10, "NextToken", &token);
    if (!page)
        return;
    o = json_pack("{s:o}", "Parameters", page);
    json_put_str(o, "NextToken", token);
    free(token);
    small_answer(c, o);
}

/* --- writing --------------------------------------------------------------------------- */

static void answer_put(struct small_call *c, struct small_parameter *p)
{
    const char *description = json_str(c->in, "Description");

    if (description) {
        free(p->description);
        p->description = xstrdup(description);
    }
    small_answer(c, json_pack("{s:I,s:s}", "Version", p->version, "Tier", "Standard"));
}

static void put(struct small_call *c)
{
    const char *name = json_str(c->in, "Name"), *value = json_str(c->in, "Value");
    const char *type = json_str(c->in, "Type");
    const struct small_parameter *old = name ? map_get(&c->s->parameters, name) : NULL;
    struct err e = ERR_INIT;

    if (!name || !*name || !value || strlen(value) > VALUE_MAX || (type && !type_of(type)))
        small_fail(c, 0, "ValidationException",
                   "A parameter has a name, a type, and a value of up "
                   "to %d characters.",
                   VALUE_MAX);
    else if (old && !json_bool(c->in, "Overwrite", false))
        small_fail(
            c, 0, "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option "
            "in the request to true.");
    else if (!old && !type)
        small_fail(c, 0, "ValidationException",
                   "A parameter type is required when you create a parameter.");
    else if (small_parameter_set(c->s, name, type ? type : old->type, value, &e) < 0)
        small_fail(c, 0, "ParameterLimitExceeded", "%s", e.text);
    else
        answer_put(c, map_get(&c->s->parameters, name));
}

static void delete_some(struct small_call *c)
{
    json_t *names = json_object_get(c->in, "Names"), *name, *gone, *missing;
    size_t i;

    if (!json_array_size(names) || json_array_size(names) > NAMES_MAX) {
        bad_names(c, names);
        return;
    }
    gone = json_array();
    missing = json_array();
    json_array_foreach (names, i, name) {
        struct small_parameter *p = map_remove(&c->s->parameters, json_string_value(name));

        json_array_append(p ? gone : missing, name);
        parameter_free(p);
    }
    small_answer(c,
                 json_pack("{s:o,s:o}", "DeletedParameters", gone, "InvalidParameters", missing));
}

static void delete_one(struct small_call *c)
{
    const char *name = json_str(c->in, "Name");
    struct small_parameter *p = name ? map_remove(&c->s->parameters, name) : NULL;

    if (p)
        small_answer(c, json_object());
    else
        small_fail(c, 0, "ParameterNotFound", "%s", "");
    parameter_free(p);
}

/* --- the table ------------------------------------------------------------------------- */

/* clang-format off */
STRUCTURE(get_shape, S("Name"), B("WithDecryption"));
STRUCTURE(gets_shape, L("Names"), B("WithDecryption"));
STRUCTURE(filter, S("Key"), S("Option"), L("Values"));
LIST(filters, filter);
STRUCTURE(list_shape, S("Path"), B("Recursive"), B("WithDecryption"), M("Filters", filters),
          M("ParameterFilters", filters), B("Shared"), I("MaxResults"), S("NextToken"));
STRUCTURE(tag, S("Key"), S("Value"));
LIST(tags, tag);
STRUCTURE(put_shape, S("Name"), S("Description"), S("Value"), S("Type"), S("KeyId"), B("Overwrite"),
          S("AllowedPattern"), M("Tags", tags), S("Tier"), S("Policies"), S("DataType"));
/* clang-format on */

const struct small_op small_ssm[] = {
    {&ssm, "GetParameter", &get_shape, get_parameter},
    {&ssm, "GetParameters", &gets_shape, get_parameters},
    {&ssm, "GetParametersByPath", &list_shape, get_by_path},
    {&ssm, "DescribeParameters", &list_shape, describe},
    {&ssm, "PutParameter", &put_shape, put},
    {&ssm, "DeleteParameter", &get_shape, delete_one},
    {&ssm, "DeleteParameters", &gets_shape, delete_some},
    {0},
};
