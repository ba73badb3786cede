/*
 * content.h - the bytes of objects. Private to fakes/s3.
 *
 * A blob is bytes that never change, in memory or in a file, which may have a
 * name (folder.h), counted by reference. A content is a row of slices of blobs: a copy shares
 * blobs, a multipart upload is completed without moving a byte, an object that is replaced while it
 * is being sent stays whole for its reader.
 *
 * A sink takes bytes as they come, hashes them, and becomes a blob.
 */
#ifndef FAKES_S3_CONTENT_H
#define FAKES_S3_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "fakes/s3/checksum.h"

struct s3_blob {
    unsigned refs;
    uint64_t size;
    char *mem;  /* or NULL */
    int fd;     /* or -1 */
    char *path; /* of a file that is opened while somebody reads from it, or NULL */
};

struct s3_piece {
    struct s3_blob *blob;
    uint64_t off, len;
};

struct s3_content {
    struct s3_piece *pieces;
    size_t n, cap;
    uint64_t size;
};

/* Zeroed memory is an empty content. */
void s3_content_release(struct s3_content *c);
/* Adds a slice of a blob; the content takes a reference of its own. */
void s3_content_add(struct s3_content *c, struct s3_blob *b, uint64_t off, uint64_t len);
/* Adds len bytes of `from` at off, which must lie inside. */
void s3_content_add_slice(struct s3_content *c, const struct s3_content *from, uint64_t off,
                          uint64_t len);

/*
 * The bytes at off, as many as lie together: *ret_p is memory of the blob, or scratch of `room`
 * bytes that was read into. Returns how many; 0 at the end or when the file cannot be read.
 */
size_t s3_content_at(const struct s3_content *c, uint64_t off, char *scratch, size_t room,
                     const char **ret_p);

/* MD5 of the whole content in 16 bytes; -1 when a file cannot be read. */
int s3_content_md5(const struct s3_content *c, unsigned char out[16]);

/* The checksum of the whole content as text; -1 when a file cannot be read. */
int s3_content_checksum(const struct s3_content *c, enum s3_checksum_kind kind,
                        char out[S3_CHECKSUM_TEXT]);

void s3_blob_unref(struct s3_blob *b); /* NULL is fine */

/*
 * A file of so many bytes, with one reference. It is open as long as somebody has a
 * slice of it (s3_content_add_slice()): until then it is read whole although
 * another file takes its name.
 */
struct s3_blob *s3_blob_of_file(const char *path, uint64_t size);
void s3_blob_moved(struct s3_blob *b, const char *path);

struct s3_sink {
    struct buf mem;
    int fd;
    uint64_t size, max, spill_over;
    const char *folder; /* NULL: memory only; borrowed */
    void *md5, *sha256; /* EVP_MD_CTX; NULL: not asked for */
    struct s3_checksum checksum;
    bool full;   /* more than max came */
    bool failed; /* the file could not be written */
};

/* max: bytes that it takes. folder: where larger bodies than spill_over go, or NULL. */
void s3_sink_init(struct s3_sink *s, uint64_t max, const char *folder, uint64_t spill_over);
void s3_sink_release(struct s3_sink *s);
/* So many bytes are announced; before the first. Memory is taken at once, and used as they come. */
void s3_sink_expect(struct s3_sink *s, uint64_t n);
/* What is to be calculated; before the first byte. */
void s3_sink_hash(struct s3_sink *s, bool md5, bool sha256);

/* -1: full or failed is set, and nothing more is kept. */
int s3_sink_add(struct s3_sink *s, const char *p, size_t n);

/* The digests; each may be taken once, after the last byte. */
void s3_sink_md5(struct s3_sink *s, unsigned char out[16]);
void s3_sink_sha256(struct s3_sink *s, unsigned char out[32]);

/* The bytes as a blob of one reference; the sink is empty afterwards. */
struct s3_blob *s3_sink_take(struct s3_sink *s);

#endif
