/*
 * call.h: versions, as far as a bucket without versioning has them.
 *
 * Each object is the one version of its key, and the id of that is "null". An id of S3's own is 32
 * letters and digits: of that form it may be right somewhere, so it is not found (and deleting it
 * again is no error); anything else is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "fakes/s3/call.h"

#define ID_LENGTH 32

enum s3_version s3_version_read(const char *id)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-";

    if (!id || str_eq(id, S3_VERSION_NULL))
        return S3_VERSION_IS_THERE;
    return strlen(id) == ID_LENGTH && strspn(id, letters) == ID_LENGTH ? S3_VERSION_UNKNOWN
                                                                       : S3_VERSION_BAD;
}

int s3_version_check(struct s3_call *c, const char *id)
{
    switch (s3_version_read(id)) {
    case S3_VERSION_IS_THERE:
        return 0;
    case S3_VERSION_UNKNOWN:
        return s3_fail(c, "NoSuchVersion", "Key", c->key, "VersionId", id, NULL);
    default:
        s3_failf(c, "InvalidArgument", "Invalid version id specified");
        s3_fail_member(c, "ArgumentName", "versionId");
        s3_fail_member(c, "ArgumentValue", id);
        return -1;
    }
}

int s3_version_asked(struct s3_call *c, bool *ret_unknown)
{
    _cleanup_free_ char *id = exchange_param(c->x, "versionId");

    *ret_unknown = s3_version_read(id) == S3_VERSION_UNKNOWN;
    if (*ret_unknown && str_eq(c->x->method, "DELETE")) {
        exchange_set_header(c->x, "x-amz-version-id", id);
        return 0;
    }
    return s3_version_check(c, id);
}
