#include "fakes/docker/content.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/schema.h"

/* When declared images were built: 2024-01-01T00:00:00Z. */
#define IMAGES_CREATED "2024-01-01T00:00:00Z"

static void sha256_hex(const void *p, size_t n, char out[65])
{
    unsigned char md[EVP_MAX_MD_SIZE];

    EVP_Digest(p, n, md, NULL, EVP_sha256(), NULL);
    str_hex(md, 32, out);
}

/* --- layers ------------------------------------------------------------------------------ */

/* One empty file whose name is that of the layer: its tar is as good as any other. */
void layer_tar(const struct layer *l, struct buf *b)
{
    char block[512] = "";
    unsigned sum = 0;

    snprintf(block, 100, ".ecsim-layer/%s", l->name);
    memcpy(block + 100, "0000644\0000000000\0000000000\00000000000000\00014544002000\0", 48);
    memset(block + 148, ' ', 8);
    block[156] = '0';
    memcpy(block + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof(block); i++)
        sum += (unsigned char)block[i];
    snprintf(block + 148, 8, "%06o", sum);
    buf_add(b, block, sizeof(block));
    memset(block, 0, sizeof(block));
    buf_add(b, block, sizeof(block));
    buf_add(b, block, sizeof(block));
}

static void layer_make(struct layer *l, const char *name, int64_t size)
{
    struct buf b = BUF_INIT(4096);

    l->name = xstrdup(name);
    l->size = size;
    layer_tar(l, &b);
    sha256_hex(buf_str(&b), buf_len(&b), l->diff_id);
    buf_release(&b);
}

/* Each stands on all below it. */
static void chain(struct layer *layers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *both;

        if (!i) {
            memcpy(layers[i].chain_id, layers[i].diff_id, sizeof(layers[i].diff_id));
            continue;
        }
        both = xasprintf("sha256:%s sha256:%s", layers[i - 1].chain_id, layers[i].diff_id);
        sha256_hex(both, strlen(both), layers[i].chain_id);
        free(both);
    }
}

struct layer_file *layer_file_ref(struct layer_file *f)
{
    f->refs++;
    return f;
}

void layer_file_unref(struct layer_file *f)
{
    if (!f || --f->refs)
        return;
    close(f->fd);
    free(f);
}

void layers_free(struct layer *layers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(layers[i].name);
        layer_file_unref(layers[i].file);
    }
    free(layers);
}

/* "3" layers of its own, or "base,app" by name: those of the same name are shared. files: one
 * above them, or alone when there was no word of layers. */
static void declared_layers(struct content *c, const char *key, struct layer *files)
{
    const char *declared = c->b->layers, *s = declared;
    uint64_t n = 1;
    bool named = declared && str_u64(declared, LAYERS_MAX, &n) < 0;

    if (named)
        for (n = 1; *s; s++)
            n += *s == ',';
    if (files && !declared)
        n = 0;
    c->layers = new0_array(struct layer, n + 1);
    s = declared;
    for (size_t i = 0; i < n; i++) {
        size_t len = named ? strcspn(s, ",") : 0;
        char *name = named ? xstrndup(s, len) : xasprintf("%.19s-%zu", key, i);

        layer_make(&c->layers[i], name, c->b->size / (int64_t)n);
        if (named)
            s += len + 1;
        free(name);
    }
    if (files)
        c->layers[n++] = *files;
    free(files);
    c->n_layers = n;
    chain(c->layers, n);
}

/* --- contents ---------------------------------------------------------------------------- */

/* name: two images of the same files are still two. */
static char *configuration(const struct content *c, const char *name)
{
    struct buf b = BUF_INIT(CONFIG_MAX);

    buf_adds(&b, "{\"architecture\":");
    gojson_add(&b, c->b->arch);
    buf_adds(&b, ",\"config\":");
    json_write(&b, c->config);
    buf_adds(&b, ",\"created\":\"" IMAGES_CREATED "\",\"history\":[");
    for (size_t i = 0; i < c->n_layers; i++) {
        buf_addf(&b, "%s{\"created\":\"" IMAGES_CREATED "\",\"created_by\":", i ? "," : "");
        if (c->layers[i].name)
            gojson_add(&b, c->layers[i].name);
        else
            buf_addf(&b, "\"/bin/sh -c #(nop) ADD file:%s in / \",\"comment\":\"%s\"",
                     c->layers[i].diff_id, name);
        buf_addc(&b, '}');
    }
    buf_adds(&b, "],\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
    for (size_t i = 0; i < c->n_layers; i++)
        buf_addf(&b, "%s\"sha256:%s\"", i ? "," : "", c->layers[i].diff_id);
    buf_adds(&b, "]}}");
    return buf_steal(&b, NULL);
}

static void finish(struct content *c, const char *text, size_t len, const char *digest)
{
    const char *created = json_str(c->file, "created");
    char hex[65];

    sha256_hex(text, len, hex);
    snprintf(c->id, sizeof(c->id), "sha256:%s", hex);
    if (digest)
        snprintf(c->digest, sizeof(c->digest), "%s", digest);
    c->manifest_size = 322 + 105 * c->n_layers;
    if (created)
        str_parse_time(created, &c->created);
    for (size_t i = 0; i < c->n_layers; i++)
        c->size += c->layers[i].size;
}

struct content *content_from_behaviour(struct behaviour *b, const char *key, struct layer *files)
{
    struct content *c = new0(struct content);
    char hex[65], *digest, *manifest = xasprintf("manifest %s%s", key, files ? files->diff_id : "");
    bool sized = !files || b->size != IMAGE_SIZE_DEFAULT;

    sha256_hex(manifest, strlen(manifest), hex);
    digest = b->digest ? xstrdup(b->digest) : xasprintf("sha256:%s", hex);
    c->refs = 1;
    c->b = b;
    c->config = image_config(b);
    declared_layers(c, digest + strlen("sha256:"), files);
    c->text = configuration(c, key);
    c->file = json_read(c->text, strlen(c->text), JSON_READ_PEER, NULL);
    finish(c, c->text, strlen(c->text), digest);
    if (sized)
        c->size = b->size;
    free(digest);
    free(manifest);
    return c;
}

/* The diff ids that the configuration names must be those of the layers. */
static int layers_match(const json_t *file, const struct layer *layers, size_t n, struct err *e)
{
    const json_t *ids = json_at(file, "rootfs.diff_ids");

    if (json_array_size(ids) != n)
        return err_set(e, ERR_PARSE,
                       "invalid manifest, layers length mismatch: expected %zu, got %zu",
                       json_array_size(ids), n);
    for (size_t i = 0; i < n; i++) {
        const char *wanted = json_string_value(json_array_get(ids, i));
        char got[72];

        snprintf(got, sizeof(got), "sha256:%s", layers[i].diff_id);
        if (!str_eq(wanted, got))
            return err_set(e, ERR_PARSE,
                           "invalid diffID for layer %zu: expected \"%s\", got \"%s\"", i,
                           wanted ? wanted : "", got);
    }
    return 0;
}

struct content *content_from_config(struct behaviour *b, const char *text, size_t len,
                                    struct layer *layers, size_t n, struct err *e)
{
    char why[GOJSON_TEXT_MAX];
    json_t *file = gojson_read(text, len, GOJSON_UNMARSHAL, why), *config;
    struct content *c;

    if (!json_is_object(file)) {
        err_set(e, ERR_PARSE, "%s",
                file ? "json: cannot unmarshal into Go value of type image.Image" : why);
        goto fail;
    }
    config = gojson_get(file, "config");
    config =
        schema_read(config_schema(), json_is_object(config) ? config : NULL, "Image.config", why);
    if (!config) {
        err_set(e, ERR_PARSE, "%s", why);
        goto fail;
    }
    if (layers_match(file, layers, n, e) < 0) {
        json_decref(config);
        goto fail;
    }
    c = new0(struct content);
    c->refs = 1;
    c->b = b;
    c->config = config;
    c->file = file;
    c->text = xstrndup(text, len);
    c->layers = layers;
    c->n_layers = n;
    chain(layers, n);
    finish(c, text, len, NULL);
    snprintf(c->digest, sizeof(c->digest), "%s", b->digest ? b->digest : c->id);
    return c;
fail:
    json_decref(file);
    layers_free(layers, n);
    behaviour_unref(b);
    return NULL;
}

struct content *content_ref(struct content *c)
{
    c->refs++;
    return c;
}

void content_unref(struct content *c)
{
    if (!c || --c->refs)
        return;
    behaviour_unref(c->b);
    layers_free(c->layers, c->n_layers);
    json_decref(c->config);
    json_decref(c->file);
    free(c->text);
    free(c);
}

const json_t *content_labels(const struct content *c)
{
    return json_object_get(c->config, "Labels");
}
