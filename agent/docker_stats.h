/*
 * docker_stats.h - the stats stream of one running container.
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

/* loop, d and set are borrowed; set gets the samples. */
struct docker_stats *docker_stats_new(struct loop *l, struct docker_client *d, const char *id,
                                      struct stats_set *set);
/* The newest sample, as Docker said it; NULL: none yet. New reference. */
json_t *docker_stats_last(const struct docker_stats *st);
void docker_stats_free(struct docker_stats *st); /* NULL is fine */

#endif
