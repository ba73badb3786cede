#include "fakes/docker/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/wire.h"
#include "fakes/docker/gojson.h"

struct network *network_new(struct docker *d, const char *name, const char *driver)
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

    struct cidr subnet = {.address = 172u << 24 | 17u << 16, .prefix = 16};

    list_init(&d->networks);
    d->bridge = network_new(d, "bridge", "bridge");
    d->bridge->builtin = true;
    d->bridge->options = pairs_merge(NULL, bridge, ARRAY_SIZE(bridge) / 2);
    pool_init(&d->bridge->four, &subnet, NULL, !docker_modern(d));
    d->bridge->four.gateway = d->bridge->four.base + 1;
    pool_take(&d->bridge->four, d->bridge->four.gateway);
    network_new(d, "host", "host")->builtin = true;
    network_new(d, "none", "null")->builtin = true;
}

void network_free(struct network *n)
{
    wire_remove_bridge(n);
    list_del(&n->link);
    free(n->name);
    free(n->driver);
    free(n->config_from);
    pool_release(&n->four);
    pool_release(&n->six);
    free(n->asked_four);
    free(n->asked_six);
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

/* --- finding ----------------------------------------------------------------------------- */

bool network_is_user_defined(const char *name)
{
    static const char *const others[] = {"", "default", "bridge", "host", "none"};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (str_eq(name, others[i]))
            return false;
    return !str_starts(name, "container:");
}

/* An id, else a name, else the beginning of an id. */
struct found {
    struct network *n;
    size_t on_name, on_prefix; /* how many */
};

static struct found look(const struct docker *d, const char *name)
{
    struct network *by_name = NULL, *by_prefix = NULL;
    struct found f = {0};
    struct list *pos;

    list_for_each (pos, &d->networks) {
        struct network *n = container_of(pos, struct network, link);

        if (str_eq(n->id, name))
            return (struct found){.n = n};
        if (str_eq(n->name, name)) {
            by_name = n;
            f.on_name++;
        }
        if (*name && str_starts(n->id, name)) {
            by_prefix = n;
            f.on_prefix++;
        }
    }
    if (f.on_name)
        f.n = f.on_name == 1 ? by_name : NULL;
    else
        f.n = f.on_prefix == 1 ? by_prefix : NULL;
    return f;
}

struct network *network_find(const struct docker *d, const char *name)
{
    return str_eq(name, "default") ? d->bridge : look(d, name).n;
}

/* dockerd words it in three ways, as it was written at three places. */
struct network *network_get(const struct docker *d, const char *name, enum ambiguity style,
                            struct problem *p)
{
    struct found f = look(d, name);
    size_t several = f.on_name ? f.on_name : f.on_prefix;

    if (f.n)
        return f.n;
    if (!several)
        problem(p, 404, "network %s not found", name);
    else if (style == AMBIGUOUS_FIRST)
        problem(p, 400, "%zu matches found based on %s: network %s is ambiguous", several,
                f.on_name ? "name" : "ID prefix", name);
    else
        problem(p, 400, "network %s is ambiguous (%zu matches found %s%s)", name, several,
                style == AMBIGUOUS_ON && f.on_name ? "on " : "based on ",
                f.on_name ? "name" : "ID prefix");
    return NULL;
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

void network_event(struct docker *d, const struct network *n, const char *action)
{
    const char *const more[] = {"name", n->name, "type", n->driver};

    docker_event(d, EVENT_NETWORK, action, n->id, NULL, more, 2);
}

/* --- calls -------------------------------------------------------------------------------- */

/* Whether another has its settings from this one. */
static bool is_pattern(const struct docker *d, const struct network *n)
{
    struct list *pos;

    list_for_each (pos, &d->networks)
        if (str_eq(container_of(pos, struct network, link)->config_from, n->name))
            return true;
    return false;
}

static int remove_network(struct docker *d, struct network *n, struct problem *p)
{
    struct list *pos;

    if (n->builtin)
        return problem(p, 403, "%s is a pre-defined network and cannot be removed", n->name);
    if (n->config_only && is_pattern(d, n))
        return problem(p, 403,
                       "error while removing network: configuration network \"%s\" is in use",
                       n->name);
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
    if (!n->config_only)
        network_event(d, n, "destroy");
    network_free(n);
    return 0;
}

void delete_network(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "id");
    struct problem p = {0};
    struct network *n = network_get(d, name, AMBIGUOUS_BASED_ON, &p);

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

        if (n->builtin || n->config_only || network_in_use(d, n) || n->created > until ||
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

void post_network_connect(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct problem p = {0};
    json_t *body = docker_body_strict(x, &p);
    const char *name = body ? json_string_value(gojson_get(body, "Container")) : NULL;
    char *id = docker_param(x, "id");
    struct container *c = NULL;

    if (body && docker_modern(d) && (!name || !*name))
        problem(&p, 400, "invalid name or ID supplied: \"\"");
    else if (body)
        c = container_find(d, name ? name : "", &p);
    if (c && container_join(c, id, gojson_get(body, "EndpointConfig"), &p) == 0)
        docker_answer_empty(x, 200);
    else
        docker_refuse(x, &p);
    json_decref(body);
    free(id);
}

void post_network_disconnect(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct problem p = {0};
    json_t *body = docker_body_strict(x, &p);
    const char *name = body ? json_string_value(gojson_get(body, "Container")) : NULL;
    bool force = body && json_is_true(gojson_get(body, "Force"));
    struct container *c = body ? container_find(d, name ? name : "", &p) : NULL;
    char *id = docker_param(x, "id");

    if (body && !c && force) {
        p.status = 0;
        if (network_get(d, id, AMBIGUOUS_ON, &p))
            problem(&p, 404, "endpoint %s not found", name ? name : "");
    }
    if (c && container_leave(c, id, force, &p) == 0)
        docker_answer_empty(x, 200);
    else
        docker_refuse(x, &p);
    json_decref(body);
    free(id);
}
