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
/* One after the other, those of agents first; NULL behind the last. */
const struct ecs_call *ecs_call_at(size_t i);

void ecs_register_container_instance(struct plane *p, struct exchange *x, const json_t *body);
void ecs_discover_poll_endpoint(struct plane *p, struct exchange *x, const json_t *body);
void ecs_create_cluster(struct plane *p, struct exchange *x, const json_t *body);

void ecs_submit_task(struct plane *p, struct exchange *x, const json_t *body);
void ecs_submit_container(struct plane *p, struct exchange *x, const json_t *body);
void ecs_submit_attachments(struct plane *p, struct exchange *x, const json_t *body);

void ecs_update_instances_state(struct plane *p, struct exchange *x, const json_t *body);

/* --- what people call ------------------------------------------------------------------ */

extern const struct ecs_call ecs_people_calls[];
extern const size_t ecs_n_people_calls;

/* ecs_clusters.c */
void ecs_describe_clusters(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_clusters(struct plane *p, struct exchange *x, const json_t *body);
void ecs_delete_cluster(struct plane *p, struct exchange *x, const json_t *body);
void ecs_update_cluster(struct plane *p, struct exchange *x, const json_t *body);

/* ecs_providers.c */
void ecs_put_capacity_providers(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_capacity_providers(struct plane *p, struct exchange *x, const json_t *body);
void ecs_create_provider(struct plane *p, struct exchange *x, const json_t *body);
void ecs_update_provider(struct plane *p, struct exchange *x, const json_t *body);
void ecs_delete_provider(struct plane *p, struct exchange *x, const json_t *body);
/* True after the error when body has a capacityProviderStrategy. */
bool ecs_refuse_strategy(struct exchange *x, const json_t *body);
/* By name or ARN; NULL when there is none that was made. */
struct plane_provider *ecs_provider(const struct plane *p, const char *name_or_arn);

/* ecs_instances.c */
void ecs_describe_instances(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_instances(struct plane *p, struct exchange *x, const json_t *body);
void ecs_deregister_instance(struct plane *p, struct exchange *x, const json_t *body);
void ecs_update_agent(struct plane *p, struct exchange *x, const json_t *body);
void ecs_put_attributes(struct plane *p, struct exchange *x, const json_t *body);
void ecs_delete_attributes(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_attributes(struct plane *p, struct exchange *x, const json_t *body);

/* ecs_definitions.c */
void ecs_register_definition(struct plane *p, struct exchange *x, const json_t *body);
void ecs_deregister_definition(struct plane *p, struct exchange *x, const json_t *body);
void ecs_delete_definitions(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_definition(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_definitions(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_families(struct plane *p, struct exchange *x, const json_t *body);

/* ecs_run.c, ecs_tasks.c */
void ecs_run_task(struct plane *p, struct exchange *x, const json_t *body);
void ecs_start_task(struct plane *p, struct exchange *x, const json_t *body);
void ecs_stop_task(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_tasks(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_tasks(struct plane *p, struct exchange *x, const json_t *body);
void ecs_get_protection(struct plane *p, struct exchange *x, const json_t *body);
void ecs_update_protection(struct plane *p, struct exchange *x, const json_t *body);
void ecs_execute_command(struct plane *p, struct exchange *x, const json_t *body);

/* ecs_services.c */
void ecs_create_service(struct plane *p, struct exchange *x, const json_t *body);
void ecs_update_service(struct plane *p, struct exchange *x, const json_t *body);
void ecs_delete_service(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_services(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_services(struct plane *p, struct exchange *x, const json_t *body);
/* True after the error when body has volumeConfigurations. */
bool ecs_refuse_volumes(struct exchange *x, const json_t *body);
void ecs_list_services_by_namespace(struct plane *p, struct exchange *x, const json_t *body);

/* ecs_deployments.c */
void ecs_list_service_deployments(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_service_deployments(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_service_revisions(struct plane *p, struct exchange *x, const json_t *body);
void ecs_stop_service_deployment(struct plane *p, struct exchange *x, const json_t *body);

/* ecs_task_sets.c */
void ecs_create_task_set(struct plane *p, struct exchange *x, const json_t *body);
void ecs_update_task_set(struct plane *p, struct exchange *x, const json_t *body);
void ecs_update_primary_task_set(struct plane *p, struct exchange *x, const json_t *body);
void ecs_delete_task_set(struct plane *p, struct exchange *x, const json_t *body);
void ecs_describe_task_sets(struct plane *p, struct exchange *x, const json_t *body);

/* ecs_tags.c */
void ecs_list_tags(struct plane *p, struct exchange *x, const json_t *body);
void ecs_tag_resource(struct plane *p, struct exchange *x, const json_t *body);
void ecs_untag_resource(struct plane *p, struct exchange *x, const json_t *body);
void ecs_list_account_settings(struct plane *p, struct exchange *x, const json_t *body);
void ecs_put_account_setting(struct plane *p, struct exchange *x, const json_t *body);
void ecs_delete_account_setting(struct plane *p, struct exchange *x, const json_t *body);

/* --- what they share (ecs_answers.c) --------------------------------------------------- */

/* An InvalidParameterException with this text. */
void ecs_invalid(struct exchange *x, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ecs_run.c: the ACTIVE definition that the body's taskDefinition names; NULL: the exchange was
 * refused. missing: the text when it names none. */
struct plane_definition *ecs_definition(struct plane *p, struct exchange *x, const json_t *body,
                                        const char *missing);

/* True when "include" holds the word. */
bool ecs_includes(const json_t *body, const char *word);

/* The list under member when it has 1 to max items, else NULL after the error. */
json_t *ecs_need_list(struct exchange *x, const json_t *body, const char *member, size_t max);

/* Answers {member: found, "failures": failures}; both stolen. */
void ecs_answer_found(struct exchange *x, const char *member, json_t *found, json_t *failures);
void ecs_add_failure(json_t *failures, const char *arn, const char *reason);
/* The same for what was named by id or ARN: the ARN is made up. */
void ecs_add_missing(json_t *failures, const char *kind, const struct plane_cluster *c,
                     const char *name, const char *reason);

/* What a call does with each of the names that it is given. */
struct ecs_each {
    const char *names;  /* the member that holds the names, 1 to max */
    const char *answer; /* the member that holds what was found */
    const char *kind;   /* what is missing, as ARNs call it */
    size_t max;
    /* What the answer says of this one; NULL: a failure, MISSING or *ret_why. */
    json_t *(*one)(struct plane *p, struct plane_cluster *c, const char *name, const json_t *body,
                   const char **ret_why);
};

/* Answers such a call: a cluster that has to be there, a list of names, failures. */
void ecs_answer_each(struct plane *p, struct exchange *x, const json_t *body,
                     const struct ecs_each *each);

/* Answers {member: a page of list, nextToken?} as maxResults and nextToken ask; list is stolen. */
void ecs_answer_page(struct exchange *x, const json_t *body, const char *member, json_t *list,
                     int64_t usual);

/* Answers {member: value}; stolen. */
void ecs_answer_one(struct exchange *x, const char *member, json_t *value);

/* Up to 50 tags with keys and values of the lengths allowed; false after the error. */
bool ecs_check_tags(struct exchange *x, const json_t *tags);

/* The cluster of body's "cluster", or NULL after the error of that type was answered. */
struct plane_cluster *ecs_need_cluster(struct plane *p, struct exchange *x, const json_t *body,
                                       const char *error_type);

/* The list of tags behind an ARN, to be changed in place; NULL when there is no such thing. */
json_t **ecs_tags_of(struct plane *p, const char *arn);

#endif
