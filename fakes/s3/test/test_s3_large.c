#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>

#include "fakes/s3/test/s3_peer.h"

#define PART (5u << 20)

static char *bytes; /* 2 * PART + 10 of them, none like its neighbours */

static int begin(void **state)
{
    (void)state;
    bytes = xmalloc(2 * PART + 10);
    for (size_t i = 0; i < 2 * PART + 10; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    return begin_world(false) || control("bucket", "{\"name\":\"box\"}");
}

static int end(void **state)
{
    free(bytes);
    return end_world(state);
}

static char *begin_upload(const char *key, const char *headers)
{
    char *target = xasprintf("/box/%s?uploads", key), *id;

    assert_int_equal(ask("POST", target, headers, ""), 200);
    assert_true(member_is("Key", key));
    id = member("UploadId");
    assert_non_null(id);
    free(target);
    return id;
}

/* The ETag of the part, without quotes, to be freed. */
static char *put_part(const char *key, const char *id, int number, const char *p, size_t n)
{
    char *target = xasprintf("/box/%s?partNumber=%d&uploadId=%s", key, number, id);
    const char *etag;

    assert_int_equal(ask_host(NULL, "PUT", target, NULL, p, n), 200);
    free(target);
    etag = strstr(got.head, "ETag: \"");
    assert_non_null(etag);
    return xstrndup(etag + 7, 32);
}

static int complete(const char *key, const char *id, const char *parts)
{
    char *target = xasprintf("/box/%s?uploadId=%s", key, id);
    char *body = xasprintf("<CompleteMultipartUpload>%s</CompleteMultipartUpload>", parts);
    int r = ask("POST", target, NULL, body);

    free(target);
    free(body);
    return r;
}

static char *part_xml(int number, const char *etag)
{
    return xasprintf("<Part><PartNumber>%d</PartNumber><ETag>\"%s\"</ETag></Part>", number, etag);
}

static void an_upload_in_parts_becomes_one_object(void **state)
{
    char *id = begin_upload("big", "Content-Type: text/x\r\n");
    char *two = put_part("big", id, 2, bytes + PART, PART + 10);
    char *one = put_part("big", id, 1, bytes, PART);
    char *x1 = part_xml(1, one), *x2 = part_xml(2, two), *both = xasprintf("%s%s", x1, x2);

    (void)state;
    assert_int_equal(complete("big", id, both), 200);
    assert_true(member_is("Bucket", "box"));
    assert_true(has("-2&quot;</ETag>"));
    assert_int_equal(ask("GET", "/box/big", NULL, NULL), 200);
    assert_int_equal(got.n, 2 * PART + 10);
    assert_memory_equal(got.body, bytes, 2 * PART + 10);
    assert_true(has_header("Content-Type: text/x"));
    assert_int_equal(ask("GET", "/box/big", "Range: bytes=5242875-5242884\r\n", NULL), 206);
    assert_int_equal(got.n, 10);
    assert_memory_equal(got.body, bytes + PART - 5, 10);
    /* who did not get the answer may ask again, until the object is another */
    assert_int_equal(complete("big", id, both), 200);
    assert_true(has("-2&quot;</ETag>"));
    assert_int_equal(ask("GET", "/box/big?partNumber=2", NULL, NULL), 206);
    assert_true(has_header("Content-Range: bytes 5242880-10485769/10485770"));
    assert_true(has_header("x-amz-mp-parts-count: 2"));
    assert_int_equal(ask("GET", "/box/big?partNumber=3", NULL, NULL), 416);
    assert_true(member_is("Code", "InvalidPartNumber"));
    assert_true(member_is("ActualPartCount", "2"));
    assert_int_equal(ask("GET", "/box/big?partNumber=1", "Range: bytes=0-1\r\n", NULL), 400);
    /* the copy has the MD5 of the whole */
    assert_int_equal(ask("PUT", "/box/copy", "x-amz-copy-source: box/big\r\n", ""), 200);
    assert_false(has("-2&quot;</ETag>"));
    assert_int_equal(ask("HEAD", "/box/copy", NULL, NULL), 200);
    assert_true(has_header("Content-Length: 10485770"));
    assert_int_equal(ask("PUT", "/box/big", NULL, "other"), 200);
    assert_int_equal(complete("big", id, both), 404);
    assert_true(member_is("Code", "NoSuchUpload"));
    free(id);
    free(one);
    free(two);
    free(x1);
    free(x2);
    free(both);
}

static void completing_wants_the_parts_in_order_whole_and_large_enough(void **state)
{
    char *id = begin_upload("k", NULL);
    char *one = put_part("k", id, 1, "small", 5), *two = put_part("k", id, 2, "last", 4);
    char *x1 = part_xml(1, one), *x2 = part_xml(2, two);
    char *both = xasprintf("%s%s", x1, x2), *wrong = xasprintf("%s%s", x2, x1);
    char *lost = part_xml(3, two), *other = part_xml(1, two), *target, *body;

    (void)state;
    assert_int_equal(complete("k", id, both), 400);
    assert_true(member_is("Code", "EntityTooSmall"));
    assert_true(member_is("MinSizeAllowed", "5242880"));
    assert_int_equal(complete("k", id, wrong), 400);
    assert_true(member_is("Code", "InvalidPartOrder"));
    assert_int_equal(complete("k", id, lost), 400);
    assert_true(member_is("Code", "InvalidPart"));
    assert_int_equal(complete("k", id, other), 400);
    assert_true(member_is("Code", "InvalidPart"));
    assert_int_equal(complete("k", id, ""), 400);
    assert_true(member_is("Code", "MalformedXML"));
    target = xasprintf("/box/k?uploadId=%s", id);
    assert_int_equal(ask("POST", target, NULL, ""), 400);
    assert_true(member_is("Code", "InvalidRequest"));
    assert_true(member_is("Message", "You must specify at least one part"));
    body = xasprintf("<CompleteMultipartUpload>%s</CompleteMultipartUpload>", x2);
    assert_int_equal(ask("POST", target, "x-amz-mp-object-size: 5\r\n", body), 400);
    assert_true(member_is("Code", "InvalidRequest"));
    free(target);
    free(body);
    assert_int_equal(complete("k", id, "<Part><ETag>x</ETag></Part>"), 400);
    assert_true(member_is("Code", "MalformedXML"));
    assert_int_equal(complete("k", "none", both), 404);
    assert_int_equal(complete("k", id, x2), 200);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "last");
    free(id);
    free(one);
    free(two);
    free(x1);
    free(x2);
    free(both);
    free(wrong);
    free(lost);
    free(other);
}

static void uploads_are_listed_as_objects_are(void **state)
{
    static const char *const keys[] = {"d/1", "d/2", "a%20b", "z", "z"};
    char *ids[ARRAY_SIZE(keys)], *target, *last;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        target = xasprintf("/box/%s?uploads", keys[i]);
        assert_int_equal(ask("POST", target, NULL, ""), 200);
        ids[i] = member("UploadId");
        free(target);
    }
    assert_int_equal(ask("GET", "/box?uploads&delimiter=%2F&encoding-type=url", NULL, NULL), 200);
    assert_true(has("<Key>a+b</Key>"));
    assert_true(has("<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>"));
    assert_false(has("d/1"));
    assert_true(has("<EncodingType>url</EncodingType>"));
    assert_int_equal(ask("GET", "/box?uploads&delimiter=%2F&max-uploads=2", NULL, NULL), 200);
    assert_true(member_is("NextKeyMarker", "d/"));
    assert_int_equal(
        ask("GET", "/box?uploads&delimiter=%2F&max-uploads=1&key-marker=d%2F", NULL, NULL), 200);
    assert_true(has("<Key>z</Key>"));
    last = member("NextUploadIdMarker"); /* the next page goes on inside the key */
    target = xasprintf("/box?uploads&key-marker=z&upload-id-marker=%s", last ? last : "");
    assert_int_equal(ask("GET", target, NULL, NULL), 200);
    assert_true(has(str_eq(last, ids[3]) ? ids[4] : ids[3]));
    assert_null(strstr(strstr(got.body, "<Upload>"), last ? last : "<"));
    assert_int_equal(ask("GET", "/box?uploads&encoding-type=x", NULL, NULL), 400);
    free(target);
    free(last);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        free(ids[i]);
}

static void parts_and_uploads_are_listed_in_pages(void **state)
{
    char *id = begin_upload("b", NULL), *first = begin_upload("a", NULL), *target;
    struct buf pending = BUF_INIT(1024);

    (void)state;
    for (int i = 1; i <= 3; i++)
        free(put_part("b", id, i, "x", 1));
    free(put_part("b", id, 2, "yy", 2));
    target = xasprintf("/box/b?uploadId=%s&max-parts=1&part-number-marker=1", id);
    assert_int_equal(ask("GET", target, NULL, NULL), 200);
    assert_true(member_is("PartNumber", "2"));
    assert_true(member_is("Size", "2"));
    assert_true(member_is("IsTruncated", "true"));
    assert_true(member_is("NextPartNumberMarker", "2"));
    free(target);
    assert_int_equal(ask("GET", "/box?uploads&max-uploads=1", NULL, NULL), 200);
    assert_true(member_is("UploadId", first));
    assert_true(member_is("NextKeyMarker", "a"));
    assert_int_equal(ask("GET", "/box?uploads&key-marker=a&prefix=b", NULL, NULL), 200);
    assert_true(member_is("UploadId", id));
    s3_ops.pending(&s3->fake, &pending);
    assert_string_equal(buf_str(&pending), "s3: 2 multipart uploads are not completed\n");
    buf_release(&pending);
    target = xasprintf("/box/b?uploadId=%s", id);
    assert_int_equal(ask("DELETE", target, NULL, NULL), 204);
    assert_int_equal(ask("DELETE", target, NULL, NULL), 404);
    free(target);
    target = xasprintf("/box/a?uploadId=%s&partNumber=10001", first);
    assert_int_equal(ask("PUT", target, NULL, "x"), 400);
    assert_true(member_is("ArgumentName", "partNumber"));
    free(target);
    free(id);
    free(first);
}

static void a_part_may_be_a_copy_of_a_range(void **state)
{
    char *id = begin_upload("k", NULL), *target, *etag, *xml;

    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/from\",\"body\":\"0123456789\"}"), 0);
    target = xasprintf("/box/k?uploadId=%s&partNumber=1", id);
    assert_int_equal(ask("PUT", target,
                         "x-amz-copy-source: box/from\r\nx-amz-copy-source-range: bytes=2-4\r\n",
                         ""),
                     200);
    assert_true(has("<CopyPartResult"));
    etag = member("ETag");
    xml = xasprintf("<Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part>", etag);
    assert_int_equal(ask("PUT", target,
                         "x-amz-copy-source: box/from\r\nx-amz-copy-source-range: bytes=2-14\r\n",
                         ""),
                     400);
    assert_int_equal(ask("PUT", target, "x-amz-copy-source: box/none\r\n", ""), 404);
    assert_int_equal(complete("k", id, xml), 200);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "234");
    free(target);
    free(etag);
    free(xml);
    free(id);
}

static void large_bodies_lie_in_a_file_and_come_back_whole(void **state)
{
    (void)state;
    assert_int_equal(control("spill", "{\"folder\":\"/tmp\",\"over\":1000}"), 0);
    assert_int_equal(ask_host(NULL, "PUT", "/box/k", NULL, bytes, 2 * PART), 200);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_int_equal(got.n, 2 * PART);
    assert_memory_equal(got.body, bytes, 2 * PART);
    assert_int_equal(ask("HEAD", "/box/k", NULL, NULL), 200);
    assert_true(has_header("Content-Length: 10485760"));
}

static void a_reader_that_is_slow_holds_back_the_sender_and_keeps_what_it_began(void **state)
{
    struct peer p;
    const struct exchange *x;
    int room = 16 << 10;

    (void)state;
    assert_int_equal(ask_host(NULL, "PUT", "/box/k", NULL, bytes, 2 * PART), 200);
    peer_connect(&p, &s3->fake);
    setsockopt(p.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
    peer_send(&p, "GET /box/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    peer_settle(&world);
    assert_false(list_empty(&world.exchanges));
    x = container_of(world.exchanges.next, struct exchange, link);
    assert_true(exchange_queued(x) <= EXCHANGE_HIGH + (256u << 10));
    assert_int_equal(ask("PUT", "/box/k", NULL, "replaced"), 200);
    assert_true(peer_wait_end(&p));
    assert_true(buf_len(&p.got) > 2 * PART);
    assert_memory_equal(buf_str(&p.got) + buf_len(&p.got) - 2 * PART, bytes, 2 * PART);
    peer_close(&p);
}

static void a_reader_that_leaves_leaves_nothing_behind(void **state)
{
    struct peer p;

    (void)state;
    assert_int_equal(ask_host(NULL, "PUT", "/box/k", NULL, bytes, 2 * PART), 200);
    peer_connect(&p, &s3->fake);
    peer_send(&p, "GET /box/k HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_close(&p);
    peer_settle(&world);
    peer_connect(&p, &s3->fake);
    peer_send(&p, "PUT /box/half HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    peer_close(&p);
    peer_settle(&world);
    assert_true(list_empty(&world.exchanges));
    assert_int_equal(ask("GET", "/box/half", NULL, NULL), 404);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_upload_in_parts_becomes_one_object),
        T(completing_wants_the_parts_in_order_whole_and_large_enough),
        T(uploads_are_listed_as_objects_are),
        T(parts_and_uploads_are_listed_in_pages),
        T(a_part_may_be_a_copy_of_a_range),
        T(large_bodies_lie_in_a_file_and_come_back_whole),
        T(a_reader_that_is_slow_holds_back_the_sender_and_keeps_what_it_began),
        T(a_reader_that_leaves_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
