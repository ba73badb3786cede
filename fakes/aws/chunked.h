/*
 * chunked.h - the body of an upload that is signed in chunks (aws-chunked).
 *
 *     400;chunk-signature=<64 hex>\r\n<1024 bytes>\r\n0;chunk-signature=<64 hex>\r\n\r\n
 *
 * An incremental decoder: bytes go in as they come, of any size, plain bytes
 * go out to a callback. Each chunk's signature is verified when the chunk ends,
 * so the callback has seen its bytes before: the caller throws them away when
 * the decoder fails. The STREAMING-...-TRAILER kinds carry headers behind the
 * last chunk (x-amz-checksum-crc32c ...), which are kept for the caller, and in the
 * signed kind a signature over them. STREAMING-UNSIGNED-PAYLOAD-TRAILER has the
 * framing without any signature.
 *
 * It holds no more than one chunk header and the trailers.
 */
#ifndef FAKES_AWS_CHUNKED_H
#define FAKES_AWS_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "fakes/aws/sigv4.h"

/* The line in front of a chunk, and all trailers together. */
#define AWS_CHUNK_LINE_MAX    512
#define AWS_CHUNK_TRAILER_MAX 8192

struct aws_chunked {
    /* set by aws_chunked_init() */
    enum sigv4_payload kind;
    bool checked; /* signatures are verified */
    int (*out)(void *data, const char *p, size_t n);
    void *data;
    /* for the caller */
    enum sigv4_result result; /* SIGV4_OK until it fails */
    char text[160];           /* why it failed */
    uint64_t decoded;         /* bytes that went out */
    struct buf trailers;      /* "name:value\n" each, as sent but for blanks around the value */
    bool done;                /* the last chunk was read */
    /* private */
    int state;
    uint64_t left;       /* bytes of this chunk still to come */
    bool last;           /* this chunk has size 0 */
    bool trailer_signed; /* the signature of the trailers was there */
    struct buf line;
    char claimed[65]; /* signature of this chunk as sent */
    char previous[65];
    char amz_date[17], scope[160];
    uint8_t signing_key[32];
    void *sha; /* EVP_MD_CTX over this chunk */
};

/* Takes what it needs of s, which need not live on. out may be NULL (bytes are only counted);
 * a negative return of out ends the decoding with SIGV4_BAD_FRAMING. */
void aws_chunked_init(struct aws_chunked *c, const struct sigv4 *s,
                      int (*out)(void *data, const char *p, size_t n), void *data);
void aws_chunked_release(struct aws_chunked *c);

/* Takes n bytes. 0, or -1 when the decoder has failed (result and text say why). */
int aws_chunked_feed(struct aws_chunked *c, const char *p, size_t n);

/* The body has ended: -1 with SIGV4_BAD_FRAMING when the last chunk was not there. */
int aws_chunked_finish(struct aws_chunked *c);

#endif
