#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/journal.h"
#include "harness/wire_diff.h"
#include "harness/wire_trace.h"

#define CALL(t, name, fields) "{\"t\":" #t ",\"call\":\"" name "\",\"fields\":{" fields "}}"

static void add(struct wire_diff *d, int side, const char *calls)
{
    char *text = xasprintf("{\"calls\":[%s]}", calls);
    struct err e = ERR_INIT;

    assert_int_equal(wire_diff_add(d, side, text, strlen(text), &e), 0);
    free(text);
}

/* "came ecs A .x; " and so on. */
static char *found(struct wire_diff *d)
{
    struct buf b = BUF_INIT(10000);

    wire_diff_find(d);
    for (size_t i = 0; i < d->n; i++)
        buf_addf(&b, "%s%s %s%s%s", i ? "; " : "", difference_kind_name(d->all[i].kind),
                 d->all[i].call, d->all[i].member ? " " : "",
                 d->all[i].member ? d->all[i].member : "");
    wire_diff_release(d);
    return buf_steal(&b, NULL);
}

static void what_came_went_and_changed_is_found(void **state)
{
    struct wire_diff d = {0};
    char *text;

    (void)state;
    add(&d, 0,
        CALL(0, "ecs A", "\".x\":\"1\",\".gone\":\"\"") "," CALL(5, "ecs B", "") "," CALL(
            6, "ecs Old", "") "," CALL(1000000000, "acs H", ""));
    add(&d, 1,
        CALL(0, "ecs B", "") "," CALL(5, "ecs A", "\".x\":\"2\",\".new\":\"\"") "," CALL(
            7, "ecs New", "") "," CALL(9000000000, "acs H", "") "," CALL(9000000001, "acs H", ""));
    text = found(&d);
    assert_string_equal(text, "changed ecs A .x; went ecs A .gone; came ecs A .new; went ecs Old; "
                              "count acs H; time acs H; came ecs New; order ecs A");
    free(text);
}

static void chance_is_not_told(void **state)
{
    struct wire_diff d = {0};
    char *text;

    (void)state;
    /* in one run of the first agent it is as in all of the second */
    add(&d, 0, CALL(0, "ecs A", "\".x\":\"1\"") "," CALL(5000000000, "ecs B", "\".r\":\"7\""));
    add(&d, 0,
        CALL(0, "ecs B", "\".r\":\"8\"") "," CALL(5000000000, "ecs A", "\".x\":\"2\"") "," CALL(
            5000000001, "ecs A", ""));
    add(&d, 1, CALL(0, "ecs A", "\".x\":\"2\"") "," CALL(3000000000, "ecs B", "\".r\":\"9\""));
    add(&d, 1, CALL(0, "ecs A", "\".x\":\"2\"") "," CALL(3000000000, "ecs B", "\".r\":\"10\""));
    text = found(&d);
    assert_string_equal(text, "");
    free(text);
}

static void what_is_no_trace_is_refused(void **state)
{
    static const char *const texts[] = {"", "{}", "{\"calls\":[{}]}",
                                        "{\"calls\":[{\"t\":-1,\"call\":\"a\",\"fields\":{}}]}",
                                        "{\"calls\":[{\"t\":1,\"call\":\"a\",\"fields\":[]}]}"};
    struct wire_diff d = {0};
    struct err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(wire_diff_add(&d, 0, texts[i], strlen(texts[i]), &e), -1);
    assert_int_equal(d.runs[0], 0);
    for (int i = 0; i < WIRE_DIFF_RUNS_MAX; i++)
        add(&d, 0, "");
    assert_int_equal(wire_diff_add(&d, 0, "{\"calls\":[]}", 12, &e), -1);
    wire_diff_release(&d);
}

/* A request as an agent with this id and this container would send it. */
static char *trace(const char *id, const char *version)
{
    struct loop l;
    struct journal j;
    struct err e = ERR_INIT;
    char *text, *body = xasprintf("{\"status\":\"RUNNING\",\"task\":\"arn:aws:ecs:task/%s\","
                                  "\"containers\":[{\"containerName\":\"main\",\"exitCode\":3}],"
                                  "\"Env\":[\"A=%s\"],\"agentVersion\":\"%s\"}",
                                  id, id, version);
    json_t *d = json_object();

    assert_int_equal(loop_init(&l, &e), 0);
    journal_init(&j, &l);
    json_put(d, "body", json_read(body, strlen(body), JSON_READ_STRICT, &e));
    json_put_str(d, "path", "/v1.44/x");
    journal_record(&j,
                   &(struct record_info){.kind = RECORD_REQUEST,
                                         .peer = "ecs",
                                         .what = "SubmitTaskStateChange",
                                         .foreign = true},
                   d);
    text = wire_trace_text(&j, j.n, "/tmp/x");
    journal_release(&j);
    assert_int_equal(loop_release(&l, &e), 0);
    free(body);
    return text;
}

static void ids_and_versions_are_no_difference(void **state)
{
    char *a = trace("1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a", "1.44.4");
    char *b = trace("2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f2f", "1.62.2");

    (void)state;
    assert_string_equal(a, b);
    assert_non_null(strstr(a, "\"ecs SubmitTaskStateChange RUNNING\""));
    assert_non_null(strstr(a, "\".containers[main].exitCode\":\"3\""));
    assert_non_null(strstr(a, "\".Env[A]\":\"#\""));
    assert_non_null(strstr(a, "\"api\":\"1.44\""));
    assert_null(strstr(a, "agentVersion"));
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_went_and_changed_is_found),
        cmocka_unit_test(chance_is_not_told),
        cmocka_unit_test(what_is_no_trace_is_refused),
        cmocka_unit_test(ids_and_versions_are_no_difference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
