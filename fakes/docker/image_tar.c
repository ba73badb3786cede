#include "fakes/docker/image_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/tarball.h"

#define PIECE (64u << 10)

struct member {
    char *link; /* another member's name, or NULL */
    int64_t at, length;
};

struct reader {
    struct docker *d;
    struct layer_file *file; /* content of all members, one behind the other */
    int64_t end;
    struct map members; /* name -> struct member */
    char folder[64];    /* where dockerd would unpack it */
};

/* --- unpacking ---------------------------------------------------------------------------- */

static void members_release(struct reader *r)
{
    void *v;

    for (size_t i = 0; map_next(&r->members, &i, NULL, &v);) {
        free(((struct member *)v)->link);
        free(v);
    }
    map_release(&r->members);
}

/* "./a/../b" is "b"; what leads out of the archive leads nowhere. */
static char *clean_name(const char *name)
{
    char *out = xstrdup(""), *copy = xstrdup(name), *save = NULL;

    for (char *w = strtok_r(copy, "/", &save); w; w = strtok_r(NULL, "/", &save)) {
        char *slash = strrchr(out, '/'), *longer;

        if (str_eq(w, ".")) {
            continue;
        } else if (str_eq(w, "..")) {
            out[slash ? slash - out : 0] = '\0';
            continue;
        }
        longer = xasprintf("%s%s%s", out, *out ? "/" : "", w);
        free(out);
        out = longer;
    }
    free(copy);
    return out;
}

static int copy_data(struct reader *r, struct archive *a, struct member *m, struct err *e)
{
    char *piece = xmalloc(PIECE);
    la_ssize_t n = 0;
    int ret = 0;

    m->at = r->end;
    while (ret == 0 && (n = archive_read_data(a, piece, PIECE)) > 0) {
        if (r->end + n > IMAGE_TAR_BYTES_MAX)
            ret = err_set(e, ERR_LIMIT, "an archive of more than %lld bytes", IMAGE_TAR_BYTES_MAX);
        else
            ret = io_write_all(r->file->fd, piece, (size_t)n, e);
        r->end += n;
    }
    free(piece);
    m->length = r->end - m->at;
    return ret < 0 ? -1 : n < 0 ? err_set(e, ERR_PEER, "unexpected EOF") : 0;
}

static int take_member(struct reader *r, struct archive *a, struct archive_entry *entry,
                       struct err *e)
{
    const char *hard = archive_entry_hardlink(entry), *soft = archive_entry_symlink(entry);
    struct member *m = new0(struct member), *before;
    const char *raw = archive_entry_pathname(entry);
    char *name = clean_name(raw ? raw : ""), *slash = strrchr(name, '/');
    int ret = 0;

    if (hard) {
        m->link = clean_name(hard);
    } else if (soft) {
        char *target = xasprintf("%.*s/%s", slash ? (int)(slash - name) : 0, name, soft);

        m->link = clean_name(target);
        free(target);
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
        ret = copy_data(r, a, m, e);
    }
    before = map_set(&r->members, name, m);
    if (before)
        free(before->link);
    free(before);
    free(name);
    return ret;
}

static int unpack(struct reader *r, int fd, struct err *e)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    int ret = 0, code = ARCHIVE_OK;

    archive_read_support_filter_all(a);
    archive_read_support_format_tar(a);
    archive_read_support_format_empty(a);
    if (archive_read_open_fd(a, fd, PIECE) != ARCHIVE_OK)
        ret = err_set(e, ERR_PEER, "unexpected EOF");
    while (ret == 0 && (code = archive_read_next_header(a, &entry)) != ARCHIVE_EOF) {
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            ret = err_set(e, ERR_PEER, "unexpected EOF");
        else if (map_count(&r->members) >= IMAGE_TAR_ENTRIES_MAX)
            ret = err_set(e, ERR_LIMIT, "an archive of more than %u files", IMAGE_TAR_ENTRIES_MAX);
        else
            ret = take_member(r, a, entry, e);
    }
    archive_read_free(a);
    return ret;
}

static const struct member *find(struct reader *r, const char *name, struct err *e)
{
    char *clean = clean_name(name);
    const struct member *m = map_get(&r->members, clean);

    for (int i = 0; m && m->link && i < 8; i++)
        m = map_get(&r->members, m->link);
    free(clean);
    if (!m || m->link) {
        err_set(e, ERR_PARSE, "open %s/%s: no such file or directory", r->folder, name);
        return NULL;
    }
    return m;
}

static int read_text(struct reader *r, const char *name, struct buf *b, struct err *e)
{
    const struct member *m = find(r, name, e);
    char *room;

    if (!m)
        return -1;
    room = buf_reserve(b, (size_t)m->length);
    if (!room || pread(r->file->fd, room, (size_t)m->length, m->at) != m->length)
        return err_set(e, ERR_PARSE, "%s: too large", name);
    buf_grew(b, (size_t)m->length);
    return 0;
}

/* --- layers ------------------------------------------------------------------------------- */

/* The diff id is that of the tar without compression; a compressed one is kept unpacked. */
static int layer_digest(struct reader *r, struct layer *l, struct err *e)
{
    struct archive *a = archive_read_new();
    struct tar_reader *from = NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    struct archive_entry *entry;
    unsigned char sum[EVP_MAX_MD_SIZE];
    int64_t begin = r->end;
    char *piece = xmalloc(PIECE);
    la_ssize_t n = 0;
    int ret = 0;
    bool packed;

    archive_read_support_filter_all(a);
    archive_read_support_format_raw(a);
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    if (l->length && (!(from = tar_reader_open(a, layer_source(l))) ||
                      archive_read_next_header(a, &entry) != ARCHIVE_OK))
        ret = err_set(e, ERR_PARSE, "unexpected EOF");
    packed = l->length && archive_filter_count(a) > 1;
    while (ret == 0 && l->length && (n = archive_read_data(a, piece, PIECE)) > 0) {
        EVP_DigestUpdate(md, piece, (size_t)n);
        if (!packed)
            continue;
        r->end += n;
        ret = r->end > IMAGE_TAR_BYTES_MAX ? err_set(e, ERR_LIMIT, "a layer that is too large")
                                           : io_write_all(r->file->fd, piece, (size_t)n, e);
    }
    if (ret == 0 && n < 0)
        ret = err_set(e, ERR_PARSE, "unexpected EOF");
    EVP_DigestFinal_ex(md, sum, NULL);
    str_hex(sum, 32, l->diff_id);
    if (packed) {
        l->at = begin;
        l->length = r->end - begin;
    }
    EVP_MD_CTX_free(md);
    archive_read_free(a);
    free(from);
    free(piece);
    return ret;
}

/* Its size is that of the files in it, links counted by what they say. */
static void layer_measure(struct layer *l)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    struct tar_reader *from;

    archive_read_support_format_tar(a);
    archive_read_support_format_empty(a);
    from = tar_reader_open(a, layer_source(l));
    if (from)
        while (archive_read_next_header(a, &entry) == ARCHIVE_OK) {
            if (archive_entry_hardlink(entry))
                continue;
            if (archive_entry_filetype(entry) == AE_IFREG)
                l->size += archive_entry_size(entry);
            else if (archive_entry_filetype(entry) == AE_IFLNK)
                l->size += (int64_t)strlen(archive_entry_symlink(entry));
        }
    archive_read_free(a);
    free(from);
}

static struct layer *read_layers(struct reader *r, const json_t *names, size_t *ret_n,
                                 struct err *e)
{
    size_t n = json_array_size(names), i;
    struct layer *layers = new0_array(struct layer, n + 1);
    json_t *v;

    *ret_n = n;
    if (n > LAYERS_MAX) {
        err_set(e, ERR_PARSE, "max depth exceeded");
        goto fail;
    }
    json_array_foreach (names, i, v) {
        const struct member *m = json_is_string(v) ? find(r, json_string_value(v), e) : NULL;

        if (!m)
            goto fail;
        layers[i].file = layer_file_ref(r->file);
        layers[i].at = m->at;
        layers[i].length = m->length;
        if (layer_digest(r, &layers[i], e) < 0)
            goto fail;
        layer_measure(&layers[i]);
    }
    return layers;
fail:
    layers_free(layers, n > LAYERS_MAX ? 0 : n);
    return NULL;
}

/* --- the manifest ------------------------------------------------------------------------- */

static int read_image(struct reader *r, const json_t *entry, const struct behaviour *b,
                      struct loaded *l, struct err *e)
{
    const json_t *tags = gojson_get(entry, "RepoTags"), *config = gojson_get(entry, "Config");
    struct buf text = BUF_INIT(CONFIG_MAX);
    struct layer *layers = NULL;
    json_t *v;
    size_t n, i;

    if (read_text(r, json_is_string(config) ? json_string_value(config) : "", &text, e) == 0)
        layers = read_layers(r, gojson_get(entry, "Layers"), &n, e);
    if (layers)
        l->content = content_from_config(b ? behaviour_copy(b) : behaviour_new(), buf_str(&text),
                                         buf_len(&text), layers, n, e);
    buf_release(&text);
    if (!l->content)
        return -1;
    l->tags = new0_array(char *, json_array_size(tags) + 1);
    json_array_foreach (tags, i, v)
        if (json_is_string(v))
            l->tags[l->n_tags++] = xstrdup(json_string_value(v));
    return 0;
}

static int read_manifest(struct reader *r, const struct behaviour *b, struct loaded **ret,
                         size_t *ret_n, struct err *e)
{
    struct buf text = BUF_INIT(CONFIG_MAX);
    char why[GOJSON_TEXT_MAX];
    json_t *manifest = NULL, *v;
    struct loaded *all;
    size_t n = 0, i;

    if (!map_get(&r->members, "manifest.json"))
        return err_set(e, ERR_PARSE, "open %s/repositories: no such file or directory", r->folder);
    if (read_text(r, "manifest.json", &text, e) < 0) {
        buf_release(&text);
        return -1;
    }
    manifest = gojson_read(buf_str(&text), buf_len(&text), GOJSON_DECODER, why);
    buf_release(&text);
    if (!json_is_array(manifest)) {
        err_set(e, ERR_PARSE, "%s",
                manifest
                    ? "json: cannot unmarshal object into Go value of type []tarexport.manifestItem"
                    : why);
        json_decref(manifest);
        return -1;
    }
    all = new0_array(struct loaded, json_array_size(manifest) + 1);
    json_array_foreach (manifest, i, v)
        if (read_image(r, v, b, &all[n], e) < 0) {
            loaded_free(all, n);
            json_decref(manifest);
            return -1;
        } else {
            n++;
        }
    json_decref(manifest);
    *ret = all;
    *ret_n = n;
    return 0;
}

int image_tar_read(struct docker *d, int fd, const struct behaviour *b, struct loaded **ret,
                   size_t *ret_n, struct err *e)
{
    struct reader r = {.d = d};
    int file = tar_temporary(e), result;
    char hex[17];

    if (file < 0)
        return -1;
    r.file = new0(struct layer_file);
    r.file->refs = 1;
    r.file->fd = file;
    world_hex(d->fake.world, 4, hex);
    snprintf(r.folder, sizeof(r.folder), "/var/lib/docker/tmp/docker-import-%u",
             1000000000u + (unsigned)strtoul(hex, NULL, 16) % 1000000000u);
    result = unpack(&r, fd, e);
    if (result == 0)
        result = read_manifest(&r, b, ret, ret_n, e);
    members_release(&r);
    layer_file_unref(r.file);
    return result;
}

struct layer *layer_from_tar(int file, int64_t length, struct err *e)
{
    struct reader r = {.file = new0(struct layer_file), .end = length};
    struct layer *l = new0(struct layer);
    int ret;

    r.file->refs = 1;
    r.file->fd = file;
    l->file = layer_file_ref(r.file);
    l->length = length;
    ret = lseek(file, length, SEEK_SET) < 0 ? err_sys(e, errno, "a layer") : layer_digest(&r, l, e);
    layer_file_unref(r.file);
    if (ret < 0) {
        layers_free(l, 1);
        return NULL;
    }
    layer_measure(l);
    return l;
}

/* Copies a file. -1 and e; else its length. */
static int64_t copy_file(int from, int to, struct err *e)
{
    char *piece = xmalloc(PIECE);
    int64_t length = 0;
    ssize_t n;

    while ((n = pread(from, piece, PIECE, length)) > 0) {
        length += n;
        if (io_write_all(to, piece, (size_t)n, e) < 0)
            break;
    }
    free(piece);
    return n < 0 ? err_sys(e, errno, "read") : n ? -1 : length;
}

struct layer *layer_from_files(const char *path, struct err *e)
{
    _cleanup_close_ int from = open(path, O_RDONLY | O_CLOEXEC);
    int tar = from < 0 ? err_sys(e, errno, "%s", path) : tar_temporary(e);
    struct layer *l = NULL;
    int64_t length = -1;
    struct stat st;

    if (tar < 0)
        return NULL;
    if (fstat(from, &st) < 0)
        err_sys(e, errno, "%s", path);
    else if (!S_ISDIR(st.st_mode))
        length = copy_file(from, tar, e);
    else if (tar_pack(tar, from, "/", "", e) == 0)
        length = lseek(tar, 0, SEEK_END);
    if (length < 0)
        close(tar);
    else
        l = layer_from_tar(tar, length, e);
    if (!l)
        err_wrap(e, "%s", path);
    return l;
}

void loaded_free(struct loaded *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        content_unref(l[i].content);
        for (size_t k = 0; k < l[i].n_tags; k++)
            free(l[i].tags[k]);
        free(l[i].tags);
    }
    free(l);
}
