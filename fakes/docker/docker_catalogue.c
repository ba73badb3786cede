/* What the registries of this world hold, and what is local. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/image_tar.h"

static void decl_free(struct decl *l)
{
    if (!l)
        return;
    free(l->name);
    ref_release(&l->ref);
    content_unref(l->content);
    free(l);
}

/* The first image of an archive. b is taken over. */
static struct content *content_from_archive(struct docker *d, struct behaviour *b, struct err *e)
{
    int fd = open(b->archive, O_RDONLY | O_CLOEXEC), r = -1;
    struct content *c = NULL;
    struct loaded *all = NULL;
    size_t n = 0;

    if (fd < 0)
        err_set(e, ERR_NOT_FOUND, "archive %s: %m", b->archive);
    else
        r = image_tar_read(d, fd, b, &all, &n, e);
    if (fd >= 0)
        close(fd);
    if (r == 0 && !n)
        err_set(e, ERR_PARSE, "archive %s: there is no image in it", b->archive);
    if (n)
        c = content_ref(all[0].content);
    loaded_free(all, n);
    behaviour_unref(b);
    return c;
}

/* b is taken over. */
static struct content *content_declared(struct docker *d, struct behaviour *b, const char *name,
                                        struct err *e)
{
    const char *files = b->rootfs ? b->rootfs : b->files;
    struct layer *l;

    if (b->archive)
        return content_from_archive(d, b, e);
    l = files ? layer_from_files(files, e) : NULL;
    if (l || !files)
        return content_from_behaviour(b, name, l);
    behaviour_unref(b);
    return NULL;
}

int catalogue_add(struct docker *d, const char *name, struct behaviour *b, struct err *e)
{
    struct decl *l = new0(struct decl);
    const char *why;
    struct image *i;

    if (ref_parse(&l->ref, name, &why) < 0) {
        behaviour_unref(b);
        free(l);
        return err_set(e, ERR_USAGE, "image %s: %s", name, why);
    }
    if (l->ref.digest) {
        behaviour_unref(b);
        decl_free(l);
        return err_set(e, ERR_USAGE, "image %s: give the digest as the option digest", name);
    }
    ref_default_tag(&l->ref);
    l->name = ref_familiar(&l->ref);
    /* names of one digest are names of one image */
    l->content = content_declared(d, b, b->digest ? b->digest : l->name, e);
    if (!l->content) {
        decl_free(l);
        return err_wrap(e, "image %s", name);
    }
    if (l->content->b->cached) {
        i = image_ensure(d, l->content);
        image_tag(d, i, l->name);
        image_add_digest(d, i, l->ref.repo);
    }
    decl_free(map_set(&d->catalogue, l->name, l));
    return 0;
}

struct decl *catalogue_find(struct docker *d, const struct ref *r)
{
    struct decl *found = NULL;
    char *name;
    void *v;

    if (!r->digest) {
        name = xasprintf("%s:%s", r->repo, r->tag ? r->tag : "latest");
        found = map_get(&d->catalogue, name);
        free(name);
        return found;
    }
    for (size_t i = 0; !found && map_next(&d->catalogue, &i, NULL, &v);) {
        struct decl *l = v;

        if (str_eq(l->ref.repo, r->repo) && str_eq(l->content->digest, r->digest))
            found = l;
    }
    return found;
}

bool catalogue_knows_repo(struct docker *d, const char *repo)
{
    void *v;

    for (size_t i = 0; map_next(&d->catalogue, &i, NULL, &v);)
        if (str_eq(((struct decl *)v)->ref.repo, repo))
            return true;
    return false;
}

int catalogue_remove(struct docker *d, const char *name, bool local, bool entry, struct err *e)
{
    struct image *i = local ? image_find(d, name) : NULL;
    struct ref r = {0};
    const char *why;
    char *familiar;
    struct decl *l = NULL;

    if (ref_parse(&r, name, &why) < 0)
        return err_set(e, ERR_USAGE, "image %s: %s", name, why);
    ref_default_tag(&r);
    familiar = ref_familiar(&r);
    if (entry)
        l = map_remove(&d->catalogue, familiar);
    decl_free(l);
    free(familiar);
    ref_release(&r);
    if (i)
        image_drop(d, i);
    if (!i && !l)
        return err_set(e, ERR_NOT_FOUND, "no image %s %s", name,
                       local && entry ? "in the catalogue or local"
                       : local        ? "is local"
                                      : "in the catalogue");
    return 0;
}

void catalogue_release(struct docker *d)
{
    void *v;

    for (size_t i = 0; map_next(&d->catalogue, &i, NULL, &v);)
        decl_free(v);
    map_release(&d->catalogue);
}

/* --- local images ------------------------------------------------------------------------ */

struct image *image_ensure(struct docker *d, struct content *c)
{
    struct image *i = map_get(&d->images, c->id);

    if (i) {
        /* the same image may have been declared anew, with another behaviour; or it is the very
         * same, loaded again, and this is all that holds it */
        struct content *before = i->content;

        i->content = content_ref(c);
        content_unref(before);
        return i;
    }
    i = new0(struct image);
    i->content = content_ref(c);
    map_set(&d->images, c->id, i);
    disk_changed(d);
    return i;
}

void image_tag(struct docker *d, struct image *i, const char *name)
{
    struct image *before = map_set(&d->names, name, i);

    if (before && before != i)
        names_remove(before->tags, &before->n_tags, name);
    names_add(&i->tags, &i->n_tags, &i->cap_tags, name);
}

void image_add_digest(struct docker *d, struct image *i, const char *repo)
{
    char *name = xasprintf("%s@%s", repo, i->content->digest);
    struct image *before = map_set(&d->names, name, i);

    if (before && before != i)
        names_remove(before->digests, &before->n_digests, name);
    names_add(&i->digests, &i->n_digests, &i->cap_digests, name);
    free(name);
}

static void image_free(struct image *i)
{
    for (size_t k = 0; k < i->n_tags; k++)
        free(i->tags[k]);
    for (size_t k = 0; k < i->n_digests; k++)
        free(i->digests[k]);
    free(i->tags);
    free(i->digests);
    content_unref(i->content);
    free(i);
}

void image_drop(struct docker *d, struct image *i)
{
    for (size_t k = 0; k < i->n_tags; k++)
        map_remove(&d->names, i->tags[k]);
    for (size_t k = 0; k < i->n_digests; k++)
        map_remove(&d->names, i->digests[k]);
    map_remove(&d->images, i->content->id);
    image_free(i);
    disk_changed(d);
}

/* By the beginning of an id; only if it is the only one. */
static struct image *image_by_prefix(struct docker *d, const char *hex)
{
    struct image *found = NULL;
    const char *id;
    void *v;

    if (!*hex || strspn(hex, "0123456789abcdef") != strlen(hex))
        return NULL;
    for (size_t i = 0; map_next(&d->images, &i, &id, &v);)
        if (str_starts(id + strlen("sha256:"), hex)) {
            if (found)
                return NULL;
            found = v;
        }
    return found;
}

struct image *image_find(struct docker *d, const char *name)
{
    const char *hex = str_after(name, "sha256:");
    struct image *found = NULL;
    struct ref r;
    const char *why;
    char *familiar;

    if (hex)
        return image_by_prefix(d, hex);
    found = map_get(&d->names, name); /* most are written as they are kept */
    if (found)
        return found;
    if (ref_parse(&r, name, &why) == 0) {
        if (r.digest) { /* with a tag too, the digest says which */
            free(r.tag);
            r.tag = NULL;
        }
        ref_default_tag(&r);
        familiar = ref_familiar(&r);
        found = map_get(&d->names, familiar);
        free(familiar);
        ref_release(&r);
    }
    return found ? found : image_by_prefix(d, name);
}

int image_missing(const struct docker *d, struct problem *p, const char *name)
{
    struct ref r;
    const char *why;
    char *familiar;

    if (str_starts(name, "sha256:"))
        return problem(p, 404, "No such image: %s", name);
    if (ref_parse(&r, name, &why) < 0) {
        familiar = name_problem(d, name, why);
        problem(p, 400, "%s", familiar);
        free(familiar);
        return -1;
    }
    ref_default_tag(&r);
    familiar = ref_familiar(&r);
    problem(p, 404, "No such image: %s", familiar);
    free(familiar);
    ref_release(&r);
    return -1;
}

void docker_images_release(struct docker *d)
{
    void *v;

    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);)
        image_free(v);
    map_release(&d->images);
    map_release(&d->names);
}
