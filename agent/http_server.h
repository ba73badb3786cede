/*
 * http_server.h - the agent is asked: libmicrohttpd on the agent's loop.
 *
 * For the introspection API and for what tasks ask (tmds.h). libmicrohttpd
 * reads and writes; here are the limits that it does not have, and answers that
 * come later.
 *
 * Life cycle: http_server_new() listens, or tries again and again while the
 * address is taken (1 s, doubling to 1 min); http_server_free() after those
 * who still owe an answer are gone, before loop_release().
 *
 * A request is a struct http_visit; `fn` is called once it is there whole, and
 * answers it with http_visit_answer(), at once or later. A visitor that is gone
 * meanwhile is noticed when the answer is sent, so a visit stays valid until it
 * is answered.
 *
 * Limits, so that visitors cost each other and the agent little:
 *   - HTTP_SERVER_TIMEOUT for a whole request, for a connection without one,
 *     and for the taking of an answer (as the official agent's servers);
 *   - HTTP_SERVER_HEADERS bytes of request line and headers (431 beyond), and
 *     max_body of body (413);
 *   - max_connections; at one more, that which has been silent longest goes.
 */
#ifndef AGENT_HTTP_SERVER_H
#define AGENT_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config.h"
#include "agent/loop.h"
#include "base/log.h"

#define HTTP_SERVER_TIMEOUT     (5 * NS_PER_S)
#define HTTP_SERVER_HEADERS     (16u << 10)
#define HTTP_SERVER_CONNECTIONS 512

#define HTTP_TYPE_JSON "application/json"
#define HTTP_TYPE_TEXT "text/plain; charset=utf-8"

struct http_server;
struct http_visit;

typedef void (*http_visit_fn)(struct http_visit *v, void *user);

struct http_server_options {
    const char *name;                   /* for the log: "Introspection" */
    const struct config_listen *listen; /* borrowed */
    size_t max_body;
    unsigned int max_connections;
    http_visit_fn fn;
    void *user;
};

/* Never NULL: an address that is taken is tried again. */
struct http_server *http_server_new(struct loop *l, const struct http_server_options *o,
                                    struct log *log);
/* What is still owed is not answered any more. NULL is fine. */
void http_server_free(struct http_server *s);

/* The port that is listened on; 0: none (yet), or a unix socket. */
int http_server_port(const struct http_server *s);

/* The request. Texts are borrowed until it is answered. */
const char *http_visit_method(const struct http_visit *v);
const char *http_visit_path(const struct http_visit *v); /* without %XX and parameters */
const char *
http_visit_remote(const struct http_visit *v); /* "127.0.0.1:57996"; "@": a unix socket */
const char *http_visit_header(const struct http_visit *v, const char *name);
/* A parameter: true when it is there, *ret its value or "". */
bool http_visit_query(const struct http_visit *v, const char *name, const char **ret);
const char *http_visit_body(const struct http_visit *v, size_t *ret_len);

/* A header of the answer. name is a literal. */
void http_visit_add_header(struct http_visit *v, const char *name, const char *value);
/* Answers it, once. body (taken, from malloc) may be NULL with n 0; type NULL: no Content-Type. */
void http_visit_answer(struct http_visit *v, int status, const char *type, char *body, size_t n);

#endif
