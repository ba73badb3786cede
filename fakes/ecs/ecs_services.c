/* ecs_calls.h: services. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "fakes/ecs/place.h"
#include "fakes/ecs/service.h"

#define PAGE         10
#define DESCRIBE_MAX 10
#define DESIRED_MAX  5000

/* What a service shows as it was given. */
static const char *const given[] = {
    "networkConfiguration", "placementConstraints", "placementStrategy",
    "loadBalancers",        "serviceRegistries",    "healthCheckGracePeriodSeconds",
    "propagateTags",        "launchType",           "deploymentController"};

static bool is_external(const json_t *body)
{
    return str_eq(json_str(json_object_get(body, "deploymentController"), "type"), "EXTERNAL");
}

static bool is_service_name(const char *s)
{
    size_t n = strlen(s);

    return n && n <= 255 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

/* --- checks ---------------------------------------------------------------------------- */

static struct plane_service *need_service(struct plane *p, struct exchange *x, const json_t *body,
                                          const struct plane_cluster *c)
{
    struct plane_service *s = c ? service_find(p, c, json_str(body, "service")) : NULL;

    if (c && !s)
        aws_json_error(x, 0, "ServiceNotFoundException", "Service not found.");
    return s;
}

static int check_placement(struct exchange *x, const json_t *body)
{
    struct place pl = {0};
    struct err e = ERR_INIT;
    int r = 0;

    if (place_constrain(&pl, json_object_get(body, "placementConstraints"), &e) < 0 ||
        place_by(&pl, json_object_get(body, "placementStrategy"), &e) < 0) {
        ecs_invalid(x, "%s", e.text);
        r = -1;
    }
    place_release(&pl);
    return r;
}

static int check_numbers(struct exchange *x, const json_t *body)
{
    const json_t *d = json_object_get(body, "deploymentConfiguration");
    int64_t n = json_int(body, "desiredCount", 0), least = json_int(d, "minimumHealthyPercent", 0);
    int64_t most = json_int(d, "maximumPercent", 200);

    if (n < 0 || n > DESIRED_MAX)
        ecs_invalid(x, "desiredCount has to be 0 to %d.", DESIRED_MAX);
    else if (least < 0 || least > 100)
        ecs_invalid(x, "minimumHealthyPercent has to be 0 to 100.");
    else if (most < 1 || most > 10000 || (d && most == 100 && least == 100))
        ecs_invalid(x, "maximumPercent has to leave room for a deployment: more than 100 when "
                       "minimumHealthyPercent is 100.");
    else
        return 0;
    return -1;
}

bool ecs_refuse_volumes(struct exchange *x, const json_t *body)
{
    if (!json_array_size(json_object_get(body, "volumeConfigurations")))
        return false;
    ecs_invalid(x, "Volumes that are configured at launch are not offered here.");
    return true;
}

/* What came after the rolling update is refused: it would not be what is asked for. */
static int check_way(struct exchange *x, const json_t *body)
{
    const json_t *d = json_object_get(body, "deploymentConfiguration");
    const char *strategy = json_str(d, "strategy");

    if (strategy && !str_eq(strategy, "ROLLING"))
        ecs_invalid(x, "The deployment strategy %s is not offered here.", strategy);
    else if (json_array_size(json_object_get(d, "lifecycleHooks")))
        ecs_invalid(x, "Lifecycle hooks are not supported with the ROLLING deployment strategy "
                       "here.");
    else if (json_bool(json_object_get(d, "alarms"), "enable", false))
        ecs_invalid(x, "Deployment alarms are not offered here: there is no CloudWatch.");
    else if (!ecs_refuse_volumes(x, body))
        return 0;
    return -1;
}

static int check_offer(struct exchange *x, const json_t *body)
{
    const char *type = json_str(body, "launchType");
    const char *by = json_str(json_object_get(body, "deploymentController"), "type");
    const char *strategy = json_str(body, "schedulingStrategy");

    if (type && !str_eq(type, "EC2") && !str_eq(type, "EXTERNAL"))
        ecs_invalid(x, "The launch type %s is not offered here: tasks run on container instances.",
                    type);
    else if (by && !str_eq(by, "ECS") && !str_eq(by, "EXTERNAL"))
        ecs_invalid(x, "The deployment controller %s is not offered here.", by);
    else if (strategy && !str_eq(strategy, "REPLICA") && !str_eq(strategy, "DAEMON"))
        ecs_invalid(x, "Invalid scheduling strategy '%s'.", strategy);
    else if (check_way(x, body) == 0 && !ecs_refuse_strategy(x, body))
        return 0;
    return -1;
}

/* --- create, update, delete ------------------------------------------------------------ */

static void take_numbers(struct plane_service *s, const json_t *body)
{
    const json_t *d = json_object_get(body, "deploymentConfiguration");
    const json_t *b = json_object_get(d, "deploymentCircuitBreaker");

    s->desired = json_int(body, "desiredCount", s->desired);
    s->min_percent = json_int(d, "minimumHealthyPercent", s->min_percent);
    s->max_percent = json_int(d, "maximumPercent", s->max_percent);
    s->breaker = json_bool(b, "enable", s->breaker);
    s->rollback = json_bool(b, "rollback", s->rollback);
    s->exec = json_bool(body, "enableExecuteCommand", s->exec);
    s->managed_tags = json_bool(body, "enableECSManagedTags", s->managed_tags);
    if (json_is_object(json_object_get(body, "serviceConnectConfiguration"))) {
        json_decref(s->connect);
        s->connect = json_deep_copy(json_object_get(body, "serviceConnectConfiguration"));
    }
    for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
        json_t *v = json_object_get(body, given[i]);

        if (v && !json_is_null(v))
            json_put(s->given, given[i], json_deep_copy(v));
    }
}

static bool is_same(const struct plane_service *s, const struct plane_definition *d,
                    const json_t *body)
{
    const char *token = json_str(body, "clientToken");

    if (token && str_eq(s->client_token, token))
        return true;
    return (s->external ? !d : s->deployments[0].definition == d) &&
           s->desired == json_int(body, "desiredCount", s->daemon ? s->desired : 0) &&
           s->daemon == str_eq(json_str(body, "schedulingStrategy"), "DAEMON");
}

static void create(struct plane *p, struct exchange *x, const json_t *body, struct plane_cluster *c,
                   struct plane_definition *d)
{
    struct plane_service *s = service_add(p, c, json_str(body, "serviceName"));

    if (!s) {
        aws_json_error(x, 0, "LimitExceededException", "There are too many services.");
        return;
    }
    s->daemon = str_eq(json_str(body, "schedulingStrategy"), "DAEMON");
    s->external = is_external(body);
    s->client_token = xstrdup(json_str(body, "clientToken"));
    if (s->daemon) {
        s->min_percent = 0;
        s->max_percent = 100;
    }
    json_put_str(s->given, "launchType", s->external ? NULL : "EC2");
    take_numbers(s, body);
    if (json_array_size(json_object_get(body, "tags"))) {
        json_decref(s->tags);
        s->tags = json_deep_copy(json_object_get(body, "tags"));
    }
    if (!s->external)
        service_deploy(p, s, d);
    ecs_answer_one(x, "service", service_json(p, s, true));
}

/* What tasks are made of is said of each task set. */
static int check_external(struct exchange *x, const json_t *body)
{
    static const char *const of_sets[] = {"taskDefinition",  "launchType",
                                          "platformVersion", "networkConfiguration",
                                          "loadBalancers",   "serviceRegistries"};

    for (size_t i = 0; i < ARRAY_SIZE(of_sets); i++) {
        const json_t *v = json_object_get(body, of_sets[i]);

        if (v && !json_is_null(v)) {
            ecs_invalid(x,
                        "%s is not supported for a service with the deployment controller type "
                        "EXTERNAL. Specify it in the task set.",
                        of_sets[i]);
            return -1;
        }
    }
    if (!str_eq(json_str(body, "schedulingStrategy"), "DAEMON"))
        return 0;
    ecs_invalid(x, "The DAEMON scheduling strategy is not supported with the deployment "
                   "controller type EXTERNAL.");
    return -1;
}

void ecs_create_service(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    const char *name = json_str(body, "serviceName");
    bool daemon = str_eq(json_str(body, "schedulingStrategy"), "DAEMON");
    struct plane_definition *d;
    struct plane_service *s;

    if (!c)
        return;
    if (!name || !is_service_name(name)) {
        ecs_invalid(x, "Invalid service name.");
        return;
    }
    if (!daemon && !json_object_get(body, "desiredCount")) {
        ecs_invalid(x, "desiredCount can not be null.");
        return;
    }
    d = is_external(body) ? NULL : ecs_definition(p, x, body, "TaskDefinition can not be blank.");
    if ((is_external(body) ? check_external(x, body) < 0 : !d) || check_offer(x, body) < 0 ||
        check_numbers(x, body) < 0 || check_placement(x, body) < 0 ||
        !ecs_check_tags(x, json_object_get(body, "tags")))
        return;
    s = service_find(p, c, name);
    if (!s || str_eq(s->status, "INACTIVE"))
        create(p, x, body, c, d);
    else if (str_eq(s->status, "DRAINING"))
        ecs_invalid(x, "Unable to Start a service that is still Draining.");
    else if (is_same(s, d, body))
        ecs_answer_one(x, "service", service_json(p, s, true));
    else
        ecs_invalid(x, "Creation of service was not idempotent.");
}

/* Placement, network and their like are part of what is deployed. */
static bool wants_deployment(const struct plane_service *s, const struct plane_definition *d,
                             const json_t *body)
{
    static const char *const parts[] = {"networkConfiguration", "placementConstraints",
                                        "placementStrategy"};

    if (d != s->deployments[0].definition || json_bool(body, "forceNewDeployment", false))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const json_t *v = json_object_get(body, parts[i]);

        if (v && !json_is_null(v) && !json_equal(v, json_object_get(s->given, parts[i])))
            return true;
    }
    return false;
}

static void update_external(struct plane *p, struct exchange *x, const json_t *body,
                            struct plane_service *s)
{
    if (check_external(x, body) < 0 || check_way(x, body) < 0 || check_numbers(x, body) < 0)
        return;
    take_numbers(s, body);
    service_kick(p);
    ecs_answer_one(x, "service", service_json(p, s, true));
}

void ecs_update_service(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_service *s = need_service(p, x, body, c);
    struct plane_definition *d;
    bool deploy;

    if (!s)
        return;
    if (!str_eq(s->status, "ACTIVE")) {
        aws_json_error(x, 0, "ServiceNotActiveException", "Service was not ACTIVE.");
        return;
    }
    if (s->external) {
        update_external(p, x, body, s);
        return;
    }
    d = json_str(body, "taskDefinition")
            ? ecs_definition(p, x, body, "TaskDefinition can not be blank.")
            : s->deployments[0].definition;
    if (!d || check_way(x, body) < 0 || ecs_refuse_strategy(x, body) ||
        check_numbers(x, body) < 0 || check_placement(x, body) < 0)
        return;
    if (s->daemon && json_object_get(body, "desiredCount")) {
        ecs_invalid(x, "The daemon scheduling strategy does not support a desired count.");
        return;
    }
    deploy = wants_deployment(s, d, body);
    take_numbers(s, body);
    s->steady = false;
    if (deploy)
        service_deploy(p, s, d);
    service_kick(p);
    ecs_answer_one(x, "service", service_json(p, s, true));
}

void ecs_delete_service(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    struct plane_service *s = need_service(p, x, body, c);

    if (!s)
        return;
    if (str_eq(s->status, "INACTIVE")) {
        aws_json_error(x, 0, "ServiceNotActiveException", "Service was not ACTIVE.");
        return;
    }
    if (s->desired > 0 && !s->daemon && !json_bool(body, "force", false)) {
        ecs_invalid(x, "The service cannot be stopped while it is scaled above 0.");
        return;
    }
    if (str_eq(s->status, "ACTIVE"))
        service_drain(p, s);
    ecs_answer_one(x, "service", service_json(p, s, true));
}

/* --- describe, list -------------------------------------------------------------------- */

static json_t *describe_one(struct plane *p, struct plane_cluster *c, const char *name,
                            const json_t *body, const char **ret_why)
{
    const struct plane_service *s = service_find(p, c, name);

    (void)ret_why;
    return s ? service_json(p, s, ecs_includes(body, "TAGS")) : NULL;
}

void ecs_describe_services(struct plane *p, struct exchange *x, const json_t *body)
{
    static const struct ecs_each each = {"services", "services", "service", DESCRIBE_MAX,
                                         describe_one};

    ecs_answer_each(p, x, body, &each);
}

void ecs_list_services(struct plane *p, struct exchange *x, const json_t *body)
{
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClusterNotFoundException");
    const char *type = json_str(body, "launchType"), *way = json_str(body, "schedulingStrategy");
    json_t *arns;
    void *v;

    if (!c)
        return;
    arns = json_array();
    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);) {
        const struct plane_service *s = v;

        if (s->cluster == c && !str_eq(s->status, "INACTIVE") &&
            (!type || str_eq(json_str(s->given, "launchType"), type)) &&
            (!way || str_eq(way, "DAEMON") == s->daemon))
            json_array_append_new(arns, json_string(s->arn));
    }
    ecs_answer_page(x, body, "serviceArns", arns, PAGE);
}

/* Those of all clusters whose Service Connect is in the namespace: by its name or its ARN. */
void ecs_list_services_by_namespace(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *name = json_str(body, "namespace");
    json_t *arns;
    void *v;

    if (!name || !*name) {
        ecs_invalid(x, "namespace can not be null.");
        return;
    }
    arns = json_array();
    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);) {
        const struct plane_service *s = v;
        const json_t *connect = s->connect;
        const char *in = json_str(connect, "namespace");

        if (!in)
            in = json_str(s->cluster->connect_defaults, "namespace");
        if (json_bool(connect, "enabled", false) && !str_eq(s->status, "INACTIVE") &&
            str_eq(in, name))
            json_array_append_new(arns, json_string(s->arn));
    }
    ecs_answer_page(x, body, "serviceArns", arns, PAGE);
}
