#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "agent/rate_limit.h"
#include "base/clock.h"

static unsigned int taken(struct rate_limit *r, const char *key, unsigned int tries, int64_t now)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < tries; i++)
        n += rate_limit_take(r, key, now);
    return n;
}

static void a_burst_is_let_through_and_then_the_rate(void **state)
{
    struct rate_limit r;

    (void)state;
    rate_limit_init(&r, 40, 60);
    assert_int_equal(taken(&r, "a", 100, 0), 60);
    assert_int_equal(taken(&r, "a", 100, NS_PER_S / 2), 20);
    assert_int_equal(taken(&r, "a", 1, NS_PER_S / 2 + 24 * NS_PER_MS), 0);
    assert_int_equal(taken(&r, "a", 2, NS_PER_S / 2 + 26 * NS_PER_MS), 1);
    assert_int_equal(taken(&r, "a", 1000, 100 * NS_PER_S), 60);
    rate_limit_release(&r);
}

static void keys_do_not_cost_each_other(void **state)
{
    struct rate_limit r;

    (void)state;
    rate_limit_init(&r, 1, 2);
    assert_int_equal(taken(&r, "a", 9, 0), 2);
    assert_int_equal(taken(&r, "b", 9, 0), 2);
    rate_limit_release(&r);
}

static void so_many_keys_and_no_more_are_remembered(void **state)
{
    struct rate_limit r;
    char key[16];

    (void)state;
    rate_limit_init(&r, 1, 2);
    for (int i = 0; i < 2 * RATE_LIMIT_KEYS; i++) {
        snprintf(key, sizeof(key), "%d", i);
        rate_limit_take(&r, key, 0);
        assert_true(map_count(&r.buckets) <= RATE_LIMIT_KEYS + 1);
    }
    /* strangers share one bucket; it is empty */
    assert_false(rate_limit_take(&r, "stranger", 0));
    assert_true(rate_limit_take(&r, "0", 0));
    /* all are full again, and forgotten */
    assert_true(rate_limit_take(&r, "stranger", 10 * NS_PER_S));
    assert_true(map_count(&r.buckets) < 3);
    rate_limit_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_is_let_through_and_then_the_rate),
        cmocka_unit_test(keys_do_not_cost_each_other),
        cmocka_unit_test(so_many_keys_and_no_more_are_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
