/*
 * pool.h - a subnet of a network, IPv4 or IPv6, and which of its addresses are
 * given away. Private to fakes/docker.
 *
 * As dockerd's own IPAM does: the lowest free address of the range is given, an
 * address that is asked for may be anywhere in the subnet, and the first of a
 * subnet (of IPv4 the last one, too) is nobody's.
 *
 * Life cycle: pool_init() on a pool of zeros, pool_release(). Addresses are numbers; one
 * of IPv4 has 32 bits.
 */
#ifndef FAKES_DOCKER_POOL_H
#define FAKES_DOCKER_POOL_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned __int128 ip_number;

/* Holds any address with its prefix. */
#define IP_TEXT_MAX 64

struct cidr {
    ip_number address; /* as it was written, host bits and all */
    int prefix;
    bool six;
};

struct pool {
    bool used; /* false: there is none */
    bool six;
    int prefix;
    ip_number base, last;              /* of the subnet */
    ip_number range_first, range_last; /* where addresses are given away */
    ip_number gateway;
    /* those that are given away, in order; none is free below `lowest` */
    ip_number *taken;
    size_t n, cap;
    ip_number lowest;
};

/* An address, or an address and a prefix. False: it is none. */
bool ip_read(const char *s, bool *ret_six, ip_number *ret);
bool cidr_read(const char *s, struct cidr *ret);
char *ip_text(ip_number address, bool six, char out[IP_TEXT_MAX]);
/* Its first and its last address. */
ip_number cidr_first(const struct cidr *c);
ip_number cidr_last(const struct cidr *c);
bool cidr_contains(const struct cidr *c, ip_number address, bool six);

/* range: NULL is the whole subnet; of one that lies elsewhere only its host bits count. ends: the
 * first and the last address of an IPv4 subnet are nobody's even where it has no more than two. */
void pool_init(struct pool *p, const struct cidr *subnet, const struct cidr *range, bool ends);
void pool_release(struct pool *p);
bool pool_contains(const struct pool *p, ip_number address);
bool pools_overlap(const struct pool *p, const struct cidr *c);

enum pool_outcome { POOL_TAKEN, POOL_IN_USE, POOL_FULL, POOL_OUTSIDE };
/* The lowest that is free. */
enum pool_outcome pool_take_any(struct pool *p, ip_number *ret);
enum pool_outcome pool_take(struct pool *p, ip_number wanted);
/* Nothing when it is not given away. */
void pool_give(struct pool *p, ip_number address);

#endif
