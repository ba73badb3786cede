/*
 * updater.h - the agent's part in its own replacement.
 *
 * StageUpdateMessage tells where the image of the next agent is and what its SHA-256 is: it is
 * downloaded (update_file.h) and acknowledged when it is whole and named by desired-image.
 * PerformUpdateMessage, after that, is acknowledged, and the agent ends with 42, upon which
 * ecs-init starts the image. Everything else is refused with a NackRequest and its reason:
 *
 * | what | reason |
 * |---|---|
 * | ECS_UPDATES_ENABLED is not true | Updates are disabled |
 * | a member is missing | Invalid update: no update info given, no location given, no signature
 * given | | no image, a wrong one, no room | Unable to download: ... | | another signature while
 * one is staged | to the one before: New update arrived: MESSAGE | | nothing is staged | Cannot
 * perform update; update not downloaded |
 *
 * A message without messageId is dropped. A second StageUpdateMessage with the same signature gets
 * the answer of the first and downloads nothing; a PerformUpdateMessage that comes while the image
 * is on its way waits for it. (acs/updater/updater.go)
 *
 * It differs from the official agent in three things: the control channel goes on meanwhile, so
 * that heartbeats are acknowledged while it downloads; a status other than 200 is told as what
 * it is, where there its body is hashed and found to be a wrong image; and the file of an image
 * that a later one replaced is removed.
 */
#ifndef AGENT_UPDATER_H
#define AGENT_UPDATER_H

#include "agent/config.h"
#include "agent/http.h"
#include "base/json.h"
#include "base/log.h"
#include "proto/acs_message.h"

struct updater;

struct updater_ops {
    /* Sends this to ACS, or loses it when nobody is connected. Takes message. */
    void (*reply)(void *user, enum acs_message type, json_t *message);
    /* The update was acknowledged: the agent has to end with 42. */
    void (*perform)(void *user);
};

/* A message of either kind; the texts are the message's. */
struct update_order {
    const char *message_id, *cluster, *instance;
    const char *location, *signature;
};

/* NULL: it is complete; else what is not, in the official agent's words. What is there is set all
 * the same. */
const char *update_order_read(struct update_order *o, const json_t *message);

/* Where the image is fetched that is told to be at `told`; to be freed. */
char *update_location(const char *told, bool ipv6_only);

/* Everything is borrowed. */
struct updater *updater_new(struct http *h, const struct config *c, struct log *log,
                            const struct updater_ops *ops, void *user);
void updater_free(struct updater *u); /* NULL is fine */

void updater_stage(struct updater *u, const json_t *message);
void updater_perform(struct updater *u, const json_t *message);

#endif
