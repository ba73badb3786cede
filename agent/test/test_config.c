#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/config.h"
#include "base/clock.h"
#include "base/str.h"

static struct config c;
static struct err e;

static int reset(void **state)
{
    (void)state;
    config_release(&c);
    err_clear(&e);
    return 0;
}

static char file[64];

/* One or two settings beside a region, and no file but the one of the test. */
static int load(const char *one, const char *two)
{
    char path[128];
    const char *const env[] = {"AWS_DEFAULT_REGION=us-west-2", path, one, one ? two : NULL, NULL};

    snprintf(path, sizeof(path), "ECS_AGENT_CONFIG_FILE_PATH=%s", *file ? file : "/nonexistent");
    if (config_load(&c, env, &e) < 0)
        return -1;
    return config_finish(&c, &e);
}

/* The same with this text in the file. */
static int load_file(const char *text, const char *one)
{
    int fd, r;

    snprintf(file, sizeof(file), "/tmp/ecsim-config-XXXXXX");
    fd = mkstemp(file);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    r = load(one, NULL);
    unlink(file);
    file[0] = '\0';
    return r;
}

/* The value of a variable and where it is from, as --print-config shows it. */
static const char *shown(const char *name)
{
    static char line[512];
    struct config_row row;
    size_t at;

    for (size_t i = 0; at = i, config_describe(&i, &row);) {
        char *text;

        if (!str_eq(row.name, name))
            continue;
        text = config_text(&c, at);
        snprintf(line, sizeof(line), "%s %s", config_source_name((enum config_source)c.source[at]),
                 text);
        free(text);
        return line;
    }
    return "no such variable";
}

static void without_settings_the_official_defaults_hold(void **state)
{
    (void)state;
    assert_int_equal(load(NULL, NULL), 0);
    assert_string_equal(c.cluster, "");
    assert_string_equal(c.endpoint, "https://ecs.us-west-2.amazonaws.com");
    assert_string_equal(c.docker_host, "unix:///var/run/docker.sock");
    assert_int_equal(c.cleanup_wait, 3 * 3600 * NS_PER_S);
    assert_int_equal(c.stop_timeout, 30 * NS_PER_S);
    assert_int_equal(c.pull_behavior, PULL_DEFAULT);
    assert_int_equal(json_array_size(c.reserved_ports), 5);
    assert_true(c.task_cpu_mem_limit.on);
    assert_false(c.task_cpu_mem_limit.set);
    assert_false(c.checkpoint.on);
    assert_string_equal(c.listen.host, "127.0.0.1");
    assert_int_equal(c.listen.port, 51678);
    assert_int_equal(c.n_notes, 0);
}

static void a_stop_timeout_below_the_minimum_becomes_the_minimum(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_CONTAINER_STOP_TIMEOUT=10ms", NULL), 0);
    assert_int_equal(c.stop_timeout, NS_PER_S);
    assert_int_equal(c.n_notes, 1);
}

static void a_cleanup_wait_below_the_minimum_becomes_the_default(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=10ms", NULL), 0);
    assert_int_equal(c.cleanup_wait, 3 * 3600 * NS_PER_S);
    assert_int_equal(c.n_notes, 1);
    assert_non_null(strstr(c.notes[0], "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"));
}

static void odd_values_are_noted_and_the_default_is_taken(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_RESERVED_MEMORY=70000", "ECS_DISABLE_METRICS=perhaps"), 0);
    assert_int_equal(c.reserved_memory, 0);
    assert_false(c.disable_metrics.on);
    assert_false(c.disable_metrics.set);
    assert_int_equal(c.n_notes, 2);
}

static void ports_are_taken_as_json_and_replace_the_default(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_RESERVED_PORTS=[22,80]", "ECS_RESERVED_PORTS_UDP=[53]"), 0);
    assert_int_equal(json_array_size(c.reserved_ports), 2);
    assert_int_equal(json_integer_value(json_array_get(c.reserved_ports_udp, 0)), 53);
}

static void bad_attributes_and_unknown_drivers_are_errors(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_INSTANCE_ATTRIBUTES={\"a\":1}", NULL), -1);
    assert_non_null(strstr(e.text, "ECS_INSTANCE_ATTRIBUTES"));
    config_release(&c);
    assert_int_equal(load("ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"paper\"]", NULL), -1);
    assert_non_null(strstr(e.text, "paper"));
}

static void the_endpoint_gets_a_scheme_only_when_it_has_none(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_BACKEND_HOST=ecs.example:8080/", NULL), 0);
    assert_string_equal(c.endpoint, "https://ecs.example:8080");
    config_release(&c);
    assert_int_equal(load("ECS_BACKEND_HOST= http://127.0.0.1:1 ", NULL), 0);
    assert_string_equal(c.endpoint, "http://127.0.0.1:1");
}

static void a_data_folder_turns_saving_on_unless_told_otherwise(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_DATADIR=/data", NULL), 0);
    assert_true(c.checkpoint.on);
    config_release(&c);
    assert_int_equal(load("ECS_DATADIR=/data", "ECS_CHECKPOINT=false"), 0);
    assert_false(c.checkpoint.on);
}

static void an_external_instance_has_to_name_its_region(void **state)
{
    const char *const env[] = {"ECS_EXTERNAL=true", NULL};

    (void)state;
    assert_int_equal(config_load(&c, env, &e), -1);
    assert_non_null(strstr(e.text, "AWS_DEFAULT_REGION"));
}

static void a_missing_region_is_found_by_the_check(void **state)
{
    const char *const env[] = {NULL};

    (void)state;
    assert_int_equal(config_load(&c, env, &e), 0);
    assert_int_equal(config_finish(&c, &e), -1);
    assert_non_null(strstr(e.text, "Missing required fields: AWSRegion"));
    config_set_region(&c, "cn-north-1");
    config_set_region(&c, "eu-west-1"); /* who comes first has said it */
    assert_int_equal(config_finish(&c, &e), 0);
    assert_string_equal(c.endpoint, "https://ecs.cn-north-1.amazonaws.com.cn");
    assert_string_equal(shown("AWS_DEFAULT_REGION"), "metadata cn-north-1");
}

static void introspection_listens_on_a_port_a_host_or_a_socket(void **state)
{
    (void)state;
    assert_int_equal(load("ECSIM_INTROSPECTION=0.0.0.0:99", NULL), 0);
    assert_string_equal(c.listen.host, "0.0.0.0");
    assert_int_equal(c.listen.port, 99);
    config_release(&c);
    assert_int_equal(load("ECSIM_INTROSPECTION=[::1]:99", NULL), 0);
    assert_string_equal(c.listen.host, "::1");
    config_release(&c);
    assert_int_equal(load("ECSIM_INTROSPECTION=unix:/run/x", NULL), 0);
    assert_string_equal(c.listen.path, "/run/x");
    config_release(&c);
    assert_int_equal(load("ECSIM_INTROSPECTION=here", NULL), -1);
    config_release(&c);
    assert_int_equal(load("ECSIM_INTROSPECTION=:99", NULL), -1);
}

static void every_variable_is_described(void **state)
{
    struct config_row row;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; config_describe(&i, &row); n++) {
        assert_true(*row.name);
        assert_non_null(row.dflt);
        assert_non_null(row.help);
    }
    assert_true(n > 90);
}

static void the_environment_wins_over_the_file_and_that_over_user_data(void **state)
{
    (void)state;
    assert_int_equal(load_file("{\"Cluster\":\"filed\",\"ReservedMemory\":32,"
                               "\"taskcleanupwaitduration\":60000000000,\"ImagePullBehavior\":3,"
                               "\"ReservedPorts\":[7],\"EngineAuthData\":{\"a\":{}}}",
                               "ECS_CLUSTER=said"),
                     0);
    config_user_data(&c, "{\"ECSAgentConfiguration\":{\"Cluster\":\"user\",\"ReservedMemory\":1,"
                         "\"ContainerInstanceTags\":{\"k\":\"v\"},\"DisableMetrics\":true}}");
    assert_string_equal(shown("ECS_CLUSTER"), "environment said");
    assert_string_equal(shown("ECS_RESERVED_MEMORY"), "file 32");
    assert_string_equal(shown("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"), "file 1m");
    assert_string_equal(shown("ECS_IMAGE_PULL_BEHAVIOR"), "file prefer-cached");
    assert_string_equal(shown("ECS_RESERVED_PORTS"), "file [7]");
    assert_string_equal(shown("ECS_ENGINE_AUTH_DATA"), "file [redacted]");
    assert_string_equal(shown("ECS_CONTAINER_INSTANCE_TAGS"), "user-data {\"k\":\"v\"}");
    assert_string_equal(shown("ECS_DISABLE_METRICS"), "user-data true");
    assert_string_equal(shown("ECS_CONTAINER_STOP_TIMEOUT"), "default 30s");
    assert_int_equal(c.pull_behavior, PULL_PREFER_CACHED);
    assert_int_equal(c.n_notes, 0);
}

static void a_switch_that_is_off_beats_the_file_and_a_flag_does_not(void **state)
{
    const char *text = "{\"DisableMetrics\":true,\"TaskIAMRoleEnabledForNetworkHost\":true}";

    (void)state;
    assert_int_equal(load_file(text, "ECS_DISABLE_METRICS=false"), 0);
    assert_string_equal(shown("ECS_DISABLE_METRICS"), "environment false");
    config_release(&c);
    assert_int_equal(load_file(text, "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=false"), 0);
    assert_string_equal(shown("ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST"), "file true");
}

static void what_go_takes_for_zero_is_not_said(void **state)
{
    (void)state;
    assert_int_equal(
        load_file("{\"ReservedMemory\":16,\"ReservedPorts\":[9]}", "ECS_RESERVED_MEMORY=0"), 0);
    assert_string_equal(shown("ECS_RESERVED_MEMORY"), "file 16");
    config_release(&c);
    assert_int_equal(load("ECS_CONTAINER_STOP_TIMEOUT=0s", "ECS_RESERVED_PORTS=[]"), 0);
    assert_string_equal(shown("ECS_CONTAINER_STOP_TIMEOUT"), "default 30s");
    assert_int_equal(json_array_size(c.reserved_ports), 5);
    assert_int_equal(c.n_notes, 0);
}

static void a_file_that_is_wrong_is_an_error_and_one_that_is_empty_is_not(void **state)
{
    static const char *const rows[][2] = {
        {"{", "1:"},
        {"[]", "a JSON object was expected"},
        {"{\"Cluster\":5}", "Cluster"},
        {"{\"DisableMetrics\":\"true\"}", "DisableMetrics"},
        {"{\"ReservedMemory\":65536}", "ReservedMemory"},
        {"{\"ReservedPorts\":[\"22\"]}", "ReservedPorts"},
        {"{\"InstanceAttributes\":{\"a\":1}}", "InstanceAttributes"},
        {"{\"ImagePullTimeout\":\"1h\"}", "ImagePullTimeout"},
        {"{\"DockerStopTimeout\":1000}", "ECS_CONTAINER_STOP_TIMEOUT"},
        {"{\"ContainerStartTimeout\":1000000000}", "ContainerStartTimeout"},
        {"{\"AvailableLoggingDrivers\":[\"paper\"]}", "paper"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        err_clear(&e);
        assert_int_equal(load_file(rows[i][0], NULL), -1);
        assert_non_null(strstr(e.text, rows[i][1]));
        config_release(&c);
    }
    assert_int_equal(load_file(" \n", NULL), 0);
    config_release(&c);
    assert_int_equal(
        load_file("{\"Cluster\":null,\"DisableMetrics\":1,\"ImagePullBehavior\":9}", NULL), 0);
    assert_true(c.disable_metrics.on);
    assert_int_equal(c.pull_behavior, PULL_DEFAULT);
}

static void values_of_the_file_have_rules_of_their_own(void **state)
{
    (void)state;
    assert_int_equal(load_file("{\"ContainerCreateTimeout\":1000000000,"
                               "\"ImagePullInactivityTimeout\":1000000000,"
                               "\"TaskCleanupWaitDuration\":1000,\"NumImagesToDeletePerCycle\":-1}",
                               NULL),
                     0);
    assert_string_equal(shown("ECS_CONTAINER_CREATE_TIMEOUT"), "file 1s"); /* nobody looks */
    assert_string_equal(shown("ECS_IMAGE_PULL_INACTIVITY_TIMEOUT"), "default 1m");
    assert_string_equal(shown("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"), "default 3h");
    assert_string_equal(shown("ECS_NUM_IMAGES_DELETE_PER_CYCLE"), "default 5");
    assert_int_equal(c.n_notes, 3);
}

static void unknown_members_are_pointed_out_and_the_old_name_of_a_cluster_is_taken(void **state)
{
    (void)state;
    assert_int_equal(load_file("{\"ClusterArn\":\"old\",\"ReservedMemry\":5,\"NoIID\":true}", NULL),
                     0);
    assert_string_equal(shown("ECS_CLUSTER"), "file old");
    assert_int_equal(c.n_notes, 2);
    assert_non_null(strstr(c.notes[0], "did you mean ReservedMemory?"));
    assert_non_null(strstr(c.notes[1], "Cluster now"));
}

static void user_data_that_is_not_for_the_agent_has_no_effect(void **state)
{
    static const char *const texts[] = {
        "#!/bin/sh\necho ECS_CLUSTER=x >>/etc/ecs/ecs.config\n",
        "{\"Cluster\":\"x\"}",
        "{\"ECSAgentConfiguration\":\"x\"}",
        "[]",
        "",
    };

    (void)state;
    assert_int_equal(load(NULL, NULL), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        config_user_data(&c, texts[i]);
    assert_string_equal(shown("ECS_CLUSTER"), "default ");
    assert_int_equal(c.n_notes, 0);
    /* one wrong member, and none of them counts */
    config_user_data(&c,
                     "{\"ECSAgentConfiguration\":{\"Cluster\":\"x\",\"ReservedMemory\":\"y\"}}");
    assert_string_equal(shown("ECS_CLUSTER"), "default ");
    assert_int_equal(c.n_notes, 1);
}

static void a_data_folder_of_the_file_turns_nothing_on(void **state)
{
    (void)state;
    assert_int_equal(load_file("{\"DataDir\":\"/d\"}", NULL), 0);
    assert_false(c.checkpoint.on);
    config_release(&c);
    assert_int_equal(load_file("{\"Checkpoint\":true}", NULL), 0);
    assert_true(c.checkpoint.on);
    assert_string_equal(c.datadir, "/data/");
    config_release(&c);
    assert_int_equal(load_file("{\"Checkpoint\":false}", "ECS_DATADIR=/d"), 0);
    assert_true(c.checkpoint.on);
}

static void polling_and_prometheus_have_side_effects(void **state)
{
    (void)state;
    assert_int_equal(load("ECS_POLLING_METRICS_WAIT_DURATION=1s", NULL), 0);
    assert_string_equal(shown("ECS_POLLING_METRICS_WAIT_DURATION"), "environment 1s");
    config_release(&c);
    assert_int_equal(load("ECS_POLLING_METRICS_WAIT_DURATION=1h", "ECS_POLL_METRICS=1"), 0);
    assert_string_equal(shown("ECS_POLLING_METRICS_WAIT_DURATION"), "environment 20s");
    assert_int_equal(c.n_notes, 1);
    config_release(&c);
    assert_int_equal(load("ECS_ENABLE_PROMETHEUS_METRICS=true", NULL), 0);
    assert_int_equal(json_array_size(c.reserved_ports), 6);
}

static void all_of_it_can_be_printed_without_secrets(void **state)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    (void)state;
    assert_int_equal(load("AWS_SECRET_ACCESS_KEY=hush", "ECS_RESERVED_MEMORY=x"), 0);
    config_print(&c, out);
    fclose(out);
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "[redacted]"));
    assert_non_null(strstr(text, "\n# ECS_RESERVED_MEMORY=x is not valid"));
    assert_non_null(
        strstr(text, "AWS_DEFAULT_REGION                            environment  us-west-2\n"));
    free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, reset, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_settings_the_official_defaults_hold),
        TEST(a_stop_timeout_below_the_minimum_becomes_the_minimum),
        TEST(a_cleanup_wait_below_the_minimum_becomes_the_default),
        TEST(odd_values_are_noted_and_the_default_is_taken),
        TEST(ports_are_taken_as_json_and_replace_the_default),
        TEST(bad_attributes_and_unknown_drivers_are_errors),
        TEST(the_endpoint_gets_a_scheme_only_when_it_has_none),
        TEST(a_data_folder_turns_saving_on_unless_told_otherwise),
        TEST(an_external_instance_has_to_name_its_region),
        TEST(a_missing_region_is_found_by_the_check),
        TEST(introspection_listens_on_a_port_a_host_or_a_socket),
        TEST(every_variable_is_described),
        TEST(the_environment_wins_over_the_file_and_that_over_user_data),
        TEST(a_switch_that_is_off_beats_the_file_and_a_flag_does_not),
        TEST(what_go_takes_for_zero_is_not_said),
        TEST(a_file_that_is_wrong_is_an_error_and_one_that_is_empty_is_not),
        TEST(values_of_the_file_have_rules_of_their_own),
        TEST(unknown_members_are_pointed_out_and_the_old_name_of_a_cluster_is_taken),
        TEST(user_data_that_is_not_for_the_agent_has_no_effect),
        TEST(a_data_folder_of_the_file_turns_nothing_on),
        TEST(polling_and_prometheus_have_side_effects),
        TEST(all_of_it_can_be_printed_without_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
