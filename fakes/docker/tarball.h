/*
 * tarball.h - tar files as the engine makes and takes them: archives of a part of
 * a container, exports, and the root file systems of images.
 *
 * All paths are inside a root folder (in_root.h): neither a name nor a link in a
 * tar leads out of it. Reading takes plain, gzip, bzip2, xz and zstd.
 */
#ifndef FAKES_DOCKER_TARBALL_H
#define FAKES_DOCKER_TARBALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/* What one tar may hold. */
#define TAR_ENTRIES_MAX 1000000u
#define TAR_BYTES_MAX   (8LL << 30)

/* Writes what lies at path below root to the file `out`. name: what path is called in there; "":
 * its content without itself. */
int tar_pack(int out, int root, const char *path, const char *name, struct err *e);

struct tar_part {
    const char *path; /* below root, without a slash in front */
    bool gone;        /* it is not there any more: a whiteout */
};
/* Writes these alone, folders without what is in them. */
int tar_pack_parts(int out, int root, const struct tar_part *v, size_t n, struct err *e);

enum tar_unpack {
    TAR_KEEP_OWNER = 1, /* as the tar says, where we have the right; else root */
    TAR_NO_REPLACE = 2, /* a folder is not replaced by another kind of file, nor the other way */
    TAR_WHITEOUTS = 4,  /* as in the layers of an image: .wh.NAME removes NAME, and .wh..wh..opq
                           what its folder had before this tar */
};
#define TAR_WHITEOUT ".wh."
#define TAR_OPAQUE   ".wh..wh..opq"

/* A tar: so many bytes of a file from `at`. The file's own position stays. */
struct tar_source {
    int fd;
    int64_t at, length;
};

/* All of a file. */
static inline struct tar_source tar_whole(int fd)
{
    return (struct tar_source){fd, 0, INT64_MAX};
}

/* Unpacks into the folder at path below root.
 * ERR_PARSE: it is no tar. ERR_CONFLICT: TAR_NO_REPLACE forbids it. */
int tar_unpack(struct tar_source in, int root, const char *path, int flags, struct err *e);

struct tar_member {
    const char *path; /* without a slash in front or at the end; "" for the root itself */
    struct stat st;   /* type and mode, size, mtime */
    const char *link; /* of a symbolic link, or NULL */
};

/* Calls fn for each member; it returns -1 to stop. Whiteouts are members too. */
int tar_list(struct tar_source in, int (*fn)(const struct tar_member *m, void *data), void *data,
             struct err *e);

/* The same for whoever reads with libarchive himself. */
struct archive;
struct tar_reader; /* to be freed when the archive is */
/* Opens an archive whose filters and formats are set. NULL: the archive says why. */
struct tar_reader *tar_reader_open(struct archive *a, struct tar_source in);

/* A file without a name for a tar on its way, or -1 with ERR_SYS. */
int tar_temporary(struct err *e);

#endif
