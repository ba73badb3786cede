#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/dependency.h"
#include "agent/payload.h"
#include "base/str.h"

#define NOW (1000 * INT64_C(1000000000))
#define ARN "arn:aws:ecs:us-west-2:123456789012:task/demo/0123456789abcdef0123456789abcdef"

static struct log quiet;

static int no_log(void **state)
{
    (void)state;
    log_init(&quiet, LOG_NOTHING, -1);
    return 0;
}

/* A task of the containers given as JSON, members but name, image left out. */
static struct task *task_of(const char *containers)
{
    json_t *spec = json_object();
    struct err e = ERR_INIT;
    struct task *t;

    json_put_str(spec, "arn", ARN);
    json_put_str(spec, "desiredStatus", "RUNNING");
    json_put_str(spec, "family", "web");
    json_put_str(spec, "version", "3");
    json_put(spec, "containers", json_read(containers, strlen(containers), JSON_READ_STRICT, &e));
    t = payload_task(spec, &e);
    assert_string_equal(e.text, "");
    json_decref(spec);
    return t;
}

#define TWO                                                                                        \
    "[{\"name\":\"a\",\"image\":\"i\",\"essential\":true},"                                        \
    "{\"name\":\"b\",\"image\":\"i\"}]"

static void the_task_is_where_its_last_container_is(void **state)
{
    struct task *t = task_of(TWO);

    (void)state;
    container_set_known(&t->containers[0], CONTAINER_RUNNING, &quiet);
    assert_false(task_propagate_known(t, NOW, &quiet));
    container_set_known(&t->containers[1], CONTAINER_CREATED, &quiet);
    assert_true(task_propagate_known(t, NOW, &quiet));
    assert_int_equal(t->known, TASK_CREATED);
    container_set_known(&t->containers[1], CONTAINER_RUNNING, &quiet);
    assert_true(task_propagate_known(t, NOW, &quiet));
    assert_int_equal(t->known, TASK_RUNNING);
    task_free(t);
}

static void a_container_that_is_not_essential_may_stop_and_the_task_runs_on(void **state)
{
    struct task *t = task_of(TWO);

    (void)state;
    container_set_known(&t->containers[0], CONTAINER_RUNNING, &quiet);
    container_set_known(&t->containers[1], CONTAINER_STOPPED, &quiet);
    task_propagate_desired(t, &quiet);
    task_propagate_known(t, NOW, &quiet);
    assert_int_equal(t->known, TASK_RUNNING);
    assert_int_equal(t->desired, TASK_RUNNING);
    assert_int_equal(t->execution_stopped_at, 0);
    task_free(t);
}

static void an_essential_container_takes_the_task_with_it(void **state)
{
    struct task *t = task_of(TWO);

    (void)state;
    container_set_known(&t->containers[0], CONTAINER_STOPPED, &quiet);
    container_set_known(&t->containers[1], CONTAINER_RUNNING, &quiet);
    assert_true(task_propagate_desired(t, &quiet));
    assert_int_equal(t->desired, TASK_STOPPED);
    assert_int_equal(t->containers[1].desired, CONTAINER_STOPPED);
    /* never RUNNING on the way: an essential container is gone already */
    assert_false(task_propagate_known(t, NOW, &quiet));
    assert_int_equal(t->execution_stopped_at, NOW);
    container_set_known(&t->containers[1], CONTAINER_STOPPED, &quiet);
    assert_true(task_propagate_known(t, NOW + 5, &quiet));
    assert_int_equal(t->known, TASK_STOPPED);
    assert_int_equal(t->execution_stopped_at, NOW);
    assert_int_equal(t->stopped_at, NOW + 5);
    task_free(t);
}

static void statuses_only_rise(void **state)
{
    struct task *t = task_of(TWO);

    (void)state;
    assert_true(container_set_known(&t->containers[0], CONTAINER_STOPPED, &quiet));
    assert_false(container_set_known(&t->containers[0], CONTAINER_RUNNING, &quiet));
    assert_false(container_set_known(&t->containers[0], CONTAINER_STOPPED, &quiet));
    task_set_desired(t, TASK_STOPPED, &quiet);
    assert_false(task_set_desired(t, TASK_RUNNING, &quiet));
    assert_int_equal(t->desired, TASK_STOPPED);
    task_free(t);
}

static void the_first_error_and_the_first_exit_code_stay(void **state)
{
    struct task *t = task_of(TWO);
    struct container *c = &t->containers[0];

    (void)state;
    container_set_error(c, "CannotPullContainerError", "no such repository");
    container_set_error(c, "CannotCreateContainerError", "No such image");
    assert_string_equal(c->reason, "CannotPullContainerError: no such repository");
    container_set_exit(c, 143);
    container_set_exit(c, 0);
    assert_int_equal(c->exit_code, 143);
    task_free(t);
}

static void what_is_saved_comes_back(void **state)
{
    struct task *t = task_of("[{\"name\":\"a\",\"image\":\"i\",\"portMappings\":"
                             "[{\"containerPort\":80,\"hostPort\":0}]}]");
    struct task *u = task_of("[{\"name\":\"a\",\"image\":\"i\",\"portMappings\":"
                             "[{\"containerPort\":80,\"hostPort\":0}]}]");
    struct container *c = &t->containers[0];
    json_t *state_json, *again;

    (void)state;
    container_set_known(c, CONTAINER_STOPPED, &quiet);
    c->sent = CONTAINER_RUNNING;
    c->ports[0].host_port = 32768;
    c->started_at = NOW;
    container_set_text(&c->docker_id, "abc");
    container_set_exit(c, 7);
    container_set_error(c, "X", "y");
    state_json = container_state_json(c);
    container_state_load(&u->containers[0], state_json);
    again = container_state_json(&u->containers[0]);
    assert_true(json_equal(state_json, again));
    assert_int_equal(u->containers[0].handed, CONTAINER_RUNNING);
    assert_int_equal(u->containers[0].exit_code, 7);
    assert_true(u->containers[0].ports[0].chosen);
    assert_string_equal(u->containers[0].docker_name, c->docker_name);
    json_decref(state_json);
    json_decref(again);
    t->pull_started_at = NOW;
    task_set_reason(t, " because  of\nthis ");
    assert_string_equal(t->reason, "Because of this");
    task_set_reason(t, "something else");
    assert_string_equal(t->reason, "Because of this");
    state_json = task_state_json(t);
    task_state_load(u, state_json);
    again = task_state_json(u);
    assert_true(json_equal(state_json, again));
    json_decref(state_json);
    json_decref(again);
    task_free(t);
    task_free(u);
}

/* ---- dependencies ---- */

/* "b" depends on "a" under the condition. */
static struct task *pair(const char *condition)
{
    char text[256];

    snprintf(text, sizeof(text),
             "[{\"name\":\"a\",\"image\":\"i\",\"startTimeout\":10,\"healthCheckType\":\"docker\"},"
             "{\"name\":\"b\",\"image\":\"i\",\"essential\":true,\"dependsOn\":"
             "[{\"containerName\":\"a\",\"condition\":\"%s\"}]}]",
             condition);
    return task_of(text);
}

static enum dependency_verdict ask(struct task *t, int64_t now)
{
    int64_t until = INT64_MAX;

    t->containers[0].desired = t->containers[1].desired = CONTAINER_RUNNING;
    return dependency_verdict(&t->containers[1], false, now, &until, NULL);
}

static void ran_and_stopped(struct container *c, int code)
{
    c->started_at = NOW;
    c->known = CONTAINER_STOPPED;
    container_set_exit(c, code);
}

static void start_waits_for_the_other_to_run(void **state)
{
    struct task *t = pair("START");

    (void)state;
    assert_int_equal(ask(t, NOW), DEPENDENCY_MET); /* its image may be looked for at once */
    t->containers[1].known = CONTAINER_MANIFEST_PULLED;
    assert_int_equal(ask(t, NOW), DEPENDENCY_WAIT);
    t->containers[0].known = CONTAINER_CREATED;
    assert_int_equal(ask(t, NOW), DEPENDENCY_WAIT);
    t->containers[0].known = CONTAINER_RUNNING;
    assert_int_equal(ask(t, NOW), DEPENDENCY_MET);
    ran_and_stopped(&t->containers[0], 1);
    assert_int_equal(ask(t, NOW), DEPENDENCY_MET);
    task_free(t);
}

static void create_waits_for_the_other_to_exist(void **state)
{
    struct task *t = pair("CREATE");

    (void)state;
    t->containers[1].known = CONTAINER_MANIFEST_PULLED;
    t->containers[0].known = CONTAINER_PULLED;
    assert_int_equal(ask(t, NOW), DEPENDENCY_WAIT);
    t->containers[0].known = CONTAINER_CREATED;
    assert_int_equal(ask(t, NOW), DEPENDENCY_MET);
    task_free(t);
}

static void success_fails_at_once_when_the_other_exits_otherwise(void **state)
{
    struct task *t = pair("SUCCESS");

    (void)state;
    t->containers[1].known = CONTAINER_MANIFEST_PULLED;
    t->containers[0].known = CONTAINER_RUNNING;
    assert_int_equal(ask(t, NOW), DEPENDENCY_WAIT);
    ran_and_stopped(&t->containers[0], 1);
    assert_int_equal(ask(t, NOW), DEPENDENCY_NEVER);
    t->containers[0].exit_code = 0;
    assert_int_equal(ask(t, NOW), DEPENDENCY_MET);
    task_free(t);
}

static void complete_takes_any_exit_code_but_needs_one(void **state)
{
    struct task *t = pair("COMPLETE");

    (void)state;
    t->containers[1].known = CONTAINER_MANIFEST_PULLED;
    t->containers[0].known = CONTAINER_STOPPED;
    t->containers[0].started_at = NOW;
    assert_int_equal(ask(t, NOW), DEPENDENCY_NEVER);
    container_set_exit(&t->containers[0], 3);
    assert_int_equal(ask(t, NOW), DEPENDENCY_MET);
    task_free(t);
}

static void healthy_waits_for_the_health_check_and_gives_up_in_time(void **state)
{
    struct task *t = pair("HEALTHY");
    struct container *a = &t->containers[0];
    int64_t until = INT64_MAX;
    struct err e = ERR_INIT;

    (void)state;
    t->containers[1].known = CONTAINER_MANIFEST_PULLED;
    a->known = CONTAINER_RUNNING;
    a->started_at = NOW;
    a->health = DOCKER_HEALTH_STARTING;
    assert_int_equal(ask(t, NOW + 1), DEPENDENCY_WAIT);
    assert_int_equal(dependency_verdict(&t->containers[1], false, NOW, &until, &e),
                     DEPENDENCY_WAIT);
    assert_int_equal(until, NOW + 10 * INT64_C(1000000000));
    assert_int_equal(dependency_verdict(&t->containers[1], false, until + 1, &until, &e),
                     DEPENDENCY_NEVER);
    assert_non_null(strstr(e.text, "has timed out."));
    a->health = DOCKER_HEALTH_HEALTHY;
    assert_int_equal(ask(t, NOW + 1), DEPENDENCY_MET);
    task_free(t);
}

static void what_never_started_lets_nobody_wait(void **state)
{
    static const char *const conditions[] = {"START", "CREATE", "COMPLETE", "SUCCESS", "HEALTHY"};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        struct task *t = pair(conditions[i]);

        t->containers[1].known = CONTAINER_MANIFEST_PULLED;
        t->containers[0].known = CONTAINER_STOPPED;
        assert_int_equal(ask(t, NOW), DEPENDENCY_NEVER);
        task_free(t);
    }
}

static void what_was_created_is_not_held_back_any_more(void **state)
{
    struct task *t = pair("HEALTHY");

    (void)state;
    t->containers[1].known = CONTAINER_CREATED;
    t->containers[0].known = CONTAINER_RUNNING;
    t->containers[0].health = DOCKER_HEALTH_UNHEALTHY;
    assert_int_equal(ask(t, NOW), DEPENDENCY_MET);
    task_free(t);
}

static void stopping_goes_in_reverse_order(void **state)
{
    struct task *t = pair("START");

    (void)state;
    t->containers[0].known = t->containers[1].known = CONTAINER_RUNNING;
    assert_false(dependency_may_stop(&t->containers[0]));
    assert_true(dependency_may_stop(&t->containers[1]));
    t->containers[1].known = CONTAINER_STOPPED;
    assert_true(dependency_may_stop(&t->containers[0]));
    task_free(t);
}

static void circles_and_unknown_names_are_found(void **state)
{
    struct task *circle =
        task_of("[{\"name\":\"a\",\"image\":\"i\",\"links\":[\"b:x\"]},{\"name\":\"b\","
                "\"image\":\"i\",\"volumesFrom\":[{\"sourceContainer\":\"a\"}]}]");
    struct task *unknown = task_of("[{\"name\":\"a\",\"image\":\"i\",\"links\":[\"nobody\"]}]");
    struct task *fine = pair("START");
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(dependency_check(circle, &e), -1);
    assert_non_null(strstr(e.text, "waits for itself"));
    assert_int_equal(dependency_check(unknown, &e), -1);
    assert_non_null(strstr(e.text, "nobody"));
    assert_int_equal(dependency_check(fine, &e), 0);
    task_free(circle);
    task_free(unknown);
    task_free(fine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_task_is_where_its_last_container_is),
        cmocka_unit_test(a_container_that_is_not_essential_may_stop_and_the_task_runs_on),
        cmocka_unit_test(an_essential_container_takes_the_task_with_it),
        cmocka_unit_test(statuses_only_rise),
        cmocka_unit_test(the_first_error_and_the_first_exit_code_stay),
        cmocka_unit_test(what_is_saved_comes_back),
        cmocka_unit_test(start_waits_for_the_other_to_run),
        cmocka_unit_test(create_waits_for_the_other_to_exist),
        cmocka_unit_test(success_fails_at_once_when_the_other_exits_otherwise),
        cmocka_unit_test(complete_takes_any_exit_code_but_needs_one),
        cmocka_unit_test(healthy_waits_for_the_health_check_and_gives_up_in_time),
        cmocka_unit_test(what_never_started_lets_nobody_wait),
        cmocka_unit_test(what_was_created_is_not_held_back_any_more),
        cmocka_unit_test(stopping_goes_in_reverse_order),
        cmocka_unit_test(circles_and_unknown_names_are_found),
    };

    return cmocka_run_group_tests(tests, no_log, NULL);
}
