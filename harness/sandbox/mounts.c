/*
 * The file system of sandbox.h: a new root, in memory, which holds
 *
 *   a folder for each of /, with the machine's mounted on it; but
 *   /etc /var /var/lib /var/log /var/cache   folders of our own. What the machine has in them is
 *                  there as symbolic links to /.host, where it is mounted: folders can be
 *                  added and replaced here that the machine does not have, without touching it.
 *                  (An overlay would do the same, but not in a container, whose /etc has mounts.)
 *   /run /dev/shm  empty
 *   the private folders of SANDBOX_FOLDERS
 *
 * Paths without a leading slash are below the new root, which is the working folder meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/sandbox/sandbox.h"

/* What the new root and /run may hold. */
#define ROOT_OPTIONS "mode=0755,size=64m"

static int attach(const char *from, const char *to, struct err *e)
{
    if (mount(from, to, "none", MS_BIND | MS_REC, NULL) < 0)
        return err_sys(e, errno, "mount %s on /%s", from, to);
    return 0;
}

static int fresh(const char *type, const char *to, unsigned long flags, const char *options,
                 struct err *e)
{
    if (mount(type, to, type, flags, options) < 0)
        return err_sys(e, errno, "mount %s on /%s", type, to);
    return 0;
}

static int folder(const char *path, mode_t mode, struct err *e)
{
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        return err_sys(e, errno, "/%s", path);
    return chmod(path, mode) < 0 ? err_sys(e, errno, "/%s", path) : 0;
}

static bool listed(const char *name, const char *const *list)
{
    for (; list && *list; list++)
        if (str_eq(*list, name))
            return true;
    return false;
}

static bool is_entry(const struct dirent *d)
{
    return !str_eq(d->d_name, ".") && !str_eq(d->d_name, "..");
}

static int copy_link(const char *from, const char *to, struct err *e)
{
    char target[PATH_MAX];
    ssize_t n = readlink(from, target, sizeof(target) - 1);

    if (n < 0)
        return err_sys(e, errno, "%s", from);
    target[n] = '\0';
    return symlink(target, to) < 0 ? err_sys(e, errno, "/%s", to) : 0;
}

/* One entry of the machine's root. */
static int root_entry(const char *name, struct err *e)
{
    _cleanup_free_ char *from = xasprintf("/%s", name);
    struct stat st;
    int fd;

    if (lstat(from, &st) < 0)
        return 0; /* gone, or none of our business */
    if (S_ISLNK(st.st_mode))
        return copy_link(from, name, e);
    if (S_ISDIR(st.st_mode))
        return folder(name, 0755, e) < 0 ? -1 : attach(from, name, e);
    if (!S_ISREG(st.st_mode))
        return 0;
    fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(e, errno, "/%s", name);
    close(fd);
    return attach(from, name, e);
}

static int copy_root(struct err *e)
{
    static const char *const own[] = {"proc",
                                      "sys",
                                      "run",
                                      "etc",
                                      "var",
                                      "data",
                                      "log",
                                      ".host",
                                      "lost+found",
                                      "images",
                                      "managed-agents",
                                      "rotatingcreds",
                                      "amazon-ecs-cni-plugins",
                                      NULL};
    _cleanup_closedir_ DIR *d = opendir("/");
    const struct dirent *entry;

    if (!d)
        return err_sys(e, errno, "/");
    while ((entry = readdir(d)))
        if (is_entry(entry) && !listed(entry->d_name, own) && root_entry(entry->d_name, e) < 0)
            return -1;
    return 0;
}

/* Makes the folder at `path` with links to all that the machine's has, but for `own`. */
static int farm(const char *path, const char *const *own, struct err *e)
{
    _cleanup_free_ char *host = xasprintf("/%s", path);
    _cleanup_closedir_ DIR *d = opendir(host);
    const struct dirent *entry;

    if (folder(path, 0755, e) < 0)
        return -1;
    if (!d) /* the machine has none, or does not let us look */
        return errno == ENOENT || errno == EACCES ? 0 : err_sys(e, errno, "%s", host);
    while ((entry = readdir(d))) {
        _cleanup_free_ char *to = xasprintf("%s/%s", path, entry->d_name);
        _cleanup_free_ char *from = xasprintf("/.host/%s", to);

        if (!is_entry(entry) || listed(entry->d_name, own))
            continue;
        if (entry->d_type == DT_LNK) {
            /* a relative one would lead elsewhere from /.host */
            if (copy_link(from + strlen("/.host"), to, e) < 0)
                return -1;
        } else if (symlink(from, to) < 0) {
            return err_sys(e, errno, "/%s", to);
        }
    }
    return 0;
}

static int make_farms(struct err *e)
{
    static const char *const ecs[] = {"ecs", NULL};
    static const char *const etc[] = {"ecs", "hosts", "resolv.conf", NULL};
    static const char *const var[] = {"lib", "log", "cache", "credentials-fetcher", NULL};
    static const char *const below_var[] = {"var/lib", "var/log", "var/cache"};

    if (folder(".host", 0755, e) < 0 || folder(".host/etc", 0755, e) < 0 ||
        folder(".host/var", 0755, e) < 0 || attach("/etc", ".host/etc", e) < 0 ||
        attach("/var", ".host/var", e) < 0 || farm("etc", etc, e) < 0 || farm("var", var, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(below_var); i++)
        if (farm(below_var[i], ecs, e) < 0)
            return -1;
    return 0;
}

static int write_text(const char *path, const char *text, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        return err_sys(e, errno, "/%s", path);
    return io_write_all(fd, text, strlen(text), e);
}

/* Names lead nowhere: nobody listens on port 53, and the loopback says so at once. */
static int write_names(struct err *e)
{
    char host[256] = "localhost";
    _cleanup_free_ char *hosts = NULL;

    gethostname(host, sizeof(host) - 1);
    hosts = xasprintf("127.0.0.1 localhost %s\n::1 localhost\n", host);
    if (write_text("etc/hosts", hosts, e) < 0)
        return -1;
    return write_text("etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", e);
}

int sandbox_name(const char *address, const char *name, struct err *e)
{
    _cleanup_free_ char *line = xasprintf("%s %s\n", address, name);
    _cleanup_close_ int fd = open("/etc/hosts", O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd < 0)
        return err_sys(e, errno, "/etc/hosts");
    return io_write_all(fd, line, strlen(line), e);
}

/* /run, where the real Docker and the real system bus are, is empty here; so is shared memory. */
static int make_private(struct err *e)
{
    if (folder("run", 0755, e) < 0 || folder("run/lock", 01777, e) < 0)
        return -1;
    if (access("/dev/shm", F_OK) == 0 &&
        fresh("tmpfs", "dev/shm", MS_NOSUID | MS_NODEV, "mode=1777,size=64m", e) < 0)
        return -1;
    /* a machine whose /var/run is a folder: it was linked, it becomes ours */
    if (access("var/run/lock", F_OK) < 0 && (unlink("var/run") == 0 || errno == ENOENT) &&
        symlink("/run", "var/run") < 0)
        return err_sys(e, errno, "/var/run");
    return 0;
}

static int make_folders(const char *dir, struct err *e)
{
    static const struct {
        const char *inside, *below;
    } folders[] = {
#define F(inside, below) {inside, below},
        SANDBOX_FOLDERS(F)
#undef F
    };

    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        _cleanup_free_ char *from = xasprintf("%s/%s", dir, folders[i].below);
        const char *to = folders[i].inside + 1;

        if (io_mkdirs(from, 0755, e) < 0 || io_mkdirs(to, 0755, e) < 0 || attach(from, to, e) < 0)
            return -1;
    }
    return 0;
}

/*
 * A /sys of our own has no cgroups in it, neither as folders nor as mounts, in which agents look
 * for them. They belong to the machine: an agent that is root would leave its own behind, and one
 * that finds those of another, and cannot add to them, fails its tasks. Where the kernel
 * gives us none (in a container that hides parts of its own), it is the machine's, with nothing
 * at their place.
 */
static int make_sys(struct err *e)
{
    if (folder("sys", 0755, e) < 0)
        return -1;
    if (fresh("sysfs", "sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, NULL) == 0)
        return 0;
    if (attach("/sys", "sys", e) < 0)
        return -1;
    return access("sys/fs/cgroup", F_OK) < 0
               ? 0
               : fresh("tmpfs", "sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                       "mode=0755,size=4k", e);
}

/* What lies at this path of the machine, when something of ours hides it. */
static int keep_visible(const char *path, struct err *e)
{
    _cleanup_free_ char *real = realpath(path, NULL), *above = NULL;
    const char *to = real ? real + 1 : NULL;
    struct stat there, here;
    int fd;

    if (!real || stat(real, &there) < 0 ||
        (stat(to, &here) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino))
        return 0;
    above = xstrndup(to, strrchr(real, '/') > real ? (size_t)(strrchr(real, '/') - real - 1) : 0);
    if (*above && io_mkdirs(above, 0755, e) < 0)
        return -1;
    if (S_ISDIR(there.st_mode))
        return folder(to, 0755, e) < 0 ? -1 : attach(real, to, e);
    fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys(e, errno, "/%s", to);
    close(fd);
    return attach(real, to, e);
}

static int keep_all(const char *dir, const char *cwd, const char *const *keep, struct err *e)
{
    if (keep_visible(dir, e) < 0 || (cwd && keep_visible(cwd, e) < 0))
        return -1;
    for (; keep && *keep; keep++)
        if (keep_visible(*keep, e) < 0)
            return -1;
    return 0;
}

/* The new root becomes the root, the old one goes. Both lie on each other at "/" for a moment. */
static int change_root(const char *cwd, struct err *e)
{
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(e, errno, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0 || mount("none", "/", "none", MS_PRIVATE, NULL) < 0)
        return err_sys(e, errno, "umount of the old root");
    if ((!cwd || chdir(cwd) < 0) && chdir("/") < 0)
        return err_sys(e, errno, "/");
    return 0;
}

int sandbox_mount(const struct sandbox *s, const char *dir, const char *const *keep, struct err *e)
{
    _cleanup_free_ char *root = xasprintf("%s/box/root", dir);
    _cleanup_free_ char *cwd = getcwd(NULL, 0);

    (void)s;
    if (io_mkdirs(root, 0755, e) < 0)
        return -1;
    /* nothing that is mounted here is seen outside */
    if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
        return err_sys(e, errno, "private mounts");
    /* unbindable: or it would come along with the folder of the machine that it lies in */
    if (mount("tmpfs", root, "tmpfs", MS_NOSUID, ROOT_OPTIONS) < 0 ||
        mount("none", root, "none", MS_UNBINDABLE, NULL) < 0)
        return err_sys(e, errno, "mount tmpfs on %s", root);
    if (chdir(root) < 0)
        return err_sys(e, errno, "%s", root);
    if (copy_root(e) < 0 || folder("proc", 0555, e) < 0 ||
        fresh("proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, e) < 0 || make_sys(e) < 0 ||
        make_farms(e) < 0 || write_names(e) < 0 || make_private(e) < 0 ||
        make_folders(dir, e) < 0 || keep_all(dir, cwd, keep, e) < 0)
        return -1;
    return change_root(cwd, e);
}
