/*
 * What the introspection API says; see introspection.h.
 */
#include "agent/introspection.h"
#include "agent/task.h"
#include "agent/version.h"
#include "agent/wire.h"
#include "base/mem.h"
#include "base/str.h"

#define TYPE_JSON "application/json"

static json_t *ports(const struct container *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_bindings; i++) {
        json_t *o = json_object();

        json_put_int(o, "ContainerPort", c->bindings[i].container_port);
        json_put_str(o, "Protocol", c->bindings[i].udp ? "udp" : "tcp");
        json_put_int(o, "HostPort", c->bindings[i].host_port);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *container_json(const struct container *c)
{
    json_t *o = json_object(), *volumes = json_object_get(c->seen, "volumes");

    json_put_str(o, "DockerId", c->docker_id ? c->docker_id : "");
    json_put_str(o, "DockerName", c->docker_name ? c->docker_name : "");
    json_put_str(o, "Name", c->name);
    json_put_str(o, "Image", c->image);
    json_put_str(o, "ImageID", c->image_id ? c->image_id : "");
    wire_put_time(o, "CreatedAt", c->created_at);
    wire_put_time(o, "StartedAt", c->started_at);
    if (c->n_bindings)
        json_put(o, "Ports", ports(c));
    if (json_array_size(volumes))
        json_put(o, "Volumes", json_incref(volumes));
    if (c->restart.enabled)
        json_put_int(o, "RestartCount", c->restarts);
    return o;
}

json_t *introspection_task(const struct task *t)
{
    json_t *o = json_object(), *containers = json_array();
    const char *desired = task_status_reported(t->desired);
    const char *known = task_status_reported(t->known);

    json_put_str(o, "Arn", t->arn);
    /* left out when it would say that a stopped task is to run */
    if (t->known != TASK_STOPPED || t->desired == TASK_STOPPED)
        json_put_str(o, "DesiredStatus", desired);
    json_put_str(o, "KnownStatus", known);
    json_put_str(o, "Family", t->family);
    json_put_str(o, "Version", t->version);
    for (size_t i = 0; i < t->n_containers; i++)
        json_array_append_new(containers, container_json(&t->containers[i]));
    json_put(o, "Containers", containers);
    return o;
}

/* What the official agent answers when there is no such task. (seen) */
static json_t *no_task(void)
{
    json_t *o = json_object();

    json_put_str(o, "Arn", "");
    json_put_str(o, "KnownStatus", "");
    json_put_str(o, "Family", "");
    json_put_str(o, "Version", "");
    json_put(o, "Containers", json_null());
    return o;
}

static json_t *control_channel(const struct introspection_source *s)
{
    json_t *o = json_object();
    int64_t since;

    json_put_bool(o, "Connected", s->connected(s->user, &since));
    wire_put_time(o, "Since", since);
    return o;
}

static json_t *metadata(const struct introspection_source *s)
{
    json_t *o = json_object();

    json_put_str(o, "Cluster", s->cluster);
    json_put(o, "ContainerInstanceArn",
             s->instance_arn ? json_string(s->instance_arn) : json_null());
    if (!s->hide_version)
        json_put_str(o, "Version", AGENT_VERSION_TEXT);
    if (s->connected)
        json_put(o, "EcsimControlChannel", control_channel(s));
    return o;
}

static json_t *commands(void)
{
    json_t *o = json_object(), *list = json_array();

    json_array_append_new(list, json_string("/v1/metadata"));
    json_array_append_new(list, json_string("/v1/tasks"));
    json_array_append_new(list, json_string("/license"));
    json_put(o, "AvailableCommands", list);
    return o;
}

static int tasks(const struct introspection_source *s, const char *arn, const char *docker_id,
                 json_t **ret)
{
    size_t matches = 0;

    if (arn && docker_id) {
        *ret = no_task();
        return 400;
    }
    if (!arn && !docker_id) {
        *ret = json_object();
        json_put(*ret, "Tasks", s->tasks(s->user));
        return 200;
    }
    *ret = arn ? s->task_by_arn(s->user, arn) : s->task_by_docker_id(s->user, docker_id, &matches);
    if (matches > 1) {
        json_decref(*ret);
        *ret = no_task();
        return 400;
    }
    if (!*ret) {
        *ret = no_task();
        return 404;
    }
    return 200;
}

int introspection_answer(const struct introspection_source *s, const char *path,
                         const char *task_arn, const char *docker_id, char **ret_body,
                         const char **ret_type)
{
    json_t *answer;
    int status = 200;

    *ret_type = TYPE_JSON;
    if (str_eq(path, "/license")) {
        *ret_type = "text/plain";
        *ret_body = xstrdup(AGENT_LICENSE_TEXT);
        return status;
    }
    if (str_eq(path, "/v1/metadata"))
        answer = metadata(s);
    else if (str_eq(path, "/v1/tasks"))
        status = tasks(s, task_arn, docker_id, &answer);
    else {
        /* Go guesses the type of what a handler writes without one */
        *ret_type = "text/plain; charset=utf-8";
        answer = commands();
    }
    *ret_body = wire_text(answer);
    json_decref(answer);
    return status;
}
