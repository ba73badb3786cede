/*
 * session.h - what the ACS and the TCS session share.
 *
 * Everything is borrowed from the app and outlives both.
 */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "agent/credentials.h"
#include "agent/ecs_client.h"
#include "agent/handshake.h"
#include "agent/ws_client.h"

struct session_env {
    struct loop *loop;
    struct web *web;
    struct log *log;
    const struct config *config;
    const struct credentials *credentials;
    struct ecs_discovery *discovery;
    const char *cluster, *instance_arn;
    const char *docker_version; /* "" unknown: the parameter is left out */
};

/* States of a session; every change goes through the session's set_state() and is logged. */
enum session_state {
    SESSION_IDLE,        /* not started, or ended for good */
    SESSION_DISCOVERING, /* asking for the endpoint */
    SESSION_CONNECTING,
    SESSION_CONNECTED,
    SESSION_WAITING, /* until the next try */
    SESSION_STATE_MAX
};
STRTAB_DECLARE(session_state, enum session_state);

/* Signs the handshake for endpoint + query and opens it. Sets *h (to be released). */
struct ws *session_connect(const struct session_env *env, const char *endpoint, const char *query,
                           size_t max_message, const struct ws_callbacks *cb, void *user,
                           struct handshake *h, struct err *e);

/* What a refusal's body says, as "Type: text", else the body or the reason. To be freed. */
char *session_refusal(const struct ws_end *end);

/* Whether the session ended as if the peer just left: reconnect at once. (1000, 1001, 1006, 1011)
 */
bool session_left(const struct ws_end *end);

#endif
