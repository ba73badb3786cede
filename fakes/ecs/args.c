#include "fakes/ecs/args.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

static int wrong(struct err *e, const char *name, const char *what)
{
    return err_set(e, ERR_USAGE, "%s has to be %s", name, what);
}

int args_int(const json_t *args, const char *name, int64_t dflt, int64_t *ret, struct err *e)
{
    const json_t *v = json_object_get(args, name);

    if (!v)
        *ret = dflt;
    else if (json_is_integer(v))
        *ret = json_integer_value(v);
    else if (!json_is_string(v) || str_i64(json_string_value(v), ret) < 0)
        return wrong(e, name, "a whole number");
    return 0;
}

int args_duration(const json_t *args, const char *name, int64_t dflt, int64_t *ret_ns,
                  struct err *e)
{
    const json_t *v = json_object_get(args, name);

    if (!v)
        *ret_ns = dflt;
    else if (json_is_integer(v) && json_integer_value(v) >= 0 &&
             json_integer_value(v) < INT64_MAX / NS_PER_S)
        *ret_ns = json_integer_value(v) * NS_PER_S;
    else if (!json_is_string(v) || str_duration(json_string_value(v), ret_ns) < 0 || *ret_ns < 0)
        return wrong(e, name, "a duration such as 30s");
    return 0;
}

int args_bool(const json_t *args, const char *name, bool dflt, bool *ret, struct err *e)
{
    const json_t *v = json_object_get(args, name);
    const char *s = json_string_value(v);

    if (!v)
        *ret = dflt;
    else if (json_is_boolean(v))
        *ret = json_is_true(v);
    else if (s && (str_eq(s, "true") || str_eq(s, "false")))
        *ret = str_eq(s, "true");
    else
        return wrong(e, name, "true or false");
    return 0;
}

int args_text(const json_t *args, const char *name, const char **ret, struct err *e)
{
    const json_t *v = json_object_get(args, name);

    if (v && !json_is_string(v))
        return wrong(e, name, "a text");
    *ret = json_string_value(v);
    return 0;
}
