/*
 * spot.h - looks for the announced end of a spot instance, and drains.
 *
 * Every second meta-data/spot/instance-action is asked for. It is 404 until EC2
 * announces an interruption: {"action": "hibernate"|"stop"|"terminate", "time":
 * ...}. Then UpdateContainerInstancesState makes the instance DRAINING; when
 * that fails the next look tries again, and when it has succeeded the looking
 * ends for good. An answer that is not understood is logged, once for each
 * different text (the official agent repeats the line every second).
 * (app/agent.go:spotInstanceDrainingPoller)
 *
 * Only with ECS_ENABLE_SPOT_INSTANCE_DRAINING.
 *
 * Life cycle: spot_new() looks at once and goes on by itself; spot_free().
 */
#ifndef AGENT_SPOT_H
#define AGENT_SPOT_H

#include "agent/ecs_client.h"
#include "agent/imds.h"
#include "base/log.h"

struct spot;

/* Everything is borrowed but the texts. */
struct spot *spot_new(struct loop *l, struct imds *m, struct ecs_client *c, const char *cluster,
                      const char *instance_arn, struct log *log);
void spot_free(struct spot *s); /* NULL is fine; before those it was given */

/* What an answer says: *ret_action borrows from doc. -1 when it is no interruption. */
int spot_read(const json_t *doc, const char **ret_action, struct err *e);

#endif
