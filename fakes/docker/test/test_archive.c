#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/tarball.h"
#include "fakes/docker/test/client.c"

/* --- tars made by hand -------------------------------------------------------------------- */

static void add_member(struct buf *b, char type, const char *name, const char *link,
                       const char *text)
{
    unsigned char h[512] = {0};
    unsigned sum = 0;
    size_t n = strlen(text);

    snprintf((char *)h, 100, "%s", name);
    memcpy(h + 100, type == '5' ? "0000755" : "0000640", 8);
    memcpy(h + 108, "0000007", 8);
    memcpy(h + 116, "0000007", 8);
    snprintf((char *)h + 124, 12, "%011o", (unsigned)n);
    snprintf((char *)h + 136, 12, "%011o", 1000000000);
    memset(h + 148, ' ', 8);
    h[156] = (unsigned char)type;
    snprintf((char *)h + 157, 100, "%s", link);
    memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(h); i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
    buf_add(b, h, sizeof(h));
    buf_add(b, text, n);
    for (size_t i = n; i % 512; i++)
        buf_addc(b, '\0');
}

static void end_tar(struct buf *b)
{
    for (size_t i = 0; i < 1024; i++)
        buf_addc(b, '\0');
}

static const struct answer *put(const char *path, const struct buf *tar)
{
    char *text = xasprintf("PUT %s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
                           "Content-Type: application/x-tar\r\nContent-Length: %zu\r\n\r\n",
                           path, buf_len(tar));
    struct peer p;

    peer_connect(&p, engine);
    peer_send(&p, text);
    peer_send_bytes(&p, buf_str(tar), buf_len(tar));
    peer_wait_end(&p);
    answer_of(&p);
    peer_close(&p);
    free(text);
    return &answer;
}

static bool body_holds(const char *s)
{
    return memmem(buf_str(&answer.body), buf_len(&answer.body), s, strlen(s)) != NULL;
}

static void put_text(const char *folder, const char *name, const char *text)
{
    struct buf tar = BUF_INIT(1 << 20);
    char *path = xasprintf("/containers/cc/archive?path=%s", folder);

    add_member(&tar, '0', name, "", text);
    end_tar(&tar);
    assert_int_equal(put(path, &tar)->status, 200);
    free(path);
    buf_release(&tar);
}

static void what_is_put_comes_back(void **state)
{
    struct buf stat = BUF_INIT(4096);
    const char *value;

    (void)state;
    if (!can_resolve())
        skip();
    run("cc", "busybox:1", "");
    put_text("/tmp", "x", "hello");
    call("GET", "/containers/cc/archive?path=/tmp/x", NULL);
    assert_int_equal(answer.status, 200);
    assert_int_equal(buf_len(&answer.body), 2048);
    assert_non_null(strstr(answer.head, "Content-Type: application/x-tar\r\n"));
    assert_memory_equal(buf_str(&answer.body), "x\0", 2);
    assert_memory_equal(buf_str(&answer.body) + 512, "hello", 5);
    value = strstr(answer.head, "X-Docker-Container-Path-Stat: ");
    assert_non_null(value);
    value += strlen("X-Docker-Container-Path-Stat: ");
    assert_int_equal(str_unbase64(&stat, value, strcspn(value, "\r")), 0);
    assert_string_equal(buf_str(&stat), "{\"name\":\"x\",\"size\":5,\"mode\":416,\"mtime\":"
                                        "\"2001-09-09T01:46:40Z\",\"linkTarget\":\"\"}");
    buf_release(&stat);
    call("HEAD", "/containers/cc/archive?path=/tmp/x", NULL);
    assert_int_equal(answer.status, 200);
    assert_null(strstr(answer.head, "Content-Length"));
    call("GET", "/containers/cc/changes", NULL);
    assert_string_equal(buf_str(&answer.body),
                        "[{\"Path\":\"/tmp\",\"Kind\":0},{\"Path\":\"/tmp/x\",\"Kind\":1}]\n");
    call("GET", "/containers/cc/export", NULL);
    assert_true(body_holds("tmp/x"));
    assert_true(body_holds("etc/hostname"));
    assert_string_equal(events_of("cc"), "create start extract-to-dir archive-path export");
}

static void a_container_that_nobody_looked_into_has_no_changes(void **state)
{
    (void)state;
    if (!can_resolve())
        skip();
    run("cc", "busybox:1", "");
    call("GET", "/containers/cc/changes", NULL);
    assert_string_equal(buf_str(&answer.body), "null\n");
}

static void a_commit_keeps_what_was_put(void **state)
{
    (void)state;
    if (!can_resolve())
        skip();
    run("cc", "busybox:1", "");
    put_text("/tmp", "x", "hello");
    call("GET", "/containers/json?size=1", NULL);
    assert_int_equal(json_int(json_array_get(answer.json, 0), "SizeRw", -1), 5);
    assert_int_equal(call("POST", "/commit?container=cc&repo=made", NULL)->status, 201);
    call("GET", "/images/made/history", NULL);
    assert_int_equal(json_int(json_array_get(answer.json, 0), "Size", -1), 5);
    call("DELETE", "/containers/cc?force=1", NULL);
    run("child", "made", "");
    call("GET", "/containers/child/archive?path=/tmp/x", NULL);
    assert_memory_equal(buf_str(&answer.body) + 512, "hello", 5);
}

static void names_of_folders_are_as_dockerd_gives_them(void **state)
{
    static const char *const cases[][2] = {
        {"/etc", "etc/"}, {"/etc/", "etc/"}, {"/etc/.", "./"}, {"etc", "etc/"}, {"/", "/"}};

    (void)state;
    if (!can_resolve())
        skip();
    run("cc", "busybox:1", "");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *path = xasprintf("/containers/cc/archive?path=%s", cases[i][0]);

        call("GET", path, NULL);
        free(path);
        assert_int_equal(answer.status, 200);
        assert_string_equal(buf_str(&answer.body), cases[i][1]);
    }
}

static void what_the_archive_calls_refuse(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *text;
    } cases[] = {
        {"GET", "/containers/cc/archive", 400, "bad parameter: pathcannot be empty"},
        {"GET", "/containers/cc/archive?path=/nope", 404,
         "Could not find the file /nope in container cc"},
        {"PUT", "/containers/cc/archive?path=/nope", 404,
         "Could not find the file /nope in container cc"},
        {"PUT", "/containers/cc/archive?path=/etc/passwd", 500,
         "extraction point is not a directory"},
        {"GET", "/containers/x/archive?path=/", 404, "No such container: x"},
        {"GET", "/containers/x/export", 404, "No such container: x"},
    };

    (void)state;
    if (!can_resolve())
        skip();
    run("cc", "busybox:1", "");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        call(cases[i].method, cases[i].path, NULL);
        assert_int_equal(answer.status, cases[i].status);
        assert_string_equal(json_str(answer.json, "message"), cases[i].text);
    }
}

static void a_tar_that_is_none_is_refused(void **state)
{
    struct buf tar = BUF_INIT(1 << 20);

    (void)state;
    if (!can_resolve())
        skip();
    run("cc", "busybox:1", "");
    for (size_t i = 0; i < 600; i++)
        buf_adds(&tar, "garbage ");
    assert_int_equal(put("/containers/cc/archive?path=/tmp", &tar)->status, 500);
    buf_release(&tar);
}

/* A tar may say what it likes: nothing is written outside of the root. */
static void no_name_and_no_link_leads_out(void **state)
{
    struct buf tar = BUF_INIT(1 << 20);
    char folder[] = "/tmp/ecsim-test-XXXXXX", inside[64], outside[64], *up;
    struct stat st;

    (void)state;
    if (!can_resolve())
        skip();
    assert_non_null(mkdtemp(folder));
    snprintf(inside, sizeof(inside), "%s/in", folder);
    snprintf(outside, sizeof(outside), "%s/out", folder);
    mkdir(inside, 0700);
    mkdir(outside, 0700);
    up = xasprintf("../../../../../../..%s/f3", outside);
    add_member(&tar, '0', "../out/f1", "", "1");
    add_member(&tar, '0', up, "", "3");
    add_member(&tar, '2', "rel", "../out", "");
    add_member(&tar, '0', "rel/f4", "", "4");
    add_member(&tar, '2', "link", outside, "");
    add_member(&tar, '0', "link/f2", "", "2");
    end_tar(&tar);

    int in = tar_temporary(NULL), root = open(inside, O_PATH | O_DIRECTORY);
    struct err e = ERR_INIT;

    assert_int_equal(io_write_all(in, buf_str(&tar), buf_len(&tar), NULL), 0);
    lseek(in, 0, SEEK_SET);
    assert_int_equal(tar_unpack(tar_whole(in), root, "/", 0, &e), 0);
    assert_int_equal(rmdir(outside), 0); /* it is empty */
    assert_int_equal(fstatat(root, "out/f1", &st, 0), 0);
    assert_int_equal(fstatat(root, up + strlen("../../../../../../../"), &st, 0), 0);
    close(in);
    close(root);
    free(up);
    buf_release(&tar);
    io_remove_tree(folder, NULL);
}

static int in_a_file(struct buf *tar)
{
    int fd = tar_temporary(NULL);

    end_tar(tar);
    assert_int_equal(io_write_all(fd, buf_str(tar), buf_len(tar), NULL), 0);
    buf_release(tar);
    return fd;
}

static void whiteouts_hide_what_is_below(void **state)
{
    struct buf lower = BUF_INIT(1 << 20), upper = BUF_INIT(1 << 20);
    char folder[] = "/tmp/ecsim-test-XXXXXX";
    struct stat st;

    (void)state;
    if (!can_resolve())
        skip();
    assert_non_null(mkdtemp(folder));
    add_member(&lower, '5', "d", "", "");
    add_member(&lower, '0', "d/a", "", "1");
    add_member(&lower, '0', "d/b", "", "2");
    add_member(&lower, '5', "e", "", "");
    add_member(&lower, '0', "e/a", "", "1");
    add_member(&lower, '5', "e/f", "", "");
    add_member(&lower, '0', "e/f/a", "", "1");
    add_member(&upper, '5', "d", "", "");
    add_member(&upper, '0', "d/.wh.a", "", "");
    add_member(&upper, '5', "e", "", "");
    add_member(&upper, '0', "e/c", "", "1");
    add_member(&upper, '5', "e/f", "", "");
    add_member(&upper, '0', "e/f/d", "", "1");
    add_member(&upper, '0', "e/.wh..wh..opq", "", "");

    int in[] = {in_a_file(&lower), in_a_file(&upper)}, root = open(folder, O_PATH | O_DIRECTORY);

    for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
        assert_int_equal(tar_unpack(tar_whole(in[i]), root, "/", TAR_WHITEOUTS, NULL), 0);
        close(in[i]);
    }
    assert_int_equal(fstatat(root, "d/a", &st, 0), -1);
    assert_int_equal(fstatat(root, "d/b", &st, 0), 0);
    assert_int_equal(fstatat(root, "e/a", &st, 0), -1);
    assert_int_equal(fstatat(root, "e/f/a", &st, 0), -1);
    assert_int_equal(fstatat(root, "e/.wh..wh..opq", &st, 0), -1);
    /* what came with the whiteout itself stays, whichever of them came first */
    assert_int_equal(fstatat(root, "e/c", &st, 0), 0);
    assert_int_equal(fstatat(root, "e/f/d", &st, 0), 0);
    assert_int_equal(fstatat(root, "d", &st, 0), 0);
    assert_int_equal(st.st_mtime, 1000000000);
    close(root);
    io_remove_tree(folder, NULL);
}

static void a_volume_has_its_own_files(void **state)
{
    (void)state;
    if (!can_resolve())
        skip();
    run("cc", "busybox:1", ",\"HostConfig\":{\"Binds\":[\"data:/data\"]}");
    put_text("/data", "x", "kept");
    call("GET", "/containers/cc/changes", NULL);
    assert_false(body_holds("/data/x"));
    call("DELETE", "/containers/cc?force=1", NULL);
    run("cc", "busybox:1", ",\"HostConfig\":{\"Binds\":[\"data:/mnt:ro\"]}");
    call("GET", "/containers/cc/archive?path=/mnt/x", NULL);
    assert_true(body_holds("kept"));
    struct buf tar = BUF_INIT(1 << 20);

    end_tar(&tar);
    assert_int_equal(put("/containers/cc/archive?path=/mnt", &tar)->status, 500);
    buf_release(&tar);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_comes_back, client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_commit_keeps_what_was_put, client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_container_that_nobody_looked_into_has_no_changes,
                                        client_begin, client_end),
        cmocka_unit_test_setup_teardown(names_of_folders_are_as_dockerd_gives_them, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(what_the_archive_calls_refuse, client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_tar_that_is_none_is_refused, client_begin, client_end),
        cmocka_unit_test(no_name_and_no_link_leads_out),
        cmocka_unit_test(whiteouts_hide_what_is_below),
        cmocka_unit_test_setup_teardown(a_volume_has_its_own_files, client_begin, client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
