/* Ping, version, info, plugins, networks; and the version window. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/docker.h"
#include "fakes/docker/gojson.h"

#define KERNEL "6.1.0-ecsim"
#define NCPU   2
#define MEMORY 8589934592LL

static const struct release {
    const char *version;
    int api, min;
    const char *go, *containerd, *runc;
} releases[] = {
    /* until 1.8 an engine had no oldest version of its API; what 1.8 says holds for them too */
    {"1.5.0", API(17), API(12), "go1.4.1", NULL, NULL},
    {"1.6.2", API(18), API(12), "go1.4.2", NULL, NULL},
    {"1.7.1", API(19), API(12), "go1.4.2", NULL, NULL},
    {"1.8.3", API(20), API(12), "go1.4.2", NULL, NULL},
    {"1.9.1", API(21), API(12), "go1.4.3", NULL, NULL},
    {"1.10.3", API(22), API(12), "go1.5.3", NULL, NULL},
    {"1.11.2", API(23), API(12), "go1.5.4", NULL, NULL},
    {"1.12.6", API(24), API(12), "go1.6.4", NULL, NULL},
    {"1.13.1", API(26), API(12), "go1.7.5", NULL, NULL},
    {"17.03.2-ce", API(27), API(12), "go1.7.5", NULL, NULL},
    {"17.06.2-ce", API(30), API(12), "go1.8.3", NULL, NULL},
    {"17.09.1-ce", API(32), API(12), "go1.8.3", NULL, NULL},
    {"17.12.1-ce", API(35), API(12), "go1.9.4", NULL, NULL},
    {"18.03.1-ce", API(37), API(12), "go1.9.5", NULL, NULL},
    {"18.06.1-ce", API(38), API(12), "go1.10.3", NULL, NULL},
    {"18.09.9", API(39), API(12), "go1.11.13", "1.2.10", "1.0.0-rc8"},
    {"19.03.15", API(40), API(12), "go1.13.15", "1.3.9", "1.0.0-rc10"},
    {"20.10.24", API(41), API(12), "go1.19.8", "1.6.20", "1.1.5"},
    {"23.0.6", API(42), API(12), "go1.19.9", "1.6.21", "1.1.7"},
    {"24.0.9", API(43), API(12), "go1.20.13", "1.6.28", "1.1.12"},
    {"25.0.5", API(44), API(24), "go1.21.8", "1.7.13", "1.1.12"},
    {"26.1.5", API(45), API(24), "go1.21.11", "1.7.18", "1.1.13"},
    {"27.0.3", API(46), API(24), "go1.21.11", "1.7.18", "1.1.13"},
    {"27.5.1", API(47), API(24), "go1.22.11", "1.7.25", "1.2.4"},
    {"28.0.4", API(48), API(24), "go1.23.7", "1.7.27", "1.2.5"},
    {"29.0.0", API(52), API(44), "go1.25.3", "2.1.5", "1.3.3"},
};

int api_from(const char *s)
{
    const char *dot = strchr(s, '.');
    uint64_t major, minor;
    char *first;
    int r;

    if (!dot)
        return -1;
    first = xstrndup(s, (size_t)(dot - s));
    r = str_u64(first, 9, &major);
    free(first);
    if (r < 0 || str_u64(dot + 1, 999, &minor) < 0)
        return -1;
    return (int)(major * 1000 + minor);
}

/* The release that has this API, or the newest below it. */
static const struct release *release_of_api(int api)
{
    const struct release *best = &releases[0];

    for (size_t i = 0; i < ARRAY_SIZE(releases); i++)
        if (releases[i].api <= api)
            best = &releases[i];
    return best;
}

/* By major and minor number: 25.0.3 is 25.0; else by the major number; else NULL. */
static const struct release *release_of_version(const char *version)
{
    const char *dot = strchr(version, '.');
    size_t n = dot ? (size_t)(dot - version) + 1 + strcspn(dot + 1, ".-+") : strlen(version);

    for (int part = 0; part < 2 && n; part++) {
        for (size_t i = ARRAY_SIZE(releases); i-- > 0;)
            if (!strncmp(releases[i].version, version, n) &&
                strchr(".-+", releases[i].version[n] ? releases[i].version[n] : '.'))
                return &releases[i];
        n = strcspn(version, ".");
    }
    return NULL;
}

bool docker_knows_version(const char *version)
{
    return *version && !strpbrk(version, " \r\n\"") && release_of_version(version);
}

static void name_api(int api, char out[24])
{
    snprintf(out, 24, "%d.%d", api / 1000, api % 1000);
}

const char *docker_version_at(size_t i, char min[24], char api[24])
{
    if (i >= ARRAY_SIZE(releases))
        return NULL;
    name_api(releases[i].min, min);
    name_api(releases[i].api, api);
    return releases[i].version;
}

int docker_set_version(struct docker *d, const char *version, const char *api, const char *min,
                       struct err *e)
{
    const struct release *r = version ? release_of_version(version) : NULL;
    int a = api ? api_from(api) : -1, m = min ? api_from(min) : -1;

    if ((api && a < 0) || (min && m < 0))
        return err_set(e, ERR_USAGE, "%s: %s is not a version such as 1.41", a < 0 ? "api" : "min",
                       a < 0 && api ? api : min);
    if (version && (!*version || strpbrk(version, " \r\n\"") || strlen(version) > 60))
        return err_set(e, ERR_USAGE, "version: %s is not a version such as 20.10.24", version);
    if (version && !r && a < 0)
        return err_set(e, ERR_USAGE, "version: %s is not known; say its api too", version);
    if (a < 0)
        a = r ? r->api : d->api;
    if (!r)
        r = release_of_api(a);
    if (m < 0)
        m = r->min > a ? a : r->min;
    if (m > a)
        return err_set(e, ERR_USAGE, "min %d.%d is above api %d.%d", m / 1000, m % 1000, a / 1000,
                       a % 1000);
    if (version || api) {
        /* "29" is a way to say it; no engine calls itself that */
        char *name = xstrdup(version && strchr(version, '.') ? version : r->version);

        free(d->version);
        d->version = name;
    }
    d->api = a;
    d->min = m;
    return 0;
}

void get_ping(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char api[24], server[96];
    bool head = str_eq(x->method, "HEAD");

    snprintf(api, sizeof(api), "%d.%d", d->api / 1000, d->api % 1000);
    snprintf(server, sizeof(server), "Docker/%.64s (%s)", d->version, docker_os(d));
    exchange_set_header(x, "Api-Version", api);
    if (docker_modern(d))
        exchange_set_header(x, "Builder-Version", "2");
    exchange_set_header(x, "Cache-Control", "no-cache, no-store, must-revalidate");
    if (head) {
        exchange_set_header(x, "Content-Length", "0");
        exchange_set_header(x, "Content-Type", "text/plain; charset=utf-8");
    } else {
        x->sniffed_type = "text/plain; charset=utf-8";
    }
    exchange_set_header(x, "Docker-Experimental", "false");
    exchange_set_header(x, "Ostype", docker_os(d));
    exchange_set_header(x, "Pragma", "no-cache");
    exchange_set_header(x, "Server", server);
    if (docker_modern(d))
        exchange_set_header(x, "Swarm", "inactive");
    exchange_answer(x, 200, NULL, "OK", head ? 0 : 2);
}

static void add_component(struct buf *b, const char *name, const char *version)
{
    buf_addf(b, ",{\"Name\":\"%s\",\"Version\":\"%s\",\"Details\":{\"GitCommit\":\"\"}}", name,
             version);
}

#define BUILD_TIME "2024-01-01T00:00:00.000000000+00:00"

void get_version(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    const struct release *r = release_of_api(d->api);
    struct buf b = BUF_INIT(ANSWER_MAX);
    char api[24], min[24];

    if (d->windows) {
        docker_windows_version(d, r->go, &b);
        docker_answer(x, 200, &b);
        return;
    }
    snprintf(api, sizeof(api), "%d.%d", d->api / 1000, d->api % 1000);
    snprintf(min, sizeof(min), "%d.%d", d->min / 1000, d->min % 1000);
    buf_addc(&b, '{');
    if (d->api >= API(35)) {
        buf_adds(&b, "\"Platform\":{\"Name\":\"\"},\"Components\":[{\"Name\":\"Engine\"");
        gojson_member(&b, "Version", d->version);
        buf_addf(&b,
                 ",\"Details\":{\"ApiVersion\":\"%s\",\"Arch\":\"" DOCKER_ARCH
                 "\",\"BuildTime\":\"" BUILD_TIME "\",\"Experimental\":\"false\","
                 "\"GitCommit\":\"ecsim00\",\"GoVersion\":\"%s\",\"KernelVersion\":\"" KERNEL
                 "\",\"MinAPIVersion\":\"%s\",\"Os\":\"linux\"}}",
                 api, r->go, min);
        if (r->containerd) {
            add_component(&b, "containerd", r->containerd);
            add_component(&b, "runc", r->runc);
            add_component(&b, "docker-init", "0.19.0");
        }
        buf_adds(&b, "],");
    }
    buf_adds(&b, "\"Version\":");
    gojson_add(&b, d->version);
    gojson_member(&b, "ApiVersion", api);
    gojson_member(&b, "MinAPIVersion", min);
    gojson_member(&b, "GitCommit", "ecsim00");
    gojson_member(&b, "GoVersion", r->go);
    gojson_member(&b, "Os", "linux");
    gojson_member(&b, "Arch", DOCKER_ARCH);
    gojson_member(&b, "KernelVersion", KERNEL);
    gojson_member(&b, "BuildTime", BUILD_TIME);
    buf_addc(&b, '}');
    docker_answer(x, 200, &b);
}

static void add_counts(struct buf *b, struct docker *d)
{
    size_t running = 0, paused = 0, stopped = 0;
    struct list *pos;

    list_for_each (pos, &d->containers) {
        enum container_state s = container_of(pos, struct container, link)->state;

        if (s == CONTAINER_RUNNING || s == CONTAINER_RESTARTING)
            running++;
        else if (s == CONTAINER_PAUSED)
            paused++;
        else
            stopped++;
    }
    buf_addf(b,
             "\"Containers\":%zu,\"ContainersRunning\":%zu,\"ContainersPaused\":%zu,"
             "\"ContainersStopped\":%zu,\"Images\":%zu",
             running + paused + stopped, running, paused, stopped, map_count(&d->images));
}

static size_t listeners(const struct docker *d)
{
    struct list *pos;
    size_t n = 0;

    list_for_each (pos, &d->event_streams)
        n++;
    return n;
}

static void add_info_limits(struct buf *b, struct docker *d, int version)
{
    bool modern = docker_modern(d);

    buf_addf(b,
             ",\"Driver\":\"overlay2\",\"DriverStatus\":[[\"Backing Filesystem\",\"extfs\"],"
             "[\"Supports d_type\",\"true\"],%s[\"Native Overlay Diff\",\"true\"],"
             "[\"userxattr\",\"false\"]],\"Plugins\":{\"Volume\":[\"local\"],\"Network\":["
             "\"bridge\",\"host\",\"ipvlan\",\"macvlan\",\"null\",\"overlay\"],\"Authorization\":"
             "null,\"Log\":[\"awslogs\",\"fluentd\",\"gcplogs\",\"gelf\",\"journald\","
             "\"json-file\",\"local\",%s\"splunk\",\"syslog\"]},\"MemoryLimit\":true,"
             "\"SwapLimit\":true%s,\"KernelMemoryTCP\":true,\"CpuCfsPeriod\":true,"
             "\"CpuCfsQuota\":true,\"CPUShares\":true,\"CPUSet\":true,\"PidsLimit\":true,"
             "\"IPv4Forwarding\":true,\"BridgeNfIptables\":true,\"BridgeNfIp6tables\":true,"
             "\"Debug\":false,\"NFd\":%zu,\"OomKillDisable\":true,\"NGoroutines\":40",
             modern ? "[\"Using metacopy\",\"false\"]," : "", modern ? "" : "\"logentries\",",
             version < API(42) || !modern ? ",\"KernelMemory\":true" : "", 24 + listeners(d));
}

static void add_info_host(struct buf *b, struct docker *d, int version)
{
    const struct release *r = release_of_api(d->api);
    bool modern = docker_modern(d);
    const char *driver = version < API(25) ? ",\"ExecutionDriver\":\"<not supported>\"" : "";
    const char *containerd = r->containerd ? r->containerd : "", *runc = r->runc ? r->runc : "";

    buf_addf(b,
             ",\"NCPU\":%d,\"MemTotal\":%lld,\"GenericResources\":null,"
             "\"DockerRootDir\":\"/var/lib/docker\",\"HttpProxy\":\"\",\"HttpsProxy\":\"\","
             "\"NoProxy\":\"\",\"Name\":\"ecsim\",\"Labels\":[],\"ExperimentalBuild\":false,"
             "\"ServerVersion\":",
             NCPU, MEMORY);
    gojson_add(b, d->version);
    buf_addf(
        b,
        ",\"Runtimes\":{\"io.containerd.runc.v2\":{\"path\":\"runc\"},%s"
        "\"runc\":{\"path\":\"runc\"}},\"DefaultRuntime\":\"runc\",\"Swarm\":{\"NodeID\":\"\","
        "\"NodeAddr\":\"\",\"LocalNodeState\":\"inactive\",\"ControlAvailable\":false,"
        "\"Error\":\"\",\"RemoteManagers\":null},\"LiveRestoreEnabled\":true,"
        "\"Isolation\":\"\",\"InitBinary\":\"docker-init\",\"ContainerdCommit\":{\"ID\":\"%s\","
        "\"Expected\":\"%s\"},\"RuncCommit\":{\"ID\":\"%s\",\"Expected\":\"%s\"},"
        "\"InitCommit\":{\"ID\":\"\",\"Expected\":\"\"},\"SecurityOptions\":[%s]%s%s,"
        "\"Warnings\":null%s}",
        modern ? "" : "\"io.containerd.runtime.v1.linux\":{\"path\":\"runc\"},", containerd,
        containerd, runc, runc,
        version < API(25) ? "\"seccomp\""
        : modern          ? "\"name=seccomp,profile=builtin\""
                          : "\"name=seccomp,profile=default\"",
        d->api >= API(44) ? ",\"CDISpecDirs\":[]" : "", modern ? driver : "", modern ? "" : driver);
}

void get_info(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    const char *empty = docker_modern(d) ? "null" : "[]";

    buf_adds(&b, "{\"ID\":");
    gojson_add(&b, d->engine_id);
    buf_addc(&b, ',');
    add_counts(&b, d);
    if (d->windows) {
        buf_addf(&b, ",\"NEventsListener\":%zu,\"SystemTime\":\"", listeners(d));
        add_time(&b, clock_wall(docker_clock(d)));
        buf_addc(&b, '"');
        docker_windows_info(d, NCPU, MEMORY, &b);
        docker_answer(x, 200, &b);
        return;
    }
    add_info_limits(&b, d, call_version(x));
    buf_adds(&b, ",\"SystemTime\":\"");
    add_time(&b, clock_wall(docker_clock(d)));
    buf_addf(&b,
             "\",\"LoggingDriver\":\"json-file\",\"CgroupDriver\":\"%s\","
             "\"CgroupVersion\":\"%d\",\"NEventsListener\":%zu,\"KernelVersion\":\"" KERNEL
             "\",\"OperatingSystem\":\"ecsim\",\"OSVersion\":\"\",\"OSType\":\"linux\","
             "\"Architecture\":\"x86_64\",\"IndexServerAddress\":\"https://index.docker.io/v1/\","
             "\"RegistryConfig\":{\"AllowNondistributableArtifactsCIDRs\":%s,"
             "\"AllowNondistributableArtifactsHostnames\":%s,\"InsecureRegistryCIDRs\":["
             "\"127.0.0.0/8\"],\"IndexConfigs\":{\"docker.io\":{\"Name\":\"docker.io\",\"Mirrors\":"
             "[],\"Secure\":true,\"Official\":true}},\"Mirrors\":%s}",
             d->cgroup2 ? "systemd" : "cgroupfs", d->cgroup2 ? 2 : 1, listeners(d), empty, empty,
             empty);
    add_info_host(&b, d, call_version(x));
    docker_answer(x, 200, &b);
}

void get_plugins(struct fake *f, struct exchange *x)
{
    static const char *const accepted[] = {"enabled", "capability", NULL};
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};
    struct filters filters;
    bool enabled;

    if (filters_read(&filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (filters_bool((struct docker *)f, &filters, "enabled", false, &enabled, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    filters_release(&filters);
    buf_adds(&b, "[]");
    docker_answer(x, 200, &b);
}
