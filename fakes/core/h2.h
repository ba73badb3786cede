/*
 * h2.h - HTTP/2 with prior knowledge: connections of fakes that speak gRPC. Private to fakes/core.
 *
 * Framing is nghttp2's, without I/O; the bytes are ours, as with the other protocols. Each stream
 * becomes an exchange: its pseudo headers are method and target, its trailers are not looked at.
 * An exchange of HTTP/2 is answered whole, by exchange_answer(), with the trailers that were set
 * before; it is never streamed and never taken over. Faults act as on other connections; `cut`
 * counts the bytes of the answer's frames.
 *
 * Life cycle: h2_attach() makes a new connection's upper layer, h2_detach() frees it when the
 * handle is closed. A stream's exchange goes with its answer, with a RST_STREAM of the peer, or
 * with the connection.
 */
#ifndef FAKES_CORE_H2_H
#define FAKES_CORE_H2_H

#include <stddef.h>

#include "fakes/core/exchange.h"

struct conn;

#define H2_STREAMS_MAX 100 /* at a time, on one connection */

void h2_attach(struct conn *c);
void h2_detach(struct conn *c);

/* Sends status, headers, body and trailers of the exchange. */
void h2_answer(struct exchange *x, const char *type, const void *body, size_t n);
/* The exchange goes; its stream lives on until its bytes are sent. */
void h2_forget(struct exchange *x);

#endif
