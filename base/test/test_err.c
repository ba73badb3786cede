#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/err.h"

static void an_error_is_set_once_and_wrapped_on_the_way_up(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(err_set(&e, ERR_LIMIT, "%d bytes", 7), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_int_equal(err_wrap(&e, "reading %s", "x"), -1);
    assert_int_equal(err_wrap(&e, "starting"), -1);
    assert_string_equal(e.text, "starting: reading x: 7 bytes");
    assert_int_equal(e.code, ERR_LIMIT);
    err_clear(&e);
    assert_int_equal(e.code, ERR_NONE);
    assert_string_equal(e.text, "");
}

static void a_failed_call_keeps_errno_and_says_it_in_words(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(err_sys(&e, ENOENT, "open %s", "a"), -1);
    assert_int_equal(e.code, ERR_SYS);
    assert_int_equal(e.sys, ENOENT);
    assert_string_equal(e.text, "open a: No such file or directory");
    err_set(&e, ERR_PEER, "x");
    assert_int_equal(e.sys, 0);
}

static void a_caller_may_not_want_the_text(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_PEER, "x"), -1);
    assert_int_equal(err_sys(NULL, EIO, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    err_clear(NULL);
}

static void text_that_is_too_long_is_cut_and_stays_a_string(void **state)
{
    struct err e = ERR_INIT;
    char wide[600];

    (void)state;
    memset(wide, 'a', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    err_set(&e, ERR_PARSE, "%s", wide);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    err_wrap(&e, "front");
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_memory_equal(e.text, "front: aaa", 10);
    err_wrap(&e, "%s", wide);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    err_sys(&e, EIO, "%s", wide);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void every_code_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(err_code_name(ERR_NONE), "none");
    for (int i = ERR_NONE; i <= ERR_INTERNAL; i++)
        assert_non_null(err_code_name((enum err_code)i));
    assert_string_equal(err_code_name(ERR_NOT_FOUND), "not-found");
    assert_string_equal(err_code_name((enum err_code)99), "unknown");
    assert_string_equal(err_code_name((enum err_code) - 1), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_is_set_once_and_wrapped_on_the_way_up),
        cmocka_unit_test(a_failed_call_keeps_errno_and_says_it_in_words),
        cmocka_unit_test(a_caller_may_not_want_the_text),
        cmocka_unit_test(text_that_is_too_long_is_cut_and_stays_a_string),
        cmocka_unit_test(every_code_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
