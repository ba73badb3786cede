#include "agent/acs_session.h"
#include "agent/backoff.h"
#include "agent/version.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

struct acs_session {
    const struct session_env *env;
    struct acs_session_ops ops;
    void *user;
    struct acs_dispatch dispatch;
    enum session_state state;
    int64_t since;      /* wall: it is connected, or is not, since then */
    bool was_connected; /* once in this process: credentials are not asked for again */
    bool expired;       /* closed by us for its age */
    struct ws *ws;
    int64_t opened_at;
    int64_t silence_allowed; /* drawn for each session */
    struct clock_timer silence, age, retry;
    void (*ending)(void *user); /* acs_session_end() was called */
    struct clock_timer last_words;
    struct backoff backoff;
};

static void discover(struct acs_session *s);

static void set_state(struct acs_session *s, enum session_state state)
{
    if (s->state == state)
        return;
    log_event(s->env->log, LOG_DEBUG, "ACS session", "from", session_state_name(s->state), "to",
              session_state_name(state), NULL);
    if ((s->state == SESSION_CONNECTED) != (state == SESSION_CONNECTED))
        s->since = loop_wall(s->env->loop);
    s->state = state;
}

bool acs_session_connected(const struct acs_session *s, int64_t *ret_since)
{
    *ret_since = s->since;
    return s->state == SESSION_CONNECTED;
}

static void on_retry(struct clock_timer *t)
{
    discover(container_of(t, struct acs_session, retry));
}

static void retry_after(struct acs_session *s, int64_t wait)
{
    set_state(s, SESSION_WAITING);
    loop_timer_start(s->env->loop, &s->retry, wait, on_retry);
}

/* The connection is gone: when to try again, and why. */
static void lost(struct acs_session *s, const char *why, bool at_once)
{
    char text[48];
    int64_t wait = 0;

    loop_timer_stop(s->env->loop, &s->silence);
    loop_timer_stop(s->env->loop, &s->age);
    s->ws = NULL;
    if (strstr(why, acs_message_name(ACS_INACTIVE_INSTANCE_EXCEPTION))) {
        wait = ACS_INACTIVE_DELAY;
        if (s->ops.inactive)
            s->ops.inactive(s->user);
    } else if (at_once) {
        backoff_reset(&s->backoff);
    } else {
        if (s->opened_at && loop_now(s->env->loop) - s->opened_at >= s->silence_allowed)
            backoff_reset(&s->backoff);
        wait = backoff_next(&s->backoff);
    }
    s->opened_at = 0;
    log_event(s->env->log, LOG_WARN, "ACS session ended", "reason", why, "reconnectIn",
              str_format_duration(wait - wait % NS_PER_MS, text), NULL);
    retry_after(s, wait);
}

/* ---- the live session ---- */

static void on_silence(struct clock_timer *t)
{
    struct acs_session *s = container_of(t, struct acs_session, silence);

    ws_drop(s->ws);
    lost(s, "ACS was silent for too long", false);
}

static void heard(struct acs_session *s)
{
    loop_timer_start(s->env->loop, &s->silence, s->silence_allowed, on_silence);
}

static void on_age(struct clock_timer *t)
{
    struct acs_session *s = container_of(t, struct acs_session, age);

    s->expired = true;
    ws_close(s->ws, 1000, "ConnectionExpired: Reconnect to continue");
}

static void on_opened(void *user)
{
    struct acs_session *s = user;

    set_state(s, SESSION_CONNECTED);
    s->was_connected = true;
    s->opened_at = loop_now(s->env->loop);
    s->silence_allowed =
        backoff_spread(s->env->config->acs_inactivity, s->env->config->acs_inactivity);
    heard(s);
    loop_timer_start(s->env->loop, &s->age, backoff_spread(ACS_MAX_AGE, ACS_MAX_AGE_JITTER),
                     on_age);
    log_event(s->env->log, LOG_INFO, "Connected to ACS", NULL);
    if (s->ops.connected)
        s->ops.connected(s->user);
}

static void on_message(const char *text, size_t n, void *user)
{
    struct acs_session *s = user;
    uint64_t before = s->dispatch.understood;
    struct err e = ERR_INIT;

    if (s->ending)
        return;
    if (acs_dispatch_frame(&s->dispatch, text, n, &e) < 0)
        log_event(s->env->log, LOG_WARN, "An ACS message was dropped", "error", e.text, NULL);
    /* what nobody understands does not show that the service is there (acs/session/session.go) */
    if (s->dispatch.understood != before && s->state == SESSION_CONNECTED)
        heard(s);
}

static void over(struct acs_session *s)
{
    loop_timer_stop(s->env->loop, &s->last_words);
    loop_timer_stop(s->env->loop, &s->silence);
    loop_timer_stop(s->env->loop, &s->age);
    set_state(s, SESSION_IDLE);
    s->ending(s->user);
}

static void on_last_words(struct clock_timer *t)
{
    struct acs_session *s = container_of(t, struct acs_session, last_words);

    ws_drop(s->ws);
    s->ws = NULL;
    over(s);
}

void acs_session_end(struct acs_session *s, void (*ended)(void *user))
{
    s->ending = ended;
    loop_timer_start(s->env->loop, &s->last_words, ACS_LAST_WORDS, on_last_words);
    if (s->state == SESSION_CONNECTED)
        ws_close(s->ws, 1000, "the agent is updated");
}

int acs_session_reply(struct acs_session *s, enum acs_message type, json_t *message, struct err *e)
{
    return acs_reply(&s->dispatch, type, message, e);
}

static void on_ended(const struct ws_end *end, void *user)
{
    struct acs_session *s = user;
    _cleanup_free_ char *why = session_refusal(end);

    if (s->ending) {
        s->ws = NULL;
        over(s);
        return;
    }
    if (!end->opened && !end->status)
        ecs_discovery_doubt(s->env->discovery);
    lost(s, why, session_left(end) || s->expired);
}

static const struct ws_callbacks callbacks = {on_opened, on_message, on_ended};

static int send_frame(void *user, const char *text, size_t n, struct err *e)
{
    struct acs_session *s = user;

    if (s->state != SESSION_CONNECTED)
        return err_set(e, ERR_CONFLICT, "ACS is not connected");
    return ws_send(s->ws, text, n, e);
}

/* The members are sorted by name, as Go's url.Values does. */
static void build_query(const struct acs_session *s, struct buf *q)
{
    const struct session_env *env = s->env;
    _cleanup_free_ char *docker = xasprintf(ACS_DOCKER_VERSION_PREFIX "%s", env->docker_version);
    char version[16];

    snprintf(version, sizeof(version), "%d", ACS_PROTOCOL_VERSION);
    handshake_query_add(q, ACS_QUERY_AGENT_HASH, ECSIM_COMMIT);
    handshake_query_add(q, ACS_QUERY_AGENT_VERSION, ECSIM_VERSION);
    handshake_query_add(q, ACS_QUERY_CLUSTER, env->cluster);
    handshake_query_add(q, ACS_QUERY_INSTANCE, env->instance_arn);
    if (*env->docker_version)
        handshake_query_add(q, ACS_QUERY_DOCKER_VERSION, docker);
    handshake_query_add(q, ACS_QUERY_PROTOCOL_VERSION, version);
    handshake_query_add(q, ACS_QUERY_SEND_CREDENTIALS, s->was_connected ? "false" : "true");
    handshake_query_add(q, ACS_QUERY_SEQ_NUM, "1");
}

static void on_endpoints(const char *acs, const char *tcs, const struct err *got, void *user)
{
    struct acs_session *s = user;
    _cleanup_buf_ struct buf query = BUF_INIT(HANDSHAKE_QUERY_MAX);
    struct handshake h = {0};
    struct err e = *got;

    (void)tcs;
    if (s->state != SESSION_DISCOVERING)
        return;
    if (!acs) {
        lost(s, e.text, false);
        return;
    }
    set_state(s, SESSION_CONNECTING);
    s->expired = false;
    build_query(s, &query);
    s->ws = session_connect(s->env, acs, buf_str(&query), ACS_FRAME_MAX, &callbacks, s, &h, &e);
    handshake_release(&h);
    if (!s->ws)
        lost(s, e.text, false);
}

static void discover(struct acs_session *s)
{
    set_state(s, SESSION_DISCOVERING);
    ecs_discover(s->env->discovery, on_endpoints, s);
}

struct acs_session *acs_session_new(const struct session_env *env,
                                    const struct acs_session_ops *ops, void *user,
                                    struct task_credentials *credentials)
{
    struct acs_session *s = new0(struct acs_session);

    s->env = env;
    s->ops = *ops;
    s->user = user;
    s->since = loop_wall(env->loop);
    acs_dispatch_init(&s->dispatch, &s->ops.acs, user, send_frame, s, env->log, credentials);
    backoff_init(&s->backoff, ACS_BACKOFF_MIN, ACS_BACKOFF_MAX, 1.5, 0.2);
    return s;
}

void acs_session_start(struct acs_session *s)
{
    discover(s);
}

void acs_session_free(struct acs_session *s)
{
    if (!s)
        return;
    loop_timer_stop(s->env->loop, &s->silence);
    loop_timer_stop(s->env->loop, &s->age);
    loop_timer_stop(s->env->loop, &s->retry);
    loop_timer_stop(s->env->loop, &s->last_words);
    ws_drop(s->ws);
    acs_dispatch_release(&s->dispatch);
    free(s);
}
