/*
 * tcs_frame.h - what the agent tells the telemetry service, and in which form.
 *
 * Every frame is a block of header lines of a signed GET whose body is the
 * JSON (proto/tcs_message.h); the lines are sorted by name.
 */
#ifndef AGENT_TCS_FRAME_H
#define AGENT_TCS_FRAME_H

#include "agent/handshake.h"
#include "base/json.h"
#include "proto/tcs_message.h"

/* Appends the frame for the JSON text. -1: too long, or no signature. */
int tcs_frame(struct buf *out, const struct handshake *h, const struct http_sign *sign,
              int64_t wall, const char *json, struct err *e);

struct tcs_ids {
    const char *cluster, *instance_arn;
    int64_t wall; /* timestamp of the message */
};

/*
 * PublishMetricsRequest texts: tasks (array of taskMetrics, may be empty) in
 * groups of TCS_TASKS_MAX, all with one messageId, "fin" on the last one. With
 * no tasks: one idle message. Each text is handed to fn, which may keep nothing.
 */
typedef int (*tcs_emit_fn)(void *user, const char *json, struct err *e);
int tcs_metrics(const struct tcs_ids *ids, const json_t *tasks, tcs_emit_fn fn, void *user,
                struct err *e);
/* PublishHealthRequest, in the same groups; nothing when there are no tasks. */
int tcs_health(const struct tcs_ids *ids, const json_t *tasks, tcs_emit_fn fn, void *user,
               struct err *e);

/* The instance's own health, as the agent last looked at it. */
struct tcs_instance_health {
    enum tcs_instance_status status;
    int64_t updated, changed; /* ns since 1970 */
    bool unsent;              /* looked at since it was last sent */
};

/* A look at the container runtime: it answered, or not. */
void tcs_instance_seen(struct tcs_instance_health *h, bool ok, int64_t wall);

int tcs_instance_status(const struct tcs_ids *ids, const struct tcs_instance_health *h,
                        tcs_emit_fn fn, void *user, struct err *e);

#endif
