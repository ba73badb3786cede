/* Multipart uploads: begin, parts, complete, abort. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"

#define XML_MAX (16 << 20)

struct s3_upload *s3_need_upload(struct s3_call *c)
{
    char *id = exchange_param(c->x, "uploadId");
    struct s3_upload *u = s3_upload_find(c->bucket, c->key, id);

    if (!u)
        s3_fail(c, "NoSuchUpload", "UploadId", id, NULL);
    free(id);
    return u;
}

int s3_fail_checksum_kind(struct s3_call *c)
{
    return s3_failf(c, "InvalidRequest",
                    "Checksum algorithm provided is unsupported. Please try again with any of the "
                    "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}

/* x-amz-checksum-algorithm and x-amz-checksum-type: what its parts, and the whole, will have. */
static int asked_checksum(struct s3_call *c, enum s3_checksum_kind *ret_kind, bool *ret_composite)
{
    const char *kind = exchange_header(c->x, "x-amz-checksum-algorithm");
    const char *type = exchange_header(c->x, "x-amz-checksum-type");
    int k = kind ? s3_checksum_kind_from(kind) : S3_CHECKSUM_NONE;
    bool sha = k == S3_CHECKSUM_SHA1 || k == S3_CHECKSUM_SHA256;

    if (type && !kind)
        return s3_failf(c, "InvalidRequest",
                        "The x-amz-checksum-type header can only be used with the "
                        "x-amz-checksum-algorithm header.");
    if (kind && k <= S3_CHECKSUM_NONE)
        return s3_fail_checksum_kind(c);
    if (type && strcasecmp(type, "COMPOSITE") && strcasecmp(type, "FULL_OBJECT"))
        return s3_failf(c, "InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
    *ret_kind = (enum s3_checksum_kind)k;
    *ret_composite = type ? !strcasecmp(type, "COMPOSITE") : k != S3_CHECKSUM_CRC64NVME;
    if (*ret_composite ? k == S3_CHECKSUM_CRC64NVME : sha)
        return s3_failf(c, "InvalidRequest",
                        "The %s checksum type cannot be used with the %s checksum algorithm.",
                        *ret_composite ? "COMPOSITE" : "FULL_OBJECT",
                        s3_checksum_kind_name(*ret_kind));
    return 0;
}

int s3_create_upload(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX);
    struct s3_headers headers = {0}, tags = {0};
    enum s3_checksum_kind kind = S3_CHECKSUM_NONE;
    struct s3_upload *u;
    bool composite = false;

    if (asked_checksum(c, &kind, &composite) < 0 || s3_take_headers(c, &headers) < 0 ||
        s3_take_tags(c, &tags) < 0 || !(u = s3_upload_add(c->s3, c->bucket, c->key))) {
        s3_headers_release(&headers);
        s3_headers_release(&tags);
        return s3_fail(c, "ServiceUnavailable", NULL);
    }
    u->headers = headers;
    u->tags = tags;
    u->kms = c->kms;
    u->checksum_kind = kind;
    u->composite = composite;
    if (kind != S3_CHECKSUM_NONE) {
        exchange_set_header(c->x, "x-amz-checksum-algorithm", s3_checksum_kind_name(kind));
        exchange_set_header(c->x, "x-amz-checksum-type", composite ? "COMPOSITE" : "FULL_OBJECT");
    }
    buf_adds(&b, S3_XML_HEAD "<InitiateMultipartUploadResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_add(&b, "Key", u->key);
    s3_xml_add(&b, "UploadId", u->id);
    buf_adds(&b, "</InitiateMultipartUploadResult>");
    s3_set_encryption(c, c->kms);
    return s3_answer_xml(c, &b);
}

int s3_part_number(struct s3_call *c, int *ret)
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
    struct s3_upload *u = s3_need_upload(c);
    struct s3_part *p;
    int number;

    if (!u || s3_part_number(c, &number) < 0)
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
    memcpy(p->checksum, c->checksum, sizeof(p->checksum));
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
    enum s3_checksum_kind kind;
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
    kind = s3_need_upload(c)->checksum_kind;
    if (kind != S3_CHECKSUM_NONE && s3_content_checksum(&p->content, kind, p->checksum) < 0)
        return s3_fail(c, "InternalError", NULL);
    buf_adds(&b, S3_XML_HEAD "<CopyPartResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_time(&b, "LastModified", p->modified);
    s3_xml_addf(&b, "ETag", "\"%s\"", p->etag);
    s3_xml_checksum(&b, kind, p->checksum);
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
        if (!n)
            return s3_failf(c, "InvalidArgument", "PartNumber must be >= 1");
        if (n <= last)
            return s3_fail(c, "InvalidPartOrder", "UploadId", u->id, NULL);
        last = n;
    }
    return 0;
}

/* What the request says of a part's checksum is what it has. With a checksum of checksums it has
 * to be said of each. */
static int check_part_checksum(struct s3_call *c, const struct s3_upload *u,
                               const struct s3_part *p, const struct s3_xml *x)
{
    const char *etag = s3_xml_child_text(x, "ETag"), *said;
    char name[40], number[16];

    if (u->checksum_kind == S3_CHECKSUM_NONE)
        return 0;
    snprintf(name, sizeof(name), "Checksum%s", s3_checksum_kind_name(u->checksum_kind));
    snprintf(number, sizeof(number), "%d", p->number);
    said = s3_xml_child_text(x, name);
    if (said && !str_eq(said, p->checksum))
        return invalid_part(c, u, number, etag);
    if (said || !u->composite)
        return 0;
    s3_checksum_header(u->checksum_kind, name);
    return s3_failf(c, "InvalidRequest",
                    "The upload was created using a %s checksum. The complete request must include "
                    "the checksum for each part. It was missing for part %s in the request.",
                    name + strlen("x-amz-checksum-"), number);
}

/* What grows with each part that joins. */
struct joined {
    struct s3_object *o;
    EVP_MD_CTX *md;
    struct s3_checksum of_checksums;
};

/* One Part element: its part joins the content, its MD5 the ETag. */
static int join_part(struct s3_call *c, const struct s3_upload *u, const struct s3_xml *x,
                     struct joined *j)
{
    const char *number = s3_xml_child_text(x, "PartNumber"), *etag = s3_xml_child_text(x, "ETag");
    const struct s3_part *p = s3_upload_find_part(u, (int)strtol(number, NULL, 10));
    struct s3_object_part *at = &j->o->parts[j->o->n_parts];
    struct buf sum = BUF_INIT(S3_CHECKSUM_TEXT);
    unsigned char raw[16];

    if (!p || !same_etag(etag, p->etag))
        return invalid_part(c, u, number, etag);
    if (check_part_checksum(c, u, p, x) < 0)
        return -1;
    if (x->next && p->content.size < S3_PART_MIN)
        return too_small(c, p);
    s3_content_add_slice(&j->o->content, &p->content, 0, p->content.size);
    for (size_t i = 0; i < sizeof(raw); i++) {
        char hex[3] = {p->etag[2 * i], p->etag[2 * i + 1], '\0'};

        raw[i] = (unsigned char)strtoul(hex, NULL, 16);
    }
    EVP_DigestUpdate(j->md, raw, sizeof(raw));
    if (str_unbase64(&sum, p->checksum, strlen(p->checksum)) == 0)
        s3_checksum_add(&j->of_checksums, buf_str(&sum), buf_len(&sum));
    buf_release(&sum);
    *at = (struct s3_object_part){.number = p->number, .size = p->content.size};
    memcpy(at->checksum, p->checksum, sizeof(at->checksum));
    j->o->n_parts++;
    return 0;
}

static size_t count(const struct s3_xml *root)
{
    size_t n = 0;

    for (const struct s3_xml *x = root->first; x; x = x->next)
        n++;
    return n;
}

/* The checksum of all parts, held against what the request says it is. */
static int join_checksum(struct s3_call *c, const struct s3_upload *u, struct joined *j)
{
    struct s3_object *o = j->o;
    const char *said;
    char name[40];
    size_t len;

    o->checksum_kind = u->checksum_kind;
    o->composite = u->composite && u->checksum_kind != S3_CHECKSUM_NONE;
    if (u->checksum_kind == S3_CHECKSUM_NONE)
        return 0;
    if (o->composite) {
        s3_checksum_text(&j->of_checksums, o->checksum);
        len = strlen(o->checksum);
        snprintf(o->checksum + len, sizeof(o->checksum) - len, "-%zu", o->n_parts);
    } else if (s3_content_checksum(&o->content, o->checksum_kind, o->checksum) < 0) {
        return s3_fail(c, "InternalError", NULL);
    }
    said = exchange_header(c->x, s3_checksum_header(o->checksum_kind, name));
    if (!said || str_eq(said, o->checksum) ||
        (o->composite && !strncmp(said, o->checksum, strlen(said)) &&
         o->checksum[strlen(said)] == '-'))
        return 0;
    return s3_failf(c, "BadDigest", "The %s you specified did not match the calculated checksum.",
                    s3_checksum_kind_name(o->checksum_kind));
}

/* x-amz-mp-object-size: how large who asks believes it is. */
static int check_size(struct s3_call *c, const struct s3_object *o)
{
    const char *said = exchange_header(c->x, "x-amz-mp-object-size");
    uint64_t n;

    if (!said || (str_u64(said, UINT64_MAX, &n) == 0 && n == o->content.size))
        return 0;
    return s3_failf(c, "InvalidRequest",
                    "The provided 'x-amz-mp-object-size' header does not match what was computed.");
}

/* The parts in the body; NULL with the error. */
static struct s3_xml *asked_parts(struct s3_call *c, const struct s3_upload *u)
{
    struct s3_xml *root = NULL;

    if (c->sink.size)
        root = s3_call_xml(c, "CompleteMultipartUpload");
    if (!c->sink.size)
        s3_failf(c, "InvalidRequest", "You must specify at least one part");
    else if (root)
        check_parts(c, u, root);
    if (!c->error.code)
        return root;
    s3_xml_free(root);
    return NULL;
}

/* Joins the parts that the body names; NULL with the error. */
static struct s3_object *join(struct s3_call *c, struct s3_upload *u)
{
    struct s3_xml *root = asked_parts(c, u);
    struct joined j = {0};
    unsigned char md5[16];
    size_t len;

    if (!root)
        return NULL;
    j.o = s3_object_new(u->key, s3_now(c));
    j.md = EVP_MD_CTX_new();
    j.o->parts = new0_array(struct s3_object_part, count(root));
    EVP_DigestInit_ex(j.md, EVP_md5(), NULL);
    s3_checksum_init(&j.of_checksums, u->checksum_kind);
    for (const struct s3_xml *x = root->first; x && !c->error.code; x = x->next)
        join_part(c, u, x, &j);
    EVP_DigestFinal_ex(j.md, md5, NULL);
    EVP_MD_CTX_free(j.md);
    s3_xml_free(root);
    if (!c->error.code && check_size(c, j.o) == 0)
        join_checksum(c, u, &j);
    s3_checksum_release(&j.of_checksums);
    if (c->error.code) {
        s3_object_free(j.o);
        return NULL;
    }
    str_hex(md5, sizeof(md5), j.o->etag);
    len = strlen(j.o->etag);
    snprintf(j.o->etag + len, sizeof(j.o->etag) - len, "-%zu", j.o->n_parts);
    j.o->kms = u->kms;
    j.o->upload_id = xstrdup(u->id);
    s3_headers_copy(&j.o->headers, &u->headers);
    s3_headers_copy(&j.o->tags, &u->tags);
    return j.o;
}

static int answer_completed(struct s3_call *c, const struct s3_object *o)
{
    struct buf b = BUF_INIT(XML_MAX);
    const char *host = exchange_header(c->x, "Host");

    buf_adds(&b, S3_XML_HEAD "<CompleteMultipartUploadResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_addf(&b, "Location", "http://%s%s", host ? host : "", c->x->raw_path);
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_add(&b, "Key", o->key);
    s3_xml_addf(&b, "ETag", "\"%s\"", o->etag);
    s3_xml_checksum(&b, o->checksum_kind, o->checksum);
    if (o->checksum_kind != S3_CHECKSUM_NONE)
        s3_xml_add(&b, "ChecksumType", o->composite ? "COMPOSITE" : "FULL_OBJECT");
    buf_adds(&b, "</CompleteMultipartUploadResult>");
    s3_set_encryption(c, o->kms);
    return s3_answer_xml(c, &b);
}

/* The object that this upload was completed to before: who asks again, for the answer may have been
 * lost, is told the same again. */
static const struct s3_object *completed_before(const struct s3_call *c)
{
    const struct s3_object *o = s3_object_find(c->bucket, c->key);
    char *id = exchange_param(c->x, "uploadId");
    bool same = o && o->upload_id && str_eq(o->upload_id, id);

    free(id);
    return same ? o : NULL;
}

int s3_complete_upload(struct s3_call *c)
{
    const struct s3_object *before = completed_before(c);
    struct s3_upload *u = before ? NULL : s3_need_upload(c);
    struct err e = ERR_INIT;
    struct s3_object *o;

    if (before)
        return answer_completed(c, before);
    if (!u || s3_write_conditions(c) < 0 || !(o = join(c, u)))
        return -1;
    if (s3_keep_object(c->s3, c->bucket, o, &e) < 0)
        return s3_fail_store(c, &e);
    s3_upload_remove(c->s3, u);
    s3_set_version(c, c->bucket, o);
    return answer_completed(c, o);
}

int s3_abort_upload(struct s3_call *c)
{
    struct s3_upload *u = s3_need_upload(c);

    if (!u)
        return -1;
    s3_upload_remove(c->s3, u);
    return s3_answer_empty(c, 204);
}
