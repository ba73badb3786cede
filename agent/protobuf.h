/*
 * protobuf.h - messages of Protocol Buffers, as far as strings go.
 *
 * Every member of the messages that this agent sends and reads is a string, or a list of them: a
 * tag, a length, the bytes. Members that are not known are passed over, of whatever kind they are.
 * (The fakes read the same bytes with protobuf-c.)
 */
#ifndef AGENT_PROTOBUF_H
#define AGENT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends one member; text NULL or "": nothing, as proto3 has it. */
void protobuf_put(struct buf *b, uint32_t number, const char *text);
/* The same, but an empty text is sent too: an element of a list. */
void protobuf_put_element(struct buf *b, uint32_t number, const char *text);

struct protobuf_reader {
    const unsigned char *p, *end;
};

/* One member that has a length. */
struct protobuf_member {
    uint32_t number;
    const char *text; /* not NUL-terminated */
    size_t n;
};

/* True: *ret is the next member that has a length. False: the end, or an error, which e says. */
bool protobuf_next(struct protobuf_reader *r, struct protobuf_member *ret, struct err *e);

#endif
