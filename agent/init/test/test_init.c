/* What ecsim-init makes of its command line, of exit codes, of an env-file and of desired-image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "agent/init/agent_container.h"
#include "agent/init/cache.h"
#include "agent/init/environment.h"
#include "agent/init/supervisor.h"
#include "agent/init/trial.h"
#include "base/mem.h"
#include "base/str.h"

static int parse(struct init_options *o, const char *const *words, const char *const *env,
                 struct err *e)
{
    char *argv[8] = {0};
    int argc = 0, k;

    for (; words[argc]; argc++)
        argv[argc] = xstrdup(words[argc]);
    k = init_options_parse(o, argc, argv, env, e);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return k;
}

static const char *const no_env[] = {NULL};

static void commands_are_those_of_ecs_init(void **state)
{
    static const struct {
        const char *word;
        enum init_command command;
    } all[] = {{"pre-start", INIT_PRE_START}, {"start", INIT_START},
               {"stop", INIT_STOP},           {"pre-stop", INIT_STOP},
               {"post-stop", INIT_POST_STOP}, {"reload-cache", INIT_RELOAD_CACHE}};
    struct init_options o;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        const char *words[] = {"ecsim-init", all[i].word, NULL};

        assert_int_equal(parse(&o, words, no_env, NULL), 0);
        assert_int_equal(o.command, all[i].command);
        assert_false(o.container);
    }
}

static void a_wrong_command_line_says_what_is_wrong(void **state)
{
    const char *misspelt[] = {"ecsim-init", "pre-strat", NULL};
    const char *nothing[] = {"ecsim-init", NULL};
    const char *two[] = {"ecsim-init", "start", "stop", NULL};
    const char *option[] = {"ecsim-init", "--continer", "start", NULL};
    struct init_options o;
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(parse(&o, misspelt, no_env, &e), -1);
    assert_non_null(strstr(e.text, "did you mean \"pre-start\"?"));
    assert_int_equal(parse(&o, nothing, no_env, NULL), -1);
    assert_int_equal(parse(&o, two, no_env, NULL), -1);
    assert_int_equal(parse(&o, option, no_env, &e), -1);
    assert_non_null(strstr(e.text, "--continer"));
}

static void the_agent_comes_from_an_option_or_the_environment(void **state)
{
    const char *words[] = {"ecsim-init", "start", NULL};
    const char *env[] = {"ECSIM_INIT_AGENT=/opt/agent -k", NULL};
    struct init_options o;

    (void)state;
    assert_int_equal(parse(&o, words, env, NULL), 0);
    assert_string_equal(o.agent, "/opt/agent -k");
    assert_int_equal(parse(&o, words, no_env, NULL), 0);
    assert_null(o.agent);
}

static void exit_codes_mean_what_they_mean_to_ecs_init(void **state)
{
    (void)state;
    assert_int_equal(agent_exit_meaning(0), AGENT_DONE);
    assert_int_equal(agent_exit_meaning(1), AGENT_AGAIN);
    assert_int_equal(agent_exit_meaning(2), AGENT_AGAIN);
    assert_int_equal(agent_exit_meaning(5), AGENT_NEVER_AGAIN);
    assert_int_equal(agent_exit_meaning(42), AGENT_UPDATED);
    assert_int_equal(agent_exit_meaning(137), AGENT_AGAIN);
}

static bool has(const json_t *env, const char *line)
{
    for (size_t i = 0; i < json_array_size(env); i++)
        if (str_eq(json_string_value(json_array_get(env, i)), line))
            return true;
    return false;
}

static void an_env_file_is_read_as_docker_reads_it(void **state)
{
    static const char text[] = "# a comment\n"
                               "\n"
                               "  A=1\n"
                               "A=2\r\n"
                               "QUOTED='[\"a\"]'\n"
                               "EMPTY=\n"
                               "FROM_US\n"
                               "NOT_THERE\n"
                               "LAST=a=b # no comment";
    const char *env[] = {"FROM_US=ours", NULL};
    struct init in = {.env = env};
    json_t *list = json_array();

    (void)state;
    init_env_put_file(&in, list, text, strlen(text));
    assert_int_equal(json_array_size(list), 5);
    assert_true(has(list, "A=2"));
    assert_true(has(list, "QUOTED='[\"a\"]'"));
    assert_true(has(list, "EMPTY="));
    assert_true(has(list, "FROM_US=ours"));
    assert_true(has(list, "LAST=a=b # no comment"));
    json_decref(list);
}

static json_t *body_with(const char *const *env, const char *file)
{
    struct init_options o = {.image = INIT_IMAGE};
    char socket[] = "/run/docker.sock";
    struct init in = {.env = env, .options = &o, .socket = socket};

    return agent_container_body(&in, file, strlen(file));
}

static void the_container_is_that_of_ecs_init(void **state)
{
    json_t *v = body_with(no_env, "ECS_CLUSTER=demo\nECS_DATADIR=/elsewhere\n"), *host, *env;

    (void)state;
    host = json_object_get(v, "HostConfig");
    env = json_object_get(v, "Env");
    assert_string_equal(json_str(v, "Image"), INIT_IMAGE);
    assert_string_equal(json_str(host, "NetworkMode"), "host");
    assert_string_equal(json_str(host, "UsernsMode"), "host");
    assert_true(json_bool(host, "Init", false));
    assert_int_equal(json_array_size(json_object_get(host, "CapAdd")), 2);
    assert_true(has(json_object_get(host, "Binds"), "/run:/run"));
    assert_true(has(json_object_get(host, "Binds"), "/var/lib/ecs/data:/data"));
    assert_string_equal(json_str(json_at(host, "LogConfig.Config"), "max-size"), "16m");
    assert_true(has(env, "ECS_CLUSTER=demo"));
    assert_true(has(env, "ECS_LOGFILE=/log/ecs-agent.log"));
    /* the file wins, and nothing is there twice */
    assert_true(has(env, "ECS_DATADIR=/elsewhere"));
    assert_false(has(env, "ECS_DATADIR=/data"));
    json_decref(v);
}

static void an_external_instance_gets_no_capabilities_but_its_credentials(void **state)
{
    const char *env[] = {"ECS_AGENT_PID_NAMESPACE_HOST=true", NULL};
    json_t *v = body_with(env, "ECS_EXTERNAL=true\n"), *host = json_object_get(v, "HostConfig");

    (void)state;
    assert_null(json_object_get(host, "CapAdd"));
    assert_true(has(json_object_get(host, "Binds"), "/root/.aws:/rotatingcreds:ro"));
    assert_string_equal(json_str(host, "PidMode"), "host");
    json_decref(v);
}

static void the_socket_of_credentials_fetcher_is_bound_where_it_is(void **state)
{
    const char *env[] = {"CREDENTIALS_FETCHER_HOST=unix:///dev/null", NULL};
    json_t *v = body_with(env, "ECS_GMSA_SUPPORTED=true\n");

    (void)state;
    assert_true(has(json_at(v, "HostConfig.Binds"), "/dev/null:/dev/null"));
    assert_true(has(json_object_get(v, "Env"), "CREDENTIALS_FETCHER_HOST_DIR=/dev/null"));
    json_decref(v);
    v = body_with(env, "ECS_GMSA_SUPPORTED=1\n");
    assert_false(has(json_at(v, "HostConfig.Binds"), "/dev/null:/dev/null"));
    json_decref(v);
    env[0] = "CREDENTIALS_FETCHER_HOST=unix:///nonexistent/socket";
    v = body_with(env, "ECS_GMSA_SUPPORTED=true\n");
    assert_false(has(json_at(v, "HostConfig.Binds"), "/nonexistent/socket:/nonexistent/socket"));
    assert_true(has(json_object_get(v, "Env"), "CREDENTIALS_FETCHER_HOST_DIR=/nonexistent/socket"));
    json_decref(v);
}

static void a_desired_image_lies_in_the_cache_or_nowhere(void **state)
{
    static const char *const bad[] = {"", "\n", "../x.tar", "/etc/passwd", "a/b", ".", ".."};
    char *path = agent_desired_image("ecs-agent-2.tar\n");

    (void)state;
    assert_string_equal(path, "/var/cache/ecs/ecs-agent-2.tar");
    free(path);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_null(agent_desired_image(bad[i]));
}

static void the_state_of_the_cache_is_one_digit(void **state)
{
    static const struct {
        const char *text;
        enum cache_state means;
    } all[] = {{"1", CACHE_CACHED},     {"1\n", CACHE_CACHED}, {"2", CACHE_RELOAD},
               {" 2 \n", CACHE_RELOAD}, {"0", CACHE_NONE},     {"", CACHE_NONE},
               {"12", CACHE_NONE},      {"cached", CACHE_NONE}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        assert_int_equal(cache_state_of(all[i].text), all[i].means);
}

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"
#define ID  "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void a_checksum_and_an_image_id_are_what_they_look_like(void **state)
{
    static const char *const no_md5[] = {"", "d41d8", MD5 "0", MD5 " ecs-agent.tar",
                                         "D41D8CD98F00B204E9800998ECF8427E"};
    static const char *const no_id[] = {"",     "sha256:", "sha256:00",
                                        ID "0", ID " x",   "amazon/amazon-ecs-agent:latest"};
    char *text;

    (void)state;
    text = cache_md5_of("  " MD5 "\r\n");
    assert_string_equal(text, MD5);
    free(text);
    text = trial_image_id(ID "\nmore");
    assert_string_equal(text, ID);
    free(text);
    for (size_t i = 0; i < ARRAY_SIZE(no_md5); i++)
        assert_null(cache_md5_of(no_md5[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no_id); i++)
        assert_null(trial_image_id(no_id[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_those_of_ecs_init),
        cmocka_unit_test(a_wrong_command_line_says_what_is_wrong),
        cmocka_unit_test(the_agent_comes_from_an_option_or_the_environment),
        cmocka_unit_test(exit_codes_mean_what_they_mean_to_ecs_init),
        cmocka_unit_test(an_env_file_is_read_as_docker_reads_it),
        cmocka_unit_test(the_container_is_that_of_ecs_init),
        cmocka_unit_test(an_external_instance_gets_no_capabilities_but_its_credentials),
        cmocka_unit_test(the_socket_of_credentials_fetcher_is_bound_where_it_is),
        cmocka_unit_test(a_desired_image_lies_in_the_cache_or_nowhere),
        cmocka_unit_test(the_state_of_the_cache_is_one_digit),
        cmocka_unit_test(a_checksum_and_an_image_id_are_what_they_look_like),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
