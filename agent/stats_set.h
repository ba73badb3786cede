/*
 * stats_set.h - samples of one container between two publications.
 *
 * Docker's stats objects go in; min, max, sum and sampleCount of each figure
 * come out, in the members of TCS's ContainerMetric. Arithmetic of the
 * official agent (stats/utils_unix.go, stats/queue.go):
 *   cpu     100 * (used CPU time / processors) / time between two samples;
 *           the first sample has none; a time that does not move repeats it
 *   memory  MiB, rounded down, of usage without inactive_file (or cache)
 *   storage, network   totals as Docker counts them, not differences
 * A set is given out once two samples were seen.
 *
 * Pure arithmetic; zeroed memory is an empty set.
 */
#ifndef AGENT_STATS_SET_H
#define AGENT_STATS_SET_H

#include <stdint.h>

#include "base/json.h"

struct stats_real {
    double min, max, sum;
    unsigned int n;
};

struct stats_count {
    uint64_t min, max, sum;
    unsigned int n;
};

enum stats_network {
    STATS_RX_BYTES,
    STATS_RX_DROPPED,
    STATS_RX_ERRORS,
    STATS_RX_PACKETS,
    STATS_TX_BYTES,
    STATS_TX_DROPPED,
    STATS_TX_ERRORS,
    STATS_TX_PACKETS,
    STATS_NETWORK_MAX
};

struct stats_set {
    unsigned int seen; /* samples ever */
    int64_t last_read; /* ns since 1970 */
    uint64_t last_cpu; /* ns of one processor */
    uint64_t last_rx, last_tx;
    double cpu_now, rx_now, tx_now; /* the last computed values */
    struct stats_real cpu, memory, rx_rate, tx_rate;
    struct stats_count read, written, network[STATS_NETWORK_MAX];
};

/* False when v is no sample (no time, no CPU figures). processors: of the instance, 1 or more. */
bool stats_set_add(struct stats_set *s, const json_t *v, unsigned int processors);

/*
 * Puts cpuStatsSet, memoryStatsSet, storageStatsSet and, if asked,
 * networkStatsSet into o and starts anew. False when there is nothing to tell.
 */
bool stats_set_take(struct stats_set *s, bool network, json_t *o);

#endif
