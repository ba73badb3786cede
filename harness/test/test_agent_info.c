#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "harness/agent_info.h"

static void expect_version(const char *text, const char *version)
{
    char *v = agent_info_version(text);

    if (version)
        assert_string_equal(v, version);
    else
        assert_null(v);
    free(v);
}

static void versions_are_found_as_agents_of_all_ages_print_them(void **state)
{
    (void)state;
    expect_version("Amazon ECS Agent - v1.105.1 (*1a73560a)\n", "1.105.1");
    expect_version("Amazon ECS Agent:\nversion: 1.14.5\ncommit: 467c3d7\n", "1.14.5");
    expect_version("2026-11-24T07:00:00Z [INFO]\nv1.20.3", "1.20.3");
    expect_version("ecsim-agent 0.1.0\nbehaves as: 1.105.1\n", "1.105.1");
    expect_version("no version here: 1.2 and x1.2.3", NULL);
    expect_version("GET http://169.254.169.254/latest\nVersion: 1.14.5", "1.14.5");
    expect_version("", NULL);
}

static void an_agent_is_asked_with_its_own_arguments_in_front(void **state)
{
    struct profiles ps;
    struct agent_info a;
    struct err e = ERR_INIT;

    (void)state;
    profiles_init(&ps);
    assert_int_equal(agent_info_get(&a, &ps, "sh -c 'echo ecsim-agent $0; echo v7.8.9'", NULL, &e),
                     0);
    assert_string_equal(a.version, "7.8.9");
    assert_string_equal(a.profile->name, "reference");
    assert_string_equal(a.argv[0], "sh");
    agent_info_release(&a);
    profiles_release(&ps);
}

static void what_is_no_command_is_an_error(void **state)
{
    struct profiles ps;
    struct agent_info a;
    struct err e = ERR_INIT;

    (void)state;
    profiles_init(&ps);
    assert_int_equal(agent_info_get(&a, &ps, "/no/such/agent", NULL, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    agent_info_release(&a);
    assert_int_equal(agent_info_get(&a, &ps, "unfinished 'quote", NULL, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    agent_info_release(&a);
    assert_int_equal(agent_info_get(&a, &ps, "referense", NULL, &e), -1);
    assert_string_equal(e.text,
                        "referense: no such program; did you mean the agent \"reference\"?");
    agent_info_release(&a);
    profiles_release(&ps);
}

static void an_agent_that_is_not_what_its_profile_says_is_refused(void **state)
{
    static const char text[] = "agent  a\ncommand sh -c 'echo v1.2.3'\nsays \"Amazon\"\n";
    struct profiles ps;
    struct agent_info a;
    struct err e = ERR_INIT;
    struct diag d;

    (void)state;
    diag_init(&d);
    profiles_init(&ps);
    assert_int_equal(profiles_read_text(&ps, "f", text, strlen(text), &d), 0);
    assert_int_equal(agent_info_get(&a, &ps, "a", NULL, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_non_null(strstr(e.text, "does not say \"Amazon\""));
    agent_info_release(&a);
    profiles_release(&ps);
    diag_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_found_as_agents_of_all_ages_print_them),
        cmocka_unit_test(an_agent_is_asked_with_its_own_arguments_in_front),
        cmocka_unit_test(what_is_no_command_is_an_error),
        cmocka_unit_test(an_agent_that_is_not_what_its_profile_says_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
