#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/capability.h"
#include "agent/ecs_register.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

static struct config c;
static json_t *list;

static void load(const char *setting)
{
    const char *const env[] = {"AWS_DEFAULT_REGION=us-west-2",
                               "ECS_AGENT_CONFIG_FILE_PATH=/nonexistent", setting, NULL};
    struct err e = ERR_INIT;

    config_release(&c);
    assert_int_equal(config_load(&c, env, &e), 0);
    assert_int_equal(config_finish(&c, &e), 0);
}

static int reset(void **state)
{
    (void)state;
    config_release(&c);
    json_decref(list);
    list = NULL;
    return 0;
}

static bool has(const char *name)
{
    json_t *a;
    size_t i;

    json_array_foreach (list, i, a) {
        if (str_eq(json_str(a, "name"), name))
            return true;
    }
    return false;
}

static void capabilities(int lowest, int highest)
{
    json_decref(list);
    list = capability_list(&c, lowest, highest, false, NULL);
}

static void network_interfaces_are_claimed_with_the_versions_of_the_plugins(void **state)
{
    _cleanup_json_ json_t *plugins =
        json_pack("{s:s,s:s}", "ecs.capability.cni-plugin-version", "a-1",
                  "ecs.capability.branch-cni-plugin-version", "b-1");

    (void)state;
    load("ECS_ENABLE_TASK_ENI=true");
    json_decref(list);
    list = capability_list(&c, 17, 43, true, plugins);
    assert_true(has("ecs.capability.task-eni"));
    assert_true(has("ecs.capability.task-eni.ipv6"));
    assert_true(has("ecs.capability.cni-plugin-version"));
    assert_true(has("ecs.capability.task-eni-trunking"));
    assert_true(has("ecs.capability.branch-cni-plugin-version"));
    assert_true(has("ecs.capability.pid-ipc-namespace-sharing"));
    assert_false(has("ecs.capability.task-eni-block-instance-metadata"));
    c.block_imds.on = true;
    c.eni_trunking.on = false;
    json_decref(list);
    list = capability_list(&c, 17, 43, true, plugins);
    assert_true(has("ecs.capability.task-eni-block-instance-metadata"));
    assert_false(has("ecs.capability.task-eni-trunking"));
    c.external.on = true;
    json_decref(list);
    list = capability_list(&c, 17, 43, false, NULL);
    assert_false(has("ecs.capability.task-eni"));
    assert_false(has("ecs.capability.pid-ipc-namespace-sharing"));
}

static void each_served_api_version_is_claimed_but_the_four_that_never_were(void **state)
{
    (void)state;
    load(NULL);
    capabilities(17, 43);
    assert_true(has("com.amazonaws.ecs.capability.docker-remote-api.1.17"));
    assert_true(has("com.amazonaws.ecs.capability.docker-remote-api.1.32"));
    assert_false(has("com.amazonaws.ecs.capability.docker-remote-api.1.26"));
    assert_false(has("com.amazonaws.ecs.capability.docker-remote-api.1.27"));
    assert_false(has("com.amazonaws.ecs.capability.docker-remote-api.1.31"));
    assert_false(has("com.amazonaws.ecs.capability.docker-remote-api.1.33"));
    capabilities(17, 21);
    assert_true(has("com.amazonaws.ecs.capability.docker-remote-api.1.21"));
    assert_false(has("com.amazonaws.ecs.capability.docker-remote-api.1.22"));
}

static void a_daemon_without_old_versions_still_stands_for_them(void **state)
{
    (void)state;
    load(NULL);
    capabilities(44, 44);
    assert_true(has("com.amazonaws.ecs.capability.docker-remote-api.1.17"));
    assert_true(has("ecs.capability.container-health-check"));
    assert_true(has("com.amazonaws.ecs.capability.logging-driver.json-file"));
}

static void old_daemons_lack_what_came_later(void **state)
{
    (void)state;
    load("ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"splunk\"]");
    capabilities(17, 21);
    assert_false(has("ecs.capability.container-health-check"));
    assert_true(has("com.amazonaws.ecs.capability.logging-driver.json-file"));
    assert_false(has("com.amazonaws.ecs.capability.logging-driver.splunk"));
    capabilities(17, 22);
    assert_true(has("com.amazonaws.ecs.capability.logging-driver.splunk"));
}

static void limits_of_tasks_are_offered_when_the_daemon_has_cgroup_parents(void **state)
{
    (void)state;
    load(NULL);
    capabilities(17, 22);
    assert_true(has("ecs.capability.task-cpu-mem-limit"));
    assert_true(has("ecs.capability.increased-task-cpu-limit"));
    capabilities(17, 21);
    assert_false(has("ecs.capability.task-cpu-mem-limit"));
    load("ECS_ENABLE_TASK_CPU_MEM_LIMIT=false");
    capabilities(17, 43);
    assert_false(has("ecs.capability.task-cpu-mem-limit"));
    assert_false(has("ecs.capability.increased-task-cpu-limit"));
}

static void every_switch_has_its_capability(void **state)
{
    static const char *const rows[][2] = {
        {"ECS_SELINUX_CAPABLE=true", "com.amazonaws.ecs.capability.selinux"},
        {"ECS_APPARMOR_CAPABLE=true", "com.amazonaws.ecs.capability.apparmor"},
        {"ECS_ENABLE_TASK_IAM_ROLE=true", "com.amazonaws.ecs.capability.task-iam-role"},
        {"ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true",
         "com.amazonaws.ecs.capability.task-iam-role-network-host"},
        {"ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true", "ecs.capability.execution-role-awslogs"},
        {"ECS_EXTERNAL=true", "ecs.capability.external"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        load(NULL);
        capabilities(17, 43);
        assert_false(has(rows[i][1]));
        load(rows[i][0]);
        capabilities(17, 43);
        assert_true(has(rows[i][1]));
    }
}

static void switches_add_and_take_away(void **state)
{
    (void)state;
    load(NULL);
    capabilities(17, 43);
    assert_true(has("com.amazonaws.ecs.capability.privileged-container"));
    assert_false(has("com.amazonaws.ecs.capability.task-iam-role"));
    assert_false(has("ecs.capability.external"));
    load("ECS_DISABLE_PRIVILEGED=true");
    capabilities(17, 43);
    assert_false(has("com.amazonaws.ecs.capability.privileged-container"));
    load("ECS_ENABLE_TASK_IAM_ROLE=true");
    capabilities(17, 43);
    assert_true(has("com.amazonaws.ecs.capability.task-iam-role"));
    load("ECS_EXTERNAL=true");
    capabilities(17, 43);
    assert_true(has("ecs.capability.external"));
    load("ECS_VOLUME_PLUGIN_CAPABILITIES=[\"efsAuth\"]");
    capabilities(17, 43);
    assert_true(has("ecs.capability.efsAuth"));
}

static void attributes_have_to_come_back_with_their_values(void **state)
{
    struct err e = ERR_INIT;
    json_t *sent = json_pack("[{s:s},{s:s,s:s}]", "name", "a", "name", "b", "value", "1");
    json_t *more =
        json_pack("[{s:s},{s:s,s:s},{s:s}]", "name", "a", "name", "b", "value", "1", "name", "c");
    json_t *other = json_pack("[{s:s},{s:s,s:s}]", "name", "a", "name", "b", "value", "2");

    (void)state;
    assert_int_equal(ecs_register_validate(sent, more, &e), 0);
    assert_int_equal(ecs_register_validate(sent, other, &e), -1);
    assert_int_equal(ecs_register_validate(sent, NULL, &e), -1);
    assert_non_null(strstr(e.text, "Attribute validation failed"));
    json_decref(sent);
    json_decref(more);
    json_decref(other);
}

static struct ecs_answer answer(int status, const char *header, const char *body)
{
    struct ecs_answer a = {.error = -1, .e = ERR_INIT};

    ecs_answer_read(&a, status, header, body, strlen(body));
    return a;
}

static void errors_are_found_in_the_body_and_in_the_header(void **state)
{
    struct ecs_answer a;

    (void)state;
    a = answer(400, NULL, "{\"__type\":\"ns#ClientException\",\"message\":\"no\"}");
    assert_int_equal(a.error, ECS_ERROR_CLIENT);
    assert_string_equal(a.e.text, "ClientException: no (400)");
    assert_false(ecs_answer_transient(&a));
    a = answer(400, "ThrottlingException:http://x/", "");
    assert_int_equal(a.error, ECS_ERROR_THROTTLING);
    assert_true(ecs_answer_transient(&a));
    a = answer(503, NULL, "<html>");
    assert_int_equal(a.error, -1);
    assert_true(ecs_answer_transient(&a));
    a = answer(403, NULL, "{\"__type\":\"AccessDeniedException\",\"Message\":\"who\"}");
    assert_int_equal(a.e.code, ERR_AUTH);
    a = answer(200, NULL, "{}");
    assert_int_equal(a.e.code, ERR_NONE);
}

static void registration_errors_are_for_good_for_now_or_to_be_tried_again(void **state)
{
    static const struct {
        const char *type;
        enum register_verdict verdict;
    } rows[] = {
        {"ClientException", REGISTER_TERMINAL},
        {"InvalidParameterException", REGISTER_TERMINAL},
        {"AccessDeniedException", REGISTER_FAILED},
        {"ClusterNotFoundException", REGISTER_FAILED},
        {"ThrottlingException", REGISTER_AGAIN},
        {"ServerException", REGISTER_AGAIN},
        {"LimitExceededException", REGISTER_AGAIN},
        {"SomethingNew", REGISTER_FAILED},
    };
    struct ecs_answer a;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        a = answer(400, rows[i].type, "{\"message\":\"x\"}");
        assert_int_equal(ecs_register_judge(&a), rows[i].verdict);
    }
    a = answer(400, "Whatever",
               "{\"message\":\"Container instance type changes are not supported.\"}");
    assert_int_equal(ecs_register_judge(&a), REGISTER_TERMINAL);
}

static void more_reserved_memory_than_there_is_is_an_error(void **state)
{
    struct err e = ERR_INIT;
    json_t *resources;

    (void)state;
    load(NULL);
    resources = ecs_register_resources(&c, &e);
    assert_int_equal(json_array_size(resources), 4);
    assert_string_equal(json_str(json_array_get(resources, 2), "name"), "PORTS");
    json_decref(resources);
    c.reserved_memory = INT64_MAX;
    assert_null(ecs_register_resources(&c, &e));
    assert_non_null(strstr(e.text, "ECS_RESERVED_MEMORY"));
}

/* A folder that is there stands for the socket. */
#define SOCKET "CREDENTIALS_FETCHER_HOST_DIR=/tmp"

static void gmsa_is_claimed_by_what_the_host_has(void **state)
{
    static const struct {
        const char *env[5];
        bool gmsa, domainless;
    } rows[] = {
        {{SOCKET}, false, false},
        {{SOCKET, "ECS_GMSA_SUPPORTED=true"}, false, true},
        {{SOCKET, "ECS_GMSA_SUPPORTED=junk", "ECS_DOMAIN_JOINED_LINUX_INSTANCE=true"},
         false,
         false},
        {{SOCKET, "ECS_GMSA_SUPPORTED=true", "ECS_DOMAIN_JOINED_LINUX_INSTANCE=true"}, true, true},
        {{SOCKET, "ECS_GMSA_SUPPORTED=true",
          "CREDENTIALS_FETCHER_SECRET_NAME_FOR_DOMAINLESS_GMSA=s"},
         true,
         true},
        {{"CREDENTIALS_FETCHER_HOST_DIR=/nonexistent/s", "ECS_GMSA_SUPPORTED=true",
          "ECS_DOMAIN_JOINED_LINUX_INSTANCE=true"},
         false,
         false},
        {{"ECS_GMSA_SUPPORTED=true", "ECS_DOMAIN_JOINED_LINUX_INSTANCE=true"}, false, false},
        {{"ECSIM_PLATFORM=windows", "ProgramData=/p", "ECSIM_WINDOWS_FEATURES=joined,ccg-plugin"},
         true,
         false},
        {{"ECSIM_PLATFORM=windows", "ProgramData=/p", "ECSIM_WINDOWS_FEATURES=ccg-plugin",
          "ECS_GMSA_SUPPORTED=true"},
         false,
         true},
        {{"ECSIM_PLATFORM=windows", "ProgramData=/p", "ECSIM_WINDOWS_FEATURES=joined",
          "ECS_GMSA_SUPPORTED=false"},
         false,
         false},
        {{"ECSIM_PLATFORM=windows", "ProgramData=/p", "ECSIM_WINDOWS_FEATURES=joined,ccg-plugin",
          "ECS_GMSA_SUPPORTED=true", "ECSIM_WINDOWS_FAMILY=WINDOWS_SERVER_2016_CORE"},
         true,
         false},
    };
    struct err e = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *env[7] = {"AWS_DEFAULT_REGION=us-west-2"};

        memcpy(env + 1, rows[i].env, sizeof(rows[i].env));
        config_release(&c);
        assert_int_equal(config_load(&c, env, &e), 0);
        assert_int_equal(config_finish(&c, &e), 0);
        capabilities(24, 41);
        assert_int_equal(has("ecs.capability.gmsa"), rows[i].gmsa);
        assert_int_equal(has("ecs.capability.gmsa-domainless"), rows[i].domainless);
    }
}

static void on_windows_other_defaults_hold(void **state)
{
    static const char *const env[] = {"AWS_DEFAULT_REGION=us-west-2", "ECSIM_PLATFORM=windows",
                                      "ProgramData=/p", "ECS_ENABLE_TASK_CPU_MEM_LIMIT=true", NULL};
    static const char *const bad[] = {"AWS_DEFAULT_REGION=us-west-2", "ECSIM_PLATFORM=plan9", NULL};
    struct err e = ERR_INIT;

    (void)state;
    config_release(&c);
    assert_int_equal(config_load(&c, env, &e), 0);
    assert_int_equal(config_finish(&c, &e), 0);
    assert_int_equal(json_array_size(c.reserved_ports), 11);
    assert_int_equal(c.start_timeout / NS_PER_S, 480);
    capabilities(24, 41);
    assert_false(has("ecs.capability.task-cpu-mem-limit"));
    assert_true(has("com.amazonaws.ecs.capability.logging-driver.awslogs"));
    config_release(&c);
    assert_int_equal(config_load(&c, bad, &e), 0);
    assert_int_equal(config_finish(&c, &e), -1);
    assert_non_null(strstr(e.text, "plan9"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, reset, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_served_api_version_is_claimed_but_the_four_that_never_were),
        TEST(network_interfaces_are_claimed_with_the_versions_of_the_plugins),
        TEST(a_daemon_without_old_versions_still_stands_for_them),
        TEST(old_daemons_lack_what_came_later),
        TEST(limits_of_tasks_are_offered_when_the_daemon_has_cgroup_parents),
        TEST(switches_add_and_take_away),
        TEST(every_switch_has_its_capability),
        TEST(attributes_have_to_come_back_with_their_values),
        TEST(errors_are_found_in_the_body_and_in_the_header),
        TEST(registration_errors_are_for_good_for_now_or_to_be_tried_again),
        TEST(gmsa_is_claimed_by_what_the_host_has),
        TEST(on_windows_other_defaults_hold),
        TEST(more_reserved_memory_than_there_is_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
