/* Listings of what is under way: the parts of an upload, the uploads of a bucket. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

#define XML_MAX (16 << 20)

void s3_xml_checksum(struct buf *b, enum s3_checksum_kind kind, const char *text)
{
    char name[32];

    if (kind == S3_CHECKSUM_NONE || !*text)
        return;
    snprintf(name, sizeof(name), "Checksum%s", s3_checksum_kind_name(kind));
    s3_xml_add(b, name, text);
}

bool s3_page_has(struct s3_part_page *p, int number)
{
    if (p->truncated || (uint64_t)number <= p->marker)
        return false;
    p->truncated = p->count == p->max;
    if (p->truncated)
        return false;
    p->count++;
    p->last = number;
    return true;
}

void s3_xml_page(struct buf *b, const struct s3_part_page *p)
{
    s3_xml_addf(b, "PartNumberMarker", "%llu", (unsigned long long)p->marker);
    s3_xml_addf(b, "NextPartNumberMarker", "%d", p->last);
    s3_xml_addf(b, "MaxParts", "%llu", (unsigned long long)p->max);
    s3_xml_add(b, "IsTruncated", p->truncated ? "true" : "false");
}

int s3_list_parts(struct s3_call *c)
{
    struct buf b = BUF_INIT(XML_MAX), parts = BUF_INIT(XML_MAX);
    struct s3_upload *u = s3_need_upload(c);
    struct s3_part_page page = {0};

    if (!u || s3_param_number(c, "max-parts", S3_LIST_MAX, S3_LIST_MAX, &page.max) < 0 ||
        s3_param_number(c, "part-number-marker", INT32_MAX, 0, &page.marker) < 0)
        return -1;
    for (size_t i = 0; i < u->n_parts; i++) {
        const struct s3_part *p = u->parts[i];

        if (!s3_page_has(&page, p->number))
            continue;
        buf_adds(&parts, "<Part>");
        s3_xml_addf(&parts, "PartNumber", "%d", p->number);
        s3_xml_time(&parts, "LastModified", p->modified);
        s3_xml_addf(&parts, "ETag", "\"%s\"", p->etag);
        s3_xml_addf(&parts, "Size", "%llu", (unsigned long long)p->content.size);
        s3_xml_checksum(&parts, u->checksum_kind, p->checksum);
        buf_adds(&parts, "</Part>");
    }
    buf_adds(&b, S3_XML_HEAD "<ListPartsResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_add(&b, "Key", u->key);
    s3_xml_add(&b, "UploadId", u->id);
    s3_xml_owner(c, &b, "Initiator");
    s3_xml_owner(c, &b, "Owner");
    s3_xml_add(&b, "StorageClass", s3_storage_class(&u->headers));
    s3_xml_page(&b, &page);
    if (u->checksum_kind != S3_CHECKSUM_NONE) {
        s3_xml_add(&b, "ChecksumAlgorithm", s3_checksum_kind_name(u->checksum_kind));
        s3_xml_add(&b, "ChecksumType", u->composite ? "COMPOSITE" : "FULL_OBJECT");
    }
    buf_add(&b, buf_str(&parts), buf_len(&parts));
    buf_adds(&b, "</ListPartsResult>");
    buf_release(&parts);
    return s3_answer_xml(c, &b);
}

/* --- uploads ------------------------------------------------------------------------------ */

struct uploads {
    char *prefix, *delimiter;
    char *marker, *id_marker;          /* those at or before these were seen; NULL: none */
    const struct s3_upload *at_marker; /* the one that the two name, or NULL */
    uint64_t max, count;
    bool url, truncated;
    const struct s3_upload *last;
    char *rolled; /* last common prefix of the page */
    struct buf items, prefixes;
};

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

static void add_upload(struct s3_call *c, struct uploads *l, const struct s3_upload *u)
{
    struct buf *b = &l->items;

    buf_adds(b, "<Upload>");
    s3_xml_key(b, "Key", u->key, l->url);
    s3_xml_add(b, "UploadId", u->id);
    s3_xml_owner(c, b, "Initiator");
    s3_xml_owner(c, b, "Owner");
    s3_xml_add(b, "StorageClass", s3_storage_class(&u->headers));
    s3_xml_time(b, "Initiated", u->initiated);
    if (u->checksum_kind != S3_CHECKSUM_NONE) {
        s3_xml_add(b, "ChecksumAlgorithm", s3_checksum_kind_name(u->checksum_kind));
        s3_xml_add(b, "ChecksumType", u->composite ? "COMPOSITE" : "FULL_OBJECT");
    }
    buf_adds(b, "</Upload>");
}

/* A key-marker alone goes on behind that key, with an upload-id-marker behind that upload of it. */
static bool was_seen(const struct uploads *l, const struct s3_upload *u)
{
    int r;

    if (!l->marker || !*l->marker)
        return false;
    r = strcmp(u->key, l->marker);
    if (r || !l->id_marker || !*l->id_marker)
        return r <= 0 || (l->delimiter && *l->delimiter && str_ends(l->marker, l->delimiter) &&
                          str_starts(u->key, l->marker));
    return l->at_marker ? by_key(&u, &l->at_marker) <= 0 : strcmp(u->id, l->id_marker) <= 0;
}

/* False: the page is full. */
static bool take(struct s3_call *c, struct uploads *l, const struct s3_upload *u)
{
    _cleanup_free_ char *rolled = s3_common_prefix(l->prefix, l->delimiter, u->key);

    if (rolled && str_eq(rolled, l->rolled))
        return true;
    if (l->count == l->max) {
        l->truncated = l->max > 0;
        return false;
    }
    l->count++;
    l->last = u;
    free(l->rolled);
    l->rolled = steal_ptr(&rolled);
    if (!l->rolled) {
        add_upload(c, l, u);
        return true;
    }
    buf_adds(&l->prefixes, "<CommonPrefixes>");
    s3_xml_key(&l->prefixes, "Prefix", l->rolled, l->url);
    buf_adds(&l->prefixes, "</CommonPrefixes>");
    return true;
}

static void walk(struct s3_call *c, struct uploads *l)
{
    size_t count;
    struct s3_upload **all = sorted_uploads(c->bucket, &count);

    if (l->marker && l->id_marker)
        l->at_marker = s3_upload_find(c->bucket, l->marker, l->id_marker);
    for (size_t i = 0; i < count; i++)
        if (str_starts(all[i]->key, l->prefix) && !was_seen(l, all[i]) && !take(c, l, all[i]))
            break;
    free(all);
}

static int answer(struct s3_call *c, const struct uploads *l)
{
    struct buf b = BUF_INIT(2 * XML_MAX);

    buf_adds(&b, S3_XML_HEAD "<ListMultipartUploadsResult xmlns=\"" S3_XML_NS "\">");
    s3_xml_add(&b, "Bucket", c->bucket->name);
    s3_xml_key(&b, "KeyMarker", l->marker ? l->marker : "", l->url);
    s3_xml_add(&b, "UploadIdMarker", l->id_marker);
    s3_xml_key(&b, "NextKeyMarker",
               !l->truncated ? ""
               : l->rolled   ? l->rolled
                             : l->last->key,
               l->url);
    s3_xml_add(&b, "NextUploadIdMarker", l->truncated && !l->rolled ? l->last->id : NULL);
    if (l->delimiter && *l->delimiter)
        s3_xml_key(&b, "Delimiter", l->delimiter, l->url);
    if (*l->prefix)
        s3_xml_key(&b, "Prefix", l->prefix, l->url);
    if (l->url)
        s3_xml_add(&b, "EncodingType", "url");
    s3_xml_addf(&b, "MaxUploads", "%llu", (unsigned long long)l->max);
    s3_xml_add(&b, "IsTruncated", l->truncated ? "true" : "false");
    buf_add(&b, buf_str(&l->items), buf_len(&l->items));
    buf_add(&b, buf_str(&l->prefixes), buf_len(&l->prefixes));
    buf_adds(&b, "</ListMultipartUploadsResult>");
    return s3_answer_xml(c, &b);
}

int s3_list_uploads(struct s3_call *c)
{
    struct uploads l = {
        .prefix = exchange_param(c->x, "prefix"),
        .delimiter = exchange_param(c->x, "delimiter"),
        .marker = exchange_param(c->x, "key-marker"),
        .id_marker = exchange_param(c->x, "upload-id-marker"),
        .items = BUF_INIT(XML_MAX),
        .prefixes = BUF_INIT(XML_MAX),
    };
    int r = s3_param_number(c, "max-uploads", S3_LIST_MAX, S3_LIST_MAX, &l.max);

    if (!l.prefix)
        l.prefix = xstrdup("");
    if (r == 0 && s3_list_encoding(c, &l.url) == 0) {
        walk(c, &l);
        r = answer(c, &l);
    } else {
        r = -1;
    }
    buf_release(&l.items);
    buf_release(&l.prefixes);
    free(l.prefix);
    free(l.delimiter);
    free(l.marker);
    free(l.id_marker);
    free(l.rolled);
    return r;
}
