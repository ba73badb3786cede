/* Buckets: make, remove, look at, and remove many objects of one at once. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"

#define XML_MAX (16 << 20)

int s3_list_buckets(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    const char **names = new0_array(const char *, map_count(&c->s3->buckets) + 1);
    const char *name;
    size_t n = 0;
    void *v;

    for (size_t i = 0; map_next(&c->s3->buckets, &i, &name, &v);) {
        size_t at = n++;

        for (; at && strcmp(names[at - 1], name) > 0; at--)
            names[at] = names[at - 1];
        names[at] = name;
    }
    buf_adds(&b, S3_XML_HEAD "<ListAllMyBucketsResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_owner(c, &b, "Owner");
    buf_adds(&b, n ? "<Buckets>" : "<Buckets/>");
    for (size_t i = 0; i < n; i++) {
        buf_adds(&b, "<Bucket>");
        s3_xml_add(&b, "Name", names[i]);
        s3_xml_time(&b, "CreationDate", s3_bucket_find(c->s3, names[i])->created);
        buf_adds(&b, "</Bucket>");
    }
    buf_adds(&b, n ? "</Buckets></ListAllMyBucketsResult>" : "</ListAllMyBucketsResult>");
    free(names);
    return s3_answer_xml(c, &b);
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

/* Every region but us-east-1 wants its name in the body; us-east-1 wants none. */
static int check_region(struct s3_call *c, const char *asked)
{
    const char *ours = c->s3->fake.world->id.region;

    if (str_eq(ours, "us-east-1")) {
        if (!*asked)
            return 0;
        if (str_eq(asked, ours)) {
            s3_failf(c, "InvalidLocationConstraint",
                     "The specified location-constraint is not valid");
            s3_fail_member(c, "LocationConstraint", asked);
            return -1;
        }
    } else if (str_eq(asked, ours)) {
        return 0;
    }
    return s3_failf(c, "IllegalLocationConstraintException",
                    "The %s location constraint is incompatible for the region specific endpoint "
                    "this request was sent to.",
                    *asked ? asked : "unspecified");
}

int s3_create_bucket(struct s3_call *c)
{
    const char *ours = c->s3->fake.world->id.region;
    struct err e = ERR_INIT;
    char *asked, *location;

    if (!s3_bucket_name_ok(c->bucket_name))
        return s3_fail(c, "InvalidBucketName", "BucketName", c->bucket_name, NULL);
    asked = asked_region(c);
    if (!asked || check_region(c, asked) < 0) {
        free(asked);
        return -1;
    }
    free(asked);
    /* us-east-1 answers 200 to an owner who repeats himself, all other regions do not */
    if (s3_bucket_find(c->s3, c->bucket_name)) {
        if (!str_eq(ours, "us-east-1"))
            return s3_fail(c, "BucketAlreadyOwnedByYou", "BucketName", c->bucket_name, NULL);
    } else if (!s3_keep_bucket(c->s3, c->bucket_name, ours, &e)) {
        return e.code == ERR_LIMIT ? s3_fail(c, "TooManyBuckets", NULL) : s3_fail_store(c, &e);
    }
    location = str_eq(ours, "us-east-1") ? xasprintf("/%s", c->bucket_name)
                                         : xasprintf("http://%s.s3.amazonaws.com/", c->bucket_name);
    exchange_set_header(c->x, "Location", location);
    free(location);
    return s3_answer_empty(c, 200);
}

int s3_delete_bucket(struct s3_call *c)
{
    struct err e = ERR_INIT;

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

static void delete_one(struct s3_call *c, const struct s3_xml *o, bool quiet, struct buf *b)
{
    const char *key = s3_xml_child_text(o, "Key"), *id = s3_xml_child_text(o, "VersionId");
    enum s3_version v = s3_version_read(id);

    if (v == S3_VERSION_IS_THERE)
        s3_drop_object(c->s3, c->bucket, key, NULL);
    if (quiet && v != S3_VERSION_BAD)
        return;
    buf_adds(b, v == S3_VERSION_BAD ? "<Error>" : "<Deleted>");
    s3_xml_add(b, "Key", key);
    if (id)
        s3_xml_add(b, "VersionId", id);
    if (v == S3_VERSION_BAD) {
        s3_xml_add(b, "Code", "NoSuchVersion");
        s3_xml_add(b, "Message", s3_error_text("NoSuchVersion"));
    }
    buf_adds(b, v == S3_VERSION_BAD ? "</Error>" : "</Deleted>");
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
