#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/gpu.h"
#include "agent/payload.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"

static int read_text(struct gpus *g, const char *text, struct err *e)
{
    char path[] = "/tmp/test-gpu-XXXXXX";
    int fd = mkstemp(path), r;

    assert_true(fd >= 0);
    assert_int_equal(io_write_all(fd, text, strlen(text), e), 0);
    close(fd);
    r = gpus_read(g, path, e);
    unlink(path);
    return r;
}

static void what_ecs_init_found_is_told_to_the_service(void **state)
{
    _cleanup_json_ json_t *devices = NULL;
    _cleanup_free_ char *text = NULL;
    struct err e = ERR_INIT;
    struct gpus g;

    (void)state;
    assert_int_equal(read_text(&g, "{\"DriverVersion\":\"396.44\",\"GPUIDs\":[\"a\",\"b\"]}", &e),
                     0);
    devices = gpus_devices(&g);
    text = json_text(devices);
    assert_string_equal(text, "[{\"id\":\"a\",\"type\":\"GPU\"},{\"id\":\"b\",\"type\":\"GPU\"}]");
    assert_string_equal(g.driver, "396.44");
    gpus_release(&g);
}

static void without_the_file_there_are_none_and_a_bad_one_is_an_error(void **state)
{
    static const char *const bad[] = {"", "{", "{\"GPUIDs\":7}", "{\"GPUIDs\":[7]}"};
    struct err e = ERR_INIT;
    struct gpus g;

    (void)state;
    assert_int_equal(gpus_read(&g, "/nonexistent/gpu", &e), 0);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_null(gpus_devices(&g));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        err_clear(&e);
        assert_int_equal(read_text(&g, bad[i], &e), -1);
        assert_true(*e.text != '\0');
        gpus_release(&g);
    }
}

static struct task *task_with(const char *associations)
{
    _cleanup_free_ char *text = xasprintf(
        "{\"arn\":\"a\",\"desiredStatus\":\"RUNNING\",\"associations\":[%s],\"containers\":"
        "[{\"name\":\"main\",\"image\":\"i\"},{\"name\":\"side\",\"image\":\"i\"}]}",
        associations);
    _cleanup_json_ json_t *spec = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    struct task *t = payload_task(spec, NULL);

    assert_non_null(t);
    return t;
}

#define GPU(name, containers)                                                                      \
    "{\"type\":\"gpu\",\"name\":\"" name "\",\"containers\":[" containers "]}"

static void a_container_has_what_was_given_to_it(void **state)
{
    struct task *t = task_with(GPU("g1", "\"main\"") "," GPU("g2", "\"main\""));
    _cleanup_free_ char *main = gpu_visible(&t->containers[0]);
    _cleanup_free_ char *side = gpu_visible(&t->containers[1]);
    _cleanup_json_ json_t *host = json_object(), *vars = json_object();
    _cleanup_free_ char *text = NULL;
    struct config config = {.gpu_support.on = true, .nvidia_runtime = (char *)(uintptr_t) "nv"};
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(gpu_check(t, &e), 0);
    assert_string_equal(main, "g1,g2");
    assert_null(side);
    gpu_put(&t->containers[0], &config, vars, host);
    assert_int_equal(json_object_size(host), 0);
    json_put_str(vars, "NVIDIA_VISIBLE_DEVICES", main);
    gpu_put(&t->containers[0], &config, vars, host);
    assert_string_equal(json_str(host, "Runtime"), "nv");
    config.external.on = true;
    gpu_put(&t->containers[0], &config, vars, host);
    text = json_text(json_object_get(host, "DeviceRequests"));
    assert_non_null(strstr(text, "\"DeviceIDs\":[\"g1\",\"g2\"],\"Capabilities\":[[\"gpu\"]]"));
    task_free(t);
}

static void a_gpu_is_for_one_container(void **state)
{
    struct task *two = task_with(GPU("g1", "\"main\",\"side\""));
    struct task *nobody = task_with(GPU("g1", "\"other\""));
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(gpu_check(two, &e), -1);
    assert_non_null(strstr(e.text, "multiple containers to GPU g1"));
    err_clear(&e);
    assert_int_equal(gpu_check(nobody, &e), -1);
    assert_non_null(strstr(e.text, "other"));
    task_free(two);
    task_free(nobody);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_ecs_init_found_is_told_to_the_service),
        cmocka_unit_test(without_the_file_there_are_none_and_a_bad_one_is_an_error),
        cmocka_unit_test(a_container_has_what_was_given_to_it),
        cmocka_unit_test(a_gpu_is_for_one_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
