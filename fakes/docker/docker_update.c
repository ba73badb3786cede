/* POST /containers/{name}/update: limits and the restart policy of a container that is there;
 * see container.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/create.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/schema.h"

/* What of HostConfig can be changed; what is 0 or empty stays as it was. */
static const char *const changeable[] = {
    "CpuShares",          "Memory",       "NanoCpus",          "CgroupParent", "BlkioWeight",
    "CpuPeriod",          "CpuQuota",     "CpuRealtimePeriod", "CpusetCpus",   "CpusetMems",
    "CpuRealtimeRuntime", "KernelMemory", "MemoryReservation", "MemorySwap",   "PidsLimit",
};

static bool is_set(const json_t *v)
{
    return v && !json_is_null(v) && !(json_is_integer(v) && !json_integer_value(v)) &&
           !(json_is_string(v) && !json_string_length(v));
}

static json_t *host_config(const struct container *c)
{
    return json_read(c->host_config, strlen(c->host_config), JSON_READ_PEER, NULL);
}

/* Limits that are there already may forbid one that is fine by itself. */
static int conflicts(const struct container *c, const json_t *change, struct problem *p)
{
    int64_t memory = json_int(change, "Memory", 0), swap = json_int(change, "MemorySwap", 0);
    const char *policy = json_str(json_object_get(change, "RestartPolicy"), "Name");

    if (policy && *policy && !str_eq(policy, "no") && c->auto_remove)
        return problem(
            p, 409, "%s policy cannot be updated because AutoRemove is enabled for the container",
            docker_modern(c->d) ? "restart" : "Restart");
    if (memory > 0 && !swap && c->memory_swap > 0 && memory > c->memory_swap)
        return problem(
            p, 409,
            "Memory limit should be smaller than already set memoryswap limit, update the "
            "memoryswap at the same time");
    return 0;
}

static void apply(struct container *c, const json_t *change)
{
    json_t *host = host_config(c), *policy = json_object_get(change, "RestartPolicy");

    for (size_t i = 0; i < ARRAY_SIZE(changeable); i++) {
        json_t *v = json_object_get(change, changeable[i]);

        if (is_set(v))
            json_object_set(host, changeable[i], v);
    }
    if (json_str(policy, "Name") && *json_str(policy, "Name"))
        json_object_set(host, "RestartPolicy", policy);
    container_set_host_config(c, host);
    container_limits(c, host);
    json_decref(host);
}

void post_container_update(struct fake *f, struct exchange *x)
{
    struct create r = {.d = (struct docker *)f, .x = x};
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct container *c = NULL;
    struct problem p = {0};
    char why[GOJSON_TEXT_MAX], *name = docker_param(x, "name");

    r.body = (docker_modern(r.d) ? docker_body_strict : docker_body)(x, &p);
    if (r.body) {
        r.config = json_object();
        r.host = schema_read(host_config_schema(), r.body, "UpdateConfig", why);
        if (!r.host)
            problem(&p, docker_modern(r.d) ? 400 : 500, "%s", why);
    }
    if (r.host && create_settings_wrong(&r, &p) == 0)
        c = container_find(r.d, name, &p);
    if (c && conflicts(c, r.host, &p) == 0) {
        apply(c, r.host);
        container_event(c, "update", NULL, NULL);
        buf_adds(&b, "{\"Warnings\":null}");
        docker_answer(x, 200, &b);
    } else {
        docker_refuse(x, &p);
    }
    json_decref(r.body);
    json_decref(r.config);
    json_decref(r.host);
    free(name);
}
