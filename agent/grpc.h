/*
 * grpc.h - one unary gRPC call over a unix socket.
 *
 * HTTP/2 is libcurl's (http.h); here are the prefix of the message, the status in the trailers, and
 * what a call is told to have ended with when no status came, in the words of the official agent's
 * library (grpc-go): "rpc error: code = Unavailable desc = ...".
 *
 * grpc_start() calls back exactly once, never from inside itself; grpc_cancel() drops the call
 * without.
 */
#ifndef AGENT_GRPC_H
#define AGENT_GRPC_H

#include "agent/http.h"
#include "proto/grpc_status.h"

/* An answer that is larger is refused. */
#define GRPC_ANSWER_MAX (1u << 20)

struct grpc_answer {
    enum grpc_status code;
    struct err e;     /* unless OK: the whole text */
    const char *body; /* the message, when OK */
    size_t n;
};

struct grpc_call;
typedef void (*grpc_fn)(const struct grpc_answer *a, void *user);

/* path: "/package.Service/Method". timeout: ns. NULL with the reason in e. */
struct grpc_call *grpc_start(struct http *h, const char *socket, const char *path,
                             const struct buf *message, int64_t timeout, grpc_fn fn, void *user,
                             struct err *e);
void grpc_cancel(struct grpc_call *c); /* NULL is fine */

/* The message behind its prefix; -1: the bytes are no single message that is not compressed. */
int grpc_unframe(const char *p, size_t n, const char **ret, size_t *ret_n);
/* "%41" to "A"; to be freed. */
char *grpc_message(const char *text);

/* Worth another try. (ecs-agent/utils/retry/grpc.go) */
bool grpc_is_transient(enum grpc_status code);

#endif
