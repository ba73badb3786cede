/* definition.h: what ECS refuses when a task definition is registered. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/definition.h"
#include "fakes/ecs/query.h"

#define NAME_MAX_LEN 255
#define MEMORY_MIN   4
#define PORT_MAX     65535

/* What a check returns: NULL, or the text of the error. */
typedef char *(*container_check)(const json_t *request, const json_t *c);

static bool is_name(const char *s)
{
    size_t n = strlen(s);

    return n <= NAME_MAX_LEN &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

static bool is_blank(const char *s)
{
    return !s || !*s;
}

static bool is_one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (str_eq(s, *words))
            return true;
    return false;
}

static json_t *find(const json_t *list, const char *name)
{
    json_t *o;
    size_t i;

    json_array_foreach (list, i, o)
        if (str_eq(json_str(o, "name"), name))
            return o;
    return NULL;
}

static const char *mode_of(const json_t *request)
{
    const char *mode = json_str(request, "networkMode");

    return mode ? mode : "bridge";
}

static bool is_essential(const json_t *c)
{
    return json_bool(c, "essential", true);
}

/* --- one container --------------------------------------------------------------------- */

static char *check_name(const json_t *request, const json_t *c)
{
    const char *name = json_str(c, "name");

    (void)request;
    if (is_blank(name))
        return xstrdup("Container.name should not be null or empty.");
    if (!is_name(name))
        return xstrdup("Container.name contains invalid characters.");
    if (is_blank(json_str(c, "image")))
        return xstrdup("Container.image should not be null or empty.");
    return NULL;
}

static char *check_memory(const json_t *request, const json_t *c)
{
    const char *name = json_str(c, "name");
    int64_t hard = json_int(c, "memory", 0), soft = json_int(c, "memoryReservation", 0);
    int64_t task = 0;

    if (json_int(c, "cpu", 0) < 0)
        return xasprintf("Invalid 'cpu' setting for container '%s'.", name);
    if (hard < 0 || soft < 0 || (hard && hard < MEMORY_MIN) || (soft && soft < MEMORY_MIN))
        return xasprintf("Invalid 'memory' setting for container '%s'. The minimum is %d.", name,
                         MEMORY_MIN);
    if (hard && soft > hard)
        return xasprintf("Invalid setting for container '%s'. 'memoryReservation' must be less "
                         "than or equal to 'memory'.",
                         name);
    if (json_str(request, "memory"))
        definition_memory(json_str(request, "memory"), &task);
    if (!task && !hard && !soft)
        return xasprintf("Invalid setting for container '%s'. At least one of 'memory' or "
                         "'memoryReservation' must be specified.",
                         name);
    if (task && hard > task)
        return xasprintf("Invalid setting for container '%s'. 'memory' must be less than or equal "
                         "to the memory of the task.",
                         name);
    return NULL;
}

static char *check_port(const char *mode, const json_t *m)
{
    static const char *const protocols[] = {"tcp", "udp", NULL};
    int64_t inside = json_int(m, "containerPort", 0), outside = json_int(m, "hostPort", 0);
    const char *protocol = json_str(m, "protocol");

    if (json_str(m, "containerPortRange"))
        return NULL;
    if (inside < 1 || inside > PORT_MAX)
        return xstrdup("Invalid 'containerPort' in port mapping. It must be 1 to 65535.");
    if (outside < 0 || outside > PORT_MAX)
        return xstrdup("Invalid 'hostPort' in port mapping. It must be 0 to 65535.");
    if (protocol && !is_one_of(protocol, protocols))
        return xasprintf("Invalid protocol '%s' in port mapping. It must be tcp or udp.", protocol);
    if ((str_eq(mode, "awsvpc") || str_eq(mode, "host")) && outside && outside != inside)
        return xasprintf("When networkMode=%s, the host ports and container ports in port mappings "
                         "must match.",
                         mode);
    return NULL;
}

static char *check_network(const json_t *request, const json_t *c)
{
    const char *mode = mode_of(request);
    bool own = str_eq(mode, "bridge");
    char *text = NULL;
    json_t *m;
    size_t i;

    if (json_array_size(json_object_get(c, "links")) && !own)
        return xasprintf("Links are not supported when networkMode=%s.", mode);
    if (json_str(c, "hostname") && (str_eq(mode, "awsvpc") || str_eq(mode, "host")))
        return xasprintf("The hostname parameter is not supported when networkMode=%s.", mode);
    if (json_array_size(json_object_get(c, "extraHosts")) && str_eq(mode, "awsvpc"))
        return xstrdup("Extra hosts are not supported when networkMode=awsvpc.");
    if (json_array_size(json_object_get(c, "portMappings")) && str_eq(mode, "none"))
        return xstrdup("Port mappings are not supported when networkMode=none.");
    json_array_foreach (json_object_get(c, "portMappings"), i, m) {
        text = check_port(mode, m);
        if (text)
            return text;
    }
    json_array_foreach (json_object_get(c, "links"), i, m) {
        const char *link = json_string_value(m);
        _cleanup_free_ char *name = xstrndup(link, strcspn(link, ":"));

        if (!find(json_object_get(request, "containerDefinitions"), name))
            return xasprintf("Container '%s' links to '%s', which is not in the task definition.",
                             json_str(c, "name"), name);
    }
    return NULL;
}

static char *check_volumes(const json_t *request, const json_t *c)
{
    json_t *m;
    size_t i;

    json_array_foreach (json_object_get(c, "mountPoints"), i, m) {
        const char *source = json_str(m, "sourceVolume");

        if (is_blank(source) || is_blank(json_str(m, "containerPath")))
            return xasprintf("Invalid mount point in container '%s': sourceVolume and "
                             "containerPath must be specified.",
                             json_str(c, "name"));
        if (!find(json_object_get(request, "volumes"), source))
            return xasprintf("Unknown volume '%s'.", source);
    }
    json_array_foreach (json_object_get(c, "volumesFrom"), i, m) {
        const char *source = json_str(m, "sourceContainer");

        if (!source || !find(json_object_get(request, "containerDefinitions"), source))
            return xasprintf("Unknown container '%s' in volumesFrom.", source ? source : "");
    }
    return NULL;
}

static char *check_dependency(const json_t *request, const json_t *c, const json_t *d)
{
    static const char *const conditions[] = {"START", "COMPLETE", "SUCCESS", "HEALTHY", NULL};
    const char *on = json_str(d, "containerName"), *condition = json_str(d, "condition");
    const char *name = json_str(c, "name");
    const json_t *other = on ? find(json_object_get(request, "containerDefinitions"), on) : NULL;

    if (!condition || !is_one_of(condition, conditions))
        return xasprintf("Invalid dependency condition '%s' of container '%s'. It must be START, "
                         "COMPLETE, SUCCESS or HEALTHY.",
                         condition ? condition : "", name);
    if (!other)
        return xasprintf("Container '%s' depends on '%s', which is not in the task definition.",
                         name, on ? on : "");
    if (is_essential(other) && (str_eq(condition, "COMPLETE") || str_eq(condition, "SUCCESS")))
        return xasprintf("Container '%s' is essential: a dependency on it cannot have the "
                         "condition %s.",
                         on, condition);
    if (str_eq(condition, "HEALTHY") && !json_object_get(other, "healthCheck"))
        return xasprintf("Container '%s' needs a health check: container '%s' depends on it being "
                         "HEALTHY.",
                         on, name);
    return NULL;
}

static char *check_dependencies(const json_t *request, const json_t *c)
{
    char *text = NULL;
    json_t *d;
    size_t i;

    json_array_foreach (json_object_get(c, "dependsOn"), i, d)
        if (!text)
            text = check_dependency(request, c, d);
    return text;
}

static char *out_of_range(const json_t *health, const char *member, int64_t least, int64_t most)
{
    const json_t *v = json_object_get(health, member);
    int64_t n = v ? json_integer_value(v) : least;

    return n < least || n > most
               ? xasprintf("Invalid '%s' setting of the health check. It must be %lld to %lld.",
                           member, (long long)least, (long long)most)
               : NULL;
}

static char *check_health(const json_t *request, const json_t *c)
{
    const json_t *h = json_object_get(c, "healthCheck");
    char *text;

    (void)request;
    if (!json_is_object(h))
        return NULL;
    if (!json_array_size(json_object_get(h, "command")))
        return xstrdup("Health check command should not be null or empty.");
    text = out_of_range(h, "interval", 5, 300);
    if (!text)
        text = out_of_range(h, "timeout", 2, 120);
    if (!text)
        text = out_of_range(h, "retries", 1, 10);
    return text ? text : out_of_range(h, "startPeriod", 0, 300);
}

static char *check_logging(const json_t *request, const json_t *c)
{
    static const char *const drivers[] = {"json-file", "syslog",  "journald",    "gelf",
                                          "fluentd",   "awslogs", "splunk",      "logentries",
                                          "sumologic", "none",    "awsfirelens", NULL};
    static const char *const needed[] = {"awslogs-group", "awslogs-region"};
    const json_t *l = json_object_get(c, "logConfiguration"), *o = json_object_get(l, "options");
    const char *driver = json_str(l, "logDriver");

    (void)request;
    if (!json_is_object(l))
        return NULL;
    if (!driver || !is_one_of(driver, drivers))
        return xasprintf("Invalid log driver '%s'.", driver ? driver : "");
    for (size_t i = 0; str_eq(driver, "awslogs") && i < ARRAY_SIZE(needed); i++)
        if (!json_str(o, needed[i]))
            return xasprintf("Log driver awslogs requires options: awslogs-region, awslogs-group");
    return NULL;
}

static char *check_secrets(const json_t *request, const json_t *c)
{
    const json_t *l = json_object_get(c, "logConfiguration"), *files, *f;
    size_t i;

    if ((json_array_size(json_object_get(c, "secrets")) ||
         json_array_size(json_object_get(l, "secretOptions"))) &&
        is_blank(json_str(request, "executionRoleArn")))
        return xstrdup("When you are specifying container secrets, you must also specify a value "
                       "for 'executionRoleArn'.");
    files = json_object_get(c, "environmentFiles");
    json_array_foreach (files, i, f) {
        if (!str_eq(json_str(f, "type"), "s3") || is_blank(json_str(f, "value")))
            return xstrdup("Invalid environment file: its type must be s3, its value the ARN of an "
                           "object.");
        if (is_blank(json_str(request, "executionRoleArn")))
            return xstrdup("When you are specifying environment files, you must also specify a "
                           "value for 'executionRoleArn'.");
    }
    return NULL;
}

static char *check_ulimits(const json_t *request, const json_t *c)
{
    static const char *const names[] = {
        "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue", "nice",
        "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack",    NULL};
    json_t *u;
    size_t i;

    (void)request;
    json_array_foreach (json_object_get(c, "ulimits"), i, u) {
        const char *name = json_str(u, "name");

        if (!name || !is_one_of(name, names))
            return xasprintf("Invalid ulimit name '%s'.", name ? name : "");
        if (json_int(u, "softLimit", 0) > json_int(u, "hardLimit", 0) &&
            json_int(u, "hardLimit", 0) >= 0)
            return xasprintf("The soft limit of ulimit '%s' is above its hard limit.", name);
    }
    return NULL;
}

/* --- the whole ------------------------------------------------------------------------- */

/* Does `from` reach `to` over dependsOn, in at most `steps` steps? */
static bool reaches(const json_t *all, const json_t *from, const char *to, size_t steps)
{
    json_t *d;
    size_t i;

    json_array_foreach (json_object_get(from, "dependsOn"), i, d) {
        const char *on = json_str(d, "containerName");

        if (str_eq(on, to) || (steps && reaches(all, find(all, on), to, steps - 1)))
            return true;
    }
    return false;
}

static char *check_containers(const json_t *request)
{
    static const container_check checks[] = {check_name,    check_memory,       check_network,
                                             check_volumes, check_dependencies, check_health,
                                             check_logging, check_secrets,      check_ulimits};
    const json_t *all = json_object_get(request, "containerDefinitions");
    bool essential = false;
    char *text = NULL;
    json_t *c;
    size_t i;

    if (!json_array_size(all))
        return xstrdup("Container list cannot be empty.");
    if (json_array_size(all) > DEFINITION_CONTAINERS_MAX)
        return xasprintf("Too many containers: a task definition can have at most %d.",
                         DEFINITION_CONTAINERS_MAX);
    /* every name is there before one refers to another */
    for (size_t k = 0; k < ARRAY_SIZE(checks); k++)
        json_array_foreach (all, i, c) {
            text = json_is_object(c) ? checks[k](request, c)
                                     : xstrdup("Container should not be null.");
            if (text)
                return text;
        }
    json_array_foreach (all, i, c) {
        const char *name = json_str(c, "name");

        if (find(all, name) != c)
            return xasprintf("Container names must be unique: '%s' is there twice.", name);
        if (reaches(all, c, name, json_array_size(all)))
            return xasprintf("Container '%s' depends on itself.", name);
        essential = essential || is_essential(c);
    }
    return essential ? NULL : xstrdup("A task definition must have an essential container.");
}

/* gMSA is not there on Fargate, for either system. (docs: linux-gmsa, windows-gmsa) */
static bool has_credential_spec(const json_t *request)
{
    static const char *const places[] = {"credentialSpecs", "dockerSecurityOptions"};
    json_t *c, *v;
    size_t i, k;

    json_array_foreach (json_object_get(request, "containerDefinitions"), i, c)
        for (size_t p = 0; p < ARRAY_SIZE(places); p++)
            json_array_foreach (json_object_get(c, places[p]), k, v)
                if (json_is_string(v) && str_starts(json_string_value(v), "credentialspec"))
                    return true;
    return false;
}

static char *check_fargate(const json_t *request)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(request, "requiresCompatibilities"), i, v) {
        static const char *const known[] = {"EC2", "FARGATE", "EXTERNAL", NULL};
        const char *word = json_string_value(v);

        if (!word || !is_one_of(word, known))
            return xasprintf("Invalid compatibility '%s'.", word ? word : "");
        if (!str_eq(word, "FARGATE"))
            continue;
        if (!str_eq(json_str(request, "networkMode"), "awsvpc"))
            return xstrdup("Fargate only supports network mode 'awsvpc'.");
        if (!json_str(request, "cpu"))
            return xstrdup("Fargate requires that 'cpu' be defined at the task level.");
        if (!json_str(request, "memory"))
            return xstrdup("Fargate requires that 'memory' be defined at the task level.");
        if (has_credential_spec(request))
            return xstrdup("Fargate does not support credentialSpecs.");
    }
    return NULL;
}

static char *check_sizes(const json_t *request)
{
    const char *cpu = json_str(request, "cpu"), *memory = json_str(request, "memory");
    int64_t c = 0, m = 0, sum = 0;
    json_t *v;
    size_t i;

    if (cpu && definition_cpu(cpu, &c) < 0)
        return xasprintf("Invalid 'cpu' setting for task.");
    if (memory && definition_memory(memory, &m) < 0)
        return xasprintf("Invalid 'memory' setting for task.");
    json_array_foreach (json_object_get(request, "containerDefinitions"), i, v)
        sum += json_int(v, "cpu", 0);
    if (cpu && sum > c)
        return xasprintf("The total cpu of the containers (%lld) is above that of the task (%lld).",
                         (long long)sum, (long long)c);
    return NULL;
}

static char *check_constraints(const json_t *request)
{
    json_t *v;
    size_t i;

    if (json_array_size(json_object_get(request, "placementConstraints")) > 10)
        return xstrdup("Too many placement constraints: at most 10.");
    json_array_foreach (json_object_get(request, "placementConstraints"), i, v) {
        struct err e = ERR_INIT;
        struct query *q;

        if (!str_eq(json_str(v, "type"), "memberOf"))
            return xstrdup("Invalid placement constraint: only memberOf is supported in a task "
                           "definition.");
        q = query_parse(json_str(v, "expression"), &e);
        if (!q)
            return xasprintf("Invalid expression: %s", e.text);
        query_free(q);
    }
    return NULL;
}

static char *check_task_volumes(const json_t *request)
{
    const json_t *all = json_object_get(request, "volumes");
    json_t *v;
    size_t i;

    json_array_foreach (all, i, v) {
        const char *name = json_str(v, "name");
        const json_t *docker = json_object_get(v, "dockerVolumeConfiguration");

        if (is_blank(name))
            return xstrdup("Volume.name should not be null or empty.");
        if (!is_name(name))
            return xstrdup("Volume.name contains invalid characters.");
        if (find(all, name) != v)
            return xasprintf("Volume names must be unique: '%s' is there twice.", name);
        if (json_is_object(docker) && json_object_get(docker, "autoprovision") &&
            !str_eq(json_str(docker, "scope"), "shared"))
            return xstrdup("'autoprovision' is only supported with the scope 'shared'.");
    }
    return NULL;
}

static char *check_modes(const json_t *request)
{
    static const char *const networks[] = {"bridge", "host", "awsvpc", "none", NULL};
    static const char *const pids[] = {"host", "task", NULL};
    static const char *const ipcs[] = {"host", "task", "none", NULL};
    const char *mode = json_str(request, "networkMode"), *pid = json_str(request, "pidMode");
    const char *ipc = json_str(request, "ipcMode"), *family = json_str(request, "family");

    if (is_blank(family))
        return xstrdup("Family should not be null or empty.");
    if (!is_name(family))
        return xstrdup("Family contains invalid characters.");
    if (mode && !is_one_of(mode, networks))
        return xasprintf("Invalid network mode '%s'.", mode);
    if (pid && !is_one_of(pid, pids))
        return xasprintf("Invalid pid mode '%s'.", pid);
    if (ipc && !is_one_of(ipc, ipcs))
        return xasprintf("Invalid ipc mode '%s'.", ipc);
    return NULL;
}

char *definition_check(const json_t *request)
{
    static char *(*const checks[])(const json_t *) = {check_modes,        check_sizes,
                                                      check_task_volumes, check_containers,
                                                      check_fargate,      check_constraints};
    char *text = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(checks) && !text; i++)
        text = checks[i](request);
    return text;
}
