#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/container_config.h"
#include "agent/payload.h"
#include "base/mem.h"
#include "base/str.h"

#define HEAD                                                                                       \
    "\"arn\":\"arn:aws:ecs:us-west-2:1:task/demo/9f\",\"family\":\"web\",\"version\":\"3\","

static json_t *parse(const char *text)
{
    struct err e = ERR_INIT;
    json_t *v = json_read(text, strlen(text), JSON_READ_STRICT, &e);

    assert_string_equal(e.text, "");
    return v;
}

static struct task *read_task(const char *text, struct err *e)
{
    json_t *spec = parse(text);
    struct task *t = payload_task(spec, e);

    json_decref(spec);
    return t;
}

static const char *const full =
    "{" HEAD "\"desiredStatus\":\"RUNNING\",\"networkMode\":\"bridge\",\"unknown\":[1],"
    "\"roleCredentials\":{\"credentialsId\":\"c-1\",\"secretAccessKey\":\"hush\"},"
    "\"executionRoleCredentials\":{\"credentialsId\":\"c-2\",\"sessionToken\":\"hush\"},"
    "\"volumes\":[{\"name\":\"v\",\"type\":\"host\",\"host\":{\"sourcePath\":\"/srv\"}},"
    "{\"name\":\"empty\",\"host\":{}}],"
    "\"containers\":[{\"name\":\"db\",\"image\":\"d\"},"
    "{\"name\":\"ap p_1\",\"image\":\"nginx:1.25\",\"cpu\":1,\"memory\":2,\"essential\":true,"
    "\"command\":[\"a\"],\"entryPoint\":[\"e\"],\"environment\":{\"A\":\"1\",\"N\":null},"
    "\"portMappings\":[{\"containerPort\":80,\"hostPort\":8080},"
    "{\"containerPort\":80,\"hostPort\":8081,\"protocol\":\"tcp\"},"
    "{\"containerPort\":53,\"hostPort\":53,\"protocol\":\"udp\"}],"
    "\"mountPoints\":[{\"sourceVolume\":\"v\",\"containerPath\":\"/data\",\"readOnly\":true},"
    "{\"sourceVolume\":\"empty\",\"containerPath\":\"/tmp\"}],"
    "\"links\":[\"db:database\"],\"volumesFrom\":[{\"sourceContainer\":\"db\",\"readOnly\":true}],"
    "\"overrides\":\"{\\\"command\\\":[\\\"x\\\",\\\"y\\\"]}\",\"logsAuthStrategy\":"
    "\"ExecutionRole\",\"stopTimeout\":5,\"startTimeout\":7,"
    "\"dockerConfig\":{\"version\":\"1.24\",\"config\":\"{\\\"User\\\":\\\"u\\\","
    "\\\"Labels\\\":{\\\"a\\\":\\\"b\\\"},\\\"Cmd\\\":null}\","
    "\"hostConfig\":\"{\\\"memory\\\":9000000,\\\"CpuShares\\\":null,\\\"NetworkMode\\\":"
    "\\\"bridge\\\",\\\"LogConfig\\\":{\\\"Type\\\":\\\"awslogs\\\",\\\"Config\\\":{\\\"mode\\\":"
    "\\\"non-blocking\\\"}}}\"}}]}";

static void every_member_that_is_used_is_read(void **state)
{
    struct err e = ERR_INIT;
    struct task *t = read_task(full, &e);
    struct container *c = &t->containers[1];

    (void)state;
    assert_string_equal(e.text, "");
    assert_int_equal(t->desired, TASK_RUNNING);
    assert_string_equal(t->credentials_id, "c-1");
    assert_string_equal(t->execution_credentials_id, "c-2");
    assert_string_equal(c->name, "ap p_1");
    assert_true(c->essential);
    assert_false(t->containers[0].essential);
    assert_int_equal(c->n_ports, 3);
    assert_true(c->ports[2].udp);
    assert_int_equal(c->stop_timeout, 5 * INT64_C(1000000000));
    assert_int_equal(c->start_timeout, 7 * INT64_C(1000000000));
    assert_int_equal(c->n_depends, 2);
    assert_int_equal(c->depends[0].condition, DEPEND_START);
    assert_string_equal(c->depends[0].name, "db");
    assert_int_equal(c->depends[1].condition, DEPEND_CREATE);
    assert_true(str_starts(c->docker_name, "ecs-web-3-app1-"));
    assert_int_equal(strlen(c->docker_name), strlen("ecs-web-3-app1-") + 20);
    assert_int_equal(strlen(c->endpoint_id), 36);
    task_free(t);
}

static void secrets_of_the_roles_are_not_kept_and_the_rest_is(void **state)
{
    struct err e = ERR_INIT;
    struct task *t = read_task(full, &e);
    char *text = json_text(t->spec);

    (void)state;
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "\"unknown\":[1]"));
    free(text);
    task_free(t);
}

static void what_is_wrong_is_named(void **state)
{
    static const char *const rows[][2] = {
        {"[]", "not an object"},
        {"{\"desiredStatus\":\"RUNNING\"}", "arn"},
        {"{\"arn\":\"\",\"desiredStatus\":\"RUNNING\"}", "arn"},
        {"{" HEAD "\"desiredStatus\":\"PENDING\"}", "desiredStatus"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\"}", "without containers"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":{}}", "containers"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[7]}", "container 0"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\"}]}", "image"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"\",\"image\":\"i\"}]}",
         "empty"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"essential\":\"yes\"}]}",
         "essential"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"command\":[1]}]}",
         "command"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"environment\":{\"A\":1}}]}",
         "environment"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"portMappings\":[{\"containerPort\":70000}]}]}",
         "containerPort"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"portMappings\":[{\"containerPort\":1,\"protocol\":\"sctp\"}]}]}",
         "sctp"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"dependsOn\":[{\"containerName\":\"b\",\"condition\":\"SOON\"}]}]}",
         "SOON"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"stopTimeout\":-1}]}",
         "stopTimeout"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"dockerConfig\":{\"config\":{}}}]}",
         "dockerConfig"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\"},"
         "{\"name\":\"a\",\"image\":\"i\"}]}",
         "two containers"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"portMappings\":[{\"containerPortRange\":\"9-8\"}]}]}",
         "FIRST-LAST"},
        {"{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\",\"image\":\"i\","
         "\"portMappings\":[{\"containerPortRange\":\"80\"}]}]}",
         "FIRST-LAST"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err e = ERR_INIT;

        assert_null(read_task(rows[i][0], &e));
        assert_non_null(strstr(e.text, rows[i][1]));
    }
}

static void a_task_to_stop_needs_no_containers(void **state)
{
    struct err e = ERR_INIT;
    struct task *t = read_task("{" HEAD "\"desiredStatus\":\"STOPPED\"}", &e);

    (void)state;
    assert_non_null(t);
    assert_int_equal(t->desired, TASK_STOPPED);
    task_free(t);
}

static void what_cannot_be_done_here_is_told(void **state)
{
    static const struct config config;
    static const char *const rows[][2] = {
        {"\"networkMode\":\"awsvpc\"", "awsvpc"},
        {"\"volumes\":[{\"name\":\"v\",\"type\":\"efs\"}]", "efs"},
        {"\"associations\":[{\"type\":\"gpu\"}]", "GPU"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text = xasprintf("{" HEAD "\"desiredStatus\":\"STOPPED\",%s}", rows[i][0]);
        struct err e = ERR_INIT;
        struct task *t = read_task(text, &e);

        assert_non_null(t);
        assert_int_equal(payload_unsupported(t, &config, &e), -1);
        assert_non_null(strstr(e.text, rows[i][1]));
        task_free(t);
        free(text);
    }
}

/* ---- the create body ---- */

static bool has_line(const json_t *list, const char *line)
{
    const json_t *v;
    size_t i;

    json_array_foreach (list, i, v)
        if (str_eq(json_string_value(v), line))
            return true;
    return false;
}

static json_t *body_of(struct container *c)
{
    struct container_config_env env = {.cluster = "demo", .region = "us-west-2"};
    struct err e = ERR_INIT;
    const char *name;
    json_t *body = container_config_body(c, &env, &name, &e);

    assert_string_equal(e.text, "");
    return body;
}

static void expect(const json_t *body, const char *path, const char *text)
{
    json_t *want = parse(text);

    if (!json_equal(json_at(body, path), want)) {
        char *have = json_at(body, path) ? json_text(json_at(body, path)) : xstrdup("nothing");

        fail_msg("%s is %s, not %s", path, have, text);
    }
    json_decref(want);
}

static void the_body_is_what_docker_should_get(void **state)
{
    struct err e = ERR_INIT;
    struct task *t = read_task(full, &e);
    struct container *c = &t->containers[1];
    json_t *body = body_of(c), *env = json_object_get(body, "Env");
    char *line;

    (void)state;
    expect(body, "Image", "\"nginx:1.25\"");
    expect(body, "User", "\"u\"");
    expect(body, "Entrypoint", "[\"e\"]");
    expect(body, "Cmd", "null"); /* dockerConfig says null, and null empties a list */
    expect(body, "ExposedPorts", "{\"80/tcp\":{},\"53/udp\":{}}");
    expect(body, "HostConfig.PortBindings",
           "{\"80/tcp\":[{\"HostPort\":\"8080\"},{\"HostPort\":\"8081\"}],"
           "\"53/udp\":[{\"HostPort\":\"53\"}]}");
    expect(body, "HostConfig.Memory", "9000000"); /* "memory" is the same member */
    expect(body, "HostConfig.CpuShares", "2");    /* null leaves a number alone */
    expect(body, "HostConfig.NetworkMode", "\"bridge\"");
    expect(body, "HostConfig.Binds", "[\"/srv:/data:ro\",\"ecs-web-3-empty-9f:/tmp\"]");
    expect(body, "HostConfig.LogConfig.Config",
           "{\"mode\":\"non-blocking\",\"max-buffer-size\":\"10m\","
           "\"awslogs-credentials-endpoint\":\"/v2/credentials/c-2\"}");
    expect(body, "NetworkingConfig", "{}");
    assert_string_equal(json_str(json_object_get(body, "Labels"), "a"), "b");
    assert_string_equal(json_str(json_object_get(body, "Labels"), "com.amazonaws.ecs.cluster"),
                        "demo");
    assert_int_equal(json_object_size(json_object_get(body, "Labels")), 6);
    line = xasprintf("%s:database", t->containers[0].docker_name);
    assert_true(has_line(json_at(body, "HostConfig.Links"), line));
    free(line);
    line = xasprintf("%s:ro", t->containers[0].docker_name);
    assert_true(has_line(json_at(body, "HostConfig.VolumesFrom"), line));
    free(line);
    assert_true(has_line(env, "A=1"));
    assert_true(has_line(env, "N="));
    assert_true(has_line(env, "AWS_REGION=us-west-2"));
    assert_true(has_line(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/c-1"));
    line = xasprintf("ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/%s", c->endpoint_id);
    assert_true(has_line(env, line));
    free(line);
    assert_int_equal(json_array_size(env), 8);
    json_decref(body);
    task_free(t);
}

static void small_numbers_are_raised_and_the_region_is_left_alone(void **state)
{
    struct err e = ERR_INIT;
    struct task *t = read_task("{" HEAD "\"desiredStatus\":\"RUNNING\",\"networkMode\":\"host\","
                               "\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"memory\":1,"
                               "\"cpu\":999999,\"command\":[\"c\"],"
                               "\"environment\":{\"AWS_DEFAULT_REGION\":\"eu-west-1\"}}]}",
                               &e);
    json_t *body = body_of(&t->containers[0]);

    (void)state;
    expect(body, "HostConfig.Memory", "4194304");
    expect(body, "HostConfig.CpuShares", "262144");
    expect(body, "HostConfig.NetworkMode", "\"host\"");
    expect(body, "Cmd", "[\"c\"]");
    assert_true(has_line(json_object_get(body, "Env"), "AWS_DEFAULT_REGION=eu-west-1"));
    assert_int_equal(json_array_size(json_object_get(body, "Env")), 4);
    json_decref(body);
    task_free(t);
}

static void a_body_that_cannot_be_made_says_which_half(void **state)
{
    static const char *const rows[][2] = {
        {"\"dockerConfig\":{\"config\":\"{\"}", "DockerClientConfigError"},
        {"\"dockerConfig\":{\"config\":\"[]\"}", "DockerClientConfigError"},
        {"\"dockerConfig\":{\"hostConfig\":\"nonsense\"}", "HostConfigError"},
        {"\"mountPoints\":[{\"sourceVolume\":\"nobody\",\"containerPath\":\"/x\"}]",
         "HostConfigError"},
    };
    struct container_config_env env = {.cluster = "demo", .region = ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text = xasprintf("{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":"
                               "[{\"name\":\"a\",\"image\":\"i\",%s}]}",
                               rows[i][0]);
        struct err e = ERR_INIT;
        struct task *t = read_task(text, &e);
        const char *name = "";

        assert_string_equal(e.text, "");
        assert_null(container_config_body(&t->containers[0], &env, &name, &e));
        assert_string_equal(name, rows[i][1]);
        assert_true(e.text[0] != '\0');
        task_free(t);
        free(text);
    }
}

/* The log options of a container whose payload has these, as text; to be freed. */
static char *logs_of(const char *options, struct container_config_env *env)
{
    char *text = xasprintf("{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":"
                           "\"a\",\"image\":\"i\",\"dockerConfig\":{\"hostConfig\":"
                           "\"{\\\"LogConfig\\\":{\\\"Type\\\":\\\"awslogs\\\","
                           "\\\"Config\\\":{%s}}}\"}}]}",
                           options);
    struct err e = ERR_INIT;
    struct task *t = read_task(text, &e);
    const char *name;
    json_t *body = container_config_body(&t->containers[0], env, &name, &e);
    char *have = json_text(json_at(body, "HostConfig.LogConfig.Config"));

    assert_string_equal(e.text, "");
    json_decref(body);
    task_free(t);
    free(text);
    return have;
}

static void expect_logs(const char *options, struct container_config_env *env, const char *want)
{
    char *have = logs_of(options, env);

    assert_string_equal(have, want);
    free(have);
}

#define WEST "\\\"awslogs-region\\\":\\\"us-west-2\\\""

static void logs_are_led_where_docker_would_not_find_the_way(void **state)
{
    struct config ipv6 = {.ipv6_only = true};
    struct container_config_env env = {.cluster = "demo", .region = "us-west-2"};

    (void)state;
    expect_logs(WEST, &env, "{\"awslogs-region\":\"us-west-2\"}");
    env.region = "us-isob-east-1";
    expect_logs("", &env, "{\"awslogs-endpoint\":\"https://logs.us-isob-east-1.sc2s.sgov.gov\"}");
    env.config = &ipv6;
    env.docker_version = "18.06.1-ce";
    expect_logs(WEST, &env, "{\"awslogs-region\":\"us-west-2\"}");
    env.docker_version = "20.10.24";
    expect_logs(WEST, &env,
                "{\"awslogs-region\":\"us-west-2\","
                "\"awslogs-endpoint\":\"https://logs.us-west-2.api.aws\"}");
    expect_logs(WEST ",\\\"awslogs-endpoint\\\":\\\"http://mine\\\"", &env,
                "{\"awslogs-region\":\"us-west-2\",\"awslogs-endpoint\":\"http://mine\"}");
    expect_logs("", &env, "{}"); /* it says no region */
}

static void a_range_of_ports_is_published_port_by_port(void **state)
{
    struct err e = ERR_INIT;
    struct task *t =
        read_task("{" HEAD "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"a\","
                  "\"image\":\"i\",\"portMappings\":[{\"containerPortRange\":"
                  "\"8000-8002\",\"protocol\":\"udp\"},{\"containerPort\":80}]}]}",
                  &e);
    struct container *c = &t->containers[0];
    json_t *body;

    (void)state;
    assert_int_equal(c->n_ports, 2);
    assert_int_equal(c->ports[0].count, 3);
    c->ports[0].host_port = 40000;
    c->ports[1].host_port = 40010;
    body = body_of(c);
    expect(body, "ExposedPorts", "{\"8000/udp\":{},\"8001/udp\":{},\"8002/udp\":{},\"80/tcp\":{}}");
    expect(body, "HostConfig.PortBindings",
           "{\"8000/udp\":[{\"HostPort\":\"40000\"}],\"8001/udp\":[{\"HostPort\":\"40001\"}],"
           "\"8002/udp\":[{\"HostPort\":\"40002\"}],\"80/tcp\":[{\"HostPort\":\"40010\"}]}");
    json_decref(body);
    task_free(t);
}

static void limits_of_the_task_are_read_and_its_group_is_the_parent(void **state)
{
    struct container_config_env env = {.cluster = "demo", .cgroup_parent = "/ecs/9f"};
    struct err e = ERR_INIT;
    struct task *t = read_task("{" HEAD "\"desiredStatus\":\"RUNNING\",\"cpu\":0.5,\"memory\":64,"
                               "\"containers\":[{\"name\":\"a\",\"image\":\"i\",\"dockerConfig\":"
                               "{\"hostConfig\":\"{\\\"CgroupParent\\\":\\\"/mine\\\"}\"}}]}",
                               &e);
    const char *name;
    json_t *body;

    (void)state;
    assert_true(t->cpu > 0.49 && t->cpu < 0.51);
    assert_int_equal(t->memory, 64);
    body = container_config_body(&t->containers[0], &env, &name, &e);
    expect(body, "HostConfig.CgroupParent", "\"/ecs/9f\"");
    json_decref(body);
    task_free(t);
    t = read_task("{" HEAD "\"desiredStatus\":\"STOPPED\",\"cpu\":\"much\"}", &e);
    assert_null(t);
    assert_non_null(strstr(e.text, "\"cpu\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_that_is_used_is_read),
        cmocka_unit_test(secrets_of_the_roles_are_not_kept_and_the_rest_is),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_task_to_stop_needs_no_containers),
        cmocka_unit_test(what_cannot_be_done_here_is_told),
        cmocka_unit_test(the_body_is_what_docker_should_get),
        cmocka_unit_test(small_numbers_are_raised_and_the_region_is_left_alone),
        cmocka_unit_test(a_body_that_cannot_be_made_says_which_half),
        cmocka_unit_test(limits_of_the_task_are_read_and_its_group_is_the_parent),
        cmocka_unit_test(logs_are_led_where_docker_would_not_find_the_way),
        cmocka_unit_test(a_range_of_ports_is_published_port_by_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
