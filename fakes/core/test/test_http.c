#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"
#include "fakes/core/test/peer.c"
#include "fakes/core/ws.h"

/* A fake whose paths name what to do. */
struct echo {
    struct fake fake;
    struct exchange *kept;
    struct ws *ws;
    int gone, closed_code, drained;
    size_t streamed;
};

static void classify(struct fake *f, struct exchange *x)
{
    (void)f;
    x->what = xasprintf("%s %s", x->method, x->path);
    if (!str_starts(x->path, "/unknown"))
        x->group = "all";
}

static void on_gone(struct exchange *x)
{
    struct echo *e = (struct echo *)x->fake;

    e->kept = NULL;
    e->gone++;
}

static void raw_echo(struct exchange *x, const char *p, size_t n)
{
    if (n)
        exchange_write(x, p, n);
    else
        exchange_end(x);
}

static void ws_echo(struct ws *w, const char *p, size_t n, bool binary)
{
    (void)binary;
    ws_send(w, "Echo", p, n);
}

static void ws_over(struct ws *w, int code, bool by_us)
{
    struct echo *e = (struct echo *)ws_fake(w);

    (void)by_us;
    e->closed_code = code;
    e->ws = NULL;
}

static const struct ws_handlers ws_handlers = {.on_message = ws_echo, .on_close = ws_over};

static void handle(struct fake *f, struct exchange *x)
{
    struct echo *e = (struct echo *)f;

    if (str_eq(x->path, "/body")) {
        exchange_answer(x, 200, "application/octet-stream", buf_str(&x->body), buf_len(&x->body));
    } else if (str_eq(x->path, "/keep")) {
        e->kept = x;
        x->on_gone = on_gone;
    } else if (str_eq(x->path, "/stream")) {
        e->kept = x;
        x->on_gone = on_gone;
        exchange_begin(x, 200, "application/json", -1);
    } else if (str_eq(x->path, "/raw")) {
        x->on_gone = on_gone;
        exchange_hijack(x, 200, "application/vnd.docker.raw-stream", raw_echo);
    } else if (str_eq(x->path, "/goodbye")) {
        exchange_hijack(x, 101, NULL, NULL);
        exchange_write(x, "goodbye", 7);
        exchange_end(x);
    } else if (str_eq(x->path, "/ws")) {
        e->ws = exchange_accept_ws(x, &ws_handlers, NULL);
    } else if (str_eq(x->path, "/none")) {
        exchange_answer(x, 204, NULL, NULL, 0);
    } else {
        exchange_answer_text(x, 404, "text/plain", x->path);
    }
}

static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    char *s = xasprintf("%s:%s", type ? type : "-", message ? message : "-");

    (void)f;
    exchange_answer_text(x, status ? status : 500, "text/plain", s);
    free(s);
}

static const struct fake_ops echo_ops = {.name = "echo",
                                         .size = sizeof(struct echo),
                                         .classify = classify,
                                         .handle = handle,
                                         .refuse = refuse};

static struct world world;
static struct echo *echo;
static struct peer peer;

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(world_init(&world, 1, &e), 0);
    echo = (struct echo *)world_add(&world, &echo_ops, &e);
    assert_non_null(echo);
    assert_int_equal(fake_listen_tcp(&echo->fake, "127.0.0.1", 0, false, &e), 0);
    peer_connect(&peer, &echo->fake);
    return 0;
}

static int end(void **state)
{
    (void)state;
    peer_close(&peer);
    world_release(&world);
    return 0;
}

static const struct record *find(enum record_kind kind, const char *what)
{
    for (size_t i = 0; i < world.journal.n; i++)
        if (world.journal.records[i]->kind == kind && str_eq(world.journal.records[i]->what, what))
            return world.journal.records[i];
    return NULL;
}

static void a_counted_body_comes_back_and_the_connection_is_kept(void **state)
{
    (void)state;
    peer_send(&peer, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assert_true(peer_wait(&peer, "\r\n\r\nhello"));
    assert_true(str_starts(buf_str(&peer.got), "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(buf_str(&peer.got), "Content-Length: 5\r\n"));
    buf_clear(&peer.got);
    peer_send(&peer, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait(&peer, "204 No Content\r\n"));
    assert_null(strstr(buf_str(&peer.got), "Content-Length"));
    assert_false(peer.eof);
}

static void a_chunked_body_is_joined_and_an_empty_host_is_fine(void **state)
{
    (void)state;
    peer_send(&peer, "POST /body HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n");
    assert_true(peer_wait(&peer, "\r\n\r\nabcdefg"));
}

static void every_split_of_a_request_is_understood(void **state)
{
    static const char text[] = "POST /body?x=1 HTTP/1.1\r\nHost: h\r\nA: b\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";

    (void)state;
    for (size_t i = 1; i + 1 < sizeof(text); i++) {
        peer_send_bytes(&peer, text, i);
        peer_send_bytes(&peer, text + i, sizeof(text) - 1 - i);
        assert_true(peer_wait(&peer, "\r\n\r\nhi"));
        buf_clear(&peer.got);
    }
}

static void expect_100_continue_is_answered_before_the_body(void **state)
{
    (void)state;
    peer_send(&peer, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                     "Expect: 100-continue\r\n\r\n");
    assert_true(peer_wait(&peer, "HTTP/1.1 100 Continue\r\n\r\n"));
    buf_clear(&peer.got);
    peer_send(&peer, "ok");
    assert_true(peer_wait(&peer, "\r\n\r\nok"));
}

static void head_sends_the_length_and_no_body(void **state)
{
    (void)state;
    peer_send(&peer,
              "HEAD /other HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait(&peer, "Content-Length: 6\r\n"));
    assert_true(peer_wait(&peer, "\r\n\r\nHTTP/1.1 204"));
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct buf b = BUF_INIT(1 << 20);

    (void)state;
    for (int i = 0; i < 200; i++)
        buf_addf(&b, "GET /n%03d HTTP/1.1\r\nHost: x\r\n\r\n", i);
    peer_send(&peer, buf_str(&b));
    buf_release(&b);
    assert_true(peer_wait(&peer, "\r\n\r\n/n199"));
    const char *s = buf_str(&peer.got);

    for (int i = 0; i < 200; i++) {
        char want[16];

        snprintf(want, sizeof(want), "\r\n\r\n/n%03d", i);
        s = strstr(s, want);
        assert_non_null(s);
    }
}

static void http_1_0_is_answered_as_such_and_closed(void **state)
{
    (void)state;
    peer_send(&peer, "GET /other HTTP/1.0\r\n\r\n");
    assert_true(peer_wait_end(&peer));
    assert_true(str_starts(buf_str(&peer.got), "HTTP/1.0 404 Not Found\r\n"));
    assert_false(peer.reset);
}

static void what_is_no_request_gets_400_and_is_journaled_as_foreign(void **state)
{
    const struct record *r;

    (void)state;
    peer_send(&peer, "\x16\x03\x01\x02garbage\r\n\r\n");
    assert_true(peer_wait_end(&peer));
    assert_true(str_starts(buf_str(&peer.got), "HTTP/1.1 400 Bad Request\r\n"));
    r = find(RECORD_REQUEST, "malformed");
    assert_non_null(r);
    assert_true(r->foreign);
    assert_null(r->group);
}

static void sizes_have_limits_with_their_own_answers(void **state)
{
    struct buf b = BUF_INIT(4 << 20);

    (void)state;
    peer_send(&peer, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
    assert_true(peer_wait(&peer, "HTTP/1.1 413 "));
    peer_close(&peer);
    peer_connect(&peer, &echo->fake);
    buf_adds(&b, "GET /body HTTP/1.1\r\n");
    for (int i = 0; i < 20000; i++)
        buf_addf(&b, "X-Header-%d: value\r\n", i);
    peer_send(&peer, buf_str(&b));
    buf_release(&b);
    assert_true(peer_wait(&peer, "HTTP/1.1 431 "));
}

static void a_stream_sends_its_headers_at_once_and_one_chunk_per_write(void **state)
{
    (void)state;
    peer_send(&peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait(&peer, "Transfer-Encoding: chunked\r\n\r\n"));
    buf_clear(&peer.got);
    exchange_write(echo->kept, "{\"a\":1}\n", 8);
    exchange_write(echo->kept, "{}\n", 3);
    assert_true(peer_wait(&peer, "8\r\n{\"a\":1}\n\r\n3\r\n{}\n\r\n"));
    exchange_end(echo->kept);
    assert_true(peer_wait(&peer, "0\r\n\r\n"));
    assert_int_equal(echo->gone, 0);
}

static void a_silent_stream_notices_that_its_peer_left(void **state)
{
    (void)state;
    peer_send(&peer, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait(&peer, "\r\n\r\n"));
    peer_close(&peer);
    peer_settle(&world);
    assert_int_equal(echo->gone, 1);
    assert_null(echo->kept);
    assert_non_null(find(RECORD_ANSWER, "GET /stream"));
}

static void a_hijacked_socket_is_raw_both_ways_behind_a_200(void **state)
{
    (void)state;
    peer_send(&peer, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}early");
    assert_true(peer_wait(&peer, "raw-stream\r\n\r\nearly"));
    assert_null(strstr(buf_str(&peer.got), "Date"));
    assert_null(strstr(buf_str(&peer.got), "Content-Length"));
    peer_send(&peer, "\x01\x02");
    assert_true(peer_wait(&peer, "\x01\x02"));
    shutdown(peer.fd, SHUT_WR);
    assert_true(peer_wait_end(&peer));
    assert_false(peer.reset);
}

/* As the docker CLI does that has no input, while what follows the head still waits. */
static void one_that_closed_its_side_gets_all(void **state)
{
    (void)state;
    peer_send(&peer, "POST /goodbye HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(peer.fd, SHUT_WR);
    assert_true(peer_wait_end(&peer));
    assert_false(peer.reset);
    assert_non_null(strstr(buf_str(&peer.got), "\r\n\r\ngoodbye"));
}

static void the_signature_of_an_authorization_header_is_not_journaled(void **state)
{
    const struct record *r;

    (void)state;
    peer_send(&peer, "GET /none HTTP/1.1\r\nHost: x\r\n"
                     "Authorization: AWS4-HMAC-SHA256 Credential=K/1, Signature=5ec7e7\r\n\r\n");
    assert_true(peer_wait(&peer, "204"));
    r = find(RECORD_REQUEST, "GET /none");
    assert_string_equal(json_str(json_object_get(r->data, "headers"), "Authorization"),
                        "AWS4-HMAC-SHA256 Credential=K/1, Signature=***");
}

static struct fault *fault(const char *what, enum fault_kind kind)
{
    return fault_table_add(&world.faults, NULL, "echo", what, kind);
}

static void a_status_fault_answers_in_the_protocols_form_for_the_first_n(void **state)
{
    struct fault *f = fault("GET /n*", FAULT_STATUS);

    (void)state;
    f->status = 503;
    f->first = 2;
    peer_send(&peer, "GET /n1 HTTP/1.1\r\nHost: x\r\n\r\nGET /n2 HTTP/1.1\r\nHost: x\r\n\r\n"
                     "GET /n3 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait(&peer, "\r\n\r\n/n3"));
    assert_non_null(strstr(strstr(buf_str(&peer.got), "503") + 1, "503"));
    assert_int_equal(f->hits, 2);
    assert_non_null(find(RECORD_FAULT, "GET /n1"));
}

static void a_cut_stops_the_body_after_n_bytes_with_a_fin(void **state)
{
    (void)state;
    fault("POST /body", FAULT_CUT)->bytes = 3;
    peer_send(&peer, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assert_true(peer_wait_end(&peer));
    assert_true(str_ends(buf_str(&peer.got), "\r\n\r\nhel"));
    assert_non_null(strstr(buf_str(&peer.got), "Content-Length: 5\r\n"));
}

static void a_reset_before_has_no_effect_and_a_reset_after_has_one(void **state)
{
    struct fault *f = fault("GET /keep", FAULT_RESET_BEFORE);

    (void)state;
    peer_send(&peer, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait_end(&peer));
    assert_true(peer.reset);
    assert_null(echo->kept);
    f->healed = true;
    fault("GET /keep", FAULT_RESET_AFTER);
    peer_close(&peer);
    peer_connect(&peer, &echo->fake);
    peer_send(&peer, "GET /keep HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_settle(&world);
    assert_non_null(echo->kept);
    exchange_answer_text(echo->kept, 200, "text/plain", "never seen");
    assert_true(peer_wait_end(&peer));
    assert_true(peer.reset);
    assert_int_equal(buf_len(&peer.got), 0);
}

static void a_delay_holds_the_answer_on_the_clock(void **state)
{
    int64_t before = loop_now(&world.loop);

    (void)state;
    fault("GET /n", FAULT_DELAY)->delay = 30 * NS_PER_MS;
    peer_send(&peer, "GET /n HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait(&peer, "\r\n\r\n/n"));
    assert_true(loop_now(&world.loop) - before >= 30 * NS_PER_MS);
}

static void a_slow_answer_trickles(void **state)
{
    int64_t before = loop_now(&world.loop);
    char *body = xmalloc(2001);

    (void)state;
    memset(body, 'b', 2000);
    body[2000] = '\0';
    fault("POST /body", FAULT_SLOW)->rate = 20000;
    peer_send(&peer, "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n");
    peer_send(&peer, body);
    assert_true(peer_wait(&peer, body));
    assert_true(loop_now(&world.loop) - before >= 80 * NS_PER_MS);
    free(body);
}

static void a_refused_peer_meets_no_listener_until_it_is_healed(void **state)
{
    (void)state;
    fault("*", FAULT_REFUSE);
    world_apply_refusals(&world);
    peer_close(&peer);
    peer_connect(&peer, &echo->fake);
    assert_true(peer.reset);
    fault_table_heal(&world.faults, NULL);
    world_apply_refusals(&world);
    peer_close(&peer);
    peer_connect(&peer, &echo->fake);
    peer_send(&peer, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(peer_wait(&peer, "204"));
}

static void a_connection_without_a_request_is_seen(void **state)
{
    (void)state;
    peer_settle(&world);
    peer_close(&peer);
    peer_settle(&world);
    assert_non_null(find(RECORD_CONNECT, "connection"));
}

static void a_large_body_passes_with_back_pressure(void **state)
{
    size_t n = 6 << 20;
    char *body = xmalloc(n + 1), *head;

    (void)state;
    memset(body, 'x', n);
    memcpy(body + n - 4, "last", 4);
    body[n] = '\0';
    head = xasprintf("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n);
    peer_send(&peer, head);
    peer_send_bytes(&peer, body, n);
    assert_true(peer_wait(&peer, "last"));
    free(body);
    free(head);
}

#define HANDSHAKE                                                                                  \
    "GET /ws?a=b%20c HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"         \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void a_websocket_shakes_hands_as_in_rfc_6455_and_echoes(void **state)
{
    (void)state;
    peer_send(&peer, HANDSHAKE);
    assert_true(peer_wait(&peer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"));
    assert_string_equal(ws_param(echo->ws, "a"), "b c");
    assert_non_null(find(RECORD_CONNECT, "GET /ws"));
    buf_clear(&peer.got);
    /* two fragments of one text message, masked with zeros */
    peer_send_bytes(&peer, "\x01\x82\0\0\0\0he\x80\x83\0\0\0\0llo", 17);
    assert_true(peer_wait(&peer, "\x81\x05hello"));
    assert_non_null(find(RECORD_FRAME_OUT, "Echo"));
    assert_non_null(find(RECORD_FRAME_IN, "unknown"));
    /* close 1000 */
    peer_send_bytes(&peer, "\x88\x82\0\0\0\0\x03\xe8", 8);
    assert_true(peer_wait_end(&peer));
    peer_close(&peer);
    peer_settle(&world);
    assert_int_equal(echo->closed_code, 1000);
}

static void a_websocket_that_is_dropped_is_closed_with_1006(void **state)
{
    (void)state;
    peer_send(&peer, HANDSHAKE);
    assert_true(peer_wait(&peer, "\r\n\r\n"));
    peer_close(&peer);
    peer_settle(&world);
    assert_int_equal(echo->closed_code, 1006);
    assert_null(echo->ws);
    assert_non_null(find(RECORD_DISCONNECT, "disconnect"));
}

/* Turns the loop until the call of the TLS client is through. */
static int tls_do(SSL *ssl, int (*call)(SSL *ssl))
{
    for (int i = 0; i < 200; i++) {
        int r = call(ssl);

        if (r > 0)
            return r;
        if (SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ)
            return r;
        loop_turn(&world.loop, loop_now(&world.loop) + NS_PER_MS);
    }
    return -1;
}

static char tls_text[4096];

static int tls_receive(SSL *ssl)
{
    return SSL_read(ssl, tls_text, sizeof(tls_text) - 1);
}

static void a_tls_listener_answers_a_client_that_trusts_its_certificate(void **state)
{
    struct err e = ERR_INIT;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    BIO *pem;
    X509 *cert;
    SSL *ssl;

    (void)state;
    peer_close(&peer);
    free(echo->fake.url);
    echo->fake.url = NULL; /* the next listener gives the address */
    assert_int_equal(fake_listen_tcp(&echo->fake, "127.0.0.1", 0, true, &e), 0);
    assert_true(str_starts(echo->fake.url, "https://127.0.0.1:"));
    peer_connect(&peer, &echo->fake);
    pem = BIO_new_mem_buf(world_certificate(&world), -1);
    cert = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
    /* what the websocket clients of official agents hold it against */
    assert_int_equal(X509_check_host(cert, strstr(echo->fake.url, "127"), 0, 0, NULL), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    ssl = SSL_new(ctx);
    SSL_set1_host(ssl, "localhost");
    SSL_set_fd(ssl, peer.fd);
    assert_int_equal(tls_do(ssl, SSL_connect), 1);
    assert_int_equal(SSL_write(ssl, "GET /n HTTP/1.1\r\nHost: x\r\n\r\n", 28), 28);
    assert_true(tls_do(ssl, tls_receive) > 0);
    assert_non_null(strstr(tls_text, "404 Not Found"));
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    X509_free(cert);
    BIO_free(pem);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_counted_body_comes_back_and_the_connection_is_kept),
        T(a_chunked_body_is_joined_and_an_empty_host_is_fine),
        T(every_split_of_a_request_is_understood),
        T(expect_100_continue_is_answered_before_the_body),
        T(head_sends_the_length_and_no_body),
        T(pipelined_requests_are_answered_in_order),
        T(http_1_0_is_answered_as_such_and_closed),
        T(what_is_no_request_gets_400_and_is_journaled_as_foreign),
        T(sizes_have_limits_with_their_own_answers),
        T(a_stream_sends_its_headers_at_once_and_one_chunk_per_write),
        T(a_silent_stream_notices_that_its_peer_left),
        T(a_hijacked_socket_is_raw_both_ways_behind_a_200),
        T(one_that_closed_its_side_gets_all),
        T(the_signature_of_an_authorization_header_is_not_journaled),
        T(a_status_fault_answers_in_the_protocols_form_for_the_first_n),
        T(a_cut_stops_the_body_after_n_bytes_with_a_fin),
        T(a_reset_before_has_no_effect_and_a_reset_after_has_one),
        T(a_delay_holds_the_answer_on_the_clock),
        T(a_slow_answer_trickles),
        T(a_refused_peer_meets_no_listener_until_it_is_healed),
        T(a_connection_without_a_request_is_seen),
        T(a_large_body_passes_with_back_pressure),
        T(a_websocket_shakes_hands_as_in_rfc_6455_and_echoes),
        T(a_websocket_that_is_dropped_is_closed_with_1006),
        T(a_tls_listener_answers_a_client_that_trusts_its_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
