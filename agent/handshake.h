/*
 * handshake.h - where a websocket session goes, and its signature.
 *
 * The endpoint gets a slash if it has none, then "ws?" and the query. The GET
 * is signed as it will be sent, with an empty body; telemetry signs every frame
 * the same way with the frame as the body.
 */
#ifndef AGENT_HANDSHAKE_H
#define AGENT_HANDSHAKE_H

#include "agent/http.h"
#include "base/buf.h"
#include "base/err.h"

#define HANDSHAKE_QUERY_MAX 8192

struct handshake {
    char *url;   /* endpoint + path + '?' + query */
    char *host;  /* as in the Host header */
    char *path;  /* "/ws" */
    char *query; /* without '?' */
};

/* -1 when the endpoint is no http(s) or ws(s) URL. On zeroed memory. */
int handshake_init(struct handshake *h, const char *endpoint, const char *query, struct err *e);
void handshake_release(struct handshake *h);

/* Appends name=value, encoded as Go's url.Values does (a blank is '+'); '&' between pairs. */
void handshake_query_add(struct buf *query, const char *name, const char *value);

/*
 * Signs a GET with this body. Sets header lines "Authorization: ...",
 * "X-Amz-Date: ..." and, with a session token, "X-Amz-Security-Token: ...";
 * NULL-terminated, to be freed with handshake_headers_free().
 */
int handshake_sign(const struct handshake *h, const struct http_sign *sign, int64_t wall,
                   const void *body, size_t n, char *ret_headers[4], struct err *e);
void handshake_headers_free(char *headers[4]);

#endif
