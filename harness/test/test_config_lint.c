#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "harness/config_lint.h"

#define BOB "\"auth\":\"Ym9iOmh1bnRlcjIy\""

struct row {
    const char *text, *says; /* a part of what is said; NULL: nothing is */
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *said = NULL;
        size_t size, found;
        FILE *out = open_memstream(&said, &size);

        assert_non_null(out);
        found = config_lint("f", rows[i].text, strlen(rows[i].text), out);
        fclose(out);
        if (!rows[i].says && found)
            print_error("for: %s\nsaid: %s", rows[i].text, said);
        if (rows[i].says && !strstr(said, rows[i].says))
            print_error("for: %s\nsaid: %s\nnot: %s\n", rows[i].text, said, rows[i].says);
        assert_int_equal(rows[i].says != NULL, found > 0);
        assert_true(!rows[i].says || strstr(said, rows[i].says));
        assert_null(strstr(said, "hunter22"));
        assert_null(strstr(said, "Ym9iOmh1bnRlcjIy"));
        free(said);
    }
}

static void names_and_lines(void **state)
{
    static const struct row rows[] = {
        {"ECS_CLUSTER=demo\nECS_LOGLEVEL=debug\n", NULL},
        {"# a comment\n\n  ECS_CLUSTER=demo  \r\n", NULL},
        {"HTTP_PROXY=10.0.0.1:3128\nMY_OWN=x\n", NULL},
        {"ECS_CLUSTR=demo\n", "f:1:1: nobody reads \"ECS_CLUSTR\"; did you mean ECS_CLUSTER?"},
        {"\nexport ECS_CLUSTER=demo\n", "f:2:1: nobody reads \"export ECS_CLUSTER\""},
        {"ECS_CLUSTER demo\n", "a line without \"=\" is passed over"},
        {"ECS_CLUSTER=a\nECS_CLUSTER=b\n", "f:2:1: ECS_CLUSTER stands in line 1 already"},
        {"#ECS_CLUSTER=a\n", "ecs-init knows no comments"},
        {"ECS_CLUSTER=\"demo\"\n", "f:1:13: ECS_CLUSTER: the value is in quotes"},
        {"AWS_SECRET_ACCESS_KEY=hunter22\n", "a key of AWS stands here"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

static void values(void **state)
{
    static const struct row rows[] = {
        {"ECS_UPDATES_ENABLED=yes\n", "neither true nor false: the default, false, is taken"},
        {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=3\n", "is not a duration: the default, 3h"},
        {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1ms\n", "1ms is below 1s: the default, 3h"},
        {"ECS_IMAGE_CLEANUP_INTERVAL=1m\n", "1m is below 10m: the default, 30m, is taken"},
        {"ECS_IMAGE_CLEANUP_INTERVAL=10m\n", NULL},
        {"ECS_CONTAINER_STOP_TIMEOUT=500ms\n", "500ms is below 1s, which is taken instead"},
        {"ECS_CONTAINER_START_TIMEOUT=10s\n", "10s is below 45s, which is taken instead"},
        {"ECS_NUM_IMAGES_DELETE_PER_CYCLE=-1\n", "-1 is below 1: the default, 5, is taken"},
        {"ECS_NUM_IMAGES_DELETE_PER_CYCLE=five\n", "is not a whole number"},
        {"ECS_RESERVED_MEMORY=70000\n", "above 65535: the default, 0"},
        {"ECS_IMAGE_PULL_BEHAVIOR=prefer-cache\n", "did you mean \"prefer-cached\"?"},
        {"ECS_AVAILABLE_LOGGING_DRIVERS=[\"json\"]\n", "the agent does not start"},
        {"ECS_AVAILABLE_LOGGING_DRIVERS='[\"json-file\"]'\n", "quotes are kept by ecs.config"},
        {"ECS_RESERVED_PORTS=[22,70000]\n", "a port, 0 to 65535: the default is taken"},
        {"ECS_INSTANCE_ATTRIBUTES={\"a\":1}\n", "each member has to be a text: the agent does not"},
        {"ECS_INSTANCE_ATTRIBUTES={\"a\":\"b\"}\n", NULL},
        {"ECS_EXCLUDE_UNTRACKED_IMAGE=a:1, b:1\n", "blanks beside a comma belong to the name"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

#define CFG    "ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA="
#define DOCKER "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA="

static void credentials_of_registries(void **state)
{
    static const struct row rows[] = {
        {CFG "{\"reg.example\":{" BOB "},\"https://index.docker.io/v1/\":{" BOB "}}\n", NULL},
        {DOCKER "{\"reg.example\":{\"username\":\"bob\",\"password\":\"hunter22\"}}\n", NULL},
        {CFG "{\"auths\":{\"reg.example\":{" BOB "}}}\n", "jq -c .auths"},
        {CFG "{\"auths\":{\"r\":{}},\"credsStore\":\"desktop\"}\n", "jq -c .auths"},
        {CFG "{\"r\":{" BOB "},\"credsStore\":\"x\"}\n", "\"credsStore\" is no entry"},
        {CFG "{\"r\":{" BOB "},\"credHelpers\":{\"g\":\"x\"}}\n",
         "\"credHelpers\" has no \"auth\""},
        {CFG "'{\"r\":{" BOB "}}'\n", "quotes are kept by ecs.config"},
        {CFG "{\"r\":{\"username\":\"b\",\"password\":\"hunter22\"}}\n", "AUTH_TYPE=docker"},
        {DOCKER "{\"r\":{" BOB "}}\n", "AUTH_TYPE=dockercfg"},
        {CFG "{\"r\":{\"auth\":\"hunter22!\"}}\n", "is not base64"},
        {CFG "{\"r\":{\"auth\":\"aHVudGVyMjI=\"}}\n", "without a colon"},
        {CFG "{\"r\":{\"auth\":\"Ym9iOmh1bnRlcjIyCg==\"}}\n", "ends in a newline"},
        {CFG "{\"docker.io\":{" BOB "}}\n", "is never used for Docker Hub"},
        {CFG "{}\n", "names no registry"},
        {CFG "hunter22\n", "f:2:22: ECS_ENGINE_AUTH_DATA is no JSON object"},
        {"ECS_ENGINE_AUTH_TYPE=basic\nECS_ENGINE_AUTH_DATA={\"r\":{" BOB "}}\n",
         "none that there is"},
        {"ECS_ENGINE_AUTH_DATA={\"r\":{" BOB "}}\n", "counts for nothing without"},
        {"ECS_ENGINE_AUTH_TYPE=dockercfg\n", "ECS_ENGINE_AUTH_DATA is not"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

static void json_files(void **state)
{
    static const struct row rows[] = {
        {"{\"Cluster\": \"demo\", \"cluster\": \"demo\"}", NULL},
        {"{\"Cluster\": \"demo\",\n", "f:2:1: it is no JSON from here on"},
        {"{\"Clustr\": \"demo\"}", "f:1:2: there is no member \"Clustr\"; did you mean Cluster?"},
        {"{\n  \"ECS_CLUSTER\": \"demo\"}", "f:2:3: there is no member \"ECS_CLUSTER\"; did you"},
        {"{\"Cluster\": 5}", "a text was expected, this is integer: the agent does not start"},
        {"{\"DockerStopTimeout\": 30}", "30 seconds are 30000000000"},
        {"{\"DockerStopTimeout\": \"30s\"}", "a number of nanoseconds was expected"},
        {"{\"DockerStopTimeout\": 30000000000}", NULL},
        {"{\"DockerStopTimeout\": 500000000}", "500ms is below 1s: the agent does not start"},
        {"{\"ImageCleanupInterval\": 60000000000}", "below 10m: the default, 30m, is taken"},
        {"{\"EngineAuthType\":\"dockercfg\",\"EngineAuthData\":{\"auths\":{\"r\":{" BOB "}}}}",
         "jq"},
        {"{\"EngineAuthType\":\"dockercfg\",\"EngineAuthData\":\"{}\"}", "is no JSON object"},
        {"{\"ECSAgentConfiguration\":{\"EngineAuthType\":\"dockercfg\",\"EngineAuthData\":{\"r\":"
         "{" BOB "}}}}",
         "a secret in user data"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

static void user_data(void **state)
{
    static const struct row rows[] = {
        {"#!/bin/bash\necho ECS_CLUSTER=demo >> /etc/ecs/ecs.config\n", NULL},
        {"#!/bin/bash\necho \"ECS_CLUSTR=demo\" >> /etc/ecs/ecs.config\n", "f:2:1: nobody reads"},
        {"#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=demo\n"
         "ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"r\":{" BOB "}}\nEOF\n",
         "f:5:1: a secret in user data"},
        {"#cloud-config\nruncmd:\n  - echo ECS_UPDATES_ENABLED=yes >> /etc/ecs/ecs.config\n",
         "neither true nor false"},
        {"#!/bin/sh\nexport AWS_SECRET_ACCESS_KEY=hunter22\n", "f:2:8: a secret in user data"},
    };

    (void)state;
    check(rows, ARRAY_SIZE(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_lines),
        cmocka_unit_test(values),
        cmocka_unit_test(credentials_of_registries),
        cmocka_unit_test(json_files),
        cmocka_unit_test(user_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
