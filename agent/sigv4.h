/*
 * sigv4.h - AWS Signature Version 4 for what libcurl does not send: the
 * websocket handshakes and the header block of telemetry frames.
 *
 * The signed headers are host, x-amz-date and, with session credentials,
 * x-amz-security-token. (utils/sign_http_request.go of the agent)
 */
#ifndef AGENT_SIGV4_H
#define AGENT_SIGV4_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct sigv4_request {
    const char *method;
    const char *host;  /* as in the Host header, port included if it is there */
    const char *path;  /* as sent, "/" at least */
    const char *query; /* as sent, without '?'; "" or NULL: none */
    const void *payload;
    size_t payload_len;
    const char *region, *service;
    const char *access_key, *secret_key;
    const char *session_token; /* NULL: none */
    int64_t wall;              /* ns since 1970 */
};

struct sigv4_signature {
    char date[17];            /* X-Amz-Date */
    char authorization[1024]; /* Authorization */
};

/* -1 when a part is too long to sign (a query over 16 KiB, a key over 700 bytes). */
int sigv4_sign(const struct sigv4_request *r, struct sigv4_signature *ret);

/* The text that is hashed first; for tests and for understanding a refusal. */
int sigv4_canonical(const struct sigv4_request *r, const char *date, struct buf *out);

#endif
