/*
 * ws_client.h - one websocket session as a client.
 *
 * ws_open() starts it; then opened() once, or not; message() for each whole
 * text message; and ended() exactly once, always from the loop and never from
 * inside ws_open(), ws_send() or ws_close(). After ended() the session is
 * gone. ws_drop() ends it at once, without any further call.
 *
 * Messages are sent one for each writable event. What a session may receive in
 * one message, and what may wait to be sent, have a limit.
 */
#ifndef AGENT_WS_CLIENT_H
#define AGENT_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/web.h"
#include "base/err.h"

struct ws;

struct ws_end {
    bool opened;
    int status;       /* of a refused handshake; 0: no HTTP answer */
    const char *body; /* what the refusal said, "" nothing; cut at REFUSAL_BODY_MAX */
    int close_code;   /* the peer's; 0: the connection ended without a close frame */
    const char *why;  /* for a person */
};

struct ws_callbacks {
    void (*opened)(void *user);
    void (*message)(const char *text, size_t n, void *user);
    void (*ended)(const struct ws_end *end, void *user);
};

struct ws_call {
    const char *url;            /* http, https, ws or wss; with its query */
    const char *const *headers; /* "Name: value", NULL-terminated */
    int64_t connect_timeout;    /* ns, from the start to the end of the handshake */
    size_t max_message;         /* bytes of one message from the peer */
    size_t max_queue;           /* bytes waiting to be sent */
    const struct ws_callbacks *cb;
    void *user;
};

/* NULL when the URL makes no sense. */
struct ws *ws_open(struct web *w, const struct ws_call *call, struct err *e);

/* Queues one text message. -1 with ERR_LIMIT when too much is waiting. */
int ws_send(struct ws *s, const char *text, size_t n, struct err *e);

/* Sends what is queued, then a close frame; ended() follows when the peer answers, or not. */
void ws_close(struct ws *s, int code, const char *reason);

/* Closes the TCP connection without a close frame; no more calls. NULL is fine. */
void ws_drop(struct ws *s);

#endif
