#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

int io_read_file(const char *path, struct buf *b, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "%s: no such file", path);
    if (fd < 0)
        return err_sys(e, errno, "%s", path);
    for (;;) {
        char chunk[16384];
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, errno, "%s: read", path);
        if (n == 0)
            return 0;
        if (buf_add(b, chunk, (size_t)n) < 0)
            return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", path, b->max);
    }
}

int io_write_all(int fd, const void *p, size_t n, struct err *e)
{
    const char *s = p;

    while (n) {
        ssize_t w = write(fd, s, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return err_sys(e, errno, "write");
        s += w;
        n -= (size_t)w;
    }
    return 0;
}

static int sync_parent(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd) < 0)
        return err_sys(e, errno, "%s: sync", dir);
    return 0;
}

int io_write_file(const char *path, const void *p, size_t n, mode_t mode, struct err *e)
{
    _cleanup_free_ char *tmp = xasprintf("%s.XXXXXX", path);
    _cleanup_close_ int fd = mkostemp(tmp, O_CLOEXEC);

    if (fd < 0)
        return err_sys(e, errno, "%s", tmp);
    if (io_write_all(fd, p, n, e) < 0) {
        unlink(tmp);
        return err_wrap(e, "%s", tmp);
    }
    if (fchmod(fd, mode) < 0 || fsync(fd) < 0 || rename(tmp, path) < 0) {
        err_sys(e, errno, "%s", path);
        unlink(tmp);
        return -1;
    }
    return sync_parent(path, e);
}

int io_mkdirs(const char *path, mode_t mode, struct err *e)
{
    _cleanup_free_ char *p = xstrdup(path);
    struct stat st;

    for (char *s = p; *s; s++) {
        if (*s != '/' || s == p)
            continue;
        *s = '\0';
        if (mkdir(p, mode) < 0 && errno != EEXIST)
            return err_sys(e, errno, "%s: mkdir", p);
        *s = '/';
    }
    if (mkdir(p, mode) < 0 && errno != EEXIST)
        return err_sys(e, errno, "%s: mkdir", p);
    /* EEXIST is said of a file too. */
    if (stat(p, &st) < 0)
        return err_sys(e, errno, "%s", p);
    return S_ISDIR(st.st_mode) ? 0 : err_sys(e, ENOTDIR, "%s: mkdir", p);
}

char *io_temp_folder(const char *name, struct err *e)
{
    const char *tmp = getenv("TMPDIR") && *getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    _cleanup_free_ char *above = realpath(tmp, NULL);
    _cleanup_free_ char *path = xasprintf("%s/%s-XXXXXX", above ? above : tmp, name);

    if (!above || !mkdtemp(path)) {
        err_sys(e, errno, "%s", path);
        return NULL;
    }
    return steal_ptr(&path);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int io_remove_tree(const char *path, struct err *e)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
        return err_sys(e, errno, "%s: remove", path);
    return 0;
}

int io_set_nonblock(int fd, struct err *e)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys(e, errno, "O_NONBLOCK");
    return 0;
}

void io_random(void *p, size_t n)
{
    char *s = p;

    while (n) {
        ssize_t r = getrandom(s, n, 0);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            abort(); /* a kernel without random numbers: nothing here can be trusted */
        s += r;
        n -= (size_t)r;
    }
}
