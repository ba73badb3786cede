/* The machine as a process, and what it tells. Who waits for whom is in machine_waits.c. */
#include "harness/boot/machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/console.h"
#include "harness/boot/machine_root.h"
#include "harness/boot/machine_waits.h"

#define CGROUPS     "/sys/fs/cgroup"
#define CGROUP_NAME "ecsim-machine-"
/* Longer than any scenario may take. */
#define CGROUP_OLD_S  1800
#define CGROUP2_MAGIC 0x63677270

struct machine {
    char *dir, *root, *cgroup, *agent, *init, *engine;
    struct procs *ps;
    struct proc *nspawn, *asking; /* systemd-nspawn; the systemctl that asks */
    const struct machine_ops *ops;
    void *data;
    struct map jobs; /* unit -> type: what is queued and not done, as the console says */
    struct clock_timer quiet;
    bool up, deadlocked;
    bool began;     /* its systemd runs */
    char said[256]; /* the last line before */
    FILE *log;
};

/* The sandbox has no control groups; a machine needs them. */
static int mount_cgroups(void)
{
    struct statfs fs;

    if (statfs(CGROUPS, &fs) == 0 && fs.f_type == CGROUP2_MAGIC)
        return 0;
    return mount("cgroup2", CGROUPS, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

const char *machine_missing(void)
{
    static const char *const files[][2] = {
        {"/usr/bin/systemd-nspawn", "systemd-nspawn is not there (package systemd-container)"},
        {"/usr/lib/systemd/systemd", "systemd is not there"},
        {"/usr/lib/systemd/system/cloud-final.service", "cloud-init is not there"},
        {"/usr/bin/dbus-daemon", "dbus-daemon is not there (package dbus)"},
        {"/usr/bin/nsenter", "nsenter is not there (package util-linux)"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (access(files[i][0], F_OK) < 0)
            return files[i][1];
    return mount_cgroups() < 0 ? "control groups (cgroup2) cannot be mounted" : NULL;
}

/* --- control groups ----------------------------------------------------------------------- */

static void remove_cgroup(const char *path)
{
    _cleanup_closedir_ DIR *d = opendir(path);
    const struct dirent *e;

    while (d && (e = readdir(d)))
        if (e->d_type == DT_DIR && !str_eq(e->d_name, ".") && !str_eq(e->d_name, "..")) {
            _cleanup_free_ char *below = xasprintf("%s/%s", path, e->d_name);

            remove_cgroup(below);
        }
    rmdir(path); /* one that is in use stays */
}

/* Those that a runner left which was killed. Another one's may be there for a moment with nothing
 * in it yet: only old ones go, and those in use stay anyway. */
static void sweep_cgroups(void)
{
    _cleanup_closedir_ DIR *d = opendir(CGROUPS);
    const struct dirent *e;

    while (d && (e = readdir(d)))
        if (str_starts(e->d_name, CGROUP_NAME)) {
            _cleanup_free_ char *path = xasprintf(CGROUPS "/%s", e->d_name);
            struct stat st;

            if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > CGROUP_OLD_S)
                remove_cgroup(path);
        }
}

static int make_cgroup(struct machine *m, struct err *e)
{
    uint64_t n;

    if (mount_cgroups() < 0)
        return err_sys(e, errno, "mount cgroup2 on " CGROUPS);
    sweep_cgroups();
    io_random(&n, sizeof(n));
    m->cgroup = xasprintf(CGROUPS "/" CGROUP_NAME "%016llx", (unsigned long long)n);
    if (mkdir(m->cgroup, 0755) < 0)
        return err_sys(e, errno, "%s", m->cgroup);
    return 0;
}

/* --- life ----------------------------------------------------------------------------------- */

/* The supervisor lies beside the program that we are. */
static char *find_init(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *path;

    if (n < 0)
        return NULL;
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    path = xasprintf("%s/ecsim-init", self);
    if (access(path, X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *find_program(const char *name)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/'))
        return realpath(name, NULL);
    while (path && *path) {
        size_t n = strcspn(path, ":");
        _cleanup_free_ char *file = xasprintf("%.*s/%s", (int)n, path, name);

        if (access(file, X_OK) == 0)
            return realpath(file, NULL);
        path += n + (path[n] == ':');
    }
    return NULL;
}

struct machine *machine_make(const struct machine_spec *spec, struct err *e)
{
    struct machine *m = new0(struct machine);
    _cleanup_free_ char *log = xasprintf("%s/console.log", spec->dir);

    m->dir = xstrdup(spec->dir);
    m->root = xasprintf("%s/machine", spec->dir);
    m->engine = xstrdup(spec->engine);
    m->init = find_init();
    m->agent = spec->agent && spec->agent[0] ? find_program(spec->agent[0]) : NULL;
    m->log = fopen(log, "we");
    map_init(&m->jobs);
    if (machine_root_make(m->root, spec, e) == 0 && make_cgroup(m, e) == 0)
        return m;
    machine_free(m);
    return NULL;
}

const char *machine_root(const struct machine *m)
{
    return m->root;
}

bool machine_runs(const struct machine *m)
{
    return m && m->nspawn && m->nspawn->running;
}

static void tell(struct machine *m, const char *what, json_t *event)
{
    m->ops->on_event(m->data, what, event);
    json_decref(event);
}

/* The first process of the machine, as we see it; 0: there is none yet. */
static pid_t first_process(const struct machine *m)
{
    _cleanup_free_ char *path =
        xasprintf("/proc/%d/task/%d/children", (int)m->nspawn->pid, (int)m->nspawn->pid);
    _cleanup_buf_ struct buf text = BUF_INIT(4096);

    return io_read_file(path, &text, NULL) < 0 ? 0 : (pid_t)strtol(buf_str(&text), NULL, 10);
}

char **machine_inside(const struct machine *m, char *const *words)
{
    static const char *const enter[] = {"nsenter", "-m", "-u", "-i", "-p", "-r", "-w", "-t"};
    pid_t pid = machine_runs(m) ? first_process(m) : 0;
    size_t n = 0, k = 0;
    char **argv;

    if (pid <= 0)
        return NULL;
    while (words[n])
        n++;
    argv = new0_array(char *, ARRAY_SIZE(enter) + n + 3);
    for (size_t i = 0; i < ARRAY_SIZE(enter); i++)
        argv[k++] = xstrdup(enter[i]);
    argv[k++] = xasprintf("%d", (int)pid);
    argv[k++] = xstrdup("--");
    for (size_t i = 0; i < n; i++)
        argv[k++] = xstrdup(words[i]);
    return argv;
}

/* --- deadlocks ---------------------------------------------------------------------------------
 */

static void arm(struct machine *m);

static void asked_line(struct proc *p, int stream, const char *line, size_t n)
{
    (void)p;
    (void)stream;
    (void)line;
    (void)n; /* its output is captured whole */
}

static void asked(struct proc *p, int code, int signum)
{
    struct machine *m = p->data;
    json_t *found;

    (void)signum;
    found = code == 0 ? machine_deadlock(buf_str(&p->out[0].captured)) : NULL;
    proc_free(p);
    m->asking = NULL;
    if (!found) {
        arm(m);
        return;
    }
    m->deadlocked = true;
    tell(m, "deadlock", found);
}

static const struct proc_ops asking = {.on_line = asked_line, .on_exit = asked};

static void is_quiet(struct clock_timer *t)
{
    struct machine *m = container_of(t, struct machine, quiet);
    char list[] = "systemctl", jobs[] = "list-jobs", before[] = "--before", full[] = "--full",
         legend[] = "--no-legend", pager[] = "--no-pager";
    char *words[] = {list, jobs, before, full, legend, pager, NULL}, **argv;

    if (m->asking || m->deadlocked || !map_count(&m->jobs) || !(argv = machine_inside(m, words)))
        return;
    m->asking =
        proc_spawn(m->ps, &(struct proc_spec){.argv = argv, .capture = true}, &asking, m, NULL);
    str_argv_free(argv);
    if (!m->asking)
        arm(m);
}

static void arm(struct machine *m)
{
    loop_cancel(m->ps->loop, &m->quiet);
    if (map_count(&m->jobs) && !m->deadlocked && machine_runs(m))
        loop_after(m->ps->loop, &m->quiet, MACHINE_QUIET_NS, is_quiet);
}

/* --- the console --------------------------------------------------------------------------------
 */

static void on_line(struct proc *p, int stream, const char *line, size_t n)
{
    struct machine *m = p->data;
    json_t *event = NULL;
    const char *what = console_event(line, n, &event), *unit;

    (void)stream;
    if (m->log)
        fprintf(m->log, "%.*s\n", (int)n, line);
    if (!what) {
        if (!m->began)
            snprintf(m->said, sizeof(m->said), "%.*s", (int)n, line);
        return;
    }
    m->began = true;
    unit = json_str(event, "unit");
    if (str_eq(what, "job") && str_eq(json_str(event, "state"), "queued"))
        map_set(&m->jobs, unit, m);
    else if (str_eq(what, "job"))
        map_remove(&m->jobs, unit);
    if (str_eq(what, "up"))
        m->up = true;
    tell(m, what, event);
    arm(m);
}

static void on_exit_(struct proc *p, int code, int signum)
{
    struct machine *m = p->data;
    json_t *event = json_object();

    loop_cancel(m->ps->loop, &m->quiet);
    if (code >= 0)
        json_put_int(event, "code", code);
    else
        json_put_int(event, "signal", signum);
    if (!m->began)
        json_put_str(event, "never_began", m->said);
    tell(m, "end", event);
}

static const struct proc_ops console = {.on_line = on_line, .on_exit = on_exit_};

static void add(char **argv, size_t *n, char *word)
{
    argv[(*n)++] = word;
}

static char **command_line(const struct machine *m)
{
    static const char *const fixed[] = {
        "systemd-nspawn",   "--quiet",         "--register=no",       "--keep-unit",
        "--boot",           "--machine=ecsim", "--console=read-only", "--capability=CAP_NET_ADMIN",
        "--link-journal=no"};
    static const char *const boot[] = {"systemd.log_level=debug", "systemd.log_color=0",
                                       "systemd.log_target=console", "systemd.show_status=0"};
    char **argv = new0_array(char *, 32);
    size_t n = 0;

    /* into its control group before it begins */
    add(argv, &n, xstrdup("/bin/sh"));
    add(argv, &n, xstrdup("-c"));
    add(argv, &n, xstrdup("echo $$ >\"$0/cgroup.procs\" && exec \"$@\""));
    add(argv, &n, xstrdup(m->cgroup));
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        add(argv, &n, xstrdup(fixed[i]));
    add(argv, &n, xasprintf("--directory=%s", m->root));
    add(argv, &n, xasprintf("--bind=%s/data:/var/lib/ecs/data", m->dir));
    add(argv, &n, xasprintf("--bind=%s/log:/var/log/ecs", m->dir));
    if (m->init)
        add(argv, &n, xasprintf("--bind-ro=%s:" MACHINE_BIN "/ecsim-init", m->init));
    if (m->agent)
        add(argv, &n, xasprintf("--bind-ro=%s:" MACHINE_BIN "/agent-under-test", m->agent));
    if (m->engine)
        /* its folder: the engine may go and come back with another socket */
        add(argv, &n, xasprintf("--bind=%s:" MACHINE_ENGINE ":norbind", m->engine));
    for (size_t i = 0; i < ARRAY_SIZE(boot); i++)
        add(argv, &n, xstrdup(boot[i]));
    return argv;
}

int machine_boot(struct machine *m, struct procs *ps, const struct machine_ops *ops, void *data,
                 struct err *e)
{
    char **argv = command_line(m);

    m->ps = ps;
    m->ops = ops;
    m->data = data;
    m->nspawn = proc_spawn(ps, &(struct proc_spec){.argv = argv, .cwd = "/"}, &console, m, e);
    str_argv_free(argv);
    return m->nspawn ? 0 : -1;
}

void machine_kill(struct machine *m)
{
    pid_t pid;

    if (!machine_runs(m))
        return;
    pid = first_process(m);
    loop_cancel(m->ps->loop, &m->quiet);
    m->deadlocked = true; /* nobody looks any more */
    /* nspawn takes apart what it made when its child ends; killed itself it would not */
    if (pid > 0)
        kill(pid, SIGKILL);
    else
        proc_kill(m->nspawn, SIGTERM);
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    if (m->ps)
        loop_cancel(m->ps->loop, &m->quiet);
    if (m->asking)
        proc_free(m->asking);
    if (m->nspawn)
        proc_free(m->nspawn);
    if (m->cgroup)
        remove_cgroup(m->cgroup);
    if (m->log)
        fclose(m->log);
    map_release(&m->jobs);
    free(m->dir);
    free(m->root);
    free(m->cgroup);
    free(m->agent);
    free(m->init);
    free(m->engine);
    free(m);
}
