#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static json_t *read_text(const char *text)
{
    struct err e = ERR_INIT;
    json_t *v = json_read(text, strlen(text), JSON_READ_STRICT, &e);

    if (!v)
        fail_msg("%s: %s", text, e.text);
    return v;
}

static void what_was_read_is_written_as_it_was(void **state)
{
    static const char *const texts[] = {
        "{\"b\":1,\"a\":[true,false,null],\"c\":{\"d\":\"x\"}}",
        "9223372036854775807",
        "-9223372036854775808",
        "9007199254740993", /* a double would make it ...992 */
        "\"h\xc3\xa9\"",
        "[]",
        "null",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        json_t *v = read_text(texts[i]);
        struct buf b = BUF_INIT(200);
        char *text = json_text(v);

        assert_string_equal(text, texts[i]);
        assert_int_equal(json_write(&b, v), 0);
        assert_string_equal(buf_str(&b), texts[i]);
        buf_release(&b);
        free(text);
        json_decref(v);
    }
}

static void errors_name_line_and_column(void **state)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"{\"a\": 1,\n \"b\" 2}", "2:6: "},
        {"", "1:0: "},
        {"{\"a\":1} x", "1:9: "},
        {"[1,]", "1:4: "},
        {"18446744073709551615", "1:20: too big integer"},
        {"\"a\\u0000b\"", "1:10: \\u0000 is not allowed"},
        {"\"\xff\"", "1:1: unable to decode byte 0xff"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err e = ERR_INIT;

        assert_null(json_read(cases[i].text, strlen(cases[i].text), JSON_READ_STRICT, &e));
        assert_int_equal(e.code, ERR_PARSE);
        if (strncmp(e.text, cases[i].where, strlen(cases[i].where)))
            fail_msg("%s: %s, expected %s", cases[i].text, e.text, cases[i].where);
    }
    assert_null(json_read("{", 1, JSON_READ_PEER, NULL));
}

static void a_duplicate_member_is_an_error_or_the_last_wins(void **state)
{
    static const char text[] = "{\"a\":1,\"a\":2}";
    struct err e = ERR_INIT;
    json_t *v;

    (void)state;
    assert_null(json_read(text, sizeof(text) - 1, JSON_READ_STRICT, &e));
    assert_int_equal(e.code, ERR_PARSE);
    v = json_read(text, sizeof(text) - 1, JSON_READ_PEER, &e);
    assert_int_equal(json_int(v, "a", 0), 2);
    json_decref(v);
}

static void nesting_has_a_limit_that_strings_do_not_count_for(void **state)
{
    struct buf b = BUF_INIT(10000);
    struct err e = ERR_INIT;
    json_t *v;

    (void)state;
    for (int i = 0; i < JSON_DEPTH_LIMIT; i++)
        buf_addc(&b, '[');
    buf_adds(&b, "\"[[[\\\"[[\"");
    for (int i = 0; i < JSON_DEPTH_LIMIT; i++)
        buf_addc(&b, ']');
    v = json_read(buf_str(&b), buf_len(&b), JSON_READ_STRICT, &e);
    assert_non_null(v);
    json_decref(v);
    buf_clear(&b);
    for (int i = 0; i <= JSON_DEPTH_LIMIT; i++)
        buf_addc(&b, i % 2 ? '[' : '{');
    assert_null(json_read(buf_str(&b), buf_len(&b), JSON_READ_STRICT, &e));
    assert_int_equal(e.code, ERR_LIMIT);
    buf_clear(&b);
    for (int i = 0; i <= JSON_DEPTH_LIMIT; i++)
        buf_adds(&b, i ? ",[]" : "[[]");
    buf_addc(&b, ']');
    v = json_read(buf_str(&b), buf_len(&b), JSON_READ_STRICT, &e);
    assert_non_null(v); /* many, but beside each other */
    json_decref(v);
    buf_release(&b);
}

static void getters_give_the_default_for_what_is_absent_or_of_another_type(void **state)
{
    json_t *v =
        read_text("{\"s\":\"x\",\"i\":7,\"r\":3.0,\"f\":3.5,\"t\":true,\"n\":null,\"big\":1e300}");

    (void)state;
    assert_string_equal(json_str(v, "s"), "x");
    assert_null(json_str(v, "i"));
    assert_null(json_str(v, "n"));
    assert_null(json_str(v, "S")); /* case counts */
    assert_null(json_str(NULL, "s"));
    assert_int_equal(json_int(v, "i", -1), 7);
    assert_int_equal(json_int(v, "r", -1), 3);
    assert_int_equal(json_int(v, "f", -1), -1);
    assert_int_equal(json_int(v, "big", -1), -1);
    assert_int_equal(json_int(v, "s", -1), -1);
    assert_int_equal(json_int(v, "none", -1), -1);
    assert_true(json_bool(v, "t", false));
    assert_true(json_bool(v, "i", true));
    assert_false(json_bool(v, "none", false));
    json_decref(v);
}

static void a_dotted_path_is_followed(void **state)
{
    json_t *v = read_text("{\"a\":{\"b\":{\"c\":1},\"n\":null},\"l\":[1]}");

    (void)state;
    assert_ptr_equal(json_at(v, ""), v);
    assert_int_equal(json_integer_value(json_at(v, "a.b.c")), 1);
    assert_true(json_is_null(json_at(v, "a.n")));
    assert_null(json_at(v, "a.x.c"));
    assert_null(json_at(v, "a.b.c.d"));
    assert_null(json_at(v, "l.0"));
    assert_null(json_at(NULL, "a"));
    json_decref(v);
}

static void strict_getters_say_what_is_wrong_with_which_member(void **state)
{
    json_t *v = read_text("{\"s\":\"x\",\"i\":7,\"n\":null}");
    struct err e = ERR_INIT;
    const char *s = NULL;
    int64_t i = 0;

    (void)state;
    assert_int_equal(json_need_str(v, "s", &s, &e), 0);
    assert_string_equal(s, "x");
    assert_int_equal(json_need_int(v, "i", &i, &e), 0);
    assert_int_equal(i, 7);
    assert_int_equal(e.code, ERR_NONE);
    assert_int_equal(json_need_str(v, "i", &s, &e), -1);
    assert_string_equal(e.text, "i: expected a string, found integer");
    assert_int_equal(json_need_str(v, "none", &s, &e), -1);
    assert_string_equal(e.text, "none: expected a string, found nothing");
    assert_int_equal(json_need_int(v, "n", &i, &e), -1);
    assert_string_equal(e.text, "n: expected an integer, found null");
    assert_int_equal(json_need_int(v, "s", &i, &e), -1);
    assert_string_equal(e.text, "s: expected an integer, found string");
    json_decref(v);
}

static void members_are_put_in_order_and_nothing_is_put_for_null(void **state)
{
    json_t *o = json_object();
    char *text;

    (void)state;
    json_put_str(o, "z", "last");
    json_put_int(o, "a", INT64_MIN);
    json_put_bool(o, "m", true);
    json_put(o, "none", NULL);
    json_put_str(o, "none", NULL);
    json_put(o, "l", json_array());
    text = json_text(o);
    assert_string_equal(text, "{\"z\":\"last\",\"a\":-9223372036854775808,\"m\":true,\"l\":[]}");
    free(text);
    json_decref(o);
}

static void a_string_that_is_not_utf8_is_put_with_replacements(void **state)
{
    json_t *o = json_object();

    (void)state;
    json_put_str(o, "s", "a\xff\"b");
    assert_string_equal(json_str(o, "s"), "a\xef\xbf\xbd\"b");
    json_decref(o);
}

static void types_have_the_names_a_person_uses(void **state)
{
    static const char *const cases[][2] = {
        {"{}", "object"}, {"[]", "array"},  {"\"\"", "string"}, {"1", "integer"},
        {"1.5", "real"},  {"true", "true"}, {"false", "false"}, {"null", "null"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_json_ json_t *v = read_text(cases[i][0]);

        assert_string_equal(json_type_name(v), cases[i][1]);
    }
    assert_string_equal(json_type_name(NULL), "nothing");
}

static void writing_into_a_full_buffer_says_so(void **state)
{
    json_t *v = read_text("{\"a\":\"0123456789\"}");
    struct buf b = BUF_INIT(8);

    (void)state;
    assert_int_equal(json_write(&b, v), -1);
    assert_true(b.full);
    buf_release(&b);
    json_decref(v);
}

static void a_copy_of_a_string_is_never_null(void **state)
{
    json_t *v = json_pack("{s:s,s:i}", "s", "x", "i", 1);
    char *there = json_dup_str(v, "s"), *other = json_dup_str(v, "i"),
         *none = json_dup_str(NULL, "s");

    (void)state;
    assert_string_equal(there, "x");
    assert_string_equal(other, "");
    assert_string_equal(none, "");
    free(there);
    free(other);
    free(none);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_of_a_string_is_never_null),
        cmocka_unit_test(what_was_read_is_written_as_it_was),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(a_duplicate_member_is_an_error_or_the_last_wins),
        cmocka_unit_test(nesting_has_a_limit_that_strings_do_not_count_for),
        cmocka_unit_test(getters_give_the_default_for_what_is_absent_or_of_another_type),
        cmocka_unit_test(a_dotted_path_is_followed),
        cmocka_unit_test(strict_getters_say_what_is_wrong_with_which_member),
        cmocka_unit_test(members_are_put_in_order_and_nothing_is_put_for_null),
        cmocka_unit_test(a_string_that_is_not_utf8_is_put_with_replacements),
        cmocka_unit_test(types_have_the_names_a_person_uses),
        cmocka_unit_test(writing_into_a_full_buffer_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
