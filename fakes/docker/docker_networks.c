/* How networks look: list and inspect; see network.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"

static void add_address(struct buf *b, const char *member, ip_number address,
                        const struct pool *pool, char t[IP_TEXT_MAX])
{
    if (address)
        buf_addf(b, ",\"%s\":\"%s/%d\"", member, ip_text(address, pool->six, t), pool->prefix);
    else
        buf_addf(b, ",\"%s\":\"\"", member);
}

static void add_network_containers(struct buf *b, struct docker *d, const struct network *n)
{
    struct list *pos;
    bool first = true;

    list_for_each (pos, &d->containers) {
        struct container *c = container_of(pos, struct container, link);
        const struct endpoint *e = container_endpoint(c, n);
        char t[IP_TEXT_MAX], mac[18];

        if (!e || !*e->id)
            continue;
        if (!first)
            buf_addc(b, ',');
        first = false;
        buf_addf(b, "\"%s\":{", c->id);
        gojson_member(b, "Name", c->name);
        gojson_member(b, "EndpointID", e->id);
        gojson_member(b, "MacAddress", endpoint_mac(c, e, mac));
        add_address(b, "IPv4Address", e->address, &n->four, t);
        add_address(b, "IPv6Address", e->address_six, &n->six, t);
        buf_addc(b, '}');
    }
}

/* A pool that the engine chose. */
static void add_chosen(struct buf *b, const struct pool *pool)
{
    char t[IP_TEXT_MAX];

    buf_addf(b, "%s{\"Subnet\":\"%s/%d\"", buf_str(b)[buf_len(b) - 1] == '[' ? "" : ",",
             ip_text(pool->base, pool->six, t), pool->prefix);
    gojson_member(b, "Gateway", ip_text(pool->gateway, pool->six, t));
    buf_addc(b, '}');
}

static void add_asked(struct buf *b, const char *asked)
{
    if (asked)
        buf_addf(b, "%s%s", buf_str(b)[buf_len(b) - 1] == '[' ? "" : ",", asked);
}

/* Up to 24 those of IPv4 come first, then what was asked for does. */
static void add_ipam(struct buf *b, struct docker *d, const struct network *n)
{
    if (!n->four.used && !n->asked_four && !n->asked_six) {
        buf_adds(b, docker_modern(d) && !n->config_only ? "null" : "[]");
        return;
    }
    buf_addc(b, '[');
    add_asked(b, n->asked_four);
    if (docker_today(d))
        add_asked(b, n->asked_six);
    if (!n->asked_four && n->four.used)
        add_chosen(b, &n->four);
    if (!docker_today(d))
        add_asked(b, n->asked_six);
    buf_addc(b, ']');
}

static const char *truth(bool v)
{
    return v ? "true" : "false";
}

static void add_network(struct buf *b, struct docker *d, const struct network *n, bool containers)
{
    buf_addc(b, '{');
    gojson_member(b, "Name", n->name);
    gojson_member(b, "Id", n->id);
    buf_adds(b, ",\"Created\":\"");
    add_time(b, n->created);
    buf_adds(b, "\"");
    gojson_member(b, "Scope", "local");
    gojson_member(b, "Driver", n->driver);
    buf_addf(b, ",\"EnableIPv6\":%s,\"IPAM\":{", truth(n->enable_six));
    gojson_member(b, "Driver", n->ipam_driver ? n->ipam_driver : "default");
    buf_addf(b, ",\"Options\":%s,\"Config\":", n->ipam_options ? n->ipam_options : "null");
    add_ipam(b, d, n);
    buf_addf(b, "},\"Internal\":%s,\"Attachable\":%s,\"Ingress\":false,\"ConfigFrom\":{",
             truth(n->internal), truth(n->attachable));
    gojson_member(b, "Network", n->config_from ? n->config_from : "");
    buf_addf(b, "},\"ConfigOnly\":%s,\"Containers\":{", truth(n->config_only));
    if (containers)
        add_network_containers(b, d, n);
    buf_adds(b, "},\"Options\":");
    pairs_write(b, &n->options, false);
    buf_adds(b, ",\"Labels\":");
    pairs_write(b, &n->labels, false);
    buf_addc(b, '}');
}

static bool network_fits(const struct docker *d, const struct filters *f, const struct network *n,
                         bool dangling)
{
    return filters_match(f, "name", n->name) && filters_match(f, "id", n->id) &&
           filters_exact(f, "driver", n->driver) && filters_exact(f, "scope", "local") &&
           filters_exact(f, "type", n->builtin ? "builtin" : "custom") &&
           filters_pairs(f, "label", &n->labels) &&
           (!filters_get(f, "dangling") || dangling == (!n->builtin && !network_in_use(d, n)));
}

static int type_wrong(const struct filters *f, struct problem *p)
{
    const struct filter *type = filters_get(f, "type");

    for (size_t i = 0; type && i < type->n; i++)
        if (!str_eq(type->values[i], "builtin") && !str_eq(type->values[i], "custom"))
            return problem(p, 500, "invalid filter: 'type'='%s'", type->values[i]);
    return 0;
}

void get_networks(struct fake *f, struct exchange *x)
{
    static const char *const accepted[] = {"dangling", "driver", "id",   "label",
                                           "name",     "scope",  "type", NULL};
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};
    struct filters filters;
    struct list *pos;
    bool dangling;

    if (filters_read(&filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (filters_bool(d, &filters, "dangling", false, &dangling, &p) < 0 ||
        type_wrong(&filters, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    buf_addc(&b, '[');
    list_for_each (pos, &d->networks) {
        const struct network *n = container_of(pos, struct network, link);

        if (!network_fits(d, &filters, n, dangling))
            continue;
        if (buf_len(&b) > 1)
            buf_addc(&b, ',');
        add_network(&b, d, n, call_version(x) < API(28));
    }
    buf_addc(&b, ']');
    filters_release(&filters);
    docker_answer(x, 200, &b);
}

/* strconv.ParseBool; absent is false. */
static int verbose_wrong(struct exchange *x, struct problem *p)
{
    static const char *const words[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};
    char *s = exchange_param(x, "verbose");
    bool known = !s || !*s;

    for (size_t i = 0; !known && i < ARRAY_SIZE(words); i++)
        known = str_eq(s, words[i]);
    if (!known)
        problem(p, 400,
                "invalid value for verbose: %s: strconv.ParseBool: parsing \"%s\": invalid syntax",
                s, s);
    free(s);
    return known ? 0 : -1;
}

void get_network(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "id"), *scope = exchange_param(x, "scope");
    const struct network *n = NULL;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};

    if (verbose_wrong(x, &p) == 0) {
        n = network_get(d, name, AMBIGUOUS_FIRST, &p);
        if (n && scope && *scope && !str_eq(scope, "local")) {
            n = NULL;
            problem(&p, 404, "network %s not found", name);
        }
    }
    if (n) {
        add_network(&b, d, n, true);
        docker_answer(x, 200, &b);
    } else {
        docker_refuse(x, &p);
    }
    free(name);
    free(scope);
}
