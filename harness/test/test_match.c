#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/agent_feature.h"
#include "harness/match.h"

static const char record_text[] =
    "{\"body\": {\"status\": \"RUNNING\", \"n\": 5, \"big\": 9007199254740993, \"none\": null,"
    "  \"a.b\": 1, \"v\": \"1.10\", \"containers\": [{\"name\": \"main\", \"exitCode\": 0},"
    "  {\"name\": \"side\", \"exitCode\": 137}]},"
    " \"query\": {\"t\": \"5\"}, \"headers\": {\"X-Amz-Target\": \"a.B\"}, \"method\": \"POST\","
    " \"answer\": {\"status\": 204, \"body\": {\"Id\": \"abc\"}, \"headers\": {\"Etag\": \"1\"}}}";

static json_t *record;

static int setup(void **state)
{
    (void)state;
    record = json_loads(record_text, 0, NULL);
    return record ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(record);
    return 0;
}

static json_t *lookup(void *data, const char *ref, size_t *used)
{
    *used = strcspn(ref, ".[");
    return str_starts(ref, "rec") ? data : NULL;
}

/* Parses one matcher with the real parser and applies it; the explanation goes to why. */
static int match(const char *text, struct buf *why)
{
    char *line = xasprintf("scenario 1\nexpect ecs X %s\n", text);
    struct subst x = {.lookup = lookup, .data = record};
    struct err e = ERR_INIT;
    struct diag d;
    int r = -2;

    diag_init(&d);
    struct scn *s = scn_parse("x.scn", line, strlen(line), &d);

    if (s)
        r = match_all(s->steps[0]->matches, s->steps[0]->n_matches, record, &x, NULL, why, &e);
    else
        print_message("%s", diag_text(&d));
    if (r < 0 && why)
        buf_adds(why, e.text);
    scn_free(s);
    diag_release(&d);
    free(line);
    return r;
}

static void matchers_hold(void **state)
{
    static const char *const yes[] = {
        ".status == RUNNING",
        ".status != STOPPED",
        ".status ~ /^RUN/ .status !~ /STOP/",
        ".n == 5 .n == 5.0 .n > 4 .n >= 5 .n < 6 .n <= 5",
        ".big == 9007199254740993 .big != 9007199254740992",
        ".n != \"5\"",
        ".none == null .none exists .nothing absent",
        ".[\"a.b\"] == 1",
        ".v == 1.10 .v > 1",
        ".containers[0].name == main .containers[-1].name == side",
        ".containers[*].exitCode == 137 .containers[*].exitCode != 1",
        ".containers contains {\"name\": \"side\"}",
        ".status contains UNN",
        ". contains {\"n\": 5}",
        "query.t == 5 query.t == \"5\" query.t > 4",
        "header.x-amz-target == a.B",
        "method == POST text ~ /RUNNING/",
        "answer.status == 204 answer.body.Id == abc answer.header.ETAG == 1",
        ".status == ${rec.body.status} .n == ${rec.body.n}",
        ".containers[0] == {\"exitCode\": 0, \"name\": \"${rec.body.containers[0].name}\"}",
        ".nothing != x",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        struct buf why = BUF_INIT(4096);

        if (match(yes[i], &why) != 1)
            fail_msg("%s: %s", yes[i], buf_str(&why));
        buf_release(&why);
    }
}

static void a_matcher_that_does_not_hold_says_why(void **state)
{
    static const struct {
        const char *text, *why;
    } no[] = {
        {".status == STOPPED", ".status: expected STOPPED, found \"RUNNING\""},
        {".n == \"5\"", ".n: expected \"5\", found 5"},
        {".n > 7", ".n: expected > 7, found 5"},
        {".containers[*].exitCode == 1", ".containers[*].exitCode: expected 1, found 0, 137"},
        {".containers[*].exitCode != 137",
         ".containers[*].exitCode: expected anything but 137, found 0, 137"},
        {".status ~ /x/", ".status: expected a match of /x/, found \"RUNNING\""},
        {".n absent", ".n: expected nothing, found 5"},
        {".containers[0].nam == x", ".containers[0].nam: expected x, but no member \"nam\" (there "
                                    "are: name, exitCode)"},
        {".containers[7].name exists",
         ".containers[7].name: expected a value, but the array has 2 elements"},
        {"query.force == 1", "query.force: expected 1, but there is no parameter force"},
        {".n == 6 .status == RUNNING .v == x",
         ".n: expected 6, found 5\n.v: expected x, found \"1.10\""},
        {".none == ${rec.body.nix}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
        struct buf why = BUF_INIT(4096);

        assert_int_equal(match(no[i].text, &why), no[i].why ? 0 : -1);
        if (no[i].why)
            assert_string_equal(buf_str(&why), no[i].why);
        else
            assert_non_null(strstr(buf_str(&why), "${rec.body.nix}: no member \"nix\""));
        buf_release(&why);
    }
}

static void references_are_expanded_by_where_they_stand(void **state)
{
    struct subst x = {.lookup = lookup, .data = record};
    struct buf out = BUF_INIT(4096);
    struct err e = ERR_INIT;
    const char *json = "{\"a\": ${rec.body.n}, \"b\": \"n=${rec.body.n}\", \"c\": "
                       "${rec.body.containers}, \"d\": \"${rec.body[\\\"a.b\\\"]}\", "
                       "\"e\": \"$${x}\", \"f\": \"${rec.body.containers[0]}\"}";
    json_t *v;

    (void)state;
    assert_int_equal(subst_text(&x, "a ${rec.body.status} $${b} $c \"$${\"", 36, &out, &e), 0);
    assert_string_equal(buf_str(&out), "a RUNNING ${b} $c \"${\"");
    v = subst_json(&x, json, strlen(json), &e);
    assert_string_equal(e.text, "");
    assert_int_equal(json_integer_value(json_object_get(v, "a")), 5);
    assert_string_equal(json_str(v, "b"), "n=5");
    assert_int_equal(json_array_size(json_object_get(v, "c")), 2);
    assert_string_equal(json_str(v, "d"), "1");
    assert_string_equal(json_str(v, "e"), "${x}");
    assert_string_equal(json_str(v, "f"), "{\"name\":\"main\",\"exitCode\":0}");
    json_decref(v);
    buf_clear(&out);
    assert_int_equal(subst_text(&x, "${nobody}", 9, &out, &e), -1);
    assert_string_equal(e.text, "${nobody} is not known");
    assert_int_equal(subst_text(&x, "a ${", 4, &out, &e), -1);
    buf_release(&out);
}

static void values_become_what_a_step_needs(void **state)
{
    struct subst x = {.lookup = lookup, .data = record};
    struct scn_value v = {0};
    struct err e = ERR_INIT;
    int64_t n;
    json_t *j;

    (void)state;
    scn_value_set(&v, NULL, SCN_WORD, "${rec.body.n}s", 14);
    assert_int_equal(value_duration(&v, &x, &n, &e), 0);
    assert_int_equal(n, 5000000000);
    assert_int_equal(value_int(&v, &x, &n, &e), -1);
    assert_string_equal(e.text, "expected a whole number, found \"5s\"");
    scn_value_release(&v);
    scn_value_set(&v, NULL, SCN_WORD, "80MiB", 5);
    assert_int_equal(value_size(&v, &x, &n, &e), 0);
    assert_int_equal(n, 80 << 20);
    scn_value_release(&v);
    scn_value_set(&v, NULL, SCN_WORD, "9999999999999GiB", 16);
    assert_int_equal(value_size(&v, &x, &n, &e), -1);
    scn_value_release(&v);
    scn_value_set(&v, NULL, SCN_WORD, "${rec.body.containers}", 22);
    j = value_json(&v, &x, &e);
    assert_true(json_is_array(j));
    json_decref(j);
    scn_value_release(&v);
    scn_value_set(&v, NULL, SCN_WORD, "1.10", 4);
    j = value_json(&v, &x, &e);
    assert_true(json_is_real(j));
    json_decref(j);
    j = value_named(&v, &x, &e);
    assert_string_equal(json_string_value(j), "1.10");
    json_decref(j);
    scn_value_release(&v);
}

static void versions_compare_at_the_precision_of_the_bound(void **state)
{
    static const struct {
        const char *guard, *version;
        int holds;
    } cases[] = {
        {">=1.44", "1.44.0", 1},     {">=1.44", "1.43.9", 0},
        {"<1.44", "1.44.3", 0},      {"<=1.44", "1.44.3", 1},
        {">1.44", "1.44.3", 0},      {">1.44", "1.45.0", 1},
        {"1.20..1.62", "1.62.3", 1}, {"1.20..1.62", "1.63", 0},
        {"1.20..1.62", "1.19.1", 0}, {">=1.20,<1.80", "1.105.1", 0},
        {"1.44", "1.44.1", 1},       {"1.44", "v1.44.1-dev", 1},
        {"1.44.1", "1.44", 0},       {">=1.44", NULL, 0},
        {">=1.44", "unknown", 0},    {"x", "1.44", -1},
        {"1.44,", "1.44", -1},       {"1.44..", "1.44", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(match_version(cases[i].guard, cases[i].version, NULL), cases[i].holds);
}

static void a_feature_stands_for_its_versions(void **state)
{
    static const struct {
        const char *guard, *version;
        int holds;
    } cases[] = {
        {"heartbeat-ack", "1.52.0", 1},
        {"heartbeat-ack", "1.51.9", 0},
        {"!heartbeat-ack", "1.51.0", 1},
        {"!heartbeat-ack", "1.105.1", 0},
        {"heartbeat-ack,<1.80", "1.62.2", 1},
        {"heartbeat-ack,<1.80", "1.82.4", 0},
        {"metadata-v3,!metadata-v4", "1.30.0", 1},
        {"heartbeat-ack", NULL, 0},
        {"!heartbeat-ack", NULL, 0},
    };
    struct err e = ERR_INIT;
    struct buf b = BUF_INIT(1000);
    size_t at = 99;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(match_version(cases[i].guard, cases[i].version, NULL), cases[i].holds);
    assert_int_equal(match_version_check("<1.80,!heartbeat-akc", &at, &e), -1);
    assert_int_equal(at, 7);
    assert_non_null(strstr(e.text, "did you mean \"heartbeat-ack\"?"));
    agent_feature_explain("!heartbeat-ack,<1.80,no-such", &b);
    assert_string_equal(buf_str(&b), "!heartbeat-ack (<1.52.0),<1.80,no-such");
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matchers_hold),
        cmocka_unit_test(a_matcher_that_does_not_hold_says_why),
        cmocka_unit_test(references_are_expanded_by_where_they_stand),
        cmocka_unit_test(values_become_what_a_step_needs),
        cmocka_unit_test(versions_compare_at_the_precision_of_the_bound),
        cmocka_unit_test(a_feature_stands_for_its_versions),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
