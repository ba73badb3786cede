/* launch.h: a task as a PayloadMessage carries it: its definition, rendered for agent and Docker.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/launch.h"

#define MIB (1024 * 1024)

static void copy(json_t *to, const json_t *from, const char *member)
{
    json_t *v = json_object_get(from, member);

    if (v && (!json_is_array(v) || json_array_size(v)))
        json_put(to, member, json_deep_copy(v));
}

/* The same under Docker's name. */
static void copy_as(json_t *to, const char *name, const json_t *from, const char *member)
{
    json_t *v = json_object_get(from, member);

    if (v && (!json_is_array(v) || json_array_size(v)))
        json_put(to, name, json_deep_copy(v));
}

/* --- Docker's part --------------------------------------------------------------------- */

static json_t *health(const json_t *h)
{
    json_t *o = json_object();

    json_put(o, "Test", json_deep_copy(json_object_get(h, "command")));
    json_put_int(o, "Interval", json_int(h, "interval", 30) * NS_PER_S);
    json_put_int(o, "Timeout", json_int(h, "timeout", 5) * NS_PER_S);
    json_put_int(o, "Retries", json_int(h, "retries", 3));
    if (json_int(h, "startPeriod", 0))
        json_put_int(o, "StartPeriod", json_int(h, "startPeriod", 0) * NS_PER_S);
    return o;
}

static json_t *docker_config(const json_t *c)
{
    json_t *o = json_object();

    copy_as(o, "Hostname", c, "hostname");
    copy_as(o, "User", c, "user");
    copy_as(o, "WorkingDir", c, "workingDirectory");
    copy_as(o, "Labels", c, "dockerLabels");
    copy_as(o, "Tty", c, "pseudoTerminal");
    copy_as(o, "OpenStdin", c, "interactive");
    copy_as(o, "NetworkDisabled", c, "disableNetworking");
    if (json_is_object(json_object_get(c, "healthCheck")))
        json_put(o, "Healthcheck", health(json_object_get(c, "healthCheck")));
    return o;
}

static void extra_hosts(json_t *o, const json_t *c)
{
    json_t *list = json_array(), *h;
    size_t i;

    json_array_foreach (json_object_get(c, "extraHosts"), i, h) {
        _cleanup_free_ char *text =
            xasprintf("%s:%s", json_str(h, "hostname"), json_str(h, "ipAddress"));

        json_array_append_new(list, json_string(text));
    }
    json_put(o, "ExtraHosts", json_array_size(list) ? json_incref(list) : NULL);
    json_decref(list);
}

static void ulimits(json_t *o, const json_t *c)
{
    json_t *list = json_array(), *u;
    size_t i;

    json_array_foreach (json_object_get(c, "ulimits"), i, u)
        json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "Name", json_str(u, "name"), "Soft",
                                              json_int(u, "softLimit", 0), "Hard",
                                              json_int(u, "hardLimit", 0)));
    json_put(o, "Ulimits", json_array_size(list) ? json_incref(list) : NULL);
    json_decref(list);
}

static void devices(json_t *o, const json_t *l)
{
    static const struct {
        const char *word;
        char letter;
    } permissions[] = {{"read", 'r'}, {"write", 'w'}, {"mknod", 'm'}};
    json_t *list = json_array(), *d, *word;
    size_t i, k;

    json_array_foreach (json_object_get(l, "devices"), i, d) {
        const char *host = json_str(d, "hostPath"), *inside = json_str(d, "containerPath");
        char rights[4] = "";

        json_array_foreach (json_object_get(d, "permissions"), k, word)
            for (size_t n = 0; n < ARRAY_SIZE(permissions); n++)
                if (str_eq(json_string_value(word), permissions[n].word) && strlen(rights) < 3)
                    rights[strlen(rights)] = permissions[n].letter;
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "PathOnHost", host ? host : "",
                                              "PathInContainer",
                                              inside ? inside
                                              : host ? host
                                                     : "",
                                              "CgroupPermissions", *rights ? rights : "rwm"));
    }
    json_put(o, "Devices", json_array_size(list) ? json_incref(list) : NULL);
    json_decref(list);
}

static void tmpfs(json_t *o, const json_t *l)
{
    json_t *map = json_object(), *t, *option;
    size_t i, k;

    json_array_foreach (json_object_get(l, "tmpfs"), i, t) {
        struct buf b = BUF_INIT(4096);

        json_array_foreach (json_object_get(t, "mountOptions"), k, option)
            buf_addf(&b, "%s,", json_string_value(option));
        buf_addf(&b, "size=%lldm", (long long)json_int(t, "size", 0));
        if (json_str(t, "containerPath"))
            json_put_str(map, json_str(t, "containerPath"), buf_str(&b));
        buf_release(&b);
    }
    json_put(o, "Tmpfs", json_object_size(map) ? json_incref(map) : NULL);
    json_decref(map);
}

static void linux_part(json_t *o, const json_t *l)
{
    const json_t *caps = json_object_get(l, "capabilities");

    copy_as(o, "CapAdd", caps, "add");
    copy_as(o, "CapDrop", caps, "drop");
    copy_as(o, "Init", l, "initProcessEnabled");
    copy_as(o, "MemorySwappiness", l, "swappiness");
    if (json_int(l, "sharedMemorySize", 0))
        json_put_int(o, "ShmSize", json_int(l, "sharedMemorySize", 0) * MIB);
    devices(o, l);
    tmpfs(o, l);
}

static void sysctls(json_t *o, const json_t *c)
{
    json_t *map = json_object(), *s;
    size_t i;

    json_array_foreach (json_object_get(c, "systemControls"), i, s)
        if (json_str(s, "namespace"))
            json_put_str(map, json_str(s, "namespace"), json_str(s, "value"));
    json_put(o, "Sysctls", json_object_size(map) ? json_incref(map) : NULL);
    json_decref(map);
}

static json_t *host_config(const json_t *doc, const json_t *c, const json_t *override)
{
    const json_t *log = json_object_get(c, "logConfiguration");
    const json_t *l = json_object_get(c, "linuxParameters");
    const char *mode = json_str(doc, "networkMode");
    int64_t soft = json_int(override, "memoryReservation", json_int(c, "memoryReservation", 0));
    int64_t hard = json_int(override, "memory", json_int(c, "memory", 0));
    json_t *o = json_object(), *options;

    if (!str_eq(mode, "awsvpc"))
        json_put_str(o, "NetworkMode", mode ? mode : "bridge");
    json_put(o, "CapAdd", json_array());
    json_put(o, "CapDrop", json_array());
    copy_as(o, "Privileged", c, "privileged");
    copy_as(o, "ReadonlyRootfs", c, "readonlyRootFilesystem");
    copy_as(o, "Dns", c, "dnsServers");
    copy_as(o, "DnsSearch", c, "dnsSearchDomains");
    copy_as(o, "SecurityOpt", c, "dockerSecurityOptions");
    extra_hosts(o, c);
    ulimits(o, c);
    sysctls(o, c);
    linux_part(o, l);
    if (soft)
        json_put_int(o, "MemoryReservation", soft * MIB);
    if (hard && json_object_get(l, "maxSwap"))
        json_put_int(o, "MemorySwap", (hard + json_int(l, "maxSwap", 0)) * MIB);
    if (!json_is_object(log))
        return o;
    options = json_object_get(log, "options");
    json_put(o, "LogConfig",
             json_pack("{s:s,s:o}", "Type", json_str(log, "logDriver"), "Config",
                       json_is_object(options) ? json_deep_copy(options) : json_object()));
    return o;
}

static json_t *docker_part(const json_t *doc, const json_t *c, const json_t *override)
{
    json_t *config _cleanup_json_ = docker_config(c);
    json_t *host _cleanup_json_ = host_config(doc, c, override);
    _cleanup_free_ char *config_text = json_text(config), *host_text = json_text(host);
    const json_t *l = json_object_get(c, "linuxParameters");
    const char *version = json_object_get(l, "initProcessEnabled")  ? "1.25"
                          : json_object_get(c, "healthCheck")       ? "1.24"
                          : json_object_get(l, "tmpfs")             ? "1.22"
                          : json_object_get(c, "memoryReservation") ? "1.21"
                                                                    : "1.18";

    return json_pack("{s:s,s:s,s:s}", "config", config_text, "hostConfig", host_text, "version",
                     version);
}

/* --- the agent's part ------------------------------------------------------------------ */

static void put_pairs(json_t *map, const json_t *pairs)
{
    json_t *v;
    size_t i;

    json_array_foreach (pairs, i, v)
        if (json_str(v, "name"))
            json_put_str(map, json_str(v, "name"),
                         json_str(v, "value") ? json_str(v, "value") : "");
}

static json_t *environment(const json_t *c, const json_t *override)
{
    json_t *map = json_object();

    put_pairs(map, json_object_get(c, "environment"));
    put_pairs(map, json_object_get(override, "environment"));
    return map;
}

static void put_secrets(json_t *list, const json_t *secrets, const char *target, const char *region)
{
    json_t *s;
    size_t i;

    json_array_foreach (secrets, i, s) {
        const char *from = json_str(s, "valueFrom");
        bool asm_ = from && strstr(from, ":secretsmanager:");
        json_t *o = json_object();

        json_put_str(o, "name", json_str(s, "name"));
        json_put_str(o, "valueFrom", from);
        json_put_str(o, "type", "ENVIRONMENT_VARIABLE");
        json_put_str(o, "provider", asm_ ? "asm" : "ssm");
        json_put_str(o, "region", region);
        json_put_str(o, "target", target);
        json_array_append_new(list, o);
    }
}

static json_t *secrets(const struct plane *p, const json_t *c)
{
    json_t *list = json_array();

    put_secrets(list, json_object_get(c, "secrets"), "CONTAINER", p->world->id.region);
    put_secrets(list, json_object_get(json_object_get(c, "logConfiguration"), "secretOptions"),
                "LOG_DRIVER", p->world->id.region);
    return list;
}

/* ACCOUNT.dkr.ecr.REGION.amazonaws.com/...: the agent logs in with what GetAuthorizationToken
 * gives; a secret of Secrets Manager is for other registries. */
static json_t *registry(const struct plane *p, const struct plane_launch *l, const json_t *c)
{
    const char *image = json_str(c, "image"), *mark = image ? strstr(image, ".dkr.ecr.") : NULL;
    const char *parameter =
        json_str(json_object_get(c, "repositoryCredentials"), "credentialsParameter");
    bool role = launch_text(l, "executionRoleArn") != NULL;
    const char *region, *end;
    json_t *data;

    if (parameter)
        return json_pack("{s:s,s:{s:s,s:s}}", "type", "asm", "asmAuthData", "credentialsParameter",
                         parameter, "region", p->world->id.region);
    region = mark ? mark + strlen(".dkr.ecr.") : NULL;
    end = region ? strstr(region, ".amazonaws.com") : NULL;
    if (!end)
        return NULL;
    data = json_object();
    json_put(data, "registryId", json_stringn(image, (size_t)(mark - image)));
    json_put(data, "region", json_stringn(region, (size_t)(end - region)));
    json_put_bool(data, "useExecutionRole", role);
    return json_pack("{s:s,s:o}", "type", "ecr", "ecrAuthData", data);
}

static void put_overrides(json_t *o, const json_t *override)
{
    _cleanup_free_ char *text = NULL;
    json_t *part _cleanup_json_ = json_object();

    copy(part, override, "command");
    if (!json_object_size(part))
        return;
    text = json_text(part);
    json_put_str(o, "overrides", text);
}

static json_t *container(const struct plane *p, const struct plane_task *t, const json_t *c)
{
    static const char *const same[] = {"name",           "image",
                                       "essential",      "links",
                                       "entryPoint",     "command",
                                       "portMappings",   "mountPoints",
                                       "volumesFrom",    "dependsOn",
                                       "startTimeout",   "stopTimeout",
                                       "restartPolicy",  "firelensConfiguration",
                                       "credentialSpecs"};
    const struct plane_launch *l = t->launch;
    const json_t *override = launch_override(l->overrides, json_str(c, "name"));
    json_t *o = json_object(), *list;

    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        copy(o, c, same[i]);
    json_put_int(o, "cpu", json_int(override, "cpu", json_int(c, "cpu", 0)));
    json_put_int(o, "memory", json_int(override, "memory", json_int(c, "memory", 0)));
    json_put(o, "environment", environment(c, override));
    copy(o, json_object_get(override, "environmentFiles") ? override : c, "environmentFiles");
    list = secrets(p, c);
    json_put(o, "secrets", json_array_size(list) ? json_incref(list) : NULL);
    json_decref(list);
    json_put(o, "registryAuthentication", registry(p, l, c));
    if (json_is_object(json_object_get(c, "healthCheck")))
        json_put_str(o, "healthCheckType", "docker");
    if (launch_text(l, "executionRoleArn") &&
        str_eq(json_str(json_object_get(c, "logConfiguration"), "logDriver"), "awslogs"))
        json_put_str(o, "logsAuthStrategy", "ExecutionRole");
    if (l->exec)
        json_put(o, "managedAgents",
                 json_pack("[{s:s,s:{}}]", "name", "ExecuteCommandAgent", "properties"));
    put_overrides(o, override);
    json_put(o, "dockerConfig", docker_part(l->definition->doc, c, override));
    json_put_str(o, "containerArn",
                 json_str(json_object_get(t->containers, json_str(c, "name")), "containerArn"));
    return o;
}

static json_t *volumes(const json_t *doc)
{
    static const struct {
        const char *member, *type;
    } kinds[] = {{"dockerVolumeConfiguration", "docker"},
                 {"efsVolumeConfiguration", "efs"},
                 {"fsxWindowsFileServerVolumeConfiguration", "fsxWindowsFileServer"}};
    json_t *list = json_array(), *v;
    size_t i;

    json_array_foreach (json_object_get(doc, "volumes"), i, v) {
        json_t *o = json_deep_copy(v);

        json_put_str(o, "type", "host");
        for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
            if (json_is_object(json_object_get(o, kinds[k].member)))
                json_put_str(o, "type", kinds[k].type);
        if (str_eq(json_str(o, "type"), "host") && !json_object_get(o, "host"))
            json_put(o, "host", json_object());
        json_array_append_new(list, o);
    }
    return list;
}

static void put_sizes(json_t *o, const struct plane_launch *l)
{
    const char *cpu = launch_text(l, "cpu"), *memory = launch_text(l, "memory");
    int64_t n;

    if (cpu && definition_cpu(cpu, &n) == 0)
        json_put(o, "cpu", json_real((double)n / 1024.0));
    if (memory && definition_memory(memory, &n) == 0)
        json_put_int(o, "memory", n);
}

json_t *payload_task(const struct plane *p, const struct plane_task *t)
{
    const struct plane_launch *l = t->launch;
    const json_t *doc = l->definition->doc;
    json_t *o = json_object(), *containers = json_array(), *c;
    size_t i;

    json_array_foreach (json_object_get(doc, "containerDefinitions"), i, c)
        json_array_append_new(containers, container(p, t, c));
    json_put_str(o, "arn", t->arn);
    json_put_str(o, "taskClusterArn", t->cluster->arn);
    json_put_str(o, "family", t->family);
    json_put_str(o, "version", t->revision);
    json_put_str(o, "desiredStatus", t->desired == PLANE_TASK_STOPPED ? "STOPPED" : "RUNNING");
    json_put_str(o, "taskDefinitionAccountId", p->world->id.account);
    json_put_str(o, "launchType", t->launch_type);
    json_put_str(o, "group", l->group);
    if (l->service)
        json_put_str(o, "serviceName", strrchr(l->service, '/') + 1);
    json_put_str(o, "networkMode",
                 json_str(doc, "networkMode") ? json_str(doc, "networkMode") : "bridge");
    put_sizes(o, l);
    copy(o, doc, "pidMode");
    copy(o, doc, "ipcMode");
    json_put(o, "volumes", volumes(doc));
    json_put(o, "roleCredentials", json_deep_copy(l->credentials[0]));
    json_put(o, "executionRoleCredentials", json_deep_copy(l->credentials[1]));
    json_put(o, "containers", containers);
    return o;
}
