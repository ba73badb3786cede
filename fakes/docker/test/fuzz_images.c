/*
 * fuzz_images.c - archives of images that a client loads, and layers over each other.
 *
 * The first byte chooses: an archive as `docker save` writes it, or two tars (they
 * meet at the byte after it, in 256ths of the input) that become layers. What they make is unpacked
 * and listed; the folder beside the root must stay empty.
 *
 * With libFuzzer: ci/fuzz images. Without: the program reads the files named on its
 * command line, once each.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/test/fuzz.h"
#include "fakes/docker/image_tar.h"
#include "fakes/docker/test/client.c"

static int with_content(const uint8_t *p, size_t n)
{
    int fd = tar_temporary(NULL);

    if (fd >= 0 && (io_write_all(fd, p, n, NULL) < 0 || lseek(fd, 0, SEEK_SET) < 0))
        cleanup_closep(&fd);
    return fd;
}

static int on_member(const struct tar_member *m, void *data)
{
    *(size_t *)data += strlen(m->path);
    return 0;
}

/* An image is put on disk. */
static void use(const struct content *c)
{
    char folder[] = "/tmp/ecsim-fuzz-XXXXXX", inside[64], beside[64];
    size_t seen = 0;
    int root;

    if (!mkdtemp(folder))
        abort();
    snprintf(inside, sizeof(inside), "%s/in", folder);
    snprintf(beside, sizeof(beside), "%s/beside", folder);
    if (mkdir(inside, 0700) < 0 || mkdir(beside, 0700) < 0)
        abort();
    root = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
    content_unpack(c, root, NULL);
    content_list(c, on_member, &seen, NULL);
    if (rmdir(beside) < 0)
        abort(); /* something was written into it */
    close(root);
    io_remove_tree(folder, NULL);
}

static void load(const uint8_t *p, size_t n)
{
    struct loaded *all = NULL;
    size_t n_all = 0;
    int fd = with_content(p, n);

    if (image_tar_read((struct docker *)engine, fd, NULL, &all, &n_all, NULL) == 0)
        for (size_t i = 0; i < n_all; i++)
            use(all[i].content);
    loaded_free(all, n_all);
    close(fd);
}

static void stack(const uint8_t *p, size_t n, size_t at)
{
    struct layer *lower = layer_from_tar(with_content(p, at), (int64_t)at, NULL);
    struct layer *upper = layer_from_tar(with_content(p + at, n - at), (int64_t)(n - at), NULL);

    if (lower && upper) {
        struct layer both[] = {*lower, *upper};
        struct content c = {.layers = both, .n_layers = 2};

        use(&c);
    }
    if (lower)
        layers_free(lower, 1);
    if (upper)
        layers_free(upper, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    void *state = NULL;

    if (n < 2 || n > (256 << 10) || client_begin(&state) < 0)
        return 0;
    if (p[0] & 1)
        load(p + 2, n - 2);
    else
        stack(p + 2, n - 2, (n - 2) * p[1] / 256);
    client_end(&state);
    return 0;
}
