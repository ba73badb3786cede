#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/host.h"
#include "agent/payload.h"
#include "base/mem.h"
#include "base/str.h"

/* A task; rest: its further members as JSON, beginning with a comma. */
static struct task *task_with(const char *rest)
{
    char *text = xasprintf("{\"arn\": \"arn:aws:ecs:us-west-2:123456789012:task/demo/"
                           "0123456789abcdef0123456789abcdef\", \"desiredStatus\": \"RUNNING\","
                           "\"family\": \"web\", \"version\": \"3\"%s}",
                           rest);
    struct err e = ERR_INIT;
    json_t *spec = json_read(text, strlen(text), JSON_READ_STRICT, &e);
    struct task *t = payload_task(spec, &e);

    assert_string_equal(e.text, "");
    json_decref(spec);
    free(text);
    return t;
}

static void test_sums(void **state)
{
    struct host h;
    struct task *t =
        task_with(", \"containers\": [{\"name\": \"a\", \"image\": \"i\", \"cpu\": 600, "
                  "\"memory\": 300}, {\"name\": \"b\", \"image\": \"i\", \"cpu\": 400, "
                  "\"memory\": 300, \"dockerConfig\": {\"hostConfig\": "
                  "\"{\\\"MemoryReservation\\\": 134217728}\"}}]");

    (void)state;
    host_init(&h, 2048, 900);
    assert_null(host_take(&h, t));
    assert_int_equal(h.cpu_used, 1000);
    assert_int_equal(h.memory_used, 428);
    assert_null(host_take(&h, t));
    assert_string_equal(host_take(&h, t), "CPU");
    host_give_back(&h, t);
    h.memory = 800;
    assert_string_equal(host_take(&h, t), "MEMORY");
    host_give_back(&h, t);
    assert_int_equal(h.cpu_used, 0);
    assert_int_equal(h.memory_used, 0);
    host_release(&h);
    task_free(t);
}

static void test_task_counts_before_its_containers(void **state)
{
    struct host h;
    struct task *t = task_with(", \"cpu\": 0.5, \"memory\": 64, \"containers\": [{\"name\": \"a\", "
                               "\"image\": \"i\", \"cpu\": 5000, \"memory\": 5000}]");

    (void)state;
    host_init(&h, 1024, 1000);
    assert_null(host_take(&h, t));
    assert_int_equal(h.cpu_used, 512);
    assert_int_equal(h.memory_used, 64);
    host_release(&h);
    task_free(t);
}

static void test_ports(void **state)
{
    static const char one[] =
        ", \"networkMode\": \"%s\", \"containers\": [{\"name\": \"a\", \"image\": \"i\", "
        "\"portMappings\": [{\"containerPort\": 80, \"hostPort\": 8080, \"protocol\": \"%s\"},"
        "{\"containerPort\": 81, \"hostPort\": 0, \"protocol\": \"tcp\"}]}]";
    const char *const modes[] = {"bridge", "bridge", "awsvpc"};
    const char *const protocols[] = {"tcp", "udp", "tcp"};
    struct task *t[3];
    struct host h;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
        char text[512];

        snprintf(text, sizeof(text), one, modes[i], protocols[i]);
        t[i] = task_with(text);
    }
    host_init(&h, 1024, 1000);
    assert_null(host_take(&h, t[0]));
    assert_string_equal(host_take(&h, t[0]), "PORTS");
    assert_null(host_take(&h, t[1]));
    assert_null(host_take(&h, t[2]));
    host_give_back(&h, t[0]);
    assert_null(host_take(&h, t[0]));
    host_release(&h);
    for (size_t i = 0; i < ARRAY_SIZE(t); i++)
        task_free(t[i]);
}

static void a_gpu_has_one_holder(void **state)
{
    static const char one[] = ", \"containers\": [{\"name\": \"a\", \"image\": \"i\"}], "
                              "\"associations\": [{\"containers\": [\"a\"], \"name\": \"gpu-%d\", "
                              "\"type\": \"gpu\", \"content\": {}}]";
    struct task *t[2];
    struct host h;

    (void)state;
    for (int i = 0; i < 2; i++) {
        char text[512];

        snprintf(text, sizeof(text), one, i);
        t[i] = task_with(text);
    }
    host_init(&h, 1024, 1000);
    assert_null(host_take(&h, t[0]));
    assert_string_equal(host_take(&h, t[0]), "GPU");
    assert_null(host_take(&h, t[1]));
    host_give_back(&h, t[0]);
    assert_null(host_take(&h, t[0]));
    host_release(&h);
    task_free(t[0]);
    task_free(t[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_task_counts_before_its_containers),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(a_gpu_has_one_holder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
