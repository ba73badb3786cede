#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "fakes/core/fault.h"

static struct fault_table table;

static int begin(void **state)
{
    (void)state;
    fault_table_init(&table, 7);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fault_table_release(&table);
    return 0;
}

static struct fault *add(const char *what)
{
    return fault_table_add(&table, "f", "ecs", what, FAULT_STATUS);
}

static void the_first_n_calls_are_hit_and_no_more(void **state)
{
    (void)state;
    add("Submit*")->first = 2;
    assert_non_null(fault_table_pick(&table, "ecs", "SubmitTaskStateChange"));
    assert_null(fault_table_pick(&table, "ecs", "RegisterContainerInstance"));
    assert_null(fault_table_pick(&table, "acs", "SubmitTaskStateChange"));
    assert_non_null(fault_table_pick(&table, "ecs", "SubmitTaskStateChange"));
    assert_null(fault_table_pick(&table, "ecs", "SubmitTaskStateChange"));
}

static void nth_and_every_count_the_calls_that_match(void **state)
{
    (void)state;
    add("A")->nth = 3;
    add("B")->every = 2;
    for (int i = 1; i <= 6; i++) {
        assert_true((fault_table_pick(&table, "ecs", "A") != NULL) == (i == 3));
        assert_true((fault_table_pick(&table, "ecs", "B") != NULL) == (i % 2 == 0));
    }
}

static void chance_follows_the_seed(void **state)
{
    struct fault_table other;
    int hits = 0;

    (void)state;
    fault_table_init(&other, 7);
    add("*")->chance = 0.25;
    fault_table_add(&other, NULL, "ecs", "*", FAULT_HANG)->chance = 0.25;
    for (int i = 0; i < 1000; i++) {
        bool one = fault_table_pick(&table, "ecs", "x") != NULL;

        assert_true(one == (fault_table_pick(&other, "ecs", "x") != NULL));
        hits += one;
    }
    assert_in_range(hits, 180, 320);
    fault_table_release(&other);
}

static void healing_goes_by_name_by_peer_or_all(void **state)
{
    (void)state;
    add("*");
    fault_table_add(&table, NULL, "s3", "*", FAULT_REFUSE);
    assert_true(fault_table_refuses(&table, "s3"));
    assert_null(fault_table_pick(&table, "s3", "GET /"));
    assert_int_equal(fault_table_heal(&table, "nobody"), 0);
    assert_int_equal(fault_table_heal(&table, "f"), 1);
    assert_null(fault_table_pick(&table, "ecs", "x"));
    assert_int_equal(fault_table_heal(&table, NULL), 1);
    assert_false(fault_table_refuses(&table, "s3"));
}

static void kinds_have_names_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < FAULT_KIND_MAX; i++)
        assert_int_equal(fault_kind_from(fault_kind_name((enum fault_kind)i)), i);
    assert_int_equal(fault_kind_from("explode"), -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(the_first_n_calls_are_hit_and_no_more),
        T(nth_and_every_count_the_calls_that_match),
        T(chance_follows_the_seed),
        T(healing_goes_by_name_by_peer_or_all),
        T(kinds_have_names_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
