#include "agent/container.h"
#include "agent/task.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const types[CONTAINER_TYPE_MAX] = {
    [CONTAINER_NORMAL] = "NORMAL",
    [CONTAINER_CNI_PAUSE] = "CNI_PAUSE",
    [CONTAINER_NAMESPACE_PAUSE] = "NAMESPACE_PAUSE",
};

STRTAB_DEFINE(container_type, enum container_type, types)

void container_init(struct container *c, struct task *t, size_t index)
{
    c->task = t;
    c->index = index;
    c->steady = CONTAINER_RUNNING;
    c->event_exit = -1;
}

void container_release(struct container *c)
{
    for (size_t i = 0; i < c->n_depends; i++)
        free(c->depends[i].name);
    free(c->depends);
    free(c->ports);
    container_set_bindings(c, NULL, 0);
    free(c->docker_name);
    free(c->docker_id);
    free(c->endpoint_id);
    free(c->image_id);
    free(c->image_digest);
    free(c->reason);
    free(c->health_output);
    exec_agent_free(c->exec);
    json_decref(c->seen);
    json_decref(c->spec);
    *c = (struct container){0};
}

/* ---- changing it ---- */

static void log_change(const struct container *c, struct log *log, const char *which,
                       enum container_status old, enum container_status now)
{
    log_event(log, LOG_INFO, which, "task", c->task->arn, "container", c->name, "from",
              container_status_name(old), "to", container_status_name(now), "runtimeId",
              c->docker_id, NULL);
}

bool container_set_known(struct container *c, enum container_status s, struct log *log)
{
    enum container_status old = c->known;

    if (s <= old)
        return false;
    c->known = s;
    log_change(c, log, "Container known status changed", old, s);
    return true;
}

bool container_set_desired(struct container *c, enum container_status s, struct log *log)
{
    enum container_status old = c->desired;

    if (s <= old)
        return false;
    c->desired = s;
    log_change(c, log, "Container desired status changed", old, s);
    return true;
}

void container_set_error(struct container *c, const char *name, const char *text)
{
    if (!c->reason)
        c->reason = xasprintf("%s: %s", name, text);
}

void container_set_exit(struct container *c, int code)
{
    if (c->exit_known)
        return;
    c->exit_known = true;
    c->exit_code = code;
}

void container_set_text(char **member, const char *value)
{
    char *copy;

    if (str_eq(*member, value))
        return;
    copy = xstrdup(value);
    free(*member);
    *member = copy;
}

void container_set_bindings(struct container *c, struct container_binding *b, size_t n)
{
    for (size_t i = 0; i < c->n_bindings; i++)
        free(c->bindings[i].bind_ip);
    free(c->bindings);
    c->bindings = b;
    c->n_bindings = n;
}

/* ---- asking ---- */

bool container_will_never_start(const struct container *c)
{
    if (c->known == CONTAINER_STOPPED)
        return c->started_at == 0;
    return c->known < CONTAINER_RUNNING && c->desired == CONTAINER_STOPPED;
}

enum container_status container_reportable(const struct container *c)
{
    if (c->type != CONTAINER_NORMAL)
        return CONTAINER_NONE;
    if (c->known == CONTAINER_STOPPED)
        return CONTAINER_STOPPED;
    if (c->known >= c->steady)
        return c->steady;
    if (c->known >= CONTAINER_MANIFEST_PULLED && c->image_digest && !c->digest_late)
        return CONTAINER_MANIFEST_PULLED;
    return CONTAINER_NONE;
}

char *container_docker_name(const char *family, const char *revision, const char *name,
                            const char *hex)
{
    _cleanup_free_ char *plain = xstrdup(name);
    size_t n = 0;

    for (const char *p = name; *p; p++) {
        bool fits = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                    (*p >= '0' && *p <= '9') || *p == '-';

        if (fits)
            plain[n++] = *p;
    }
    plain[n] = '\0';
    return xasprintf("ecs-%s-%s-%s-%s", family, revision, plain, hex);
}

/* ---- saving and loading ---- */

static json_t *ports_json(const struct container *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_ports; i++)
        json_array_append_new(list, json_integer(c->ports[i].host_port));
    return list;
}

static json_t *bindings_json(const struct container *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_bindings; i++) {
        const struct container_binding *b = &c->bindings[i];
        json_t *o = json_object();

        json_put_str(o, "bindIP", b->bind_ip);
        json_put_int(o, "containerPort", b->container_port);
        json_put_int(o, "hostPort", b->host_port);
        json_put_str(o, "protocol", b->udp ? "udp" : "tcp");
        json_array_append_new(list, o);
    }
    return list;
}

json_t *container_state_json(const struct container *c)
{
    json_t *o = json_object();

    json_put_str(o, "knownStatus", container_status_name(c->known));
    json_put_str(o, "desiredStatus", container_status_name(c->desired));
    json_put_str(o, "sentStatus", container_status_name(c->sent));
    json_put_str(o, "dockerName", c->docker_name);
    json_put_str(o, "runtimeId", c->docker_id);
    json_put_str(o, "endpointId", c->endpoint_id);
    json_put_str(o, "imageId", c->image_id);
    json_put_str(o, "imageDigest", c->image_digest);
    json_put_bool(o, "imageSetsRegion", c->image_sets_region);
    json_put_bool(o, "createTried", c->create_tried);
    if (c->torn_down)
        json_put_bool(o, "tornDown", true);
    if (c->exit_known)
        json_put_int(o, "exitCode", c->exit_code);
    json_put_str(o, "reason", c->reason);
    json_put_int(o, "createdAt", c->created_at);
    json_put_int(o, "startedAt", c->started_at);
    json_put_int(o, "finishedAt", c->finished_at);
    json_put_int(o, "restartCount", c->restarts);
    json_put_int(o, "lastRestartAt", c->restarted_at);
    json_put(o, "hostPorts", ports_json(c));
    json_put(o, "bindings", bindings_json(c));
    json_put(o, "seen", json_incref(c->seen));
    if (c->exec)
        json_put(o, "execAgent", exec_agent_state(c->exec));
    return o;
}

static enum container_status status_of(const json_t *state, const char *member)
{
    const char *word = json_str(state, member);
    int s = word ? container_status_from(word) : CONTAINER_NONE;

    return s < 0 ? CONTAINER_NONE : (enum container_status)s;
}

static void load_bindings(struct container *c, const json_t *list)
{
    size_t n = json_array_size(list), i;
    struct container_binding *b = n ? new0_array(struct container_binding, n) : NULL;
    json_t *o;

    json_array_foreach (list, i, o) {
        b[i].bind_ip = xstrdup(json_str(o, "bindIP"));
        b[i].container_port = (int)json_int(o, "containerPort", 0);
        b[i].host_port = (int)json_int(o, "hostPort", 0);
        b[i].udp = str_eq(json_str(o, "protocol"), "udp");
    }
    container_set_bindings(c, b, n);
}

void container_state_load(struct container *c, const json_t *state)
{
    const json_t *ports = json_object_get(state, "hostPorts");
    const json_t *exit_code = json_object_get(state, "exitCode");

    c->known = status_of(state, "knownStatus");
    c->desired = status_of(state, "desiredStatus");
    c->sent = c->handed = status_of(state, "sentStatus");
    container_set_text(&c->docker_name, json_str(state, "dockerName"));
    container_set_text(&c->docker_id, json_str(state, "runtimeId"));
    container_set_text(&c->endpoint_id, json_str(state, "endpointId"));
    container_set_text(&c->image_id, json_str(state, "imageId"));
    container_set_text(&c->image_digest, json_str(state, "imageDigest"));
    container_set_text(&c->reason, json_str(state, "reason"));
    c->image_sets_region = json_bool(state, "imageSetsRegion", false);
    c->create_tried = json_bool(state, "createTried", false);
    c->torn_down = json_bool(state, "tornDown", false);
    if (json_is_integer(exit_code))
        container_set_exit(c, (int)json_integer_value(exit_code));
    c->created_at = json_int(state, "createdAt", 0);
    c->started_at = json_int(state, "startedAt", 0);
    c->finished_at = json_int(state, "finishedAt", 0);
    c->restarts = json_int(state, "restartCount", 0);
    c->restarted_at = json_int(state, "lastRestartAt", 0);
    for (size_t i = 0; i < c->n_ports && i < json_array_size(ports); i++) {
        int port = (int)json_integer_value(json_array_get(ports, i));

        c->ports[i].chosen = c->ports[i].host_port == 0 && port != 0;
        c->ports[i].host_port = port;
    }
    load_bindings(c, json_object_get(state, "bindings"));
    json_decref(c->seen);
    c->seen = json_incref(json_object_get(state, "seen"));
    if (c->exec)
        exec_agent_load(c->exec, json_object_get(state, "execAgent"));
}
