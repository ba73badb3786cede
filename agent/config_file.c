/* The JSON file and user data: members for what is not set yet; see config.h. */
#include "agent/config_var.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define FILE_MAX (1u << 20)

/* Go matches members without regard to case; the last of several wins. */
static const json_t *member_of(const json_t *o, const char *name)
{
    const json_t *found = NULL;
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)o, key, v)
        if (strcasecmp(key, name) == 0)
            found = v;
    return found;
}

static bool is_known(const char *key, const char **names, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < config_vars_n; i++)
        if (config_vars[i].member)
            names[(*n)++] = config_vars[i].member;
    for (size_t i = 0; config_other_members[i]; i++)
        names[(*n)++] = config_other_members[i];
    for (size_t i = 0; i < *n; i++)
        if (strcasecmp(key, names[i]) == 0)
            return true;
    return false;
}

/* The official agent takes no notice of what it does not know; a person should. */
static void note_unknown(struct config *c, const json_t *o, const char *what)
{
    const char *names[2 * CONFIG_VARS_MAX], *key, *near;
    size_t n;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
        if (is_known(key, names, &n))
            continue;
        near = str_nearest(key, names, n);
        config_note(c, "%s: there is no \"%.80s\"%s%s%s", what, key, near ? "; did you mean " : "",
                    near ? near : "", near ? "?" : "");
    }
}

/* Without `apply` it only checks. */
static int merge_one(struct config *c, size_t i, const json_t *j, enum config_source source,
                     bool apply, struct err *e)
{
    const struct config_var *var = &config_vars[i];
    union config_value v;

    if (config_parse_json(var, j, &v, e) < 0)
        return err_wrap(e, "%s", var->member);
    if (var->kind == KIND_INTEGER && var->later == OUTSIDE_FATAL &&
        (v.n < var->min || v.n > var->max))
        return err_set(e, ERR_USAGE, "%s is %lld, outside %lld to %lld", var->member,
                       (long long)v.n, (long long)var->min, (long long)var->max);
    if (apply && c->source[i] == CONFIG_DEFAULT && !config_is_zero(var, &v))
        config_take(c, i, &v, source);
    config_value_release(var, &v);
    return 0;
}

static int merge(struct config *c, const json_t *o, enum config_source source, bool apply,
                 struct err *e)
{
    const json_t *arn = member_of(o, "ClusterArn");

    for (size_t i = 0; i < config_vars_n; i++) {
        const char *member = config_vars[i].member;
        const json_t *j = member ? member_of(o, member) : NULL;

        if (!j && source == CONFIG_FROM_FILE && str_eq(member, "Cluster"))
            j = arn;
        if (j && merge_one(c, i, j, source, apply, e) < 0)
            return -1;
    }
    return 0;
}

int config_merge_json(struct config *c, const json_t *o, enum config_source source,
                      const char *what, struct err *e)
{
    if (merge(c, o, source, false, e) < 0)
        return -1;
    note_unknown(c, o, what);
    if (source == CONFIG_FROM_FILE && member_of(o, "ClusterArn"))
        config_note(c, "%s: ClusterArn is called Cluster now", what);
    return merge(c, o, source, true, e);
}

int config_read_file(struct config *c, struct err *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(FILE_MAX);
    _cleanup_json_ json_t *o = NULL;
    struct err why = ERR_INIT;

    /* what is not there, or may not be read, is not missed */
    if (io_read_file(c->file, &text, &why) < 0)
        return why.code == ERR_LIMIT ? (*e = why, -1) : 0;
    if (strspn(buf_str(&text), " \t\r\n") == buf_len(&text))
        return 0;
    o = json_read(buf_str(&text), buf_len(&text), JSON_READ_PEER, e);
    if (!o)
        return err_wrap(e, "%s", c->file);
    if (!json_is_object(o))
        return err_set(e, ERR_PARSE, "%s: a JSON object was expected, this is %s", c->file,
                       json_type_name(o));
    return config_merge_json(c, o, CONFIG_FROM_FILE, c->file, e) < 0 ? err_wrap(e, "%s", c->file)
                                                                     : 0;
}

void config_user_data(struct config *c, const char *text)
{
    _cleanup_json_ json_t *doc = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    const json_t *o = member_of(doc, "ECSAgentConfiguration");
    struct err e = ERR_INIT;

    /* scripts and cloud-config are user data too: only this one form is meant for the agent */
    if (!json_is_object(o))
        return;
    if (config_merge_json(c, o, CONFIG_FROM_USER_DATA, "user data", &e) < 0)
        config_note(c, "user data: %s", e.text);
}
