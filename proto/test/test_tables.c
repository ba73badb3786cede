#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/acs_message.h"
#include "proto/container_status.h"
#include "proto/docker_path.h"
#include "proto/ecs_operation.h"
#include "proto/grpc_status.h"
#include "proto/tcs_message.h"

/* Every value of a table has a word, and the word leads back to the value. */
#define ASSERT_TABLE(name, type, max)                                                              \
    for (int v = 0; v < (max); v++) {                                                              \
        assert_string_not_equal(name##_name((type)v), "INVALID");                                  \
        assert_int_equal(name##_from(name##_name((type)v)), v);                                    \
    }                                                                                              \
    assert_int_equal(name##_from("no such word"), -1)

static void every_table_leads_both_ways(void **state)
{
    (void)state;
    ASSERT_TABLE(acs_message, enum acs_message, ACS_MESSAGE_MAX);
    ASSERT_TABLE(acs_role_type, enum acs_role_type, ACS_ROLE_TYPE_MAX);
    ASSERT_TABLE(tcs_message, enum tcs_message, TCS_MESSAGE_MAX);
    ASSERT_TABLE(tcs_instance_status, enum tcs_instance_status, TCS_INSTANCE_STATUS_MAX);
    ASSERT_TABLE(ecs_operation, enum ecs_operation, ECS_OPERATION_MAX);
    ASSERT_TABLE(ecs_error, enum ecs_error, ECS_ERROR_MAX);
    ASSERT_TABLE(grpc_status, enum grpc_status, GRPC_STATUS_MAX);
    ASSERT_TABLE(task_status, enum task_status, TASK_STATUS_MAX);
    ASSERT_TABLE(container_status, enum container_status, CONTAINER_STATUS_MAX);
    ASSERT_TABLE(depend_condition, enum depend_condition, DEPEND_CONDITION_MAX);
    ASSERT_TABLE(docker_event, enum docker_event, DOCKER_EVENT_MAX);
    ASSERT_TABLE(docker_health, enum docker_health, DOCKER_HEALTH_MAX);
}

static void acks_come_from_the_agent_and_payloads_from_the_service(void **state)
{
    (void)state;
    assert_int_equal(acs_message_sender(ACS_ACK), ACS_FROM_AGENT);
    assert_int_equal(acs_message_sender(ACS_HEARTBEAT_ACK), ACS_FROM_AGENT);
    assert_int_equal(acs_message_sender(ACS_TASK_STOP_VERIFICATION), ACS_FROM_AGENT);
    assert_int_equal(acs_message_sender(ACS_TASK_STOP_VERIFICATION_ACK), ACS_FROM_SERVICE);
    assert_int_equal(acs_message_sender(ACS_PAYLOAD), ACS_FROM_SERVICE);
}

static void only_heartbeats_and_acks_keep_telemetry_alive(void **state)
{
    (void)state;
    assert_true(tcs_message_keeps_alive(TCS_HEARTBEAT));
    assert_true(tcs_message_keeps_alive(TCS_ACK_PUBLISH_METRIC));
    assert_false(tcs_message_keeps_alive(TCS_SERVER_EXCEPTION));
    assert_false(tcs_message_keeps_alive(TCS_STOP_SESSION));
}

static void a_target_names_an_operation_only_with_its_prefix(void **state)
{
    (void)state;
    assert_int_equal(ecs_operation_from_target(ECS_TARGET_PREFIX ".CreateCluster"),
                     ECS_CREATE_CLUSTER);
    assert_int_equal(ecs_operation_from_target("Other.CreateCluster"), -1);
    assert_int_equal(ecs_operation_from_target(ECS_TARGET_PREFIX ".Nothing"), -1);
}

static void an_error_code_stands_between_namespace_and_url(void **state)
{
    size_t n;

    (void)state;
    assert_string_equal(ecs_error_code("com.amazonaws.ecs#ClientException", &n), "ClientException");
    assert_int_equal(n, 15);
    ecs_error_code("ServerException:http://internal/", &n);
    assert_int_equal(n, 15);
}

static void the_service_sees_three_words(void **state)
{
    (void)state;
    assert_string_equal(task_status_reported(TASK_NONE), "PENDING");
    assert_string_equal(task_status_reported(TASK_CREATED), "PENDING");
    assert_string_equal(task_status_reported(TASK_RUNNING), "RUNNING");
    assert_string_equal(task_status_reported(TASK_STOPPED), "STOPPED");
    assert_string_equal(container_status_reported(CONTAINER_RUNNING, CONTAINER_RUNNING), "RUNNING");
    assert_string_equal(container_status_reported(CONTAINER_CREATED, CONTAINER_RUNNING), "PENDING");
    assert_string_equal(container_status_reported(CONTAINER_STOPPED, CONTAINER_RUNNING), "STOPPED");
}

static void a_container_lets_its_task_be_what_the_official_mapping_says(void **state)
{
    (void)state;
    assert_int_equal(container_status_to_task(CONTAINER_PULLED, CONTAINER_RUNNING),
                     TASK_MANIFEST_PULLED);
    assert_int_equal(container_status_to_task(CONTAINER_CREATED, CONTAINER_RUNNING), TASK_CREATED);
    assert_int_equal(container_status_to_task(CONTAINER_RUNNING, CONTAINER_RUNNING), TASK_RUNNING);
    assert_int_equal(container_status_to_task(CONTAINER_RUNNING, CONTAINER_RESOURCES_PROVISIONED),
                     TASK_CREATED);
    assert_int_equal(container_status_to_task(CONTAINER_STOPPED, CONTAINER_RUNNING), TASK_STOPPED);
    assert_int_equal(container_status_to_task(CONTAINER_NONE, CONTAINER_RUNNING), TASK_NONE);
}

static void every_docker_call_has_a_method_and_a_path(void **state)
{
    (void)state;
    for (int c = 0; c < DOCKER_CALL_MAX; c++) {
        const struct docker_call_info *info = docker_call_info((enum docker_call)c);

        assert_non_null(info->method);
        assert_int_equal(info->path[0], '/');
    }
    assert_null(docker_call_info(DOCKER_CALL_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_leads_both_ways),
        cmocka_unit_test(acks_come_from_the_agent_and_payloads_from_the_service),
        cmocka_unit_test(only_heartbeats_and_acks_keep_telemetry_alive),
        cmocka_unit_test(a_target_names_an_operation_only_with_its_prefix),
        cmocka_unit_test(an_error_code_stands_between_namespace_and_url),
        cmocka_unit_test(the_service_sees_three_words),
        cmocka_unit_test(a_container_lets_its_task_be_what_the_official_mapping_says),
        cmocka_unit_test(every_docker_call_has_a_method_and_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
