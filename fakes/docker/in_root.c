#include "fakes/docker/in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

int in_root_open(int root, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned long long)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    int fd;

    do
        fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    return fd;
}

int in_root_parent(int root, const char *path, const char **ret_name)
{
    size_t n = strlen(path), end;
    char *folder;
    int fd;

    while (n && path[n - 1] == '/')
        n--;
    end = n;
    while (n && path[n - 1] != '/')
        n--;
    if (n == end) {
        *ret_name = ".";
        return in_root_open(root, "/", O_PATH | O_DIRECTORY, 0);
    }
    *ret_name = path + n;
    folder = xstrndup(path, n);
    fd = in_root_open(root, folder, O_PATH | O_DIRECTORY, 0);
    free(folder);
    return fd;
}

int in_root_mkdirs(int root, const char *path, mode_t mode)
{
    char *part = xstrdup(path);
    size_t n = strlen(part);
    int r = 0;

    for (size_t i = 1; r == 0 && i <= n; i++) {
        const char *name;
        char was = part[i];

        if (was != '/' && was != '\0')
            continue;
        part[i] = '\0';
        int there = in_root_open(root, part, O_PATH | O_DIRECTORY, 0);

        if (there >= 0) {
            close(there);
        } else {
            int parent = in_root_parent(root, part, &name);

            if (parent < 0 || (mkdirat(parent, name, mode) < 0 && errno != EEXIST))
                r = -1;
            if (parent >= 0)
                cleanup_closep(&parent);
        }
        part[i] = was;
    }
    free(part);
    return r;
}

int in_root_mount_point(int root, const char *path, bool folder)
{
    const char *name;
    int fd = in_root_open(root, path, O_PATH, 0), parent;
    char *up;

    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (folder)
        return in_root_mkdirs(root, path, 0755) < 0 ? -1 : in_root_open(root, path, O_PATH, 0);
    up = xstrdup(path);
    if (strrchr(up, '/'))
        *strrchr(up, '/') = '\0';
    int r = *up ? in_root_mkdirs(root, up, 0755) : 0;

    free(up);
    if (r < 0)
        return -1;
    parent = in_root_parent(root, path, &name);
    if (parent < 0)
        return -1;
    fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    cleanup_closep(&parent);
    if (fd >= 0)
        close(fd);
    return in_root_open(root, path, O_PATH, 0);
}
