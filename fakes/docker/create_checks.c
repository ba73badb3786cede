/* What dockerd refuses in a create body. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/create.h"

static int64_t host_int(const struct create *r, const char *member)
{
    return json_int(r->host, member, 0);
}

static bool has_words(const struct create *r, const char *member)
{
    return json_array_size(json_object_get(r->host, member)) > 0;
}

static int memory_wrong(const struct create *r, struct problem *p)
{
    int64_t memory = host_int(r, "Memory"), swap = host_int(r, "MemorySwap");
    int64_t reserved = host_int(r, "MemoryReservation");
    int64_t least = r->d->api >= API(41) ? 6 << 20 : 4 << 20;

    if (memory && memory < least)
        return problem(p, 400, "Minimum memory limit allowed is %lldMB", (long long)(least >> 20));
    if (memory > 0 && swap > 0 && swap < memory)
        return problem(p, 400,
                       "Minimum memoryswap limit should be larger than memory limit, see usage");
    if (!memory && swap > 0)
        return problem(p, 400,
                       "You should always set the Memory limit when using Memoryswap limit, see "
                       "usage");
    if (reserved && reserved < least)
        return problem(p, 400, "Minimum memory reservation allowed is %lldMB",
                       (long long)(least >> 20));
    if (memory > 0 && reserved > 0 && memory < reserved)
        return problem(p, 400,
                       "Minimum memory limit can not be less than memory reservation limit, see "
                       "usage");
    return 0;
}

static int cpu_wrong(const struct create *r, struct problem *p)
{
    int64_t nano = host_int(r, "NanoCpus"), period = host_int(r, "CpuPeriod");
    int64_t quota = host_int(r, "CpuQuota"), oom = host_int(r, "OomScoreAdj");

    if (nano > 0 && period > 0)
        return problem(p, 400, "Conflicting options: Nano CPUs and CPU Period cannot both be set");
    if (nano > 0 && quota > 0)
        return problem(p, 400, "Conflicting options: Nano CPUs and CPU Quota cannot both be set");
    if (nano < 0 || nano > 2 * 1000000000LL)
        return problem(p, 400,
                       "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available");
    if (period && (period < 1000 || period > 1000000))
        return problem(p, 400,
                       "CPU cfs period can not be less than 1ms (i.e. 1000) or larger "
                       "than 1s (i.e. 1000000)");
    if (quota > 0 && quota < 1000)
        return problem(p, 400, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    if (oom < -1000 || oom > 1000)
        return problem(p, 400, "Invalid value %lld, range for oom score adj is [-1000, 1000]",
                       (long long)oom);
    if (host_int(r, "ShmSize") < 0)
        return problem(p, 400, "SHM size can not be less than 0");
    return 0;
}

/* The same in the words of engine 25 and later. */
static int policy_wrong_today(const char *name, int64_t max, struct problem *p)
{
    static const char *const known[] = {"", "no", "always", "on-failure", "unless-stopped"};
    bool found = !name;

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        found |= str_eq(name, known[i]);
    if (!found)
        return problem(p, 400,
                       "invalid restart policy: unknown policy '%s'; use one of 'no', 'always', "
                       "'on-failure', or 'unless-stopped'",
                       name);
    if (max && name && *name && !str_eq(name, "on-failure"))
        return problem(p, 400,
                       "invalid restart policy: maximum retry count can only be used with "
                       "'on-failure'");
    return max < 0
               ? problem(p, 400, "invalid restart policy: maximum retry count cannot be negative")
               : 0;
}

/* From 25 on modes that do not exist are refused at once. */
static int modes_wrong(const struct create *r, struct problem *p)
{
    static const struct {
        const char *member, *name;
        const char *known[6];
    } modes[] = {
        {"PidMode", "PID", {"", "host"}},
        {"IpcMode", "IPC", {"", "none", "private", "shareable", "host"}},
        {"UTSMode", "UTS", {"", "host"}},
    };

    for (size_t i = 0; r->d->api >= API(44) && i < ARRAY_SIZE(modes); i++) {
        const char *mode = json_str(r->host, modes[i].member);
        bool found = !mode || str_starts(mode, "container:");

        for (size_t k = 0; k < ARRAY_SIZE(modes[i].known) && modes[i].known[k]; k++)
            found |= str_eq(mode, modes[i].known[k]);
        if (!found)
            return problem(p, 400, "invalid %s mode: %s", modes[i].name, mode);
    }
    return 0;
}

static int policy_wrong(const struct create *r, struct problem *p)
{
    const json_t *policy = json_object_get(r->host, "RestartPolicy");
    const char *name = json_str(policy, "Name");
    int64_t max = json_int(policy, "MaximumRetryCount", 0);
    bool again = str_eq(name, "always") || str_eq(name, "unless-stopped");

    if (r->d->api >= API(44) && policy_wrong_today(name, max, p) < 0)
        return -1;
    if (name && *name && !again && !str_eq(name, "no") && !str_eq(name, "on-failure"))
        return problem(p, 400, "invalid restart policy '%s'", name);
    if (max && (again || str_eq(name, "no")))
        return problem(p, 400, "maximum retry count cannot be used with restart policy '%s'", name);
    if (max < 0)
        return problem(p, 400, "maximum retry count cannot be negative");
    if (json_bool(r->host, "AutoRemove", false) && name && *name && !str_eq(name, "no"))
        return problem(p, 400, "can't create 'AutoRemove' container with restart policy");
    return 0;
}

/* What does not go together with the network of another container, or of the host. */
static int network_mode_wrong(const struct create *r, struct problem *p)
{
    const char *mode = json_str(r->host, "NetworkMode"), *hostname;
    const char *other = mode ? str_after(mode, "container:") : NULL;

    if (str_eq(mode, "host") && has_words(r, "Links"))
        return problem(p, 400,
                       "conflicting options: host type networking can't be used with links. This "
                       "would result in undefined behavior");
    if (!other)
        return 0;
    if (!*other)
        return problem(p, 400,
                       "Invalid network mode: invalid container format container:<name|id>");
    hostname = json_str(r->config, "Hostname");
    if (hostname && *hostname)
        return problem(p, 400, "conflicting options: hostname and the network mode");
    if (has_words(r, "Links"))
        return problem(p, 400,
                       "conflicting options: container type network can't be used with "
                       "links. This would result in undefined behavior");
    if (has_words(r, "Dns"))
        return problem(p, 400, "conflicting options: dns and the network mode");
    if (has_words(r, "ExtraHosts"))
        return problem(p, 400,
                       "conflicting options: custom host-to-IP mapping and the network mode");
    if (json_object_size(json_object_get(r->host, "PortBindings")) ||
        json_bool(r->host, "PublishAllPorts", false))
        return problem(p, 400,
                       "conflicting options: port publishing and the container type network mode");
    if (json_object_size(json_object_get(r->config, "ExposedPorts")))
        return problem(p, 400,
                       "conflicting options: port exposing and the container type network mode");
    return 0;
}

static int ports_wrong(const struct create *r, struct problem *p)
{
    json_t *bindings = json_object_get(r->host, "PortBindings"), *list, *one;
    const char *key;
    uint64_t port;
    size_t i;

    json_object_foreach (bindings, key, list) {
        char *number = xstrndup(key, strcspn(key, "/"));
        int bad = str_u64(number, 65535, &port);

        free(number);
        if (bad < 0)
            return problem(p, 400, "invalid port specification: \"%.*s\"", (int)strcspn(key, "/"),
                           key);
        json_array_foreach (list, i, one) {
            const char *host = json_str(one, "HostPort");
            char *first = xstrndup(host ? host : "", strcspn(host ? host : "", "-"));

            bad = *first ? str_u64(first, 65535, &port) : 0;
            free(first);
            if (bad < 0)
                return problem(p, 400, "invalid port specification: \"%s\"", host);
        }
    }
    return 0;
}

static int health_wrong(const struct create *r, struct problem *p)
{
    static const char *const members[] = {"Interval", "Timeout", "StartPeriod"};
    const json_t *h = json_object_get(r->config, "Healthcheck");

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        int64_t ns = json_int(h, members[i], 0);

        if (ns && ns < NS_PER_MS)
            return problem(p, 400, "%s in Healthcheck cannot be less than 1ms", members[i]);
    }
    if (json_int(h, "Retries", 0) < 0)
        return problem(p, 400, "Retries in Healthcheck cannot be negative");
    return 0;
}

static int config_wrong(const struct create *r, struct problem *p)
{
    const char *dir = json_str(r->config, "WorkingDir"), *signal, *word;
    json_t *v;
    size_t i;

    if (dir && *dir && *dir != '/')
        return problem(
            p, 400, "the working directory '%s' is invalid, it needs to be an absolute path", dir);
    json_array_foreach (json_object_get(r->config, "Env"), i, v) {
        word = json_string_value(v);
        if (word && (*word == '=' || !*word))
            return problem(p, 400, "invalid environment variable: %s", word);
    }
    signal = json_str(r->config, "StopSignal");
    if (signal && *signal && signal_from(signal) < 0)
        return problem(p, 400, docker_modern(r->d) ? "invalid signal: %s" : "Invalid signal: %s",
                       signal);
    json_array_foreach (json_object_get(r->host, "ExtraHosts"), i, v) {
        word = json_string_value(v);
        if (word && !strchr(word, ':'))
            return problem(p, 400, "bad format for add-host: \"%s\"", word);
    }
    return 0;
}

/* "0-2,4" of the processors that are there. */
static int cpuset_wrong(const struct create *r, struct problem *p)
{
    const char *set = json_str(r->host, "CpusetCpus"), *s = set;
    bool away = false;

    while (s && *s) {
        char *end;
        unsigned long from = strtoul(s, &end, 10), to = from;

        if (end == s)
            break;
        if (*end == '-') {
            s = end + 1;
            to = strtoul(s, &end, 10);
        }
        if (end == s || to < from || (*end && *end != ','))
            break;
        away |= to > 1;
        s = end + (*end == ',');
    }
    if (s && *s)
        return problem(p, 400, "Invalid value %s for cpuset cpus: invalid format: %s", set, set);
    if (away)
        return problem(p, 400, "Requested CPUs are not available - requested %s, available: 0-1",
                       set);
    return 0;
}

static int capabilities_wrong(const struct create *r, const char *member, struct problem *p)
{
    static const char *const known[] = {"ALL",
                                        "AUDIT_CONTROL",
                                        "AUDIT_READ",
                                        "AUDIT_WRITE",
                                        "BLOCK_SUSPEND",
                                        "BPF",
                                        "CHECKPOINT_RESTORE",
                                        "CHOWN",
                                        "DAC_OVERRIDE",
                                        "DAC_READ_SEARCH",
                                        "FOWNER",
                                        "FSETID",
                                        "IPC_LOCK",
                                        "IPC_OWNER",
                                        "KILL",
                                        "LEASE",
                                        "LINUX_IMMUTABLE",
                                        "MAC_ADMIN",
                                        "MAC_OVERRIDE",
                                        "MKNOD",
                                        "NET_ADMIN",
                                        "NET_BIND_SERVICE",
                                        "NET_BROADCAST",
                                        "NET_RAW",
                                        "PERFMON",
                                        "SETFCAP",
                                        "SETGID",
                                        "SETPCAP",
                                        "SETUID",
                                        "SYSLOG",
                                        "SYS_ADMIN",
                                        "SYS_BOOT",
                                        "SYS_CHROOT",
                                        "SYS_MODULE",
                                        "SYS_NICE",
                                        "SYS_PACCT",
                                        "SYS_PTRACE",
                                        "SYS_RAWIO",
                                        "SYS_RESOURCE",
                                        "SYS_TIME",
                                        "SYS_TTY_CONFIG",
                                        "WAKE_ALARM"};
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(r->host, member), i, v) {
        const char *word = json_string_value(v) ? json_string_value(v) : "";
        char *upper = xstrdup(strncasecmp(word, "CAP_", 4) ? word : word + 4);
        bool found = false;

        for (char *s = upper; *s; s++)
            *s = (char)toupper((unsigned char)*s);
        for (size_t k = 0; k < ARRAY_SIZE(known); k++)
            found |= str_eq(known[k], upper);
        if (!found)
            problem(p, 400, "invalid %s: unknown capability: \"CAP_%s\"", member, upper);
        free(upper);
        if (!found)
            return -1;
    }
    return 0;
}

/* The word in front of '=', or of ':', its older spelling. (daemon_unix.go:parseSecurityOpt) */
static bool security_option_known(const char *option)
{
    static const char *const known[] = {
        "label", "apparmor", "seccomp", "no-new-privileges", "systempaths", "writable-cgroups"};
    size_t n = strchr(option, '=') ? strcspn(option, "=") : strcspn(option, ":");

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strlen(known[i]) == n && strncmp(known[i], option, n) == 0)
            return true;
    return false;
}

static int rights_wrong(const struct create *r, struct problem *p)
{
    static const char *const runtimes[] = {"runc", "nvidia", "io.containerd.runc.v2",
                                           "io.containerd.runtime.v1.linux"};
    const char *runtime = json_str(r->host, "Runtime");
    const json_t *swappiness = json_object_get(r->host, "MemorySwappiness");
    int64_t n = json_integer_value(swappiness);
    bool known = !runtime || !*runtime;
    json_t *v;
    size_t i;

    if (swappiness && !json_is_null(swappiness) && (n < -1 || n > 100))
        return problem(p, 400, "Invalid value: %lld, valid memory swappiness range is 0-100",
                       (long long)n);
    for (i = 0; i < ARRAY_SIZE(runtimes); i++)
        known |= str_eq(runtime, runtimes[i]);
    if (!known)
        return problem(p, 400, "%s%s",
                       docker_modern(r->d) ? "unknown or invalid runtime name: "
                                           : "Unknown runtime specified ",
                       runtime);
    if (capabilities_wrong(r, "CapAdd", p) < 0 || capabilities_wrong(r, "CapDrop", p) < 0)
        return -1;
    json_array_foreach (json_object_get(r->host, "SecurityOpt"), i, v) {
        const char *word = json_string_value(v) ? json_string_value(v) : "";

        if (r->d->windows || str_eq(word, "no-new-privileges"))
            continue; /* there they are looked at when the container starts */
        if (!strpbrk(word, "=:"))
            return problem(p, 500, "invalid --security-opt 1: \"%s\"", word);
        if (!security_option_known(word))
            return problem(p, 500, "invalid --security-opt 2: \"%s\"", word);
    }
    return 0;
}

int create_settings_wrong(struct create *r, struct problem *p)
{
    if (modes_wrong(r, p) < 0 || network_mode_wrong(r, p) < 0 || config_wrong(r, p) < 0 ||
        health_wrong(r, p) < 0 || ports_wrong(r, p) < 0 || policy_wrong(r, p) < 0 ||
        memory_wrong(r, p) < 0)
        return -1;
    return cpu_wrong(r, p) < 0 || cpuset_wrong(r, p) < 0 || rights_wrong(r, p) < 0 ? -1 : 0;
}

/* The options that json-file and awslogs know; other drivers are not asked. */
static int log_options_wrong(const struct create *r, const char *driver, struct problem *p)
{
    static const char *const file[] = {"max-file",  "max-size",     "compress",
                                       "labels",    "labels-regex", "env",
                                       "env-regex", "tag",          NULL};
    static const char *const aws[] = {"awslogs-group",
                                      "awslogs-region",
                                      "awslogs-stream",
                                      "awslogs-create-group",
                                      "awslogs-create-stream",
                                      "awslogs-credentials-endpoint",
                                      "awslogs-datetime-format",
                                      "awslogs-endpoint",
                                      "awslogs-force-flush-interval-seconds",
                                      "awslogs-format",
                                      "awslogs-max-buffered-events",
                                      "awslogs-multiline-pattern",
                                      "tag",
                                      NULL};
    const char *const *known = str_eq(driver, "json-file") ? file
                               : str_eq(driver, "awslogs") ? aws
                                                           : NULL;
    json_t *options = json_at(r->host, "LogConfig.Config"), *v;
    const char *key;

    if (!known)
        return 0;
    json_object_foreach (options, key, v) {
        bool found = str_eq(key, "mode") || str_eq(key, "max-buffer-size");

        for (size_t i = 0; known[i]; i++)
            found |= str_eq(known[i], key);
        if (!found)
            return problem(p, 400, "unknown log opt '%s' for %s log driver", key, driver);
    }
    if (known == aws && !json_object_get(options, "awslogs-group"))
        return problem(p, 400, "must specify a value for log opt 'awslogs-group'");
    return 0;
}

int create_log_driver_wrong(struct create *r, struct problem *p)
{
    static const char *const known[] = {"json-file", "awslogs",    "fluentd", "gcplogs",
                                        "gelf",      "journald",   "local",   "splunk",
                                        "syslog",    "logentries", "none"};
    const char *driver = json_str(json_object_get(r->host, "LogConfig"), "Type");

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(driver, known[i]))
            return log_options_wrong(r, driver, p);
    r->later = true;
    return problem(p, 400, "error looking up logging plugin %s: plugin \"%s\" not found", driver,
                   driver);
}
