#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/firelens.h"
#include "agent/payload.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"

static struct task *task;

#define MAIN(options)                                                                              \
    "{\"name\":\"main\",\"image\":\"i\",\"dockerConfig\":{\"hostConfig\":\"{\\\"LogConfig\\\":"    \
    "{\\\"Type\\\":\\\"awsfirelens\\\",\\\"Config\\\":{" options "}}}\"}}"
#define ROUTER(more) "{\"name\":\"router\",\"image\":\"i\",\"firelensConfiguration\":{" more "}}"

static void take(const char *containers)
{
    _cleanup_free_ char *text = xasprintf(
        "{\"arn\":\"arn:aws:ecs:us-west-2:1:task/demo/t1\",\"desiredStatus\":\"RUNNING\","
        "\"family\":\"f\",\"version\":\"1\",\"networkMode\":\"awsvpc\",\"containers\":[%s]}",
        containers);
    _cleanup_json_ json_t *spec = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    struct err e = ERR_INIT;

    task_free(task);
    task = payload_task(spec, &e);
    assert_string_equal(e.text, "");
}

static int teardown(void **state)
{
    (void)state;
    task_free(task);
    task = NULL;
    return 0;
}

static void a_task_of_its_own_network_is_listened_to_on_its_loopback(void **state)
{
    _cleanup_free_ char *text = NULL;
    struct err e = ERR_INIT;

    (void)state;
    take(MAIN("\\\"Name\\\":\\\"s3\\\",\\\"b\\\":\\\"2\\\",\\\"a\\\":\\\"1\\\"") "," ROUTER(
        "\"type\":\"fluentbit\",\"options\":{\"enable-ecs-log-metadata\":\"false\"}"));
    assert_int_equal(firelens_check(task, &e), 0);
    assert_string_equal(task->containers[0].depends[0].name, "router");
    text = firelens_config(task, "demo", &e);
    assert_non_null(strstr(text, "    Listen 127.0.0.1\n    Port 24224\n"));
    assert_non_null(strstr(text, "    Mem_Buf_Limit 25MB\n"));
    assert_non_null(strstr(text, "    Name s3\n    Match main-firelens*\n    a 1\n    b 2\n"));
    assert_null(strstr(text, "ecs_cluster"));
}

static void what_cannot_be_routed_is_told(void **state)
{
    static const char *const rows[][2] = {
        {MAIN(""), "no container of its task routes logs"},
        {ROUTER("\"type\":\"syslog\""), "invalid firelens configuration type syslog"},
        {ROUTER("\"type\":\"fluentd\",\"options\":{\"config-file-type\":\"s3\"}"),
         "config-file-value is not specified"},
        {ROUTER("\"type\":\"fluentd\",\"options\":{\"config-file-type\":\"ftp\"}"),
         "invalid value ftp"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err e = ERR_INIT;

        take(rows[i][0]);
        assert_int_equal(firelens_check(task, &e), -1);
        assert_non_null(strstr(e.text, rows[i][1]));
    }
}

static void an_output_needs_its_plugin_and_an_option_is_one_line(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    take(MAIN("\\\"region\\\":\\\"r\\\"") "," ROUTER("\"type\":\"fluentd\""));
    assert_null(firelens_config(task, "demo", &e));
    assert_non_null(strstr(e.text, "missing output key @type"));
    err_clear(&e);
    take(MAIN("\\\"@type\\\":\\\"x\\\\n<match **>\\\"") "," ROUTER("\"type\":\"fluentd\""));
    assert_null(firelens_config(task, "demo", &e));
    assert_non_null(strstr(e.text, "more than a line"));
}

#define SECRET                                                                                     \
    "{\"name\":\"api_key\",\"valueFrom\":\"k\",\"provider\":\"ssm\",\"target\":\"LOG_DRIVER\"}"

/* The value of a secret is the router's to find; each container has its own variable. */
static void secrets_stand_as_variables_and_a_file_of_s3_is_included(void **state)
{
    static const struct {
        const char *type, *key, *wants, *include;
    } rows[] = {
        {"fluentbit", "Name", "    api_key ${api_key_1}\n",
         "@INCLUDE /fluent-bit/etc/external.conf\n"},
        {"fluentd", "@type", "    api_key \"#{ENV['api_key_1']}\"\n",
         "@include /fluentd/etc/external.conf\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *containers = xasprintf(
            "{\"name\":\"router\",\"image\":\"i\",\"firelensConfiguration\":{\"type\":\"%s\","
            "\"options\":{\"config-file-type\":\"s3\",\"config-file-value\":\"arn:aws:s3:::b/"
            "k\"}}},"
            "{\"name\":\"main\",\"image\":\"i\",\"secrets\":[" SECRET "],\"dockerConfig\":"
            "{\"hostConfig\":\"{\\\"LogConfig\\\":{\\\"Type\\\":\\\"awsfirelens\\\","
            "\\\"Config\\\":{\\\"%s\\\":\\\"http\\\"}}}\"}}",
            rows[i].type, rows[i].key);
        struct err e = ERR_INIT;
        _cleanup_free_ char *text = NULL;

        take(containers);
        assert_int_equal(firelens_check(task, &e), 0);
        assert_string_equal(firelens_s3(task), "arn:aws:s3:::b/k");
        text = firelens_config(task, "demo", &e);
        assert_non_null(strstr(text, rows[i].wants));
        assert_non_null(strstr(text, rows[i].include));
    }
}

static void files_are_written_and_removed(void **state)
{
    char dir[] = "/tmp/test-firelens-XXXXXX";
    struct config config = {.datadir = dir};
    _cleanup_free_ char *path = NULL;
    struct err e = ERR_INIT;

    (void)state;
    assert_non_null(mkdtemp(dir));
    path = xasprintf("%s/firelens/t1/config/fluent.conf", dir);
    take(MAIN("") "," ROUTER("\"type\":\"fluentd\""));
    assert_int_equal(firelens_write(task, &config, "demo", &e), 0);
    assert_int_equal(firelens_write(task, &config, "demo", &e), 0);
    assert_int_equal(firelens_write_external(task, &config, "x", 1, &e), 0);
    assert_int_equal(access(path, R_OK), 0);
    firelens_remove(task, &config);
    assert_int_equal(access(path, R_OK), -1);
    free(path);
    path = xasprintf("%s/firelens", dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_teardown(fn, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_task_of_its_own_network_is_listened_to_on_its_loopback),
        TEST(what_cannot_be_routed_is_told),
        TEST(an_output_needs_its_plugin_and_an_option_is_one_line),
        TEST(secrets_stand_as_variables_and_a_file_of_s3_is_included),
        TEST(files_are_written_and_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
