/* How networks look: list and inspect; see network.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"

static void add_network_containers(struct buf *b, struct docker *d, const struct network *n)
{
    struct list *pos;
    bool first = true;

    list_for_each (pos, &d->containers) {
        struct container *c = container_of(pos, struct container, link);
        const struct endpoint *e = container_endpoint(c, n);
        char ip[16], mac[18];

        if (!e || !*e->id)
            continue;
        if (!first)
            buf_addc(b, ',');
        first = false;
        buf_addf(b, "\"%s\":{", c->id);
        gojson_member(b, "Name", c->name);
        gojson_member(b, "EndpointID", e->id);
        gojson_member(b, "MacAddress", endpoint_mac(c, e, mac));
        if (e->address)
            buf_addf(b, ",\"IPv4Address\":\"%s/%d\",\"IPv6Address\":\"\"}",
                     address_text(e->address, ip), n->prefix);
        else
            buf_adds(b, ",\"IPv4Address\":\"\",\"IPv6Address\":\"\"}");
    }
}

static void add_ipam(struct buf *b, struct docker *d, const struct network *n)
{
    char ip[16];

    if (!n->prefix) {
        buf_adds(b, docker_modern(d) ? "null" : "[]");
        return;
    }
    buf_addf(b, "[{\"Subnet\":\"%s/%d\"", address_text(n->subnet, ip), n->prefix);
    if (n->ip_range)
        buf_addf(b, ",\"IPRange\":%s", n->ip_range);
    if (n->gateway_given || !n->subnet_given)
        gojson_member(b, "Gateway", address_text(n->gateway, ip));
    if (n->reserved)
        buf_addf(b, ",\"AuxiliaryAddresses\":%s", n->reserved);
    buf_adds(b, "}]");
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
    buf_adds(b, ",\"EnableIPv6\":false,\"IPAM\":{");
    gojson_member(b, "Driver", n->ipam_driver ? n->ipam_driver : "default");
    buf_addf(b, ",\"Options\":%s,\"Config\":", n->ipam_options ? n->ipam_options : "null");
    add_ipam(b, d, n);
    buf_addf(b,
             "},\"Internal\":%s,\"Attachable\":%s,\"Ingress\":false,\"ConfigFrom\":{"
             "\"Network\":\"\"},\"ConfigOnly\":false,\"Containers\":{",
             truth(n->internal), truth(n->attachable));
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
    char *name = docker_param(x, "id");
    const struct network *n = str_eq(name, "default") ? NULL : network_find(d, name);
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};

    if (verbose_wrong(x, &p) < 0) {
        docker_refuse(x, &p);
    } else if (n) {
        add_network(&b, d, n, true);
        docker_answer(x, 200, &b);
    } else {
        docker_refuse_text(x, 404, "network %s not found", name);
    }
    free(name);
}
