#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"

int arn_parse(const char *text, struct arn *ret, struct err *e)
{
    struct arn_part parts[4];
    const char *p = text ? str_after(text, "arn:") : NULL;

    if (!p)
        return err_set(e, ERR_PARSE, "not an ARN: it does not begin with \"arn:\"");
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        const char *end = strchr(p, ':');

        if (!end)
            return err_set(e, ERR_PARSE, "not an ARN: \"%.80s\" has too few parts", text);
        parts[i].s = p;
        parts[i].len = (size_t)(end - p);
        p = end + 1;
    }
    if (!parts[0].len || !parts[1].len || !*p)
        return err_set(e, ERR_PARSE, "not an ARN: \"%.80s\" has an empty part", text);
    ret->partition = parts[0];
    ret->service = parts[1];
    ret->region = parts[2];
    ret->account = parts[3];
    ret->resource.s = p;
    ret->resource.len = strlen(p);
    return 0;
}

const char *arn_id(const char *text)
{
    const char *slash = strrchr(text, '/');
    const char *colon;

    if (slash)
        return slash + 1;
    colon = strrchr(text, ':');
    return colon ? colon + 1 : text;
}

int arn_build_ecs(struct buf *b, const char *region, const char *account, const char *kind,
                  const char *cluster, const char *id)
{
    return buf_addf(b, "arn:%s:ecs:%s:%s:%s/%s%s%s", arn_partition_of_region(region), region,
                    account, kind, cluster ? cluster : "", cluster ? "/" : "", id);
}

/* Source: the endpoint rules of the AWS SDKs. The first whose prefix fits; the last fits all. */
static const struct {
    const char *prefix, *partition, *suffix, *dual_stack;
} partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "aws", "amazonaws.com", "api.aws"},
};

static size_t partition_of(const char *region)
{
    size_t i = 0;

    while (!str_starts(region, partitions[i].prefix))
        i++;
    return i;
}

const char *arn_partition_of_region(const char *region)
{
    return partitions[partition_of(region)].partition;
}

const char *arn_dns_suffix_of_region(const char *region)
{
    return partitions[partition_of(region)].suffix;
}

const char *arn_dual_stack_suffix_of_region(const char *region)
{
    return partitions[partition_of(region)].dual_stack;
}
