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

static void buckets_are_made_found_listed_and_removed(void **state)
{
    static const char here[] = "<CreateBucketConfiguration><LocationConstraint>us-west-2"
                               "</LocationConstraint></CreateBucketConfiguration>";

    (void)state;
    assert_int_equal(ask("PUT", "/zoo", NULL, here), 200);
    assert_true(has_header("Location: http://zoo.s3.amazonaws.com/"));
    assert_int_equal(ask("PUT", "/bar", NULL, here), 200);
    assert_int_equal(ask("PUT", "/bar", NULL, here), 409);
    assert_true(member_is("Code", "BucketAlreadyOwnedByYou"));
    assert_int_equal(ask("PUT", "/Bad_Name", NULL, here), 400);
    assert_true(member_is("Code", "InvalidBucketName"));
    assert_int_equal(ask("PUT", "/baz", NULL, NULL), 400);
    assert_true(member_is("Code", "IllegalLocationConstraintException"));
    assert_int_equal(ask("PUT", "/baz", NULL, "<CreateBucket"), 400);
    assert_true(member_is("Code", "MalformedXML"));
    assert_int_equal(ask("HEAD", "/bar", NULL, NULL), 200);
    assert_true(has_header("x-amz-bucket-region: us-west-2"));
    assert_int_equal(ask("HEAD", "/nope", NULL, NULL), 404);
    assert_int_equal(ask("GET", "/bar?location", NULL, NULL), 200);
    assert_true(has(">us-west-2</LocationConstraint>"));
    assert_int_equal(ask("GET", "/", NULL, NULL), 200);
    assert_true(strstr(got.body, "<Name>bar</Name>") < strstr(got.body, "<Name>zoo</Name>"));
    assert_int_equal(ask("PUT", "/bar/k", NULL, "x"), 200);
    assert_int_equal(ask("DELETE", "/bar", NULL, NULL), 409);
    assert_true(member_is("Code", "BucketNotEmpty"));
    assert_int_equal(ask("DELETE", "/bar/k", NULL, NULL), 204);
    assert_int_equal(ask("DELETE", "/bar", NULL, NULL), 204);
    assert_int_equal(ask("HEAD", "/bar", NULL, NULL), 404);
}

static void what_is_deleted_may_have_to_match(void **state)
{
    static const char delete[] = "<Delete><Object><Key>a</Key><ETag>%s</ETag></Object></Delete>";
    char *body = xasprintf(delete, "0");

    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/a\",\"body\":\"1\"}"), 0);
    assert_int_equal(ask("DELETE", "/box/a", "If-Match: \"0\"\r\n", NULL), 412);
    assert_int_equal(ask("DELETE", "/box/none", "If-Match: *\r\n", NULL), 404);
    assert_true(member_is("Code", "NoSuchKey"));
    assert_int_equal(ask("DELETE", "/box/a", "x-amz-if-match-size: 1\r\n", NULL), 501);
    assert_int_equal(ask("POST", "/box?delete", "Content-MD5: uyuDddH4qPeO39c8+uq6+w==\r\n", body),
                     200);
    assert_true(has("<Error><Key>a</Key><Code>PreconditionFailed</Code>"));
    free(body);
    assert_int_equal(ask("GET", "/box/a", NULL, NULL), 200);
    assert_int_equal(
        ask("DELETE", "/box/a", "If-Match: \"c4ca4238a0b923820dcc509a6f75849b\"\r\n", NULL), 204);
    assert_int_equal(ask("GET", "/box/a", NULL, NULL), 404);
}

static void what_is_not_offered_is_refused_and_nothing_is_kept(void **state)
{
    static const struct {
        const char *target, *header, *code;
    } cases[] = {
        {"/new", "x-amz-object-ownership: ObjectWriter", "NotImplemented"},
        {"/new", "x-amz-object-ownership: Nobody", "InvalidArgument"},
        {"/new", "x-amz-bucket-object-lock-enabled: true", "NotImplemented"},
        {"/sthree-new", "x-a: b", "InvalidBucketName"},
        {"/new--x-s3", "x-a: b", "InvalidBucketName"},
        {"/box/k", "x-amz-object-lock-mode: GOVERNANCE", "InvalidRequest"},
        {"/box/k", "x-amz-write-offset-bytes: 1", "NotImplemented"},
        {"/box/k", "x-amz-storage-class: LUKEWARM", "InvalidStorageClass"},
        {"/box/k", "x-amz-server-side-encryption-customer-key: a", "NotImplemented"},
        {"/box/k", "x-amz-server-side-encryption-aws-kms-key-id: k", "InvalidArgument"},
    };

    (void)state;
    free(world.id.region);
    world.id.region = xstrdup("us-east-1");
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *header = xasprintf("%s\r\n", cases[i].header);

        assert_int_not_equal(ask("PUT", cases[i].target, header, ""), 200);
        assert_true(member_is("Code", cases[i].code));
        assert_int_equal(ask("HEAD", cases[i].target, NULL, NULL), 404);
        free(header);
    }
}

static void a_bucket_is_told_how_to_encrypt(void **state)
{
    static const char form[] =
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
        "<SSEAlgorithm>%s</SSEAlgorithm>%s</ApplyServerSideEncryptionByDefault></Rule>"
        "</ServerSideEncryptionConfiguration>";
    char *kms = xasprintf(form, "aws:kms", ""), *none = xasprintf(form, "rot13", "");
    char *both = xasprintf(form, "AES256", "<KMSMasterKeyID>k</KMSMasterKeyID>");

    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(ask("PUT", "/box?encryption", NULL, none), 400);
    assert_int_equal(ask("PUT", "/box?encryption", NULL, both), 400);
    assert_true(member_is("Code", "InvalidArgument"));
    assert_int_equal(ask("PUT", "/box?encryption", NULL, kms), 200);
    assert_int_equal(ask("GET", "/box?encryption", NULL, NULL), 200);
    assert_true(member_is("SSEAlgorithm", "aws:kms"));
    assert_int_equal(ask("PUT", "/box/k", NULL, "1"), 200);
    assert_true(has_header("x-amz-server-side-encryption: aws:kms"));
    assert_int_equal(ask("DELETE", "/box?encryption", NULL, NULL), 204);
    assert_int_equal(ask("PUT", "/box/k", NULL, "1"), 200);
    assert_true(has_header("x-amz-server-side-encryption: AES256"));
    assert_int_equal(ask("GET", "/box/k", "x-amz-server-side-encryption: AES256\r\n", NULL), 400);
    assert_true(member_is("ArgumentName", "x-amz-server-side-encryption"));
    free(kms);
    free(none);
    free(both);
}

static void what_was_put_away_has_to_be_restored_first(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(ask("PUT", "/box/k", "x-amz-storage-class: DEEP_ARCHIVE\r\n", "1"), 200);
    assert_int_equal(ask("HEAD", "/box/k", NULL, NULL), 200);
    assert_true(has_header("x-amz-storage-class: DEEP_ARCHIVE"));
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 403);
    assert_true(member_is("Code", "InvalidObjectState"));
    assert_int_equal(ask("PUT", "/box/l", "x-amz-copy-source: box/k\r\n", ""), 403);
}

static void a_copy_has_the_class_that_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(
        ask("PUT", "/box/a", "x-amz-storage-class: STANDARD_IA\r\nx-amz-meta-m: n\r\n", "1"), 200);
    assert_int_equal(ask("PUT", "/box/b", "x-amz-copy-source: box/a\r\n", ""), 200);
    assert_int_equal(ask("HEAD", "/box/b", NULL, NULL), 200);
    assert_true(has_header("x-amz-meta-m: n"));
    assert_null(strcasestr(got.head, "x-amz-storage-class"));
    assert_int_equal(ask("PUT", "/box/b",
                         "x-amz-copy-source: box/a\r\nx-amz-storage-class: REDUCED_REDUNDANCY\r\n",
                         ""),
                     200);
    assert_int_equal(ask("HEAD", "/box/b", NULL, NULL), 200);
    assert_true(has_header("x-amz-storage-class: REDUCED_REDUNDANCY"));
    assert_int_equal(
        ask("PUT", "/box/b", "x-amz-copy-source: box/a\r\nx-amz-storage-class: COLD\r\n", ""), 400);
}

static void a_copy_has_the_checksum_that_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/a\",\"body\":\"hello\"}"), 0);
    assert_int_equal(
        ask("PUT", "/box/b", "x-amz-copy-source: box/a\r\nx-amz-checksum-algorithm: CRC32\r\n", ""),
        200);
    assert_true(member_is("ChecksumCRC32", "NhCmhg=="));
    assert_int_equal(ask("HEAD", "/box/b", "x-amz-checksum-mode: ENABLED\r\n", NULL), 200);
    assert_true(has_header("x-amz-checksum-crc32: NhCmhg=="));
    assert_int_equal(
        ask("PUT", "/box/b", "x-amz-copy-source: box/a\r\nx-amz-checksum-algorithm: CRC7\r\n", ""),
        400);
}

static void buckets_are_listed_in_pages(void **state)
{
    char *token, *target;

    (void)state;
    for (int i = 0; i < 5; i++) {
        char args[64];

        snprintf(args, sizeof(args), "{\"name\":\"page-%d\",\"region\":\"%s\"}", i,
                 i == 4 ? "eu-west-1" : "us-west-2");
        assert_int_equal(control("bucket", args), 0);
    }
    assert_int_equal(ask("GET", "/?max-buckets=3&prefix=page-", NULL, NULL), 200);
    assert_true(has("<Name>page-2</Name>"));
    assert_false(has("<Name>page-3</Name>"));
    assert_true(has("<BucketRegion>us-west-2</BucketRegion>"));
    assert_true(member_is("Prefix", "page-"));
    token = member("ContinuationToken");
    target = xasprintf("/?max-buckets=3&prefix=page-&continuation-token=%s", token);
    assert_int_equal(ask("GET", target, NULL, NULL), 200);
    assert_false(has("<Name>page-2</Name>"));
    assert_true(has("<Name>page-4</Name>"));
    assert_false(has("<ContinuationToken>"));
    free(target);
    free(token);
    assert_int_equal(ask("GET", "/?bucket-region=eu-west-1", NULL, NULL), 200);
    assert_true(member_is("Name", "page-4"));
    assert_int_equal(ask("GET", "/?max-buckets=0", NULL, NULL), 400);
    assert_true(member_is("ArgumentName", "max-buckets"));
    assert_int_equal(ask("GET", "/?continuation-token=x", NULL, NULL), 400);
    assert_int_equal(ask("GET", "/", NULL, NULL), 200);
    assert_true(has("<Name>page-4</Name>"));
    assert_false(has("<BucketRegion>"));
}

static int make_at(const char *host, const char *bucket, const char *region)
{
    char *body = xasprintf("<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint>"
                           "</CreateBucketConfiguration>",
                           region);
    int r = ask_host(host, "PUT", bucket, NULL, *region ? body : NULL, *region ? strlen(body) : 0);

    free(body);
    return r;
}

static void the_endpoint_without_a_region_makes_buckets_anywhere(void **state)
{
    (void)state;
    assert_int_equal(make_at("s3.amazonaws.com", "/here", ""), 200);
    assert_true(has_header("Location: /here"));
    assert_int_equal(make_at("s3.amazonaws.com", "/here", ""), 200); /* us-east-1's rule */
    assert_int_equal(make_at("far.s3.amazonaws.com", "/", "ap-southeast-2"), 200);
    assert_true(has_header("Location: http://far.s3.amazonaws.com/"));
    assert_int_equal(make_at("s3.amazonaws.com", "/far", "ap-southeast-2"), 409);
    assert_int_equal(ask_host("far.s3.amazonaws.com", "GET", "/?location", NULL, NULL, 0), 200);
    assert_true(has(">ap-southeast-2</LocationConstraint>"));
    assert_int_equal(make_at("s3.amazonaws.com", "/old", "EU"), 200);
    assert_int_equal(ask("HEAD", "/old", NULL, NULL), 200);
    assert_true(has_header("x-amz-bucket-region: eu-west-1"));
    assert_int_equal(make_at("s3.amazonaws.com", "/bad", "us-east-1"), 400);
    assert_true(member_is("Code", "InvalidLocationConstraint"));
    assert_int_equal(make_at("s3.amazonaws.com", "/bad", "nowhere"), 400);
    assert_true(member_is("Code", "InvalidLocationConstraint"));
    assert_int_equal(make_at("s3.us-west-2.amazonaws.com", "/bad", "eu-west-1"), 400);
    assert_true(member_is("Code", "IllegalLocationConstraintException"));
}

static void who_waits_for_100_continue_is_refused_before_the_body(void **state)
{
    static const char form[] = "PUT /%s/k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                               "Expect: 100-continue\r\n\r\n";
    struct peer p;
    char *text;

    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    peer_connect(&p, &s3->fake);
    text = xasprintf(form, "box");
    peer_send(&p, text);
    assert_true(peer_wait(&p, "HTTP/1.1 100 Continue\r\n\r\n"));
    peer_send(&p, "hello");
    assert_true(peer_wait(&p, "HTTP/1.1 200 OK\r\n"));
    peer_close(&p);
    free(text);
    peer_connect(&p, &s3->fake);
    text = xasprintf(form, "nobox");
    peer_send(&p, text);
    peer_wait_end(&p);
    assert_true(str_starts(buf_str(&p.got), "HTTP/1.1 404 Not Found\r\n"));
    assert_non_null(strstr(buf_str(&p.got), "<Code>NoSuchBucket</Code>"));
    assert_non_null(strstr(buf_str(&p.got), "Connection: close\r\n"));
    peer_close(&p);
    free(text);
}

static void us_east_1_has_its_own_rules_for_new_buckets(void **state)
{
    (void)state;
    free(world.id.region);
    world.id.region = xstrdup("us-east-1");
    assert_int_equal(ask("PUT", "/bar", NULL, NULL), 200);
    assert_true(has_header("Location: /bar"));
    assert_int_equal(ask("PUT", "/bar", NULL, NULL), 200);
    assert_int_equal(ask("GET", "/bar?location", NULL, NULL), 200);
    assert_true(has("<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"));
    assert_int_equal(ask("PUT", "/baz", NULL,
                         "<CreateBucketConfiguration><LocationConstraint>eu-west-1"
                         "</LocationConstraint></CreateBucketConfiguration>"),
                     400);
    assert_true(has("The eu-west-1 location constraint is incompatible"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(buckets_are_made_found_listed_and_removed),
        T(what_is_deleted_may_have_to_match),
        T(what_is_not_offered_is_refused_and_nothing_is_kept),
        T(a_bucket_is_told_how_to_encrypt),
        T(what_was_put_away_has_to_be_restored_first),
        T(a_copy_has_the_class_that_is_asked_for),
        T(a_copy_has_the_checksum_that_is_asked_for),
        T(buckets_are_listed_in_pages),
        T(the_endpoint_without_a_region_makes_buckets_anywhere),
        T(who_waits_for_100_continue_is_refused_before_the_body),
        T(us_east_1_has_its_own_rules_for_new_buckets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
