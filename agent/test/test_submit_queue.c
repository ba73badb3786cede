/*
 * The HTTP client, the ECS client and the submit queue against a small server
 * on the same loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <uv.h>

#include "agent/submit_queue.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* One connection of the server; answers each request by the next line of the script. */
struct peer {
    uv_tcp_t tcp;
    struct buf in;
    char chunk[4096];
};

static struct loop l;
static struct http *http;
static struct config config;
static struct log logger;
static struct imds *imds;
static struct credentials *credentials;
static struct ecs_client *ecs;
static struct submit_queue *queue;
static uv_tcp_t server;

static const char *const *script; /* statuses and bodies: "200 {}" */
static struct buf asked;          /* bodies of requests, one a line */
static struct buf told;           /* outcomes */
static unsigned int answers;
static int wanted; /* outcomes that end the test */

static void on_closed(uv_handle_t *h)
{
    struct peer *p = h->data;

    if (!p)
        return;
    buf_release(&p->in);
    free(p);
}

static void answer(struct peer *p)
{
    const char *line = script[answers] ? script[answers++] : "200 {}";
    struct buf out = BUF_INIT(4096);
    uv_buf_t b;

    buf_addf(&out, "HTTP/1.1 %.3s X\r\nContent-Length: %zu\r\n\r\n%s", line, strlen(line + 4),
             line + 4);
    b = uv_buf_init(buf_data(&out), (unsigned int)buf_len(&out));
    assert_int_equal(uv_try_write((uv_stream_t *)&p->tcp, &b, 1), buf_len(&out));
    buf_release(&out);
}

static void read_requests(struct peer *p)
{
    const char *end, *length;

    while ((end = strstr(buf_str(&p->in), "\r\n\r\n"))) {
        size_t head = (size_t)(end - buf_str(&p->in)) + 4;
        unsigned long n = 0;

        length = strcasestr(buf_str(&p->in), "content-length:");
        if (length && length < end)
            n = strtoul(length + 15, NULL, 10);
        if (buf_len(&p->in) < head + n)
            return;
        buf_add(&asked, buf_str(&p->in) + head, n);
        buf_addc(&asked, '\n');
        buf_consume(&p->in, head + n);
        answer(p);
    }
}

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    struct peer *p = h->data;

    (void)n;
    *b = uv_buf_init(p->chunk, sizeof(p->chunk));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct peer *p = s->data;

    if (n < 0) {
        uv_close((uv_handle_t *)s, on_closed);
        return;
    }
    buf_add(&p->in, b->base, (size_t)n);
    read_requests(p);
}

static void on_connection(uv_stream_t *s, int status)
{
    struct peer *p = new0(struct peer);

    (void)status;
    buf_init(&p->in, 100000);
    uv_tcp_init(s->loop, &p->tcp);
    p->tcp.data = p;
    uv_accept(s, (uv_stream_t *)&p->tcp);
    uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
}

static int listen_somewhere(void)
{
    struct sockaddr_in a;
    int len = sizeof(a);

    uv_ip4_addr("127.0.0.1", 0, &a);
    uv_tcp_init(&l.uv, &server);
    server.data = NULL;
    uv_tcp_bind(&server, (const struct sockaddr *)&a, 0);
    uv_listen((uv_stream_t *)&server, 16, on_connection);
    uv_tcp_getsockname(&server, (struct sockaddr *)&a, &len);
    return ntohs(a.sin_port);
}

static void ignore(const struct err *e, void *user)
{
    (void)user;
    assert_int_equal(e->code, ERR_NONE);
}

static int setup(void **state)
{
    char *host;
    const char *env[] = {"AWS_DEFAULT_REGION=us-west-2",
                         "AWS_ACCESS_KEY_ID=AK",
                         "AWS_SECRET_ACCESS_KEY=secret",
                         "ECS_AGENT_CONFIG_FILE_PATH=/nonexistent",
                         NULL,
                         NULL};

    (void)state;
    assert_int_equal(loop_init(&l, NULL), 0);
    host = xasprintf("ECS_BACKEND_HOST=http://127.0.0.1:%d", listen_somewhere());
    env[4] = host;
    assert_int_equal(config_load(&config, env, NULL), 0);
    assert_int_equal(config_finish(&config, NULL), 0);
    free(host);
    log_init(&logger, LOG_NOTHING, -1);
    http = http_new(&l, &(struct http_trust){0}, NULL);
    imds = imds_new(&l, http, "http://127.0.0.1:1", true);
    credentials = credentials_new(&l, imds, &config, &logger);
    credentials_fetch(credentials, ignore, NULL);
    ecs = ecs_client_new(&l, http, &config, credentials);
    queue = submit_queue_new(ecs, "demo", &logger);
    buf_init(&asked, 100000);
    buf_init(&told, 1000);
    answers = 0;
    return 0;
}

static void close_rest(uv_handle_t *h, void *unused)
{
    (void)unused;
    if (h->type == UV_TCP && !uv_is_closing(h))
        uv_close(h, on_closed);
}

static int teardown(void **state)
{
    (void)state;
    submit_queue_free(queue);
    ecs_client_free(ecs);
    credentials_free(credentials);
    imds_free(imds);
    http_free(http);
    uv_walk(&l.uv, close_rest, NULL);
    loop_release(&l);
    log_release(&logger);
    config_release(&config);
    buf_release(&asked);
    buf_release(&told);
    return 0;
}

static void on_outcome(enum submit_outcome outcome, void *user)
{
    static const char letters[] = {'s', 'r', 'a'};

    (void)user;
    buf_addc(&told, letters[outcome]);
    if (--wanted == 0)
        loop_stop(&l);
}

static void add(const char *arn, const char *status)
{
    struct err e = ERR_INIT;
    json_t *change = json_object();

    json_put_str(change, "task", arn);
    json_put_str(change, "status", status);
    assert_int_equal(submit_queue_add(queue, arn, change, on_outcome, NULL, &e), 0);
}

static void run(const char *const *lines, int outcomes)
{
    script = lines;
    wanted = outcomes;
    loop_run(&l);
}

#define CHANGE(arn, status)                                                                        \
    "{\"task\":\"" arn "\",\"status\":\"" status "\",\"cluster\":\"demo\"}\n"

static void changes_of_a_task_are_sent_in_their_order(void **state)
{
    const char *const lines[] = {"200 {}", "200 {}", "200 {}", NULL};

    (void)state;
    add("t1", "PENDING");
    add("t1", "RUNNING");
    add("t1", "STOPPED");
    assert_int_equal(submit_queue_pending(queue), 3);
    run(lines, 3);
    assert_string_equal(buf_str(&asked),
                        CHANGE("t1", "PENDING") CHANGE("t1", "RUNNING") CHANGE("t1", "STOPPED"));
    assert_string_equal(buf_str(&told), "sss");
    assert_int_equal(submit_queue_pending(queue), 0);
}

static void a_server_error_is_tried_again_before_the_next_change(void **state)
{
    const char *const lines[] = {"500 {\"__type\":\"ServerException\"}", "503 ", "200 {}", "200 {}",
                                 NULL};

    (void)state;
    add("t1", "RUNNING");
    add("t1", "STOPPED");
    run(lines, 2);
    assert_string_equal(buf_str(&asked), CHANGE("t1", "RUNNING") CHANGE("t1", "RUNNING")
                                             CHANGE("t1", "RUNNING") CHANGE("t1", "STOPPED"));
}

static void what_the_service_never_takes_is_dropped_and_the_next_is_sent(void **state)
{
    const char *const lines[] = {"400 {\"__type\":\"InvalidParameterException\"}", "200 {}", NULL};

    (void)state;
    add("t1", "RUNNING");
    add("t1", "STOPPED");
    run(lines, 2);
    assert_string_equal(buf_str(&told), "rs");
    assert_string_equal(buf_str(&asked), CHANGE("t1", "RUNNING") CHANGE("t1", "STOPPED"));
}

static void other_refusals_are_tried_again_after_a_second(void **state)
{
    const char *const lines[] = {"400 {\"__type\":\"AccessDeniedException\"}", "200 {}", NULL};
    int64_t start = loop_now(&l);

    (void)state;
    add("t1", "RUNNING");
    run(lines, 1);
    assert_string_equal(buf_str(&told), "s");
    assert_in_range((loop_now(&l) - start) / NS_PER_MS, 1000, 2500);
}

static void tasks_do_not_wait_for_each_other(void **state)
{
    const char *const lines[] = {"400 {\"__type\":\"AccessDeniedException\"}", "200 {}", NULL};

    (void)state;
    add("t1", "RUNNING");
    add("t2", "RUNNING");
    run(lines, 1);
    assert_int_equal(submit_queue_pending(queue), 1);
    assert_string_equal(buf_str(&told), "s");
}

static void what_was_not_sent_is_abandoned_with_the_queue(void **state)
{
    (void)state;
    add("t1", "RUNNING");
    add("t1", "STOPPED");
    add("t2", "RUNNING");
    wanted = -1;
    submit_queue_free(queue);
    queue = NULL;
    assert_string_equal(buf_str(&told), "aaa");
}

static void a_task_has_a_limit_of_waiting_changes(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    wanted = -1;
    for (int i = 0; i < SUBMIT_TASK_MAX; i++)
        assert_int_equal(submit_queue_add(queue, "t1", json_object(), NULL, NULL, &e), 0);
    assert_int_equal(submit_queue_add(queue, "t1", json_object(), NULL, NULL, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_of_a_task_are_sent_in_their_order),
        TEST(a_server_error_is_tried_again_before_the_next_change),
        TEST(what_the_service_never_takes_is_dropped_and_the_next_is_sent),
        TEST(other_refusals_are_tried_again_after_a_second),
        TEST(tasks_do_not_wait_for_each_other),
        TEST(what_was_not_sent_is_abandoned_with_the_queue),
        TEST(a_task_has_a_limit_of_waiting_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
