#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/exchange.h"
#include "fakes/s3/content.h"
#include "fakes/s3/error.h"
#include "fakes/s3/range.h"
#include "fakes/s3/store.h"
#include "fakes/s3/xml.h"

static void a_range_is_read_as_s3_reads_it(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
        enum s3_range kind;
        uint64_t from, end;
    } cases[] = {
        {NULL, 10, S3_RANGE_ALL, 0, 10},
        {"bytes=0-4", 10, S3_RANGE_PART, 0, 5},
        {"bytes=4-", 10, S3_RANGE_PART, 4, 10},
        {"bytes=4-400", 10, S3_RANGE_PART, 4, 10},
        {"bytes=-3", 10, S3_RANGE_PART, 7, 10},
        {"bytes=-30", 10, S3_RANGE_PART, 0, 10},
        {"bytes=-0", 10, S3_RANGE_BAD, 0, 10},
        {"bytes=10-", 10, S3_RANGE_BAD, 0, 10},
        {"bytes=0-", 0, S3_RANGE_BAD, 0, 0},
        {"bytes=5-4", 10, S3_RANGE_ALL, 0, 10},
        {"bytes=0-1,4-5", 10, S3_RANGE_ALL, 0, 10},
        {"bytes=a-b", 10, S3_RANGE_ALL, 0, 10},
        {"bytes=-", 10, S3_RANGE_ALL, 0, 10},
        {"lines=0-4", 10, S3_RANGE_ALL, 0, 10},
        {"bytes=0-99999999999999999999999", 10, S3_RANGE_PART, 0, 10},
        {"bytes=99999999999999999999999-", 10, S3_RANGE_BAD, 0, 10},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t from, end;

        assert_int_equal(s3_range_read(cases[i].text, cases[i].size, &from, &end), cases[i].kind);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(end, cases[i].end);
    }
}

static void an_etag_is_found_in_a_list_with_and_without_quotes(void **state)
{
    (void)state;
    assert_true(s3_etag_in("\"abc\"", "abc"));
    assert_true(s3_etag_in("abc", "abc"));
    assert_true(s3_etag_in("*", "abc"));
    assert_true(s3_etag_in("\"x\", W/\"abc\" ", "abc"));
    assert_false(s3_etag_in("\"abcd\", \"ab\"", "abc"));
    assert_false(s3_etag_in("", "abc"));
}

static void a_date_of_http_is_read_in_its_three_forms(void **state)
{
    int64_t at;

    (void)state;
    assert_int_equal(s3_http_date("Sun, 06 Nov 1994 08:49:37 GMT", &at), 0);
    assert_int_equal(at, 784111777 * NS_PER_S);
    assert_int_equal(s3_http_date("Sunday, 06-Nov-94 08:49:37 GMT", &at), 0);
    assert_int_equal(at, 784111777 * NS_PER_S);
    assert_int_equal(s3_http_date("Sun Nov  6 08:49:37 1994", &at), 0);
    assert_int_equal(s3_http_date("yesterday", &at), -1);
}

static enum s3_condition conditions(const char *name, const char *value, const char **which)
{
    struct http_header h = {xstrdup(name), xstrdup(value)};
    struct exchange x = {.headers = &h, .n_headers = 1};
    enum s3_condition r = s3_conditions(&x, "", "abc", 784111777 * NS_PER_S + 5, which);

    free(h.name);
    free(h.value);
    return r;
}

static void conditions_hold_or_fail_by_etag_and_by_second(void **state)
{
    const char *which;

    (void)state;
    assert_int_equal(conditions("If-Match", "\"abc\"", &which), S3_PASSES);
    assert_int_equal(conditions("If-Match", "\"x\"", &which), S3_FAILED);
    assert_string_equal(which, "If-Match");
    assert_int_equal(conditions("If-None-Match", "\"abc\"", &which), S3_NOT_MODIFIED);
    assert_int_equal(conditions("If-None-Match", "\"x\"", &which), S3_PASSES);
    assert_int_equal(conditions("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", &which),
                     S3_NOT_MODIFIED);
    assert_int_equal(conditions("If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", &which),
                     S3_PASSES);
    assert_int_equal(conditions("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT", &which),
                     S3_FAILED);
    assert_int_equal(conditions("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT", &which),
                     S3_PASSES);
}

static void xml_is_read_with_its_entities_prefixes_and_noise(void **state)
{
    static const char text[] = "\xef\xbb\xbf<?xml version='1.0'?> <!-- a --> "
                               "<d:Delete xmlns:d=\"http://x/\" a = 'b'><Quiet/>"
                               "<Object><Key>a&amp;b &lt;&#252;&#x1F600;<![CDATA[<&>]]></Key>"
                               "</Object></d:Delete>\n<!-- end -->";
    struct err e = ERR_INIT;
    struct s3_xml *x = s3_xml_read(text, strlen(text), &e);

    (void)state;
    assert_non_null(x);
    assert_string_equal(x->name, "Delete");
    assert_string_equal(s3_xml_child_text(x, "Quiet"), "");
    assert_string_equal(s3_xml_child_text(s3_xml_child(x, "Object"), "Key"),
                        "a&b <\xc3\xbc\xf0\x9f\x98\x80<&>");
    assert_null(s3_xml_child(x, "Missing"));
    s3_xml_free(x);
}

static void xml_that_is_none_is_refused_with_the_place(void **state)
{
    static const char *const cases[] = {
        "",
        "text",
        "<a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a>&nbsp;</a>",
        "<a>&#0;</a>",
        "<a>&#xD800;</a>",
        "<a>&#99999999;</a>",
        "<a>& </a>",
        "<a b></a>",
        "<a b=c></a>",
        "<a b=\"c></a>",
        "<a/><b/>",
        "<a></a",
        "<>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "<a><!-- </a>",
        "<a><![CDATA[ </a>",
        "<a>\xff</a>",
        "<a/>\xc3",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err e = ERR_INIT;

        assert_null(s3_xml_read(cases[i], strlen(cases[i]), &e));
        assert_int_equal(e.code, ERR_PARSE);
        assert_true(str_starts(e.text, "at byte "));
    }
}

static void xml_has_limits_on_depth_and_elements(void **state)
{
    struct buf b = BUF_INIT(1 << 20);
    struct err e = ERR_INIT;

    (void)state;
    for (int i = 0; i <= S3_XML_DEPTH_MAX; i++)
        buf_adds(&b, "<a>");
    assert_null(s3_xml_read(buf_str(&b), buf_len(&b), &e));
    assert_int_equal(e.code, ERR_LIMIT);
    buf_clear(&b);
    buf_adds(&b, "<a>");
    for (int i = 0; i <= S3_XML_NODES_MAX; i++)
        buf_adds(&b, "<b/>");
    buf_adds(&b, "</a>");
    assert_null(s3_xml_read(buf_str(&b), buf_len(&b), &e));
    assert_int_equal(e.code, ERR_LIMIT);
    buf_release(&b);
}

static void text_is_escaped_when_it_is_written(void **state)
{
    struct buf b = BUF_INIT(1024);

    (void)state;
    s3_xml_add(&b, "Key", "a<b>&\"c\r");
    s3_xml_add(&b, "Prefix", "");
    assert_string_equal(buf_str(&b), "<Key>a&lt;b&gt;&amp;&quot;c&#13;</Key><Prefix/>");
    buf_release(&b);
}

static void checksums_are_those_of_the_published_test_values(void **state)
{
    static const struct {
        enum s3_checksum_kind kind;
        const char *text;
    } cases[] = {
        {S3_CHECKSUM_CRC32, "y/Q5Jg=="},
        {S3_CHECKSUM_CRC32C, "4waSgw=="},
        {S3_CHECKSUM_CRC64NVME, "rosUhgp5mIg="},
        {S3_CHECKSUM_SHA1, "98O8HYCOBHMq32eZZczDTKeuNEE="},
        {S3_CHECKSUM_SHA256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t cut = 0; cut <= 9; cut++) {
            struct s3_checksum c;
            char text[S3_CHECKSUM_TEXT];

            s3_checksum_init(&c, cases[i].kind);
            s3_checksum_add(&c, "123456789", cut);
            s3_checksum_add(&c, "123456789" + cut, 9 - cut);
            s3_checksum_text(&c, text);
            assert_string_equal(text, cases[i].text);
            s3_checksum_release(&c);
        }
    assert_int_equal(s3_checksum_kind_from("CRC32C"), S3_CHECKSUM_CRC32C);
}

static struct s3_blob *blob_of(const char *text, const char *folder)
{
    struct s3_sink s;
    struct s3_blob *b;

    s3_sink_init(&s, 100, folder, 4);
    for (; *text; text++)
        assert_int_equal(s3_sink_add(&s, text, 1), 0);
    b = s3_sink_take(&s);
    s3_sink_release(&s);
    return b;
}

static char *content_text(const struct s3_content *c)
{
    struct buf b = BUF_INIT(1024);
    char scratch[3];
    const char *p;
    size_t n;

    for (uint64_t at = 0; (n = s3_content_at(c, at, scratch, sizeof(scratch), &p)) > 0; at += n)
        buf_add(&b, p, n);
    return buf_steal(&b, NULL);
}

static void a_content_is_made_of_slices_in_memory_and_in_files(void **state)
{
    struct s3_blob *a = blob_of("0123456789", NULL), *b = blob_of("abcdefgh", "/tmp");
    struct s3_content c = {0}, d = {0};
    unsigned char md5[16];
    char *text;

    (void)state;
    assert_non_null(a->mem);
    assert_null(b->mem);
    s3_content_add(&c, a, 2, 3);
    s3_content_add(&c, b, 0, 8);
    s3_content_add(&c, a, 0, 0);
    s3_blob_unref(a);
    s3_blob_unref(b);
    assert_int_equal(c.size, 11);
    text = content_text(&c);
    assert_string_equal(text, "234abcdefgh");
    free(text);
    s3_content_add_slice(&d, &c, 1, 4);
    s3_content_release(&c);
    text = content_text(&d);
    assert_string_equal(text, "34ab");
    free(text);
    assert_int_equal(s3_content_md5(&d, md5), 0);
    s3_content_release(&d);
}

static void a_sink_takes_no_more_than_its_limit_and_says_when_a_file_fails(void **state)
{
    struct s3_sink s;

    (void)state;
    s3_sink_init(&s, 4, NULL, 0);
    assert_int_equal(s3_sink_add(&s, "1234", 4), 0);
    assert_int_equal(s3_sink_add(&s, "5", 1), -1);
    assert_true(s.full);
    s3_sink_release(&s);
    s3_sink_init(&s, 100, "/nowhere/at/all", 2);
    assert_int_equal(s3_sink_add(&s, "12", 2), 0);
    assert_int_equal(s3_sink_add(&s, "3", 1), -1);
    assert_true(s.failed);
    s3_sink_release(&s);
}

static void bucket_names_follow_the_rules_of_s3(void **state)
{
    static const char *const good[] = {"abc", "my-bucket.1", "1-2", "a.b.c"};
    static const char *const bad[] = {"ab",   "Abc",  "a_b_c",       "-abc",   "abc-",
                                      ".abc", "a..b", "192.168.5.4", "xn--abc"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(s3_bucket_name_ok(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(s3_bucket_name_ok(bad[i]));
}

static void every_error_has_the_status_of_its_code(void **state)
{
    (void)state;
    assert_int_equal(s3_error_status("NoSuchKey"), 404);
    assert_int_equal(s3_error_status("SlowDown"), 503);
    assert_int_equal(s3_error_status("NeverHeardOf"), 400);
    assert_null(s3_error_text("NeverHeardOf"));
    assert_string_equal(s3_error_code(503), "SlowDown");
    assert_string_equal(s3_error_code(403), "AccessDenied");
    assert_string_equal(s3_error_code(500), "InternalError");
    assert_string_equal(s3_error_code(418), "InvalidRequest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_is_read_as_s3_reads_it),
        cmocka_unit_test(an_etag_is_found_in_a_list_with_and_without_quotes),
        cmocka_unit_test(a_date_of_http_is_read_in_its_three_forms),
        cmocka_unit_test(conditions_hold_or_fail_by_etag_and_by_second),
        cmocka_unit_test(xml_is_read_with_its_entities_prefixes_and_noise),
        cmocka_unit_test(xml_that_is_none_is_refused_with_the_place),
        cmocka_unit_test(xml_has_limits_on_depth_and_elements),
        cmocka_unit_test(text_is_escaped_when_it_is_written),
        cmocka_unit_test(checksums_are_those_of_the_published_test_values),
        cmocka_unit_test(a_content_is_made_of_slices_in_memory_and_in_files),
        cmocka_unit_test(a_sink_takes_no_more_than_its_limit_and_says_when_a_file_fails),
        cmocka_unit_test(bucket_names_follow_the_rules_of_s3),
        cmocka_unit_test(every_error_has_the_status_of_its_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
