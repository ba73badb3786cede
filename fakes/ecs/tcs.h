/*
 * tcs.h - the telemetry service.
 *
 * Agents connect with GET .../ws (fakes/ecs/session.h) and publish. A frame of
 * theirs is no plain JSON: it is the header block of a signed GET of the
 * session's own URL, an empty line, then {"type":"...","message":{...}}. The
 * block is taken apart and its signature verified like any other; the journal
 * has the message as the frame's body.
 *
 * A frame that is not signed well, does not have the shape of its type or
 * says what cannot be (a minimum over the maximum, times in milliseconds, the
 * name of another instance) has no group in the journal and gets no
 * acknowledgement, and a note behind it says why.
 *
 * Groups: session (connect), metrics, health, status.
 *
 * Commands (fake_ops.control):
 *   send {type, body?, instance?}  a message to the agent; a body that is a text goes as it is
 *   close {code?, reason?}, drop {reset?}, age {after}, heartbeat {every}, each with an "instance"
 */
#ifndef FAKES_ECS_TCS_H
#define FAKES_ECS_TCS_H

#include "fakes/ecs/session.h"

struct tcs {
    struct plane_fake base;
    struct session_set sessions;
};

extern const struct fake_ops tcs_ops;

/* Headers of one frame: an agent sends four at most. */
#define TCS_FRAME_HEADERS_MAX 32

struct tcs_frame {
    struct http_header headers[TCS_FRAME_HEADERS_MAX];
    size_t n_headers;
    char *block;      /* what the headers point into */
    const char *json; /* points into the frame */
    size_t json_len;
};

/* Splits a frame; -1 with ERR_PARSE. A frame that begins with '{' has no headers. */
int tcs_frame_split(struct tcs_frame *f, const char *p, size_t n, struct err *e);
void tcs_frame_release(struct tcs_frame *f);

/*
 * Holds a published message against shape and sense. type is an enum tcs_message; wall: now, ns.
 * Returns the group, or NULL with the reason in `wrong`.
 */
const char *tcs_judge(int type, const json_t *message, const char *instance_arn, int64_t wall,
                      char wrong[400]);

#endif
