/* Multipart uploads: begin, parts, complete, abort, and their listings. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"

#define XML_MAX (16 << 20)

/* The upload that the request is about, or NULL with NoSuchUpload. */
static struct s3_upload *need_upload(struct s3_call *c)
{
    char *id = exchange_param(c->x, "uploadId");
    struct s3_upload *u = s3_upload_find(c->bucket, c->key, id);

    if (!u)
        s3_fail(c, "NoSuchUpload", "UploadId", id, NULL);
    free(id);
    return u;
}

int s3_create_upload(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    struct s3_headers headers = {0};
    struct s3_upload *u;

    if (s3_take_headers(c, &headers) < 0 || !(u = s3_upload_add(c->s3, c->bucket, c->key))) {
        s3_headers_release(&headers);
        return s3_fail(c, "ServiceUnavailable", NULL);
    }
    u->headers = headers;
    u->kms = c->kms;
    buf_adds(&b, S3_XML_HEAD "<InitiateMultipartUploadResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_add(&b, "Key", u->key);
    s3_xml_add(&b, "UploadId", u->id);
    buf_adds(&b, "</InitiateMultipartUploadResult>");
    s3_set_encryption(c, c->kms);
    return s3_answer_xml(c, &b);
}

/* partNumber of 1..10000. */
static int part_number(struct s3_call *c, int *ret)
{
    char *v = exchange_param(c->x, "partNumber");
    uint64_t n = 0;
    int r = str_u64(v, S3_PARTS_MAX, &n);

    if (r < 0 || !n) {
        r = s3_failf(c, "InvalidArgument",
                     "Part number must be an integer between 1 and 10000, inclusive");
        s3_fail_member(c, "ArgumentName", "partNumber");
        s3_fail_member(c, "ArgumentValue", v);
    }
    *ret = (int)n;
    free(v);
    return r;
}

static struct s3_part *new_part(struct s3_call *c)
{
    struct s3_upload *u = need_upload(c);
    struct s3_part *p;
    int number;

    if (!u || part_number(c, &number) < 0)
        return NULL;
    p = s3_upload_part(u, number);
    p->modified = s3_now(c) - s3_now(c) % NS_PER_S;
    return p;
}

int s3_upload_one_part(struct s3_call *c)
{
    struct s3_part *p = new_part(c);
    struct s3_blob *blob;
    char name[40];

    if (!p)
        return -1;
    blob = s3_sink_take(&c->sink);
    s3_content_add(&p->content, blob, 0, blob->size);
    s3_blob_unref(blob);
    memcpy(p->etag, c->etag, sizeof(p->etag));
    if (*c->checksum)
        exchange_set_header(c->x, s3_checksum_header(c->sink.checksum.kind, name), c->checksum);
    s3_set_etag(c, p->etag);
    s3_set_encryption(c, c->kms);
    return s3_answer_empty(c, 200);
}

int s3_upload_part_copy(struct s3_call *c)
{
    struct buf b = BUF_INIT(4096);
    struct s3_content content = {0};
    struct s3_source s;
    struct s3_part *p;
    unsigned char md5[16];

    if (s3_copy_source(c, &s) < 0)
        return -1;
    s3_content_add_slice(&content, &s.object->content, s.from, s.end - s.from);
    p = c->kms || s3_content_md5(&content, md5) == 0 ? new_part(c) : NULL;
    if (!p) {
        s3_content_release(&content);
        return s3_fail(c, "InternalError", NULL);
    }
    p->content = content;
    if (c->kms)
        s3_opaque_etag(c, p->etag);
    else
        str_hex(md5, sizeof(md5), p->etag);
    buf_adds(&b, S3_XML_HEAD "<CopyPartResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_time(&b, "LastModified", p->modified);
    s3_xml_addf(&b, "ETag", "\"%s\"", p->etag);
    buf_adds(&b, "</CopyPartResult>");
    s3_set_encryption(c, c->kms);
    return s3_answer_xml(c, &b);
}

/* --- completing --------------------------------------------------------------------------- */

/* "abc" of "\"abc\"" and of "abc", compared with what we have. */
static bool same_etag(const char *text, const char *etag)
{
    size_t n;

    text += strspn(text, " \t\r\n\"");
    n = strcspn(text, " \t\r\n\"");
    return n == strlen(etag) && !memcmp(text, etag, n);
}

static int invalid_part(struct s3_call *c, const struct s3_upload *u, const char *number,
                        const char *etag)
{
    return s3_fail(c, "InvalidPart", "UploadId", u->id, "PartNumber", number, "ETag", etag, NULL);
}

static int too_small(struct s3_call *c, const struct s3_part *p)
{
    char size[24], number[16], least[16];

    snprintf(size, sizeof(size), "%llu", (unsigned long long)p->content.size);
    snprintf(number, sizeof(number), "%d", p->number);
    snprintf(least, sizeof(least), "%u", S3_PART_MIN);
    return s3_fail(c, "EntityTooSmall", "ProposedSize", size, "MinSizeAllowed", least, "PartNumber",
                   number, "ETag", p->etag, NULL);
}

/* Every element is a Part with a number and an ETag, and the numbers rise. */
static int check_parts(struct s3_call *c, const struct s3_upload *u, const struct s3_xml *root)
{
    uint64_t n, last = 0;

    if (!root->first)
        return s3_fail(c, "MalformedXML", NULL);
    for (const struct s3_xml *x = root->first; x; x = x->next) {
        if (!str_eq(x->name, "Part") || !s3_xml_child_text(x, "ETag") ||
            str_u64(s3_xml_child_text(x, "PartNumber"), INT32_MAX, &n) < 0)
            return s3_fail(c, "MalformedXML", NULL);
        if (n <= last)
            return s3_fail(c, "InvalidPartOrder", "UploadId", u->id, NULL);
        last = n;
    }
    return 0;
}

/* One Part element: its part joins the content, its MD5 the ETag. */
static int join_part(struct s3_call *c, const struct s3_upload *u, const struct s3_xml *x,
                     struct s3_content *content, EVP_MD_CTX *md)
{
    const char *number = s3_xml_child_text(x, "PartNumber"), *etag = s3_xml_child_text(x, "ETag");
    const struct s3_part *p = s3_upload_find_part(u, (int)strtol(number, NULL, 10));
    unsigned char raw[16];

    if (!p || !same_etag(etag, p->etag))
        return invalid_part(c, u, number, etag);
    if (x->next && p->content.size < S3_PART_MIN)
        return too_small(c, p);
    s3_content_add_slice(content, &p->content, 0, p->content.size);
    for (size_t i = 0; i < sizeof(raw); i++) {
        char hex[3] = {p->etag[2 * i], p->etag[2 * i + 1], '\0'};

        raw[i] = (unsigned char)strtoul(hex, NULL, 16);
    }
    EVP_DigestUpdate(md, raw, sizeof(raw));
    return 0;
}

/* Joins the parts that the body names; NULL with the error. */
static struct s3_object *join(struct s3_call *c, struct s3_upload *u)
{
    struct s3_xml *root = s3_call_xml(c, "CompleteMultipartUpload");
    struct s3_object *o = s3_object_new(u->key, s3_now(c));
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char md5[16];
    size_t n = 0, len;

    EVP_DigestInit_ex(md, EVP_md5(), NULL);
    if (root && check_parts(c, u, root) == 0)
        for (const struct s3_xml *x = root->first; x && !c->error.code; x = x->next, n++)
            join_part(c, u, x, &o->content, md);
    EVP_DigestFinal_ex(md, md5, NULL);
    EVP_MD_CTX_free(md);
    s3_xml_free(root);
    if (c->error.code) {
        s3_object_free(o);
        return NULL;
    }
    str_hex(md5, sizeof(md5), o->etag);
    len = strlen(o->etag);
    snprintf(o->etag + len, sizeof(o->etag) - len, "-%zu", n);
    o->kms = u->kms;
    s3_headers_copy(&o->headers, &u->headers);
    return o;
}

int s3_complete_upload(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    struct s3_upload *u = need_upload(c);
    const char *host = exchange_header(c->x, "Host");
    struct err e = ERR_INIT;
    struct s3_object *o;

    if (!u || s3_write_conditions(c) < 0 || !(o = join(c, u)))
        return -1;
    buf_adds(&b, S3_XML_HEAD "<CompleteMultipartUploadResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_addf(&b, "Location", "http://%s%s", host ? host : "", c->x->raw_path);
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_add(&b, "Key", o->key);
    s3_xml_addf(&b, "ETag", "\"%s\"", o->etag);
    buf_adds(&b, "</CompleteMultipartUploadResult>");
    if (s3_keep_object(c->s3, c->bucket, o, &e) < 0) {
        buf_release(&b);
        return s3_fail_store(c, &e);
    }
    s3_upload_remove(c->s3, u);
    s3_set_encryption(c, c->kms);
    return s3_answer_xml(c, &b);
}

int s3_abort_upload(struct s3_call *c)
{
    struct s3_upload *u = need_upload(c);

    if (!u)
        return -1;
    s3_upload_remove(c->s3, u);
    return s3_answer_empty(c, 204);
}

/* --- listings ----------------------------------------------------------------------------- */

int s3_list_parts(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    struct s3_upload *u = need_upload(c);
    uint64_t max, marker, n = 0;
    int last = 0;
    bool truncated = false;
    struct buf parts = BUF_INIT(XML_MAX);

    if (!u || s3_param_number(c, "max-parts", S3_LIST_MAX, S3_LIST_MAX, &max) < 0 ||
        s3_param_number(c, "part-number-marker", INT32_MAX, 0, &marker) < 0)
        return -1;
    for (size_t i = 0; i < u->n_parts && !truncated; i++) {
        const struct s3_part *p = u->parts[i];

        if ((uint64_t)p->number <= marker)
            continue;
        truncated = n == max;
        if (truncated)
            break;
        n++;
        last = p->number;
        buf_adds(&parts, "<Part>");
        s3_xml_addf(&parts, "PartNumber", "%d", p->number);
        s3_xml_time(&parts, "LastModified", p->modified);
        s3_xml_addf(&parts, "ETag", "\"%s\"", p->etag);
        s3_xml_addf(&parts, "Size", "%llu", (unsigned long long)p->content.size);
        buf_adds(&parts, "</Part>");
    }
    buf_adds(&b, S3_XML_HEAD "<ListPartsResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_add(&b, "Key", u->key);
    s3_xml_add(&b, "UploadId", u->id);
    s3_xml_owner(c, &b, "Initiator");
    s3_xml_owner(c, &b, "Owner");
    s3_xml_add(&b, "StorageClass", "STANDARD");
    s3_xml_addf(&b, "PartNumberMarker", "%llu", (unsigned long long)marker);
    s3_xml_addf(&b, "NextPartNumberMarker", "%d", last);
    s3_xml_addf(&b, "MaxParts", "%llu", (unsigned long long)max);
    s3_xml_add(&b, "IsTruncated", truncated ? "true" : "false");
    buf_add(&b, buf_str(&parts), buf_len(&parts));
    buf_adds(&b, "</ListPartsResult>");
    buf_release(&parts);
    return s3_answer_xml(c, &b);
}

static int by_key(const void *a, const void *b)
{
    const struct s3_upload *u = *(struct s3_upload *const *)a, *v = *(struct s3_upload *const *)b;
    int r = strcmp(u->key, v->key);

    if (r)
        return r;
    if (u->initiated != v->initiated)
        return u->initiated < v->initiated ? -1 : 1;
    return strcmp(u->id, v->id);
}

static struct s3_upload **sorted_uploads(const struct s3_bucket *b, size_t *ret_n)
{
    struct s3_upload **v = NULL;
    size_t n = 0, cap = 0;
    struct list *pos;

    list_for_each (pos, &b->uploads) {
        grow_array(v, n, cap);
        v[n++] = container_of(pos, struct s3_upload, link);
    }
    if (n)
        qsort(v, n, sizeof(*v), by_key);
    *ret_n = n;
    return v;
}

static void add_upload(struct s3_call *c, struct buf *b, const struct s3_upload *u)
{
    buf_adds(b, "<Upload>");
    s3_xml_add(b, "Key", u->key);
    s3_xml_add(b, "UploadId", u->id);
    s3_xml_owner(c, b, "Initiator");
    s3_xml_owner(c, b, "Owner");
    s3_xml_add(b, "StorageClass", "STANDARD");
    s3_xml_time(b, "Initiated", u->initiated);
    buf_adds(b, "</Upload>");
}

int s3_list_uploads(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    char *prefix = exchange_param(c->x, "prefix");
    char *marker = exchange_param(c->x, "key-marker");
    const struct s3_upload *last = NULL;
    struct s3_upload **all;
    struct buf uploads = BUF_INIT(XML_MAX);
    uint64_t max, n = 0;
    bool truncated = false;
    size_t count;
    int r = s3_param_number(c, "max-uploads", S3_LIST_MAX, S3_LIST_MAX, &max);

    all = sorted_uploads(c->bucket, &count);
    for (size_t i = 0; i < count && !truncated; i++) {
        if ((prefix && !str_starts(all[i]->key, prefix)) ||
            (marker && strcmp(all[i]->key, marker) <= 0))
            continue;
        truncated = n == max;
        if (truncated)
            break;
        n++;
        last = all[i];
        add_upload(c, &uploads, last);
    }
    buf_adds(&b, S3_XML_HEAD "<ListMultipartUploadsResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_add(&b, "KeyMarker", marker);
    s3_xml_add(&b, "UploadIdMarker", NULL);
    s3_xml_add(&b, "NextKeyMarker", truncated && last ? last->key : NULL);
    s3_xml_add(&b, "NextUploadIdMarker", truncated && last ? last->id : NULL);
    if (prefix)
        s3_xml_add(&b, "Prefix", prefix);
    s3_xml_addf(&b, "MaxUploads", "%llu", (unsigned long long)max);
    s3_xml_add(&b, "IsTruncated", truncated ? "true" : "false");
    buf_add(&b, buf_str(&uploads), buf_len(&uploads));
    buf_adds(&b, "</ListMultipartUploadsResult>");
    buf_release(&uploads);
    free(all);
    free(prefix);
    free(marker);
    if (r == 0)
        return s3_answer_xml(c, &b);
    buf_release(&b);
    return r;
}
