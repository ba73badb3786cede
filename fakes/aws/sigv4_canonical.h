/*
 * sigv4_canonical.h - the canonical request. Private to fakes/aws.
 *
 * Everything is made from the raw request: the same bytes give the same text
 * on both sides, whatever a parser in between thought of them.
 */
#ifndef FAKES_AWS_SIGV4_CANONICAL_H
#define FAKES_AWS_SIGV4_CANONICAL_H

#include "fakes/aws/sigv4.h"

struct sigv4_canonical {
    const char *signed_headers; /* "host;x-amz-date", as sent */
    const char *payload;        /* last line */
    bool s3;
    bool presigned; /* X-Amz-Signature is no part of the query */
};

/* Appends the canonical request; -1 when `out` is full. */
int sigv4_canonical(struct buf *out, const struct sigv4_request *r,
                    const struct sigv4_canonical *how);

/* Appends the canonical form of one value: blanks trimmed, runs of blanks are one. */
int sigv4_trim_value(struct buf *out, const char *v);

/* The decoded value of a query parameter, to be freed; NULL when absent. */
char *sigv4_query_param(const char *raw_query, const char *name);

/* The first header of that name, or NULL. */
const char *sigv4_header(const struct sigv4_request *r, const char *name);

/* True when `name` (any case) is in the list "a;b;c". */
bool sigv4_is_signed(const char *signed_headers, const char *name);

#endif
