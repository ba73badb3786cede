#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/profile.h"

static struct profiles ps;
static struct diag d;

static int begin(void **state)
{
    (void)state;
    diag_init(&d);
    profiles_init(&ps);
    return 0;
}

static int end(void **state)
{
    (void)state;
    profiles_release(&ps);
    diag_release(&d);
    return 0;
}

static int read_text(const char *text)
{
    return profiles_read_text(&ps, "dir/f.agents", text, strlen(text), &d);
}

static void what_comes_with_ecsim_is_there(void **state)
{
    const struct profile *p = profiles_find(&ps, "reference");

    (void)state;
    assert_string_equal(p->from, "built in");
    assert_string_equal(p->introspection, "ECSIM_INTROSPECTION");
    assert_true(profile_has(p, "reference-agent"));
    p = profiles_find(&ps, "official");
    assert_null(p->introspection);
    assert_false(profile_has(p, "reference-agent"));
    assert_ptr_equal(profiles_guess(&ps, "Amazon ECS Agent - v1.2.3"), p);
    assert_string_equal(
        profiles_guess(&ps, "Amazon ECS Agent:\n\tecsim-agent behaves as: 1.105.1\n")->name,
        "reference");
    assert_null(profiles_guess(&ps, "something else")->says);
    assert_null(profiles_find(&ps, "nobody"));
}

static void every_line_of_a_profile_is_kept(void **state)
{
    const struct profile *p;
    const struct profile_known *k;

    (void)state;
    assert_int_equal(read_text("# ours\n"
                               "agent    mine   # a comment\n"
                               "title    Our fork\n"
                               "command  ./agent -loglevel debug\n"
                               "command  other\n"
                               "version  ask --version --short\n"
                               "says     \"our agent\"\n"
                               "env      A=1 B=${agent.data}/x\n"
                               "unset    C\n"
                               "ports    OUR_PORT\n"
                               "needs    sandbox\n"
                               "has      reference-agent x\n"
                               "known    acs/silent mine#12 in <1.4 \"too late\"\n"
                               "known    docker/* mine#13\n"
                               "dies     \"panic: x\" mine#14 in 1.3 \"no room\"\n"
                               "differs  in >=1.2 \"asks twice\"\n"
                               "differs  \"and thrice\"\n"),
                     0);
    p = profiles_find(&ps, "mine");
    assert_string_equal(p->title, "Our fork");
    assert_string_equal(p->from, "dir/f.agents:2");
    assert_string_equal(p->folder, "dir");
    assert_int_equal(p->n_commands, 2);
    assert_string_equal(p->commands[0], "./agent -loglevel debug");
    assert_int_equal(p->n_ask, 2);
    assert_string_equal(p->ask[1], "--short");
    assert_string_equal(p->says, "our agent");
    assert_int_equal(p->n_env, 3);
    assert_string_equal(p->env[1].value, "${agent.data}/x");
    assert_null(p->env[2].value);
    assert_string_equal(p->introspection, "OUR_PORT");
    assert_true(p->needs_sandbox);
    assert_true(profile_has(p, "x"));
    assert_int_equal(p->n_notes, 2);
    assert_string_equal(p->notes[0].guard, ">=1.2");
    assert_string_equal(p->notes[1].text, "and thrice");

    assert_int_equal(p->crashes.n, 1);
    assert_string_equal(p->crashes.v[0].what, "panic: x");
    assert_string_equal(p->crashes.v[0].issue, "mine#14");
    assert_string_equal(p->crashes.v[0].guard, "1.3");
    assert_string_equal(p->crashes.v[0].reason, "no room");

    k = profile_known_for(p, "scenarios/acs/silent.scn", "1.3.9");
    assert_string_equal(k->issue, "mine#12");
    assert_string_equal(k->reason, "too late");
    assert_null(profile_known_for(p, "scenarios/acs/silent.scn", "1.4.0"));
    assert_null(profile_known_for(p, "scenarios/acs/very-silent.scn", "1.3.9"));
    assert_string_equal(profile_known_for(p, "docker/oom.scn", NULL)->issue, "mine#13");
}

/* The message of the error in the one line that is added to a good profile. */
static void says(const char *line, const char *want)
{
    char *text = xasprintf("agent  a\ncommand  b\n%s\n", line);

    diag_release(&d);
    diag_init(&d);
    assert_int_equal(read_text(text), -1);
    if (!strstr(diag_text(&d), want))
        fail_msg("%s\nshould say: %s\nbut says: %s", line, want, diag_text(&d));
    assert_null(profiles_find(&ps, "a"));
    free(text);
}

static void what_is_wrong_is_shown_where_it_stands(void **state)
{
    (void)state;
    says("comand x", "dir/f.agents:3:1: error: unknown word \"comand\"");
    says("comand x", "did you mean \"command\"?");
    says("command 'x", "dir/f.agents:3:9: error: not a command line");
    says("command", "expected a command line");
    says("version 1.2.3", "expected \"ask\" and arguments");
    says("version is new", "expected a version such as 1.62.2");
    says("version is 1.2\nversion is 1.3", "4:1: error: \"version\" was said before");
    says("title x\ntitle y", "4:1: error: \"title\" was said before");
    says("env A", "dir/f.agents:3:5: error: expected NAME=VALUE");
    says("env A=${agent.dat}", "${agent.dat} is not known here");
    says("env A=${agent.dat}", "did you mean \"agent.data\"?");
    says("ports", "expected \"fixed\", or the variable that takes HOST:PORT");
    says("ports A B", "3:9: error: \"ports\" takes no more words");
    says("needs root", "an agent may need a \"sandbox\", not \"root\"");
    says("known a b in x", "dir/f.agents:3:14: error: expected");
    says("known a b c", "expected one \"quoted text\"");
    says("differs x", "expected one \"quoted text\"");
    says("agent a", "there is an agent \"a\" in this file already");
    says("agent c\ntitle x", "3:7: error: agent \"c\" has no command");
    says("-- x --\ny", "a file of agents has no attachments");
}

static void what_belongs_to_no_agent_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(read_text("env A=1\n"), -1);
    assert_non_null(strstr(diag_text(&d), "begin with a line \"agent NAME\""));
}

static void a_later_file_takes_the_place_of_an_earlier_one(void **state)
{
    size_t n = ps.n;

    (void)state;
    assert_int_equal(read_text("agent official\ncommand /opt/agent\n"), 0);
    assert_int_equal(ps.n, n);
    assert_string_equal(profiles_find(&ps, "official")->commands[0], "/opt/agent");
}

static void write_program(const char *dir, const char *name)
{
    char *path = xasprintf("%s/%s", dir, name);

    assert_int_equal(io_write_file(path, "#!/bin/sh\n", 10, 0755, NULL), 0);
    free(path);
}

static void the_first_command_that_is_there_is_meant(void **state)
{
    struct err e = ERR_INIT;
    char *dir = io_temp_folder("ecsim-test", &e), *file = xasprintf("%s/f.agents", dir), *want;
    static const char text[] = "agent a\ncommand $ECSIM_TEST_AGENT -x\ncommand ./no\n"
                               "command ./yes 'two words'\n"
                               "agent b\ncommand ./no\ncommand no-such-agent\n";
    char **argv;

    (void)state;
    write_program(dir, "yes");
    write_program(dir, "named");
    unsetenv("ECSIM_TEST_AGENT");
    assert_int_equal(profiles_read_text(&ps, file, text, strlen(text), &d), 0);
    argv = profile_command(profiles_find(&ps, "a"), &e);
    want = xasprintf("%s/yes", dir);
    assert_string_equal(argv[0], want);
    assert_string_equal(argv[1], "two words");
    assert_null(argv[2]);
    str_argv_free(argv);
    free(want);

    want = xasprintf("%s/named", dir);
    setenv("ECSIM_TEST_AGENT", want, 1);
    argv = profile_command(profiles_find(&ps, "a"), &e);
    assert_string_equal(argv[0], want);
    assert_string_equal(argv[1], "-x");
    str_argv_free(argv);
    free(want);
    unsetenv("ECSIM_TEST_AGENT");

    assert_null(profile_command(profiles_find(&ps, "b"), &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_string_equal(e.text, "agent b: no such program: ./no, no-such-agent");
    io_remove_tree(dir, NULL);
    free(dir);
    free(file);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(what_comes_with_ecsim_is_there),
        in_place(every_line_of_a_profile_is_kept),
        in_place(what_is_wrong_is_shown_where_it_stands),
        in_place(what_belongs_to_no_agent_is_an_error),
        in_place(a_later_file_takes_the_place_of_an_earlier_one),
        in_place(the_first_command_that_is_there_is_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
