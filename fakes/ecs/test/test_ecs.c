#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/plane.h"
#include "fakes/ecs/test/client.h"

#define TASK "arn:aws:ecs:us-west-2:123456789012:task/demo/9f000000000000000000000000000001"

static struct client client;
static struct client *const c = &client;

static int begin(void **state)
{
    (void)state;
    client_start(c);
    return 0;
}

static int end(void **state)
{
    (void)state;
    client_stop(c);
    return 0;
}

/* A string deep in an answer; "" when it is not there. */
/* Makes the call and holds the error against these. */
static void fails(const char *op, const char *body, const char *type, const char *message)
{
    json_t *v = client_call(c, op, body);

    assert_string_equal(client_text(v, "__type"), type);
    if (message)
        assert_string_equal(client_text(v, "message"), message);
    assert_int_equal(c->status, str_eq(type, "ServerException") ? 500 : 400);
    json_decref(v);
}

static const char *attribute(const json_t *v, const char *name)
{
    json_t *a;
    size_t i;

    json_array_foreach (json_at(v, "containerInstance.attributes"), i, a)
        if (str_eq(json_str(a, "name"), name))
            return json_str(a, "value") ? json_str(a, "value") : "";
    return NULL;
}

#define REGISTER                                                                                   \
    "{\"cluster\":\"demo\",\"attributes\":[{\"name\":\"ecs.os-type\",\"value\":\"linux\"},"        \
    "{\"name\":\"ecs.capability.full-sync\"},{\"name\":\"mine\",\"value\":\"yes\"}],"              \
    "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048},"           \
    "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"22\"]}],"                    \
    "\"instanceIdentityDocument\":\"{\\\"instanceId\\\":\\\"i-1\\\",\\\"instanceType\\\":"         \
    "\\\"m5.large\\\"}\",\"tags\":[{\"key\":\"a\",\"value\":\"b\"}],\"clientToken\":\"t-1\"%s}"

static void a_registration_echoes_every_attribute_and_adds_the_zone(void **state)
{
    json_t *v = client_callf(c, "RegisterContainerInstance", REGISTER, "");

    (void)state;
    assert_int_equal(c->status, 200);
    assert_true(str_starts(client_text(v, "containerInstance.containerInstanceArn"),
                           "arn:aws:ecs:us-west-2:123456789012:container-instance/demo/"));
    assert_string_equal(attribute(v, "ecs.os-type"), "linux");
    assert_string_equal(attribute(v, "ecs.capability.full-sync"), "");
    assert_string_equal(attribute(v, "mine"), "yes");
    assert_string_equal(attribute(v, "ecs.availability-zone"), "us-west-2a");
    assert_string_equal(client_text(v, "containerInstance.ec2InstanceId"), "i-1");
    assert_string_equal(client_text(v, "containerInstance.status"), "ACTIVE");
    assert_true(json_is_false(json_at(v, "containerInstance.agentConnected")));
    assert_int_equal(json_array_size(json_at(v, "containerInstance.registeredResources")), 2);
    assert_int_equal(json_array_size(json_at(v, "containerInstance.tags")), 1);
    assert_true(json_is_real(json_at(v, "containerInstance.registeredAt")));
    assert_string_equal(client_record(c, RECORD_REQUEST, "RegisterContainerInstance")->group,
                        "register");
    json_decref(v);
}

static void the_same_client_token_is_the_same_instance(void **state)
{
    json_t *a = client_callf(c, "RegisterContainerInstance", REGISTER, "");
    json_t *b = client_callf(c, "RegisterContainerInstance", REGISTER, "");
    char *other = client_register(c);

    (void)state;
    assert_string_equal(client_text(a, "containerInstance.containerInstanceArn"),
                        client_text(b, "containerInstance.containerInstanceArn"));
    assert_string_not_equal(client_text(a, "containerInstance.containerInstanceArn"), other);
    assert_int_equal(map_count(&client_plane(c)->instances), 2);
    json_decref(a);
    json_decref(b);
    free(other);
}

static void a_restarted_agent_keeps_its_instance_and_its_own_attributes(void **state)
{
    json_t *a = client_callf(c, "RegisterContainerInstance", REGISTER, ""), *b;
    char *arn = xstrdup(client_text(a, "containerInstance.containerInstanceArn"));

    (void)state;
    b = client_callf(c, "RegisterContainerInstance",
                     "{\"cluster\":\"demo\",\"containerInstanceArn\":\"%s\",\"attributes\":["
                     "{\"name\":\"ecs.os-type\",\"value\":\"linux\"}],\"clientToken\":\"t-2\"}",
                     arn);
    assert_string_equal(client_text(b, "containerInstance.containerInstanceArn"), arn);
    assert_string_equal(attribute(b, "mine"), "yes");
    assert_null(attribute(b, "ecs.capability.full-sync"));
    json_decref(a);
    json_decref(b);
    free(arn);
}

static void an_instance_that_changed_its_type_or_is_gone_is_refused(void **state)
{
    json_t *a = client_callf(c, "RegisterContainerInstance", REGISTER, "");
    const char *arn = client_text(a, "containerInstance.containerInstanceArn");
    char *body = xasprintf("{\"cluster\":\"demo\",\"containerInstanceArn\":\"%s\","
                           "\"instanceIdentityDocument\":\"{\\\"instanceType\\\":\\\"t3\\\"}\"}",
                           arn);

    (void)state;
    fails("RegisterContainerInstance", body, "ClientException",
          "Container instance type changes are not supported.");
    plane_instance_set_status(client_plane(c), plane_instance(client_plane(c), NULL, arn),
                              INSTANCE_INACTIVE);
    fails("RegisterContainerInstance", body, "ClientException",
          "The referenced container instance is inactive.");
    fails(
        "RegisterContainerInstance",
        "{\"cluster\":\"demo\",\"containerInstanceArn\":\"arn:aws:ecs:x:y:container-instance/z\"}",
        "ClientException", "The referenced container instance was not found.");
    json_decref(a);
    free(body);
}

static void a_cluster_has_to_exist_and_default_is_made_on_request(void **state)
{
    json_t *v;

    (void)state;
    fails("RegisterContainerInstance", "{\"cluster\":\"other\"}", "ClientException",
          "Cluster not found.");
    fails("RegisterContainerInstance", "{}", "ClientException", "Cluster not found.");
    v = client_call(c, "CreateCluster", "{\"clusterName\":\"default\"}");
    assert_int_equal(c->status, 200);
    assert_string_equal(client_text(v, "cluster.clusterArn"),
                        "arn:aws:ecs:us-west-2:123456789012:cluster/default");
    assert_string_equal(client_text(v, "cluster.status"), "ACTIVE");
    json_decref(v);
    json_decref(client_call(c, "RegisterContainerInstance", "{}"));
    assert_int_equal(c->status, 200);
    fails("CreateCluster", "{\"clusterName\":\"a b\"}", "InvalidParameterException", NULL);
    fails("UpdateContainerInstancesState",
          "{\"cluster\":\"none\",\"containerInstances\":[\"x\"],\"status\":\"DRAINING\"}",
          "ClusterNotFoundException", "Cluster not found.");
}

static void poll_endpoints_are_those_of_this_world(void **state)
{
    char *arn = client_register(c), *want = xasprintf("%s/", c->acs->url);
    json_t *v =
        client_callf(c, "DiscoverPollEndpoint",
                     "{\"cluster\":\"demo\",\"containerInstance\":\"%s\",\"zoneId\":\"\"}", arn);

    (void)state;
    assert_string_equal(client_text(v, "endpoint"), want);
    assert_true(str_starts(client_text(v, "telemetryEndpoint"), c->tcs->url));
    assert_true(str_starts(client_text(v, "serviceConnectEndpoint"), c->tcs->url));
    assert_true(str_starts(client_text(v, "systemLogsEndpoint"), "http://"));
    fails("DiscoverPollEndpoint", "{\"cluster\":\"demo\",\"containerInstance\":\"nobody\"}",
          "ClientException", NULL);
    json_decref(v);
    free(want);
    free(arn);
}

static void submit(const char *status, const char *more)
{
    json_decref(client_callf(c, "SubmitTaskStateChange",
                             "{\"cluster\":\"demo\",\"task\":\"" TASK "\",\"status\":\"%s\"%s}",
                             status, more));
    assert_int_equal(c->status, 200);
}

static void a_task_is_what_the_agent_submitted_and_never_goes_back(void **state)
{
    struct plane_task *t;
    json_t *v;

    (void)state;
    submit("PENDING", ",\"containers\":[{\"containerName\":\"main\",\"status\":\"PENDING\","
                      "\"imageDigest\":\"sha256:1\"}]");
    submit("RUNNING", ",\"containers\":[{\"containerName\":\"main\",\"status\":\"RUNNING\","
                      "\"runtimeId\":\"r\"}],\"pullStartedAt\":1700000000.25,\"reason\":\"\"");
    submit("RUNNING", ""); /* agents repeat themselves */
    submit("STOPPED", ",\"reason\":\"done\",\"containers\":[{\"containerName\":\"main\","
                      "\"status\":\"STOPPED\",\"exitCode\":3}]");
    submit("RUNNING", "");
    t = plane_task(client_plane(c), NULL, TASK);
    assert_int_equal(t->last, PLANE_TASK_STOPPED);
    assert_int_equal(t->desired, PLANE_TASK_STOPPED);
    assert_true(client_noted(c, "submitted RUNNING after STOPPED is not taken"));
    v = client_call(c, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"" TASK "\",\"x\"]}");
    assert_int_equal(json_array_size(json_at(v, "tasks")), 1);
    assert_int_equal(json_array_size(json_at(v, "failures")), 1);
    v = (json_decref(v), client_call(c, "ListTasks",
                                     "{\"cluster\":\"demo\",\"desiredStatus\":"
                                     "\"STOPPED\"}"));
    assert_string_equal(json_string_value(json_array_get(json_at(v, "taskArns"), 0)), TASK);
    json_decref(v);
}

static void a_described_task_shows_its_containers(void **state)
{
    json_t *v, *task, *main;

    (void)state;
    submit("STOPPED", ",\"reason\":\"done\",\"containers\":[{\"containerName\":\"main\","
                      "\"status\":\"STOPPED\",\"exitCode\":3,\"reason\":\"r\"}]");
    v = client_call(c, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"" TASK "\"]}");
    task = json_array_get(json_at(v, "tasks"), 0);
    main = json_array_get(json_at(task, "containers"), 0);
    assert_string_equal(client_text(task, "lastStatus"), "STOPPED");
    assert_string_equal(client_text(task, "stoppedReason"), "done");
    assert_string_equal(client_text(main, "name"), "main");
    assert_int_equal(json_int(main, "exitCode", -1), 3);
    json_decref(v);
}

static void submissions_that_make_no_sense_are_invalid(void **state)
{
    char *longer = xmalloc(1200), *body;

    (void)state;
    memset(longer, 'x', 1100);
    longer[1100] = '\0';
    body = xasprintf("{\"cluster\":\"demo\",\"task\":\"" TASK "\",\"status\":\"RUNNING\","
                     "\"reason\":\"%s\"}",
                     longer);
    fails("SubmitTaskStateChange", body, "InvalidParameterException", "Task reason is too long.");
    fails("SubmitTaskStateChange", "{\"cluster\":\"demo\",\"task\":\"" TASK "\",\"status\":\"UP\"}",
          "InvalidParameterException", "Invalid task status.");
    fails("SubmitTaskStateChange", "{\"cluster\":\"demo\",\"task\":\"x\",\"status\":\"RUNNING\"}",
          "InvalidParameterException", "Task ARN is not valid.");
    fails("SubmitTaskStateChange",
          "{\"cluster\":\"demo\",\"task\":\"" TASK "\",\"status\":\"RUNNING\",\"containers\":[{}]}",
          "InvalidParameterException", NULL);
    fails("SubmitTaskStateChange", "{\"cluster\":\"no\",\"task\":\"x\",\"status\":\"RUNNING\"}",
          "ClientException", "Cluster not found.");
    fails("SubmitAttachmentStateChanges", "{\"cluster\":\"demo\"}", "InvalidParameterException",
          NULL);
    fails("SubmitAttachmentStateChanges",
          "{\"cluster\":\"demo\",\"attachments\":[{\"attachmentArn\":\"a\",\"status\":\"ON\"}]}",
          "InvalidParameterException", "Invalid attachment status.");
    assert_int_equal(map_count(&client_plane(c)->tasks), 0);
    free(longer);
    free(body);
}

static void attachments_and_single_containers_are_taken_too(void **state)
{
    (void)state;
    json_decref(client_call(c, "SubmitAttachmentStateChanges",
                            "{\"cluster\":\"demo\",\"attachments\":[{\"attachmentArn\":\"arn:a\","
                            "\"status\":\"ATTACHED\"}]}"));
    assert_int_equal(c->status, 200);
    assert_string_equal(map_get(&client_plane(c)->attachments, "arn:a"), "ATTACHED");
    json_decref(client_call(c, "SubmitContainerStateChange",
                            "{\"cluster\":\"demo\",\"task\":\"" TASK
                            "\",\"containerName\":\"main\",\"status\":\"RUNNING\"}"));
    assert_int_equal(c->status, 200);
    assert_int_equal(plane_task(client_plane(c), NULL, TASK)->last, PLANE_TASK_NONE);
    json_decref(client_call(c, "SubmitTaskStateChange",
                            "{\"cluster\":\"demo\",\"task\":\"" TASK
                            "\",\"attachments\":[{\"attachmentArn\":\"e\",\"status\":"
                            "\"ATTACHED\"}]}"));
    assert_int_equal(c->status, 200);
}

static void a_wrong_type_is_a_serialization_exception(void **state)
{
    (void)state;
    fails("RegisterContainerInstance", "{\"cluster\":5}", "SerializationException",
          "NUMBER_VALUE can not be converted to a String");
    fails("SubmitTaskStateChange", "{\"containers\":[{\"exitCode\":\"0\"}]}",
          "SerializationException", "STRING_VALUE can not be converted to an Integer");
    assert_true(client_noted(c, "containers[0].exitCode"));
    fails("SubmitTaskStateChange", "{\"containers\":{}}", "SerializationException",
          "Expected list or null");
    fails("SubmitTaskStateChange", "{\"reason\":[]}", "SerializationException",
          "Start of list found where not expected.");
    fails("SubmitTaskStateChange", "[]", "SerializationException", NULL);
    fails("SubmitTaskStateChange", "{", "SerializationException", NULL);
}

static void an_unknown_operation_has_no_group(void **state)
{
    (void)state;
    fails("MakeCoffee", "{}", "UnknownOperationException", NULL);
    assert_null(client_record(c, RECORD_REQUEST, "MakeCoffee")->group);
}

static void a_bad_signature_changes_nothing(void **state)
{
    (void)state;
    c->secret = "wrong";
    fails("CreateCluster", "{\"clusterName\":\"new\"}", "InvalidSignatureException", NULL);
    assert_true(client_noted(c, "x-amz-target:AmazonEC2ContainerServiceV20141113.CreateCluster"));
    c->secret = c->w->id.secret_key;
    c->skew = -6 * 60 * NS_PER_S;
    fails("CreateCluster", "{\"clusterName\":\"new\"}", "InvalidSignatureException", NULL);
    assert_null(plane_cluster(client_plane(c), "new"));
    c->w->verify_signatures = false;
    json_decref(client_call(c, "CreateCluster", "{\"clusterName\":\"new\"}"));
    assert_non_null(plane_cluster(client_plane(c), "new"));
}

static void instances_drain_and_are_described(void **state)
{
    char *arn = client_register(c);
    json_t *v;

    (void)state;
    v = client_callf(c, "UpdateContainerInstancesState",
                     "{\"cluster\":\"demo\",\"containerInstances\":[\"%s\",\"gone\"],"
                     "\"status\":\"DRAINING\"}",
                     arn);
    assert_string_equal(client_text(json_array_get(json_at(v, "containerInstances"), 0), "status"),
                        "DRAINING");
    assert_string_equal(client_text(json_array_get(json_at(v, "failures"), 0), "reason"),
                        "MISSING");
    assert_string_equal(client_text(json_array_get(json_at(v, "failures"), 0), "arn"),
                        "arn:aws:ecs:us-west-2:123456789012:container-instance/demo/gone");
    json_decref(v);
    v = client_call(c, "ListContainerInstances", "{\"cluster\":\"demo\",\"status\":\"DRAINING\"}");
    assert_int_equal(json_array_size(json_at(v, "containerInstanceArns")), 1);
    json_decref(v);
    v = client_callf(c, "DescribeContainerInstances",
                     "{\"cluster\":\"demo\",\"containerInstances\":[\"%s\"]}",
                     strrchr(arn, '/') + 1);
    assert_int_equal(json_array_size(json_at(v, "containerInstances")), 1);
    json_decref(v);
    v = client_callf(c, "DeregisterContainerInstance",
                     "{\"cluster\":\"demo\",\"containerInstance\":\"%s\"}", arn);
    assert_string_equal(client_text(v, "containerInstance.status"), "INACTIVE");
    json_decref(v);
    free(arn);
}

static void lists_come_in_pages(void **state)
{
    json_t *v, *next;

    (void)state;
    for (int i = 0; i < 3; i++)
        free(client_register(c));
    v = client_call(c, "ListContainerInstances", "{\"cluster\":\"demo\",\"maxResults\":2}");
    assert_int_equal(json_array_size(json_at(v, "containerInstanceArns")), 2);
    next = client_callf(c, "ListContainerInstances",
                        "{\"cluster\":\"demo\",\"maxResults\":2,\"nextToken\":\"%s\"}",
                        client_text(v, "nextToken"));
    assert_int_equal(json_array_size(json_at(next, "containerInstanceArns")), 1);
    assert_null(json_at(next, "nextToken"));
    json_decref(v);
    json_decref(next);
    v = client_call(c, "DescribeClusters", "{\"clusters\":[\"demo\",\"no\"]}");
    assert_int_equal(
        json_int(json_array_get(json_at(v, "clusters"), 0), "registeredContainerInstancesCount", 0),
        3);
    assert_int_equal(json_array_size(json_at(v, "failures")), 1);
    json_decref(v);
    v = client_call(c, "ListClusters", "{}");
    assert_int_equal(json_array_size(json_at(v, "clusterArns")), 1);
    json_decref(v);
}

static int command(const char *name, json_t *args, struct err *e)
{
    json_t *ret = NULL;
    int r = c->ecs->ops->control(c->ecs, name, args, &ret, e);

    json_decref(ret);
    json_decref(args);
    return r;
}

static void commands_change_what_calls_see(void **state)
{
    struct err e = ERR_INIT;
    char *arn;
    json_t *v;

    (void)state;
    assert_int_equal(command("instance", json_pack("{s:s}", "status", "active"), &e), -1);
    arn = client_register(c);
    assert_int_equal(command("cluster", json_pack("{s:s}", "name", "two"), &e), 0);
    assert_non_null(plane_cluster(client_plane(c), "two"));
    assert_int_equal(
        command("cluster", json_pack("{s:s,s:s}", "name", "two", "status", "inactive"), &e), 0);
    assert_null(plane_cluster(client_plane(c), "two"));
    assert_int_equal(command("instance", json_pack("{s:s}", "status", "inactive"), &e), 0);
    assert_int_equal(plane_instance(client_plane(c), NULL, arn)->status, INSTANCE_INACTIVE);
    assert_int_equal(command("instance", json_pack("{s:s}", "status", "asleep"), &e), -1);
    assert_int_equal(
        command("tags", json_pack("{s:s,s:{s:s}}", "resourceArn", arn, "tags", "k", "v"), &e), 0);
    v = client_callf(c, "ListTagsForResource", "{\"resourceArn\":\"%s\"}", arn);
    assert_string_equal(client_text(json_array_get(json_at(v, "tags"), 0), "value"), "v");
    fails("ListTagsForResource", "{\"resourceArn\":\"arn:nothing\"}", "InvalidParameterException",
          NULL);
    assert_int_equal(command("dance", json_object(), &e), -1);
    json_decref(v);
    free(arn);
}

static void a_reset_leaves_one_cluster(void **state)
{
    (void)state;
    free(client_register(c));
    submit("RUNNING", "");
    world_reset(c->w);
    assert_int_equal(map_count(&client_plane(c)->instances), 0);
    assert_int_equal(map_count(&client_plane(c)->tasks), 0);
    assert_non_null(plane_cluster(client_plane(c), "demo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_registration_echoes_every_attribute_and_adds_the_zone,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_same_client_token_is_the_same_instance, begin, end),
        cmocka_unit_test_setup_teardown(a_restarted_agent_keeps_its_instance_and_its_own_attributes,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_instance_that_changed_its_type_or_is_gone_is_refused,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_cluster_has_to_exist_and_default_is_made_on_request,
                                        begin, end),
        cmocka_unit_test_setup_teardown(poll_endpoints_are_those_of_this_world, begin, end),
        cmocka_unit_test_setup_teardown(a_task_is_what_the_agent_submitted_and_never_goes_back,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_described_task_shows_its_containers, begin, end),
        cmocka_unit_test_setup_teardown(submissions_that_make_no_sense_are_invalid, begin, end),
        cmocka_unit_test_setup_teardown(attachments_and_single_containers_are_taken_too, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_wrong_type_is_a_serialization_exception, begin, end),
        cmocka_unit_test_setup_teardown(an_unknown_operation_has_no_group, begin, end),
        cmocka_unit_test_setup_teardown(a_bad_signature_changes_nothing, begin, end),
        cmocka_unit_test_setup_teardown(instances_drain_and_are_described, begin, end),
        cmocka_unit_test_setup_teardown(lists_come_in_pages, begin, end),
        cmocka_unit_test_setup_teardown(commands_change_what_calls_see, begin, end),
        cmocka_unit_test_setup_teardown(a_reset_leaves_one_cluster, begin, end),
    };

    return cmocka_run_group_tests_name("ecs", tests, NULL, NULL);
}
