/* Files of containers: archive, export, changes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/in_root.h"
#include "fakes/docker/rootfs.h"
#include "fakes/docker/spool.h"
#include "fakes/docker/tarball.h"

#define STAT_HEADER "X-Docker-Container-Path-Stat"

/* --- which file --------------------------------------------------------------------------- */

struct place {
    struct container *c;
    char *asked;  /* the parameter, cleaned */
    char *inside; /* below root */
    int root;
    int folder;       /* itself, when a slash stood behind it */
    const char *tail; /* that slash, or "/.", or "" */
    bool readonly;
    const char *name; /* what the engine calls it: its last part, "." or "/" */
    struct stat st;
    char link[4096]; /* where a symbolic link points to */
};

static void place_release(struct place *l)
{
    if (l->asked)
        container_volume_events(l->c, false);
    cleanup_closep(&l->folder);
    free(l->asked);
    free(l->inside);
    cleanup_closep(&l->root);
}

/* The last part as Go's filepath.Base gives it, of a path without a slash at its end. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

/* What is not a folder has something behind it: dockerd says where it lies on its disk. */
static int no_folder(const struct place *l, int fd, struct problem *p)
{
    char link[48], where[4096] = "", root[4096] = "", layer[65];
    const char *inside;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (fd < 0 || readlink(link, where, sizeof(where) - 1) < 0)
        *where = '\0';
    snprintf(link, sizeof(link), "/proc/self/fd/%d", l->root);
    inside = readlink(link, root, sizeof(root) - 1) > 0 ? str_after(where, root) : NULL;
    if (docker_modern(l->c->d))
        return problem(p, 500, "lstat %s%s: not a directory", l->asked, l->tail);
    container_layer(l->c, layer);
    return problem(p, 500, "lstat /var/lib/docker/overlay2/%s/merged%s%s: not a directory", layer,
                   inside && *inside ? inside : l->asked, l->tail);
}

static int not_found(const struct place *l, const char *param, const char *container,
                     struct problem *p)
{
    return errno == ENOTDIR
               ? no_folder(l, -1, p)
               : problem(p, 404, "Could not find the file %s in container %s", param, container);
}

/* What the path means: with a slash behind it a link is followed, and must lead to a folder. */
static int place_stat(struct place *l, const char *param, const char *container, struct problem *p)
{
    const char *file;
    _cleanup_close_ int fd = *l->tail ? in_root_open(l->root, l->inside, O_PATH, 0)
                                      : in_root_parent(l->root, l->inside, &file);
    ssize_t n;

    if (fd < 0)
        return not_found(l, param, container, p);
    if (*l->tail) {
        if (fstat(fd, &l->st) < 0 || !S_ISDIR(l->st.st_mode))
            return no_folder(l, fd, p);
        l->folder = fd;
        fd = -1;
        return 0;
    }
    if (fstatat(fd, file, &l->st, AT_SYMLINK_NOFOLLOW) < 0)
        return not_found(l, param, container, p);
    n = S_ISLNK(l->st.st_mode) ? readlinkat(fd, file, l->link, sizeof(l->link) - 1) : 0;
    l->link[n > 0 ? n : 0] = '\0';
    return 0;
}

/* "a//b/../c" to "/a/c", as Go's filepath.Clean does it. */
static char *clean_path(const char *path)
{
    char *out = xcalloc(1, strlen(path) + 2);
    size_t n = 0;

    while (*path) {
        size_t part = strcspn(path, "/");

        if (part == 2 && !strncmp(path, "..", 2)) {
            while (n && out[--n] != '/')
                ;
        } else if (part && !(part == 1 && *path == '.')) {
            out[n++] = '/';
            memcpy(out + n, path, part);
            n += part;
        }
        path += part + (path[part] == '/');
    }
    if (!n)
        out[n++] = '/';
    out[n] = '\0';
    return out;
}

/* Reads container and path of the call and looks the file up. */
static int place_find(struct exchange *x, struct place *l, struct problem *p)
{
    _cleanup_free_ char *name = docker_param(x, "name"), *param = exchange_param(x, "path");
    struct err e = ERR_INIT;

    *l = (struct place){.root = -1, .folder = -1};
    if (!param || !*param)
        return problem(p, 400, "bad parameter: pathcannot be empty");
    l->c = container_find(docker_of(x), name, p);
    if (!l->c)
        return -1;
    l->asked = clean_path(param);
    l->tail = str_ends(param, "/.") || str_eq(param, ".")      ? "/."
              : str_ends(param, "/") && !str_eq(l->asked, "/") ? "/"
                                                               : "";
    /* a mount is called what the container calls it */
    l->name = str_eq(l->tail, "/.") ? "." : base_name(l->asked);
    container_volume_events(l->c, true);
    l->inside = container_path(l->c, l->asked, &l->root, &l->readonly, &e);
    if (l->inside && place_stat(l, param, name, p) == 0)
        return 0;
    if (!l->inside)
        problem(p, 500, "%s", e.text);
    return -1;
}

/* Go's os.FileMode: the kind of file in the upper bits. */
static uint32_t go_mode(mode_t m)
{
    uint32_t v = m & 0777;

    v |= S_ISDIR(m)    ? 1u << 31
         : S_ISLNK(m)  ? 1u << 27
         : S_ISFIFO(m) ? 1u << 25
         : S_ISSOCK(m) ? 1u << 24
         : S_ISCHR(m)  ? 1u << 26 | 1u << 21
         : S_ISBLK(m)  ? 1u << 26
                       : 0;
    v |= m & S_ISUID ? 1u << 23 : 0;
    v |= m & S_ISGID ? 1u << 22 : 0;
    return v | (m & S_ISVTX ? 1u << 20 : 0);
}

static void set_stat_header(struct exchange *x, const struct place *l)
{
    struct buf b = BUF_INIT(32 << 10), out = BUF_INIT(64 << 10);
    int64_t wall = l->st.st_mtim.tv_sec * NS_PER_S + l->st.st_mtim.tv_nsec;
    const char *target = l->link;

    buf_adds(&b, "{\"name\":");
    gojson_add_html(&b, l->name);
    buf_addf(&b, ",\"size\":%lld,\"mode\":%u,\"mtime\":\"", (long long)l->st.st_size,
             go_mode(l->st.st_mode));
    add_time(&b, wall ? wall : 1);
    buf_adds(&b, "\",\"linkTarget\":");
    if (*target && *target != '/') {
        /* dockerd gives the path in the container, from its root */
        _cleanup_free_ char *folder = xstrndup(l->asked, (size_t)(l->name - l->asked));
        _cleanup_free_ char *whole = xasprintf("%s%s", folder, target);

        gojson_add_html(&b, whole);
    } else {
        gojson_add_html(&b, target);
    }
    buf_addc(&b, '}');
    str_base64(&out, buf_str(&b), buf_len(&b));
    exchange_set_header(x, STAT_HEADER, buf_str(&out));
    buf_release(&b);
    buf_release(&out);
}

/* --- calls -------------------------------------------------------------------------------- */

static int pack_place(const struct place *l, int out, struct err *e)
{
    return l->folder < 0 ? tar_pack(out, l->root, l->inside, l->name, e)
                         : tar_pack(out, l->folder, "/", l->name, e);
}

void get_container_archive(struct fake *f, struct exchange *x)
{
    struct problem p = {0};
    struct err e = ERR_INIT;
    struct place l;
    int tar = -1;

    (void)f;
    if (place_find(x, &l, &p) == 0 && !str_eq(x->method, "HEAD") &&
        ((tar = tar_temporary(&e)) < 0 || pack_place(&l, tar, &e) < 0))
        problem(&p, 500, "%s", e.text);
    if (p.status) {
        cleanup_closep(&tar);
        docker_refuse(x, &p);
    } else if (tar < 0) {
        docker_headers(x, NULL);
        set_stat_header(x, &l);
        exchange_begin(x, 200, NULL, -1);
        exchange_end(x);
    } else {
        docker_headers(x, "application/x-tar");
        set_stat_header(x, &l);
        container_event(l.c, "archive-path", NULL, NULL);
        spool_send(x, tar, 200);
    }
    place_release(&l);
}

static int unpack_place(struct exchange *x, const struct place *l, struct problem *p)
{
    struct err e = ERR_INIT;
    int in = spool_body(x), flags = 0;

    if (in < 0)
        return problem(p, 500, "the body could not be kept");
    if (exchange_param_bool(x, "copyUIDGID"))
        flags |= TAR_KEEP_OWNER;
    if (exchange_param_bool(x, "noOverwriteDirNonDir"))
        flags |= TAR_NO_REPLACE;
    if (tar_unpack(tar_whole(in), l->root, l->inside, flags, &e) == 0)
        return 0;
    /* up to 22 a process of its own unpacks it */
    return problem(p, 500, "%s%s",
                   docker_modern(docker_of(x)) ? "" : "Error processing tar file(exit status 1): ",
                   e.code == ERR_PARSE ? "unexpected EOF" : e.text);
}

static int folder_there(const struct place *l)
{
    int fd = in_root_open(l->root, l->inside, O_PATH | O_DIRECTORY, 0);

    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

void put_container_archive(struct fake *f, struct exchange *x)
{
    struct problem p = {0};
    struct place l;

    (void)f;
    if (place_find(x, &l, &p) == 0) {
        if (folder_there(&l) < 0)
            problem(&p, 500, "extraction point is not a directory");
        else if (l.readonly)
            problem(&p, 500, "%s is marked read-only",
                    mount_holds(l.c, l.asked) ? "mounted volume" : "container rootfs");
        else
            unpack_place(x, &l, &p);
    }
    if (p.status) {
        docker_refuse(x, &p);
    } else {
        container_event(l.c, "extract-to-dir", NULL, NULL);
        docker_answer_empty(x, 200);
    }
    place_release(&l);
}

static struct container *container_of_call(struct exchange *x, struct problem *p)
{
    char *name = docker_param(x, "name");
    struct container *c = container_find(docker_of(x), name, p);

    free(name);
    return c;
}

void get_container_export(struct fake *f, struct exchange *x)
{
    struct problem p = {0};
    struct container *c = container_of_call(x, &p);
    struct err e = ERR_INIT;
    _cleanup_close_ int root = c ? container_root(c, &e) : -1;
    int tar = root < 0 ? -1 : tar_temporary(&e);

    (void)f;
    if (c && (tar < 0 || tar_pack(tar, root, "/", "", &e) < 0))
        problem(&p, 500, "%s", e.text);
    if (p.status) {
        cleanup_closep(&tar);
        docker_refuse(x, &p);
        return;
    }
    container_event(c, "export", NULL, NULL);
    docker_headers(x, "application/octet-stream");
    spool_send(x, tar, 200);
}

void get_container_changes(struct fake *f, struct exchange *x)
{
    struct problem p = {0};
    struct container *c = container_of_call(x, &p);
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct err e = ERR_INIT;

    (void)f;
    if (c && container_changes(c, &b, &e) < 0)
        problem(&p, 500, "%s", e.text);
    if (!p.status) {
        docker_answer(x, 200, &b);
        return;
    }
    buf_release(&b);
    docker_refuse(x, &p);
}
