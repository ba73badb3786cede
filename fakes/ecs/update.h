/*
 * update.h - updates of agents, as UpdateContainerAgent drives them.
 *
 * PENDING (nobody is connected) -> STAGING (StageUpdateMessage is out) -> STAGED
 * (acknowledged) -> UPDATING (PerformUpdateMessage is out) -> UPDATED (the agent
 * is back with the new version) or FAILED (refused, or back with another one).
 * What there is to update to is told by the command "agent-version" of the ECS fake.
 */
#ifndef FAKES_ECS_UPDATE_H
#define FAKES_ECS_UPDATE_H

#include "fakes/ecs/plane.h"

bool update_in_progress(const struct plane_instance *i);
void update_start(struct plane *p, struct plane_instance *i);
/* The agent acknowledged a message, or refused it. */
void update_answered(struct plane *p, const char *instance_arn, const char *message_id, bool nack);
/* The agent is connected, with i->agent_version. */
void update_connected(struct plane *p, struct plane_instance *i);

#endif
