#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/backoff.h"
#include "agent/handshake.h"
#include "agent/sigv4.h"
#include "base/str.h"

/* Keys and time of AWS's published test suite for Signature Version 4. */
static struct sigv4_request vanilla(void)
{
    struct sigv4_request r = {
        .method = "GET",
        .host = "example.amazonaws.com",
        .path = "/",
        .region = "us-east-1",
        .service = "service",
        .access_key = "AKIDEXAMPLE",
        .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    };

    assert_int_equal(str_parse_amz_date("20150830T123600Z", &r.wall), 0);
    return r;
}

static void get_vanilla_has_the_published_signature(void **state)
{
    struct sigv4_request r = vanilla();
    struct sigv4_signature s;

    (void)state;
    assert_int_equal(sigv4_sign(&r, &s), 0);
    assert_string_equal(s.date, "20150830T123600Z");
    assert_string_equal(
        s.authorization,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

static void the_query_is_sorted_before_it_is_signed(void **state)
{
    struct sigv4_request r = vanilla();
    struct sigv4_signature s;

    (void)state;
    r.query = "Param2=value2&Param1=value1"; /* get-vanilla-query-order-key-case */
    assert_int_equal(sigv4_sign(&r, &s), 0);
    assert_non_null(strstr(s.authorization,
                           "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
}

static void a_plus_in_the_query_is_signed_as_a_blank(void **state)
{
    struct sigv4_request r = vanilla();
    struct buf text = BUF_INIT(4096);

    (void)state;
    r.query = "v=a%3A+b";
    assert_int_equal(sigv4_canonical(&r, "20150830T123600Z", &text), 0);
    assert_non_null(strstr(buf_str(&text), "\nv=a%3A%20b\n"));
    buf_release(&text);
}

static void a_session_token_is_signed_too(void **state)
{
    struct sigv4_request r = vanilla();
    struct buf text = BUF_INIT(4096);
    struct sigv4_signature s;

    (void)state;
    r.session_token = "token";
    assert_int_equal(sigv4_canonical(&r, "20150830T123600Z", &text), 0);
    assert_non_null(strstr(buf_str(&text), "\nx-amz-security-token:token\n"));
    assert_int_equal(sigv4_sign(&r, &s), 0);
    assert_non_null(strstr(s.authorization, "SignedHeaders=host;x-amz-date;x-amz-security-token,"));
    buf_release(&text);
}

static void a_query_without_end_is_not_signed(void **state)
{
    struct sigv4_request r = vanilla();
    struct sigv4_signature s;
    static char query[20000];

    (void)state;
    memset(query, 'a', sizeof(query) - 1);
    r.query = query;
    assert_int_equal(sigv4_sign(&r, &s), -1);
}

static void a_handshake_goes_to_ws_below_the_endpoint(void **state)
{
    static const char *const endpoints[][3] = {
        {"http://127.0.0.1:80", "/ws", "http://127.0.0.1:80/ws?a=b"},
        {"https://h/", "/ws", "https://h/ws?a=b"},
        {"wss://h/x", "/x/ws", "wss://h/x/ws?a=b"},
    };
    struct err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct handshake h = {0};

        assert_int_equal(handshake_init(&h, endpoints[i][0], "a=b", &e), 0);
        assert_string_equal(h.path, endpoints[i][1]);
        assert_string_equal(h.url, endpoints[i][2]);
        handshake_release(&h);
    }
    struct handshake h = {0};
    assert_int_equal(handshake_init(&h, "ftp://h", "", &e), -1);
    assert_int_equal(handshake_init(&h, "http://", "", &e), -1);
}

static void query_members_are_encoded_as_go_does(void **state)
{
    struct buf q = BUF_INIT(1000);

    (void)state;
    handshake_query_add(&q, "dockerVersion", "DockerVersion: 24.0.7");
    handshake_query_add(&q, "seqNum", "1");
    assert_string_equal(buf_str(&q), "dockerVersion=DockerVersion%3A+24.0.7&seqNum=1");
    buf_release(&q);
}

static void waits_grow_to_the_maximum_and_start_again(void **state)
{
    struct backoff b;
    int64_t plain[] = {100, 150, 225, 300, 300};

    (void)state;
    backoff_init(&b, 100, 300, 1.5, 0.2);
    for (size_t i = 0; i < 5; i++) {
        int64_t wait = backoff_next(&b);

        assert_in_range(wait, plain[i], plain[i] + plain[i] / 5);
    }
    backoff_reset(&b);
    assert_in_range(backoff_next(&b), 100, 120);
}

static void a_spread_stays_in_its_range(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_in_range(backoff_spread(60, 60), 60, 119);
    assert_int_equal(backoff_spread(5, 0), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_vanilla_has_the_published_signature),
        cmocka_unit_test(the_query_is_sorted_before_it_is_signed),
        cmocka_unit_test(a_plus_in_the_query_is_signed_as_a_blank),
        cmocka_unit_test(a_session_token_is_signed_too),
        cmocka_unit_test(a_query_without_end_is_not_signed),
        cmocka_unit_test(a_handshake_goes_to_ws_below_the_endpoint),
        cmocka_unit_test(query_members_are_encoded_as_go_does),
        cmocka_unit_test(waits_grow_to_the_maximum_and_start_again),
        cmocka_unit_test(a_spread_stays_in_its_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
