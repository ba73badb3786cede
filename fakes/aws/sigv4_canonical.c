#include "fakes/aws/sigv4_canonical.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* A query parameter in its encoded form. */
struct param {
    char *key, *value;
};

static char *recode(const char *s, size_t n, bool plus, bool keep_slash)
{
    struct buf plain = BUF_INIT(HTTP_TARGET_MAX), out = BUF_INIT(3 * HTTP_TARGET_MAX);

    str_unpercent(&plain, s, n, plus);
    str_percent(&out, buf_str(&plain), buf_len(&plain), keep_slash);
    buf_release(&plain);
    return buf_steal(&out, NULL);
}

static int by_key_then_value(const void *a, const void *b)
{
    const struct param *p = a, *q = b;
    int r = strcmp(p->key, q->key);

    return r ? r : strcmp(p->value, q->value);
}

static int add_query(struct buf *out, const char *query, bool presigned)
{
    struct param *params = NULL;
    size_t n_params = 0, cap = 0;
    bool first = true;

    for (const char *s = query; *s;) {
        size_t n = strcspn(s, "&"), key = strcspn(s, "=&");

        if (n) {
            grow_array(params, n_params, cap);
            /* Go's url.Values writes a blank as '+' into the URL and signs %20 */
            params[n_params].key = recode(s, key, true, false);
            params[n_params].value =
                key < n ? recode(s + key + 1, n - key - 1, true, false) : xstrdup("");
            n_params++;
        }
        s += n + (s[n] != '\0');
    }
    if (n_params)
        qsort(params, n_params, sizeof(*params), by_key_then_value);
    for (size_t i = 0; i < n_params; i++) {
        if (!presigned || !str_eq(params[i].key, "X-Amz-Signature")) {
            buf_addf(out, "%s%s=%s", first ? "" : "&", params[i].key, params[i].value);
            first = false;
        }
        free(params[i].key);
        free(params[i].value);
    }
    free(params);
    return buf_addc(out, '\n');
}

/* RFC 3986's remove_dot_segments, with empty segments dropped too. */
static char *normalise(const char *path)
{
    size_t len = strlen(path), n, used = 0;
    char *out = xmalloc(len + 2);

    for (const char *s = path; *s; s += n) {
        s += *s == '/';
        n = strcspn(s, "/");
        if (!n || (n == 1 && *s == '.'))
            continue;
        if (n == 2 && s[0] == '.' && s[1] == '.') {
            while (used && out[--used] != '/')
                ;
            continue;
        }
        out[used++] = '/';
        memcpy(out + used, s, n);
        used += n;
    }
    if (!used || path[len - 1] == '/')
        out[used++] = '/';
    out[used] = '\0';
    return out;
}

static int add_path(struct buf *out, const char *path, bool s3)
{
    if (s3) {
        _cleanup_free_ char *once = recode(path, strlen(path), false, true);

        buf_adds(out, *once ? once : "/");
    } else {
        _cleanup_free_ char *clean = normalise(path);

        str_percent(out, clean, strlen(clean), true);
    }
    return buf_addc(out, '\n');
}

int sigv4_trim_value(struct buf *out, const char *v)
{
    bool blank = false, any = false;

    for (; *v; v++) {
        if (*v == ' ' || *v == '\t' || *v == '\r' || *v == '\n') {
            blank = any;
            continue;
        }
        if (blank)
            buf_addc(out, ' ');
        blank = false;
        any = true;
        buf_addc(out, *v);
    }
    return out->full ? -1 : 0;
}

static void add_header(struct buf *out, const struct sigv4_request *r, const char *name, size_t n)
{
    bool first = true;

    for (size_t i = 0; i < n; i++)
        buf_addc(out, (char)tolower((unsigned char)name[i]));
    buf_addc(out, ':');
    for (size_t i = 0; i < r->n_headers; i++) {
        if (strlen(r->headers[i].name) != n || strncasecmp(r->headers[i].name, name, n))
            continue;
        if (!first)
            buf_addc(out, ',');
        first = false;
        sigv4_trim_value(out, r->headers[i].value);
    }
    buf_addc(out, '\n');
}

int sigv4_canonical(struct buf *out, const struct sigv4_request *r,
                    const struct sigv4_canonical *how)
{
    buf_addf(out, "%s\n", r->method);
    add_path(out, r->raw_path, how->s3);
    add_query(out, r->raw_query, how->presigned);
    for (const char *s = how->signed_headers; *s && !out->full;) {
        size_t n = strcspn(s, ";");

        add_header(out, r, s, n);
        s += n + (s[n] != '\0');
    }
    buf_addf(out, "\n%s\n%s", how->signed_headers, how->payload);
    return out->full ? -1 : 0;
}

char *sigv4_query_param(const char *raw_query, const char *name)
{
    for (const char *s = raw_query; *s;) {
        size_t n = strcspn(s, "&"), key = strcspn(s, "=&");
        struct buf b = BUF_INIT(HTTP_TARGET_MAX);

        str_unpercent(&b, s, key, true);
        if (str_eq(buf_str(&b), name)) {
            buf_clear(&b);
            if (key < n)
                str_unpercent(&b, s + key + 1, n - key - 1, true);
            return buf_steal(&b, NULL);
        }
        buf_release(&b);
        s += n + (s[n] != '\0');
    }
    return NULL;
}

const char *sigv4_header(const struct sigv4_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (!strcasecmp(r->headers[i].name, name))
            return r->headers[i].value;
    return NULL;
}

bool sigv4_is_signed(const char *signed_headers, const char *name)
{
    size_t len = strlen(name);

    for (const char *s = signed_headers; *s;) {
        size_t n = strcspn(s, ";");

        if (n == len && !strncasecmp(s, name, n))
            return true;
        s += n + (s[n] != '\0');
    }
    return false;
}
