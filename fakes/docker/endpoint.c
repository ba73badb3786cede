/* Places of containers in networks: as they are asked for, and what they get; see network.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/wire.h"

/* --- MAC addresses ----------------------------------------------------------------------- */

char *mac_text(uint32_t address, char out[18])
{
    snprintf(out, 18, "02:42:%02x:%02x:%02x:%02x", address >> 24, (address >> 16) & 0xff,
             (address >> 8) & 0xff, address & 0xff);
    return out;
}

const char *endpoint_mac(const struct container *c, const struct endpoint *e, char out[18])
{
    const char *own = docker_today(c->d)  ? (e->mac_fixed ? e->mac : NULL)
                      : e == c->endpoints ? c->mac
                                          : NULL;

    if (!*e->id || !e->address)
        return e->mac && !e->tried ? e->mac : "";
    return own ? own : mac_text((uint32_t)e->address, out);
}

static bool mac_valid(const char *s)
{
    size_t n = strlen(s);

    if (n != 17 && n != 23)
        return false;
    for (size_t i = 0; i < n; i++)
        if (i % 3 == 2 ? s[i] != ':' && s[i] != '-' : !strchr("0123456789abcdefABCDEF", s[i]))
            return false;
    return true;
}

static bool has_macs(const char *mode)
{
    return str_eq(mode, "bridge") || network_is_user_defined(mode);
}

/* The endpoint of this network in the body; made when there is none at all. */
static json_t *endpoint_config(json_t *networking, const char *network)
{
    json_t *configs = json_object_get(networking, "EndpointsConfig");

    if (!json_is_object(configs))
        json_object_set_new(networking, "EndpointsConfig", configs = json_object());
    if (!json_object_size(configs))
        json_object_set_new(configs, network, json_object());
    return json_object_get(configs, network);
}

/* Clients that know only one MAC address, that of the container. */
static int macs_of_old_client(const char *mac, const char *mode, json_t *networking,
                              struct problem *p)
{
    json_t *configs, *v;
    const char *key;

    if (mac && !has_macs(mode))
        return problem(p, 400, "conflicting options: mac-address and the network mode");
    if (mac)
        endpoint_config(networking, mode);
    configs = json_object_get(networking, "EndpointsConfig");
    json_object_foreach (configs, key, v) {
        json_object_del(v, "MacAddress");
        if (mac && json_is_object(v))
            json_put_str(v, "MacAddress", mac);
    }
    return 0;
}

int create_macs(struct docker *d, json_t *config, const json_t *host, json_t *networking,
                int version, bool *ret_warn, struct problem *p)
{
    const char *mac = json_str(config, "MacAddress"), *mode = json_str(host, "NetworkMode"), *own;
    json_t *e;

    mac = mac && *mac ? mac : NULL;
    mode = !mode || !*mode || str_eq(mode, "default") ? "bridge" : mode;
    if (!docker_today(d))
        return mac && (str_eq(mode, "host") || str_starts(mode, "container:"))
                   ? problem(p, 400, "conflicting options: mac-address and the network mode")
                   : 0;
    *ret_warn = mac && version >= API(44);
    if (version < API(44)) {
        if (macs_of_old_client(mac, mode, networking, p) < 0)
            return -1;
    } else if (mac && has_macs(mode)) {
        e = endpoint_config(networking, mode);
        own = json_string_value(gojson_get(e, "MacAddress"));
        if (!e)
            return problem(p, 400,
                           "if a container-wide MAC address is supplied, HostConfig.NetworkMode "
                           "must match the identity of a network in NetworkSettings.Networks");
        if (own && *own && !str_eq(own, mac))
            return problem(p, 400,
                           "the container-wide MAC address must match the endpoint-specific MAC "
                           "address for the main network, or be left empty");
        json_put_str(e, "MacAddress", mac);
    }
    e = json_object_get(json_object_get(networking, "EndpointsConfig"), mode);
    own = json_string_value(gojson_get(e, "MacAddress"));
    json_object_del(config, "MacAddress");
    if (own && *own)
        json_put_str(config, "MacAddress", own);
    return 0;
}

/* --- what is asked for ------------------------------------------------------------------- */

static char *json_or_null(const json_t *v)
{
    return v && !json_is_null(v) ? json_text(v) : NULL;
}

static char *wish(const json_t *o, const char *member)
{
    const char *s = json_string_value(gojson_get(o, member));

    return s && *s ? xstrdup(s) : NULL;
}

/* As Go writes a struct that leaves out what is empty. */
static char *ipam_text(const json_t *ipam)
{
    static const char *const members[] = {"IPv4Address", "IPv6Address"};
    const json_t *local = gojson_get(ipam, "LinkLocalIPs");
    struct buf b = BUF_INIT(ANSWER_MAX);

    if (!json_is_object(ipam))
        return NULL;
    buf_addc(&b, '{');
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *s = json_string_value(gojson_get(ipam, members[i]));

        if (s && *s)
            gojson_member(&b, members[i], s);
    }
    if (json_array_size(local)) {
        _cleanup_free_ char *text = json_text(local);

        buf_addf(&b, "%s\"LinkLocalIPs\":%s", buf_len(&b) > 1 ? "," : "", text);
    }
    buf_addc(&b, '}');
    return buf_steal(&b, NULL);
}

static char *words_of(const json_t *array)
{
    struct buf b = BUF_INIT(ANSWER_MAX);
    json_t *v;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)array, i, v)
        if (json_is_string(v))
            buf_addf(&b, "%s%s", i ? " " : "", json_string_value(v));
    return buf_len(&b) ? buf_steal(&b, NULL) : NULL;
}

static struct endpoint *add_endpoint(struct container *c, const char *network, const json_t *config)
{
    const json_t *ipam = gojson_get(config, "IPAMConfig");
    struct endpoint *e;

    c->endpoints = xrealloc(c->endpoints, (c->n_endpoints + 1) * sizeof(*c->endpoints));
    e = &c->endpoints[c->n_endpoints++];
    *e = (struct endpoint){.network = xstrdup(network)};
    e->wanted = wish(ipam, "IPv4Address");
    e->wanted_six = wish(ipam, "IPv6Address");
    e->wanted_local = words_of(gojson_get(ipam, "LinkLocalIPs"));
    e->mac = wish(config, "MacAddress");
    e->ipam = ipam_text(ipam);
    e->links = json_or_null(gojson_get(config, "Links"));
    e->options = json_or_null(gojson_get(config, "DriverOpts"));
    e->aliases = json_or_null(gojson_get(config, "Aliases"));
    return e;
}

static void endpoint_release(struct endpoint *e)
{
    free(e->network);
    free(e->wanted);
    free(e->wanted_six);
    free(e->wanted_local);
    free(e->mac);
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

/* --- what is wrong with it ---------------------------------------------------------------- */

static const char no_ip[] = "user specified IP address is supported on user defined networks only";
static const char no_subnet[] = "user specified IP address is supported only when connecting to "
                                "networks with user configured subnets";
static const char no_alias[] =
    "network-scoped alias is supported only for containers in user defined networks";

static bool has_aliases(const struct endpoint *e)
{
    return e->aliases && !str_eq(e->aliases, "[]");
}

static bool is_address(const char *s, bool want_six)
{
    ip_number a;
    bool six;

    return ip_read(s, &six, &a) && six == want_six && a;
}

/* An address of a network whose subnet somebody chose. */
static void check_in_range(const struct network *n, const char *wanted, bool six,
                           struct complaints *all)
{
    const struct pool *pool = six ? &n->six : &n->four;
    ip_number a;
    bool is_six;

    if (!wanted)
        return;
    if (!(six ? n->asked_six : n->asked_four))
        complain(all, "%s", no_subnet);
    else if (!ip_read(wanted, &is_six, &a) || is_six != six || !pool_contains(pool, a))
        complain(all, "no configured subnet or ip-range contain the IP address %s", wanted);
}

/* As engines from 25 on look at it, all at once; n: the network, or NULL. */
static int endpoint_wrong_today(const struct network *n, const char *name, const struct endpoint *e,
                                struct problem *p)
{
    struct complaints all = {0};
    ip_number a;
    bool six;

    if (!network_is_user_defined(name)) {
        if (e->wanted || e->wanted_six)
            complain(&all, "%s", no_ip);
        if (has_aliases(e))
            complain(&all, "%s", no_alias);
    }
    if (e->wanted && !is_address(e->wanted, false))
        complain(&all, "invalid IPv4 address: %s", e->wanted);
    if (e->wanted_six && !is_address(e->wanted_six, true))
        complain(&all, "invalid IPv6 address: %s", e->wanted_six);
    for (const char *s = e->wanted_local; s && *s;) {
        size_t len = strcspn(s, " ");
        _cleanup_free_ char *one = xstrndup(s, len);

        if (!ip_read(one, &six, &a) || !a)
            complain(&all, "invalid link-local IP address: %s", one);
        s += len + (s[len] == ' ');
    }
    if (n) {
        check_in_range(n, e->wanted, false, &all);
        check_in_range(n, e->wanted_six, true, &all);
    }
    if (e->mac && !mac_valid(e->mac)) {
        complaints_problem(&all, p, 400, "");
        return problem(p, 400, "invalid MAC address %s", e->mac);
    }
    return complaints_problem(&all, p, 400, "invalid endpoint settings:\n");
}

/* As engines up to 24 do, when it is connected. */
static int endpoint_wrong(const struct container *c, const struct network *n,
                          const struct endpoint *e, struct problem *p)
{
    if (docker_today(c->d))
        return endpoint_wrong_today(n, n->name, e, p);
    if (!network_is_user_defined(n->name)) {
        if (e->wanted || e->wanted_six)
            return problem(p, 400, "%s", no_ip);
        if (has_aliases(e))
            return problem(p, 400, "%s", no_alias);
    }
    if ((e->wanted && !n->asked_four) || (e->wanted_six && !n->asked_six))
        return problem(p, 400, "%s", no_subnet);
    return 0;
}

/* What engines up to 24 look at in a create body already. */
static int create_endpoint_wrong(const struct container *c, const char *key,
                                 const struct endpoint *e, struct problem *p)
{
    struct problem why = {0};

    if (docker_today(c->d)) {
        if (endpoint_wrong_today(network_find(c->d, key), key, e, &why) == 0)
            return 0;
        problem(p, 400, "invalid config for network %s: %s", key, why.text);
        free(why.text);
        return -1;
    }
    if (e->wanted && !is_address(e->wanted, false))
        return problem(p, 400, "invalid IPv4 address: %s", e->wanted);
    if (e->wanted_six && !is_address(e->wanted_six, true))
        return problem(p, 400, "invalid IPv6 address: %s", e->wanted_six);
    return 0;
}

static int too_many(const struct container *c, const json_t *configs, int version,
                    struct problem *p)
{
    struct buf b = BUF_INIT(4096);
    const char *key;
    json_t *v;

    if (json_object_size(configs) <= 1 || version >= API(44))
        return 0;
    json_object_foreach ((json_t *)(uintptr_t)configs, key, v)
        buf_addf(&b, "%s%s", buf_len(&b) ? ", " : "", key);
    problem(p, 400, "Container cannot be %s network endpoints: %s",
            docker_modern(c->d) ? "created with multiple" : "connected to", buf_str(&b));
    buf_release(&b);
    return -1;
}

int create_endpoints(struct container *c, const json_t *networking, int version, struct problem *p)
{
    const json_t *configs = gojson_get(networking, "EndpointsConfig");
    const char *mode = container_network_name(c), *key;
    const struct network *n = network_find(c->d, mode);
    json_t *v;

    if (too_many(c, configs, version, p) < 0)
        return -1;
    if (container_shares_network(c))
        return 0;
    v = json_object_get(configs, mode);
    if (!v && json_object_size(configs) == 1 && n == c->d->bridge)
        v = json_object_get(configs, "default");
    if (!v && n && str_eq(n->id, mode))
        v = json_object_get(configs, n->name);
    /* from 25 on networks may be named without a mode */
    if (v || !json_object_size(configs) || !docker_today(c->d) || n != c->d->bridge) {
        const struct endpoint *e = add_endpoint(c, n ? n->name : mode, v);

        if (create_endpoint_wrong(c, v && n && str_eq(n->id, mode) ? n->name : mode, e, p) < 0)
            return -1;
    }
    json_object_foreach ((json_t *)(uintptr_t)configs, key, v)
        if (!str_eq(key, mode) && !str_eq(key, "default") && !(n && str_eq(n->name, key)) &&
            create_endpoint_wrong(c, key, add_endpoint(c, key, v), p) < 0)
            return -1;
    for (size_t i = 0; i < c->n_endpoints; i++)
        c->endpoints[i].mac_fixed = true;
    return 0;
}

/* --- names -------------------------------------------------------------------------------- */

static void add_name(json_t *names, const char *name)
{
    json_t *v;
    size_t i;

    json_array_foreach (names, i, v)
        if (str_eq(json_string_value(v), name))
            return;
    json_array_append_new(names, json_string(name));
}

/* The short id and the host's name are aliases; from 25 on they stand elsewhere, with its name. */
static void set_names(const struct container *c, struct endpoint *e)
{
    _cleanup_json_ json_t *names = json_array(), *aliases = NULL;
    char short_id[13];
    json_t *v;
    size_t i;

    snprintf(short_id, sizeof(short_id), "%.12s", c->id);
    if (e->aliases)
        aliases = json_read(e->aliases, strlen(e->aliases), JSON_READ_PEER, NULL);
    if (docker_today(c->d))
        add_name(names, c->name);
    json_array_foreach (aliases, i, v)
        if (docker_today(c->d))
            add_name(names, json_string_value(v));
        else
            json_array_append(names, v);
    add_name(names, short_id);
    if (c->hostname)
        add_name(names, c->hostname);
    if (docker_today(c->d)) {
        free(e->names);
        e->names = json_text(names);
    } else {
        free(e->aliases);
        e->aliases = json_text(names);
    }
}

/* Made up anew while it runs, even where names mean nothing. */
void endpoints_renamed(struct container *c)
{
    for (size_t i = 0; docker_today(c->d) && container_alive(c) && i < c->n_endpoints; i++)
        set_names(c, &c->endpoints[i]);
}

void endpoint_write_aliases(struct buf *b, const struct container *c, const struct endpoint *e,
                            int version)
{
    _cleanup_json_ json_t *all = NULL;
    _cleanup_free_ char *text = NULL;
    char short_id[13];

    if (!docker_today(c->d) || version >= API(45) || !network_is_user_defined(e->network)) {
        buf_adds(b, e->aliases ? e->aliases : "null");
        return;
    }
    all =
        e->aliases ? json_read(e->aliases, strlen(e->aliases), JSON_READ_PEER, NULL) : json_array();
    snprintf(short_id, sizeof(short_id), "%.12s", c->id);
    add_name(all, short_id);
    if (c->hostname)
        add_name(all, c->hostname);
    text = json_text(all);
    buf_adds(b, text);
}

/* --- connecting --------------------------------------------------------------------------- */

void endpoint_event(const struct container *c, const struct network *n, const char *action)
{
    const char *const more[] = {"container", c->id, "name", n->name, "type", n->driver};

    docker_event(c->d, EVENT_NETWORK, action, n->id, NULL, more, 3);
}

/* The one that is wanted, or any; what is no address at all wants nothing. */
static int take(const struct network *n, struct pool *pool, const char *wanted, ip_number *ret,
                struct problem *p)
{
    enum pool_outcome o;
    ip_number a = 0;
    bool six = false, fixed = ip_read(wanted, &six, &a);

    if (!fixed)
        o = pool_take_any(pool, &a);
    else
        o = six == pool->six ? pool_take(pool, a) : POOL_OUTSIDE;
    if (o == POOL_TAKEN)
        *ret = a;
    switch (o) {
    case POOL_OUTSIDE:
        return problem(p, 500,
                       "Invalid address %s: It does not belong to any of this network's subnets",
                       wanted);
    case POOL_IN_USE:
        return problem(p, 403, "Address already in use");
    case POOL_FULL:
        return problem(p, 500,
                       "no available IPv%c addresses on this network's address pools: %s (%s)",
                       pool->six ? '6' : '4', n->name, n->id);
    default:
        return 0;
    }
}

static int take_addresses(struct network *n, struct endpoint *e, struct problem *p)
{
    if (n->four.used && take(n, &n->four, e->wanted, &e->address, p) < 0)
        return -1;
    if (!n->six.used || take(n, &n->six, e->wanted_six, &e->address_six, p) == 0)
        return 0;
    e->address = 0; /* dockerd does not give it back either */
    return -1;
}

/* What older engines look at only when they make the endpoint. */
static int late_wrong(const struct container *c, const struct endpoint *e, struct problem *p)
{
    ip_number a;
    bool six;

    if (docker_today(c->d))
        return 0;
    for (const char *s = e->wanted_local; s && *s;) {
        size_t len = strcspn(s, " ");
        _cleanup_free_ char *one = xstrndup(s, len);

        if (!ip_read(one, &six, &a))
            return problem(p, 500, "Invalid link-local IP address: [%s]", e->wanted_local);
        s += len + (s[len] == ' ');
    }
    if (e == c->endpoints && c->mac && !mac_valid(c->mac))
        return problem(p, 500, "address %s: invalid MAC address", c->mac);
    return 0;
}

int endpoint_connect(struct container *c, struct endpoint *e, struct problem *p)
{
    struct network *n = str_eq(e->network, "default")
                            ? c->d->bridge
                            : network_get(c->d, e->network, AMBIGUOUS_ON, p);

    e->tried = true;
    if (!n)
        return -1;
    if (network_is_user_defined(n->name))
        set_names(c, e);
    if (endpoint_wrong(c, n, e, p) < 0 || late_wrong(c, e, p) < 0 || take_addresses(n, e, p) < 0)
        return -1;
    e->n = n;
    world_hex(c->d->fake.world, 32, e->id);
    return 0;
}

void endpoint_disconnect(struct container *c, struct endpoint *e)
{
    if (!*e->id)
        return;
    wire_detach(c, e);
    pool_give(&e->n->four, e->address);
    if (e->address_six)
        pool_give(&e->n->six, e->address_six);
    e->address = e->address_six = 0;
    *e->id = '\0';
    endpoint_event(c, e->n, "disconnect");
}

/* --- joining and leaving ------------------------------------------------------------------ */

static int by_network(const void *a, const void *b)
{
    const struct endpoint *x = a, *y = b;

    return strcmp(x->network, y->network);
}

struct endpoint *container_endpoint(const struct container *c, const struct network *n)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (c->endpoints[i].n == n || network_find(c->d, c->endpoints[i].network) == n)
            return &c->endpoints[i];
    return NULL;
}

static struct endpoint *endpoint_named(const struct container *c, const char *network)
{
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (str_eq(c->endpoints[i].network, network))
            return &c->endpoints[i];
    return NULL;
}

static void drop(struct container *c, struct endpoint *e)
{
    size_t at = (size_t)(e - c->endpoints);

    endpoint_release(e);
    memmove(e, e + 1, (c->n_endpoints - at - 1) * sizeof(*e));
    c->n_endpoints--;
}

static int join_wrong(const struct container *c, const struct network *n, struct problem *p)
{
    if (str_eq(n->driver, "host"))
        return problem(p, 400,
                       "container cannot be disconnected from host network or connected to host "
                       "network");
    if (container_shares_network(c))
        return problem(p, 400,
                       "container sharing network namespace with another container or "
                       "host cannot be connected to any other network");
    if (container_endpoint(c, n))
        return container_alive(c)
                   ? problem(p, 403, "endpoint with name %s already exists in network %s", c->name,
                             n->name)
                   : 0;
    for (size_t i = 0; i < c->n_endpoints; i++)
        if (str_eq(c->endpoints[i].network, "none") || str_eq(n->name, "none"))
            return problem(p, 400,
                           "container cannot be connected to multiple networks with one of the "
                           "networks in private (none) mode");
    return 0;
}

/* It does not run: what is asked for is kept, even of a network that there is not. */
static int join_later(struct container *c, const struct network *n, const char *name,
                      const json_t *config, struct problem *p)
{
    struct endpoint *e;

    if (endpoint_named(c, name) || (n && container_endpoint(c, n)))
        return 0;
    e = add_endpoint(c, name, config);
    if (!n)
        return 0;
    if (network_is_user_defined(n->name))
        set_names(c, e);
    if (endpoint_wrong(c, n, e, p) < 0) {
        drop(c, e);
        return -1;
    }
    return 0;
}

int container_join(struct container *c, const char *network, const json_t *config,
                   struct problem *p)
{
    struct problem why = {0};
    const struct network *n = network_get(c->d, network, AMBIGUOUS_ON, &why);
    int ret = 0;

    if (n && join_wrong(c, n, p) < 0)
        return -1;
    if (!container_alive(c)) {
        ret = join_later(c, n, n ? n->name : network, config, p);
    } else if (!n) {
        *p = why;
        return -1;
    } else {
        struct endpoint *e = add_endpoint(c, n->name, config);

        ret = endpoint_connect(c, e, p);
        if (ret == 0 && (ret = wire_attach(c, e, p)) < 0)
            endpoint_disconnect(c, e);
        if (ret < 0)
            drop(c, e);
        else
            endpoint_event(c, n, "connect");
    }
    free(why.text);
    if (c->n_endpoints > 1)
        qsort(c->endpoints + 1, c->n_endpoints - 1, sizeof(*c->endpoints), by_network);
    container_files_renew(c);
    return ret;
}

int container_leave(struct container *c, const char *network, bool force, struct problem *p)
{
    struct problem why = {0};
    struct network *n = network_get(c->d, network, AMBIGUOUS_ON, &why);
    bool quiet = !container_alive(c) || (!n && force);
    struct endpoint *e = n ? container_endpoint(c, n) : endpoint_named(c, network);

    if (!n && !quiet) {
        *p = why;
        return -1;
    }
    free(why.text);
    if (!e)
        return problem(p, 500, "container %s is not connected to %snetwork %s", c->id,
                       quiet ? "the " : "", n ? n->name : network);
    if (n && str_eq(n->driver, "host"))
        return problem(p, 400,
                       "container cannot be disconnected from host network or connected to host "
                       "network");
    if (n) {
        e->n = n;
        endpoint_disconnect(c, e);
        endpoint_event(c, n, "disconnect"); /* the daemon says it beside the driver */
    }
    drop(c, e);
    container_files_renew(c);
    return 0;
}
