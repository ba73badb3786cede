#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/spot.h"
#include "base/mem.h"

static json_t *doc;

static int forget(void **state)
{
    (void)state;
    json_decref(doc);
    doc = NULL;
    return 0;
}

static int read_text(const char *text, const char **ret_action)
{
    struct err e = ERR_INIT;

    json_decref(doc);
    doc = json_read(text, strlen(text), JSON_READ_PEER, &e);
    assert_non_null(doc);
    return spot_read(doc, ret_action, &e);
}

static void the_three_actions_of_ec2_are_interruptions(void **state)
{
    static const char *const actions[] = {"hibernate", "stop", "terminate"};
    const char *action;
    char text[96];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        snprintf(text, sizeof(text), "{\"action\":\"%s\",\"time\":\"2026-11-24T08:22:00Z\"}",
                 actions[i]);
        assert_int_equal(read_text(text, &action), 0);
        assert_string_equal(action, actions[i]);
    }
}

static void anything_else_is_none(void **state)
{
    const char *action = NULL;

    (void)state;
    assert_int_equal(read_text("{\"action\":\"reboot\"}", &action), -1);
    assert_int_equal(read_text("{\"action\":1}", &action), -1);
    assert_int_equal(read_text("{}", &action), -1);
    assert_int_equal(read_text("[]", &action), -1);
    assert_null(action);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_three_actions_of_ec2_are_interruptions, forget),
        cmocka_unit_test_teardown(anything_else_is_none, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
