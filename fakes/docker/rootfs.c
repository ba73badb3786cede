#include "fakes/docker/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/in_root.h"
#include "fakes/docker/tarball.h"

/* --- the engine's folder ------------------------------------------------------------------ */

/* Beside the socket if there is one: that folder is somebody's to clean up after a crash. */
static const char *engine_folder(struct docker *d, struct err *e)
{
    const char *path = d->fake.url ? str_after(d->fake.url, "unix://") : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL, *tmp = getenv("TMPDIR");

    if (d->folder)
        return d->folder;
    if (slash && slash > path)
        d->folder = xasprintf("%.*s/docker-XXXXXX", (int)(slash - path), path);
    else
        d->folder = xasprintf("%s/ecsim-docker-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(d->folder))
        return d->folder;
    err_sys(e, errno, "a folder for the files of containers: %s", d->folder);
    free(steal_ptr(&d->folder));
    return NULL;
}

void docker_files_release(struct docker *d)
{
    if (d->folder)
        io_remove_tree(d->folder, NULL);
    free(steal_ptr(&d->folder));
}

/* --- the root of a container -------------------------------------------------------------- */

struct skeleton {
    const char *path;
    mode_t mode;
    const char *text; /* of a link or a file */
};

/* What a simulated container has when its image says nothing. */
static const struct skeleton usual[] = {
    {"bin", S_IFDIR | 0755, NULL},
    {"home", S_IFDIR | 0755, NULL},
    {"root", S_IFDIR | 0700, NULL},
    {"tmp", S_IFDIR | 01777, NULL},
    {"usr", S_IFDIR | 0755, NULL},
    {"usr/bin", S_IFDIR | 0755, NULL},
    {"usr/sbin", S_IFDIR | 0755, NULL},
    {"var", S_IFDIR | 0755, NULL},
    {"var/lib", S_IFDIR | 0755, NULL},
    {"var/log", S_IFDIR | 0755, NULL},
    {"etc", S_IFDIR | 0755, NULL},
    {"etc/passwd", S_IFREG | 0644, "root:x:0:0:root:/root:/bin/sh\n"},
    {"etc/group", S_IFREG | 0644, "root:x:0:\n"},
};

/* What dockerd puts into every container before it is started. */
static const struct skeleton initial[] = {
    {"dev", S_IFDIR | 0755, NULL},           {"dev/pts", S_IFDIR | 0755, NULL},
    {"dev/shm", S_IFDIR | 0755, NULL},       {"dev/console", S_IFREG | 0755, ""},
    {"proc", S_IFDIR | 0755, NULL},          {"sys", S_IFDIR | 0755, NULL},
    {".dockerenv", S_IFREG | 0755, ""},      {"etc", S_IFDIR | 0755, NULL},
    {"etc/resolv.conf", S_IFREG | 0644, ""}, {"etc/hosts", S_IFREG | 0644, ""},
    {"etc/hostname", S_IFREG | 0644, ""},    {"etc/mtab", S_IFLNK | 0777, "/proc/mounts"},
};

static int make_one(int root, const struct skeleton *k, int64_t wall, struct err *e)
{
    struct timespec times[2] = {{wall / NS_PER_S, 0}, {wall / NS_PER_S, 0}};
    const char *name;
    _cleanup_close_ int folder = in_root_parent(root, k->path, &name), fd = -1;
    int r = 0;

    if (folder < 0)
        return err_sys(e, errno, "%s", k->path);
    if (S_ISDIR(k->mode))
        r = mkdirat(folder, name, k->mode & 0777);
    else if (S_ISLNK(k->mode))
        r = symlinkat(k->text, folder, name);
    else {
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, k->mode & 0777);
        r = fd < 0 ? -1 : io_write_all(fd, k->text, strlen(k->text), NULL);
    }
    if (r < 0)
        return errno == EEXIST ? 0 : err_sys(e, errno, "%s", k->path);
    if (!S_ISLNK(k->mode) && fchmodat(folder, name, k->mode & 07777, 0) < 0)
        return err_sys(e, errno, "%s", k->path);
    utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

static int make_all(int root, const struct skeleton *v, size_t n, int64_t wall, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (make_one(root, &v[i], wall, e) < 0)
            return -1;
    return 0;
}

char *container_file(const struct container *c, const char *name)
{
    return xasprintf("%s/containers/%s/%s", c->d->folder, c->id, name);
}

char *container_root_path(const struct container *c)
{
    return container_file(c, "root");
}

void container_root_remove(struct container *c)
{
    _cleanup_free_ char *path = c->has_root ? container_file(c, "") : NULL;

    if (path)
        io_remove_tree(path, NULL);
    c->has_root = false;
}

static int fill(struct container *c, int root, struct err *e)
{
    int64_t wall = clock_wall(docker_clock(c->d));
    int r = content_unpack(c->content, root, e);

    if (r > 0)
        r = make_all(root, usual, ARRAY_SIZE(usual), wall, e);
    if (r >= 0)
        r = make_all(root, initial, ARRAY_SIZE(initial), wall, e);
    /* dockerd has looked there by then, for what a new volume shall hold */
    for (size_t i = 0; i < c->n_mounts && r >= 0; i++) {
        int fd =
            c->mounts[i].volume ? in_root_mount_point(root, c->mounts[i].destination, true) : -1;

        cleanup_closep(&fd);
    }
    return r;
}

int container_root(struct container *c, struct err *e)
{
    _cleanup_free_ char *path = NULL;
    int fd;

    if (!engine_folder(c->d, e))
        return -1;
    path = container_root_path(c);
    if (!c->has_root && io_mkdirs(path, 0755, e) < 0)
        return -1;
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, errno, "%s", path);
    if (c->has_root)
        return fd;
    c->has_root = true; /* from now on there is something to remove */
    if (fill(c, fd, e) == 0)
        return fd;
    cleanup_closep(&fd);
    container_root_remove(c);
    return -1;
}

/* --- mounts ------------------------------------------------------------------------------- */

static char *volume_folder(const struct docker *d, const struct volume *v)
{
    char hash[65];

    hash_hex(hash, "%s", v->name); /* a name may be longer than a file's */
    return xasprintf("%s/volumes/%s", d->folder, hash);
}

void volume_folder_remove(struct docker *d, const struct volume *v)
{
    _cleanup_free_ char *path = d->folder ? volume_folder(d, v) : NULL;

    if (path)
        io_remove_tree(path, NULL);
}

/* As directory.Size of dockerd counts: a link is as long as what it says. */
static int64_t member_bytes(const struct tar_member *m)
{
    if (S_ISDIR(m->st.st_mode))
        return 0;
    return S_ISLNK(m->st.st_mode) && m->link ? (int64_t)strlen(m->link) : (int64_t)m->st.st_size;
}

static int add_bytes(const struct tar_member *m, void *data)
{
    *(int64_t *)data += member_bytes(m);
    return 0;
}

int64_t volume_bytes(const struct docker *d, const struct volume *v)
{
    _cleanup_free_ char *path = d->folder ? volume_folder(d, v) : NULL;
    _cleanup_close_ int root = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    _cleanup_close_ int tar = root < 0 ? -1 : tar_temporary(NULL);
    int64_t n = 0;

    if (tar >= 0 && tar_pack(tar, root, "/", "", NULL) == 0)
        tar_list(tar_whole(tar), add_bytes, &n, NULL);
    return n;
}

/* A volume that is empty is given what the image has at its place. */
static int copy_up(struct container *c, const struct mount *m, const char *folder, struct err *e)
{
    _cleanup_close_ int root = container_root(c, e), from = -1, to = -1, tar = -1;

    if (root < 0)
        return -1;
    from = in_root_open(root, m->destination, O_PATH | O_DIRECTORY, 0);
    if (from < 0)
        return 0;
    to = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    tar = tar_temporary(e);
    if (tar < 0 || to < 0)
        return -1;
    if (tar_pack(tar, from, "/", "", e) < 0)
        return -1;
    return tar_unpack(tar_whole(tar), to, "/", TAR_KEEP_OWNER, e);
}

char *mount_folder(struct container *c, const struct mount *m, struct err *e)
{
    char *path;
    struct stat st;

    if (str_eq(m->type, "bind"))
        return xstrdup(m->source);
    if (!m->volume || !engine_folder(c->d, e))
        return NULL;
    path = volume_folder(c->d, m->volume);
    if (stat(path, &st) == 0)
        return path;
    if (io_mkdirs(path, 0755, e) == 0 && copy_up(c, m, path, e) == 0)
        return path;
    free(path);
    return NULL;
}

/* The mount that holds path, and what is left of path in there. */
static const struct mount *mount_of(const struct container *c, const char *path,
                                    const char **ret_rest)
{
    const struct mount *found = NULL;

    for (size_t i = 0; i < c->n_mounts; i++) {
        const char *rest = str_after(path, c->mounts[i].destination);

        if (rest && (!*rest || *rest == '/') &&
            (!found || strlen(found->destination) < strlen(c->mounts[i].destination))) {
            found = &c->mounts[i];
            *ret_rest = rest;
        }
    }
    return found;
}

bool mount_holds(const struct container *c, const char *path)
{
    const char *rest;

    return mount_of(c, path, &rest) != NULL;
}

char *container_path(struct container *c, const char *path, int *ret_root, bool *ret_readonly,
                     struct err *e)
{
    const char *rest = path;
    const struct mount *m = mount_of(c, path, &rest);
    _cleanup_free_ char *folder = m ? mount_folder(c, m, e) : NULL;

    *ret_readonly = m ? !m->rw : strstr(c->host_config, "\"ReadonlyRootfs\":true") != NULL;
    if (folder) {
        *ret_root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*ret_root >= 0)
            return xasprintf("/%s", rest + (*rest == '/'));
    }
    *ret_root = container_root(c, e);
    return *ret_root < 0 ? NULL : xstrdup(path);
}

/* --- changes ------------------------------------------------------------------------------ */

/* One file of an index: what it is, as text that differs when the file does. */
struct index {
    struct map files; /* path -> char * */
};

static int index_add(const struct tar_member *m, void *data)
{
    struct index *x = data;
    bool folder = S_ISDIR(m->st.st_mode);

    if (*m->path)
        free(map_set(&x->files, m->path,
                     xasprintf("%o %lld %lld %s", (unsigned)m->st.st_mode,
                               (long long)member_bytes(m), folder ? 0LL : (long long)m->st.st_mtime,
                               m->link ? m->link : "")));
    return 0;
}

static void index_release(struct index *x)
{
    void *v;

    for (size_t i = 0; map_next(&x->files, &i, NULL, &v);)
        free(v);
    map_release(&x->files);
}

static void index_skeleton(struct index *x, const struct skeleton *v, size_t n, int64_t wall)
{
    for (size_t i = 0; i < n; i++) {
        struct tar_member m = {.path = v[i].path, .st = {.st_mode = v[i].mode}};

        m.st.st_mtime = wall / NS_PER_S;
        if (!S_ISDIR(v[i].mode))
            m.st.st_size = S_ISREG(v[i].mode) ? (off_t)strlen(v[i].text) : 0;
        if (S_ISLNK(v[i].mode))
            m.link = v[i].text;
        if (!map_get(&x->files, m.path))
            index_add(&m, x);
    }
}

/* The image and what dockerd adds to it. Times of the latter are not compared: they are made
 * when the files are first needed. */
static int index_image(struct container *c, struct index *x, struct err *e)
{
    int r = content_list(c->content, index_add, x, e);

    if (r == 0 && !map_count(&x->files))
        index_skeleton(x, usual, ARRAY_SIZE(usual), 0);
    index_skeleton(x, initial, ARRAY_SIZE(initial), 0);
    return r;
}

static int index_container(struct container *c, struct index *x, struct err *e)
{
    _cleanup_close_ int root = container_root(c, e), tar = root < 0 ? -1 : tar_temporary(e);

    if (tar < 0 || tar_pack(tar, root, "/", "", e) < 0)
        return -1;
    return tar_list(tar_whole(tar), index_add, x, e);
}

enum { CHANGED, ADDED, DELETED };

struct change {
    char *path;
    int kind;
};

struct changes {
    struct change *v;
    size_t n, cap;
    int64_t bytes;
};

static void note(struct changes *l, const char *path, int kind)
{
    grow_array(l->v, l->n, l->cap);
    l->v[l->n++] = (struct change){xstrdup(path), kind};
}

static bool same(const char *was, const char *is)
{
    char *mode_end;
    unsigned long mode = strtoul(was, &mode_end, 8);

    /* a hard link is what its first name is; what we made ourselves has no time */
    if (!mode)
        return true;
    if (str_eq(was, is))
        return true;
    const char *t = strrchr(was, ' ');

    while (t > was && t[-1] != ' ')
        t--;
    return t > was && str_starts(t, "0 ") && !strncmp(was, is, (size_t)(t - was));
}

/* A folder that holds something changed is changed itself. */
static void note_parents(struct changes *l, struct map *noted)
{
    for (size_t i = 0; i < l->n; i++) {
        char *up = xstrdup(l->v[i].path);

        for (char *slash; (slash = strrchr(up, '/'));) {
            *slash = '\0';
            if (!map_set(noted, up, l))
                note(l, up, CHANGED);
        }
        free(up);
    }
}

static int by_path(const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    return strcmp(x->path, y->path);
}

static bool is_folder(const char *text)
{
    return text && S_ISDIR(strtoul(text, NULL, 8));
}

/* What is gone with its folder is not told of. */
static bool gone_alone(const struct index *is, const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *up = slash ? xstrndup(path, (size_t)(slash - path)) : NULL;

    return !up || is_folder(map_get(&is->files, up));
}

static void find_changes(const struct index *was, const struct index *is, struct changes *l)
{
    struct map noted = {0};
    const char *path;
    void *v;

    for (size_t i = 0; map_next(&is->files, &i, &path, &v);) {
        const char *before = map_get(&was->files, path);

        if (!before || !same(before, v))
            note(l, path, before ? CHANGED : ADDED);
        if ((!before || !same(before, v)) && !is_folder(v))
            l->bytes += strtoll(strchr(v, ' '), NULL, 10);
    }
    for (size_t i = 0; map_next(&was->files, &i, &path, &v);)
        if (!map_get(&is->files, path) && gone_alone(is, path))
            note(l, path, DELETED);
    for (size_t i = 0; i < l->n; i++)
        map_set(&noted, l->v[i].path, l);
    note_parents(l, &noted);
    map_release(&noted);
    if (l->n)
        qsort(l->v, l->n, sizeof(*l->v), by_path);
}

static bool has_volumes(const struct container *c)
{
    for (size_t i = 0; i < c->n_mounts; i++)
        if (c->mounts[i].volume)
            return true;
    return false;
}

static int changes_read(struct container *c, struct changes *l, struct err *e)
{
    struct index was = {0}, is = {0};
    int r = 0;

    if (c->has_root || has_volumes(c)) {
        r = index_image(c, &was, e);
        if (r == 0)
            r = index_container(c, &is, e);
    }
    if (r == 0)
        find_changes(&was, &is, l);
    index_release(&was);
    index_release(&is);
    return r;
}

static void changes_release(struct changes *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->v[i].path);
    free(l->v);
}

int container_changes(struct container *c, struct buf *b, struct err *e)
{
    struct changes l = {0};
    int r = changes_read(c, &l, e);

    if (r == 0 && !l.n)
        buf_adds(b, "null");
    for (size_t i = 0; i < l.n; i++) {
        _cleanup_free_ char *path = xasprintf("/%s", l.v[i].path);

        buf_adds(b, i ? ",{\"Path\":" : "[{\"Path\":");
        buf_add_json_string(b, path, strlen(path));
        buf_addf(b, ",\"Kind\":%d}%s", l.v[i].kind, i + 1 == l.n ? "]" : "");
    }
    changes_release(&l);
    return r;
}

int container_changes_tar(struct container *c, struct err *e)
{
    struct changes l = {0};
    struct tar_part *parts;
    int fd = changes_read(c, &l, e), root;

    if (fd < 0 || !l.n) {
        changes_release(&l);
        return fd;
    }
    parts = new0_array(struct tar_part, l.n);
    for (size_t i = 0; i < l.n; i++)
        parts[i] = (struct tar_part){l.v[i].path, l.v[i].kind == DELETED};
    root = container_root(c, e);
    fd = root < 0 ? -1 : tar_temporary(e);
    if (fd >= 0 && tar_pack_parts(fd, root, parts, l.n, e) < 0)
        cleanup_closep(&fd);
    cleanup_closep(&root);
    free(parts);
    changes_release(&l);
    return fd;
}

int64_t container_changes_size(struct container *c)
{
    struct changes l = {0};
    int64_t bytes;

    changes_read(c, &l, NULL);
    bytes = l.bytes;
    changes_release(&l);
    return bytes;
}
