/*
 * arn.h - Amazon resource names: arn:partition:service:region:account:resource.
 *
 * A struct arn points into the text it was parsed from and owns nothing. The
 * resource is the rest of the text, slashes and colons included.
 */
#ifndef PROTO_ARN_H
#define PROTO_ARN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct arn_part {
    const char *s;
    size_t len;
};

struct arn {
    struct arn_part partition, service, region, account, resource;
};

/* -1 with ERR_PARSE; partition, service and resource may not be empty. */
int arn_parse(const char *text, struct arn *ret, struct err *e);

/* Points at what stands behind the last '/' of the resource (or at the resource): the id. */
const char *arn_id(const char *text);

/*
 * Appends arn:<partition>:ecs:<region>:<account>:<kind>/<cluster>/<id>, the long
 * form of the ARNs of tasks and container instances; cluster NULL leaves the
 * short form (also that of clusters and task definitions). -1 when b is full.
 */
int arn_build_ecs(struct buf *b, const char *region, const char *account, const char *kind,
                  const char *cluster, const char *id);

/* aws, aws-cn, aws-us-gov, aws-iso ...: the partition a region belongs to. */
const char *arn_partition_of_region(const char *region);

/* amazonaws.com, amazonaws.com.cn ...: what the names of that region's endpoints end in. */
const char *arn_dns_suffix_of_region(const char *region);

/* api.aws ...: what those end in that have addresses of IPv6 as well. */
const char *arn_dual_stack_suffix_of_region(const char *region);

#endif
