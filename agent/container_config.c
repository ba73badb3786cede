#include "agent/container_config.h"
#include "agent/docker_client.h"
#include "agent/firelens.h"
#include "agent/gpu.h"
#include "agent/task_network.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "proto/docker_path.h"

#define MIB           (1024 * 1024)
#define MEMORY_MIN    (4 * MIB) /* Docker refuses less */
#define CPU_SHARE_MIN 2
#define CPU_SHARE_MAX 262144

/* ---- merging ---- */

/* The member of o that a Go decoder would take for key: without regard to case. */
static const char *same_member(json_t *o, const char *key)
{
    const char *have;
    json_t *v;

    if (json_object_get(o, key))
        return key;
    json_object_foreach (o, have, v)
        if (strcasecmp(have, key) == 0)
            return have;
    return key;
}

/* Keys of the top level are members of a struct; those below may be keys of a map. */
static void merge(json_t *into, json_t *from, bool top)
{
    const char *key;
    json_t *v;

    json_object_foreach (from, key, v) {
        const char *member = top ? same_member(into, key) : key;
        json_t *have = json_object_get(into, member);

        if (json_is_object(have) && json_is_object(v))
            merge(have, v, false);
        else if (!json_is_null(v) || !have || json_is_object(have) || json_is_array(have))
            json_object_set_new(into, member, json_deep_copy(v));
    }
}

/* Merges the JSON text in dockerConfig.<member> over body. */
static int merge_text(json_t *body, const struct container *c, const char *member, struct err *e)
{
    const char *text = json_str(json_object_get(c->spec, "dockerConfig"), member);
    _cleanup_json_ json_t *v = NULL;

    if (!text || !*text)
        return 0;
    v = json_read(text, strlen(text), JSON_READ_PEER, e);
    if (!v)
        return err_wrap(e, "dockerConfig.%s", member);
    if (json_is_null(v))
        return 0;
    if (!json_is_object(v))
        return err_set(e, ERR_PARSE, "dockerConfig.%s is not an object", member);
    merge(body, v, true);
    return 0;
}

/* ---- environment ---- */

static void add_env(json_t *list, const char *name, const char *value)
{
    _cleanup_free_ char *line = xasprintf("%s=%s", name, value);

    json_array_append_new(list, json_string(line));
}

/* NAME=uri/endpoint id, unless the payload has the name: then the agent's wins as well. */
static void put_env(json_t *vars, const char *name, const char *fmt, const char *value)
{
    _cleanup_buf_ struct buf text = BUF_INIT(1024);

    buf_adds(&text, fmt);
    buf_adds(&text, value);
    json_put_str(vars, name, buf_str(&text));
}

/* An object of strings. */
static json_t *environment(const struct container *c, const struct container_config_env *env)
{
    json_t *given = json_object_get(c->spec, "environment"), *vars = json_object(), *v;
    _cleanup_free_ char *gpus = NULL;
    const char *key;

    if (c->type != CONTAINER_NORMAL)
        return vars;
    json_object_foreach (given, key, v)
        json_object_set_new(vars, key, json_string(json_is_string(v) ? json_string_value(v) : ""));
    put_env(vars, "ECS_CONTAINER_METADATA_URI", TASK_METADATA_URL "/v3/", c->endpoint_id);
    put_env(vars, "ECS_CONTAINER_METADATA_URI_V4", TASK_METADATA_URL "/v4/", c->endpoint_id);
    put_env(vars, "ECS_AGENT_URI", TASK_METADATA_URL "/api/", c->endpoint_id);
    if (c->task->credentials_id)
        put_env(vars, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/",
                c->task->credentials_id);
    if (env->config && env->config->gpu_support.on && !env->config->external.on) {
        gpus = gpu_visible(c);
        json_put_str(vars, "NVIDIA_VISIBLE_DEVICES", gpus);
    }
    firelens_env(c, vars);
    json_object_update_missing(vars, env->file_vars);
    json_object_update(vars, env->secrets);
    if (env->region && *env->region && !c->image_sets_region &&
        !json_object_get(vars, "AWS_REGION") && !json_object_get(vars, "AWS_DEFAULT_REGION")) {
        json_put_str(vars, "AWS_REGION", env->region);
        json_put_str(vars, "AWS_DEFAULT_REGION", env->region);
    }
    return vars;
}

static json_t *env_lines(json_t *vars)
{
    json_t *list = json_array(), *v;
    const char *key;

    json_object_foreach (vars, key, v)
        add_env(list, key, json_string_value(v));
    return list;
}

/* ---- ports ---- */

/* The i-th port of a row. */
static const char *port_key(const struct container_port *p, int i, char out[24])
{
    snprintf(out, 24, "%d/%s", p->container_port + i, p->udp ? "udp" : "tcp");
    return out;
}

static json_t *exposed_ports(const struct container *c)
{
    json_t *o = json_object();
    char key[24];

    for (size_t i = 0; i < c->n_ports; i++)
        for (int k = 0; k < c->ports[i].count; k++)
            json_object_set_new(o, port_key(&c->ports[i], k, key), json_object());
    return o;
}

static void bind_port(json_t *o, const struct container_port *p, int i)
{
    char key[24], port[16];
    json_t *list = json_object_get(o, port_key(p, i, key)), *binding = json_object();

    snprintf(port, sizeof(port), "%d", p->host_port ? p->host_port + i : 0);
    json_put_str(binding, "HostPort", port);
    if (!list) {
        list = json_array();
        json_object_set_new(o, key, list);
    }
    json_array_append_new(list, binding);
}

static json_t *port_bindings(const struct container *c)
{
    json_t *o = json_object();

    for (size_t i = 0; i < c->n_ports; i++)
        for (int k = 0; k < c->ports[i].count; k++)
            bind_port(o, &c->ports[i], k);
    return o;
}

/* ---- volumes ---- */

static const json_t *find_volume(const struct task *t, const char *name)
{
    const json_t *v;
    size_t i;

    json_array_foreach (json_object_get(t->spec, "volumes"), i, v)
        if (str_eq(json_str(v, "name"), name))
            return v;
    return NULL;
}

char *container_config_volume(const struct task *t, const json_t *volume)
{
    const char *path = json_str(json_object_get(volume, "host"), "sourcePath");
    const json_t *docker = json_object_get(volume, "dockerVolumeConfiguration");
    const char *name = json_str(volume, "name");

    if (path && *path)
        return xstrdup(path);
    if (str_eq(json_str(docker, "scope"), "shared"))
        return xstrdup(name);
    return xasprintf("ecs-%s-%s-%s-%s", t->family, t->version, name, task_id(t));
}

static json_t *binds(const struct container *c, struct err *e)
{
    json_t *list = json_array(), *v;
    size_t i;

    json_array_foreach (json_object_get(c->spec, "mountPoints"), i, v) {
        const char *name = json_str(v, "sourceVolume"), *path = json_str(v, "containerPath");
        const json_t *volume = name ? find_volume(c->task, name) : NULL;
        _cleanup_free_ char *source = NULL, *line = NULL;

        if (!volume || !path || !*path) {
            err_set(e, ERR_USAGE, "Invalid volume referenced: %.200s", name ? name : "");
            json_decref(list);
            return NULL;
        }
        source = container_config_volume(c->task, volume);
        line = xasprintf("%s:%s%s", source, path, json_bool(v, "readOnly", false) ? ":ro" : "");
        json_array_append_new(list, json_string(line));
    }
    return list;
}

static json_t *volumes_from(const struct container *c)
{
    json_t *list = json_array(), *v;
    size_t i;

    json_array_foreach (json_object_get(c->spec, "volumesFrom"), i, v) {
        const struct container *other = task_container(c->task, json_str(v, "sourceContainer"));
        _cleanup_free_ char *line = NULL;

        if (!other)
            continue;
        line = xasprintf("%s%s", other->docker_name, json_bool(v, "readOnly", false) ? ":ro" : "");
        json_array_append_new(list, json_string(line));
    }
    return list;
}

static json_t *links(const struct container *c)
{
    json_t *list = json_array(), *v;
    size_t i;

    json_array_foreach (json_object_get(c->spec, "links"), i, v) {
        const char *link = json_string_value(v), *colon = strchr(link, ':');
        _cleanup_free_ char *name = xstrndup(link, strcspn(link, ":")), *line = NULL;
        const struct container *other = task_container(c->task, name);

        if (!other)
            continue;
        line = xasprintf("%s:%s", other->docker_name, colon ? colon + 1 : name);
        json_array_append_new(list, json_string(line));
    }
    return list;
}

/* ---- the two halves ---- */

/* overrides is a string of JSON of which only "command" counts. */
static json_t *command(const struct container *c)
{
    const char *text = json_str(c->spec, "overrides");
    _cleanup_json_ json_t *overrides = NULL;
    json_t *list = NULL;

    if (text && *text)
        overrides = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    list = json_object_get(overrides, "command");
    if (json_array_size(list) == 0)
        list = json_object_get(c->spec, "command");
    return json_is_array(list) ? json_deep_copy(list) : NULL;
}

static void put_labels(json_t *body, const struct container *c, const char *cluster)
{
    json_t *labels = json_object_get(body, "Labels");

    if (!json_is_object(labels)) {
        labels = json_object();
        json_object_set_new(body, "Labels", labels);
    }
    json_put_str(labels, DOCKER_LABEL_TASK_ARN, c->task->arn);
    json_put_str(labels, DOCKER_LABEL_CONTAINER_NAME, c->name);
    json_put_str(labels, DOCKER_LABEL_FAMILY, c->task->family);
    json_put_str(labels, DOCKER_LABEL_VERSION, c->task->version);
    json_put_str(labels, DOCKER_LABEL_CLUSTER, cluster);
}

static json_t *config(const struct container *c, const struct container_config_env *env,
                      json_t *vars, struct err *e)
{
    json_t *o = json_object();
    json_t *entry = json_object_get(c->spec, "entryPoint");

    json_put_str(o, "Image", c->image);
    json_put(o, "Cmd", command(c));
    json_put(o, "Entrypoint", json_array_size(entry) ? json_deep_copy(entry) : NULL);
    json_put(o, "Env", env_lines(vars));
    json_put(o, "ExposedPorts", exposed_ports(c));
    if (merge_text(o, c, "config", e) < 0) {
        json_decref(o);
        return NULL;
    }
    put_labels(o, c, env->cluster);
    return o;
}

/* Docker's own driver finds no name for logs there (docker_task_engine.go: unresolvedRegions). */
static bool docker_knows_no_logs_of(const char *region)
{
    static const char *const regions[] = {
        "us-iso-east-1",  "us-iso-west-1",   "us-isob-east-1", "us-isob-west-1",
        "eu-isoe-west-1", "us-isof-south-1", "us-isof-east-1", "eusc-de-east-1",
    };

    for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
        if (str_eq(region, regions[i]))
            return true;
    return false;
}

/*
 * Where CloudWatch Logs is, when Docker's driver would not find it by itself: it has no switch for
 * names with IPv6, and knows not all partitions. On an instance with IPv6 alone the payload wins,
 * and the region is that of its log, elsewhere neither (docker_task_engine.go).
 */
static void put_logs_endpoint(json_t *options, const struct container_config_env *env)
{
    bool dual = env->config && env->config->ipv6_only;
    const char *region = dual ? json_str(options, "awslogs-region") : env->region;
    _cleanup_free_ char *url = NULL;

    if (!region || !*region)
        return;
    if (dual) {
        const char *given = json_str(options, "awslogs-endpoint");

        if ((given && *given) || !docker_is_at_least(env->docker_version, 18, 9))
            return;
    } else if (!docker_knows_no_logs_of(region)) {
        return;
    }
    url = xasprintf("https://logs.%s.%s", region,
                    dual ? arn_dual_stack_suffix_of_region(region)
                         : arn_dns_suffix_of_region(region));
    json_put_str(options, "awslogs-endpoint", url);
}

/* Log options that the agent adds: see task.go and docker_task_engine.go. */
static void complete_log_config(json_t *host, const struct container *c,
                                const struct container_config_env *env)
{
    json_t *log = json_object_get(host, "LogConfig");
    json_t *options = json_object_get(log, "Config");
    _cleanup_free_ char *uri = NULL;

    if (!json_is_object(log))
        return;
    if (!json_is_object(options)) {
        options = json_object();
        json_object_set_new(log, "Config", options);
    }
    if (str_eq(json_str(log, "Type"), "awslogs"))
        put_logs_endpoint(options, env);
    json_object_update(options, env->log_secrets);
    if (str_eq(json_str(log, "Type"), "awslogs") && c->task->execution_credentials_id &&
        str_eq(json_str(c->spec, "logsAuthStrategy"), "ExecutionRole")) {
        uri = xasprintf("/v2/credentials/%s", c->task->execution_credentials_id);
        json_put_str(options, "awslogs-credentials-endpoint", uri);
    }
    if (str_eq(json_str(options, "mode"), "non-blocking") && !json_str(options, "max-buffer-size"))
        json_put_str(options, "max-buffer-size", "10m");
}

/* ---- namespaces ---- */

/* "container:ID" of what holds them. */
static void join(json_t *host, const char *member, const struct container *holder)
{
    _cleanup_free_ char *text =
        xasprintf("container:%s", holder && holder->docker_id ? holder->docker_id : "");

    json_put_str(host, member, text);
}

/* (task.go: shouldOverrideNetworkMode) */
static void put_network(json_t *host, const struct container *c)
{
    if (c->type != CONTAINER_NORMAL)
        json_put_str(host, "NetworkMode", "none");
    else if (task_is_awsvpc(c->task))
        join(host, "NetworkMode", task_internal(c->task, CONTAINER_CNI_PAUSE));
}

/* (task.go: pidModeOverride, ipcModeOverride) */
static void put_namespaces(json_t *host, const struct container *c)
{
    const char *pid = json_str(c->task->spec, "pidMode"), *ipc = json_str(c->task->spec, "ipcMode");
    const struct container *holder = task_internal(c->task, CONTAINER_NAMESPACE_PAUSE);
    bool own = c->type != CONTAINER_NORMAL;

    if (!own && str_eq(pid, "host"))
        json_put_str(host, "PidMode", pid);
    else if (!own && str_eq(pid, "task"))
        join(host, "PidMode", holder);
    if (str_eq(ipc, "none") || (!own && str_eq(ipc, "host")))
        json_put_str(host, "IpcMode", ipc);
    else if (!own && str_eq(ipc, "task"))
        join(host, "IpcMode", holder);
    else if (c == holder && str_eq(ipc, "task"))
        json_put_str(host, "IpcMode", "shareable");
}

static void put_pause_labels(json_t *body, const json_t *labels)
{
    json_t *into = json_object_get(body, "Labels"), *v;
    const char *key;

    json_object_foreach ((json_t *)(uintptr_t)labels, key, v)
        json_object_set(into, key, v);
}

static int64_t clamp(int64_t v, int64_t min, int64_t max)
{
    return v < min ? min : v > max ? max : v;
}

static json_t *host_config(const struct container *c, const struct container_config_env *env,
                           const json_t *vars, struct err *e)
{
    json_t *o = json_object(), *mounts = binds(c, e);
    int64_t memory = json_int(c->spec, "memory", 0) * MIB;

    if (!mounts) {
        json_decref(o);
        return NULL;
    }
    json_put(o, "Binds", mounts);
    json_put(o, "Links", links(c));
    json_put(o, "VolumesFrom", volumes_from(c));
    json_put(o, "PortBindings", port_bindings(c));
    json_put_int(o, "Memory", memory > 0 && memory < MEMORY_MIN ? MEMORY_MIN : memory);
    json_put_int(o, "CpuShares", clamp(json_int(c->spec, "cpu", 0), CPU_SHARE_MIN, CPU_SHARE_MAX));
    if (str_eq(c->task->network_mode, "host") || str_eq(c->task->network_mode, "none"))
        json_put_str(o, "NetworkMode", c->task->network_mode);
    if (env->config)
        gpu_put(c, env->config, vars, o);
    if (merge_text(o, c, "hostConfig", e) < 0) {
        json_decref(o);
        return NULL;
    }
    json_put_str(o, "CgroupParent", env->cgroup_parent); /* whatever the payload says */
    if (env->config)
        firelens_put(c, env->config, env->docker_version, o);
    put_network(o, c);
    put_namespaces(o, c);
    complete_log_config(o, c, env);
    return o;
}

json_t *container_config_body(const struct container *c, const struct container_config_env *env,
                              const char **ret_error_name, struct err *e)
{
    _cleanup_json_ json_t *vars = environment(c, env);
    json_t *body = config(c, env, vars, e), *host;

    *ret_error_name = "DockerClientConfigError";
    if (!body)
        return NULL;
    *ret_error_name = "HostConfigError";
    host = host_config(c, env, vars, e);
    if (!host) {
        json_decref(body);
        return NULL;
    }
    if (c->type != CONTAINER_NORMAL)
        put_pause_labels(body, env->pause_labels);
    if (c->type == CONTAINER_CNI_PAUSE)
        task_network_pause(c->task, body, host);
    json_put(body, "HostConfig", host);
    json_put(body, "NetworkingConfig", json_object());
    return body;
}
