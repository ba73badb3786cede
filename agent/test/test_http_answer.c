#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "agent/http_answer.h"
#include "base/buf.h"
#include "base/mem.h"

static struct http_answer a;
static struct buf body = BUF_INIT(1 << 20);

static int reset(void **state)
{
    (void)state;
    a = (struct http_answer){0};
    buf_release(&body);
    return 0;
}

static void on_body(const char *p, size_t n, void *user)
{
    (void)user;
    buf_add(&body, p, n);
}

static bool feed(const char *text)
{
    return http_answer_feed(&a, text, strlen(text), on_body, NULL);
}

/* As many bytes at a time; whether it went on to the end of the text. */
static bool feed_in_pieces(const char *text, size_t piece)
{
    size_t n = strlen(text);

    for (size_t at = 0; at < n; at += piece)
        if (!http_answer_feed(&a, text + at, n - at < piece ? n - at : piece, on_body, NULL))
            return false;
    return true;
}

static void chunks_are_put_together_however_they_are_cut(void **state)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        "5\r\n{\"a\":\r\nA;x=y\r\n1}\r\n{\"b\":2\r\n1\r\n}\r\n";

    (void)state;
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        reset(NULL);
        assert_true(feed_in_pieces(text, piece));
        assert_int_equal(a.status, 200);
        assert_string_equal(buf_str(&body), "{\"a\":1}\r\n{\"b\":2}");
    }
}

static void the_last_chunk_is_the_end_and_trailers_are_passed_over(void **state)
{
    (void)state;
    assert_true(
        feed("HTTP/1.1 200 OK\r\ntransfer-encoding:chunked\r\n\r\n1\r\nx\r\n0\r\nX: y\r\n"));
    assert_false(feed("\r\nHTTP/1.1 200 OK\r\n"));
    assert_int_equal(a.part, HTTP_ANSWER_DONE);
    assert_string_equal(buf_str(&body), "x");
}

static void a_length_is_the_end(void **state)
{
    (void)state;
    assert_false(feed("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabcdef"));
    assert_int_equal(a.status, 404);
    assert_int_equal(a.part, HTTP_ANSWER_DONE);
    assert_string_equal(buf_str(&body), "abc");
}

static void without_either_everything_is_body(void **state)
{
    (void)state;
    assert_true(feed("HTTP/1.0 200 OK\n\nabc"));
    assert_true(feed("def"));
    assert_string_equal(buf_str(&body), "abcdef");
}

static void an_answer_without_a_body_is_over(void **state)
{
    (void)state;
    assert_false(feed("HTTP/1.1 204 No Content\r\n\r\n"));
    assert_int_equal(a.part, HTTP_ANSWER_DONE);
    reset(NULL);
    assert_false(feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert_int_equal(a.part, HTTP_ANSWER_DONE);
}

static void what_comes_before_the_answer_proper_is_none(void **state)
{
    (void)state;
    assert_true(feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx"));
    assert_int_equal(a.status, 200);
    assert_string_equal(buf_str(&body), "x");
}

static void what_is_no_answer_is_not_read_on(void **state)
{
    static const char *const bad[] = {
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 OK\r\n",
        "HTTP/1.1 99 Low\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        reset(NULL);
        assert_false(feed(bad[i]));
        assert_int_not_equal(a.part, HTTP_ANSWER_DONE);
    }
}

static void headers_have_a_limit_in_length_and_in_number(void **state)
{
    char *line = xasprintf("X-Long: %01000d\r\n", 0);
    size_t n = 0;

    (void)state;
    assert_true(feed("HTTP/1.1 200 OK\r\n"));
    while (n < 1000 && feed(line))
        n++;
    assert_in_range(n, 50, 80);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(chunks_are_put_together_however_they_are_cut, reset),
        cmocka_unit_test_teardown(the_last_chunk_is_the_end_and_trailers_are_passed_over, reset),
        cmocka_unit_test_teardown(a_length_is_the_end, reset),
        cmocka_unit_test_teardown(without_either_everything_is_body, reset),
        cmocka_unit_test_teardown(an_answer_without_a_body_is_over, reset),
        cmocka_unit_test_teardown(what_comes_before_the_answer_proper_is_none, reset),
        cmocka_unit_test_teardown(what_is_no_answer_is_not_read_on, reset),
        cmocka_unit_test_teardown(headers_have_a_limit_in_length_and_in_number, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
