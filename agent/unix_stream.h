/*
 * unix_stream.h - GET over a unix socket, for an answer of JSON objects that never ends.
 *
 * Docker's statistics are such an answer for each container that runs: with libcurl a stream takes
 * 15 KiB, here less than one, and what was read lies in one buffer for all. Each has a connection
 * of its own, as with libcurl.
 *
 * Life cycle: unix_stream_open(), then objects, then exactly one call of end(), never from inside
 * open(); or unix_stream_close(), which no callback of its own may call.
 */
#ifndef AGENT_UNIX_STREAM_H
#define AGENT_UNIX_STREAM_H

#include "agent/loop.h"

struct unix_stream;

struct unix_stream_call {
    const char *socket;                                  /* path */
    const char *host;                                    /* what the Host header says */
    const char *target;                                  /* with the version and the query */
    size_t max_object;                                   /* a longer one is dropped */
    int64_t idle;                                        /* ns without a byte */
    void (*object)(const char *p, size_t n, void *user); /* its text */
    void (*end)(void *user);                             /* for whatever reason */
    void *user;
};

/* Everything is copied. NULL: the path is too long, or there are no descriptors left. */
struct unix_stream *unix_stream_open(struct loop *l, const struct unix_stream_call *c);
void unix_stream_close(struct unix_stream *s); /* NULL is fine */

#endif
