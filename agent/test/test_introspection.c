#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/args.h"
#include "agent/introspection.h"
#include "base/str.h"

static size_t matches;

static json_t *all(void *user)
{
    (void)user;
    return json_pack("[{s:s}]", "Arn", "arn:1");
}

static json_t *by_arn(void *user, const char *arn)
{
    (void)user;
    return str_eq(arn, "arn:1") ? json_pack("{s:s}", "Arn", "arn:1") : NULL;
}

static json_t *by_id(void *user, const char *id, size_t *ret_matches)
{
    (void)user;
    *ret_matches = matches;
    return str_starts("0123456789abcdef", id) ? json_pack("{s:s}", "Arn", "arn:1") : NULL;
}

static const struct introspection_source source = {.cluster = "demo",
                                                   .instance_arn = "arn:i",
                                                   .tasks = all,
                                                   .task_by_arn = by_arn,
                                                   .task_by_docker_id = by_id};

static void ask(const char *path, const char *arn, const char *id, int status, const char *part)
{
    const char *type;
    char *body;

    assert_int_equal(introspection_answer(&source, path, arn, id, &body, &type), status);
    assert_non_null(strstr(body, part));
    free(body);
}

#define NO_TASK                                                                                    \
    "{\"Arn\":\"\",\"KnownStatus\":\"\",\"Family\":\"\",\"Version\":\"\",\"Containers\":null}"

static void metadata_names_cluster_instance_and_version(void **state)
{
    (void)state;
    ask("/v1/metadata", NULL, NULL, 200,
        "{\"Cluster\":\"demo\",\"ContainerInstanceArn\":\"arn:i\",\"Version\":\"Amazon ECS Agent - "
        "v");
}

static void tasks_are_listed_or_found_by_one_of_two_keys(void **state)
{
    (void)state;
    matches = 1;
    ask("/v1/tasks", NULL, NULL, 200, "{\"Tasks\":[{\"Arn\":\"arn:1\"}]}");
    ask("/v1/tasks", "arn:1", NULL, 200, "{\"Arn\":\"arn:1\"}");
    ask("/v1/tasks", NULL, "0123", 200, "{\"Arn\":\"arn:1\"}");
    ask("/v1/tasks", "arn:2", NULL, 404, NO_TASK);
    ask("/v1/tasks", NULL, "beef", 404, NO_TASK);
}

static void two_keys_or_several_matches_are_a_bad_request(void **state)
{
    (void)state;
    ask("/v1/tasks", "arn:1", "0123", 400, NO_TASK);
    matches = 2;
    ask("/v1/tasks", NULL, "0123", 400, NO_TASK);
}

static void other_paths_list_the_commands(void **state)
{
    (void)state;
    ask("/", NULL, NULL, 200,
        "\"AvailableCommands\":[\"/v1/metadata\",\"/v1/tasks\",\"/license\"]");
    ask("/v1/metadata/", NULL, NULL, 200, "AvailableCommands");
    ask("/license", NULL, NULL, 200, "LICENSE");
}

static int parse(struct args *a, char *one, char *two, struct err *e)
{
    char name[] = "ecsim-agent";
    char *argv[] = {name, one, two, NULL};

    *a = (struct args){0};
    return args_parse(a, two ? 3 : 2, argv, e);
}

static void flags_take_one_dash_or_two_and_values_either_way(void **state)
{
    char version[] = "-version", level[] = "--loglevel", equals[] = "-loglevel=warn",
         word[] = "warn";
    struct err e = ERR_INIT;
    struct args a;

    (void)state;
    assert_int_equal(parse(&a, version, NULL, &e), 0);
    assert_true(a.version);
    assert_int_equal(parse(&a, level, word, &e), 0);
    assert_string_equal(a.loglevel, "warn");
    assert_int_equal(parse(&a, equals, NULL, &e), 0);
    assert_string_equal(a.loglevel, "warn");
}

static void a_misspelt_flag_is_refused_with_what_was_meant(void **state)
{
    char misspelt[] = "--verson", value[] = "--k=1", missing[] = "--loglevel", word[] = "start";
    struct err e = ERR_INIT;
    struct args a;

    (void)state;
    assert_int_equal(parse(&a, misspelt, NULL, &e), -1);
    assert_non_null(strstr(e.text, "--version"));
    assert_int_equal(parse(&a, value, NULL, &e), -1);
    assert_int_equal(parse(&a, missing, NULL, &e), -1);
    assert_int_equal(parse(&a, word, NULL, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_names_cluster_instance_and_version),
        cmocka_unit_test(tasks_are_listed_or_found_by_one_of_two_keys),
        cmocka_unit_test(two_keys_or_several_matches_are_a_bad_request),
        cmocka_unit_test(other_paths_list_the_commands),
        cmocka_unit_test(flags_take_one_dash_or_two_and_values_either_way),
        cmocka_unit_test(a_misspelt_flag_is_refused_with_what_was_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
