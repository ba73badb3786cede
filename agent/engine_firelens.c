/*
 * FireLens (firelens.h): what the router reads is there before it. A configuration in S3 is fetched
 * with the task's execution role; after a restart it is fetched again if the router still has to be
 * created. (taskresource/firelens/firelens_unix.go)
 */
#include "agent/engine_internal.h"
#include "agent/env_file.h"
#include "agent/firelens.h"
#include "base/cleanup.h"
#include "base/mem.h"

static void fail(struct task *t, const char *what, const char *why)
{
    _cleanup_free_ char *reason = xasprintf("%s: %s", what, why);

    log_event(t->work->en->log, LOG_ERROR, "FireLens cannot be configured", "task", t->arn, "error",
              reason, NULL);
    task_set_reason(t, reason);
    task_set_desired(t, TASK_STOPPED, t->work->en->log);
    t->work->dirty = t->work->again = true;
}

static void on_file(const char *body, size_t n, const struct err *got, void *user)
{
    struct task *t = user;
    struct err e = *got;

    t->work->firelens_request = NULL;
    if (body && firelens_write_external(t, t->work->en->config, body, n, &e) == 0)
        t->work->firelens_ready = true;
    else
        fail(t, "unable to download firelens s3 config file", e.text);
    engine_progress(t);
}

static int fetch(struct task *t, const char *arn, const struct task_credential *who, struct err *e)
{
    _cleanup_free_ char *bucket = NULL;
    const char *key;

    if (env_file_arn(arn, &bucket, &key, e) < 0)
        return err_wrap(e, "unable to parse bucket and key from s3 arn");
    t->work->firelens_request =
        s3_fetch(t->work->en->s3, who, bucket, key, FIRELENS_CONFIG_MAX, on_file, t, e);
    return t->work->firelens_request ? 0 : -1;
}

bool engine_firelens_ready(struct container *c)
{
    struct task *t = c->task;
    struct engine *en = t->work->en;
    const char *arn = firelens_router(t) == c ? firelens_s3(t) : NULL;
    const char *id = t->execution_credentials_id;
    const struct task_credential *who;
    struct err e = ERR_INIT;

    if (!arn || t->work->firelens_ready)
        return true;
    if (t->work->firelens_request || t->desired == TASK_STOPPED)
        return false;
    who = id && en->credentials ? task_credentials_get(en->credentials, id) : NULL;
    if (!who)
        fail(t, "firelens resource", "unable to find execution role credentials");
    else if (!who->access_key)
        return false; /* known from before a restart: the service sends them again */
    else if (fetch(t, arn, who, &e) < 0)
        fail(t, "unable to download firelens s3 config file", e.text);
    return false;
}

int engine_firelens_write(struct container *c)
{
    struct task *t = c->task;
    struct engine *en = c->work->en;
    struct err e = ERR_INIT;

    if (firelens_router(t) != c || firelens_write(t, en->config, engine_cluster(en), &e) == 0)
        return 0;
    fail(t, "unable to generate firelens config file", e.text);
    return -1;
}
