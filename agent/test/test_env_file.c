#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/env_file.h"
#include "base/mem.h"
#include "base/str.h"

static json_t *vars;
static struct err e;

static int setup(void **state)
{
    (void)state;
    vars = json_object();
    err_clear(&e);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(vars);
    return 0;
}

static int read_file(const char *text)
{
    return env_file_read(text, strlen(text), vars, &e);
}

static void a_line_is_split_at_its_first_equals_sign(void **state)
{
    (void)state;
    assert_int_equal(read_file("A=1\nB=x=y\n C = spaced \nQ=\"q\"\nE=\n"), 0);
    assert_string_equal(json_str(vars, "A"), "1");
    assert_string_equal(json_str(vars, "B"), "x=y");
    assert_string_equal(json_str(vars, " C "), " spaced ");
    assert_string_equal(json_str(vars, "Q"), "\"q\"");
    assert_string_equal(json_str(vars, "E"), "");
}

static void what_is_no_assignment_is_passed_over(void **state)
{
    (void)state;
    assert_int_equal(read_file("#A=1\n\n=2\nword\n"), 0);
    assert_int_equal(json_object_size(vars), 0);
}

static void the_last_line_needs_no_end_and_a_carriage_return_is_a_part_of_the_end(void **state)
{
    (void)state;
    assert_int_equal(read_file("A=1\r\nB=2"), 0);
    assert_string_equal(json_str(vars, "A"), "1");
    assert_string_equal(json_str(vars, "B"), "2");
}

static void the_first_file_wins_and_in_one_file_the_last_line(void **state)
{
    (void)state;
    assert_int_equal(read_file("A=1\nA=2\n"), 0);
    assert_int_equal(read_file("A=3\nB=4\n"), 0);
    assert_string_equal(json_str(vars, "A"), "2");
    assert_string_equal(json_str(vars, "B"), "4");
}

static void what_is_no_text_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(env_file_read("A=\0", 3, vars, &e), -1);
    assert_int_equal(read_file("A=\xff\n"), -1);
    assert_int_equal(json_object_size(vars), 0);
}

static void an_arn_names_bucket_and_key(void **state)
{
    static const char *const bad[] = {
        "",
        "arn:aws:s3:::bucket",
        "arn:aws:s3:::bucket/",
        "arn:aws:s3:::/key",
        "arn::s3:::b/k",
        "s3://b/k",
        "arn:aws:s3:us-west-2:1:b/k",
    };
    const char *key;
    char *bucket;

    (void)state;
    assert_int_equal(env_file_arn("arn:aws-cn:s3:::my.bucket/a/b c.env", &bucket, &key, &e), 0);
    assert_string_equal(bucket, "my.bucket");
    assert_string_equal(key, "a/b c.env");
    free(bucket);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(env_file_arn(bad[i], &bucket, &key, &e), -1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_is_split_at_its_first_equals_sign),
        TEST(what_is_no_assignment_is_passed_over),
        TEST(the_last_line_needs_no_end_and_a_carriage_return_is_a_part_of_the_end),
        TEST(the_first_file_wins_and_in_one_file_the_last_line),
        TEST(what_is_no_text_is_an_error),
        TEST(an_arn_names_bucket_and_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
