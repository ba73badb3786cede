#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "agent/cgroup.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define V1_ROOT   "ecs"
#define V2_PREFIX "ecstasks"
#define V2_ROOT   V2_PREFIX ".slice"

#define SHARES_MIN 2
#define SHARES_MAX 262144
#define MIB        (1024 * 1024)
#define FILE_MAX   4096

/* Every controller that version 1 may have a folder for. */
static const char *const controllers[] = {
    "cpu",   "cpuacct",    "memory",  "pids",    "cpuset", "devices", "freezer",
    "blkio", "perf_event", "net_cls", "hugetlb", "rdma",   "systemd",
};

/* ---- files of a group ---- */

/* The kernel's files cannot be replaced, only written; a plain folder gets them made. */
static int put(const char *dir, const char *name, const char *text, struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0)
        return err_sys(e, errno, "%s", path);
    return io_write_all(fd, text, strlen(text), e) < 0 ? err_wrap(e, "%s", path) : 0;
}

static int put_int(const char *dir, const char *name, int64_t value, struct err *e)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)value);
    return put(dir, name, text, e);
}

static bool is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* 1: made, 0: was there already. */
static int make(const char *path, struct err *e)
{
    if (mkdir(path, 0755) == 0)
        return 1;
    return errno == EEXIST ? 0 : err_sys(e, errno, "%s", path);
}

/* ---- limits ---- */

static int64_t shares_of(const struct task *t)
{
    int64_t sum = 0;

    for (size_t i = 0; i < t->n_containers; i++) {
        int64_t cpu = json_int(t->containers[i].spec, "cpu", 0);

        sum += cpu < SHARES_MIN ? SHARES_MIN : cpu;
    }
    return sum > SHARES_MAX ? SHARES_MAX : sum;
}

static int put_cpu_v1(const struct cgroup *g, const struct task *t, const char *dir, struct err *e)
{
    int64_t period = g->cpu_period / 1000;

    if (t->cpu <= 0)
        return put_int(dir, "cpu.shares", shares_of(t), e);
    if (put_int(dir, "cpu.cfs_period_us", period, e) < 0)
        return -1;
    return put_int(dir, "cpu.cfs_quota_us", (int64_t)(t->cpu * (double)period), e);
}

/* A new cpuset is empty, and nothing may run in it. */
static int inherit(const char *dir, const char *name, struct err *e)
{
    _cleanup_free_ char *own = xasprintf("%s/%s", dir, name);
    _cleanup_free_ char *above = xasprintf("%s/../%s", dir, name);
    _cleanup_buf_ struct buf have = BUF_INIT(FILE_MAX);
    _cleanup_buf_ struct buf want = BUF_INIT(FILE_MAX);

    if (io_read_file(own, &have, NULL) < 0 || strspn(buf_str(&have), " \n") != buf_len(&have) ||
        io_read_file(above, &want, NULL) < 0)
        return 0; /* no such file, or it has something */
    return put(dir, name, buf_str(&want), e);
}

static int fill_v1(const struct cgroup *g, const struct task *t, const char *controller,
                   const char *dir, struct err *e)
{
    if (str_eq(controller, "cpuset"))
        return inherit(dir, "cpuset.cpus", e) < 0 ? -1 : inherit(dir, "cpuset.mems", e);
    if (!t)
        return 0;
    if (str_eq(controller, "cpu"))
        return put_cpu_v1(g, t, dir, e);
    if (str_eq(controller, "pids") && g->pids > 0)
        return put_int(dir, "pids.max", g->pids, e);
    if (!str_eq(controller, "memory"))
        return 0;
    if (t->memory > 0 && put_int(dir, "memory.limit_in_bytes", t->memory * MIB, e) < 0)
        return -1;
    return put(dir, "memory.use_hierarchy", "1", e);
}

/* The weight that stands for shares, as every container runtime computes it. */
static int64_t weight_of(int64_t shares)
{
    return 1 + ((shares - 2) * 9999) / 262142;
}

static int fill_v2(const struct cgroup *g, const struct task *t, const char *dir, struct err *e)
{
    int64_t period = g->cpu_period / 1000;
    char text[64];

    snprintf(text, sizeof(text), "%lld %lld", (long long)(t->cpu * (double)period),
             (long long)period);
    if (t->cpu > 0 ? put(dir, "cpu.max", text, e) < 0
                   : put_int(dir, "cpu.weight", weight_of(shares_of(t)), e) < 0)
        return -1;
    if (t->memory > 0 && put_int(dir, "memory.max", t->memory * MIB, e) < 0)
        return -1;
    return g->pids > 0 ? put_int(dir, "pids.max", g->pids, e) : 0;
}

/* ---- the group of all tasks ---- */

static int init_v1(struct cgroup *g, struct err *e)
{
    static const char *const needed[] = {"cpu", "memory"};

    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        _cleanup_free_ char *dir = xasprintf("%s/%s", g->path, needed[i]);

        if (!is_dir(dir))
            return err_set(e, ERR_NOT_FOUND, "%s: there is no controller \"%s\"", g->path,
                           needed[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
        _cleanup_free_ char *mount = xasprintf("%s/%s", g->path, controllers[i]);
        _cleanup_free_ char *dir = xasprintf("%s/" V1_ROOT, mount);

        if (is_dir(mount) && (make(dir, e) < 0 || fill_v1(g, NULL, controllers[i], dir, e) < 0))
            return -1;
    }
    return 0;
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = text; (p = strstr(p, word)); p += n)
        if ((p == text || strchr(" \n", p[-1])) && (!p[n] || strchr(" \n", p[n])))
            return true;
    return false;
}

static int init_v2(struct cgroup *g, const char *offered, struct err *e)
{
    _cleanup_free_ char *root = xasprintf("%s/" V2_ROOT, g->path);

    if (!has_word(offered, "cpu") || !has_word(offered, "memory"))
        return err_set(e, ERR_NOT_FOUND, "%s: the controllers cpu and memory are not both offered",
                       g->path);
    if (put(g->path, "cgroup.subtree_control", "+cpu +memory", e) < 0 || make(root, e) < 0)
        return -1;
    return put(root, "cgroup.subtree_control", "+cpu +memory", e);
}

int cgroup_init(struct cgroup *g, const char *path, struct err *e)
{
    _cleanup_free_ char *file = xasprintf("%s/cgroup.controllers", path);
    _cleanup_buf_ struct buf offered = BUF_INIT(FILE_MAX);

    g->path = path;
    g->v2 = io_read_file(file, &offered, NULL) == 0;
    return g->v2 ? init_v2(g, buf_str(&offered), e) : init_v1(g, e);
}

/* ---- the group of one task ---- */

char *cgroup_parent(const struct cgroup *g, const struct task *t)
{
    return g->v2 ? xasprintf(V2_PREFIX "-%s.slice", task_id(t))
                 : xasprintf("/" V1_ROOT "/%s", task_id(t));
}

/* The task's folder in one hierarchy of version 1. */
static char *dir_v1(const struct cgroup *g, const struct task *t, const char *controller)
{
    return xasprintf("%s/%s/" V1_ROOT "/%s", g->path, controller, task_id(t));
}

static char *dir_v2(const struct cgroup *g, const struct task *t)
{
    _cleanup_free_ char *slice = cgroup_parent(g, t);

    return xasprintf("%s/" V2_ROOT "/%s", g->path, slice);
}

/* Somebody may have tidied up: the group of all tasks is made again where it is missing. */
static int create_v1(const struct cgroup *g, const struct task *t, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
        _cleanup_free_ char *mount = xasprintf("%s/%s", g->path, controllers[i]);
        _cleanup_free_ char *root = xasprintf("%s/" V1_ROOT, mount);
        _cleanup_free_ char *dir = dir_v1(g, t, controllers[i]);
        int made;

        if (!is_dir(mount))
            continue;
        made = make(root, e);
        if (made < 0 || (made && fill_v1(g, NULL, controllers[i], root, e) < 0))
            return -1;
        made = make(dir, e);
        if (made < 0 || (made && fill_v1(g, t, controllers[i], dir, e) < 0))
            return -1;
    }
    return 0;
}

int cgroup_create(const struct cgroup *g, const struct task *t, struct err *e)
{
    _cleanup_free_ char *dir = NULL, *root = NULL;
    int made;

    if (!g->v2)
        return create_v1(g, t, e);
    dir = dir_v2(g, t);
    root = xasprintf("%s/" V2_ROOT, g->path);
    if (make(root, e) < 0)
        return -1;
    made = make(dir, e);
    return made < 0 ? -1 : made ? fill_v2(g, t, dir, e) : 0;
}

static int remove_dir(const char *dir, struct err *e)
{
    return rmdir(dir) == 0 || errno == ENOENT ? 0 : err_sys(e, errno, "%s", dir);
}

int cgroup_remove(const struct cgroup *g, const struct task *t, struct err *e)
{
    _cleanup_free_ char *slice = NULL;
    int r = 0;

    if (g->v2) {
        slice = dir_v2(g, t);
        return remove_dir(slice, e);
    }
    for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
        _cleanup_free_ char *dir = dir_v1(g, t, controllers[i]);

        if (remove_dir(dir, e) < 0)
            r = -1; /* the others go all the same */
    }
    return r;
}
