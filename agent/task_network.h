/*
 * task_network.h - what a task in mode awsvpc is wired with, from its payload.
 *
 * Pure: ENIs in, configurations for plugins out, and the few members of the pause container's
 * create body. One interface is a plugin vpc-eni (or vpc-branch-eni where the interface is a VLAN
 * of a trunk) as eth0; behind them ecs-bridge as ecs-eth0, over which the task reaches the agent,
 * with an address from ecs-ipam; then aws-appmesh where the task has a proxy of that kind.
 *
 * Source: api/task/task_linux.go (BuildCNIConfigAwsvpc), ecscni/netconfig_linux.go,
 * api/task/task.go (applyENIHostname, generateENIExtraHosts, overrideDNS), appmesh.go.
 */
#ifndef AGENT_TASK_NETWORK_H
#define AGENT_TASK_NETWORK_H

#include "agent/cni.h"
#include "agent/config.h"
#include "agent/task.h"

/* ipam: ecs-bridge is told what ecs-ipam needs, as for ADD. -1: the payload has what no plugin is
 * for; w is empty then. */
int task_network_build(const struct task *t, const struct config *c, bool ipam,
                       struct cni_networks *w, struct err *e);

/* ecs-ipam alone: the address goes back. */
void task_network_build_release(const struct task *t, const struct config *c,
                                struct cni_networks *w);

/* Host name, DNS and the like in the create body of the pause container. */
void task_network_pause(const struct task *t, json_t *body, json_t *host);

/* Address of the first entry of ips[] without its prefix; NULL: there is none. To be freed. */
char *task_network_address(const json_t *bridge_answer);

#endif
