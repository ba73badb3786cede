#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/restart.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static struct restart_policy p;

static int read_policy(const char *text, struct err *e)
{
    json_t *o = json_read(text, strlen(text), JSON_READ_STRICT, NULL);
    int r = restart_policy_read(&p, o, e);

    json_decref(o);
    return r;
}

static void a_policy_is_read_whole(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(read_policy("{\"restartPolicy\":{\"enabled\":true,\"ignoredExitCodes\":[0,3],"
                                 "\"restartAttemptPeriod\":60}}",
                                 &e),
                     0);
    assert_true(p.enabled);
    assert_int_equal(p.n_ignored, 2);
    assert_int_equal(p.ignored[1], 3);
    assert_int_equal(p.period, 60 * NS_PER_S);
    assert_int_equal(read_policy("{}", &e), 0);
    assert_false(p.enabled);
    assert_int_equal(read_policy("{\"restartPolicy\":null}", &e), 0);
    assert_false(p.enabled);
}

static void what_is_wrong_is_named(void **state)
{
    static const char *const rows[][2] = {
        {"{\"restartPolicy\":1}", "restartPolicy"},
        {"{\"restartPolicy\":{\"ignoredExitCodes\":1}}", "not a list"},
        {"{\"restartPolicy\":{\"ignoredExitCodes\":[\"0\"]}}", "whole numbers"},
        {"{\"restartPolicy\":{\"restartAttemptPeriod\":-1}}", "restartAttemptPeriod"},
    };
    struct buf many = BUF_INIT(1024);
    struct err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(read_policy(rows[i][0], &e), -1);
        assert_non_null(strstr(e.text, rows[i][1]));
    }
    buf_adds(&many, "{\"restartPolicy\":{\"ignoredExitCodes\":[0");
    for (int i = 0; i < RESTART_CODES_MAX; i++)
        buf_adds(&many, ",1");
    buf_adds(&many, "]}}");
    assert_int_equal(read_policy(buf_str(&many), &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    buf_release(&many);
}

static void it_is_started_again_when_nothing_speaks_against_it(void **state)
{
    struct err e = ERR_INIT;
    const char *why;

    (void)state;
    read_policy("{\"restartPolicy\":{\"enabled\":true,\"ignoredExitCodes\":[3],"
                "\"restartAttemptPeriod\":60}}",
                &e);
    assert_true(restart_wanted(&p, 0, 0, 60 * NS_PER_S, &why));
    assert_null(why);
    assert_false(restart_wanted(&p, 0, 1, 60 * NS_PER_S, &why));
    assert_non_null(strstr(why, "restartAttemptPeriod"));
    assert_false(restart_wanted(&p, 3, 0, 60 * NS_PER_S, &why));
    assert_non_null(strstr(why, "ignored"));
    p.enabled = false;
    assert_false(restart_wanted(&p, 0, 0, 60 * NS_PER_S, &why));
    assert_null(why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_read_whole),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(it_is_started_again_when_nothing_speaks_against_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
