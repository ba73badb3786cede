/* The folder of plugins, and the archive with the pause image (plugin.h). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "fakes/cni/cni.h"
#include "harness/cni/plugin.h"

#define BLOCK     512
#define TAR_MAX   (64u << 10)
#define PAUSE_TAR "amazon-ecs-pause.tar"
#define CONFIG    "5c1f1e2d3b4a59687766554433221100ffeeddccbbaa99887766554433221100"
#define LAYER     "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"

/* The header of POSIX.1-1988's ustar, as far as plain files need it. */
struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], version[2], rest[247];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a tar header is one block");

static void put_file(struct buf *tar, const char *name, const void *p, size_t n)
{
    static const char zeros[BLOCK];
    struct ustar h = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
    const unsigned char *bytes = (const unsigned char *)&h;
    unsigned int sum = 0;

    snprintf(h.name, sizeof(h.name), "%s", name);
    memcpy(h.mode, "0000644", 8);
    memcpy(h.uid, "0000000", 8);
    memcpy(h.gid, "0000000", 8);
    snprintf(h.size, sizeof(h.size), "%011zo", n);
    memcpy(h.mtime, "00000000000", 12);
    memset(h.checksum, ' ', sizeof(h.checksum));
    for (size_t i = 0; i < sizeof(h); i++)
        sum += bytes[i];
    snprintf(h.checksum, sizeof(h.checksum), "%06o", sum);
    buf_add(tar, &h, sizeof(h));
    buf_add(tar, p, n);
    buf_add(tar, zeros, (BLOCK - n % BLOCK) % BLOCK);
}

static int write_pause(const char *images, struct err *e)
{
    /* sha256 of an empty tar, 1024 zeros */
    static const char config[] =
        "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2017-08-01T00:00:00Z\","
        "\"config\":{\"Entrypoint\":[\"/pause\"],\"Cmd\":null,\"Env\":null},"
        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:"
        "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef\"]},"
        "\"history\":[{\"created\":\"2017-08-01T00:00:00Z\",\"created_by\":\"pause\"}]}";
    static const char manifest[] =
        "[{\"Config\":\"" CONFIG ".json\",\"RepoTags\":[\"amazon/amazon-ecs-pause:0.1.0\"],"
        "\"Layers\":[\"" LAYER "/layer.tar\"]}]";
    static const char zeros[2 * BLOCK];
    _cleanup_buf_ struct buf tar = BUF_INIT(TAR_MAX);
    _cleanup_free_ char *path = xasprintf("%s/" PAUSE_TAR, images);

    put_file(&tar, CONFIG ".json", config, sizeof(config) - 1);
    put_file(&tar, LAYER "/layer.tar", zeros, sizeof(zeros));
    put_file(&tar, "manifest.json", manifest, sizeof(manifest) - 1);
    buf_add(&tar, zeros, sizeof(zeros));
    if (io_mkdirs(images, 0755, e) < 0)
        return -1;
    return io_write_file(path, buf_str(&tar), buf_len(&tar), 0644, e);
}

int cni_folder_make(const char *dir, const char *program, const char *images, struct err *e)
{
    const char *const *names = cni_plugins();

    if (io_mkdirs(dir, 0755, e) < 0)
        return -1;
    for (size_t i = 0; names[i]; i++) {
        _cleanup_free_ char *link = xasprintf("%s/%s", dir, names[i]);

        if (symlink(program, link) < 0 && errno != EEXIST)
            return err_sys(e, errno, "%s", link);
    }
    return images ? write_pause(images, e) : 0;
}
