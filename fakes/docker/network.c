#include "fakes/docker/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"

/* 172.17.0.0/16 to 172.31.0.0/16, and 192.168.0.0/20 to 192.168.240.0/20. */
#define DEFAULT_POOLS 31

static struct network *network_new(struct docker *d, const char *name, const char *driver)
{
    struct network *n = new0(struct network);

    n->name = xstrdup(name);
    n->driver = xstrdup(driver);
    n->created = clock_wall(docker_clock(d));
    world_hex(d->fake.world, 32, n->id);
    list_add_tail(&d->networks, &n->link);
    return n;
}

void docker_networks_init(struct docker *d)
{
    static const char *const bridge[] = {
        "com.docker.network.bridge.default_bridge",
        "true",
        "com.docker.network.bridge.enable_icc",
        "true",
        "com.docker.network.bridge.enable_ip_masquerade",
        "true",
        "com.docker.network.bridge.host_binding_ipv4",
        "0.0.0.0",
        "com.docker.network.bridge.name",
        "docker0",
        "com.docker.network.driver.mtu",
        "1500",
    };

    list_init(&d->networks);
    d->bridge = network_new(d, "bridge", "bridge");
    d->bridge->builtin = true;
    d->bridge->options = pairs_merge(NULL, bridge, ARRAY_SIZE(bridge) / 2);
    d->bridge->subnet = 172u << 24 | 17u << 16;
    d->bridge->gateway = d->bridge->subnet + 1;
    d->bridge->prefix = 16;
    network_new(d, "host", "host")->builtin = true;
    network_new(d, "none", "null")->builtin = true;
}

static void network_free(struct network *n)
{
    list_del(&n->link);
    free(n->name);
    free(n->driver);
    free(n->taken);
    free(n->ip_range);
    free(n->reserved);
    free(n->ipam_options);
    free(n->ipam_driver);
    pairs_release(&n->labels);
    pairs_release(&n->options);
    free(n);
}

void docker_networks_release(struct docker *d)
{
    while (!list_empty(&d->networks))
        network_free(container_of(d->networks.next, struct network, link));
}

struct network *network_find(const struct docker *d, const char *name)
{
    struct network *found = NULL;
    struct list *pos;

    if (str_eq(name, "default"))
        return d->bridge;
    list_for_each (pos, &d->networks) {
        struct network *n = container_of(pos, struct network, link);

        if (str_eq(n->name, name) || str_eq(n->id, name))
            return n;
        if (*name && str_starts(n->id, name))
            found = n;
    }
    return found;
}

bool network_in_use(const struct docker *d, const struct network *n)
{
    struct list *pos;

    list_for_each (pos, &d->containers) {
        const struct container *c = container_of(pos, struct container, link);

        for (size_t i = 0; i < c->n_endpoints; i++)
            if (c->endpoints[i].n == n && *c->endpoints[i].id)
                return true;
    }
    return false;
}

/* --- addresses --------------------------------------------------------------------------- */

static uint32_t pool_size(const struct network *n)
{
    uint64_t all = n->prefix ? 1ull << (32 - n->prefix) : 0;

    return all < NETWORK_ADDRESSES ? (uint32_t)all : NETWORK_ADDRESSES;
}

uint32_t network_take_address(struct network *n, uint32_t wanted)
{
    uint32_t size = pool_size(n), a;

    if (!size)
        return 0;
    if (!n->taken) {
        n->taken = xcalloc(1, size / 8 + 1);
        n->lowest = 1;
        a = n->gateway - n->subnet;
        if (a < size)
            n->taken[a / 8] |= (uint8_t)(1 << a % 8);
    }
    a = wanted ? wanted - n->subnet : n->lowest;
    if (!wanted)
        while (a < size - 1 && (n->taken[a / 8] & (1 << a % 8)))
            a++;
    if (!a || a >= size - 1 || (n->taken[a / 8] & (1 << a % 8)))
        return 0;
    n->taken[a / 8] |= (uint8_t)(1 << a % 8);
    if (!wanted)
        n->lowest = a + 1;
    return n->subnet + a;
}

void network_give_address(struct network *n, uint32_t address)
{
    uint32_t a = address - n->subnet;

    if (!address || a >= pool_size(n))
        return;
    n->taken[a / 8] &= (uint8_t) ~(1 << a % 8);
    if (a < n->lowest)
        n->lowest = a;
}

/* --- making and removing ----------------------------------------------------------------- */

static void network_event(struct docker *d, const struct network *n, const char *action)
{
    const char *const more[] = {"name", n->name, "type", n->driver};

    docker_event(d, EVENT_NETWORK, action, n->id, NULL, more, 2);
}

static uint32_t mask(int prefix)
{
    return prefix ? ~0u << (32 - prefix) : 0;
}

static bool overlaps(const struct docker *d, uint32_t subnet, int prefix)
{
    struct list *pos;

    list_for_each (pos, &d->networks) {
        const struct network *n = container_of(pos, struct network, link);
        uint32_t both = mask(prefix < n->prefix ? prefix : n->prefix);

        if (n->prefix && (n->subnet & both) == (subnet & both))
            return true;
    }
    return false;
}

static bool read_address(const char *s, uint32_t *ret)
{
    unsigned a, b, c, d;
    int end = 0;

    if (!s || sscanf(s, "%3u.%3u.%3u.%3u%n", &a, &b, &c, &d, &end) != 4 || s[end] || a > 255 ||
        b > 255 || c > 255 || d > 255)
        return false;
    *ret = a << 24 | b << 16 | c << 8 | d;
    return true;
}

static bool read_subnet(const char *s, uint32_t *ret, int *ret_prefix)
{
    const char *slash = strchr(s, '/');
    char *address = slash ? xstrndup(s, (size_t)(slash - s)) : NULL;
    uint64_t prefix;
    bool ok = slash && read_address(address, ret) && str_u64(slash + 1, 32, &prefix) == 0 && prefix;

    free(address);
    if (ok) {
        *ret &= mask((int)prefix);
        *ret_prefix = (int)prefix;
    }
    return ok;
}

/* The next of dockerd's default pools that is free: it goes on behind the last one it gave. */
static bool default_subnet(struct docker *d, uint32_t *ret, int *ret_prefix)
{
    for (unsigned tries = 0; tries < DEFAULT_POOLS; tries++) {
        unsigned i = (d->next_pool + tries) % DEFAULT_POOLS;

        *ret = i < 15 ? 172u << 24 | (17 + i) << 16 : 192u << 24 | 168u << 16 | (i - 15) << 12;
        *ret_prefix = i < 15 ? 16 : 20;
        if (!overlaps(d, *ret, *ret_prefix)) {
            d->next_pool = i + 1;
            return true;
        }
    }
    return false;
}

static int choose_subnet(struct docker *d, const json_t *body, struct network *n, struct problem *p)
{
    const json_t *config = json_array_get(gojson_get(gojson_get(body, "IPAM"), "Config"), 0);
    const char *subnet = json_string_value(gojson_get(config, "Subnet"));
    const char *gateway = json_string_value(gojson_get(config, "Gateway"));
    uint32_t a = 0;
    int prefix = 0;

    if (subnet && *subnet) {
        if (!read_subnet(subnet, &a, &prefix))
            return docker_modern(d)
                       ? problem(p, 400,
                                 "invalid network config:\ninvalid subnet %s: invalid CIDR block "
                                 "notation",
                                 subnet)
                       : problem(p, 500, "Invalid subnet %s : invalid CIDR address: %s", subnet,
                                 subnet);
        if (overlaps(d, a, prefix))
            return problem(p, 403, "Pool overlaps with other one on this address space");
        n->subnet_given = true;
    } else if (!default_subnet(d, &a, &prefix)) {
        return problem(p, 404,
                       "could not find an available, non-overlapping IPv4 address pool "
                       "among the defaults to assign to the network");
    }
    n->gateway = a + 1;
    if (gateway && *gateway) {
        if (!read_address(gateway, &n->gateway))
            return problem(p, 400, "invalid gateway address %s", gateway);
        n->gateway_given = true;
    }
    n->subnet = a;
    n->prefix = prefix;
    return 0;
}

static char *text_unless_empty(const json_t *v)
{
    bool empty = !v || json_is_null(v) || (json_is_string(v) && !*json_string_value(v)) ||
                 (json_is_object(v) && !json_object_size(v));

    return empty ? NULL : json_text(v);
}

/* What inspect gives back of what was asked for. Addresses that are kept for others are not handed
 * out. */
static void keep_ipam(struct network *n, const json_t *ipam)
{
    const json_t *config = json_array_get(gojson_get(ipam, "Config"), 0);
    const json_t *reserved = gojson_get(config, "AuxiliaryAddresses");
    const char *driver = json_string_value(gojson_get(ipam, "Driver")), *key;
    uint32_t a;
    json_t *v;

    n->ipam_driver = xstrdup(driver && *driver ? driver : "default");
    n->ipam_options = text_unless_empty(gojson_get(ipam, "Options"));
    n->ip_range = text_unless_empty(gojson_get(config, "IPRange"));
    n->reserved = text_unless_empty(reserved);
    json_object_foreach ((json_t *)(uintptr_t)reserved, key, v)
        if (read_address(json_string_value(v), &a))
            network_take_address(n, a);
}

/* --- calls -------------------------------------------------------------------------------- */

static int create_network(struct docker *d, const json_t *body, struct network **ret,
                          struct problem *p)
{
    const char *name = json_string_value(gojson_get(body, "Name"));
    const char *driver = json_string_value(gojson_get(body, "Driver"));
    struct network *n, fresh = {0}, *same;

    name = name ? name : "";
    driver = driver && *driver ? driver : "bridge";
    same = *name ? network_find(d, name) : NULL;
    if (same && same->builtin && str_eq(same->name, name))
        return problem(p, 403, "operation is not permitted on predefined %s network ", name);
    if (same && str_eq(same->name, name))
        return problem(p, 409, "network with name %s already exists", name);
    if (!*name)
        return problem(p, docker_modern(d) ? 400 : 500, "invalid name: %s", name);
    if (str_eq(driver, "host") || str_eq(driver, "null"))
        return problem(p, 403, "only one instance of \"%s\" network is allowed", driver);
    if (!str_eq(driver, "bridge") && !str_eq(driver, "macvlan") && !str_eq(driver, "ipvlan"))
        return problem(p, 404, "plugin \"%s\" not found", driver);
    if (choose_subnet(d, body, &fresh, p) < 0)
        return -1;
    n = network_new(d, name, driver);
    n->subnet = fresh.subnet;
    n->gateway = fresh.gateway;
    n->prefix = fresh.prefix;
    n->subnet_given = fresh.subnet_given;
    n->gateway_given = fresh.gateway_given;
    keep_ipam(n, gojson_get(body, "IPAM"));
    n->internal = json_is_true(gojson_get(body, "Internal"));
    n->attachable = json_is_true(gojson_get(body, "Attachable"));
    n->labels = pairs_from_json(gojson_get(body, "Labels"));
    n->options = pairs_from_json(gojson_get(body, "Options"));
    network_event(d, n, "create");
    *ret = n;
    return 0;
}

void post_networks_create(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct network *n = NULL;
    struct problem p = {0};
    json_t *body = docker_body_strict(x, &p);

    if (body && create_network(d, body, &n, &p) == 0) {
        buf_addf(&b, "{\"Id\":\"%s\",\"Warning\":\"\"}", n->id);
        docker_answer(x, 201, &b);
    } else if (body && p.status == 404 && strstr(p.text, "plugin")) {
        docker_refuse_later(x, &p);
    } else {
        docker_refuse(x, &p);
    }
    json_decref(body);
}

static int remove_network(struct docker *d, struct network *n, struct problem *p)
{
    struct list *pos;

    if (n->builtin)
        return problem(p, 403, "%s is a pre-defined network and cannot be removed", n->name);
    if (network_in_use(d, n))
        return problem(p, 403,
                       "error while removing network: network %s id %s has active endpoints",
                       n->name, n->id);
    list_for_each (pos, &d->containers) {
        struct container *c = container_of(pos, struct container, link);
        struct endpoint *e = container_endpoint(c, n);

        if (e)
            e->n = NULL;
    }
    network_event(d, n, "destroy");
    network_free(n);
    return 0;
}

void delete_network(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "id");
    struct network *n = network_find(d, name);
    struct problem p = {0};

    if (!n)
        problem(&p, 404, "network %s not found", name);
    if (n && remove_network(d, n, &p) == 0)
        docker_answer_empty(x, 204);
    else
        docker_refuse(x, &p);
    free(name);
}

void post_networks_prune(struct fake *f, struct exchange *x)
{
    static const char *const reclaimed[] = {"reclaimed", "0"};
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};
    struct filters filters;
    struct list *pos, *tmp;
    bool any = false;
    int64_t until;

    if (filters_read_prune(&filters, x, &until) < 0)
        return;
    buf_adds(&b, "{\"NetworksDeleted\":");
    list_for_each_safe (pos, tmp, &d->networks) {
        struct network *n = container_of(pos, struct network, link);
        char *name;

        if (n->builtin || network_in_use(d, n) || n->created > until ||
            !filters_labels(&filters, &n->labels))
            continue;
        name = xstrdup(n->name);
        if (remove_network(d, n, &p) == 0) {
            buf_addc(&b, any ? ',' : '[');
            gojson_add(&b, name);
            any = true;
        }
        free(name);
    }
    buf_adds(&b, any ? "]}" : "null}");
    filters_release(&filters);
    free(p.text);
    docker_event(d, EVENT_NETWORK, "prune", "", NULL, reclaimed, 1);
    docker_answer(x, 200, &b);
}

/* The body of connect and disconnect; NULL: answered. */
static json_t *attachment(struct exchange *x, struct network **ret_n, struct problem *p)
{
    struct docker *d = docker_of(x);
    char *id = docker_param(x, "id");
    json_t *body = docker_body_strict(x, p);

    if (body) {
        *ret_n = network_find(d, id);
        if (!*ret_n) {
            problem(p, 404, "network %s not found", id);
            json_decref(body);
            body = NULL;
        }
    }
    free(id);
    return body;
}

void post_network_connect(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct problem p = {0};
    struct network *n = NULL;
    json_t *body = attachment(x, &n, &p);
    const char *name = body ? json_string_value(gojson_get(body, "Container")) : NULL;
    struct container *c = NULL;

    if (body && docker_modern(d) && (!name || !*name))
        problem(&p, 400, "invalid name or ID supplied: \"\"");
    else if (body)
        c = container_find(d, name ? name : "", &p);
    if (c && container_join(c, n, gojson_get(body, "EndpointConfig"), &p) == 0)
        docker_answer_empty(x, 200);
    else
        docker_refuse(x, &p);
    json_decref(body);
}

void post_network_disconnect(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct problem p = {0};
    struct network *n = NULL;
    json_t *body = attachment(x, &n, &p);
    const char *name = body ? json_string_value(gojson_get(body, "Container")) : NULL;
    bool force = body && json_is_true(gojson_get(body, "Force"));
    struct container *c = body ? container_find(d, name ? name : "", &p) : NULL;

    if (body && !c && force)
        problem(&p, 404, "endpoint %s not found", name ? name : "");
    if (c && container_leave(c, n, force, &p) == 0)
        docker_answer_empty(x, 200);
    else
        docker_refuse(x, &p);
    json_decref(body);
}
