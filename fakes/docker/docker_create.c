/* POST /containers/create: what is refused, what is completed, and the container that results. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/create.h"
#include "fakes/docker/image_config.h"
#include "fakes/docker/links.h"
#include "fakes/docker/schema.h"
#include "fakes/docker/trouble.h"

void create_release(struct create *r)
{
    json_decref(r->body);
    json_decref(r->config);
    json_decref(r->host);
    json_decref(r->image_config);
    behaviour_unref(r->b);
    free(r->name);
}

/* --- reading the body --------------------------------------------------------------------- */

/* Members of HostConfig that clients of 2014 sent beside it. */
static void adopt_old_members(struct create *r)
{
    static const char *const old[] = {"Memory", "MemorySwap", "CpuShares", "VolumeDriver"};
    json_t *v;

    for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
        v = gojson_get(r->body, old[i]);
        if (v && !json_is_null(v) && r->host && !json_object_get(r->host, old[i]))
            json_object_set(r->host, old[i], v);
    }
    v = gojson_get(r->body, "Cpuset");
    if (json_is_string(v) && r->host && !json_object_get(r->host, "CpusetCpus"))
        json_object_set(r->host, "CpusetCpus", v);
}

int create_read_body(struct create *r, struct problem *p)
{
    bool modern = docker_modern(r->d);
    char why[GOJSON_TEXT_MAX] = "";
    const json_t *host;

    r->body = docker_body(r->x, p);
    if (!r->body)
        return -1;
    if (!json_is_object(r->body) && !json_is_null(r->body))
        return problem(p, modern ? 400 : 500,
                       "%sjson: cannot unmarshal %s into Go value of type "
                       "runconfig.ContainerConfigWrapper",
                       modern ? "invalid JSON: " : "", gojson_kind(r->body));
    r->config =
        schema_read(config_schema(), r->body,
                    modern ? "ContainerConfigWrapper.Config" : "ContainerConfigWrapper", why);
    host = gojson_get(r->body, "HostConfig");
    r->host_given = host && !json_is_null(host);
    if (r->config && r->host_given && !json_is_object(host))
        snprintf(why, sizeof(why),
                 "json: cannot unmarshal %s into Go struct field ContainerConfigWrapper.HostConfig "
                 "of type container.HostConfig",
                 gojson_kind(host));
    else if (r->config)
        r->host = schema_read(host_config_schema(), r->host_given ? host : r->body,
                              r->host_given ? "HostConfig.HostConfig"
                              : modern      ? "ContainerConfigWrapper.HostConfig"
                                            : "ContainerConfigWrapper",
                              why);
    /* all of it may stand beside Config when there is no HostConfig */
    r->host_given = r->host_given || json_object_size(r->host);
    if (!r->config || !r->host)
        return problem(p, modern ? 400 : 500, "%s%s", modern ? "invalid JSON: " : "", why);
    adopt_old_members(r);
    return 0;
}

static int read_body(struct create *r, struct problem *p)
{
    if (create_read_body(r, p) < 0)
        return -1;
    if (call_version(r->x) < API(25))
        json_object_del(r->host, "AutoRemove");
    if (!json_object_size(r->config))
        return problem(p, 400, "%s cannot be empty in order to create a container",
                       docker_modern(r->d) ? "config" : "Config");
    return 0;
}

/* --- image and defaults ------------------------------------------------------------------- */

static void merge_image(struct create *r)
{
    r->image_config = json_incref(r->image->content->config);
    config_merge(r->config, r->image_config);
}

static bool no_words(const json_t *v)
{
    return !json_array_size(v);
}

/* Labels ecsim.NAME change the behaviour that the image declares. */
static int override(struct create *r, struct problem *p)
{
    const json_t *labels = json_object_get(r->config, "Labels");
    struct behaviour *own = NULL;
    const char *key, *name;
    struct err e = ERR_INIT;
    json_t *v;

    r->b = behaviour_ref(r->image->content->b);
    json_object_foreach ((json_t *)(uintptr_t)labels, key, v) {
        name = str_after(key, "ecsim.");
        if (!name)
            continue;
        if (!own) {
            own = behaviour_copy(r->b);
            behaviour_unref(r->b);
            r->b = own;
        }
        if (behaviour_set(own, name, json_is_string(v) ? json_string_value(v) : "", true, &e) < 0)
            return problem(p, 400, "label %s: %s", key, e.text);
    }
    return 0;
}

void create_complete_host(struct create *r)
{
    int64_t memory = json_int(r->host, "Memory", 0);
    const char *mode = json_str(r->host, "NetworkMode"), *ipc = json_str(r->host, "IpcMode");
    json_t *log = json_object_get(r->host, "LogConfig"), *policy;
    bool modern = docker_modern(r->d);

    if (memory > 0 && !json_int(r->host, "MemorySwap", 0))
        json_put_int(r->host, "MemorySwap", memory * 2);
    if (!json_int(r->host, "ShmSize", 0))
        json_put_int(r->host, "ShmSize", 64 << 20);
    if (!ipc || !*ipc)
        json_put_str(r->host, "IpcMode",
                     (r->host_given || modern) && call_version(r->x) < API(40) ? "shareable"
                                                                               : "private");
    if (!mode || !*mode)
        json_put_str(r->host, "NetworkMode", modern ? "bridge" : "default");
    else if (modern && str_eq(mode, "default"))
        json_put_str(r->host, "NetworkMode", "bridge");
    if (!json_str(r->host, "CgroupnsMode") || !*json_str(r->host, "CgroupnsMode"))
        json_put_str(r->host, "CgroupnsMode", r->d->cgroup2 ? "private" : "host");
    if (!log)
        json_object_set_new(r->host, "LogConfig", log = json_object());
    if (!json_str(log, "Type") || !*json_str(log, "Type"))
        json_put_str(log, "Type", "json-file");
    if (!json_object_get(log, "Config"))
        json_object_set_new(log, "Config", json_object());
    policy = json_object_get(r->host, "RestartPolicy");
    if (!policy)
        json_object_set_new(r->host, "RestartPolicy", policy = json_object());
    if (modern && (!json_str(policy, "Name") || !*json_str(policy, "Name")))
        json_put_str(policy, "Name", "no");
    if (!json_object_get(r->host, "OomKillDisable") && !r->d->cgroup2)
        json_put_bool(r->host, "OomKillDisable", false);
    if (!json_array_size(json_object_get(r->host, "SecurityOpt")) &&
        (json_bool(r->host, "Privileged", false) || str_eq(ipc, "host") ||
         str_eq(json_str(r->host, "PidMode"), "host")))
        json_object_set_new(r->host, "SecurityOpt", json_pack("[s]", "label=disable"));
    if (json_int(r->host, "PidsLimit", 1) <= 0)
        json_object_del(r->host, "PidsLimit");
    if ((r->host_given || modern) && !json_str(r->host, "Runtime"))
        json_put_str(r->host, "Runtime", "runc");
}

/* What /proc and /sys hide from a container that is not privileged. */
static void complete_paths(struct create *r)
{
    static const char *const masked[] = {
        "/proc/asound",
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
    };
    static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                           "/proc/sysrq-trigger"};
    size_t n = ARRAY_SIZE(masked) - (docker_modern(r->d) ? 0 : 1);
    json_t *a;

    if (json_bool(r->host, "Privileged", false))
        return;
    if (!json_object_get(r->host, "MaskedPaths")) {
        a = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(a, json_string(masked[i]));
        json_object_set_new(r->host, "MaskedPaths", a);
    }
    if (!json_object_get(r->host, "ReadonlyPaths")) {
        a = json_array();
        for (size_t i = 0; i < ARRAY_SIZE(readonly); i++)
            json_array_append_new(a, json_string(readonly[i]));
        json_object_set_new(r->host, "ReadonlyPaths", a);
    }
}

/* --- the container ------------------------------------------------------------------------ */

/* As lists show it: in quotes when there is a blank in it, and nothing escaped. */
static void add_word(struct buf *b, const char *word)
{
    const char *quote = strchr(word, ' ') ? "'" : "";

    buf_addf(b, " %s%s%s", quote, word, quote);
}

/* Path and Args for inspect, and the command line for lists. */
static void set_command(struct create *r, struct container *c)
{
    struct buf path = BUF_INIT(ANSWER_MAX), line = BUF_INIT(ANSWER_MAX);
    const char *const members[] = {"Entrypoint", "Cmd"};
    size_t n = 0, i;
    json_t *v;

    for (size_t m = 0; m < ARRAY_SIZE(members); m++)
        json_array_foreach (json_object_get(r->config, members[m]), i, v) {
            const char *word = json_string_value(v) ? json_string_value(v) : "";

            if (!n) {
                buf_adds(&path, "\"Path\":");
                gojson_add(&path, word);
                buf_adds(&path, ",\"Args\":[");
                buf_adds(&line, word);
            } else {
                buf_adds(&path, n > 1 ? "," : "");
                gojson_add(&path, word);
                add_word(&line, word);
            }
            n++;
        }
    buf_addc(&path, ']');
    c->path_args = buf_steal(&path, NULL);
    c->command = buf_steal(&line, NULL);
}

void container_set_host_config(struct container *c, const json_t *host)
{
    struct buf b = BUF_INIT(ANSWER_MAX);
    const char *runtime = json_str(host, "Runtime");

    c->runtime_at = 0;
    schema_write_for(&b, host_config_schema(), host, c->d->api, "Runtime", &c->runtime_at);
    if (runtime && *runtime)
        c->runtime_at = 0;
    free(c->host_config);
    c->host_config = buf_steal(&b, NULL);
}

static void set_texts(struct create *r, struct container *c)
{
    struct buf b = BUF_INIT(ANSWER_MAX);
    json_t *ports = json_object_get(r->config, "ExposedPorts");

    if (!json_str(r->config, "Hostname") || !*json_str(r->config, "Hostname")) {
        char hostname[13];

        snprintf(hostname, sizeof(hostname), "%.12s", c->id);
        json_put_str(r->config, "Hostname", str_eq(c->network_mode, "host") ? "ecsim" : hostname);
    }
    /* ports stand elsewhere for old versions: they are kept apart */
    if (json_object_size(ports)) {
        json_t *only = json_object();
        char *s;
        size_t n;

        json_object_set(only, "ExposedPorts", ports);
        schema_write(&b, exposed_ports_schema(), only);
        json_decref(only);
        s = buf_steal(&b, &n);
        c->config_ports = xstrndup(s + 1, n - 2);
        free(s);
        json_object_del(r->config, "ExposedPorts");
        buf_init(&b, ANSWER_MAX);
    } else {
        c->config_ports = xstrdup("");
    }
    schema_write_for(&b, config_schema(), r->config, 0, "Tty", &c->config_ports_at);
    c->config = buf_steal(&b, NULL);
    container_set_host_config(c, r->host);
}

static void set_policy(struct container *c, const json_t *host)
{
    const json_t *policy = json_object_get(host, "RestartPolicy");
    const char *name = json_str(policy, "Name");

    c->policy = RESTART_NO;

    if (str_eq(name, "always"))
        c->policy = RESTART_ALWAYS;
    else if (str_eq(name, "unless-stopped"))
        c->policy = RESTART_UNLESS_STOPPED;
    else if (str_eq(name, "on-failure"))
        c->policy = RESTART_ON_FAILURE;
    c->policy_max = json_int(policy, "MaximumRetryCount", 0);
}

void container_limits(struct container *c, const json_t *host)
{
    const char *cpus = json_str(host, "CpusetCpus");

    c->memory_limit = json_int(host, "Memory", 0);
    c->memory_swap = json_int(host, "MemorySwap", 0);
    c->cpu_shares = json_int(host, "CpuShares", 0);
    c->pids_limit = json_int(host, "PidsLimit", 0);
    free(c->cpuset);
    c->cpuset = xstrdup(cpus ? cpus : "");
    set_policy(c, host);
}

static struct container *build(struct create *r)
{
    struct container *c = new0(struct container);
    const char *signal = json_str(r->config, "StopSignal");

    c->d = r->d;
    list_init(&c->link);
    list_init(&c->ends);
    list_init(&c->waits);
    list_init(&c->log_streams);
    list_init(&c->execs);
    c->open_stdin = json_bool(r->config, "OpenStdin", false);
    c->stdin_once = json_bool(r->config, "StdinOnce", false);
    world_hex(r->d->fake.world, 32, c->id);
    c->name = xstrdup(r->name);
    c->created = clock_wall(docker_clock(r->d));
    c->b = behaviour_ref(r->b);
    c->image = xstrdup(json_str(r->config, "Image"));
    snprintf(c->image_id, sizeof(c->image_id), "%s", r->image->content->id);
    c->content = content_ref(r->image->content);
    c->size = r->image->content->size;
    c->network_mode = xstrdup(json_str(r->host, "NetworkMode"));
    c->log_driver = xstrdup(json_str(json_object_get(r->host, "LogConfig"), "Type"));
    c->labels = pairs_from_json(json_object_get(r->config, "Labels"));
    c->tty = json_bool(r->config, "Tty", false);
    c->auto_remove = json_bool(r->host, "AutoRemove", false);
    container_limits(c, r->host);
    if (json_str(r->config, "MacAddress") && *json_str(r->config, "MacAddress"))
        c->mac = xstrdup(json_str(r->config, "MacAddress"));
    c->stop_signal = signal && *signal && signal_from(signal) > 0 ? signal_from(signal) : 15;
    c->stop_timeout = (int)json_int(r->config, "StopTimeout", INT_MIN);
    set_command(r, c);
    create_ports(r, c);
    if (json_str(r->config, "Hostname") && *json_str(r->config, "Hostname"))
        c->hostname = xstrdup(json_str(r->config, "Hostname"));
    json_object_del(r->host, "Links"); /* shown as they are now: links.c */
    c->health = health_new(c, r->config);
    set_texts(r, c);
    return c;
}

/* The name, or one that is made up; -1: taken or not allowed. */
static int reserve_name(struct create *r, struct problem *p)
{
    char *plain;

    if (!r->name || !*r->name) {
        free(r->name);
        r->name = random_name(r->d);
        return 0;
    }
    if (!container_name_valid(r->name))
        return problem(p, 400,
                       "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                       r->name);
    plain = xstrdup(*r->name == '/' ? r->name + 1 : r->name);
    free(r->name);
    r->name = plain;
    return container_name_free(r->d, r->name, p);
}

static int find_image(struct create *r, struct problem *p)
{
    const char *name = json_str(r->config, "Image");

    r->image = image_find(r->d, name ? name : "");
    return r->image ? 0 : image_missing(r->d, p, name ? name : "");
}

/* "container:NAME" is kept as the id of what has that name now. */
static void resolve_network_mode(struct create *r)
{
    const char *mode = json_str(r->host, "NetworkMode");
    const char *name = mode ? str_after(mode, "container:") : NULL;
    struct problem quiet = {0};
    const struct container *other = name ? container_find(r->d, name, &quiet) : NULL;
    char *by_id = other ? xasprintf("container:%s", other->id) : NULL;

    json_put_str(r->host, "NetworkMode", by_id);
    free(by_id);
    free(quiet.text);
}

/* A copy of NetworkingConfig with its members as they are spelled; a new reference. */
static json_t *networking_of(const struct create *r)
{
    const json_t *given = gojson_get(r->body, "NetworkingConfig");
    json_t *configs = gojson_get(given, "EndpointsConfig"), *copy = json_object();

    json_object_set_new(copy, "EndpointsConfig",
                        json_is_object(configs) ? json_deep_copy(configs) : json_object());
    return copy;
}

static int create(struct create *r, struct container **ret, struct problem *p)
{
    _cleanup_json_ json_t *networking = NULL, *links = NULL;
    struct container *c;

    r->name = exchange_param(r->x, "name");
    if (read_body(r, p) < 0 || create_subpaths_wrong(r, p) < 0 || create_settings_wrong(r, p) < 0 ||
        find_image(r, p) < 0)
        return -1;
    merge_image(r);
    if (no_words(json_object_get(r->config, "Cmd")) &&
        no_words(json_object_get(r->config, "Entrypoint")))
        return problem(p, 400, "%s command specified", docker_modern(r->d) ? "no" : "No");
    if (override(r, p) < 0)
        return -1;
    create_complete_host(r);
    complete_paths(r);
    if (create_log_driver_wrong(r, p) < 0 || reserve_name(r, p) < 0)
        return -1;
    if (r->b->create_error)
        return problem(p, 500, "%s", r->b->create_error);
    if (r->d->trouble.disk_full) {
        char layer[65];

        world_hex(r->d->fake.world, 32, layer);
        return trouble_disk_full(r->d, p, "/var/lib/docker/overlay2/%s-init/link", layer);
    }
    resolve_network_mode(r);
    networking = networking_of(r);
    if (create_macs(r->d, r->config, r->host, networking, call_version(r->x), &r->mac_warned, p) <
        0)
        return -1;
    links = json_incref(json_object_get(r->host, "Links"));
    c = build(r);
    if (create_endpoints(c, networking, call_version(r->x), p) < 0) {
        container_free(c);
        return -1;
    }
    if (create_mounts(r, c, p) < 0 || links_create(c, links, p) < 0) {
        container_event(c, "destroy", NULL, NULL); /* it was there already */
        container_free(c);
        return -1;
    }
    container_add(c);
    *ret = c;
    return 0;
}

void post_containers_create(struct fake *f, struct exchange *x)
{
    struct create r = {.d = (struct docker *)f, .x = x};
    struct container *c = NULL;
    struct problem p = {0};
    struct buf b = BUF_INIT(4096);

    if (create(&r, &c, &p) < 0) {
        if (r.later)
            docker_refuse_later(x, &p);
        else
            docker_refuse(x, &p);
    } else {
        buf_addf(
            &b, "{\"Id\":\"%s\",\"Warnings\":[%s]}", c->id,
            r.mac_warned
                ? "\"The container-wide MacAddress field is now deprecated. It should be specified "
                  "in EndpointsConfig instead.\""
                : "");
        docker_answer(x, 201, &b);
    }
    create_release(&r);
}
