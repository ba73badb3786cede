#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakes/s3/test/s3_peer.h"

#define TAG "<Tag><Key>%s</Key><Value>%s</Value></Tag>"

static int begin(void **state)
{
    (void)state;
    return begin_world(false) < 0 || control("bucket", "{\"name\": \"buck\"}") < 0 ? -1 : 0;
}

/* PUT ?tagging with n tags "k0"... of that value. */
static int put_many(const char *target, int n, const char *value)
{
    struct buf b = BUF_INIT(1 << 20);
    int r;

    buf_adds(&b, "<Tagging><TagSet>");
    for (int i = 0; i < n; i++)
        buf_addf(&b, "<Tag><Key>k%d</Key><Value>%s</Value></Tag>", i, value);
    buf_adds(&b, "</TagSet></Tagging>");
    r = ask("PUT", target, NULL, buf_str(&b));
    buf_release(&b);
    return r;
}

static int put_tag(const char *key, const char *value)
{
    char *text = xasprintf("<Tagging><TagSet>" TAG "</TagSet></Tagging>", key, value);
    int r = ask("PUT", "/buck/a?tagging", NULL, text);

    free(text);
    return r;
}

static void an_object_is_tagged_with_its_content(void **state)
{
    (void)state;
    assert_int_equal(ask("PUT", "/buck/a", "x-amz-tagging: who=me&what=a+b%3Dc&empty\r\n", "1"),
                     200);
    assert_int_equal(ask("GET", "/buck/a?tagging", NULL, NULL), 200);
    assert_true(has("<TagSet><Tag><Key>empty</Key><Value/></Tag>"
                    "<Tag><Key>what</Key><Value>a b=c</Value></Tag>"
                    "<Tag><Key>who</Key><Value>me</Value></Tag></TagSet>"));
    assert_int_equal(ask("HEAD", "/buck/a", NULL, NULL), 200);
    assert_true(has_header("x-amz-tagging-count: 3"));
    assert_int_equal(ask("PUT", "/buck/a", NULL, "1"), 200); /* a new object has none */
    assert_int_equal(ask("GET", "/buck/a", NULL, NULL), 200);
    assert_null(strcasestr(got.head, "x-amz-tagging-count"));
    assert_int_equal(ask("PUT", "/buck/b", "x-amz-tagging: a=1&a=2\r\n", "1"), 400);
    assert_true(has("<Code>InvalidArgument</Code>"));
    assert_int_equal(ask("PUT", "/buck/b", "x-amz-tagging: a=%ff\r\n", "1"), 400);
    assert_true(has("<Code>InvalidArgument</Code>"));
    assert_int_equal(ask("GET", "/buck/b", NULL, NULL), 404);
}

static void tags_are_set_and_taken_away(void **state)
{
    (void)state;
    assert_int_equal(ask("PUT", "/buck/a", NULL, "1"), 200);
    assert_int_equal(ask("GET", "/buck/a?tagging", NULL, NULL), 200);
    assert_true(has("<TagSet/>"));
    assert_int_equal(put_many("/buck/a?tagging", 10, "v"), 200);
    assert_int_equal(put_tag("Key", "v"), 200); /* in place of those */
    assert_int_equal(ask("GET", "/buck/a?tagging", NULL, NULL), 200);
    assert_true(has("<TagSet><Tag><Key>Key</Key><Value>v</Value></Tag></TagSet>"));
    assert_int_equal(ask("DELETE", "/buck/a?tagging", NULL, NULL), 204);
    assert_int_equal(ask("GET", "/buck/a?tagging", NULL, NULL), 200);
    assert_true(has("<TagSet/>"));
    assert_int_equal(ask("PUT", "/buck/none?tagging", NULL, "<Tagging><TagSet/></Tagging>"), 404);
    assert_true(has("<Code>NoSuchKey</Code>"));
    assert_int_equal(ask("DELETE", "/buck/none?tagging", NULL, NULL), 404);
}

static void tags_that_are_none_change_nothing(void **state)
{
    static const struct {
        const char *key, *value, *text;
    } bad[] = {
        {"", "v", "The TagKey you have provided is invalid"},
        {"a*b", "v", "The TagKey you have provided is invalid"},
        {"a", "v!", "The TagValue you have provided is invalid"},
        {"aws:a", "v", "System tags cannot be added/updated by requester"},
    };
    char longest[260];

    (void)state;
    assert_int_equal(ask("PUT", "/buck/a", "x-amz-tagging: kept=1\r\n", "1"), 200);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(put_tag(bad[i].key, bad[i].value), 400);
        assert_true(member_is("Code", "InvalidTag"));
        assert_true(member_is("Message", bad[i].text));
    }
    memset(longest, 'x', 257);
    longest[257] = '\0';
    assert_int_equal(put_tag("a", longest), 400);
    longest[129] = '\0';
    assert_int_equal(put_tag(longest, ""), 400);
    assert_int_equal(put_many("/buck/a?tagging", 11, ""), 400);
    assert_true(member_is("Code", "BadRequest"));
    assert_true(member_is("Message", "Object tags cannot be greater than 10"));
    assert_int_equal(
        ask("PUT", "/buck/a?tagging", NULL,
            "<Tagging><TagSet><Tag><Key>a</Key><Value/></Tag><Tag><Key>a</Key><Value/></Tag>"
            "</TagSet></Tagging>"),
        400);
    assert_true(member_is("Message", "Cannot provide multiple Tags with the same key"));
    assert_int_equal(ask("PUT", "/buck/a?tagging", NULL, "<Tagging/>"), 400);
    assert_true(member_is("Code", "MalformedXML"));
    assert_int_equal(
        ask("PUT", "/buck/a?tagging", NULL, "<Tagging><TagSet><Tag/></TagSet></Tagging>"), 400);
    assert_true(member_is("Code", "MalformedXML"));
    assert_int_equal(ask("GET", "/buck/a?tagging", NULL, NULL), 200);
    assert_true(has("<TagSet><Tag><Key>kept</Key><Value>1</Value></Tag></TagSet>"));
    longest[128] = '\0';
    assert_int_equal(put_tag(longest, "\xc3\xa4 /:@_.=+-"), 200); /* as long as it may be */
}

static void a_copy_has_the_tags_of_its_source_unless_told_others(void **state)
{
    (void)state;
    assert_int_equal(ask("PUT", "/buck/a", "x-amz-tagging: a=1\r\n", "1"), 200);
    assert_int_equal(
        ask("PUT", "/buck/b", "x-amz-copy-source: /buck/a\r\nx-amz-tagging: b=2\r\n", NULL), 200);
    assert_int_equal(ask("GET", "/buck/b?tagging", NULL, NULL), 200);
    assert_true(has("<Key>a</Key><Value>1</Value>"));
    assert_int_equal(ask("PUT", "/buck/b",
                         "x-amz-copy-source: /buck/a\r\nx-amz-tagging: b=2\r\n"
                         "x-amz-tagging-directive: REPLACE\r\n",
                         NULL),
                     200);
    assert_int_equal(ask("GET", "/buck/b?tagging", NULL, NULL), 200);
    assert_true(has("<TagSet><Tag><Key>b</Key><Value>2</Value></Tag></TagSet>"));
    assert_int_equal(ask("PUT", "/buck/b",
                         "x-amz-copy-source: /buck/a\r\nx-amz-tagging-directive: MOVE\r\n", NULL),
                     400);
    assert_true(has("<ArgumentName>x-amz-tagging-directive</ArgumentName>"));
}

static void an_upload_in_parts_has_the_tags_it_began_with(void **state)
{
    char *id, *target;

    (void)state;
    assert_int_equal(ask("POST", "/buck/big?uploads", "x-amz-tagging: a=1&b=2\r\n", NULL), 200);
    id = member("UploadId");
    target = xasprintf("/buck/big?uploadId=%s&partNumber=1", id);
    assert_int_equal(ask("PUT", target, NULL, "1"), 200);
    free(target);
    target = xasprintf("/buck/big?uploadId=%s", id);
    assert_int_equal(
        ask("POST", target, NULL,
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
            "<ETag>c4ca4238a0b923820dcc509a6f75849b</ETag></Part></CompleteMultipartUpload>"),
        200);
    assert_int_equal(ask("HEAD", "/buck/big", NULL, NULL), 200);
    assert_true(has_header("x-amz-tagging-count: 2"));
    free(target);
    free(id);
}

static void a_bucket_has_tags_of_its_own(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/buck?tagging", NULL, NULL), 404);
    assert_true(member_is("Code", "NoSuchTagSet"));
    assert_int_equal(put_many("/buck?tagging", 50, "v"), 204);
    assert_int_equal(put_many("/buck?tagging", 51, "v"), 400);
    assert_int_equal(ask("GET", "/buck?tagging", NULL, NULL), 200);
    assert_true(has("<Key>k49</Key>"));
    assert_int_equal(ask("DELETE", "/buck?tagging", NULL, NULL), 204);
    assert_int_equal(ask("GET", "/buck?tagging", NULL, NULL), 404);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_object_is_tagged_with_its_content, begin, end_world),
        cmocka_unit_test_setup_teardown(tags_are_set_and_taken_away, begin, end_world),
        cmocka_unit_test_setup_teardown(tags_that_are_none_change_nothing, begin, end_world),
        cmocka_unit_test_setup_teardown(a_copy_has_the_tags_of_its_source_unless_told_others, begin,
                                        end_world),
        cmocka_unit_test_setup_teardown(an_upload_in_parts_has_the_tags_it_began_with, begin,
                                        end_world),
        cmocka_unit_test_setup_teardown(a_bucket_has_tags_of_its_own, begin, end_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
