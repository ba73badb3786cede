/*
 * store.h - buckets, objects and uploads that are under way. Private to fakes/s3.
 *
 * The objects of a bucket stand in one array in the order of their keys' bytes,
 * which is the order of every listing. With versioning an entry is the newest version of
 * its key, which may be a delete marker, and the older ones hang behind it.
 */
#ifndef FAKES_S3_STORE_H
#define FAKES_S3_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "fakes/core/exchange.h"
#include "fakes/s3/content.h"
#include "fakes/s3/s3.h"

/* Headers that live with an object: Content-Type, Cache-Control, x-amz-meta-* ... */
struct s3_headers {
    struct http_header *v;
    size_t n, cap;
};

#define S3_VERSION_ID   32     /* letters of a version's id */
#define S3_VERSION_NULL "null" /* the id of what was written without versioning */

/* A part of what was uploaded in parts, for who asks for it by its number. */
struct s3_object_part {
    int number;
    uint64_t size;
    char checksum[S3_CHECKSUM_TEXT]; /* or "" */
};

/* "-10000" may stand behind the checksum of checksums. */
#define S3_CHECKSUM_OBJECT_TEXT (S3_CHECKSUM_TEXT + 6)

struct s3_object {
    char *key;
    struct s3_content content;
    struct s3_headers headers;
    struct s3_headers tags; /* pairs of key and value */
    char etag[48];          /* without quotes */
    int64_t modified;       /* wall, whole seconds */
    enum s3_checksum_kind checksum_kind;
    char checksum[S3_CHECKSUM_OBJECT_TEXT];
    bool composite;               /* it is the checksum of the parts' checksums */
    bool kms;                     /* encryption.c */
    struct s3_object_part *parts; /* NULL: it came whole */
    size_t n_parts;
    char *upload_id;                 /* of the upload that it came from, or NULL */
    char version[S3_VERSION_ID + 1]; /* "": written without versioning, and called "null" */
    bool marker;                     /* says that the key was deleted; has no content */
    struct s3_object *older;         /* the version before; of the newest's entry */
};

struct s3_part {
    int number;
    struct s3_content content;
    char etag[33];
    char checksum[S3_CHECKSUM_TEXT];
    int64_t modified;
};

struct s3_upload {
    struct list link; /* in bucket->uploads, oldest first */
    char *id, *key;
    struct s3_headers headers, tags;
    int64_t initiated;
    bool kms;
    enum s3_checksum_kind checksum_kind; /* asked for when it began */
    bool composite;
    struct s3_part **parts; /* by number */
    size_t n_parts, cap_parts;
};

/* Once it was enabled it can be suspended, and never goes back to what it was. */
enum s3_versioning { S3_VERSIONING_NEVER, S3_VERSIONING_ENABLED, S3_VERSIONING_SUSPENDED };

struct s3_bucket {
    char *name, *region;
    bool public;
    bool kms; /* default encryption */
    enum s3_versioning versioning;
    int64_t created;
    struct s3_object **objects; /* by key */
    size_t n_objects, cap_objects;
    struct list uploads;
    struct s3_headers tags;
};

void s3_headers_add(struct s3_headers *h, const char *name, const char *value);
void s3_headers_copy(struct s3_headers *to, const struct s3_headers *from);
void s3_headers_release(struct s3_headers *h);
/* The value, or NULL. */
const char *s3_headers_get(const struct s3_headers *h, const char *name);
/* "STANDARD" unless the headers say another one. */
const char *s3_storage_class(const struct s3_headers *h);

/* Makes the bucket, which is not there yet. NULL with ERR_LIMIT. */
struct s3_bucket *s3_bucket_add(struct s3 *s, const char *name, const char *region, struct err *e);
struct s3_bucket *s3_bucket_find(const struct s3 *s, const char *name);
void s3_bucket_remove(struct s3 *s, struct s3_bucket *b); /* with all that is in it */
/* 3 to 63 of a-z 0-9 . - and so on: what S3 accepts as a name. */
bool s3_bucket_name_ok(const char *name);

/* The first object whose key is at or behind `key`; n_objects when there is none. */
size_t s3_bucket_seek(const struct s3_bucket *b, const char *key);
/* The newest version, unless that is a delete marker: then there is none. */
struct s3_object *s3_object_find(const struct s3_bucket *b, const char *key);
/* The newest version, which may be a delete marker. */
struct s3_object *s3_object_newest(const struct s3_bucket *b, const char *key);
/* The version of that id ("null": the one without), which may be a delete marker; or NULL. */
struct s3_object *s3_object_version(const struct s3_bucket *b, const char *key, const char *id);
/* o becomes the newest version of o->key, in place of the one with the same id: so without
 * versioning of all that was there. The bucket owns it. */
void s3_object_put(struct s3_bucket *b, struct s3_object *o);
/* The key with all its versions; -1 when there is none. */
int s3_object_remove(struct s3_bucket *b, const char *key);
/* That version alone. */
void s3_object_remove_version(struct s3_bucket *b, struct s3_object *o);
/* "null", or the id. */
const char *s3_object_version_id(const struct s3_object *o);
struct s3_object *s3_object_new(const char *key, int64_t wall);
void s3_object_free(struct s3_object *o);

/* NULL when S3_UPLOADS_MAX are open. */
struct s3_upload *s3_upload_add(struct s3 *s, struct s3_bucket *b, const char *key);
struct s3_upload *s3_upload_find(const struct s3_bucket *b, const char *key, const char *id);
void s3_upload_remove(struct s3 *s, struct s3_upload *u);
/* The part of that number, made or emptied. */
struct s3_part *s3_upload_part(struct s3_upload *u, int number);
struct s3_part *s3_upload_find_part(const struct s3_upload *u, int number);

#endif
