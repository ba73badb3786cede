/*
 * acs_session.h - the connection to ACS: endpoint, handshake, silence, age,
 * reconnection. What the frames mean is acs_dispatch.h's business.
 *
 * - No frame for 60 to 120 s: the connection is dropped, reconnect with backoff.
 * - 30 to 35 minutes old: closed with 1000, reconnect at once.
 * - Closed by the peer with 1000, 1001, 1011, or lost: reconnect at once.
 * - Refused or closed otherwise: 250 ms growing by 1.5 to 2 min; the growth is
 *   forgotten when a session has lasted as long as the silence that is allowed.
 * - Refused with InactiveInstanceException: one hour, and telemetry is told.
 * (acs/session/session.go; silence, backoff and codes seen)
 */
#ifndef AGENT_ACS_SESSION_H
#define AGENT_ACS_SESSION_H

#include "agent/acs_dispatch.h"
#include "agent/session.h"

#define ACS_LAST_WORDS (2 * NS_PER_S)

struct acs_session;

struct acs_session_ops {
    struct acs_ops acs;
    void (*connected)(void *user); /* each time; may be NULL */
    void (*inactive)(void *user);  /* the service does not know the instance; may be NULL */
};

struct acs_session *acs_session_new(const struct session_env *env,
                                    const struct acs_session_ops *ops, void *user,
                                    struct task_credentials *credentials);
void acs_session_start(struct acs_session *s);
/* Whether it is connected, and since when it is, or is not: ns since 1970. */
bool acs_session_connected(const struct acs_session *s, int64_t *ret_since);
/* An answer that took its time. -1: nobody is connected any more. Takes message. */
int acs_session_reply(struct acs_session *s, enum acs_message type, json_t *message, struct err *e);
/* Sends what waits, closes, and calls ended() within ACS_LAST_WORDS; no frame is taken any more. */
void acs_session_end(struct acs_session *s, void (*ended)(void *user));
void acs_session_free(struct acs_session *s); /* NULL is fine */

#endif
