#include <stdio.h>
#include <string.h>

#include "agent/metadata_file.h"
#include "agent/task_metadata.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define FILE_NAME "ecs-container-metadata.json"
#define MOUNTED   "/opt/ecs/metadata"

/* What is behind "task/" in the ARN: "cluster/id", or an id alone. (utils.go:getTaskIDfromARN) */
static const char *task_part(const struct task *t)
{
    const char *at = strstr(t->arn, ":task/");

    return at ? at + strlen(":task/") : task_id(t);
}

static char *folder(const struct task *t, const struct config *config, const char *container)
{
    const char *dir = *config->datadir ? config->datadir : "/data";

    return xasprintf("%s/metadata/%s%s%s", dir, task_part(t), container ? "/" : "",
                     container ? container : "");
}

static void put_text(json_t *o, const char *member, const char *value)
{
    if (value && *value)
        json_put_str(o, member, value);
}

static json_t *ports(const struct container *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_bindings; i++) {
        const struct container_binding *b = &c->bindings[i];

        json_array_append_new(list, json_pack("{s:i,s:i,s:s,s:s}", "ContainerPort",
                                              b->container_port, "HostPort", b->host_port, "BindIp",
                                              b->bind_ip ? b->bind_ip : "", "Protocol",
                                              b->udp ? "udp" : "tcp"));
    }
    return list;
}

/* What Docker has said of it. */
static void put_docker(json_t *o, const struct container *c)
{
    _cleanup_json_ json_t *seen = metadata_container(c, METADATA_V3);
    _cleanup_json_ json_t *mappings = ports(c);
    _cleanup_free_ char *name = xasprintf("/%s", c->docker_name);

    put_text(o, "ContainerID", c->docker_id);
    put_text(o, "DockerContainerName", name);
    put_text(o, "ImageID", c->image_id);
    put_text(o, "ImageName", c->image);
    if (json_array_size(mappings))
        json_object_set(o, "PortMappings", mappings);
    if (json_array_size(json_object_get(seen, "Networks")))
        json_object_set(o, "Networks", json_object_get(seen, "Networks"));
}

json_t *metadata_file_json(const struct container *c, const struct metadata_place *p, bool ready)
{
    json_t *o = json_object();

    put_text(o, "Cluster", p->cluster);
    put_text(o, "ContainerInstanceARN", p->instance_arn);
    put_text(o, "TaskARN", c->task->arn);
    put_text(o, "TaskDefinitionFamily", c->task->family);
    put_text(o, "TaskDefinitionRevision", c->task->version);
    put_text(o, "ContainerName", c->name);
    if (ready)
        put_docker(o, c);
    /* Go leaves its first state out, as it does any zero */
    if (ready)
        json_put_str(o, "MetadataFileStatus", "READY");
    put_text(o, "AvailabilityZone", p->zone);
    put_text(o, "HostPrivateIPv4Address", p->private_ipv4);
    put_text(o, "HostPublicIPv4Address", p->public_ipv4);
    return o;
}

int metadata_file_write(const struct container *c, const struct config *config,
                        const struct metadata_place *p, bool ready, struct err *e)
{
    _cleanup_json_ json_t *o = metadata_file_json(c, p, ready);
    _cleanup_free_ char *dir = folder(c->task, config, c->name);
    _cleanup_free_ char *path = xasprintf("%s/" FILE_NAME, dir);
    _cleanup_free_ char *temp = xasprintf("%s.new", path);
    _cleanup_free_ char *text = wire_text(o);

    if (io_mkdirs(dir, 0755, e) < 0 || io_write_file(temp, text, strlen(text), 0644, e) < 0)
        return -1;
    /* whoever reads it never sees half of one */
    if (rename(temp, path) < 0)
        return err_set(e, ERR_SYS, "%s: cannot be renamed", temp);
    return 0;
}

void metadata_file_mount(const struct container *c, const struct config *config, json_t *body)
{
    json_t *host = json_object_get(body, "HostConfig"), *binds = json_object_get(host, "Binds");
    json_t *env = json_object_get(body, "Env");
    char id[37];
    _cleanup_free_ char *bind =
        xasprintf("%s/data/metadata/%s/%s:" MOUNTED "/%s", config->host_datadir, task_part(c->task),
                  c->name, wire_uuid(id));
    _cleanup_free_ char *line =
        xasprintf("ECS_CONTAINER_METADATA_FILE=" MOUNTED "/%s/" FILE_NAME, id);

    if (!json_is_array(binds)) {
        binds = json_array();
        json_put(host, "Binds", binds);
    }
    if (!json_is_array(env)) {
        env = json_array();
        json_put(body, "Env", env);
    }
    json_array_append_new(binds, json_string(bind));
    json_array_append_new(env, json_string(line));
}

int metadata_file_remove(const struct task *t, const struct config *config, struct err *e)
{
    _cleanup_free_ char *dir = folder(t, config, NULL);

    return io_remove_tree(dir, e);
}
