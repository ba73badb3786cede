/*
 * http.h - asynchronous HTTP client: libcurl's multi interface on the loop.
 *
 * One struct http serves the whole agent: Docker over a unix socket, the ECS
 * API (signed), IMDS. Connections are kept and reused by libcurl.
 *
 * Life cycle of a request: fill a struct http_call on the stack, http_start(),
 * then exactly one call of done(), or http_cancel(). Everything in the call
 * but `user` is copied. The request is freed after done() has returned; inside
 * done() its pointer must not be cancelled any more. done() never runs inside
 * http_start(), even when the failure is known at once. Callbacks may start
 * and cancel other requests, and data() and headers() may cancel their own.
 *
 * Limits: a request has a maximum for its answer's body (max_body), for the
 * answer's headers (HTTP_HEADERS_MAX) and for the time it takes.
 */
#ifndef AGENT_HTTP_H
#define AGENT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/loop.h"
#include "agent/proxy.h"
#include "base/buf.h"
#include "base/err.h"

#define HTTP_HEADERS_MAX (64u << 10)
#define HTTP_BODY_MAX    (16u << 20) /* max_body of 0 */

struct http;
struct http_request;

/* What a signature is made with; the texts are borrowed until http_start() returns. */
struct http_sign {
    const char *region, *service;
    const char *access_key, *secret_key;
    const char *session_token; /* NULL: none; becomes X-Amz-Security-Token */
};

struct http_result {
    int status;       /* 0: no answer; see error */
    const char *body; /* NUL-terminated; what data() did not take */
    size_t body_len;
    struct err error;                   /* code ERR_NONE when an answer came, whatever its status */
    bool refused;                       /* the connection was refused or the host not found */
    const struct http_request *request; /* for http_result_header() */
};

/* One header of the answer without regard to case, or NULL. Valid inside done(). */
const char *http_result_header(const struct http_result *r, const char *name);
/* The same for a trailer; where there are none, a header: an answer without a body has just those.
 */
const char *http_result_trailer(const struct http_result *r, const char *name);

typedef void (*http_done_fn)(const struct http_result *r, void *user);
/* The answer's headers are there. */
typedef void (*http_headers_fn)(struct http_request *r, int status, void *user);
/* A piece of the body. Return 0, or -1 to end the request (done() gets ERR_CONFLICT). */
typedef int (*http_data_fn)(struct http_request *r, const char *p, size_t n, void *user);

struct http_call {
    const char *method;         /* GET, HEAD, POST, PUT, DELETE */
    const char *url;            /* http:// or https:// */
    const char *unix_socket;    /* path of a socket to connect to instead, or NULL */
    bool http2;                 /* from the first byte, on a connection of its own */
    const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
    const char *user_agent;     /* NULL: none is sent */
    const void *body;           /* NULL: no body; POST and PUT then send Content-Length: 0 */
    size_t body_len;
    const struct http_sign *sign; /* SigV4 by libcurl, or NULL */
    int64_t connect_timeout;      /* ns; 0: 30 s */
    int64_t timeout;              /* ns for the whole exchange; 0: none */
    int64_t idle_timeout;         /* ns without a byte; 0: none */
    int redirects;   /* how many to follow; 0: they are the answer. For requests without a signature
                      */
    size_t buffer;   /* bytes to read at a time, for the life of the request; 0: 16 KiB */
    size_t max_body; /* 0: HTTP_BODY_MAX; not for what data() takes */
    http_done_fn done;
    http_headers_fn on_headers; /* may be NULL */
    http_data_fn data;          /* NULL: the body is collected */
    void *user;
};

/* Whose TLS certificates are believed, and the way to their owners. */
struct http_trust {
    bool insecure;             /* -k: anybody's */
    const char *ca_file;       /* PEM bundle instead of the system's; NULL or "": the system's */
    const struct proxy *proxy; /* through whom we speak to them; borrowed, NULL: nobody */
};

/* trust is copied, its text borrowed. NULL with the reason in e. */
struct http *http_new(struct loop *l, const struct http_trust *trust, struct err *e);

/* Cancels what is under way. Callbacks are not called. NULL is fine. */
void http_free(struct http *h);

/* NULL only when the call makes no sense (no URL, bad socket path). */
struct http_request *http_start(struct http *h, const struct http_call *call, struct err *e);

/* Ends it without calling done(). */
void http_cancel(struct http_request *r);

#endif
