#include "agent/secret.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define PLAIN_FIELDS 7
#define LONG_FIELDS  10

static size_t count_fields(const char *s)
{
    size_t n = 1;

    for (; *s; s++)
        n += *s == ':';
    return n;
}

/* The i-th field, to be freed. */
static char *field(const char *s, size_t i)
{
    for (; i; i--)
        s += strcspn(s, ":") + 1;
    return xstrndup(s, strcspn(s, ":"));
}

/* The first n fields, to be freed. */
static char *first_fields(const char *s, size_t n)
{
    const char *end = s;

    for (; n; n--)
        end += strcspn(end, ":") + (n > 1);
    return xstrndup(s, (size_t)(end - s));
}

json_t *secret_request(const char *value_from, char **ret_member, struct err *e)
{
    size_t n = count_fields(value_from);
    _cleanup_free_ char *id = NULL, *member = NULL, *stage = NULL, *version = NULL;
    json_t *o;

    *ret_member = NULL;
    if (!str_starts(value_from, "arn:") || (n != PLAIN_FIELDS && n != LONG_FIELDS)) {
        err_set(e, ERR_PARSE, "an invalid ARN format for the AWS Secrets Manager secret: %.300s",
                value_from);
        return NULL;
    }
    o = json_object();
    id = first_fields(value_from, PLAIN_FIELDS);
    json_put_str(o, "SecretId", id);
    if (n == PLAIN_FIELDS)
        return o;
    member = field(value_from, PLAIN_FIELDS);
    stage = field(value_from, PLAIN_FIELDS + 1);
    version = field(value_from, PLAIN_FIELDS + 2);
    if (*stage)
        json_put_str(o, "VersionStage", stage);
    if (*version)
        json_put_str(o, "VersionId", version);
    if (*member)
        *ret_member = steal_ptr(&member);
    return o;
}

/* Go decodes numbers to float64 and prints them in its shortest form. */
static char *go_number(double d)
{
    char text[48];

    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, d);
        if (strtod(text, NULL) == d)
            break;
    }
    return xstrdup(text);
}

char *secret_member(const char *text, const char *member, struct err *e)
{
    _cleanup_json_ json_t *o = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    const json_t *v = json_object_get(o, member);

    /* what the value holds must not reach an error */
    if (!json_is_object(o)) {
        err_set(e, ERR_PARSE, "the secret is no JSON object, but its member %.60s is wanted",
                member);
        return NULL;
    }
    if (!v) {
        err_set(e, ERR_NOT_FOUND,
                "retrieved secret from Secrets Manager did not contain json key %.60s", member);
        return NULL;
    }
    if (json_is_string(v))
        return xstrdup(json_string_value(v));
    if (json_is_boolean(v))
        return xstrdup(json_is_true(v) ? "true" : "false");
    if (json_is_number(v))
        return go_number(json_number_value(v));
    return json_is_null(v) ? xstrdup("<nil>") : json_text(v);
}

const char *secret_parameter(const json_t *answer, const char *value_from)
{
    const json_t *v;
    size_t i;

    json_array_foreach (json_object_get(answer, "Parameters"), i, v) {
        if (str_eq(json_str(v, "Name"), value_from) || str_eq(json_str(v, "ARN"), value_from))
            return json_str(v, "Value");
    }
    return NULL;
}
