/* POST /commit: an image of what a container has changed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/image_config.h"
#include "fakes/docker/image_tar.h"
#include "fakes/docker/rootfs.h"
#include "fakes/docker/schema.h"
#include "fakes/docker/trouble.h"

struct commit {
    struct docker *d;
    struct exchange *x;
    struct container *c;
    json_t *own;    /* the container's configuration */
    json_t *config; /* that of the image */
    char *comment, *author;
};

/* ?changes=a&changes=b as lines. */
static char *changes_param(const struct exchange *x)
{
    struct buf all = BUF_INIT(HTTP_TARGET_MAX), one = BUF_INIT(HTTP_TARGET_MAX);
    bool any = false;

    for (const char *s = x->raw_query; *s; s += strcspn(s, "&"), s += *s == '&') {
        const char *value = str_after(s, "changes=");

        if (!value)
            continue;
        str_unpercent(&one, value, strcspn(value, "&"), true);
        buf_addf(&all, "%s%s", any ? "\n" : "", buf_str(&one));
        buf_clear(&one);
        any = true;
    }
    buf_release(&one);
    if (any)
        return buf_steal(&all, NULL);
    buf_release(&all);
    return NULL;
}

int config_change(struct docker *d, const struct exchange *x, json_t *config, struct problem *p)
{
    _cleanup_free_ char *changes = changes_param(x);
    char why[GOJSON_TEXT_MAX];

    if (!changes || config_changes(config, changes, d->api, why) == 0)
        return 0;
    return problem(p, 400, "%s", why);
}

/* --- the configuration ------------------------------------------------------------------- */

static json_t *config_of(const struct container *c)
{
    _cleanup_free_ char *ports = xasprintf("{%s}", c->config_ports);
    json_t *text = json_read(c->config, strlen(c->config), JSON_READ_PEER, NULL);
    json_t *more = json_read(ports, strlen(ports), JSON_READ_PEER, NULL), *out;
    char why[GOJSON_TEXT_MAX];

    json_object_update(text, more);
    out = schema_read(config_schema(), text, "", why);
    json_decref(text);
    json_decref(more);
    return out;
}

/* The one in the body; NULL: there is none, or a problem. */
static json_t *config_given(struct commit *m, struct problem *p)
{
    bool modern = docker_modern(m->d);
    json_t *body = docker_body(m->x, p), *config = NULL;
    char why[GOJSON_TEXT_MAX] = "";

    if (!body) {
        if (!buf_len(&m->x->body) && strstr(p->text, "EOF")) { /* no body is none */
            free(p->text);
            *p = (struct problem){0};
        }
        return NULL;
    }
    config = schema_read(config_schema(), body,
                         modern ? "ContainerConfigWrapper.Config" : "ContainerConfigWrapper", why);
    json_decref(body);
    if (!config)
        problem(p, modern ? 400 : 500, "%s%s", modern ? "invalid JSON: " : "", why);
    if (json_object_size(config))
        return config;
    json_decref(config);
    return NULL;
}

static struct container *find_container(struct commit *m, struct problem *p)
{
    _cleanup_free_ char *name = exchange_param(m->x, "container");
    struct container *c;

    if (!name || !*name) {
        problem(p, 400, "invalid name or ID supplied: \"\"");
        return NULL;
    }
    c = container_find(m->d, name, p);
    if (c && (c->state == CONTAINER_DEAD || c->state == CONTAINER_REMOVING)) {
        problem(p, 409, "You cannot commit container %s which is %s", c->id,
                c->state == CONTAINER_DEAD ? "Dead" : "being removed");
        return NULL;
    }
    return c;
}

static int read_call(struct commit *m, struct problem *p)
{
    m->config = config_given(m, p);
    if (p->status || !(m->c = find_container(m, p)))
        return -1;
    m->comment = exchange_param(m->x, "comment");
    m->author = exchange_param(m->x, "author");
    m->own = config_of(m->c);
    if (!m->config)
        m->config = json_deep_copy(m->own);
    return 0;
}

/* --- the image --------------------------------------------------------------------------- */

static void add_text(struct buf *b, const char *name, const char *value)
{
    if (value && *value)
        gojson_member(b, name, value);
}

/* What it was made by, in the words of the container. */
static void add_step(struct buf *b, const struct commit *m, bool empty)
{
    struct buf by = BUF_INIT(ANSWER_MAX);
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(m->own, "Cmd"), i, v)
        buf_addf(&by, "%s%s", i ? " " : "", json_string_value(v) ? json_string_value(v) : "");
    buf_adds(b, "{\"created\":\"");
    add_time(b, clock_wall(docker_clock(m->d)));
    buf_addc(b, '"');
    add_text(b, "author", m->author);
    add_text(b, "created_by", buf_str(&by));
    add_text(b, "comment", m->comment);
    buf_adds(b, empty ? ",\"empty_layer\":true}" : "}");
    buf_release(&by);
}

static void add_configuration(struct buf *b, const struct commit *m, const struct layer *layers,
                              size_t n)
{
    const struct content *parent = m->c->content;
    const char *arch = json_str(parent->file, "architecture");
    json_t *history = json_object_get(parent->file, "history"), *v;
    size_t i;

    buf_addc(b, '{');
    gojson_member(b, "architecture", arch ? arch : "");
    add_text(b, "variant", json_str(parent->file, "variant"));
    add_text(b, "author", m->author);
    buf_adds(b, ",\"config\":");
    schema_write(b, config_schema(), m->config);
    gojson_member(b, "container", m->c->id);
    buf_adds(b, ",\"container_config\":");
    schema_write(b, config_schema(), m->own);
    buf_adds(b, ",\"created\":\"");
    add_time(b, clock_wall(docker_clock(m->d)));
    buf_addf(b, "\",\"docker_version\":\"%s\",\"history\":[", m->d->version);
    json_array_foreach (history, i, v) {
        json_write(b, v);
        buf_addc(b, ',');
    }
    add_step(b, m, n == parent->n_layers);
    buf_adds(b, "],\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
    for (i = 0; i < n; i++)
        buf_addf(b, "%s\"sha256:%s\"", i ? "," : "", layers[i].diff_id);
    buf_adds(b, "]}}");
}

/* The layers of the container's image and, when the container changed anything, one more. NULL
 * and e. */
static struct layer *layers_of(struct container *c, size_t *ret_n, struct err *e)
{
    const struct content *parent = c->content;
    struct layer *all, *top = NULL;
    int tar = container_changes_tar(c, e);

    if (tar < 0)
        return NULL;
    if (tar > 0 && !(top = layer_from_tar(tar, lseek(tar, 0, SEEK_END), e)))
        return NULL;
    all = new0_array(struct layer, parent->n_layers + 1);
    for (size_t i = 0; i < parent->n_layers; i++) {
        all[i] = parent->layers[i];
        all[i].name = all[i].name ? xstrdup(all[i].name) : NULL;
        if (all[i].file)
            layer_file_ref(all[i].file);
    }
    *ret_n = parent->n_layers;
    if (top)
        all[(*ret_n)++] = *top;
    free(top);
    return all;
}

static struct image *make_image(struct commit *m, struct problem *p)
{
    struct buf b = BUF_INIT(CONFIG_MAX);
    struct layer *layers;
    struct content *made;
    struct err e = ERR_INIT;
    struct image *i;
    size_t n;

    if (trouble_disk_full(m->d, p, "/var/lib/docker/image/overlay2/layerdb/tmp/write-set-%u/diff",
                          1000000000 + m->d->next_pid) < 0)
        return NULL;
    layers = layers_of(m->c, &n, &e);
    if (!layers) {
        problem(p, 500, "%s", e.text);
        return NULL;
    }
    add_configuration(&b, m, layers, n);
    if (n > LAYERS_MAX || b.full) {
        layers_free(layers, n);
        buf_release(&b);
        problem(p, 500, n > LAYERS_MAX ? "max depth exceeded" : "the configuration is too large");
        return NULL;
    }
    made = content_from_config(behaviour_ref(m->c->b), buf_str(&b), buf_len(&b), layers, n, &e);
    buf_release(&b);
    if (!made) {
        problem(p, 500, "%s", e.text);
        return NULL;
    }
    i = image_ensure(m->d, made);
    content_unref(made);
    memcpy(i->parent, m->c->image_id, sizeof(i->parent));
    return i;
}

static int tag_it(struct commit *m, struct image *i, char **ret_name, struct problem *p)
{
    _cleanup_free_ char *repo = exchange_param(m->x, "repo"), *tag = exchange_param(m->x, "tag");
    struct ref r = {0};
    int ret = 0;

    if (!repo || !*repo)
        return 0;
    if (image_ref_read(m->d, repo, tag, &r, p) < 0) {
        ret = -1;
    } else {
        behave_as(m->d, i->content, &r);
        *ret_name = image_tag_ref(m->d, i, &r);
    }
    ref_release(&r);
    return ret;
}

/* --- the call ---------------------------------------------------------------------------- */

static void commit_event(struct commit *m, const struct image *i, const char *name)
{
    const char *const more[] = {"comment",  m->comment ? m->comment : "",
                                "image",    m->c->image,
                                "imageID",  i->content->id,
                                "imageRef", name ? name : "",
                                "name",     m->c->name};

    docker_event(m->d, EVENT_CONTAINER, "commit", m->c->id, &m->c->labels, more, 5);
}

static struct image *commit(struct commit *m, struct problem *p)
{
    _cleanup_free_ char *name = NULL;
    struct image *i;

    if (config_change(m->d, m->x, m->config, p) < 0)
        return NULL;
    config_merge(m->config, m->own);
    i = make_image(m, p);
    if (!i || tag_it(m, i, &name, p) < 0)
        return NULL;
    commit_event(m, i, name);
    return i;
}

void post_commit(struct fake *f, struct exchange *x)
{
    struct commit m = {.d = (struct docker *)f, .x = x};
    struct problem p = {0}, quiet = {0};
    struct buf b = BUF_INIT(4096);
    bool pause = exchange_param_bool(x, "pause"), paused = false;
    _cleanup_free_ char *given = exchange_param(x, "pause");
    struct image *i = NULL;

    if (read_call(&m, &p) == 0) {
        paused = (pause || !given || !*given) && m.c->state == CONTAINER_RUNNING &&
                 container_pause(m.c, &quiet) == 0;
        i = commit(&m, &p);
        if (paused)
            container_unpause(m.c, &quiet);
        free(quiet.text);
    }
    if (i) {
        buf_addf(&b, "{\"Id\":\"%s\"}", i->content->id);
        docker_answer(x, 201, &b);
    } else {
        docker_refuse(x, &p);
    }
    json_decref(m.own);
    json_decref(m.config);
    free(m.comment);
    free(m.author);
}
