/*
 * engine.h: an engine on Windows, as far as it is asked what it is, and what it says to credential
 * specs. From the sources of moby (daemon/info_windows.go, oci_windows.go) and from what engines of
 * Windows Server were seen to answer; nothing here was compared with one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"

static const struct {
    int year, build;
    const char *release, *patch, *branch;
} systems[] = {
    {2016, 14393, "1607", "5427", "rs1_release.220929-2054"},
    {2019, 17763, "1809", "3532", "rs5_release_svc_prod1.221027-1402"},
    {2022, 20348, "2009", "1249", "fe_release_svc_prod2.221026-1627"},
    {2025, 26100, "2009", "1742", "ge_release.240331-1435"},
};

/* The system of that year, or the one before it that is known. */
static size_t system_of(const struct docker *d)
{
    size_t k = 0;

    for (size_t i = 0; i < ARRAY_SIZE(systems); i++)
        if (systems[i].year <= d->windows)
            k = i;
    return k;
}

static char *kernel(const struct docker *d)
{
    size_t i = system_of(d);

    return xasprintf("10.0 %d (%d.%s.amd64fre.%s)", systems[i].build, systems[i].build,
                     systems[i].patch, systems[i].branch);
}

void docker_windows_version(struct docker *d, const char *go, struct buf *b)
{
    char *k = kernel(d), api[24], min[24];

    snprintf(api, sizeof(api), "%d.%d", d->api / 1000, d->api % 1000);
    snprintf(min, sizeof(min), "%d.%d", d->min / 1000, d->min % 1000);
    buf_adds(b, "{\"Platform\":{\"Name\":\"Docker Engine - Community\"},\"Components\":[{\"Name\":"
                "\"Engine\"");
    gojson_member(b, "Version", d->version);
    buf_addf(b,
             ",\"Details\":{\"ApiVersion\":\"%s\",\"Arch\":\"amd64\",\"BuildTime\":"
             "\"2024-01-01T00:00:00.000000000+00:00\",\"Experimental\":\"false\",\"GitCommit\":"
             "\"ecsim00\",\"GoVersion\":\"%s\",\"KernelVersion\":\"%s\",\"MinAPIVersion\":\"%s\","
             "\"Os\":\"windows\"}}],\"Version\":",
             api, go, k, min);
    gojson_add(b, d->version);
    gojson_member(b, "ApiVersion", api);
    gojson_member(b, "MinAPIVersion", min);
    gojson_member(b, "GitCommit", "ecsim00");
    gojson_member(b, "GoVersion", go);
    gojson_member(b, "Os", "windows");
    gojson_member(b, "Arch", "amd64");
    gojson_member(b, "KernelVersion", k);
    gojson_member(b, "BuildTime", "2024-01-01T00:00:00.000000000+00:00");
    buf_addc(b, '}');
    free(k);
}

void docker_windows_info(struct docker *d, int cpus, long long memory, struct buf *b)
{
    size_t i = system_of(d);
    char *k = kernel(d);

    buf_addf(b,
             ",\"Driver\":\"windowsfilter\",\"DriverStatus\":[[\"Windows\",\"\"]],\"Plugins\":{"
             "\"Volume\":[\"local\"],\"Network\":[\"ics\",\"internal\",\"l2bridge\",\"l2tunnel\","
             "\"nat\",\"null\",\"overlay\",\"private\",\"transparent\"],\"Authorization\":null,"
             "\"Log\":[\"awslogs\",\"etwlogs\",\"fluentd\",\"gcplogs\",\"gelf\",\"json-file\","
             "\"local\",\"logentries\",\"splunk\",\"syslog\"]},\"MemoryLimit\":false,"
             "\"SwapLimit\":false,\"KernelMemory\":false,\"KernelMemoryTCP\":false,"
             "\"CpuCfsPeriod\":false,\"CpuCfsQuota\":false,\"CPUShares\":false,\"CPUSet\":false,"
             "\"PidsLimit\":false,\"IPv4Forwarding\":true,\"BridgeNfIptables\":true,"
             "\"BridgeNfIp6tables\":true,\"Debug\":false,\"NFd\":-1,\"OomKillDisable\":false,"
             "\"NGoroutines\":40,\"LoggingDriver\":\"json-file\",\"CgroupDriver\":\"\","
             "\"KernelVersion\":\"%s\",\"OperatingSystem\":\"Windows Server %d Datacenter Version "
             "%s (OS Build %d.%s)\",\"OSVersion\":\"10.0.%d\",\"OSType\":\"windows\","
             "\"Architecture\":\"x86_64\",\"IndexServerAddress\":\"https://index.docker.io/v1/\"",
             k, systems[i].year, systems[i].release, systems[i].build, systems[i].patch,
             systems[i].build);
    buf_addf(b,
             ",\"NCPU\":%d,\"MemTotal\":%lld,\"GenericResources\":null,\"DockerRootDir\":"
             "\"C:\\\\ProgramData\\\\docker\",\"HttpProxy\":\"\",\"HttpsProxy\":\"\",\"NoProxy\":"
             "\"\",\"Name\":\"EC2AMAZ-ECSIM00\",\"Labels\":[],\"ExperimentalBuild\":false,"
             "\"ServerVersion\":",
             cpus, memory);
    gojson_add(b, d->version);
    buf_adds(b, ",\"Runtimes\":null,\"DefaultRuntime\":\"\",\"Swarm\":{\"NodeID\":\"\","
                "\"NodeAddr\":\"\",\"LocalNodeState\":\"inactive\",\"ControlAvailable\":false,"
                "\"Error\":\"\",\"RemoteManagers\":null},\"LiveRestoreEnabled\":false,"
                "\"Isolation\":\"process\",\"InitBinary\":\"\",\"ContainerdCommit\":{\"ID\":\"\","
                "\"Expected\":\"\"},\"RuncCommit\":{\"ID\":\"\",\"Expected\":\"\"},\"InitCommit\":{"
                "\"ID\":\"\",\"Expected\":\"\"},\"SecurityOptions\":[],\"Warnings\":null}");
    free(k);
}

/* It is looked at when the container starts. */
int docker_windows_start_wrong(const struct container *c, struct problem *p)
{
    static const char *const places[] = {"file://", "registry://", "raw://"};
    _cleanup_json_ json_t *host = NULL;
    const json_t *v;
    size_t i;

    if (c->d->windows && c->host_config)
        host = json_read(c->host_config, strlen(c->host_config), JSON_READ_PEER, NULL);
    json_array_foreach (json_object_get(host, "SecurityOpt"), i, v) {
        const char *word = json_string_value(v), *value = word ? strchr(word, '=') : NULL;
        bool known = false;

        if (!word)
            continue;
        if (!value)
            return problem(p, 400, "invalid security option: no equals sign in supplied value %s",
                           word);
        if (strncasecmp(word, "credentialspec=", 15) != 0)
            return problem(p, 400, "security option not supported: %.*s", (int)(value - word),
                           word);
        for (size_t k = 0; k < ARRAY_SIZE(places); k++)
            known |= str_starts(value + 1, places[k]) && value[1 + strlen(places[k])];
        if (!known)
            return problem(p, 400,
                           "invalid credential spec security option - value must be prefixed by "
                           "'file://', 'registry://', or 'raw://' followed by a non-empty value");
    }
    return 0;
}
