#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/ec2_tags.h"
#include "base/mem.h"
#include "base/str.h"

static json_t *tags;
static struct err e;

static int reset(void **state)
{
    (void)state;
    json_decref(tags);
    tags = NULL;
    err_clear(&e);
    return 0;
}

static json_t *read_items(const char *items)
{
    char *text =
        xasprintf("<DescribeTagsResponse><tagSet>%s</tagSet></DescribeTagsResponse>", items);

    tags = ec2_tags_read(text, strlen(text), &e);
    free(text);
    return tags;
}

static void keys_and_values_are_text_whatever_they_hold(void **state)
{
    (void)state;
    assert_non_null(read_items("<item><resourceId>i-1</resourceId><key>a&lt;b</key>"
                               "<value>x &amp; &#233;</value></item>"
                               "<item><key>empty</key><value/></item>"
                               "<item><key>none</key></item>"));
    assert_int_equal(json_object_size(tags), 3);
    assert_string_equal(json_str(tags, "a<b"), "x & \303\251");
    assert_string_equal(json_str(tags, "empty"), "");
    assert_string_equal(json_str(tags, "none"), "");
}

static void what_is_amazons_own_is_left_out(void **state)
{
    (void)state;
    assert_non_null(read_items("<item><key>aws:name</key><value>1</value></item>"
                               "<item><key>AwS:other</key><value>1</value></item>"
                               "<item><key>mine</key><value>AWS:2</value></item>"
                               "<item><key>awsome</key><value>3</value></item>"));
    assert_int_equal(json_object_size(tags), 1);
    assert_string_equal(json_str(tags, "awsome"), "3");
}

static void no_tags_are_an_empty_object(void **state)
{
    (void)state;
    assert_non_null(read_items(""));
    assert_int_equal(json_object_size(tags), 0);
}

static void an_answer_that_is_cut_or_no_xml_is_told(void **state)
{
    (void)state;
    assert_null(ec2_tags_read("<tagSet><item>", 14, &e));
    assert_non_null(strstr(e.text, "no XML: no element found in line 1"));
    err_clear(&e);
    assert_null(ec2_tags_read("{}", 2, &e));
    assert_non_null(strstr(e.text, "no XML"));
}

static void a_text_beyond_the_limit_is_no_answer(void **state)
{
    char *item = xasprintf("<item><key>k</key><value>%02000d</value></item>", 0);

    (void)state;
    assert_null(read_items(item));
    assert_non_null(strstr(e.text, "DescribeTags"));
    free(item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(keys_and_values_are_text_whatever_they_hold, reset),
        cmocka_unit_test_teardown(what_is_amazons_own_is_left_out, reset),
        cmocka_unit_test_teardown(no_tags_are_an_empty_object, reset),
        cmocka_unit_test_teardown(an_answer_that_is_cut_or_no_xml_is_told, reset),
        cmocka_unit_test_teardown(a_text_beyond_the_limit_is_no_answer, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
