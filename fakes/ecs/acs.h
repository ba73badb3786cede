/*
 * acs.h - the agent communication service.
 *
 * Agents connect with GET .../ws (fakes/ecs/session.h) and speak text frames
 * {"type":"...","message":{...}}. What an agent sends is held against the
 * shape of its type and against the ledger of what was sent to it; a frame
 * that does not fit has no group in the journal, and a note behind it says why.
 *
 * Groups: session (connect), acks (AckRequest, HeartbeatAckRequest,
 * IAMRoleCredentialsAckRequest), nack (NackRequest), manifest
 * (TaskStopVerificationMessage).
 *
 * Commands (fake_ops.control):
 *   send {type, body?, instance?, ...}
 *       body is the message as an object. Missing members that every message
 *       of that type has are filled in: messageId, clusterArn,
 *       containerInstanceArn, generatedAt, seqNum, timeline, healthy. Any other
 *       argument is an override, by path: "seqNum", "tasks[0].version". A body
 *       that is a text is sent as it is, and type only names it. Returns
 *       {"messageId":"..."}. Tasks of a payload become known to the control
 *       plane, role credentials in it are good for signing from then on.
 *   redeliver {}
 *       From here on a sent message that wants an acknowledgement and has none comes again when
 *       the agent's next session opens, with its messageId, as the service does it; and one may
 *       be sent while there is no session.
 *   close {code?, reason?}, drop {reset?}, age {after}, heartbeat {every}
 *       "0" turns heartbeats off; 30s is the default.
 *   Each takes an "instance" (ARN or id); without it, the youngest session.
 */
#ifndef FAKES_ECS_ACS_H
#define FAKES_ECS_ACS_H

#include "fakes/ecs/ledger.h"
#include "fakes/ecs/session.h"

/* Messages that are kept for redelivery; further ones are sent once. */
#define ACS_OWED_MAX 4096

struct acs {
    struct plane_fake base;
    struct session_set sessions;
    struct ledger ledger;
    char *last_manifest; /* messageId of the last TaskManifestMessage, or NULL */
    bool redeliver;
    struct list owed; /* sent by `send` and, when looked at last, not acknowledged */
    size_t n_owed;
};

extern const struct fake_ops acs_ops;

/* What `send` does. *ret is set to a new reference. */
int acs_send(struct acs *a, const json_t *args, json_t **ret, struct err *e);

/* Sends one message of ours and notes it in the ledger. message is borrowed. */
void acs_send_message(struct acs *a, struct session *s, int type, const json_t *message);

/* The same after filling in what `send` fills in; m is changed. */
void acs_send_body(struct acs *a, struct session *s, int type, json_t *m);

/* Messages of this type (enum acs_message) are acknowledged. */
bool acs_wants_ack(int type);

/* acs_again.c: keeps a message for redelivery, if that is wanted; sends what is kept. */
void acs_owe(struct acs *a, int type, json_t *message);
void acs_pay(struct acs *a, struct session *s);
void acs_forget_owed(struct acs *a);

/* Holds the frame in s->frame against shape and ledger: the group, or NULL with s->wrong set. */
const char *acs_judge(const struct acs *a, struct session *s);
/* What a good frame changes. */
void acs_take(struct acs *a, struct session *s);

#endif
