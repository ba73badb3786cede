/*
 * peer.h - the other side, for tests of the core: a socket without a loop of its own.
 *
 * A test sends bytes, turns the loop of the fakes until something is there,
 * and looks at what came, byte by byte.
 */
#ifndef FAKES_CORE_TEST_PEER_H
#define FAKES_CORE_TEST_PEER_H

#include <stdbool.h>

#include "base/buf.h"
#include "fakes/core/fake.h"

struct peer {
    struct world *w;
    int fd;
    struct buf got;
    bool eof, reset;
};

/* Connects to the fake's first listener. */
void peer_connect(struct peer *p, struct fake *f);
void peer_close(struct peer *p);
void peer_send(struct peer *p, const char *text);
void peer_send_bytes(struct peer *p, const void *b, size_t n);
/* Turns the loop until `text` was received, or the other side ended, or much time has passed (real
 * time, times ECSIM_SLOW; machines are busy). */
bool peer_wait(struct peer *p, const char *text);
/* The same with a limit of its own, for what may well not come. */
bool peer_wait_for(struct peer *p, const char *text, int64_t ns);
/* Turns the loop until the other side ended. */
bool peer_wait_end(struct peer *p);
/* Turns the loop until nothing happens for a few turns. */
void peer_settle(struct world *w);

#endif
