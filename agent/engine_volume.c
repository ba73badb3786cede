/*
 * Docker volumes of a task, there before any of its images is pulled.
 *
 * - A volume of the host without a path, once a container mounts it, and a
 *   Docker volume of scope "task": made by the agent, removed with the task.
 * - Shared and autoprovisioned: made when Docker does not have it, and kept.
 * - Shared only: has to be there.
 *
 * The name of a volume of the task's own ends in the task's id, not in chance
 * as the official agent's does: after a restart it is the same, and making it
 * again is no error to Docker. (task.go:initializeDockerVolumes, taskresource/volume)
 */
#include "agent/container_config.h"
#include "agent/engine_internal.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

struct volume_work {
    struct task *t;
    const json_t *spec; /* of the payload */
    char *name;         /* as Docker knows it */
    bool shared, provision;
    bool ready;
    struct docker_request *call;
};

/* ---- which there are ---- */

static bool is_mounted(const struct task *t, const char *name)
{
    const json_t *v;
    size_t i;

    for (size_t k = 0; k < t->n_containers; k++)
        json_array_foreach (json_object_get(t->containers[k].spec, "mountPoints"), i, v)
            if (str_eq(json_str(v, "sourceVolume"), name))
                return true;
    return false;
}

/* One that is no folder of the host. */
static bool is_dockers(const struct task *t, const json_t *spec)
{
    const char *path = json_str(json_object_get(spec, "host"), "sourcePath");

    if (json_is_object(json_object_get(spec, "dockerVolumeConfiguration")))
        return true;
    return (!path || !*path) && is_mounted(t, json_str(spec, "name"));
}

static void find_volumes(struct task *t)
{
    struct task_work *tw = t->work;
    const json_t *list = json_object_get(t->spec, "volumes"), *v;
    size_t i;

    tw->volumes = new0_array(struct volume_work, json_array_size(list) + 1);
    json_array_foreach (list, i, v) {
        const json_t *docker = json_object_get(v, "dockerVolumeConfiguration");
        const char *name = json_str(v, "name");

        if (!name || !is_dockers(t, v))
            continue;
        tw->volumes[tw->n_volumes++] = (struct volume_work){
            .t = t,
            .spec = v,
            .name = container_config_volume(t, v),
            .shared = str_eq(json_str(docker, "scope"), "shared"),
            .provision = json_bool(docker, "autoprovision", false),
        };
    }
}

void engine_free_volumes(struct task *t)
{
    for (size_t i = 0; i < t->work->n_volumes; i++) {
        docker_cancel(t->work->volumes[i].call);
        free(t->work->volumes[i].name);
    }
    free(t->work->volumes);
    t->work->volumes = NULL;
    t->work->n_volumes = 0;
}

/* ---- making them ---- */

static void fail(struct volume_work *v, const char *why)
{
    struct task *t = v->t;

    log_event(t->work->en->log, LOG_ERROR, "A volume of the task is not to be had", "task", t->arn,
              "volume", v->name, "error", why, NULL);
    task_set_reason(t, why);
    t->work->dirty |= task_set_desired(t, TASK_STOPPED, t->work->en->log);
}

static void on_made(const struct docker_result *r, void *user)
{
    struct volume_work *v = user;

    v->call = NULL;
    v->ready = r->ok;
    if (!r->ok)
        fail(v, r->timed_out ? "DockerTimeoutError: Could not transition to created; timed out"
                             : r->message);
    engine_progress(v->t);
}

static void make(struct volume_work *v)
{
    const json_t *docker = json_object_get(v->spec, "dockerVolumeConfiguration");
    const json_t *options = json_object_get(docker, "driverOpts");
    const json_t *labels = json_object_get(docker, "labels");
    const char *driver = json_str(docker, "driver");
    _cleanup_json_ json_t *body = json_object();

    json_put_str(body, "Name", v->name);
    json_put_str(body, "Driver", driver && *driver ? driver : "local");
    json_put(body, "DriverOpts", json_is_object(options) ? json_deep_copy(options) : json_object());
    json_put(body, "Labels", json_is_object(labels) ? json_deep_copy(labels) : json_object());
    v->call = docker_volume_create(v->t->work->en->docker, body, on_made, v);
}

static bool same(const json_t *have, const json_t *want)
{
    return json_object_size(have) == 0 && json_object_size(want) == 0
               ? true
               : json_equal((json_t *)(uintptr_t)have, (json_t *)(uintptr_t)want);
}

/* What of the volume that is there is another than the task says; NULL: nothing.
 * (task.go:addSharedVolumes) */
static const char *differs(const struct volume_work *v, const json_t *there)
{
    const json_t *docker = json_object_get(v->spec, "dockerVolumeConfiguration");

    if (!v->provision || !v->t->work->en->config->match_volumes.on)
        return NULL;
    if (!same(json_object_get(there, "Labels"), json_object_get(docker, "labels")))
        return "labels";
    if (!same(json_object_get(there, "Options"), json_object_get(docker, "driverOpts")))
        return "options";
    return NULL;
}

static void on_looked(const struct docker_result *r, void *user)
{
    struct volume_work *v = user;
    _cleanup_free_ char *why = NULL;
    const char *other = r->ok ? differs(v, r->json) : NULL;

    v->call = NULL;
    v->ready = r->ok && !other;
    if (other) {
        why = xasprintf("initialize volume: non-autoprovisioned volume does not match existing "
                        "volume %s: '%s'",
                        other, v->name);
        fail(v, why);
        engine_progress(v->t);
        return;
    }
    if (!r->ok && v->provision && !r->timed_out) {
        make(v);
        return;
    }
    if (!r->ok) {
        why = xasprintf("Volume detection failed, volume '%s' does not exist and autoprovision is "
                        "set to false: %s",
                        v->name, r->timed_out ? "no answer in time" : r->message);
        fail(v, why);
    }
    engine_progress(v->t);
}

bool engine_volumes_ready(struct task *t)
{
    struct task_work *tw = t->work;
    bool ready = true;

    if (!tw->volumes)
        find_volumes(t);
    for (size_t i = 0; i < tw->n_volumes; i++) {
        struct volume_work *v = &tw->volumes[i];

        ready &= v->ready;
        if (v->ready || v->call)
            continue;
        if (v->shared)
            v->call = docker_volume_inspect(tw->en->docker, v->name, on_looked, v);
        else
            make(v);
    }
    return ready;
}

/* ---- removing them ---- */

static void on_volume_removed(const struct docker_result *r, void *user)
{
    struct volume_work *v = user;

    v->call = NULL;
    if (!r->ok && r->status != 404)
        log_event(v->t->work->en->log, LOG_WARN, "A volume cannot be removed", "task", v->t->arn,
                  "volume", v->name, "error", r->message, NULL);
    engine_removed(v->t, r);
}

unsigned int engine_remove_volumes(struct task *t)
{
    struct task_work *tw = t->work;
    unsigned int n = 0;

    if (!tw->volumes)
        find_volumes(t);
    for (size_t i = 0; i < tw->n_volumes; i++) {
        struct volume_work *v = &tw->volumes[i];

        if (v->shared)
            continue;
        v->call = docker_volume_remove(tw->en->docker, v->name, on_volume_removed, v);
        n += v->call != NULL;
    }
    return n;
}
