/*
 * fuzz_tar.c - tars that a client sends: unpacked into a root, listed, and packed again.
 *
 * The first byte chooses the flags. What is written must stay inside the root: the
 * folder beside it is looked at after each input.
 *
 * With libFuzzer: ci/fuzz tar. Without: the program reads the files named on its
 * command line, once each.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/test/fuzz.h"
#include "fakes/docker/tarball.h"

static int on_member(const struct tar_member *m, void *data)
{
    size_t *n = data;

    *n += strlen(m->path) + (m->link ? strlen(m->link) : 0);
    return 0;
}

static int with_content(const uint8_t *p, size_t n)
{
    int fd = tar_temporary(NULL);

    if (fd >= 0 && (io_write_all(fd, p, n, NULL) < 0 || lseek(fd, 0, SEEK_SET) < 0))
        cleanup_closep(&fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char folder[] = "/tmp/ecsim-fuzz-XXXXXX", inside[64], beside[64];
    size_t seen = 0;

    if (n < 1 || n > (256 << 10) || !mkdtemp(folder))
        return 0;
    snprintf(inside, sizeof(inside), "%s/in", folder);
    snprintf(beside, sizeof(beside), "%s/beside", folder);
    if (mkdir(inside, 0700) < 0 || mkdir(beside, 0700) < 0)
        abort();

    int root = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC), in = with_content(p + 1, n - 1);
    int out = tar_temporary(NULL);

    tar_unpack(tar_whole(in), root, p[0] & 8 ? "/a/b" : "/", p[0] & 7, NULL);
    tar_list(tar_whole(in), on_member, &seen, NULL);
    tar_pack(out, root, "/", "", NULL);
    if (rmdir(beside) < 0)
        abort(); /* something was written into it */
    close(root);
    close(in);
    close(out);
    io_remove_tree(folder, NULL);
    return 0;
}
