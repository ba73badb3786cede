#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"
#include "harness/http_client.h"

static void classify(struct fake *f, struct exchange *x)
{
    (void)f;
    x->what = xasprintf("%s %s", x->method, x->path);
}

static void handle(struct fake *f, struct exchange *x)
{
    (void)f;
    if (str_eq(x->path, "/stream")) {
        exchange_begin(x, 201, "text/plain", -1);
        exchange_write(x, "one ", 4);
        exchange_write(x, "two", 3);
        exchange_end(x);
        return;
    }
    exchange_set_header(x, "X-Seen", exchange_header(x, "X-Mine") ? "yes" : "no");
    exchange_answer(x, 200, "text/plain", buf_str(&x->body), buf_len(&x->body));
}

static const struct fake_ops ops = {
    .name = "echo", .size = sizeof(struct fake), .classify = classify, .handle = handle};

static struct world world;
static struct fake *fake;
static char path[] = "/tmp/http-client-XXXXXX";

static int begin(void **state)
{
    struct err e = ERR_INIT;
    char *sock;

    (void)state;
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(path));
    sock = xasprintf("%s/s", path);
    assert_int_equal(world_init(&world, 1, &e), 0);
    fake = world_add(&world, &ops, &e);
    assert_int_equal(fake_listen_tcp(fake, "127.0.0.1", 0, false, &e), 0);
    assert_int_equal(fake_listen_unix(fake, sock, &e), 0);
    free(sock);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_release(&world);
    assert_int_equal(rmdir(path), 0);
    return 0;
}

static void on_done(struct http_client *c, void *data)
{
    (void)c;
    *(bool *)data = true;
}

static struct http_client *ask(struct http_client_request r)
{
    struct err e = ERR_INIT;
    bool done = false;
    struct http_client *c = http_client_start(&world.loop, &r, on_done, &done, &e);
    int64_t until = loop_now(&world.loop) + 2 * NS_PER_S;

    assert_non_null(c);
    while (!done && loop_now(&world.loop) < until)
        loop_turn(&world.loop, until);
    assert_true(done);
    return c;
}

static void a_body_and_headers_go_there_and_come_back(void **state)
{
    json_t *headers = json_pack("{s:s}", "X-Mine", "1");
    char *url = xasprintf("%s/a?b=c", fake->url);
    struct http_client *c = ask((struct http_client_request){
        .method = "POST", .url = url, .body = "hello", .body_len = 5, .headers = headers});
    const struct http_client_result *r = http_client_result(c);

    (void)state;
    assert_int_equal(r->err.code, ERR_NONE);
    assert_int_equal(r->status, 200);
    assert_string_equal(buf_str(&r->body), "hello");
    assert_string_equal(json_str(r->headers, "x-seen"), "yes");
    http_client_free(c);
    free(url);
    json_decref(headers);
}

static void a_unix_socket_and_chunks_are_fine(void **state)
{
    char *sock = xasprintf("%s/s", path);
    struct http_client *c = ask((struct http_client_request){
        .method = "GET", .url = "http://any/stream", .unix_path = sock});

    (void)state;
    assert_int_equal(http_client_result(c)->status, 201);
    assert_string_equal(buf_str(&http_client_result(c)->body), "one two");
    http_client_free(c);
    free(sock);
}

static void failures_are_told_in_words(void **state)
{
    struct err e = ERR_INIT;
    struct http_client *c =
        ask((struct http_client_request){.method = "GET", .url = "http://127.0.0.1:1/"});

    (void)state;
    assert_int_equal(http_client_result(c)->err.code, ERR_PEER);
    assert_non_null(strstr(http_client_result(c)->err.text, "cannot connect"));
    http_client_free(c);
    fault_table_add(&world.faults, NULL, "echo", "**", FAULT_CLOSE)->first = 1;
    c = ask((struct http_client_request){.method = "GET", .url = fake->url});
    assert_non_null(strstr(http_client_result(c)->err.text, "closed before the answer"));
    http_client_free(c);
    fault_table_add(&world.faults, NULL, "echo", "**", FAULT_GARBAGE);
    c = ask((struct http_client_request){.method = "GET", .url = fake->url});
    assert_non_null(strstr(http_client_result(c)->err.text, "no HTTP"));
    http_client_free(c);
    assert_null(http_client_start(&world.loop,
                                  &(struct http_client_request){.method = "GET", .url = "nonsense"},
                                  on_done, NULL, &e));
    assert_int_equal(e.code, ERR_USAGE);
    assert_null(http_client_start(
        &world.loop, &(struct http_client_request){.method = "GET", .url = "http://example/"},
        on_done, NULL, &e));
}

/* A server of its own, which says `text` in pieces of so many bytes. */
static struct http_client *ask_raw(const char *method, const char *text, size_t piece)
{
    char *sock = xasprintf("%s/raw", path);
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct err e = ERR_INIT;
    bool done = false;
    struct http_client *c;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", sock);
    assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(listener, 1), 0);
    c = http_client_start(
        &world.loop,
        &(struct http_client_request){.method = method, .url = "http://any/", .unix_path = sock},
        on_done, &done, &e);
    assert_non_null(c);
    fd = accept(listener, NULL, NULL);
    for (size_t n = strlen(text); n;) {
        size_t part = n < piece ? n : piece;

        assert_int_equal(write(fd, text, part), part);
        text += part;
        n -= part;
        loop_turn(&world.loop, loop_now(&world.loop) + NS_PER_MS);
    }
    close(fd);
    for (int i = 0; i < 1000 && !done; i++)
        loop_turn(&world.loop, loop_now(&world.loop) + NS_PER_MS);
    assert_true(done);
    close(listener);
    unlink(sock);
    free(sock);
    return c;
}

static void an_answer_in_single_bytes_is_read_whole(void **state)
{
    struct http_client *c = ask_raw("GET",
                                    "HTTP/1.1 200 OK\r\nX-Long-Name: a long value\r\n"
                                    "Content-Length: 5\r\n\r\nhello",
                                    1);

    (void)state;
    assert_int_equal(http_client_result(c)->err.code, ERR_NONE);
    assert_string_equal(json_str(http_client_result(c)->headers, "x-long-name"), "a long value");
    assert_string_equal(buf_str(&http_client_result(c)->body), "hello");
    http_client_free(c);
}

static void an_interim_answer_is_not_the_answer(void **state)
{
    struct http_client *c = ask_raw("GET",
                                    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                                    "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
                                    7);

    (void)state;
    assert_int_equal(http_client_result(c)->status, 404);
    assert_null(json_str(http_client_result(c)->headers, "link"));
    assert_string_equal(buf_str(&http_client_result(c)->body), "no");
    http_client_free(c);
}

static void the_length_in_an_answer_to_head_is_not_waited_for(void **state)
{
    struct http_client *c = ask_raw("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 100);

    (void)state;
    assert_int_equal(http_client_result(c)->err.code, ERR_NONE);
    assert_int_equal(http_client_result(c)->status, 200);
    http_client_free(c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_body_and_headers_go_there_and_come_back),
        T(a_unix_socket_and_chunks_are_fine),
        T(an_answer_in_single_bytes_is_read_whole),
        T(an_interim_answer_is_not_the_answer),
        T(the_length_in_an_answer_to_head_is_not_waited_for),
        T(failures_are_told_in_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
