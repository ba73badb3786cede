/* Values of each kind of variable; see config_var.h. */
#include "agent/config_var.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

void *config_at(struct config *c, size_t i)
{
    return config_vars[i].offset == CONFIG_NOWHERE ? (void *)&c->spare[i]
                                                   : (char *)c + config_vars[i].offset;
}

static bool is_text(enum config_kind k)
{
    return k == KIND_TEXT || k == KIND_SECRET || k == KIND_CHOICE;
}

static bool is_switch(enum config_kind k)
{
    return k == KIND_SWITCH || k == KIND_FLAG;
}

static bool is_number(enum config_kind k)
{
    return k == KIND_INTEGER || k == KIND_DURATION;
}

void config_value_release(const struct config_var *var, union config_value *v)
{
    if (is_text(var->kind))
        free(v->text);
    else if (var->kind >= KIND_INTS)
        json_decref(v->json);
    *v = (union config_value){0};
}

bool config_is_zero(const struct config_var *var, const union config_value *v)
{
    if (is_text(var->kind))
        return !v->text || !*v->text;
    if (var->kind == KIND_SWITCH)
        return !v->on.set;
    if (var->kind == KIND_FLAG)
        return !v->on.on;
    if (is_number(var->kind))
        return v->n == 0;
    return json_is_object(v->json) ? !json_object_size(v->json) : !json_array_size(v->json);
}

void config_take(struct config *c, size_t i, union config_value *v, enum config_source source)
{
    const struct config_var *var = &config_vars[i];
    void *at = config_at(c, i);

    /* a member of struct config is only as large as its kind */
    if (is_text(var->kind)) {
        free(*(char **)at);
        *(char **)at = v->text;
    } else if (is_switch(var->kind)) {
        *(struct config_bool *)at = v->on;
    } else if (is_number(var->kind)) {
        *(int64_t *)at = v->n;
    } else {
        json_decref(*(json_t **)at);
        *(json_t **)at = v->json;
    }
    *v = (union config_value){0};
    c->source[i] = (unsigned char)source;
}

union config_value config_get(const struct config *c, size_t i)
{
    const struct config_var *var = &config_vars[i];
    const void *at = config_at((struct config *)(uintptr_t)c, i);
    union config_value v = {0};

    if (is_text(var->kind))
        v.text = *(char *const *)at;
    else if (is_switch(var->kind))
        v.on = *(const struct config_bool *)at;
    else if (is_number(var->kind))
        v.n = *(const int64_t *)at;
    else
        v.json = *(json_t *const *)at;
    return v;
}

/* ---- JSON values ---- */

static bool element_fits(enum config_kind kind, const json_t *v)
{
    return kind == KIND_INTS
               ? json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= 65535
               : json_is_string(v);
}

static int check_json(const struct config_var *var, const json_t *j, struct err *e)
{
    const char *key;
    json_t *item;
    size_t i;

    if (var->kind == KIND_MAP ? !json_is_object(j) : !json_is_array(j))
        return err_set(e, ERR_PARSE, "a JSON %s was expected, this is %s",
                       var->kind == KIND_MAP ? "object" : "array", json_type_name(j));
    json_array_foreach ((json_t *)(uintptr_t)j, i, item)
        if (!element_fits(var->kind, item))
            return err_set(e, ERR_PARSE, "element %zu is not %s", i,
                           var->kind == KIND_INTS ? "a port, 0 to 65535" : "a string");
    json_object_foreach ((json_t *)(uintptr_t)j, key, item)
        if (!json_is_string(item))
            return err_set(e, ERR_PARSE, "\"%s\" is not a string", key);
    return 0;
}

static int parse_json_text(const struct config_var *var, const char *s, json_t **ret, struct err *e)
{
    _cleanup_json_ json_t *j = json_read(s, strlen(s), JSON_READ_PEER, e);

    if (!j || check_json(var, j, e) < 0)
        return -1;
    *ret = steal_ptr(&j);
    return 0;
}

/* ---- from the environment ---- */

/* Go's strconv.ParseBool. */
static int parse_bool(const char *s, struct config_bool *ret, struct err *e)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    _cleanup_free_ char *word =
        xstrndup(s + strspn(s, " \t\r\n"), strcspn(s + strspn(s, " \t\r\n"), " \t\r\n"));

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (str_eq(word, yes[i]) || str_eq(word, no[i])) {
            *ret = (struct config_bool){.on = str_eq(word, yes[i]), .set = true};
            return 0;
        }
    }
    return err_set(e, ERR_PARSE, "not true or false");
}

static json_t *split_words(const char *s)
{
    json_t *list = json_array();

    while (*s) {
        size_t n = strcspn(s, ",");

        json_array_append_new(list, json_stringn(s, n));
        s += n + (s[n] == ',');
    }
    return list;
}

static int parse_choice(const struct config_var *var, const char *s, char **ret, struct err *e)
{
    for (const char *const *c = var->choices; *c; c++) {
        if (str_eq(*c, s)) {
            *ret = xstrdup(s);
            return 0;
        }
    }
    return err_set(e, ERR_PARSE, "not one of %s", var->help);
}

int config_parse_text(const struct config_var *var, const char *s, union config_value *ret,
                      struct err *e)
{
    *ret = (union config_value){0};
    switch (var->kind) {
    case KIND_TEXT:
    case KIND_SECRET:
        ret->text = xstrdup(s);
        return 0;
    case KIND_CHOICE:
        return parse_choice(var, s, &ret->text, e);
    case KIND_SWITCH:
    case KIND_FLAG:
        return parse_bool(s, &ret->on, e);
    case KIND_INTEGER:
        return str_i64(s, &ret->n) < 0 ? err_set(e, ERR_PARSE, "not a whole number") : 0;
    case KIND_DURATION:
        return str_duration(s, &ret->n) < 0
                   ? err_set(e, ERR_PARSE, "not a duration like 30s or 1h30m")
                   : 0;
    case KIND_WORDS:
        ret->json = split_words(s);
        return 0;
    default:
        return parse_json_text(var, s, &ret->json, e);
    }
}

/* ---- from JSON ---- */

static int wrong(const json_t *j, const char *wanted, struct err *e)
{
    return err_set(e, ERR_PARSE, "%s was expected, this is %s", wanted, json_type_name(j));
}

static int choice_at(const struct config_var *var, const json_t *j, char **ret, struct err *e)
{
    json_int_t want = json_integer_value(j);

    if (!json_is_integer(j))
        return wrong(j, "a whole number", e);
    for (json_int_t i = 0; var->choices[i]; i++)
        if (i == want)
            *ret = xstrdup(var->choices[i]);
    return 0;
}

/* As Go decodes it: true, false, 0 and 1; a text is none of them. */
static int switch_of(const json_t *j, struct config_bool *ret, struct err *e)
{
    bool number = json_is_integer(j) && (json_integer_value(j) | 1) == 1;

    if (!json_is_boolean(j) && !number)
        return wrong(j, "true or false", e);
    *ret =
        (struct config_bool){.on = number ? json_integer_value(j) : json_is_true(j), .set = true};
    return 0;
}

int config_parse_json(const struct config_var *var, const json_t *j, union config_value *ret,
                      struct err *e)
{
    *ret = (union config_value){0};
    if (json_is_null(j))
        return 0;
    switch (var->kind) {
    case KIND_TEXT:
        if (!json_is_string(j))
            return wrong(j, "a string", e);
        ret->text = xstrdup(json_string_value(j));
        return 0;
    case KIND_SECRET:
        ret->text = json_text(j); /* EngineAuthData is an object */
        return 0;
    case KIND_CHOICE:
        return choice_at(var, j, &ret->text, e);
    case KIND_SWITCH:
    case KIND_FLAG:
        return switch_of(j, &ret->on, e);
    case KIND_INTEGER:
    case KIND_DURATION:
        if (!json_is_integer(j))
            return wrong(j, var->kind == KIND_INTEGER ? "a whole number" : "a number of ns", e);
        ret->n = json_integer_value(j);
        return 0;
    default:
        if (check_json(var, j, e) < 0)
            return -1;
        ret->json = json_deep_copy(j);
        return 0;
    }
}

/* ---- showing ---- */

char *config_text(const struct config *c, size_t i)
{
    const struct config_var *var = &config_vars[i];
    union config_value v = config_get(c, i);
    char text[48];

    switch (var->kind) {
    case KIND_SECRET:
        return xstrdup(v.text && *v.text ? "[redacted]" : "");
    case KIND_TEXT:
    case KIND_CHOICE:
        return xstrdup(v.text ? v.text : "");
    case KIND_SWITCH:
    case KIND_FLAG:
        return xstrdup(v.on.on ? "true" : "false");
    case KIND_INTEGER:
        return xasprintf("%lld", (long long)v.n);
    case KIND_DURATION:
        return xstrdup(str_format_duration(v.n, text));
    default:
        return json_text(v.json);
    }
}
