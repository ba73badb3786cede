/*
 * trouble.h - what a scenario does to the engine beyond faults of single calls:
 * events that get lost, a container on which calls hang, a disk that is full, a
 * restart of the daemon. Private to fakes/docker.
 *
 * Commands, as docker_control() takes them:
 *   events mode=lose|swap|cut|silent|whole [action=die] [next=N]
 *       lose: the next N events with this action (default: any; 1) are not sent.
 *       swap: the next such event is sent behind the one that follows it.
 *       cut: half of its line is sent, and the stream is closed.
 *       silent: nothing is sent any more, and streams stay open. whole: as before.
 *       What happened is kept for `since` all the same.
 *   wedge, unwedge container=C   calls that name the container are not answered, until they are.
 *       Lists, events and what runs inside do not mind.
 *   disk state=full|free   what writes fails, with the words of an engine whose disk was full
 *   shutdown               the daemon ends, and its containers with it (no live-restore)
 *   boot                   it is there again: its memory of events is empty, and containers with a
 *                          restart policy that ended with it start again
 */
#ifndef FAKES_DOCKER_TROUBLE_H
#define FAKES_DOCKER_TROUBLE_H

#include "fakes/docker/container.h"

int trouble_events(struct docker *d, const json_t *args, struct err *e);
int trouble_disk(struct docker *d, const json_t *args, struct err *e);
void trouble_wedge(struct container *c, bool wedged);
void trouble_shutdown(struct docker *d);
void trouble_boot(struct docker *d);

/* What shall become of an event, and of one that was held back before it. */
enum event_fate { EVENT_SENT, EVENT_LOST, EVENT_HELD, EVENT_CUT };
enum event_fate trouble_event(struct docker *d, const char *action,
                              const struct event **ret_before);

/* True when the call is about a wedged container: it is kept, unanswered. */
bool trouble_holds(struct docker *d, struct exchange *x);
/* -1 and the refusal when the disk is full; else 0. file: what the engine would write. */
int trouble_disk_full(const struct docker *d, struct problem *p, const char *file, ...)
    __attribute__((format(printf, 3, 4)));
void trouble_release(struct docker *d);

/* --- back into the engine ----------------------------------------------------------------- */

/* Handles a call that was held, from its beginning. */
void docker_handle_again(struct docker *d, struct exchange *x);

#endif
