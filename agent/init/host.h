/*
 * host.h - what the agent needs of the machine: folders, and packets to 169.254.170.2.
 *
 * Rules, as ecs-init makes them with iptables (ecs-init/exec/iptables/iptables.go):
 *
 *   nat PREROUTING   tcp 169.254.170.2:80 -> 127.0.0.1:51679
 *   nat OUTPUT       tcp 169.254.170.2:80 -> port 51679
 *   filter INPUT     to 127.0.0.0/8 from elsewhere: dropped, unless
 *                    ECS_SKIP_LOCALHOST_TRAFFIC_FILTER=true
 *   filter INPUT     tcp 51678 from another interface than lo: dropped, unless
 *                    ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS=true; accepted from Docker's bridge
 *
 * and net.ipv4.conf.all.route_localnet=1. Where we are not root, or the machine lacks iptables or
 * forbids it, one line says so and the agent starts all the same: it does without.
 */
#ifndef AGENT_INIT_HOST_H
#define AGENT_INIT_HOST_H

#include "agent/init/init.h"

/* /var/lib/ecs/data, /var/log/ecs, /var/cache/ecs. -1: one cannot be made. */
int host_folders(struct init *in, struct err *e);
/* bridge: name of Docker's default bridge; "": there is none. */
void host_rules_add(struct init *in, const char *bridge);
/* Takes away what host_rules_add() made, and route_localnet becomes what new interfaces have. */
void host_rules_remove(struct init *in, const char *bridge);

#endif
