/* Objects: get, put, delete. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"
#include "fakes/s3/range.h"

#define DEFAULT_TYPE "binary/octet-stream"

struct s3_object *s3_need_object(struct s3_call *c)
{
    char *id = exchange_param(c->x, "versionId");
    struct s3_object *o = s3_version_find(c, c->bucket, c->key, id);

    if (o)
        s3_set_version(c, c->bucket, o);
    free(id);
    return o;
}

/* --- reading ----------------------------------------------------------------------------- */

static int check_conditions(struct s3_call *c, const struct s3_object *o, bool *ret_unmodified)
{
    const char *which;
    enum s3_condition r = s3_conditions(c->x, "", o->etag, o->modified, &which);

    *ret_unmodified = r == S3_NOT_MODIFIED;
    return r == S3_FAILED ? s3_fail(c, "PreconditionFailed", "Condition", which, NULL) : 0;
}

/* response-content-type and its brothers take the place of what is kept with the object. */
static int apply_overrides(struct s3_call *c, const char **ret_type, char **ret_owned)
{
    static const char *const headers[] = {"Cache-Control", "Content-Disposition",
                                          "Content-Encoding", "Content-Language", "Expires"};
    char name[64], *v;

    *ret_owned = NULL;
    if (!strstr(c->x->raw_query, "response-"))
        return 0;
    if (!c->signed_ok)
        return s3_failf(c, "InvalidRequest",
                        "Request specific response headers cannot be used for anonymous GET "
                        "requests.");
    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        snprintf(name, sizeof(name), "response-%s", headers[i]);
        for (char *p = name; *p; p++)
            *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
        v = exchange_param(c->x, name);
        if (v && !strpbrk(v, "\r\n"))
            exchange_set_header(c->x, headers[i], v);
        free(v);
    }
    v = exchange_param(c->x, "response-content-type");
    if (v && !strpbrk(v, "\r\n"))
        *ret_type = *ret_owned = v;
    else
        free(v);
    return 0;
}

static void set_object_headers(struct s3_call *c, const struct s3_object *o)
{
    char date[30];

    exchange_set_header(c->x, "Last-Modified", str_format_http_date(o->modified, date));
    s3_set_etag(c, o->etag);
}

static void set_kept_headers(struct s3_call *c, const struct s3_object *o, bool whole)
{
    const char *mode = exchange_header(c->x, "x-amz-checksum-mode");

    for (size_t i = 0; i < o->headers.n; i++)
        if (strcasecmp(o->headers.v[i].name, "Content-Type"))
            exchange_set_header(c->x, o->headers.v[i].name, o->headers.v[i].value);
    s3_set_encryption(c, o->kms);
    s3_set_tag_count(c, o);
    exchange_set_header(c->x, "Accept-Ranges", "bytes");
    if (whole && mode && !strcasecmp(mode, "ENABLED"))
        s3_set_checksum(c, o->checksum_kind, o->checksum, o->composite);
}

static int bad_range(struct s3_call *c, const struct s3_object *o, const char *range)
{
    char size[24], content_range[40];

    snprintf(size, sizeof(size), "%llu", (unsigned long long)o->content.size);
    snprintf(content_range, sizeof(content_range), "bytes */%s", size);
    exchange_set_header(c->x, "Content-Range", content_range);
    return s3_fail(c, "InvalidRange", "RangeRequested", range, "ActualObjectSize", size, NULL);
}

static int no_such_part(struct s3_call *c, int number, size_t count)
{
    char asked[16], have[24];

    snprintf(asked, sizeof(asked), "%d", number);
    snprintf(have, sizeof(have), "%zu", count);
    return s3_fail(c, "InvalidPartNumber", "PartNumberRequested", asked, "ActualPartCount", have,
                   NULL);
}

/* ?partNumber=: the bytes of that part; what came whole is its own first part. */
static int find_part(struct s3_call *c, const struct s3_object *o, uint64_t *ret_from,
                     uint64_t *ret_end)
{
    size_t count = o->parts ? o->n_parts : 1;
    char text[24];
    int number;

    if (s3_part_number(c, &number) < 0)
        return -1;
    if (exchange_header(c->x, "Range"))
        return s3_failf(c, "InvalidRequest",
                        "Cannot specify both Range header and partNumber query parameter");
    if ((size_t)number > count)
        return no_such_part(c, number, count);
    *ret_from = 0;
    for (int i = 0; o->parts && i < number - 1; i++)
        *ret_from += o->parts[i].size;
    *ret_end = o->parts ? *ret_from + o->parts[number - 1].size : o->content.size;
    if (!o->parts)
        return 0;
    snprintf(text, sizeof(text), "%zu", count);
    exchange_set_header(c->x, "x-amz-mp-parts-count", text);
    if (*o->parts[number - 1].checksum)
        s3_set_checksum(c, o->checksum_kind, o->parts[number - 1].checksum, o->composite);
    return 0;
}

/* What of the object is asked for: all of it, a range or a part. -1 with the error. */
static int find_slice(struct s3_call *c, const struct s3_object *o, enum s3_range *ret,
                      uint64_t *ret_from, uint64_t *ret_end)
{
    const char *range = exchange_header(c->x, "Range");

    if (exchange_has_param(c->x, "partNumber")) {
        if (find_part(c, o, ret_from, ret_end) < 0)
            return -1;
        *ret = *ret_end > *ret_from ? S3_RANGE_PART : S3_RANGE_ALL;
        return 0;
    }
    *ret = s3_range_read(range, o->content.size, ret_from, ret_end);
    return *ret == S3_RANGE_BAD ? bad_range(c, o, range) : 0;
}

int s3_get_object(struct s3_call *c)
{
    struct s3_object *o = s3_need_object(c);
    const char *type = NULL;
    enum s3_range part;
    char *owned = NULL, text[80];
    uint64_t from, end;
    bool unmodified;
    int r;

    if (!o || check_conditions(c, o, &unmodified) < 0)
        return -1;
    if (unmodified) {
        set_object_headers(c, o);
        return s3_answer_empty(c, 304);
    }
    if (o->kms && c->version_2) {
        s3_failf(c, "InvalidArgument",
                 "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS "
                 "Signature Version 4.");
        s3_fail_member(c, "ArgumentName", "Authorization");
        s3_fail_member(c, "ArgumentValue", "null");
        return -1;
    }
    if ((!c->x->head_only && s3_check_archived(c, o) < 0) ||
        find_slice(c, o, &part, &from, &end) < 0)
        return -1;
    set_object_headers(c, o);
    set_kept_headers(c, o, part == S3_RANGE_ALL);
    type = s3_headers_get(&o->headers, "Content-Type");
    if (apply_overrides(c, &type, &owned) < 0)
        return -1;
    if (part == S3_RANGE_PART) {
        snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)from,
                 (unsigned long long)end - 1, (unsigned long long)o->content.size);
        exchange_set_header(c->x, "Content-Range", text);
    }
    r = s3_answer_content(c, part == S3_RANGE_PART ? 206 : 200, type ? type : DEFAULT_TYPE,
                          &o->content, from, end);
    free(owned);
    return r;
}

/* --- writing ----------------------------------------------------------------------------- */

/* Content-Encoding without aws-chunked, which was for the way here only; to be freed. */
static char *without_chunked(const char *v)
{
    struct buf b = BUF_INIT(HTTP_HEADER_BYTES_MAX);

    while (*v) {
        size_t n;

        v += strspn(v, " \t,");
        n = strcspn(v, ",");
        while (n && (v[n - 1] == ' ' || v[n - 1] == '\t'))
            n--;
        if (n && !(n == strlen("aws-chunked") && !strncasecmp(v, "aws-chunked", n))) {
            buf_adds(&b, buf_len(&b) ? ", " : "");
            buf_add(&b, v, n);
        }
        v += strcspn(v, ",");
    }
    return buf_steal(&b, NULL);
}

static bool class_ok(const char *class)
{
    static const char *const classes[] = {
        "STANDARD",   "REDUCED_REDUNDANCY",  "STANDARD_IA", "ONEZONE_IA",
        "GLACIER_IR", "INTELLIGENT_TIERING", "GLACIER",     "DEEP_ARCHIVE",
    };

    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        if (str_eq(class, classes[i]))
            return true;
    return false;
}

int s3_take_class(struct s3_call *c, struct s3_headers *h)
{
    const char *class = exchange_header(c->x, "x-amz-storage-class");

    if (class && !class_ok(class))
        return s3_fail(c, "InvalidStorageClass", "StorageClassRequested", class, NULL);
    if (class && !str_eq(class, "STANDARD"))
        s3_headers_add(h, "x-amz-storage-class", class);
    return 0;
}

int s3_check_archived(struct s3_call *c, const struct s3_object *o)
{
    const char *class = s3_storage_class(&o->headers);

    return str_eq(class, "GLACIER") || str_eq(class, "DEEP_ARCHIVE")
               ? s3_fail(c, "InvalidObjectState", "StorageClass", class, NULL)
               : 0;
}

int s3_take_headers(struct s3_call *c, struct s3_headers *h)
{
    static const char *const kept[] = {"Cache-Control",    "Content-Disposition",
                                       "Content-Language", "Content-Type",
                                       "Expires",          "x-amz-website-redirect-location"};
    const struct exchange *x = c->x;
    const char *encoding = exchange_header(x, "Content-Encoding");
    size_t meta = 0;
    char size[24];

    for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
        if (exchange_header(x, kept[i]))
            s3_headers_add(h, kept[i], exchange_header(x, kept[i]));
    if (s3_take_class(c, h) < 0)
        return -1;
    if (encoding) {
        char *rest = without_chunked(encoding);

        if (*rest)
            s3_headers_add(h, "Content-Encoding", rest);
        free(rest);
    }
    for (size_t i = 0; i < x->n_headers; i++) {
        char *name;

        if (strncasecmp(x->headers[i].name, "x-amz-meta-", 11))
            continue;
        name = xstrdup(x->headers[i].name);
        for (char *p = name; *p; p++)
            *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
        s3_headers_add(h, name, x->headers[i].value);
        meta += strlen(name) - 11 + strlen(x->headers[i].value);
        free(name);
    }
    if (meta <= S3_METADATA_MAX)
        return 0;
    snprintf(size, sizeof(size), "%zu", meta);
    return s3_fail(c, "MetadataTooLarge", "Size", size, "MaxSizeAllowed", "2048", NULL);
}

int s3_write_conditions(struct s3_call *c)
{
    const char *match = exchange_header(c->x, "If-Match");
    const char *none = exchange_header(c->x, "If-None-Match");
    const struct s3_object *o = match || none ? s3_object_find(c->bucket, c->key) : NULL;

    if (none && !str_eq(none, "*"))
        return s3_fail(c, "NotImplemented", "Header", "If-None-Match", NULL);
    if (none && o)
        return s3_fail(c, "PreconditionFailed", "Condition", "If-None-Match", NULL);
    if (match && !o)
        return s3_fail(c, "NoSuchKey", "Key", c->key, NULL);
    if (match && !s3_etag_in(match, o->etag))
        return s3_fail(c, "PreconditionFailed", "Condition", "If-Match", NULL);
    return 0;
}

int s3_fail_store(struct s3_call *c, const struct err *e)
{
    journal_note(fake_journal(&c->s3->fake), c->s3->fake.ops->name, "%s: %s", c->op->name, e->text);
    return s3_fail(c, "InternalError", NULL);
}

int s3_put_object(struct s3_call *c)
{
    struct err e = ERR_INIT;
    struct s3_object *o;
    struct s3_blob *blob;

    if (s3_write_conditions(c) < 0)
        return -1;
    o = s3_object_new(c->key, s3_now(c));
    if (s3_take_headers(c, &o->headers) < 0 || s3_take_tags(c, &o->tags) < 0) {
        s3_object_free(o);
        return -1;
    }
    memcpy(o->etag, c->etag, sizeof(c->etag));
    o->checksum_kind = c->sink.checksum.kind;
    memcpy(o->checksum, c->checksum, sizeof(c->checksum));
    blob = s3_sink_take(&c->sink);
    s3_content_add(&o->content, blob, 0, blob->size);
    s3_blob_unref(blob);
    s3_set_etag(c, o->etag);
    s3_set_encryption(c, c->kms);
    o->kms = c->kms;
    s3_set_checksum(c, o->checksum_kind, o->checksum, false);
    if (s3_keep_object(c->s3, c->bucket, o, &e) < 0)
        return s3_fail_store(c, &e);
    s3_set_version(c, c->bucket, o);
    return s3_answer_empty(c, 200);
}

/* By size and by time only directory buckets delete. */
static int delete_conditions(struct s3_call *c)
{
    static const char *const foreign[] = {"x-amz-if-match-size",
                                          "x-amz-if-match-last-modified-time"};

    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (exchange_header(c->x, foreign[i]))
            return s3_fail(c, "NotImplemented", "Header", foreign[i], NULL);
    return exchange_header(c->x, "If-Match") ? s3_write_conditions(c) : 0;
}

/* An object that is not there is deleted just as well, unless it has to match something. */
int s3_delete_object(struct s3_call *c)
{
    char *id = exchange_param(c->x, "versionId");
    struct s3_deleted did;
    int r = id && !s3_version_id_ok(id) ? s3_fail_version(c, id) : delete_conditions(c);

    if (r == 0) {
        s3_delete_version(c, c->key, id, &did);
        if (did.marker)
            exchange_set_header(c->x, "x-amz-delete-marker", "true");
        if (*did.version)
            exchange_set_header(c->x, "x-amz-version-id", did.version);
    }
    free(id);
    return r < 0 ? r : s3_answer_empty(c, 204);
}
