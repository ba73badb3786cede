#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/test/client.c"

static char id[65];

/* Makes a simulated container that has some commands. */
static void begin_container(const char *name, const char *more)
{
    control("image", "name", "tool:1", "cached", "", "commands",
            "date => Monday;; both => exit=5 out;; bad => exit=3 stderr=no;; cat => stdin exit=4;;"
            "slow => after=10s done",
            NULL);
    run(name, "tool:1", more);
}

/* Creates an exec; its id is in `id`. */
static void exec_create(const char *name, const char *body)
{
    char *path = xasprintf("/containers/%s/exec", name);

    call("POST", path, body);
    snprintf(id, sizeof(id), "%s", json_str(answer.json, "Id") ? json_str(answer.json, "Id") : "");
    free(path);
}

static const json_t *exec_inspect(void)
{
    char *path = xasprintf("/exec/%s/json", id);

    call("GET", path, NULL);
    free(path);
    return answer.json;
}

/* A request whose connection is kept, with the headers of one that wants an upgrade. */
static void upgrade(struct peer *p, const char *path, const char *body)
{
    char *text = xasprintf("POST %s HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
                           "Upgrade: tcp\r\nContent-Type: application/json\r\n"
                           "Content-Length: %zu\r\n\r\n%s",
                           path, strlen(body), body);

    peer_connect(p, engine);
    peer_send(p, text);
    free(text);
    peer_settle(world);
    take(p);
}

static void exec_go(struct peer *p, const char *body)
{
    char *path = xasprintf("/exec/%s/start", id);

    upgrade(p, path, body);
    free(path);
}

static const char *behind_head(struct peer *p, size_t *ret_n)
{
    const char *end = strstr(buf_str(&p->got), "\r\n\r\n");

    *ret_n = end ? buf_len(&p->got) - (size_t)(end + 4 - buf_str(&p->got)) : 0;
    return end ? end + 4 : "";
}

#define assert_received(p, bytes)                                                                  \
    do {                                                                                           \
        size_t n_;                                                                                 \
        const char *s_;                                                                            \
        take(p);                                                                                   \
        s_ = behind_head(p, &n_);                                                                  \
        assert_int_equal(n_, sizeof(bytes) - 1);                                                   \
        assert_memory_equal(s_, bytes, n_);                                                        \
    } while (0)

static void an_exec_is_framed_and_leaves_its_code(void **state)
{
    struct peer p;

    (void)state;
    begin_container("cc", "");
    exec_create("cc", "{\"Cmd\":[\"sh\",\"-c\",\"both\"],\"AttachStdout\":true}");
    assert_int_equal(answer.status, 201);
    assert_true(json_is_null(json_object_get(exec_inspect(), "ExitCode")));
    exec_go(&p, "{\"Detach\":false}");
    pass(NS_PER_S);
    assert_true(peer_wait_end(&p));
    assert_true(str_starts(buf_str(&p.got),
                           "HTTP/1.1 101 UPGRADED\r\n"
                           "Content-Type: application/vnd.docker.raw-stream\r\n"
                           "Connection: Upgrade\r\nUpgrade: tcp\r\nApi-Version: 1.41\r\n"));
    assert_null(strstr(buf_str(&p.got), "Date:"));
    assert_received(&p, "\1\0\0\0\0\0\0\4out\n");
    peer_close(&p);
    assert_int_equal(json_int(exec_inspect(), "ExitCode", -1), 5);
    assert_false(json_bool(answer.json, "Running", true));
    assert_string_equal(json_string_value(json_at(answer.json, "ProcessConfig.entrypoint")), "sh");
}

static void an_exec_of_an_unknown_program_says_so_in_its_stream(void **state)
{
    struct peer p;

    (void)state;
    begin_container("cc", "");
    exec_create("cc", "{\"Cmd\":[\"/no/such\"],\"AttachStdout\":true}");
    exec_go(&p, "{}");
    assert_true(peer_wait_end(&p));
    assert_received(&p, "\1\0\0\0\0\0\0\x8eOCI runtime exec failed: exec failed: unable to start "
                        "container process: exec: \"/no/such\": stat /no/such: no such file or "
                        "directory: unknown\r\n");
    peer_close(&p);
    assert_int_equal(json_int(exec_inspect(), "ExitCode", -1), 126);
    exec_go(&p, "{}");
    assert_true(peer_wait_end(&p));
    assert_non_null(memmem(buf_str(&p.got), buf_len(&p.got), "has already run\r\n", 17));
    peer_close(&p);
}

static void an_exec_is_over_when_its_container_is(void **state)
{
    struct peer p;

    (void)state;
    begin_container("cc", "");
    exec_create("cc", "{\"Cmd\":[\"slow\"],\"AttachStdout\":true}");
    exec_go(&p, "{}");
    pass(NS_PER_S);
    assert_true(json_is_true(json_object_get(exec_inspect(), "Running")));
    call("GET", "/containers/cc/json", NULL);
    assert_int_equal(json_array_size(json_object_get(answer.json, "ExecIDs")), 1);
    control("exit", "container", "cc", NULL);
    assert_true(peer_wait_end(&p));
    peer_close(&p);
    assert_int_equal(json_int(exec_inspect(), "ExitCode", -1), 137);
    call("DELETE", "/containers/cc", NULL);
    exec_inspect();
    assert_int_equal(answer.status, 404);
}

static void what_an_exec_refuses(void **state)
{
    static const struct {
        const char *name, *body;
        int status;
        const char *text;
    } cases[] = {
        {"nosuch", "{\"Cmd\":[\"a\"]}", 404, "No such container: nosuch"},
        {"cc", "{}", 400, "No exec command specified"},
        {"cc", "{bad", 400, "invalid character 'b' looking for beginning of object key string"},
        {"cc", "{\"Cmd\":\"a\"}", 400,
         "json: cannot unmarshal string into Go struct field ExecConfig.Cmd of type []string"},
        {"cc", "{\"Cmd\":[\"a\"],\"DetachKeys\":\"foo\"}", 500,
         "Invalid escape keys (foo) provided"},
    };

    (void)state;
    begin_container("cc", "");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        exec_create(cases[i].name, cases[i].body);
        assert_int_equal(answer.status, cases[i].status);
        assert_string_equal(json_str(answer.json, "message"), cases[i].text);
    }
    call("POST", "/containers/cc/pause", NULL);
    exec_create("cc", "{\"Cmd\":[\"a\"]}");
    assert_string_equal(json_str(answer.json, "message"),
                        "Container cc is paused, unpause the container before exec");
    call("POST", "/exec/nosuch/start", "{}");
    assert_int_equal(answer.status, 404);
}

static void input_that_comes_before_the_start_waits_for_it(void **state)
{
    struct peer p;

    (void)state;
    control("image", "name", "tool:1", "cached", "", "commands", "cat => stdin exit=4", NULL);
    call("POST", "/containers/create?name=cc",
         "{\"Image\":\"tool:1\",\"Cmd\":[\"cat\"],\"OpenStdin\":true,\"StdinOnce\":true}");
    upgrade(&p, "/containers/cc/attach?stream=1&stdin=1&stdout=1", "");
    peer_send(&p, "hello\n");
    shutdown(p.fd, SHUT_WR);
    peer_settle(world);
    call("POST", "/containers/cc/start", NULL);
    pass(NS_PER_S);
    assert_true(peer_wait_end(&p));
    assert_received(&p, "\1\0\0\0\0\0\0\6hello\n");
    peer_close(&p);
    assert_int_equal(inspect_int("cc", "State.ExitCode"), 4);
    assert_string_equal(events_of("cc"), "create attach start die[4]");
}

static void the_detach_keys_leave_the_container_running(void **state)
{
    struct peer p;

    (void)state;
    begin_container("cc", ",\"Cmd\":[\"cat\"],\"OpenStdin\":true,\"Tty\":true");
    upgrade(&p, "/containers/cc/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,d", "");
    peer_send(&p, "x\1y"); /* the first half of the keys, and then something else */
    peer_settle(world);
    assert_received(&p, "x\1y");
    peer_send(&p, "\1");
    peer_settle(world);
    peer_send(&p, "d");
    assert_true(peer_wait_end(&p));
    peer_close(&p);
    assert_string_equal(inspect("cc", "State.Status"), "running");
    assert_string_equal(events_of("cc"), "create start attach detach");
}

static void attaching_fails_behind_the_hijack(void **state)
{
    (void)state;
    begin_container("cc", "");
    call("POST", "/containers/cc/attach?stream=1&detachKeys=foo", NULL);
    assert_string_equal(answer.head, "HTTP/1.1 400 Bad Request\r\nContent-Type: "
                                     "application/vnd.docker.raw-stream\r\n");
    assert_string_equal(buf_str(&answer.body), "Invalid detach keys (foo) provided\r\n");
    call("POST", "/containers/nosuch/attach?stream=1", NULL);
    assert_int_equal(answer.status, 404);
    call("POST", "/containers/cc/pause", NULL);
    call("POST", "/containers/cc/attach?stream=1", NULL);
    assert_string_equal(buf_str(&answer.body),
                        "container cc is paused, unpause the container before attach\r\n");
}

static void what_was_written_before_comes_with_logs(void **state)
{
    (void)state;
    control("image", "name", "loud:1", "cached", "", "stdout", "one", "stderr", "two", NULL);
    run("cc", "loud:1", "");
    pass(NS_PER_S);
    call("POST", "/containers/cc/attach?logs=1&stdout=1&stderr=1", NULL);
    assert_int_equal(buf_len(&answer.body), 24);
    assert_memory_equal(buf_str(&answer.body), "\1\0\0\0\0\0\0\4one\n\2\0\0\0\0\0\0\4two\n", 24);
}

static void a_terminal_knows_one_stream_and_its_own_newline(void **state)
{
    (void)state;
    begin_container("cc", ",\"Cmd\":[\"bad\"],\"Tty\":true");
    pass(NS_PER_S);
    call("GET", "/containers/cc/logs?stdout=1", NULL);
    assert_string_equal(buf_str(&answer.body), "no\r\n");
    assert_int_equal(inspect_int("cc", "State.ExitCode"), 3);
}

static void logs_follow_until_their_time(void **state)
{
    struct peer p;
    char path[120];

    (void)state;
    control("image", "name", "tick:1", "cached", "", "stdout", "t", "every", "1s", NULL);
    run("cc", "tick:1", "");
    snprintf(path, sizeof(path), "/containers/cc/logs?stdout=1&follow=1&details=1&until=%lld",
             (long long)(loop_wall(&world->loop) / NS_PER_S + 4));
    ask(&p, "GET", path, NULL);
    pass(10 * NS_PER_S);
    assert_true(peer_wait_end(&p));
    answer_of(&p);
    assert_true(answer.chunks >= 3 && answer.chunks <= 5);
    assert_memory_equal(buf_str(&answer.body), "\1\0\0\0\0\0\0\3 t\n", 11);
    peer_close(&p);
}

static void a_size_must_be_a_number_and_the_container_must_run(void **state)
{
    (void)state;
    begin_container("cc", ",\"Tty\":true");
    assert_int_equal(call("POST", "/containers/cc/resize?h=5&w=9", NULL)->status, 200);
    call("POST", "/containers/cc/resize?h=x&w=9", NULL);
    assert_string_equal(json_str(answer.json, "message"),
                        "strconv.Atoi: parsing \"x\": invalid syntax");
    assert_string_equal(events_of("cc"), "create start resize");
    control("exit", "container", "cc", NULL);
    assert_int_equal(call("POST", "/containers/cc/resize?h=5&w=9", NULL)->status, 409);
}

static void rules_that_are_none_are_refused(void **state)
{
    static const char *const wrong[] = {"", "date", "=> x", "a => exit=256", "a => after=x", ";;"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(control("image", "name", "x:1", "commands", wrong[i], NULL), -1);
        assert_non_null(strstr(control_err.text, "commands"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_exec_is_framed_and_leaves_its_code, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(an_exec_of_an_unknown_program_says_so_in_its_stream,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(an_exec_is_over_when_its_container_is, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(what_an_exec_refuses, client_begin, client_end),
        cmocka_unit_test_setup_teardown(input_that_comes_before_the_start_waits_for_it,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(the_detach_keys_leave_the_container_running, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(attaching_fails_behind_the_hijack, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(what_was_written_before_comes_with_logs, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_terminal_knows_one_stream_and_its_own_newline,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(logs_follow_until_their_time, client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_size_must_be_a_number_and_the_container_must_run,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(rules_that_are_none_are_refused, client_begin, client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
