#include "agent/tcs_session.h"
#include "agent/backoff.h"
#include "agent/version.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

struct tcs_session {
    const struct session_env *env;
    const struct tcs_ops *ops;
    void *user;
    enum session_state state;
    bool expired; /* closed by us */
    struct ws *ws;
    struct handshake handshake; /* frames are signed with it */
    struct tcs_instance_health instance;
    int64_t silence_allowed;
    struct clock_timer silence, age, retry, publish;
    struct backoff backoff;
};

static void discover(struct tcs_session *s);

static void set_state(struct tcs_session *s, enum session_state state)
{
    if (s->state == state)
        return;
    log_event(s->env->log, LOG_DEBUG, "TCS session", "from", session_state_name(s->state), "to",
              session_state_name(state), NULL);
    s->state = state;
}

static void stop_timers(struct tcs_session *s)
{
    struct loop *l = s->env->loop;

    loop_timer_stop(l, &s->silence);
    loop_timer_stop(l, &s->age);
    loop_timer_stop(l, &s->retry);
    loop_timer_stop(l, &s->publish);
}

static void on_retry(struct clock_timer *t)
{
    discover(container_of(t, struct tcs_session, retry));
}

static void lost(struct tcs_session *s, const char *why, bool at_once)
{
    char text[48];
    int64_t wait = 0;

    stop_timers(s);
    s->ws = NULL;
    handshake_release(&s->handshake);
    if (at_once)
        backoff_reset(&s->backoff);
    else
        wait = backoff_next(&s->backoff);
    log_event(s->env->log, LOG_WARN, "TCS session ended", "reason", why, "reconnectIn",
              str_format_duration(wait - wait % NS_PER_MS, text), NULL);
    set_state(s, SESSION_WAITING);
    loop_timer_start(s->env->loop, &s->retry, wait, on_retry);
}

/* ---- publishing ---- */

static int send_json(void *user, const char *json, struct err *e)
{
    struct tcs_session *s = user;
    _cleanup_buf_ struct buf frame = BUF_INIT(TCS_FRAME_MAX);
    struct http_sign sign;

    if (!credentials_sign(s->env->credentials, &sign))
        return err_set(e, ERR_AUTH, "there are no credentials");
    if (tcs_frame(&frame, &s->handshake, &sign, loop_wall(s->env->loop), json, e) < 0)
        return -1;
    return ws_send(s->ws, buf_str(&frame), buf_len(&frame), e);
}

static int publish_metrics(struct tcs_session *s, const struct tcs_ids *ids, struct err *e)
{
    _cleanup_json_ json_t *tasks = NULL;

    if (s->env->config->disable_metrics.on)
        return 0;
    tasks = s->ops->metrics(s->user);
    if (!json_array_size(tasks) && !s->ops->idle(s->user))
        return 0; /* they run, but there are not enough samples yet */
    return tcs_metrics(ids, tasks, send_json, s, e);
}

static int publish_health(struct tcs_session *s, const struct tcs_ids *ids, struct err *e)
{
    _cleanup_json_ json_t *tasks = NULL;

    if (s->env->config->disable_health_check.on)
        return 0;
    tasks = s->ops->health(s->user);
    return tcs_health(ids, tasks, send_json, s, e);
}

static void publish(struct tcs_session *s, bool instance)
{
    struct tcs_ids ids = {s->env->cluster, s->env->instance_arn, loop_wall(s->env->loop)};
    struct err e = ERR_INIT;
    int r = publish_metrics(s, &ids, &e);

    if (r == 0)
        r = publish_health(s, &ids, &e);
    if (r == 0 && instance && s->instance.unsent) {
        r = tcs_instance_status(&ids, &s->instance, send_json, s, &e);
        s->instance.unsent = r < 0;
    }
    if (r < 0)
        log_event(s->env->log, LOG_WARN, "Telemetry was not sent", "error", e.text, NULL);
}

static void on_publish(struct clock_timer *t)
{
    struct tcs_session *s = container_of(t, struct tcs_session, publish);

    loop_timer_start(s->env->loop, &s->publish, TCS_PUBLISH_INTERVAL, on_publish);
    publish(s, true);
}

/* ---- the live session ---- */

static void expire(struct tcs_session *s)
{
    s->expired = true;
    loop_timer_stop(s->env->loop, &s->publish);
    ws_close(s->ws, 1000, "ConnectionExpired: Reconnect to continue");
}

static void on_silence(struct clock_timer *t)
{
    expire(container_of(t, struct tcs_session, silence));
}

static void on_age(struct clock_timer *t)
{
    expire(container_of(t, struct tcs_session, age));
}

static void on_opened(void *user)
{
    struct tcs_session *s = user;
    struct loop *l = s->env->loop;

    set_state(s, SESSION_CONNECTED);
    backoff_reset(&s->backoff);
    s->silence_allowed = backoff_spread(TCS_HEARTBEAT_TIMEOUT, TCS_HEARTBEAT_JITTER);
    loop_timer_start(l, &s->silence, s->silence_allowed, on_silence);
    loop_timer_start(l, &s->age, backoff_spread(TCS_MAX_AGE, TCS_MAX_AGE_JITTER), on_age);
    loop_timer_start(l, &s->publish, TCS_PUBLISH_INTERVAL, on_publish);
    log_event(s->env->log, LOG_INFO, "Connected to TCS", NULL);
    publish(s, false);
}

static void on_message(const char *text, size_t n, void *user)
{
    struct tcs_session *s = user;
    _cleanup_json_ json_t *frame = NULL;
    struct err e = ERR_INIT;
    const char *type;
    int m = -1;

    frame = json_read(text, n, JSON_READ_PEER, &e);
    if (!frame || json_need_str(frame, "type", &type, &e) < 0) {
        log_event(s->env->log, LOG_WARN, "A TCS message was dropped", "error", e.text, NULL);
        return;
    }
    m = tcs_message_from(type);
    if (m >= 0 && tcs_message_keeps_alive((enum tcs_message)m)) {
        if (!s->expired)
            loop_timer_start(s->env->loop, &s->silence, s->silence_allowed, on_silence);
        return;
    }
    log_event(s->env->log, LOG_WARN, "TCS says", "type", type, NULL);
}

static void on_ended(const struct ws_end *end, void *user)
{
    struct tcs_session *s = user;
    _cleanup_free_ char *why = session_refusal(end);

    if (!end->opened && !end->status)
        ecs_discovery_doubt(s->env->discovery);
    lost(s, why, session_left(end) || s->expired);
}

static const struct ws_callbacks callbacks = {on_opened, on_message, on_ended};

static void build_query(const struct tcs_session *s, struct buf *q)
{
    const struct session_env *env = s->env;

    handshake_query_add(q, TCS_QUERY_AGENT_HASH, ECSIM_COMMIT);
    handshake_query_add(q, TCS_QUERY_AGENT_VERSION, ECSIM_VERSION);
    handshake_query_add(q, TCS_QUERY_CLUSTER, env->cluster);
    handshake_query_add(q, TCS_QUERY_INSTANCE, env->instance_arn);
    if (*env->docker_version)
        handshake_query_add(q, TCS_QUERY_DOCKER_VERSION, env->docker_version);
}

static void on_endpoints(const char *acs, const char *tcs, const struct err *got, void *user)
{
    struct tcs_session *s = user;
    _cleanup_buf_ struct buf query = BUF_INIT(HANDSHAKE_QUERY_MAX);
    struct err e = *got;

    (void)acs;
    if (s->state != SESSION_DISCOVERING)
        return; /* stopped meanwhile */
    if (!tcs) {
        lost(s, e.code != ERR_NONE ? e.text : "there is no telemetryEndpoint", false);
        return;
    }
    set_state(s, SESSION_CONNECTING);
    s->expired = false;
    build_query(s, &query);
    s->ws = session_connect(s->env, tcs, buf_str(&query), TCS_FRAME_MAX, &callbacks, s,
                            &s->handshake, &e);
    if (!s->ws)
        lost(s, e.text, false);
}

static void discover(struct tcs_session *s)
{
    set_state(s, SESSION_DISCOVERING);
    ecs_discover(s->env->discovery, on_endpoints, s);
}

struct tcs_session *tcs_session_new(const struct session_env *env, const struct tcs_ops *ops,
                                    void *user)
{
    struct tcs_session *s = new0(struct tcs_session);

    s->env = env;
    s->ops = ops;
    s->user = user;
    s->instance.status = TCS_STATUS_INITIALIZING;
    s->instance.updated = s->instance.changed = loop_wall(env->loop);
    s->instance.unsent = true;
    backoff_init(&s->backoff, TCS_BACKOFF_MIN, TCS_BACKOFF_MAX, 2.0, 0.2);
    return s;
}

void tcs_session_start(struct tcs_session *s)
{
    const struct config *c = s->env->config;

    if (s->state != SESSION_IDLE || (c->disable_metrics.on && c->disable_health_check.on))
        return;
    discover(s);
}

void tcs_session_stop(struct tcs_session *s)
{
    stop_timers(s);
    ws_drop(s->ws);
    s->ws = NULL;
    handshake_release(&s->handshake);
    set_state(s, SESSION_IDLE);
}

void tcs_session_free(struct tcs_session *s)
{
    if (!s)
        return;
    tcs_session_stop(s);
    free(s);
}

void tcs_session_instance_seen(struct tcs_session *s, bool ok)
{
    tcs_instance_seen(&s->instance, ok, loop_wall(s->env->loop));
}
