/* GetObjectAttributes: what is asked for of an object, in one answer and without its content. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

#define ROOM (16 << 20)

enum wanted { ETAG = 1, CHECKSUM = 2, PARTS = 4, CLASS = 8, SIZE = 16 };

static int bad(struct s3_call *c, const char *value, const char *text)
{
    s3_failf(c, "InvalidArgument", "%s", text);
    s3_fail_member(c, "ArgumentName", "x-amz-object-attributes");
    s3_fail_member(c, "ArgumentValue", value);
    return -1;
}

static int read_wanted(struct s3_call *c, unsigned *ret)
{
    static const char *const names[] = {"ETag", "Checksum", "ObjectParts", "StorageClass",
                                        "ObjectSize"};
    const char *text = exchange_header(c->x, "x-amz-object-attributes");

    *ret = 0;
    if (!text || !*text)
        return bad(c, text,
                   "The x-amz-object-attributes header specifying the attributes to be "
                   "retrieved is either missing or empty");
    for (const char *s = text; *s;) {
        unsigned before = *ret;
        size_t n;

        s += strspn(s, " ,");
        n = strcspn(s, " ,");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (n == strlen(names[i]) && !strncmp(s, names[i], n))
                *ret |= 1u << i;
        if (n && *ret == before)
            return bad(c, text, "Invalid attribute name specified");
        s += n;
    }
    return 0;
}

static int header_number(struct s3_call *c, const char *name, uint64_t dflt, uint64_t *ret)
{
    const char *text = exchange_header(c->x, name);

    *ret = dflt;
    if (!text || str_u64(text, INT32_MAX, ret) == 0)
        return 0;
    s3_failf(c, "InvalidArgument", "Provided %s not an integer or within integer range", name);
    return -1;
}

static int add_parts(struct s3_call *c, const struct s3_object *o, struct buf *b)
{
    struct s3_part_page page = {0};
    struct buf parts = BUF_INIT(ROOM);

    if (header_number(c, "x-amz-part-number-marker", 0, &page.marker) < 0 ||
        header_number(c, "x-amz-max-parts", S3_LIST_MAX, &page.max) < 0)
        return -1;
    page.max = page.max < S3_LIST_MAX ? page.max : S3_LIST_MAX;
    for (size_t i = 0; i < o->n_parts; i++) {
        const struct s3_object_part *p = &o->parts[i];

        if (!s3_page_has(&page, p->number))
            continue;
        buf_adds(&parts, "<Part>");
        s3_xml_addf(&parts, "PartNumber", "%d", p->number);
        s3_xml_addf(&parts, "Size", "%llu", (unsigned long long)p->size);
        s3_xml_checksum(&parts, o->checksum_kind, p->checksum);
        buf_adds(&parts, "</Part>");
    }
    buf_adds(b, "<ObjectParts>");
    s3_xml_addf(b, "PartsCount", "%zu", o->n_parts);
    s3_xml_page(b, &page);
    buf_add(b, buf_str(&parts), buf_len(&parts));
    buf_adds(b, "</ObjectParts>");
    buf_release(&parts);
    return 0;
}

int s3_object_attributes(struct s3_call *c)
{
    const struct s3_object *o = s3_need_object(c);
    struct buf b = BUF_INIT(ROOM);
    unsigned wanted;
    char date[30];

    if (!o || read_wanted(c, &wanted) < 0)
        return -1;
    buf_adds(&b, S3_XML_HEAD "<GetObjectAttributesResponse xmlns=\"" S3_XML_NS "\">");
    if (wanted & ETAG)
        s3_xml_add(&b, "ETag", o->etag);
    if ((wanted & CHECKSUM) && o->checksum_kind != S3_CHECKSUM_NONE) {
        buf_adds(&b, "<Checksum>");
        s3_xml_checksum(&b, o->checksum_kind, o->checksum);
        s3_xml_add(&b, "ChecksumType", o->composite ? "COMPOSITE" : "FULL_OBJECT");
        buf_adds(&b, "</Checksum>");
    }
    if ((wanted & PARTS) && o->parts && add_parts(c, o, &b) < 0) {
        buf_release(&b);
        return -1;
    }
    if (wanted & CLASS)
        s3_xml_add(&b, "StorageClass", s3_storage_class(&o->headers));
    if (wanted & SIZE)
        s3_xml_addf(&b, "ObjectSize", "%llu", (unsigned long long)o->content.size);
    buf_adds(&b, "</GetObjectAttributesResponse>");
    exchange_set_header(c->x, "Last-Modified", str_format_http_date(o->modified, date));
    return s3_answer_xml(c, &b);
}
