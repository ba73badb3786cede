#include "fakes/docker/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* clang-format off */
static const struct member health_members[] = {
    {.name = "Test", .kind = MEMBER_STRINGS, .omit_empty = true},
    {.name = "Interval", .kind = MEMBER_INT, .omit_empty = true, .type = "time.Duration"},
    {.name = "Timeout", .kind = MEMBER_INT, .omit_empty = true, .type = "time.Duration"},
    {.name = "StartPeriod", .kind = MEMBER_INT, .omit_empty = true, .type = "time.Duration"},
    {.name = "StartInterval", .kind = MEMBER_INT, .omit_empty = true, .type = "time.Duration"},
    {.name = "Retries", .kind = MEMBER_INT, .omit_empty = true, .type = "int"},
    {.name = NULL},
};

static const struct member config_members[] = {
    {.name = "Hostname", .kind = MEMBER_STRING},
    {.name = "Domainname", .kind = MEMBER_STRING},
    {.name = "User", .kind = MEMBER_STRING},
    {.name = "AttachStdin", .kind = MEMBER_BOOL},
    {.name = "AttachStdout", .kind = MEMBER_BOOL},
    {.name = "AttachStderr", .kind = MEMBER_BOOL},
    {.name = "ExposedPorts", .kind = MEMBER_SET, .omit_empty = true, .type = "nat.PortSet"},
    {.name = "Tty", .kind = MEMBER_BOOL},
    {.name = "OpenStdin", .kind = MEMBER_BOOL},
    {.name = "StdinOnce", .kind = MEMBER_BOOL},
    {.name = "Env", .kind = MEMBER_STRINGS},
    {.name = "Cmd", .kind = MEMBER_COMMAND},
    {.name = "Healthcheck", .kind = MEMBER_POBJECT, .omit_empty = true, .sub = health_members,
     .type = "container.HealthConfig"},
    {.name = "ArgsEscaped", .kind = MEMBER_BOOL, .omit_empty = true},
    {.name = "Image", .kind = MEMBER_STRING},
    {.name = "Volumes", .kind = MEMBER_SET},
    {.name = "WorkingDir", .kind = MEMBER_STRING},
    {.name = "Entrypoint", .kind = MEMBER_COMMAND},
    {.name = "NetworkDisabled", .kind = MEMBER_BOOL, .omit_empty = true},
    {.name = "MacAddress", .kind = MEMBER_STRING, .omit_empty = true},
    {.name = "OnBuild", .kind = MEMBER_STRINGS},
    {.name = "Labels", .kind = MEMBER_MAP},
    {.name = "StopSignal", .kind = MEMBER_STRING, .omit_empty = true},
    {.name = "StopTimeout", .kind = MEMBER_PINT, .omit_empty = true, .type = "int"},
    {.name = "Shell", .kind = MEMBER_COMMAND, .omit_empty = true},
    {.name = NULL},
};

static const struct member exposed_members[] = {
    {.name = "ExposedPorts", .kind = MEMBER_SET, .omit_empty = true},
    {.name = NULL},
};

static const struct member log_members[] = {
    {.name = "Type", .kind = MEMBER_STRING},
    {.name = "Config", .kind = MEMBER_MAP},
    {.name = NULL},
};

static const struct member binding_members[] = {
    {.name = "HostIp", .kind = MEMBER_STRING},
    {.name = "HostPort", .kind = MEMBER_STRING},
    {.name = NULL},
};

static const struct member policy_members[] = {
    {.name = "Name", .kind = MEMBER_STRING},
    {.name = "MaximumRetryCount", .kind = MEMBER_INT, .type = "int"},
    {.name = NULL},
};

static const struct member weight_members[] = {
    {.name = "Path", .kind = MEMBER_STRING},
    {.name = "Weight", .kind = MEMBER_INT, .type = "uint16"},
    {.name = NULL},
};

static const struct member throttle_members[] = {
    {.name = "Path", .kind = MEMBER_STRING},
    {.name = "Rate", .kind = MEMBER_INT, .type = "uint64"},
    {.name = NULL},
};

static const struct member device_members[] = {
    {.name = "PathOnHost", .kind = MEMBER_STRING},
    {.name = "PathInContainer", .kind = MEMBER_STRING},
    {.name = "CgroupPermissions", .kind = MEMBER_STRING},
    {.name = NULL},
};

static const struct member request_members[] = {
    {.name = "Driver", .kind = MEMBER_STRING},
    {.name = "Count", .kind = MEMBER_INT, .type = "int"},
    {.name = "DeviceIDs", .kind = MEMBER_STRINGS},
    {.name = "Capabilities", .kind = MEMBER_ANY, .dflt = "null"},
    {.name = "Options", .kind = MEMBER_MAP},
    {.name = NULL},
};

static const struct member ulimit_members[] = {
    {.name = "Name", .kind = MEMBER_STRING},
    {.name = "Hard", .kind = MEMBER_INT},
    {.name = "Soft", .kind = MEMBER_INT},
    {.name = NULL},
};

static const struct member mount_members[] = {
    {.name = "Type", .kind = MEMBER_STRING, .omit_empty = true},
    {.name = "Source", .kind = MEMBER_STRING, .omit_empty = true},
    {.name = "Target", .kind = MEMBER_STRING, .omit_empty = true},
    {.name = "ReadOnly", .kind = MEMBER_BOOL, .omit_empty = true},
    {.name = "Consistency", .kind = MEMBER_STRING, .omit_empty = true},
    {.name = "BindOptions", .kind = MEMBER_ANY, .omit_empty = true},
    {.name = "VolumeOptions", .kind = MEMBER_ANY, .omit_empty = true},
    {.name = "TmpfsOptions", .kind = MEMBER_ANY, .omit_empty = true},
    {.name = NULL},
};

static const struct member host_members[] = {
    {.name = "Binds", .kind = MEMBER_STRINGS},
    {.name = "ContainerIDFile", .kind = MEMBER_STRING},
    {.name = "LogConfig", .kind = MEMBER_OBJECT, .sub = log_members, .type = "container.LogConfig"},
    {.name = "NetworkMode", .kind = MEMBER_STRING, .type = "container.NetworkMode"},
    {.name = "PortBindings", .kind = MEMBER_BINDINGS, .sub = binding_members, .type = "nat.PortMap"},
    {.name = "RestartPolicy", .kind = MEMBER_OBJECT, .sub = policy_members,
     .type = "container.RestartPolicy"},
    {.name = "AutoRemove", .kind = MEMBER_BOOL},
    {.name = "VolumeDriver", .kind = MEMBER_STRING},
    {.name = "VolumesFrom", .kind = MEMBER_STRINGS},
    {.name = "ConsoleSize", .kind = MEMBER_ANY, .dflt = "[0,0]", .since = 1042},
    {.name = "Annotations", .kind = MEMBER_MAP, .omit_empty = true, .since = 1043},
    {.name = "CapAdd", .kind = MEMBER_COMMAND},
    {.name = "CapDrop", .kind = MEMBER_COMMAND},
    {.name = "CgroupnsMode", .kind = MEMBER_STRING, .since = 1041},
    {.name = "Dns", .kind = MEMBER_STRINGS},
    {.name = "DnsOptions", .kind = MEMBER_STRINGS},
    {.name = "DnsSearch", .kind = MEMBER_STRINGS},
    {.name = "ExtraHosts", .kind = MEMBER_STRINGS},
    {.name = "GroupAdd", .kind = MEMBER_STRINGS},
    {.name = "IpcMode", .kind = MEMBER_STRING, .type = "container.IpcMode"},
    {.name = "Cgroup", .kind = MEMBER_STRING},
    {.name = "Links", .kind = MEMBER_STRINGS},
    {.name = "OomScoreAdj", .kind = MEMBER_INT, .type = "int"},
    {.name = "PidMode", .kind = MEMBER_STRING, .type = "container.PidMode"},
    {.name = "Privileged", .kind = MEMBER_BOOL},
    {.name = "PublishAllPorts", .kind = MEMBER_BOOL},
    {.name = "ReadonlyRootfs", .kind = MEMBER_BOOL},
    {.name = "SecurityOpt", .kind = MEMBER_STRINGS},
    {.name = "StorageOpt", .kind = MEMBER_MAP, .omit_empty = true},
    {.name = "Tmpfs", .kind = MEMBER_MAP, .omit_empty = true},
    {.name = "UTSMode", .kind = MEMBER_STRING, .type = "container.UTSMode"},
    {.name = "UsernsMode", .kind = MEMBER_STRING, .type = "container.UsernsMode"},
    {.name = "ShmSize", .kind = MEMBER_INT},
    {.name = "Sysctls", .kind = MEMBER_MAP, .omit_empty = true},
    {.name = "Runtime", .kind = MEMBER_STRING, .omit_empty = true},
    {.name = "ConsoleSize", .kind = MEMBER_ANY, .dflt = "[0,0]", .until = 1041},
    {.name = "Isolation", .kind = MEMBER_STRING},
    {.name = "CpuShares", .kind = MEMBER_INT},
    {.name = "Memory", .kind = MEMBER_INT},
    {.name = "NanoCpus", .kind = MEMBER_INT},
    {.name = "CgroupParent", .kind = MEMBER_STRING},
    {.name = "BlkioWeight", .kind = MEMBER_INT, .type = "uint16"},
    {.name = "BlkioWeightDevice", .kind = MEMBER_OBJECTS, .sub = weight_members},
    {.name = "BlkioDeviceReadBps", .kind = MEMBER_OBJECTS, .sub = throttle_members},
    {.name = "BlkioDeviceWriteBps", .kind = MEMBER_OBJECTS, .sub = throttle_members},
    {.name = "BlkioDeviceReadIOps", .kind = MEMBER_OBJECTS, .sub = throttle_members},
    {.name = "BlkioDeviceWriteIOps", .kind = MEMBER_OBJECTS, .sub = throttle_members},
    {.name = "CpuPeriod", .kind = MEMBER_INT},
    {.name = "CpuQuota", .kind = MEMBER_INT},
    {.name = "CpuRealtimePeriod", .kind = MEMBER_INT},
    {.name = "CpuRealtimeRuntime", .kind = MEMBER_INT},
    {.name = "CpusetCpus", .kind = MEMBER_STRING},
    {.name = "CpusetMems", .kind = MEMBER_STRING},
    {.name = "Devices", .kind = MEMBER_OBJECTS, .sub = device_members},
    {.name = "DeviceCgroupRules", .kind = MEMBER_STRINGS},
    {.name = "DeviceRequests", .kind = MEMBER_OBJECTS, .sub = request_members, .since = 1040},
    {.name = "KernelMemory", .kind = MEMBER_INT, .until = 1041},
    {.name = "KernelMemoryTCP", .kind = MEMBER_INT, .since = 1040, .until = 1041},
    {.name = "MemoryReservation", .kind = MEMBER_INT},
    {.name = "MemorySwap", .kind = MEMBER_INT},
    {.name = "MemorySwappiness", .kind = MEMBER_PINT},
    {.name = "OomKillDisable", .kind = MEMBER_PBOOL},
    {.name = "PidsLimit", .kind = MEMBER_PINT},
    {.name = "Ulimits", .kind = MEMBER_OBJECTS, .sub = ulimit_members},
    {.name = "CpuCount", .kind = MEMBER_INT},
    {.name = "CpuPercent", .kind = MEMBER_INT},
    {.name = "IOMaximumIOps", .kind = MEMBER_INT, .type = "uint64"},
    {.name = "IOMaximumBandwidth", .kind = MEMBER_INT, .type = "uint64"},
    {.name = "Mounts", .kind = MEMBER_OBJECTS, .omit_empty = true, .sub = mount_members},
    {.name = "MaskedPaths", .kind = MEMBER_STRINGS, .since = 1038},
    {.name = "ReadonlyPaths", .kind = MEMBER_STRINGS, .since = 1038},
    {.name = "Init", .kind = MEMBER_PBOOL, .omit_empty = true},
    {.name = NULL},
};
/* clang-format on */

const struct member *config_schema(void)
{
    return config_members;
}

const struct member *host_config_schema(void)
{
    return host_members;
}

const struct member *exposed_ports_schema(void)
{
    return exposed_members;
}

/* --- reading ----------------------------------------------------------------------------- */

static const char *type_name(const struct member *m)
{
    static const char *const names[] = {
        [MEMBER_STRING] = "string",
        [MEMBER_BOOL] = "bool",
        [MEMBER_INT] = "int64",
        [MEMBER_STRINGS] = "[]string",
        [MEMBER_COMMAND] = "strslice.StrSlice",
        [MEMBER_SET] = "map[string]struct {}",
        [MEMBER_MAP] = "map[string]string",
        [MEMBER_PINT] = "int64",
        [MEMBER_PBOOL] = "bool",
        [MEMBER_OBJECT] = "struct",
        [MEMBER_POBJECT] = "struct",
        [MEMBER_OBJECTS] = "[]struct",
        [MEMBER_BINDINGS] = "nat.PortMap",
        [MEMBER_ANY] = "interface",
    };

    return m->type ? m->type : names[m->kind];
}

static json_t *mismatch(const json_t *v, const char *path, const char *name, const char *type,
                        char *why)
{
    if (json_is_real(v) && !strstr(type, "string"))
        snprintf(why, GOJSON_TEXT_MAX,
                 "json: cannot unmarshal number %g into Go struct field %s.%s of type %s",
                 json_real_value(v), path, name, type);
    else
        snprintf(why, GOJSON_TEXT_MAX,
                 "json: cannot unmarshal %s into Go struct field %s.%s of type %s", gojson_kind(v),
                 path, name, type);
    return NULL;
}

static json_t *read_strings(const struct member *m, const json_t *v, const char *path, char *why)
{
    json_t *kid, *out;
    size_t i;

    if (m->kind == MEMBER_COMMAND && json_is_string(v)) {
        out = json_array();
        json_array_append_new(out, json_string(json_string_value(v)));
        return out;
    }
    if (!json_is_array(v))
        return mismatch(v, path, m->name, type_name(m), why);
    json_array_foreach (v, i, kid)
        if (!json_is_string(kid) && !json_is_null(kid))
            return mismatch(kid, path, m->name, "string", why);
    return json_incref((json_t *)(uintptr_t)v);
}

static json_t *read_map(const struct member *m, const json_t *v, const char *path, char *why)
{
    const char *key;
    json_t *kid;

    if (!json_is_object(v))
        return mismatch(v, path, m->name, type_name(m), why);
    json_object_foreach ((json_t *)(uintptr_t)v, key, kid)
        if (m->kind == MEMBER_MAP ? !json_is_string(kid) && !json_is_null(kid)
                                  : !json_is_object(kid) && !json_is_null(kid))
            return mismatch(kid, path, m->name, m->kind == MEMBER_MAP ? "string" : "struct {}",
                            why);
    return json_incref((json_t *)(uintptr_t)v);
}

static json_t *read_objects(const struct member *m, const json_t *v, const char *path, char *why)
{
    json_t *out, *kid, *one;
    size_t i;

    if (!json_is_array(v))
        return mismatch(v, path, m->name, type_name(m), why);
    out = json_array();
    json_array_foreach (v, i, kid) {
        one = json_is_null(kid) ? json_object() : NULL;
        if (!one && !json_is_object(kid))
            mismatch(kid, path, m->name, "struct", why);
        else if (!one)
            one = schema_read(m->sub, kid, path, why);
        if (!one) {
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, one);
    }
    return out;
}

static json_t *read_bindings(const struct member *m, const json_t *v, const char *path, char *why)
{
    json_t *out, *kid, *list;
    const char *key;

    if (!json_is_object(v))
        return mismatch(v, path, m->name, type_name(m), why);
    out = json_object();
    json_object_foreach ((json_t *)(uintptr_t)v, key, kid) {
        list = json_is_null(kid) ? json_null() : read_objects(m, kid, path, why);
        if (!list) {
            json_decref(out);
            return NULL;
        }
        json_object_set_new(out, key, list);
    }
    return out;
}

static json_t *read_member(const struct member *m, const json_t *v, const char *path, char *why)
{
    char *inner;
    json_t *out;

    switch (m->kind) {
    case MEMBER_STRING:
        break;
    case MEMBER_STRINGS:
    case MEMBER_COMMAND:
        return read_strings(m, v, path, why);
    case MEMBER_SET:
    case MEMBER_MAP:
        return read_map(m, v, path, why);
    case MEMBER_OBJECTS:
        return read_objects(m, v, path, why);
    case MEMBER_BINDINGS:
        return read_bindings(m, v, path, why);
    case MEMBER_OBJECT:
    case MEMBER_POBJECT:
        if (!json_is_object(v))
            return mismatch(v, path, m->name, type_name(m), why);
        inner = xasprintf("%s.%s", path, m->name);
        out = schema_read(m->sub, v, inner, why);
        free(inner);
        return out;
    case MEMBER_BOOL:
    case MEMBER_PBOOL:
        if (!json_is_boolean(v))
            return mismatch(v, path, m->name, type_name(m), why);
        return json_incref((json_t *)(uintptr_t)v);
    case MEMBER_INT:
    case MEMBER_PINT:
        if (!json_is_integer(v))
            return mismatch(v, path, m->name, type_name(m), why);
        return json_incref((json_t *)(uintptr_t)v);
    case MEMBER_ANY:
        return json_incref((json_t *)(uintptr_t)v);
    }
    if (!json_is_string(v))
        return mismatch(v, path, m->name, type_name(m), why);
    return json_incref((json_t *)(uintptr_t)v);
}

json_t *schema_read(const struct member *table, const json_t *o, const char *path, char *why)
{
    json_t *out = json_object(), *v, *one;

    for (const struct member *m = table; m->name; m++) {
        v = gojson_get(o, m->name);
        if (!v || json_is_null(v) || json_object_get(out, m->name))
            continue;
        one = read_member(m, v, path, why);
        if (!one) {
            json_decref(out);
            return NULL;
        }
        json_object_set_new(out, m->name, one);
    }
    return out;
}

/* --- writing ----------------------------------------------------------------------------- */

static bool is_empty(const json_t *v)
{
    return !v || json_is_null(v) || json_is_false(v) ||
           (json_is_string(v) && !json_string_length(v)) ||
           (json_is_integer(v) && !json_integer_value(v)) ||
           (json_is_array(v) && !json_array_size(v)) || (json_is_object(v) && !json_object_size(v));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Go writes maps sorted by key. */
static void write_map(struct buf *b, const struct member *m, const json_t *o)
{
    const char **keys = new0_array(const char *, json_object_size(o) + 1), *key;
    size_t n = 0, k;
    json_t *v, *one;

    json_object_foreach ((json_t *)(uintptr_t)o, key, v)
        keys[n++] = key;
    qsort(keys, n, sizeof(*keys), by_name);
    buf_addc(b, '{');
    for (size_t i = 0; i < n; i++) {
        v = json_object_get(o, keys[i]);
        if (i)
            buf_addc(b, ',');
        gojson_add(b, keys[i]);
        buf_addc(b, ':');
        if (m->kind == MEMBER_SET) {
            buf_adds(b, "{}");
        } else if (m->kind == MEMBER_MAP) {
            gojson_add(b, json_string_value(v));
        } else if (!json_is_array(v)) {
            buf_adds(b, "null");
        } else {
            buf_addc(b, '[');
            json_array_foreach (v, k, one) {
                if (k)
                    buf_addc(b, ',');
                schema_write(b, m->sub, one);
            }
            buf_addc(b, ']');
        }
    }
    buf_addc(b, '}');
    free(keys);
}

static void write_list(struct buf *b, const struct member *m, const json_t *v)
{
    json_t *kid;
    size_t i;

    buf_addc(b, '[');
    json_array_foreach (v, i, kid) {
        if (i)
            buf_addc(b, ',');
        if (m->kind == MEMBER_OBJECTS)
            schema_write(b, m->sub, kid);
        else
            gojson_add(b, json_string_value(kid));
    }
    buf_addc(b, ']');
}

static void write_absent(struct buf *b, const struct member *m)
{
    switch (m->kind) {
    case MEMBER_STRING:
        buf_adds(b, "\"\"");
        break;
    case MEMBER_BOOL:
        buf_adds(b, "false");
        break;
    case MEMBER_INT:
        buf_adds(b, "0");
        break;
    case MEMBER_OBJECT:
        schema_write(b, m->sub, NULL);
        break;
    case MEMBER_ANY:
        buf_adds(b, m->dflt ? m->dflt : "null");
        break;
    default:
        buf_adds(b, "null");
    }
}

static void write_member(struct buf *b, const struct member *m, const json_t *v)
{
    if (!v || json_is_null(v)) {
        write_absent(b, m);
        return;
    }
    switch (m->kind) {
    case MEMBER_STRING:
        gojson_add(b, json_string_value(v));
        break;
    case MEMBER_BOOL:
    case MEMBER_PBOOL:
        buf_adds(b, json_is_true(v) ? "true" : "false");
        break;
    case MEMBER_INT:
    case MEMBER_PINT:
        buf_addf(b, "%lld", (long long)json_integer_value(v));
        break;
    case MEMBER_STRINGS:
    case MEMBER_COMMAND:
    case MEMBER_OBJECTS:
        write_list(b, m, v);
        break;
    case MEMBER_SET:
    case MEMBER_MAP:
    case MEMBER_BINDINGS:
        write_map(b, m, v);
        break;
    case MEMBER_OBJECT:
    case MEMBER_POBJECT:
        schema_write(b, m->sub, v);
        break;
    case MEMBER_ANY:
        json_write(b, v);
        break;
    }
}

void schema_write_for(struct buf *b, const struct member *table, const json_t *o, int api,
                      const char *mark, size_t *at)
{
    size_t begin = buf_len(b);

    buf_addc(b, '{');
    for (const struct member *m = table; m->name; m++) {
        const json_t *v = o ? json_object_get(o, m->name) : NULL;
        bool pointer; /* one to something empty is not empty */

        if (api && ((m->since && api < m->since) || (m->until && api > m->until)))
            continue;
        if (mark && str_eq(m->name, mark))
            *at = buf_len(b);
        pointer = m->kind == MEMBER_PBOOL || m->kind == MEMBER_PINT || m->kind == MEMBER_ANY;
        if (m->omit_empty && (pointer ? !v || json_is_null(v) : is_empty(v)))
            continue;
        if (buf_len(b) > begin + 1)
            buf_addc(b, ',');
        buf_addf(b, "\"%s\":", m->name);
        write_member(b, m, v);
    }
    buf_addc(b, '}');
}

void schema_write(struct buf *b, const struct member *table, const json_t *o)
{
    schema_write_for(b, table, o, 0, NULL, NULL);
}

/* --- images ------------------------------------------------------------------------------ */

static json_t *words(const char *text)
{
    char **argv = text && *text ? str_argv(text) : NULL;
    json_t *a = argv ? json_array() : NULL;

    for (size_t i = 0; argv && argv[i]; i++)
        json_array_append_new(a, json_string(argv[i]));
    str_argv_free(argv);
    return a;
}

/* Words as keys: "80/tcp 53/udp"; with_values: "a=b c=d". */
static json_t *keys(const char *text, bool with_values)
{
    json_t *list = words(text), *o = list ? json_object() : NULL, *v;
    size_t i;

    json_array_foreach (list, i, v) {
        const char *word = json_string_value(v), *eq = strchr(word, '=');
        char *key = with_values && eq ? xstrndup(word, (size_t)(eq - word)) : NULL;

        if (with_values)
            json_object_set_new(o, key ? key : word, json_string(eq ? eq + 1 : ""));
        else
            json_object_set_new(o, word, json_object());
        free(key);
    }
    json_decref(list);
    return o;
}

json_t *image_config(const struct behaviour *b)
{
    json_t *o = json_object(), *health, *test;
    char signal[16];

    json_put_str(o, "User", b->user);
    json_put(o, "ExposedPorts", keys(b->expose, false));
    json_put(o, "Env", words(b->env));
    json_put(o, "Cmd", words(b->cmd));
    if (b->healthcheck && *b->healthcheck) {
        health = json_object();
        test = json_array();
        json_array_append_new(test, json_string("CMD-SHELL"));
        json_array_append_new(test, json_string(b->healthcheck));
        json_put(health, "Test", test);
        json_put(o, "Healthcheck", health);
    }
    json_put(o, "Volumes", keys(b->volume, false));
    json_put_str(o, "WorkingDir", b->workdir);
    json_put(o, "Entrypoint", words(b->entrypoint));
    json_put(o, "Labels", keys(b->label, true));
    if (b->stop_signal) {
        signal_text((int)b->stop_signal, signal);
        json_put_str(o, "StopSignal", signal);
    }
    return o;
}
