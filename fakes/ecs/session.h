/*
 * session.h - what the ACS and the TCS fake have in common: websocket sessions of agents.
 *
 * A session begins with a signed GET of .../ws whose query says who the agent
 * is. It is refused with an HTTP status and a body of one member,
 * {"InactiveInstanceException":"..."}. There is one session per container
 * instance: when a newer one is accepted the older is closed. While it lasts, a
 * heartbeat goes out on the loop's clock.
 *
 * Life cycle: session_accept() makes it, the end of its websocket frees it.
 */
#ifndef FAKES_ECS_SESSION_H
#define FAKES_ECS_SESSION_H

#include "base/clock.h"
#include "base/list.h"
#include "fakes/core/ws.h"
#include "fakes/ecs/plane.h"

#define SESSION_HEARTBEAT_NS (30 * NS_PER_S)

/* What the close frame of a replaced session says. */
#define SESSION_REPLACED "A newer session of this container instance was opened"

/* What the close frame of a session that became too old says. */
#define SESSION_EXPIRED "ConnectionExpired: Reconnect to continue"

struct session {
    struct list link; /* in set->list, oldest first */
    struct session_set *set;
    struct ws *ws;
    struct clock_timer beat, age;
    char *instance_arn;
    char *raw_path, *raw_query; /* of the handshake: TCS frames are signed over them */
    int64_t opened;             /* mono */
    bool acks_heartbeats;
    /* the frame in hand, between ws_handlers.name and on_message */
    json_t *frame; /* its "message" when it is good, else NULL */
    int type;
    char wrong[400]; /* what is wrong with it, "" when it is good */
};

/* The sessions of one fake; a member of it. */
struct session_set {
    struct plane_fake *owner;
    struct list list;
    int64_t every; /* between heartbeats, ns; 0: none */
    int64_t life;  /* of a session, ns: then it is closed with SESSION_EXPIRED; 0: no limit */
    void (*beat)(struct session *s);
    void (*changed)(struct session_set *set,
                    const char *instance_arn); /* opened or ended; or NULL */
};

void session_set_init(struct session_set *set, struct plane_fake *owner);

/* Names of the query parameters of a handshake. */
struct session_query {
    const char *cluster, *instance;
};

/*
 * Checks the handshake: path, signature, parameters, cluster, instance. Returns the instance,
 * or NULL when the exchange was refused.
 */
struct plane_instance *session_check(struct session_set *set, struct exchange *x,
                                     const struct session_query *q);

/* Accepts it; the exchange is over. NULL when the request was no websocket handshake. */
struct session *session_accept(struct session_set *set, struct exchange *x,
                               const struct ws_handlers *h, const struct plane_instance *i);

/* For ws_handlers.on_close: frees it. */
void session_closed(struct session *s);

/* The open session of that instance (ARN or id; NULL: the youngest of all), or NULL. */
struct session *session_find(const struct session_set *set, const char *arn_or_id);

/* For fake_ops.classify: "connect" for a websocket handshake of .../ws. */
void session_classify(struct exchange *x);

/* For fake_ops.refuse: the status and the one-member body. type, message may be NULL. */
void session_refuse(struct exchange *x, int status, const char *type, const char *message);

/*
 * The commands that both fakes know: close {code, reason}, drop {reset}, heartbeat {every}, age
 * {after}, each with an optional "instance". 1 when the command is none of these.
 */
int session_control(struct session_set *set, const char *command, const json_t *args,
                    struct err *e);

void session_pending(const struct session_set *set, struct buf *out);

/*
 * Reads the JSON of the frame in hand, {"type":...,"message":{...}}: sets *ret_what, s->type (what
 * type_from gives) and s->frame, or says what is wrong.
 */
void session_read_frame(struct session *s, const char *p, size_t n, int (*type_from)(const char *),
                        char **ret_what);
/* Forgets the frame in hand. */
void session_drop_frame(struct session *s);
/* Says what is wrong with the frame in hand. */
void session_wrong(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
