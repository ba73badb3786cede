/*
 * tcs_session.h - the connection to the telemetry service.
 *
 * Publishes at once and then every 20 s: metrics of the tasks that run (an
 * idle message when none does; nothing while there are no samples yet), health
 * of containers that Docker checks, and the instance's own health when it was
 * looked at since.
 *
 * - Neither heartbeat nor ack for 60 to 120 s, or 30 to 35 minutes old: closed
 *   with 1000, reconnect at once.
 * - Closed by the peer: reconnect at once. Refused: 1 s doubling to 1 min.
 * (tcs/handler/handler.go; seen)
 */
#ifndef AGENT_TCS_SESSION_H
#define AGENT_TCS_SESSION_H

#include "agent/session.h"
#include "agent/tcs_frame.h"

struct tcs_session;

struct tcs_ops {
    bool (*idle)(void *user);       /* no task is running */
    json_t *(*metrics)(void *user); /* array of taskMetrics; new reference */
    json_t *(*health)(void *user);  /* array of tasks; new reference */
};

struct tcs_session *tcs_session_new(const struct session_env *env, const struct tcs_ops *ops,
                                    void *user);
/* Does nothing when ECS_DISABLE_METRICS and ECS_DISABLE_DOCKER_HEALTH_CHECK are both on. */
void tcs_session_start(struct tcs_session *s);
/* Ends it until tcs_session_start(). */
void tcs_session_stop(struct tcs_session *s);
void tcs_session_free(struct tcs_session *s); /* NULL is fine */

/* The container runtime was looked after: it answers, or not. */
void tcs_session_instance_seen(struct tcs_session *s, bool ok);

#endif
