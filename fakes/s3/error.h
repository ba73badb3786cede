/*
 * error.h - errors as S3 words them. Private to fakes/s3.
 *
 * An error is a code, a message and members of its own (Key, BucketName ...):
 *
 *     return s3_fail(c, "NoSuchKey", "Key", c->key, NULL);
 *
 * It is kept in the call until the whole request is there, and then answered
 * as XML; a HEAD gets the status alone. The first error of a call stays.
 * Codes, statuses and texts are those of the S3 API reference and of the service itself.
 */
#ifndef FAKES_S3_ERROR_H
#define FAKES_S3_ERROR_H

#include "base/buf.h"

struct exchange;
struct s3_call;

#define S3_ERROR_MEMBERS_MAX (256 << 10)

struct s3_error {
    const char *code; /* NULL: none */
    char *message;    /* NULL: the usual text of the code */
    int status;       /* 0: the usual one of the code */
    struct buf members;
};

/* Sets the error of the call, with pairs of member and value behind it and a NULL at the end.
 * A NULL value is left out. Returns -1. */
int s3_fail(struct s3_call *c, const char *code, ...) __attribute__((sentinel));

/* The same with a message of its own; members are added with s3_fail_member(). */
int s3_failf(struct s3_call *c, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void s3_fail_member(struct s3_call *c, const char *name, const char *value);

/* Answers. resource: the path of the request, shown when the error has no member of its own. */
void s3_error_answer(struct exchange *x, const struct s3_error *e);
void s3_error_release(struct s3_error *e);

/* Usual status and text of a code; 400 and NULL for a code that we do not know. */
int s3_error_status(const char *code);
const char *s3_error_text(const char *code);
/* The code that goes with a status: 503 is SlowDown. */
const char *s3_error_code(int status);

/* x-amz-request-id, x-amz-id-2 and Server, which every answer has. */
void s3_common_headers(struct exchange *x);

#endif
