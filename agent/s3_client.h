/*
 * s3_client.h - objects from S3, whole.
 *
 * As the official agent's downloader does it: HEAD of the bucket tells its
 * region (the header X-Amz-Bucket-Region counts, whatever the status), then
 * the object is asked for there. Paths have the bucket in front. (s3/factory,
 * feature/s3/manager)
 *
 * s3_fetch() calls back exactly once, never from inside itself; s3_cancel()
 * drops the request without a call.
 */
#ifndef AGENT_S3_CLIENT_H
#define AGENT_S3_CLIENT_H

#include "agent/config.h"
#include "agent/http.h"
#include "agent/task_credentials.h"

struct s3_client;
struct s3_request;

/* body: NULL with the reason in e. */
typedef void (*s3_fn)(const char *body, size_t n, const struct err *e, void *user);

/* Everything is borrowed. */
struct s3_client *s3_client_new(struct http *h, const struct config *c);
void s3_client_free(struct s3_client *s); /* after every request is done or cancelled */

/* max: bytes of the object. NULL with the reason in e. */
struct s3_request *s3_fetch(struct s3_client *s, const struct task_credential *who,
                            const char *bucket, const char *key, size_t max, s3_fn fn, void *user,
                            struct err *e);
void s3_cancel(struct s3_request *r); /* NULL is fine */

#endif
