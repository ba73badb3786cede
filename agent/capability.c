#include <errno.h>
#include <sys/stat.h>

#include "agent/capability.h"
#include "agent/exec_agent.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/ecs_operation.h"
#include "proto/limits.h"

#define LONG(name)  ECS_CAPABILITY_LONG name
#define SHORT(name) ECS_CAPABILITY_SHORT name

struct capability {
    const char *name;
    size_t config_switch; /* offset of a struct config_bool, 0: none */
    bool when;            /* the switch has to be this */
    int api;              /* Docker API that must be served, 0: any */
};

#define SWITCH(member) offsetof(struct config, member)

/* agent_capability.go, in its order */
static const struct capability first[] = {
    {SHORT("container-ordering"), 0, false, 0},
    {SHORT("full-sync"), 0, false, 0},
    {SHORT("secrets.ssm.environment-variables"), 0, false, 0},
    {SHORT("secrets.ssm.bootstrap.log-driver"), 0, false, 0},
    {SHORT("secrets.asm.environment-variables"), 0, false, 0},
    {SHORT("secrets.asm.bootstrap.log-driver"), 0, false, 0},
    {SHORT("env-files.s3"), 0, false, 0},
    {SHORT("network.container-port-range"), 0, false, 0},
    {SHORT("container-restart-policy"), 0, false, 0},
    {LONG("privileged-container"), SWITCH(disable_privileged), false, 0},
};

static const struct capability before_eni[] = {
    {LONG("selinux"), SWITCH(selinux), true, 0},
    {LONG("apparmor"), SWITCH(apparmor), true, 0},
    {LONG("task-iam-role"), SWITCH(task_iam_role), true, 19},
    {LONG("task-iam-role-network-host"), SWITCH(task_iam_role_network_host), true, 19},
    {SHORT("task-cpu-mem-limit"), SWITCH(task_cpu_mem_limit), true, 22},
    {SHORT("increased-task-cpu-limit"), SWITCH(task_cpu_mem_limit), true, 0},
    {SHORT("execution-role-awslogs"), SWITCH(awslogs_execution_role), true, 0},
};

/* FireLens */
static const char *const firelens[] = {
    SHORT("firelens.fluentd"),
    SHORT("firelens.fluentbit"),
    LONG("logging-driver.awsfirelens"),
    SHORT("logging-driver.awsfirelens.log-driver-buffer-limit"),
    SHORT("firelens.non-root-user"),
    SHORT("firelens.options.config.file"),
    SHORT("firelens.options.config.s3"),
};

static const struct capability after_eni[] = {
    {SHORT("container-health-check"), SWITCH(disable_health_check), false, 24},
    {SHORT("docker-plugin.local"), 0, false, 0},
};

/* The API version from which Docker has a logging driver. (logging_drivers.go) */
static const struct {
    const char *name;
    int api;
} drivers[] = {
    {"json-file", 18}, {"syslog", 18},  {"journald", 19}, {"none", 19},       {"gelf", 20},
    {"fluentd", 20},   {"awslogs", 21}, {"splunk", 22},   {"logentries", 25}, {"sumologic", 29},
};

/* Versions that were never claimed, though served. */
static bool claimed(int minor)
{
    return minor < 33 && minor != 26 && minor != 27 && minor != 31;
}

static void add(json_t *list, const char *name)
{
    json_t *o = json_object();

    json_put_str(o, "name", name);
    json_array_append_new(list, o);
}

static void add_table(json_t *list, const struct capability *table, size_t n,
                      const struct config *c, int api_highest)
{
    for (size_t i = 0; i < n; i++) {
        const struct capability *cap = &table[i];
        const struct config_bool *sw = (const void *)((const char *)c + cap->config_switch);

        if (cap->config_switch && sw->on != cap->when)
            continue;
        if (cap->api > api_highest)
            continue;
        add(list, cap->name);
    }
}

/* A daemon that no longer serves versions below 1.24 still does all they did. */
static int lowest_claimed(int api_lowest)
{
    return api_lowest >= DOCKER_API_EXTENDED ? DOCKER_API_OLDEST : api_lowest;
}

static void add_drivers(json_t *list, const struct config *c, int api_highest)
{
    json_t *driver;
    size_t i;

    json_array_foreach (c->logging_drivers, i, driver) {
        const char *name = json_string_value(driver);

        for (size_t k = 0; k < ARRAY_SIZE(drivers); k++) {
            struct buf text = BUF_INIT(256);

            if (!str_eq(name, drivers[k].name) || drivers[k].api > api_highest)
                continue;
            buf_addf(&text, LONG("logging-driver.%s"), name);
            add(list, buf_str(&text));
            buf_release(&text);
        }
    }
}

/* ---- gMSA (config/parse_linux.go, parse_windows.go) ---- */

/* Only a file that is not there counts: the daemon is not asked. */
static bool has_socket(const struct config *c)
{
    struct stat st;

    return *c->credfetch_socket && (stat(c->credfetch_socket, &st) == 0 || errno != ENOENT);
}

static bool has_gmsa(const struct config *c)
{
    if (c->windows)
        return (c->gmsa_supported.on || !c->gmsa_supported.set) &&
               config_windows_has(c, WINDOWS_JOINED);
    return c->gmsa_supported.on && has_socket(c) && (*c->domainless_secret || c->domain_joined.on);
}

static bool has_gmsa_domainless(const struct config *c)
{
    if (c->windows)
        return c->gmsa_supported.on && !config_windows_is_2016(c) &&
               config_windows_has(c, WINDOWS_CCG_PLUGIN);
    return c->gmsa_supported.on && has_socket(c);
}

static void add_version(json_t *list, const json_t *plugins, const char *name)
{
    const char *version = json_str(plugins, name);

    if (!version)
        return;
    add(list, name);
    json_put_str(json_array_get(list, json_array_size(list) - 1), "value", version);
}

/* (agent_capability.go:appendTaskENICapabilities, appendENITrunkingCapabilities) */
static void add_eni(json_t *list, const struct config *c, const json_t *plugins)
{
    if (!c->task_eni.on || c->external.on)
        return;
    add(list, SHORT("task-eni"));
    add(list, SHORT("task-eni.ipv6"));
    add_version(list, plugins, SHORT("cni-plugin-version"));
    if (c->block_imds.on)
        add(list, SHORT("task-eni-block-instance-metadata"));
    if (!c->eni_trunking.on)
        return;
    add(list, SHORT("task-eni-trunking"));
    add_version(list, plugins, SHORT("branch-cni-plugin-version"));
}

json_t *capability_list(const struct config *c, int api_lowest, int api_highest, bool pause,
                        const json_t *plugins)
{
    json_t *list = json_array();
    json_t *plugin;
    size_t i;

    add_table(list, first, ARRAY_SIZE(first), c, api_highest);
    for (int minor = lowest_claimed(api_lowest); minor <= api_highest; minor++) {
        char name[80];

        if (!claimed(minor))
            continue;
        snprintf(name, sizeof(name), LONG("docker-remote-api.1.%d"), minor);
        add(list, name);
    }
    add_drivers(list, c, api_highest);
    add_table(list, before_eni, ARRAY_SIZE(before_eni), c, api_highest);
    add_eni(list, c, plugins);
    add_table(list, after_eni, ARRAY_SIZE(after_eni), c, api_highest);
    json_array_foreach (c->volume_plugins, i, plugin) {
        struct buf text = BUF_INIT(256);

        buf_addf(&text, SHORT("%s"), json_string_value(plugin));
        add(list, buf_str(&text));
        buf_release(&text);
    }
    if (pause)
        add(list, SHORT("pid-ipc-namespace-sharing"));
    if (c->task_eni.on && !c->external.on)
        add(list, SHORT("aws-appmesh"));
    for (i = 0; i < ARRAY_SIZE(firelens); i++)
        add(list, firelens[i]);
    if (!c->windows && exec_agent_available(EXEC_AGENT_ROOT))
        add(list, SHORT("execute-command"));
    if (has_gmsa(c))
        add(list, SHORT("gmsa"));
    if (has_gmsa_domainless(c))
        add(list, SHORT("gmsa-domainless"));
    if (c->external.on)
        add(list, SHORT("external"));
    return list;
}
