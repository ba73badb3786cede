#include "agent/stats_set.h"
#include "base/mem.h"
#include "base/str.h"

#define MIB (1024 * 1024)

static const char *const network_members[STATS_NETWORK_MAX][2] = {
    /* Docker's name, TCS's name */
    [STATS_RX_BYTES] = {"rx_bytes", "rxBytes"},    [STATS_RX_DROPPED] = {"rx_dropped", "rxDropped"},
    [STATS_RX_ERRORS] = {"rx_errors", "rxErrors"}, [STATS_RX_PACKETS] = {"rx_packets", "rxPackets"},
    [STATS_TX_BYTES] = {"tx_bytes", "txBytes"},    [STATS_TX_DROPPED] = {"tx_dropped", "txDropped"},
    [STATS_TX_ERRORS] = {"tx_errors", "txErrors"}, [STATS_TX_PACKETS] = {"tx_packets", "txPackets"},
};

/* ---- adding ---- */

static void add_real(struct stats_real *r, double v)
{
    if (r->n == 0 || v < r->min)
        r->min = v;
    if (r->n == 0 || v > r->max)
        r->max = v;
    r->sum += v;
    r->n++;
}

static void add_count(struct stats_count *r, uint64_t v)
{
    if (r->n == 0 || v < r->min)
        r->min = v;
    if (r->n == 0 || v > r->max)
        r->max = v;
    if (__builtin_add_overflow(r->sum, v, &r->sum))
        r->sum = UINT64_MAX;
    r->n++;
}

/* A counter of Docker: a whole number that is not negative, also when written as 1e+06. */
static uint64_t count_of(const json_t *o, const char *member)
{
    int64_t v = json_int(o, member, 0);

    return v > 0 ? (uint64_t)v : 0;
}

/* Only on a host with cgroup v1 do the engine's statistics have "cache". There inactive_file is in
 * them too, and is a part of it. */
static uint64_t memory_of(const json_t *memory)
{
    uint64_t usage = count_of(memory, "usage");
    const json_t *stats = json_object_get(memory, "stats");
    const char *member = json_object_get(stats, "cache") ? "cache" : "inactive_file";
    uint64_t cache = count_of(stats, member);

    return cache < usage ? usage - cache : usage;
}

static void storage_of(const json_t *v, uint64_t *read, uint64_t *written)
{
    const json_t *entry;
    size_t i;

    json_array_foreach (json_at(v, "blkio_stats.io_service_bytes_recursive"), i, entry) {
        const char *op = json_str(entry, "op");

        if (op && strcasecmp(op, "read") == 0)
            *read += count_of(entry, "value");
        else if (op && strcasecmp(op, "write") == 0)
            *written += count_of(entry, "value");
    }
}

static void network_of(const json_t *v, uint64_t totals[STATS_NETWORK_MAX])
{
    json_t *networks = json_object_get(v, "networks"), *one;
    const char *name;

    json_object_foreach (networks, name, one)
        for (size_t i = 0; i < STATS_NETWORK_MAX; i++)
            totals[i] += count_of(one, network_members[i][0]);
}

static double rate(uint64_t now, uint64_t before, double ns)
{
    return now >= before ? (double)(now - before) / ns * 1e9 : 0;
}

/* What needs two samples. */
static void add_rates(struct stats_set *s, int64_t read, uint64_t cpu, uint64_t rx, uint64_t tx)
{
    double ns = (double)(read - s->last_read);

    if (ns > 0) {
        s->cpu_now = cpu >= s->last_cpu ? 100.0 * (double)(cpu - s->last_cpu) / ns : 0;
        s->rx_now = rate(rx, s->last_rx, ns);
        s->tx_now = rate(tx, s->last_tx, ns);
    } else if (s->seen < 2) {
        return;
    }
    add_real(&s->cpu, s->cpu_now);
    add_real(&s->rx_rate, s->rx_now);
    add_real(&s->tx_rate, s->tx_now);
}

bool stats_set_add(struct stats_set *s, const json_t *v, unsigned int processors)
{
    const json_t *usage = json_at(v, "cpu_stats.cpu_usage");
    const char *when = json_str(v, "read");
    uint64_t read_bytes = 0, written = 0, network[STATS_NETWORK_MAX] = {0}, cpu;
    int64_t read;

    if (!when || str_parse_time(when, &read) < 0 || read <= 0 ||
        !json_is_integer(json_object_get(usage, "total_usage")))
        return false;
    cpu = count_of(usage, "total_usage") / (processors ? processors : 1);
    storage_of(v, &read_bytes, &written);
    network_of(v, network);
    if (s->seen > 0)
        add_rates(s, read, cpu, network[STATS_RX_BYTES], network[STATS_TX_BYTES]);
    add_real(&s->memory, (double)(memory_of(json_object_get(v, "memory_stats")) / MIB));
    add_count(&s->read, read_bytes);
    add_count(&s->written, written);
    for (size_t i = 0; i < STATS_NETWORK_MAX; i++)
        add_count(&s->network[i], network[i]);
    s->last_read = read;
    s->last_cpu = cpu;
    s->last_rx = network[STATS_RX_BYTES];
    s->last_tx = network[STATS_TX_BYTES];
    s->seen++;
    return true;
}

/* ---- taking ---- */

static json_t *real_json(const struct stats_real *r)
{
    json_t *o = json_object();

    json_put(o, "min", json_real(r->min));
    json_put(o, "max", json_real(r->max));
    json_put_int(o, "sampleCount", r->n);
    json_put(o, "sum", json_real(r->sum));
    return o;
}

/* A number above int64 keeps the largest in member and the rest in overflow. */
static void put_long(json_t *o, const char *member, const char *overflow, uint64_t v)
{
    bool above = v > INT64_MAX;

    json_put_int(o, member, above ? INT64_MAX : (int64_t)v);
    json_put_int(o, overflow, above ? (int64_t)((v - INT64_MAX) % INT64_MAX) : 0);
}

static json_t *count_json(const struct stats_count *r)
{
    json_t *o = json_object();

    put_long(o, "min", "overflowMin", r->min);
    put_long(o, "max", "overflowMax", r->max);
    put_long(o, "sum", "overflowSum", r->sum);
    json_put_int(o, "sampleCount", r->n);
    return o;
}

static json_t *network_json(const struct stats_set *s)
{
    json_t *o = json_object();

    for (size_t i = 0; i < STATS_NETWORK_MAX; i++)
        json_put(o, network_members[i][1], count_json(&s->network[i]));
    json_put(o, "rxBytesPerSecond", real_json(&s->rx_rate));
    json_put(o, "txBytesPerSecond", real_json(&s->tx_rate));
    return o;
}

bool stats_set_take(struct stats_set *s, bool network, json_t *o)
{
    json_t *storage;

    if (s->seen < 2 || s->cpu.n == 0)
        return false;
    storage = json_object();
    json_put(storage, "readSizeBytes", count_json(&s->read));
    json_put(storage, "writeSizeBytes", count_json(&s->written));
    json_put(o, "cpuStatsSet", real_json(&s->cpu));
    json_put(o, "memoryStatsSet", real_json(&s->memory));
    if (network)
        json_put(o, "networkStatsSet", network_json(s));
    json_put(o, "storageStatsSet", storage);
    s->cpu = s->memory = s->rx_rate = s->tx_rate = (struct stats_real){0};
    s->read = s->written = (struct stats_count){0};
    for (size_t i = 0; i < STATS_NETWORK_MAX; i++)
        s->network[i] = (struct stats_count){0};
    return true;
}
