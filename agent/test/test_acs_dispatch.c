#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/acs_dispatch.h"
#include "base/str.h"

#define IDS  "\"messageId\":\"m-1\",\"clusterArn\":\"arn:c\",\"containerInstanceArn\":\"arn:i\""
#define TASK "arn:aws:ecs:us-west-2:123456789012:task/demo/t1"
#define CREDENTIALS                                                                                \
    "{\"credentialsId\":\"c-1\",\"roleArn\":\"r\",\"accessKeyId\":\"A\",\"secretAccessKey\":"      \
    "\"very-secret\",\"sessionToken\":\"token\",\"expiration\":\"2026-01-01T06:00:00Z\"}"

/* What the dispatcher sent, one frame a line, and what it asked of the engine. */
static struct buf sent;
static bool handled, newer;
static json_t *candidates;
static int beats, payloads;
static char stopped[200];
static bool task_known;

static struct log logger;
static struct task_credentials store;
static struct acs_dispatch d;
static struct err e;

static int on_send(void *user, const char *text, size_t n, struct err *err)
{
    (void)user;
    (void)err;
    buf_add(&sent, text, n);
    return buf_addc(&sent, '\n');
}

static bool on_payload(void *user, const json_t *message, struct err *err)
{
    (void)user;
    (void)message;
    payloads++;
    if (!handled)
        err_set(err, ERR_PARSE, "a bad task");
    return handled;
}

static int on_credentials(void *user, const char *arn, bool execution, const char *id)
{
    (void)user;
    (void)execution;
    (void)id;
    return task_known && str_eq(arn, TASK) ? 0 : -1;
}

static bool on_manifest(void *user, const json_t *message, json_t **ret)
{
    (void)user;
    (void)message;
    *ret = newer ? json_incref(candidates) : NULL;
    return newer;
}

static int on_stop(void *user, const char *arn)
{
    (void)user;
    snprintf(stopped, sizeof(stopped), "%s", arn);
    return 0;
}

static void on_heartbeat(void *user)
{
    (void)user;
    beats++;
}

static char attached[256];

static int on_attach(void *user, const struct attachment_new *n, struct err *why)
{
    (void)user;
    (void)why;
    snprintf(attached, sizeof(attached), "%s %s %s %lld", n->arn, n->task_arn ? n->task_arn : "-",
             n->mac ? n->mac : "-", (long long)(n->wait / NS_PER_S));
    return 0;
}

static void on_stage(void *user, const json_t *message)
{
    (void)user;
    snprintf(stopped, sizeof(stopped), "stage %s", json_str(message, "messageId"));
}

static void on_perform(void *user, const json_t *message)
{
    (void)user;
    snprintf(stopped, sizeof(stopped), "perform %s", json_str(message, "messageId"));
}

static const struct acs_ops ops = {on_payload,   on_credentials, on_manifest, on_stop,
                                   on_heartbeat, on_attach,      on_stage,    on_perform};

static int setup(void **state)
{
    (void)state;
    buf_init(&sent, 100000);
    log_init(&logger, LOG_NOTHING, -1);
    task_credentials_init(&store, &logger);
    acs_dispatch_init(&d, &ops, NULL, on_send, NULL, &logger, &store);
    err_clear(&e);
    handled = newer = task_known = true;
    candidates = json_array();
    beats = payloads = 0;
    stopped[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    acs_dispatch_release(&d);
    task_credentials_release(&store);
    log_release(&logger);
    buf_release(&sent);
    json_decref(candidates);
    return 0;
}

static int frame(const char *text)
{
    return acs_dispatch_frame(&d, text, strlen(text), &e);
}

static void a_heartbeat_is_answered_with_its_id(void **state)
{
    (void)state;
    assert_int_equal(
        frame("{\"type\":\"HeartbeatMessage\",\"message\":{\"healthy\":true,\"messageId\":\"h\"}}"),
        0);
    assert_string_equal(buf_str(&sent),
                        "{\"type\":\"HeartbeatAckRequest\",\"message\":{\"messageId\":\"h\"}}\n");
    assert_int_equal(beats, 1);
}

static void a_handled_payload_is_acknowledged_and_so_are_its_credentials(void **state)
{
    (void)state;
    assert_int_equal(frame("{\"type\":\"PayloadMessage\",\"message\":{" IDS
                           ",\"tasks\":[{\"arn\":\"" TASK "\",\"roleCredentials\":" CREDENTIALS
                           "}]}}"),
                     0);
    assert_string_equal(
        buf_str(&sent),
        "{\"type\":\"AckRequest\",\"message\":{\"cluster\":\"arn:c\",\"containerInstance\":"
        "\"arn:i\",\"messageId\":\"m-1\"}}\n"
        "{\"type\":\"IAMRoleCredentialsAckRequest\",\"message\":{\"messageId\":\"m-1\","
        "\"expiration\":\"2026-01-01T06:00:00Z\",\"credentialsId\":\"c-1\"}}\n");
    assert_string_equal(task_credentials_get(&store, "c-1")->secret_key, "very-secret");
    task_credentials_drop(&store, TASK);
    assert_null(task_credentials_get(&store, "c-1"));
}

static void a_payload_that_was_not_handled_is_answered_by_silence(void **state)
{
    (void)state;
    handled = false;
    assert_int_equal(frame("{\"type\":\"PayloadMessage\",\"message\":{" IDS ",\"tasks\":[]}}"), -1);
    assert_int_equal(buf_len(&sent), 0);
    assert_non_null(strstr(e.text, "a bad task"));
}

static void a_payload_without_ids_is_dropped_before_the_engine_sees_it(void **state)
{
    (void)state;
    assert_int_equal(
        frame("{\"type\":\"PayloadMessage\",\"message\":{\"messageId\":\"\",\"clusterArn\":\"c\","
              "\"containerInstanceArn\":\"i\",\"tasks\":[]}}"),
        -1);
    assert_int_equal(frame("{\"type\":\"PayloadMessage\",\"message\":{\"tasks\":[]}}"), -1);
    assert_int_equal(payloads, 0);
    assert_int_equal(buf_len(&sent), 0);
}

static void new_credentials_of_a_known_task_are_kept_and_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(frame("{\"type\":\"IAMRoleCredentialsMessage\",\"message\":{\"messageId\":"
                           "\"m-2\",\"taskArn\":\"" TASK
                           "\",\"roleType\":\"TaskExecution\",\"roleCredentials\":" CREDENTIALS
                           "}}"),
                     0);
    assert_non_null(strstr(buf_str(&sent), "\"messageId\":\"m-2\""));
    assert_int_equal(task_credentials_get(&store, "c-1")->role, ACS_ROLE_TASK_EXECUTION);
}

static void credentials_of_an_unknown_task_are_not_acknowledged(void **state)
{
    (void)state;
    task_known = false;
    assert_int_equal(frame("{\"type\":\"IAMRoleCredentialsMessage\",\"message\":{\"messageId\":"
                           "\"m-2\",\"taskArn\":\"" TASK
                           "\",\"roleType\":\"TaskApplication\",\"roleCredentials\":" CREDENTIALS
                           "}}"),
                     -1);
    assert_int_equal(buf_len(&sent), 0);
    assert_null(task_credentials_get(&store, "c-1"));
}

static void a_manifest_is_verified_and_only_its_own_ack_stops_tasks(void **state)
{
    (void)state;
    json_array_append_new(candidates, json_string("candidate"));
    assert_int_equal(frame("{\"type\":\"TaskManifestMessage\",\"message\":{" IDS
                           ",\"timeline\":5,\"tasks\":[]}}"),
                     0);
    assert_non_null(strstr(buf_str(&sent), "AckRequest"));
    assert_non_null(strstr(buf_str(&sent), "\"stopCandidates\":[\"candidate\"]"));
    assert_int_equal(frame("{\"type\":\"TaskStopVerificationAck\",\"message\":{\"messageId\":"
                           "\"other\",\"stopTasks\":[{\"taskArn\":\"" TASK "\"}]}}"),
                     -1);
    assert_string_equal(stopped, "");
    assert_int_equal(frame("{\"type\":\"TaskStopVerificationAck\",\"message\":{\"messageId\":"
                           "\"m-1\",\"stopTasks\":[{\"taskArn\":\"" TASK "\"}]}}"),
                     0);
    assert_string_equal(stopped, TASK);
}

static void an_old_manifest_is_answered_by_silence(void **state)
{
    (void)state;
    newer = false;
    assert_int_equal(frame("{\"type\":\"TaskManifestMessage\",\"message\":{" IDS
                           ",\"timeline\":1,\"tasks\":[]}}"),
                     -1);
    assert_int_equal(buf_len(&sent), 0);
}

static void updates_are_handed_on_and_answered_in_their_time(void **state)
{
    (void)state;
    assert_int_equal(frame("{\"type\":\"StageUpdateMessage\",\"message\":{" IDS "}}"), 0);
    assert_string_equal(stopped, "stage m-1");
    assert_int_equal(frame("{\"type\":\"PerformUpdateMessage\",\"message\":{" IDS "}}"), 0);
    assert_string_equal(stopped, "perform m-1");
    assert_int_equal(buf_len(&sent), 0);
}

#define ATTACH(eni)                                                                                \
    "{\"type\":\"AttachTaskNetworkInterfacesMessage\",\"message\":{" IDS ",\"taskArn\":\"" TASK    \
    "\",\"waitTimeoutMs\":60000,\"elasticNetworkInterfaces\":[" eni "]}}"

static void only_a_complete_network_interface_is_acknowledged(void **state)
{
    (void)state;
    assert_int_equal(frame(ATTACH("{\"ec2Id\":\"eni-1\"}")), -1);
    assert_int_equal(frame(ATTACH("{\"ec2Id\":\"eni-1\",\"macAddress\":\"02:00:00:00:00:01\","
                                  "\"ipv4Addresses\":[{\"privateAddress\":\"10.0.0.4\"}],"
                                  "\"subnetGatewayIpv4Address\":\"10.0.0.1\"}")),
                     -1);
    assert_int_equal(buf_len(&sent), 0);
    assert_int_equal(frame(ATTACH("{\"ec2Id\":\"eni-1\",\"macAddress\":\"02:00:00:00:00:01\","
                                  "\"ipv4Addresses\":[{\"privateAddress\":\"10.0.0.4\"}],"
                                  "\"subnetGatewayIpv4Address\":\"10.0.0.1/24\"}")),
                     0);
    assert_non_null(strstr(buf_str(&sent), "AckRequest"));
}

#define ENI                                                                                        \
    "{\"attachmentArn\":\"arn:a\",\"ec2Id\":\"eni-1\",\"macAddress\":\"02:00:00:00:00:01\","       \
    "\"ipv4Addresses\":[{\"privateAddress\":\"10.0.0.4\"}],"                                       \
    "\"subnetGatewayIpv4Address\":\"10.0.0.1/24\"}"

static void an_interface_is_recorded_for_its_task_or_for_the_instance(void **state)
{
    (void)state;
    assert_int_equal(frame(ATTACH(ENI)), 0);
    assert_string_equal(attached, "arn:a " TASK " 02:00:00:00:00:01 60");
    buf_clear(&sent);
    assert_int_equal(frame("{\"type\":\"AttachInstanceNetworkInterfacesMessage\",\"message\":{" IDS
                           ",\"waitTimeoutMs\":1000,\"elasticNetworkInterfaces\":[" ENI "]}}"),
                     0);
    assert_string_equal(attached, "arn:a - 02:00:00:00:00:01 1");
    assert_non_null(strstr(buf_str(&sent), "AckRequest"));
    buf_clear(&sent);
    assert_int_equal(frame("{\"type\":\"AttachInstanceNetworkInterfacesMessage\",\"message\":{" IDS
                           ",\"waitTimeoutMs\":0,\"elasticNetworkInterfaces\":[" ENI "]}}"),
                     -1);
    assert_int_equal(frame("{\"type\":\"AttachInstanceNetworkInterfacesMessage\",\"message\":{" IDS
                           ",\"waitTimeoutMs\":9223372036854775807,"
                           "\"elasticNetworkInterfaces\":[" ENI "]}}"),
                     -1);
    assert_int_equal(buf_len(&sent), 0);
}

#define CONFIRM(attachment)                                                                        \
    "{\"type\":\"ConfirmAttachmentMessage\",\"message\":{" IDS ",\"taskArn\":\"" TASK              \
    "\",\"attachment\":" attachment "}}"
#define VOLUME_ARN "arn:aws:ecs:us-west-2:123456789012:attachment/a"

static void an_attachment_of_another_kind_waits_five_minutes(void **state)
{
    (void)state;
    assert_int_equal(frame(CONFIRM("{\"attachmentArn\":\"" VOLUME_ARN "\",\"attachmentProperties\":"
                                   "[{\"name\":\"volumeId\",\"value\":\"vol-1\"}]}")),
                     0);
    assert_string_equal(attached, VOLUME_ARN " " TASK " - 300");
    assert_non_null(strstr(buf_str(&sent), "AckRequest"));
    buf_clear(&sent);
    assert_int_equal(frame(CONFIRM("{\"attachmentArn\":\"" VOLUME_ARN "\"}")), -1);
    assert_int_equal(frame(CONFIRM("{\"attachmentProperties\":[{}]}")), -1);
    assert_int_equal(buf_len(&sent), 0);
}

static void what_is_no_message_is_dropped_with_a_reason(void **state)
{
    static const char *const bad[] = {"",
                                      "garbage",
                                      "[]",
                                      "{\"message\":{}}",
                                      "{\"type\":7,\"message\":{}}",
                                      "{\"type\":\"Nonsense\",\"message\":{}}",
                                      "{\"type\":\"AckRequest\",\"message\":{}}",
                                      "{\"type\":\"PayloadMessage\"}",
                                      "{\"type\":\"PayloadMessage\",\"message\":[]}"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err_clear(&e);
        assert_int_equal(frame(bad[i]), -1);
        assert_true(*e.text);
    }
    assert_int_equal(buf_len(&sent), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_heartbeat_is_answered_with_its_id),
        TEST(a_handled_payload_is_acknowledged_and_so_are_its_credentials),
        TEST(a_payload_that_was_not_handled_is_answered_by_silence),
        TEST(a_payload_without_ids_is_dropped_before_the_engine_sees_it),
        TEST(new_credentials_of_a_known_task_are_kept_and_acknowledged),
        TEST(credentials_of_an_unknown_task_are_not_acknowledged),
        TEST(a_manifest_is_verified_and_only_its_own_ack_stops_tasks),
        TEST(an_old_manifest_is_answered_by_silence),
        TEST(updates_are_handed_on_and_answered_in_their_time),
        TEST(only_a_complete_network_interface_is_acknowledged),
        TEST(an_interface_is_recorded_for_its_task_or_for_the_instance),
        TEST(an_attachment_of_another_kind_waits_five_minutes),
        TEST(what_is_no_message_is_dropped_with_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
