/*
 * call.h: versions of objects.
 *
 * Without versioning each object is the one version of its key, and the id of that is "null". An id
 * of S3's own is 32 letters and digits: of that form it may be right somewhere, so it is not found
 * (and deleting it again is no error); anything else is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"

bool s3_version_id_ok(const char *id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";

    return str_eq(id, S3_VERSION_NULL) ||
           (strlen(id) == S3_VERSION_ID && strspn(id, letters) == S3_VERSION_ID);
}

int s3_fail_version(struct s3_call *c, const char *id)
{
    s3_failf(c, "InvalidArgument", "Invalid version id specified");
    s3_fail_member(c, "ArgumentName", "versionId");
    s3_fail_member(c, "ArgumentValue", id);
    return -1;
}

/* What is told of a delete marker beside the error. */
static void tell_marker(struct s3_call *c, const struct s3_object *o)
{
    char date[30];

    exchange_set_header(c->x, "x-amz-delete-marker", "true");
    exchange_set_header(c->x, "x-amz-version-id", s3_object_version_id(o));
    exchange_set_header(c->x, "Last-Modified", str_format_http_date(o->modified, date));
}

struct s3_object *s3_version_find(struct s3_call *c, const struct s3_bucket *b, const char *key,
                                  const char *id)
{
    struct s3_object *o = id ? s3_object_version(b, key, id) : s3_object_newest(b, key);

    if (id && !s3_version_id_ok(id))
        s3_fail_version(c, id);
    else if (!o && id && (!str_eq(id, S3_VERSION_NULL) || s3_object_newest(b, key)))
        s3_fail(c, "NoSuchVersion", "Key", key, "VersionId", id, NULL);
    else if (!o)
        s3_fail(c, "NoSuchKey", "Key", key, NULL);
    else if (o->marker && id)
        s3_fail(c, "MethodNotAllowed", "Method", c->x->method, "ResourceType", "DeleteMarker",
                NULL);
    else if (o->marker)
        s3_fail(c, "NoSuchKey", "Key", key, NULL);
    if (o && o->marker)
        tell_marker(c, o);
    return c->error.code ? NULL : o;
}

/* To who writes while versions are suspended no id is told. */
void s3_set_version(struct s3_call *c, const struct s3_bucket *b, const struct s3_object *o)
{
    bool reads = str_eq(c->op->group, "read");

    if (*o->version || (reads && b->versioning != S3_VERSIONING_NEVER))
        exchange_set_header(c->x, "x-amz-version-id", s3_object_version_id(o));
}

static void add_marker(struct s3_call *c, const char *key, struct s3_deleted *ret)
{
    struct s3_object *o = s3_object_new(key, s3_now(c));

    o->marker = true;
    if (c->bucket->versioning == S3_VERSIONING_ENABLED)
        world_hex(c->s3->fake.world, S3_VERSION_ID / 2, o->version);
    s3_object_put(c->bucket, o);
    ret->marker = true;
    snprintf(ret->version, sizeof(ret->version), "%s", s3_object_version_id(o));
}

void s3_delete_version(struct s3_call *c, const char *key, const char *id, struct s3_deleted *ret)
{
    struct s3_object *o = id ? s3_object_version(c->bucket, key, id) : NULL;

    *ret = (struct s3_deleted){0};
    if (!id && c->bucket->versioning != S3_VERSIONING_NEVER) {
        add_marker(c, key, ret);
        return;
    }
    if (id && (c->bucket->versioning != S3_VERSIONING_NEVER || !str_eq(id, S3_VERSION_NULL)))
        snprintf(ret->version, sizeof(ret->version), "%s", id);
    ret->marker = o && o->marker;
    if (c->bucket->versioning == S3_VERSIONING_NEVER && (!id || o))
        s3_drop_object(c->s3, c->bucket, key, NULL); /* which knows of files, too */
    else if (o)
        s3_object_remove_version(c->bucket, o);
}

/* --- of a bucket -------------------------------------------------------------------------- */

int s3_get_versioning(struct s3_call *c)
{
    struct buf b = BUF_INIT(4096);

    buf_adds(&b, S3_XML_HEAD "<VersioningConfiguration xmlns=\"" S3_XML_NS "\">");
    if (c->bucket->versioning != S3_VERSIONING_NEVER)
        s3_xml_add(&b, "Status",
                   c->bucket->versioning == S3_VERSIONING_ENABLED ? "Enabled" : "Suspended");
    buf_adds(&b, "</VersioningConfiguration>");
    return s3_answer_xml(c, &b);
}

static int set_versioning(struct s3_call *c, const struct s3_xml *root)
{
    const char *status = s3_xml_child_text(root, "Status");
    const char *mfa = s3_xml_child_text(root, "MfaDelete");

    if (!status)
        return s3_fail(c, "IllegalVersioningConfigurationException", NULL);
    if (!str_eq(status, "Enabled") && !str_eq(status, "Suspended"))
        return s3_fail(c, "MalformedXML", NULL);
    if (mfa && !str_eq(mfa, "Disabled")) /* nobody here has such a device */
        return s3_fail(c, "NotImplemented", "Header", "MfaDelete", NULL);
    if (c->s3->folder) /* a file has one content */
        return s3_fail(c, "NotImplemented", "Header", "versioning", NULL);
    c->bucket->versioning =
        str_eq(status, "Enabled") ? S3_VERSIONING_ENABLED : S3_VERSIONING_SUSPENDED;
    return 0;
}

int s3_put_versioning(struct s3_call *c)
{
    struct s3_xml *root = s3_call_xml(c, "VersioningConfiguration");
    int r = root ? set_versioning(c, root) : -1;

    s3_xml_free(root);
    return r < 0 ? r : s3_answer_empty(c, 200);
}
