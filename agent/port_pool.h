/*
 * port_pool.h - host ports for mappings that leave the choice to the agent.
 *
 * The official agent chooses itself since 1.70.0 (before, Docker did), going
 * up through ECS_DYNAMIC_HOST_PORT_RANGE, or else the kernel's ephemeral
 * range, or else 49153-65535. Ports that are reserved, handed out, or bound by
 * somebody else are passed over.
 *
 * Life cycle: port_pool_init(), no release: it owns nothing.
 */
#ifndef AGENT_PORT_POOL_H
#define AGENT_PORT_POOL_H

#include <stdbool.h>

#include "base/json.h"

struct port_pool {
    int first, last;
    int next[2]; /* tcp, udp */
    unsigned char used[2][65536 / 8];
    bool (*is_free)(int port, bool udp); /* asks the system; replaced in tests */
};

/* range: "a-b" or ""; reserved lists are arrays of integers. False: range is not valid (ignored).
 */
bool port_pool_init(struct port_pool *p, const char *range, const json_t *reserved_tcp,
                    const json_t *reserved_udp);

/* The first of n free ports in a row, now handed out; -1 when there are none. */
int port_pool_take(struct port_pool *p, int n, bool udp);

void port_pool_hold(struct port_pool *p, int port, int n, bool udp); /* known to be in use */
void port_pool_give_back(struct port_pool *p, int port, int n, bool udp);

#endif
