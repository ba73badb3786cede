/*
 * ecs.h - the ECS API: what agents call, and what people may ask.
 *
 * JSON 1.1 over POST /, every call signed (fakes/aws/sigv4.h). Bodies are held
 * against the shapes of the service's model: a wrong type is a
 * SerializationException, as there.
 *
 * Groups: register (RegisterContainerInstance, DiscoverPollEndpoint,
 * CreateCluster), submit (Submit*), progress (Submit* with status PENDING: a task
 * on its way, which agents before 1.83 do not send), tags (ListTagsForResource), drain
 * (UpdateContainerInstancesState), protection (Get- and UpdateTaskProtection), people
 * (everything else: clusters, instances, task definitions, tasks, services, settings).
 * An operation that is not among them is an UnknownOperationException and has
 * no group. Not offered: task sets, capacity providers of instances, Fargate.
 *
 * Where the text of an error is known from the service it is that; the rest is
 * worded in its manner, with its types.
 *
 * Commands (fake_ops.control):
 *   cluster  {name, status?}       makes it; status INACTIVE deletes it
 *   instance {instance?, status}   ACTIVE, DRAINING, INACTIVE; without an instance, the only one
 *   agent-version {version, location, signature}   what UpdateContainerAgent updates to
 *   tags     {resourceArn, tags}   tags of an instance, task or cluster: {"key":"value"}
 */
#ifndef FAKES_ECS_ECS_H
#define FAKES_ECS_ECS_H

#include "fakes/ecs/plane.h"

struct ecs {
    struct plane_fake base;
};

extern const struct fake_ops ecs_ops;

#endif
