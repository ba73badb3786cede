/* Images that go: delete and prune. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"

struct removal {
    struct docker *d;
    struct buf b; /* the array as it grows */
    struct problem *p;
    int64_t freed; /* bytes of layers that nobody has any more */
    bool keep_parents;
};

static void record_removal(struct removal *r, const char *what, const char *name)
{
    buf_addf(&r->b, "%s{\"%s\":", buf_len(&r->b) > 1 ? "," : "", what);
    gojson_add(&r->b, name);
    buf_addc(&r->b, '}');
}

static const struct container *user_of(struct docker *d, const char *image_id, bool running)
{
    struct list *pos;

    list_for_each (pos, &d->containers) {
        const struct container *c = container_of(pos, struct container, link);

        if (str_eq(c->image_id, image_id) && (!running || container_running(c)))
            return c;
    }
    return NULL;
}

/* At most one tag, and digests of the same repository only. */
static bool single_reference(const struct image *i)
{
    size_t n = i->n_tags ? strcspn(i->tags[0], "@") : 0;
    const char *first = i->n_tags ? i->tags[0] : i->n_digests ? i->digests[0] : "";

    if (i->n_tags + i->n_digests <= 1)
        return true;
    if (i->n_tags > 1)
        return false;
    n = i->n_tags ? (size_t)(strrchr(first, ':') - first) : strcspn(first, "@");
    for (size_t k = 0; k < i->n_digests; k++)
        if (strncmp(i->digests[k], first, n) != 0 || i->digests[k][n] != '@')
            return false;
    return true;
}

static void untag(struct removal *r, struct image *i, const char *name, bool event)
{
    char *copy = xstrdup(name);

    map_remove(&r->d->names, copy);
    if (!names_remove(i->tags, &i->n_tags, copy))
        names_remove(i->digests, &i->n_digests, copy);
    record_removal(r, "Untagged", copy);
    if (event)
        image_event(r->d, "untag", i, i->content->id);
    free(copy);
}

static int conflict(struct removal *r, const struct image *i, bool hard, const char *fmt,
                    const char *container)
{
    struct buf b = BUF_INIT(4096);

    buf_addf(&b, "conflict: unable to delete %.12s (%s) - ", i->content->id + strlen("sha256:"),
             hard ? "cannot be forced" : "must be forced");
    buf_adds(&b, fmt);
    if (container)
        buf_addf(&b, " %.12s", container);
    problem(r->p, 409, "%s", buf_str(&b));
    buf_release(&b);
    return -1;
}

/* What speaks against deleting. references: names that are left count too. */
static int delete_conflict(struct removal *r, const struct image *i, bool force, bool references)
{
    const struct container *c = user_of(r->d, i->content->id, true);

    if (image_has_children(r->d, i))
        return conflict(r, i, true, "image has dependent child images", NULL);
    if (c)
        return conflict(r, i, true, "image is being used by running container", c->id);
    if (force)
        return 0;
    if (references && i->n_tags + i->n_digests)
        return conflict(r, i, false, "image is referenced in multiple repositories", NULL);
    c = user_of(r->d, i->content->id, false);
    if (c)
        return conflict(r, i, false, "image is being used by stopped container", c->id);
    return 0;
}

static bool layer_used(struct docker *d, const char *chain_id, const struct image *but)
{
    void *v;

    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);) {
        const struct content *c = ((struct image *)v)->content;

        for (size_t k = 0; v != but && k < c->n_layers; k++)
            if (str_eq(c->layers[k].chain_id, chain_id))
                return true;
    }
    return false;
}

static void delete_layers(struct removal *r, struct image *i);

/* What it was made of goes too, when nobody has it any more. */
static void delete_parent(struct removal *r, const char *id)
{
    struct image *i = map_get(&r->d->images, id);

    if (i && !r->keep_parents && !i->n_tags && !i->n_digests && !image_has_children(r->d, i) &&
        !user_of(r->d, id, false))
        delete_layers(r, i);
}

static void delete_layers(struct removal *r, struct image *i)
{
    char name[80], parent[72];

    while (i->n_tags || i->n_digests) {
        bool tag = i->n_tags && (!i->n_digests || names_compare(i->tags[0], i->digests[0]) < 0);

        untag(r, i, tag ? i->tags[0] : i->digests[0], true);
    }
    image_event(r->d, "delete", i, i->content->id);
    record_removal(r, "Deleted", i->content->id);
    for (size_t k = i->content->n_layers; k-- > 0;) {
        if (layer_used(r->d, i->content->layers[k].chain_id, i))
            break;
        snprintf(name, sizeof(name), "sha256:%s", i->content->layers[k].chain_id);
        record_removal(r, "Deleted", name);
        r->freed += i->content->layers[k].size;
    }
    memcpy(parent, i->parent, sizeof(parent));
    image_drop(r->d, i);
    delete_parent(r, parent);
}

static int delete_by_name(struct removal *r, struct image *i, const char *given, bool force)
{
    const struct container *user = user_of(r->d, i->content->id, false);
    struct ref ref;
    const char *why;
    char *name, *repo;
    bool more_tags = false, digest;
    struct problem quiet = {0}, *p = r->p;
    int refused;

    if (ref_parse(&ref, given, &why) < 0)
        return problem(r->p, 400, "%s", why);
    ref_default_tag(&ref);
    name = ref_familiar(&ref);
    repo = xasprintf("%s:", ref.repo);
    digest = ref.digest != NULL;
    ref_release(&ref);
    if (!force && user && single_reference(i)) {
        problem(r->p, 409,
                "conflict: unable to remove repository reference \"%s\" (must force) - container "
                "%.12s is using its referenced image %.12s",
                given, user->id, i->content->id + strlen("sha256:"));
        free(name);
        free(repo);
        return -1;
    }
    untag(r, i, name, true);
    for (size_t k = 0; k < i->n_tags; k++)
        more_tags |= str_starts(i->tags[k], repo) && !strchr(i->tags[k] + strlen(repo), '/');
    repo[strlen(repo) - 1] = '@';
    for (size_t k = 0; !digest && !more_tags && k < i->n_digests;) {
        if (str_starts(i->digests[k], repo))
            untag(r, i, i->digests[k], false);
        else
            k++;
    }
    free(name);
    free(repo);
    if (i->n_tags + i->n_digests)
        return 0;
    /* a name was removed: that is enough when somebody still uses the image */
    r->p = &quiet;
    refused = delete_conflict(r, i, force, true);
    r->p = p;
    free(quiet.text);
    if (!refused)
        delete_layers(r, i);
    return 0;
}

static int delete_by_id(struct removal *r, struct image *i, bool force)
{
    if (delete_conflict(r, i, force, !single_reference(i)) < 0)
        return -1;
    delete_layers(r, i);
    return 0;
}

void delete_image(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    struct image *i = image_find(d, name);
    struct problem p = {0};
    struct removal r = {.d = d, .b = BUF_INIT(ANSWER_MAX), .p = &p};
    bool force = exchange_param_bool(x, "force");
    const char *hex = str_after(name, "sha256:");
    int ret;

    r.keep_parents = exchange_param_bool(x, "noprune");
    buf_addc(&r.b, '[');
    if (!i)
        ret = image_missing(d, &p, name);
    else if (hex || str_starts(i->content->id + strlen("sha256:"), name))
        ret = delete_by_id(&r, i, force);
    else
        ret = delete_by_name(&r, i, name, force);
    free(name);
    if (ret < 0) {
        buf_release(&r.b);
        docker_refuse(x, &p);
        return;
    }
    buf_addc(&r.b, ']');
    docker_answer(x, 200, &r.b);
}

/* Name by name, as a client would; the last one takes the layers along. */
static void prune_image(struct removal *r, struct image *i)
{
    char **names = NULL, *id = xstrdup(i->content->id);
    size_t n = 0, cap = 0;
    struct problem quiet = {0}, *p = r->p;

    for (size_t k = 0; k < i->n_tags; k++)
        names_add(&names, &n, &cap, i->tags[k]);
    for (size_t k = 0; k < i->n_digests; k++)
        names_add(&names, &n, &cap, i->digests[k]);
    r->p = &quiet;
    if (!n)
        delete_layers(r, i);
    for (size_t k = 0; k < n; k++) {
        if (map_get(&r->d->images, id) && map_get(&r->d->names, names[k]) == i)
            delete_by_name(r, i, names[k], false);
        free(names[k]);
    }
    r->p = p;
    free(quiet.text);
    free(names);
    free(id);
}

void post_images_prune(struct fake *f, struct exchange *x)
{
    static const char *const accepted[] = {"dangling", "label", "label!", "until", NULL};
    struct docker *d = (struct docker *)f;
    struct problem p = {0};
    char bytes[24];
    const char *const reclaimed[] = {"reclaimed", bytes};
    struct removal r = {.d = d, .b = BUF_INIT(ANSWER_MAX), .p = &p};
    struct filters filters;
    bool dangling;
    int64_t until;
    void *v;

    if (filters_read(&filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (filters_until(d, &filters, &until, &p) < 0 ||
        filters_bool(d, &filters, "dangling", true, &dangling, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    buf_addc(&r.b, '[');
    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);) {
        struct image *img = v;

        if (!(dangling && img->n_tags) && image_matches(d, &filters, img) &&
            img->content->created <= until && !user_of(d, img->content->id, false))
            prune_image(&r, img);
    }
    filters_release(&filters);
    snprintf(bytes, sizeof(bytes), "%lld", (long long)r.freed);
    docker_event(d, EVENT_IMAGE, "prune", "", NULL, reclaimed, 1);
    struct buf b = BUF_INIT(ANSWER_MAX);

    buf_addf(&b, "{\"ImagesDeleted\":%s%s,\"SpaceReclaimed\":%lld}",
             buf_len(&r.b) > 1 ? buf_str(&r.b) : "null", buf_len(&r.b) > 1 ? "]" : "",
             (long long)r.freed);
    buf_release(&r.b);
    docker_answer(x, 200, &b);
}
