/* What dockerd knows besides containers, images, volumes and networks: disk usage, plugins,
 * swarm, builds; see engine.h. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/rootfs.h"

/* --- disk usage --------------------------------------------------------------------------- */

static unsigned users_of(const struct docker *d, const char *image_id)
{
    struct list *pos;
    unsigned n = 0;

    list_for_each (pos, &d->containers)
        n += str_eq(container_of(pos, struct container, link)->image_id, image_id);
    return n;
}

/* How many local images have this layer. */
static unsigned layer_users(const struct docker *d, const char *chain_id)
{
    unsigned n = 0;
    void *v;

    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);) {
        const struct content *c = ((struct image *)v)->content;

        for (size_t k = 0; k < c->n_layers; k++)
            n += str_eq(c->layers[k].chain_id, chain_id);
    }
    return n;
}

static int64_t shared_size(const struct docker *d, const struct content *c)
{
    int64_t n = 0;

    for (size_t k = 0; k < c->n_layers; k++)
        if (layer_users(d, c->layers[k].chain_id) > 1)
            n += c->layers[k].size;
    return n;
}

void get_system_df(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct list *pos;
    bool first = true;
    void *v;

    buf_addf(&b, "{\"LayersSize\":%lld,\"Images\":[", (long long)disk_used(d));
    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);) {
        const struct image *img = v;

        buf_adds(&b, first ? "" : ",");
        image_summary(&b, img, (int)users_of(d, img->content->id), shared_size(d, img->content),
                      call_version(x));
        first = false;
    }
    buf_adds(&b, "],\"Containers\":[");
    list_for_each (pos, &d->containers) {
        buf_adds(&b, pos == d->containers.next ? "" : ",");
        container_summary(&b, container_of(pos, struct container, link), true, false);
    }
    buf_adds(&b, "],\"Volumes\":[");
    first = true;
    for (size_t i = 0; map_next(&d->volumes, &i, NULL, &v);) {
        if (((struct volume *)v)->options.n) /* it may lie anywhere, so nobody counts it */
            continue;
        buf_adds(&b, first ? "" : ",");
        volume_summary(&b, v, volume_bytes(d, v));
        first = false;
    }
    buf_adds(&b, docker_modern(d) ? "],\"BuildCache\":[]" : "],\"BuildCache\":null");
    buf_adds(&b, !docker_modern(d) ? ",\"BuilderSize\":0}" : "}");
    docker_answer(x, 200, &b);
}

/* --- plugins, swarm ------------------------------------------------------------------------ */

void plugin_missing(struct fake *f, struct exchange *x)
{
    char *name = docker_param(x, "name");

    (void)f;
    docker_refuse_text(x, 404, "plugin \"%s\" not found", name);
    free(name);
}

void not_a_manager(struct fake *f, struct exchange *x)
{
    (void)f;
    docker_refuse_text(
        x, 503,
        "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm "
        "join\" to connect this node to swarm and try again.");
}

/* Something is wrong with the body before the swarm is asked. */
static bool body_refused(struct exchange *x)
{
    struct problem p = {0};
    json_t *body = docker_body_strict(x, &p);

    json_decref(body);
    if (!body)
        docker_refuse(x, &p);
    return !body;
}

void post_swarm_thing(struct fake *f, struct exchange *x)
{
    if (!body_refused(x))
        not_a_manager(f, x);
}

/* "/services/x/update" is of a service, "/swarm/update" of the swarm. */
void post_swarm_update(struct fake *f, struct exchange *x)
{
    static const char *const things[] = {"swarm", "service", "node", "secret", "config"};
    char *version = exchange_param(x, "version");
    const char *text = version ? version : "", *thing = "swarm";
    uint64_t n;

    for (size_t i = 0; i < ARRAY_SIZE(things); i++) {
        _cleanup_free_ char *part = xasprintf("/%s", things[i]);

        if (strstr(x->path, part) && strstr(x->path, "/update"))
            thing = things[i];
    }
    if (body_refused(x)) {
        free(version);
        return;
    }
    if (str_u64(text, UINT64_MAX, &n) == 0)
        not_a_manager(f, x);
    else if (str_eq(thing, "secret") || str_eq(thing, "config"))
        docker_refuse_text(x, 400, "invalid %s version", thing);
    else
        docker_refuse_text(x, 400,
                           "invalid %s version '%s': strconv.ParseUint: parsing \"%s\": invalid "
                           "syntax",
                           thing, text, text);
    free(version);
}

void post_plugin_set(struct fake *f, struct exchange *x)
{
    if (!body_refused(x))
        plugin_missing(f, x);
}

void post_plugin_upgrade(struct fake *f, struct exchange *x)
{
    static const char *const before[] = {"Api-Version", "Content-Type", "Docker-Experimental"};
    char *name = docker_param(x, "name"), *remote = exchange_param(x, "remote"), *familiar;
    struct ref r = {0}, own = {0};
    const char *why;

    (void)f;
    if (body_refused(x)) {
        /* it was answered */
    } else if (ref_parse(&r, remote ? remote : "", &why) < 0 || ref_parse(&own, name, &why) < 0) {
        docker_refuse_text(x, 500, "%s", why);
    } else {
        ref_default_tag(&own);
        familiar = ref_familiar(&own);
        for (size_t i = 0; i < ARRAY_SIZE(before); i++)
            exchange_set_header(x, before[i], "");
        exchange_set_header(x, "Docker-Plugin-Name", familiar);
        docker_refuse_text(x, 404, "plugin \"%s\" not found", familiar);
        free(familiar);
    }
    ref_release(&own);
    ref_release(&r);
    free(remote);
    free(name);
}

void post_swarm_leave(struct fake *f, struct exchange *x)
{
    (void)f;
    docker_refuse_text(x, 503, "This node is not part of a swarm");
}

/* --- builds -------------------------------------------------------------------------------- */

void post_session(struct fake *f, struct exchange *x)
{
    (void)f;
    if (exchange_header(x, "Upgrade"))
        docker_refuse_text(x, 501, "ecsim does not simulate builds");
    else
        docker_refuse_text(x, 400, "no upgrade proto in request");
}

void post_build(struct fake *f, struct exchange *x)
{
    char *remote = exchange_param(x, "remote");

    (void)f;
    if (!buf_len(&x->body) && (!remote || !*remote))
        docker_refuse_text(x, 500, "Cannot locate specified Dockerfile: Dockerfile");
    else
        docker_refuse_text(x, 501, "ecsim does not simulate builds");
    free(remote);
}

void post_build_prune(struct fake *f, struct exchange *x)
{
    static const char *const reclaimed[] = {"reclaimed", "0"};
    struct buf b = BUF_INIT(ANSWER_MAX);

    docker_event((struct docker *)f, EVENT_BUILDER, "prune", "", NULL, reclaimed, 1);
    buf_adds(&b, "{\"CachesDeleted\":null,\"SpaceReclaimed\":0}");
    docker_answer(x, 200, &b);
}

void post_image_push(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name"), *tag = exchange_param(x, "tag"), *full;
    struct ref r = {0};
    const char *why;
    struct buf b = BUF_INIT(ANSWER_MAX);

    if (!exchange_header(x, "X-Registry-Auth")) {
        docker_refuse_text(x, 400, "%s: %sEOF",
                           docker_modern(d) ? "bad parameters and missing X-Registry-Auth"
                                            : "Bad parameters and missing X-Registry-Auth",
                           docker_modern(d) ? "invalid X-Registry-Auth header: " : "");
    } else if (ref_parse(&r, name, &why) < 0) {
        docker_refuse_text(x, 400, "%s", why);
    } else {
        docker_begin(x, "application/json");
        buf_adds(&b, "{\"status\":");
        full = xasprintf("The push refers to repository [%s/%s]", r.domain, r.path);
        gojson_add_html(&b, full);
        free(full);
        buf_adds(&b, "}\r\n");
        exchange_write(x, buf_str(&b), buf_len(&b));
        buf_clear(&b);
        full = xasprintf("%s%s%s", r.repo, tag && *tag ? ":" : "", tag ? tag : "");
        if (image_find(d, full))
            stream_error(&b, "ecsim does not simulate pushes");
        else
            stream_errorf(&b, "An image does not exist locally with the tag: %s", r.repo);
        free(full);
        exchange_write(x, buf_str(&b), buf_len(&b));
        exchange_end(x);
    }
    buf_release(&b);
    ref_release(&r);
    free(name);
    free(tag);
}

void get_images_search(struct fake *f, struct exchange *x)
{
    char *term = exchange_param(x, "term");
    struct buf b = BUF_INIT(ANSWER_MAX);
    void *v;

    (void)term;
    buf_addc(&b, '[');
    for (size_t i = 0; map_next(&((struct docker *)f)->catalogue, &i, NULL, &v);) {
        const struct decl *l = v;

        if (!term || !str_eq(l->ref.domain, "docker.io") || !strstr(l->ref.repo, term))
            continue;
        buf_adds(&b, buf_len(&b) > 1 ? ",{" : "{");
        buf_addf(&b, "\"star_count\":0,\"is_official\":%s",
                 str_starts(l->ref.path, "library/") ? "true" : "false");
        gojson_member(&b, "name", l->ref.repo);
        buf_adds(&b, ",\"is_automated\":false,\"description\":\"\"}");
    }
    buf_addc(&b, ']');
    free(term);
    docker_answer(x, 200, &b);
}
