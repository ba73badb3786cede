#include "fakes/docker/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/in_root.h"

#define BLOCK (64u << 10)
/* Folders within folders; a tree that is deeper was made to hurt. */
#define DEPTH_MAX 256

int tar_temporary(struct err *e)
{
    const char *tmp = getenv("TMPDIR");
    int fd = open(tmp && *tmp ? tmp : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0)
        fd = memfd_create("ecsim-tar", MFD_CLOEXEC);
    return fd < 0 ? err_sys(e, errno, "a temporary file") : fd;
}

static int archive_failed(struct archive *a, struct err *e)
{
    const char *text = archive_error_string(a);

    return err_set(e, ERR_PARSE, "%s", text ? text : "not a tar");
}

/* --- packing ------------------------------------------------------------------------------ */

struct packer {
    struct archive *a;
    struct map links; /* "device:inode" -> name of the first */
    uid_t me;
    struct err *e;
};

static int add_content(struct packer *k, int fd, int64_t size)
{
    _cleanup_free_ char *block = xmalloc(BLOCK);
    ssize_t n = 0;

    while (size > 0 && (n = read(fd, block, size < BLOCK ? (size_t)size : BLOCK)) > 0) {
        if (archive_write_data(k->a, block, (size_t)n) < 0)
            return archive_failed(k->a, k->e);
        size -= n;
    }
    return n < 0 ? err_sys(k->e, errno, "read") : 0;
}

/* The name under which this file went out before, or NULL; from now on it is this one. */
static const char *seen_before(struct packer *k, const struct stat *st, const char *name)
{
    char key[48];
    const char *first;

    if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
        return NULL;
    snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev,
             (unsigned long long)st->st_ino);
    first = map_get(&k->links, key);
    if (!first)
        map_set(&k->links, key, xstrdup(name));
    return first;
}

/* Go's archive/tar names the owner when it is root; who cannot own files as root does so here. */
static void set_owner(struct packer *k, struct archive_entry *entry, const struct stat *st)
{
    uid_t uid = st->st_uid == k->me ? 0 : st->st_uid;
    gid_t gid = st->st_uid == k->me && k->me ? 0 : st->st_gid;

    archive_entry_set_uid(entry, uid);
    archive_entry_set_gid(entry, gid);
    if (!uid)
        archive_entry_set_uname(entry, "root");
    if (!gid)
        archive_entry_set_gname(entry, "root");
}

static int pack_one(struct packer *k, int folder, const char *file, const char *name,
                    const struct stat *st)
{
    struct archive_entry *entry = archive_entry_new();
    const char *first = seen_before(k, st, name);
    char *target = NULL;
    int r = 0, fd = -1;

    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, st->st_mode);
    archive_entry_set_mtime(entry, st->st_mtim.tv_sec, 0);
    set_owner(k, entry, st);
    if (first) {
        archive_entry_set_hardlink(entry, first);
    } else if (S_ISREG(st->st_mode)) {
        archive_entry_set_size(entry, st->st_size);
        fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            r = err_sys(k->e, errno, "%s", name);
    } else if (S_ISLNK(st->st_mode)) {
        target = xcalloc(1, 4097);
        if (readlinkat(folder, file, target, 4096) < 0)
            r = err_sys(k->e, errno, "%s", name);
        archive_entry_set_symlink(entry, target);
    } else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        archive_entry_set_rdevmajor(entry, major(st->st_rdev));
        archive_entry_set_rdevminor(entry, minor(st->st_rdev));
    }
    if (r == 0 && archive_write_header(k->a, entry) < ARCHIVE_WARN)
        r = archive_failed(k->a, k->e);
    if (r == 0 && fd >= 0)
        r = add_content(k, fd, st->st_size);
    cleanup_closep(&fd);
    free(target);
    archive_entry_free(entry);
    return r;
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

/* The names in a folder, sorted: an archive of the same tree is the same twice. */
static char **names_in(int folder, const char *file, size_t *ret_n, struct err *e)
{
    int fd = openat(folder, file, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    size_t n = 0, cap = 0;
    const struct dirent *d;
    char **v = NULL;

    if (!dir) {
        err_sys(e, errno, "%s", file);
        cleanup_closep(&fd);
        return NULL;
    }
    grow_array(v, n, cap);
    while ((d = readdir(dir))) {
        if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
            continue;
        grow_array(v, n, cap);
        v[n++] = xstrdup(d->d_name);
    }
    closedir(dir);
    qsort(v, n, sizeof(*v), by_name);
    *ret_n = n;
    return v;
}

static int pack(struct packer *k, int folder, const char *file, const char *name, unsigned depth);

static int pack_inside(struct packer *k, int folder, const char *file, const char *name,
                       unsigned depth)
{
    size_t n = 0;
    char **v;
    int r = 0, fd;

    if (depth > DEPTH_MAX)
        return err_set(k->e, ERR_LIMIT, "%s: too deep", name);
    v = names_in(folder, file, &n, k->e);
    fd = v ? openat(folder, file, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0)
        r = v ? err_sys(k->e, errno, "%s", name) : -1;
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *path = *name ? xasprintf("%s/%s", name, v[i]) : xstrdup(v[i]);

        if (r == 0)
            r = pack(k, fd, v[i], path, depth + 1);
        free(v[i]);
    }
    free(v);
    cleanup_closep(&fd);
    return r;
}

static int pack(struct packer *k, int folder, const char *file, const char *name, unsigned depth)
{
    struct stat st;
    int r = 0;

    if (fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT && depth ? 0 : err_sys(k->e, errno, "%s", name);
    if (S_ISSOCK(st.st_mode))
        return 0; /* a tar has no word for it */
    if (!S_ISDIR(st.st_mode))
        return pack_one(k, folder, file, name, &st);
    if (*name) {
        _cleanup_free_ char *slash = xasprintf("%s%s", name, str_ends(name, "/") ? "" : "/");

        r = pack_one(k, folder, file, slash, &st);
    }
    return r < 0 ? r : pack_inside(k, folder, file, name, depth);
}

static int packer_begin(struct packer *k, int out)
{
    archive_write_set_format_pax_restricted(k->a);
    archive_write_set_bytes_per_block(k->a, BLOCK);
    archive_write_set_bytes_in_last_block(k->a, 1);
    return archive_write_open_fd(k->a, out) == ARCHIVE_OK ? 0 : archive_failed(k->a, k->e);
}

static int packer_end(struct packer *k, int r)
{
    void *v;

    if (r == 0 && archive_write_close(k->a) != ARCHIVE_OK)
        r = archive_failed(k->a, k->e);
    archive_write_free(k->a);
    for (size_t i = 0; map_next(&k->links, &i, NULL, &v);)
        free(v);
    map_release(&k->links);
    return r;
}

int tar_pack(int out, int root, const char *path, const char *name, struct err *e)
{
    struct packer k = {.a = archive_write_new(), .me = geteuid(), .e = e};
    const char *file;
    _cleanup_close_ int folder = in_root_parent(root, path, &file);
    int r = packer_begin(&k, out);

    if (folder < 0)
        r = err_sys(e, errno, "%s", path);
    return packer_end(&k, r == 0 ? pack(&k, folder, file, name, 0) : r);
}

static int pack_whiteout(struct packer *k, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    _cleanup_free_ char *whiteout =
        xasprintf("%.*s" TAR_WHITEOUT "%s", (int)(name - path), path, name);
    struct archive_entry *entry = archive_entry_new();
    int r;

    archive_entry_set_pathname(entry, whiteout);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, 0);
    r = archive_write_header(k->a, entry) < ARCHIVE_WARN ? archive_failed(k->a, k->e) : 0;
    archive_entry_free(entry);
    return r;
}

static int pack_part(struct packer *k, int root, const char *path)
{
    const char *file;
    _cleanup_close_ int folder = in_root_parent(root, path, &file);
    _cleanup_free_ char *slash = xasprintf("%s/", path);
    struct stat st;

    if (folder < 0 || fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(k->e, errno, "%s", path);
    return S_ISSOCK(st.st_mode)
               ? 0
               : pack_one(k, folder, file, S_ISDIR(st.st_mode) ? slash : path, &st);
}

int tar_pack_parts(int out, int root, const struct tar_part *v, size_t n, struct err *e)
{
    struct packer k = {.a = archive_write_new(), .me = geteuid(), .e = e};
    int r = packer_begin(&k, out);

    for (size_t i = 0; r == 0 && i < n; i++)
        r = v[i].gone ? pack_whiteout(&k, v[i].path) : pack_part(&k, root, v[i].path);
    return packer_end(&k, r);
}

/* --- reading ------------------------------------------------------------------------------ */

struct tar_reader {
    struct tar_source from;
    char block[BLOCK];
};

static la_ssize_t read_block(struct archive *a, void *data, const void **ret)
{
    struct tar_reader *r = data;
    ssize_t n = pread(r->from.fd, r->block, r->from.length < BLOCK ? (size_t)r->from.length : BLOCK,
                      r->from.at);

    if (n < 0) {
        archive_set_error(a, errno, "read: %s", strerror(errno));
        return ARCHIVE_FATAL;
    }
    r->from.at += n;
    r->from.length -= n;
    *ret = r->block;
    return n;
}

struct tar_reader *tar_reader_open(struct archive *a, struct tar_source in)
{
    struct tar_reader *r = new0(struct tar_reader);

    r->from = in;
    if (archive_read_open2(a, r, NULL, read_block, NULL, NULL) == ARCHIVE_OK)
        return r;
    free(r);
    return NULL;
}

static struct archive *reader_new(struct tar_source in, struct tar_reader **ret, struct err *e)
{
    struct archive *a = archive_read_new();

    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_empty(a);
    *ret = tar_reader_open(a, in);
    if (*ret)
        return a;
    archive_failed(a, e);
    archive_read_free(a);
    return NULL;
}

/* "./a/../b//c/" to "b/c": what is left of a name inside a root; to be freed. */
static char *clean(const char *name)
{
    char *out = xcalloc(1, strlen(name) + 1);
    size_t n = 0;

    while (*name) {
        size_t part = strcspn(name, "/");

        if (part == 2 && !strncmp(name, "..", 2)) {
            while (n && out[--n] != '/')
                ;
            out[n] = '\0';
        } else if (part && !(part == 1 && *name == '.')) {
            if (n)
                out[n++] = '/';
            memcpy(out + n, name, part);
            n += part;
            out[n] = '\0';
        }
        name += part + (name[part] == '/');
    }
    return out;
}

/* The next entry; 0 at the end, -1 and e. */
static int next_entry(struct archive *a, struct archive_entry **ret, size_t *count, struct err *e)
{
    int r = archive_read_next_header(a, ret);

    if (r == ARCHIVE_EOF)
        return 0;
    if (r < ARCHIVE_WARN)
        return archive_failed(a, e);
    if (++*count > TAR_ENTRIES_MAX)
        return err_set(e, ERR_LIMIT, "more than %u files", TAR_ENTRIES_MAX);
    return 1;
}

int tar_list(struct tar_source in, int (*fn)(const struct tar_member *m, void *data), void *data,
             struct err *e)
{
    struct tar_reader *from = NULL;
    struct archive *a = reader_new(in, &from, e);
    struct archive_entry *entry;
    size_t count = 0;
    int r = -1;

    while (a && (r = next_entry(a, &entry, &count, e)) > 0) {
        const char *name = archive_entry_pathname(entry);
        _cleanup_free_ char *path = clean(name ? name : "");
        const char *hard = archive_entry_hardlink(entry);
        struct tar_member m = {.path = path, .st = *archive_entry_stat(entry)};

        m.link = archive_entry_symlink(entry);
        if (hard)
            m.st.st_mode = 0; /* it is what the other is */
        if (fn(&m, data) < 0) {
            r = -1;
            break;
        }
    }
    archive_read_free(a);
    free(from);
    return r;
}

/* --- unpacking ---------------------------------------------------------------------------- */

/* A folder's time and mode are set last: what is put into it would change the one, and may not
 * be allowed by the other. */
struct late {
    char *path;
    struct archive_entry *entry;
};

struct unpacker {
    struct archive *a;
    struct late *late;
    size_t n_late, cap_late;
    int root;
    const char *path;
    int flags;
    int64_t bytes;
    struct map made; /* TAR_WHITEOUTS: paths inside that this tar made */
    struct err *e;
};

static int remove_at(int folder, const char *name);

static int empty_folder(int folder, const char *name)
{
    struct err e = ERR_INIT;
    size_t n = 0;
    char **v = names_in(folder, name, &n, &e);
    int fd = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    for (size_t i = 0; i < n; i++) {
        if (fd >= 0)
            remove_at(fd, v[i]);
        free(v[i]);
    }
    free(v);
    cleanup_closep(&fd);
    return 0;
}

static int remove_at(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    empty_folder(folder, name);
    return unlinkat(folder, name, AT_REMOVEDIR);
}

static int write_content(struct unpacker *u, int fd, const char *name)
{
    const void *p;
    size_t n;
    la_int64_t at;
    int r;

    while ((r = archive_read_data_block(u->a, &p, &n, &at)) == ARCHIVE_OK) {
        u->bytes += (int64_t)n;
        if (u->bytes > TAR_BYTES_MAX || at > TAR_BYTES_MAX)
            return err_set(u->e, ERR_LIMIT, "more than %lld bytes", (long long)TAR_BYTES_MAX);
        if (pwrite(fd, p, n, at) != (ssize_t)n)
            return err_sys(u->e, errno, "%s", name);
    }
    if (r != ARCHIVE_EOF)
        return archive_failed(u->a, u->e);
    /* a sparse end has no block of its own */
    return 0;
}

static int make_regular(struct unpacker *u, struct archive_entry *entry, int folder,
                        const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int64_t size = archive_entry_size(entry);
    int r;

    if (fd < 0)
        return err_sys(u->e, errno, "%s", name);
    r = write_content(u, fd, name);
    if (r == 0 && size > 0 && size <= TAR_BYTES_MAX && ftruncate(fd, size) < 0)
        r = err_sys(u->e, errno, "%s", name);
    cleanup_closep(&fd);
    return r;
}

static int make_hard_link(struct unpacker *u, const char *target, int folder, const char *name)
{
    _cleanup_free_ char *inside = clean(target), *path = xasprintf("%s/%s", u->path, inside);
    const char *last;
    _cleanup_close_ int from = in_root_parent(u->root, path, &last);

    if (from < 0 || linkat(from, last, folder, name, 0) < 0)
        return err_sys(u->e, errno, "%s: link to %s", name, inside);
    return 0;
}

static int make_device(struct unpacker *u, struct archive_entry *entry, int folder,
                       const char *name)
{
    mode_t mode = archive_entry_mode(entry) & (S_IFMT | 0777);
    dev_t dev = makedev(archive_entry_rdevmajor(entry), archive_entry_rdevminor(entry));

    if (mknodat(folder, name, mode, dev) == 0)
        return 0;
    /* without the right to make devices there is a file in its place */
    if (errno != EPERM || mknodat(folder, name, S_IFREG | (mode & 0777), 0) < 0)
        return err_sys(u->e, errno, "%s", name);
    return 0;
}

static int set_attributes(struct unpacker *u, struct archive_entry *entry, int folder,
                          const char *name)
{
    mode_t mode = archive_entry_mode(entry);
    uid_t uid = u->flags & TAR_KEEP_OWNER ? (uid_t)archive_entry_uid(entry) : 0;
    gid_t gid = u->flags & TAR_KEEP_OWNER ? (gid_t)archive_entry_gid(entry) : 0;
    struct timespec times[2] = {{.tv_sec = archive_entry_mtime(entry)}};

    times[1] = times[0];
    if (geteuid() == 0 && fchownat(folder, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
        errno = 0; /* root of a namespace with one user: the file stays ours */
    if (!S_ISLNK(mode) && fchmodat(folder, name, mode & 07777, 0) < 0)
        return err_sys(u->e, errno, "%s", name);
    return utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) < 0
               ? err_sys(u->e, errno, "%s", name)
               : 0;
}

/* What stands in the way: folders stay for folders, everything else goes. 1: a folder is there. */
static int make_way(struct unpacker *u, int folder, const char *name, const char *path,
                    bool is_folder)
{
    struct stat st;

    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (S_ISDIR(st.st_mode) && is_folder)
        return 1;
    if (u->flags & TAR_NO_REPLACE && S_ISDIR(st.st_mode) != is_folder)
        return err_set(u->e, ERR_CONFLICT,
                       is_folder ? "cannot overwrite non-directory \"%s\" with directory \"%s\""
                                 : "cannot overwrite directory \"%s\" with non-directory \"%s\"",
                       path, u->path);
    if (remove_at(folder, name) < 0)
        return err_sys(u->e, errno, "%s", name);
    return 0;
}

static int unpack_at(struct unpacker *u, struct archive_entry *entry, const char *path, int folder,
                     const char *name)
{
    mode_t type = archive_entry_filetype(entry);
    const char *hard = archive_entry_hardlink(entry), *text;
    int there = make_way(u, folder, name, path, type == S_IFDIR && !hard), r = 0;

    if (there < 0)
        return -1;
    if (hard)
        return make_hard_link(u, hard, folder, name);
    switch (type) {
    case S_IFDIR:
        if (!there && mkdirat(folder, name, 0700) < 0)
            r = err_sys(u->e, errno, "%s", name);
        break;
    case S_IFLNK:
        text = archive_entry_symlink(entry);
        if (symlinkat(text && *text ? text : ".", folder, name) < 0)
            r = err_sys(u->e, errno, "%s", name);
        break;
    case S_IFREG:
    case 0:
        r = make_regular(u, entry, folder, name);
        break;
    case S_IFIFO:
    case S_IFCHR:
    case S_IFBLK:
        r = make_device(u, entry, folder, name);
        break;
    default:
        return err_set(u->e, ERR_PARSE, "%s: unhandled tar header type", name);
    }
    if (r == 0 && type == S_IFDIR) {
        grow_array(u->late, u->n_late, u->cap_late);
        u->late[u->n_late++] = (struct late){xstrdup(path), archive_entry_clone(entry)};
        return 0;
    }
    return r < 0 ? r : set_attributes(u, entry, folder, name);
}

/* The deepest first: they came last. */
static int set_late(struct unpacker *u, int r)
{
    while (u->n_late) {
        struct late *l = &u->late[--u->n_late];
        const char *name;
        int folder = r == 0 ? in_root_parent(u->root, l->path, &name) : -1;
        struct stat st;

        /* a later member may have put something else there */
        if (folder >= 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode))
            r = set_attributes(u, l->entry, folder, name);
        cleanup_closep(&folder);
        archive_entry_free(l->entry);
        free(l->path);
    }
    free(u->late);
    return r;
}

/* What this tar did not put into the folder, at path inside, goes. */
static void make_opaque(struct unpacker *u, int folder, const char *path, unsigned depth)
{
    struct err e = ERR_INIT;
    size_t n = 0;
    char **v = names_in(folder, ".", &n, &e);

    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *inside = xasprintf("%s%s%s", path, *path ? "/" : "", v[i]);

        if (!map_get(&u->made, inside)) {
            remove_at(folder, v[i]);
        } else if (depth < DEPTH_MAX) {
            int fd = openat(folder, v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

            if (fd >= 0)
                make_opaque(u, fd, inside, depth + 1);
            cleanup_closep(&fd);
        }
        free(v[i]);
    }
    free(v);
}

/* True when the member, at path inside, was one. */
static bool whiteout(struct unpacker *u, int folder, const char *name, const char *path)
{
    const char *gone = str_after(name, TAR_WHITEOUT), *slash = strrchr(path, '/');

    if (!(u->flags & TAR_WHITEOUTS) || !gone)
        return false;
    if (str_eq(name, TAR_OPAQUE)) {
        _cleanup_free_ char *up = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");

        make_opaque(u, folder, up, 0);
    } else if (*gone && !str_eq(gone, ".") && !str_eq(gone, "..")) {
        remove_at(folder, gone);
    }
    return true;
}

static int unpack_one(struct unpacker *u, struct archive_entry *entry)
{
    const char *raw = archive_entry_pathname(entry), *name;
    _cleanup_free_ char *inside = clean(raw ? raw : ""), *path = NULL;
    int folder, r = 0;

    if (!*inside)
        return 0; /* the folder itself */
    path = xasprintf("%s/%s", str_eq(u->path, "/") ? "" : u->path, inside);
    folder = in_root_parent(u->root, path, &name);
    if (folder < 0 && errno == ENOENT) {
        char *up = xstrdup(path);

        *strrchr(up, '/') = '\0';
        in_root_mkdirs(u->root, up, 0755);
        free(up);
        folder = in_root_parent(u->root, path, &name);
    }
    if (folder < 0)
        return err_sys(u->e, errno, "%s", inside);
    if (!whiteout(u, folder, name, inside)) {
        r = unpack_at(u, entry, path, folder, name);
        if (u->flags & TAR_WHITEOUTS)
            map_set(&u->made, inside, u);
    }
    cleanup_closep(&folder);
    return r;
}

int tar_unpack(struct tar_source in, int root, const char *path, int flags, struct err *e)
{
    struct unpacker u = {.root = root, .path = path, .flags = flags, .e = e};
    struct tar_reader *from = NULL;
    struct archive_entry *entry;
    size_t count = 0;
    int r = -1;

    u.a = reader_new(in, &from, e);
    while (u.a && (r = next_entry(u.a, &entry, &count, e)) > 0)
        if ((r = unpack_one(&u, entry)) < 0)
            break;
    r = set_late(&u, r);
    archive_read_free(u.a);
    map_release(&u.made);
    free(from);
    return r;
}
