/*
 * network.h - networks of the engine, and a container's place in each. Private to
 * fakes/docker.
 *
 * bridge, host and none are always there. A bridge network has a pool of IPv4
 * addresses, and one of IPv6 when it was asked for; which subnet it gets when none
 * is asked for follows dockerd's default pools: 172.17.0.0/16 to 172.31.0.0/16, then
 * 192.168.0.0/20 upwards. Up to engine 24 several networks may have one name.
 *
 * network.c: which there are, and the calls on one. network_create.c: a new one.
 * docker_networks.c: how they look. endpoint.c: places of containers in them.
 */
#ifndef FAKES_DOCKER_NETWORK_H
#define FAKES_DOCKER_NETWORK_H

#include "fakes/docker/engine.h"
#include "fakes/docker/pool.h"

struct network {
    struct list link;
    char *name, *driver;
    char id[65];
    int64_t created; /* wall */
    bool bridged;    /* there is a bridge of it in the kernel (wire.h) */
    bool builtin, internal, attachable, enable_six, config_only;
    char *config_from; /* the network whose settings it has, NULL: its own */
    struct pairs labels, options;
    struct pool four, six;
    /* its IPAM as it was asked for: objects of Config, by comma; NULL: nothing was */
    char *asked_four, *asked_six;
    char *ipam_options, *ipam_driver; /* the first is JSON, NULL: none given */
};

/* A container's place in a network. */
struct endpoint {
    char *network;                  /* as it was asked for: a name or an id */
    struct network *n;              /* NULL: not known yet, or gone */
    char id[65];                    /* "": not connected at the moment */
    ip_number address, address_six; /* 0: none */
    char *wanted, *wanted_six;      /* fixed addresses, as they were asked for; NULL: any */
    char *wanted_local;             /* link-local ones, divided by blanks; NULL: none */
    char *mac;                      /* asked for, NULL: that of its address */
    bool mac_fixed;                 /* of a create call: one of a later call only shows at first */
    char device[16];                /* in the container: "eth0"; "": none (wire.h) */
    bool tried;                     /* it was connected, or that was tried */
    char *ipam, *links, *aliases, *names, *options; /* JSON as it is sent, NULL: null */
};

void docker_networks_init(struct docker *d);
void docker_networks_release(struct docker *d);
/* By name, id or beginning of an id; NULL: none, or several. "default" is the bridge. */
struct network *network_find(const struct docker *d, const char *name);
/* The same, and what dockerd says when it is not one. style: how several are worded. */
enum ambiguity { AMBIGUOUS_ON, AMBIGUOUS_BASED_ON, AMBIGUOUS_FIRST };
struct network *network_get(const struct docker *d, const char *name, enum ambiguity style,
                            struct problem *p);
struct network *network_new(struct docker *d, const char *name, const char *driver);
void network_free(struct network *n);
void network_event(struct docker *d, const struct network *n, const char *action);
/* Whether a container is connected to it now. */
bool network_in_use(const struct docker *d, const struct network *n);
/* Not one of those that are always there. */
bool network_is_user_defined(const char *name);

/* Fills in the endpoints of a new container from what the create body says. -1 and a problem. */
struct container;
int create_endpoints(struct container *c, const json_t *networking, int version, struct problem *p);
/* What the create body says of MAC addresses, brought to where this engine keeps it: *ret_warn says
 * whether the client shall be warned. */
int create_macs(struct docker *d, json_t *config, const json_t *host, json_t *networking,
                int version, bool *ret_warn, struct problem *p);
void endpoints_release(struct container *c);
/* The endpoint in this network, or NULL. */
struct endpoint *container_endpoint(const struct container *c, const struct network *n);
/* Its aliases and names, its addresses. -1 and a problem. */
int endpoint_connect(struct container *c, struct endpoint *e, struct problem *p);
void endpoint_disconnect(struct container *c, struct endpoint *e);
void endpoint_event(const struct container *c, const struct network *n, const char *action);
/* As inspect shows them to a client of this version: older ones know no other names. */
void endpoint_write_aliases(struct buf *b, const struct container *c, const struct endpoint *e,
                            int version);
/* The container has another name. */
void endpoints_renamed(struct container *c);
/* Joins or leaves a network while it runs or not. -1 and a problem. */
int container_join(struct container *c, const char *network, const json_t *config,
                   struct problem *p);
int container_leave(struct container *c, const char *network, bool force, struct problem *p);

void get_networks(struct fake *f, struct exchange *x);
void get_network(struct fake *f, struct exchange *x);
void post_networks_create(struct fake *f, struct exchange *x);
void post_networks_prune(struct fake *f, struct exchange *x);
void post_network_connect(struct fake *f, struct exchange *x);
void post_network_disconnect(struct fake *f, struct exchange *x);
void delete_network(struct fake *f, struct exchange *x);

#endif
