#include "agent/gpu.h"
#include "agent/host.h"

#include <math.h>

#include "base/mem.h"
#include "base/str.h"

#define CPU_UNITS 1024
#define MIB       (1024 * 1024)

void host_init(struct host *h, int64_t cpu, int64_t memory)
{
    *h = (struct host){.cpu = cpu, .memory = memory, .gpus = json_object()};
}

void host_release(struct host *h)
{
    json_decref(h->gpus);
    h->gpus = NULL;
}

/* MiB of hostConfig.MemoryReservation, which is a text within the payload; 0: none. */
static int64_t reservation(const struct container *c)
{
    const char *text = json_str(json_object_get(c->spec, "dockerConfig"), "hostConfig");
    _cleanup_json_ json_t *config =
        text ? json_read(text, strlen(text), JSON_READ_PEER, NULL) : NULL;
    int64_t bytes = json_int(config, "MemoryReservation", 0);

    return bytes > 0 ? bytes / MIB : 0;
}

static int64_t memory_of(const struct task *t)
{
    int64_t sum = 0;

    if (t->memory > 0)
        return t->memory;
    for (size_t i = 0; i < t->n_containers; i++) {
        int64_t reserved = reservation(&t->containers[i]);

        sum += reserved ? reserved : json_int(t->containers[i].spec, "memory", 0);
    }
    return sum;
}

static int64_t cpu_of(const struct task *t)
{
    int64_t sum = 0;

    if (t->cpu > 0)
        return llround(t->cpu * CPU_UNITS);
    for (size_t i = 0; i < t->n_containers; i++)
        sum += json_int(t->containers[i].spec, "cpu", 0);
    return sum;
}

static bool port_used(const struct host *h, int port, bool udp)
{
    return h->ports[udp][port / 8] & (1u << (port % 8));
}

static void set_port(struct host *h, int port, bool udp, bool used)
{
    unsigned char bit = (unsigned char)(1u << (port % 8));

    if (used)
        h->ports[udp][port / 8] |= bit;
    else
        h->ports[udp][port / 8] &= (unsigned char)~bit;
}

/* The host port that this row fixes; 0: none. */
static int fixed_port(const struct task *t, const struct container_port *p)
{
    bool own = str_eq(t->network_mode, "awsvpc");

    return own || p->chosen || p->range || p->host_port >= 65536 ? 0 : p->host_port;
}

/* fn for each; false when it ended early. */
static bool each_port(struct host *h, const struct task *t,
                      bool (*fn)(struct host *h, int port, bool udp))
{
    for (size_t i = 0; i < t->n_containers; i++) {
        const struct container *c = &t->containers[i];

        for (size_t k = 0; k < c->n_ports; k++) {
            int port = fixed_port(t, &c->ports[k]);

            if (port > 0 && !fn(h, port, c->ports[k].udp))
                return false;
        }
    }
    return true;
}

static bool is_free(struct host *h, int port, bool udp)
{
    return !port_used(h, port, udp);
}

static bool use(struct host *h, int port, bool udp)
{
    set_port(h, port, udp, true);
    return true;
}

static bool unuse(struct host *h, int port, bool udp)
{
    set_port(h, port, udp, false);
    return true;
}

static bool gpus_free(const struct host *h, const struct task *t)
{
    _cleanup_json_ json_t *ids = gpu_of_task(t);
    json_t *id;
    size_t i;

    json_array_foreach (ids, i, id)
        if (json_int(h->gpus, json_string_value(id), 0) > 0)
            return false;
    return true;
}

static void count_gpus(struct host *h, const struct task *t, int by)
{
    _cleanup_json_ json_t *ids = gpu_of_task(t);
    json_t *id;
    size_t i;

    json_array_foreach (ids, i, id)
        json_put_int(h->gpus, json_string_value(id),
                     json_int(h->gpus, json_string_value(id), 0) + by);
}

const char *host_take(struct host *h, const struct task *t)
{
    if (h->cpu_used + cpu_of(t) > h->cpu)
        return "CPU";
    if (h->memory_used + memory_of(t) > h->memory)
        return "MEMORY";
    if (!each_port(h, t, is_free))
        return "PORTS";
    if (!gpus_free(h, t))
        return "GPU";
    host_hold(h, t);
    return NULL;
}

void host_hold(struct host *h, const struct task *t)
{
    h->cpu_used += cpu_of(t);
    h->memory_used += memory_of(t);
    each_port(h, t, use);
    count_gpus(h, t, 1);
}

void host_give_back(struct host *h, const struct task *t)
{
    h->cpu_used -= cpu_of(t);
    h->memory_used -= memory_of(t);
    each_port(h, t, unuse);
    count_gpus(h, t, -1);
}
