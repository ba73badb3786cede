#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakes/s3/test/s3_peer.h"

static int begin(void **state)
{
    (void)state;
    return begin_world(false);
}

static void an_object_comes_back_as_it_was_put(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(ask("PUT", "/box/a%20b/c+d",
                         "Content-Type: text/x\r\nx-amz-meta-Colour: blue\r\n"
                         "Cache-Control: no-cache\r\nContent-Encoding: aws-chunked, gzip\r\n",
                         "hello"),
                     200);
    assert_true(has_header("ETag: \"5d41402abc4b2a76b9719d911017c592\""));
    assert_int_equal(ask("GET", "/box/a%20b/c%2Bd", NULL, NULL), 200);
    assert_string_equal(got.body, "hello");
    assert_true(has_header("Content-Type: text/x"));
    assert_true(has_header("x-amz-meta-colour: blue"));
    assert_true(has_header("Cache-Control: no-cache"));
    assert_true(has_header("Content-Encoding: gzip"));
    assert_true(has_header("ETag: \"5d41402abc4b2a76b9719d911017c592\""));
    assert_true(has_header("Accept-Ranges: bytes"));
    assert_non_null(strstr(got.head, "\r\nLast-Modified: "));
    assert_int_equal(ask("HEAD", "/box/a%20b/c+d", NULL, NULL), 200);
    assert_true(has_header("Content-Length: 5"));
    assert_int_equal(got.n, 0);
    assert_int_equal(ask("DELETE", "/box/a%20b/c+d", NULL, NULL), 204);
    assert_int_equal(ask("DELETE", "/box/a%20b/c+d", NULL, NULL), 204);
    assert_int_equal(ask("GET", "/box/a%20b/c+d", NULL, NULL), 404);
    assert_true(member_is("Code", "NoSuchKey"));
    assert_true(member_is("Key", "a b/c+d"));
}

static void errors_have_the_words_and_members_of_s3(void **state)
{
    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":\"0123456789\"}"), 0);
    assert_int_equal(ask("GET", "/nowhere/k", NULL, NULL), 404);
    assert_true(member_is("Message", "The specified bucket does not exist"));
    assert_true(member_is("BucketName", "nowhere"));
    assert_true(has_header("Content-Type: application/xml"));
    assert_true(str_starts(got.body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>"));
    assert_non_null(strstr(got.body, "<RequestId>"));
    assert_non_null(strstr(got.body, "<HostId>"));
    assert_int_equal(ask("HEAD", "/nowhere/k", NULL, NULL), 404);
    assert_int_equal(got.n, 0);
    assert_int_equal(ask("POST", "/", NULL, ""), 405);
    assert_true(member_is("ResourceType", "SERVICE"));
    assert_int_equal(ask("GET", "/box?inventory", NULL, NULL), 501);
    assert_true(member_is("Code", "NotImplemented"));
    assert_int_equal(ask("GET", "/box/%00", NULL, NULL), 400);
    assert_true(member_is("Code", "InvalidURI"));
    assert_int_equal(ask("PUT", "/box/x", NULL, NULL), 411);
    assert_int_equal(ask("PUT", "/box/x", "Content-MD5: AAAA\r\n", "x"), 400);
    assert_true(member_is("Code", "InvalidDigest"));
    assert_int_equal(ask("PUT", "/box/x", "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "x"), 400);
    assert_true(member_is("Code", "BadDigest"));
    assert_int_equal(ask("PUT", "/box/x", "x-amz-checksum-crc32: AAAAAA==\r\n", "x"), 400);
    assert_true(member_is("Code", "BadDigest"));
    assert_int_equal(ask("PUT", "/box/x", "x-amz-checksum-crc32: A\r\n", "x"), 400);
    assert_true(member_is("Code", "InvalidRequest"));
    assert_int_equal(ask("GET", "/box/x", NULL, NULL), 404);
}

static void a_checksum_that_fits_is_kept_and_told_when_asked(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(ask("PUT", "/box/x", "x-amz-checksum-crc32c: 4waSgw==\r\n", "123456789"), 200);
    assert_true(has_header("x-amz-checksum-crc32c: 4waSgw=="));
    assert_int_equal(ask("GET", "/box/x", "x-amz-checksum-mode: ENABLED\r\n", NULL), 200);
    assert_true(has_header("x-amz-checksum-crc32c: 4waSgw=="));
    assert_int_equal(ask("GET", "/box/x", NULL, NULL), 200);
    assert_false(has_header("x-amz-checksum-crc32c: 4waSgw=="));
}

static void a_range_is_answered_with_the_part_or_with_416(void **state)
{
    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":\"0123456789\"}"), 0);
    assert_int_equal(ask("GET", "/box/k", "Range: bytes=2-4\r\n", NULL), 206);
    assert_string_equal(got.body, "234");
    assert_true(has_header("Content-Range: bytes 2-4/10"));
    assert_int_equal(ask("GET", "/box/k", "Range: bytes=-2\r\n", NULL), 206);
    assert_string_equal(got.body, "89");
    assert_int_equal(ask("GET", "/box/k", "Range: bytes=10-\r\n", NULL), 416);
    assert_true(member_is("Code", "InvalidRange"));
    assert_true(member_is("ActualObjectSize", "10"));
    assert_true(member_is("RangeRequested", "bytes=10-"));
}

static void conditions_are_answered_with_304_and_412(void **state)
{
    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":\"hello\"}"), 0);
    assert_int_equal(
        ask("GET", "/box/k", "If-None-Match: \"5d41402abc4b2a76b9719d911017c592\"\r\n", NULL), 304);
    assert_int_equal(got.n, 0);
    assert_true(has_header("ETag: \"5d41402abc4b2a76b9719d911017c592\""));
    assert_int_equal(ask("GET", "/box/k", "If-Match: \"x\"\r\n", NULL), 412);
    assert_true(member_is("Condition", "If-Match"));
    assert_int_equal(ask("PUT", "/box/k", "If-None-Match: *\r\n", "new"), 412);
    assert_int_equal(ask("PUT", "/box/k", "If-Match: x\r\n", "new"), 412);
    assert_int_equal(ask("PUT", "/box/other", "If-Match: x\r\n", "new"), 404);
    assert_int_equal(ask("PUT", "/box/k", "If-None-Match: x\r\n", "new"), 501);
    assert_int_equal(ask("PUT", "/box/other", "If-None-Match: *\r\n", "new"), 200);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "hello");
}

static void a_request_may_ask_for_other_headers_in_the_answer(void **state)
{
    (void)state;
    world.verify_signatures = false;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":{\"a\":1},"
                                       "\"content-type\":\"text/x\",\"metadata\":{\"m\":\"n\"}}"),
                     0);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "{\"a\":1}");
    assert_true(has_header("x-amz-meta-m: n"));
    assert_int_equal(ask("GET",
                         "/box/k?response-content-type=text%2Fhtml&response-expires=now&"
                         "response-content-disposition=a%0d%0ab",
                         NULL, NULL),
                     200);
    assert_true(has_header("Content-Type: text/html"));
    assert_true(has_header("Expires: now"));
    assert_null(strstr(got.head, "Content-Disposition"));
}

static void the_bucket_is_found_in_the_host_too(void **state)
{
    static const char *const hosts[] = {
        "box.s3.us-west-2.amazonaws.com",
        "box.s3.amazonaws.com",
        "box.s3-us-west-2.amazonaws.com",
        "box.s3.dualstack.us-west-2.amazonaws.com",
        "box.s3.cn-north-1.amazonaws.com.cn",
        "BOX.localhost:8080",
        "box.s3.localhost",
        "box.127.0.0.1:99",
        "box.10.1.2.3",
    };
    static const char *const plain[] = {
        "s3.us-west-2.amazonaws.com",
        "s3.amazonaws.com",
        "localhost",
        "s3.localhost:1",
        "127.0.0.1",
        "10.1.2.3",
        "[::1]:80",
        "example.com",
        "1.2.3.4.5678",
    };

    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/dir/k\",\"body\":\"hello\"}"), 0);
    assert_int_equal(control("object", "{\"name\":\"dotted.box/k\",\"body\":\"hello\"}"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
        assert_int_equal(ask_host(hosts[i], "GET", "/dir/k", NULL, NULL, 0), 200);
        assert_string_equal(got.body, "hello");
    }
    for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
        assert_int_equal(ask_host(plain[i], "GET", "/box/dir/k", NULL, NULL, 0), 200);
    assert_int_equal(ask_host("dotted.box.s3.us-west-2.amazonaws.com", "GET", "/k", NULL, NULL, 0),
                     200);
    assert_int_equal(ask_host("box.localhost", "GET", "/?list-type=2", NULL, NULL, 0), 200);
    assert_true(member_is("Key", "dir/k"));
}

static void fill(void)
{
    static const char *const keys[] = {"a", "b/1",   "b/2",       "b/3",
                                       "c", "d/e/1", "d & <e>/1", "z\xc3\xbc"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        char *args = xasprintf("{\"name\":\"box/%s\",\"body\":\"x\"}", keys[i]);

        assert_int_equal(control("object", args), 0);
        free(args);
    }
}

/* v as it stands in a query; v is freed. */
static char *percent(char *v)
{
    struct buf b = BUF_INIT(4096);

    if (!v)
        return NULL;
    str_percent(&b, v, strlen(v), false);
    free(v);
    return buf_steal(&b, NULL);
}

/* All keys (K) and common prefixes (P) of a paged listing, as "Ka Pb/ ...". */
static char *walk_v2(const char *query, int page)
{
    struct buf out = BUF_INIT(4096);
    char *token = NULL;

    for (int pages = 0; pages < 20; pages++) {
        char *target = token ? xasprintf("/box?list-type=2&max-keys=%d&continuation-token=%s%s",
                                         page, token, query)
                             : xasprintf("/box?list-type=2&max-keys=%d%s", page, query);

        free(token);
        assert_int_equal(ask("GET", target, NULL, NULL), 200);
        free(target);
        for (const char *s = got.body; (s = strpbrk(s, "<")); s++) {
            const char *v = str_after(s, "<Key>");
            const char *p = str_after(s, "<CommonPrefixes><Prefix>");

            if (v || p)
                buf_addf(&out, "%c%.*s ", v ? 'K' : 'P', (int)strcspn(v ? v : p, "<"), v ? v : p);
        }
        token = percent(member("NextContinuationToken"));
        assert_true(member_is("IsTruncated", token ? "true" : "false"));
        if (!token)
            break;
    }
    free(token);
    return buf_steal(&out, NULL);
}

static void a_listing_goes_on_where_the_page_before_ended(void **state)
{
    static const struct {
        const char *query, *expected;
    } cases[] = {
        {"", "Ka Kb/1 Kb/2 Kb/3 Kc Kd &amp; &lt;e&gt;/1 Kd/e/1 Kz\xc3\xbc "},
        {"&delimiter=/", "Ka Pb/ Kc Pd &amp; &lt;e&gt;/ Pd/ Kz\xc3\xbc "},
        {"&prefix=b/", "Kb/1 Kb/2 Kb/3 "},
        {"&prefix=b/&delimiter=/", "Kb/1 Kb/2 Kb/3 "},
        {"&prefix=d&delimiter=/", "Pd &amp; &lt;e&gt;/ Pd/ "},
        {"&prefix=d/&delimiter=/", "Pd/e/ "},
        {"&prefix=none", ""},
        {"&encoding-type=url&prefix=d%20", "Kd+%26+%3Ce%3E/1 "},
    };

    (void)state;
    fill();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (int page = 1; page <= 9; page += 2) {
            char *all = walk_v2(cases[i].query, page);

            if (page > 1 && strstr(cases[i].query, "delimiter")) {
                /* keys stand before prefixes on a page: only the number is the same */
                assert_int_equal(strlen(all), strlen(cases[i].expected));
            } else {
                assert_string_equal(all, cases[i].expected);
            }
            free(all);
        }
    assert_int_equal(ask("GET", "/box?list-type=2&start-after=c&fetch-owner=true", NULL, NULL),
                     200);
    assert_true(member_is("KeyCount", "3"));
    assert_true(member_is("StartAfter", "c"));
    assert_true(has("<Owner><ID>"));
    assert_int_equal(ask("GET", "/box?list-type=2&max-keys=0", NULL, NULL), 200);
    assert_true(member_is("KeyCount", "0"));
    assert_true(member_is("IsTruncated", "false"));
}

static void the_old_listing_has_markers(void **state)
{
    (void)state;
    fill();
    assert_int_equal(ask("GET", "/box?max-keys=2&delimiter=/", NULL, NULL), 200);
    assert_true(member_is("NextMarker", "b/"));
    assert_int_equal(ask("GET", "/box?max-keys=1&delimiter=/&marker=b/", NULL, NULL), 200);
    assert_true(member_is("Key", "c"));
    assert_int_equal(ask("GET", "/box?max-keys=1&marker=c", NULL, NULL), 200);
    assert_true(has("<Key>d &amp; &lt;e&gt;/1</Key>"));
    assert_false(has("<NextMarker>"));
}

static void bad_parameters_of_a_listing_are_named(void **state)
{
    static const struct {
        const char *target, *name;
    } cases[] = {
        {"/box?max-keys=x", "max-keys"},
        {"/box?max-keys=-1", "max-keys"},
        {"/box?encoding-type=xml", "encoding-type"},
        {"/box?list-type=3", "list-type"},
        {"/box?list-type=2&continuation-token=bm9wZQ", "continuation-token"},
    };

    (void)state;
    fill();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(ask("GET", cases[i].target, NULL, NULL), 400);
        assert_true(member_is("Code", "InvalidArgument"));
        assert_true(member_is("ArgumentName", cases[i].name));
    }
}

static void many_objects_are_deleted_at_once(void **state)
{
    static const char body[] = "<Delete><Object><Key>a</Key></Object><Object><Key>gone</Key>"
                               "</Object></Delete>";

    (void)state;
    fill();
    assert_int_equal(ask("POST", "/box?delete", NULL, body), 400);
    assert_true(has("Missing required header for this request: Content-MD5"));
    assert_int_equal(ask("POST", "/box?delete", "x-amz-checksum-crc32c: 4waSgw==\r\n", "123456789"),
                     400);
    assert_true(member_is("Code", "MalformedXML"));
    assert_int_equal(ask("POST", "/box?delete", "Content-MD5: R2cEG0GhQVRNiyXR3QnSyw==\r\n",
                         "<Delete></Delete>"),
                     400);
    assert_true(member_is("Code", "MalformedXML"));
    assert_int_equal(ask("GET", "/box/a", NULL, NULL), 200);
    assert_int_equal(ask("POST", "/box?delete", "Content-MD5: nmAHS59TWHDr0RdldrWW+A==\r\n", body),
                     200);
    assert_true(has("<Deleted><Key>a</Key></Deleted><Deleted><Key>gone</Key></Deleted>"));
    assert_int_equal(ask("GET", "/box/a", NULL, NULL), 404);
    assert_int_equal(ask("POST", "/box?delete", "Content-MD5: b4MQUsxJIXMKvIpmbQMTrg==\r\n",
                         "<Delete><Quiet>true</Quiet><Object><Key>c</Key></Object></Delete>"),
                     200);
    assert_false(has("<Deleted>"));
    assert_int_equal(ask("GET", "/box/c", NULL, NULL), 404);
}

static void copies_take_or_replace_what_stands_with_the_object(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"other\"}"), 0);
    assert_int_equal(control("object", "{\"name\":\"box/a b\",\"body\":\"hello\","
                                       "\"content-type\":\"text/x\"}"),
                     0);
    assert_int_equal(ask("PUT", "/other/k", "x-amz-copy-source: /box/a%20b\r\n", ""), 200);
    assert_true(has("<ETag>&quot;5d41402abc4b2a76b9719d911017c592&quot;</ETag>"));
    assert_int_equal(ask("GET", "/other/k", NULL, NULL), 200);
    assert_true(has_header("Content-Type: text/x"));
    assert_string_equal(got.body, "hello");
    assert_int_equal(ask("PUT", "/other/k",
                         "x-amz-copy-source: other/k\r\nContent-Type: text/y\r\n"
                         "x-amz-metadata-directive: REPLACE\r\n",
                         ""),
                     200);
    assert_int_equal(ask("HEAD", "/other/k", NULL, NULL), 200);
    assert_true(has_header("Content-Type: text/y"));
    assert_int_equal(ask("PUT", "/other/k", "x-amz-copy-source: other/k\r\n", ""), 400);
    assert_true(has("trying to copy an object to itself"));
    assert_int_equal(ask("PUT", "/other/k", "x-amz-copy-source: box/none\r\n", ""), 404);
    assert_true(member_is("Code", "NoSuchKey"));
    assert_int_equal(ask("PUT", "/other/k", "x-amz-copy-source: none/k\r\n", ""), 404);
    assert_int_equal(ask("PUT", "/other/k", "x-amz-copy-source: none\r\n", ""), 400);
    assert_int_equal(ask("PUT", "/other/k",
                         "x-amz-copy-source: box/a%20b\r\n"
                         "x-amz-copy-source-if-match: x\r\n",
                         ""),
                     412);
    assert_int_equal(ask("PUT", "/other/k",
                         "x-amz-copy-source: box/a%20b\r\nx-amz-metadata-directive: MAYBE\r\n", ""),
                     400);
}

static void what_nobody_configured_is_answered_as_s3_does(void **state)
{
    static const struct {
        const char *target;
        int status;
        const char *text;
    } cases[] = {
        {"/box?versioning", 200, "<VersioningConfiguration"},
        {"/box?acl", 200, "<Permission>FULL_CONTROL</Permission>"},
        {"/box/k?acl", 200, "<Permission>FULL_CONTROL</Permission>"},
        {"/box/k?tagging", 200, "<TagSet/>"},
        {"/box/none?tagging", 404, "NoSuchKey"},
        {"/box?policy", 404, "NoSuchBucketPolicy"},
        {"/box?cors", 404, "NoSuchCORSConfiguration"},
        {"/box?publicAccessBlock", 200, "<BlockPublicAcls>true</BlockPublicAcls>"},
        {"/box?requestPayment", 200, "<Payer>BucketOwner</Payer>"},
    };

    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":\"x\"}"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(ask("GET", cases[i].target, NULL, NULL), cases[i].status);
        assert_true(has(cases[i].text));
    }
    assert_int_equal(control("bucket", "{\"name\":\"box\",\"public\":true}"), 0);
    assert_int_equal(ask("GET", "/box?acl", NULL, NULL), 200);
    assert_true(has("groups/global/AllUsers"));
}

static void limits_on_keys_and_metadata_are_kept(void **state)
{
    char *key = xmalloc(1100), *target, *header;

    (void)state;
    memset(key, 'k', 1025);
    key[1025] = '\0';
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    target = xasprintf("/box/%s", key);
    assert_int_equal(ask("GET", target, NULL, NULL), 400);
    assert_true(member_is("Code", "KeyTooLongError"));
    target[strlen(target) - 1] = '\0';
    assert_int_equal(ask("PUT", target, NULL, "x"), 200);
    header = xasprintf("x-amz-meta-a: %s\r\nx-amz-meta-b: %s\r\n", key, key);
    assert_int_equal(ask("PUT", "/box/k", header, "x"), 400);
    assert_true(member_is("Code", "MetadataTooLarge"));
    free(header);
    free(target);
    free(key);
}

static const struct record *last_request(void)
{
    const struct record *found = NULL;

    for (size_t i = 0; i < world.journal.n; i++)
        if (world.journal.records[i]->kind == RECORD_REQUEST)
            found = world.journal.records[i];
    return found;
}

static void the_journal_names_the_call_its_group_and_its_facts(void **state)
{
    const struct record *r;

    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    ask("PUT", "/box/dir/k", NULL, "hello");
    r = last_request();
    assert_string_equal(r->what, "PUT /box/dir/k");
    assert_string_equal(r->group, "write");
    assert_string_equal(json_str(r->data, "bucket"), "box");
    assert_string_equal(json_str(r->data, "key"), "dir/k");
    assert_string_equal(json_str(r->data, "operation"), "PutObject");
    assert_string_equal(json_str(r->data, "body"), "hello");
    ask_host("box.localhost", "GET", "/?prefix=x", NULL, NULL, 0);
    r = last_request();
    assert_string_equal(r->what, "GET /box");
    assert_string_equal(r->group, "read");
    ask("GET", "/", NULL, NULL);
    assert_string_equal(last_request()->what, "GET /");
    ask("PUT", "/box?inventory", NULL, "x");
    assert_null(last_request()->group);
}

static void a_fault_answers_in_the_words_of_s3(void **state)
{
    struct fault *f;

    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":\"x\"}"), 0);
    f = fault_table_add(&world.faults, "slow", "s3", "GET /box/**", FAULT_ERROR);
    f->type = xstrdup("SlowDown");
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 503);
    assert_true(member_is("Code", "SlowDown"));
    assert_true(member_is("Message", "Please reduce your request rate."));
    fault_table_heal(&world.faults, "slow");
    f = fault_table_add(&world.faults, "none", "s3", "PUT **", FAULT_STATUS);
    f->status = 404;
    f->text = xstrdup("not today");
    assert_int_equal(ask("PUT", "/box/k", NULL, "y"), 404);
    assert_true(member_is("Key", "k"));
    assert_true(member_is("Message", "not today"));
    fault_table_heal(&world.faults, NULL);
    f = fault_table_add(&world.faults, "reply", "s3", "PUT **", FAULT_REPLY);
    f->status = 200;
    assert_int_equal(ask("PUT", "/box/k", NULL, "y"), 200);
    fault_table_heal(&world.faults, NULL);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "x");
}

static void commands_say_what_is_wrong_with_them(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{}"), -1);
    assert_int_equal(control("bucket", "{\"name\":\"B\"}"), -1);
    assert_int_equal(control("object", "{\"name\":\"box\",\"body\":\"x\"}"), -1);
    assert_int_equal(control("object", "{\"name\":\"box/k\"}"), -1);
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body_base64\":\"*\"}"), -1);
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body_base64\":\"aGk=\"}"), 0);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "hi");
    assert_int_equal(control("unobject", "{\"name\":\"box/k\"}"), 0);
    assert_int_equal(control("unobject", "{\"name\":\"box/k\"}"), -1);
    assert_int_equal(control("spill", "{\"folder\":\"/nowhere/at/all\"}"), -1);
    assert_int_equal(control("buckte", "{}"), -1);
    s3_ops.reset(&s3->fake);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 404);
    assert_true(member_is("Code", "NoSuchBucket"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_object_comes_back_as_it_was_put),
        T(errors_have_the_words_and_members_of_s3),
        T(a_checksum_that_fits_is_kept_and_told_when_asked),
        T(a_range_is_answered_with_the_part_or_with_416),
        T(conditions_are_answered_with_304_and_412),
        T(a_request_may_ask_for_other_headers_in_the_answer),
        T(the_bucket_is_found_in_the_host_too),
        T(a_listing_goes_on_where_the_page_before_ended),
        T(the_old_listing_has_markers),
        T(bad_parameters_of_a_listing_are_named),
        T(many_objects_are_deleted_at_once),
        T(copies_take_or_replace_what_stands_with_the_object),
        T(what_nobody_configured_is_answered_as_s3_does),
        T(limits_on_keys_and_metadata_are_kept),
        T(the_journal_names_the_call_its_group_and_its_facts),
        T(a_fault_answers_in_the_words_of_s3),
        T(commands_say_what_is_wrong_with_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
