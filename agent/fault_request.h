/*
 * fault_request.h - what a task asks for to be broken in its network, and the
 * programs that break and mend it.
 *
 *   network-blackhole-port  packets of a port vanish (iptables, ip6tables)
 *   network-latency         packets are late, network-packet-loss: they are lost (tc)
 *
 * Members, limits, texts of errors and commands are the official agent's
 * (tmds/handlers/fault/v1; types.go, handlers.go). Pure.
 */
#ifndef AGENT_FAULT_REQUEST_H
#define AGENT_FAULT_REQUEST_H

#include <stdint.h>

#include "agent/command_run.h"
#include "base/json.h"
#include "base/strtab.h"

enum fault_kind { FAULT_BLACKHOLE, FAULT_LATENCY, FAULT_PACKET_LOSS, FAULT_KIND_MAX };
STRTAB_DECLARE(fault_kind, enum fault_kind);

enum fault_action { FAULT_START, FAULT_STOP, FAULT_STATUS, FAULT_ACTION_MAX };
STRTAB_DECLARE(fault_action, enum fault_action);

#define FAULT_SOURCES_MAX 64

struct fault_request {
    enum fault_kind kind;
    enum fault_action action;
    /* blackhole */
    int64_t port;
    bool udp, egress;
    /* the others */
    int64_t delay_ms, jitter_ms, loss_percent, flows_percent;
    const char *sources[FAULT_SOURCES_MAX]; /* these borrow from the body */
    size_t n_sources;
    const char *filter[FAULT_SOURCES_MAX];
    size_t n_filter;
};

/* Fills r, whose kind and action are set, from a body. -1 with the text that the visitor is told.
 */
int fault_request_read(struct fault_request *r, const json_t *body, struct err *e);

/* Whether the body of this request counts at all. */
bool fault_request_has_body(const struct fault_request *r);

/* The program that looks whether there is a fault on the interface. */
void fault_add_check(const struct fault_request *r, const char *interface, struct commands *c);
/* What tc says: -1 when it is not understood. */
int fault_read_tc(const char *output, bool *ret_latency, bool *ret_loss);
/* The programs that start or stop it. */
void fault_add_commands(const struct fault_request *r, const char *interface, struct commands *c);

#endif
