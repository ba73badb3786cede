/*
 * place.h - on which container instance may a task be?
 *
 * An instance has room as far as what it registered is not taken by tasks that
 * are not STOPPED. Reasons are the words of the API: RESOURCE:CPU,
 * RESOURCE:MEMORY, RESOURCE:PORTS, ATTRIBUTE, AGENT, INACTIVE, ...
 */
#ifndef FAKES_ECS_PLACE_H
#define FAKES_ECS_PLACE_H

#include "fakes/ecs/definition.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/query.h"

#define PLACE_CONSTRAINTS_MAX 10
#define PLACE_STRATEGIES_MAX  5

/* What is asked for. */
struct place {
    int64_t cpu, memory;
    json_t *tcp, *udp;        /* host ports; lists of integers */
    const json_t *attributes; /* of the definition: {name, value?} */
    struct query *queries[2 * PLACE_CONSTRAINTS_MAX];
    size_t n_queries;
    bool distinct; /* no two of `group` on one instance */
    const char *group;
    const json_t *strategy; /* list of {type, field}; NULL: spread over zones, then instances */
};

/* Zeroed memory is an empty one. */
void place_need(struct place *pl, const struct plane_definition *d, const json_t *overrides);
/* Adds constraints {type, expression}; -1 with ERR_PARSE when one makes no sense. */
int place_constrain(struct place *pl, const json_t *constraints, struct err *e);
/* -1 with ERR_PARSE when the strategy makes no sense; borrowed. */
int place_by(struct place *pl, const json_t *strategy, struct err *e);
void place_release(struct place *pl);

/* Why the instance cannot take it, static; NULL: it can. */
const char *place_refused(const struct plane *p, const struct place *pl,
                          const struct plane_instance *i);

/*
 * The instance of the cluster that takes it best, or NULL; then failures (unless it is NULL)
 * gets one {arn, reason} for each that was looked at.
 */
struct plane_instance *place_choose(struct plane *p, const struct place *pl,
                                    const struct plane_cluster *c, json_t *failures);

/* What is left of a registered resource of that name ("CPU", "PORTS"); a new reference. */
json_t *place_remaining(const struct plane *p, const struct plane_instance *i,
                        const json_t *resource);

#endif
