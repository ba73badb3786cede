/*
 * http_client.h - the harness asks: one HTTP request at a time, on the one loop.
 *
 * For `probe` steps and for `ecsim` talking to a running `ecsim serve`. Plain
 * TCP and unix sockets, one connection per request.
 *
 * Life cycle: http_client_start(); on_done is called exactly once, from the
 * loop; http_client_free() at any time.
 */
#ifndef HARNESS_HTTP_CLIENT_H
#define HARNESS_HTTP_CLIENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "fakes/core/loop.h"

#define HTTP_CLIENT_BODY_MAX (64 << 20)

struct http_client;

struct http_client_request {
    const char *method;
    const char *url;       /* http://host:port/path; host is an address or localhost */
    const char *unix_path; /* NULL: TCP to the host of url */
    const char *body;
    size_t body_len;
    const json_t *headers; /* object of strings, or NULL */
};

struct http_client_result {
    struct err err; /* code ERR_NONE: an answer came */
    int status;
    json_t *headers; /* object, names in lower case */
    struct buf body;
};

struct http_client *http_client_start(struct loop *loop, const struct http_client_request *r,
                                      void (*on_done)(struct http_client *c, void *data),
                                      void *data, struct err *e);
/* Valid after on_done, until the client is freed. */
const struct http_client_result *http_client_result(const struct http_client *c);
void http_client_free(struct http_client *c);

#endif
