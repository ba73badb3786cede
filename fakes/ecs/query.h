/*
 * query.h - the cluster query language: which container instances fit?
 *
 *     attribute:ecs.instance-type == t2.small and attribute:stack in [prod, test]
 *     not(task:group == service:web) && attribute:gpu exists
 *     agentVersion >= 1.70.0
 *
 * Subjects: agentConnected, agentVersion, ec2InstanceId, registeredAt,
 * runningTasksCount, attribute:NAME, task:group. Operators: == != > >= < <= with
 * their words (equals, not_equals, greater_than ...), =~ and !~ (regular
 * expressions), in, !in, exists, !exists; and, or, not, && || !, brackets.
 * (Amazon ECS Developer Guide, "Cluster query language".)
 *
 * A query owns what it points at. Nesting and length are limited.
 */
#ifndef FAKES_ECS_QUERY_H
#define FAKES_ECS_QUERY_H

#include "fakes/ecs/plane.h"

#define QUERY_LENGTH_MAX 2000
#define QUERY_DEPTH_MAX  32

struct query;

/* NULL with ERR_PARSE: what was expected, and at which character. */
struct query *query_parse(const char *text, struct err *e);
void query_free(struct query *q);

bool query_matches(const struct query *q, const struct plane *p, const struct plane_instance *i);

#endif
