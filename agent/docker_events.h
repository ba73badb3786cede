/*
 * docker_events.h - Docker's event stream, kept open.
 *
 * Only container events are passed on. Old engines put the event into
 * "status" and "id", new ones into "Action" and "Actor"; either is read.
 *
 * When the stream ends it is opened again: at once the first time, then after
 * waits that double from EVENTS_BACKOFF_MIN to EVENTS_BACKOFF_MAX (the official
 * agent has none and can spend a core on a daemon that refuses). Each time it
 * is open, opened() runs, with gap set from the second time on: what happened
 * in between has to be asked for.
 *
 * Limit: an event of more than EVENTS_LINE_MAX bytes is dropped.
 */
#ifndef AGENT_DOCKER_EVENTS_H
#define AGENT_DOCKER_EVENTS_H

#include "agent/docker_client.h"
#include "proto/docker_path.h"

#define EVENTS_LINE_MAX    (64u << 10)
#define EVENTS_BACKOFF_MIN (100 * NS_PER_MS)
#define EVENTS_BACKOFF_MAX (1 * NS_PER_S)

struct docker_events;

struct docker_events_sink {
    void (*opened)(bool gap, void *user);
    /* exit_code is that of a die event; -1: not told */
    void (*event)(enum docker_event event, const char *id, int exit_code, void *user);
    void *user;
};

/* All arguments but sink are borrowed. */
struct docker_events *docker_events_new(struct loop *l, struct docker_client *d, struct log *log,
                                        const struct docker_events_sink *sink);
void docker_events_free(struct docker_events *ev); /* NULL is fine */

/* Reads one event. -1 when it is none that the agent acts on. *ret_id is borrowed. */
int docker_event_parse(const json_t *v, enum docker_event *ret_event, const char **ret_id,
                       int *ret_exit);

#endif
