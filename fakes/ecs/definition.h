/*
 * definition.h - task definitions: families of numbered revisions.
 *
 * A definition is kept as the API shows it, with the defaults of ECS filled in
 * (essential, cpu, protocol, hostPort ...). It is never changed, but for its
 * status, and lives as long as the plane does: a task points at the one it runs.
 *
 * Wording of errors: what the service says where that is known from its
 * answers ("Container.image should not be null or empty."), else in its manner.
 */
#ifndef FAKES_ECS_DEFINITION_H
#define FAKES_ECS_DEFINITION_H

#include "fakes/aws/shape.h"
#include "fakes/ecs/plane.h"

#define DEFINITION_CONTAINERS_MAX 10
#define DEFINITION_FAMILIES_MAX   100000
#define DEFINITION_REVISIONS_MAX  100000

enum definition_status {
    DEFINITION_ACTIVE,
    DEFINITION_INACTIVE,
    DEFINITION_DELETING, /* "DELETE_IN_PROGRESS": for ever, as long as a task uses it */
    DEFINITION_STATUS_MAX,
};
STRTAB_DECLARE(definition_status, enum definition_status);

struct plane_definition {
    struct plane_family *family;
    int64_t revision;
    char *arn;
    enum definition_status status;
    json_t *doc; /* as the API shows it, less what changes: status and times */
    json_t *tags;
    int64_t registered_at, deregistered_at; /* wall; 0: not */
};

struct plane_family {
    char *name;
    struct plane_definition **list; /* revision 1 first */
    size_t n, cap;
};

/*
 * Checks a RegisterTaskDefinition request that has the shape of one. Returns NULL when it is
 * good, else why not, to be freed: the message of a ClientException.
 */
char *definition_check(const json_t *request);

/* Takes a request that was checked. NULL when there are too many. */
struct plane_definition *definition_add(struct plane *p, const json_t *request);

/* "family" (its newest ACTIVE revision), "family:revision" or an ARN; NULL when there is none. */
struct plane_definition *definition_find(const struct plane *p, const char *name);

void definition_set_status(struct plane *p, struct plane_definition *d,
                           enum definition_status status);

/* As DescribeTaskDefinition shows it; a new reference. */
json_t *definition_json(const struct plane_definition *d);

/* The container of that name in the definition, or NULL. */
json_t *definition_container(const struct plane_definition *d, const char *name);

/* Names of attributes an instance has to have for it, as objects {name}; a new list. */
json_t *definition_attributes(const json_t *doc);

/*
 * Task sizes as people write them: CPU units "256" or "0.25 vCPU", MiB "512" or "0.5 GB".
 * -1 when it is neither.
 */
int definition_cpu(const char *text, int64_t *ret);
int definition_memory(const char *text, int64_t *ret);

void definitions_clear(struct plane *p);

/* The shape of RegisterTaskDefinition, and of the overrides of RunTask. */
extern const struct shape definition_shape, definition_overrides_shape, definition_logging_shape;

#endif
