/*
 * update_file.h - the image of the next agent on its way to the disk.
 *
 * What is downloaded is written beside, as <20 hex digits>.ecs-update.tar in the
 * download folder, and hashed meanwhile. Only when its SHA-256 is the one that was told does
 * `desired-image` in that folder name it: whoever reads that file (ecs-init, at exit code 42)
 * finds a whole image or the one before. (acs/updater/updater.go:download)
 *
 * Life cycle: update_file_open(), any number of update_file_write(), then
 * update_file_finish() or update_file_abort(). Zeroed memory is closed; both ends of it are
 * allowed on what is closed.
 */
#ifndef AGENT_UPDATE_FILE_H
#define AGENT_UPDATE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* An image of an agent is around 100 MB. */
#define UPDATE_FILE_MAX   (1ll << 30)
#define UPDATE_SHA256_HEX 64

struct update_file {
    char *dir, *name; /* name NULL: closed */
    int fd;
    int64_t size;
    void *hash; /* of OpenSSL */
};

/* dir "": the working directory. -1: there is no room, no such folder, no right to it. */
int update_file_open(struct update_file *f, const char *dir, struct err *e);
/* -1: the disk is full, or more than UPDATE_FILE_MAX came. */
int update_file_write(struct update_file *f, const void *p, size_t n, struct err *e);
/* Checks it against signature (lower-case hex, blanks around it do not count) and writes
 * desired-image. -1: it is another's hash, or the disk failed; then the file is removed. Closed
 * afterwards. */
int update_file_finish(struct update_file *f, const char *signature, struct err *e);
/* Removes what was written. */
void update_file_abort(struct update_file *f);

#endif
