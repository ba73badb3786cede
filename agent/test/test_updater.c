#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/update_file.h"
#include "agent/updater.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define NEXT_SHA256 "2d547a48f4ca5bc677c1d63a83e2b72d84b1704b11d7b83d2ce45fdde071d55e"

static char *folder;
static struct err e;
static struct update_file file;

/* What the updater said, one line for each answer. */
static struct buf said;
static int performed;
static struct log logger;
static struct config config;
static struct updater *u;

static void on_reply(void *user, enum acs_message type, json_t *message)
{
    const char *reason = json_str(message, "reason");

    (void)user;
    buf_addf(&said, "%s %s %s%s%s\n", acs_message_name(type), json_str(message, "messageId"),
             json_str(message, "cluster"), reason ? " " : "", reason ? reason : "");
    json_decref(message);
}

static void on_perform(void *user)
{
    (void)user;
    performed++;
}

static int setup(void **state)
{
    static const struct updater_ops ops = {on_reply, on_perform};

    (void)state;
    err_clear(&e);
    folder = io_temp_folder("ecsim-updater", &e);
    assert_non_null(folder);
    buf_init(&said, 100000);
    log_init(&logger, LOG_NOTHING, -1);
    config = (struct config){.updates_enabled = {true, true}, .update_dir = folder};
    performed = 0;
    u = updater_new(NULL, &config, &logger, &ops, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    updater_free(u);
    update_file_abort(&file);
    log_release(&logger);
    buf_release(&said);
    io_remove_tree(folder, NULL);
    free(folder);
    return 0;
}

/* How many files the folder holds. */
static int files(void)
{
    DIR *d = opendir(folder);
    int n = 0;

    while (d && readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static char *desired(void)
{
    struct buf b = BUF_INIT(4096);
    char *path = xasprintf("%s/desired-image", folder), *text;

    assert_int_equal(io_read_file(path, &b, &e), 0);
    free(path);
    text = xstrdup(buf_str(&b));
    buf_release(&b);
    return text;
}

static void take(const char *text, const char *signature)
{
    assert_int_equal(update_file_open(&file, folder, &e), 0);
    assert_int_equal(update_file_write(&file, text, strlen(text), &e), 0);
    assert_int_equal(update_file_finish(&file, signature, &e), 0);
    assert_null(file.name);
}

static void a_whole_image_is_named_by_desired_image(void **state)
{
    char *line;

    (void)state;
    take("the next agent\n", "  " NEXT_SHA256 "\n");
    line = desired();
    assert_int_equal(strlen(line), 20 + strlen(".ecs-update.tar\n"));
    assert_true(str_ends(line, ".ecs-update.tar\n"));
    assert_int_equal(strspn(line, "0123456789abcdef"), 20);
    assert_int_equal(files(), 2);
    free(line);
}

static void a_later_image_takes_the_place_of_the_former(void **state)
{
    char *first, *second;

    (void)state;
    take("the next agent\n", NEXT_SHA256);
    first = desired();
    take("the next agent\n", NEXT_SHA256);
    second = desired();
    assert_string_not_equal(first, second);
    assert_int_equal(files(), 2);
    free(first);
    free(second);
}

static void another_hash_leaves_nothing(void **state)
{
    static const char *const wrong[] = {
        "", "00", NEXT_SHA256 "0",
        "2D547A48F4CA5BC677C1D63A83E2B72D84B1704B11D7B83D2CE45FDDE071D55E"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(update_file_open(&file, folder, &e), 0);
        assert_int_equal(update_file_write(&file, "the next agent\n", 15, &e), 0);
        assert_int_equal(update_file_finish(&file, wrong[i], &e), -1);
        assert_string_equal(e.text, "Hashsum validation failed");
        assert_int_equal(files(), 0);
        err_clear(&e);
    }
}

static void what_desired_image_names_elsewhere_is_not_removed(void **state)
{
    char *path = xasprintf("%s/desired-image", folder), *other;

    (void)state;
    other = xasprintf("%s/keep.ecs-update.tar", folder);
    assert_int_equal(io_write_file(other, "x", 1, 0644, &e), 0);
    assert_int_equal(io_write_file(path, "../keep.ecs-update.tar\n", 23, 0644, &e), 0);
    take("the next agent\n", NEXT_SHA256);
    assert_int_equal(access(other, F_OK), 0);
    free(path);
    free(other);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    char *path = xasprintf("%s/not-there", folder);

    (void)state;
    assert_int_equal(update_file_open(&file, path, &e), -1);
    assert_non_null(strstr(e.text, "No such file"));
    free(path);
}

static void order(void (*what)(struct updater *, const json_t *), const char *text)
{
    json_t *message = json_read(text, strlen(text), JSON_READ_STRICT, &e);

    assert_non_null(message);
    what(u, message);
    json_decref(message);
}

#define M(id) "{\"messageId\":\"" id "\",\"clusterArn\":\"c\",\"containerInstanceArn\":\"i\""

static void orders_are_refused_with_the_words_of_the_official_agent(void **state)
{
    (void)state;
    order(updater_stage, "{\"updateInfo\":{}}"); /* no id, no answer */
    order(updater_stage, M("1") "}");
    order(updater_stage, M("2") ",\"updateInfo\":[]}");
    order(updater_stage, M("3") ",\"updateInfo\":{\"signature\":\"s\"}}");
    order(updater_stage, M("4") ",\"updateInfo\":{\"location\":\"l\",\"signature\":5}}");
    order(updater_perform, M("5") "}");
    config.updates_enabled.on = false;
    order(updater_stage, M("6") "}");
    order(updater_perform, M("7") "}");
    assert_string_equal(buf_str(&said),
                        "NackRequest 1 c Invalid update: no update info given\n"
                        "NackRequest 2 c Invalid update: no update info given\n"
                        "NackRequest 3 c Invalid update: no location given\n"
                        "NackRequest 4 c Invalid update: no signature given\n"
                        "NackRequest 5 c Cannot perform update; update not downloaded\n"
                        "NackRequest 6 c Updates are disabled\n"
                        "NackRequest 7 c Updates are disabled\n");
    assert_int_equal(performed, 0);
}

static void without_a_folder_nothing_is_downloaded(void **state)
{
    (void)state;
    config.update_dir = (char *)(uintptr_t) "/nonexistent";
    order(updater_stage,
          M("1") ",\"updateInfo\":{\"location\":\"http://127.0.0.1:1/\",\"signature\":\"s\"}}");
    assert_non_null(strstr(buf_str(&said), "NackRequest 1 c Unable to download: /nonexistent/"));
}

static void with_ipv6_alone_the_dual_stack_name_is_asked(void **state)
{
    static const struct {
        const char *told, *asked;
    } rows[] = {
        {"https://s3.us-west-2.amazonaws.com/b/a.tar",
         "https://s3.dualstack.us-west-2.amazonaws.com/b/a.tar"},
        {"https://b.s3.cn-north-1.amazonaws.com.cn/s3.tar",
         "https://b.s3.dualstack.cn-north-1.amazonaws.com.cn/s3.tar"},
        {"https://s3-us-west-2.amazonaws.com/a.tar", "https://s3-us-west-2.amazonaws.com/a.tar"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char *url = update_location(rows[i].told, true);

        assert_string_equal(url, rows[i].asked);
        free(url);
        url = update_location(rows[i].told, false);
        assert_string_equal(url, rows[i].told);
        free(url);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_image_is_named_by_desired_image),
        TEST(a_later_image_takes_the_place_of_the_former),
        TEST(another_hash_leaves_nothing),
        TEST(what_desired_image_names_elsewhere_is_not_removed),
        TEST(a_folder_that_is_not_there_is_told),
        TEST(orders_are_refused_with_the_words_of_the_official_agent),
        TEST(without_a_folder_nothing_is_downloaded),
        TEST(with_ipv6_alone_the_dual_stack_name_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
