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
#include "fakes/ecs/tcs.h"
#include "fakes/ecs/test/client.h"
#include "proto/tcs_message.h"

static struct client client;
static struct client *const c = &client;
static struct peer agent;
static char *arn;

static int begin(void **state)
{
    (void)state;
    client_start(c);
    arn = client_register(c);
    client_connect_tcs(c, &agent, arn);
    return c->status == 101 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    peer_close(&agent);
    client_stop(c);
    free(arn);
    return 0;
}

/* A PublishMetricsRequest with this in place of taskMetrics and more members of the metadata. */
static char *metrics(const char *task_metrics)
{
    return xasprintf("{\"type\":\"PublishMetricsRequest\",\"message\":{\"metadata\":{\"cluster\":"
                     "\"demo\",\"containerInstance\":\"%s\",\"fin\":true,\"idle\":%s,"
                     "\"messageId\":\"m\"}%s,\"timestamp\":%lld.5}}",
                     arn, *task_metrics ? "false" : "true", task_metrics,
                     (long long)(loop_wall(&c->w->loop) / NS_PER_S));
}

static char *one_task(const char *cpu)
{
    char *tasks = xasprintf(
        ",\"taskMetrics\":[{\"taskArn\":\"t\",\"clusterArn\":\"c\",\"taskDefinitionFamily\":\"f\","
        "\"taskDefinitionVersion\":\"1\",\"containerMetrics\":[{\"containerName\":\"main\","
        "\"cpuStatsSet\":%s,\"memoryStatsSet\":{\"min\":1,\"max\":1,\"sampleCount\":2,\"sum\":2},"
        "\"networkStatsSet\":{\"rxBytes\":{\"min\":0,\"max\":9,\"sampleCount\":2,\"sum\":9,"
        "\"overflowMin\":0,\"overflowMax\":0,\"overflowSum\":0}}}]}]",
        cpu);
    char *frame = metrics(tasks);

    free(tasks);
    return frame;
}

static char *status_of(double updated, double changed)
{
    return xasprintf("{\"type\":\"PublishInstanceStatusRequest\",\"message\":{\"metadata\":{"
                     "\"cluster\":\"demo\",\"containerInstance\":\"%s\",\"requestId\":\"m\"},"
                     "\"statuses\":[{\"type\":\"ContainerRuntime\",\"status\":\"OK\","
                     "\"lastUpdated\":%.3f,\"lastStatusChange\":%.3f}],\"timestamp\":%lld}}",
                     arn, updated, changed, (long long)(loop_wall(&c->w->loop) / NS_PER_S));
}

static void an_idle_publication_is_acknowledged(void **state)
{
    char *frame = metrics("");
    const struct record *r;
    json_t *v;

    (void)state;
    client_publish(c, &agent, arn, frame);
    r = client_record(c, RECORD_FRAME_IN, "PublishMetricsRequest");
    assert_string_equal(r->group, "metrics");
    assert_true(json_is_true(json_at(r->data, "body.metadata.idle")));
    v = client_hear(&agent);
    assert_string_equal(json_str(v, "type"), "AckPublishMetric");
    json_decref(v);
    free(frame);
}

static void task_metrics_health_and_status_have_their_groups(void **state)
{
    char *frame = one_task("{\"min\":0.5,\"max\":2,\"sampleCount\":2,\"sum\":2.5}");
    long long now = (long long)(loop_wall(&c->w->loop) / NS_PER_S);
    const struct plane_instance *i;
    json_t *v, *health;

    (void)state;
    client_publish(c, &agent, arn, frame);
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "PublishMetricsRequest")->group,
                        "metrics");
    free(frame);
    frame = xasprintf("{\"type\":\"PublishHealthRequest\",\"message\":{\"metadata\":{\"cluster\":"
                      "\"demo\",\"containerInstance\":\"%s\",\"messageId\":\"m\",\"fin\":true},"
                      "\"tasks\":[{\"taskArn\":\"t\",\"clusterArn\":\"c\","
                      "\"taskDefinitionFamily\":\"f\",\"taskDefinitionVersion\":\"1\","
                      "\"containers\":[{\"containerName\":\"main\",\"healthStatus\":\"HEALTHY\","
                      "\"statusSince\":%lld}]}],\"timestamp\":%lld}}",
                      arn, now, now);
    client_publish(c, &agent, arn, frame);
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "PublishHealthRequest")->group, "health");
    free(frame);
    frame = status_of((double)now, (double)now);
    client_publish(c, &agent, arn, frame);
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "PublishInstanceStatusRequest")->group,
                        "status");
    i = plane_instance(((struct tcs *)c->tcs)->base.plane, NULL, arn);
    assert_int_equal(json_array_size(i->health), 1);
    free(frame);
    v = client_callf(c, "DescribeContainerInstances",
                     "{\"cluster\":\"demo\",\"containerInstances\":[\"%s\"],"
                     "\"include\":[\"CONTAINER_INSTANCE_HEALTH\"]}",
                     arn);
    health = json_at(json_array_get(json_at(v, "containerInstances"), 0), "healthStatus");
    assert_string_equal(json_str(health, "overallStatus"), "OK");
    assert_string_equal(json_str(json_array_get(json_at(health, "details"), 0), "type"),
                        "CONTAINER_RUNTIME");
    json_decref(v);
}

/* As 1.62.2 publishes it before its check has run twice. */
static void a_status_may_have_been_updated_at_the_zero_time_of_go(void **state)
{
    char *frame = status_of(-6795364578.871, (double)loop_wall(&c->w->loop) / 1e9);
    json_t *v;

    (void)state;
    client_publish(c, &agent, arn, frame);
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "PublishInstanceStatusRequest")->group,
                        "status");
    v = client_hear(&agent);
    assert_string_equal(json_str(v, "type"), "AckPublishInstanceStatus");
    json_decref(v);
    free(frame);
}

static void newer_agents_publish_metrics_of_the_instance_and_general_ones(void **state)
{
    static const char more[] =
        ",\"instanceMetrics\":{\"storage\":{\"rootFilesystem\":41.5},\"generalMetricsPayload\":[{"
        "\"dimensions\":[{\"key\":\"k\",\"value\":\"v\"}],\"metricType\":\"2\",\"generalMetrics\":["
        "{\"metricName\":\"n\",\"metricValues\":[1.5],\"metricCounts\":[1]}]}]}";
    char *frame = metrics(more);

    (void)state;
    client_publish(c, &agent, arn, frame);
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "PublishMetricsRequest")->group,
                        "metrics");
    free(frame);
}

/* Publishes it, and expects no group, no acknowledgement and this note. */
static void wrong(char *frame, const char *note)
{
    client_publish(c, &agent, arn, frame);
    assert_null(client_record(c, RECORD_FRAME_IN, NULL)->group);
    assert_null(client_record(c, RECORD_FRAME_OUT, "AckPublishMetric"));
    if (!client_noted(c, note))
        fail_msg("no note says: %s", note);
    free(frame);
}

static void numbers_that_cannot_be_are_noted_and_not_acknowledged(void **state)
{
    char *frame;

    (void)state;
    wrong(one_task("{\"min\":3,\"max\":2,\"sampleCount\":2,\"sum\":5}"), "min 3 is over max 2");
    wrong(one_task("{\"min\":1,\"max\":2,\"sampleCount\":0,\"sum\":0}"), "sampleCount is 0");
    wrong(one_task("{\"min\":1,\"max\":2,\"sampleCount\":2,\"sum\":9}"),
          "sum 9 of 2 samples is not between 2 and 4");
    wrong(one_task("{\"min\":1,\"max\":2,\"sampleCount\":1.5,\"sum\":2}"),
          "taskMetrics[0].containerMetrics[0].cpuStatsSet.sampleCount: NUMBER_VALUE can not be "
          "converted to a Long");
    wrong(one_task("{\"min\":1,\"max\":2,\"sum\":2}"), "sampleCount: it is missing");
    frame = metrics("");
    memcpy(strstr(frame, "\"timestamp\":") + 12, "17", 2);
    frame[strlen(frame) - 4] = '0';
    wrong(frame, "more than a day from now");
    frame = metrics("");
    memcpy(strstr(frame, "container-instance/") + 19, "none", 4);
    wrong(frame, "the session is that of");
    wrong(status_of(-1, 1), "statuses[0].lastUpdated is -1.000, no time in seconds");
    wrong(status_of(1, -6795364578.871), "statuses[0].lastStatusChange is -6795364578.871");
    wrong(status_of(1, 99999999999999), "statuses[0].lastStatusChange is 99999999999999.000");
    wrong(metrics(",\"instanceMetrics\":{\"generalMetricsPayload\":[{\"metricType\":\"3\"}]}"),
          "instanceMetrics.generalMetricsPayload[0].metricType: it is none of the words allowed");
    wrong(xstrdup("{\"type\":\"HeartbeatMessage\",\"message\":{}}"),
          "is not for an agent to publish");
    wrong(xstrdup("{\"type\":\"Nothing\",\"message\":{}}"), "no message has the type");
}

static void a_frame_has_to_be_signed_with_the_key(void **state)
{
    char *frame = metrics("");

    (void)state;
    client_say(&agent, frame);
    assert_null(client_record(c, RECORD_FRAME_IN, "PublishMetricsRequest")->group);
    assert_true(client_noted(c, "a frame's signature: unsigned"));
    c->secret = "wrong";
    client_publish(c, &agent, arn, frame);
    assert_null(client_record(c, RECORD_FRAME_IN, "PublishMetricsRequest")->group);
    assert_true(client_noted(c, "a frame's signature: mismatch"));
    client_say(&agent, "Host: x\r\nno end");
    assert_true(client_noted(c, "neither JSON nor a header block"));
    c->w->verify_signatures = false;
    client_say(&agent, frame);
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "PublishMetricsRequest")->group,
                        "metrics");
    free(frame);
}

static void the_service_beats_and_sends_on_command(void **state)
{
    struct err e = ERR_INIT;
    json_t *args, *v;

    (void)state;
    clock_set(&c->w->loop.clock, loop_now(&c->w->loop) + 30 * NS_PER_S);
    clock_run(&c->w->loop.clock);
    v = client_hear(&agent);
    assert_string_equal(json_str(v, "type"), "HeartbeatMessage");
    json_decref(v);
    args = json_pack("{s:s,s:{s:s}}", "type", "StopTelemetrySessionMessage", "body", "message",
                     "over");
    assert_int_equal(c->tcs->ops->control(c->tcs, "send", args, NULL, &e), 0);
    v = client_hear(&agent);
    assert_string_equal(json_string_value(json_at(v, "message.message")), "over");
    json_decref(v);
    json_decref(args);
    args = json_pack("{s:s}", "type", "PublishMetricsRequest");
    assert_int_equal(c->tcs->ops->control(c->tcs, "send", args, NULL, &e), -1);
    json_decref(args);
    args = json_pack("{s:i}", "code", 1002);
    assert_int_equal(c->tcs->ops->control(c->tcs, "close", args, NULL, &e), 0);
    assert_int_equal(client_heard_close(&agent), 1002);
    json_decref(args);
}

static void a_frame_is_split_at_the_first_empty_line(void **state)
{
    static const char frame[] = "Authorization: a b\r\nHost:x\r\n\r\n{\"a\":\"\r\n\r\n\"}";
    struct tcs_frame f;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(tcs_frame_split(&f, frame, sizeof(frame) - 1, &e), 0);
    assert_int_equal(f.n_headers, 2);
    assert_string_equal(f.headers[0].name, "Authorization");
    assert_string_equal(f.headers[0].value, "a b");
    assert_string_equal(f.headers[1].value, "x");
    assert_int_equal(f.json_len, 12);
    tcs_frame_release(&f);
    assert_int_equal(tcs_frame_split(&f, "{}", 2, &e), 0);
    assert_int_equal(f.n_headers, 0);
    tcs_frame_release(&f);
    assert_int_equal(tcs_frame_split(&f, "a b: c\r\n\r\n{}", 12, &e), -1);
    tcs_frame_release(&f);
    assert_int_equal(tcs_frame_split(&f, "nothing\r\n\r\n", 11, &e), -1);
    tcs_frame_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_idle_publication_is_acknowledged, begin, end),
        cmocka_unit_test_setup_teardown(task_metrics_health_and_status_have_their_groups, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_status_may_have_been_updated_at_the_zero_time_of_go,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            newer_agents_publish_metrics_of_the_instance_and_general_ones, begin, end),
        cmocka_unit_test_setup_teardown(numbers_that_cannot_be_are_noted_and_not_acknowledged,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_frame_has_to_be_signed_with_the_key, begin, end),
        cmocka_unit_test_setup_teardown(the_service_beats_and_sends_on_command, begin, end),
        cmocka_unit_test(a_frame_is_split_at_the_first_empty_line),
    };

    return cmocka_run_group_tests_name("tcs", tests, NULL, NULL);
}
