/*
 * grpc.h - unary gRPC on an exchange of HTTP/2: messages in, messages and statuses out.
 *
 * A request is one message behind a prefix of five bytes (a flag, and a length); an answer is the
 * same with the status in the trailers, and an error is a status without a body ("trailers only").
 * That is how gRPC's own C++ server, which the real daemon is built on, does it.
 */
#ifndef FAKES_CREDFETCH_GRPC_H
#define FAKES_CREDFETCH_GRPC_H

#include <protobuf-c/protobuf-c.h>

#include "base/json.h"
#include "fakes/core/exchange.h"
#include "proto/grpc_status.h"

/* An empty message; protobuf-c's own macro for that drops a const, which clang sees. */
#define GRPC_INIT(type, prefix)                                                                    \
    ({                                                                                             \
        type m_;                                                                                   \
        prefix##__init(&m_);                                                                       \
        m_;                                                                                        \
    })

/* The one message of a request's body; protobuf_c_message_free_unpacked(). NULL with the status
 * that goes with it in *ret_status. */
ProtobufCMessage *grpc_read(const ProtobufCMessageDescriptor *d, const void *body, size_t n,
                            enum grpc_status *ret_status, struct err *e);

/* Strings, lists of strings and messages of such, as JSON. Members of the names in `hidden`
 * (NULL-terminated) are "***". New reference. */
json_t *grpc_json(const ProtobufCMessage *m, const char *const *hidden);

/* Answers; the journal shows the message as JSON. */
void grpc_answer(struct exchange *x, const ProtobufCMessage *m);
void grpc_refuse(struct exchange *x, enum grpc_status status, const char *message);

#endif
