/*
 * folder.h - buckets that live in a folder: `ecsim up --s3-dir DIR`. Private to fakes/s3.
 *
 * Each folder of DIR whose name is good for a bucket is one, and each file below it
 * an object: DIR/bucket/some/key. What is put there by hand is served from the next
 * start on; what a client puts is a file at once, and there again after a restart.
 * What S3 keeps beside the bytes (ETag of a multipart upload, Content-Type, metadata, tags,
 * checksum) stands in DIR/.ecsim and counts as long as the file has the size and the time
 * that it had then; otherwise the ETag is the MD5 of what is there. Multipart uploads that
 * are open, and what a command or a tag said of a bucket, end with the process.
 *
 * A key that no path can be is written so that one can (s3_folder_path()). One
 * process at a time has the folder; nobody changes files below it meanwhile.
 */
#ifndef FAKES_S3_FOLDER_H
#define FAKES_S3_FOLDER_H

#include "fakes/s3/store.h"

struct s3_folder;

/* Opens DIR, which is made if it is not there, and loads what is in it. ERR_CONFLICT: another
 * process has it. */
int s3_folder_open(struct s3 *s, const char *path, struct err *e);
/* Loads again, into a state without buckets. */
int s3_folder_load(struct s3 *s, struct err *e);
void s3_folder_close(struct s3_folder *f); /* NULL is fine */

/*
 * The changes of store.h, in the folder too if there is one. An object that is kept belongs to
 * the bucket, one that could not be (-1) is freed.
 */
struct s3_bucket *s3_keep_bucket(struct s3 *s, const char *name, const char *region, struct err *e);
int s3_drop_bucket(struct s3 *s, struct s3_bucket *b, struct err *e);
int s3_keep_object(struct s3 *s, struct s3_bucket *b, struct s3_object *o, struct err *e);
/* What is kept beside the bytes has changed: tags. */
int s3_keep_beside(struct s3 *s, const struct s3_bucket *b, const struct s3_object *o,
                   struct err *e);
/* -1 with ERR_NOT_FOUND when there is none of that key. */
int s3_drop_object(struct s3 *s, struct s3_bucket *b, const char *key, struct err *e);

/* --- folder_path.c --------------------------------------------------------------------- */

/*
 * The path of a key below its bucket, to be freed: the key itself wherever possible.
 * '%' is written %25, and "." and ".." as %2E and %2E%2E; an empty part between
 * slashes, or behind the last, is "%"; a part too long for a file's name goes on
 * in the folder "...%+".
 */
char *s3_folder_path(const char *key);

/* A file whose name is also that of a folder (keys a and a/b) has this behind it. */
#define S3_FOLDER_BESIDE "%-"

/* The key of a path, to be freed; NULL: s3_folder_path() writes no such path. */
char *s3_folder_key(const char *path);

#endif
