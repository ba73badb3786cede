#include "agent/config_var.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "proto/limits.h"

static const char *const pull_names[PULL_BEHAVIOR_MAX] = {
    [PULL_DEFAULT] = "default",
    [PULL_ALWAYS] = "always",
    [PULL_ONCE] = "once",
    [PULL_PREFER_CACHED] = "prefer-cached",
};
STRTAB_DEFINE(pull_behavior, enum pull_behavior, pull_names)

static const char *const source_names[CONFIG_SOURCE_MAX] = {
    [CONFIG_DEFAULT] = "default",        [CONFIG_FROM_ENVIRONMENT] = "environment",
    [CONFIG_FROM_FILE] = "file",         [CONFIG_FROM_USER_DATA] = "user-data",
    [CONFIG_FROM_METADATA] = "metadata",
};
STRTAB_DEFINE(config_source, enum config_source, source_names)

/* Every logging driver the official agent knows (dockerclient/logging_drivers.go). */
static const char *const known_drivers[] = {
    "json-file", "syslog", "journald",   "gelf",      "fluentd",     "awslogs",
    "splunk",    "none",   "logentries", "sumologic", "awsfirelens",
};

void config_note(struct config *c, const char *fmt, ...)
{
    va_list ap;

    grow_array(c->notes, c->n_notes, c->cap_notes);
    va_start(ap, fmt);
    c->notes[c->n_notes++] = xvasprintf(fmt, ap);
    va_end(ap);
}

static const char *look_up(const char *const *env, const char *name)
{
    for (; *env; env++) {
        const char *rest = str_after(*env, name);

        if (rest && *rest == '=')
            return rest + 1;
    }
    return NULL;
}

/* ---- defaults and limits ---- */

static size_t row_named(const char *name)
{
    size_t i = 0;

    while (!str_eq(config_vars[i].name, name))
        i++;
    return i;
}

static int set_default(struct config *c, size_t i, struct err *e)
{
    const struct config_var *var = &config_vars[i];
    union config_value v;

    if (!var->dflt)
        return 0;
    if (config_parse_text(var, var->dflt, &v, e) < 0)
        return err_wrap(e, "default of %s", var->name);
    if (var->kind == KIND_SWITCH || var->kind == KIND_FLAG)
        v.on.set = false;
    config_take(c, i, &v, CONFIG_DEFAULT);
    return 0;
}

static bool is_outside(const struct config_var *var, int64_t n)
{
    return n < var->min || (var->max && n > var->max);
}

/* What becomes of a number outside of its limits. -1: no start. */
static int hold_limits(struct config *c, size_t i, enum config_outside how, struct err *e)
{
    const struct config_var *var = &config_vars[i];
    union config_value v = config_get(c, i);
    const char *side = v.n < var->min ? "below" : "above";
    _cleanup_free_ char *given = config_text(c, i);

    switch (how) {
    case OUTSIDE_KEEP:
        return 0;
    case OUTSIDE_FATAL:
        return err_set(e, ERR_USAGE, "%s (%s in the file) is %s, %s its limit", var->name,
                       var->member, given, side);
    case OUTSIDE_LIMIT:
        config_note(c, "%s=%s is %s the limit: the limit is taken", var->name, given, side);
        v.n = v.n < var->min ? var->min : var->max;
        config_take(c, i, &v, (enum config_source)c->source[i]);
        return 0;
    case OUTSIDE_DEFAULT:
        config_note(c, "%s=%s is %s the limit: the default %s is taken", var->name, given, side,
                    var->dflt);
        return set_default(c, i, e);
    }
    return 0;
}

static bool is_number(const struct config_var *var)
{
    return var->kind == KIND_INTEGER || var->kind == KIND_DURATION;
}

/* ---- the environment ---- */

static int load_var(struct config *c, size_t i, const char *given, struct err *e)
{
    const struct config_var *var = &config_vars[i];
    struct err why = ERR_INIT;
    union config_value v;

    if (!given || !*given)
        return 0;
    if (config_parse_text(var, given, &v, &why) < 0) {
        if (var->fatal)
            return err_set(e, ERR_USAGE, "%s is not valid: %s", var->name, why.text);
        config_note(c, "%s=%.80s is not valid (%s): the default %s is taken", var->name, given,
                    why.text, var->dflt);
        return 0;
    }
    if (config_is_zero(var, &v)) {
        config_value_release(var, &v);
        return 0;
    }
    config_take(c, i, &v, CONFIG_FROM_ENVIRONMENT);
    if (is_number(var) && is_outside(var, config_get(c, i).n))
        return hold_limits(c, i, var->env, e);
    return 0;
}

/* PORT, HOST:PORT, [V6]:PORT or unix:PATH. */
static int parse_listen(struct config_listen *l, const char *name, const char *text, struct err *e)
{
    const char *path = str_after(text, "unix:");
    const char *colon = strrchr(text, ':');
    uint64_t port;

    if (path) {
        if (!*path)
            return err_set(e, ERR_USAGE, "%s=%s has no path", name, text);
        l->path = xstrdup(path);
        return 0;
    }
    if (str_u64(colon ? colon + 1 : text, 65535, &port) < 0 || colon == text)
        return err_set(e, ERR_USAGE, "%s=%s is not PORT, HOST:PORT or unix:PATH", name, text);
    l->port = (int)port;
    if (!colon)
        l->host = xstrdup("127.0.0.1");
    else if (*text == '[' && colon[-1] == ']')
        l->host = xstrndup(text + 1, (size_t)(colon - text) - 2);
    else
        l->host = xstrndup(text, (size_t)(colon - text));
    return 0;
}

/* What is not two numbers is a note, and the default; zeros too. (parse.go) */
static void parse_metadata_limit(struct config *c)
{
    const char *text = c->metadata_limit, *comma = strchr(text, ',');
    _cleanup_free_ char *first = xstrndup(text, strcspn(text, ","));
    uint64_t rate, burst;

    c->metadata_rate = TMDS_RATE;
    c->metadata_burst = TMDS_BURST;
    if (!comma || str_u64(first, INT32_MAX, &rate) < 0 ||
        str_u64(comma + 1, INT32_MAX, &burst) < 0) {
        config_note(c, "ECS_TASK_METADATA_RPS_LIMIT=%.40s is not RATE,BURST: %d,%d is taken", text,
                    TMDS_RATE, TMDS_BURST);
    } else if (rate && burst) {
        c->metadata_rate = (int64_t)rate;
        c->metadata_burst = (int64_t)burst;
    }
}

int config_load(struct config *c, const char *const *env, struct err *e)
{
    for (size_t i = 0; i < config_vars_n; i++)
        if (set_default(c, i, e) < 0 || load_var(c, i, look_up(env, config_vars[i].name), e) < 0)
            return -1;
    /* a data folder of the file turns nothing on */
    if (!c->checkpoint.set && *c->datadir)
        config_take(c, row_named("ECS_CHECKPOINT"), &(union config_value){.on = {true, true}},
                    CONFIG_FROM_ENVIRONMENT);
    if (c->external.on && !*c->region)
        return err_set(e, ERR_USAGE, "AWS_DEFAULT_REGION has to be set when ECS_EXTERNAL is true");
    if (config_read_file(c, e) < 0)
        return -1;
    parse_metadata_limit(c);
    if (parse_listen(&c->listen, "ECSIM_INTROSPECTION", c->introspection, e) < 0)
        return -1;
    return parse_listen(&c->task_listen, "ECSIM_TASK_METADATA", c->task_metadata, e);
}

/* ---- all of it ---- */

static void trim(char *s)
{
    size_t n = strlen(s), lead = strspn(s, " \t\r\n");

    while (n > lead && strchr(" \t\r\n", s[n - 1]))
        n--;
    memmove(s, s + lead, n - lead);
    s[n - lead] = '\0';
}

/* The ECS API's URL: as given, with https:// in front if it has no scheme; else the region's. */
static void set_endpoint(struct config *c)
{
    size_t n;

    free(c->endpoint);
    if (!*c->backend_host)
        c->endpoint =
            xasprintf("https://ecs.%s.%s", c->region, arn_dns_suffix_of_region(c->region));
    else if (strstr(c->backend_host, "://"))
        c->endpoint = xstrdup(c->backend_host);
    else
        c->endpoint = xasprintf("https://%s", c->backend_host);
    n = strlen(c->endpoint);
    if (n && c->endpoint[n - 1] == '/')
        c->endpoint[n - 1] = '\0';
}

static int check_drivers(const struct config *c, struct err *e)
{
    json_t *driver;
    size_t i;

    json_array_foreach (c->logging_drivers, i, driver) {
        const char *name = json_string_value(driver);
        size_t k = 0;

        while (k < ARRAY_SIZE(known_drivers) && !str_eq(name, known_drivers[k]))
            k++;
        if (k == ARRAY_SIZE(known_drivers))
            return err_set(e, ERR_USAGE,
                           "ECS_AVAILABLE_LOGGING_DRIVERS: there is no logging driver \"%s\"",
                           name);
    }
    return 0;
}

void config_set_region(struct config *c, const char *region)
{
    union config_value v = {.text = xstrdup(region)};

    if (*c->region)
        free(v.text);
    else
        config_take(c, row_named("AWS_DEFAULT_REGION"), &v, CONFIG_FROM_METADATA);
}

/* Only looked at when polling is on. */
static void hold_polling_wait(struct config *c)
{
    size_t i = row_named("ECS_POLLING_METRICS_WAIT_DURATION");
    int64_t least = 5 * LIMIT_S, most = 20 * LIMIT_S;
    union config_value v = config_get(c, i);

    if (!config_get(c, row_named("ECS_POLL_METRICS")).on.on || (v.n >= least && v.n <= most))
        return;
    config_note(c, "%s is %s: the limit is taken", config_vars[i].name,
                v.n < least ? "below 5s" : "above 20s");
    v.n = v.n < least ? least : most;
    config_take(c, i, &v, (enum config_source)c->source[i]);
}

/* Words with commas between them. */
static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (const char *s = words; s && *s;) {
        size_t len = strcspn(s, ",");

        if (len == n && strncmp(s, word, n) == 0)
            return true;
        s += len + (s[len] == ',');
    }
    return false;
}

bool config_windows_has(const struct config *c, const char *feature)
{
    return has_word(c->windows_features, feature);
}

bool config_windows_is_2016(const struct config *c)
{
    return str_starts(c->windows_family, "WINDOWS_SERVER_2016");
}

/* Where nobody said anything, what an agent on Windows takes; and there are no limits of whole
 * tasks, whatever anybody says. (config_windows.go) */
static void be_windows(struct config *c)
{
    static const struct {
        const char *name, *dflt;
    } rows[] = {
        {"ECS_RESERVED_PORTS", "[2375,2376,51678,51679,3389,135,445,5985,5986,53,139]"},
        {"ECS_CONTAINER_START_TIMEOUT", "8m"},
        {"ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", "3m"},
        {"ECS_AVAILABLE_LOGGING_DRIVERS", "[\"json-file\",\"none\",\"awslogs\"]"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t row = row_named(rows[i].name);
        union config_value v;

        if (c->source[row] == CONFIG_DEFAULT &&
            config_parse_text(&config_vars[row], rows[i].dflt, &v, NULL) == 0)
            config_take(c, row, &v, CONFIG_DEFAULT);
    }
    c->task_cpu_mem_limit = (struct config_bool){false, true};
}

static int choose_platform(struct config *c, struct err *e)
{
    if (!str_eq(c->platform, "linux") && !str_eq(c->platform, "windows"))
        return err_set(e, ERR_USAGE, "ECSIM_PLATFORM is linux or windows, not %.40s", c->platform);
    c->windows = str_eq(c->platform, "windows");
    if (c->windows && !*c->program_data)
        return err_set(e, ERR_USAGE, "ECSIM_PLATFORM=windows needs a folder as ProgramData");
    if (c->windows)
        be_windows(c);
    return 0;
}

/* Words that are none of the two count as nothing said. (parse_linux.go:
 * parseInstanceIPCompatibility; config_unix.go:setIPv6PortBindingDefault) */
static void choose_ip(struct config *c)
{
    trim(c->ip_compatibility);
    c->ipv6_only = strcasecmp(c->ip_compatibility, "ipv6") == 0 && !c->windows;
    if (!c->ipv6_only)
        return;
    c->use_dualstack.on = true;
    if (c->source[row_named("ECS_EXCLUDE_IPV6_PORTBINDING")] == CONFIG_DEFAULT)
        c->exclude_ipv6_bindings = (struct config_bool){false, true};
}

int config_finish(struct config *c, struct err *e)
{
    if (choose_platform(c, e) < 0)
        return -1;
    choose_ip(c);
    trim(c->region);
    trim(c->cluster);
    trim(c->backend_host);
    trim(c->auth_type);
    /* the words are the official agent's: supervisors look for them */
    if (!*c->region)
        return err_set(e, ERR_USAGE, "Missing required fields: AWSRegion");
    for (size_t i = 0; i < config_vars_n; i++)
        if (is_number(&config_vars[i]) && c->source[i] > CONFIG_FROM_ENVIRONMENT &&
            is_outside(&config_vars[i], config_get(c, i).n) &&
            hold_limits(c, i, config_vars[i].later, e) < 0)
            return -1;
    hold_polling_wait(c);
    if (c->prometheus.on)
        json_array_append_new(c->reserved_ports, json_integer(PORT_PROMETHEUS));
    if (c->checkpoint.on && !*c->datadir) {
        free(c->datadir);
        c->datadir = xstrdup("/data/");
    }
    c->pull_behavior = (enum pull_behavior)pull_behavior_from(c->pull_behavior_text);
    set_endpoint(c);
    return check_drivers(c, e);
}

void config_release(struct config *c)
{
    for (size_t i = 0; i < config_vars_n; i++) {
        union config_value v = config_get(c, i);

        config_value_release(&config_vars[i], &v);
    }
    for (size_t i = 0; i < c->n_notes; i++)
        free(c->notes[i]);
    free(c->notes);
    free(c->endpoint);
    free(c->listen.host);
    free(c->listen.path);
    free(c->task_listen.host);
    free(c->task_listen.path);
    *c = (struct config){0};
}

bool config_describe(size_t *i, struct config_row *ret)
{
    const struct config_var *var = &config_vars[*i];

    if (*i >= config_vars_n)
        return false;
    *ret = (struct config_row){
        .name = var->name,
        .dflt = var->dflt ? var->dflt : "",
        .since = var->since,
        .help = var->help,
        .used = var->offset != CONFIG_NOWHERE,
    };
    ++*i;
    return true;
}

void config_print(const struct config *c, FILE *out)
{
    for (size_t i = 0; i < config_vars_n; i++) {
        _cleanup_free_ char *text = config_text(c, i);

        fprintf(out, "%-45s %-12s %s\n", config_vars[i].name, source_names[c->source[i]], text);
    }
    for (size_t i = 0; i < c->n_notes; i++)
        fprintf(out, "# %s\n", c->notes[i]);
}
