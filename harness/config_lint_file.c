/* ecs.config.json, and user data with ECSAgentConfiguration. */
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/config_lint_parts.h"

#define NAMES_MAX 256
/* A duration below this was meant in seconds or minutes. */
#define NS_DOUBTFUL 1000000

#define OTHER_MEMBER(name) name,
static const char *const others[] = {
#include "proto/config_vars.def"
};

struct file {
    struct lint *l;
    const char *text;
};

static const struct lint_var *var_of(const char *member)
{
    for (size_t i = 0; i < lint_vars_n; i++)
        if (lint_vars[i].member && strcasecmp(lint_vars[i].member, member) == 0)
            return &lint_vars[i];
    return NULL;
}

/* Where the member stands in the text, as far as it stands there as it is written. */
static void place_of(const struct file *f, const char *member, size_t *ret_line, size_t *ret_column)
{
    _cleanup_free_ char *quoted = xasprintf("\"%s\"", member);
    const char *at = strstr(f->text, quoted), *start = f->text;

    *ret_line = *ret_column = 1;
    for (const char *c = f->text; at && c < at; c++) {
        if (*c != '\n')
            continue;
        ++*ret_line;
        start = c + 1;
    }
    if (at)
        *ret_column = (size_t)(at - start) + 1;
}

static void unknown_member(const struct file *f, const char *key, size_t line, size_t column)
{
    const struct lint_var *var = lint_var_named(key);
    const char *names[NAMES_MAX], *near;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (strcasecmp(key, others[i]) == 0)
            return;
        names[n++] = others[i];
    }
    for (size_t i = 0; i < lint_vars_n; i++)
        if (lint_vars[i].member)
            names[n++] = lint_vars[i].member;
    near = var ? var->member : str_nearest(key, names, n);
    lint_say(f->l, line, column, var ? "members have other names than variables" : NULL,
             "there is no member \"%.80s\"%s%s%s", key, near ? "; did you mean " : "",
             near ? near : "", near ? "?" : "");
}

static void wrong_type(const struct file *f, const struct lint_var *var, const char *wanted,
                       const json_t *v, size_t line, size_t column)
{
    lint_say(f->l, line, column, NULL, "%s: %s was expected, this is %s: the agent does not start",
             var->member, wanted, json_type_name(v));
}

static void number(const struct file *f, const struct lint_var *var, const json_t *v, size_t line,
                   size_t column)
{
    bool duration = var->kind == L_DURATION;
    int64_t n = json_integer_value(v);
    char shown[48];

    if (!json_is_integer(v)) {
        wrong_type(f, var, duration ? "a number of nanoseconds" : "a whole number", v, line,
                   column);
        return;
    }
    if (duration)
        str_format_duration(n, shown);
    else
        snprintf(shown, sizeof(shown), "%lld", (long long)n);
    if (duration && n > 0 && n < NS_DOUBTFUL)
        lint_say(f->l, line, column, "30 seconds are 30000000000",
                 "%s: durations are nanoseconds here: this is %s", var->member, shown);
    if (n)
        lint_number(f->l, line, column, var, n, shown, true);
}

static void value(const struct file *f, const struct lint_var *var, const json_t *v,
                  const json_t *all, size_t line, size_t column)
{
    _cleanup_free_ char *text = NULL;
    const char *type;

    switch (var->kind) {
    case L_TEXT:
        if (!json_is_string(v))
            wrong_type(f, var, "a text", v, line, column);
        break;
    case L_SECRET:
        text = json_text(v);
        type = json_str(all, "EngineAuthType");
        lint_auth(f->l, line, column, type, text);
        break;
    case L_SWITCH:
        if (!json_is_boolean(v))
            wrong_type(f, var, "true or false", v, line, column);
        break;
    case L_CHOICE:
        if (!json_is_integer(v))
            wrong_type(f, var, "the number of a value, from 0", v, line, column);
        break;
    case L_INTEGER:
    case L_DURATION:
        number(f, var, v, line, column);
        break;
    case L_JSON:
        lint_json_value(f->l, line, column, var, v);
        break;
    case L_WORDS:
        if (!json_is_array(v))
            wrong_type(f, var, "an array of texts", v, line, column);
        break;
    }
}

static void members(const struct file *f, const json_t *o)
{
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
        const struct lint_var *var = var_of(key);
        size_t line, column;

        place_of(f, key, &line, &column);
        if (!var)
            unknown_member(f, key, line, column);
        else if (!json_is_null(v))
            value(f, var, v, o, line, column);
    }
}

void lint_json_file(struct lint *l, const char *text, size_t len)
{
    const struct file f = {l, text};
    struct err e = ERR_INIT;
    _cleanup_json_ json_t *o = json_read(text, len, JSON_READ_PEER, &e);
    const json_t *user_data = json_object_get(o, "ECSAgentConfiguration");
    unsigned long line = 1, column = 1;
    char *end;

    if (!o) {
        line = strtoul(e.text, &end, 10);
        column = *end == ':' ? strtoul(end + 1, NULL, 10) : 1;
        lint_say(l, line ? line : 1, column ? column : 1, NULL,
                 "it is no JSON from here on: the agent does not start");
    } else if (json_is_object(user_data)) {
        if (json_object_get(user_data, "EngineAuthData"))
            lint_say(l, 1, 1, "use repositoryCredentials, or a file that the instance fetches",
                     "a secret in user data: every container that reaches 169.254.169.254 reads it "
                     "(EngineAuthData)");
        members(&f, user_data);
    } else {
        members(&f, o);
    }
}
