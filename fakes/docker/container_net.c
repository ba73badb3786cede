/* Addresses of the bridge, ports of the host, and the network of another container. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"

/* The range that the kernel offers for dynamic ports. */
#define PORT_FIRST 32768u
#define PORT_LAST  60999u

char *address_text(uint32_t address, char out[16])
{
    snprintf(out, 16, "172.17.%u.%u", (address >> 8) & 0xff, address & 0xff);
    return out;
}

char *mac_text(uint32_t address, char out[18])
{
    snprintf(out, 18, "02:42:ac:11:%02x:%02x", (address >> 8) & 0xff, address & 0xff);
    return out;
}

bool container_shares_network(const struct container *c)
{
    return str_starts(c->network_mode, "container:");
}

const char *container_network_name(const struct container *c)
{
    return str_eq(c->network_mode, "default") || !*c->network_mode ? "bridge" : c->network_mode;
}

/* --- addresses --------------------------------------------------------------------------- */

static uint32_t take_address(struct docker *d)
{
    uint32_t a = d->lowest_address;

    while (a < 65535 && (d->addresses[a / 8] & (1 << a % 8)))
        a++;
    if (a == 65535)
        return 0;
    d->addresses[a / 8] |= (uint8_t)(1 << a % 8);
    d->lowest_address = a + 1;
    return a;
}

static void give_address(struct docker *d, uint32_t a)
{
    if (!a)
        return;
    d->addresses[a / 8] &= (uint8_t) ~(1 << a % 8);
    if (a < d->lowest_address)
        d->lowest_address = a;
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
                       c->name, c->endpoint, *p->host_ip ? p->host_ip : "0.0.0.0", p->wanted);
    }
    for (unsigned tries = 0; tries <= PORT_LAST - PORT_FIRST; tries++) {
        unsigned number = d->next_port;

        d->next_port = number == PORT_LAST ? PORT_FIRST : number + 1;
        if (!port_taken(d, p, number)) {
            hold_port(c, p, number);
            return 0;
        }
    }
    return problem(why, 500,
                   "driver failed programming external connectivity on endpoint %s (%s): all "
                   "ports are allocated",
                   c->name, c->endpoint);
}

/* --- connecting -------------------------------------------------------------------------- */

static void network_event(const struct container *c, const char *action)
{
    const struct network *n = network_find(c->d, container_network_name(c));
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

int container_connect(struct container *c, struct problem *p)
{
    const struct network *n;

    if (container_shares_network(c))
        return join_other(c, p);
    n = network_find(c->d, container_network_name(c));
    if (!n)
        return problem(p, 404, "network %s not found", c->network_mode);
    world_hex(c->d->fake.world, 32, c->endpoint);
    world_hex(c->d->fake.world, 32, c->sandbox);
    if (n == &c->d->networks[NET_BRIDGE]) {
        c->address = take_address(c->d);
        if (!c->address) {
            *c->endpoint = '\0';
            return problem(p, 403,
                           "no available IPv4 addresses on this network's address pools: "
                           "bridge (%s)",
                           n->id);
        }
    }
    network_event(c, "connect");
    if (n != &c->d->networks[NET_BRIDGE])
        return 0;
    for (size_t i = 0; i < c->n_ports; i++)
        if (c->ports[i].published && take_port(c, &c->ports[i], p) < 0)
            return -1;
    return 0;
}

void container_disconnect(struct container *c)
{
    release_ports(c);
    if (!*c->endpoint)
        return;
    give_address(c->d, c->address);
    c->address = 0;
    *c->endpoint = '\0';
    network_event(c, "disconnect");
}
