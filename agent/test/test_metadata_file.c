#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "agent/metadata_file.h"
#include "agent/payload.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define ARN_OF "arn:aws:ecs:us-west-2:123456789012:"

static struct task *task;
static char *dir;
static struct config config;
static struct err e;
static const struct metadata_place place = {.cluster = "demo", .instance_arn = "i", .zone = ""};

static int setup(void **state)
{
    static const char text[] =
        "{\"arn\":\"" ARN_OF "task/demo/0123\",\"family\":\"web\",\"version\":\"3\","
        "\"desiredStatus\":\"RUNNING\",\"containers\":[{\"name\":\"main\",\"image\":\"i:1\"}]}";
    json_t *spec = json_read(text, strlen(text), JSON_READ_STRICT, &e);

    (void)state;
    dir = io_temp_folder("metadata-file", &e);
    config = (struct config){.datadir = dir, .host_datadir = (char *)(uintptr_t) "/var/lib/ecs"};
    task = payload_task(spec, &e);
    json_decref(spec);
    return task && dir ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    task_free(task);
    io_remove_tree(dir, &e);
    free(dir);
    err_clear(&e);
    return 0;
}

static void what_is_not_known_is_left_out(void **state)
{
    json_t *o = metadata_file_json(&task->containers[0], &place, false);

    (void)state;
    assert_string_equal(json_str(o, "TaskARN"), ARN_OF "task/demo/0123");
    assert_string_equal(json_str(o, "ContainerInstanceARN"), "i");
    assert_null(json_object_get(o, "AvailabilityZone"));
    assert_null(json_object_get(o, "HostPublicIPv4Address"));
    assert_null(json_object_get(o, "ContainerID"));
    assert_null(json_object_get(o, "MetadataFileStatus"));
    json_decref(o);
}

static void what_docker_said_comes_later(void **state)
{
    struct container *c = &task->containers[0];
    struct container_binding *b = new0_array(struct container_binding, 1);
    json_t *o, *port;

    (void)state;
    b[0] = (struct container_binding){
        .bind_ip = xstrdup("0.0.0.0"), .container_port = 80, .host_port = 32768};
    container_set_bindings(c, b, 1);
    container_set_text(&c->docker_id, "abc");
    o = metadata_file_json(c, &place, true);
    port = json_array_get(json_object_get(o, "PortMappings"), 0);
    assert_string_equal(json_str(o, "MetadataFileStatus"), "READY");
    assert_string_equal(json_str(o, "ContainerID"), "abc");
    assert_int_equal(json_int(port, "HostPort", 0), 32768);
    assert_string_equal(json_str(port, "BindIp"), "0.0.0.0");
    json_decref(o);
}

static void it_is_written_over_itself_and_removed_with_its_task(void **state)
{
    char *path = xasprintf("%s/metadata/demo/0123/main/ecs-container-metadata.json", dir);
    struct container *c = &task->containers[0];
    struct buf text = BUF_INIT(4096);

    (void)state;
    assert_int_equal(metadata_file_write(c, &config, &place, false, &e), 0);
    assert_int_equal(metadata_file_write(c, &config, &place, true, &e), 0);
    assert_int_equal(io_read_file(path, &text, &e), 0);
    assert_non_null(strstr(buf_str(&text), "READY"));
    assert_int_equal(metadata_file_remove(task, &config, &e), 0);
    assert_int_equal(access(path, F_OK), -1);
    buf_release(&text);
    free(path);
}

static void the_container_is_told_where_it_is(void **state)
{
    json_t *body = json_pack("{s:{}}", "HostConfig"), *host = json_object_get(body, "HostConfig");
    const char *bind, *env;

    (void)state;
    metadata_file_mount(&task->containers[0], &config, body);
    bind = json_string_value(json_array_get(json_object_get(host, "Binds"), 0));
    env = json_string_value(json_array_get(json_object_get(body, "Env"), 0));
    assert_true(str_starts(bind, "/var/lib/ecs/data/metadata/demo/0123/main:/opt/ecs/metadata/"));
    assert_true(str_starts(env, "ECS_CONTAINER_METADATA_FILE=/opt/ecs/metadata/"));
    assert_true(str_ends(env, "/ecs-container-metadata.json"));
    json_decref(body);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_known_is_left_out),
        TEST(what_docker_said_comes_later),
        TEST(it_is_written_over_itself_and_removed_with_its_task),
        TEST(the_container_is_told_where_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
