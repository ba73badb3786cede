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
#include "fakes/ecs/place.h"
#include "fakes/ecs/query.h"
#include "fakes/ecs/service.h"
#include "fakes/ecs/test/client.h"

static struct client client;
static struct client *const c = &client;
static struct peer session;
static char *instance;

#define ATTRIBUTES                                                                                 \
    "\"attributes\":[{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"},"          \
    "{\"name\":\"com.amazonaws.ecs.capability.task-iam-role\"},"                                   \
    "{\"name\":\"stack\",\"value\":\"prod\"}]"
#define RESOURCES                                                                                  \
    "\"totalResources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":2048},"           \
    "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":1000},"                            \
    "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"22\"]},"                     \
    "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"stringSetValue\":[]}]"
#define WEB                                                                                        \
    "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","            \
    "\"memory\":100,\"portMappings\":[{\"containerPort\":80,\"hostPort\":80}]%s}]%s}"

static char *new_instance(void)
{
    json_t *v = client_call(c, "RegisterContainerInstance",
                            "{\"cluster\":\"demo\"," ATTRIBUTES "," RESOURCES "}");
    char *arn = xstrdup(client_text(v, "containerInstance.containerInstanceArn"));

    assert_int_equal(c->status, 200);
    json_decref(v);
    return arn;
}

static int begin(void **state)
{
    (void)state;
    client_start(c);
    instance = new_instance();
    client_connect_acs(c, &session, instance);
    return c->status == 101 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    peer_close(&session);
    free(instance);
    client_stop(c);
    return 0;
}

static void define(const char *container, const char *more)
{
    json_decref(client_callf(c, "RegisterTaskDefinition", WEB, container, more));
    assert_int_equal(c->status, 200);
}

/* The next message of that type; others are dropped. */
static json_t *hear(const char *type)
{
    json_t *v;

    while ((v = client_hear(&session))) {
        if (str_eq(json_str(v, "type"), type))
            return v;
        json_decref(v);
    }
    return NULL;
}

static char *run(const char *more)
{
    json_t *v =
        client_callf(c, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"%s}", more);
    char *arn = xstrdup(client_text(json_array_get(json_at(v, "tasks"), 0), "taskArn"));

    assert_int_equal(c->status, 200);
    json_decref(v);
    return arn;
}

static void submit(const char *arn, const char *status)
{
    json_decref(client_callf(c, "SubmitTaskStateChange",
                             "{\"cluster\":\"demo\",\"task\":\"%s\",\"status\":\"%s\"}", arn,
                             status));
    assert_int_equal(c->status, 200);
    peer_settle(c->w);
}

static void fails(const char *op, const char *body, const char *type, const char *message)
{
    json_t *v = client_call(c, op, body);

    assert_string_equal(client_text(v, "__type"), type);
    if (message)
        assert_string_equal(client_text(v, "message"), message);
    json_decref(v);
}

/* --- tasks ----------------------------------------------------------------------------- */

static void a_task_is_sent_with_its_definition_rendered(void **state)
{
    json_t *v, *task, *container, *host;
    char *arn;

    (void)state;
    define(",\"environment\":[{\"name\":\"A\",\"value\":\"1\"}],\"privileged\":false,"
           "\"linuxParameters\":{\"sharedMemorySize\":2},\"user\":\"nobody\"",
           ",\"cpu\":\"512\",\"memory\":\"200\"");
    json_array_append_new(plane_instance(client_plane(c), NULL, instance)->attributes,
                          json_pack("{s:s}", "name", "ecs.capability.task-cpu-mem-limit"));
    json_array_append_new(
        plane_instance(client_plane(c), NULL, instance)->attributes,
        json_pack("{s:s}", "name", "com.amazonaws.ecs.capability.docker-remote-api.1.22"));
    arn = run(",\"overrides\":{\"containerOverrides\":[{\"name\":\"main\",\"command\":[\"x\"],"
              "\"environment\":[{\"name\":\"B\",\"value\":\"2\"}]}]}");
    v = hear("PayloadMessage");
    task = json_array_get(json_at(v, "message.tasks"), 0);
    container = json_array_get(json_at(task, "containers"), 0);
    assert_string_equal(client_text(task, "arn"), arn);
    assert_string_equal(client_text(task, "family"), "web");
    assert_string_equal(client_text(task, "version"), "1");
    assert_string_equal(client_text(task, "desiredStatus"), "RUNNING");
    assert_true(json_number_value(json_at(task, "cpu")) == 0.5);
    assert_string_equal(client_text(container, "environment.A"), "1");
    assert_string_equal(client_text(container, "environment.B"), "2");
    assert_string_equal(client_text(container, "overrides"), "{\"command\":[\"x\"]}");
    assert_string_equal(client_text(container, "dockerConfig.config"), "{\"User\":\"nobody\"}");
    host = json_read(client_text(container, "dockerConfig.hostConfig"),
                     strlen(client_text(container, "dockerConfig.hostConfig")), JSON_READ_STRICT,
                     NULL);
    assert_int_equal(json_int(host, "ShmSize", 0), 2 << 20);
    assert_string_equal(client_text(host, "NetworkMode"), "bridge");
    json_decref(host);
    json_decref(v);
    free(arn);
}

static void last_status_follows_what_was_submitted_and_nothing_else(void **state)
{
    char *arn;
    json_t *v;

    (void)state;
    define("", "");
    arn = run("");
    assert_int_equal(plane_task(client_plane(c), NULL, arn)->last, PLANE_TASK_NONE);
    submit(arn, "RUNNING");
    json_decref(client_callf(c, "StopTask", "{\"cluster\":\"demo\",\"task\":\"%s\"}", arn));
    assert_int_equal(plane_task(client_plane(c), NULL, arn)->last, PLANE_TASK_RUNNING);
    assert_int_equal(plane_task(client_plane(c), NULL, arn)->desired, PLANE_TASK_STOPPED);
    json_decref(hear("PayloadMessage"));
    v = hear("PayloadMessage");
    assert_string_equal(
        client_text(json_array_get(json_at(v, "message.tasks"), 0), "desiredStatus"), "STOPPED");
    json_decref(v);
    submit(arn, "STOPPED");
    assert_int_equal(plane_task(client_plane(c), NULL, arn)->last, PLANE_TASK_STOPPED);
    v = client_callf(c, "DescribeTasks", "{\"cluster\":\"demo\",\"tasks\":[\"%s\"]}", arn);
    assert_string_equal(client_text(json_array_get(json_at(v, "tasks"), 0), "stopCode"),
                        "UserInitiated");
    json_decref(v);
    free(arn);
}

static void what_an_agent_did_not_take_comes_again_when_it_connects(void **state)
{
    char *arn;
    json_t *v;

    (void)state;
    define("", "");
    arn = run("");
    peer_close(&session);
    peer_settle(c->w);
    assert_false(plane_instance(client_plane(c), NULL, instance)->connected);
    client_connect_acs(c, &session, instance);
    v = hear("PayloadMessage");
    assert_string_equal(client_text(json_array_get(json_at(v, "message.tasks"), 0), "arn"), arn);
    json_decref(v);
    submit(arn, "RUNNING");
    peer_close(&session);
    peer_settle(c->w);
    client_connect_acs(c, &session, instance);
    assert_null(hear("PayloadMessage"));
    free(arn);
}

static void a_role_brings_credentials_that_are_renewed(void **state)
{
    json_t *v, *w;
    char *arn;

    (void)state;
    define("", ",\"taskRoleArn\":\"arn:aws:iam::123456789012:role/t\"");
    arn = run("");
    w = hear("PayloadMessage");
    v = json_incref(json_array_get(json_at(w, "message.tasks"), 0));
    json_decref(w);
    assert_string_equal(client_text(v, "roleCredentials.roleArn"),
                        "arn:aws:iam::123456789012:role/t");
    assert_true(str_starts(client_text(v, "roleCredentials.accessKeyId"), "ASIA"));
    submit(arn, "RUNNING");
    /* as if they had been given long ago */
    plane_task(client_plane(c), NULL, arn)->launch->credentials_until = loop_wall(&c->w->loop);
    peer_close(&session);
    peer_settle(c->w);
    client_connect_acs(c, &session, instance);
    w = hear("IAMRoleCredentialsMessage");
    assert_string_equal(client_text(w, "message.roleType"), "TaskApplication");
    assert_string_equal(client_text(w, "message.roleCredentials.credentialsId"),
                        client_text(v, "roleCredentials.credentialsId"));
    json_decref(v);
    json_decref(w);
    free(arn);
}

static void the_same_client_token_runs_once(void **state)
{
    char *a, *b;

    (void)state;
    define("", "");
    a = run(",\"clientToken\":\"t\"");
    b = run(",\"clientToken\":\"t\"");
    assert_string_equal(a, b);
    assert_int_equal(map_count(&client_plane(c)->tasks), 1);
    fails("RunTask",
          "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"clientToken\":\"t\",\"count\":2}",
          "ConflictException", NULL);
    free(a);
    free(b);
}

/* --- placement ------------------------------------------------------------------------- */

static const char *refusal(const char *body)
{
    static char text[200];
    json_t *v = client_call(c, "RunTask", body);

    snprintf(text, sizeof(text), "%s",
             client_text(json_array_get(json_at(v, "failures"), 0), "reason"));
    json_decref(v);
    return text;
}

static void a_task_goes_where_there_is_room(void **state)
{
    (void)state;
    define("", "");
    assert_string_equal(refusal("{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}"), "");
    assert_string_equal(refusal("{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}"),
                        "RESOURCE:PORTS");
    assert_string_equal(refusal("{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"overrides\":{"
                                "\"containerOverrides\":[{\"name\":\"main\",\"memory\":2000}]}}"),
                        "RESOURCE:PORTS");
    json_decref(
        client_call(c, "RegisterTaskDefinition",
                    "{\"family\":\"big\",\"containerDefinitions\":[{\"name\":\"m\",\"image\":\"b\","
                    "\"memory\":901}]}"));
    assert_string_equal(refusal("{\"cluster\":\"demo\",\"taskDefinition\":\"big\"}"),
                        "RESOURCE:MEMORY");
    plane_instance_set_connected(client_plane(c), plane_instance(client_plane(c), NULL, instance),
                                 false);
    assert_string_equal(refusal("{\"cluster\":\"demo\",\"taskDefinition\":\"big\"}"), "AGENT");
}

static bool matches(const char *text)
{
    struct err e = ERR_INIT;
    struct query *q = query_parse(text, &e);
    bool r;

    if (!q)
        fail_msg("%s: %s", text, e.text);
    r = query_matches(q, client_plane(c), plane_instance(client_plane(c), NULL, instance));
    query_free(q);
    return r;
}

static void queries_read_as_the_manual_has_them(void **state)
{
    static const char *const yes[] = {"attribute:stack == prod",
                                      "attribute:stack=~pr.*",
                                      "attribute:stack in [test, prod]",
                                      "attribute:stack exists",
                                      "attribute:gpu !exists",
                                      "not(attribute:stack == test)",
                                      "attribute:stack == prod and runningTasksCount == 0",
                                      "attribute:stack == test || agentConnected == true",
                                      "(attribute:gpu exists) or !(attribute:gpu exists)",
                                      "agentVersion >= 1.70.0",
                                      "attribute:stack =~ (prod|test)",
                                      "task:group != service:web",
                                      "attribute:stack equals \"prod\"",
                                      "attribute:gpu !in [a]"};
    static const char *const no[] = {"attribute:stack == test", "attribute:stack !in [prod]",
                                     "attribute:gpu == x",      "task:group == family:web",
                                     "agentVersion > 1.200.0",  "attribute:stack !~ prod"};
    static const char *const bad[] = {"",
                                      "attribute:stack",
                                      "attribute:stack = prod",
                                      "stack == prod",
                                      "attribute:a == b and",
                                      "(attribute:a == b",
                                      "attribute:a in [b",
                                      "attribute:a =~ (",
                                      "attribute:a =~ a{9999}",
                                      "attribute:a == b c"};
    struct err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        if (!matches(yes[i]))
            fail_msg("does not match: %s", yes[i]);
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (matches(no[i]))
            fail_msg("matches: %s", no[i]);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (query_parse(bad[i], &e))
            fail_msg("parsed: %s", bad[i]);
}

static void strategies_choose_among_instances(void **state)
{
    char *other = new_instance();
    struct plane_instance *a = plane_instance(client_plane(c), NULL, instance);
    struct plane_instance *b = plane_instance(client_plane(c), NULL, other);
    struct place need = {0};
    struct err e = ERR_INIT;
    json_t *pack = json_pack("[{s:s,s:s}]", "type", "binpack", "field", "memory");
    char *arn;

    (void)state;
    plane_instance_set_connected(client_plane(c), b, true);
    json_decref(
        client_call(c, "RegisterTaskDefinition",
                    "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"m\",\"image\":\"b\","
                    "\"memory\":10}]}"));
    arn = run("");
    a = plane_instance(client_plane(c), NULL, plane_task(client_plane(c), NULL, arn)->instance_arn);
    b = a->arn == b->arn ? plane_instance(client_plane(c), NULL, instance) : b;
    place_need(&need, definition_find(client_plane(c), "web"), NULL);
    need.group = "family:web";
    assert_ptr_equal(place_choose(client_plane(c), &need, a->cluster, NULL), b); /* spread */
    assert_int_equal(place_by(&need, pack, &e), 0);
    assert_ptr_equal(place_choose(client_plane(c), &need, a->cluster, NULL), a);
    need.strategy = NULL;
    need.distinct = true;
    assert_string_equal(place_refused(client_plane(c), &need, a),
                        "DistinctInstance placement constraint unsatisfied.");
    place_release(&need);
    json_decref(pack);
    free(arn);
    free(other);
}

/* --- services -------------------------------------------------------------------------- */

static size_t count(enum plane_task_status desired)
{
    size_t n = 0;
    void *v;

    for (size_t i = 0; map_next(&client_plane(c)->tasks, &i, NULL, &v);)
        n += ((struct plane_task *)v)->desired == desired;
    return n;
}

static void submit_all(const char *status)
{
    void *v;

    peer_settle(c->w);
    for (size_t i = 0; map_next(&client_plane(c)->tasks, &i, NULL, &v);) {
        struct plane_task *t = v;

        if (t->last != PLANE_TASK_STOPPED &&
            (t->desired == PLANE_TASK_STOPPED) == str_eq(status, "STOPPED"))
            submit(t->arn, status);
    }
    peer_settle(c->w);
}

static void a_service_rolls_within_its_percentages(void **state)
{
    struct plane_service *s;

    (void)state;
    json_decref(
        client_call(c, "RegisterTaskDefinition",
                    "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"m\",\"image\":\"b\","
                    "\"memory\":10}]}"));
    json_decref(
        client_call(c, "CreateService",
                    "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
                    "\"desiredCount\":4,\"deploymentConfiguration\":{\"maximumPercent\":150,"
                    "\"minimumHealthyPercent\":50}}"));
    assert_int_equal(c->status, 200);
    submit_all("RUNNING");
    s = service_find(client_plane(c), plane_cluster(client_plane(c), "demo"), "s");
    assert_true(s->steady);
    assert_string_equal(s->deployments[0].rollout, "COMPLETED");
    json_decref(
        client_call(c, "UpdateService",
                    "{\"cluster\":\"demo\",\"service\":\"s\",\"forceNewDeployment\":true}"));
    peer_settle(c->w);
    /* 150 %: two more at once; 50 %: two of the old ones may go before those run */
    assert_int_equal(count(PLANE_TASK_RUNNING), 4);
    assert_int_equal(count(PLANE_TASK_STOPPED), 2);
    for (int i = 0; i < 6; i++) {
        submit_all("RUNNING");
        submit_all("STOPPED");
        assert_true(count(PLANE_TASK_RUNNING) <= 6);
    }
    assert_int_equal(s->n_deployments, 1);
    assert_int_equal(count(PLANE_TASK_RUNNING), 4);
    assert_true(s->steady);
    /* draining moves them away, and there is nowhere to go */
    plane_instance_set_status(client_plane(c), plane_instance(client_plane(c), NULL, instance),
                              INSTANCE_DRAINING);
    peer_settle(c->w);
    assert_int_equal(count(PLANE_TASK_RUNNING), 2);
}

static void tasks_that_do_not_start_are_tried_again_more_slowly(void **state)
{
    struct plane_service *s;

    (void)state;
    define("", "");
    json_decref(
        client_call(c, "CreateService",
                    "{\"cluster\":\"demo\",\"serviceName\":\"s\",\"taskDefinition\":\"web\","
                    "\"desiredCount\":1}"));
    peer_settle(c->w);
    s = service_find(client_plane(c), plane_cluster(client_plane(c), "demo"), "s");
    assert_int_equal(map_count(&client_plane(c)->tasks), 1);
    submit(map_next(&client_plane(c)->tasks, &(size_t){0}, NULL, &(void *){NULL})
               ? client_plane(c)->tasks.entries[0].key
               : "",
           "STOPPED");
    assert_int_equal(s->deployments[0].failed, 1);
    assert_int_equal(map_count(&client_plane(c)->tasks), 1); /* not at once */
    assert_true(s->deployments[0].not_before > loop_now(&c->w->loop));
}

/* --- agents' updates ------------------------------------------------------------------- */

static void an_update_goes_from_staging_to_updated(void **state)
{
    struct plane_instance *i = plane_instance(client_plane(c), NULL, instance);
    json_t *args =
        json_pack("{s:s,s:s,s:s}", "version", "9.9.9", "location", "http://x/y", "signature", "00");
    char *ask = xasprintf("{\"cluster\":\"demo\",\"containerInstance\":\"%s\"}", instance), *ack;
    struct err e = ERR_INIT;
    json_t *v;

    (void)state;
    fails("UpdateContainerAgent", ask, "NoUpdateAvailableException", NULL);
    assert_int_equal(c->ecs->ops->control(c->ecs, "agent-version", args, NULL, &e), 0);
    json_decref(client_call(c, "UpdateContainerAgent", ask));
    assert_string_equal(i->update_status, "STAGING");
    fails("UpdateContainerAgent", ask, "UpdateInProgressException", NULL);
    v = hear("StageUpdateMessage");
    assert_string_equal(client_text(v, "message.updateInfo.location"), "http://x/y");
    ack =
        xasprintf("{\"type\":\"AckRequest\",\"message\":{\"messageId\":\"%s\",\"cluster\":\"demo\","
                  "\"containerInstance\":\"%s\"}}",
                  client_text(v, "message.messageId"), instance);
    client_say(&session, ack);
    json_decref(v);
    v = hear("PerformUpdateMessage");
    assert_non_null(v);
    assert_string_equal(i->update_status, "UPDATING");
    peer_close(&session);
    peer_settle(c->w);
    free(i->update_version); /* the one that this client connects with */
    i->update_version = xstrdup(i->agent_version);
    client_connect_acs(c, &session, instance);
    assert_string_equal(i->update_status, "UPDATED");
    json_decref(v);
    json_decref(args);
    free(ack);
    free(ask);
}

static void deleting_a_definition_needs_it_deregistered(void **state)
{
    json_t *v;

    (void)state;
    define("", "");
    v = client_call(c, "DeleteTaskDefinitions", "{\"taskDefinitions\":[\"web:1\"]}");
    assert_int_equal(json_array_size(json_at(v, "failures")), 1);
    json_decref(v);
    json_decref(client_call(c, "DeregisterTaskDefinition", "{\"taskDefinition\":\"web:1\"}"));
    v = client_call(c, "DeleteTaskDefinitions", "{\"taskDefinitions\":[\"web:1\",\"web:2\"]}");
    assert_string_equal(client_text(json_array_get(json_at(v, "taskDefinitions"), 0), "status"),
                        "DELETE_IN_PROGRESS");
    assert_int_equal(json_array_size(json_at(v, "failures")), 1);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_is_sent_with_its_definition_rendered, begin, end),
        cmocka_unit_test_setup_teardown(last_status_follows_what_was_submitted_and_nothing_else,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_an_agent_did_not_take_comes_again_when_it_connects,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_role_brings_credentials_that_are_renewed, begin, end),
        cmocka_unit_test_setup_teardown(the_same_client_token_runs_once, begin, end),
        cmocka_unit_test_setup_teardown(a_task_goes_where_there_is_room, begin, end),
        cmocka_unit_test_setup_teardown(queries_read_as_the_manual_has_them, begin, end),
        cmocka_unit_test_setup_teardown(strategies_choose_among_instances, begin, end),
        cmocka_unit_test_setup_teardown(a_service_rolls_within_its_percentages, begin, end),
        cmocka_unit_test_setup_teardown(tasks_that_do_not_start_are_tried_again_more_slowly, begin,
                                        end),
        cmocka_unit_test_setup_teardown(an_update_goes_from_staging_to_updated, begin, end),
        cmocka_unit_test_setup_teardown(deleting_a_definition_needs_it_deregistered, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
