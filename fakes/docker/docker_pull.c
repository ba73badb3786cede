/* Pulls: what a registry answers, and progress on the clock. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/registry.h"
#include "fakes/docker/trouble.h"

/* Progress is told at most this often, and at least that often. */
#define TICK_MIN (100 * NS_PER_MS)
#define TICK_MAX (5 * NS_PER_S)

struct pull {
    struct list link;
    struct docker *d;
    struct exchange *x;
    struct clock_timer timer;
    struct ref ref;
    struct content *content; /* of the name that is being pulled */
    char **left;             /* more names of a pull of all tags */
    size_t n_left;
    int64_t began; /* mono */
    size_t layer;  /* the one that is on its way */
    bool extracting;
    bool all; /* every tag of the repository */
};

int pull_problem(struct problem *p, const char *word, const struct ref *r)
{
    const char *repo = r->repo ? r->repo : "", *tag = r->tag ? r->tag : "latest";

    if (str_eq(word, "denied"))
        return problem(p, 404,
                       "pull access denied for %s, repository does not exist or may require "
                       "'docker login': denied: requested access to the resource is denied",
                       repo);
    if (str_eq(word, "not-found"))
        return problem(p, 404, "manifest for %s%s%s not found: manifest unknown: manifest unknown",
                       repo, r->digest ? "@" : ":", r->digest ? r->digest : tag);
    if (str_eq(word, "toomanyrequests"))
        return problem(p, 500,
                       "toomanyrequests: You have reached your pull rate limit. You may increase "
                       "the limit by authenticating and upgrading: "
                       "https://www.docker.com/increase-rate-limit");
    if (str_eq(word, "unauthorized"))
        return problem(p, 500, "unauthorized: authentication required");
    if (str_eq(word, "timeout"))
        return problem(p, 500,
                       "Get \"https://%s/v2/\": net/http: request canceled while waiting for "
                       "connection (Client.Timeout exceeded while awaiting headers)",
                       !r->domain || str_eq(r->domain, "docker.io") ? "registry-1.docker.io"
                                                                    : r->domain);
    if (str_eq(word, "no-space"))
        return problem(p, 500,
                       "failed to register layer: Error processing tar file(exit status 1): write "
                       "/bin/app: no space left on device");
    return problem(p, 500, "%s", word);
}

/* --- lines of the stream ----------------------------------------------------------------- */

static void send_line(struct pull *p, struct buf *b)
{
    buf_adds(b, "}\r\n");
    exchange_write(p->x, buf_str(b), buf_len(b));
    buf_release(b);
}

static void send_status(struct pull *p, const char *status, const char *id)
{
    struct buf b = BUF_INIT(ANSWER_MAX);

    buf_adds(&b, "{\"status\":");
    gojson_add_html(&b, status);
    if (id) {
        buf_adds(&b, ",\"id\":");
        gojson_add_html(&b, id);
    }
    send_line(p, &b);
}

static void blob_id(const struct content *c, size_t layer, char out[65])
{
    hash_hex(out, "blob %s", c->layers[layer].diff_id);
    out[12] = '\0';
}

static void send_layer(struct pull *p, const char *status, size_t layer)
{
    struct buf b = BUF_INIT(ANSWER_MAX);
    char id[65];

    blob_id(p->content, layer, id);
    buf_addf(&b, "{\"status\":\"%s\",\"progressDetail\":{},\"id\":\"%s\"", status, id);
    send_line(p, &b);
}

static void send_progress(struct pull *p, const char *status, size_t layer, int64_t current)
{
    int64_t total = p->content->layers[layer].size ? p->content->layers[layer].size : 1;
    char id[65], have[24], whole[24];
    int done = (int)(current * 50 / total);
    struct buf b = BUF_INIT(ANSWER_MAX);

    blob_id(p->content, layer, id);
    buf_addf(&b,
             "{\"status\":\"%s\",\"progressDetail\":{\"current\":%lld,\"total\":%lld},"
             "\"progress\":\"[%.*s\\u003e%*s] %8s/%s\",\"id\":\"%s\"",
             status, (long long)current, (long long)total, done,
             "==================================================", 50 - done, "",
             human_size(current, have), human_size(total, whole), id);
    send_line(p, &b);
}

/* --- the course of a pull ---------------------------------------------------------------- */

static bool layer_is_local(struct docker *d, const char *chain_id)
{
    void *v;

    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);) {
        const struct content *c = ((struct image *)v)->content;

        for (size_t k = 0; k < c->n_layers; k++)
            if (str_eq(c->layers[k].chain_id, chain_id))
                return true;
    }
    return false;
}

static void pull_free(struct pull *p)
{
    clock_timer_stop(docker_clock(p->d), &p->timer);
    list_del(&p->link);
    ref_release(&p->ref);
    content_unref(p->content);
    for (size_t i = 0; i < p->n_left; i++)
        free(p->left[i]);
    free(p->left);
    free(p);
}

/* dockerd gives a pull up when its client leaves. */
static void pull_gone(struct exchange *x)
{
    pull_free(x->data);
}

static void pull_end(struct pull *p)
{
    struct exchange *x = p->x;

    x->on_gone = NULL;
    pull_free(p);
    exchange_end(x);
}

void stream_error(struct buf *b, const char *text)
{
    buf_adds(b, "{\"errorDetail\":{\"message\":");
    gojson_add_html(b, text);
    buf_adds(b, "},\"error\":");
    gojson_add_html(b, text);
    buf_adds(b, "}\r\n");
}

void stream_errorf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    stream_error(b, text);
    free(text);
}

static void pull_fail(struct pull *p, const char *text)
{
    struct buf b = BUF_INIT(ANSWER_MAX);

    stream_error(&b, text);
    exchange_write(p->x, buf_str(&b), buf_len(&b));
    buf_release(&b);
    pull_end(p);
}

static void pull_begin(struct pull *p);

/* One for each call, named as it was asked for; with the labels if that is an image's name. */
static void pull_event(struct pull *p)
{
    const char *const more[] = {"name", p->ref.repo};
    char *name = p->all ? xstrdup(p->ref.repo) : ref_familiar(&p->ref);
    const struct image *i = image_find(p->d, name);
    struct pairs labels = pairs_from_json(i ? content_labels(i->content) : NULL);

    docker_event(p->d, EVENT_IMAGE, "pull", name, &labels, more, 1);
    pairs_release(&labels);
    free(name);
}

/* What containerd says when a layer does not fit. */
static void pull_full(struct pull *p)
{
    struct problem why = {0};

    pull_problem(&why, "no-space", &p->ref);
    pull_fail(p, why.text);
    free(why.text);
}

static void pull_done(struct pull *p, bool fresh)
{
    struct docker *d = p->d;
    char *name, *text;
    struct image *i;

    if (!disk_has_room(d, p->content)) {
        pull_full(p);
        return;
    }
    name = ref_familiar(&p->ref);
    i = image_ensure(d, p->content);
    if (!p->ref.digest)
        image_tag(d, i, name);
    image_add_digest(d, i, p->ref.repo);
    text = xasprintf("Digest: %s", p->content->digest);
    send_status(p, text, NULL);
    free(text);
    text = xasprintf("Status: %s for %s", fresh ? "Downloaded newer image" : "Image is up to date",
                     name);
    send_status(p, text, NULL);
    free(text);
    free(name);
    if (p->n_left) {
        pull_begin(p);
        return;
    }
    pull_event(p);
    pull_end(p);
}

/* Whether this content is local under this name already. */
static bool up_to_date(struct pull *p)
{
    char *name = ref_familiar(&p->ref);
    const struct image *i = map_get(&p->d->names, name);

    free(name);
    return i && str_eq(i->content->id, p->content->id);
}

static size_t next_layer(struct pull *p, size_t from)
{
    while (from < p->content->n_layers && layer_is_local(p->d, p->content->layers[from].chain_id))
        from++;
    return from;
}

/* Tells what has happened up to this share of the way (in millionths). */
static void pull_advance(struct pull *p, int64_t share)
{
    const struct content *c = p->content;
    size_t first = next_layer(p, 0), n = c->n_layers - first;

    while (p->layer < c->n_layers) {
        int64_t here = share * (int64_t)n - (int64_t)(p->layer - first) * 1000000;
        int64_t extract = (here - 800000) * 5;

        if (here <= 0)
            return;
        if (!p->extracting) {
            int64_t got = here >= 800000 ? c->layers[p->layer].size
                                         : c->layers[p->layer].size * here / 800000;

            send_progress(p, "Downloading", p->layer, got);
            if (here < 800000)
                return;
            send_layer(p, "Verifying Checksum", p->layer);
            send_layer(p, "Download complete", p->layer);
            p->extracting = true;
        }
        if (extract < 1000000) {
            send_progress(p, "Extracting", p->layer, c->layers[p->layer].size * extract / 1000000);
            return;
        }
        send_progress(p, "Extracting", p->layer, c->layers[p->layer].size);
        send_layer(p, "Pull complete", p->layer);
        p->layer++;
        p->extracting = false;
    }
}

static int64_t pull_tick(const struct pull *p)
{
    int64_t tick = p->content->b->pull / 20;

    return tick < TICK_MIN ? TICK_MIN : tick > TICK_MAX ? TICK_MAX : tick;
}

static void on_tick(struct clock_timer *t)
{
    struct pull *p = container_of(t, struct pull, timer);
    struct clock *clock = docker_clock(p->d);
    const struct behaviour *b = p->content->b;
    int64_t gone = clock_mono(clock) - p->began, left = b->pull - gone;
    struct problem why = {0};

    if (left > 0) {
        pull_advance(p, gone / (b->pull / 1000000 + 1));
        clock_timer_start(clock, t, left < pull_tick(p) ? left : pull_tick(p), on_tick);
    } else if (trouble_disk_full(p->d, &why, "/var/lib/docker/tmp/GetImageBlob%u",
                                 1000000000 + p->d->next_pid) < 0) {
        pull_fail(p, why.text);
        free(why.text);
    } else if (b->pull_error) {
        pull_problem(&why, b->pull_error, &p->ref);
        pull_fail(p, why.text);
        free(why.text);
    } else {
        pull_advance(p, 1000000);
        pull_done(p, true);
    }
}

/* Takes the next name and begins to pull it; the answer has begun. */
static void pull_begin(struct pull *p)
{
    struct clock *clock = docker_clock(p->d);
    const struct decl *l;
    const char *why;
    char *id, *text;

    if (p->n_left) {
        ref_release(&p->ref);
        ref_parse(&p->ref, p->left[--p->n_left], &why);
        free(p->left[p->n_left]);
        l = catalogue_find(p->d, &p->ref);
        content_unref(p->content);
        p->content = content_ref(l->content);
    }
    id = p->ref.digest ? ref_familiar(&p->ref) : xstrdup(p->ref.tag);
    text = xasprintf("Pulling from %s", p->ref.path);
    send_status(p, text, id);
    free(text);
    free(id);
    if (up_to_date(p)) {
        pull_done(p, false);
        return;
    }
    if (map_get(&p->d->images, p->content->id)) { /* under another name: nothing is fetched */
        pull_done(p, true);
        return;
    }
    p->layer = next_layer(p, 0);
    p->extracting = false;
    p->began = clock_mono(clock);
    for (size_t i = 0; i < p->content->n_layers; i++)
        send_layer(p, i < p->layer ? "Already exists" : "Pulling fs layer", i);
    for (size_t i = p->layer + 3; i < p->content->n_layers; i++)
        send_layer(p, "Waiting", i);
    if (p->content->b->pull || p->d->trouble.disk_full) {
        clock_timer_start(clock, &p->timer,
                          p->content->b->pull < pull_tick(p) ? p->content->b->pull : pull_tick(p),
                          on_tick);
    } else {
        pull_advance(p, 1000000);
        pull_done(p, true);
    }
}

/* --- the call ---------------------------------------------------------------------------- */

/* fromImage and tag as one reference. all: neither tag nor digest was given. */
static int pull_ref(struct exchange *x, struct ref *r, bool *ret_all, struct problem *p)
{
    char *from = exchange_param(x, "fromImage"), *tag = exchange_param(x, "tag");
    const char *why;
    char *name = xstrdup(from ? from : "");
    int ret = 0;

    if (ref_parse(r, name, &why) < 0) {
        char *text = name_problem(docker_of(x), name, why);

        ret = problem(p, 400, "%s", text);
        free(text);
    } else if (tag && *tag && !ref_digest_valid(tag) && !ref_tag_valid(tag)) {
        ref_release(r);
        *r = (struct ref){0};
        ret = problem(p, 400, "invalid tag format");
    } else {
        /* "a tag" that is a digest replaces what the name says, as a tag does */
        if (tag && *tag) {
            free(ref_digest_valid(tag) ? steal_ptr(&r->digest) : steal_ptr(&r->tag));
            *(ref_digest_valid(tag) ? &r->digest : &r->tag) = xstrdup(tag);
        }
        *ret_all = !r->tag && !r->digest;
    }
    free(name);
    free(from);
    free(tag);
    return ret;
}

void auth_extra(struct docker *d, struct exchange *x, json_t *extra)
{
    static const char *const secrets[] = {"password", "auth", "identitytoken", "registrytoken"};
    const char *header = exchange_header(x, "X-Registry-Auth"), *text;
    struct buf b = BUF_INIT(HTTP_HEADER_BYTES_MAX);
    json_t *auth = NULL;

    if (header && str_unbase64(&b, header, strlen(header)) == 0)
        auth = json_read(buf_str(&b), buf_len(&b), JSON_READ_PEER, NULL);
    for (size_t i = 0; json_is_object(auth) && i < ARRAY_SIZE(secrets); i++) {
        text = json_str(auth, secrets[i]);
        if (!text || !*text)
            continue;
        journal_secret(fake_journal(&d->fake), text);
        journal_secret(fake_journal(&d->fake), header);
        json_put_str(auth, secrets[i], "***");
    }
    if (json_is_object(auth))
        json_put(extra, "auth", json_incref(auth));
    json_decref(auth);
    buf_release(&b);
}

json_t *pull_extra(struct docker *d, struct exchange *x)
{
    json_t *extra = json_object();
    struct problem p = {0};
    struct ref r = {0};
    bool all;

    if (pull_ref(x, &r, &all, &p) == 0) {
        char *name;

        ref_default_tag(&r);
        name = ref_familiar(&r);
        json_put_str(extra, "image", name);
        free(name);
        ref_release(&r);
    }
    free(p.text);
    auth_extra(d, x, extra);
    return extra;
}

/* Every tag of the repository, to be pulled one after the other, in alphabetical order. */
static void queue_all_tags(struct pull *p, const char *repo)
{
    size_t cap = 0;
    void *v;

    for (size_t i = 0; map_next(&p->d->catalogue, &i, NULL, &v);) {
        const struct decl *l = v;

        if (str_eq(l->ref.repo, repo))
            names_add(&p->left, &p->n_left, &cap, l->name);
    }
    for (size_t i = 0; i < p->n_left / 2; i++) {
        char *s = p->left[i];

        p->left[i] = p->left[p->n_left - 1 - i];
        p->left[p->n_left - 1 - i] = s;
    }
}

static int pull_find(struct docker *d, struct ref *r, bool all, const char *auth,
                     const struct decl **ret, struct problem *p)
{
    *ret = NULL;
    if (registry_ask(d, r, auth, true, p) < 0)
        return -1;
    if (!catalogue_knows_repo(d, r->repo))
        return registry_lacks(d, r, true, p);
    if (all)
        return 0;
    *ret = catalogue_find(d, r);
    if (!*ret)
        return registry_lacks(d, r, false, p);
    if ((*ret)->content->b->pull_error && !(*ret)->content->b->pull)
        return pull_problem(p, (*ret)->content->b->pull_error, r);
    return 0;
}

void post_images_create(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *from = exchange_param(x, "fromImage"), *src = exchange_param(x, "fromSrc");
    bool import = !from || !*from, all = false;
    const struct decl *l;
    struct problem p = {0};
    struct ref r = {0};
    struct pull *pull;

    if (import && src && *src) {
        if (post_image_imports(x))
            post_image_import(d, x);
        else
            docker_refuse_text(x, 501, "ecsim does not fetch what is imported");
        free(from);
        free(src);
        return;
    }
    if (import)
        problem(&p, 500, "Get \"http:\": http: no Host in request URL");
    free(from);
    free(src);
    if (p.status || pull_ref(x, &r, &all, &p) < 0 ||
        pull_find(d, &r, all, exchange_header(x, "X-Registry-Auth"), &l, &p) < 0) {
        ref_release(&r);
        docker_refuse(x, &p);
        return;
    }
    pull = new0(struct pull);
    pull->d = d;
    pull->x = x;
    pull->ref = r;
    pull->all = all;
    if (l)
        pull->content = content_ref(l->content);
    else
        queue_all_tags(pull, r.repo);
    list_add_tail(&d->pulls, &pull->link);
    x->data = pull;
    x->on_gone = pull_gone;
    docker_begin(x, "application/json");
    pull_begin(pull);
}

void docker_pulls_pending(struct docker *d, struct buf *out)
{
    struct list *pos;
    char left[48];

    list_for_each (pos, &d->pulls) {
        const struct pull *p = container_of(pos, struct pull, link);
        char *name = ref_familiar(&p->ref);

        buf_addf(out, "docker: pull of %s: %s in %s\n", name,
                 p->content->b->pull_error ? "fails" : "is done",
                 str_format_duration(p->began + p->content->b->pull - clock_mono(docker_clock(d)),
                                     left));
        free(name);
    }
}
