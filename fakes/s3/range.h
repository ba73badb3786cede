/*
 * range.h - Range and the conditions of a request. Private to fakes/s3.
 */
#ifndef FAKES_S3_RANGE_H
#define FAKES_S3_RANGE_H

#include <stdint.h>

struct exchange;

enum s3_range {
    S3_RANGE_ALL,  /* none, one that cannot be read, or several: S3 sends the whole object */
    S3_RANGE_PART, /* one that lies inside */
    S3_RANGE_BAD,  /* InvalidRange */
};

/* Reads "bytes=0-99", "bytes=100-", "bytes=-5" against an object of `size` bytes. The part is
 * [*ret_from, *ret_end). h may be NULL. */
enum s3_range s3_range_read(const char *h, uint64_t size, uint64_t *ret_from, uint64_t *ret_end);

enum s3_condition { S3_PASSES, S3_NOT_MODIFIED, S3_FAILED };

/*
 * Holds If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since against an
 * object, in the order of RFC 9110, 13.2.2. prefix: "" or "x-amz-copy-source-".
 * etag without quotes, modified in ns since 1970. *ret_which names the header that failed.
 */
enum s3_condition s3_conditions(const struct exchange *x, const char *prefix, const char *etag,
                                int64_t modified, const char **ret_which);

/* True when the list of an If-Match ("a", W/"b", *) holds the ETag. */
int s3_etag_in(const char *list, const char *etag);

/* An HTTP date (RFC 9110: the preferred form and the two old ones); -1 when it is none. */
int s3_http_date(const char *s, int64_t *ret_wall);

#endif
