/*
 * content.h - what a manifest leads to: the configuration and the layers of an
 * image, shared by the catalogue and the local copies.
 *
 * Ids are what they are in a registry: the id of an image is the SHA-256 of its
 * configuration, a layer's diff id that of its tar. A declared image has a
 * configuration and (small) layers made from what it declares; one that came as
 * an archive has those of the archive.
 *
 * Life cycle: content_from_behaviour() or content_from_config(), then reference
 * counted; content_unref().
 */
#ifndef FAKES_DOCKER_CONTENT_H
#define FAKES_DOCKER_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "fakes/docker/behaviour.h"
#include "fakes/docker/tarball.h"

/* Layers that an image may have, as the overlay driver allows. */
#define LAYERS_MAX 127
/* Bytes of a configuration. */
#define CONFIG_MAX (1u << 20)

/* Tars of layers that came as files; reference counted with the layers that lie in it. */
struct layer_file {
    unsigned refs;
    int fd;
};

struct layer {
    char diff_id[65];  /* hexadecimal SHA-256 of the tar */
    char chain_id[65]; /* of it and all below */
    int64_t size;      /* bytes of the files in it */
    char *name;        /* made up: what it was made from; NULL: in a file */
    struct layer_file *file;
    int64_t at, length; /* of the tar in the file */
};

struct content {
    unsigned refs;
    struct behaviour *b;
    char id[72];     /* sha256:... of the configuration */
    char digest[72]; /* sha256:... of the manifest */
    size_t manifest_size;
    int64_t created; /* wall */
    int64_t size;    /* of all layers */
    json_t *config;  /* what containers inherit: Config */
    json_t *file;    /* the whole configuration */
    char *text;      /* ... as it is, byte for byte */
    size_t n_layers;
    struct layer *layers;
};

/* b is taken over, and files: what is in the image above the layers that b names; or NULL.
 * key: what the digest is derived from when b declares none. */
struct content *content_from_behaviour(struct behaviour *b, const char *key, struct layer *files);

/* From a configuration file; layers: n of them with diff_id, size and where they lie, taken over
 * (on failure too). b is taken over. NULL with ERR_PARSE and dockerd's text. */
struct content *content_from_config(struct behaviour *b, const char *text, size_t len,
                                    struct layer *layers, size_t n, struct err *e);

struct content *content_ref(struct content *c);
void content_unref(struct content *c);

/* The files that the layers hold, the upper over the lower, into the folder root. 1: there are
 * none, as all layers are made up. */
int content_unpack(const struct content *c, int root, struct err *e);
/* Calls fn for each of those files, as tar_list(). */
int content_list(const struct content *c, int (*fn)(const struct tar_member *m, void *data),
                 void *data, struct err *e);

/* Where the tar of a layer lies that was not made up. */
static inline struct tar_source layer_source(const struct layer *l)
{
    return (struct tar_source){l->file->fd, l->at, l->length};
}
/* The tar of a layer that was made up. */
void layer_tar(const struct layer *l, struct buf *b);
struct layer_file *layer_file_ref(struct layer_file *f);
void layer_file_unref(struct layer_file *f);
void layers_free(struct layer *layers, size_t n);

/* The image's Labels; borrowed, or NULL. */
const json_t *content_labels(const struct content *c);

#endif
