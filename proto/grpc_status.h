/*
 * grpc_status.h - how a gRPC call has ended, and the prefix of its messages.
 */
#ifndef PROTO_GRPC_STATUS_H
#define PROTO_GRPC_STATUS_H

#include "base/strtab.h"

/* Before each message: a flag (compressed), and its length in four bytes. */
#define GRPC_PREFIX 5

/* https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
enum grpc_status {
    GRPC_OK,
    GRPC_CANCELLED,
    GRPC_UNKNOWN,
    GRPC_INVALID_ARGUMENT,
    GRPC_DEADLINE_EXCEEDED,
    GRPC_NOT_FOUND,
    GRPC_ALREADY_EXISTS,
    GRPC_PERMISSION_DENIED,
    GRPC_RESOURCE_EXHAUSTED,
    GRPC_FAILED_PRECONDITION,
    GRPC_ABORTED,
    GRPC_OUT_OF_RANGE,
    GRPC_UNIMPLEMENTED,
    GRPC_INTERNAL,
    GRPC_UNAVAILABLE,
    GRPC_DATA_LOSS,
    GRPC_UNAUTHENTICATED,
    GRPC_STATUS_MAX
};
STRTAB_DECLARE(grpc_status, enum grpc_status); /* "UNAVAILABLE" */

#endif
