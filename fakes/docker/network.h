/*
 * network.h - networks of the engine, and a container's place in each. Private to
 * fakes/docker.
 *
 * bridge, host and none are always there. A bridge network has a pool of
 * addresses; which subnet it gets when none is asked for follows dockerd's
 * default pools: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 upwards.
 */
#ifndef FAKES_DOCKER_NETWORK_H
#define FAKES_DOCKER_NETWORK_H

#include "fakes/docker/engine.h"

/* A subnet that is larger hands out only its first so many addresses. */
#define NETWORK_ADDRESSES 65536u

struct network {
    struct list link;
    char *name, *driver;
    char id[65];
    int64_t created; /* wall */
    bool builtin, internal, attachable;
    struct pairs labels, options;
    /* addresses of a bridge, in host order; prefix 0: it has none */
    uint32_t subnet, gateway;
    int prefix;
    bool gateway_given, subnet_given;
    char *ip_range, *reserved, *ipam_options; /* of its IPAM, as JSON; NULL: none given */
    char *ipam_driver;
    uint8_t *taken;  /* one bit for each of the first NETWORK_ADDRESSES */
    uint32_t lowest; /* none below is free */
};

/* A container's place in a network. */
struct endpoint {
    char *network;                                  /* as it was asked for: a name or an id */
    struct network *n;                              /* NULL: not known yet, or gone */
    char id[65];                                    /* "": not connected at the moment */
    uint32_t address;                               /* 0: none */
    uint32_t wanted;                                /* fixed address, 0: any */
    char *ipam, *links, *aliases, *names, *options; /* JSON as it is sent, NULL: null */
    bool user_aliases;                              /* the short id is one of the aliases */
};

void docker_networks_init(struct docker *d);
void docker_networks_release(struct docker *d);
/* By name, id or beginning of an id; NULL: none. "default" is the bridge. */
struct network *network_find(const struct docker *d, const char *name);
/* An address of the network, or the one that is wanted. 0: there is none. */
uint32_t network_take_address(struct network *n, uint32_t wanted);
void network_give_address(struct network *n, uint32_t address);
/* Whether a container is connected to it now. */
bool network_in_use(const struct docker *d, const struct network *n);

/* Fills in the endpoints of a new container from what the create body says. -1 and a problem. */
struct container;
int create_endpoints(struct container *c, const json_t *networking, int version, struct problem *p);
void endpoints_release(struct container *c);
/* The endpoint in this network, or NULL. */
struct endpoint *container_endpoint(const struct container *c, const struct network *n);
/* Joins or leaves a network while it runs or not. -1 and a problem. */
int container_join(struct container *c, struct network *n, const json_t *config, struct problem *p);
int container_leave(struct container *c, struct network *n, bool force, struct problem *p);

void get_networks(struct fake *f, struct exchange *x);
void get_network(struct fake *f, struct exchange *x);
void post_networks_create(struct fake *f, struct exchange *x);
void post_networks_prune(struct fake *f, struct exchange *x);
void post_network_connect(struct fake *f, struct exchange *x);
void post_network_disconnect(struct fake *f, struct exchange *x);
void delete_network(struct fake *f, struct exchange *x);

#endif
