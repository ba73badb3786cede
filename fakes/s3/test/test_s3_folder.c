#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "base/io.h"
#include "fakes/s3/folder.h"
#include "fakes/s3/test/s3_peer.h"

static char dir[64];

static int use_folder(void)
{
    char *args = xasprintf("{\"name\":\"%s\"}", dir);
    int r = control("folder", args);

    free(args);
    return r;
}

static int begin(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/test-s3-XXXXXX");
    return !mkdtemp(dir) || begin_world(false) || use_folder();
}

static int end(void **state)
{
    return end_world(state) || io_remove_tree(dir, NULL);
}

/* The process ends, and another has the folder. */
static void restart(void)
{
    void *state = NULL;

    end_world(&state);
    assert_int_equal(begin_world(false), 0);
    assert_int_equal(use_folder(), 0);
}

static bool is_file(const char *below, const char *content)
{
    char *path = xasprintf("%s/%s", dir, below);
    struct buf b = BUF_INIT(1 << 20);
    bool yes = io_read_file(path, &b, NULL) == 0 && str_eq(buf_str(&b), content);

    buf_release(&b);
    free(path);
    return yes;
}

static void put_file(const char *below, const char *content)
{
    char *path = xasprintf("%s/%s", dir, below), *slash = strrchr(path, '/');

    *slash = '\0';
    assert_int_equal(io_mkdirs(path, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(io_write_file(path, content, strlen(content), 0644, NULL), 0);
    free(path);
}

static void gone(const char *below)
{
    char *path = xasprintf("%s/%s", dir, below);
    struct stat st;

    assert_int_equal(stat(path, &st), -1);
    free(path);
}

static void every_key_has_a_path_and_every_path_its_key(void **state)
{
    static const char *const pairs[][2] = {
        {"a", "a"},
        {"a/b c+d", "a/b c+d"},
        {"a/", "a/%"},
        {"a//b", "a/%/b"},
        {"/", "%/%"},
        {".", "%2E"},
        {"../..", "%2E%2E/%2E%2E"},
        {"...", "..."},
        {"50%", "50%25"},
        {"a%-", "a%25-"},
        {"%41", "%2541"},
        {"\xc3\xa4", "\xc3\xa4"},
    };
    char *path, *key;
    char lengthy[1025];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        path = s3_folder_path(pairs[i][0]);
        assert_string_equal(path, pairs[i][1]);
        key = s3_folder_key(path);
        assert_string_equal(key, pairs[i][0]);
        free(path);
        free(key);
    }
    memset(lengthy, 'x', 1024);
    lengthy[1024] = '\0';
    path = s3_folder_path(lengthy);
    for (const char *s = path; *s; s += strcspn(s, "/"), s += *s == '/')
        assert_true(strcspn(s, "/") <= 250);
    key = s3_folder_key(path);
    assert_string_equal(key, lengthy);
    free(path);
    free(key);
    key = s3_folder_key("a" S3_FOLDER_BESIDE);
    assert_string_equal(key, "a");
    free(key);
    assert_null(s3_folder_key("50%"));
    assert_null(s3_folder_key("%41"));
    assert_null(s3_folder_key("\xff"));
}

static void an_object_is_a_file_and_outlasts_the_process(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(
        ask("PUT", "/box/a/b%20c", "Content-Type: text/x\r\nx-amz-meta-Colour: blue\r\n", "hello"),
        200);
    assert_int_equal(
        ask("PUT", "/box/a/b%20c?tagging", NULL,
            "<Tagging><TagSet><Tag><Key>t</Key><Value>1</Value></Tag></TagSet></Tagging>"),
        200);
    assert_true(is_file("box/a/b c", "hello"));
    restart();
    assert_int_equal(ask("GET", "/box/a/b%20c", NULL, NULL), 200);
    assert_string_equal(got.body, "hello");
    assert_true(has_header("Content-Type: text/x"));
    assert_true(has_header("x-amz-meta-colour: blue"));
    assert_true(has_header("x-amz-tagging-count: 1"));
    assert_true(has_header("ETag: \"5d41402abc4b2a76b9719d911017c592\""));
    assert_int_equal(ask("PUT", "/box/a/b%20c", NULL, "other"), 200);
    assert_true(is_file("box/a/b c", "other"));
    assert_int_equal(ask("PUT", "/box/copy", "x-amz-copy-source: /box/a/b%20c\r\n", ""), 200);
    assert_true(is_file("box/copy", "other"));
    assert_int_equal(ask("DELETE", "/box/a/b%20c", NULL, NULL), 204);
    gone("box/a");
    assert_int_equal(ask("DELETE", "/box/copy", NULL, NULL), 204);
    assert_int_equal(ask("DELETE", "/box", NULL, NULL), 204);
    gone("box");
    restart();
    assert_int_equal(ask("GET", "/box/copy", NULL, NULL), 404);
    assert_true(member_is("Code", "NoSuchBucket"));
}

static void what_is_put_there_by_hand_is_served(void **state)
{
    (void)state;
    put_file("mine/deep/er/file", "by hand");
    put_file("mine/50%", "no key has this path");
    put_file("NOBUCKET/x", "x");
    restart();
    assert_int_equal(ask("GET", "/mine/deep/er/file", NULL, NULL), 200);
    assert_string_equal(got.body, "by hand");
    assert_true(has_header("ETag: \"7d909037a76176adb749eda313187060\""));
    assert_int_equal(ask("GET", "/mine?list-type=2", NULL, NULL), 200);
    assert_true(member_is("KeyCount", "1"));
    assert_int_equal(ask("PUT", "/mine/deep/er/file", "Content-Type: text/x\r\n", "by S3"), 200);
    put_file("mine/deep/er/file", "by hand again");
    restart();
    assert_int_equal(ask("GET", "/mine/deep/er/file", NULL, NULL), 200);
    assert_string_equal(got.body, "by hand again");
    assert_false(has_header("Content-Type: text/x"));
}

static void a_key_and_a_key_below_it_live_side_by_side(void **state)
{
    (void)state;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(ask("PUT", "/box/a", NULL, "one"), 200);
    assert_int_equal(ask("PUT", "/box/a/b", NULL, "two"), 200);
    assert_int_equal(ask("PUT", "/box/a/", NULL, "three"), 200);
    assert_int_equal(ask("GET", "/box/a", NULL, NULL), 200);
    assert_string_equal(got.body, "one");
    assert_int_equal(ask("PUT", "/box/a", NULL, "four"), 200);
    restart();
    assert_int_equal(ask("GET", "/box/a", NULL, NULL), 200);
    assert_string_equal(got.body, "four");
    assert_int_equal(ask("GET", "/box/a/b", NULL, NULL), 200);
    assert_string_equal(got.body, "two");
    assert_int_equal(ask("GET", "/box/a/", NULL, NULL), 200);
    assert_string_equal(got.body, "three");
    assert_int_equal(ask("DELETE", "/box/a/b", NULL, NULL), 204);
    assert_int_equal(ask("DELETE", "/box/a/", NULL, NULL), 204);
    assert_int_equal(ask("PUT", "/box/a", NULL, "five"), 200);
    restart();
    assert_int_equal(ask("GET", "/box/a", NULL, NULL), 200);
    assert_string_equal(got.body, "five");
    assert_int_equal(ask("GET", "/box?list-type=2", NULL, NULL), 200);
    assert_true(member_is("KeyCount", "1"));
}

static void a_large_body_and_what_is_read_meanwhile_stay_whole(void **state)
{
    size_t n = 9 << 20;
    char *bytes = xmalloc(n);
    struct peer p;

    (void)state;
    memset(bytes, 'x', n);
    s3->spill_over = 1 << 20;
    assert_int_equal(control("bucket", "{\"name\":\"box\"}"), 0);
    assert_int_equal(ask_host(NULL, "PUT", "/box/large", NULL, bytes, n), 200);
    peer_connect(&p, &s3->fake);
    peer_send(&p, "GET /box/large HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_true(peer_wait(&p, "\r\n\r\n"));
    assert_int_equal(ask("PUT", "/box/large", NULL, "small"), 200);
    peer_wait_end(&p);
    assert_true(buf_len(&p.got) > n);
    assert_memory_equal(buf_str(&p.got) + buf_len(&p.got) - n, bytes, n);
    peer_close(&p);
    restart();
    assert_int_equal(ask("GET", "/box/large", NULL, NULL), 200);
    assert_string_equal(got.body, "small");
    free(bytes);
}

static void one_process_has_the_folder(void **state)
{
    struct world other;
    struct err e = ERR_INIT;
    struct fake *f;
    json_t *args = json_pack("{s:s}", "name", dir);

    (void)state;
    assert_int_equal(use_folder(), -1);
    assert_int_equal(world_init(&other, 8, &e), 0);
    f = world_add(&other, &s3_ops, &e);
    assert_int_equal(f->ops->control(f, "folder", args, NULL, &e), -1);
    assert_int_equal(e.code, ERR_CONFLICT);
    world_release(&other);
    json_decref(args);
}

static void a_reset_takes_nothing_from_the_folder(void **state)
{
    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":\"v\"}"), 0);
    s3->fake.ops->reset(&s3->fake);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_true(is_file("box/k", "v"));
}

static void what_cannot_be_kept_is_an_error_and_changes_nothing(void **state)
{
    char *path = xasprintf("%s/.ecsim", dir), *away = xasprintf("%s/away", dir);

    (void)state;
    assert_int_equal(control("object", "{\"name\":\"box/k\",\"body\":\"v\"}"), 0);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(ask("PUT", "/box/k", NULL, "w"), 500);
    assert_true(member_is("Code", "InternalError"));
    assert_int_equal(rename(away, path), 0);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "v");
    free(path);
    free(away);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_a_path_and_every_path_its_key),
        T(an_object_is_a_file_and_outlasts_the_process),
        T(what_is_put_there_by_hand_is_served),
        T(a_key_and_a_key_below_it_live_side_by_side),
        T(a_large_body_and_what_is_read_meanwhile_stay_whole),
        T(one_process_has_the_folder),
        T(a_reset_takes_nothing_from_the_folder),
        T(what_cannot_be_kept_is_an_error_and_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
