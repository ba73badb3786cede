#include "agent/container_inspect.h"
#include "agent/reason.h"
#include "base/mem.h"
#include "base/str.h"

/* 0 for Docker's "never" and for what is not a time. */
static int64_t time_of(const json_t *o, const char *member)
{
    const char *text = json_str(o, member);
    int64_t wall;

    if (!text || str_eq(text, DOCKER_TIME_ZERO) || str_parse_time(text, &wall) < 0)
        return 0;
    return wall > 0 ? wall : 0;
}

static void take_time(int64_t *member, int64_t seen)
{
    if (seen)
        *member = seen;
}

/* ---- health ---- */

static void take_health(struct container *c, const json_t *health)
{
    const char *word = json_str(health, "Status");
    const json_t *log = json_object_get(health, "Log");
    const json_t *last = json_array_get(log, json_array_size(log) ? json_array_size(log) - 1 : 0);
    const char *output = json_str(last, "Output");
    int status = word ? docker_health_from(word) : -1;
    int64_t since = time_of(last, "End");

    if (status < 0 || status == DOCKER_HEALTH_NONE)
        return;
    if (c->health != (enum docker_health)status) {
        c->health = (enum docker_health)status;
        c->health_since = since;
    }
    c->health_exit = (int)json_int(last, "ExitCode", 0);
    if (output) {
        free(c->health_output);
        c->health_output = xstrndup(output, strnlen(output, HEALTH_OUTPUT_MAX));
    }
}

/* ---- ports ---- */

/* "80/tcp" or "53/udp"; -1 when it is neither. */
static int parse_port_key(const char *key, int *ret_port, bool *ret_udp)
{
    char digits[8];
    size_t n = strcspn(key, "/");
    uint64_t port;

    if (n >= sizeof(digits))
        return -1;
    memcpy(digits, key, n);
    digits[n] = '\0';
    if (str_u64(digits, 65535, &port) < 0)
        return -1;
    *ret_port = (int)port;
    *ret_udp = str_eq(key + n, "/udp");
    return *ret_udp || key[n] == '\0' || str_eq(key + n, "/tcp") ? 0 : -1;
}

static void take_ports(struct container *c, json_t *ports)
{
    struct container_binding *list = NULL;
    size_t n = 0, cap = 0, i;
    const char *key;
    json_t *bound, *v;

    json_object_foreach (ports, key, bound) {
        int inside;
        bool udp;

        if (parse_port_key(key, &inside, &udp) < 0)
            continue;
        json_array_foreach (bound, i, v) {
            const char *ip = json_str(v, "HostIp"), *text = json_str(v, "HostPort");
            uint64_t outside;

            if (!text || str_u64(text, 65535, &outside) < 0)
                continue;
            grow_array(list, n, cap);
            list[n++] = (struct container_binding){
                .bind_ip = xstrdup(ip ? ip : ""),
                .container_port = inside,
                .host_port = (int)outside,
                .udp = udp,
            };
        }
    }
    if (n)
        container_set_bindings(c, list, n);
}

/* ---- what tasks may ask for ---- */

static json_t *networks_of(const json_t *settings)
{
    json_t *networks = json_object_get(settings, "Networks"), *list = json_object(), *one;
    const char *name;

    json_object_foreach (networks, name, one) {
        json_t *o = json_object();

        json_put_str(o, "ipv4", json_str(one, "IPAddress"));
        json_put_str(o, "ipv6", json_str(one, "GlobalIPv6Address"));
        json_object_set_new(list, name, o);
    }
    return list;
}

static json_t *volumes_of(const json_t *mounts)
{
    static const char *const names[][2] = {
        {"Name", "DockerName"}, {"Source", "Source"}, {"Destination", "Destination"}};
    json_t *list = json_array(), *mount;
    size_t i;

    json_array_foreach (mounts, i, mount) {
        json_t *o = json_object();

        for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
            const char *value = json_str(mount, names[k][0]);

            if (value && *value)
                json_put_str(o, names[k][1], value);
        }
        json_array_append_new(list, o);
    }
    return list;
}

/* Labels are those it was created with: the first that are seen stay. */
static void take_seen(struct container *c, const json_t *v)
{
    const json_t *settings = json_object_get(v, "NetworkSettings");
    json_t *labels = json_object_get(c->seen, "labels"), *o;

    if (!json_object_size(labels))
        labels = json_at(v, "Config.Labels");
    o = json_object();
    if (json_is_object(labels))
        json_put(o, "labels", json_incref(labels));
    json_put_str(o, "networkMode", json_str(json_object_get(v, "HostConfig"), "NetworkMode"));
    if (json_is_object(settings)) {
        json_put_str(o, "ipv4", json_str(settings, "IPAddress"));
        json_put_str(o, "ipv6", json_str(settings, "GlobalIPv6Address"));
        json_put(o, "networks", networks_of(settings));
    }
    json_put(o, "volumes", volumes_of(json_object_get(v, "Mounts")));
    json_decref(c->seen);
    c->seen = o;
}

/* ---- all of it ---- */

enum container_status container_inspect_status(const json_t *v)
{
    const json_t *state = json_object_get(v, "State");
    const char *error = json_str(state, "Error");

    if (!json_is_object(state))
        return CONTAINER_NONE;
    if (json_bool(state, "Running", false))
        return CONTAINER_RUNNING;
    if (json_bool(state, "Dead", false))
        return CONTAINER_STOPPED;
    return !time_of(state, "StartedAt") && !(error && *error) ? CONTAINER_CREATED
                                                              : CONTAINER_STOPPED;
}

void container_inspect_exit(const json_t *v, bool *ret_known, int *ret_code)
{
    const json_t *state = json_object_get(v, "State");

    *ret_known = container_inspect_status(v) == CONTAINER_STOPPED && time_of(state, "FinishedAt") &&
                 json_is_integer(json_object_get(state, "ExitCode"));
    *ret_code = (int)json_int(state, "ExitCode", 0);
}

enum container_status container_inspect(struct container *c, const json_t *v)
{
    const json_t *state = json_object_get(v, "State");
    const char *error = json_str(state, "Error");
    enum container_status s = container_inspect_status(v);
    bool known;
    int code;

    if (s == CONTAINER_NONE)
        return CONTAINER_NONE;
    take_time(&c->created_at, time_of(v, "Created"));
    take_time(&c->started_at, time_of(state, "StartedAt"));
    if (json_str(v, "Image"))
        container_set_text(&c->image_id, json_str(v, "Image"));
    take_ports(c, json_at(v, "NetworkSettings.Ports"));
    take_health(c, json_object_get(state, "Health"));
    take_seen(c, v);
    if (s != CONTAINER_STOPPED)
        return s;
    take_time(&c->finished_at, time_of(state, "FinishedAt"));
    container_inspect_exit(v, &known, &code);
    if (known)
        container_set_exit(c, code);
    if (json_bool(state, "OOMKilled", false))
        container_set_error(c, REASON_OOM, REASON_OOM_TEXT);
    else if (error && *error)
        container_set_error(c, REASON_STATE, error);
    return s;
}
