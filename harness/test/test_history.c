#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/str.h"
#include "harness/history.h"

static struct loop loop;
static struct journal journal;

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(loop_init(&loop, &e), 0);
    loop_set_time(&loop, LOOP_VIRTUAL, 1);
    journal_init(&journal, &loop);
    journal.keep = true;
    return 0;
}

static int end(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    journal_release(&journal);
    assert_int_equal(loop_release(&loop, &e), 0);
    return 0;
}

static void request(const char *peer, const char *what, const char *body)
{
    json_t *d = json_object();

    json_put_str(d, "body", body);
    journal_add(&journal, RECORD_REQUEST, peer, what, d);
}

static void later(int64_t ns)
{
    clock_set(&loop.clock, clock_mono(&loop.clock) + ns);
}

static char *text(void)
{
    later(NS_PER_S);
    journal_note(&journal, "scenario", "the end");
    return history_text(&journal, journal.n, "/tmp/x/1");
}

static void what_must_differ_has_one_name_and_ids_keep_their_identity(void **state)
{
    char *s;

    (void)state;
    request("ecs", "RegisterContainerInstance",
            "token 0123456789ab-cdef at 2026-11-26T14:17:38.5Z");
    later(NS_PER_S);
    request("ecs", "SubmitTaskStateChange",
            "0123456789ab-cdef fedcba987654 1795707508.25 in /tmp/x/1/data");
    later(NS_PER_S);
    request("docker", "GET /containers/fedcba987654/json", "127.0.0.1:38075 account 123456789012");
    s = text();
    assert_string_equal(s, "ecs request RegisterContainerInstance body=token #1 at <time>\n"
                           "ecs request SubmitTaskStateChange body=#1 #2 <time> in <dir>/data\n"
                           "docker request GET /containers/#2/json body=<port> account #3\n");
    free(s);
}

static void the_order_of_one_moment_does_not_count_that_of_two_does(void **state)
{
    char *s;

    (void)state;
    request("docker", "GET /b", "2");
    request("docker", "GET /a", "1");
    later(10 * NS_PER_MS);
    request("docker", "GET /0", "3");
    s = text();
    assert_string_equal(s, "docker request GET /a body=1\ndocker request GET /b body=2\n"
                           "docker request GET /0 body=3\n");
    free(s);
}

static void a_difference_is_shown_by_its_line(void **state)
{
    char *s = history_difference("same\nfirst one\n", "same\nfirst two\n");

    (void)state;
    assert_null(history_difference("a\n", "a\n"));
    assert_string_equal(s, "line 2 of the history: first \"first one\", then \"first two\"");
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_must_differ_has_one_name_and_ids_keep_their_identity,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_order_of_one_moment_does_not_count_that_of_two_does,
                                        begin, end),
        cmocka_unit_test(a_difference_is_shown_by_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
