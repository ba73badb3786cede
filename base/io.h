/*
 * io.h - whole files and folders.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Reads the whole file into b (which sets the limit). -1 with ERR_SYS, ERR_NOT_FOUND or ERR_LIMIT.
 */
int io_read_file(const char *path, struct buf *b, struct err *e);

/* Writes beside, syncs, and renames over: the file is the old one or the new one, never half. */
int io_write_file(const char *path, const void *p, size_t n, mode_t mode, struct err *e);

/* Writes all n bytes to fd, through short writes and EINTR. */
int io_write_all(int fd, const void *p, size_t n, struct err *e);

/* mkdir -p. */
int io_mkdirs(const char *path, mode_t mode, struct err *e);

/* A new folder NAME-XXXXXX below $TMPDIR (or /tmp): its absolute path, to be freed. */
char *io_temp_folder(const char *name, struct err *e);

/* rm -rf, without following links; a path that is not there is fine. */
int io_remove_tree(const char *path, struct err *e);

int io_set_nonblock(int fd, struct err *e);

/* Fills p from the kernel's random source. */
void io_random(void *p, size_t n);

#endif
