/* Images that come as files, and go as files: load, save, import; see image_tar.h. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/image_tar.h"
#include "fakes/docker/schema.h"
#include "fakes/docker/spool.h"
#include "fakes/docker/tarball.h"
#include "fakes/docker/trouble.h"

#define PIECE (64u << 10)

/* --- load --------------------------------------------------------------------------------- */

static void send_stream(struct exchange *x, const char *text)
{
    struct buf b = BUF_INIT(ANSWER_MAX);

    buf_adds(&b, "{\"stream\":");
    gojson_add_html(&b, text);
    buf_adds(&b, "}\r\n");
    exchange_write(x, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

/* What has this id already, here or in a registry: it may be declared to behave in some way. */
static struct content *content_known(struct docker *d, const char *id)
{
    const struct image *i = map_get(&d->images, id);
    void *v;

    for (size_t k = 0; !i && map_next(&d->catalogue, &k, NULL, &v);)
        if (str_eq(((struct decl *)v)->content->id, id))
            return ((struct decl *)v)->content;
    return i ? i->content : NULL;
}

void behave_as(struct docker *d, struct content *c, const struct ref *r)
{
    const struct decl *l = catalogue_find(d, r);

    if (!l)
        return;
    behaviour_unref(c->b);
    c->b = behaviour_ref(l->content->b);
}

static void load_one(struct docker *d, struct exchange *x, const struct loaded *l)
{
    struct content *known = content_known(d, l->content->id);
    struct image *i = image_ensure(d, known ? known : l->content);
    char *text;

    for (size_t k = 0; k < l->n_tags; k++) {
        struct ref r;
        const char *why;
        char *name;

        if (ref_parse(&r, l->tags[k], &why) < 0)
            continue;
        ref_default_tag(&r);
        name = ref_familiar(&r);
        if (!known)
            behave_as(d, l->content, &r);
        image_tag(d, i, name);
        text = xasprintf("Loaded image: %s\n", name);
        send_stream(x, text);
        free(text);
        free(name);
        ref_release(&r);
    }
    if (!l->n_tags) {
        text = xasprintf("Loaded image ID: %s\n", i->content->id);
        send_stream(x, text);
        free(text);
    }
    image_event(d, "load", i, i->content->id);
}

void post_images_load(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct loaded *all = NULL;
    struct err e = ERR_INIT;
    struct problem full = {0};
    int fd = spool_body(x), r;
    size_t n = 0;

    docker_begin(x, "application/json");
    if (trouble_disk_full(d, &full, "/manifest.json") < 0)
        r = err_set(&e, ERR_PEER, "%s", full.text);
    else
        r = fd < 0 ? err_set(&e, ERR_SYS, "the body could not be kept")
                   : image_tar_read(d, fd, NULL, &all, &n, &e);
    for (size_t i = 0; i < n; i++)
        load_one(d, x, &all[i]);
    if (r < 0) {
        /* up to 22 a process of its own unpacks it, and says so */
        stream_errorf(&b, "%s%s",
                      e.code == ERR_PEER && !docker_modern(d)
                          ? "Error processing tar file(exit status 1): "
                          : "",
                      e.text);
        exchange_write(x, buf_str(&b), buf_len(&b));
        buf_release(&b);
    }
    loaded_free(all, n);
    free(full.text);
    exchange_end(x);
}

/* --- save --------------------------------------------------------------------------------- */

struct save {
    struct archive *out;
    struct map layers;  /* chain id and what is above -> first folder that has this diff id */
    struct map folders; /* folders that were written */
    json_t *manifest, *repositories;
};

static void add_entry(struct save *s, const char *name, mode_t type, const void *p, size_t n,
                      const char *link)
{
    struct archive_entry *entry = archive_entry_new();

    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, type == AE_IFDIR ? 0755 : type == AE_IFLNK ? 0777 : 0644);
    archive_entry_set_size(entry, (int64_t)n);
    archive_entry_set_mtime(entry, 0, 0);
    if (link)
        archive_entry_set_symlink(entry, link);
    archive_write_header(s->out, entry);
    if (n && p)
        archive_write_data(s->out, p, n);
    archive_entry_free(entry);
}

static void add_file(struct save *s, const char *folder, const char *name, const char *text)
{
    char *path = folder ? xasprintf("%s/%s", folder, name) : xstrdup(name);

    add_entry(s, path, AE_IFREG, text, strlen(text), NULL);
    free(path);
}

static void add_layer_tar(struct save *s, const struct layer *l, const char *path)
{
    struct buf b = BUF_INIT(4096);
    struct archive_entry *entry;
    char *piece;

    if (l->name) {
        layer_tar(l, &b);
        add_entry(s, path, AE_IFREG, buf_str(&b), buf_len(&b), NULL);
        buf_release(&b);
        return;
    }
    entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, l->length);
    archive_write_header(s->out, entry);
    piece = xmalloc(PIECE);
    for (int64_t done = 0; done < l->length;) {
        int64_t left = l->length - done;
        ssize_t n =
            pread(l->file->fd, piece, left < (int64_t)PIECE ? (size_t)left : PIECE, l->at + done);

        if (n <= 0)
            break;
        archive_write_data(s->out, piece, (size_t)n);
        done += n;
    }
    free(piece);
    archive_entry_free(entry);
}

/* The configuration of an image before 1.10, one for each layer. */
static char *old_config(const struct content *c, size_t layer, const char *id, const char *parent)
{
    static const char empty[] =
        "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
        "\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,"
        "\"StdinOnce\":false,\"Env\":null,\"Cmd\":null,\"Image\":\"\",\"Volumes\":null,"
        "\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":null}";
    bool top = layer + 1 == c->n_layers;
    struct buf b = BUF_INIT(CONFIG_MAX);

    buf_addc(&b, '{');
    if (id)
        gojson_member(&b, "id", id);
    if (parent)
        gojson_member(&b, "parent", parent);
    buf_adds(&b, buf_len(&b) > 1 ? ",\"created\":\"" : "\"created\":\"");
    if (top)
        add_time(&b, c->created);
    else
        buf_adds(&b, "1970-01-01T00:00:00Z");
    buf_addf(&b, "\",\"container_config\":%s", empty);
    if (top) {
        buf_adds(&b, ",\"config\":");
        schema_write(&b, config_schema(), c->config);
        gojson_member(&b, "architecture", json_str(c->file, "architecture"));
    }
    gojson_member(&b, "os", "linux");
    buf_addc(&b, '}');
    return buf_steal(&b, NULL);
}

/* The folder of a layer of this image: its name follows from all that is in it. */
static void add_layer(struct save *s, const struct content *c, size_t k, char folder[65],
                      const char *parent)
{
    const struct layer *l = &c->layers[k];
    bool top = k + 1 == c->n_layers;
    char *text, *path, *other;

    hash_hex(folder, "v1 %s %s %s", l->chain_id, parent ? parent : "", top ? c->id : "");
    if (map_set(&s->folders, folder, s))
        return;
    text = xasprintf("%s/", folder);
    add_entry(s, text, AE_IFDIR, NULL, 0, NULL);
    free(text);
    add_file(s, folder, "VERSION", "1.0");
    text = old_config(c, k, folder, parent);
    add_file(s, folder, "json", text);
    free(text);
    path = xasprintf("%s/layer.tar", folder);
    other = map_get(&s->layers, l->diff_id);
    if (other) {
        char *link = xasprintf("../%s", other);

        add_entry(s, path, AE_IFLNK, NULL, 0, link);
        free(link);
        free(path);
        return;
    }
    add_layer_tar(s, l, path);
    map_set(&s->layers, l->diff_id, path);
}

static void add_repository(struct save *s, const char *tag, const char *top)
{
    char *repo = xstrdup(tag), *colon = strrchr(repo, ':');
    json_t *tags;

    *colon = '\0';
    tags = json_object_get(s->repositories, repo);
    if (!tags)
        json_object_set_new(s->repositories, repo, tags = json_object());
    json_put_str(tags, colon + 1, top);
    free(repo);
}

/* tag: the one it was asked for by; NULL: by id, with no name. */
static void save_image(struct save *s, const struct image *i, const char *tag)
{
    const struct content *c = i->content;
    char folder[65] = "", parent[65] = "",
         *config = xasprintf("%s.json", c->id + strlen("sha256:"));
    json_t *entry, *layers = json_array(), *tags = tag ? json_array() : json_null(), *known;
    size_t at;

    json_array_foreach (s->manifest, at, known)
        if (str_eq(json_str(known, "Config"), config)) {
            json_t *list = json_object_get(known, "RepoTags");

            if (tag && json_is_array(list))
                json_array_append_new(list, json_string(tag));
            json_decref(layers);
            json_decref(tags);
            free(config);
            return;
        }
    for (size_t k = 0; k < c->n_layers; k++) {
        add_layer(s, c, k, folder, k ? parent : NULL);
        char *path = xasprintf("%s/layer.tar", folder);

        json_array_append_new(layers, json_string(path));
        free(path);
        memcpy(parent, folder, sizeof(parent));
    }
    add_file(s, NULL, config, c->text);
    entry = json_object();
    json_put_str(entry, "Config", config);
    if (tag)
        json_array_append_new(tags, json_string(tag));
    json_put(entry, "RepoTags", tags);
    json_put(entry, "Layers", layers);
    json_array_append_new(s->manifest, entry);
    if (tag)
        add_repository(s, tag, folder);
    free(config);
}

static void save_end(struct save *s)
{
    char *text = json_array_size(s->manifest) ? json_text(s->manifest) : xstrdup("null");
    char *line = xasprintf("%s\n", text);
    void *v;

    add_file(s, NULL, "manifest.json", line);
    free(text);
    free(line);
    if (json_object_size(s->repositories)) {
        text = json_text(s->repositories);
        line = xasprintf("%s\n", text);
        add_file(s, NULL, "repositories", line);
        free(text);
        free(line);
    }
    archive_write_close(s->out);
    archive_write_free(s->out);
    for (size_t i = 0; map_next(&s->layers, &i, NULL, &v);)
        free(v);
    map_release(&s->layers);
    map_release(&s->folders);
    json_decref(s->manifest);
    json_decref(s->repositories);
}

static const char *tag_asked(const struct image *i, const char *name)
{
    struct ref r;
    const char *why, *found = NULL;
    char *familiar;

    if (str_starts(name, "sha256:") || ref_parse(&r, name, &why) < 0)
        return NULL;
    ref_default_tag(&r);
    familiar = ref_familiar(&r);
    for (size_t k = 0; k < i->n_tags; k++)
        if (str_eq(i->tags[k], familiar))
            found = i->tags[k];
    free(familiar);
    ref_release(&r);
    return found;
}

static void save(struct docker *d, struct exchange *x, char **names, size_t n)
{
    struct save s = {.manifest = json_array(), .repositories = json_object()};
    struct problem p = {0};
    struct err e = ERR_INIT;
    int fd = -1;

    for (size_t k = 0; k < n && !p.status; k++)
        if (!image_find(d, names[k]))
            problem(&p, 404, "No such image: %s", names[k]);
    if (!p.status && (fd = tar_temporary(&e)) < 0)
        problem(&p, 500, "%s", e.text);
    if (p.status) {
        json_decref(s.manifest);
        json_decref(s.repositories);
        docker_refuse(x, &p);
        return;
    }
    s.out = archive_write_new();
    archive_write_set_format_ustar(s.out);
    archive_write_set_bytes_in_last_block(s.out, 1);
    archive_write_open_fd(s.out, fd);
    for (size_t k = 0; k < n; k++) {
        const struct image *i = image_find(d, names[k]);

        save_image(&s, i, tag_asked(i, names[k]));
        image_event(d, "save", i, i->content->id);
    }
    save_end(&s);
    docker_headers(x, "application/x-tar");
    spool_send(x, fd, 200);
}

void get_image_tar(struct fake *f, struct exchange *x)
{
    char *name = docker_param(x, "name");

    save((struct docker *)f, x, &name, 1);
    free(name);
}

/* ?names=a&names=b */
void get_images_tar(struct fake *f, struct exchange *x)
{
    struct buf b = BUF_INIT(HTTP_TARGET_MAX);
    char **names = NULL;
    size_t n = 0, cap = 0;

    for (const char *s = x->raw_query; *s; s += strcspn(s, "&"), s += *s == '&') {
        const char *value = str_after(s, "names=");

        if (!value)
            continue;
        grow_array(names, n, cap);
        str_unpercent(&b, value, strcspn(value, "&"), true);
        names[n++] = buf_steal(&b, NULL);
        buf_init(&b, HTTP_TARGET_MAX);
    }
    save((struct docker *)f, x, names, n);
    for (size_t k = 0; k < n; k++)
        free(names[k]);
    free(names);
}

/* --- import ------------------------------------------------------------------------------- */

/* The body is the tar of the one layer. */
static struct content *imported(struct docker *d, struct exchange *x, const char *message,
                                const json_t *config, struct err *e)
{
    int fd = fcntl(spool_body(x), F_DUPFD_CLOEXEC, 0);
    struct layer *l = fd < 0 ? NULL : layer_from_tar(fd, lseek(fd, 0, SEEK_END), e);
    struct buf text = BUF_INIT(CONFIG_MAX);
    struct content *c;

    if (!l) {
        if (fd < 0)
            err_set(e, ERR_SYS, "the body could not be kept");
        return NULL;
    }
    buf_adds(&text, "{\"architecture\":\"" DOCKER_ARCH "\",\"comment\":");
    gojson_add(&text, message);
    buf_adds(&text, ",\"config\":");
    schema_write(&text, config_schema(), config);
    buf_adds(&text, ",\"created\":\"");
    add_time(&text, clock_wall(docker_clock(d)));
    buf_addf(&text, "\",\"docker_version\":\"%s\",\"history\":[{\"created\":\"", d->version);
    add_time(&text, clock_wall(docker_clock(d)));
    buf_adds(&text, "\",\"comment\":");
    gojson_add(&text, message);
    buf_addf(&text,
             "}],\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
             l->diff_id);
    c = content_from_config(behaviour_new(), buf_str(&text), buf_len(&text), l, 1, e);
    buf_release(&text);
    return c;
}

bool post_image_imports(const struct exchange *x)
{
    char *from = exchange_param(x, "fromImage"), *src = exchange_param(x, "fromSrc");
    bool yes = (!from || !*from) && str_eq(src, "-");

    free(from);
    free(src);
    return yes;
}

void post_image_import(struct docker *d, struct exchange *x)
{
    char *repo = exchange_param(x, "repo"), *tag = exchange_param(x, "tag");
    char *message = exchange_param(x, "message");
    json_t *config = json_object();
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct err e = ERR_INIT;
    struct problem p = {0};
    struct content *c;
    struct image *i;
    struct ref r = {0};
    const char *why;
    bool named = false;

    if (repo && *repo) {
        char *full = xasprintf("%s%s%s", repo, tag && *tag ? ":" : "", tag ? tag : "");

        named = ref_parse(&r, full, &why) == 0;
        free(full);
    }
    if (repo && *repo && !named) {
        docker_refuse_text(x, docker_modern(d) ? 400 : 500, "%s", why);
    } else if (config_change(d, x, config, &p) < 0) {
        docker_refuse(x, &p);
    } else if (!(c = imported(d, x, message && *message ? message : "Imported from -", config,
                              &e))) {
        docker_refuse_text(x, 500, "%s", e.text);
    } else {
        if (named)
            behave_as(d, c, &r);
        i = image_ensure(d, c);
        content_unref(c);
        if (named)
            free(image_tag_ref(d, i, &r));
        docker_begin(x, "application/json");
        buf_addf(&b, "{\"status\":\"%s\"}\r\n", i->content->id);
        exchange_write(x, buf_str(&b), buf_len(&b));
        image_event(d, "import", i, i->content->id);
        exchange_end(x);
    }
    json_decref(config);
    buf_release(&b);
    ref_release(&r);
    free(repo);
    free(tag);
    free(message);
}
