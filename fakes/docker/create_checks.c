/* What dockerd refuses in a create body. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

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

static int policy_wrong(const struct create *r, struct problem *p)
{
    const json_t *policy = json_object_get(r->host, "RestartPolicy");
    const char *name = json_str(policy, "Name");
    int64_t max = json_int(policy, "MaximumRetryCount", 0);
    bool again = str_eq(name, "always") || str_eq(name, "unless-stopped");

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

/* What does not go together with the network of another container. */
static int network_mode_wrong(const struct create *r, struct problem *p)
{
    const char *mode = json_str(r->host, "NetworkMode"), *hostname;
    const char *other = mode ? str_after(mode, "container:") : NULL;

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
            return problem(p, 400, "invalid port specification: \"%s\"", key);
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

int create_settings_wrong(struct create *r, struct problem *p)
{
    if (network_mode_wrong(r, p) < 0 || config_wrong(r, p) < 0 || health_wrong(r, p) < 0 ||
        ports_wrong(r, p) < 0 || policy_wrong(r, p) < 0 || memory_wrong(r, p) < 0)
        return -1;
    return cpu_wrong(r, p);
}

int create_log_driver_wrong(struct create *r, struct problem *p)
{
    static const char *const known[] = {"json-file", "awslogs",    "fluentd", "gcplogs",
                                        "gelf",      "journald",   "local",   "splunk",
                                        "syslog",    "logentries", "none"};
    const char *driver = json_str(json_object_get(r->host, "LogConfig"), "Type");

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(driver, known[i]))
            return 0;
    r->later = true;
    return problem(p, 400, "error looking up logging plugin %s: plugin \"%s\" not found", driver,
                   driver);
}

int create_links_wrong(struct create *r, struct problem *p)
{
    struct problem why = {0};
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(r->host, "Links"), i, v) {
        const char *link = json_string_value(v) ? json_string_value(v) : "";
        char *name = xstrndup(link, strcspn(link, ":"));

        if (!container_find(r->d, name, &why))
            problem(p, 400, "could not get container for %s: %s", name, why.text);
        free(name);
        free(why.text);
        why.text = NULL;
        if (p->status)
            return -1;
    }
    return 0;
}
