/*
 * image_tar.h - archives of images, as `docker save` writes them and `docker load` reads
 * them: manifest.json, a configuration for each image, a tar for each layer.
 *
 * Layers stay in a file without a name until the last image that has them is gone.
 */
#ifndef FAKES_DOCKER_IMAGE_TAR_H
#define FAKES_DOCKER_IMAGE_TAR_H

#include "fakes/docker/engine.h"

/* What one archive may hold. */
#define IMAGE_TAR_ENTRIES_MAX 10000u
#define IMAGE_TAR_BYTES_MAX   (8LL << 30)

struct loaded {
    struct content *content; /* a reference */
    char **tags;             /* as the archive names them */
    size_t n_tags;
};

/*
 * Reads an archive (plain or compressed) from a file. b: what its images declare beside what the
 * archive says; NULL: nothing. 0 and *ret_n images; -1 with dockerd's text: ERR_PEER when it is
 * no tar, ERR_PARSE when it is none of images.
 */
int image_tar_read(struct docker *d, int fd, const struct behaviour *b, struct loaded **ret,
                   size_t *ret_n, struct err *e);
/* A layer of its own from a tar, plain or compressed, that is the first length bytes of a file
 * (taken over). NULL and e. */
struct layer *layer_from_tar(int file, int64_t length, struct err *e);
/* The same from what lies at path: a tar, or a folder as it is now. */
struct layer *layer_from_files(const char *path, struct err *e);
void loaded_free(struct loaded *l, size_t n);

#endif
