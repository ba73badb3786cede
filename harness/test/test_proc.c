#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/proc.h"

static struct loop loop;
static struct procs procs;
static struct buf lines;
static int code, signum;
static bool ended;

static void on_line(struct proc *p, int stream, const char *line, size_t n)
{
    (void)p;
    buf_addf(&lines, "%d:%.*s\n", stream, (int)n, line);
}

static void on_exit_(struct proc *p, int c, int s)
{
    (void)p;
    code = c;
    signum = s;
    ended = true;
}

static const struct proc_ops ops = {on_line, on_exit_};

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    buf_init(&lines, 1 << 20);
    ended = false;
    assert_int_equal(loop_init(&loop, &e), 0);
    assert_int_equal(procs_init(&procs, &loop, NULL, &e), 0);
    return 0;
}

static int end(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    procs_release(&procs);
    assert_int_equal(loop_release(&loop, &e), 0);
    buf_release(&lines);
    return 0;
}

static struct proc *spawn(const char *script, const char *input)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    const char *env[] = {"PATH=/usr/bin:/bin", "WORD=hello", NULL};
    struct err e = ERR_INIT;
    struct proc *p = proc_spawn(&procs,
                                &(struct proc_spec){.argv = (char **)(uintptr_t)argv,
                                                    .env = (char **)(uintptr_t)env,
                                                    .input = input,
                                                    .input_len = input ? strlen(input) : 0,
                                                    .capture = true},
                                &ops, NULL, &e);

    assert_non_null(p);
    return p;
}

static void wait_end(void)
{
    int64_t until = loop_now(&loop) + 5 * NS_PER_S;

    while (!ended && loop_now(&loop) < until)
        loop_turn(&loop, until);
    assert_true(ended);
}

static void lines_come_before_the_exit_with_their_stream(void **state)
{
    struct proc *p = spawn("echo $WORD; echo oops >&2; printf unfinished; exit 3", NULL);

    (void)state;
    wait_end();
    assert_int_equal(code, 3);
    assert_non_null(strstr(buf_str(&lines), "1:hello\n"));
    assert_non_null(strstr(buf_str(&lines), "2:oops\n"));
    assert_non_null(strstr(buf_str(&lines), "1:unfinished\n"));
    assert_string_equal(buf_str(&p->out[0].captured), "hello\nunfinished");
    proc_free(p);
}

static void input_is_read_and_then_ends(void **state)
{
    (void)state;
    spawn("cat", "a\nb\n");
    wait_end();
    assert_string_equal(buf_str(&lines), "1:a\n1:b\n");
}

static void a_signal_is_told_as_one(void **state)
{
    struct proc *p = spawn("kill -STOP $$", NULL);

    (void)state;
    assert_int_equal(proc_kill(p, SIGKILL), 0);
    wait_end();
    assert_int_equal(code, -1);
    assert_int_equal(signum, SIGKILL);
    assert_int_equal(proc_kill(p, SIGTERM), -1);
}

static void a_grandchild_that_holds_the_pipe_does_not_hide_the_exit(void **state)
{
    struct buf strays = BUF_INIT(4096);

    (void)state;
    /* not `tail -f`: it ends when nobody reads what it prints */
    spawn("setsid sleep 1000 & echo started", NULL);
    wait_end();
    assert_int_equal(code, 0);
    assert_string_equal(buf_str(&lines), "1:started\n");
    assert_int_equal(procs_reap_strays(&procs, NULL, NULL, &strays), 1);
    assert_true(strtol(buf_str(&strays), NULL, 10) > 1);
    buf_release(&strays);
}

static void what_cannot_be_started_says_why(void **state)
{
    const char *argv[] = {"/no/such/program", NULL};
    char *env[] = {NULL};
    struct err e = ERR_INIT;

    (void)state;
    assert_null(proc_spawn(
        &procs, &(struct proc_spec){.argv = (char **)(uintptr_t)argv, .env = env}, &ops, NULL, &e));
    assert_non_null(strstr(e.text, "/no/such/program"));
    assert_non_null(strstr(e.text, "No such file"));
}

static void a_line_without_end_is_cut_at_the_limit(void **state)
{
    (void)state;
    spawn("head -c 200000 /dev/zero | tr '\\0' x", NULL);
    wait_end();
    size_t pieces = 0, letters = 0;

    for (const char *p = buf_str(&lines); *p; p++) {
        pieces += *p == '\n';
        letters += *p == 'x';
    }
    assert_int_equal(letters, 200000);
    assert_in_range(pieces, 3, 10);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(lines_come_before_the_exit_with_their_stream),
        T(input_is_read_and_then_ends),
        T(a_signal_is_told_as_one),
        T(a_grandchild_that_holds_the_pipe_does_not_hide_the_exit),
        T(what_cannot_be_started_says_why),
        T(a_line_without_end_is_cut_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
