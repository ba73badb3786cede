#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/service.h"
#include "fakes/ecs/test/client.h"

static struct client client;
static struct client *const c = &client;
static struct peer session;
static char *instance;

#define DEFINITION                                                                                 \
    "{\"family\":\"%s\",\"containerDefinitions\":[{\"name\":\"m\",\"image\":\"b:1\",\"memory\":"   \
    "10}]}"

#define REGISTRATION                                                                               \
    "{\"cluster\":\"demo\",\"attributes\":[{\"name\":"                                             \
    "\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"}],\"totalResources\":["               \
    "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048},"                               \
    "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":1000}]}"

static int begin(void **state)
{
    json_t *v;

    (void)state;
    client_start(c);
    v = client_call(c, "RegisterContainerInstance", REGISTRATION);
    instance = xstrdup(client_text(v, "containerInstance.containerInstanceArn"));
    json_decref(v);
    client_connect_acs(c, &session, instance);
    json_decref(client_callf(c, "RegisterTaskDefinition", DEFINITION, "good"));
    json_decref(client_callf(c, "RegisterTaskDefinition", DEFINITION, "bad"));
    return c->status == 200 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    peer_close(&session);
    free(instance);
    client_stop(c);
    return 0;
}

static int64_t number(const json_t *v, const char *path)
{
    return json_integer_value(json_at(v, path));
}

static void call(const char *operation, const char *body)
{
    json_decref(client_call(c, operation, body));
    assert_int_equal(c->status, 200);
    peer_settle(c->w);
}

/* The tasks of a definition that shall run are said to be this, those that shall not to be stopped.
 */
static void submit(const char *family, const char *status)
{
    void *v;

    peer_settle(c->w);
    for (size_t i = 0; map_next(&client_plane(c)->tasks, &i, NULL, &v);) {
        struct plane_task *t = v;

        if (t->last != PLANE_TASK_STOPPED && str_eq(t->launch->definition->family->name, family))
            json_decref(client_callf(c, "SubmitTaskStateChange",
                                     "{\"cluster\":\"demo\",\"task\":\"%s\",\"status\":\"%s\"}",
                                     t->arn,
                                     t->desired == PLANE_TASK_STOPPED ? "STOPPED" : status));
    }
    peer_settle(c->w);
}

/* The newest service deployment as it is described, to be unreferenced. */
static json_t *latest(void)
{
    json_t *list =
        client_call(c, "ListServiceDeployments", "{\"cluster\":\"demo\",\"service\":\"s\"}");
    const json_t *first = json_array_get(json_at(list, "serviceDeployments"), 0);
    json_t *answer =
        client_callf(c, "DescribeServiceDeployments", "{\"serviceDeploymentArns\":[\"%s\"]}",
                     client_text(first, "serviceDeploymentArn"));
    json_t *one = json_incref(json_array_get(json_at(answer, "serviceDeployments"), 0));

    assert_string_equal(client_text(one, "targetServiceRevision.arn"),
                        client_text(first, "targetServiceRevisionArn"));
    assert_string_equal(client_text(one, "status"), client_text(first, "status"));
    json_decref(answer);
    json_decref(list);
    return one;
}

static void create(const char *breaker)
{
    json_decref(client_callf(c, "CreateService",
                             "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":"
                             "\"good\",\"desiredCount\":2,"
                             "\"deploymentConfiguration\":{\"deploymentCircuitBreaker\":%s}}",
                             breaker));
    assert_int_equal(c->status, 200);
    submit("good", "RUNNING");
}

static void a_deployment_is_counted_and_kept_when_it_has_ended(void **state)
{
    json_t *d, *v;

    (void)state;
    create("{\"enable\":false,\"rollback\":false}");
    d = latest();
    assert_string_equal(client_text(d, "status"), "SUCCESSFUL");
    assert_int_equal(number(d, "targetServiceRevision.runningTaskCount"), 2);
    assert_int_equal(json_array_size(json_at(d, "sourceServiceRevisions")), 0);
    assert_non_null(json_at(d, "finishedAt"));
    assert_string_equal(client_text(d, "deploymentCircuitBreaker.status"), "DISABLED");
    v = client_callf(c, "DescribeServiceRevisions",
                     "{\"serviceRevisionArns\":[\"%s\",\"arn:none\"]}",
                     client_text(d, "targetServiceRevision.arn"));
    assert_non_null(
        strstr(client_text(json_array_get(json_at(v, "serviceRevisions"), 0), "taskDefinition"),
               "/good:1"));
    assert_string_equal(client_text(json_array_get(json_at(v, "failures"), 0), "reason"),
                        "MISSING");
    json_decref(v);
    json_decref(d);
    call("UpdateService", "{\"cluster\":\"demo\",\"service\":\"s\",\"taskDefinition\":\"bad\"}");
    d = latest();
    assert_string_equal(client_text(d, "status"), "IN_PROGRESS");
    assert_int_equal(number(d, "targetServiceRevision.requestedTaskCount"), 2);
    assert_int_equal(number(d, "targetServiceRevision.pendingTaskCount"), 2);
    assert_int_equal(
        number(json_array_get(json_at(d, "sourceServiceRevisions"), 0), "runningTaskCount"), 2);
    json_decref(d);
    call("UpdateService", "{\"cluster\":\"demo\",\"service\":\"s\",\"taskDefinition\":\"good\"}");
    v = client_call(c, "ListServiceDeployments",
                    "{\"cluster\":\"demo\",\"service\":\"s\",\"status\":[\"STOPPED\"]}");
    assert_int_equal(json_array_size(json_at(v, "serviceDeployments")), 1);
    json_decref(v);
    v = client_call(c, "ListServiceDeployments",
                    "{\"cluster\":\"demo\",\"service\":\"s\",\"maxResults\":2}");
    assert_int_equal(json_array_size(json_at(v, "serviceDeployments")), 2);
    assert_string_not_equal(client_text(v, "nextToken"), "");
    json_decref(v);
    v = client_call(
        c, "ListServiceDeployments",
        "{\"cluster\":\"demo\",\"service\":\"s\",\"createdAt\":{\"before\":1000000000}}");
    assert_int_equal(json_array_size(json_at(v, "serviceDeployments")), 0);
    json_decref(v);
}

/* Tasks of "bad" fail as often as it takes; the pauses between are not waited for. */
static void fail_until(const char *status)
{
    struct plane_service *s =
        service_find(client_plane(c), plane_cluster(client_plane(c), "demo"), "s");

    for (int i = 0; i < 5; i++) {
        json_t *d = latest();
        bool there = str_eq(client_text(d, "status"), status);

        json_decref(d);
        if (there)
            return;
        submit("bad", "STOPPED");
        if (s->deployments[0].not_before < INT64_MAX)
            s->deployments[0].not_before = 0;
        service_kick(client_plane(c));
    }
    fail_msg("never %s", status);
}

static void the_circuit_breaker_rolls_back_within_the_same_deployment(void **state)
{
    json_t *d, *v;
    char *first, *arn;

    (void)state;
    create("{\"enable\":true,\"rollback\":true}");
    d = latest();
    first = xstrdup(client_text(d, "targetServiceRevision.arn"));
    assert_string_equal(client_text(d, "deploymentCircuitBreaker.status"), "MONITORING_COMPLETE");
    json_decref(d);
    call("UpdateService", "{\"cluster\":\"demo\",\"service\":\"s\",\"taskDefinition\":\"bad\"}");
    d = latest();
    arn = xstrdup(client_text(d, "serviceDeploymentArn"));
    json_decref(d);
    fail_until("ROLLBACK_IN_PROGRESS");
    d = latest();
    assert_string_equal(client_text(d, "serviceDeploymentArn"), arn);
    assert_string_equal(client_text(d, "rollback.serviceRevisionArn"), first);
    assert_string_equal(client_text(d, "deploymentCircuitBreaker.status"), "TRIGGERED");
    assert_int_equal(number(d, "deploymentCircuitBreaker.threshold"), 3);
    json_decref(d);
    for (int i = 0; i < 4; i++) {
        submit("good", "RUNNING");
        submit("bad", "STOPPED");
    }
    d = latest();
    assert_string_equal(client_text(d, "serviceDeploymentArn"), arn);
    assert_string_equal(client_text(d, "status"), "ROLLBACK_SUCCESSFUL");
    json_decref(d);
    v = client_call(c, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"s\"]}");
    d = json_array_get(json_at(v, "services"), 0);
    assert_string_equal(client_text(d, "currentServiceDeployment"), arn);
    assert_string_equal(
        client_text(json_array_get(json_at(d, "currentServiceRevisions"), 0), "arn"), first);
    json_decref(v);
    free(first);
    free(arn);
}

static void without_a_rollback_the_deployment_that_fails_is_stopped(void **state)
{
    json_t *d;

    (void)state;
    create("{\"enable\":true,\"rollback\":false}");
    call("UpdateService", "{\"cluster\":\"demo\",\"service\":\"s\",\"taskDefinition\":\"bad\"}");
    fail_until("STOPPED");
    d = latest();
    assert_non_null(json_at(d, "stoppedAt"));
    assert_null(json_at(d, "rollback"));
    assert_string_equal(client_text(d, "deploymentCircuitBreaker.status"), "TRIGGERED");
    json_decref(d);
}

static void refused(const char *body, const char *type)
{
    json_t *v = client_call(c, "StopServiceDeployment", body);

    assert_string_equal(client_text(v, "__type"), type);
    json_decref(v);
}

static void a_deployment_is_stopped_while_it_is_under_way(void **state)
{
    json_t *d, *v;
    char *ask;

    (void)state;
    create("{\"enable\":false,\"rollback\":false}");
    refused("{}", "InvalidParameterException");
    refused("{\"serviceDeploymentArn\":\"arn:none\"}", "ServiceDeploymentNotFoundException");
    d = latest();
    ask = xasprintf("{\"serviceDeploymentArn\":\"%s\"}", client_text(d, "serviceDeploymentArn"));
    refused(ask, "ConflictException"); /* it has ended */
    free(ask);
    json_decref(d);
    call("UpdateService", "{\"cluster\":\"demo\",\"service\":\"s\",\"taskDefinition\":\"bad\"}");
    d = latest();
    ask = xasprintf("{\"serviceDeploymentArn\":\"%s\",\"stopType\":\"ABORT\"}",
                    client_text(d, "serviceDeploymentArn"));
    refused(ask, "InvalidParameterException");
    free(ask);
    ask = xasprintf("{\"serviceDeploymentArn\":\"%s\"}", client_text(d, "serviceDeploymentArn"));
    v = client_call(c, "StopServiceDeployment", ask);
    assert_string_equal(client_text(v, "serviceDeploymentArn"),
                        client_text(d, "serviceDeploymentArn"));
    json_decref(v);
    json_decref(d);
    for (int i = 0; i < 4; i++) {
        submit("good", "RUNNING");
        submit("bad", "STOPPED");
    }
    d = latest();
    assert_string_equal(client_text(d, "status"), "ROLLBACK_SUCCESSFUL");
    json_decref(d);
    refused(ask, "ConflictException");
    free(ask);
}

static void what_is_no_rolling_update_is_refused(void **state)
{
    static const char *const parts[] = {
        "\"deploymentConfiguration\":{\"strategy\":\"BLUE_GREEN\"}",
        "\"deploymentConfiguration\":{\"alarms\":{\"alarmNames\":[\"a\"],\"enable\":true,"
        "\"rollback\":true}}",
        "\"volumeConfigurations\":[{\"name\":\"v\"}]",
        "\"capacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE\"}]",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        json_t *v =
            client_callf(c, "CreateService",
                         "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"good\","
                         "\"desiredCount\":1,%s}",
                         parts[i]);

        assert_string_equal(client_text(v, "__type"), "InvalidParameterException");
        json_decref(v);
    }
    create("{\"enable\":false,\"rollback\":false}");
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        json_decref(client_callf(c, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"s\",%s}",
                                 parts[i]));
        assert_int_equal(c->status, 400);
    }
}

/* --- task sets ---------------------------------------------------------------------------- */

#define OF "\"cluster\":\"demo\",\"service\":\"x\""

static json_t *task_set(const char *more)
{
    return client_callf(c, "CreateTaskSet", "{" OF ",\"taskDefinition\":\"good\"%s}", more);
}

static void a_task_set_is_made_once_and_there_are_five(void **state)
{
    json_t *v, *w;

    (void)state;
    call("CreateService", "{\"cluster\":\"demo\",\"serviceName\":\"x\",\"desiredCount\":1,"
                          "\"deploymentController\":{\"type\":\"EXTERNAL\"}}");
    call("CreateService", "{\"cluster\":\"demo\",\"serviceName\":\"x\",\"desiredCount\":1,"
                          "\"deploymentController\":{\"type\":\"EXTERNAL\"}}");
    v = task_set(",\"clientToken\":\"t\",\"scale\":{\"value\":0}");
    w = task_set(",\"clientToken\":\"t\",\"scale\":{\"value\":0}");
    assert_string_equal(client_text(v, "taskSet.taskSetArn"), client_text(w, "taskSet.taskSetArn"));
    json_decref(v);
    json_decref(w);
    v = task_set(",\"scale\":{\"value\":101}");
    assert_string_equal(client_text(v, "__type"), "InvalidParameterException");
    json_decref(v);
    v = task_set(",\"launchType\":\"FARGATE\"");
    assert_string_equal(client_text(v, "__type"), "InvalidParameterException");
    json_decref(v);
    for (int i = 0; i < 4; i++)
        json_decref(task_set(",\"scale\":{\"value\":0}"));
    assert_int_equal(c->status, 200);
    v = task_set("");
    assert_string_equal(client_text(v, "__type"), "InvalidParameterException");
    json_decref(v);
    v = client_call(c, "DescribeTaskSets", "{" OF "}");
    assert_int_equal(json_array_size(json_at(v, "taskSets")), 5);
    json_decref(v);
}

static void a_task_set_has_its_share_of_the_count_rounded_up(void **state)
{
    struct plane_service *s;
    json_t *v;
    char *id;

    (void)state;
    call("CreateService", "{\"cluster\":\"demo\",\"serviceName\":\"x\",\"desiredCount\":3,"
                          "\"deploymentController\":{\"type\":\"EXTERNAL\"}}");
    v = task_set(",\"scale\":{\"value\":50,\"unit\":\"PERCENT\"}");
    id = xstrdup(client_text(v, "taskSet.id"));
    assert_int_equal(number(v, "taskSet.computedDesiredCount"), 2);
    json_decref(v);
    submit("good", "RUNNING");
    s = service_find(client_plane(c), plane_cluster(client_plane(c), "demo"), "x");
    assert_true(s->deployments[0].set->steady);
    call("UpdateService", "{" OF ",\"desiredCount\":8}");
    submit("good", "RUNNING");
    v = client_call(c, "DescribeTaskSets", "{" OF "}");
    assert_int_equal(number(json_array_get(json_at(v, "taskSets"), 0), "runningCount"), 4);
    json_decref(v);
    /* where they drain they go as far as the healthy percentage allows: 100 */
    plane_instance_set_status(client_plane(c), plane_instance(client_plane(c), NULL, instance),
                              INSTANCE_DRAINING);
    peer_settle(c->w);
    submit("good", "RUNNING");
    assert_int_equal(service_tally(client_plane(c), s, NULL).healthy, 4);
    v = client_callf(c, "DeleteTaskSet", "{" OF ",\"taskSet\":\"%s\"}", id);
    assert_string_equal(client_text(v, "__type"), "InvalidParameterException");
    json_decref(v);
    v = client_callf(c, "DeleteTaskSet", "{" OF ",\"taskSet\":\"%s\",\"force\":true}", id);
    assert_string_equal(client_text(v, "taskSet.status"), "DRAINING");
    json_decref(v);
    submit("good", "RUNNING");
    assert_int_equal(s->n_deployments, 0);
    call("DeleteService", "{" OF ",\"force\":true}");
    assert_string_equal(s->status, "INACTIVE");
    free(id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_deployment_is_counted_and_kept_when_it_has_ended, begin,
                                        end),
        cmocka_unit_test_setup_teardown(the_circuit_breaker_rolls_back_within_the_same_deployment,
                                        begin, end),
        cmocka_unit_test_setup_teardown(without_a_rollback_the_deployment_that_fails_is_stopped,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_task_set_is_made_once_and_there_are_five, begin, end),
        cmocka_unit_test_setup_teardown(a_task_set_has_its_share_of_the_count_rounded_up, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_is_no_rolling_update_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_deployment_is_stopped_while_it_is_under_way, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
