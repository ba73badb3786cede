/* Which bucket and which key a request is about. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

/* The Host without its port, in lower case, to be freed. */
static char *host_of(const struct exchange *x)
{
    const char *h = exchange_header(x, "Host");
    size_t n = h ? strcspn(h, ":") : 0;
    char *s;

    if (h && *h == '[') /* an IPv6 address */
        n = strcspn(h, "]");
    s = xstrndup(h ? h : "", n);
    for (char *p = s; *p; p++)
        *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
    return s;
}

/* Length of what stands before the service's own name in an AWS host name; 0: nothing. */
static size_t aws_bucket_length(const char *host, size_t n)
{
    for (size_t i = n; i-- > 0;) {
        bool label = i == 0 || host[i - 1] == '.';

        if (label && host[i] == 's' && host[i + 1] == '3' &&
            (i + 2 == n || host[i + 2] == '.' || host[i + 2] == '-'))
            return i ? i - 1 : 0;
    }
    return 0;
}

/* Length of what stands before an IPv4 address at the end: four numbers with dots. */
static size_t length_before_address(const char *host)
{
    size_t at = strlen(host);

    for (int i = 0; i < 4; i++) {
        size_t end = at;

        while (at && host[at - 1] >= '0' && host[at - 1] <= '9')
            at--;
        if (at == end || end - at > 3 || !at || host[at - 1] != '.')
            return 0;
        at--;
    }
    return at;
}

static char *bucket_of_host(const char *host)
{
    static const char *const local[] = {".s3.localhost", ".localhost"};
    static const char *const aws[] = {".amazonaws.com", ".amazonaws.com.cn"};
    size_t n;

    for (size_t i = 0; i < ARRAY_SIZE(aws); i++)
        if (str_ends(host, aws[i])) {
            n = aws_bucket_length(host, strlen(host) - strlen(aws[i]));
            return n ? xstrndup(host, n) : NULL;
        }
    if (str_eq(host, "s3.localhost"))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(local); i++)
        if (str_ends(host, local[i]))
            return xstrndup(host, strlen(host) - strlen(local[i]));
    n = length_before_address(host);
    return n ? xstrndup(host, n) : NULL;
}

/* NULL when a NUL or no UTF-8 comes out. */
static char *decode(const char *s, size_t n)
{
    struct buf b = BUF_INIT(HTTP_TARGET_MAX);

    str_unpercent(&b, s, n, false);
    if (strlen(buf_str(&b)) == buf_len(&b) && str_utf8_valid(buf_str(&b), buf_len(&b)))
        return buf_steal(&b, NULL);
    buf_release(&b);
    return NULL;
}

int s3_call_address(struct s3_call *c)
{
    char *host = host_of(c->x);
    const char *path = c->x->raw_path + (*c->x->raw_path == '/');

    c->bucket_name = bucket_of_host(host);
    c->in_host = c->bucket_name != NULL;
    c->global = str_eq(host, "s3.amazonaws.com") || str_ends(host, ".s3.amazonaws.com");
    free(host);
    if (!c->bucket_name && *path) {
        size_t n = strcspn(path, "/");

        c->bucket_name = decode(path, n);
        if (!c->bucket_name)
            return s3_fail(c, "InvalidURI", "URI", c->x->raw_path, NULL);
        path += n + (path[n] == '/');
    }
    if (c->bucket_name && *path) {
        c->key = decode(path, strlen(path));
        if (!c->key)
            return s3_fail(c, "InvalidURI", "URI", c->x->raw_path, NULL);
    }
    c->level = c->key ? S3_OBJECT : c->bucket_name ? S3_BUCKET : S3_SERVICE;
    return 0;
}
