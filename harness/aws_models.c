#include "harness/aws_models.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* The service as botocore names its folder, the version of its API, and who serves it here. */
static const struct {
    const char *name, *version, *fake;
    bool buckets; /* the bucket goes into the path */
} services[] = {
    {"ecs", "2014-11-13", "ecs", false},
    {"s3", "2006-03-01", "s3", true},
    {"sts", "2011-06-15", "aws", false},
    {"ssm", "2014-11-06", "aws", false},
    {"secretsmanager", "2017-10-17", "aws", false},
    {"ecr", "2015-09-21", "aws", false},
    {"ec2", "2016-11-15", "aws", false},
};

static json_t *parameter(const char *type, const char *builtin)
{
    json_t *o = json_object();

    json_put_str(o, "builtIn", builtin);
    json_put_bool(o, "required", false);
    json_put_str(o, "documentation", "");
    json_put_str(o, "type", type);
    return o;
}

static json_t *rule(const char *url, json_t *conditions, json_t *properties)
{
    return json_pack("{s:o,s:{s:s,s:o,s:{}},s:s}", "conditions", conditions, "endpoint", "url", url,
                     "properties", properties, "headers", "type", "endpoint");
}

/* S3 signs the path once escaped, in its own name. */
static json_t *s3_properties(void)
{
    return json_pack("{s:[{s:b,s:s,s:s,s:s}]}", "authSchemes", "disableDoubleEncoding", 1, "name",
                     "sigv4", "signingName", "s3", "signingRegion", "{Region}");
}

static json_t *rule_set(const char *url, bool buckets)
{
    json_t *rules = json_array(), *parameters = json_object();
    _cleanup_free_ char *with_bucket = xasprintf("%s/{Bucket}", url);

    json_put(parameters, "Region", parameter("String", "AWS::Region"));
    json_put(parameters, "Endpoint", parameter("String", "SDK::Endpoint"));
    if (buckets) {
        json_put(parameters, "Bucket", parameter("String", NULL));
        json_array_append_new(
            rules, rule(with_bucket,
                        json_pack("[{s:s,s:[{s:s}]}]", "fn", "isSet", "argv", "ref", "Bucket"),
                        s3_properties()));
    }
    json_array_append_new(rules,
                          rule(url, json_array(), buckets ? s3_properties() : json_object()));
    return json_pack("{s:s,s:o,s:o}", "version", "1.0", "parameters", parameters, "rules", rules);
}

static int write_one(const char *dir, const char *url, size_t i, struct err *e)
{
    _cleanup_free_ char *folder = xasprintf("%s/%s/%s", dir, services[i].name, services[i].version);
    _cleanup_free_ char *path = xasprintf("%s/endpoint-rule-set-1.json", folder);
    json_t *v _cleanup_json_ = rule_set(url, services[i].buckets);
    _cleanup_free_ char *text = json_text(v);

    if (io_mkdirs(folder, 0700, e) < 0)
        return -1;
    return io_write_file(path, text, strlen(text), 0600, e);
}

int aws_models_write(const struct world *w, const char *dir, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
        const struct fake *f = world_find(w, services[i].fake);

        if (f && f->url && write_one(dir, f->url, i, e) < 0)
            return -1;
    }
    return 0;
}
