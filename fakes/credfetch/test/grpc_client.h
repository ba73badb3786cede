/*
 * grpc_client.h - a gRPC client for the tests: nghttp2's other half on a peer (peer.h).
 */
#ifndef FAKES_CREDFETCH_TEST_GRPC_CLIENT_H
#define FAKES_CREDFETCH_TEST_GRPC_CLIENT_H

#include <protobuf-c/protobuf-c.h>

#include "fakes/core/test/peer.h"

struct grpc_reply {
    int http;   /* 0: no answer */
    int status; /* of gRPC; -1: none came */
    char message[512];
    struct buf body; /* with its prefix */
    bool trailers;   /* the status came behind a body */
};

/* Calls and waits for the end of the stream, or of the connection. path: after the service's name.
 */
void grpc_client_call(struct fake *f, const char *method, const ProtobufCMessage *m,
                      struct grpc_reply *ret);
/* The same with these bytes as the body, and this content type. */
void grpc_client_send(struct fake *f, const char *path, const char *type, const void *body,
                      size_t n, struct grpc_reply *ret);
void grpc_reply_release(struct grpc_reply *r);

#endif
