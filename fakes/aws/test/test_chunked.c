#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fakes/aws/chunked.h"

/* The upload of AWS's documentation: 66560 times 'a' in chunks of 64 KiB, 1 KiB and 0. */
#define SEED "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
#define SIG1 "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
#define SIG2 "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
#define SIG3 "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
/* The same with a checksum behind it. */
#define TSEED "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
#define TSIG1 "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"
#define TSIG2 "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
#define TSIG3 "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
#define TSIG4 "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"

static struct sigv4 signed_request(enum sigv4_payload kind, const char *seed)
{
    struct sigv4 s = {.checked = true, .payload = kind, .amz_date = "20130524T000000Z"};

    memcpy(s.scope, "20130524/us-east-1/s3/aws4_request", 35);
    memcpy(s.signature, seed, 65);
    sigv4_derive("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3",
                 s.signing_key);
    return s;
}

static void add_chunk(struct buf *b, size_t n, const char *sig)
{
    buf_addf(b, "%zx", n);
    if (sig)
        buf_addf(b, ";chunk-signature=%s", sig);
    buf_adds(b, "\r\n");
    for (size_t i = 0; i < n; i++)
        buf_addc(b, 'a');
    if (n)
        buf_adds(b, "\r\n");
}

static int collect(void *data, const char *p, size_t n)
{
    return buf_add(data, p, n);
}

/* Feeds in pieces of `step` bytes; returns the result. */
static enum sigv4_result decode(const struct sigv4 *s, const struct buf *b, size_t step,
                                struct buf *out, struct buf *trailers)
{
    struct aws_chunked c;
    enum sigv4_result r;
    int failed = 0;

    aws_chunked_init(&c, s, collect, out);
    for (size_t i = 0; i < buf_len(b) && !failed; i += step)
        failed =
            aws_chunked_feed(&c, buf_str(b) + i, i + step > buf_len(b) ? buf_len(b) - i : step);
    if (!failed)
        aws_chunked_finish(&c);
    r = c.result;
    if (trailers)
        buf_adds(trailers, buf_str(&c.trailers));
    aws_chunked_release(&c);
    return r;
}

static void documented_upload(struct buf *b)
{
    buf_init(b, 1 << 20);
    add_chunk(b, 65536, SIG1);
    add_chunk(b, 1024, SIG2);
    add_chunk(b, 0, SIG3);
    buf_adds(b, "\r\n");
}

static void the_documented_upload_decodes_whatever_the_pieces(void **state)
{
    struct sigv4 s = signed_request(SIGV4_PAYLOAD_CHUNKS, SEED);
    static const size_t steps[] = {1, 2, 3, 85, 4096, 1 << 20};
    struct buf b;

    (void)state;
    documented_upload(&b);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct buf out = BUF_INIT(1 << 20);

        assert_int_equal(decode(&s, &b, steps[i], &out, NULL), SIGV4_OK);
        assert_int_equal(buf_len(&out), 66560);
        assert_int_equal(strspn(buf_str(&out), "a"), 66560);
        buf_release(&out);
    }
    buf_release(&b);
}

static void a_changed_byte_in_a_chunk_is_found_at_its_end(void **state)
{
    struct sigv4 s = signed_request(SIGV4_PAYLOAD_CHUNKS, SEED);
    struct buf b, out = BUF_INIT(1 << 20);

    (void)state;
    documented_upload(&b);
    buf_data(&b)[40000] = 'b';
    assert_int_equal(decode(&s, &b, 4096, &out, NULL), SIGV4_BAD_CHUNK);
    assert_int_equal(buf_len(&out), 65536);
    s.checked = false; /* a world that does not verify takes it */
    assert_int_equal(decode(&s, &b, 4096, &out, NULL), SIGV4_OK);
    buf_release(&b);
    buf_release(&out);
}

static void a_signature_of_another_place_in_the_row_is_found(void **state)
{
    struct sigv4 s = signed_request(SIGV4_PAYLOAD_CHUNKS, SEED);
    struct buf b = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

    (void)state;
    add_chunk(&b, 1024, SIG2);
    add_chunk(&b, 0, SIG3);
    buf_adds(&b, "\r\n");
    assert_int_equal(decode(&s, &b, 100, &out, NULL), SIGV4_BAD_CHUNK);
    buf_release(&b);
    buf_release(&out);
}

static void a_body_that_ends_early_or_goes_on_too_long_is_refused(void **state)
{
    struct sigv4 s = signed_request(SIGV4_PAYLOAD_CHUNKS, SEED);
    struct buf b, out = BUF_INIT(1 << 20);

    (void)state;
    documented_upload(&b);
    b.len -= 2;
    assert_int_equal(decode(&s, &b, 1000, &out, NULL), SIGV4_BAD_FRAMING);
    b.len += 2;
    buf_adds(&b, "x");
    assert_int_equal(decode(&s, &b, 1000, &out, NULL), SIGV4_BAD_FRAMING);
    buf_release(&b);
    buf_release(&out);
}

static enum sigv4_result decode_text(enum sigv4_payload kind, const char *text)
{
    struct sigv4 s = signed_request(kind, SEED);
    struct buf b = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
    enum sigv4_result r;

    buf_adds(&b, text);
    r = decode(&s, &b, 7, &out, NULL);
    buf_release(&b);
    buf_release(&out);
    return r;
}

static void garbage_between_chunks_is_refused(void **state)
{
    char *longer = xmalloc(2000);

    (void)state;
    memset(longer, 'f', 1999);
    longer[1999] = '\0';
    assert_int_equal(decode_text(SIGV4_PAYLOAD_CHUNKS, "zz\r\n"), SIGV4_BAD_FRAMING);
    assert_int_equal(decode_text(SIGV4_PAYLOAD_CHUNKS, "5\r\nhello\r\n"), SIGV4_BAD_FRAMING);
    assert_int_equal(decode_text(SIGV4_PAYLOAD_CHUNKS, longer), SIGV4_BAD_FRAMING);
    assert_int_equal(
        decode_text(SIGV4_PAYLOAD_CHUNKS, "fffffffffffffffff;chunk-signature=" SIG1 "\r\n"),
        SIGV4_BAD_FRAMING);
    assert_int_equal(decode_text(SIGV4_PAYLOAD_UNSIGNED_TRAILER, "2\r\naaX\r\n"),
                     SIGV4_BAD_FRAMING);
    assert_int_equal(decode_text(SIGV4_PAYLOAD_UNSIGNED_TRAILER, ""), SIGV4_BAD_FRAMING);
    free(longer);
}

static void an_unsigned_body_carries_its_trailers(void **state)
{
    struct sigv4 s = signed_request(SIGV4_PAYLOAD_UNSIGNED_TRAILER, SEED);
    struct buf b = BUF_INIT(4096), out = BUF_INIT(4096), trailers = BUF_INIT(4096);

    (void)state;
    add_chunk(&b, 5, NULL);
    add_chunk(&b, 0, NULL);
    buf_adds(&b, "x-amz-checksum-crc32: AAAA \r\n\r\n");
    assert_int_equal(decode(&s, &b, 1, &out, &trailers), SIGV4_OK);
    assert_string_equal(buf_str(&out), "aaaaa");
    assert_string_equal(buf_str(&trailers), "x-amz-checksum-crc32:AAAA\n");
    buf_release(&b);
    buf_release(&out);
    buf_release(&trailers);
}

static void signed_trailers_verify_and_a_changed_one_does_not(void **state)
{
    struct sigv4 s = signed_request(SIGV4_PAYLOAD_CHUNKS_TRAILER, TSEED);
    struct buf b = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20), trailers = BUF_INIT(4096);
    char *at;

    (void)state;
    add_chunk(&b, 65536, TSIG1);
    add_chunk(&b, 1024, TSIG2);
    add_chunk(&b, 0, TSIG3);
    buf_adds(&b, "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:" TSIG4 "\r\n\r\n");
    assert_int_equal(decode(&s, &b, 333, &out, &trailers), SIGV4_OK);
    assert_string_equal(buf_str(&trailers), "x-amz-checksum-crc32c:sOO8/Q==\n");
    at = strstr(buf_data(&b), "sOO8");
    *at = 't';
    assert_int_equal(decode(&s, &b, 333, &out, NULL), SIGV4_BAD_CHUNK);
    buf_release(&b);
    buf_release(&out);
    buf_release(&trailers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_documented_upload_decodes_whatever_the_pieces),
        cmocka_unit_test(a_changed_byte_in_a_chunk_is_found_at_its_end),
        cmocka_unit_test(a_signature_of_another_place_in_the_row_is_found),
        cmocka_unit_test(a_body_that_ends_early_or_goes_on_too_long_is_refused),
        cmocka_unit_test(garbage_between_chunks_is_refused),
        cmocka_unit_test(an_unsigned_body_carries_its_trailers),
        cmocka_unit_test(signed_trailers_verify_and_a_changed_one_does_not),
    };

    return cmocka_run_group_tests_name("chunked", tests, NULL, NULL);
}
