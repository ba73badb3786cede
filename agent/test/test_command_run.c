#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/command_run.h"
#include "base/io.h"
#include "base/mem.h"

static struct {
    struct loop *loop;
    unsigned int called;
    bool started;
    int code;
    char output[64], error[64], command[64];
} seen;

static void on_done(const struct command_result *r, void *user)
{
    (void)user;
    seen.called++;
    seen.started = r->started;
    seen.code = r->code;
    snprintf(seen.output, sizeof(seen.output), "%s", r->output);
    snprintf(seen.error, sizeof(seen.error), "%s", r->error);
    snprintf(seen.command, sizeof(seen.command), "%s", r->command);
    loop_stop(seen.loop);
}

static void run(struct commands *c)
{
    struct loop l;
    struct err e = ERR_INIT;

    assert_int_equal(loop_init(&l, &e), 0);
    memset(&seen, 0, sizeof(seen));
    seen.loop = &l;
    command_run_start(&l, c, on_done, NULL);
    assert_int_equal(seen.called, 0);
    loop_run(&l);
    assert_int_equal(seen.called, 1);
    loop_release(&l);
}

static void all_run_in_their_order(void **state)
{
    struct commands c = {0};

    (void)state;
    commands_add(&c, false, "true");
    commands_add(&c, true, "false");
    commands_add(&c, false, "echo %s two", "one");
    run(&c);
    assert_true(seen.started);
    assert_int_equal(seen.code, 0);
    assert_string_equal(seen.output, "one two\n");
}

static void the_first_that_fails_is_the_last(void **state)
{
    struct commands c = {0};

    (void)state;
    commands_add(&c, false, "expr 1 - 1");
    commands_add(&c, false, "true");
    run(&c);
    assert_true(seen.started);
    assert_int_equal(seen.code, 1);
    assert_string_equal(seen.command, "expr 1 - 1");
}

static void a_program_that_is_not_there_is_not_started(void **state)
{
    struct commands c = {0};

    (void)state;
    commands_add(&c, false, "no-such-program-anywhere");
    run(&c);
    assert_false(seen.started);
}

static char **some_env(void)
{
    char **env = new0_array(char *, 3);

    env[0] = xstrdup("PATH=/usr/bin:/bin");
    env[1] = xstrdup("WORD=blue");
    return env;
}

static void a_program_is_given_input_and_an_environment(void **state)
{
    static const char script[] = "#!/bin/sh\ncat; echo \" $WORD$OTHER\"; echo why >&2; exit 3\n";
    char dir[] = "/tmp/test-command XXXXXX", path[64];
    struct commands c = {0};
    struct err e = ERR_INIT;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a program", dir);
    assert_int_equal(io_write_file(path, script, sizeof(script) - 1, 0700, &e), 0);
    commands_add_program(&c, path, "given", some_env());
    run(&c);
    unlink(path);
    rmdir(dir);
    assert_true(seen.started);
    assert_int_equal(seen.code, 3);
    assert_string_equal(seen.output, "given blue\n");
    assert_string_equal(seen.error, "why\n");
}

static void a_program_that_does_not_read_is_none_the_worse(void **state)
{
    struct commands c = {0};
    char *much = xmalloc(1 << 20);

    (void)state;
    memset(much, 'x', (1 << 20) - 1);
    much[(1 << 20) - 1] = '\0';
    commands_add_program(&c, "/bin/true", much, some_env());
    run(&c);
    free(much);
    assert_true(seen.started);
    assert_int_equal(seen.code, 0);
}

static void who_is_cancelled_says_nothing_more(void **state)
{
    struct commands c = {0};
    struct command_run *r;
    struct loop l;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(loop_init(&l, &e), 0);
    memset(&seen, 0, sizeof(seen));
    commands_add(&c, false, "sleep 60");
    r = command_run_start(&l, &c, on_done, NULL);
    command_run_cancel(r);
    loop_release(&l); /* it waits until the child is gone */
    assert_int_equal(seen.called, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_run_in_their_order),
        cmocka_unit_test(the_first_that_fails_is_the_last),
        cmocka_unit_test(a_program_that_is_not_there_is_not_started),
        cmocka_unit_test(a_program_is_given_input_and_an_environment),
        cmocka_unit_test(a_program_that_does_not_read_is_none_the_worse),
        cmocka_unit_test(who_is_cancelled_says_nothing_more),
    };

    signal(SIGPIPE, SIG_IGN); /* as the agent does */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
