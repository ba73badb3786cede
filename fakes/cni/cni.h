/*
 * cni.h - the fake "cni": the plugins that wire a task's network namespace.
 *
 * An agent runs a plugin as a program: CNI's environment (CNI_COMMAND, CNI_CONTAINERID,
 * CNI_NETNS, CNI_IFNAME), the network's configuration on standard input, a result or an error as
 * JSON on standard output, and an exit status. What an agent finds under a plugin's name is the
 * program of harness/cni/, which asks this fake and prints what it is told:
 *
 *   GET  /PLUGIN/version       --version
 *   GET  /PLUGIN/capabilities  --capabilities
 *   POST /PLUGIN/COMMAND       ADD, DEL, CHECK or VERSION: {"env": {...}, "config": {...}}
 *
 * A 2xx answer is printed and the program ends with 0; any other is printed too and it ends
 * with 1. So a plugin fails, is slow, answers nonsense or dies by the faults and replies of any
 * fake. Nothing is wired: no interface is moved and no rule is set.
 *
 * Results are those of the real plugins: ecs-bridge tells its three interfaces, and the address
 * that ecs-ipam gave (the next of 169.254.172.0/22, .1 being the bridge's; given back by DEL),
 * ecs-eni and vpc-eni the ENI with its addresses, vpc-branch-eni the same, the others none.
 * Sources: amazon-ecs-cni-plugins (ecs-bridge, ipam, eni: commands.go; pkg/version,
 * pkg/capabilities) and amazon-vpc-cni-plugins. That a DEL without an address gives back the one of
 * the same container is an assumption: the real plugin is asked by the ENI's MAC address, and not
 * asked at all by some versions of the agent.
 *
 * Commands (fake_ops.control): none.
 */
#ifndef FAKES_CNI_CNI_H
#define FAKES_CNI_CNI_H

#include "base/map.h"
#include "fakes/core/fake.h"

/* Addresses that are given out at once. */
#define CNI_ADDRESSES_MAX 1000

struct cni {
    struct fake fake;
    struct map addresses; /* CNI_CONTAINERID -> its number, counted from 1 */
    unsigned int last;    /* that was given */
};

extern const struct fake_ops cni_ops;

/* NULL-terminated names of the plugins there are. */
const char *const *cni_plugins(void);

#endif
