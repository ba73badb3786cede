/*
 * nat.h - rules that give packets another destination, by nftables.
 *
 * nat_install() makes one table of family ip with a chain for each place in which
 * a rule is, in the caller's network namespace:
 *
 *     table ip NAME {
 *       chain output {
 *         type nat hook output priority -100
 *         ip daddr 169.254.170.2 tcp dport 80 redirect to :51679
 *       }
 *     }
 *
 * All of it is there afterwards, or nothing. It goes with the namespace.
 */
#ifndef FAKES_CORE_NAT_H
#define FAKES_CORE_NAT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Packets that are made here; packets that come in. */
enum nat_place { NAT_OUTPUT, NAT_PREROUTING, NAT_PLACE_MAX };

struct nat_rule {
    enum nat_place place;
    uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
    in_addr_t to;
    uint16_t port;
    in_addr_t new_to; /* 0: this machine (redirect) */
    uint16_t new_port;
};

/* -1 where the kernel has no nftables, or does not let us. */
int nat_install(const char *table, const struct nat_rule *rules, size_t n, struct err *e);

#endif
