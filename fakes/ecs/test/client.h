/*
 * client.h - an agent for tests of the ECS, ACS and TCS fakes: it signs with OpenSSL directly and
 * writes its websocket frames byte by byte.
 */
#ifndef FAKES_ECS_TEST_CLIENT_H
#define FAKES_ECS_TEST_CLIENT_H

#include "base/json.h"
#include "fakes/core/test/peer.h"

struct client {
    struct world *w;
    struct fake *ecs, *acs, *tcs;
    const char *secret; /* the world's, unless a test spoils it */
    int64_t skew;       /* ns added to the date of what is signed */
    int status;         /* of the last call or handshake */
};

/* A world with the three fakes, listening. */
void client_start(struct client *c);
void client_stop(struct client *c);

/* What the fakes of this client know. */
struct plane *client_plane(const struct client *c);

/* The text there in an answer; "" when there is none. */
const char *client_text(const json_t *v, const char *path);
/* One call of the ECS API; the answer's body, to be unreferenced. */
json_t *client_call(struct client *c, const char *operation, const char *body);
/* The same, body printf-like. */
json_t *client_callf(struct client *c, const char *operation, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Registers an instance in "demo" and returns its ARN, to be freed. */
char *client_register(struct client *c);

/* Opens a websocket at /ws?query. The query has to be in canonical form. c->status is 101 when it
 * is open; a refusal stands in p->got. */
void client_connect(struct client *c, struct peer *p, struct fake *f, const char *query);
/* The usual ACS handshake of that instance. */
void client_connect_acs(struct client *c, struct peer *p, const char *arn);
void client_connect_tcs(struct client *c, struct peer *p, const char *arn);
/* One text frame. */
void client_say(struct peer *p, const char *text);
/* A published message as agents send it: signed header block, empty line, JSON. */
void client_publish(struct client *c, struct peer *p, const char *arn, const char *json);
/* The next text message, or NULL when none comes within a second. */
json_t *client_hear(struct peer *p);
/* The close code that was received, or -1. */
int client_heard_close(struct peer *p);

/* The last record of that kind (and what, unless NULL), or NULL. */
struct record *client_record(struct client *c, enum record_kind kind, const char *what);
/* True when a note holds that text. */
bool client_noted(struct client *c, const char *text);

#endif
