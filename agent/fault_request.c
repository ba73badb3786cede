#include <arpa/inet.h>
#include <stdlib.h>

#include "agent/fault_request.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define WAIT          5 /* seconds that iptables may wait for its lock */
#define LAYER_BANDS   10
#define METADATA_PORT 80
#define METADATA_IP   "169.254.170.2"
#define PRIOMAP       "priomap 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2"

static const char *const kinds[FAULT_KIND_MAX] = {
    [FAULT_BLACKHOLE] = "network-blackhole-port",
    [FAULT_LATENCY] = "network-latency",
    [FAULT_PACKET_LOSS] = "network-packet-loss",
};
STRTAB_DEFINE(fault_kind, enum fault_kind, kinds)

static const char *const actions[FAULT_ACTION_MAX] = {
    [FAULT_START] = "start", [FAULT_STOP] = "stop", [FAULT_STATUS] = "status"};
STRTAB_DEFINE(fault_action, enum fault_action, actions)

/* ---- reading ---- */

static const char *const structs[FAULT_KIND_MAX] = {
    [FAULT_BLACKHOLE] = "NetworkBlackholePortRequest",
    [FAULT_LATENCY] = "NetworkLatencyRequest",
    [FAULT_PACKET_LOSS] = "NetworkPacketLossRequest",
};

/* The member as Go finds it: without regard to case, the last one; NULL for null. */
static const json_t *member(const json_t *o, const char *name)
{
    const json_t *found = NULL;

    for (void *i = json_object_iter((json_t *)(uintptr_t)o); i;
         i = json_object_iter_next((json_t *)(uintptr_t)o, i))
        if (strcasecmp(json_object_iter_key(i), name) == 0)
            found = json_object_iter_value(i);
    return json_is_null(found) ? NULL : found;
}

/* The words of Go's decoder. */
static int cannot(const struct fault_request *r, const char *name, const char *value,
                  const char *type, struct err *e)
{
    return err_set(e, ERR_PARSE, "json: cannot unmarshal %s into Go struct field %s.%s of type %s",
                   value, structs[r->kind], name, type);
}

static int wrong_type(const struct fault_request *r, const char *name, const json_t *v,
                      const char *type, struct err *e)
{
    static const char *const words[] = {
        [JSON_OBJECT] = "object",  [JSON_ARRAY] = "array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "number", [JSON_REAL] = "number", [JSON_TRUE] = "bool",
        [JSON_FALSE] = "bool",     [JSON_NULL] = "null",
    };

    return cannot(r, name, words[json_typeof(v)], type, e);
}

static int missing(const char *name, struct err *e)
{
    return err_set(e, ERR_USAGE, "required parameter %s is missing", name);
}

static int invalid(const char *name, const char *value, struct err *e)
{
    return err_set(e, ERR_USAGE, "invalid value %.60s for parameter %s", value, name);
}

struct number {
    const char *name, *type;
    int64_t min, max; /* of the type */
};

/* 1: there, 0: not there, -1 */
static int read_number(const struct fault_request *r, const json_t *body, const struct number *n,
                       int64_t *ret, struct err *e)
{
    const json_t *v = member(body, n->name);
    char value[32];

    if (!v)
        return 0;
    if (json_is_integer(v) && (json_integer_value(v) < n->min || json_integer_value(v) > n->max)) {
        snprintf(value, sizeof(value), "number %" JSON_INTEGER_FORMAT, json_integer_value(v));
        return cannot(r, n->name, value, n->type, e);
    }
    if (!json_is_integer(v))
        return wrong_type(r, n->name, v, n->type, e);
    *ret = json_integer_value(v);
    return 1;
}

static int read_word(const struct fault_request *r, const json_t *body, const char *name,
                     const char **ret, struct err *e)
{
    const json_t *v = member(body, name);

    *ret = "";
    if (!v)
        return 0;
    if (!json_is_string(v))
        return wrong_type(r, name, v, "string", e);
    *ret = json_string_value(v);
    return 0;
}

static bool is_address(const char *text)
{
    _cleanup_free_ char *address = xstrndup(text, strcspn(text, "/"));
    const char *slash = strchr(text, '/');
    unsigned char bytes[16];
    uint64_t bits;

    if (inet_pton(AF_INET, address, bytes) == 1)
        return !slash || str_u64(slash + 1, 32, &bits) == 0;
    return inet_pton(AF_INET6, address, bytes) == 1 &&
           (!slash || str_u64(slash + 1, 128, &bits) == 0);
}

static int read_list(const struct fault_request *r, const json_t *body, const char *name,
                     const char **list, size_t *ret_n, struct err *e)
{
    const json_t *v = member(body, name), *one;
    size_t i;

    if (!v)
        return 0;
    if (!json_is_array(v))
        return wrong_type(r, name, v, "[]*string", e);
    json_array_foreach (v, i, one) {
        if (!json_is_string(one) && !json_is_null(one))
            return wrong_type(r, name, one, "string", e);
        if (*ret_n == FAULT_SOURCES_MAX)
            return err_set(e, ERR_LIMIT, "more than %d %s", FAULT_SOURCES_MAX, name);
        list[(*ret_n)++] = json_is_string(one) ? json_string_value(one) : "";
    }
    return 0;
}

static int check_list(const char *const *list, size_t n, const char *name, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!is_address(list[i]))
            return invalid(name, list[i], e);
    return 0;
}

static int read_blackhole(struct fault_request *r, const json_t *body, struct err *e)
{
    static const struct number port = {"Port", "uint16", 0, 65535};
    const char *protocol, *traffic;
    int found = read_number(r, body, &port, &r->port, e);

    if (found < 0 || read_word(r, body, "Protocol", &protocol, e) < 0 ||
        read_word(r, body, "TrafficType", &traffic, e) < 0 ||
        read_list(r, body, "SourcesToFilter", r->filter, &r->n_filter, e) < 0)
        return -1;
    if (!found)
        return missing("Port", e);
    if (!*protocol)
        return missing("Protocol", e);
    if (!*traffic)
        return missing("TrafficType", e);
    r->udp = str_eq(protocol, "udp");
    if (!r->udp && !str_eq(protocol, "tcp"))
        return invalid("Protocol", protocol, e);
    r->egress = str_eq(traffic, "egress");
    if (!r->egress && !str_eq(traffic, "ingress"))
        return invalid("TrafficType", traffic, e);
    return check_list(r->filter, r->n_filter, "SourcesToFilter", e);
}

static int check_flows(const struct fault_request *r, const json_t *body, struct err *e)
{
    char text[24];

    if (check_list(r->sources, r->n_sources, "Sources", e) < 0 ||
        check_list(r->filter, r->n_filter, "SourcesToFilter", e) < 0)
        return -1;
    snprintf(text, sizeof(text), "%lld", (long long)r->flows_percent);
    if (member(body, "FlowsPercent") && (r->flows_percent <= 0 || r->flows_percent > 100))
        return invalid("flowsPercent", text, e);
    return 0;
}

static int read_traffic(struct fault_request *r, const json_t *body, struct err *e)
{
    static const struct number flows = {"FlowsPercent", "int", INT64_MIN, INT64_MAX};

    r->flows_percent = 100;
    if (read_number(r, body, &flows, &r->flows_percent, e) < 0 ||
        read_list(r, body, "Sources", r->sources, &r->n_sources, e) < 0)
        return -1;
    return read_list(r, body, "SourcesToFilter", r->filter, &r->n_filter, e);
}

static int read_latency(struct fault_request *r, const json_t *body, struct err *e)
{
    static const struct number delay = {"DelayMilliseconds", "uint64", 0, INT64_MAX};
    static const struct number jitter = {"JitterMilliseconds", "uint64", 0, INT64_MAX};
    int d = read_number(r, body, &delay, &r->delay_ms, e);
    int j = d < 0 ? -1 : read_number(r, body, &jitter, &r->jitter_ms, e);

    if (j < 0 || read_traffic(r, body, e) < 0)
        return -1;
    if (!d)
        return missing(delay.name, e);
    if (!j)
        return missing(jitter.name, e);
    if (!r->delay_ms && !r->jitter_ms)
        return err_set(e, ERR_USAGE,
                       "required either DelayMilliseconds or JitterMilliseconds to be non-zero");
    if (!r->n_sources)
        return missing("Sources", e);
    return check_flows(r, body, e);
}

static int read_loss(struct fault_request *r, const json_t *body, struct err *e)
{
    static const struct number loss = {"LossPercent", "uint64", 0, INT64_MAX};
    int found = read_number(r, body, &loss, &r->loss_percent, e);
    char text[24];

    if (found < 0 || read_traffic(r, body, e) < 0)
        return -1;
    if (!found)
        return missing(loss.name, e);
    snprintf(text, sizeof(text), "%lld", (long long)r->loss_percent);
    if (r->loss_percent < 1 || r->loss_percent > 100)
        return invalid(loss.name, text, e);
    if (!r->n_sources)
        return missing("Sources", e);
    return check_flows(r, body, e);
}

bool fault_request_has_body(const struct fault_request *r)
{
    return r->kind == FAULT_BLACKHOLE || r->action == FAULT_START;
}

/* A port through which a task reaches the agent stays open for that. */
static void spare_metadata(struct fault_request *r)
{
    if (!r->egress || r->port != METADATA_PORT || r->n_filter == FAULT_SOURCES_MAX)
        return;
    for (size_t i = 0; i < r->n_filter; i++)
        if (str_eq(r->filter[i], METADATA_IP))
            return;
    r->filter[r->n_filter++] = METADATA_IP;
}

int fault_request_read(struct fault_request *r, const json_t *body, struct err *e)
{
    if (!json_is_object(body) && !json_is_null(body))
        return err_set(e, ERR_PARSE, "json: cannot unmarshal %s into Go value of type types.%s",
                       json_type_name(body), structs[r->kind]);
    if (r->kind == FAULT_LATENCY)
        return read_latency(r, body, e);
    if (r->kind == FAULT_PACKET_LOSS)
        return read_loss(r, body, e);
    if (read_blackhole(r, body, e) < 0)
        return -1;
    spare_metadata(r);
    return 0;
}

/* ---- commands ---- */

static const char *protocol_of(const struct fault_request *r)
{
    return r->udp ? "udp" : "tcp";
}

static char *chain_of(const struct fault_request *r)
{
    return xasprintf("%s-%s-%lld", r->egress ? "egress" : "ingress", protocol_of(r),
                     (long long)r->port);
}

void fault_add_check(const struct fault_request *r, const char *interface, struct commands *c)
{
    _cleanup_free_ char *chain = chain_of(r);

    if (r->kind == FAULT_BLACKHOLE)
        commands_add(c, false, "iptables -w %d -C %s -p %s --dport %lld -j DROP", WAIT, chain,
                     protocol_of(r), (long long)r->port);
    else
        commands_add(c, false, "tc -j q show dev %s parent 100:1", interface);
}

int fault_read_tc(const char *output, bool *ret_latency, bool *ret_loss)
{
    _cleanup_json_ json_t *list = json_read(output, strlen(output), JSON_READ_PEER, NULL);
    bool netem = false, loss = false;
    const json_t *line;
    size_t i;

    if (!json_is_array(list))
        return -1;
    json_array_foreach (list, i, line) {
        const json_t *options = json_object_get(line, "options");

        if (!str_eq(json_str(line, "kind"), "netem") || !options)
            continue;
        netem = true;
        loss |= json_object_get(options, "loss-random") != NULL;
    }
    *ret_loss = loss;
    *ret_latency = netem && !loss;
    return 0;
}

/* Of iptables (v6 false) or ip6tables. A host without IPv6 has no second table: that may fail. */
static void add_blackhole(const struct fault_request *r, bool v6, const char *chain,
                          struct commands *c)
{
    const char *tool = v6 ? "ip6tables" : "iptables", *table = r->egress ? "OUTPUT" : "INPUT";
    long long port = (long long)r->port;

    if (r->action == FAULT_STOP) {
        commands_add(c, v6, "%s -w %d -F %s", tool, WAIT, chain);
        commands_add(c, v6, "%s -w %d -D %s -j %s", tool, WAIT, table, chain);
        commands_add(c, v6, "%s -w %d -X %s", tool, WAIT, chain);
        return;
    }
    commands_add(c, v6, "%s -w %d -N %s", tool, WAIT, chain);
    for (size_t i = 0; i < r->n_filter; i++)
        if ((strchr(r->filter[i], ':') != NULL) == v6)
            commands_add(c, v6, "%s -w %d -A %s -p %s -d %s --dport %lld -j ACCEPT", tool, WAIT,
                         chain, protocol_of(r), r->filter[i], port);
    commands_add(c, v6, "%s -w %d -A %s -p %s -d %s --dport %lld -j DROP", tool, WAIT, chain,
                 protocol_of(r), v6 ? "::/0" : "0.0.0.0/0", port);
    commands_add(c, v6, "%s -w %d -I %s -j %s", tool, WAIT, table, chain);
}

/* Three layers of ten bands: a hundred, over which flows are spread. */
static void add_bands(const char *interface, struct commands *c)
{
    commands_add(c, false, "tc qdisc add dev %s root handle 1: prio " PRIOMAP, interface);
    commands_add(c, false, "tc qdisc add dev %s parent 1:1 handle 10: prio bands 10 " PRIOMAP,
                 interface);
    for (int i = 0; i < LAYER_BANDS; i++)
        commands_add(c, false, "tc qdisc add dev %s parent 10:%x handle %d: prio bands 10 " PRIOMAP,
                     interface, i + 1, 100 + i);
}

static void add_filters(const char *interface, const char *const *list, size_t n, int prio,
                        const char *flow, struct commands *c)
{
    for (size_t i = 0; i < n; i++)
        commands_add(c, false,
                     "tc filter add dev %s protocol all parent 1:0 prio %d u32 match %s dst %s "
                     "flowid %s",
                     interface, prio, strchr(list[i], ':') ? "ip6" : "ip", list[i], flow);
}

static void add_traffic(const struct fault_request *r, const char *interface, struct commands *c)
{
    _cleanup_free_ char *netem =
        r->kind == FAULT_LATENCY
            ? xasprintf("delay %lldms %lldms", (long long)r->delay_ms, (long long)r->jitter_ms)
            : xasprintf("loss %lld%%", (long long)r->loss_percent);

    if (r->action == FAULT_STOP) {
        commands_add(c, false, "tc qdisc del dev %s parent 1:1 handle 10:", interface);
        commands_add(c, false, "tc qdisc del dev %s root handle 1: prio", interface);
        return;
    }
    add_bands(interface, c);
    for (int i = 0; i < (int)r->flows_percent; i++)
        commands_add(c, false, "tc qdisc add dev %s parent %d:%x handle %d: netem %s", interface,
                     100 + i / LAYER_BANDS, i % LAYER_BANDS + 1, 200 + i, netem);
    add_filters(interface, r->filter, r->n_filter, 1, "1:3", c);
    add_filters(interface, r->sources, r->n_sources, 2, "1:1", c);
    for (int i = -1; i < LAYER_BANDS; i++)
        commands_add(c, false,
                     "tc filter add dev %s protocol all parent %d: handle %d prio 2 flow hash keys "
                     "src,dst,proto,proto-src,proto-dst divisor 10 baseclass %d:1",
                     interface, i < 0 ? 10 : 100 + i, i < 0 ? 1 : i + 1, i < 0 ? 10 : 100 + i);
}

void fault_add_commands(const struct fault_request *r, const char *interface, struct commands *c)
{
    _cleanup_free_ char *chain = chain_of(r);

    if (r->kind != FAULT_BLACKHOLE) {
        add_traffic(r, interface, c);
        return;
    }
    add_blackhole(r, false, chain, c);
    add_blackhole(r, true, chain, c);
}
