/*
 * ledger.h - what was sent to agents over ACS, and what they acknowledged.
 *
 * An entry is known by its messageId and outlives the session in which it was
 * sent: an agent may acknowledge after a reconnect. Sending the same messageId
 * again is one entry with a higher count. Settled entries are forgotten when
 * there are too many, oldest first.
 */
#ifndef FAKES_ECS_LEDGER_H
#define FAKES_ECS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"

#define LEDGER_MAX 16384

struct ledger_entry {
    struct list link;
    char *id;
    int type; /* enum acs_message */
    char *instance_arn;
    int64_t sent_at; /* mono, of the last time */
    unsigned sent, acks, nacks;
    bool wants_ack;
    json_t *credentials; /* object: credentialsId -> acknowledged; NULL: none were in it */
};

struct ledger {
    struct list entries; /* by first sending */
    struct map by_id;
};

void ledger_init(struct ledger *l);
void ledger_release(struct ledger *l);

/* message is looked through for credentials; borrowed. */
struct ledger_entry *ledger_sent(struct ledger *l, const char *id, int type, const char *instance,
                                 int64_t now, bool wants_ack, const json_t *message);

/* NULL when no such message was sent (or it was settled long ago). */
struct ledger_entry *ledger_find(const struct ledger *l, const char *id);

/* True when the message carried credentials of that id. */
bool ledger_has_credentials(const struct ledger_entry *en, const char *credentials_id);

void ledger_acked(struct ledger_entry *en);
void ledger_nacked(struct ledger_entry *en);
void ledger_credentials_acked(struct ledger_entry *en, const char *credentials_id);

/* Neither an answer nor credentials are missing. */
bool ledger_settled(const struct ledger_entry *en);

/* One line for each entry that is not settled, with its age. */
void ledger_pending(const struct ledger *l, int64_t now, struct buf *out);

#endif
