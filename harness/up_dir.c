#include "harness/up_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define WORLD_NAME_MAX 32 /* the path of a unix socket has to fit behind it */

int up_dir_init(struct up_dir *d, const char *name, struct err *e)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
    size_t n = strlen(name);

    memset(d, 0, sizeof(*d));
    d->lock = -1;
    if (!n || n > WORLD_NAME_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != n)
        return err_set(e, ERR_USAGE,
                       "a world's name has 1 to %d letters, digits, dashes and underscores",
                       WORLD_NAME_MAX);
    if (runtime && *runtime)
        d->base = xasprintf("%s/ecsim", runtime);
    else
        d->base = xasprintf("%s/ecsim-%u", tmp && *tmp ? tmp : "/tmp", (unsigned)geteuid());
    d->path = xasprintf("%s/%s", d->base, name);
    return 0;
}

void up_dir_release(struct up_dir *d)
{
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
    free(d->base);
    free(d->path);
    d->base = d->path = NULL;
}

char *up_dir_file(const struct up_dir *d, const char *name)
{
    return xasprintf("%s/%s", d->path, name);
}

/* Others could put their own things where a folder in /tmp is expected. */
static int check_base(const struct up_dir *d, struct err *e)
{
    struct stat st;

    if (mkdir(d->base, 0700) < 0 && errno != EEXIST)
        return err_sys(e, errno, "%s", d->base);
    if (lstat(d->base, &st) < 0)
        return err_sys(e, errno, "%s", d->base);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077))
        return err_set(e, ERR_USAGE, "%s is not a folder that belongs to you alone", d->base);
    return 0;
}

/* The lock lies beside the folder: the folder comes and goes. */
static int open_lock(const struct up_dir *d, int flags)
{
    _cleanup_free_ char *path = xasprintf("%s.lock", d->path);

    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int up_dir_hold(struct up_dir *d, struct err *e)
{
    char pid[24];

    if (check_base(d, e) < 0)
        return -1;
    d->lock = open_lock(d, O_RDWR | O_CREAT);
    if (d->lock < 0)
        return err_sys(e, errno, "%s.lock", d->path);
    if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
        close(d->lock);
        d->lock = -1;
        return err_set(e, ERR_CONFLICT, "it runs already, as process %d; `ecsim down` ends it",
                       (int)up_dir_holder(d));
    }
    if (io_remove_tree(d->path, e) < 0 || io_mkdirs(d->path, 0700, e) < 0)
        return -1;
    snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(d->lock, 0) < 0 || pwrite(d->lock, pid, strlen(pid), 0) < 0)
        return err_sys(e, errno, "%s.lock", d->path);
    return 0;
}

void up_dir_remove(struct up_dir *d)
{
    _cleanup_free_ char *path = xasprintf("%s.lock", d->path);

    io_remove_tree(d->path, NULL);
    unlink(path);
    rmdir(d->base); /* when it was the last one */
}

pid_t up_dir_holder(const struct up_dir *d)
{
    _cleanup_close_ int fd = open_lock(d, O_RDONLY);
    char text[24] = "";
    uint64_t pid;

    if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK ||
        pread(fd, text, sizeof(text) - 1, 0) <= 0)
        return -1;
    text[strcspn(text, "\n")] = '\0';
    return str_u64(text, INT32_MAX, &pid) == 0 ? (pid_t)pid : -1;
}

char **up_dir_list(const struct up_dir *d)
{
    _cleanup_closedir_ DIR *dir = opendir(d->base);
    size_t n = 0, cap = 0;
    char **list = NULL;
    struct dirent *en;

    while (dir && (en = readdir(dir))) {
        struct up_dir one;

        if (!str_ends(en->d_name, ".lock"))
            continue;
        en->d_name[strlen(en->d_name) - strlen(".lock")] = '\0';
        if (up_dir_init(&one, en->d_name, NULL) == 0 && up_dir_holder(&one) > 0) {
            grow_array(list, n, cap);
            list[n++] = xstrdup(en->d_name);
        }
        up_dir_release(&one);
    }
    grow_array(list, n, cap);
    list[n] = NULL;
    return list;
}
