/*
 * update.h - updates of agents, as UpdateContainerAgent drives them.
 *
 * PENDING (nobody is connected) -> STAGING (StageUpdateMessage is out) -> STAGED
 * (acknowledged) -> UPDATING (PerformUpdateMessage is out) -> UPDATED (the agent
 * is back with the new version) or FAILED (refused, or back with another one after it
 * acknowledged). A message that nobody acknowledged is sent again with the next session: nothing
 * ends an update that the agent never answers, as with agents before 1.10.0.
 *
 * Refused as documented for UpdateContainerAgent: no version known, an update under way, nothing
 * newer, Windows, arm64. What the console shows for arm64 is the service's text (seen in
 * aws/amazon-ecs-agent#4099); for Windows the documentation says no more than that it does not
 * apply. Under which error the service refuses these two is an assumption: ClientException, of
 * those that the model of the service lists. The architecture is the identity document's.
 *
 * What there is to update to is told by the command "agent-version" of the ECS fake.
 */
#ifndef FAKES_ECS_UPDATE_H
#define FAKES_ECS_UPDATE_H

#include "fakes/ecs/plane.h"

struct update_refusal {
    const char *error, *message;
};

/* Whether there is something to update to; else *r says why not. */
bool update_allowed(const struct plane *p, const struct plane_instance *i,
                    struct update_refusal *r);
bool update_in_progress(const struct plane_instance *i);
void update_start(struct plane *p, struct plane_instance *i);
/* The agent acknowledged a message, or refused it. */
void update_answered(struct plane *p, const char *instance_arn, const char *message_id, bool nack);
/* The agent is connected, with i->agent_version. */
void update_connected(struct plane *p, struct plane_instance *i);

#endif
