/*
 * capability.h - the attributes that an instance registers with.
 *
 * One table: a name, and the condition under which it is true on this machine.
 * The list holds what this agent does. What the official agent also claims and
 * this one does not do (EFS, service connect, volumes of EBS ...)
 * is not in it: a task placed by such a claim would fail.
 */
#ifndef AGENT_CAPABILITY_H
#define AGENT_CAPABILITY_H

#include "agent/config.h"
#include "base/json.h"

/*
 * Array of {"name"}, in the official order. The two numbers are the lowest and
 * the highest minor version of the Docker API (1.x) that both sides speak. pause: the pause image
 * is there. plugins: values of attributes that are versions of network plugins; may be NULL.
 */
json_t *capability_list(const struct config *c, int api_lowest, int api_highest, bool pause,
                        const json_t *plugins);

#endif
