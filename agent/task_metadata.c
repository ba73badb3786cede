#include "agent/task_metadata.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define CPU_SHARE_MIN 2 /* what Docker is told when it is less */

/* ---- networks ---- */

/* The first of the task's elastic network interfaces, or NULL. */
static const json_t *interface_of(const struct task *t)
{
    return json_array_get(json_object_get(t->spec, "elasticNetworkInterfaces"), 0);
}

static json_t *addresses(const json_t *interface, const char *list, const char *member)
{
    json_t *found = json_array(), *v;
    size_t i;

    json_array_foreach (json_object_get(interface, list), i, v)
        json_array_append_new(found, json_string(json_str(v, member) ? json_str(v, member) : ""));
    return found;
}

static void put_unless_empty(json_t *o, const char *member, json_t *list)
{
    if (json_array_size(list))
        json_put(o, member, list);
    else
        json_decref(list);
}

static void put_text(json_t *o, const char *member, const char *text)
{
    if (text && *text)
        json_put_str(o, member, text);
}

/* "10.0.0.0/20" of a gateway that is told as "10.0.0.1/20". */
static void put_subnet(json_t *o, const char *gateway)
{
    unsigned int a, b, c, d, bits;
    uint32_t ip;
    char text[24];

    if (!gateway || sscanf(gateway, "%3u.%3u.%3u.%3u/%2u", &a, &b, &c, &d, &bits) != 5 ||
        (a | b | c | d) > 255 || bits > 32)
        return;
    ip = a << 24 | b << 16 | c << 8 | d;
    ip &= bits ? ~(uint32_t)0 << (32 - bits) : 0;
    snprintf(text, sizeof(text), "%u.%u.%u.%u/%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
             ip & 255, bits);
    json_put_str(o, "IPv4SubnetCIDRBlock", text);
}

static json_t *interface_network(const json_t *interface, enum metadata_version version)
{
    json_t *o = json_object();
    const char *gateway = json_str(interface, "subnetGatewayIpv4Address");

    json_put_str(o, "NetworkMode", "awsvpc");
    put_unless_empty(o, "IPv4Addresses", addresses(interface, "ipv4Addresses", "privateAddress"));
    put_unless_empty(o, "IPv6Addresses", addresses(interface, "ipv6Addresses", "address"));
    if (version < METADATA_V4)
        return o;
    json_put_int(o, "AttachmentIndex", 0);
    put_text(o, "MACAddress", json_str(interface, "macAddress"));
    put_subnet(o, gateway);
    if (json_array_size(json_object_get(interface, "domainNameServers")))
        json_put(o, "DomainNameServers",
                 json_deep_copy(json_object_get(interface, "domainNameServers")));
    if (json_array_size(json_object_get(interface, "domainName")))
        json_put(o, "DomainNameSearchList",
                 json_deep_copy(json_object_get(interface, "domainName")));
    put_text(o, "PrivateDNSName", json_str(interface, "privateDnsName"));
    put_text(o, "SubnetGatewayIpv4Address", gateway);
    return o;
}

static json_t *docker_network(const char *mode, const json_t *from, enum metadata_version version)
{
    json_t *o = json_object(), *list = json_array();
    const char *ipv4 = json_str(from, "ipv4"), *ipv6 = json_str(from, "ipv6");

    put_text(o, "NetworkMode", mode);
    json_array_append_new(list, json_string(ipv4 ? ipv4 : ""));
    json_put(o, "IPv4Addresses", list);
    if (version >= METADATA_V4 && ipv6 && *ipv6) {
        list = json_array();
        json_array_append_new(list, json_string(ipv6));
        json_put(o, "IPv6Addresses", list);
    }
    return o;
}

/* NULL: nobody has said yet. Engines of long ago name no networks. */
static json_t *networks(const struct container *c, enum metadata_version version)
{
    const json_t *interface = interface_of(c->task);
    json_t *known = json_object_get(c->seen, "networks"), *list, *one;
    const char *name;

    if (!interface && !known)
        return NULL;
    list = json_array();
    if (interface)
        json_array_append_new(list, interface_network(interface, version));
    else if (!json_object_size(known))
        json_array_append_new(list,
                              docker_network(json_str(c->seen, "networkMode"), c->seen, version));
    else
        json_object_foreach (known, name, one)
            json_array_append_new(list, docker_network(name, one, version));
    return list;
}

bool metadata_has_address(const struct task *t, const char *ip)
{
    json_t *v;
    size_t i;

    if (str_eq(t->local_address, ip))
        return true;
    json_array_foreach (json_object_get(interface_of(t), "ipv4Addresses"), i, v)
        if (str_eq(json_str(v, "privateAddress"), ip))
            return true;
    json_array_foreach (json_object_get(interface_of(t), "ipv6Addresses"), i, v)
        if (str_eq(json_str(v, "address"), ip))
            return true;
    return false;
}

/* ---- a container ---- */

static json_t *ports(const struct container *c, enum metadata_version version)
{
    bool own_address = interface_of(c->task) != NULL;
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_bindings; i++) {
        const struct container_binding *b = &c->bindings[i];
        int outside = own_address ? b->container_port : b->host_port;
        json_t *o = json_object();

        json_put_int(o, "ContainerPort", b->container_port);
        json_put_str(o, "Protocol", b->udp ? "udp" : "tcp");
        if (outside)
            json_put_int(o, "HostPort", outside);
        if (version >= METADATA_V4)
            put_text(o, "HostIp", b->bind_ip);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *health(const struct container *c)
{
    json_t *o = json_object();

    if (c->health == DOCKER_HEALTH_HEALTHY)
        json_put_str(o, "status", "HEALTHY");
    else if (c->health == DOCKER_HEALTH_UNHEALTHY)
        json_put_str(o, "status", "UNHEALTHY");
    wire_put_time(o, "statusSince", c->health_since);
    if (c->health_exit)
        json_put_int(o, "exitCode", c->health_exit);
    put_text(o, "output", c->health_output);
    return o;
}

static json_t *limits(const struct container *c)
{
    int64_t cpu = json_int(c->spec, "cpu", 0);
    json_t *o = json_object();

    json_put_int(o, "CPU", cpu < CPU_SHARE_MIN ? CPU_SHARE_MIN : cpu);
    json_put_int(o, "Memory", json_int(c->spec, "memory", 0));
    return o;
}

/* The driver and its options as the task definition has them. */
static void put_log(json_t *o, const struct container *c)
{
    const char *text = json_str(json_object_get(c->spec, "dockerConfig"), "hostConfig");
    _cleanup_json_ json_t *host =
        text && *text ? json_read(text, strlen(text), JSON_READ_PEER, NULL) : NULL;
    const json_t *log = json_object_get(host, "LogConfig");
    json_t *options = json_object_get(log, "Config");

    put_text(o, "LogDriver", json_str(log, "Type"));
    if (json_object_size(options))
        json_put(o, "LogOptions", json_deep_copy(options));
}

static void put_state(json_t *o, const struct container *c)
{
    json_put_str(o, "DesiredStatus", container_status_name(c->desired));
    json_put_str(o, "KnownStatus", container_status_name(c->known));
    if (c->exit_known)
        json_put_int(o, "ExitCode", c->exit_code);
    json_put(o, "Limits", limits(c));
    wire_put_time(o, "CreatedAt", c->created_at);
    wire_put_time(o, "StartedAt", c->started_at);
    wire_put_time(o, "FinishedAt", c->finished_at);
    json_put_str(o, "Type", container_type_name(c->type));
}

static json_t *container_json(const struct container *c, enum metadata_version version)
{
    json_t *o = json_object(), *labels = json_object_get(c->seen, "labels");
    json_t *volumes = json_object_get(c->seen, "volumes");

    json_put_str(o, "DockerId", c->docker_id ? c->docker_id : "");
    json_put_str(o, "Name", c->name);
    json_put_str(o, "DockerName", c->docker_name ? c->docker_name : "");
    json_put_str(o, "Image", c->image);
    /* of an image that nobody looked at for this task nothing is known */
    json_put_str(o, "ImageID", c->image_id && c->type == CONTAINER_NORMAL ? c->image_id : "");
    put_unless_empty(o, "Ports", ports(c, version));
    if (json_object_size(labels))
        json_put(o, "Labels", json_incref(labels));
    put_state(o, c);
    if (c->health_checked)
        json_put(o, "Health", health(c));
    if (json_array_size(volumes))
        json_put(o, "Volumes", json_incref(volumes));
    if (version < METADATA_V4)
        return o;
    put_log(o, c);
    put_text(o, "ContainerARN", json_str(c->spec, "containerArn"));
    if (c->restart.enabled)
        json_put_int(o, "RestartCount", c->restarts);
    return o;
}

/* Version 2 is asked by tasks with an address of their own: Docker's networks are none of theirs.
 */
json_t *metadata_container(const struct container *c, enum metadata_version version)
{
    json_t *list = version == METADATA_V2 && !interface_of(c->task) ? NULL : networks(c, version);
    json_t *o;

    if (!list && version > METADATA_V2)
        return NULL;
    o = container_json(c, version);
    json_put(o, "Networks", list);
    return o;
}

/* ---- a task ---- */

static json_t *containers(const struct task *t, enum metadata_version version)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->n_containers; i++) {
        const struct container *c = &t->containers[i];
        bool shown = c->docker_id || (version >= METADATA_V4 && c->known == CONTAINER_PULLED);
        json_t *o = shown ? metadata_container(c, version) : NULL;

        if (shown && !o && version == METADATA_V3) {
            json_decref(list);
            return NULL;
        }
        if (shown && !o)
            o = container_json(c, version);
        if (o)
            json_array_append_new(list, o);
    }
    return list;
}

static void put_limits(json_t *o, const struct task *t)
{
    json_t *limit;

    if (t->cpu <= 0 && t->memory <= 0)
        return;
    limit = json_object();
    if (t->cpu > 0)
        json_put(limit, "CPU", wire_real(t->cpu));
    if (t->memory > 0)
        json_put_int(limit, "Memory", t->memory);
    json_put(o, "Limits", limit);
}

json_t *metadata_task(const struct task *t, const struct metadata_instance *i,
                      enum metadata_version version)
{
    json_t *list = containers(t, version), *o;

    if (!list)
        return NULL;
    o = json_object();
    json_put_str(o, "Cluster", i->cluster);
    json_put_str(o, "TaskARN", t->arn);
    json_put_str(o, "Family", t->family);
    json_put_str(o, "Revision", t->version);
    json_put_str(o, "DesiredStatus", task_status_name(t->desired));
    json_put_str(o, "KnownStatus", task_status_name(t->known));
    put_unless_empty(o, "Containers", list);
    put_limits(o, t);
    wire_put_time(o, "PullStartedAt", t->pull_started_at);
    wire_put_time(o, "PullStoppedAt", t->pull_stopped_at);
    wire_put_time(o, "ExecutionStoppedAt", t->execution_stopped_at);
    put_text(o, "AvailabilityZone", i->zone);
    if (version < METADATA_V4)
        return o;
    put_text(o, "LaunchType", json_str(t->spec, "launchType"));
    put_text(o, "VPCID", i->vpc_id);
    put_text(o, "ServiceName", json_str(t->spec, "serviceName"));
    json_put_bool(o, "FaultInjectionEnabled", json_bool(t->spec, "enableFaultInjection", false));
    put_text(o, "AvailabilityZoneID", i->zone_id);
    return o;
}

/* ---- associations ---- */

json_t *metadata_associations(const struct container *c, const char *type)
{
    json_t *names = json_array(), *v, *name;
    size_t i, k;

    json_array_foreach (json_object_get(c->task->spec, "associations"), i, v)
        json_array_foreach (json_object_get(v, "containers"), k, name)
            if (str_eq(json_str(v, "type"), type) && str_eq(json_string_value(name), c->name))
                json_array_append_new(names, json_string(json_str(v, "name")));
    if (json_array_size(names))
        return names;
    json_decref(names);
    return json_null();
}

const char *metadata_association(const struct task *t, const char *type, const char *name)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(t->spec, "associations"), i, v)
        if (str_eq(json_str(v, "type"), type) && str_eq(json_str(v, "name"), name))
            return json_str(json_object_get(v, "content"), "value");
    return NULL;
}
