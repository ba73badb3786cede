/*
 * The task engine joined with the wires: its changes go to the submit queue,
 * ACS messages to it, its samples to TCS, its tasks to the introspection API.
 */
#include "agent/app_parts.h"
#include "agent/credfetch_client.h"
#include "agent/wire.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* ---- state changes ---- */

/* At most max bytes, cut between characters. */
static void put_cut(json_t *o, const char *member, const char *text, size_t max)
{
    size_t n = 0, len;

    if (!text)
        return;
    while (text[n] && (len = str_utf8_len(text + n, strlen(text + n))) && n + len <= max)
        n += len;
    json_put(o, member, json_stringn(text, n));
}

static void put_range(json_t *o, const char *member, int first, int count)
{
    char text[24];

    snprintf(text, sizeof(text), "%d-%d", first, first + count - 1);
    json_put_str(o, member, text);
}

static json_t *bindings_json(const struct engine_container_change *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_bindings && i < BINDINGS_MAX; i++) {
        json_t *o = json_object();

        const struct container_binding *b = &c->bindings[i];

        json_put_str(o, "bindIP", b->bind_ip);
        if (b->count) {
            put_range(o, "containerPortRange", b->container_port, b->count);
            put_range(o, "hostPortRange", b->host_port, b->count);
        } else {
            json_put_int(o, "containerPort", b->container_port);
            json_put_int(o, "hostPort", b->host_port);
        }
        json_put_str(o, "protocol", b->udp ? "udp" : "tcp");
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *container_json(const struct engine_container_change *c)
{
    json_t *o = json_object();

    json_put_str(o, "containerName", c->name);
    if (c->exit_known)
        json_put_int(o, "exitCode", c->exit_code);
    put_cut(o, "imageDigest", c->image_digest, DIGEST_MAX);
    if (c->n_bindings)
        json_put(o, "networkBindings", bindings_json(c));
    put_cut(o, "reason", c->reason, REASON_MAX);
    put_cut(o, "runtimeId", c->runtime_id, RUNTIME_ID_MAX);
    json_put_str(o, "status", c->status);
    return o;
}

static void put_time(json_t *o, const char *member, int64_t wall)
{
    if (wall)
        json_put(o, member, wire_time(wall));
}

static json_t *managed_json(const struct engine_change *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_managed; i++) {
        const struct engine_managed_change *m = &c->managed[i];
        json_t *o = json_object();

        json_put_str(o, "containerName", m->container);
        json_put_str(o, "managedAgentName", m->name);
        json_put_str(o, "status", m->status);
        put_cut(o, "reason", m->reason ? m->reason : "", REASON_MAX);
        json_array_append_new(list, o);
    }
    return list;
}

json_t *app_change_json(const struct engine_change *c)
{
    json_t *o = json_object(), *containers = json_array();

    json_put_str(o, "task", c->task_arn);
    json_put_str(o, "status", c->status);
    put_cut(o, "reason", c->reason ? c->reason : "", REASON_MAX);
    put_time(o, "pullStartedAt", c->pull_started_at);
    put_time(o, "pullStoppedAt", c->pull_stopped_at);
    put_time(o, "executionStoppedAt", c->execution_stopped_at);
    for (size_t i = 0; i < c->n_containers; i++)
        json_array_append_new(containers, container_json(&c->containers[i]));
    json_put(o, "containers", containers);
    if (c->n_managed)
        json_put(o, "managedAgents", managed_json(c));
    return o;
}

struct sending {
    struct app *app;
    char *task_arn;
    uint64_t seq;
};

static void on_sent(enum submit_outcome outcome, void *user)
{
    struct sending *s = user;

    /* refused for good counts as sent: it would be refused again */
    if (outcome != SUBMIT_ABANDONED && s->seq)
        engine_mark_sent(s->app->engine, s->task_arn, s->seq);
    free(s->task_arn);
    free(s);
}

static void on_state_change(const struct engine_change *c, void *user)
{
    struct app *a = user;
    struct sending *s = new0(struct sending);
    struct err e = ERR_INIT;

    s->app = a;
    s->task_arn = xstrdup(c->task_arn);
    s->seq = c->seq;
    /* nobody is left in it who could ask (task_manager.go) */
    if (str_eq(c->status, "STOPPED"))
        task_credentials_drop(&a->task_credentials, c->task_arn);
    log_event(&a->log, LOG_INFO, "Task state change", "taskArn", c->task_arn, "status", c->status,
              "reason", c->reason && *c->reason ? c->reason : NULL, NULL);
    if (submit_queue_add(a->queue, c->task_arn, app_change_json(c), on_sent, s, &e) < 0) {
        log_event(&a->log, LOG_ERROR, "A state change is lost", "error", e.text, NULL);
        free(s->task_arn);
        free(s);
    }
}

static void on_task_gone(const struct task *t, void *user)
{
    struct app *a = user;

    task_credentials_drop(&a->task_credentials, t->arn);
    attachments_drop_task(a->attachments, t->arn);
}

int app_engine_new(struct app *a, struct err *e)
{
    struct engine_callbacks callbacks = {on_state_change, on_task_gone, a};
    struct task *t = NULL;

    a->engine = engine_new(&a->loop, &a->config, &a->log, a->docker, a->store, &callbacks);
    a->s3 = s3_client_new(a->http, &a->config);
    a->aws = aws_caller_new(&a->loop, a->http, &a->config);
    a->ecr = ecr_auth_new(&a->loop, a->aws, &a->config, a->credentials, &a->log);
    a->credfetch = credfetch_client_new(&a->loop, a->http, a->config.credfetch_socket);
    engine_set_sources(a->engine, &(struct engine_sources){a->s3, a->aws, a->ecr, a->credfetch,
                                                           &a->task_credentials, &a->registries});
    a->attachments = attachments_new(&a->loop, a->store, &a->log);
    if (engine_load(a->engine, e) < 0 || attachments_load(a->attachments, e) < 0)
        return err_wrap(e, "saved state");
    while ((t = engine_next_task(a->engine, t))) {
        if (t->credentials_id)
            task_credentials_know(&a->task_credentials, t->arn, t->credentials_id);
        if (t->execution_credentials_id)
            task_credentials_know(&a->task_credentials, t->arn, t->execution_credentials_id);
    }
    return 0;
}

/* ---- ACS ---- */

static bool acs_payload(void *user, const json_t *message, struct err *e)
{
    struct app *a = user;

    return engine_handle_payload(a->engine, message, e);
}

static int acs_task_credentials(void *user, const char *task_arn, bool execution, const char *id)
{
    struct app *a = user;

    return engine_set_task_credentials(a->engine, task_arn, execution, id);
}

static bool acs_manifest(void *user, const json_t *message, json_t **ret_candidates)
{
    struct app *a = user;

    return engine_manifest(a->engine, message, ret_candidates);
}

static int acs_stop_task(void *user, const char *task_arn)
{
    struct app *a = user;

    return engine_stop_task(a->engine, task_arn);
}

static void on_runtime_seen(const struct docker_result *r, void *user)
{
    struct app *a = user;

    tcs_session_instance_seen(a->tcs, r->ok);
}

static void acs_heartbeat(void *user)
{
    struct app *a = user;

    docker_ping(a->docker, DOCKER_HEALTH_TIMEOUT, on_runtime_seen, a);
}

static int acs_attach(void *user, const struct attachment_new *n, struct err *e)
{
    struct app *a = user;

    return attachments_add(a->attachments, n, e);
}

static void acs_connected(void *user)
{
    struct app *a = user;

    tcs_session_start(a->tcs); /* again, after the service did not know the instance */
}

static void acs_inactive(void *user)
{
    struct app *a = user;

    tcs_session_stop(a->tcs);
}

static void acs_stage_update(void *user, const json_t *message)
{
    struct app *a = user;

    updater_stage(a->updater, message);
}

static void acs_perform_update(void *user, const json_t *message)
{
    struct app *a = user;

    updater_perform(a->updater, message);
}

static const struct acs_session_ops acs_ops = {
    .acs = {acs_payload, acs_task_credentials, acs_manifest, acs_stop_task, acs_heartbeat,
            acs_attach, acs_stage_update, acs_perform_update},
    .connected = acs_connected,
    .inactive = acs_inactive,
};

/* ---- updates ---- */

static void update_reply(void *user, enum acs_message type, json_t *message)
{
    struct app *a = user;
    struct err e = ERR_INIT;

    /* who asks again after a reconnection is told again */
    if (acs_session_reply(a->acs, type, message, &e) < 0)
        log_event(&a->log, LOG_WARN, "An answer about an update is lost", "error", e.text, NULL);
}

static void update_said(void *user)
{
    app_end(user, AGENT_EXIT_UPDATE);
}

/* A save that fails is told and no more: the image is there, and the old state is too. */
static void update_perform(void *user)
{
    struct app *a = user;
    struct err e = ERR_INIT;

    log_event(&a->log, LOG_INFO, "Ending for the update", "exitCode", "42", NULL);
    if (engine_save(a->engine, &e) < 0)
        log_event(&a->log, LOG_CRIT, "The last save failed", "error", e.text, NULL);
    acs_session_end(a->acs, update_said);
}

static const struct updater_ops update_ops = {update_reply, update_perform};

/* ---- TCS ---- */

static bool tcs_idle(void *user)
{
    struct app *a = user;

    return engine_idle(a->engine);
}

static json_t *tcs_task_metrics(void *user)
{
    struct app *a = user;

    return engine_collect_metrics(a->engine);
}

static json_t *tcs_task_health(void *user)
{
    struct app *a = user;

    return engine_collect_health(a->engine);
}

static const struct tcs_ops tcs_ops = {tcs_idle, tcs_task_metrics, tcs_task_health};

/* ---- introspection ---- */

static json_t *all_tasks(void *user)
{
    struct app *a = user;
    json_t *list = json_array();
    struct task *t = NULL;

    while ((t = engine_next_task(a->engine, t)))
        json_array_append_new(list, introspection_task(t));
    return list;
}

static json_t *task_by_arn(void *user, const char *arn)
{
    struct app *a = user;
    struct task *t = engine_find_task(a->engine, arn);

    return t ? introspection_task(t) : NULL;
}

static json_t *task_by_docker_id(void *user, const char *id, size_t *ret_matches)
{
    struct app *a = user;
    struct task *t = engine_find_docker_id(a->engine, id, ret_matches);

    return t ? introspection_task(t) : NULL;
}

/* ---- what tasks ask ---- */

static void serve_tasks(struct app *a)
{
    const struct tmds_options o = {
        .config = &a->config,
        .engine = a->engine,
        .credentials = &a->task_credentials,
        .ecs = a->ecs,
        .aws = a->aws,
        .instance =
            {
                .cluster = a->cluster,
                .zone = a->config.metadata_zone_disabled.on ? NULL : a->zone,
                .zone_id = a->config.metadata_zone_disabled.on ? NULL : a->zone_id,
                .vpc_id = a->vpc_id,
            },
        .instance_arn = a->instance_arn,
    };

    a->tmds = tmds_new(&a->loop, &o, &a->log);
}

static bool acs_connected_since(void *user, int64_t *ret_since)
{
    struct app *a = user;

    return acs_session_connected(a->acs, ret_since);
}

int app_connect(struct app *a, struct err *e)
{
    struct introspection_source source = {
        .cluster = a->cluster,
        .instance_arn = a->instance_arn,
        .tasks = all_tasks,
        .task_by_arn = task_by_arn,
        .task_by_docker_id = task_by_docker_id,
        .connected = acs_connected_since,
        .hide_version = a->config.hide_version.on,
        .user = a,
    };

    a->queue = submit_queue_new(a->ecs, a->cluster, &a->log);
    a->discovery = ecs_discovery_new(a->ecs, a->cluster, a->instance_arn);
    a->web = web_new(&a->loop, &a->trust, e);
    if (!a->web)
        return -1;
    a->env = (struct session_env){
        .loop = &a->loop,
        .web = a->web,
        .log = &a->log,
        .config = &a->config,
        .credentials = a->credentials,
        .discovery = a->discovery,
        .cluster = a->cluster,
        .instance_arn = a->instance_arn,
        .docker_version = docker_server_version(a->docker),
    };
    a->tcs = tcs_session_new(&a->env, &tcs_ops, a);
    a->acs = acs_session_new(&a->env, &acs_ops, a, &a->task_credentials);
    a->updater = updater_new(a->http, &a->config, &a->log, &update_ops, a);
    engine_start(a->engine);
    a->introspection = introspection_new(&a->loop, &a->config.listen, &source, &a->log);
    serve_tasks(a);
    if (a->config.spot_draining.on)
        a->spot = spot_new(&a->loop, a->imds, a->ecs, a->cluster, a->instance_arn, &a->log);
    attachments_start(a->attachments, a->queue, a->links);
    acs_session_start(a->acs);
    tcs_session_start(a->tcs);
    return 0;
}
