#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"

static int one = 1, two = 2, three = 3;

static void an_empty_map_holds_nothing(void **state)
{
    struct map m = {0};
    size_t i = 0;

    (void)state;
    assert_null(map_get(&m, "a"));
    assert_null(map_remove(&m, "a"));
    assert_int_equal(map_count(&m), 0);
    assert_int_equal(map_next(&m, &i, NULL, NULL), 0);
    map_release(&m);
    map_init(&m);
    map_release(&m);
}

static void setting_returns_what_was_there_and_keys_are_copied(void **state)
{
    struct map m;
    char key[] = "key";

    (void)state;
    map_init(&m);
    assert_null(map_set(&m, key, &one));
    key[0] = 'x';
    assert_ptr_equal(map_get(&m, "key"), &one);
    assert_null(map_get(&m, "xey"));
    assert_ptr_equal(map_set(&m, "key", &two), &one);
    assert_int_equal(map_count(&m), 1);
    assert_ptr_equal(map_remove(&m, "key"), &two);
    assert_null(map_get(&m, "key"));
    assert_null(map_set(&m, "", &three));
    assert_ptr_equal(map_get(&m, ""), &three);
    map_release(&m);
}

static void iteration_goes_in_order_of_insertion_and_may_remove_the_current(void **state)
{
    struct map m = {0};
    const char *key;
    void *value;
    char seen[8] = "";
    size_t n = 0;

    (void)state;
    map_set(&m, "c", &one);
    map_set(&m, "a", &two);
    map_set(&m, "b", &three);
    map_set(&m, "a", &one); /* keeps its place */
    for (size_t i = 0; map_next(&m, &i, &key, &value);) {
        seen[n++] = *key;
        if (*key == 'a') {
            assert_ptr_equal(value, &one);
            assert_ptr_equal(map_remove(&m, key), &one);
        }
    }
    assert_string_equal(seen, "cab");
    assert_int_equal(map_count(&m), 2);
    map_set(&m, "a", &two); /* and comes last when it comes back */
    n = 0;
    for (size_t i = 0; map_next(&m, &i, &key, NULL);)
        seen[n++] = *key;
    assert_string_equal(seen, "cba");
    map_release(&m);
}

static void thousands_of_keys_come_and_go_and_are_found(void **state)
{
    struct map m = {0};
    static int values[5000];
    char key[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        assert_null(map_set(&m, key, &values[i]));
        if (i >= 100) {
            snprintf(key, sizeof(key), "key-%d", i - 100);
            assert_ptr_equal(map_remove(&m, key), &values[i - 100]);
        }
    }
    assert_int_equal(map_count(&m), 100);
    assert_true(m.slot_room <= 1024); /* holes are given back */
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key-%d", i);
        assert_ptr_equal(map_get(&m, key), i < 4900 ? NULL : &values[i]);
    }
    map_release(&m);
}

static void coming_and_going_does_not_rebuild_the_table_each_time(void **state)
{
    struct map m = {0};
    char key[32];
    size_t rebuilt = 0;

    (void)state;
    for (int i = 0; i < 511; i++) {
        snprintf(key, sizeof(key), "stay-%d", i);
        map_set(&m, key, &one);
    }
    for (int i = 0; i < 2000; i++) {
        size_t used = m.used;

        snprintf(key, sizeof(key), "go-%d", i);
        map_set(&m, key, &two);
        rebuilt += m.used != used + 1;
        map_remove(&m, key);
    }
    assert_true(rebuilt < 10);
    map_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_holds_nothing),
        cmocka_unit_test(setting_returns_what_was_there_and_keys_are_copied),
        cmocka_unit_test(iteration_goes_in_order_of_insertion_and_may_remove_the_current),
        cmocka_unit_test(thousands_of_keys_come_and_go_and_are_found),
        cmocka_unit_test(coming_and_going_does_not_rebuild_the_table_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
