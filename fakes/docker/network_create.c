/* POST /networks/create: what is refused, and the addresses of the network that results. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/network.h"

/* 172.17.0.0/16 to 172.31.0.0/16, and 192.168.0.0/20 to 192.168.240.0/20. */
#define DEFAULT_POOLS 31

/* One member of IPAM.Config. */
struct wish {
    const char *subnet_text, *range_text, *gateway_text;
    const json_t *reserved;
    struct cidr subnet, range;
    bool has_range;
};

/* One call on its way. */
struct making {
    struct docker *d;
    const json_t *body;
    const char *name, *driver;
    struct network *n; /* not yet among the others */
    bool later;        /* the refusal comes after dockerd's search for a plugin */
};

static const char *text_of(const json_t *o, const char *member)
{
    const char *s = json_string_value(gojson_get(o, member));

    return s ? s : "";
}

static bool flag(const struct making *m, const char *member)
{
    return json_is_true(gojson_get(m->body, member));
}

/* --- what was asked for ------------------------------------------------------------------ */

static int validate_address(const char *text, const struct wish *w, const char *what,
                            struct complaints *all)
{
    ip_number a;
    bool six;

    if (!*text)
        return 0;
    if (!ip_read(text, &six, &a))
        complain(all, "invalid %s: invalid address", what);
    else if (six != w->subnet.six)
        complain(all, "invalid %s: parent subnet is an %s block", what,
                 w->subnet.six ? "IPv6" : "IPv4");
    else if (!cidr_contains(&w->subnet, a, six))
        complain(all, "invalid %s: parent subnet %s doesn't contain this address", what,
                 w->subnet_text);
    else
        return 0;
    return -1;
}

/* The same with its host bits gone. */
static char *masked(const struct cidr *c)
{
    char t[IP_TEXT_MAX];

    return xasprintf("%s/%d", ip_text(cidr_first(c), c->six, t), c->prefix);
}

static void validate_range(const struct wish *w, struct complaints *all)
{
    const char *text = w->range_text;
    struct cidr range;

    if (!*text)
        return;
    if (!cidr_read(text, &range)) {
        complain(all, "invalid ip-range %s: invalid CIDR block notation", text);
    } else if (range.six != w->subnet.six) {
        complain(all, "invalid ip-range %s: parent subnet is an %s block", text,
                 w->subnet.six ? "IPv6" : "IPv4");
    } else {
        _cleanup_free_ char *plain = masked(&range);

        if (range.prefix < w->subnet.prefix)
            complain(all, "invalid ip-range %s: CIDR block is bigger than its parent subnet %s",
                     text, w->subnet_text);
        if (range.address != cidr_first(&range))
            complain(all, "invalid ip-range %s: it should be %s", text, plain);
        if (cidr_first(&range) > cidr_last(&w->subnet) ||
            cidr_last(&range) < cidr_first(&w->subnet))
            complain(all, "invalid ip-range %s: parent subnet %s doesn't contain ip-range", text,
                     w->subnet_text);
    }
}

/* From 25 on everything that is wrong is said at once. */
static void validate(const struct making *m, const struct wish *w, struct complaints *all)
{
    _cleanup_free_ char *plain = NULL, *gateway = NULL;
    const char *key;
    json_t *v;

    if (w->subnet.six && !m->n->enable_six)
        return;
    plain = masked(&w->subnet);
    if (w->subnet.address != cidr_first(&w->subnet))
        complain(all, "invalid subnet %s: it should be %s", w->subnet_text, plain);
    validate_range(w, all);
    gateway = xasprintf("gateway %s", w->gateway_text);
    validate_address(w->gateway_text, w, gateway, all);
    json_object_foreach ((json_t *)(uintptr_t)w->reserved, key, v) {
        _cleanup_free_ char *what = xasprintf("auxiliary address %s", key);

        validate_address(json_string_value(v) ? json_string_value(v) : "", w, what, all);
    }
}

static void read_wish(const json_t *config, struct wish *w)
{
    *w = (struct wish){.subnet_text = text_of(config, "Subnet"),
                       .range_text = text_of(config, "IPRange"),
                       .gateway_text = text_of(config, "Gateway"),
                       .reserved = gojson_get(config, "AuxiliaryAddresses")};
}

/* All that stands in IPAM.Config is looked at before anything is made. */
static int wishes_wrong(const struct making *m, struct problem *p)
{
    const json_t *configs = gojson_get(gojson_get(m->body, "IPAM"), "Config");
    bool together = docker_today(m->d);
    struct complaints all = {0};
    struct wish w;
    json_t *v;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)configs, i, v) {
        read_wish(v, &w);
        if (cidr_read(w.subnet_text, &w.subnet)) {
            if (together)
                validate(m, &w, &all);
        } else if (together) {
            complain(&all, "invalid subnet %s: invalid CIDR block notation", w.subnet_text);
        } else {
            return problem(p, 500, "Invalid subnet %s : invalid CIDR address: %s", w.subnet_text,
                           w.subnet_text);
        }
    }
    return complaints_problem(&all, p, 400, "invalid network config:\n");
}

/* A member of IPAM.Config as inspect gives it back. */
static void keep_wish(struct network *n, const struct wish *w)
{
    char **kept = w->subnet.six ? &n->asked_six : &n->asked_four;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct pairs reserved = pairs_from_json(w->reserved);

    if (*kept)
        buf_addf(&b, "%s,", *kept);
    buf_addc(&b, '{');
    gojson_member(&b, "Subnet", w->subnet_text);
    if (*w->range_text)
        gojson_member(&b, "IPRange", w->range_text);
    if (*w->gateway_text)
        gojson_member(&b, "Gateway", w->gateway_text);
    if (reserved.n) {
        buf_adds(&b, ",\"AuxiliaryAddresses\":");
        pairs_write(&b, &reserved, true);
    }
    buf_addc(&b, '}');
    pairs_release(&reserved);
    free(*kept);
    *kept = buf_steal(&b, NULL);
}

/* --- pools ------------------------------------------------------------------------------- */

static bool overlaps(const struct docker *d, const struct cidr *c)
{
    struct list *pos;

    list_for_each (pos, &d->networks) {
        const struct network *n = container_of(pos, struct network, link);

        if (pools_overlap(c->six ? &n->six : &n->four, c))
            return true;
    }
    return false;
}

/* A part of a subnet is not compared with others, but for the very same part: that is left to the
 * driver. */
static bool same_range(const struct docker *d, const struct wish *w)
{
    struct list *pos;

    list_for_each (pos, &d->networks) {
        const struct network *n = container_of(pos, struct network, link);
        const struct pool *pool = w->subnet.six ? &n->six : &n->four;

        if (pools_overlap(pool, &w->subnet) && pool->prefix == w->subnet.prefix &&
            pool->range_first == cidr_first(&w->range) && pool->range_last == cidr_last(&w->range))
            return true;
    }
    return false;
}

/* The next of dockerd's default pools that is free: it goes on behind the last one it gave. */
static int default_subnet(struct docker *d, bool six, struct cidr *ret, struct problem *p)
{
    for (unsigned tries = 0; !six && tries < DEFAULT_POOLS; tries++) {
        unsigned i = (d->next_pool + tries) % DEFAULT_POOLS;

        *ret = (struct cidr){.address = i < 15 ? 172u << 24 | (17 + i) << 16
                                               : 192u << 24 | 168u << 16 | (i - 15) << 12,
                             .prefix = i < 15 ? 16 : 20};
        if (!overlaps(d, ret)) {
            d->next_pool = i + 1;
            return 0;
        }
    }
    return problem(p, 404,
                   "could not find an available, non-overlapping IPv%c address pool among the "
                   "defaults to assign to the network",
                   six ? '6' : '4');
}

/* The gateway that was asked for; else the first that is free. */
static int take_gateway(struct pool *pool, const char *text, struct problem *p)
{
    enum pool_outcome o;
    ip_number a = 0;
    bool six;

    if (*text && ip_read(text, &six, &a))
        o = six == pool->six ? pool_take(pool, a) : POOL_OUTSIDE;
    else
        o = pool_take_any(pool, &a);
    pool->gateway = a;
    if (o == POOL_TAKEN)
        return 0;
    return problem(p, 500, "failed to allocate gateway (%s): %s", text,
                   o == POOL_IN_USE    ? "Address already in use"
                   : o == POOL_OUTSIDE ? "Requested address is out of range"
                                       : "No available addresses on this pool");
}

static int keep_reserved(const struct making *m, struct pool *pool, const struct wish *w,
                         struct problem *p)
{
    const char *key;
    ip_number a;
    json_t *v;
    bool six;

    json_object_foreach ((json_t *)(uintptr_t)w->reserved, key, v) {
        const char *text = json_string_value(v) ? json_string_value(v) : "";

        if (!ip_read(text, &six, &a))
            return problem(p, docker_modern(m->d) ? 400 : 500,
                           "non parsable secondary ip address (%s:%s) passed for network %s", key,
                           text, m->name);
        if (six != pool->six || !pool_contains(pool, a))
            return problem(p, 403, "auxiliary address: (%s:%s) must belong to the master pool: %s",
                           key, text, w->subnet_text);
        if (pool_take(pool, a) == POOL_IN_USE)
            return problem(p, 500,
                           "failed to allocate secondary ip address (%s:%s): Address already in "
                           "use",
                           key, text);
    }
    return 0;
}

static int make_pool(struct making *m, struct wish *w, struct problem *p)
{
    struct pool *pool = w->subnet.six ? &m->n->six : &m->n->four;
    bool modern = docker_modern(m->d);
    ip_number unused;
    bool six;

    if (*w->gateway_text && !ip_read(w->gateway_text, &six, &unused))
        return problem(p, modern ? 400 : 500, "invalid gateway address %s in Ipam configuration",
                       w->gateway_text);
    w->has_range = *w->range_text != '\0';
    if (w->has_range && !cidr_read(w->range_text, &w->range))
        return problem(p, 500,
                       "failed to parse pool request for address space \"LocalDefault\" pool "
                       "\"%s\" subpool \"%s\": Invalid Address SubPool",
                       w->subnet_text, w->range_text);
    if (pool->used) /* a second one: its driver refuses it later */
        return 0;
    if (w->has_range ? same_range(m->d, w) : overlaps(m->d, &w->subnet))
        return problem(p, 403, "Pool overlaps with other one on this address space");
    pool_init(pool, &w->subnet, w->has_range ? &w->range : NULL, !modern);
    if (take_gateway(pool, w->gateway_text, p) < 0)
        return -1;
    return keep_reserved(m, pool, w, p);
}

static int make_default_pool(struct making *m, bool six, struct problem *p)
{
    struct pool *pool = six ? &m->n->six : &m->n->four;
    struct cidr subnet;

    if (default_subnet(m->d, six, &subnet, p) < 0)
        return -1;
    pool_init(pool, &subnet, NULL, !docker_modern(m->d));
    return take_gateway(pool, "", p);
}

/* First those of IPv4, then those of IPv6 if the network shall have it. */
static int make_pools(struct making *m, const json_t *ipam, bool only_keep, struct problem *p)
{
    const json_t *configs = gojson_get(ipam, "Config");
    size_t counts[2] = {0}, i;
    struct wish w;
    json_t *v;

    for (int six = 0; six < 2; six++) {
        json_array_foreach ((json_t *)(uintptr_t)configs, i, v) {
            read_wish(v, &w);
            if (!cidr_read(w.subnet_text, &w.subnet) || w.subnet.six != (six == 1))
                continue;
            keep_wish(m->n, &w);
            counts[six]++;
            if (!only_keep && (!six || m->n->enable_six) && make_pool(m, &w, p) < 0)
                return -1;
        }
        if (!only_keep && !counts[six] && (!six || m->n->enable_six) &&
            make_default_pool(m, six == 1, p) < 0)
            return -1;
    }
    if (str_eq(m->driver, "bridge") && (counts[0] > 1 || (m->n->enable_six && counts[1] > 1)))
        return problem(p, 403, "bridge driver doesn't support multiple subnets");
    return 0;
}

/* --- the driver --------------------------------------------------------------------------- */

static char *bridge_name(const struct network *n)
{
    const char *given = pairs_get(&n->options, "com.docker.network.bridge.name");

    return given && *given ? xstrdup(given) : xasprintf("br-%.12s", n->id);
}

static bool go_bool(const char *s)
{
    static const char *const words[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(s, words[i]))
            return true;
    return false;
}

static int options_wrong(const struct making *m, struct problem *p)
{
    static const char *const booleans[] = {
        "com.docker.network.enable_ipv6", "com.docker.network.bridge.enable_ip_masquerade",
        "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.inhibit_ipv4",
        "com.docker.network.bridge.default_bridge"};
    static const char *const addresses[] = {"com.docker.network.bridge.host_binding_ipv4",
                                            "com.docker.network.host_ipv4"};
    const char *mtu = pairs_get(&m->n->options, "com.docker.network.driver.mtu"), *v;
    int status = docker_modern(m->d) ? 400 : 500;
    ip_number a;
    int64_t n;
    bool six;

    if (mtu && str_i64(mtu, &n) < 0)
        return problem(p, status,
                       "failed to parse com.docker.network.driver.mtu value: %s (strconv.Atoi: "
                       "parsing \"%s\": invalid syntax)",
                       mtu, mtu);
    for (size_t i = 0; i < ARRAY_SIZE(booleans); i++) {
        v = pairs_get(&m->n->options, booleans[i]);
        if (v && !go_bool(v))
            return problem(p, status,
                           "failed to parse %s value: %s (strconv.ParseBool: parsing \"%s\": "
                           "invalid syntax)",
                           booleans[i], v, v);
    }
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        v = pairs_get(&m->n->options, addresses[i]);
        if (v && !ip_read(v, &six, &a))
            return problem(p, status, "failed to parse %s value: %s (nil ip)", addresses[i], v);
    }
    return 0;
}

static bool pools_meet(const struct pool *a, const struct pool *b)
{
    return a->used && b->used && a->base <= b->last && b->base <= a->last;
}

/* What the bridges of two networks must not share. */
static int conflicts(const struct making *m, struct problem *p)
{
    _cleanup_free_ char *own = bridge_name(m->n);
    struct list *pos;

    list_for_each (pos, &m->d->networks) {
        const struct network *o = container_of(pos, struct network, link);
        _cleanup_free_ char *other = bridge_name(o);
        const char *why = NULL;

        if (!str_eq(o->driver, "bridge"))
            continue;
        if (str_eq(own, other))
            why = "networks have same bridge name";
        else if (pools_meet(&m->n->four, &o->four))
            why = "networks have overlapping IPv4";
        else if (pools_meet(&m->n->six, &o->six))
            why = "networks have overlapping IPv6";
        if (why)
            return problem(p, 403,
                           "cannot create network %s (%s): conflicts with network %s (%s): %s",
                           m->n->id, own, o->id, other, why);
    }
    return 0;
}

/* --- the network -------------------------------------------------------------------------- */

/* A network of this name, if there is one. */
static const struct network *same_name(const struct docker *d, const char *name)
{
    struct list *pos;

    list_for_each (pos, &d->networks) {
        const struct network *n = container_of(pos, struct network, link);

        if (str_eq(n->name, name))
            return n;
    }
    return NULL;
}

static int name_wrong(const struct making *m, const struct network *same, struct problem *p)
{
    if (same && same->builtin)
        return problem(p, 403, "operation is not permitted on predefined %s network ", m->name);
    if (same && (docker_today(m->d) || flag(m, "CheckDuplicate")))
        return problem(p, 409, "network with name %s already exists", m->name);
    return 0;
}

static int driver_wrong(struct making *m, struct problem *p)
{
    static const char swarm[] =
        "This node is not a swarm manager. Use \"docker swarm init\" or "
        "\"docker swarm join\" to connect this node to swarm and try again.";
    const char *scope = text_of(m->body, "Scope");
    bool modern = docker_modern(m->d);

    if (str_eq(m->driver, "overlay"))
        return problem(p, docker_today(m->d) ? 403 : 500, "%s", swarm);
    if (str_eq(m->driver, "host") || str_eq(m->driver, "null"))
        return problem(p, 403, "only one instance of \"%s\" network is allowed", m->driver);
    if (!str_eq(m->driver, "bridge") && !str_eq(m->driver, "macvlan") &&
        !str_eq(m->driver, "ipvlan")) {
        m->later = true;
        return problem(p, 404, "plugin \"%s\" not found", m->driver);
    }
    if (flag(m, "Ingress"))
        return problem(p, 403, "Ingress network can only be global scope network");
    if (str_eq(scope, "swarm"))
        return problem(p, 403, "cannot create a swarm scoped network when swarm is not active");
    if (*scope && !str_eq(scope, "local") && !modern)
        return problem(p, 500, "%s", swarm);
    return 0;
}

/* A network that others have their settings from holds nothing else, and they none of their own. */
static int pattern_wrong(const struct making *m, const char *from, struct problem *p)
{
    const json_t *ipam = gojson_get(m->body, "IPAM");

    if (m->n->config_only &&
        (m->n->internal || m->n->attachable || flag(m, "Ingress") || *text_of(m->body, "Scope")))
        return problem(p, 403,
                       "configuration network can only contain network specific fields. Network "
                       "operator fields like [ ingress | internal | attachable | scope ] are not "
                       "supported.");
    if (!*from)
        return 0;
    if (m->n->config_only)
        return problem(p, 403,
                       "a configuration network cannot depend on another configuration network");
    if (m->n->enable_six || m->n->labels.n || json_array_size(gojson_get(ipam, "Config")) ||
        json_object_size(gojson_get(ipam, "Options")))
        return problem(p, 403,
                       "user specified configurations are not supported if the network depends on "
                       "a configuration network");
    if (m->n->options.n)
        return problem(p, 403,
                       "network driver options are not supported if the network depends on a "
                       "configuration network");
    return 0;
}

/* The settings of a network that is there for that. Its IPAM, to be made anew; a new reference. */
static json_t *adopt(struct making *m, const char *from, struct problem *p)
{
    const struct network *o = same_name(m->d, from);
    _cleanup_free_ char *text = NULL;

    if (!o || !o->config_only) {
        problem(p, 404, "configuration network \"%s\" does not exist", from);
        return NULL;
    }
    m->n->config_from = xstrdup(from);
    m->n->enable_six = o->enable_six;
    m->n->labels = pairs_merge(&o->labels, NULL, 0);
    m->n->options = pairs_merge(&o->options, NULL, 0);
    free(m->n->ipam_options);
    m->n->ipam_options = o->ipam_options ? xstrdup(o->ipam_options) : NULL;
    text = xasprintf("{\"Config\":[%s%s%s]}", o->asked_four ? o->asked_four : "",
                     o->asked_four && o->asked_six ? "," : "", o->asked_six ? o->asked_six : "");
    return json_read(text, strlen(text), JSON_READ_PEER, NULL);
}

static int make_ipam(struct making *m, struct problem *p)
{
    const json_t *asked = gojson_get(m->body, "IPAM"), *options = gojson_get(asked, "Options");
    const char *driver = text_of(asked, "Driver");
    const char *from = text_of(gojson_get(m->body, "ConfigFrom"), "Network");
    _cleanup_json_ json_t *ipam = NULL;

    m->n->ipam_driver = xstrdup(*driver ? driver : "default");
    if (json_is_object(options))
        m->n->ipam_options = json_text(options);
    if (pattern_wrong(m, from, p) < 0)
        return -1;
    if (m->n->config_only) {
        free(m->n->driver);
        m->n->driver = xstrdup("null");
        return make_pools(m, asked, true, p);
    }
    if (driver_wrong(m, p) < 0)
        return -1;
    if (*from) {
        ipam = adopt(m, from, p);
        if (!ipam)
            return -1;
    }
    if (str_eq(driver, "null"))
        return problem(p, docker_modern(m->d) ? 400 : 500, "ipv4 pool is empty");
    if (*driver && !str_eq(driver, "default")) {
        m->later = true;
        return problem(p, 404, "plugin \"%s\" not found", driver);
    }
    if (make_pools(m, ipam ? ipam : asked, false, p) < 0)
        return -1;
    if (!str_eq(m->driver, "bridge"))
        return 0;
    return options_wrong(m, p) < 0 || conflicts(m, p) < 0 ? -1 : 0;
}

static int create_network(struct making *m, char **ret_warning, struct problem *p)
{
    const struct network *same = *m->name ? same_name(m->d, m->name) : NULL;
    struct network *n;

    if (name_wrong(m, same, p) < 0)
        return -1;
    m->n = n = network_new(m->d, m->name, m->driver);
    list_del(&n->link);
    n->enable_six = flag(m, "EnableIPv6");
    n->internal = flag(m, "Internal");
    n->attachable = flag(m, "Attachable");
    n->config_only = flag(m, "ConfigOnly");
    n->labels = pairs_from_json(gojson_get(m->body, "Labels"));
    n->options = pairs_from_json(gojson_get(m->body, "Options"));
    if (wishes_wrong(m, p) < 0 ||
        (!*m->name && problem(p, docker_modern(m->d) ? 400 : 500, "invalid name: %s", m->name)) ||
        make_ipam(m, p) < 0) {
        network_free(n);
        return -1;
    }
    if (same)
        *ret_warning =
            xasprintf("Network with name %s (id : %s) already exists", same->name, same->id);
    list_add_tail(&m->d->networks, &n->link);
    network_event(m->d, n, "create");
    return 0;
}

void post_networks_create(struct fake *f, struct exchange *x)
{
    struct making m = {.d = (struct docker *)f};
    struct buf b = BUF_INIT(ANSWER_MAX);
    _cleanup_free_ char *warning = NULL;
    struct problem p = {0};
    json_t *body = docker_body_strict(x, &p);

    m.body = body;
    m.name = text_of(body, "Name");
    m.driver = *text_of(body, "Driver") ? text_of(body, "Driver") : "bridge";
    if (body && create_network(&m, &warning, &p) == 0) {
        buf_addf(&b, "{\"Id\":\"%s\"", m.n->id);
        gojson_member(&b, "Warning", warning ? warning : "");
        buf_addc(&b, '}');
        docker_answer(x, 201, &b);
    } else if (m.later) {
        docker_refuse_later(x, &p);
    } else {
        docker_refuse(x, &p);
    }
    json_decref(body);
}
