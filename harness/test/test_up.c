#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/aws_models.h"
#include "harness/peers.h"
#include "harness/up_dir.h"

static char home[64];

static int begin(void **state)
{
    (void)state;
    snprintf(home, sizeof(home), "/tmp/test-up-XXXXXX");
    if (!mkdtemp(home))
        return -1;
    return setenv("XDG_RUNTIME_DIR", home, 1);
}

static int end(void **state)
{
    (void)state;
    return io_remove_tree(home, NULL);
}

static void one_process_holds_a_world(void **state)
{
    struct err e = ERR_INIT;
    struct up_dir a, b;
    char **list;

    (void)state;
    assert_int_equal(up_dir_init(&a, "one", &e), 0);
    assert_int_equal(up_dir_init(&b, "one", &e), 0);
    assert_int_equal(up_dir_holder(&a), -1);
    assert_int_equal(up_dir_hold(&a, &e), 0);
    assert_int_equal(up_dir_holder(&b), getpid());
    assert_int_equal(up_dir_hold(&b, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    list = up_dir_list(&a);
    assert_string_equal(list[0], "one");
    assert_null(list[1]);
    str_argv_free(list);
    up_dir_remove(&a);
    up_dir_release(&a);
    assert_int_equal(up_dir_holder(&b), -1);
    assert_int_equal(access(b.base, F_OK), -1);
    up_dir_release(&b);
}

static void what_a_crash_left_is_cleared(void **state)
{
    struct err e = ERR_INIT;
    struct up_dir d;
    char *file;

    (void)state;
    assert_int_equal(up_dir_init(&d, "one", &e), 0);
    assert_int_equal(up_dir_hold(&d, &e), 0);
    file = up_dir_file(&d, "left");
    assert_int_equal(io_write_file(file, "x", 1, 0600, &e), 0);
    up_dir_release(&d); /* the lock goes with the process, the files do not */
    assert_int_equal(up_dir_init(&d, "one", &e), 0);
    assert_int_equal(up_dir_holder(&d), -1);
    assert_int_equal(up_dir_hold(&d, &e), 0);
    assert_int_equal(access(file, F_OK), -1);
    up_dir_remove(&d);
    up_dir_release(&d);
    free(file);
}

static void a_folder_that_others_may_enter_is_refused(void **state)
{
    char *base = xasprintf("%s/ecsim", home);
    struct err e = ERR_INIT;
    struct up_dir d;

    (void)state;
    mkdir(base, 0755);
    chmod(base, 0755);
    assert_int_equal(up_dir_init(&d, "one", &e), 0);
    assert_int_equal(up_dir_hold(&d, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    up_dir_release(&d);
    assert_int_equal(up_dir_init(&d, "../x", &e), -1);
    up_dir_release(&d);
    free(base);
}

static void rule_sets_name_the_listeners(void **state)
{
    struct world w;
    struct err e = ERR_INIT;
    struct peer_place place = {.socket_dir = home};
    struct buf b = BUF_INIT(65536);
    char *path = xasprintf("%s/models/s3/2006-03-01/endpoint-rule-set-1.json", home);
    char *models = xasprintf("%s/models", home), *want;
    json_t *v, *rule;

    (void)state;
    assert_int_equal(world_init(&w, 1, &e), 0);
    assert_int_equal(peers_add(&w, "s3", &place, &e), 0);
    assert_int_equal(aws_models_write(&w, models, &e), 0);
    assert_int_equal(io_read_file(path, &b, &e), 0);
    v = json_read(buf_str(&b), buf_len(&b), JSON_READ_STRICT, &e);
    assert_non_null(v);
    rule = json_array_get(json_at(v, "rules"), 0);
    want = xasprintf("%s/{Bucket}", world_find(&w, "s3")->url);
    assert_string_equal(json_string_value(json_at(rule, "endpoint.url")), want);
    free(want);
    json_decref(v);
    buf_release(&b);
    free(path);
    /* what the world does not serve is led nowhere */
    path = xasprintf("%s/ecs", models);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    free(models);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_process_holds_a_world, begin, end),
        cmocka_unit_test_setup_teardown(what_a_crash_left_is_cleared, begin, end),
        cmocka_unit_test_setup_teardown(a_folder_that_others_may_enter_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(rule_sets_name_the_listeners, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
