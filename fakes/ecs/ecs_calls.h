/*
 * ecs_calls.h - the operations of the ECS fake. Private to fakes/ecs.
 *
 * A handler gets a body that has the shape of its operation, and answers.
 */
#ifndef FAKES_ECS_ECS_CALLS_H
#define FAKES_ECS_ECS_CALLS_H

#include "fakes/aws/json.h"
#include "fakes/aws/shape.h"
#include "fakes/ecs/plane.h"

struct ecs_call {
    const char *name;
    const char *group;
    const struct shape *shape;
    void (*handle)(struct plane *p, struct exchange *x, const json_t *body);
};

/* NULL when there is no such operation. */
const struct ecs_call *ecs_call_find(const char *name);

void ecs_register_container_instance(struct plane *p, struct exchange *x, const json_t *body);
void ecs_discover_poll_endpoint(struct plane *p, struct exchange *x, const json_t *body);
void ecs_create_cluster(struct plane *p, struct exchange *x, const json_t *body);

void ecs_submit_task(struct plane *p, struct exchange *x, const json_t *body);
void ecs_submit_container(struct plane *p, struct exchange *x, const json_t *body);
void ecs_submit_attachments(struct plane *p, struct exchange *x, const json_t *body);

void ecs_update_instances_state(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_tags(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_clusters(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_clusters(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_instances(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_instances(struct plane *p, struct exchange *x, const json_t *body);
void ecs_deregister_instance(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_tasks(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_tasks(struct plane *p, struct exchange *x, const json_t *body);

/* The cluster of body's "cluster", or NULL after the error of that type was answered. */
struct plane_cluster *ecs_need_cluster(struct plane *p, struct exchange *x, const json_t *body,
                                       const char *error_type);

/* The list of tags behind an ARN, to be changed in place; NULL when there is no such thing. */
json_t **ecs_tags_of(struct plane *p, const char *arn);

#endif
