#include "agent/restart.h"
#include "base/mem.h"
#include "proto/limits.h"

int restart_policy_read(struct restart_policy *p, const json_t *container, struct err *e)
{
    const json_t *o = json_object_get(container, "restartPolicy"), *codes, *v;
    int64_t period;
    size_t i;

    *p = (struct restart_policy){0};
    if (!o || json_is_null(o))
        return 0;
    if (!json_is_object(o))
        return err_set(e, ERR_PARSE, "\"restartPolicy\" is not an object but %s",
                       json_type_name(o));
    codes = json_object_get(o, "ignoredExitCodes");
    if (codes && !json_is_null(codes) && !json_is_array(codes))
        return err_set(e, ERR_PARSE, "\"ignoredExitCodes\" is not a list but %s",
                       json_type_name(codes));
    if (json_array_size(codes) > RESTART_CODES_MAX)
        return err_set(e, ERR_LIMIT, "\"ignoredExitCodes\" has more than %d entries",
                       RESTART_CODES_MAX);
    json_array_foreach (codes, i, v) {
        if (!json_is_integer(v))
            return err_set(e, ERR_PARSE, "\"ignoredExitCodes\" is not a list of whole numbers");
        p->ignored[p->n_ignored++] = (int)json_integer_value(v);
    }
    period = json_int(o, "restartAttemptPeriod", 0);
    if (period < 0 || period > INT32_MAX)
        return err_set(e, ERR_PARSE, "\"restartAttemptPeriod\" is %lld", (long long)period);
    p->period = period * LIMIT_S;
    p->enabled = json_bool(o, "enabled", false);
    return 0;
}

bool restart_wanted(const struct restart_policy *p, int exit_code, int64_t since, int64_t now,
                    const char **ret_why)
{
    *ret_why = NULL;
    if (!p->enabled)
        return false;
    for (size_t i = 0; i < p->n_ignored; i++) {
        if (p->ignored[i] == exit_code) {
            *ret_why = "its exit code is one to be ignored";
            return false;
        }
    }
    if (now - since < p->period)
        *ret_why = "restartAttemptPeriod has not passed";
    return !*ret_why;
}
