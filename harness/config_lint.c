#include "harness/config_lint.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/config_lint_parts.h"
#include "harness/exitcode.h"
#include "proto/limits.h"

#define FILE_MAX  (4u << 20)
#define NAMES_MAX 256

static const char *const pull_behaviors[] = {"default", "always", "once", "prefer-cached", NULL};
static const char *const tag_sources[] = {"none", "ec2_instance", NULL};

/* clang-format off */
#define NOWHERE
#define AT(member)
#define KIND_OF_MAP     L_JSON, .json = LJ_MAP
#define KIND_OF_INTS    L_JSON, .json = LJ_INTS
#define KIND_OF_STRINGS L_JSON, .json = LJ_STRINGS
#define KIND_OF_WORDS   L_WORDS
#define TEXT(n, m, at, d, s, h)       {.name = n, .member = m, .kind = L_TEXT, .dflt = d, .since = s}
#define SECRET(n, m, at, s, h)        {.name = n, .member = m, .kind = L_SECRET, .since = s}
#define SWITCH(n, m, at, d, s, h)     {.name = n, .member = m, .kind = L_SWITCH, .dflt = d, .since = s}
#define FLAG(n, m, at, s, h)          {.name = n, .member = m, .kind = L_SWITCH, .dflt = "false", .since = s}
#define TIME(n, m, at, d, lo, hi, ev, la, s, h) \
    {.name = n, .member = m, .kind = L_DURATION, .dflt = d, .min = lo, .max = hi, \
     .env = LINT_##ev, .later = LINT_##la, .since = s}
#define INT(n, m, at, d, lo, hi, ev, la, s, h) \
    {.name = n, .member = m, .kind = L_INTEGER, .dflt = d, .min = lo, .max = hi, \
     .env = LINT_##ev, .later = LINT_##la, .since = s}
#define JSON(k, n, m, at, d, f, s, h) \
    {.name = n, .member = m, .kind = KIND_OF_##k, .dflt = d, .fatal = f, .since = s}
#define CHOICE(n, m, at, c, d, s, h) \
    {.name = n, .member = m, .kind = L_CHOICE, .dflt = d, .choices = c, .since = s}
/* clang-format on */

const struct lint_var lint_vars[] = {
#include "proto/config_vars.def"
};

const size_t lint_vars_n = ARRAY_SIZE(lint_vars);

/* Read by ecs-init, by SDKs or by everybody, and no business of the agent. */
static const char *const other_names[] = {"ECS_AGENT_APPARMOR_PROFILE",
                                          "ECS_AGENT_LABELS",
                                          "ECS_AGENT_RUN_PRIVILEGED",
                                          "ECS_INIT_DOCKER_LOG_FILE_SIZE",
                                          "ECS_INIT_DOCKER_LOG_FILE_NUM",
                                          "ECS_SKIP_LOCALHOST_TRAFFIC_FILTER",
                                          "ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS",
                                          "ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME",
                                          "ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED",
                                          "ECS_ENABLE_CPU_UNBOUNDED_WINDOWS_WORKAROUND",
                                          "ECS_ENABLE_MEMORY_UNBOUNDED_WINDOWS_WORKAROUND",
                                          "CREDENTIALS_FETCHER_HOST",
                                          "HTTP_PROXY",
                                          "HTTPS_PROXY",
                                          "NO_PROXY"};

void lint_say(struct lint *l, size_t line, size_t column, const char *hint, const char *fmt, ...)
{
    va_list ap;

    fprintf(l->out, "%s:%zu:%zu: ", l->path, line, column);
    va_start(ap, fmt);
    vfprintf(l->out, fmt, ap);
    va_end(ap);
    fputc('\n', l->out);
    if (hint)
        fprintf(l->out, "  hint: %s\n", hint);
    l->found++;
}

const struct lint_var *lint_var_named(const char *name)
{
    for (size_t i = 0; i < lint_vars_n; i++)
        if (str_eq(lint_vars[i].name, name))
            return &lint_vars[i];
    return NULL;
}

/* ---- one value ---- */

void lint_number(struct lint *l, size_t line, size_t column, const struct lint_var *var, int64_t n,
                 const char *shown, bool file)
{
    bool low = n < var->min, high = var->max && n > var->max;
    enum lint_outside how = file ? var->later : var->env;
    char limit[48];

    if ((!low && !high) || how == LINT_KEEP)
        return;
    if (var->kind == L_DURATION)
        str_format_duration(low ? var->min : var->max, limit);
    else
        snprintf(limit, sizeof(limit), "%lld", (long long)(low ? var->min : var->max));
    if (how == LINT_DEFAULT)
        lint_say(l, line, column, NULL, "%s: %.40s is %s %s: the default, %s, is taken", var->name,
                 shown, low ? "below" : "above", limit, var->dflt);
    else if (how == LINT_LIMIT)
        lint_say(l, line, column, NULL, "%s: %.40s is %s %s, which is taken instead", var->name,
                 shown, low ? "below" : "above", limit);
    else
        lint_say(l, line, column, NULL, "%s: %.40s is %s %s: the agent does not start", var->name,
                 shown, low ? "below" : "above", limit);
}

static bool is_bool(const char *s)
{
    static const char *const words[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(s, words[i]))
            return true;
    return false;
}

static const char *wrong_in(const struct lint_var *var, const json_t *j)
{
    const json_t *v;
    const char *key;
    size_t i;

    if (var->json == LJ_MAP) {
        if (!json_is_object(j))
            return "a JSON object was expected";
        json_object_foreach ((json_t *)(uintptr_t)j, key, v)
            if (!json_is_string(v))
                return "each member has to be a text";
        return NULL;
    }
    if (!json_is_array(j))
        return "a JSON array was expected";
    json_array_foreach (j, i, v) {
        if (var->json == LJ_INTS &&
            (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 65535))
            return "each element has to be a port, 0 to 65535";
        if (var->json == LJ_STRINGS && !json_is_string(v))
            return "each element has to be a text";
    }
    return NULL;
}

static void check_drivers(struct lint *l, size_t line, size_t column, const json_t *j)
{
    static const char *const known[] = {"json-file", "syslog",     "journald",   "gelf",
                                        "fluentd",   "awslogs",    "splunk",     "none",
                                        "sumologic", "logentries", "awsfirelens"};
    const json_t *v;
    size_t i, k;

    json_array_foreach (j, i, v) {
        const char *near;

        for (k = 0; k < ARRAY_SIZE(known) && !str_eq(known[k], json_string_value(v)); k++)
            ;
        if (k < ARRAY_SIZE(known))
            continue;
        near = str_nearest(json_string_value(v), known, ARRAY_SIZE(known));
        lint_say(
            l, line, column, NULL,
            "ECS_AVAILABLE_LOGGING_DRIVERS: there is no driver \"%.40s\"%s%s%s: the agent does "
            "not start",
            json_string_value(v), near ? "; did you mean \"" : "", near ? near : "",
            near ? "\"?" : "");
    }
}

void lint_json_value(struct lint *l, size_t line, size_t column, const struct lint_var *var,
                     const json_t *j)
{
    const char *why = wrong_in(var, j);

    if (why)
        lint_say(l, line, column, NULL, "%s: %s: %s%s", var->name, why,
                 var->fatal ? "the agent does not start" : "the default is taken: ",
                 var->fatal ? "" : var->dflt);
    else if (str_eq(var->name, "ECS_AVAILABLE_LOGGING_DRIVERS"))
        check_drivers(l, line, column, j);
}

static void lint_text_json(struct lint *l, size_t line, size_t column, const struct lint_var *var,
                           const char *text)
{
    struct err e = ERR_INIT;
    _cleanup_json_ json_t *j = json_read(text, strlen(text), JSON_READ_PEER, &e);

    if (j)
        lint_json_value(l, line, column, var, j);
    else
        lint_say(l, line, column,
                 *text == '\'' || *text == '"'
                     ? "quotes are kept by ecs.config and by Docker's --env-file: take them off"
                     : NULL,
                 "%s is no JSON: %s%s", var->name,
                 var->fatal ? "the agent does not start" : "the default is taken: ",
                 var->fatal ? "" : var->dflt);
}

static void lint_choice(struct lint *l, size_t line, size_t column, const struct lint_var *var,
                        const char *text)
{
    const char *near;
    size_t n = 0;

    for (; var->choices[n]; n++)
        if (str_eq(var->choices[n], text))
            return;
    near = str_nearest(text, var->choices, n);
    lint_say(l, line, column, NULL,
             "%s: \"%.40s\" is none of its values%s%s%s: the default, %s, "
             "is taken",
             var->name, text, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "",
             var->dflt);
}

static void lint_value(struct lint *l, size_t line, size_t column, const struct lint_var *var,
                       const char *text)
{
    int64_t n;

    switch (var->kind) {
    case L_SWITCH:
        if (!is_bool(text))
            lint_say(l, line, column, NULL,
                     "%s: \"%.40s\" is neither true nor false: the default, %s, is taken",
                     var->name, text, var->dflt);
        break;
    case L_INTEGER:
        if (str_i64(text, &n) < 0)
            lint_say(l, line, column, NULL,
                     "%s: \"%.40s\" is not a whole number: the default, %s, is taken", var->name,
                     text, var->dflt);
        else if (n)
            lint_number(l, line, column, var, n, text, false);
        break;
    case L_DURATION:
        if (str_duration(text, &n) < 0)
            lint_say(l, line, column, "a duration has a unit: 30s, 10m, 3h",
                     "%s: \"%.40s\" is not a duration: the default, %s, is taken", var->name, text,
                     var->dflt);
        else if (n)
            lint_number(l, line, column, var, n, text, false);
        break;
    case L_CHOICE:
        lint_choice(l, line, column, var, text);
        break;
    case L_JSON:
        lint_text_json(l, line, column, var, text);
        break;
    case L_WORDS:
        if (strstr(text, ", ") || strstr(text, " ,"))
            lint_say(l, line, column, "write the names with commas alone between them",
                     "%s: blanks beside a comma belong to the name", var->name);
        break;
    case L_TEXT:
    case L_SECRET:
        break;
    }
}

/* ---- ecs.config ---- */

struct lines {
    struct lint *l;
    struct map seen;   /* name -> the number of its line + 1, as a pointer */
    char *type, *data; /* ECS_ENGINE_AUTH_* */
    size_t data_line, data_column;
};

static void unknown_name(struct lint *l, size_t line, const char *name)
{
    const char *names[NAMES_MAX], *near;
    size_t n = 0;

    for (; n < lint_vars_n; n++)
        names[n] = lint_vars[n].name;
    for (size_t i = 0; i < ARRAY_SIZE(other_names); i++)
        names[n++] = other_names[i];
    for (size_t i = 0; i < n; i++)
        if (str_eq(name, names[i]))
            return;
    near = str_nearest(name, names, n);
    if (near || str_starts(name, "ECS_") || strchr(name, ' '))
        lint_say(l, line, 1,
                 str_starts(name, "export ") ? "lines are NAME=VALUE, not a shell's" : NULL,
                 "nobody reads \"%.80s\"%s%s%s", name, near ? "; did you mean " : "",
                 near ? near : "", near ? "?" : "");
}

static bool in_quotes(const char *s)
{
    size_t n = strlen(s);

    return n > 1 && (*s == '"' || *s == '\'') && s[n - 1] == *s;
}

static void setting(struct lines *ls, size_t line, const char *name, const char *value)
{
    const struct lint_var *var = lint_var_named(name);
    size_t column = strlen(name) + 2, before;

    before = (size_t)(uintptr_t)map_set(&ls->seen, name, (void *)(uintptr_t)(line + 1));
    if (before)
        lint_say(ls->l, line, 1, NULL, "%s stands in line %zu already: the last one counts", name,
                 before - 1);
    if (!var) {
        unknown_name(ls->l, line, name);
        return;
    }
    if (str_eq(name, "ECS_ENGINE_AUTH_TYPE")) {
        free(ls->type);
        ls->type = xstrdup(value);
    } else if (str_eq(name, "ECS_ENGINE_AUTH_DATA")) {
        free(ls->data);
        ls->data = xstrdup(value);
        ls->data_line = line;
        ls->data_column = column;
        return;
    }
    if (str_eq(name, "AWS_SECRET_ACCESS_KEY"))
        lint_say(ls->l, line, column, "give the instance a role",
                 "a key of AWS stands here as it is, and lives as long as nobody changes it");
    if (*value && in_quotes(value) && var->kind != L_JSON)
        lint_say(ls->l, line, column,
                 "quotes are kept by ecs.config and by Docker's --env-file: take them off",
                 "%s: the value is in quotes, which belong to it", name);
    else if (*value)
        lint_value(ls->l, line, column, var, value);
}

static void config_line(struct lines *ls, size_t line, char *text)
{
    char *start = text + strspn(text, " \t\r"), *equals = strchr(start, '=');
    size_t n = strlen(start);

    while (n && strchr(" \t\r", start[n - 1]))
        start[--n] = '\0';
    if (!*start)
        return;
    if (*start == '#') {
        if (equals && (str_starts(start + 1 + strspn(start + 1, " "), "ECS_")))
            lint_say(ls->l, line, 1, "take the line out, or write it without \"=\"",
                     "ecs-init knows no comments: this sets a variable whose name begins with #");
        return;
    }
    if (!equals) {
        lint_say(ls->l, line, 1, NULL, "a line without \"=\" is passed over");
        return;
    }
    *equals = '\0';
    setting(ls, line, start, equals + 1);
}

static void lines_end(struct lines *ls)
{
    if (ls->data)
        lint_auth(ls->l, ls->data_line, ls->data_column, ls->type, ls->data);
    else if (ls->type && *ls->type)
        lint_say(ls->l, 1, 1, NULL,
                 "ECS_ENGINE_AUTH_TYPE is set, and ECS_ENGINE_AUTH_DATA is not: "
                 "images are pulled without credentials");
    map_release(&ls->seen);
    free(ls->type);
    free(ls->data);
}

/* The next line of text without its newline, to be freed; NULL at the end. */
static char *next_line(const char **text)
{
    size_t n = strcspn(*text, "\n");
    char *line;

    if (!**text)
        return NULL;
    line = xstrndup(*text, n);
    *text += n + ((*text)[n] == '\n');
    return line;
}

static void lint_lines(struct lint *l, const char *text)
{
    struct lines ls = {.l = l};
    char *line;

    for (size_t n = 1; (line = next_line(&text)); n++) {
        config_line(&ls, n, line);
        free(line);
    }
    lines_end(&ls);
}

/* ---- user data ---- */

static void user_data_secrets(struct lint *l, size_t n, const char *line)
{
    static const char *const secrets[] = {
        "ECS_ENGINE_AUTH_DATA=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN="};

    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
        const char *at = strstr(line, secrets[i]);

        if (at)
            lint_say(
                l, n, (size_t)(at - line) + 1,
                "fetch the file from S3 with the instance's role, or use repositoryCredentials",
                "a secret in user data: every container that reaches 169.254.169.254 reads it "
                "(%.*s)",
                (int)strlen(secrets[i]) - 1, secrets[i]);
    }
}

/* The word that ends a here document which goes to ecs.config; to be freed, NULL: none begins. */
static char *here_document(const char *line)
{
    const char *at = strstr(line, "<<");

    if (!at || !strstr(line, "ecs.config"))
        return NULL;
    at += 2 + strspn(at + 2, "- \"'");
    return xstrndup(at, strcspn(at, " \"'>\t"));
}

/* echo NAME=VALUE >> /etc/ecs/ecs.config */
static void echo_line(struct lines *ls, size_t n, const char *line)
{
    const char *at = str_after(line + strspn(line, " \t-"), "echo ");
    _cleanup_free_ char *text = NULL;
    char *end;

    if (!at || !strstr(at, "ecs.config"))
        return;
    at += strspn(at, " \"'");
    text = xstrndup(at, strcspn(at, ">"));
    end = text + strlen(text);
    while (end > text && strchr(" \"'", end[-1]))
        *--end = '\0';
    config_line(ls, n, text);
}

static void lint_user_data(struct lint *l, const char *text)
{
    struct lines ls = {.l = l};
    _cleanup_free_ char *until = NULL;
    char *line;

    for (size_t n = 1; (line = next_line(&text)); n++) {
        user_data_secrets(l, n, line);
        if (until && str_eq(line + strspn(line, " \t"), until)) {
            free(until);
            until = NULL;
        } else if (until) {
            config_line(&ls, n, line);
        } else if (!(until = here_document(line))) {
            echo_line(&ls, n, line);
        }
        free(line);
    }
    lines_end(&ls);
}

/* ---- the command ---- */

size_t config_lint(const char *path, const char *text, size_t len, FILE *out)
{
    struct lint l = {.path = path, .out = out};
    const char *first = text + strspn(text, " \t\r\n");

    if (strlen(text) != len)
        lint_say(&l, 1, 1, NULL, "there is a NUL byte in it");
    else if (*first == '{')
        lint_json_file(&l, text, len);
    else if (str_starts(first, "#!") || str_starts(first, "#cloud-config") ||
             str_starts(first, "Content-Type: multipart") || str_starts(first, "MIME-Version:"))
        lint_user_data(&l, text);
    else
        lint_lines(&l, text);
    return l.found;
}

int cmd_config_lint(int argc, char **argv)
{
    size_t found = 0;

    if (argc < 2 || *argv[1] == '-') {
        fputs("usage: ecsim config-lint FILE...\n\n"
              "Says what an agent makes of ecs.config, ecs.config.json or user data: names that\n"
              "nobody reads, values that are not taken, credentials that do not work, secrets\n"
              "where others read them. Ends with 1 when there is something to say.\n",
              argc == 2 && str_eq(argv[1], "--help") ? stdout : stderr);
        return argc == 2 && str_eq(argv[1], "--help") ? EXITCODE_PASSED : EXITCODE_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        _cleanup_buf_ struct buf b = BUF_INIT(FILE_MAX);
        struct err e = ERR_INIT;

        if (io_read_file(argv[i], &b, &e) < 0) {
            fprintf(stderr, "ecsim config-lint: %s\n", e.text);
            return EXITCODE_USAGE;
        }
        found += config_lint(argv[i], buf_str(&b), buf_len(&b), stdout);
    }
    return found ? EXITCODE_FAILED : EXITCODE_PASSED;
}
