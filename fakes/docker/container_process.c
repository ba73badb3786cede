/* Containers whose command really runs. */
#include "fakes/docker/container_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/links.h"
#include "fakes/docker/rootfs.h"
#include "fakes/docker/wire.h"

/* Between start and die of a process that ends at once lie 22 to 145 ms (recordings of dockerd
 * 20.10 and 26.1), so that who asks right after the start still sees it run. */
#define RUNTIME_TELLS_NS (40 * NS_PER_MS)
#define DEFAULT_PATH     "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* --- what shall run ----------------------------------------------------------------------- */

char **json_words(const char *first, const json_t *array)
{
    size_t n = 0, i;
    char **v = new0_array(char *, json_array_size(array) + 2);
    json_t *word;

    if (first)
        v[n++] = xstrdup(first);
    json_array_foreach ((json_t *)(uintptr_t)array, i, word)
        if (json_is_string(word))
            v[n++] = xstrdup(json_string_value(word));
    return v;
}

static json_t *read_text(const char *prefix, const char *text, const char *suffix)
{
    _cleanup_free_ char *whole = xasprintf("%s%s%s", prefix, text, suffix);

    return json_read(whole, strlen(whole), JSON_READ_PEER, NULL);
}

static void set_variable(char ***env, size_t *n, const char *kv)
{
    size_t name = strcspn(kv, "=");

    for (size_t i = 0; i < *n; i++)
        if (!strncmp((*env)[i], kv, name) && (*env)[i][name] == '=') {
            free((*env)[i]);
            (*env)[i] = xstrdup(kv);
            return;
        }
    *env = xrealloc(*env, (*n + 2) * sizeof(**env));
    (*env)[(*n)++] = xstrdup(kv);
    (*env)[*n] = NULL;
}

struct environment {
    char **v;
    size_t n;
};

static void set_linked(void *data, const char *kv)
{
    struct environment *env = data;

    set_variable(&env->v, &env->n, kv);
}

char **container_environment(const struct container *c, const json_t *config, const json_t *more)
{
    const char *hostname = json_str(config, "Hostname");
    const json_t *const lists[] = {json_object_get(config, "Env"), more};
    char *kv = xasprintf("HOSTNAME=%s", hostname ? hostname : "");
    struct environment env = {0};
    json_t *v;
    size_t i;

    set_variable(&env.v, &env.n, DEFAULT_PATH);
    set_variable(&env.v, &env.n, kv);
    free(kv);
    if (c->tty)
        set_variable(&env.v, &env.n, "TERM=xterm");
    links_each_variable(c, set_linked, &env);
    for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
        json_array_foreach ((json_t *)(uintptr_t)lists[k], i, v)
            if (json_is_string(v) && strchr(json_string_value(v), '='))
                set_variable(&env.v, &env.n, json_string_value(v));
    return env.v;
}

struct mounts {
    struct process_mount *v;
    size_t n, cap;
};

static void add_mount(struct mounts *l, enum process_mount_kind kind, char *source,
                      const char *target, const char *options, bool readonly)
{
    grow_array(l->v, l->n, l->cap);
    l->v[l->n++] =
        (struct process_mount){kind, source, xstrdup(target), xstrdup(options), readonly};
}

static void mounts_release(struct mounts *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].source);
        free(l->v[i].target);
        free(l->v[i].options);
    }
    free(l->v);
}

static bool mounts_on(const struct container *c, const char *target)
{
    for (size_t i = 0; i < c->n_mounts; i++)
        if (str_eq(c->mounts[i].destination, target))
            return true;
    return false;
}

/* hosts, hostname and resolv.conf as dockerd writes them beside the container whose network it
 * is. */
static int add_own_files(struct container *c, const json_t *config, const json_t *host,
                         struct mounts *l, struct err *e)
{
    struct container *owner = container_network_owner(c);

    if (owner == c && container_files_write(c, config, host, e) < 0)
        return -1;
    for (size_t i = 0; i < CONTAINER_FILES; i++) {
        _cleanup_free_ char *target = xasprintf("/etc/%s", container_files[i]);

        if (!mounts_on(c, target))
            add_mount(l, PROCESS_BIND, container_file(owner, container_files[i]), target, NULL,
                      false);
    }
    return 0;
}

/* The folder of a volume that is meant, whatever links lead there; NULL and a problem. */
static char *subpath_folder(struct container *c, const struct mount *m, struct problem *p)
{
    _cleanup_free_ char *shown = xasprintf("/var/lib/docker/volumes/%s/_data", m->name);
    struct err e = ERR_INIT;
    _cleanup_free_ char *folder = mount_folder(c, m, &e);
    _cleanup_free_ char *base = folder ? realpath(folder, NULL) : NULL, *path = NULL, *real = NULL;
    const char *rest;

    if (!base) {
        problem(p, 500, "%s", folder ? strerror(errno) : e.text);
        return NULL;
    }
    path = xasprintf("%s/%s", base, m->subpath);
    real = realpath(path, NULL);
    rest = real ? str_after(real, base) : NULL;
    if (!real)
        problem(p, 404, "cannot access path %s/%s: lstat %s/%s: no such file or directory", shown,
                m->subpath, shown, m->subpath);
    else if (!rest || (*rest && *rest != '/'))
        problem(p, 400, "path concatenation escapes the base directory, base: %s, subpath: %s",
                shown, m->subpath);
    else
        return steal_ptr(&real);
    return NULL;
}

int container_subpaths_wrong(struct container *c, struct problem *p)
{
    for (size_t i = 0; container_is_process(c) && i < c->n_mounts; i++) {
        _cleanup_free_ char *folder =
            c->mounts[i].subpath ? subpath_folder(c, &c->mounts[i], p) : NULL;

        if (c->mounts[i].subpath && !folder)
            return -1;
    }
    return 0;
}

/* A bind's source that does not exist is made, as a folder, as dockerd does for -v. */
static int add_bound(struct container *c, struct mounts *l, struct err *e)
{
    for (size_t i = 0; i < c->n_mounts; i++) {
        const struct mount *m = &c->mounts[i];
        struct stat st;
        char *folder;

        if (str_eq(m->type, "tmpfs")) {
            add_mount(l, PROCESS_TMPFS, NULL, m->destination, NULL, false);
            continue;
        }
        if (m->subpath) {
            struct problem why = {0};

            folder = subpath_folder(c, m, &why); /* it was there a moment ago */
            free(why.text);
        } else {
            folder = mount_folder(c, m, e);
        }
        if (!folder)
            return m->subpath
                       ? err_set(e, ERR_NOT_FOUND, "the volume %s has no %s", m->name, m->subpath)
                       : -1;
        if (stat(folder, &st) < 0 && io_mkdirs(folder, 0755, e) < 0) {
            free(folder);
            return -1;
        }
        add_mount(l, PROCESS_BIND, folder, m->destination, NULL, !m->rw);
    }
    return 0;
}

static void add_tmpfs(struct mounts *l, const json_t *host)
{
    const char *target;
    json_t *options;

    json_object_foreach (json_object_get(host, "Tmpfs"), target, options) {
        const char *given = json_string_value(options);

        add_mount(l, PROCESS_TMPFS, NULL, target, given && *given ? given : NULL, false);
    }
}

static int by_target(const void *a, const void *b)
{
    const struct process_mount *x = a, *y = b;

    return strcmp(x->target, y->target);
}

/* --- limits ------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int resource;
} limit_names[] = {
    {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

size_t container_limits_read(const json_t *host, struct process_limit v[CONTAINER_LIMITS])
{
    const json_t *all = json_object_get(host, "Ulimits");
    size_t n = 0, i;
    json_t *one;

    json_array_foreach ((json_t *)(uintptr_t)all, i, one)
        for (size_t k = 0; k < ARRAY_SIZE(limit_names) && n < CONTAINER_LIMITS; k++)
            if (str_eq(json_str(one, "Name"), limit_names[k].name))
                v[n++] = (struct process_limit){limit_names[k].resource,
                                                (uint64_t)json_int(one, "Soft", -1),
                                                (uint64_t)json_int(one, "Hard", -1)};
    return n;
}

/* --- its life ----------------------------------------------------------------------------- */

static void on_container_output(void *data, bool is_err, const char *p, size_t n)
{
    container_output(data, is_err, p, n);
}

static void on_container_over(void *data, int exit_code)
{
    struct container *c = data;

    c->run = NULL;
    container_end(c, exit_code, false);
}

static void on_container_thirsty(void *data, bool more)
{
    struct container *c = data;

    stdio_hold(c->io, !more);
}

static int make_spec(struct container *c, const json_t *config, const json_t *host,
                     const char *hostname, struct process_spec *s, struct mounts *l, struct err *e)
{
    int root = container_root(c, e);

    if (root < 0)
        return -1;
    close(root);
    s->cwd = json_str(config, "WorkingDir");
    s->user = json_str(config, "User");
    s->hostname = hostname;
    s->tty = c->tty;
    s->network = container_namespace(c);
    s->readonly_root = json_bool(host, "ReadonlyRootfs", false);
    s->privileged = json_bool(host, "Privileged", false);
    if (add_own_files(c, config, host, l, e) < 0 || add_bound(c, l, e) < 0)
        return -1;
    add_tmpfs(l, host);
    qsort(l->v, l->n, sizeof(*l->v), by_target);
    s->mounts = l->v;
    s->n_mounts = l->n;
    return 0;
}

int container_process_start(struct container *c, struct problem *p, int *ret_code)
{
    struct run_owner owner = {c, on_container_output, on_container_over, on_container_thirsty,
                              RUNTIME_TELLS_NS};
    _cleanup_json_ json_t *config = read_text("", c->config, ""),
                          *host = read_text("", c->host_config, ""),
                          *command = read_text("{", c->path_args, "}");
    char **argv = json_words(json_str(command, "Path"), json_object_get(command, "Args"));
    char **env = container_environment(c, config, NULL);
    char **groups = json_words(NULL, json_object_get(host, "GroupAdd"));
    struct process_limit limits[CONTAINER_LIMITS];
    struct process_spec s = {.argv = argv,
                             .env = env,
                             .groups = groups,
                             .limits = limits,
                             .n_limits = container_limits_read(host, limits)};
    struct mounts l = {0};
    struct err e = ERR_INIT;
    enum process_failure why;
    char *root = NULL;
    _cleanup_free_ char *hostname = container_own_hostname(c, config);

    if (make_spec(c, config, host, hostname, &s, &l, &e) < 0) {
        problem(p, 500, "%s", e.text);
        *ret_code = 128;
    } else {
        s.root = root = container_root_path(c);
        container_io(c);
        c->run = run_start(c->d, &s, c->open_stdin, &owner, &why, &e);
        if (!c->run) {
            run_problem(c->d, why, argv[0], &e, false, p, ret_code);
            c->logged &= why != PROCESS_NO_USER || c->was_started; /* it is looked for before */
        }
    }
    free(root);
    mounts_release(&l);
    str_argv_free(argv);
    str_argv_free(groups);
    str_argv_free(env);
    return c->run ? 0 : -1;
}

/* --- looking at it ------------------------------------------------------------------------ */

static bool read_row(int pid, struct process_row *row)
{
    char path[48], *end;
    struct buf b = BUF_INIT(8192);
    long ticks = sysconf(_SC_CLK_TCK);
    unsigned long long user = 0, system = 0;
    struct stat st;
    long rss = 0;
    bool found;

    *row = (struct process_row){.pid = pid};
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    found = io_read_file(path, &b, NULL) == 0 && stat(path, &st) == 0;
    end = found ? strrchr(buf_str(&b), ')') : NULL;
    if (end && sscanf(end,
                      ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
                      "%*d %*d %*u %*u %ld",
                      &row->ppid, &user, &system, &rss) == 4) {
        row->uid = (int)st.st_uid;
        row->cpu = (int64_t)(user + system) * (NS_PER_S / ticks);
        row->rss = (int64_t)rss * sysconf(_SC_PAGESIZE);
    }
    buf_clear(&b);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    if (found && io_read_file(path, &b, NULL) == 0) {
        size_t n = buf_len(&b) < sizeof(row->command) ? buf_len(&b) : sizeof(row->command) - 1;

        memcpy(row->command, buf_str(&b), n);
        while (n && !row->command[n - 1])
            n--;
        for (size_t i = 0; i < n; i++)
            if (!row->command[i])
                row->command[i] = ' ';
    }
    buf_release(&b);
    return found;
}

/* A process and everything below it; no deeper than a fork bomb would like. */
static void each_below(int pid, unsigned depth,
                       void (*fn)(const struct process_row *row, void *data), void *data)
{
    char path[64];
    struct buf kids = BUF_INIT(1 << 20);
    struct process_row row;

    if (depth > 64 || !read_row(pid, &row))
        return;
    fn(&row, data);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    if (io_read_file(path, &kids, NULL) == 0)
        for (const char *s = buf_str(&kids); *s; s += strspn(s, " ")) {
            each_below((int)strtol(s, NULL, 10), depth + 1, fn, data);
            s += strcspn(s, " ");
        }
    buf_release(&kids);
}

void container_process_each(const struct container *c,
                            void (*fn)(const struct process_row *row, void *data), void *data)
{
    struct list *pos;

    if (!c->run || !run_pid(c->run))
        return;
    each_below(run_pid(c->run), 0, fn, data);
    list_for_each (pos, &c->execs) {
        int pid = exec_process_pid(pos);

        if (pid)
            each_below(pid, 0, fn, data);
    }
}

static void send_signal(const struct process_row *row, void *data)
{
    kill(row->pid, *(const int *)data);
}

void container_process_signal_all(struct container *c, int signal)
{
    container_process_each(c, send_signal, &signal);
}
