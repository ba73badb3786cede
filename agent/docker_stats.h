/*
 * docker_stats.h - the statistics of one running container: a stream, or a sample now and then
 * (ECS_POLL_METRICS).
 *
 * Opened when made, opened again while it lives: after 1 s, doubling to 10 s,
 * as the official agent does. The owner frees it when the container stops.
 *
 * Limit: an object of more than STATS_LINE_MAX bytes is dropped.
 */
#ifndef AGENT_DOCKER_STATS_H
#define AGENT_DOCKER_STATS_H

#include "agent/docker_client.h"
#include "agent/stats_set.h"

#define STATS_LINE_MAX (64u << 10)

struct docker_stats;

/* loop, d and set are borrowed; set gets the samples. every: 0, a stream; else a sample is asked
 * for at once and then each time this has passed (ns). */
struct docker_stats *docker_stats_new(struct loop *l, struct docker_client *d, const char *id,
                                      int64_t every, struct stats_set *set);
/* The newest sample, as Docker said it; NULL: none yet. New reference. */
json_t *docker_stats_last(const struct docker_stats *st);
void docker_stats_free(struct docker_stats *st); /* NULL is fine */

#endif
