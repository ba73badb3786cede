/*
 * frames.h - websocket frames between a client and the streams of a container
 * (attach/ws), once the connection was taken over.
 *
 * What the container writes is one frame for each write, text below API 1.28 and
 * binary from there; what the client's frames hold is its input. As seen with
 * engine 20.10, which uses golang.org/x/net/websocket.
 *
 * Life cycle: frames_new(), frames_free().
 */
#ifndef FAKES_DOCKER_FRAMES_H
#define FAKES_DOCKER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "fakes/core/exchange.h"

/* One message of a client is not longer. */
#define FRAMES_MESSAGE_MAX (1u << 20)

struct frames;

/* Answers the handshake of x, and takes its connection over if that is one (on_bytes as in
 * exchange_hijack()). NULL: it was refused, and x is gone. */
struct frames *frames_new(struct exchange *x, bool binary,
                          void (*on_bytes)(struct exchange *x, const char *p, size_t n));
void frames_free(struct frames *f);

void frames_write(struct frames *f, const char *p, size_t n);
/* Adds to `input` what the client's messages say. -1: it has closed, or broke the protocol. */
int frames_read(struct frames *f, const char *p, size_t n, struct buf *input);
/* Says goodbye. */
void frames_close(struct frames *f);

#endif
