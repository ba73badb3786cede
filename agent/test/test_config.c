#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/config.h"
#include "base/clock.h"

static struct config c;
static struct err e;

static int reset(void **state)
{
    (void)state;
    config_release(&c);
    err_clear(&e);
    return 0;
}

/* One or two settings beside a region. */
static int load(const char *one, const char *two)
{
    const char *const env[] = {"AWS_DEFAULT_REGION=us-west-2", one, one ? two : NULL, NULL};

    return config_load(&c, env, &e);
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
    assert_int_equal(config_check(&c, &e), -1);
    config_set_region(&c, "cn-north-1");
    assert_int_equal(config_check(&c, &e), 0);
    assert_string_equal(c.endpoint, "https://ecs.cn-north-1.amazonaws.com.cn");
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
    const char *name, *dflt, *help;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; config_describe(&i, &name, &dflt, &help); n++) {
        assert_true(*name);
        assert_non_null(dflt);
        assert_non_null(help);
    }
    assert_true(n > 30);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
