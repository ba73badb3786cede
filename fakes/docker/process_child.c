/*
 * The child's half: from clone() to the program. It is alone in a copy of the
 * fake's memory and may do what it likes with that; what goes wrong is told
 * through the report and ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/in_root.h"
#include "fakes/docker/process.h"

#define GROUPS_MAX 64
/* What Docker leaves to a container that is not privileged. */
#define CAPABILITIES 0xa80425fbULL

struct child {
    const struct process_spec *s;
    const struct process_maker *m;
    int report, root;
    uid_t uid;
    gid_t gid, groups[GROUPS_MAX];
    int n_groups;
    char *home, *program;
};

static void tell(const struct child *c, const struct process_report *r)
{
    ssize_t n = write(c->report, r, sizeof(*r));

    (void)n; /* a parent that is gone learns nothing */
}

static void __attribute__((noreturn, format(printf, 3, 4)))
failed(const struct child *c, enum process_failure why, const char *fmt, ...)
{
    struct process_report r = {.why = why, .sys = errno};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r.what, sizeof(r.what), fmt, ap);
    va_end(ap);
    tell(c, &r);
    _exit(127);
}

static bool put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        cleanup_closep(&fd);
    return done;
}

/* --- namespaces --------------------------------------------------------------------------- */

/* Root inside is who we are outside; there is nobody else. */
static void map_user(const struct child *c)
{
    const struct process_maker *m = c->m;
    char text[48];

    put("/proc/self/setgroups", "deny");
    snprintf(text, sizeof(text), "0 %u 1\n", (unsigned)m->uid);
    if (!put("/proc/self/uid_map", text))
        failed(c, PROCESS_SYSTEM, "uid_map");
    snprintf(text, sizeof(text), "0 %u 1\n", (unsigned)m->gid);
    if (!put("/proc/self/gid_map", text))
        failed(c, PROCESS_SYSTEM, "gid_map");
}

static bool same_file(const char *a, int fd)
{
    struct stat x, y;

    return stat(a, &x) == 0 && fstat(fd, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Enters the namespaces of another, and goes on as a child that is made inside of them. */
static void join(const struct child *c)
{
    static const char *const names[] = {"user", "ipc", "uts", "net", "pid", "mnt"};
    int fds[ARRAY_SIZE(names)];
    struct process_report r = {.why = PROCESS_STARTED};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[48], own[48];

        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)c->s->join, names[i]);
        snprintf(own, sizeof(own), "/proc/self/ns/%s", names[i]);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (fds[i] < 0)
            failed(c, PROCESS_SYSTEM, "%s", path);
        if (same_file(own, fds[i]))
            cleanup_closep(&fds[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (fds[i] >= 0 && setns(fds[i], 0) < 0)
            failed(c, PROCESS_SYSTEM, "setns %s", names[i]);
    r.pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (r.pid < 0)
        failed(c, PROCESS_SYSTEM, "clone");
    if (r.pid == 0)
        return;
    tell(c, &r);
    _exit(0);
}

/* --- the file system ---------------------------------------------------------------------- */

/* Mounts on a path inside the root, whatever links lead there. */
static int mount_at(const struct child *c, const char *source, const char *target, const char *type,
                    unsigned long flags, const char *options, bool folder)
{
    _cleanup_close_ int at = in_root_mount_point(c->root, target, folder);
    char path[40];

    if (at < 0)
        return -1;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
    return mount(source, path, type, flags, options);
}

static void readonly_at(const struct child *c, const char *target)
{
    _cleanup_close_ int at = in_root_open(c->root, target, O_PATH, 0);
    static const unsigned long locked[] = {0, MS_NOSUID, MS_NOSUID | MS_NODEV,
                                           MS_NOSUID | MS_NODEV | MS_NOEXEC};
    char path[40];

    if (at < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
    /* what the mount below forbids must be asked for again in a user namespace */
    for (size_t i = 0; i < ARRAY_SIZE(locked); i++)
        if (mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | locked[i], NULL) == 0)
            return;
    failed(c, PROCESS_NO_MOUNT, "mounting %s read-only", target);
}

static void make_devices(const struct child *c)
{
    static const char *const nodes[] = {"/dev/null", "/dev/zero",    "/dev/full",
                                        "/dev/tty",  "/dev/urandom", "/dev/random"};
    static const char *const links[][2] = {{"/proc/self/fd", "fd"},
                                           {"/proc/self/fd/0", "stdin"},
                                           {"/proc/self/fd/1", "stdout"},
                                           {"/proc/self/fd/2", "stderr"},
                                           {"pts/ptmx", "ptmx"}};
    int dev;

    if (mount_at(c, "tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k",
                 true) < 0)
        failed(c, PROCESS_NO_MOUNT, "mounting /dev");
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
        if (access(nodes[i], F_OK) == 0 &&
            mount_at(c, nodes[i], nodes[i], NULL, MS_BIND, NULL, false) < 0)
            failed(c, PROCESS_NO_MOUNT, "mounting %s", nodes[i]);
    dev = in_root_open(c->root, "/dev", O_PATH | O_DIRECTORY, 0);
    for (size_t i = 0; dev >= 0 && i < ARRAY_SIZE(links); i++)
        if (symlinkat(links[i][0], dev, links[i][1]) < 0)
            failed(c, PROCESS_NO_MOUNT, "/dev/%s", links[i][1]);
    cleanup_closep(&dev);
    /* these two are comforts that some kernels deny */
    mount_at(c, "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
             "newinstance,ptmxmode=0666,mode=0620", true);
    mount_at(c, "shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
             "mode=1777,size=65536k", true);
    if (c->s->tty) {
        char terminal[40];

        snprintf(terminal, sizeof(terminal), "/proc/self/fd/%d", c->s->fds[0]);
        mount_at(c, terminal, "/dev/console", NULL, MS_BIND, NULL, false);
    }
}

static void make_mount(const struct child *c, const struct process_mount *m)
{
    struct stat st;

    if (m->kind == PROCESS_TMPFS) {
        if (mount_at(c, "tmpfs", m->target, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, m->options,
                     true) < 0)
            failed(c, PROCESS_NO_MOUNT, "mounting a tmpfs at %s", m->target);
        return;
    }
    if (stat(m->source, &st) < 0)
        failed(c, PROCESS_NO_MOUNT, "mounting %s", m->source);
    if (mount_at(c, m->source, m->target, NULL, MS_BIND | MS_REC, NULL, S_ISDIR(st.st_mode)) < 0)
        failed(c, PROCESS_NO_MOUNT, "mounting %s at %s", m->source, m->target);
    if (m->readonly)
        readonly_at(c, m->target);
}

/* One of its own shows the devices of its network; not every kernel lets it be mounted. Control
 * groups stay the machine's. */
static void make_sys(const struct child *c)
{
    const char *shared = "/sys";

    if (c->s->network >= 0 &&
        mount_at(c, "sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL,
                 true) == 0)
        shared = "/sys/fs/cgroup";
    if (mount_at(c, shared, shared, NULL, MS_BIND | MS_REC, NULL, true) == 0)
        readonly_at(c, shared);
}

static void make_root(struct child *c)
{
    const struct process_spec *s = c->s;

    /* in a chroot "/" need not be a mount point, and its mounts would be seen outside */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        failed(c, PROCESS_NO_MOUNT, "making the mounts of / private");
    if (mount(s->root, s->root, NULL, MS_BIND | MS_REC, NULL) < 0)
        failed(c, PROCESS_NO_MOUNT, "mounting %s", s->root);
    c->root = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->root < 0)
        failed(c, PROCESS_NO_MOUNT, "%s", s->root);
    if (mount_at(c, "proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, true) < 0 &&
        mount_at(c, "/proc", "/proc", NULL, MS_BIND | MS_REC, NULL, true) < 0)
        failed(c, PROCESS_NO_MOUNT, "mounting /proc");
    make_devices(c);
    make_sys(c);
    for (size_t i = 0; i < s->n_mounts; i++)
        make_mount(c, &s->mounts[i]);
    if (fchdir(c->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        failed(c, PROCESS_NO_MOUNT, "pivot_root");
    close(c->root);
    c->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (s->cwd && *s->cwd)
        in_root_mkdirs(c->root, s->cwd, 0755);
    if (s->readonly_root)
        readonly_at(c, "/");
    if (s->hostname && *s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
        failed(c, PROCESS_SYSTEM, "sethostname");
}

/* --- who it is ---------------------------------------------------------------------------- */

/* The line of a file of the container's /etc whose field number `at` is word; to be freed. */
static char *find_line(const struct child *c, const char *path, unsigned at, const char *word)
{
    int fd = in_root_open(c->root, path, O_RDONLY, 0);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    char *line = NULL, *found = NULL;
    size_t room = 0;

    while (f && !found && getline(&line, &room, f) > 0) {
        char *field = line;

        line[strcspn(line, "\n")] = '\0';
        for (unsigned i = 0; field && i < at; i++) {
            field = strchr(field, ':');
            field = field ? field + 1 : NULL;
        }
        if (field && strcspn(field, ":") == strlen(word) && str_starts(field, word))
            found = xstrdup(line);
    }
    free(line);
    if (f)
        fclose(f);
    return found;
}

static char *field_of(const char *line, unsigned at)
{
    for (; at && line; at--) {
        line = strchr(line, ':');
        line = line ? line + 1 : NULL;
    }
    return line ? xstrndup(line, strcspn(line, ":")) : xstrdup("");
}

static bool number(const char *s, unsigned *ret)
{
    uint64_t n;

    if (str_u64(s, UINT32_MAX - 1, &n) < 0)
        return false;
    *ret = (unsigned)n;
    return true;
}

/* The groups that name this user as a member. */
static void read_groups(struct child *c, const char *user)
{
    int fd = in_root_open(c->root, "/etc/group", O_RDONLY, 0);
    FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
    char *line = NULL, *save, *member;
    size_t room = 0;
    unsigned gid;

    while (f && getline(&line, &room, f) > 0) {
        char *members = field_of(line, 3), *id = field_of(line, 2);

        save = NULL;
        for (member = strtok_r(members, ",\n", &save); member;
             member = strtok_r(NULL, ",\n", &save))
            if (str_eq(member, user) && number(id, &gid) && c->n_groups < GROUPS_MAX)
                c->groups[c->n_groups++] = gid;
        free(members);
        free(id);
    }
    free(line);
    if (f)
        fclose(f);
}

static unsigned group_id(struct child *c, const char *group)
{
    char *line, *v;
    unsigned id;

    if (number(group, &id))
        return id;
    line = find_line(c, "/etc/group", 0, group);
    v = field_of(line, 2);
    errno = ENOENT;
    if (!line || !number(v, &id))
        failed(c, PROCESS_NO_USER, "unable to find group %.60s", group);
    free(v);
    free(line);
    return id;
}

/* "name", "name:group", numbers for either. */
static void find_user(struct child *c)
{
    const char *text = c->s->user ? c->s->user : "";
    char *user = xstrndup(text, strcspn(text, ":")), *line, *v;
    const char *group = strchr(text, ':') ? strchr(text, ':') + 1 : "";
    unsigned id = 0;
    bool by_number = !*user || number(user, &id);

    c->uid = id;
    line = by_number ? NULL : find_line(c, "/etc/passwd", 0, user);
    if (by_number) {
        char decimal[12];

        snprintf(decimal, sizeof(decimal), "%u", id);
        line = find_line(c, "/etc/passwd", 2, decimal);
    } else if (!line) {
        errno = ENOENT;
        failed(c, PROCESS_NO_USER, "unable to find user %.60s", user);
    }
    if (line) {
        v = field_of(line, 2);
        number(v, &c->uid);
        free(v);
        v = field_of(line, 3);
        number(v, &c->gid);
        free(v);
        c->home = field_of(line, 5);
        v = field_of(line, 0);
        read_groups(c, v);
        free(v);
        free(line);
    }
    if (*group)
        c->gid = group_id(c, group);
    for (char *const *more = c->s->groups; more && *more && c->n_groups < GROUPS_MAX; more++)
        c->groups[c->n_groups++] = group_id(c, *more);
    free(user);
}

static void drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    for (int i = 0; i < 64; i++)
        if (!(CAPABILITIES >> i & 1))
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    if (syscall(SYS_capget, &head, data) < 0)
        return;
    for (int i = 0; i < 2; i++) {
        uint32_t keep = (uint32_t)(CAPABILITIES >> (32 * i));

        data[i].effective &= keep;
        data[i].permitted &= keep;
        data[i].inheritable = 0;
    }
    syscall(SYS_capset, &head, data);
}

static void become_user(const struct child *c)
{
    /* a namespace with one user cannot set groups, and need not */
    setgroups((size_t)c->n_groups, c->groups);
    if (!c->s->privileged)
        drop_capabilities();
    if ((c->gid && setresgid(c->gid, c->gid, c->gid) < 0) ||
        (c->uid && setresuid(c->uid, c->uid, c->uid) < 0))
        failed(c, PROCESS_NO_USER, "becoming user %u:%u", c->uid, c->gid);
}

/* --- the program -------------------------------------------------------------------------- */

static const char *variable(const struct process_spec *s, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; s->env[i]; i++)
        if (!strncmp(s->env[i], name, n) && s->env[i][n] == '=')
            return s->env[i] + n + 1;
    return NULL;
}

static bool executable(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return false;
    errno = EACCES;
    return !S_ISDIR(st.st_mode) && (st.st_mode & 0111) && access(path, X_OK) == 0;
}

static void find_program(struct child *c)
{
    const char *name = c->s->argv[0], *path = variable(c->s, "PATH");

    if (strchr(name, '/')) {
        c->program = xstrdup(name);
        if (!executable(name))
            failed(c, errno == ENOENT ? PROCESS_NO_FILE : PROCESS_DENIED, "%.90s", name);
        return;
    }
    for (; path && *path; path += *path == ':') {
        size_t n = strcspn(path, ":");

        free(c->program);
        c->program = xasprintf("%.*s/%s", (int)n, path, name);
        if (executable(c->program))
            return;
        path += n;
    }
    errno = ENOENT;
    failed(c, PROCESS_NO_PATH, "%.90s", name);
}

static char **environment(const struct child *c)
{
    size_t n = 0;
    char **env;

    while (c->s->env[n])
        n++;
    env = new0_array(char *, n + 2);
    memcpy(env, c->s->env, n * sizeof(*env));
    if (!variable(c->s, "HOME"))
        env[n] = xasprintf("HOME=%s", c->home && *c->home ? c->home : "/");
    return env;
}

static void plain_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
}

static void set_descriptors(struct child *c)
{
    int fds[3];

    /* out of the way first: they may be each other's numbers */
    for (int i = 0; i < 3; i++)
        fds[i] = fcntl(c->s->fds[i], F_DUPFD_CLOEXEC, 10);
    c->report = fcntl(c->report, F_DUPFD_CLOEXEC, 10);
    for (int i = 0; i < 3; i++)
        if (fds[i] < 0 || dup2(fds[i], i) < 0)
            failed(c, PROCESS_SYSTEM, "descriptor %d", i);
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    if (setsid() < 0 && errno != EPERM)
        failed(c, PROCESS_SYSTEM, "setsid");
    if (c->s->tty)
        ioctl(0, TIOCSCTTY, 0);
}

static void set_limits(const struct child *c)
{
    for (size_t i = 0; i < c->s->n_limits; i++) {
        const struct process_limit *l = &c->s->limits[i];
        struct rlimit limit = {.rlim_cur = l->soft, .rlim_max = l->hard};

        if (setrlimit((__rlimit_resource_t)l->resource, &limit) < 0)
            failed(c, PROCESS_SYSTEM, "error setting rlimit type %d", l->resource);
    }
}

static void wait_for_go(const struct child *c)
{
    char go;

    if (c->m->go >= 0 && read(c->m->go, &go, 1) != 1)
        _exit(127); /* whoever was to say it has given up */
}

void process_child(const struct process_spec *s, const struct process_maker *m, int report)
{
    struct child c = {.s = s, .m = m, .report = report, .root = -1};
    char **env;

    plain_signals();
    if (s->join)
        join(&c);
    wait_for_go(&c);
    if (s->join) {
        c.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    } else {
        if (s->network >= 0 && setns(s->network, CLONE_NEWNET) < 0)
            failed(&c, PROCESS_SYSTEM, "network namespace");
        if (m->user)
            map_user(&c);
        make_root(&c);
    }
    umask(022);
    find_user(&c);
    set_limits(&c);
    become_user(&c);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (s->cwd && *s->cwd && chdir(s->cwd) < 0)
        failed(&c, PROCESS_NO_CWD, "%.90s", s->cwd);
    set_descriptors(&c);
    find_program(&c);
    env = environment(&c);
    if (m->in_child && m->in_child() < 0)
        failed(&c, PROCESS_SYSTEM, "tracing");
    execve(c.program, s->argv, env);
    if (errno == ENOEXEC) {
        dprintf(2, "exec %s: exec format error\n", c.program);
        _exit(1);
    }
    failed(&c, errno == EACCES ? PROCESS_DENIED : PROCESS_SYSTEM, "%.90s", c.program);
}
