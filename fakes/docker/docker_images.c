/* Images: list, inspect, history, tag, delete, prune, and what a registry says of them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/registry.h"
#include "fakes/docker/schema.h"
#include "fakes/docker/trouble.h"

void image_event(struct docker *d, const char *action, const struct image *i, const char *name)
{
    const char *const more[] = {"name", name};
    /* what is deleted is gone before it is told */
    struct pairs labels =
        pairs_from_json(str_eq(action, "delete") ? NULL : content_labels(i->content));

    docker_event(d, EVENT_IMAGE, action, i->content->id, &labels, more, 1);
    pairs_release(&labels);
}

bool image_has_children(const struct docker *d, const struct image *i)
{
    void *v;

    for (size_t k = 0; map_next(&d->images, &k, NULL, &v);)
        if (str_eq(((struct image *)v)->parent, i->content->id))
            return true;
    return false;
}

/* --- list -------------------------------------------------------------------------------- */

static void add_labels(struct buf *b, const struct content *c)
{
    struct pairs p = pairs_from_json(content_labels(c));

    if (p.n)
        pairs_write(b, &p, false);
    else
        buf_adds(b, "null");
    pairs_release(&p);
}

/* The tags and digests of an image that are shown. */
struct shown {
    char **tags, **digests;
    size_t n_tags, n_digests;
};

static void add_image(struct buf *b, const struct image *i, const struct shown *shown,
                      int containers, int64_t shared, int version)
{
    const struct content *c = i->content;
    bool none = !i->n_tags && !i->n_digests;

    buf_addf(b, "{\"Containers\":%d,\"Created\":%lld,\"Id\":\"%s\",\"Labels\":", containers,
             (long long)(c->created / NS_PER_S), c->id);
    add_labels(b, c);
    buf_addf(b, ",\"ParentId\":\"%s\",\"RepoDigests\":", i->parent);
    if (none)
        buf_adds(b, version < API(43) ? "[\"<none>@<none>\"]" : "[]");
    else
        names_write(b, shown->digests, shown->n_digests, version < API(43));
    buf_adds(b, ",\"RepoTags\":");
    if (none)
        buf_adds(b, version < API(43) ? "[\"<none>:<none>\"]" : "[]");
    else
        names_write(b, shown->tags, shown->n_tags, version < API(43));
    buf_addf(b, ",\"SharedSize\":%lld,\"Size\":%lld", (long long)shared, (long long)c->size);
    if (version < API(44))
        buf_addf(b, ",\"VirtualSize\":%lld", (long long)c->size);
    buf_addc(b, '}');
}

void image_summary(struct buf *b, const struct image *i, int containers, int64_t shared,
                   int version)
{
    const struct shown all = {i->tags, i->digests, i->n_tags, i->n_digests};

    add_image(b, i, &all, containers, shared, version);
}

/* "busybox:1", "busybox", "repo/bus*": as path.Match over the familiar name. */
static bool reference_fits(const struct filter *f, const char *tag)
{
    char *repo = xstrdup(tag), *at = strchr(repo, '@'), *colon = at ? at : strrchr(repo, ':');
    bool fits = false;

    if (colon)
        *colon = '\0';
    for (size_t i = 0; i < f->n && !fits; i++)
        fits = str_glob(f->values[i], tag) || str_glob(f->values[i], repo);
    free(repo);
    return fits;
}

/* The images that before and since name; -1: there is none. */
static int bounds(struct docker *d, const struct filters *f, const struct image **ret_before,
                  const struct image **ret_since, struct problem *p)
{
    const struct filter *before = filters_get(f, "before"), *since = filters_get(f, "since");

    *ret_before = before ? image_find(d, before->values[0]) : NULL;
    *ret_since = since ? image_find(d, since->values[0]) : NULL;
    if (before && !*ret_before)
        return image_missing(d, p, before->values[0]);
    return since && !*ret_since ? image_missing(d, p, since->values[0]) : 0;
}

bool image_matches(struct docker *d, const struct filters *f, const struct image *i)
{
    const struct image *b, *s;
    struct problem quiet = {0};
    struct pairs labels;
    bool fits;

    bounds(d, f, &b, &s, &quiet);
    free(quiet.text);
    if ((b && i->content->created >= b->content->created) ||
        (s && i->content->created <= s->content->created))
        return false;
    if (!filters_get(f, "label"))
        return true;
    labels = pairs_from_json(content_labels(i->content));
    fits = filters_pairs(f, "label", &labels);
    pairs_release(&labels);
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
                        bool all_of_them, int version)
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
        struct shown shown = {new0_array(char *, img->n_tags + 1),
                              new0_array(char *, img->n_digests + 1), 0, 0};

        for (size_t k = 0; k < img->n_tags; k++)
            if (!reference || reference_fits(reference, img->tags[k]))
                shown.tags[shown.n_tags++] = img->tags[k];
        for (size_t k = 0; k < img->n_digests; k++)
            if (!reference || reference_fits(reference, img->digests[k]))
                shown.digests[shown.n_digests++] = img->digests[k];
        if (!(none && !all_of_them && image_has_children(d, img)) && image_matches(d, f, img) &&
            !(reference && !shown.n_tags && !shown.n_digests) &&
            !(filters_get(f, "dangling") && dangling != none)) {
            if (buf_len(b) > 1)
                buf_addc(b, ',');
            add_image(b, img, &shown, -1, -1, version);
        }
        free(shown.tags);
        free(shown.digests);
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
    const struct image *before, *since;
    char *old; /* before 1.41 */
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
    old = call_version(x) < API(41) ? exchange_param(x, "filter") : NULL;
    if (old && *old)
        filters_add(&filters, "reference", old);
    free(old);
    if (bounds(d, &filters, &before, &since, &p) < 0) {
        filters_release(&filters);
        docker_refuse(x, &p);
        return;
    }
    list_images(d, &b, &filters, dangling, exchange_param_bool(x, "all"), call_version(x));
    filters_release(&filters);
    docker_answer(x, 200, &b);
}

/* --- inspect and history ----------------------------------------------------------------- */

#define STORAGE "/var/lib/docker/overlay2/"

static void add_graph(struct buf *b, const struct content *c)
{
    const char *top = c->n_layers ? c->layers[c->n_layers - 1].chain_id : "";

    if (!c->n_layers) {
        buf_adds(b, ",\"GraphDriver\":{\"Data\":null,\"Name\":\"overlay2\"}");
        return;
    }
    buf_adds(b, ",\"GraphDriver\":{\"Data\":{");
    for (size_t i = c->n_layers - 1; i-- > 0;)
        buf_addf(b, "%s" STORAGE "%s/diff%s", i + 2 == c->n_layers ? "\"LowerDir\":\"" : ":",
                 c->layers[i].chain_id, i ? "" : "\",");
    buf_addf(b,
             "\"MergedDir\":\"" STORAGE "%s/merged\",\"UpperDir\":\"" STORAGE
             "%s/diff\",\"WorkDir\":\"" STORAGE "%s/work\"},\"Name\":\"overlay2\"}",
             top, top, top);
}

static const char *text_of(const json_t *o, const char *member)
{
    const char *s = json_str(o, member);

    return s ? s : "";
}

static const char *last_comment(const struct content *c)
{
    const json_t *history = json_object_get(c->file, "history");
    size_t n = json_array_size(history);

    return n ? text_of(json_array_get(history, n - 1), "comment") : text_of(c->file, "comment");
}

static void add_image_inspect(struct buf *b, struct docker *d, const struct image *i, int version)
{
    static const char empty[] =
        "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
        "\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,"
        "\"StdinOnce\":false,\"Env\":null,\"Cmd\":null,\"Image\":\"\",\"Volumes\":null,"
        "\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":null}";
    const struct content *c = i->content;
    const json_t *was = json_object_get(c->file, "container_config");

    buf_addf(b, "{\"Id\":\"%s\",\"RepoTags\":", c->id);
    names_write(b, i->tags, i->n_tags, false);
    buf_adds(b, ",\"RepoDigests\":");
    names_write(b, i->digests, i->n_digests, false);
    gojson_member(b, "Parent", i->parent);
    gojson_member(b, "Comment", last_comment(c));
    buf_adds(b, ",\"Created\":\"");
    add_time(b, c->created);
    buf_addc(b, '"');
    if (version < API(45)) {
        if (!docker_modern(d) || *text_of(c->file, "container"))
            gojson_member(b, "Container", text_of(c->file, "container"));
        buf_adds(b, ",\"ContainerConfig\":");
        if (json_is_object(was))
            schema_write(b, config_schema(), was);
        else
            buf_adds(b, empty);
    }
    gojson_member(b, "DockerVersion", text_of(c->file, "docker_version"));
    gojson_member(b, "Author", text_of(c->file, "author"));
    buf_adds(b, ",\"Config\":");
    schema_write(b, config_schema(), c->config);
    gojson_member(b, "Architecture", text_of(c->file, "architecture"));
    if (*text_of(c->file, "variant"))
        gojson_member(b, "Variant", text_of(c->file, "variant"));
    gojson_member(b, "Os", text_of(c->file, "os"));
    buf_addf(b, ",\"Size\":%lld", (long long)c->size);
    if (version < API(44))
        buf_addf(b, ",\"VirtualSize\":%lld", (long long)c->size);
    add_graph(b, c);
    buf_adds(b, ",\"RootFS\":{\"Type\":\"layers\",\"Layers\":[");
    for (size_t k = 0; k < c->n_layers; k++)
        buf_addf(b, "%s\"sha256:%s\"", k ? "," : "", c->layers[k].diff_id);
    buf_adds(b, "]},\"Metadata\":{\"LastTagTime\":\"");
    add_time(b, i->last_tagged);
    buf_adds(b, "\"}}");
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
        image_missing(d, &p, name);
        if (docker_modern(d))
            docker_refuse(x, &p);
        else
            docker_refuse_text(x, p.status, "no such image: %s: %s", name, p.text);
    }
    free(p.text);
    free(name);
}

/* i: the image whose last step it is, or NULL. */
static void add_step(struct buf *b, const struct image *i, const json_t *step, int64_t size)
{
    const char *created = json_str(step, "created");
    int64_t wall = 0;

    if (created)
        str_parse_time(created, &wall);
    buf_addc(b, '{');
    gojson_member(b, "Comment", text_of(step, "comment"));
    buf_addf(b, ",\"Created\":%lld", (long long)(wall / NS_PER_S));
    gojson_member(b, "CreatedBy", text_of(step, "created_by"));
    gojson_member(b, "Id", i ? i->content->id : "<missing>");
    buf_addf(b, ",\"Size\":%lld,\"Tags\":", (long long)size);
    names_write(b, i ? i->tags : NULL, i ? i->n_tags : 0, true);
    buf_addc(b, '}');
}

/* Newest first; a step without a layer has no size. */
static void add_history(struct buf *b, struct docker *d, const struct image *i)
{
    const json_t *history = json_object_get(i->content->file, "history");
    size_t n = json_array_size(history), layer = i->content->n_layers;
    const struct image *own = i;

    buf_addc(b, '[');
    for (size_t k = n; k-- > 0;) {
        const json_t *step = json_array_get(history, k);
        bool empty = json_bool(step, "empty_layer", false) || !layer;

        if (k + 1 < n)
            buf_addc(b, ',');
        add_step(b, own, step, empty ? 0 : i->content->layers[--layer].size);
        own = own ? map_get(&d->images, own->parent) : NULL;
    }
    buf_addc(b, ']');
}

void get_image_history(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    const struct image *i = image_find(d, name);
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};

    if (!i) {
        image_missing(d, &p, name);
        docker_refuse(x, &p);
        free(name);
        return;
    }
    add_history(&b, d, i);
    docker_answer(x, 200, &b);
    free(name);
}

/* --- tag --------------------------------------------------------------------------------- */

int image_ref_read(struct docker *d, const char *repo, const char *tag, struct ref *r,
                   struct problem *p)
{
    const char *why = "";

    if (ref_parse(r, repo, &why) < 0) {
        char *text = name_problem(d, repo, why);

        problem(p, docker_modern(d) ? 400 : 500, "%s", *repo ? text : "invalid reference format");
        free(text);
        return -1;
    }
    if (r->digest)
        return problem(p, 400,
                       docker_modern(d) ? "cannot import digest reference"
                                        : "refusing to create a tag with a digest reference");
    if (tag && *tag && !ref_tag_valid(tag))
        return problem(p, docker_modern(d) ? 400 : 500, "invalid tag format");
    if (tag && *tag) {
        free(r->tag);
        r->tag = xstrdup(tag);
    }
    return 0;
}

char *image_tag_ref(struct docker *d, struct image *i, struct ref *r)
{
    char *given = ref_familiar(r), *familiar;

    ref_default_tag(r);
    familiar = ref_familiar(r);
    image_tag(d, i, familiar);
    i->last_tagged = clock_wall(docker_clock(d));
    if (!docker_modern(d)) {
        char *swap = given;

        given = familiar;
        familiar = swap;
    }
    image_event(d, "tag", i, familiar);
    free(given);
    return familiar;
}

void post_image_tag(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name"), *repo = exchange_param(x, "repo");
    char *tag = exchange_param(x, "tag");
    struct image *i = image_find(d, name);
    struct problem p = {0};
    struct ref r = {0};

    if (docker_modern(d) && (!repo || !*repo)) { /* nothing is done, and nothing said */
        docker_answer_empty(x, 200);
        goto out;
    }
    if (image_ref_read(d, repo ? repo : "", tag, &r, &p) == 0) {
        if (i)
            trouble_disk_full(d, &p, "/var/lib/docker/image/overlay2/.tmp-repositories.json%u",
                              1000000000 + d->next_pid);
        else
            image_missing(d, &p, name);
    }
    if (p.status) {
        docker_refuse(x, &p);
    } else {
        free(image_tag_ref(d, i, &r));
        docker_answer_empty(x, 201);
    }
out:
    ref_release(&r);
    free(name);
    free(repo);
    free(tag);
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

    if (ref_parse(&r, name, &why) < 0) {
        char *text = name_problem(d, name, why);

        problem(&p, 400, "%s", text);
        free(text);
    } else if (registry_ask(d, &r, exchange_header(x, "X-Registry-Auth"), false, &p) == 0)
        l = catalogue_find(d, &r);
    if (l && l->content->b->pull_error && !l->content->b->pull)
        pull_problem(&p, l->content->b->pull_error, &r);
    if (p.status == 500 && str_starts(p.text, "toomanyrequests"))
        p.status = 429;
    else if (!l && !p.status && !catalogue_knows_repo(d, r.repo) && str_eq(r.domain, "docker.io"))
        problem(&p, 403, REGISTRY_DENIED);
    else if (!l && !p.status)
        problem(&p, 404, "manifest unknown: manifest unknown");
    if (p.status) {
        docker_refuse(x, &p);
    } else {
        buf_addf(&b,
                 "{\"Descriptor\":{\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+"
                 "json\",\"digest\":\"%s\",\"size\":%zu},\"Platforms\":[{\"architecture\":",
                 l->content->digest, l->content->manifest_size);
        gojson_add(&b, text_of(l->content->file, "architecture"));
        buf_adds(&b, ",\"os\":\"linux\"}]}");
        docker_answer(x, 200, &b);
    }
    ref_release(&r);
    free(name);
}
