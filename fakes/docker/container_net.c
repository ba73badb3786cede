/* Addresses of the bridge, ports of the host, and the network of another container. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/links.h"
#include "fakes/docker/published.h"
#include "fakes/docker/wire.h"

/* The range that the kernel offers for dynamic ports. */
#define PORT_FIRST 32768u
#define PORT_LAST  60999u

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

bool container_shows_ports(const struct container *c)
{
    return container_connected(c) && container_address(c);
}

int container_connect(struct container *c, struct problem *p)
{
    if (container_shares_network(c))
        return join_other(c, p);
    world_hex(c->d->fake.world, 32, c->sandbox);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        if (endpoint_connect(c, &c->endpoints[i], p) == 0 && (i || links_network_wrong(c, p) == 0))
            continue;
        /* the sandbox is made once the first endpoint is there */
        if (!i)
            *c->sandbox = '\0';
        return -1;
    }
    if (container_wire(c, p) < 0)
        return -1;
    for (size_t i = 0; container_address(c) && i < c->n_ports; i++)
        if (c->ports[i].published &&
            (take_port(c, &c->ports[i], p) < 0 || port_publish(c, &c->ports[i], p) < 0))
            return -1;
    for (size_t i = 0; i < c->n_endpoints; i++)
        endpoint_event(c, c->endpoints[i].n, "connect");
    return 0;
}

void container_disconnect(struct container *c)
{
    release_ports(c);
    container_unwire(c);
    for (size_t i = 0; i < c->n_endpoints; i++)
        endpoint_disconnect(c, &c->endpoints[i]);
}
