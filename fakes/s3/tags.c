/*
 * call.h: tags, of objects and of buckets: pairs of a key and a value, in the order of
 * their keys. They come as XML, or for an object with its content in x-amz-tagging, written as a
 * query. The limits are those of the S3 user guide ("Categorizing your objects using tags").
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"

#define HEADER          "x-amz-tagging"
#define OBJECT_TAGS_MAX 10
#define BUCKET_TAGS_MAX 50
#define TAG_KEY_MAX     128 /* characters */
#define TAG_VALUE_MAX   256

static size_t characters(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

/* Letters, digits, blanks, and of the signs these. */
static bool letters_ok(const char *s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789 \t+-=._:/@";

    for (; *s; s++)
        if (!(*s & 0x80) && !strchr(plain, *s))
            return false;
    return true;
}

static int invalid(struct s3_call *c, const char *text, const char *key, const char *value)
{
    s3_failf(c, "InvalidTag", "%s", text);
    s3_fail_member(c, "TagKey", key);
    s3_fail_member(c, "TagValue", value);
    return -1;
}

static bool has(const struct s3_headers *tags, const char *key)
{
    for (size_t i = 0; i < tags->n; i++)
        if (str_eq(tags->v[i].name, key)) /* unlike a header's name */
            return true;
    return false;
}

static int add_tag(struct s3_call *c, struct s3_headers *tags, const char *key, const char *value)
{
    if (!*key || characters(key) > TAG_KEY_MAX || !letters_ok(key))
        return invalid(c, "The TagKey you have provided is invalid", key, NULL);
    if (characters(value) > TAG_VALUE_MAX || !letters_ok(value))
        return invalid(c, "The TagValue you have provided is invalid", key, value);
    if (!strncasecmp(key, "aws:", 4))
        return invalid(c, "System tags cannot be added/updated by requester", NULL, NULL);
    if (has(tags, key))
        return invalid(c, "Cannot provide multiple Tags with the same key", key, NULL);
    s3_headers_add(tags, key, value);
    return 0;
}

static int check_count(struct s3_call *c, const struct s3_headers *tags)
{
    if (c->key && tags->n > OBJECT_TAGS_MAX)
        return s3_failf(c, "BadRequest", "Object tags cannot be greater than %d", OBJECT_TAGS_MAX);
    if (!c->key && tags->n > BUCKET_TAGS_MAX)
        return s3_failf(c, "BadRequest", "Bucket tag count cannot be greater than %d",
                        BUCKET_TAGS_MAX);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct http_header *)a)->name, ((const struct http_header *)b)->name);
}

static int finish(struct s3_call *c, struct s3_headers *tags)
{
    if (check_count(c, tags) < 0)
        return -1;
    if (tags->n)
        qsort(tags->v, tags->n, sizeof(*tags->v), by_key);
    return 0;
}

/* --- the header -------------------------------------------------------------------------- */

static int bad_header(struct s3_call *c, const char *text)
{
    s3_failf(c, "InvalidArgument",
             "The header '" HEADER "' shall be encoded as UTF-8 then URLEncoded URL query "
             "parameters without tag name duplicates.");
    s3_fail_member(c, "ArgumentName", HEADER);
    s3_fail_member(c, "ArgumentValue", text);
    return -1;
}

static char *decoded(const char *s, size_t n)
{
    struct buf b = BUF_INIT(HTTP_HEADER_BYTES_MAX);

    if (str_unpercent(&b, s, n, true) == 0 && strlen(buf_str(&b)) == buf_len(&b) &&
        str_utf8_valid(buf_str(&b), buf_len(&b)))
        return buf_steal(&b, NULL);
    buf_release(&b);
    return NULL;
}

int s3_take_tags(struct s3_call *c, struct s3_headers *tags)
{
    const char *text = exchange_header(c->x, HEADER);

    for (const char *s = text; s && *s;) {
        size_t n = strcspn(s, "&"), end = strcspn(s, "=&");
        _cleanup_free_ char *key = decoded(s, end);
        _cleanup_free_ char *value = decoded(s + end + (end < n), n - end - (end < n));

        if (!key || !value || has(tags, key))
            return bad_header(c, text);
        if (n && add_tag(c, tags, key, value) < 0)
            return -1;
        s += n + (s[n] == '&');
    }
    return finish(c, tags);
}

int s3_copy_tags(struct s3_call *c, const struct s3_object *from, struct s3_headers *tags)
{
    const char *v = exchange_header(c->x, HEADER "-directive");

    if (v && str_eq(v, "REPLACE"))
        return s3_take_tags(c, tags);
    if (!v || str_eq(v, "COPY")) {
        s3_headers_copy(tags, &from->tags);
        return 0;
    }
    s3_failf(c, "InvalidArgument", "Unknown tagging directive.");
    s3_fail_member(c, "ArgumentName", HEADER "-directive");
    s3_fail_member(c, "ArgumentValue", v);
    return -1;
}

void s3_set_tag_count(struct s3_call *c, const struct s3_object *o)
{
    char text[24];

    if (!o->tags.n)
        return;
    snprintf(text, sizeof(text), "%zu", o->tags.n);
    exchange_set_header(c->x, HEADER "-count", text);
}

/* --- XML ---------------------------------------------------------------------------------- */

static int read_set(struct s3_call *c, const struct s3_xml *set, struct s3_headers *tags)
{
    for (const struct s3_xml *t = set->first; t; t = t->next) {
        const char *key = s3_xml_child_text(t, "Key"), *value = s3_xml_child_text(t, "Value");

        if (!str_eq(t->name, "Tag") || !key || !value)
            return s3_fail(c, "MalformedXML", NULL);
        if (add_tag(c, tags, key, value) < 0)
            return -1;
    }
    return finish(c, tags);
}

/* The body's tags take the place of *tags, unless something is wrong with them. */
static int take_body(struct s3_call *c, struct s3_headers *tags)
{
    struct s3_xml *root = s3_call_xml(c, "Tagging");
    const struct s3_xml *set = root ? s3_xml_child(root, "TagSet") : NULL;
    struct s3_headers fresh = {0};
    int r;

    if (!root)
        return -1;
    r = set ? read_set(c, set, &fresh) : s3_fail(c, "MalformedXML", NULL);
    s3_xml_free(root);
    if (r < 0) {
        s3_headers_release(&fresh);
        return -1;
    }
    s3_headers_release(tags);
    *tags = fresh;
    return 0;
}

static int answer_tags(struct s3_call *c, const struct s3_headers *tags)
{
    struct buf b = BUF_INIT(1 << 20);

    buf_adds(&b, S3_XML_HEAD "<Tagging xmlns=\"" S3_XML_NS "\">");
    buf_adds(&b, tags->n ? "<TagSet>" : "<TagSet/>");
    for (size_t i = 0; i < tags->n; i++) {
        buf_adds(&b, "<Tag>");
        s3_xml_add(&b, "Key", tags->v[i].name);
        s3_xml_add(&b, "Value", tags->v[i].value);
        buf_adds(&b, "</Tag>");
    }
    buf_adds(&b, tags->n ? "</TagSet></Tagging>" : "</Tagging>");
    return s3_answer_xml(c, &b);
}

/* --- objects ------------------------------------------------------------------------------ */

int s3_get_tags(struct s3_call *c)
{
    const struct s3_object *o = s3_need_object(c);

    return o ? answer_tags(c, &o->tags) : -1;
}

static int keep_tags(struct s3_call *c, const struct s3_object *o, int status)
{
    struct err e = ERR_INIT;

    return s3_keep_beside(c->s3, c->bucket, o, &e) < 0 ? s3_fail_store(c, &e)
                                                       : s3_answer_empty(c, status);
}

int s3_put_tags(struct s3_call *c)
{
    struct s3_object *o = s3_need_object(c);

    return !o || take_body(c, &o->tags) < 0 ? -1 : keep_tags(c, o, 200);
}

int s3_delete_tags(struct s3_call *c)
{
    struct s3_object *o = s3_need_object(c);

    if (!o)
        return -1;
    s3_headers_release(&o->tags);
    return keep_tags(c, o, 204);
}

/* --- buckets ------------------------------------------------------------------------------ */

int s3_get_bucket_tags(struct s3_call *c)
{
    return c->bucket->tags.n ? answer_tags(c, &c->bucket->tags)
                             : s3_fail(c, "NoSuchTagSet", "BucketName", c->bucket->name, NULL);
}

int s3_put_bucket_tags(struct s3_call *c)
{
    return take_body(c, &c->bucket->tags) < 0 ? -1 : s3_answer_empty(c, 204);
}

int s3_delete_bucket_tags(struct s3_call *c)
{
    s3_headers_release(&c->bucket->tags);
    return s3_answer_empty(c, 204);
}
