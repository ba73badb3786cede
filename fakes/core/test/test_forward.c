#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "fakes/core/forward.h"

static struct loop loop;

static struct sockaddr_in at(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_somewhere(int *ret_port)
{
    struct sockaddr_in sa = at(0);
    socklen_t n = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    *ret_port = ntohs(sa.sin_port);
    return fd;
}

static int dial(int port)
{
    struct sockaddr_in sa = at(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* Turns the loop until fd can be read; what read() returns. */
static ssize_t read_soon(int fd, void *p, size_t n)
{
    ssize_t k = -1;

    for (int i = 0; i < 500 && k < 0; i++) {
        loop_turn(&loop, loop_now(&loop) + 10 * NS_PER_MS);
        k = read(fd, p, n);
        if (k < 0 && errno != EAGAIN)
            return -errno;
    }
    return k;
}

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    return loop_init(&loop, &e);
}

static int end(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    return loop_release(&loop, &e);
}

static void bytes_and_ends_go_through_both_ways(void **state)
{
    struct err e = ERR_INIT;
    int port, l = listen_somewhere(&port), c, s;
    struct forward *f = forward_new(&loop, "127.0.0.1", 0, "127.0.0.1", port, &e);
    char text[8] = "";

    (void)state;
    assert_non_null(f);
    c = dial(forward_port(f));
    assert_int_equal(write(c, "ask", 3), 3);
    for (int i = 0; i < 3; i++)
        loop_turn(&loop, loop_now(&loop) + 10 * NS_PER_MS);
    s = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_int_equal(read_soon(s, text, sizeof(text)), 3);
    assert_memory_equal(text, "ask", 3);
    shutdown(c, SHUT_WR);
    assert_int_equal(read_soon(s, text, sizeof(text)), 0);
    assert_int_equal(write(s, "answer", 6), 6);
    assert_int_equal(read_soon(c, text, sizeof(text)), 6);
    close(s);
    assert_int_equal(read_soon(c, text, sizeof(text)), 0);
    close(c);
    close(l);
    forward_free(f);
}

static void much_goes_through_whole_to_a_slow_reader(void **state)
{
    enum { TOTAL = 8 << 20 };
    struct err e = ERR_INIT;
    int port, l = listen_somewhere(&port), c, s = -1;
    struct forward *f = forward_new(&loop, "127.0.0.1", 0, "127.0.0.1", port, &e);
    static char chunk[64 << 10], got[64 << 10];
    size_t sent = 0, seen = 0;

    (void)state;
    c = dial(forward_port(f));
    for (int i = 0; seen < TOTAL && i < 100000; i++) {
        ssize_t n;

        for (size_t k = 0; k < sizeof(chunk); k++)
            chunk[k] = (char)((sent + k) * 31 >> 4);
        n = sent < TOTAL ? write(c, chunk, sizeof(chunk)) : -1;
        sent += n > 0 ? (size_t)n : 0;
        loop_turn(&loop, loop_now(&loop) + NS_PER_MS);
        if (s < 0)
            s = accept4(l, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        n = i % 4 ? -1 : read(s, got, sizeof(got));
        for (ssize_t k = 0; k < n; k++)
            assert_int_equal(got[k], (char)((seen + (size_t)k) * 31 >> 4));
        seen += n > 0 ? (size_t)n : 0;
    }
    assert_true(seen >= TOTAL);
    close(c);
    close(s);
    close(l);
    forward_free(f); /* with the connection still there */
}

static void nobody_at_the_port_is_a_reset(void **state)
{
    struct err e = ERR_INIT;
    int port, l = listen_somewhere(&port), c;
    struct forward *f = forward_new(&loop, "127.0.0.1", 0, "127.0.0.1", port, &e);
    char byte;

    (void)state;
    close(l);
    c = dial(forward_port(f));
    assert_int_equal(read_soon(c, &byte, 1), -ECONNRESET);
    close(c);
    forward_free(f);
}

static void an_address_that_is_not_here_is_an_error(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_null(forward_new(&loop, "192.0.2.1", 80, "127.0.0.1", 1, &e));
    assert_non_null(strstr(e.text, "cannot listen on 192.0.2.1:80"));
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(bytes_and_ends_go_through_both_ways),
        in_place(much_goes_through_whole_to_a_slow_reader),
        in_place(nobody_at_the_port_is_a_reset),
        in_place(an_address_that_is_not_here_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
