/* call.h: lists, of objects and of versions: pages through keys in the order of their bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

#define XML_MAX   (16 << 20)
#define TOKEN_TAG "1 "

struct query {
    char *prefix, *delimiter;
    char *after; /* keys and common prefixes up to this one were seen; NULL: none */
    uint64_t max;
    bool url;      /* keys are written with URL encoding */
    bool owner;    /* Contents have an Owner */
    bool versions; /* each is a Version or a DeleteMarker */
    char
        *after_version; /* of `after`: its versions up to this one were seen, and not all of them */
};

struct page {
    struct buf contents, prefixes;
    uint64_t count;
    bool truncated;
    char *last;                           /* last key or common prefix of the page */
    const struct s3_object *last_version; /* NULL: it was a common prefix */
};

int s3_fail_argument(struct s3_call *c, const char *name, const char *value, const char *text)
{
    s3_failf(c, "InvalidArgument", "%s", text);
    s3_fail_member(c, "ArgumentName", name);
    s3_fail_member(c, "ArgumentValue", value);
    return -1;
}

int s3_param_number(struct s3_call *c, const char *name, uint64_t max, uint64_t dflt, uint64_t *ret)
{
    char *v = exchange_param(c->x, name), *text;
    int r = 0;

    *ret = dflt;
    if (v && *v && str_u64(v, INT32_MAX, ret) < 0) {
        text = xasprintf("Provided %s not an integer or within integer range", name);
        r = s3_fail_argument(c, name, v, text);
        free(text);
    }
    if (*ret > max)
        *ret = max;
    free(v);
    return r;
}

int s3_list_encoding(struct s3_call *c, bool *ret_url)
{
    char *encoding = exchange_param(c->x, "encoding-type");
    int r = 0;

    *ret_url = encoding && *encoding;
    if (*ret_url && strcasecmp(encoding, "url"))
        r = s3_fail_argument(c, "encoding-type", encoding,
                             "Invalid Encoding Method specified in Request");
    free(encoding);
    return r;
}

static int read_query(struct s3_call *c, struct query *q)
{
    int r = s3_param_number(c, "max-keys", S3_LIST_MAX, S3_LIST_MAX, &q->max);

    q->prefix = exchange_param(c->x, "prefix");
    if (!q->prefix)
        q->prefix = xstrdup("");
    q->delimiter = exchange_param(c->x, "delimiter");
    return r < 0 ? r : s3_list_encoding(c, &q->url);
}

static void release(struct query *q, struct page *p)
{
    free(q->prefix);
    free(q->delimiter);
    free(q->after);
    free(q->after_version);
    buf_release(&p->contents);
    buf_release(&p->prefixes);
    free(p->last);
}

/* As Java's URLEncoder does, which is what clients undo; '/' stays. */
void s3_xml_key(struct buf *b, const char *name, const char *key, bool url)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-_.*/";
    struct buf out = BUF_INIT(4 * HTTP_TARGET_MAX);

    if (!url) {
        s3_xml_add(b, name, key);
        return;
    }
    for (const char *s = key; *s; s++) {
        if (strchr(plain, *s))
            buf_addc(&out, *s);
        else if (*s == ' ')
            buf_addc(&out, '+');
        else
            buf_addf(&out, "%%%02X", (unsigned char)*s);
    }
    s3_xml_add(b, name, buf_str(&out));
    buf_release(&out);
}

static void add_key(const struct query *q, struct buf *b, const char *name, const char *key)
{
    s3_xml_key(b, name, key, q->url);
}

static void add_content(struct buf *b, const struct s3_object *o)
{
    s3_xml_addf(b, "ETag", "\"%s\"", o->etag);
    if (o->checksum_kind != S3_CHECKSUM_NONE) {
        s3_xml_add(b, "ChecksumAlgorithm", s3_checksum_kind_name(o->checksum_kind));
        s3_xml_add(b, "ChecksumType", o->composite ? "COMPOSITE" : "FULL_OBJECT");
    }
    s3_xml_addf(b, "Size", "%llu", (unsigned long long)o->content.size);
}

static void add_object(struct s3_call *c, const struct query *q, struct buf *b,
                       const struct s3_object *o, bool newest)
{
    const char *element = o->marker ? "DeleteMarker" : q->versions ? "Version" : "Contents";

    buf_addf(b, "<%s>", element);
    add_key(q, b, "Key", o->key);
    if (q->versions) {
        s3_xml_add(b, "VersionId", s3_object_version_id(o));
        s3_xml_add(b, "IsLatest", newest ? "true" : "false");
    }
    s3_xml_time(b, "LastModified", o->modified);
    if (!o->marker)
        add_content(b, o);
    if (q->owner)
        s3_xml_owner(c, b, "Owner");
    if (!o->marker)
        s3_xml_add(b, "StorageClass", s3_storage_class(&o->headers));
    buf_addf(b, "</%s>", element);
}

char *s3_common_prefix(const char *prefix, const char *delimiter, const char *key)
{
    const char *p;

    if (!delimiter || !*delimiter)
        return NULL;
    p = strstr(key + strlen(prefix), delimiter);
    return p ? xstrndup(key, (size_t)(p - key) + strlen(delimiter)) : NULL;
}

/* The first object behind all that begin with `prefix`: no key holds the byte 0xff. */
static size_t seek_past(const struct s3_bucket *b, const char *prefix)
{
    char *edge = xasprintf("%s\xff", prefix);
    size_t i = s3_bucket_seek(b, edge);

    free(edge);
    return i;
}

static bool has_room(const struct query *q, struct page *p)
{
    p->truncated = p->count == q->max;
    p->count += !p->truncated;
    return !p->truncated;
}

static void set_last(struct page *p, const char *name, const struct s3_object *version)
{
    free(p->last);
    p->last = xstrdup(name);
    p->last_version = version;
}

/* The object, or all versions of it, or those behind the one that ended the page before. False when
 * the page is full. */
static bool add_versions(struct s3_call *c, const struct query *q, struct page *p,
                         const struct s3_object *newest, bool go_on)
{
    const struct s3_object *o = newest;

    while (go_on && o) {
        go_on = !str_eq(s3_object_version_id(o), q->after_version);
        o = o->older;
    }
    for (; o && has_room(q, p); o = q->versions ? o->older : NULL) {
        add_object(c, q, &p->contents, o, o == newest);
        set_last(p, o->key, o);
    }
    return !p->truncated;
}

static void walk(struct s3_call *c, const struct query *q, struct page *p)
{
    const struct s3_bucket *b = c->bucket;
    const char *from = q->after && strcmp(q->after, q->prefix) > 0 ? q->after : q->prefix;

    for (size_t i = s3_bucket_seek(b, from); q->max && i < b->n_objects;) {
        const struct s3_object *o = b->objects[i];
        int behind = q->after ? strcmp(o->key, q->after) : 1;
        char *rolled;

        if (!str_starts(o->key, q->prefix))
            break;
        if (behind < 0 || (!behind && !q->after_version) || (o->marker && !q->versions)) {
            i++;
            continue;
        }
        rolled = s3_common_prefix(q->prefix, q->delimiter, o->key);
        if (rolled && str_eq(rolled, q->after)) { /* was on the page before */
            i = seek_past(b, rolled);
            free(rolled);
            continue;
        }
        if (!rolled) {
            if (!add_versions(c, q, p, o, !behind))
                break;
            i++;
            continue;
        }
        if (has_room(q, p)) {
            set_last(p, rolled, NULL);
            buf_adds(&p->prefixes, "<CommonPrefixes>");
            add_key(q, &p->prefixes, "Prefix", rolled);
            buf_adds(&p->prefixes, "</CommonPrefixes>");
            i = seek_past(b, rolled);
        }
        free(rolled);
        if (p->truncated)
            break;
    }
}

static int finish(struct s3_call *c, const struct query *q, struct page *p, const char *root,
                  struct buf *b)
{
    s3_xml_addf(b, "MaxKeys", "%llu", (unsigned long long)q->max);
    if (q->delimiter && *q->delimiter)
        add_key(q, b, "Delimiter", q->delimiter);
    if (q->url)
        s3_xml_add(b, "EncodingType", "url");
    s3_xml_add(b, "IsTruncated", p->truncated ? "true" : "false");
    buf_add(b, buf_str(&p->contents), buf_len(&p->contents));
    buf_add(b, buf_str(&p->prefixes), buf_len(&p->prefixes));
    buf_addf(b, "</%s>", root);
    if (p->contents.full || p->prefixes.full)
        b->full = true;
    exchange_set_header(c->x, "x-amz-bucket-region", c->bucket->region);
    return s3_answer_xml(c, b);
}

int s3_list_objects(struct s3_call *c)
{
    struct query q = {.owner = true};
    struct page p = {.contents = BUF_INIT(XML_MAX), .prefixes = BUF_INIT(XML_MAX)};
    struct buf b = BUF_INIT(2 * XML_MAX);
    int r = read_query(c, &q);

    if (r == 0) {
        q.after = exchange_param(c->x, "marker");
        walk(c, &q, &p);
        buf_adds(&b, S3_XML_HEAD "<ListBucketResult xmlns=\"" S3_XML_NS "\">");
        s3_xml_add(&b, "Name", c->bucket->name);
        s3_xml_add(&b, "Prefix", q.prefix); /* as it is: clients undo no encoding here */
        add_key(&q, &b, "Marker", q.after ? q.after : "");
        if (p.truncated && q.delimiter && *q.delimiter)
            add_key(&q, &b, "NextMarker", p.last);
        r = finish(c, &q, &p, "ListBucketResult", &b);
    }
    release(&q, &p);
    buf_release(&b);
    return r;
}

char *s3_open_token(const char *token)
{
    struct buf b = BUF_INIT(2 * S3_KEY_MAX);
    char *key = NULL;

    if (str_unbase64(&b, token, strlen(token)) == 0 && str_starts(buf_str(&b), TOKEN_TAG))
        key = xstrdup(buf_str(&b) + strlen(TOKEN_TAG));
    buf_release(&b);
    return key;
}

void s3_xml_token(struct buf *b, const char *name, const char *last)
{
    struct buf token = BUF_INIT(4 * S3_KEY_MAX);
    char *text = xasprintf("%s%s", TOKEN_TAG, last);

    str_base64(&token, text, strlen(text));
    s3_xml_add(b, name, buf_str(&token));
    buf_release(&token);
    free(text);
}

static int check_list_type(struct s3_call *c)
{
    char *type = exchange_param(c->x, "list-type");
    int r = str_eq(type, "2") ? 0
                              : s3_fail_argument(c, "list-type", type,
                                                 "Invalid List Type specified "
                                                 "in Request");

    free(type);
    return r;
}

int s3_list_objects_v2(struct s3_call *c)
{
    char *token = exchange_param(c->x, "continuation-token");
    char *start = exchange_param(c->x, "start-after");
    char *owner = exchange_param(c->x, "fetch-owner");
    struct query q = {.owner = str_eq(owner, "true")};
    struct page p = {.contents = BUF_INIT(XML_MAX), .prefixes = BUF_INIT(XML_MAX)};
    struct buf b = BUF_INIT(2 * XML_MAX);
    int r = check_list_type(c) < 0 ? -1 : read_query(c, &q);

    if (r == 0) {
        q.after = token && *token ? s3_open_token(token) : xstrdup(start);
        if (token && *token && !q.after)
            r = s3_fail_argument(c, "continuation-token", token,
                                 "The continuation token provided is incorrect");
    }
    if (r == 0) {
        walk(c, &q, &p);
        buf_adds(&b, S3_XML_HEAD "<ListBucketResult xmlns=\"" S3_XML_NS "\">");
        s3_xml_add(&b, "Name", c->bucket->name);
        add_key(&q, &b, "Prefix", q.prefix);
        if (start)
            add_key(&q, &b, "StartAfter", start);
        if (token)
            s3_xml_add(&b, "ContinuationToken", token);
        if (p.truncated)
            s3_xml_token(&b, "NextContinuationToken", p.last);
        s3_xml_addf(&b, "KeyCount", "%llu", (unsigned long long)p.count);
        r = finish(c, &q, &p, "ListBucketResult", &b);
    }
    release(&q, &p);
    buf_release(&b);
    free(token);
    free(start);
    free(owner);
    return r;
}

/* key-marker alone goes on behind that key; with version-id-marker at its older versions. */
int s3_list_versions(struct s3_call *c)
{
    char *marker = exchange_param(c->x, "key-marker");
    char *version = exchange_param(c->x, "version-id-marker");
    struct query q = {.owner = true, .versions = true};
    struct page p = {.contents = BUF_INIT(XML_MAX), .prefixes = BUF_INIT(XML_MAX)};
    struct buf b = BUF_INIT(2 * XML_MAX);
    int r = read_query(c, &q);

    if (r == 0 && version && *version && (!marker || !*marker))
        r = s3_fail_argument(c, "version-id-marker", version,
                             "A version-id marker cannot be specified without a key marker.");
    if (r == 0) {
        q.after = xstrdup(marker);
        q.after_version = version && *version ? xstrdup(version) : NULL;
        walk(c, &q, &p);
        buf_adds(&b, S3_XML_HEAD "<ListVersionsResult xmlns=\"" S3_XML_NS "\">");
        s3_xml_add(&b, "Name", c->bucket->name);
        add_key(&q, &b, "Prefix", q.prefix);
        add_key(&q, &b, "KeyMarker", marker ? marker : "");
        s3_xml_add(&b, "VersionIdMarker", version);
        if (p.truncated) {
            add_key(&q, &b, "NextKeyMarker", p.last);
            if (p.last_version)
                s3_xml_add(&b, "NextVersionIdMarker", s3_object_version_id(p.last_version));
        }
        r = finish(c, &q, &p, "ListVersionsResult", &b);
    }
    release(&q, &p);
    buf_release(&b);
    free(marker);
    free(version);
    return r;
}
