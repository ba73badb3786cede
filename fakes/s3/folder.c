#include "fakes/s3/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/journal.h"

#define OURS         ".ecsim"
#define BESIDES      OURS "/objects"
#define BESIDE_MAX   (1 << 20)
#define COPY_BYTES   (256 << 10)
#define ABOUT_SUFFIX "%.json" /* no file of an object ends like this: '%' is written %25 */

struct s3_folder {
    char *path;
    int lock;
};

/* --- what stands beside the bytes -------------------------------------------------------- */

static char *about_path(const struct s3_folder *f, const struct s3_bucket *b, const char *key)
{
    _cleanup_free_ char *path = s3_folder_path(key);

    return xasprintf("%s/" BESIDES "/%s/%s%s", f->path, b->name, path, ABOUT_SUFFIX);
}

static int64_t mtime_of(const struct stat *st)
{
    return st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;
}

static json_t *headers_json(const struct s3_headers *h)
{
    json_t *list = json_array();

    for (size_t i = 0; i < h->n; i++)
        json_array_append_new(list, json_pack("[s,s]", h->v[i].name, h->v[i].value));
    return list;
}

static void read_headers(struct s3_headers *h, const json_t *list)
{
    const json_t *pair;
    size_t i;

    json_array_foreach (list, i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *value = json_string_value(json_array_get(pair, 1));

        if (name && value)
            s3_headers_add(h, name, value);
    }
}

/* [[number, size, checksum], ...], or NULL */
static json_t *parts_json(const struct s3_object *o)
{
    json_t *list = o->parts ? json_array() : NULL;

    for (size_t i = 0; i < o->n_parts; i++)
        json_array_append_new(list, json_pack("[i,I,s]", o->parts[i].number,
                                              (json_int_t)o->parts[i].size, o->parts[i].checksum));
    return list;
}

/* Parts that do not make up the whole are none. */
static void read_parts(struct s3_object *o, const json_t *list)
{
    size_t n = json_array_size(list);
    struct s3_object_part *parts = n ? new0_array(struct s3_object_part, n) : NULL;
    uint64_t size = 0;

    for (size_t i = 0; i < n; i++) {
        const json_t *p = json_array_get(list, i);
        const char *checksum = json_string_value(json_array_get(p, 2));

        parts[i].number = (int)json_integer_value(json_array_get(p, 0));
        parts[i].size = (uint64_t)json_integer_value(json_array_get(p, 1));
        snprintf(parts[i].checksum, sizeof(parts[i].checksum), "%s", checksum ? checksum : "");
        size += parts[i].size;
    }
    if (size != o->content.size) {
        free(parts);
        return;
    }
    o->parts = parts;
    o->n_parts = n;
}

static int mkdir_above(const char *path, struct err *e)
{
    _cleanup_free_ char *above = xstrndup(path, (size_t)(strrchr(path, '/') - path));

    return io_mkdirs(above, 0755, e);
}

static int write_about(const struct s3_folder *f, const struct s3_bucket *b,
                       const struct s3_object *o, const struct stat *st, struct err *e)
{
    _cleanup_free_ char *path = about_path(f, b, o->key), *text = NULL;
    json_t *v _cleanup_json_ = json_object();
    _cleanup_close_ int fd = -1;

    json_put_str(v, "etag", o->etag);
    json_put_int(v, "modified", o->modified);
    json_put_int(v, "size", (int64_t)st->st_size);
    json_put_int(v, "written", mtime_of(st));
    json_put(v, "headers", headers_json(&o->headers));
    json_put(v, "tags", headers_json(&o->tags));
    json_put_bool(v, "kms", o->kms);
    if (o->checksum_kind != S3_CHECKSUM_NONE) {
        json_put_str(v, "checksum-kind", s3_checksum_kind_name(o->checksum_kind));
        json_put_str(v, "checksum", o->checksum);
        json_put_bool(v, "composite", o->composite);
    }
    json_put(v, "parts", parts_json(o));
    text = json_text(v);
    if (mkdir_above(path, e) < 0)
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd < 0 ? err_sys(e, errno, "%s", path) : io_write_all(fd, text, strlen(text), e);
}

/* True when what is said of the file is about this very file. */
static bool read_about(const struct s3_folder *f, const struct s3_bucket *b, struct s3_object *o,
                       const struct stat *st)
{
    _cleanup_free_ char *path = about_path(f, b, o->key);
    struct buf text = BUF_INIT(BESIDE_MAX);
    json_t *v _cleanup_json_ = NULL;
    const char *etag, *kind;

    if (io_read_file(path, &text, NULL) == 0)
        v = json_read(buf_str(&text), buf_len(&text), JSON_READ_STRICT, NULL);
    buf_release(&text);
    etag = json_str(v, "etag");
    if (!etag || json_int(v, "size", -1) != st->st_size ||
        json_int(v, "written", -1) != mtime_of(st))
        return false;
    snprintf(o->etag, sizeof(o->etag), "%s", etag);
    o->modified = json_int(v, "modified", o->modified);
    o->kms = json_bool(v, "kms", false);
    read_headers(&o->headers, json_object_get(v, "headers"));
    read_headers(&o->tags, json_object_get(v, "tags"));
    kind = json_str(v, "checksum-kind");
    if (kind && s3_checksum_kind_from(kind) > 0 && json_str(v, "checksum")) {
        o->checksum_kind = (enum s3_checksum_kind)s3_checksum_kind_from(kind);
        snprintf(o->checksum, sizeof(o->checksum), "%s", json_str(v, "checksum"));
        o->composite = json_bool(v, "composite", false);
    }
    read_parts(o, json_object_get(v, "parts"));
    return true;
}

/* --- files ------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The path of an object's file that is there, or NULL. */
static char *file_of(const struct s3_folder *f, const struct s3_bucket *b, const char *key)
{
    _cleanup_free_ char *below = s3_folder_path(key);
    char *path = xasprintf("%s/%s/%s", f->path, b->name, below);
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return path;
    free(path);
    path = xasprintf("%s/%s/%s%s", f->path, b->name, below, S3_FOLDER_BESIDE);
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return path;
    free(path);
    return NULL;
}

/* The object whose file stands where a folder has to be moves beside it. */
static int move_beside(const struct s3_folder *f, const struct s3_bucket *b, const char *path,
                       struct err *e)
{
    _cleanup_free_ char *to = xasprintf("%s%s", path, S3_FOLDER_BESIDE);
    _cleanup_free_ char *key = s3_folder_key(path + strlen(f->path) + 1 + strlen(b->name) + 1);
    struct s3_object *o = key ? s3_object_find(b, key) : NULL;

    if (rename(path, to) < 0)
        return err_sys(e, errno, "%s", path);
    if (o && o->content.n)
        s3_blob_moved(o->content.pieces[0].blob, to);
    return 0;
}

/* Makes the folders above a file of the bucket. */
static int make_way(const struct s3_folder *f, const struct s3_bucket *b, const char *path,
                    struct err *e)
{
    size_t at = strlen(f->path) + 1 + strlen(b->name) + 1;

    for (const char *slash; (slash = strchr(path + at, '/')); at = (size_t)(slash + 1 - path)) {
        _cleanup_free_ char *above = xstrndup(path, (size_t)(slash - path));

        if (mkdir(above, 0755) == 0 || is_folder(above))
            continue;
        if (errno != EEXIST || move_beside(f, b, above, e) < 0 || mkdir(above, 0755) < 0)
            return err_sys(e, errno, "%s", above);
    }
    return 0;
}

/* Takes a file away, and the folders above it that are empty then, up to `top`. */
static void remove_file(const char *path, const char *top)
{
    _cleanup_free_ char *p = xstrdup(path);
    char *slash;

    unlink(p);
    while ((slash = strrchr(p, '/')) && (size_t)(slash - p) > strlen(top)) {
        *slash = '\0';
        if (rmdir(p) < 0)
            return;
    }
}

/* A content in one file without a name needs no copy: it is given one. */
static bool link_whole(const struct s3_content *c, const char *path)
{
    const struct s3_piece *p = c->pieces;
    _cleanup_free_ char *fd = NULL;

    if (c->n != 1 || p->blob->fd < 0 || p->blob->path || p->len != p->blob->size)
        return false;
    fd = xasprintf("/proc/self/fd/%d", p->blob->fd);
    return linkat(AT_FDCWD, fd, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

static int copy_content(const struct s3_content *c, const char *path, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    _cleanup_free_ char *scratch = xmalloc(COPY_BYTES);
    const char *p;
    size_t n;

    if (fd < 0)
        return err_sys(e, errno, "%s", path);
    for (uint64_t at = 0; at < c->size; at += n) {
        n = s3_content_at(c, at, scratch, COPY_BYTES, &p);
        if (!n)
            return err_set(e, ERR_SYS, "the content cannot be read");
        if (io_write_all(fd, p, n, e) < 0)
            return -1;
    }
    return 0;
}

/* Writes the object's bytes to its file, which is then all that it consists of. */
static int write_file(const struct s3_folder *f, const struct s3_bucket *b, struct s3_object *o,
                      struct stat *ret_st, struct err *e)
{
    _cleanup_free_ char *below = s3_folder_path(o->key), *old = file_of(f, b, o->key);
    _cleanup_free_ char *fresh = xasprintf("%s/" OURS "/new", f->path);
    _cleanup_free_ char *path = xasprintf("%s/%s/%s", f->path, b->name, below);
    struct s3_blob *blob;

    unlink(fresh);
    if ((!link_whole(&o->content, fresh) && copy_content(&o->content, fresh, e) < 0) ||
        make_way(f, b, path, e) < 0)
        return -1;
    if (is_folder(path)) {
        char *beside = xasprintf("%s%s", path, S3_FOLDER_BESIDE);

        free(path);
        path = beside;
    }
    if (chmod(fresh, 0644) < 0 || rename(fresh, path) < 0 || stat(path, ret_st) < 0)
        return err_sys(e, errno, "%s", path);
    if (old && !str_eq(old, path))
        unlink(old);
    s3_content_release(&o->content);
    blob = s3_blob_of_file(path, (uint64_t)ret_st->st_size);
    s3_content_add(&o->content, blob, 0, blob->size);
    s3_blob_unref(blob);
    return 0;
}

/* --- the changes ------------------------------------------------------------------------- */

struct s3_bucket *s3_keep_bucket(struct s3 *s, const char *name, const char *region, struct err *e)
{
    _cleanup_free_ char *path = s->folder ? xasprintf("%s/%s", s->folder->path, name) : NULL;

    if (path && mkdir(path, 0755) < 0 && errno != EEXIST) {
        err_sys(e, errno, "%s", path);
        return NULL;
    }
    return s3_bucket_add(s, name, region, e);
}

int s3_drop_bucket(struct s3 *s, struct s3_bucket *b, struct err *e)
{
    _cleanup_free_ char *path = s->folder ? xasprintf("%s/%s", s->folder->path, b->name) : NULL;
    _cleanup_free_ char *about =
        s->folder ? xasprintf("%s/" BESIDES "/%s", s->folder->path, b->name) : NULL;

    if (path && (io_remove_tree(path, e) < 0 || io_remove_tree(about, e) < 0))
        return -1;
    s3_bucket_remove(s, b);
    return 0;
}

int s3_keep_object(struct s3 *s, struct s3_bucket *b, struct s3_object *o, struct err *e)
{
    struct stat st;

    if (s->folder &&
        (write_file(s->folder, b, o, &st, e) < 0 || write_about(s->folder, b, o, &st, e) < 0)) {
        s3_object_free(o);
        return -1;
    }
    if (b->versioning == S3_VERSIONING_ENABLED)
        world_hex(s->fake.world, S3_VERSION_ID / 2, o->version);
    s3_object_put(b, o);
    return 0;
}

int s3_keep_beside(struct s3 *s, const struct s3_bucket *b, const struct s3_object *o,
                   struct err *e)
{
    _cleanup_free_ char *path = s->folder ? file_of(s->folder, b, o->key) : NULL;
    struct stat st;

    if (!s->folder)
        return 0;
    if (!path || stat(path, &st) < 0)
        return err_set(e, ERR_NOT_FOUND, "the file of %s/%s is gone", b->name, o->key);
    return write_about(s->folder, b, o, &st, e);
}

int s3_drop_object(struct s3 *s, struct s3_bucket *b, const char *key, struct err *e)
{
    _cleanup_free_ char *file = s->folder ? file_of(s->folder, b, key) : NULL;
    _cleanup_free_ char *about = s->folder ? about_path(s->folder, b, key) : NULL;
    _cleanup_free_ char *top = s->folder ? xasprintf("%s/%s", s->folder->path, b->name) : NULL;
    _cleanup_free_ char *about_top =
        s->folder ? xasprintf("%s/" BESIDES "/%s", s->folder->path, b->name) : NULL;

    if (s3_object_remove(b, key) < 0)
        return err_set(e, ERR_NOT_FOUND, "there is no object %s/%s", b->name, key);
    if (file)
        remove_file(file, top);
    if (about)
        remove_file(about, about_top);
    return 0;
}

/* --- loading ----------------------------------------------------------------------------- */

static int load_object(struct s3 *s, struct s3_bucket *b, const char *path, const char *below,
                       const struct stat *st, struct err *e)
{
    _cleanup_free_ char *key = s3_folder_key(below);
    struct s3_object *o;
    struct s3_blob *blob;
    unsigned char md5[16];

    if (!key) {
        journal_note(fake_journal(&s->fake), s->fake.ops->name,
                     "%s is no file of an object: '%%' in a key is written %%25", path);
        return 0;
    }
    o = s3_object_new(key, mtime_of(st));
    blob = s3_blob_of_file(path, (uint64_t)st->st_size);
    s3_content_add(&o->content, blob, 0, blob->size);
    s3_blob_unref(blob);
    if (!read_about(s->folder, b, o, st)) {
        if (s3_content_md5(&o->content, md5) < 0) {
            s3_object_free(o);
            return err_set(e, ERR_SYS, "%s cannot be read", path);
        }
        str_hex(md5, sizeof(md5), o->etag);
    }
    s3_object_put(b, o);
    return 0;
}

/* Everything in a folder of the bucket; below: its path there with a slash behind, or "". */
static int load_below(struct s3 *s, struct s3_bucket *b, const char *below, struct err *e)
{
    _cleanup_free_ char *folder = xasprintf("%s/%s/%s", s->folder->path, b->name, below);
    DIR *d = opendir(folder);
    const struct dirent *entry;
    int r = 0;

    if (!d)
        return err_sys(e, errno, "%s", folder);
    while (r == 0 && (entry = readdir(d))) {
        _cleanup_free_ char *path = xasprintf("%s%s", folder, entry->d_name);
        _cleanup_free_ char *name = xasprintf("%s%s", below, entry->d_name);
        _cleanup_free_ char *deeper = xasprintf("%s/", name);
        struct stat st;

        if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..") || stat(path, &st) < 0)
            continue;
        if (S_ISDIR(st.st_mode) && strlen(deeper) < 4 * S3_KEY_MAX)
            r = load_below(s, b, deeper, e);
        else if (S_ISREG(st.st_mode))
            r = load_object(s, b, path, name, &st, e);
    }
    closedir(d);
    return r;
}

int s3_folder_load(struct s3 *s, struct err *e)
{
    DIR *d = opendir(s->folder->path);
    const struct dirent *entry;
    int r = 0;

    if (!d)
        return err_sys(e, errno, "%s", s->folder->path);
    while (r == 0 && (entry = readdir(d))) {
        _cleanup_free_ char *path = xasprintf("%s/%s", s->folder->path, entry->d_name);
        struct s3_bucket *b;

        if (!s3_bucket_name_ok(entry->d_name) || !is_folder(path))
            continue;
        b = s3_bucket_add(s, entry->d_name, s->fake.world->id.region, e);
        r = b ? load_below(s, b, "", e) : -1;
    }
    closedir(d);
    return r;
}

int s3_folder_open(struct s3 *s, const char *path, struct err *e)
{
    _cleanup_free_ char *ours = xasprintf("%s/" OURS, path);
    _cleanup_free_ char *lock = xasprintf("%s/lock", ours), *whole = NULL;
    _cleanup_close_ int fd = -1;

    if (s->folder)
        return err_set(e, ERR_CONFLICT, "the buckets are in %s already", s->folder->path);
    if (map_count(&s->buckets))
        return err_set(e, ERR_CONFLICT, "there are buckets already: the folder comes first");
    if (io_mkdirs(ours, 0755, e) < 0)
        return -1;
    whole = realpath(path, NULL); /* who goes into the background may change its folder */
    fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (!whole || fd < 0)
        return err_sys(e, errno, "%s", lock);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, ERR_CONFLICT, "another process has the folder %s", path);
    s->folder = new0(struct s3_folder);
    s->folder->path = steal_ptr(&whole);
    s->folder->lock = steal_fd(&fd);
    free(s->spill_folder);
    s->spill_folder = xstrdup(ours);
    return s3_folder_load(s, e);
}

void s3_folder_close(struct s3_folder *f)
{
    if (!f)
        return;
    close(f->lock);
    free(f->path);
    free(f);
}
