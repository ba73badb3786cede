/*
 * Containers whose command really runs. Their root is an empty folder into which
 * the programs of this machine are mounted. Where the kernel gives no namespaces
 * these tests are skipped, and say so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/process.h"
#include "fakes/docker/test/client.c"

#define TOOLS                                                                                      \
    "\"/bin:/bin:ro\",\"/lib:/lib:ro\",\"/lib64:/lib64:ro\",\"/usr:/usr:ro\",\"/etc/alternatives:" \
    "/etc/alternatives:ro\""

static char folder[32];

static int begin(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof(folder), "/tmp/ecsim-root-XXXXXX");
    if (client_begin(state) < 0 || !mkdtemp(folder))
        return -1;
    if (!can_resolve())
        return 0; /* and each test is skipped */
    return control("image", "name", "real:1", "cached", "", "rootfs", folder, NULL);
}

static int end(void **state)
{
    client_end(state);
    return io_remove_tree(folder, NULL);
}

/* Creates and starts a container that runs this line of shell. False: it cannot be done here. */
static bool real_with(const char *name, const char *line, const char *host, const char *more)
{
    char *command;

    if (!can_resolve())
        return false;
    command =
        xasprintf(",\"Cmd\":[\"sh\",\"-c\",\"%s\"],\"HostConfig\":{\"Binds\":[" TOOLS "]%s}%s",
                  line, host, more);

    run(name, "real:1", command);
    free(command);
    if (answer.status == 204)
        return true;
    if (!strstr(buf_str(&answer.body), "clone: ") &&
        !strstr(buf_str(&answer.body), "making the mounts of / private: "))
        fail_msg("%s", buf_str(&answer.body));
    printf("skipped: this kernel gives no namespaces: %s", buf_str(&answer.body));
    return false;
}

/* Turns the loop until it holds, at most half a minute: a process takes what the machine gives. */
#define TURN_UNTIL(condition)                                                                      \
    for (uint64_t end_ = uv_hrtime() + 30 * NS_PER_S; !(condition) && uv_hrtime() < end_;)         \
    loop_turn(&world->loop, loop_now(&world->loop) + 10 * NS_PER_MS)

static bool real(const char *name, const char *line, const char *more)
{
    return real_with(name, line, "", more);
}

/* Turns the loop until the container has ended; in real time, as its process lives in that. */
static void wait_for_end(const char *name)
{
    char *path = xasprintf("/containers/%s/wait", name);
    struct peer p;

    ask(&p, "POST", path, NULL);
    for (int i = 0; i < 10 && !peer_wait_end(&p); i++)
        ;
    assert_true(p.eof);
    peer_close(&p);
    free(path);
}

static const char *logs(const char *name)
{
    char *path = xasprintf("/containers/%s/logs?stdout=1&stderr=1", name);

    call("GET", path, NULL);
    free(path);
    return buf_str(&answer.body);
}

static void a_command_runs_and_ends_with_its_code(void **state)
{
    (void)state;
    if (!real("cc", "echo out; echo err >&2; exit 3", ""))
        skip();
    wait_for_end("cc");
    assert_int_equal(inspect_int("cc", "State.ExitCode"), 3);
    logs("cc");
    assert_int_equal(buf_len(&answer.body), 24);
    assert_non_null(memmem(buf_str(&answer.body), 24, "\1\0\0\0\0\0\0\4out\n", 12));
    assert_non_null(memmem(buf_str(&answer.body), 24, "\2\0\0\0\0\0\0\4err\n", 12));
    assert_string_equal(events_of("cc"), "create start die[3]");
}

static void it_is_the_first_process_of_a_world_of_its_own(void **state)
{
    (void)state;
    if (!real("cc", "echo $$ $(hostname) $PWD $GREETING $(id -u) $(cat /etc/hostname)",
              ",\"Hostname\":\"box\",\"WorkingDir\":\"/some/where\",\"Tty\":true,"
              "\"Env\":[\"GREETING=hello\"]"))
        skip();
    wait_for_end("cc");
    assert_string_equal(logs("cc"), "1 box /some/where hello 0 box\r\n");
}

static void a_signal_reaches_it_and_a_stop_has_patience(void **state)
{
    struct peer p;

    (void)state;
    if (!real("cc",
              "trap 'exit 7' TERM; trap 'echo usr; ' USR1; echo ready; "
              "while :; do sleep 0.02; done",
              ",\"Tty\":true"))
        skip();
    TURN_UNTIL(strstr(logs("cc"), "ready"));
    assert_int_equal(call("POST", "/containers/cc/kill?signal=USR1", NULL)->status, 204);
    TURN_UNTIL(strstr(logs("cc"), "usr"));
    ask(&p, "POST", "/containers/cc/stop?t=60", NULL);
    for (int i = 0; i < 10 && !peer_wait_end(&p); i++)
        ;
    assert_int_equal(answer_of(&p)->status, 204);
    peer_close(&p);
    assert_string_equal(logs("cc"), "ready\r\nusr\r\n");
    assert_string_equal(events_of("cc"), "create start kill(10) kill(15) die[7] stop");
}

/* The first process of a pid namespace does not die of TERM unless it wants to. */
static void one_that_ignores_term_is_killed(void **state)
{
    struct peer p;

    (void)state;
    if (!real("cc", "exec sleep 1000", ""))
        skip();
    assert_true(inspect_int("cc", "State.Pid") > 1);
    ask(&p, "POST", "/containers/cc/stop?t=5", NULL);
    pass(4 * NS_PER_S);
    assert_string_equal(inspect("cc", "State.Status"), "running");
    pass(2 * NS_PER_S);
    for (int i = 0; i < 10 && !peer_wait_end(&p); i++)
        ;
    peer_close(&p);
    assert_string_equal(events_of("cc"), "create start kill(15) kill(9) die[137] stop");
}

static void its_limits_are_those_of_the_create_body(void **state)
{
    (void)state;
    if (!real_with("cc", "ulimit -Sn; ulimit -Hn; ulimit -c",
                   ",\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":100,\"Hard\":200},"
                   "{\"Name\":\"core\",\"Soft\":0,\"Hard\":0}]",
                   ",\"Tty\":true"))
        skip();
    wait_for_end("cc");
    assert_string_equal(logs("cc"), "100\r\n200\r\n0\r\n");
}

static void out_of_memory_ends_it_as_the_kernel_would(void **state)
{
    (void)state;
    if (!real("cc", "exec sleep 1000", ""))
        skip();
    assert_int_equal(control("oom", "container", "cc", NULL), 0);
    assert_int_equal(inspect_int("cc", "State.ExitCode"), 137);
    call("GET", "/containers/cc/json", NULL);
    assert_true(json_is_true(json_at(answer.json, "State.OOMKilled")));
    assert_string_equal(events_of("cc"), "create start oom die[137]");
}

static void exec_goes_into_it_and_input_comes_back(void **state)
{
    struct peer p;
    char *path, *text;

    (void)state;
    if (!real("cc", "exec sleep 1000", ""))
        skip();
    call("POST", "/containers/cc/exec",
         "{\"Cmd\":[\"sh\",\"-c\",\"cat; test $$ != 1 && test -d /proc/1 && exit 9\"],"
         "\"AttachStdin\":true,\"AttachStdout\":true}");
    path = xasprintf("/exec/%s/start", json_str(answer.json, "Id"));
    text = xasprintf("POST %s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
                     "Content-Length: 2\r\n\r\n{}",
                     path);
    peer_connect(&p, engine);
    peer_send(&p, text);
    peer_send(&p, "hello");
    shutdown(p.fd, SHUT_WR);
    for (int i = 0; i < 10 && !peer_wait_end(&p); i++)
        ;
    assert_true(p.eof);
    assert_non_null(memmem(buf_str(&p.got), buf_len(&p.got), "\1\0\0\0\0\0\0\5hello", 13));
    peer_close(&p);
    free(text);
    text = xasprintf("%.*s/json", (int)(strlen(path) - strlen("/start")), path);
    call("GET", text, NULL);
    assert_int_equal(json_int(answer.json, "ExitCode", -1), 9);
    free(text);
    free(path);
    assert_int_equal(call("DELETE", "/containers/cc?force=1", NULL)->status, 204);
}

static void what_it_writes_is_a_change(void **state)
{
    (void)state;
    if (!real("cc", "mkdir /made; echo x > /made/file; echo y > /data/z",
              ",\"Volumes\":{\"/data\":{}}"))
        skip();
    wait_for_end("cc");
    assert_int_equal(inspect_int("cc", "State.ExitCode"), 0);
    call("GET", "/containers/cc/changes", NULL);
    assert_non_null(strstr(buf_str(&answer.body), "{\"Path\":\"/made\",\"Kind\":1},"
                                                  "{\"Path\":\"/made/file\",\"Kind\":1}"));
    assert_null(strstr(buf_str(&answer.body), "/data/z"));
    call("GET", "/containers/cc/archive?path=/data/z", NULL);
    assert_int_equal(answer.status, 200);
}

static void a_program_that_is_not_there_does_not_start(void **state)
{
    (void)state;
    if (!real("probe", "true", ""))
        skip();
    run("cc", "real:1", ",\"Cmd\":[\"/no/such\"]");
    assert_int_equal(answer.status, 400);
    assert_string_equal(json_str(answer.json, "message"),
                        "failed to create shim task: OCI runtime create failed: runc create "
                        "failed: unable to start container process: exec: \"/no/such\": stat "
                        "/no/such: no such file or directory: unknown");
    assert_int_equal(inspect_int("cc", "State.ExitCode"), 127);
    assert_string_equal(inspect("cc", "State.Status"), "created");
    run("dd", "real:1", ",\"Cmd\":[\"sh\"],\"User\":\"nobody-knows\"");
    assert_string_equal(json_str(answer.json, "message"),
                        "unable to find user nobody-knows: no matching entries in passwd file");
}

static void a_paused_one_stands_still(void **state)
{
    (void)state;
    if (!real("cc", "while :; do echo x; sleep 0.01; done", ""))
        skip();
    call("POST", "/containers/cc/pause", NULL);
    pass(0);
    logs("cc");
    size_t n = buf_len(&answer.body);

    for (int64_t until = loop_now(&world->loop) + 100 * NS_PER_MS; loop_now(&world->loop) < until;)
        loop_turn(&world->loop, until);
    logs("cc");
    assert_int_equal(buf_len(&answer.body), n);
    call("POST", "/containers/cc/unpause", NULL);
    for (int64_t until = loop_now(&world->loop) + 100 * NS_PER_MS; loop_now(&world->loop) < until;)
        loop_turn(&world->loop, until);
    logs("cc");
    assert_true(buf_len(&answer.body) > n);
}

static bool is_healthy(const char *status)
{
    for (int i = 0; i < 3000; i++) { /* a busy machine */
        if (str_eq(inspect("cc", "State.Health.Status"), status))
            return true;
        loop_turn(&world->loop, loop_now(&world->loop) + 20 * NS_PER_MS);
    }
    return false;
}

static void its_health_check_really_runs(void **state)
{
    (void)state;
    if (!real("cc", "touch /ok; exec sleep 1000",
              ",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"test -e /ok\"],"
              "\"Interval\":50000000,\"Retries\":1}"))
        skip();
    assert_true(is_healthy("healthy"));
    call("POST", "/containers/cc/exec", "{\"Cmd\":[\"rm\",\"/ok\"]}");
    char *path = xasprintf("/exec/%s/start", json_str(answer.json, "Id"));

    call("POST", path, "{\"Detach\":true}");
    free(path);
    assert_true(is_healthy("unhealthy"));
    call("DELETE", "/containers/cc?force=1", NULL);
    /* one that hangs is ended by its own time-out, and by the end of the container */
    assert_true(real("cc", "exec sleep 1000",
                     ",\"Healthcheck\":{\"Test\":[\"CMD\",\"sleep\",\"1000\"],"
                     "\"Interval\":50000000,\"Timeout\":100000000,\"Retries\":1}"));
    assert_true(is_healthy("unhealthy"));
    pass(60 * NS_PER_MS);
    assert_int_equal(call("DELETE", "/containers/cc?force=1", NULL)->status, 204);
}

static void groups_and_hosts_that_were_added_are_there(void **state)
{
    (void)state;
    if (!real("cc", "id -G; grep db /etc/hosts",
              ",\"HostConfig\":{\"GroupAdd\":[\"1234\"],\"ExtraHosts\":[\"db:10.1.2.3\"],"
              "\"Binds\":[" TOOLS "]}"))
        skip();
    wait_for_end("cc");
    logs("cc");
    assert_non_null(memmem(buf_str(&answer.body), buf_len(&answer.body), " 1234\n", 6));
    assert_non_null(memmem(buf_str(&answer.body), buf_len(&answer.body), "10.1.2.3\tdb\n", 12));
}

/* Who asks after the start still sees it run; a kill that comes too late is taken. */
static void its_end_is_told_no_sooner_than_a_runtime_can(void **state)
{
    int64_t from, to;

    (void)state;
    if (!real("cc", "exit 5", ""))
        skip();
    for (int i = 0; i < 5; i++)
        loop_turn(&world->loop, loop_now(&world->loop) + NS_PER_MS);
    call("POST", "/containers/cc/kill?signal=USR1", NULL);
    wait_for_end("cc");
    assert_int_equal(inspect_int("cc", "State.ExitCode"), 5);
    assert_int_equal(str_parse_time(inspect("cc", "State.StartedAt"), &from), 0);
    assert_int_equal(str_parse_time(inspect("cc", "State.FinishedAt"), &to), 0);
    assert_in_range(to - from, 40 * NS_PER_MS, 60 * NS_PER_S);
}

/* A port that nobody has, for who cannot say which it took. */
static int free_port(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    close(fd);
    return ntohs(sa.sin_port);
}

static int dial(int port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_not_equal(fd, -1);
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void its_port_is_reached_by_the_host_s(void **state)
{
    int inside = free_port(), outside = free_port(), fd;
    char got[8] = "", line[256], host[128];

    (void)state;
    snprintf(line, sizeof(line),
             "python3 -c 'import socket; s = socket.create_server((\\\"0.0.0.0\\\", %d)); "
             "print(\\\"ready\\\", flush=True); c = s.accept()[0]; c.send(b\\\"hello\\\")'",
             inside);
    snprintf(host, sizeof(host),
             ",\"PortBindings\":{\"%d/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"%d\"}]}",
             inside, outside);
    if (!real_with("cc", line, host, ""))
        skip();
    TURN_UNTIL(logs("cc") && memmem(buf_str(&answer.body), buf_len(&answer.body), "ready", 5));
    fd = dial(outside);
    assert_int_not_equal(fd, -1);
    TURN_UNTIL(recv(fd, got, sizeof(got), MSG_DONTWAIT) == 5);
    assert_memory_equal(got, "hello", 5);
    close(fd);
    wait_for_end("cc");
    loop_turn(&world->loop, loop_now(&world->loop) + NS_PER_MS);
    assert_int_equal(dial(outside), -1); /* it was given back */
}

static void a_port_that_somebody_has_is_refused(void **state)
{
    int inside = free_port(), outside;
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char host[128];

    (void)state;
    if (!real("aa", "exit 0", ""))
        skip();
    wait_for_end("aa");
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
    assert_int_equal(listen(fd, 1), 0);
    outside = ntohs(sa.sin_port);
    snprintf(host, sizeof(host),
             ",\"HostConfig\":{\"PortBindings\":{\"%d/tcp\":[{\"HostIp\":\"127.0.0.1\","
             "\"HostPort\":\"%d\"}]}}",
             inside, outside);
    run("cc", "real:1", host);
    assert_int_equal(answer.status, 500);
    assert_non_null(strstr(buf_str(&answer.body), "Error starting userland proxy: listen tcp4 "));
    close(fd);
}

/* Fills the volume "vol" with sub/file, and links. */
static bool fill_volume(void)
{
    if (!real_with("fill",
                   "mkdir /v/sub; echo text >/v/sub/file; ln -s /etc /v/out; ln -s sub /v/in",
                   ",\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"vol\",\"Target\":\"/v\"}]", ""))
        return false;
    wait_for_end("fill");
    return true;
}

/* Runs "cat /m/file" with this folder of it as /m. */
static void with_subpath(const char *name, const char *path)
{
    char *host = xasprintf(",\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"vol\",\"Target\":"
                           "\"/m\",\"VolumeOptions\":{\"Subpath\":\"%s\"}}]",
                           path);
    char *body =
        xasprintf(",\"Cmd\":[\"cat\",\"/m/file\"],\"HostConfig\":{\"Binds\":[" TOOLS "]%s}", host);

    run(name, "real:1", body);
    free(body);
    free(host);
}

static void a_folder_of_a_volume_is_mounted_alone(void **state)
{
    (void)state;
    assert_int_equal(control("version", "version", "26.1.5", NULL), 0);
    if (!fill_volume())
        skip();
    with_subpath("aa", "in");
    assert_int_equal(answer.status, 204);
    wait_for_end("aa");
    assert_string_equal(logs("aa") + 8, "text\n");
    with_subpath("bb", "nosuch");
    assert_int_equal(answer.status, 404);
    with_subpath("cc", "out");
    assert_int_equal(answer.status, 400);
    assert_string_equal(inspect("cc", "State.Error"),
                        "path concatenation escapes the base directory, base: "
                        "/var/lib/docker/volumes/vol/_data, subpath: out");
}

/* What the last check of this container said. */
static const char *last_check(const char *name)
{
    const json_t *log;
    char *path = xasprintf("/containers/%s/json", name);
    const struct answer *a = call("GET", path, NULL);

    free(path);
    log = json_at(a->json, "State.Health.Log");
    log = json_array_get(log, json_array_size(log) - 1);
    return log ? json_str(log, "Output") : "";
}

static void a_health_check_leaves_what_it_wrote(void **state)
{
    (void)state;
    if (!real("cc", "sleep 100",
              ",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"echo so it is; exit 2\"],"
              "\"Interval\":50000000,\"Retries\":1}"))
        skip();
    assert_true(is_healthy("unhealthy"));
    assert_string_equal(last_check("cc"), "so it is\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_command_runs_and_ends_with_its_code, begin, end),
        cmocka_unit_test_setup_teardown(it_is_the_first_process_of_a_world_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(a_signal_reaches_it_and_a_stop_has_patience, begin, end),
        cmocka_unit_test_setup_teardown(one_that_ignores_term_is_killed, begin, end),
        cmocka_unit_test_setup_teardown(its_limits_are_those_of_the_create_body, begin, end),
        cmocka_unit_test_setup_teardown(out_of_memory_ends_it_as_the_kernel_would, begin, end),
        cmocka_unit_test_setup_teardown(exec_goes_into_it_and_input_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(what_it_writes_is_a_change, begin, end),
        cmocka_unit_test_setup_teardown(a_program_that_is_not_there_does_not_start, begin, end),
        cmocka_unit_test_setup_teardown(a_paused_one_stands_still, begin, end),
        cmocka_unit_test_setup_teardown(its_health_check_really_runs, begin, end),
        cmocka_unit_test_setup_teardown(groups_and_hosts_that_were_added_are_there, begin, end),
        cmocka_unit_test_setup_teardown(its_end_is_told_no_sooner_than_a_runtime_can, begin, end),
        cmocka_unit_test_setup_teardown(its_port_is_reached_by_the_host_s, begin, end),
        cmocka_unit_test_setup_teardown(a_port_that_somebody_has_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_of_a_volume_is_mounted_alone, begin, end),
        cmocka_unit_test_setup_teardown(a_health_check_leaves_what_it_wrote, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
