#include <limits.h>

#include "agent/config.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

static const char *const pull_names[PULL_BEHAVIOR_MAX] = {
    [PULL_DEFAULT] = "default",
    [PULL_ALWAYS] = "always",
    [PULL_ONCE] = "once",
    [PULL_PREFER_CACHED] = "prefer-cached",
};
STRTAB_DEFINE(pull_behavior, enum pull_behavior, pull_names)

enum kind { TEXT, BOOL, INTEGER, DURATION, INTS, STRINGS, MAP };

/* What a value outside min..max (or one that is no value at all) becomes. */
enum outside {
    TO_DEFAULT, /* the default, with a note */
    TO_LIMIT,   /* the nearest limit, with a note */
    FATAL,      /* the agent does not start */
};

struct config_var {
    const char *name;
    enum kind kind;
    size_t offset;
    const char *dflt;
    int64_t min, max;
    enum outside outside;
    const char *help;
};

#define AT(member) offsetof(struct config, member)
#define S          LIMIT_S

/* Source of names, defaults and limits: the official agent's config.go and
 * environment_config.go; the cleanup wait's fall to its default was seen. */
static const struct config_var config_vars[] = {
    {"AWS_DEFAULT_REGION", TEXT, AT(region), "", 0, 0, TO_DEFAULT,
     "region; else from the instance metadata"},
    {"AWS_ACCESS_KEY_ID", TEXT, AT(access_key), NULL, 0, 0, TO_DEFAULT,
     "credentials; else the instance's role"},
    {"AWS_SECRET_ACCESS_KEY", TEXT, AT(secret_key), NULL, 0, 0, TO_DEFAULT, ""},
    {"AWS_SESSION_TOKEN", TEXT, AT(session_token), NULL, 0, 0, TO_DEFAULT, ""},
    {"ECS_BACKEND_HOST", TEXT, AT(backend_host), "", 0, 0, TO_DEFAULT,
     "ECS API; without a scheme https:// is put in front"},
    {"ECS_CLUSTER", TEXT, AT(cluster), "", 0, 0, TO_DEFAULT,
     "cluster name or ARN; empty: default, created when missing"},
    {"DOCKER_HOST", TEXT, AT(docker_host), "unix://" PATH_DOCKER_SOCKET, 0, 0, TO_DEFAULT,
     "Docker Engine: unix:///path or tcp://host:port"},
    {"ECS_DATADIR", TEXT, AT(datadir), "", 0, 0, TO_DEFAULT,
     "folder of the saved state; setting it turns saving on"},
    {"ECS_CHECKPOINT", BOOL, AT(checkpoint), "false", 0, 0, TO_DEFAULT,
     "save state; wins over ECS_DATADIR"},
    {"ECS_LOGFILE", TEXT, AT(logfile), "", 0, 0, TO_DEFAULT, "log file beside standard error"},
    {"ECS_LOGLEVEL", TEXT, AT(loglevel), "info", 0, 0, TO_DEFAULT,
     "debug, info, warn, error, crit, none"},
    {"ECS_RESERVED_MEMORY", INTEGER, AT(reserved_memory), "0", 0, 65535, TO_DEFAULT,
     "MiB kept from tasks"},
    {"ECS_RESERVED_PORTS", INTS, AT(reserved_ports), "[22,2375,2376,51678,51679]", 0, 0, TO_DEFAULT,
     "TCP ports kept from tasks"},
    {"ECS_RESERVED_PORTS_UDP", INTS, AT(reserved_ports_udp), "[]", 0, 0, TO_DEFAULT,
     "UDP ports kept from tasks"},
    {"ECS_INSTANCE_ATTRIBUTES", MAP, AT(instance_attributes), "{}", 0, 0, FATAL,
     "attributes sent with the first registration"},
    {"ECS_CONTAINER_INSTANCE_TAGS", MAP, AT(instance_tags), "{}", 0, 0, FATAL,
     "tags of the instance"},
    {"ECS_AVAILABLE_LOGGING_DRIVERS", STRINGS, AT(logging_drivers), "[\"json-file\",\"none\"]", 0,
     0, TO_DEFAULT, "log drivers to offer; an unknown one is an error"},
    {"ECS_VOLUME_PLUGIN_CAPABILITIES", STRINGS, AT(volume_plugins), "[]", 0, 0, TO_DEFAULT,
     "each becomes a capability"},
    {"ECS_CONTAINER_STOP_TIMEOUT", DURATION, AT(stop_timeout), "30s", 1 * S, 0, TO_LIMIT,
     "between SIGTERM and SIGKILL"},
    {"ECS_CONTAINER_START_TIMEOUT", DURATION, AT(start_timeout), "3m", 45 * S, 0, TO_LIMIT, ""},
    {"ECS_CONTAINER_CREATE_TIMEOUT", DURATION, AT(create_timeout), "4m", 60 * S, 0, TO_LIMIT, ""},
    {"ECS_MANIFEST_PULL_TIMEOUT", DURATION, AT(manifest_pull_timeout), "1m", 30 * S, 0, TO_LIMIT,
     ""},
    {"ECS_IMAGE_PULL_TIMEOUT", DURATION, AT(image_pull_timeout), "2h", 0, 0, TO_DEFAULT, ""},
    {"ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", DURATION, AT(pull_inactivity_timeout), "1m", 60 * S, 0,
     TO_LIMIT, "a pull without progress"},
    {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", DURATION, AT(cleanup_wait), "3h", 1 * S, 0,
     TO_DEFAULT, "stopped containers are kept so long"},
    {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER", DURATION, AT(cleanup_jitter), "0s", 0, 0,
     TO_DEFAULT, ""},
    {"ECS_DISABLE_IMAGE_CLEANUP", BOOL, AT(disable_image_cleanup), "false", 0, 0, TO_DEFAULT, ""},
    {"ECS_IMAGE_CLEANUP_INTERVAL", DURATION, AT(image_cleanup_interval), "30m", 600 * S, 0,
     TO_DEFAULT, ""},
    {"ECS_IMAGE_MINIMUM_CLEANUP_AGE", DURATION, AT(image_cleanup_age), "1h", 0, 0, TO_DEFAULT, ""},
    {"ECS_NUM_IMAGES_DELETE_PER_CYCLE", INTEGER, AT(images_per_cycle), "5", 1, INT_MAX, TO_DEFAULT,
     ""},
    {"ECS_IMAGE_PULL_BEHAVIOR", TEXT, AT(pull_behavior_text), "default", 0, 0, TO_DEFAULT,
     "default, always, once, prefer-cached"},
    {"ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT", BOOL, AT(dependents_upfront), "false", 0, 0,
     TO_DEFAULT, ""},
    {"ECS_DISABLE_METRICS", BOOL, AT(disable_metrics), "false", 0, 0, TO_DEFAULT, ""},
    {"ECS_POLL_METRICS", BOOL, AT(poll_metrics), "false", 0, 0, TO_DEFAULT, ""},
    {"ECS_POLLING_METRICS_WAIT_DURATION", DURATION, AT(polling_wait), "10s", 5 * S, 20 * S,
     TO_LIMIT, ""},
    {"ECS_DISABLE_DOCKER_HEALTH_CHECK", BOOL, AT(disable_health_check), "false", 0, 0, TO_DEFAULT,
     ""},
    {"ECS_DISABLE_PRIVILEGED", BOOL, AT(disable_privileged), "false", 0, 0, TO_DEFAULT, ""},
    {"ECS_SELINUX_CAPABLE", BOOL, AT(selinux), "false", 0, 0, TO_DEFAULT, ""},
    {"ECS_APPARMOR_CAPABLE", BOOL, AT(apparmor), "false", 0, 0, TO_DEFAULT, ""},
    {"ECS_ENABLE_TASK_IAM_ROLE", BOOL, AT(task_iam_role), "false", 0, 0, TO_DEFAULT, ""},
    {"ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", BOOL, AT(task_iam_role_network_host), "false", 0, 0,
     TO_DEFAULT, ""},
    {"ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", BOOL, AT(awslogs_execution_role), "false", 0, 0,
     TO_DEFAULT, ""},
    {"ECS_ENABLE_TASK_CPU_MEM_LIMIT", BOOL, AT(task_cpu_mem_limit), "true", 0, 0, TO_DEFAULT, ""},
    {"ECS_CGROUP_PATH", TEXT, AT(cgroup_path), "/sys/fs/cgroup", 0, 0, TO_DEFAULT,
     "where the control groups are mounted"},
    {"ECS_CGROUP_CPU_PERIOD", DURATION, AT(cgroup_cpu_period), "100ms", 8 * LIMIT_MS,
     100 * LIMIT_MS, TO_DEFAULT, ""},
    {"ECS_TASK_PIDS_LIMIT", INTEGER, AT(task_pids_limit), "0", 0, 4194304, TO_DEFAULT,
     "processes of a task"},
    {"ECS_EXCLUDE_IPV6_PORTBINDING", BOOL, AT(exclude_ipv6_bindings), "true", 0, 0, TO_DEFAULT, ""},
    {"ECS_ENABLE_SPOT_INSTANCE_DRAINING", BOOL, AT(spot_draining), "false", 0, 0, TO_DEFAULT,
     "drain when the instance metadata announces an interruption"},
    {"ECS_DYNAMIC_HOST_PORT_RANGE", TEXT, AT(dynamic_ports), "", 0, 0, TO_DEFAULT, "FIRST-LAST"},
    {"ECS_DETAILED_OS_FAMILY", TEXT, AT(detailed_os_family), "", 0, 0, TO_DEFAULT, ""},
    {"ECS_EXTERNAL", BOOL, AT(external), "false", 0, 0, TO_DEFAULT,
     "not an EC2 instance: the instance metadata is never asked"},
    {"AWS_EC2_METADATA_SERVICE_ENDPOINT", TEXT, AT(imds_endpoint), IMDS_ENDPOINT, 0, 0, TO_DEFAULT,
     "instance metadata"},
    {"SSL_CERT_FILE", TEXT, AT(ca_file), "", 0, 0, TO_DEFAULT,
     "PEM file of the certificates to trust; else the system's"},
    {"ECSIM_INTROSPECTION", TEXT, AT(introspection), "51678", 0, 0, TO_DEFAULT,
     "PORT, HOST:PORT or unix:PATH of the introspection API (host 127.0.0.1)"},
    {"ECSIM_ACS_INACTIVITY", DURATION, AT(acs_inactivity), "1m", 100 * LIMIT_MS, 0, TO_LIMIT,
     "an ACS session that is silent for this time and up to as much again is given up"},
};

/* Every logging driver the official agent knows (dockerclient/logging_drivers.go). */
static const char *const known_drivers[] = {
    "json-file", "syslog", "journald",   "gelf",      "fluentd",     "awslogs",
    "splunk",    "none",   "logentries", "sumologic", "awsfirelens",
};

static void note(struct config *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void note(struct config *c, const char *fmt, ...)
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

/* Go's strconv.ParseBool. */
static int parse_bool(const char *s, bool *ret)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (str_eq(s, yes[i]) || str_eq(s, no[i])) {
            *ret = str_eq(s, yes[i]);
            return 0;
        }
    }
    return -1;
}

static bool element_fits(enum kind kind, const json_t *v)
{
    return kind == INTS ? json_is_integer(v) : json_is_string(v);
}

static int parse_json(const struct config_var *v, const char *s, json_t **ret, struct err *e)
{
    json_t *j = json_read(s, strlen(s), JSON_READ_PEER, e);
    const char *key;
    json_t *item;
    size_t i;

    if (!j)
        return -1;
    if (v->kind == MAP ? !json_is_object(j) : !json_is_array(j)) {
        err_set(e, ERR_PARSE, "a JSON %s was expected, this is %s",
                v->kind == MAP ? "object" : "array", json_type_name(j));
        goto bad;
    }
    json_array_foreach (j, i, item) {
        if (!element_fits(v->kind, item)) {
            err_set(e, ERR_PARSE, "element %zu is of the wrong type", i);
            goto bad;
        }
    }
    json_object_foreach (j, key, item) {
        if (!json_is_string(item)) {
            err_set(e, ERR_PARSE, "\"%s\" is not a string", key);
            goto bad;
        }
    }
    *ret = j;
    return 0;
bad:
    json_decref(j);
    return -1;
}

/* Parses into *at; -1 when s is not a value of the kind. Limits are not looked at. */
static int parse(const struct config_var *v, const char *s, void *at, struct err *e)
{
    switch (v->kind) {
    case TEXT: {
        char **text = at;

        free(*text);
        *text = xstrdup(s);
        return 0;
    }
    case BOOL:
        if (parse_bool(s, &((struct config_bool *)at)->on) < 0)
            return err_set(e, ERR_PARSE, "not true or false");
        return 0;
    case INTEGER:
        return str_i64(s, at) < 0 ? err_set(e, ERR_PARSE, "not a whole number") : 0;
    case DURATION:
        return str_duration(s, at) < 0 ? err_set(e, ERR_PARSE, "not a duration like 30s or 1h30m")
                                       : 0;
    default: {
        json_t *j = NULL;

        if (parse_json(v, s, &j, e) < 0)
            return -1;
        json_decref(*(json_t **)at);
        *(json_t **)at = j;
        return 0;
    }
    }
}

/* A number outside its limits; the member already holds it. */
static void hold_limits(struct config *c, const struct config_var *v, const char *s, int64_t *at)
{
    bool below = *at < v->min;

    if (!below && (!v->max || *at <= v->max))
        return;
    if (v->outside == TO_LIMIT) {
        *at = below ? v->min : v->max;
        note(c, "%s=%s is %s the limit: the limit is taken", v->name, s, below ? "below" : "above");
    } else {
        parse(v, v->dflt, at, NULL);
        note(c, "%s=%s is %s the limit: the default %s is taken", v->name, s,
             below ? "below" : "above", v->dflt);
    }
}

static int load_var(struct config *c, const struct config_var *v, const char *given, struct err *e)
{
    char *at = (char *)c + v->offset;
    struct err why = ERR_INIT;

    if (v->dflt && parse(v, v->dflt, at, e) < 0)
        return err_wrap(e, "default of %s", v->name);
    if (!given || !*given)
        return 0;
    if (parse(v, given, at, &why) < 0) {
        if (v->outside == FATAL)
            return err_set(e, ERR_USAGE, "%s is not valid: %s", v->name, why.text);
        note(c, "%s=%.80s is not valid (%s): the default %s is taken", v->name, given, why.text,
             v->dflt);
        return 0;
    }
    if (v->kind == BOOL)
        ((struct config_bool *)at)->set = true;
    if (v->kind == INTEGER || v->kind == DURATION)
        hold_limits(c, v, given, (int64_t *)at);
    return 0;
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

/* PORT, HOST:PORT, [V6]:PORT or unix:PATH. */
static int parse_listen(struct config *c, struct err *e)
{
    const char *text = c->introspection;
    const char *path = str_after(text, "unix:");
    const char *colon = strrchr(text, ':');
    uint64_t port;

    if (path) {
        if (!*path)
            return err_set(e, ERR_USAGE, "ECSIM_INTROSPECTION=%s has no path", text);
        c->listen.path = xstrdup(path);
        return 0;
    }
    if (str_u64(colon ? colon + 1 : text, 65535, &port) < 0 || colon == text)
        return err_set(e, ERR_USAGE, "ECSIM_INTROSPECTION=%s is not PORT, HOST:PORT or unix:PATH",
                       text);
    c->listen.port = (int)port;
    if (!colon)
        c->listen.host = xstrdup("127.0.0.1");
    else if (*text == '[' && colon[-1] == ']')
        c->listen.host = xstrndup(text + 1, (size_t)(colon - text) - 2);
    else
        c->listen.host = xstrndup(text, (size_t)(colon - text));
    return 0;
}

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
        c->endpoint = xasprintf("https://ecs.%s.amazonaws.com%s", c->region,
                                str_starts(c->region, "cn-") ? ".cn" : "");
    else if (strstr(c->backend_host, "://"))
        c->endpoint = xstrdup(c->backend_host);
    else
        c->endpoint = xasprintf("https://%s", c->backend_host);
    n = strlen(c->endpoint);
    if (n && c->endpoint[n - 1] == '/')
        c->endpoint[n - 1] = '\0';
}

void config_set_region(struct config *c, const char *region)
{
    char *copy = xstrdup(region);

    free(c->region);
    c->region = copy;
    set_endpoint(c);
}

int config_load(struct config *c, const char *const *env, struct err *e)
{
    int behavior;

    for (size_t i = 0; i < ARRAY_SIZE(config_vars); i++) {
        const struct config_var *v = &config_vars[i];

        if (load_var(c, v, look_up(env, v->name), e) < 0)
            return -1;
    }
    trim(c->region);
    trim(c->cluster);
    trim(c->backend_host);
    if (!c->checkpoint.set)
        c->checkpoint.on = *c->datadir != '\0';
    else if (c->checkpoint.on && !*c->datadir) {
        free(c->datadir);
        c->datadir = xstrdup("/data/");
    }
    behavior = pull_behavior_from(c->pull_behavior_text);
    if (behavior < 0)
        note(c, "ECS_IMAGE_PULL_BEHAVIOR=%.80s is not known: the default is taken",
             c->pull_behavior_text);
    c->pull_behavior = behavior < 0 ? PULL_DEFAULT : (enum pull_behavior)behavior;
    if (c->external.on && !*c->region)
        return err_set(e, ERR_USAGE, "AWS_DEFAULT_REGION has to be set when ECS_EXTERNAL is true");
    set_endpoint(c);
    if (check_drivers(c, e) < 0)
        return -1;
    return parse_listen(c, e);
}

int config_check(const struct config *c, struct err *e)
{
    /* the words are the official agent's: supervisors look for them */
    return *c->region ? 0 : err_set(e, ERR_USAGE, "Missing required fields: AWSRegion");
}

void config_release(struct config *c)
{
    for (size_t i = 0; i < ARRAY_SIZE(config_vars); i++) {
        char *at = (char *)c + config_vars[i].offset;

        if (config_vars[i].kind == TEXT)
            free(*(char **)at);
        else if (config_vars[i].kind >= INTS)
            json_decref(*(json_t **)at);
    }
    for (size_t i = 0; i < c->n_notes; i++)
        free(c->notes[i]);
    free(c->notes);
    free(c->endpoint);
    free(c->listen.host);
    free(c->listen.path);
    *c = (struct config){0};
}

bool config_describe(size_t *i, const char **name, const char **dflt, const char **help)
{
    if (*i >= ARRAY_SIZE(config_vars))
        return false;
    *name = config_vars[*i].name;
    *dflt = config_vars[*i].dflt ? config_vars[*i].dflt : "";
    *help = config_vars[*i].help;
    ++*i;
    return true;
}
