#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/sigv4.h"
#include "agent/tcs_frame.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static const struct tcs_ids ids = {"demo", "arn:i", 1767225620500 * NS_PER_MS};
static json_t *emitted;

static int collect(void *user, const char *json, struct err *e)
{
    json_t *j = json_read(json, strlen(json), JSON_READ_STRICT, e);

    (void)user;
    assert_non_null(j);
    return json_array_append_new(emitted, j);
}

static int setup(void **state)
{
    (void)state;
    emitted = json_array();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(emitted);
    return 0;
}

static json_t *message(size_t i)
{
    return json_object_get(json_array_get(emitted, i), "message");
}

static void a_frame_is_sorted_header_lines_an_empty_line_and_the_json(void **state)
{
    const struct http_sign sign = {"us-west-2", "ecs", "AK", "secret", "token"};
    struct handshake h = {0};
    struct buf out = BUF_INIT(10000);
    struct sigv4_signature signature;
    struct err e = ERR_INIT;
    char *want;
    struct sigv4_request r = {.method = "GET",
                              .host = "127.0.0.1:1",
                              .path = "/ws",
                              .query = "a=b",
                              .payload = "{\"x\":1}",
                              .payload_len = 7,
                              .region = "us-west-2",
                              .service = "ecs",
                              .access_key = "AK",
                              .secret_key = "secret",
                              .session_token = "token",
                              .wall = ids.wall};

    (void)state;
    assert_int_equal(handshake_init(&h, "http://127.0.0.1:1", "a=b", &e), 0);
    assert_int_equal(tcs_frame(&out, &h, &sign, ids.wall, "{\"x\":1}", &e), 0);
    assert_int_equal(sigv4_sign(&r, &signature), 0);
    want = xasprintf("Authorization: %s\r\nHost: 127.0.0.1:1\r\nX-Amz-Date: 20260101T000020Z\r\n"
                     "X-Amz-Security-Token: token\r\n\r\n{\"x\":1}",
                     signature.authorization);
    assert_string_equal(buf_str(&out), want);
    free(want);
    buf_release(&out);
    handshake_release(&h);
}

static void a_frame_that_is_too_long_is_an_error(void **state)
{
    const struct http_sign sign = {"us-west-2", "ecs", "AK", "secret", NULL};
    struct handshake h = {0};
    struct buf out = BUF_INIT(100);
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(handshake_init(&h, "http://127.0.0.1:1", "a=b", &e), 0);
    assert_int_equal(tcs_frame(&out, &h, &sign, ids.wall, "{}", &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    buf_release(&out);
    handshake_release(&h);
}

static void without_tasks_one_idle_message_is_sent(void **state)
{
    struct err e = ERR_INIT;
    json_t *none = json_array();
    const json_t *meta;

    (void)state;
    assert_int_equal(tcs_metrics(&ids, none, collect, NULL, &e), 0);
    assert_int_equal(json_array_size(emitted), 1);
    meta = json_object_get(message(0), "metadata");
    assert_true(json_bool(meta, "idle", false));
    assert_true(json_bool(meta, "fin", false));
    assert_null(json_object_get(message(0), "taskMetrics"));
    assert_string_equal(json_str(meta, "containerInstance"), "arn:i");
    json_decref(none);
}

static void tasks_go_in_groups_of_ten_with_one_id_and_fin_on_the_last(void **state)
{
    struct err e = ERR_INIT;
    json_t *tasks = json_array();
    const char *first;

    (void)state;
    for (int i = 0; i < 23; i++)
        json_array_append_new(tasks, json_pack("{s:i}", "n", i));
    assert_int_equal(tcs_metrics(&ids, tasks, collect, NULL, &e), 0);
    assert_int_equal(json_array_size(emitted), 3);
    first = json_str(json_object_get(message(0), "metadata"), "messageId");
    for (size_t i = 0; i < 3; i++) {
        const json_t *meta = json_object_get(message(i), "metadata");

        assert_string_equal(json_str(meta, "messageId"), first);
        assert_int_equal(json_bool(meta, "fin", false), i == 2);
        assert_false(json_bool(meta, "idle", true));
        assert_int_equal(json_array_size(json_object_get(message(i), "taskMetrics")),
                         i == 2 ? 3 : 10);
    }
    json_decref(tasks);
}

static void health_is_silent_without_tasks(void **state)
{
    struct err e = ERR_INIT;
    json_t *none = json_array();

    (void)state;
    assert_int_equal(tcs_health(&ids, none, collect, NULL, &e), 0);
    assert_int_equal(json_array_size(emitted), 0);
    json_decref(none);
}

static void the_instance_is_initializing_until_it_was_looked_at(void **state)
{
    struct tcs_instance_health h = {.status = TCS_STATUS_INITIALIZING, .unsent = true};
    struct err e = ERR_INIT;
    const json_t *status;

    (void)state;
    tcs_instance_seen(&h, true, 5 * NS_PER_S);
    tcs_instance_seen(&h, true, 9 * NS_PER_S);
    assert_int_equal(h.status, TCS_STATUS_OK);
    assert_int_equal(h.changed, 5 * NS_PER_S);
    assert_int_equal(h.updated, 9 * NS_PER_S);
    assert_int_equal(tcs_instance_status(&ids, &h, collect, NULL, &e), 0);
    status = json_array_get(json_object_get(message(0), "statuses"), 0);
    assert_string_equal(json_str(status, "type"), "ContainerRuntime");
    assert_string_equal(json_str(status, "status"), "OK");
    tcs_instance_seen(&h, false, 10 * NS_PER_S);
    assert_int_equal(h.status, TCS_STATUS_IMPAIRED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_frame_is_sorted_header_lines_an_empty_line_and_the_json),
        TEST(a_frame_that_is_too_long_is_an_error),
        TEST(without_tasks_one_idle_message_is_sent),
        TEST(tasks_go_in_groups_of_ten_with_one_id_and_fin_on_the_last),
        TEST(health_is_silent_without_tasks),
        TEST(the_instance_is_initializing_until_it_was_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
