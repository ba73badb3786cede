#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"

/* A folder of its own for each test; its path is the state. */
static int setup(void **state)
{
    char *dir = xstrdup("/tmp/test_io.XXXXXX");

    *state = dir;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    int r = io_remove_tree(*state, NULL);

    free(*state);
    return r;
}

static const char *in(void **state, const char *name)
{
    static char path[8][256];
    static unsigned next;
    char *p = path[next++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%s", (char *)*state, name);
    return p;
}

static bool there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

static void a_file_is_read_as_it_was_written(void **state)
{
    struct buf b = BUF_INIT(1 << 20);
    struct err e = ERR_INIT;
    char *bytes = xmalloc(100000);
    struct stat st;

    io_random(bytes, 100000);
    assert_int_equal(io_write_file(in(state, "f"), bytes, 100000, 0600, &e), 0);
    assert_int_equal(io_read_file(in(state, "f"), &b, &e), 0);
    assert_int_equal(buf_len(&b), 100000);
    assert_memory_equal(buf_str(&b), bytes, 100000);
    assert_int_equal(stat(in(state, "f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(io_write_file(in(state, "f"), "new", 3, 0644, &e), 0);
    buf_clear(&b);
    assert_int_equal(io_read_file(in(state, "f"), &b, &e), 0);
    assert_string_equal(buf_str(&b), "new");
    assert_int_equal(stat(in(state, "f"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    buf_release(&b);
    free(bytes);
}

static void a_file_that_is_absent_too_large_or_a_folder_says_so(void **state)
{
    struct buf b = BUF_INIT(10);
    struct err e = ERR_INIT;

    assert_int_equal(io_read_file(in(state, "none"), &b, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "none: no such file"));
    assert_int_equal(io_write_file(in(state, "f"), "0123456789a", 11, 0600, &e), 0);
    assert_int_equal(io_read_file(in(state, "f"), &b, &e), -1);
    assert_int_equal(e.code, ERR_LIMIT);
    assert_non_null(strstr(e.text, "larger than 10 bytes"));
    assert_int_equal(io_read_file(*state, &b, &e), -1);
    assert_int_equal(e.sys, EISDIR);
    assert_int_equal(io_read_file(in(state, "f/x"), &b, &e), -1);
    assert_int_equal(e.sys, ENOTDIR);
    buf_release(&b);
}

static void a_write_that_fails_leaves_the_old_file_and_nothing_beside(void **state)
{
    struct err e = ERR_INIT;

    assert_int_equal(io_write_file(in(state, "no/f"), "x", 1, 0600, &e), -1);
    assert_int_equal(e.sys, ENOENT);
    assert_int_equal(mkdir(in(state, "dir"), 0755), 0);
    assert_int_equal(io_write_file(in(state, "dir"), "x", 1, 0600, &e),
                     -1); /* rename over a folder */
    assert_int_equal(e.code, ERR_SYS);
    assert_int_equal(rmdir(in(state, "dir")), 0);
    assert_int_equal(rmdir(*state), 0); /* it is empty */
    assert_int_equal(mkdir(*state, 0755), 0);
}

static void a_file_in_the_current_folder_is_written(void **state)
{
    struct err e = ERR_INIT;
    char *back = getcwd(NULL, 0);

    assert_non_null(back);
    assert_int_equal(chdir(*state), 0);
    assert_int_equal(io_write_file("plain", "x", 1, 0600, &e), 0);
    assert_int_equal(chdir(back), 0);
    assert_true(there(in(state, "plain")));
    free(back);
}

static void all_bytes_go_through_a_pipe_that_takes_a_few_at_a_time(void **state)
{
    struct err e = ERR_INIT;
    char chunk[4096];
    int fds[2], status;
    size_t got = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *bytes = xcalloc(1, 300000);

        close(fds[0]);
        _exit(io_write_all(fds[1], bytes, 300000, NULL) ? 1 : 0);
    }
    close(fds[1]);
    for (ssize_t n; (n = read(fds[0], chunk, sizeof(chunk))) > 0;)
        got += (size_t)n;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(got, 300000);
    assert_int_equal(io_write_all(-1, "x", 1, &e), -1);
    assert_int_equal(e.sys, EBADF);
    assert_int_equal(io_write_all(-1, "", 0, &e), 0);
}

static void folders_are_made_with_their_parents(void **state)
{
    struct err e = ERR_INIT;

    assert_int_equal(io_mkdirs(in(state, "a/b/c"), 0755, &e), 0);
    assert_int_equal(io_mkdirs(in(state, "a/b/c"), 0755, &e), 0);
    assert_int_equal(io_mkdirs(in(state, "a//d/"), 0755, &e), 0);
    assert_true(there(in(state, "a/d")));
    assert_int_equal(io_write_file(in(state, "f"), "", 0, 0600, &e), 0);
    assert_int_equal(io_mkdirs(in(state, "f"), 0755, &e), -1); /* a file is there: not a folder */
    assert_int_equal(e.sys, ENOTDIR);
    assert_int_equal(io_mkdirs(in(state, "f/g"), 0755, &e), -1);
    assert_int_equal(e.sys, ENOTDIR);
    assert_int_equal(io_mkdirs(in(state, "f/g/h"), 0755, &e), -1);
    assert_int_equal(io_mkdirs("", 0755, &e), -1);
    assert_int_equal(e.sys, ENOENT);
    assert_int_equal(io_mkdirs("/", 0755, &e), 0);
}

static void a_tree_is_removed_without_following_links(void **state)
{
    struct err e = ERR_INIT;

    assert_int_equal(io_mkdirs(in(state, "keep"), 0755, &e), 0);
    assert_int_equal(io_write_file(in(state, "keep/f"), "x", 1, 0600, &e), 0);
    assert_int_equal(io_mkdirs(in(state, "tree/a/b"), 0755, &e), 0);
    assert_int_equal(io_write_file(in(state, "tree/a/f"), "x", 1, 0600, &e), 0);
    assert_int_equal(symlink("../../keep", in(state, "tree/a/link")), 0);
    assert_int_equal(io_remove_tree(in(state, "tree"), &e), 0);
    assert_false(there(in(state, "tree")));
    assert_true(there(in(state, "keep/f")));
    assert_int_equal(io_remove_tree(in(state, "tree"), &e), 0); /* gone is gone */
    assert_int_equal(io_remove_tree(in(state, "keep/f"), &e), 0);
    assert_false(there(in(state, "keep/f")));
    assert_int_equal(io_remove_tree("/proc/self/fd", &e), -1);
    assert_int_equal(e.code, ERR_SYS);
}

static void a_descriptor_stops_blocking(void **state)
{
    struct err e = ERR_INIT;
    int fds[2];
    char c;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(io_set_nonblock(fds[0], &e), 0);
    assert_int_equal(read(fds[0], &c, 1), -1);
    assert_int_equal(errno, EAGAIN);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(io_set_nonblock(-1, &e), -1);
    assert_int_equal(e.sys, EBADF);
}

static void random_bytes_differ(void **state)
{
    char a[64] = "", b[64] = "";

    (void)state;
    io_random(a, sizeof(a));
    io_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    io_random(a, 0);
}

static void a_descriptor_and_its_kin_end_with_their_scope(void **state)
{
    int kept, probe;

    {
        _cleanup_close_ int gone = open(*state, O_RDONLY);
        _cleanup_close_ int stolen = open(*state, O_RDONLY);
        _cleanup_close_ int none = -1;
        _cleanup_fclose_ FILE *file = fopen("/dev/null", "r");
        _cleanup_fclose_ FILE *no_file = NULL;
        _cleanup_closedir_ DIR *dir = opendir(*state);
        _cleanup_closedir_ DIR *no_dir = NULL;
        _cleanup_free_ char *text = xstrdup("x");
        _cleanup_free_ char *given = xstrdup("y");

        assert_true(gone >= 0 && stolen >= 0 && none == -1);
        assert_non_null(file);
        assert_non_null(dir);
        assert_null(no_file);
        assert_null(no_dir);
        assert_string_equal(text, "x");
        free(steal_ptr(&given));
        assert_null(given);
        probe = gone;
        kept = steal_fd(&stolen);
        assert_int_equal(stolen, -1);
        errno = ELOOP; /* closing must not hide why we leave */
    }
    assert_int_equal(errno, ELOOP);
    assert_int_equal(fcntl(probe, F_GETFD), -1);
    assert_true(fcntl(kept, F_GETFD) >= 0);
    cleanup_closep(&kept);
    assert_int_equal(kept, -1);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(a_file_is_read_as_it_was_written),
        in_folder(a_file_that_is_absent_too_large_or_a_folder_says_so),
        in_folder(a_write_that_fails_leaves_the_old_file_and_nothing_beside),
        in_folder(a_file_in_the_current_folder_is_written),
        cmocka_unit_test(all_bytes_go_through_a_pipe_that_takes_a_few_at_a_time),
        in_folder(folders_are_made_with_their_parents),
        in_folder(a_tree_is_removed_without_following_links),
        cmocka_unit_test(a_descriptor_stops_blocking),
        cmocka_unit_test(random_bytes_differ),
        in_folder(a_descriptor_and_its_kin_end_with_their_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
