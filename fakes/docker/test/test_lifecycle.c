#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/test/client.c"

#define CREATED 201

static const char *message(const struct answer *a)
{
    const char *s = json_str(a->json, "message");

    return s ? s : "";
}

static void a_container_runs_for_its_time_and_ends_with_its_code(void **state)
{
    (void)state;
    control("image", "name", "job:1", "cached", "", "run-for", "90s", "exit", "7", NULL);
    run("job", "job:1", "");
    assert_string_equal(inspect("job", "State.Status"), "running");
    assert_true(inspect_int("job", "State.Pid") > 0);
    assert_string_equal(inspect("job", "State.FinishedAt"), "0001-01-01T00:00:00Z");
    pass(89 * NS_PER_S);
    assert_string_equal(inspect("job", "State.Status"), "running");
    pass(2 * NS_PER_S);
    assert_string_equal(inspect("job", "State.Status"), "exited");
    assert_int_equal(inspect_int("job", "State.ExitCode"), 7);
    assert_int_equal(inspect_int("job", "State.Pid"), 0);
    assert_string_not_equal(inspect("job", "State.FinishedAt"), "0001-01-01T00:00:00Z");
    assert_string_equal(events_of("job"), "create start die[7]");
}

static void a_stop_sends_term_and_after_its_patience_kill(void **state)
{
    struct peer p;

    (void)state;
    control("image", "name", "deaf:1", "cached", "", "ignore-term", "yes", NULL);
    run("deaf", "deaf:1", "");
    ask(&p, "POST", "/containers/deaf/stop?t=5", NULL);
    pass(4 * NS_PER_S);
    assert_string_equal(inspect("deaf", "State.Status"), "running");
    assert_string_equal(events_of("deaf"), "create start kill(15)");
    assert_true(buf_len(&p.got) == 0);
    pass(2 * NS_PER_S);
    assert_true(peer_wait_end(&p));
    assert_int_equal(answer_of(&p)->status, 204);
    peer_close(&p);
    assert_int_equal(inspect_int("deaf", "State.ExitCode"), 137);
    assert_string_equal(events_of("deaf"), "create start kill(15) kill(9) die[137] stop");
    assert_int_equal(call("POST", "/containers/deaf/stop?t=5", NULL)->status, 304);
}

static void a_newer_engine_tells_of_the_stop_before_the_end(void **state)
{
    (void)state;
    assert_int_equal(control("version", "version", "26.1.5", NULL), 0);
    run("aa", "busybox:1", "");
    assert_int_equal(call("POST", "/containers/aa/stop", NULL)->status, 204);
    assert_string_equal(events_of("aa"), "create start kill(15) stop die[143]");
}

static void a_stop_goes_on_when_its_client_leaves(void **state)
{
    struct peer p;

    (void)state;
    control("image", "name", "slow:1", "cached", "", "stop-delay", "20s", "stop-exit", "0", NULL);
    run("slow", "slow:1", "");
    ask(&p, "POST", "/containers/slow/stop?t=60", NULL);
    peer_close(&p);
    pass(21 * NS_PER_S);
    assert_string_equal(inspect("slow", "State.Status"), "exited");
    assert_int_equal(inspect_int("slow", "State.ExitCode"), 0);
    assert_string_equal(events_of("slow"), "create start kill(15) die[0] stop");
}

static void a_kill_is_answered_when_the_container_has_ended(void **state)
{
    (void)state;
    run("aa", "busybox:1", "");
    assert_int_equal(call("POST", "/containers/aa/kill?signal=HUP", NULL)->status, 204);
    assert_string_equal(inspect("aa", "State.Status"), "running");
    assert_int_equal(call("POST", "/containers/aa/kill", NULL)->status, 204);
    assert_int_equal(inspect_int("aa", "State.ExitCode"), 137);
    assert_int_equal(call("POST", "/containers/aa/kill", NULL)->status, 409);
    assert_int_equal(call("POST", "/v1.19/containers/aa/kill", NULL)->status, 204);
    assert_int_equal(call("POST", "/containers/aa/kill?signal=NOSUCH", NULL)->status, 400);
    assert_string_equal(events_of("aa"), "create start kill(1) kill(9) die[137]");
}

static void a_paused_container_does_not_age(void **state)
{
    (void)state;
    control("image", "name", "job:1", "cached", "", "run-for", "10s", NULL);
    run("job", "job:1", "");
    pass(4 * NS_PER_S);
    assert_int_equal(call("POST", "/containers/job/pause", NULL)->status, 204);
    pass(100 * NS_PER_S);
    assert_string_equal(inspect("job", "State.Status"), "paused");
    assert_int_equal(call("POST", "/containers/job/pause", NULL)->status, 409);
    assert_int_equal(call("POST", "/containers/job/unpause", NULL)->status, 204);
    pass(5 * NS_PER_S);
    assert_string_equal(inspect("job", "State.Status"), "running");
    pass(2 * NS_PER_S);
    assert_string_equal(inspect("job", "State.Status"), "exited");
    assert_string_equal(events_of("job"), "create start pause unpause die[0]");
}

static void a_restart_stops_and_starts(void **state)
{
    (void)state;
    run("aa", "busybox:1", "");
    assert_int_equal(call("POST", "/containers/aa/restart?t=1", NULL)->status, 204);
    assert_string_equal(inspect("aa", "State.Status"), "running");
    assert_string_equal(events_of("aa"), "create start kill(15) die[143] stop start restart");
}

static void a_restart_policy_starts_it_again_with_growing_pauses(void **state)
{
    (void)state;
    control("image", "name", "bad:1", "cached", "", "run-for", "1s", "exit", "1", NULL);
    run("bad", "bad:1",
        ",\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":2}}");
    pass(NS_PER_S + NS_PER_MS); /* a machine that is busy adds its own */
    assert_string_equal(inspect("bad", "State.Status"), "restarting");
    pass(60 * NS_PER_S);
    assert_string_equal(inspect("bad", "State.Status"), "exited");
    assert_int_equal(inspect_int("bad", "RestartCount"), 2);
    assert_string_equal(events_of("bad"), "create start die[1] start die[1] start die[1]");
}

static void waiting_knows_three_conditions(void **state)
{
    struct peer next, gone;

    (void)state;
    run("aa", "busybox:1", ",\"HostConfig\":{\"AutoRemove\":true}");
    ask(&next, "POST", "/containers/aa/wait?condition=next-exit", NULL);
    ask(&gone, "POST", "/containers/aa/wait?condition=removed", NULL);
    assert_true(strstr(buf_str(&next.got), "200 OK") != NULL);
    assert_int_equal(control("exit", "container", "aa", "code", "3", NULL), 0);
    assert_true(peer_wait_end(&next));
    assert_true(peer_wait_end(&gone));
    assert_int_equal(json_int(answer_of(&next)->json, "StatusCode", -1), 3);
    assert_int_equal(json_int(answer_of(&gone)->json, "StatusCode", -1), 3);
    peer_close(&next);
    peer_close(&gone);
    assert_int_equal(call("POST", "/containers/aa/wait", NULL)->status, 404);
    assert_string_equal(events_of("aa"), "create start die[3] destroy");
}

static void out_of_memory_is_an_event_and_a_mark(void **state)
{
    (void)state;
    run("aa", "busybox:1", "");
    assert_int_equal(control("oom", "container", "aa", NULL), 0);
    assert_string_equal(events_of("aa"), "create start oom die[137]");
    inspect("aa", "State");
    assert_true(json_is_true(json_at(answer.json, "State.OOMKilled")));
    assert_int_equal(control("oom", "container", "aa", NULL), -1);
}

static void removal_wants_force_while_it_runs(void **state)
{
    const struct answer *a;

    (void)state;
    run("aa", "busybox:1", "");
    a = call("DELETE", "/containers/aa", NULL);
    assert_int_equal(a->status, 409);
    assert_true(str_starts(message(a), "You cannot remove a running container "));
    assert_int_equal(call("DELETE", "/containers/aa?force=1", NULL)->status, 204);
    a = call("GET", "/containers/aa/json", NULL);
    assert_int_equal(a->status, 404);
    assert_string_equal(message(a), "No such container: aa");
    assert_string_equal(events_of("aa"), "create start kill(9) die[137] destroy");
}

static void a_stranger_removes_a_container_with_all_events(void **state)
{
    (void)state;
    run("aa", "busybox:1", "");
    assert_int_equal(control("remove", "container", "aa", NULL), 0);
    assert_string_equal(events_of("aa"), "create start kill(9) die[137] destroy");
}

static void a_start_that_fails_leaves_the_reason(void **state)
{
    const struct answer *a;

    (void)state;
    control("image", "name", "no:1", "cached", "", "start-error", "no space left on device", NULL);
    control("image", "name", "nocmd:1", "cached", "", "start-error", "not-found", NULL);
    call("POST", "/containers/create?name=aa", "{\"Image\":\"no:1\"}");
    a = call("POST", "/containers/aa/start", NULL);
    assert_int_equal(a->status, 500);
    assert_string_equal(message(a), "no space left on device");
    assert_string_equal(inspect("aa", "State.Status"), "created");
    assert_string_equal(inspect("aa", "State.Error"), "no space left on device");
    assert_int_equal(inspect_int("aa", "State.ExitCode"), 128);
    call("POST", "/containers/create?name=bb", "{\"Image\":\"nocmd:1\",\"Cmd\":[\"/x\"]}");
    a = call("POST", "/containers/bb/start", NULL);
    assert_int_equal(a->status, 400);
    assert_int_equal(inspect_int("bb", "State.ExitCode"), 127);
    assert_string_equal(events_of("aa"), "create");
}

static void two_containers_cannot_have_one_host_port(void **state)
{
    static const char ports[] =
        ",\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]}}";
    const struct answer *a;

    (void)state;
    run("aa", "busybox:1", ports);
    call("POST", "/containers/create?name=bb",
         "{\"Image\":\"busybox:1\",\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":"
         "\"8080\"}]}}}");
    a = call("POST", "/containers/bb/start", NULL);
    assert_int_equal(a->status, 500);
    assert_true(strstr(message(a), "Bind for 0.0.0.0:8080 failed: port is already allocated"));
    call("POST", "/containers/aa/kill", NULL);
    assert_int_equal(call("POST", "/containers/bb/start", NULL)->status, 204);
}

static void addresses_and_dynamic_ports_are_given_back(void **state)
{
    static const char ports[] = ",\"ExposedPorts\":{\"81/tcp\":{}},\"HostConfig\":{"
                                "\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"0\"}]}}";

    (void)state;
    run("aa", "busybox:1", ports);
    assert_string_equal(inspect("aa", "NetworkSettings.IPAddress"), "172.17.0.2");
    assert_string_equal(inspect("aa", "NetworkSettings.Networks.bridge.IPAddress"), "172.17.0.2");
    inspect("aa", "Id");
    assert_int_equal(
        json_array_size(json_object_get(json_at(answer.json, "NetworkSettings.Ports"), "80/tcp")),
        2);
    assert_true(
        json_is_null(json_object_get(json_at(answer.json, "NetworkSettings.Ports"), "81/tcp")));
    call("POST", "/containers/aa/kill", NULL);
    assert_string_equal(inspect("aa", "NetworkSettings.IPAddress"), "");
    run("bb", "busybox:1", "");
    assert_string_equal(inspect("bb", "NetworkSettings.IPAddress"), "172.17.0.2");
}

static void a_container_joins_the_network_of_a_running_one_only(void **state)
{
    static const char body[] =
        "{\"Image\":\"busybox:1\",\"HostConfig\":{\"NetworkMode\":\"container:pause\"}}";
    char *id;

    (void)state;
    call("POST", "/containers/create?name=pause", "{\"Image\":\"busybox:1\"}");
    assert_int_equal(call("POST", "/containers/create?name=app", body)->status, CREATED);
    assert_int_equal(call("POST", "/containers/app/start", NULL)->status, 409);
    call("POST", "/containers/pause/start", NULL);
    assert_int_equal(call("POST", "/containers/app/start", NULL)->status, 204);
    id = xstrdup(inspect("pause", "Id"));
    assert_string_equal(str_after(inspect("app", "HostConfig.NetworkMode"), "container:"), id);
    free(id);
    assert_string_equal(inspect("app", "NetworkSettings.IPAddress"), "");
}

static void labels_override_what_the_image_declares(void **state)
{
    const struct answer *a;

    (void)state;
    run("aa", "busybox:1", ",\"Labels\":{\"ecsim.run-for\":\"5s\",\"ecsim.signal\":\"SEGV\"}");
    pass(6 * NS_PER_S);
    assert_int_equal(inspect_int("aa", "State.ExitCode"), 139);
    a = call("POST", "/containers/create",
             "{\"Image\":\"busybox:1\",\"Labels\":{\"ecsim.run-far\":\"5s\"}}");
    assert_int_equal(a->status, 400);
    assert_string_equal(message(a),
                        "label ecsim.run-far: no such option: run-far (did you mean run-for?)");
}

static void every_change_of_state_is_journaled(void **state)
{
    const struct record *r = NULL;
    size_t n = 0;

    (void)state;
    run("aa", "busybox:1", "");
    call("POST", "/containers/aa/kill", NULL);
    for (size_t i = 0; i < world->journal.n; i++)
        if (world->journal.records[i]->kind == RECORD_STATE) {
            r = world->journal.records[i];
            n++;
        }
    assert_int_equal(n, 3); /* none -> created -> running -> exited */
    assert_string_equal(r->what, "container aa");
    assert_string_equal(json_str(r->data, "from"), "running");
    assert_string_equal(json_str(r->data, "to"), "exited");
}

static void a_foreign_image_does_not_run(void **state)
{
    (void)state;
    control("image", "name", "arm:1", "cached", "", "arch", "arm64", NULL);
    run("aa", "arm:1", "");
    pass(NS_PER_MS);
    assert_int_equal(inspect_int("aa", "State.ExitCode"), 1);
    assert_true(strstr(buf_str(&call("GET", "/containers/aa/logs?stderr=1", NULL)->body) + 8,
                       "exec format error") != NULL);
}

static void pending_says_what_comes_next(void **state)
{
    struct buf b = BUF_INIT(1 << 16);

    (void)state;
    run("aa", "busybox:1", ",\"Labels\":{\"ecsim.run-for\":\"1h\"}");
    engine->ops->pending(engine, &b);
    assert_true(strstr(buf_str(&b), "container aa (running): ends by itself in 59m59") != NULL);
    buf_release(&b);
}

static void a_reset_forgets_everything(void **state)
{
    (void)state;
    run("aa", "busybox:1", ",\"HostConfig\":{\"Binds\":[\"vv:/v\"]}");
    world_reset(world);
    assert_int_equal(call("GET", "/containers/aa/json", NULL)->status, 404);
    assert_int_equal(call("GET", "/images/busybox:1/json", NULL)->status, 404);
    assert_int_equal(call("GET", "/volumes/vv", NULL)->status, 404);
    assert_int_equal(json_array_size(call("GET", "/containers/json?all=1", NULL)->json), 0);
}

static void an_old_start_call_brings_its_own_host_config(void **state)
{
    static const char late[] = "{\"CpuShares\":5,\"Binds\":[\"/new:/there\"],\"PortBindings\":"
                               "{\"80/tcp\":[{\"HostPort\":\"8080\"}]},\"NetworkMode\":\"bridge\"}";
    const struct answer *a;

    (void)state;
    control("image", "name", "busybox:latest", "cached", "", NULL);
    assert_int_equal(call("POST", "/v1.23/containers/create?name=old",
                          "{\"Image\":\"busybox\",\"ExposedPorts\":{\"80/tcp\":{}},\"HostConfig\":"
                          "{\"Binds\":[\"/a:/kept\"],\"NetworkMode\":\"none\",\"Memory\":8388608}}")
                         ->status,
                     CREATED);
    assert_int_equal(call("POST", "/v1.24/containers/old/start", late)->status, 400);
    assert_string_equal(inspect("old", "HostConfig.NetworkMode"), "none");
    assert_int_equal(call("POST", "/v1.23/containers/old/start", "{\"Memory\":1}")->status, 400);
    assert_string_equal(inspect("old", "State.Status"), "created");
    assert_int_equal(call("POST", "/v1.23/containers/old/start", late)->status, 204);
    assert_int_equal(inspect_int("old", "HostConfig.CpuShares"), 5);
    assert_int_equal(inspect_int("old", "HostConfig.Memory"), 0);
    a = call("GET", "/containers/old/json", NULL);
    assert_non_null(strstr(buf_str(&a->body), "\"Destination\":\"/kept\""));
    assert_non_null(strstr(buf_str(&a->body), "\"Destination\":\"/there\""));
    assert_string_equal(inspect("old", "NetworkSettings.IPAddress"), "172.17.0.2");
    assert_int_equal(call("POST", "/v1.23/containers/old/start", "{\"CpuShares\":9}")->status, 304);
    assert_int_equal(inspect_int("old", "HostConfig.CpuShares"), 5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, client_begin, client_end)

static void a_newer_engine_looks_more_often_while_it_starts(void **state)
{
    static const char *const versions[] = {"20.10.24", "26.1.5"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        assert_int_equal(control("version", "version", versions[i], NULL), 0);
        run("hh", "busybox:1",
            ",\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":30000000000,"
            "\"StartPeriod\":60000000000,\"StartInterval\":1000000000}");
        pass(2 * NS_PER_S);
        assert_string_equal(inspect("hh", "State.Health.Status"), i ? "healthy" : "starting");
        pass(30 * NS_PER_S);
        assert_string_equal(inspect("hh", "State.Health.Status"), "healthy");
        call("DELETE", "/containers/hh?force=1", NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_container_runs_for_its_time_and_ends_with_its_code),
        TEST(a_stop_sends_term_and_after_its_patience_kill),
        TEST(a_newer_engine_tells_of_the_stop_before_the_end),
        TEST(a_stop_goes_on_when_its_client_leaves),
        TEST(a_kill_is_answered_when_the_container_has_ended),
        TEST(a_paused_container_does_not_age),
        TEST(a_restart_stops_and_starts),
        TEST(a_restart_policy_starts_it_again_with_growing_pauses),
        TEST(waiting_knows_three_conditions),
        TEST(out_of_memory_is_an_event_and_a_mark),
        TEST(removal_wants_force_while_it_runs),
        TEST(a_stranger_removes_a_container_with_all_events),
        TEST(a_start_that_fails_leaves_the_reason),
        TEST(two_containers_cannot_have_one_host_port),
        TEST(addresses_and_dynamic_ports_are_given_back),
        TEST(a_container_joins_the_network_of_a_running_one_only),
        TEST(labels_override_what_the_image_declares),
        TEST(every_change_of_state_is_journaled),
        TEST(an_old_start_call_brings_its_own_host_config),
        TEST(a_foreign_image_does_not_run),
        TEST(pending_says_what_comes_next),
        TEST(a_reset_forgets_everything),
        cmocka_unit_test_setup_teardown(a_newer_engine_looks_more_often_while_it_starts,
                                        client_begin, client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
