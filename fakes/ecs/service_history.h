/*
 * service_history.h - what services were changed to: service deployments and service revisions.
 *
 * A revision is what tasks are made of (task definition, network): each change of it is a new
 * one. A service deployment is the way from the revisions that ran to the one that shall run; it
 * is kept when it has ended. A rollback belongs to the deployment that failed and goes back to the
 * last revision that was rolled out whole.
 *
 * Shapes are those of DescribeServiceDeployments and DescribeServiceRevisions; counts are of
 * now while the deployment is under way and of its end afterwards. Both are freed with the service.
 */
#ifndef FAKES_ECS_SERVICE_HISTORY_H
#define FAKES_ECS_SERVICE_HISTORY_H

#include "fakes/ecs/service.h"

/* Of each service; the oldest are forgotten. */
#define SERVICE_HISTORY_MAX 100

/* For service.c. The deployment at the head of s is new: it begins a service deployment, or goes on
 * with the one that rolls back. */
void history_deployed(struct plane *p, struct plane_service *s);
/* The head runs as it shall. */
void history_completed(struct plane *p, struct plane_service *s);
/* The head failed, and back: it will be rolled back, for this reason. */
void history_failed(struct plane *p, struct plane_service *s, bool back, const char *reason);

/* The service deployment or revision of that ARN as it is shown; NULL when there is none. */
json_t *history_deployment(const struct plane *p, const char *arn);
json_t *history_revision(const struct plane *p, const char *arn);
/* Short forms, newest first; those of one of the statuses (NULL: all) made between the two
 * (seconds since 1970). */
json_t *history_list(const struct plane *p, const struct plane_service *s, const json_t *statuses,
                     double after, double before);
/* The service that this is the latest deployment of and under way; NULL: it is not. */
struct plane_service *history_under_way(const struct plane *p, const char *arn);

/* currentServiceDeployment and currentServiceRevisions of a service. */
void history_current(const struct plane *p, const struct plane_service *s, json_t *service);

#endif
