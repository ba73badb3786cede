#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"

static void an_empty_buffer_is_an_empty_string(void **state)
{
    struct buf b = BUF_INIT(10);

    (void)state;
    assert_string_equal(buf_str(&b), "");
    assert_null(b.mem);
    assert_string_equal(buf_data(&b), "");
    assert_int_equal(buf_len(&b), 0);
    buf_release(&b);
    buf_release(&b);
}

static void what_passes_the_maximum_is_refused_and_adds_nothing(void **state)
{
    struct buf b = BUF_INIT(5);

    (void)state;
    assert_int_equal(buf_adds(&b, "abc"), 0);
    assert_int_equal(buf_adds(&b, "def"), -1);
    assert_string_equal(buf_str(&b), "abc");
    assert_true(b.full);
    assert_int_equal(buf_adds(&b, "de"), 0);
    assert_string_equal(buf_str(&b), "abcde");
    assert_true(b.full); /* until it is cleared: add many times, look once */
    assert_int_equal(buf_addc(&b, 'f'), -1);
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_clear(&b);
    assert_false(b.full);
    assert_string_equal(buf_str(&b), "");
    buf_release(&b);
    assert_int_equal(b.max, 5);
}

static void a_maximum_of_nothing_holds_nothing_and_is_not_passed_by_looking(void **state)
{
    struct buf b = BUF_INIT(0);

    (void)state;
    assert_string_equal(buf_data(&b), "");
    assert_false(b.full);
    assert_int_equal(buf_add(&b, "", 0), 0);
    assert_int_equal(buf_addc(&b, 'a'), -1);
    assert_true(b.full);
    buf_release(&b);
}

static void a_buffer_without_a_maximum_grows(void **state)
{
    struct buf b = BUF_INIT(SIZE_MAX);

    (void)state;
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buf_addf(&b, "%04d", i), 0);
    assert_int_equal(buf_len(&b), 40000);
    assert_memory_equal(buf_str(&b) + 4 * 1234, "1234", 4);
    buf_release(&b);
}

static void formatted_text_is_added_whole_whether_short_or_long(void **state)
{
    struct buf b = BUF_INIT(1000);
    char wide[600];

    (void)state;
    memset(wide, 'x', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    assert_int_equal(buf_addf(&b, "%s-%d;", "a", 7), 0);
    assert_string_equal(buf_str(&b), "a-7;");
    assert_int_equal(buf_addf(&b, "%s", wide), 0);
    assert_int_equal(buf_len(&b), 4 + 599);
    assert_int_equal(buf_addf(&b, "%s", wide), -1);
    assert_int_equal(buf_len(&b), 4 + 599);
    assert_true(b.full);
    buf_release(&b);
}

static void formatted_text_of_255_256_and_257_bytes_is_whole(void **state)
{
    (void)state;
    for (int n = 254; n < 259; n++) {
        struct buf b = BUF_INIT(300);

        assert_int_equal(buf_addf(&b, "%*d", n, 1), 0);
        assert_int_equal(buf_len(&b), n);
        assert_int_equal(strlen(buf_str(&b)), n);
        buf_release(&b);
    }
}

static void text_that_cannot_be_formatted_is_refused(void **state)
{
    struct buf b = BUF_INIT(100);
    static const wchar_t none[] = {0x110000, 0}; /* no character in any locale */

    (void)state;
    assert_int_equal(buf_addf(&b, "a%lsb", none), -1);
    assert_true(b.full);
    assert_int_equal(buf_len(&b), 0);
    buf_release(&b);
}

static void the_front_is_taken_and_the_space_used_again(void **state)
{
    struct buf b = BUF_INIT(64);
    char next = 'a', want = 'a';

    (void)state;
    for (int round = 0; round < 500; round++) {
        while (buf_len(&b) < 40) {
            assert_int_equal(buf_addc(&b, next), 0);
            next = next == 'z' ? 'a' : (char)(next + 1);
        }
        for (int i = 0; i < 7; i++) {
            assert_int_equal(buf_str(&b)[0], want);
            want = want == 'z' ? 'a' : (char)(want + 1);
            buf_consume(&b, 1);
        }
        assert_int_equal(strlen(buf_str(&b)), buf_len(&b));
    }
    assert_true(b.room <= 65);
    buf_consume(&b, 1000);
    assert_int_equal(buf_len(&b), 0);
    assert_string_equal(buf_str(&b), "");
    buf_release(&b);
}

static void bytes_written_into_reserved_room_count_after_buf_grew(void **state)
{
    struct buf b = BUF_INIT(100);
    char *p;

    (void)state;
    buf_adds(&b, "ab");
    p = buf_reserve(&b, 10);
    assert_non_null(p);
    memcpy(p, "c\0d", 3);
    assert_int_equal(buf_len(&b), 2);
    buf_grew(&b, 3);
    assert_int_equal(buf_len(&b), 5);
    assert_memory_equal(buf_str(&b), "abc\0d\0", 6);
    buf_release(&b);
}

static void stolen_bytes_belong_to_the_caller_and_leave_an_empty_buffer(void **state)
{
    struct buf b = BUF_INIT(100);
    size_t n;
    char *p;

    (void)state;
    buf_adds(&b, "hello world");
    buf_consume(&b, 6);
    p = buf_steal(&b, &n);
    assert_string_equal(p, "world");
    assert_int_equal(n, 5);
    assert_int_equal(buf_len(&b), 0);
    assert_int_equal(b.max, 100);
    free(p);
    p = buf_steal(&b, NULL);
    assert_string_equal(p, "");
    free(p);
}

static void json_strings_are_escaped_and_bad_bytes_replaced(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c\n\r\t\b", 9, "\"a\\\"b\\\\c\\n\\r\\t\\u0008\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\x7f", 1, "\"\\u007f\""},
        {"h\xc3\xa9", 3, "\"h\xc3\xa9\""},
        {"\xc3", 1, "\"\xef\xbf\xbd\""},
        {"\xff\xfe!", 3, "\"\xef\xbf\xbd\xef\xbf\xbd!\""},
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(100);

        assert_int_equal(buf_add_json_string(&b, cases[i].in, cases[i].n), 0);
        assert_string_equal(buf_str(&b), cases[i].out);
        buf_release(&b);
    }
}

static void a_json_string_that_does_not_fit_is_not_added_in_part(void **state)
{
    (void)state;
    for (size_t max = 2; max < 12; max++) {
        struct buf b = BUF_INIT(max);

        buf_adds(&b, "x:");
        assert_int_equal(buf_add_json_string(&b, "ab\ncd\xff", 6), -1);
        assert_string_equal(buf_str(&b), "x:");
        assert_true(b.full);
        assert_int_equal(b.len, 2);
        buf_release(&b);
    }
}

static void a_buffer_in_a_scope_is_released_with_it(void **state)
{
    _cleanup_buf_ struct buf b = BUF_INIT(10);

    (void)state;
    assert_int_equal(buf_adds(&b, "x"), 0); /* the leak checkers say the rest */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_string),
        cmocka_unit_test(what_passes_the_maximum_is_refused_and_adds_nothing),
        cmocka_unit_test(a_maximum_of_nothing_holds_nothing_and_is_not_passed_by_looking),
        cmocka_unit_test(a_buffer_without_a_maximum_grows),
        cmocka_unit_test(formatted_text_is_added_whole_whether_short_or_long),
        cmocka_unit_test(formatted_text_of_255_256_and_257_bytes_is_whole),
        cmocka_unit_test(text_that_cannot_be_formatted_is_refused),
        cmocka_unit_test(the_front_is_taken_and_the_space_used_again),
        cmocka_unit_test(bytes_written_into_reserved_room_count_after_buf_grew),
        cmocka_unit_test(stolen_bytes_belong_to_the_caller_and_leave_an_empty_buffer),
        cmocka_unit_test(json_strings_are_escaped_and_bad_bytes_replaced),
        cmocka_unit_test(a_json_string_that_does_not_fit_is_not_added_in_part),
        cmocka_unit_test(a_buffer_in_a_scope_is_released_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
