/* Buckets: make, remove, look at, and remove many objects of one at once. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"
#include "fakes/s3/range.h"

#define XML_MAX (16 << 20)

struct page {
    char *prefix, *region, *token;
    char *after; /* names up to this one were on a page before; NULL: none */
    uint64_t max;
    bool asked; /* any of them was given: then the buckets say their region, too */
};

static int read_page(struct s3_call *c, struct page *p)
{
    char *max = exchange_param(c->x, "max-buckets");
    int r = s3_param_number(c, "max-buckets", INT32_MAX, S3_BUCKETS_MAX, &p->max);

    p->prefix = exchange_param(c->x, "prefix");
    p->region = exchange_param(c->x, "bucket-region");
    p->token = exchange_param(c->x, "continuation-token");
    p->asked = max || p->prefix || p->region || p->token;
    if (p->token && *p->token && !(p->after = s3_open_token(p->token)))
        r = s3_fail_argument(c, "continuation-token", p->token,
                             "The continuation token provided is incorrect");
    if (r == 0 && (!p->max || p->max > S3_LIST_BUCKETS_MAX))
        r = s3_fail_argument(c, "max-buckets", max,
                             "Argument max-buckets must be an integer between 1 and 10000");
    free(max);
    return r;
}

static bool is_listed(const struct page *p, const struct s3_bucket *b)
{
    return (!p->after || strcmp(b->name, p->after) > 0) &&
           (!p->prefix || str_starts(b->name, p->prefix)) &&
           (!p->region || !*p->region || str_eq(b->region, p->region));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of all buckets in their order, to be freed. */
static const char **sorted_names(const struct s3 *s)
{
    const char **names = new0_array(const char *, map_count(&s->buckets) + 1);
    size_t n = 0;
    void *v;

    for (size_t i = 0; map_next(&s->buckets, &i, &names[n], &v);)
        n++;
    qsort(names, n, sizeof(*names), by_name);
    names[n] = NULL;
    return names;
}

static void add_buckets(struct s3_call *c, const struct page *p, struct buf *b)
{
    const char **names = sorted_names(c->s3), *last = NULL;
    uint64_t count = 0;

    buf_adds(b, names[0] ? "<Buckets>" : "<Buckets/>");
    for (size_t i = 0; names[i]; i++) {
        const struct s3_bucket *bucket = s3_bucket_find(c->s3, names[i]);

        if (!is_listed(p, bucket))
            continue;
        if (count++ == p->max)
            break;
        last = names[i];
        buf_adds(b, "<Bucket>");
        s3_xml_add(b, "Name", last);
        s3_xml_time(b, "CreationDate", bucket->created);
        if (p->asked)
            s3_xml_add(b, "BucketRegion", bucket->region);
        buf_adds(b, "</Bucket>");
    }
    buf_adds(b, names[0] ? "</Buckets>" : "");
    if (p->prefix && *p->prefix)
        s3_xml_add(b, "Prefix", p->prefix);
    if (count > p->max)
        s3_xml_token(b, "ContinuationToken", last);
    free(names);
}

int s3_list_buckets(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    struct page p = {0};
    int r = read_page(c, &p);

    if (r == 0) {
        buf_adds(&b, S3_XML_HEAD "<ListAllMyBucketsResult xmlns=\"" S3_XML_NS "\">");
        s3_xml_owner(c, &b, "Owner");
        add_buckets(c, &p, &b);
        buf_adds(&b, "</ListAllMyBucketsResult>");
        r = s3_answer_xml(c, &b);
    }
    free(p.prefix);
    free(p.region);
    free(p.token);
    free(p.after);
    return r;
}

/* The region that the body asks for, to be freed; "" when it asks for none. NULL: error. */
static char *asked_region(struct s3_call *c)
{
    struct s3_xml *x;
    char *region;
    const char *text;

    if (!c->sink.size)
        return xstrdup("");
    x = s3_call_xml(c, "CreateBucketConfiguration");
    if (!x)
        return NULL;
    text = s3_xml_child_text(x, "LocationConstraint");
    region = xstrdup(text ? text : "");
    s3_xml_free(x);
    return region;
}

static int bad_location(struct s3_call *c, const char *asked)
{
    s3_failf(c, "InvalidLocationConstraint", "The specified location-constraint is not valid");
    s3_fail_member(c, "LocationConstraint", asked);
    return -1;
}

/* "eu-west-1", "us-gov-east-1": words of letters, and a number at the end. */
static bool looks_like_region(const char *s)
{
    size_t n = strlen(s);

    return n > 4 && n < 32 && strspn(s, "abcdefghijklmnopqrstuvwxyz-0123456789") == n &&
           s[n - 2] == '-' && s[n - 1] >= '1' && s[n - 1] <= '9' &&
           strcspn(s, "0123456789") == n - 1;
}

/*
 * Where the bucket will be: *ret. Every region but us-east-1 wants its name in the body; us-east-1
 * wants none. The endpoint without a region is that of us-east-1, and makes buckets anywhere.
 */
static int find_region(struct s3_call *c, const char *asked, const char **ret)
{
    const char *ours = s3_call_region(c);

    *ret = *asked ? asked : ours;
    if (str_eq(ours, "us-east-1")) {
        if (!*asked)
            return 0;
        if (str_eq(asked, ours))
            return bad_location(c, asked);
        if (c->global && str_eq(asked, "EU"))
            *ret = "eu-west-1";
        if (c->global)
            return looks_like_region(*ret) ? 0 : bad_location(c, asked);
    } else if (str_eq(asked, ours)) {
        return 0;
    }
    return s3_failf(c, "IllegalLocationConstraintException",
                    "The %s location constraint is incompatible for the region specific endpoint "
                    "this request was sent to.",
                    *asked ? asked : "unspecified");
}

static int make_bucket(struct s3_call *c, const char *region)
{
    const struct s3_bucket *there = s3_bucket_find(c->s3, c->bucket_name);
    struct err e = ERR_INIT;

    /* us-east-1 answers 200 to an owner who repeats himself, all other regions do not */
    if (there && str_eq(region, "us-east-1") && str_eq(there->region, region))
        return 0;
    if (there)
        return s3_fail(c, "BucketAlreadyOwnedByYou", "BucketName", c->bucket_name, NULL);
    if (s3_keep_bucket(c->s3, c->bucket_name, region, &e))
        return 0;
    return e.code == ERR_LIMIT ? s3_fail(c, "TooManyBuckets", NULL) : s3_fail_store(c, &e);
}

/* What a bucket may be asked to be beside what it is anyway. */
static int check_kind(struct s3_call *c)
{
    const char *ownership = exchange_header(c->x, "x-amz-object-ownership");
    const char *lock = exchange_header(c->x, "x-amz-bucket-object-lock-enabled");

    if (ownership && !str_eq(ownership, "BucketOwnerEnforced"))
        return str_eq(ownership, "BucketOwnerPreferred") || str_eq(ownership, "ObjectWriter")
                   ? s3_fail(c, "NotImplemented", "Header", "x-amz-object-ownership", NULL)
                   : s3_fail_argument(c, "x-amz-object-ownership", ownership,
                                      "Invalid x-amz-object-ownership header");
    return lock && !strcasecmp(lock, "true")
               ? s3_fail(c, "NotImplemented", "Header", "x-amz-bucket-object-lock-enabled", NULL)
               : 0;
}

int s3_create_bucket(struct s3_call *c)
{
    _cleanup_free_ char *asked = NULL, *location = NULL;
    const char *region;

    if (!s3_bucket_name_ok(c->bucket_name))
        return s3_fail(c, "InvalidBucketName", "BucketName", c->bucket_name, NULL);
    if (check_kind(c) < 0)
        return -1;
    asked = asked_region(c);
    if (!asked || find_region(c, asked, &region) < 0 || make_bucket(c, region) < 0)
        return -1;
    location = str_eq(region, "us-east-1")
                   ? xasprintf("/%s", c->bucket_name)
                   : xasprintf("http://%s.s3.amazonaws.com/", c->bucket_name);
    exchange_set_header(c->x, "Location", location);
    return s3_answer_empty(c, 200);
}

int s3_delete_bucket(struct s3_call *c)
{
    struct err e = ERR_INIT;

    if (c->bucket->n_objects && c->bucket->versioning != S3_VERSIONING_NEVER)
        return s3_failf(c, "BucketNotEmpty",
                        "The bucket you tried to delete is not empty. You must delete all versions "
                        "in the bucket.");
    if (c->bucket->n_objects)
        return s3_fail(c, "BucketNotEmpty", "BucketName", c->bucket->name, NULL);
    if (s3_drop_bucket(c->s3, c->bucket, &e) < 0)
        return s3_fail_store(c, &e);
    return s3_answer_empty(c, 204);
}

int s3_head_bucket(struct s3_call *c)
{
    exchange_set_header(c->x, "x-amz-bucket-region", c->bucket->region);
    exchange_set_header(c->x, "x-amz-access-point-alias", "false");
    s3_common_headers(c->x);
    exchange_answer(c->x, 200, "application/xml", "", 0);
    return 0;
}

int s3_bucket_location(struct s3_call *c)
{
    struct buf b = BUF_INIT(4096);
    const char *region = c->bucket->region;

    /* us-east-1 has no name here, for it was there before regions were */
    if (str_eq(region, "us-east-1"))
        buf_adds(&b, S3_XML_HEAD "<LocationConstraint xmlns=\"" S3_XML_NS "\"/>");
    else
        buf_addf(&b,
                 S3_XML_HEAD "<LocationConstraint xmlns=\"" S3_XML_NS "\">%s"
                             "</LocationConstraint>",
                 region);
    return s3_answer_xml(c, &b);
}

/* --- DeleteObjects ------------------------------------------------------------------------ */

/* What is wrong with one Object of a Delete; NULL: nothing. */
static const char *delete_error(struct s3_call *c, const struct s3_xml *x)
{
    const char *etag = s3_xml_child_text(x, "ETag");
    const struct s3_object *o = s3_object_find(c->bucket, s3_xml_child_text(x, "Key"));

    if (s3_xml_child(x, "VersionId") && !s3_version_id_ok(s3_xml_child_text(x, "VersionId")))
        return "NoSuchVersion";
    if (s3_xml_child(x, "Size") || s3_xml_child(x, "LastModifiedTime"))
        return "NotImplemented"; /* directory buckets have these conditions */
    if (!etag)
        return NULL;
    return !o ? "NoSuchKey" : s3_etag_in(etag, o->etag) ? NULL : "PreconditionFailed";
}

static void delete_one(struct s3_call *c, const struct s3_xml *o, bool quiet, struct buf *b)
{
    const char *key = s3_xml_child_text(o, "Key"), *id = s3_xml_child_text(o, "VersionId");
    const char *error = delete_error(c, o);
    struct s3_deleted did = {0};

    if (!error)
        s3_delete_version(c, key, id, &did);
    if (quiet && !error)
        return;
    buf_adds(b, error ? "<Error>" : "<Deleted>");
    s3_xml_add(b, "Key", key);
    if (id)
        s3_xml_add(b, "VersionId", id);
    if (did.marker) {
        s3_xml_add(b, "DeleteMarker", "true");
        s3_xml_add(b, "DeleteMarkerVersionId", did.version);
    }
    if (error) {
        s3_xml_add(b, "Code", error);
        s3_xml_add(b, "Message", s3_error_text(error));
    }
    buf_adds(b, error ? "</Error>" : "</Deleted>");
}

/* Every element is an Object with a Key, or Quiet; no more objects than S3 takes. */
static int check_delete(struct s3_call *c, const struct s3_xml *root)
{
    size_t n = 0;

    for (const struct s3_xml *o = root->first; o; o = o->next) {
        if (str_eq(o->name, "Quiet"))
            continue;
        if (!str_eq(o->name, "Object") || !s3_xml_child_text(o, "Key") ||
            !*s3_xml_child_text(o, "Key"))
            return s3_fail(c, "MalformedXML", NULL);
        n++;
    }
    return !n || n > S3_LIST_MAX ? s3_fail(c, "MalformedXML", NULL) : 0;
}

int s3_delete_objects(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    struct s3_xml *root;
    bool quiet;

    if (!exchange_header(c->x, "Content-MD5") && c->sink.checksum.kind == S3_CHECKSUM_NONE)
        return s3_failf(c, "InvalidRequest",
                        "Missing required header for this request: Content-MD5 OR "
                        "x-amz-checksum-*");
    root = s3_call_xml(c, "Delete");
    if (!root || check_delete(c, root) < 0) {
        s3_xml_free(root);
        return -1;
    }
    quiet = str_eq(s3_xml_child_text(root, "Quiet"), "true");
    buf_adds(&b, S3_XML_HEAD "<DeleteResult xmlns=\"" S3_XML_NS "\">");
    for (const struct s3_xml *o = root->first; o; o = o->next)
        if (str_eq(o->name, "Object"))
            delete_one(c, o, quiet, &b);
    buf_adds(&b, "</DeleteResult>");
    s3_xml_free(root);
    return s3_answer_xml(c, &b);
}
