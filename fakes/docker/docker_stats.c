/*
 * Statistics. Like dockerd's, one collector makes a round each second for all
 * streams, as long as there are any; a stream that comes when none was there
 * gets its first sample at once. The shape is that of cgroup v1.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"

#define ROUND_NS       NS_PER_S
#define PROCESSORS     2
#define HOST_MEMORY    8589934592LL
#define NO_LIMIT       9223372036854771712LL
#define SYSTEM_AT_BOOT (2000 * NS_PER_S)
/* What a container has used by the time it was started. */
#define CPU_AT_START (25 * NS_PER_MS)
#define RX_AT_START  376
#define RX_PER_S     70

struct sample {
    int64_t read; /* wall; 0: none */
    int64_t cpu, system, periods;
    bool whole; /* of a running container */
};

struct stat_stream {
    struct list link;
    struct exchange *x;
    struct container *c;
    bool once, primed;
    struct sample last;
};

static int64_t run_time(const struct container *c)
{
    const struct clock *clock = docker_clock(c->d);
    int64_t until = c->state == CONTAINER_PAUSED ? c->paused_at : clock_mono(clock);

    return until - c->mono_started - c->paused_for;
}

int64_t container_cpu(const struct container *c)
{
    if (!container_alive(c))
        return c->cpu_used;
    return c->cpu_used + CPU_AT_START + run_time(c) / 1000 * c->b->cpu;
}

static struct sample take(const struct container *c)
{
    const struct clock *clock = docker_clock(c->d);
    int64_t system = SYSTEM_AT_BOOT + clock_mono(clock) * PROCESSORS;

    if (!container_alive(c))
        return (struct sample){0};
    return (struct sample){.read = clock_wall(clock),
                           .cpu = container_cpu(c) - c->cpu_used,
                           .system = system - system % (10 * NS_PER_MS),
                           .periods = run_time(c) / (100 * NS_PER_MS),
                           .whole = true};
}

static void add_cpu(struct buf *b, const struct container *c, const struct sample *s)
{
    if (!s->whole) {
        buf_adds(b, "{\"cpu_usage\":{\"total_usage\":0,\"usage_in_kernelmode\":0,"
                    "\"usage_in_usermode\":0},\"throttling_data\":{\"periods\":0,"
                    "\"throttled_periods\":0,\"throttled_time\":0}}");
        return;
    }
    buf_addf(b, "{\"cpu_usage\":{\"total_usage\":%lld", (long long)s->cpu);
    if (!c->d->cgroup2)
        buf_addf(b, ",\"percpu_usage\":[%lld,%lld]", (long long)(s->cpu / 2),
                 (long long)(s->cpu - s->cpu / 2));
    buf_addf(b,
             ",\"usage_in_kernelmode\":%lld,\"usage_in_usermode\":%lld},\"system_cpu_usage\":%lld,"
             "\"online_cpus\":%d,\"throttling_data\":{\"periods\":%lld,\"throttled_periods\":0,"
             "\"throttled_time\":0}}",
             (long long)(s->cpu / 4 / 10000000 * 10000000),
             (long long)(s->cpu / 2 / 10000000 * 10000000), (long long)s->system, PROCESSORS,
             (long long)(c->memory_limit && c->cpu_shares ? s->periods : 0));
}

/* cgroups v2 count other things, and under other names. From the kernel's memory.stat as containerd
 * passes it on; no engine was recorded. */
static void add_memory2(struct buf *b, const struct container *c, int64_t seconds)
{
    static const char *const zero[] = {"pglazyfree", "pglazyfreed", "pgmajfault", "pgrefill",
                                       "pgscan",     "pgsteal",     "shmem"};
    static const char *const zero_too[] = {"sock",
                                           "thp_collapse_alloc",
                                           "thp_fault_alloc",
                                           "unevictable",
                                           "workingset_activate",
                                           "workingset_nodereclaim",
                                           "workingset_refault"};
    int64_t used = c->b->memory, limit = c->memory_limit ? c->memory_limit : HOST_MEMORY;
    int64_t file, anon;

    used = used < limit ? used : limit;
    file = used / 8 / 4096 * 4096;
    file = file < limit - used ? file : limit - used;
    anon = used / 4096 * 4096;
    buf_addf(
        b,
        "{\"usage\":%lld,\"stats\":{\"active_anon\":4096,\"active_file\":0,\"anon\":%lld,"
        "\"anon_thp\":0,\"file\":%lld,\"file_dirty\":0,\"file_mapped\":0,\"file_writeback\":0,"
        "\"inactive_anon\":%lld,\"inactive_file\":%lld,\"kernel_stack\":16384,\"pgactivate\":1,"
        "\"pgdeactivate\":0,\"pgfault\":%lld",
        (long long)(used + file), (long long)anon, (long long)file, (long long)anon,
        (long long)file, (long long)(1000 + 5 * seconds));
    for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
        buf_addf(b, ",\"%s\":0", zero[i]);
    buf_adds(b, ",\"slab\":65536,\"slab_reclaimable\":32768,\"slab_unreclaimable\":32768");
    for (size_t i = 0; i < ARRAY_SIZE(zero_too); i++)
        buf_addf(b, ",\"%s\":0", zero_too[i]);
    buf_addf(b, "},\"limit\":%lld}", (long long)limit);
}

/* The image's `memory` is what clients show: usage without the page cache. All of the cache is
 * inactive, so that agents that subtract "cache" (cgroup v1), those that subtract "inactive_file"
 * (cgroup v2) and the CLI, which subtracts "total_inactive_file", come to the same. */
static void add_memory(struct buf *b, const struct container *c, int64_t seconds)
{
    int64_t used = c->b->memory, limit = c->memory_limit ? c->memory_limit : NO_LIMIT;
    int64_t swap = c->memory_swap > 0 ? c->memory_swap : NO_LIMIT;
    int64_t cache, rss, usage;
    static const char *const prefixes[] = {"", "total_"};

    if (used > limit)
        used = limit;
    cache = used / 8 / 4096 * 4096;
    if (cache > limit - used)
        cache = limit - used;
    usage = used + cache;
    rss = used / 4096 * 4096;
    buf_addf(b, "{\"usage\":%lld,\"max_usage\":%lld,\"stats\":{", (long long)usage,
             (long long)(usage + usage / 8));
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        const char *p = prefixes[i];

        buf_addf(b, "\"%sactive_anon\":4096,\"%sactive_file\":0,\"%scache\":%lld,\"%sdirty\":0,", p,
                 p, p, (long long)cache, p);
        if (!i)
            buf_addf(b, "\"hierarchical_memory_limit\":%lld,\"hierarchical_memsw_limit\":%lld,",
                     (long long)limit, (long long)swap);
        buf_addf(b,
                 "\"%sinactive_anon\":%lld,\"%sinactive_file\":%lld,\"%smapped_file\":0,"
                 "\"%spgfault\":%lld,\"%spgmajfault\":0,\"%spgpgin\":%lld,\"%spgpgout\":%lld,"
                 "\"%srss\":%lld,\"%srss_huge\":0,",
                 p, (long long)rss, p, (long long)cache, p, p, (long long)(1000 + 5 * seconds), p,
                 p, (long long)(800 + 4 * seconds), p, (long long)(790 + 4 * seconds), p,
                 (long long)rss, p);
        if (i)
            buf_adds(b, "\"total_unevictable\":0,\"total_writeback\":0,\"unevictable\":0,"
                        "\"writeback\":0");
    }
    buf_addf(b, "},\"limit\":%lld}", (long long)(c->memory_limit ? limit : HOST_MEMORY));
}

static void add_interface(struct buf *b, int64_t seconds)
{
    int64_t rx = RX_AT_START + RX_PER_S * seconds;

    buf_addf(b,
             "{\"rx_bytes\":%lld,\"rx_packets\":%lld,\"rx_errors\":0,\"rx_dropped\":0,"
             "\"tx_bytes\":%lld,\"tx_packets\":%lld,\"tx_errors\":0,\"tx_dropped\":0}",
             (long long)rx, (long long)(4 + seconds), (long long)(rx / 2),
             (long long)(seconds / 2));
}

static void add_blkio(struct buf *b, const struct sample *s, bool cgroup2)
{
    static const char *const names[] = {
        "io_service_bytes_recursive", "io_serviced_recursive",  "io_queue_recursive",
        "io_service_time_recursive",  "io_wait_time_recursive", "io_merged_recursive",
        "io_time_recursive",          "sectors_recursive",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        buf_addf(b, "%s\"%s\":%s", i ? "," : "", names[i], s->whole && !cgroup2 ? "[]" : "null");
}

static void add_sample(struct buf *b, struct stat_stream *t, const struct sample *s)
{
    const struct container *c = t->c;
    int64_t seconds = s->whole ? run_time(c) / NS_PER_S : 0;
    int version = call_version(t->x);

    buf_adds(b, "{\"read\":\"");
    add_time(b, s->read);
    buf_adds(b, "\",\"preread\":\"");
    add_time(b, s->whole ? t->last.read : 0);
    buf_addf(b, "\",\"pids_stats\":{%s", s->whole ? "\"current\":1" : "");
    if (s->whole && c->pids_limit > 0)
        buf_addf(b, ",\"limit\":%lld", (long long)c->pids_limit);
    else if (s->whole && c->d->cgroup2)
        buf_adds(b, ",\"limit\":18446744073709551615");
    buf_adds(b, "},\"blkio_stats\":{");
    add_blkio(b, s, c->d->cgroup2);
    buf_adds(b, "},\"num_procs\":0,\"storage_stats\":{},\"cpu_stats\":");
    add_cpu(b, c, s);
    buf_adds(b, ",\"precpu_stats\":");
    add_cpu(b, c, s->whole ? &t->last : s);
    buf_adds(b, ",\"memory_stats\":");
    if (s->whole)
        (c->d->cgroup2 ? add_memory2 : add_memory)(b, c, seconds);
    else
        buf_adds(b, "{}");
    if (version >= API(21) || (t->once && !s->whole)) {
        /* engine 26 forgets them where there is nothing to compare with */
        if (!t->once || !s->whole || t->last.whole || !docker_modern(c->d))
            buf_addf(b, ",\"name\":\"/%s\",\"id\":\"%s\"", c->name, c->id);
        if (s->whole && container_address(c)) {
            buf_adds(b, ",\"networks\":{");
            for (size_t i = 0; i < c->n_endpoints; i++) {
                buf_addf(b, "%s\"eth%zu\":", i ? "," : "", i);
                add_interface(b, seconds);
            }
            buf_addc(b, '}');
        }
    } else {
        buf_adds(b, ",\"network\":");
        add_interface(b, seconds);
    }
    buf_addc(b, '}');
}

static void stat_stream_free(struct stat_stream *t)
{
    list_del(&t->link);
    free(t);
}

static void stat_stream_gone(struct exchange *x)
{
    stat_stream_free(x->data);
}

/* One sample for one stream; a call for one sample ends with it. */
static void feed(struct stat_stream *t)
{
    struct sample s = take(t->c);
    struct buf b = BUF_INIT(1 << 20);
    struct exchange *x = t->x;

    if (t->once && !t->primed) {
        t->primed = true;
        t->last = s;
        return;
    }
    add_sample(&b, t, &s);
    t->last = s;
    if (t->once) {
        x->on_gone = NULL;
        stat_stream_free(t);
        docker_answer(x, 200, &b);
        return;
    }
    buf_addc(&b, '\n');
    exchange_write(x, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

static void on_round(struct clock_timer *timer)
{
    struct docker *d = container_of(timer, struct docker, collector);
    struct list *pos, *tmp;

    d->collected = clock_mono(docker_clock(d));
    list_for_each_safe (pos, tmp, &d->stat_streams)
        feed(container_of(pos, struct stat_stream, link));
    if (!list_empty(&d->stat_streams))
        clock_timer_start(docker_clock(d), timer, ROUND_NS, on_round);
}

void stat_streams_end(struct container *c)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &c->d->stat_streams) {
        struct stat_stream *t = container_of(pos, struct stat_stream, link);
        struct exchange *x = t->x;
        bool once = t->once;

        if (t->c != c)
            continue;
        x->on_gone = NULL;
        stat_stream_free(t);
        if (once)
            docker_refuse_text(x, 404, "No such container: %s", c->id);
        else
            exchange_end(x);
    }
}

void get_container_stats(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct clock *clock = docker_clock(d);
    char *name = docker_param(x, "name"), *stream = exchange_param(x, "stream");
    bool once = stream && !exchange_param_bool(x, "stream");
    struct problem p = {0};
    struct container *c = container_find(d, name, &p);
    struct stat_stream *t;
    int64_t wait;

    free(name);
    free(stream);
    if (!c) {
        docker_refuse(x, &p);
        return;
    }
    t = new0(struct stat_stream);
    t->x = x;
    t->c = c;
    t->once = once;
    t->primed = call_version(x) >= API(41) && exchange_param_bool(x, "one-shot");
    list_init(&t->link);
    if (once && (!container_running(c) || c->state == CONTAINER_RESTARTING)) {
        struct buf b = BUF_INIT(1 << 20);

        add_sample(&b, t, &(struct sample){0});
        free(t);
        docker_answer(x, 200, &b);
        return;
    }
    x->data = t;
    x->on_gone = stat_stream_gone;
    list_add_tail(&d->stat_streams, &t->link);
    if (!once)
        docker_begin(x, NULL);
    if (clock_timer_armed(&d->collector))
        return;
    wait = d->collected < 0 ? 0 : d->collected + ROUND_NS - clock_mono(clock);
    clock_timer_start(clock, &d->collector, wait, on_round);
}
