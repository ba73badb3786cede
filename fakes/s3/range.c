#include "fakes/s3/range.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/exchange.h"

/* Decimal digits of [s, s+n); an empty one is -1. A number that is too large is the largest. */
static int number(const char *s, size_t n, uint64_t *ret)
{
    uint64_t v = 0;

    if (!n)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = v > (UINT64_MAX - 9) / 10 ? UINT64_MAX - 9 : v * 10 + (uint64_t)(s[i] - '0');
    }
    *ret = v;
    return 0;
}

enum s3_range s3_range_read(const char *h, uint64_t size, uint64_t *ret_from, uint64_t *ret_end)
{
    const char *s = h ? str_after(h, "bytes=") : NULL, *dash;
    uint64_t first, last = UINT64_MAX - 9;

    *ret_from = 0;
    *ret_end = size;
    if (!s || strchr(s, ',') || !(dash = strchr(s, '-')))
        return S3_RANGE_ALL;
    if (dash == s) { /* the last n bytes */
        if (number(dash + 1, strlen(dash + 1), &last) < 0)
            return S3_RANGE_ALL;
        if (!last || !size)
            return S3_RANGE_BAD;
        *ret_from = last < size ? size - last : 0;
        return S3_RANGE_PART;
    }
    if (number(s, (size_t)(dash - s), &first) < 0 ||
        (dash[1] && number(dash + 1, strlen(dash + 1), &last) < 0) || last < first)
        return S3_RANGE_ALL;
    if (first >= size)
        return S3_RANGE_BAD;
    *ret_from = first;
    *ret_end = last < size ? last + 1 : size;
    return S3_RANGE_PART;
}

int s3_etag_in(const char *list, const char *etag)
{
    size_t want = strlen(etag);

    for (const char *s = list; *s;) {
        size_t n;

        s += strspn(s, " \t,");
        n = strcspn(s, ",");
        while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
            n--;
        if (n == 1 && *s == '*')
            return true;
        if (n > 2 && s[0] == 'W' && s[1] == '/') {
            s += 2;
            n -= 2;
        }
        /* quotes may be missing: S3 takes it without */
        if ((n == want && !strncmp(s, etag, n)) ||
            (n == want + 2 && *s == '"' && s[n - 1] == '"' && !strncmp(s + 1, etag, want)))
            return true;
        s += strcspn(s, ",");
    }
    return false;
}

int s3_http_date(const char *s, int64_t *ret_wall)
{
    static const char *const forms[] = {
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
    };

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        struct tm tm = {0};
        const char *end = strptime(s, forms[i], &tm);

        if (end && !*end) {
            *ret_wall = (int64_t)timegm(&tm) * NS_PER_S;
            return 0;
        }
    }
    return -1;
}

static const char *condition(const struct exchange *x, const char *prefix, const char *name)
{
    char full[64];

    snprintf(full, sizeof(full), "%s%s", prefix, name);
    return exchange_header(x, full);
}

enum s3_condition s3_conditions(const struct exchange *x, const char *prefix, const char *etag,
                                int64_t modified, const char **ret_which)
{
    const char *match = condition(x, prefix, "If-Match");
    const char *none = condition(x, prefix, "If-None-Match");
    const char *since = condition(x, prefix, "If-Modified-Since");
    const char *until = condition(x, prefix, "If-Unmodified-Since");
    int64_t at;

    modified -= modified % NS_PER_S;
    *ret_which = "If-Match";
    if (match && !s3_etag_in(match, etag))
        return S3_FAILED;
    *ret_which = "If-Unmodified-Since";
    if (!match && until && s3_http_date(until, &at) == 0 && modified > at)
        return S3_FAILED;
    *ret_which = "If-None-Match";
    if (none && s3_etag_in(none, etag))
        return S3_NOT_MODIFIED;
    *ret_which = "If-Modified-Since";
    if (!none && since && s3_http_date(since, &at) == 0 && modified <= at)
        return S3_NOT_MODIFIED;
    return S3_PASSES;
}
