/* The files that the layers of an image make together. */
#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/content.h"

int content_unpack(const struct content *c, int root, struct err *e)
{
    int r = 1;

    for (size_t i = 0; i < c->n_layers && r >= 0; i++)
        if (c->layers[i].file)
            r = tar_unpack(layer_source(&c->layers[i]), root, "/", TAR_KEEP_OWNER | TAR_WHITEOUTS,
                           e);
    return r;
}

struct seen {
    char *link;
    struct stat st;
};

struct listing {
    struct map files;        /* path -> struct seen */
    struct map gone, opaque; /* paths that the layer in hand removes, folders that it empties */
};

static int note_whiteout(const struct tar_member *m, void *data)
{
    struct listing *l = data;
    const char *slash = strrchr(m->path, '/'), *name = slash ? slash + 1 : m->path;
    const char *hidden = str_after(name, TAR_WHITEOUT);
    _cleanup_free_ char *folder = xstrndup(m->path, (size_t)(name - m->path));

    if (str_eq(name, TAR_OPAQUE)) {
        if (slash)
            folder[slash - m->path] = '\0';
        map_set(&l->opaque, folder, l);
    } else if (hidden) {
        _cleanup_free_ char *path = xasprintf("%s%s", folder, hidden);

        map_set(&l->gone, path, l);
    } else if (!S_ISDIR(m->st.st_mode)) {
        map_set(&l->gone, m->path, l); /* and whatever was a folder there */
    }
    return 0;
}

static bool hidden_now(const struct listing *l, const char *path)
{
    _cleanup_free_ char *up = xstrdup(path);
    char *slash;

    if (map_get(&l->gone, up) || map_get(&l->opaque, ""))
        return true;
    while ((slash = strrchr(up, '/'))) {
        *slash = '\0';
        if (map_get(&l->gone, up) || map_get(&l->opaque, up))
            return true;
    }
    return false;
}

static void seen_free(struct seen *s)
{
    if (s)
        free(s->link);
    free(s);
}

static int note_file(const struct tar_member *m, void *data)
{
    struct listing *l = data;
    const char *slash = strrchr(m->path, '/');
    struct seen *s;

    if (str_starts(slash ? slash + 1 : m->path, TAR_WHITEOUT))
        return 0;
    s = new0(struct seen);
    s->st = m->st;
    s->link = m->link ? xstrdup(m->link) : NULL;
    seen_free(map_set(&l->files, m->path, s));
    return 0;
}

static int list_layer(struct listing *l, struct tar_source in, struct err *e)
{
    const char *path;
    void *v;
    int r = tar_list(in, note_whiteout, l, e);

    for (size_t i = 0; r == 0 && map_next(&l->files, &i, &path, &v);)
        if (hidden_now(l, path))
            seen_free(map_remove(&l->files, path));
    map_release(&l->gone);
    map_release(&l->opaque);
    return r < 0 ? r : tar_list(in, note_file, l, e);
}

int content_list(const struct content *c, int (*fn)(const struct tar_member *m, void *data),
                 void *data, struct err *e)
{
    struct listing l = {0};
    const char *path;
    void *v;
    int r = 0;

    for (size_t i = 0; i < c->n_layers && r == 0; i++)
        if (c->layers[i].file)
            r = list_layer(&l, layer_source(&c->layers[i]), e);
    for (size_t i = 0; map_next(&l.files, &i, &path, &v);) {
        struct seen *s = v;
        struct tar_member m = {path, s->st, s->link};

        if (r == 0)
            r = fn(&m, data);
        seen_free(s);
    }
    map_release(&l.files);
    return r;
}
