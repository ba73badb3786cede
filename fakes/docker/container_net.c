/* Addresses of the bridge, ports of the host, and the network of another container. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/published.h"

/* The range that the kernel offers for dynamic ports. */
#define PORT_FIRST 32768u
#define PORT_LAST  60999u

char *address_text(uint32_t address, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", address >> 24, (address >> 16) & 0xff, (address >> 8) & 0xff,
             address & 0xff);
    return out;
}

char *mac_text(uint32_t address, char out[18])
{
    snprintf(out, 18, "02:42:%02x:%02x:%02x:%02x", address >> 24, (address >> 16) & 0xff,
             (address >> 8) & 0xff, address & 0xff);
    return out;
}

const char *endpoint_mac(const struct container *c, const struct endpoint *e, char out[18])
{
    if (docker_modern(c->d) && c->mac && e == c->endpoints && !c->was_started)
        return c->mac;
    if (!e->address)
        return "";
    return c->mac && e == c->endpoints ? c->mac : mac_text(e->address, out);
}

bool container_shares_network(const struct container *c)
{
    return str_starts(c->network_mode, "container:");
}

const char *container_network_name(const struct container *c)
{
    return str_eq(c->network_mode, "default") || !*c->network_mode ? "bridge" : c->network_mode;
}

/* --- ports ------------------------------------------------------------------------------- */

static char *port_key(const struct port *p, const char *ip, unsigned number)
{
    return xasprintf("%s %s %u", p->proto, *ip ? ip : "0.0.0.0", number);
}

/* A port on all addresses excludes the same port on one, and the other way round. */
static bool port_taken(struct docker *d, const struct port *p, unsigned number)
{
    char *key = port_key(p, p->host_ip, number), *all = port_key(p, "", number);
    bool taken = map_get(&d->ports, key) || map_get(&d->ports, all);

    free(key);
    if (!taken && (!*p->host_ip || str_eq(p->host_ip, "0.0.0.0"))) {
        const char *k;
        char *end = xasprintf(" %u", number);

        for (size_t i = 0; !taken && map_next(&d->ports, &i, &k, NULL);)
            taken = str_starts(k, p->proto) && str_ends(k, end);
        free(end);
    }
    free(all);
    return taken;
}

static void hold_port(struct container *c, struct port *p, unsigned number)
{
    char *key = port_key(p, p->host_ip, number);

    map_set(&c->d->ports, key, c);
    free(key);
    p->host = (uint16_t)number;
}

static void release_ports(struct container *c)
{
    for (size_t i = 0; i < c->n_ports; i++) {
        struct port *p = &c->ports[i];
        char *key;

        if (!p->host)
            continue;
        port_unpublish(p);
        key = port_key(p, p->host_ip, p->host);
        map_remove(&c->d->ports, key);
        free(key);
        p->host = 0;
    }
}

static int take_port(struct container *c, struct port *p, struct problem *why)
{
    struct docker *d = c->d;

    if (p->wanted) {
        if (!port_taken(d, p, p->wanted)) {
            hold_port(c, p, p->wanted);
            return 0;
        }
        return problem(why, 500,
                       "driver failed programming external connectivity on endpoint %s (%s): Bind "
                       "for %s:%u failed: port is already allocated",
                       c->name, c->endpoints[0].id, *p->host_ip ? p->host_ip : "0.0.0.0",
                       p->wanted);
    }
    for (unsigned tries = 0; tries <= PORT_LAST - PORT_FIRST; tries++) {
        uint32_t *next = &d->next_port[str_eq(p->proto, "udp")    ? 1
                                       : str_eq(p->proto, "sctp") ? 2
                                                                  : 0];
        unsigned number = *next;

        *next = number == PORT_LAST ? PORT_FIRST : number + 1;
        if (!port_taken(d, p, number)) {
            hold_port(c, p, number);
            return 0;
        }
    }
    return problem(why, 500,
                   "driver failed programming external connectivity on endpoint %s (%s): all "
                   "ports are allocated",
                   c->name, c->endpoints[0].id);
}

/* --- connecting -------------------------------------------------------------------------- */

static void network_event(const struct container *c, const struct network *n, const char *action)
{
    const char *const more[] = {"container", c->id, "name", n->name, "type", n->driver};

    docker_event(c->d, EVENT_NETWORK, action, n->id, NULL, more, 3);
}

static int join_other(struct container *c, struct problem *p)
{
    const char *name = c->network_mode + strlen("container:");
    const struct container *other = container_find(c->d, name, p);

    if (!other)
        return -1;
    if (other == c)
        return problem(p, 400, "cannot join own network");
    if (other->state == CONTAINER_RESTARTING)
        return problem(p, 409, "%s %s is restarting, wait until the container is running",
                       docker_modern(c->d) ? "container" : "Container", other->id);
    if (!container_running(other))
        return problem(p, 409, "cannot join network of a non running container: %s", other->id);
    return 0;
}

bool container_connected(const struct container *c)
{
    return c->n_endpoints && *c->endpoints[0].id;
}

static int connect_endpoint(struct container *c, struct endpoint *e, struct problem *p)
{
    e->n = network_find(c->d, e->network);
    if (!e->n)
        return problem(p, 404, "network %s not found", e->network);
    if (e->n->prefix) {
        e->address = network_take_address(e->n, e->wanted);
        if (!e->address)
            return e->wanted ? problem(p, 403, "Address already in use")
                             : problem(p, 403,
                                       "no available IPv4 addresses on this network's address "
                                       "pools: %s (%s)",
                                       e->n->name, e->n->id);
    }
    world_hex(c->d->fake.world, 32, e->id);
    return 0;
}

static void disconnect_endpoint(struct container *c, struct endpoint *e)
{
    if (!*e->id)
        return;
    network_give_address(e->n, e->address);
    e->address = 0;
    *e->id = '\0';
    network_event(c, e->n, "disconnect");
}

int container_connect(struct container *c, struct problem *p)
{
    if (container_shares_network(c))
        return join_other(c, p);
    world_hex(c->d->fake.world, 32, c->sandbox);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        int r = connect_endpoint(c, &c->endpoints[i], p);

        c->address = c->endpoints[0].address;
        if (r < 0) {
            if (p->status == 404)
                *c->sandbox = '\0';
            return -1;
        }
    }
    for (size_t i = 0; c->address && i < c->n_ports; i++)
        if (c->ports[i].published &&
            (take_port(c, &c->ports[i], p) < 0 || port_publish(c, &c->ports[i], p) < 0))
            return -1;
    for (size_t i = 0; i < c->n_endpoints; i++)
        network_event(c, c->endpoints[i].n, "connect");
    return 0;
}

void container_disconnect(struct container *c)
{
    release_ports(c);
    for (size_t i = 0; i < c->n_endpoints; i++)
        disconnect_endpoint(c, &c->endpoints[i]);
    c->address = 0;
}

/* --- which networks ---------------------------------------------------------------------- */

static char *json_or_null(const json_t *v)
{
    return v && !json_is_null(v) ? json_text(v) : NULL;
}

static int by_network(const void *a, const void *b)
{
    const struct endpoint *x = a, *y = b;

    return strcmp(x->network, y->network);
}

static struct endpoint *add_endpoint(struct container *c, const char *network, const json_t *config)
{
    const json_t *ipam = gojson_get(config, "IPAMConfig");
    const char *address = json_string_value(gojson_get(ipam, "IPv4Address"));
    struct network *n = network_find(c->d, network);
    struct endpoint *e;
    unsigned q[4];

    c->endpoints = xrealloc(c->endpoints, (c->n_endpoints + 1) * sizeof(*c->endpoints));
    e = &c->endpoints[c->n_endpoints++];
    *e = (struct endpoint){.network = xstrdup(network)};
    if (address && sscanf(address, "%3u.%3u.%3u.%3u", &q[0], &q[1], &q[2], &q[3]) == 4)
        e->wanted = q[0] << 24 | q[1] << 16 | q[2] << 8 | q[3];
    e->ipam = json_or_null(ipam);
    e->links = json_or_null(gojson_get(config, "Links"));
    e->options = json_or_null(gojson_get(config, "DriverOpts"));
    if (n && !n->builtin) {
        json_t *given = gojson_get(config, "Aliases");
        json_t *aliases = json_is_array(given) ? json_copy(given) : json_array();
        char hostname[13];

        snprintf(hostname, sizeof(hostname), "%.12s", c->id);
        if (docker_modern(c->d)) { /* its names stand elsewhere */
            e->aliases = json_or_null(given);
            json_array_insert_new(aliases, 0, json_string(c->name));
            json_array_append_new(aliases, json_string(hostname));
            e->names = json_text(aliases);
        } else {
            json_array_append_new(aliases, json_string(hostname));
            e->aliases = json_text(aliases);
        }
        json_decref(aliases);
    }
    return e;
}

int create_endpoints(struct container *c, const json_t *networking, int version, struct problem *p)
{
    const json_t *configs = gojson_get(networking, "EndpointsConfig");
    const char *mode = container_network_name(c), *key;
    json_t *v;

    if (json_object_size(configs) > 1 && version < API(44)) {
        struct buf b = BUF_INIT(4096);

        json_object_foreach ((json_t *)(uintptr_t)configs, key, v)
            buf_addf(&b, "%s%s", buf_len(&b) ? ", " : "", key);
        problem(p, 400, "Container cannot be %s network endpoints: %s",
                docker_modern(c->d) ? "created with multiple" : "connected to", buf_str(&b));
        buf_release(&b);
        return -1;
    }
    if (container_shares_network(c))
        return 0;
    v = json_object_get(configs, mode);
    if (docker_modern(c->d) && network_find(c->d, mode) == c->d->bridge &&
        json_array_size(gojson_get(v, "Aliases")))
        return problem(p, 400,
                       "invalid config for network bridge: invalid endpoint settings:\n"
                       "network-scoped alias is supported only for containers in user defined "
                       "networks");
    if (!v && json_object_size(configs) == 1 && network_find(c->d, mode) == c->d->bridge)
        v = json_object_get(configs, "default");
    /* from 25 on networks may be named without a mode */
    if (v || !json_object_size(configs) || c->d->api < API(44) ||
        network_find(c->d, mode) != c->d->bridge)
        add_endpoint(c, mode, v);
    json_object_foreach ((json_t *)(uintptr_t)configs, key, v)
        if (!str_eq(key, mode) && !str_eq(key, "default"))
            add_endpoint(c, key, v);
    return 0;
}

static void endpoint_release(struct endpoint *e)
{
    free(e->network);
    free(e->ipam);
    free(e->links);
    free(e->aliases);
    free(e->names);
    free(e->options);
}

void endpoints_release(struct container *c)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        endpoint_release(&c->endpoints[i]);
    free(c->endpoints);
}

struct endpoint *container_endpoint(const struct container *c, const struct network *n)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (c->endpoints[i].n == n || network_find(c->d, c->endpoints[i].network) == n)
            return &c->endpoints[i];
    return NULL;
}

int container_join(struct container *c, struct network *n, const json_t *config, struct problem *p)
{
    struct endpoint *e;

    if (str_eq(n->driver, "host"))
        return problem(p, 400,
                       "container cannot be disconnected from host network or connected to host "
                       "network");
    if (container_shares_network(c))
        return problem(p, 400,
                       "container sharing network namespace with another container or "
                       "host cannot be connected to any other network");
    if (container_endpoint(c, n) && container_alive(c))
        return problem(p, 403, "endpoint with name %s already exists in network %s", c->name,
                       n->name);
    if (container_endpoint(c, n))
        return 0;
    e = add_endpoint(c, n->name, config);
    e->n = n;
    if (container_alive(c) && connect_endpoint(c, e, p) < 0) {
        container_leave(c, n, true, p);
        return -1;
    }
    network_event(c, n, "connect");
    qsort(c->endpoints + 1, c->n_endpoints - 1, sizeof(*c->endpoints), by_network);
    return 0;
}

int container_leave(struct container *c, struct network *n, bool force, struct problem *p)
{
    struct endpoint *e = container_endpoint(c, n);
    size_t at;

    (void)force;
    if (!e)
        return problem(p, 500, "container %s is not connected to network %s", c->id, n->name);
    if (str_eq(n->driver, "host"))
        return problem(p, 400,
                       "container cannot be disconnected from host network or connected to host "
                       "network");
    e->n = n;
    disconnect_endpoint(c, e);
    network_event(c, n, "disconnect"); /* the daemon says it beside the driver */
    at = (size_t)(e - c->endpoints);
    endpoint_release(e);
    memmove(e, e + 1, (c->n_endpoints - at - 1) * sizeof(*e));
    c->n_endpoints--;
    c->address = c->n_endpoints ? c->endpoints[0].address : 0;
    return 0;
}
