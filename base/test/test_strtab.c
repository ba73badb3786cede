#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/strtab.h"

enum color { RED, GREEN, UNNAMED, BLUE, COLOR_MAX };
static const char *const colors[COLOR_MAX] = {[RED] = "red", [GREEN] = "green", [BLUE] = "blue"};

STRTAB_DECLARE(color, enum color);
STRTAB_DEFINE(color, enum color, colors)

static void one_table_serves_both_directions(void **state)
{
    (void)state;
    for (int i = 0; i < COLOR_MAX; i++)
        if (i != UNNAMED)
            assert_int_equal(color_from(color_name((enum color)i)), i);
    assert_string_equal(color_name(UNNAMED), "INVALID");
    assert_string_equal(color_name(COLOR_MAX), "INVALID");
    assert_null(strtab_name(colors, COLOR_MAX, -1));
}

static void words_are_compared_whole_and_with_regard_to_case(void **state)
{
    (void)state;
    assert_int_equal(color_from("Red"), -1);
    assert_int_equal(color_from("re"), -1);
    assert_int_equal(color_from("redd"), -1);
    assert_int_equal(color_from(""), -1);
    assert_int_equal(color_from(NULL), -1);
    assert_int_equal(strtab_value_n(colors, COLOR_MAX, "greenish", 5), GREEN);
    assert_int_equal(strtab_value_n(colors, COLOR_MAX, "greenish", 6), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_table_serves_both_directions),
        cmocka_unit_test(words_are_compared_whole_and_with_regard_to_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
