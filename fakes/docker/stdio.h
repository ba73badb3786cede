/*
 * stdio.h - the three streams of a process in a container, and who is attached.
 *
 * A client that is attached has taken its connection over (attach, exec): what
 * the process writes goes to it framed (8 bytes of head for each piece, as
 * docker/pkg/stdcopy) or, for a terminal, as it is; what it sends is the process's
 * input. Output also goes to the logs, but that is the container's business.
 *
 * A client that reads slowly slows the process down: flow(io, false) is called
 * when too much is queued, flow(io, true) when it was sent.
 *
 * Life cycle: part of its owner; stdio_init(), stdio_end() (says goodbye to
 * everybody who is attached; it can go on afterwards), no memory of its own
 * besides the attached.
 */
#ifndef FAKES_DOCKER_STDIO_H
#define FAKES_DOCKER_STDIO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "fakes/core/exchange.h"

struct problem;

struct stdio {
    struct list attached;
    bool tty;
    bool paused; /* flow(io, false) was the last */
    bool early;  /* there is no process yet: what is sent waits for it */
    /* n = 0: the end of the input. NULL: nobody reads it */
    void (*input)(struct stdio *io, const char *p, size_t n);
    void (*flow)(struct stdio *io, bool go);
};

#define DETACH_KEYS_MAX 16

struct attach {
    struct list link;
    struct stdio *io;
    struct exchange *x;
    bool in, out, err; /* what it wants */
    bool raw;          /* no heads */
    bool websocket;    /* in frames of a websocket, as `binary` says, without heads */
    bool binary;
    struct frames *frames;
    bool ends_input; /* the end of its input is that of the process's; else the client's own */
    unsigned char keys[DETACH_KEYS_MAX];
    size_t n_keys, matched; /* n_keys 0: bytes are only bytes */
    struct buf waiting;     /* came early */
    bool ended_early;
    void (*detached)(struct attach *a); /* the keys were pressed; NULL: nothing more happens */
};

void stdio_init(struct stdio *io);
/* The process wrote. */
void stdio_output(struct stdio *io, bool is_err, const char *p, size_t n);
/* To one of the attached, in its framing, whatever it asked for. */
void attach_send(struct attach *a, bool is_err, const char *p, size_t n);
/* The process's input is full: nothing more is read from the attached until it is not. */
void stdio_hold(struct stdio *io, bool hold);
/* Sets `early`; when it falls, what waited is given to the process. */
void stdio_set_early(struct stdio *io, bool early);
/* Ends every attached connection. */
void stdio_end(struct stdio *io);

/* Takes the connection of x over with the headers that were set (101 when the client asked for an
 * upgrade, else 200), and attaches it; a is copied. The connection lives until stdio_end(), the
 * detach keys, or until the client is gone. NULL: its handshake for a websocket was refused. */
struct attach *attach_begin(struct stdio *io, struct exchange *x, const struct attach *a);
/* Ends one. */
void attach_end(struct attach *a);

/* "ctrl-p,ctrl-q" to bytes; "" and NULL are the default. -1: not keys. */
int detach_keys(const char *s, unsigned char out[DETACH_KEYS_MAX], size_t *ret_n);

#endif
