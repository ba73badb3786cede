/* CopyObject, and the source that UploadPartCopy has in common with it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"
#include "fakes/s3/range.h"

static int bad_source(struct s3_call *c)
{
    s3_failf(c, "InvalidArgument",
             "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    s3_fail_member(c, "ArgumentName", "x-amz-copy-source");
    s3_fail_member(c, "ArgumentValue", exchange_header(c->x, "x-amz-copy-source"));
    return -1;
}

/* Splits "/bucket/key name" in place; version: its id, or NULL. */
static struct s3_object *find_source(struct s3_call *c, char *path, const char *version)
{
    char *bucket = path + (*path == '/'), *key = strchr(bucket, '/');
    const struct s3_bucket *b;
    struct s3_object *o;

    if (!key || key == bucket || !key[1]) {
        bad_source(c);
        return NULL;
    }
    *key++ = '\0';
    b = s3_bucket_find(c->s3, bucket);
    if (!b) {
        s3_fail(c, "NoSuchBucket", "BucketName", bucket, NULL);
        return NULL;
    }
    o = s3_version_find(c, b, key, version);
    if (o && b->versioning != S3_VERSIONING_NEVER)
        exchange_set_header(c->x, "x-amz-copy-source-version-id", s3_object_version_id(o));
    return o && s3_check_archived(c, o) < 0 ? NULL : o;
}

/* "bytes=0-9", and unlike in a GET it has to lie inside. */
static int source_range(struct s3_call *c, struct s3_source *s)
{
    const char *form =
        "The x-amz-copy-source-range value must be of the form bytes=first-last where "
        "first and last are the zero-based offsets of the first and last bytes to copy";
    const char *range = exchange_header(c->x, "x-amz-copy-source-range");
    uint64_t size = s->object->content.size, last;
    const char *dash = range ? strrchr(range, '-') : NULL;
    enum s3_range part;

    s->from = 0;
    s->end = size;
    if (!range)
        return 0;
    part = s3_range_read(range, size, &s->from, &s->end);
    if (part == S3_RANGE_ALL || !dash || dash[-1] == '=' ||
        str_u64(dash + 1, UINT64_MAX - 1, &last) < 0)
        s3_failf(c, "InvalidArgument", "%s", form);
    else if (part == S3_RANGE_PART && last < size)
        return 0;
    else
        s3_failf(c, "InvalidArgument",
                 "Range specified is not valid for source object of size: %llu",
                 (unsigned long long)size);
    s3_fail_member(c, "ArgumentName", "x-amz-copy-source-range");
    s3_fail_member(c, "ArgumentValue", range);
    return -1;
}

int s3_copy_source(struct s3_call *c, struct s3_source *ret)
{
    const char *source = exchange_header(c->x, "x-amz-copy-source"), *which;
    const char *version = strstr(source, "?versionId=");
    struct buf b = BUF_INIT(HTTP_HEADER_BYTES_MAX);

    str_unpercent(&b, source, strcspn(source, "?"), false);
    version = version ? str_after(version, "?versionId=") : NULL;
    ret->object = strlen(buf_str(&b)) == buf_len(&b) ? find_source(c, buf_data(&b), version) : NULL;
    if (!ret->object && !c->error.code)
        bad_source(c);
    buf_release(&b);
    if (!ret->object || source_range(c, ret) < 0)
        return -1;
    if (s3_conditions(c->x, "x-amz-copy-source-", ret->object->etag, ret->object->modified,
                      &which) != S3_PASSES)
        return s3_fail(c, "PreconditionFailed", "Condition", which, NULL);
    return 0;
}

/* COPY or REPLACE; anything else is refused. */
static int directive(struct s3_call *c, bool *ret_replace)
{
    const char *v = exchange_header(c->x, "x-amz-metadata-directive");

    *ret_replace = v && str_eq(v, "REPLACE");
    if (!v || *ret_replace || str_eq(v, "COPY"))
        return 0;
    s3_failf(c, "InvalidArgument", "Unknown metadata directive.");
    s3_fail_member(c, "ArgumentName", "x-amz-metadata-directive");
    s3_fail_member(c, "ArgumentValue", v);
    return -1;
}

static int check_copy(struct s3_call *c, const struct s3_source *s, bool replace)
{
    if (s->object == s3_object_find(c->bucket, c->key) && !replace &&
        !exchange_header(c->x, "x-amz-storage-class"))
        return s3_failf(c, "InvalidRequest",
                        "This copy request is illegal because it is trying to copy an object to "
                        "itself without changing the object's metadata, storage class, website "
                        "redirect location or encryption attributes.");
    if (s->object->content.size > S3_OBJECT_MAX)
        return s3_failf(c, "InvalidRequest",
                        "The specified copy source is larger than the maximum allowable size for "
                        "a copy source: %llu",
                        S3_OBJECT_MAX);
    return 0;
}

/* A copy has the plain MD5 even if its source was a multipart upload; none under a key of KMS. */
static int copy_etag(struct s3_call *c, const struct s3_object *from, struct s3_object *o)
{
    unsigned char md5[16];

    o->kms = c->kms;
    if (o->kms) {
        s3_opaque_etag(c, o->etag);
        return 0;
    }
    if (!strchr(from->etag, '-') && !from->kms) {
        memcpy(o->etag, from->etag, sizeof(o->etag));
        return 0;
    }
    if (s3_content_md5(&o->content, md5) < 0)
        return s3_fail(c, "InternalError", NULL);
    str_hex(md5, sizeof(md5), o->etag);
    return 0;
}

/* All but what belongs to the place: the class is the one that is asked for, and a redirect stays
 * behind. */
static int copy_headers(struct s3_call *c, const struct s3_object *from, struct s3_object *o)
{
    static const char *const placed[] = {"x-amz-storage-class", "x-amz-website-redirect-location"};

    for (size_t i = 0; i < from->headers.n; i++)
        if (strcasecmp(from->headers.v[i].name, placed[0]) &&
            strcasecmp(from->headers.v[i].name, placed[1]))
            s3_headers_add(&o->headers, from->headers.v[i].name, from->headers.v[i].value);
    if (exchange_header(c->x, placed[1]))
        s3_headers_add(&o->headers, placed[1], exchange_header(c->x, placed[1]));
    return s3_take_class(c, &o->headers);
}

/* The kind that is asked for, or the source's; a checksum of checksums is of parts, which a copy
 * has not. */
static int copy_checksum(struct s3_call *c, const struct s3_object *from, struct s3_object *o)
{
    const char *asked = exchange_header(c->x, "x-amz-checksum-algorithm");
    int kind = asked ? s3_checksum_kind_from(asked) : (int)from->checksum_kind;

    if (asked && kind <= S3_CHECKSUM_NONE)
        return s3_fail_checksum_kind(c);
    o->checksum_kind = (enum s3_checksum_kind)kind;
    if (kind == S3_CHECKSUM_NONE)
        return 0;
    if (o->checksum_kind == from->checksum_kind && !from->composite) {
        memcpy(o->checksum, from->checksum, sizeof(o->checksum));
        return 0;
    }
    return s3_content_checksum(&o->content, o->checksum_kind, o->checksum) < 0
               ? s3_fail(c, "InternalError", NULL)
               : 0;
}

int s3_copy_object(struct s3_call *c)
{
    struct buf b = BUF_INIT(4096);
    struct err e = ERR_INIT;
    struct s3_source s;
    struct s3_object *o;
    bool replace;
    int r = 0;

    if (s3_copy_source(c, &s) < 0 || directive(c, &replace) < 0 || check_copy(c, &s, replace) < 0 ||
        s3_write_conditions(c) < 0)
        return -1;
    o = s3_object_new(c->key, s3_now(c));
    s3_content_add_slice(&o->content, &s.object->content, 0, s.object->content.size);
    if (replace)
        r = s3_take_headers(c, &o->headers);
    else
        r = copy_headers(c, s.object, o);
    if (r < 0 || s3_copy_tags(c, s.object, &o->tags) < 0 || copy_etag(c, s.object, o) < 0 ||
        copy_checksum(c, s.object, o) < 0) {
        s3_object_free(o);
        return -1;
    }
    buf_adds(&b, S3_XML_HEAD "<CopyObjectResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_time(&b, "LastModified", o->modified);
    s3_xml_addf(&b, "ETag", "\"%s\"", o->etag);
    s3_xml_checksum(&b, o->checksum_kind, o->checksum);
    if (o->checksum_kind != S3_CHECKSUM_NONE)
        s3_xml_add(&b, "ChecksumType", "FULL_OBJECT");
    buf_adds(&b, "</CopyObjectResult>");
    if (s3_keep_object(c->s3, c->bucket, o, &e) < 0) {
        buf_release(&b);
        return s3_fail_store(c, &e);
    }
    s3_set_encryption(c, c->kms);
    s3_set_version(c, c->bucket, o);
    return s3_answer_xml(c, &b);
}
