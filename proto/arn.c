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

const char *arn_partition_of_region(const char *region)
{
    if (str_starts(region, "cn-"))
        return "aws-cn";
    return str_starts(region, "us-gov-") ? "aws-us-gov" : "aws";
}

const char *arn_dns_suffix_of_region(const char *region)
{
    return str_starts(region, "cn-") ? "amazonaws.com.cn" : "amazonaws.com";
}
