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
#include "fakes/aws/keyring.h"
#include "fakes/ecs/acs.h"
#include "fakes/ecs/test/client.h"

#define TASK "arn:aws:ecs:us-west-2:123456789012:task/demo/9f000000000000000000000000000001"

static struct client client;
static struct client *const c = &client;
static struct peer agent;
static char *arn;

static int begin(void **state)
{
    (void)state;
    client_start(c);
    arn = client_register(c);
    client_connect_acs(c, &agent, arn);
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

static struct acs *acs(void)
{
    return (struct acs *)c->acs;
}

/* Runs a command; args is stolen. The result is to be unreferenced. */
static int command(const char *name, json_t *args, json_t **ret, struct err *e)
{
    json_t *v = NULL;
    int r = c->acs->ops->control(c->acs, name, args, &v, e);

    json_decref(args);
    if (ret)
        *ret = v;
    else
        json_decref(v);
    return r;
}

static void does(const char *name, json_t *args)
{
    struct err e = ERR_INIT;

    if (command(name, args, NULL, &e) < 0)
        fail_msg("%s", e.text);
}

/* Lets `ns` pass on the clock alone. */
static void pass(int64_t ns)
{
    clock_set(&c->w->loop.clock, loop_now(&c->w->loop) + ns);
    clock_run(&c->w->loop.clock);
    peer_settle(c->w);
}

static void the_handshake_makes_the_instance_connected(void **state)
{
    struct plane_instance *i = plane_instance(acs()->base.plane, NULL, arn);
    const struct record *r = client_record(c, RECORD_CONNECT, "connect");

    (void)state;
    assert_true(i->connected);
    assert_string_equal(i->agent_version, "1.105.1");
    assert_string_equal(i->docker_version, "DockerVersion: 20.10.24");
    assert_string_equal(r->group, "session");
    peer_close(&agent);
    peer_settle(c->w);
    assert_false(i->connected);
}

static void refused(const char *query, int status, const char *body)
{
    struct peer p;

    client_connect(c, &p, c->acs, query);
    assert_int_equal(c->status, status);
    if (!strstr(buf_str(&p.got), body))
        fail_msg("no %s in %s", body, buf_str(&p.got));
    peer_close(&p);
}

#define REST "agentHash=a&agentVersion=1&clusterArn=%s&containerInstanceArn=%s%s"

static void handshakes_are_refused_by_name(void **state)
{
    char *id = xstrdup(strrchr(arn, '/') + 1), *q;

    (void)state;
    refused("agentHash=a&agentVersion=1&clusterArn=demo&sendCredentials=true&seqNum=1", 400,
            "{\"BadRequestException\":\"The parameter containerInstanceArn is missing.\"}");
    refused("clusterArn=other&containerInstanceArn=x", 400,
            "{\"InvalidClusterException\":\"Cluster not found.\"}");
    refused("clusterArn=demo&containerInstanceArn=x", 400, "{\"InvalidInstanceException\":");
    q = xasprintf(REST, "demo", id, "&sendCredentials=maybe&seqNum=1");
    refused(q, 400, "sendCredentials is missing or not valid");
    plane_instance_set_status(acs()->base.plane, plane_instance(acs()->base.plane, NULL, id),
                              INSTANCE_INACTIVE);
    refused(q, 400, "{\"InactiveInstanceException\":\"Container instance is not active.\"}");
    c->secret = "wrong";
    refused(q, 403, "{\"AccessDeniedException\":");
    free(q);
    free(id);
}

static void a_newer_session_replaces_the_older(void **state)
{
    struct peer second;

    (void)state;
    client_connect_acs(c, &second, arn);
    assert_int_equal(c->status, 101);
    assert_int_equal(client_heard_close(&agent), 1000);
    assert_true(plane_instance(acs()->base.plane, NULL, arn)->connected);
    does("send", json_pack("{s:s}", "type", "HeartbeatMessage"));
    json_decref(client_hear(&second));
    peer_close(&second);
}

static void a_heartbeat_comes_every_30_seconds_of_the_clock(void **state)
{
    json_t *v;
    char *ack;

    (void)state;
    pass(29 * NS_PER_S);
    assert_null(client_record(c, RECORD_FRAME_OUT, "HeartbeatMessage"));
    pass(NS_PER_S);
    v = client_hear(&agent);
    assert_string_equal(json_str(v, "type"), "HeartbeatMessage");
    assert_true(json_is_true(json_at(v, "message.healthy")));
    ack = xasprintf("{\"type\":\"HeartbeatAckRequest\",\"message\":{\"messageId\":\"%s\"}}",
                    json_string_value(json_at(v, "message.messageId")));
    client_say(&agent, ack);
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "HeartbeatAckRequest")->group, "acks");
    does("heartbeat", json_pack("{s:s}", "every", "0"));
    pass(120 * NS_PER_S);
    assert_null(client_hear(&agent));
    json_decref(v);
    free(ack);
}

static json_t *payload(void)
{
    return json_pack("{s:s,s:{s:[{s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s,s:s}}]},s:s}", "type",
                     "PayloadMessage", "body", "tasks", "arn", TASK, "family", "web", "version",
                     "3", "desiredStatus", "RUNNING", "roleCredentials", "credentialsId", "c-1",
                     "accessKeyId", "ASIATASK", "secretAccessKey", "a-task-secret", "sessionToken",
                     "a-task-token", "tasks[0].version", "4");
}

static void a_payload_is_filled_in_and_its_acks_are_matched(void **state)
{
    struct buf out = BUF_INIT(4096);
    json_t *v, *ret;
    const char *id;
    char *text;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(command("send", payload(), &ret, &e), 0);
    v = client_hear(&agent);
    id = json_str(ret, "messageId");
    assert_string_equal(json_string_value(json_at(v, "message.messageId")), id);
    assert_string_equal(json_string_value(json_at(v, "message.containerInstanceArn")), arn);
    assert_string_equal(json_string_value(json_at(v, "message.clusterArn")),
                        "arn:aws:ecs:us-west-2:123456789012:cluster/demo");
    assert_int_equal(json_int(json_at(v, "message"), "seqNum", 0), 1);
    assert_true(json_int(json_at(v, "message"), "generatedAt", 0) > 1000000000000);
    assert_string_equal(json_str(json_array_get(json_at(v, "message.tasks"), 0), "version"), "4");

    c->acs->ops->pending(c->acs, &out);
    assert_non_null(strstr(buf_str(&out), "waits for its acknowledgement"));
    text = xasprintf("{\"type\":\"AckRequest\",\"message\":{\"cluster\":\"demo\","
                     "\"containerInstance\":\"%s\",\"messageId\":\"%s\"}}",
                     arn, id);
    client_say(&agent, text);
    free(text);
    buf_clear(&out);
    c->acs->ops->pending(c->acs, &out);
    assert_non_null(strstr(buf_str(&out), "acknowledgement of its credentials"));
    text = xasprintf("{\"type\":\"IAMRoleCredentialsAckRequest\",\"message\":{\"credentialsId\":"
                     "\"c-1\",\"expiration\":\"\",\"messageId\":\"%s\"}}",
                     id);
    client_say(&agent, text);
    free(text);
    buf_clear(&out);
    c->acs->ops->pending(c->acs, &out);
    assert_null(strstr(buf_str(&out), "waits"));
    buf_release(&out);
    json_decref(v);
    json_decref(ret);
}

static void a_payload_makes_its_tasks_and_keys_known(void **state)
{
    struct err e = ERR_INIT;
    const struct plane_task *t;
    char *record;

    (void)state;
    does("send", payload());
    t = plane_task(acs()->base.plane, NULL, TASK);
    assert_non_null(t);
    assert_string_equal(t->instance_arn, arn);
    assert_string_equal(t->family, "web");
    assert_int_equal(t->desired, PLANE_TASK_RUNNING);
    assert_int_equal(t->last, PLANE_TASK_NONE);
    assert_non_null(keyring_find(keyring_of(c->w, &e), "ASIATASK"));
    record = json_text(client_record(c, RECORD_FRAME_OUT, "PayloadMessage")->data);
    assert_null(strstr(record, "a-task-secret"));
    assert_null(strstr(record, "a-task-token"));
    assert_non_null(strstr(record, "***"));
    world_reset(c->w);
    assert_null(keyring_find(keyring_of(c->w, &e), "ASIATASK"));
    free(record);
}

/* Says it, and expects that the frame has no group and a note says this. */
static void wrong(const char *frame, const char *what, const char *note)
{
    const struct record *r;

    client_say(&agent, frame);
    r = client_record(c, RECORD_FRAME_IN, NULL);
    assert_string_equal(r->what, what);
    assert_null(r->group);
    if (!client_noted(c, note))
        fail_msg("no note says: %s", note);
}

static void what_does_not_fit_has_no_group_and_a_note(void **state)
{
    (void)state;
    wrong("{\"type\":\"AckRequest\",\"message\":{\"cluster\":\"a\",\"containerInstance\":\"b\","
          "\"messageId\":\"never\"}}",
          "AckRequest", "message \"never\", which was never sent");
    wrong("{\"type\":\"AckRequest\",\"message\":{\"cluster\":\"a\",\"containerInstance\":\"b\","
          "\"messageId\":7}}",
          "AckRequest", "messageId: NUMBER_VALUE can not be converted to a String");
    wrong("{\"type\":\"AckRequest\",\"message\":{\"cluster\":\"a\",\"messageId\":\"m\"}}",
          "AckRequest", "containerInstance: it is missing");
    wrong("{\"type\":\"Coffee\",\"message\":{}}", "Coffee", "no message has the type \"Coffee\"");
    wrong("{\"type\":\"PayloadMessage\",\"message\":{}}", "PayloadMessage",
          "is not for an agent to send");
    wrong("{\"type\":\"AckRequest\"}", "AckRequest", "\"message\" is no object");
    wrong("{\"message\":{}}", "unknown", "a frame has no \"type\"");
    wrong("hello", "unknown", "a frame holds no JSON");
}

static void an_ack_has_to_fit_what_it_answers(void **state)
{
    json_t *args = payload();

    (void)state;
    json_put_str(args, "messageId", "m-1");
    does("send", args);
    wrong("{\"type\":\"HeartbeatAckRequest\",\"message\":{\"messageId\":\"m-1\"}}",
          "HeartbeatAckRequest", "does not answer a PayloadMessage");
    wrong("{\"type\":\"IAMRoleCredentialsAckRequest\",\"message\":{\"credentialsId\":\"c-9\","
          "\"expiration\":\"\",\"messageId\":\"m-1\"}}",
          "IAMRoleCredentialsAckRequest", "credentials \"c-9\", which were not in message");
    wrong("{\"type\":\"TaskStopVerificationMessage\",\"message\":{\"messageId\":\"m-1\","
          "\"stopCandidates\":[]}}",
          "TaskStopVerificationMessage", "does not answer a PayloadMessage");
    client_say(&agent, "{\"type\":\"NackRequest\",\"message\":{\"cluster\":\"a\","
                       "\"containerInstance\":\"b\",\"messageId\":\"m-1\",\"reason\":\"r\"}}");
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "NackRequest")->group, "nack");
}

static void a_manifest_and_its_verification_share_an_id(void **state)
{
    json_t *v;

    (void)state;
    does("send", json_pack("{s:s,s:s,s:{s:[]}}", "type", "TaskManifestMessage", "messageId", "mm-1",
                           "body", "tasks"));
    v = client_hear(&agent);
    assert_int_equal(json_int(json_at(v, "message"), "timeline", 0), 1);
    json_decref(v);
    client_say(&agent, "{\"type\":\"TaskStopVerificationMessage\",\"message\":{\"messageId\":"
                       "\"mm-1\",\"stopCandidates\":[{\"taskArn\":\"" TASK
                       "\",\"desiredStatus\":\"STOPPED\"}]}}");
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "TaskStopVerificationMessage")->group,
                        "manifest");
    does("send",
         json_pack("{s:s,s:{s:[]}}", "type", "TaskStopVerificationAck", "body", "stopTasks"));
    v = client_hear(&agent);
    assert_string_equal(json_string_value(json_at(v, "message.messageId")), "mm-1");
    json_decref(v);
}

static void a_text_goes_out_as_it_is(void **state)
{
    static const char *const text = "{\"type\":\"Surprise\",\"message\":{\"messageId\":\"s-1\"}}";
    json_t *v;

    (void)state;
    does("send", json_pack("{s:s,s:s}", "type", "Anything", "body", text));
    assert_non_null(client_record(c, RECORD_FRAME_OUT, "Anything"));
    v = client_hear(&agent);
    assert_string_equal(json_str(v, "type"), "Surprise");
    json_decref(v);
    does("send", json_pack("{s:s}", "body",
                           "{\"type\":\"PayloadMessage\",\"message\":{\"messageId\":\"raw-1\"}}"));
    client_say(&agent, "{\"type\":\"AckRequest\",\"message\":{\"cluster\":\"a\","
                       "\"containerInstance\":\"b\",\"messageId\":\"raw-1\"}}");
    assert_string_equal(client_record(c, RECORD_FRAME_IN, "AckRequest")->group, "acks");
}

static void commands_that_make_no_sense_are_refused(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(command("send", json_pack("{s:s}", "type", "PayloadMesage"), NULL, &e), -1);
    assert_non_null(strstr(e.text, "did you mean PayloadMessage?"));
    assert_int_equal(command("send", json_pack("{s:s}", "type", "AckRequest"), NULL, &e), -1);
    assert_int_equal(
        command("send", json_pack("{s:s,s:i}", "type", "PayloadMessage", "body", 1), NULL, &e), -1);
    assert_int_equal(command("send",
                             json_pack("{s:s,s:s}", "type", "PayloadMessage", "tasks[5].arn", "x"),
                             NULL, &e),
                     -1);
    assert_int_equal(command("close", json_pack("{s:s}", "code", "12"), NULL, &e), -1);
    assert_int_equal(command("heartbeat", json_pack("{s:s}", "every", "often"), NULL, &e), -1);
    assert_int_equal(command("sing", json_object(), NULL, &e), -1);
    does("close", json_pack("{s:s,s:s}", "code", "1001", "reason", "going"));
    assert_int_equal(client_heard_close(&agent), 1001);
    assert_int_equal(command("send", json_pack("{s:s}", "type", "HeartbeatMessage"), NULL, &e), -1);
    assert_string_equal(e.text, "acs: no session is open");
}

static void a_dropped_session_is_reset(void **state)
{
    (void)state;
    does("drop", json_object());
    assert_true(peer_wait_end(&agent));
    assert_null(session_find(&acs()->sessions, NULL));
}

static void the_ledger_forgets_settled_entries_first(void **state)
{
    struct ledger l;
    char id[32];

    (void)state;
    ledger_init(&l);
    ledger_sent(&l, "open", 0, "i", 0, true, NULL);
    ledger_acked(ledger_sent(&l, "settled", 0, "i", 0, true, NULL));
    for (int i = 0; i < LEDGER_MAX; i++) {
        snprintf(id, sizeof(id), "m-%d", i);
        ledger_sent(&l, id, 0, "i", 0, true, NULL);
        if (i == 0)
            assert_non_null(ledger_find(&l, "settled"));
    }
    assert_null(ledger_find(&l, "settled"));
    assert_int_equal(map_count(&l.by_id), LEDGER_MAX);
    ledger_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_handshake_makes_the_instance_connected, begin, end),
        cmocka_unit_test_setup_teardown(handshakes_are_refused_by_name, begin, end),
        cmocka_unit_test_setup_teardown(a_newer_session_replaces_the_older, begin, end),
        cmocka_unit_test_setup_teardown(a_heartbeat_comes_every_30_seconds_of_the_clock, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_payload_is_filled_in_and_its_acks_are_matched, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_payload_makes_its_tasks_and_keys_known, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_fit_has_no_group_and_a_note, begin, end),
        cmocka_unit_test_setup_teardown(an_ack_has_to_fit_what_it_answers, begin, end),
        cmocka_unit_test_setup_teardown(a_manifest_and_its_verification_share_an_id, begin, end),
        cmocka_unit_test_setup_teardown(a_text_goes_out_as_it_is, begin, end),
        cmocka_unit_test_setup_teardown(commands_that_make_no_sense_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_dropped_session_is_reset, begin, end),
        cmocka_unit_test(the_ledger_forgets_settled_entries_first),
    };

    return cmocka_run_group_tests_name("acs", tests, NULL, NULL);
}
