#include "agent/handshake.h"
#include "agent/sigv4.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

int handshake_init(struct handshake *h, const char *endpoint, const char *query, struct err *e)
{
    static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
    const char *rest = NULL, *slash;

    for (size_t i = 0; i < ARRAY_SIZE(schemes) && !rest; i++)
        rest = str_after(endpoint, schemes[i]);
    if (!rest || !*rest)
        return err_set(e, ERR_PEER, "the endpoint %.120s is no http or https URL", endpoint);
    slash = strchr(rest, '/');
    h->host = slash ? xstrndup(rest, (size_t)(slash - rest)) : xstrdup(rest);
    h->path = xasprintf("%s%sws", slash ? slash : "/", !slash || str_ends(slash, "/") ? "" : "/");
    h->query = xstrdup(query);
    h->url = xasprintf("%.*s%s%s?%s", (int)(rest - endpoint), endpoint, h->host, h->path, query);
    return 0;
}

void handshake_release(struct handshake *h)
{
    free(h->url);
    free(h->host);
    free(h->path);
    free(h->query);
    *h = (struct handshake){0};
}

void handshake_query_add(struct buf *query, const char *name, const char *value)
{
    _cleanup_buf_ struct buf encoded = BUF_INIT(3 * HANDSHAKE_QUERY_MAX);
    const char *s;

    str_percent(&encoded, value, strlen(value), false);
    buf_addf(query, "%s%s=", buf_len(query) ? "&" : "", name);
    for (s = buf_str(&encoded); *s; s++) {
        if (str_starts(s, "%20")) {
            buf_addc(query, '+');
            s += 2;
        } else {
            buf_addc(query, *s);
        }
    }
}

int handshake_sign(const struct handshake *h, const struct http_sign *sign, int64_t wall,
                   const void *body, size_t n, char *ret_headers[4], struct err *e)
{
    struct sigv4_signature signature;
    struct sigv4_request r = {
        .method = "GET",
        .host = h->host,
        .path = h->path,
        .query = h->query,
        .payload = body,
        .payload_len = n,
        .region = sign->region,
        .service = sign->service,
        .access_key = sign->access_key,
        .secret_key = sign->secret_key,
        .session_token = sign->session_token,
        .wall = wall,
    };

    if (sigv4_sign(&r, &signature) < 0)
        return err_set(e, ERR_LIMIT, "the request is too long to be signed");
    memset(ret_headers, 0, 4 * sizeof(*ret_headers));
    ret_headers[0] = xasprintf("Authorization: %s", signature.authorization);
    ret_headers[1] = xasprintf("X-Amz-Date: %s", signature.date);
    if (sign->session_token)
        ret_headers[2] = xasprintf("X-Amz-Security-Token: %s", sign->session_token);
    return 0;
}

void handshake_headers_free(char *headers[4])
{
    for (size_t i = 0; i < 4; i++)
        free(headers[i]);
}
