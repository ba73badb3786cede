/* Images: list, inspect, history, tag, delete, prune, and what a registry says of them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/schema.h"

static void image_event(struct docker *d, const char *action, const struct image *i,
                        const char *name)
{
    const char *const more[] = {"name", name};
    json_t *config = image_config(i->content->b);
    struct pairs labels = pairs_from_json(json_object_get(config, "Labels"));

    docker_event(d, EVENT_IMAGE, action, i->content->id, &labels, more, 1);
    pairs_release(&labels);
    json_decref(config);
}

/* --- list -------------------------------------------------------------------------------- */

static void add_labels(struct buf *b, const struct behaviour *behaviour)
{
    json_t *config = image_config(behaviour);
    json_t *labels = json_object_get(config, "Labels");
    struct pairs p = pairs_from_json(labels);

    if (p.n)
        pairs_write(b, &p, false);
    else
        buf_adds(b, "null");
    pairs_release(&p);
    json_decref(config);
}

static void add_image(struct buf *b, struct docker *d, const struct image *i, char **tags,
                      size_t n_tags, bool all_names, int version)
{
    const struct content *c = i->content;
    bool none = !i->n_tags && !i->n_digests;

    (void)d;
    buf_addf(b, "{\"Containers\":-1,\"Created\":%lld,\"Id\":\"%s\",\"Labels\":",
             (long long)(c->created / NS_PER_S), c->id);
    add_labels(b, c->b);
    buf_adds(b, ",\"ParentId\":\"\",\"RepoDigests\":");
    if (none)
        buf_adds(b, version < API(43) ? "[\"<none>@<none>\"]" : "[]");
    else if (all_names)
        names_write(b, i->digests, i->n_digests, version < API(43));
    else
        buf_adds(b, version < API(43) ? "null" : "[]");
    buf_adds(b, ",\"RepoTags\":");
    if (none)
        buf_adds(b, version < API(43) ? "[\"<none>:<none>\"]" : "[]");
    else
        names_write(b, tags, n_tags, version < API(43));
    buf_addf(b, ",\"SharedSize\":-1,\"Size\":%lld", (long long)c->b->size);
    if (version < API(44))
        buf_addf(b, ",\"VirtualSize\":%lld", (long long)c->b->size);
    buf_addc(b, '}');
}

/* "busybox:1", "busybox", "repo/bus*": as path.Match over the familiar name. */
static bool reference_fits(const struct filter *f, const char *tag)
{
    char *repo = xstrdup(tag), *colon = strrchr(repo, ':');
    bool fits = false;

    if (colon)
        *colon = '\0';
    for (size_t i = 0; i < f->n && !fits; i++)
        fits = str_glob(f->values[i], tag) || str_glob(f->values[i], repo);
    free(repo);
    return fits;
}

static bool image_fits(struct docker *d, const struct filters *f, const struct image *i)
{
    const struct filter *before = filters_get(f, "before"), *since = filters_get(f, "since");
    const struct image *b = before ? image_find(d, before->values[0]) : NULL;
    const struct image *s = since ? image_find(d, since->values[0]) : NULL;
    json_t *config;
    struct pairs labels;
    bool fits;

    if ((b && i->content->created >= b->content->created) ||
        (s && i->content->created <= s->content->created))
        return false;
    if (!filters_get(f, "label"))
        return true;
    config = image_config(i->content->b);
    labels = pairs_from_json(json_object_get(config, "Labels"));
    fits = filters_pairs(f, "label", &labels);
    pairs_release(&labels);
    json_decref(config);
    return fits;
}

static int newest_first(const void *a, const void *b)
{
    const struct image *x = *(struct image *const *)a, *y = *(struct image *const *)b;

    if (x->content->created != y->content->created)
        return x->content->created < y->content->created ? 1 : -1;
    return strcmp(x->content->id, y->content->id);
}

static void list_images(struct docker *d, struct buf *b, const struct filters *f, bool dangling,
                        int version)
{
    const struct filter *reference = filters_get(f, "reference");
    struct image **all = new0_array(struct image *, map_count(&d->images) + 1);
    size_t n = 0;
    void *v;

    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);)
        all[n++] = v;
    qsort(all, n, sizeof(*all), newest_first);
    buf_addc(b, '[');
    for (size_t i = 0; i < n; i++) {
        struct image *img = all[i];
        bool none = !img->n_tags && !img->n_digests;
        char **tags = new0_array(char *, img->n_tags + 1);
        size_t n_tags = 0;

        for (size_t k = 0; k < img->n_tags; k++)
            if (!reference || reference_fits(reference, img->tags[k]))
                tags[n_tags++] = img->tags[k];
        if (image_fits(d, f, img) && !(reference && !n_tags) &&
            !(filters_get(f, "dangling") && dangling != none)) {
            if (buf_len(b) > 1)
                buf_addc(b, ',');
            add_image(b, d, img, tags, n_tags, !reference, version);
        }
        free(tags);
    }
    buf_addc(b, ']');
    free(all);
}

void get_images(struct fake *f, struct exchange *x)
{
    static const char *const accepted[] = {"dangling",  "label", "before", "since",
                                           "reference", "until", NULL};
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct filters filters;
    struct problem p = {0};
    bool dangling;

    if (filters_read(&filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (filters_bool(d, &filters, "dangling", false, &dangling, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    list_images(d, &b, &filters, dangling, call_version(x));
    filters_release(&filters);
    docker_answer(x, 200, &b);
}

/* --- inspect and history ----------------------------------------------------------------- */

#define STORAGE "/var/lib/docker/overlay2/"

static void add_graph(struct buf *b, const struct content *c)
{
    const char *top = c->chain_ids[c->n_layers - 1];

    buf_adds(b, ",\"GraphDriver\":{\"Data\":{");
    for (size_t i = c->n_layers - 1; i-- > 0;)
        buf_addf(b, "%s" STORAGE "%s/diff%s", i + 2 == c->n_layers ? "\"LowerDir\":\"" : ":",
                 c->chain_ids[i], i ? "" : "\",");
    buf_addf(b,
             "\"MergedDir\":\"" STORAGE "%s/merged\",\"UpperDir\":\"" STORAGE
             "%s/diff\",\"WorkDir\":\"" STORAGE "%s/work\"},\"Name\":\"overlay2\"}",
             top, top, top);
}

static void add_image_inspect(struct buf *b, struct docker *d, const struct image *i, int version)
{
    static const char empty[] =
        "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
        "\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,"
        "\"StdinOnce\":false,\"Env\":null,\"Cmd\":null,\"Image\":\"\",\"Volumes\":null,"
        "\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":null}";
    const struct content *c = i->content;
    json_t *config = image_config(c->b);

    buf_addf(b, "{\"Id\":\"%s\",\"RepoTags\":", c->id);
    names_write(b, i->tags, i->n_tags, false);
    buf_adds(b, ",\"RepoDigests\":");
    names_write(b, i->digests, i->n_digests, false);
    buf_adds(b, ",\"Parent\":\"\",\"Comment\":\"\",\"Created\":\"");
    add_time(b, c->created);
    buf_addc(b, '"');
    if (version < API(45))
        buf_addf(b, "%s,\"ContainerConfig\":%s", docker_modern(d) ? "" : ",\"Container\":\"\"",
                 empty);
    buf_adds(b, ",\"DockerVersion\":\"20.10.24\",\"Author\":\"\",\"Config\":");
    schema_write(b, config_schema(), config);
    buf_adds(b, ",\"Architecture\":");
    gojson_add(b, c->b->arch);
    buf_addf(b, ",\"Os\":\"linux\",\"Size\":%lld", (long long)c->b->size);
    if (version < API(44))
        buf_addf(b, ",\"VirtualSize\":%lld", (long long)c->b->size);
    add_graph(b, c);
    buf_adds(b, ",\"RootFS\":{\"Type\":\"layers\",\"Layers\":[");
    for (size_t k = 0; k < c->n_layers; k++)
        buf_addf(b, "%s\"sha256:%s\"", k ? "," : "", c->diff_ids[k]);
    buf_adds(b, "]},\"Metadata\":{\"LastTagTime\":\"");
    add_time(b, i->last_tagged);
    buf_adds(b, "\"}}");
    json_decref(config);
}

void get_image(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    const struct image *i = image_find(d, name);
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};

    if (i) {
        add_image_inspect(&b, d, i, call_version(x));
        docker_answer(x, 200, &b);
    } else {
        image_missing(&p, name);
        if (docker_modern(d))
            docker_refuse(x, &p);
        else
            docker_refuse_text(x, 404, "no such image: %s: %s", name, p.text);
    }
    free(p.text);
    free(name);
}

void get_image_history(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    const struct image *i = image_find(d, name);
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};

    if (!i) {
        image_missing(&p, name);
        docker_refuse(x, &p);
        free(name);
        return;
    }
    buf_addc(&b, '[');
    for (size_t k = i->content->n_layers; k-- > 0;) {
        bool top = k + 1 == i->content->n_layers;

        buf_addf(&b,
                 "%s{\"Comment\":\"\",\"Created\":%lld,\"CreatedBy\":\"\",\"Id\":\"%s\","
                 "\"Size\":%lld,\"Tags\":",
                 top ? "" : ",", (long long)(i->content->created / NS_PER_S),
                 top ? i->content->id : "<missing>", (long long)i->content->layer_size);
        names_write(&b, i->tags, top ? i->n_tags : 0, true);
        buf_addc(&b, '}');
    }
    buf_addc(&b, ']');
    docker_answer(x, 200, &b);
    free(name);
}

/* --- tag --------------------------------------------------------------------------------- */

void post_image_tag(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name"), *repo = exchange_param(x, "repo");
    char *tag = exchange_param(x, "tag"), *familiar;
    struct image *i = image_find(d, name);
    struct problem p = {0};
    const char *why = "";
    struct ref r = {0};

    if (ref_parse(&r, repo ? repo : "", &why) < 0) {
        problem(&p, 400, "%s",
                repo && *repo ? why : "repository name must have at least one component");
    } else if (r.digest) {
        problem(&p, 400, "refusing to create a tag with a digest reference");
    } else if (tag && *tag && !ref_tag_valid(tag)) {
        problem(&p, 400, "invalid tag format");
    } else if (!i) {
        image_missing(&p, name);
    }
    if (p.status) {
        docker_refuse(x, &p);
    } else {
        if (tag && *tag) {
            free(r.tag);
            r.tag = xstrdup(tag);
        }
        ref_default_tag(&r);
        familiar = ref_familiar(&r);
        image_tag(d, i, familiar);
        i->last_tagged = clock_wall(docker_clock(d));
        image_event(d, "tag", i, familiar);
        free(familiar);
        docker_answer_empty(x, 201);
    }
    ref_release(&r);
    free(name);
    free(repo);
    free(tag);
}

/* --- delete ------------------------------------------------------------------------------ */

struct removal {
    struct docker *d;
    struct buf b; /* the array as it grows */
    struct problem *p;
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
            if (str_eq(c->chain_ids[k], chain_id))
                return true;
    }
    return false;
}

static void delete_layers(struct removal *r, struct image *i)
{
    char name[80];

    while (i->n_tags)
        untag(r, i, i->tags[0], true);
    while (i->n_digests)
        untag(r, i, i->digests[0], true);
    image_event(r->d, "delete", i, i->content->id);
    record_removal(r, "Deleted", i->content->id);
    for (size_t k = i->content->n_layers; k-- > 0;) {
        if (layer_used(r->d, i->content->chain_ids[k], i))
            break;
        snprintf(name, sizeof(name), "sha256:%s", i->content->chain_ids[k]);
        record_removal(r, "Deleted", name);
    }
    image_drop(r->d, i);
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

    buf_addc(&r.b, '[');
    if (!i)
        ret = image_missing(&p, name);
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

void post_images_prune(struct fake *f, struct exchange *x)
{
    static const char *const accepted[] = {"dangling", "label", "label!", "until", NULL};
    static const char *const reclaimed[] = {"reclaimed", "0"};
    struct docker *d = (struct docker *)f;
    struct problem p = {0};
    struct removal r = {.d = d, .b = BUF_INIT(ANSWER_MAX), .p = &p};
    struct filters filters;
    bool dangling;
    void *v;

    if (filters_read(&filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (filters_bool(d, &filters, "dangling", true, &dangling, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    buf_addc(&r.b, '[');
    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);) {
        struct image *img = v;

        if ((dangling && img->n_tags + img->n_digests) || !image_fits(d, &filters, img) ||
            user_of(d, img->content->id, false))
            continue;
        delete_layers(&r, img);
    }
    filters_release(&filters);
    docker_event(d, EVENT_IMAGE, "prune", "", NULL, reclaimed, 1);
    struct buf b = BUF_INIT(ANSWER_MAX);

    buf_addf(&b, "{\"ImagesDeleted\":%s%s,\"SpaceReclaimed\":0}",
             buf_len(&r.b) > 1 ? buf_str(&r.b) : "null", buf_len(&r.b) > 1 ? "]" : "");
    buf_release(&r.b);
    docker_answer(x, 200, &b);
}

/* --- distribution ------------------------------------------------------------------------ */

void get_distribution(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};
    const struct decl *l = NULL;
    const char *why;
    struct ref r = {0};

    if (ref_parse(&r, name, &why) < 0)
        problem(&p, 400, "%s", why);
    else if ((l = catalogue_find(d, &r)) && l->content->b->pull_error && !l->content->b->pull)
        pull_problem(&p, l->content->b->pull_error, &r);
    else if (!l && catalogue_knows_repo(d, r.repo))
        problem(&p, 404, "manifest unknown: manifest unknown");
    else if (!l)
        problem(&p, 403, "denied: requested access to the resource is denied");
    if (p.status) {
        docker_refuse(x, &p);
    } else {
        buf_addf(&b,
                 "{\"Descriptor\":{\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+"
                 "json\",\"digest\":\"%s\",\"size\":%zu},\"Platforms\":[{\"architecture\":",
                 l->content->digest, 424 + 105 * l->content->n_layers);
        gojson_add(&b, l->content->b->arch);
        buf_adds(&b, ",\"os\":\"linux\"}]}");
        docker_answer(x, 200, &b);
    }
    ref_release(&r);
    free(name);
}
