#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>

#include "agent/cgroup.h"
#include "agent/payload.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define ID "0123456789abcdef0123456789abcdef"

static char dir[64];
static struct cgroup g;
static struct task *t;
static struct buf text;

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/ecsim-cgroup-XXXXXX");
    buf_init(&text, 4096);
    g = (struct cgroup){.cpu_period = 100000000};
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    task_free(t);
    t = NULL;
    buf_release(&text);
    return io_remove_tree(dir, NULL);
}

static void make_dir(const char *name)
{
    char *path = xasprintf("%s/%s", dir, name);

    assert_int_equal(io_mkdirs(path, 0755, NULL), 0);
    free(path);
}

static void write_file(const char *name, const char *value)
{
    char *path = xasprintf("%s/%s", dir, name);

    assert_int_equal(io_write_file(path, value, strlen(value), 0644, NULL), 0);
    free(path);
}

/* What stands in a file, "-" when there is none. */
static const char *in_file(const char *name)
{
    char *path = xasprintf("%s/%s", dir, name);

    buf_clear(&text);
    if (io_read_file(path, &text, NULL) < 0)
        buf_adds(&text, "-");
    free(path);
    return buf_str(&text);
}

static void read_task(const char *limits)
{
    char *spec = xasprintf("{\"arn\":\"arn:aws:ecs:us-west-2:1:task/demo/" ID "\",\"family\":\"f\","
                           "\"version\":\"1\",\"desiredStatus\":\"RUNNING\"%s,\"containers\":["
                           "{\"name\":\"a\",\"image\":\"i\",\"cpu\":100},"
                           "{\"name\":\"b\",\"image\":\"i\"}]}",
                           limits);
    struct err e = ERR_INIT;
    json_t *v = json_read(spec, strlen(spec), JSON_READ_STRICT, &e);

    task_free(t);
    t = payload_task(v, &e);
    assert_string_equal(e.text, "");
    json_decref(v);
    free(spec);
}

static void init(void)
{
    struct err e = ERR_INIT;

    assert_int_equal(cgroup_init(&g, dir, &e), 0);
    assert_string_equal(e.text, "");
}

static void create(void)
{
    struct err e = ERR_INIT;

    assert_int_equal(cgroup_create(&g, t, &e), 0);
    assert_string_equal(e.text, "");
}

static void version_1_has_a_folder_in_every_hierarchy(void **state)
{
    char *parent;

    (void)state;
    make_dir("cpu");
    make_dir("memory");
    make_dir("freezer");
    init();
    assert_false(g.v2);
    read_task(",\"cpu\":0.25,\"memory\":256");
    create();
    parent = cgroup_parent(&g, t);
    assert_string_equal(parent, "/ecs/" ID);
    free(parent);
    assert_string_equal(in_file("cpu/ecs/" ID "/cpu.cfs_quota_us"), "25000");
    assert_string_equal(in_file("cpu/ecs/" ID "/cpu.cfs_period_us"), "100000");
    assert_string_equal(in_file("cpu/ecs/" ID "/cpu.shares"), "-");
    assert_string_equal(in_file("memory/ecs/" ID "/memory.limit_in_bytes"), "268435456");
    assert_string_equal(in_file("memory/ecs/" ID "/memory.use_hierarchy"), "1");
    assert_int_equal(access(dir, F_OK), 0);
}

static void without_cpu_the_shares_of_the_containers_count(void **state)
{
    (void)state;
    make_dir("cpu");
    make_dir("memory");
    init();
    read_task("");
    create();
    assert_string_equal(in_file("cpu/ecs/" ID "/cpu.shares"), "102"); /* 100 and the least, 2 */
    assert_string_equal(in_file("cpu/ecs/" ID "/cpu.cfs_quota_us"), "-");
    assert_string_equal(in_file("memory/ecs/" ID "/memory.limit_in_bytes"), "-");
}

static void a_group_that_is_there_keeps_its_limits(void **state)
{
    (void)state;
    make_dir("cpu");
    make_dir("memory");
    init();
    read_task(",\"cpu\":1");
    create();
    write_file("cpu/ecs/" ID "/cpu.cfs_quota_us", "7");
    create();
    assert_string_equal(in_file("cpu/ecs/" ID "/cpu.cfs_quota_us"), "7");
}

static void an_empty_cpuset_takes_over_what_stands_above(void **state)
{
    (void)state;
    make_dir("cpu");
    make_dir("memory");
    make_dir("cpuset/ecs/" ID);
    write_file("cpuset/cpuset.cpus", "0-3\n");
    write_file("cpuset/ecs/cpuset.cpus", "\n");
    init();
    assert_string_equal(in_file("cpuset/ecs/cpuset.cpus"), "0-3\n");
    write_file("cpuset/ecs/cpuset.cpus", "1");
    init();
    assert_string_equal(in_file("cpuset/ecs/cpuset.cpus"), "1");
}

static void processes_are_limited_when_that_is_configured(void **state)
{
    (void)state;
    make_dir("cpu");
    make_dir("memory");
    make_dir("pids");
    init();
    g.pids = 50;
    read_task("");
    create();
    assert_string_equal(in_file("pids/ecs/" ID "/pids.max"), "50");
}

static void version_2_is_one_tree(void **state)
{
    char *parent;

    (void)state;
    write_file("cgroup.controllers", "cpuset cpu io memory pids\n");
    init();
    assert_true(g.v2);
    assert_string_equal(in_file("cgroup.subtree_control"), "+cpu +memory");
    g.pids = 9;
    read_task(",\"cpu\":2,\"memory\":1");
    create();
    parent = cgroup_parent(&g, t);
    assert_string_equal(parent, "ecstasks-" ID ".slice");
    free(parent);
    assert_string_equal(in_file("ecstasks.slice/ecstasks-" ID ".slice/cpu.max"), "200000 100000");
    assert_string_equal(in_file("ecstasks.slice/ecstasks-" ID ".slice/memory.max"), "1048576");
    assert_string_equal(in_file("ecstasks.slice/ecstasks-" ID ".slice/pids.max"), "9");
    make_dir("other");
}

static void version_2_has_weights_for_shares(void **state)
{
    (void)state;
    write_file("cgroup.controllers", "memory cpu");
    init();
    read_task("");
    create();
    assert_string_equal(in_file("ecstasks.slice/ecstasks-" ID ".slice/cpu.weight"), "4");
    assert_string_equal(in_file("ecstasks.slice/ecstasks-" ID ".slice/memory.max"), "-");
}

static void missing_controllers_are_named(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    make_dir("cpu");
    assert_int_equal(cgroup_init(&g, dir, &e), -1);
    assert_non_null(strstr(e.text, "no controller \"memory\""));
    err_clear(&e);
    write_file("cgroup.controllers", "cpuset memory"); /* "cpu" is only a part of a word */
    assert_int_equal(cgroup_init(&g, dir, &e), -1);
    assert_non_null(strstr(e.text, "cpu and memory"));
}

static void what_cannot_be_made_is_an_error(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    make_dir("cpu");
    make_dir("memory");
    init();
    read_task("");
    assert_int_equal(io_remove_tree(dir, NULL), 0);
    assert_int_equal(mkdir(dir, 0700), 0);
    make_dir("cpu");
    write_file("cpu/ecs", "in the way");
    assert_int_equal(cgroup_create(&g, t, &e), -1);
    assert_non_null(strstr(e.text, "cpu/ecs/" ID));
}

static void what_somebody_else_removed_is_made_again(void **state)
{
    (void)state;
    make_dir("cpu");
    make_dir("memory");
    init();
    assert_int_equal(io_remove_tree(dir, NULL), 0);
    make_dir("cpu");
    make_dir("memory");
    read_task("");
    create();
    assert_string_equal(in_file("cpu/ecs/" ID "/cpu.shares"), "102");
}

static void removing_takes_empty_groups_away(void **state)
{
    struct err e = ERR_INIT;
    char *path;

    (void)state;
    make_dir("cpu");
    make_dir("memory");
    init();
    read_task("");
    make_dir("cpu/ecs/" ID);
    assert_int_equal(cgroup_remove(&g, t, &e), 0);
    path = xasprintf("%s/cpu/ecs/" ID, dir);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    assert_int_equal(cgroup_remove(&g, t, &e), 0); /* not there is fine */
    write_file("cgroup.controllers", "cpu memory");
    init();
    create();
    assert_int_equal(cgroup_remove(&g, t, &e), -1); /* a plain folder keeps its files */
    assert_non_null(strstr(e.text, "ecstasks-" ID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1_has_a_folder_in_every_hierarchy, setup, teardown),
        cmocka_unit_test_setup_teardown(without_cpu_the_shares_of_the_containers_count, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_group_that_is_there_keeps_its_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_cpuset_takes_over_what_stands_above, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(processes_are_limited_when_that_is_configured, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(version_2_is_one_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(version_2_has_weights_for_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_controllers_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_made_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(what_somebody_else_removed_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(removing_takes_empty_groups_away, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
