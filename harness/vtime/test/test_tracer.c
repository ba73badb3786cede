#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/proc.h"
#include "harness/vtime/test/waits.h"

/* No test here takes so long on a machine that is not stuck. */
#define PATIENCE (60 * NS_PER_S)

static struct loop loop;
static struct procs procs;
static struct tracer tracer;
static struct buf said;
static int code, signum;
static bool ended;
static const char *forbidden; /* why virtual time cannot be tried here */

static void on_line(struct proc *p, int stream, const char *line, size_t n)
{
    (void)p;
    (void)stream;
    buf_addf(&said, "%.*s\n", (int)n, line);
}

static void on_exit_(struct proc *p, int c, int s)
{
    (void)p;
    code = c;
    signum = s;
    ended = true;
}

static const struct proc_ops ops = {on_line, on_exit_};

static bool serve(void *data)
{
    (void)data;
    return procs_serve(&procs);
}

static bool quiet(void *data)
{
    return tracer_quiet(data);
}

static void moved(void *data)
{
    tracer_moved(data);
}

static const struct loop_others others = {serve, quiet, moved};

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    buf_init(&said, 1 << 20);
    ended = false;
    code = signum = -1;
    assert_int_equal(loop_init(&loop, &e), 0);
    tracer_init(&tracer, &loop);
    loop_set_time(&loop, LOOP_VIRTUAL, 1);
    loop_set_others(&loop, &others, &tracer);
    assert_int_equal(procs_init(&procs, &loop, &tracer, &e), 0);
    return 0;
}

static int end(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    procs_release(&procs);
    tracer_release(&tracer);
    loop_set_others(&loop, NULL, NULL);
    assert_int_equal(loop_release(&loop, &e), 0);
    buf_release(&said);
    return 0;
}

static struct proc *start(const char *name, const char *arg)
{
    char *argv[] = {xstrdup("/proc/self/exe"), xstrdup(name), arg ? xstrdup(arg) : NULL, NULL};
    /* LeakSanitizer traces the program that it looks at, and we do already */
    char *env[] = {xstrdup("PATH=/usr/bin:/bin"), xstrdup("ASAN_OPTIONS=detect_leaks=0"), NULL};
    struct err e = ERR_INIT;
    struct proc *p =
        proc_spawn(&procs, &(struct proc_spec){.argv = argv, .env = env}, &ops, NULL, &e);

    for (int i = 0; i < 3; i++)
        free(argv[i]);
    free(env[0]);
    free(env[1]);
    assert_non_null(p);
    return p;
}

static void wait_end(void)
{
    while (!ended && loop_real(&loop) < PATIENCE)
        loop_turn(&loop, -1);
    if (!ended) {
        tracer_describe(&tracer, &said);
        print_message("%s", buf_str(&said));
    }
    assert_true(ended);
}

static void may_try(void)
{
    if (!forbidden)
        return;
    print_message("skipped: %s\n", forbidden);
    skip();
}

static void each_kind_of_wait_takes_its_time_on_the_clock_and_none_on_the_wall(void **state)
{
    (void)state;
    may_try();
    for (size_t i = 0; i < n_wait_programs; i++) {
        const struct wait_program *w = &wait_programs[i];
        int64_t from = loop_now(&loop);
        struct proc *p;

        if (str_eq(w->name, "exchange"))
            continue;
        ended = false;
        buf_clear(&said);
        p = start(w->name, NULL);
        wait_end();
        proc_free(p);
        if (code != 0)
            print_message("%s: code %d, signal %d\n%s", w->name, code, signum, buf_str(&said));
        assert_int_equal(code, 0);
        if (w->lasts >= 0) {
            assert_true(loop_now(&loop) - from >= w->lasts);
            assert_true(loop_now(&loop) - from < w->lasts + NS_PER_MS);
        }
        assert_true(tracer_empty(&tracer));
    }
    assert_true(loop_real(&loop) < PATIENCE);
}

/* --- no false time-out
 * ---------------------------------------------------------------------------- */

struct server {
    uv_pipe_t listener, peer;
    uv_write_t write;
    struct clock_timer timer;
    struct buf in;
    unsigned served;
};

static void ignore_write(uv_write_t *w, int status)
{
    (void)w;
    (void)status;
}

/* Work that takes real time and none on the clock. */
static void work(int64_t ns)
{
    int64_t from = loop_real(&loop);

    while (loop_real(&loop) - from < ns)
        ;
}

static void answer(struct clock_timer *t)
{
    struct server *s = container_of(t, struct server, timer);
    uv_buf_t b = uv_buf_init((char[]){"."}, 1);

    work(s->served % 200 == 0 ? (int64_t)(s->served % 51) * NS_PER_MS : s->served % 7 * NS_PER_US);
    s->served++;
    uv_write(&s->write, (uv_stream_t *)&s->peer, &b, 1, ignore_write);
}

static void alloc_bytes(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    static char bytes[256];

    (void)h;
    (void)n;
    *b = uv_buf_init(bytes, sizeof(bytes));
}

static void on_bytes(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
    struct server *s = h->data;

    loop_sync(&loop);
    if (n <= 0)
        return;
    buf_add(&s->in, b->base, (size_t)n);
    if (!strchr(buf_str(&s->in), '\n'))
        return;
    loop_after(&loop, &s->timer, strtoll(buf_str(&s->in), NULL, 10) * NS_PER_MS, answer);
    buf_clear(&s->in);
}

static void on_peer(uv_stream_t *h, int status)
{
    struct server *s = h->data;

    loop_sync(&loop);
    assert_int_equal(status, 0);
    uv_pipe_init(&loop.uv, &s->peer, 0);
    s->peer.data = s;
    uv_accept(h, (uv_stream_t *)&s->peer);
    uv_read_start((uv_stream_t *)&s->peer, alloc_bytes, on_bytes);
}

static void ten_thousand_answers_that_are_slow_in_either_time_cause_no_false_time_out(void **state)
{
    struct server s = {.in = BUF_INIT(4096)};
    char path[64];
    struct proc *p;

    (void)state;
    may_try();
    snprintf(path, sizeof(path), "/tmp/ecsim-test-%d.sock", (int)getpid());
    uv_pipe_init(&loop.uv, &s.listener, 0);
    s.listener.data = &s;
    assert_int_equal(uv_pipe_bind(&s.listener, path), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s.listener, 1, on_peer), 0);
    p = start("exchange", path);
    wait_end();
    if (code != 0)
        print_message("code %d, signal %d after %u\n%s", code, signum, s.served, buf_str(&said));
    assert_int_equal(code, 0);
    assert_int_equal(s.served, 10000);
    assert_true(loop_now(&loop) > 40000 * NS_PER_S); /* 5 s each in the mean */
    proc_free(p);
    uv_close((uv_handle_t *)&s.listener, NULL);
    uv_close((uv_handle_t *)&s.peer, NULL);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    unlink(path);
    buf_release(&s.in);
}

/* --- the clock of the day
 * --------------------------------------------------------------------------- */

static void a_wait_for_a_time_of_day_ends_when_the_clock_is_set_past_it(void **state)
{
    struct proc *p;

    (void)state;
    may_try();
    p = start("clock_nanosleep:wall", NULL);
    /* until it waits: then nothing but its limit is left */
    while (clock_next(&loop.clock) < 0 && loop_real(&loop) < PATIENCE)
        loop_turn(&loop, loop_now(&loop));
    clock_step_wall(&loop.clock, 3600 * NS_PER_S);
    tracer_wall_stepped(&tracer, 3600 * NS_PER_S);
    wait_end();
    assert_int_equal(code, 0);
    assert_true(loop_now(&loop) < 3601 * NS_PER_S + 10 * NS_PER_MS);
    proc_free(p);
}

static void a_program_that_computes_without_end_is_named(void **state)
{
    char sh[] = "sh", option[] = "-c", text[] = "while :; do :; done",
         path[] = "PATH=/usr/bin:/bin";
    char *argv[] = {sh, option, text, NULL}, *env[] = {path, NULL};
    struct err e = ERR_INIT;
    struct proc *p;

    (void)state;
    may_try();
    p = proc_spawn(&procs, &(struct proc_spec){.argv = argv, .env = env}, &ops, NULL, &e);
    assert_non_null(p);
    for (int64_t until = loop_real(&loop) + 200 * NS_PER_MS; loop_real(&loop) < until;)
        loop_turn(&loop, 3600 * NS_PER_S);
    assert_int_equal(loop_now(&loop), 0); /* time stands */
    tracer_describe(&tracer, &said);
    assert_non_null(strstr(buf_str(&said), "(sh) (state R)"));
    proc_free(p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            each_kind_of_wait_takes_its_time_on_the_clock_and_none_on_the_wall, begin, end),
        cmocka_unit_test_setup_teardown(
            ten_thousand_answers_that_are_slow_in_either_time_cause_no_false_time_out, begin, end),
        cmocka_unit_test_setup_teardown(a_wait_for_a_time_of_day_ends_when_the_clock_is_set_past_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_program_that_computes_without_end_is_named, begin, end),
    };
    struct err e = ERR_INIT;

    if (argc > 1)
        return wait_program_main(argv[1], argc > 2 ? argv[2] : NULL);
    if (tracer_probe(&e) < 0)
        forbidden = e.text;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
