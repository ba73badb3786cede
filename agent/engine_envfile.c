/*
 * Environment files of a container, there before it is created.
 *
 * They are fetched with the task's execution role, one after the other; the
 * first that has a variable wins, and the container's own environment wins
 * over all. What was read is not saved: after a restart it is read again if
 * the container still has to be created. (taskresource/envFiles)
 */
#include "agent/engine_internal.h"
#include "agent/env_file.h"
#include "base/cleanup.h"
#include "base/mem.h"

static const json_t *files_of(const struct container *c)
{
    return json_object_get(c->spec, "environmentFiles");
}

static void fail(struct container *c, const char *why)
{
    struct task *t = c->task;

    log_event(c->work->en->log, LOG_ERROR, "An environment file is not to be had", "task", t->arn,
              "container", c->name, "error", why, NULL);
    task_set_reason(t, why);
    t->work->dirty |= task_set_desired(t, TASK_STOPPED, c->work->en->log);
    t->work->again = true;
}

static void on_file(const char *body, size_t n, const struct err *got, void *user)
{
    struct container *c = user;
    struct container_work *w = c->work;
    const char *arn = json_str(json_array_get(files_of(c), w->env_next), "value");
    struct err e = *got;

    w->env_request = NULL;
    if (body && env_file_read(body, n, w->env_vars, &e) == 0) {
        w->env_next++;
    } else {
        _cleanup_free_ char *why =
            xasprintf("unable to download env file %s, error: %s", arn, e.text);

        fail(c, why);
    }
    engine_progress(c->task);
}

static int fetch(struct container *c, const struct task_credential *who, struct err *e)
{
    struct container_work *w = c->work;
    const json_t *file = json_array_get(files_of(c), w->env_next);
    _cleanup_free_ char *bucket = NULL;
    const char *arn, *key, *type = json_str(file, "type");

    if (json_need_str(file, "value", &arn, e) < 0)
        return err_wrap(e, "environmentFiles");
    if (type && strcasecmp(type, "s3") != 0)
        return err_set(e, ERR_USAGE, "environmentFiles: there is no type \"%.40s\"", type);
    if (env_file_arn(arn, &bucket, &key, e) < 0)
        return err_wrap(e, "environmentFiles");
    w->env_request = s3_fetch(w->en->s3, who, bucket, key, ENV_FILE_SIZE_MAX, on_file, c, e);
    return w->env_request ? 0 : -1;
}

bool engine_env_files_ready(struct container *c)
{
    struct container_work *w = c->work;
    const char *id = c->task->execution_credentials_id;
    const struct task_credential *who;
    struct err e = ERR_INIT;

    if (w->env_next >= json_array_size(files_of(c)))
        return true;
    if (w->env_request)
        return false;
    who = id && w->en->credentials ? task_credentials_get(w->en->credentials, id) : NULL;
    if (!who) {
        fail(c, "environment files: unable to find execution role credentials");
        return false;
    }
    if (!who->access_key) /* known from before a restart: the service sends them again */
        return false;
    if (!w->env_vars)
        w->env_vars = json_object();
    if (fetch(c, who, &e) < 0)
        fail(c, e.text);
    return false;
}
