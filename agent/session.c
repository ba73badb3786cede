#include "agent/session.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

static const char *const states[SESSION_STATE_MAX] = {
    [SESSION_IDLE] = "IDLE",
    [SESSION_DISCOVERING] = "DISCOVERING",
    [SESSION_CONNECTING] = "CONNECTING",
    [SESSION_CONNECTED] = "CONNECTED",
    [SESSION_WAITING] = "WAITING",
};
STRTAB_DEFINE(session_state, enum session_state, states)

/* What may wait to be sent: acks are small, a metrics frame has 1 MiB at most. */
#define SEND_QUEUE_MAX (8u << 20)

struct ws *session_connect(const struct session_env *env, const char *endpoint, const char *query,
                           size_t max_message, const struct ws_callbacks *cb, void *user,
                           struct handshake *h, struct err *e)
{
    struct http_sign sign;
    char *headers[4];
    struct ws_call call = {
        .headers = (const char *const *)headers,
        .connect_timeout = WS_CONNECT_TIMEOUT,
        .max_message = max_message,
        .max_queue = SEND_QUEUE_MAX,
        .cb = cb,
        .user = user,
    };
    struct ws *ws;

    if (handshake_init(h, endpoint, query, e) < 0)
        return NULL;
    if (!credentials_sign(env->credentials, &sign)) {
        err_set(e, ERR_AUTH, "there are no credentials");
        return NULL;
    }
    if (handshake_sign(h, &sign, loop_wall(env->loop), NULL, 0, headers, e) < 0)
        return NULL;
    call.url = h->url;
    ws = ws_open(env->web, &call, e);
    handshake_headers_free(headers);
    return ws;
}

char *session_refusal(const struct ws_end *end)
{
    _cleanup_json_ json_t *body = json_read(end->body, strlen(end->body), JSON_READ_PEER, NULL);
    const char *type = json_is_object(body) ? json_str(body, "type") : NULL;
    const char *key;
    json_t *value;

    if (type) {
        const char *text = json_str(json_object_get(body, "message"), "message");

        return xasprintf("%s: %s", type, text ? text : "no message");
    }
    if (json_is_object(body) && json_object_size(body) == 1) {
        json_object_foreach (body, key, value) {
            if (json_is_string(value))
                return xasprintf("%s: %s", key, json_string_value(value));
        }
    }
    if (end->status && end->status != 101)
        return xasprintf("status %d%s%.200s", end->status, *end->body ? ": " : "", end->body);
    return xstrdup(end->why);
}

bool session_left(const struct ws_end *end)
{
    switch (end->close_code) {
    case 0: /* no close frame: 1006 */
    case 1000:
    case 1001:
    case 1006:
    case 1011:
        return end->opened;
    default:
        return false;
    }
}
