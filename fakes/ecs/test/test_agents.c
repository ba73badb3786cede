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
#include "fakes/ecs/launch.h"
#include "fakes/ecs/session.h"
#include "fakes/ecs/test/client.h"

#define AGENTS 5

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

static char *new_instance(void)
{
    json_t *v = client_call(
        c, "RegisterContainerInstance",
        "{\"cluster\":\"demo\",\"attributes\":[{\"name\":\"ecs.capability.full-sync\"},"
        "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"}],"
        "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048},"
        "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":1000}]}");
    char *arn = xstrdup(client_text(v, "containerInstance.containerInstanceArn"));

    json_decref(v);
    return arn;
}

static json_t *hear(struct peer *p, const char *type)
{
    json_t *v;

    while ((v = client_hear(p))) {
        if (str_eq(json_str(v, "type"), type))
            return v;
        json_decref(v);
    }
    return NULL;
}

static char *run_one(void)
{
    json_t *v;
    char *arn;

    json_decref(client_call(c, "RegisterTaskDefinition",
                            "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"main\","
                            "\"image\":\"b\",\"memory\":10}]}"));
    v = client_call(c, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}");
    arn = xstrdup(client_text(json_array_get(json_at(v, "tasks"), 0), "taskArn"));
    json_decref(v);
    return arn;
}

static void submit(const char *arn, const char *status)
{
    json_decref(client_callf(c, "SubmitTaskStateChange",
                             "{\"cluster\":\"demo\",\"task\":\"%s\",\"status\":\"%s\"}", arn,
                             status));
}

static void several_agents_share_a_control_plane(void **state)
{
    struct peer peers[AGENTS];
    char *arns[AGENTS];
    json_t *v;

    (void)state;
    json_decref(client_call(c, "RegisterTaskDefinition",
                            "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"main\","
                            "\"image\":\"b\",\"memory\":600}]}"));
    for (int i = 0; i < AGENTS; i++) {
        arns[i] = new_instance();
        client_connect_acs(c, &peers[i], arns[i]);
        assert_int_equal(c->status, 101);
    }
    v = client_callf(c, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"count\":%d}",
                     AGENTS);
    assert_int_equal(json_array_size(json_at(v, "tasks")), AGENTS);
    json_decref(v);
    /* each has room for one, and hears of its own only */
    for (int i = 0; i < AGENTS; i++) {
        v = hear(&peers[i], "PayloadMessage");
        assert_string_equal(client_text(v, "message.containerInstanceArn"), arns[i]);
        json_decref(v);
        assert_null(hear(&peers[i], "PayloadMessage"));
    }
    for (int i = 0; i < AGENTS; i++) {
        peer_close(&peers[i]);
        free(arns[i]);
    }
}

static void what_an_agent_has_beside_the_manifest_is_stopped_when_it_asks(void **state)
{
    char *arn = new_instance(), *task, *ask;
    struct peer p;
    json_t *v, *stop;

    (void)state;
    client_connect_acs(c, &p, arn);
    task = run_one();
    submit(task, "RUNNING");
    peer_close(&p);
    peer_settle(c->w);
    client_connect_acs(c, &p, arn);
    v = hear(&p, "TaskManifestMessage");
    assert_string_equal(client_text(json_array_get(json_at(v, "message.tasks"), 0), "taskArn"),
                        task);
    assert_string_equal(
        client_text(json_array_get(json_at(v, "message.tasks"), 0), "desiredStatus"), "RUNNING");
    ask = xasprintf("{\"type\":\"TaskStopVerificationMessage\",\"message\":{\"messageId\":\"%s\","
                    "\"stopCandidates\":[{\"taskArn\":\"%s\",\"desiredStatus\":\"STOPPED\"},"
                    "{\"taskArn\":\"arn:aws:ecs:us-west-2:1:task/demo/lost\",\"desiredStatus\":"
                    "\"STOPPED\"}]}}",
                    client_text(v, "message.messageId"), task);
    client_say(&p, ask);
    json_decref(v);
    v = hear(&p, "TaskStopVerificationAck");
    stop = json_at(v, "message.stopTasks");
    assert_int_equal(json_array_size(stop), 1);
    assert_string_equal(client_text(json_array_get(stop, 0), "taskArn"),
                        "arn:aws:ecs:us-west-2:1:task/demo/lost");
    json_decref(v);
    peer_close(&p);
    free(ask);
    free(task);
    free(arn);
}

static void published_health_is_shown_and_unhealthy_tasks_of_services_are_replaced(void **state)
{
    char *arn = new_instance(), *first, *publish;
    struct peer acs, tcs;
    struct plane_task *t;
    json_t *v;

    (void)state;
    client_connect_acs(c, &acs, arn);
    client_connect_tcs(c, &tcs, arn);
    free(run_one());
    json_decref(
        client_call(c, "CreateService",
                    "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
                    "\"desiredCount\":1}"));
    peer_settle(c->w);
    v = client_call(c, "ListTasks", "{\"cluster\":\"demo\",\"serviceName\":\"s\"}");
    first = xstrdup(json_string_value(json_array_get(json_at(v, "taskArns"), 0)));
    json_decref(v);
    submit(first, "RUNNING");
    t = plane_task(client_plane(c), NULL, first);
    assert_string_equal(plane_task_healthy(t), "UNKNOWN");
    for (int i = 0; i < 2; i++) {
        publish =
            xasprintf("{\"type\":\"PublishHealthRequest\",\"message\":{\"metadata\":{"
                      "\"cluster\":\"demo\",\"containerInstance\":\"%s\",\"fin\":true,"
                      "\"messageId\":\"m%d\"},\"timestamp\":%lld,\"tasks\":[{\"taskArn\":\"%s\","
                      "\"clusterArn\":\"demo\",\"taskDefinitionFamily\":\"web\","
                      "\"taskDefinitionVersion\":\"1\",\"containers\":[{\"containerName\":"
                      "\"main\",\"healthStatus\":\"%s\",\"statusSince\":%lld}]}]}}",
                      arn, i, (long long)(loop_wall(&c->w->loop) / NS_PER_S), first,
                      i ? "UNHEALTHY" : "HEALTHY", (long long)(loop_wall(&c->w->loop) / NS_PER_S));
        client_publish(c, &tcs, arn, publish);
        peer_settle(c->w);
        free(publish);
        assert_string_equal(plane_task_healthy(t), i ? "UNHEALTHY" : "HEALTHY");
    }
    assert_int_equal(t->desired, PLANE_TASK_STOPPED);
    assert_string_equal(t->stop_reason, "Task failed container health checks");
    peer_close(&acs);
    peer_close(&tcs);
    free(first);
    free(arn);
}

static void a_session_ends_when_it_is_too_old(void **state)
{
    char *arn = new_instance();
    json_t *args = json_pack("{s:s}", "after", "50ms");
    struct err e = ERR_INIT;
    struct peer p;

    (void)state;
    client_connect_acs(c, &p, arn);
    assert_int_equal(c->acs->ops->control(c->acs, "age", args, NULL, &e), 0);
    assert_int_equal(client_heard_close(&p), 1000);
    json_decref(args);
    peer_close(&p);
    free(arn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_agents_share_a_control_plane, begin, end),
        cmocka_unit_test_setup_teardown(
            what_an_agent_has_beside_the_manifest_is_stopped_when_it_asks, begin, end),
        cmocka_unit_test_setup_teardown(
            published_health_is_shown_and_unhealthy_tasks_of_services_are_replaced, begin, end),
        cmocka_unit_test_setup_teardown(a_session_ends_when_it_is_too_old, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
