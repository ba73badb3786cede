/* ecs_calls.h: service deployments and service revisions. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/service_history.h"

#define PAGE      20
#define NAMES_MAX 20

void ecs_list_service_deployments(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_service *s = c ? service_find(p, c, json_str(body, "service")) : NULL;
    const json_t *at = json_object_get(body, "createdAt");

    if (!c)
        return;
    if (!s) {
        aws_json_error(x, 0, "ServiceNotFoundException", "Service not found.");
        return;
    }
    ecs_answer_page(x, body, "serviceDeployments",
                    history_list(p, s, json_object_get(body, "status"),
                                 json_number_value(json_object_get(at, "after")),
                                 json_number_value(json_object_get(at, "before"))),
                    PAGE);
}

static void describe(struct plane *p, struct exchange *x, const json_t *body, const char *names,
                     const char *answer, json_t *(*one)(const struct plane *p, const char *arn))
{
    json_t *list = ecs_need_list(x, body, names, NAMES_MAX), *found, *failures, *arn;
    size_t i;

    if (!list)
        return;
    found = json_array();
    failures = json_array();
    json_array_foreach (list, i, arn) {
        json_t *v = one(p, json_string_value(arn));

        if (v)
            json_array_append_new(found, v);
        else
            ecs_add_failure(failures, json_string_value(arn), "MISSING");
    }
    ecs_answer_found(x, answer, found, failures);
}

void ecs_describe_service_deployments(struct plane *p, struct exchange *x, const json_t *body)
{
    describe(p, x, body, "serviceDeploymentArns", "serviceDeployments", history_deployment);
}

void ecs_describe_service_revisions(struct plane *p, struct exchange *x, const json_t *body)
{
    describe(p, x, body, "serviceRevisionArns", "serviceRevisions", history_revision);
}

/* It goes back to what was rolled out before; the answer says which deployment that ends. */
void ecs_stop_service_deployment(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *arn = json_str(body, "serviceDeploymentArn"), *how = json_str(body, "stopType");
    struct plane_service *s = arn ? history_under_way(p, arn) : NULL;
    json_t *there = arn ? history_deployment(p, arn) : NULL;

    if (!arn)
        ecs_invalid(x, "serviceDeploymentArn can not be null.");
    else if (!there)
        aws_json_error(x, 0, "ServiceDeploymentNotFoundException", "Service deployment not found.");
    else if (how && !str_eq(how, "ROLLBACK"))
        ecs_invalid(x, "Invalid stopType '%s'. The valid value is ROLLBACK.", how);
    else if (!s)
        aws_json_error(x, 0, "ConflictException",
                       "The service deployment is not in progress and cannot be stopped.");
    else if (service_roll_back(p, s, "Service deployment was stopped by the user.") < 0)
        aws_json_error(x, 0, "ConflictException",
                       "There is no service revision that the service could be rolled back to.");
    else
        ecs_answer_one(x, "serviceDeploymentArn", json_string(arn));
    json_decref(there);
}
