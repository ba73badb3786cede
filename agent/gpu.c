#include "agent/gpu.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define INFO_MAX (1u << 20)
#define VISIBLE  "NVIDIA_VISIBLE_DEVICES"

/* ---- of the instance ---- */

static int take_ids(struct gpus *g, const json_t *list, struct err *e)
{
    json_t *v;
    size_t i;

    if (!list || json_is_null(list))
        return 0;
    if (!json_is_array(list) || json_array_size(list) > GPUS_MAX)
        return err_set(e, ERR_PARSE, "\"GPUIDs\" is no list of at most %d", GPUS_MAX);
    json_array_foreach ((json_t *)(uintptr_t)list, i, v)
        if (!json_is_string(v))
            return err_set(e, ERR_PARSE, "\"GPUIDs\" is no list of strings");
    g->ids = json_deep_copy(list);
    return 0;
}

int gpus_read(struct gpus *g, const char *path, struct err *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(INFO_MAX);
    _cleanup_json_ json_t *o = NULL;
    const char *driver;

    *g = (struct gpus){0};
    if (access(path, F_OK) < 0) {
        err_set(e, ERR_NOT_FOUND, "%s is not there", path);
        return 0;
    }
    if (io_read_file(path, &b, e) < 0)
        return -1;
    o = json_read(buf_str(&b), buf_len(&b), JSON_READ_PEER, e);
    if (!o)
        return err_wrap(e, "%s", path);
    if (take_ids(g, json_object_get(o, "GPUIDs"), e) < 0)
        return err_wrap(e, "%s", path);
    driver = json_str(o, "DriverVersion");
    g->driver = driver && *driver ? xstrdup(driver) : NULL;
    return 0;
}

void gpus_release(struct gpus *g)
{
    free(g->driver);
    json_decref(g->ids);
    *g = (struct gpus){0};
}

json_t *gpus_devices(const struct gpus *g)
{
    json_t *list, *v;
    size_t i;

    if (!json_array_size(g->ids))
        return NULL;
    list = json_array();
    json_array_foreach (g->ids, i, v)
        json_array_append_new(list, json_pack("{s:O,s:s}", "id", v, "type", "GPU"));
    return list;
}

/* ---- of a task ---- */

static bool is_gpu(const json_t *association)
{
    return str_eq(json_str(association, "type"), "gpu");
}

static json_t *associations(const struct task *t)
{
    return json_object_get(t->spec, "associations");
}

int gpu_check(const struct task *t, struct err *e)
{
    json_t *v;
    size_t i;

    json_array_foreach (associations(t), i, v) {
        const json_t *list = json_object_get(v, "containers");
        const char *name = json_string_value(json_array_get(list, 0));

        if (!is_gpu(v))
            continue;
        if (json_array_size(list) != 1)
            return err_set(e, ERR_USAGE, "could not associate multiple containers to GPU %.100s",
                           json_str(v, "name"));
        if (!name || !task_container(t, name))
            return err_set(e, ERR_USAGE,
                           "could not find container with name %.100s for associating GPU %.100s",
                           name ? name : "", json_str(v, "name"));
    }
    return 0;
}

static json_t *ids_of(const struct container *c)
{
    json_t *ids = json_array(), *v;
    size_t i;

    json_array_foreach (associations(c->task), i, v) {
        const char *name = json_string_value(json_array_get(json_object_get(v, "containers"), 0));

        if (is_gpu(v) && str_eq(name, c->name) && json_str(v, "name"))
            json_array_append_new(ids, json_string(json_str(v, "name")));
    }
    return ids;
}

char *gpu_visible(const struct container *c)
{
    _cleanup_json_ json_t *ids = ids_of(c);
    _cleanup_buf_ struct buf b = BUF_INIT(64u << 10);
    json_t *v;
    size_t i;

    json_array_foreach (ids, i, v)
        buf_addf(&b, "%s%s", i ? "," : "", json_string_value(v));
    return i ? xstrdup(buf_str(&b)) : NULL;
}

json_t *gpu_of_task(const struct task *t)
{
    json_t *ids = json_array(), *v;
    size_t i;

    json_array_foreach (associations(t), i, v)
        if (is_gpu(v) && json_str(v, "name"))
            json_array_append_new(ids, json_string(json_str(v, "name")));
    return ids;
}

static bool has_any(const struct task *t)
{
    json_t *v;
    size_t i;

    json_array_foreach (associations(t), i, v)
        if (is_gpu(v))
            return true;
    return false;
}

void gpu_put(const struct container *c, const struct config *config, const json_t *vars,
             json_t *host)
{
    _cleanup_json_ json_t *ids = ids_of(c);

    if (!config->gpu_support.on || !has_any(c->task))
        return;
    if (!config->external.on && json_object_get(vars, VISIBLE))
        json_put_str(host, "Runtime", config->nvidia_runtime);
    if (config->external.on && json_array_size(ids))
        json_put(host, "DeviceRequests",
                 json_pack("[{s:s,s:i,s:O,s:[[s]],s:n}]", "Driver", "", "Count", 0, "DeviceIDs",
                           ids, "Capabilities", "gpu", "Options"));
}
