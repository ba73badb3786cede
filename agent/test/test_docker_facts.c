#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/container_inspect.h"
#include "agent/docker_events.h"
#include "agent/json_stream.h"
#include "agent/port_pool.h"
#include "agent/reason.h"
#include "agent/task.h"
#include "base/mem.h"
#include "base/str.h"

static json_t *parse(const char *text)
{
    json_t *v = json_read(text, strlen(text), JSON_READ_STRICT, NULL);

    assert_non_null(v);
    return v;
}

/* ---- inspect ---- */

static enum container_status inspect(struct container *c, const char *state)
{
    char *text = xasprintf("{\"Id\":\"abc\",\"Created\":\"2026-11-24T07:00:00Z\",\"Image\":"
                           "\"sha256:1\",\"State\":%s,\"NetworkSettings\":{\"Ports\":{"
                           "\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"32768\"},"
                           "{\"HostIp\":\"::\",\"HostPort\":\"32768\"}],\"53/udp\":null,"
                           "\"odd\":[{\"HostPort\":\"1\"}]}}}",
                           state);
    json_t *v = parse(text);
    enum container_status s = container_inspect(c, v);

    json_decref(v);
    free(text);
    return s;
}

#define TIMES(started, finished) "\"StartedAt\":\"" started "\",\"FinishedAt\":\"" finished "\""
#define NEVER                    "0001-01-01T00:00:00Z"
#define THEN                     "2026-11-24T07:00:01.5Z"
#define LATER                    "2026-11-24T07:00:09Z"

static void a_running_container_has_ports_and_no_exit_code(void **state)
{
    struct task *t = task_new(1);
    struct container *c = &t->containers[0];

    (void)state;
    assert_int_equal(inspect(c, "{\"Running\":true,\"ExitCode\":0," TIMES(THEN, NEVER) "}"),
                     CONTAINER_RUNNING);
    assert_false(c->exit_known);
    assert_int_equal(c->n_bindings, 2);
    assert_int_equal(c->bindings[0].host_port, 32768);
    assert_string_equal(c->bindings[0].bind_ip, "0.0.0.0");
    assert_string_equal(c->image_id, "sha256:1");
    assert_true(c->started_at > c->created_at && c->created_at > 0);
    task_free(t);
}

static void a_stopped_one_has_its_exit_code_once_it_is_finished(void **state)
{
    struct task *t = task_new(2);

    (void)state;
    assert_int_equal(
        inspect(&t->containers[0], "{\"Running\":false,\"ExitCode\":7," TIMES(THEN, LATER) "}"),
        CONTAINER_STOPPED);
    assert_true(t->containers[0].exit_known);
    assert_int_equal(t->containers[0].exit_code, 7);
    assert_null(t->containers[0].reason);
    /* as after a start that failed: an exit code of a process that never was */
    assert_int_equal(inspect(&t->containers[1], "{\"Running\":false,\"ExitCode\":127,\"Error\":"
                                                "\"no such file\"," TIMES(NEVER, NEVER) "}"),
                     CONTAINER_STOPPED);
    assert_false(t->containers[1].exit_known);
    assert_string_equal(t->containers[1].reason, "DockerStateError: no such file");
    task_free(t);
}

static void what_never_started_is_created(void **state)
{
    struct task *t = task_new(1);
    struct container *c = &t->containers[0];

    (void)state;
    assert_int_equal(inspect(c, "{\"Running\":false,\"Error\":\"\"," TIMES(NEVER, NEVER) "}"),
                     CONTAINER_CREATED);
    assert_int_equal(inspect(c, "{\"Dead\":true," TIMES(NEVER, NEVER) "}"), CONTAINER_STOPPED);
    assert_int_equal(inspect(c, "5"), CONTAINER_NONE);
    task_free(t);
}

static void the_kernel_s_kill_is_named(void **state)
{
    struct task *t = task_new(1);
    struct container *c = &t->containers[0];

    (void)state;
    inspect(c, "{\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137,\"Error\":\"x\"," TIMES(
                   THEN, LATER) "}");
    assert_string_equal(c->reason, "OutOfMemoryError: Container killed due to memory usage");
    assert_int_equal(c->exit_code, 137);
    task_free(t);
}

static void health_is_taken_with_its_last_output_cut(void **state)
{
    struct task *t = task_new(1);
    struct container *c = &t->containers[0];
    char *output = xmalloc(3001), *text;

    (void)state;
    memset(output, 'o', 3000);
    output[3000] = '\0';
    text =
        xasprintf("{\"Running\":true," TIMES(THEN, NEVER) ",\"Health\":{\"Status\":\"unhealthy\","
                                                          "\"Log\":[{\"End\":\"" THEN
                                                          "\",\"ExitCode\":0,\"Output\":\"\"},"
                                                          "{\"End\":\"" LATER
                                                          "\",\"ExitCode\":1,\"Output\":\"%s\"}]}}",
                  output);
    inspect(c, text);
    assert_int_equal(c->health, DOCKER_HEALTH_UNHEALTHY);
    assert_int_equal(c->health_exit, 1);
    assert_int_equal(strlen(c->health_output), HEALTH_OUTPUT_MAX);
    inspect(c, "{\"Running\":true," TIMES(THEN, NEVER) ",\"Health\":{\"Status\":\"healthy\","
                                                       "\"Log\":[]}}");
    assert_int_equal(c->health, DOCKER_HEALTH_HEALTHY);
    free(text);
    free(output);
    task_free(t);
}

/* ---- events ---- */

static void events_of_old_and_new_engines_are_read(void **state)
{
    static const struct {
        const char *text;
        int event;
        int code;
    } rows[] = {
        {"{\"status\":\"die\",\"id\":\"abc\",\"Type\":\"container\",\"Actor\":{\"ID\":\"abc\","
         "\"Attributes\":{\"exitCode\":\"137\"}}}",
         DOCKER_EVENT_DIE, 137},
        {"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"abc\",\"Attributes\":{}}}",
         DOCKER_EVENT_DIE, -1},
        {"{\"status\":\"start\",\"id\":\"abc\"}", DOCKER_EVENT_START, -1},
        {"{\"Type\":\"container\",\"status\":\"health_status: unhealthy\",\"id\":\"abc\"}",
         DOCKER_EVENT_UNHEALTHY, -1},
        {"{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"abc\"}}", -1, 0},
        {"{\"status\":\"top\",\"id\":\"abc\"}", -1, 0},
        {"{\"status\":\"die\"}", -1, 0},
        {"{}", -1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *v = parse(rows[i].text);
        enum docker_event event = DOCKER_EVENT_MAX;
        const char *id = NULL;
        int code = 0;
        int r = docker_event_parse(v, &event, &id, &code);

        assert_int_equal(r, rows[i].event < 0 ? -1 : 0);
        if (r == 0) {
            assert_int_equal(event, rows[i].event);
            assert_string_equal(id, "abc");
            assert_int_equal(code, rows[i].code);
        }
        json_decref(v);
    }
}

static int objects;
static int64_t last;

static void count_object(const json_t *v, void *user)
{
    struct json_stream *s = user;

    objects++;
    last = json_int(v, "n", -1);
    if (last == 99)
        s->stop = true;
}

static void objects_are_found_however_the_bytes_are_cut(void **state)
{
    const char *text = "{\"n\":1}\r\n{\"n\":2,\"s\":\"}{\\\"\"}  {\"n\":{\"n\":0}}\n{\"n\":4}";

    (void)state;
    for (size_t piece = 1; piece < strlen(text); piece++) {
        struct json_stream s;

        objects = 0;
        json_stream_init(&s, 64, count_object, &s);
        for (size_t at = 0; at < strlen(text); at += piece)
            json_stream_feed(&s, text + at, strnlen(text + at, piece));
        assert_int_equal(objects, 4);
        assert_int_equal(last, 4);
        assert_int_equal(s.dropped, 0);
        json_stream_release(&s);
    }
}

static void too_long_and_broken_objects_are_dropped_and_reading_goes_on(void **state)
{
    const char *text = "{\"n\":1,\"long\":\"0123456789012345678901234567890123456789\"}"
                       "{\"n\":2}{n:3}{\"n\":4}{\"n\":99}{\"n\":5}";
    struct json_stream s;

    (void)state;
    for (size_t piece = 1; piece < 80; piece += 7) {
        objects = 0;
        json_stream_init(&s, 32, count_object, &s);
        for (size_t at = 0; at < strlen(text); at += piece)
            json_stream_feed(&s, text + at, strnlen(text + at, piece));
        assert_int_equal(objects, 3);
        assert_int_equal(last, 99);
        assert_int_equal(s.dropped, 2);
        json_stream_release(&s);
    }
}

/* ---- reasons ---- */

static void expect_reason(const char *name, const char *want_name, struct buf *text,
                          const char *want)
{
    assert_string_equal(name, want_name);
    assert_string_equal(buf_str(text), want);
    buf_clear(text);
}

static void a_call_that_was_too_slow_says_what_it_waited_for(void **state)
{
    struct docker_result late = {.timed_out = true, .waited = 240 * NS_PER_S, .message = ""};
    struct docker_result refused = {.status = 500, .message = "Error response from daemon: no"};
    struct buf text = BUF_INIT(4096);

    (void)state;
    expect_reason(reason_of_call(&late, REASON_CREATE, "created", &text), "DockerTimeoutError",
                  &text, "Could not transition to created; timed out after waiting 4m0s");
    expect_reason(reason_of_call(&refused, REASON_START, "started", &text),
                  "CannotStartContainerError", &text, "Error response from daemon: no");
    late.phase = "pullBegin";
    late.waited = 300 * NS_PER_S;
    expect_reason(reason_of_pull(&late, "i", &text), "DockerTimeoutError", &text,
                  "Could not transition to pullBegin; timed out after waiting 5m0s");
    late.phase = "inactivity";
    late.message = "inactivity time exceeded timeout while pulling image";
    expect_reason(reason_of_pull(&late, "i", &text), "CannotPullContainerError", &text,
                  "inactivity time exceeded timeout while pulling image");
    buf_release(&text);
}

static void a_pull_that_was_denied_has_a_hint_and_no_signed_address(void **state)
{
    struct docker_result r = {.status = 404};
    struct buf text = BUF_INIT(4096);

    (void)state;
    r.message = "pull access denied for x: denied: requested access to the resource is denied";
    reason_of_pull(&r, "x", &text);
    assert_true(str_starts(buf_str(&text), "The task can\u2019t pull the image. Check whether the "
                                           "image exists. pull access denied for x"));
    buf_clear(&text);
    r.message =
        "denied: User: arn:u is not authorized to perform: ecr:BatchGetImage on resource: r";
    reason_of_pull(&r, "x", &text);
    assert_non_null(strstr(buf_str(&text), "permissions"));
    buf_clear(&text);
    r.message =
        "Get https://prod-us-west-2-starport-layer-bucket.s3.amazonaws.com/l?X-Amz-Sig=hush "
        "failed at https://other/";
    reason_of_pull(&r, "app:1", &text);
    assert_string_equal(buf_str(&text),
                        "Get REDACTED ECR URL related to app:1 failed at https://other/");
    buf_release(&text);
}

/* ---- ports ---- */

static int busy_port;

static bool not_busy(int port, bool udp)
{
    (void)udp;
    return port != busy_port;
}

static void ports_go_up_and_round_and_are_given_once(void **state)
{
    struct port_pool *p = new0(struct port_pool);
    json_t *reserved = parse("[40001]");

    (void)state;
    assert_true(port_pool_init(p, "40000-40004", reserved, NULL));
    p->is_free = not_busy;
    busy_port = 40002;
    assert_int_equal(port_pool_take(p, 1, false), 40000);
    assert_int_equal(port_pool_take(p, 1, false), 40003);
    assert_int_equal(port_pool_take(p, 1, true), 40000); /* UDP has numbers of its own */
    port_pool_hold(p, 40004, 1, false);
    assert_int_equal(port_pool_take(p, 1, false), -1);
    port_pool_give_back(p, 40003, 1, false);
    assert_int_equal(port_pool_take(p, 1, false), 40003);
    busy_port = 0;
    assert_int_equal(port_pool_take(p, 1, false), 40002);
    json_decref(reserved);
    free(p);
}

static void several_ports_are_given_in_a_row_or_not_at_all(void **state)
{
    struct port_pool *p = new0(struct port_pool);

    (void)state;
    assert_true(port_pool_init(p, "40000-40009", NULL, NULL));
    p->is_free = not_busy;
    busy_port = 40002;
    assert_int_equal(port_pool_take(p, 3, false), 40003);
    assert_int_equal(port_pool_take(p, 5, false), -1);
    assert_int_equal(port_pool_take(p, 4, false), 40006);
    assert_int_equal(port_pool_take(p, 2, false), 40000);
    assert_int_equal(port_pool_take(p, 1, false), -1);
    port_pool_give_back(p, 40003, 3, false);
    assert_int_equal(port_pool_take(p, 3, false), 40003);
    busy_port = 0;
    free(p);
}

static void a_bad_range_is_told_and_the_usual_one_taken(void **state)
{
    static const char *const bad[] = {"5-4", "x", "1-99999", "-", "10"};
    struct port_pool *p = new0(struct port_pool);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_false(port_pool_init(p, bad[i], NULL, NULL));
        assert_true(p->first > 1024 && p->last > p->first);
    }
    assert_true(port_pool_init(p, "", NULL, NULL));
    assert_true(port_pool_take(p, 1, false) >= p->first);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_container_has_ports_and_no_exit_code),
        cmocka_unit_test(a_stopped_one_has_its_exit_code_once_it_is_finished),
        cmocka_unit_test(what_never_started_is_created),
        cmocka_unit_test(the_kernel_s_kill_is_named),
        cmocka_unit_test(health_is_taken_with_its_last_output_cut),
        cmocka_unit_test(events_of_old_and_new_engines_are_read),
        cmocka_unit_test(objects_are_found_however_the_bytes_are_cut),
        cmocka_unit_test(too_long_and_broken_objects_are_dropped_and_reading_goes_on),
        cmocka_unit_test(a_call_that_was_too_slow_says_what_it_waited_for),
        cmocka_unit_test(a_pull_that_was_denied_has_a_hint_and_no_signed_address),
        cmocka_unit_test(ports_go_up_and_round_and_are_given_once),
        cmocka_unit_test(several_ports_are_given_in_a_row_or_not_at_all),
        cmocka_unit_test(a_bad_range_is_told_and_the_usual_one_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
