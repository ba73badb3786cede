/*
 * service_sets.h - task sets: the deployments of a service whose controller is EXTERNAL.
 *
 * Whoever deploys makes and deletes them and says which is the primary one; each has a share
 * of the service's desired count.
 */
#ifndef FAKES_ECS_SERVICE_SETS_H
#define FAKES_ECS_SERVICE_SETS_H

#include "fakes/ecs/service.h"

/* The PRIMARY deployment or task set; NULL when no set is. */
const struct service_deployment *service_primary(const struct plane_service *s);
/* By id or ARN; NULL when there is none. */
struct service_deployment *service_find_set(const struct plane_service *s, const char *name);
/* As DescribeTaskSets shows it; a new reference. */
json_t *service_set_json(const struct plane *p, const struct plane_service *s,
                         const struct service_deployment *d, bool tags);

#endif
