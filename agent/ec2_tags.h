/*
 * ec2_tags.h - EC2's DescribeTags: the tags of this instance, for its registration.
 *
 * At AWS_ENDPOINT_URL_EC2, or the region's address. What the SDK's standard retryer would try again
 * (no answer, 5xx, throttling) is tried EC2_ATTEMPTS times in all. A tag whose key or value begins
 * with "aws:", in whatever case, is left out: ECS would refuse the registration because of it.
 * (ec2/ec2_client.go:DescribeECSTagsForInstance)
 *
 * ec2_tags_start() calls back exactly once, never from inside itself; ec2_tags_cancel() drops it
 * without a call.
 */
#ifndef AGENT_EC2_TAGS_H
#define AGENT_EC2_TAGS_H

#include "agent/config.h"
#include "agent/credentials.h"

struct ec2_tags;

/* tags: object of strings, borrowed; NULL with the reason in e. */
typedef void (*ec2_tags_fn)(const json_t *tags, const struct err *e, void *user);

/* Everything but the id is borrowed, and outlives the call. NULL with the reason in e. */
struct ec2_tags *ec2_tags_start(struct loop *l, struct http *h, const struct config *c,
                                const struct credentials *who, const char *instance_id,
                                ec2_tags_fn fn, void *user, struct err *e);
void ec2_tags_cancel(struct ec2_tags *t); /* NULL is fine; not after the call */

/* The answer's tags, to be released; NULL with the reason in e. body need not end with NUL. */
json_t *ec2_tags_read(const char *body, size_t n, struct err *e);

#endif
