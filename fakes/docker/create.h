/*
 * create.h - one create call on its way. Private to fakes/docker.
 *
 * docker_create.c reads, completes and builds; create_checks.c refuses;
 * create_mounts.c makes ports, mounts and volumes; create_late.c takes the
 * HostConfig of a start call.
 */
#ifndef FAKES_DOCKER_CREATE_H
#define FAKES_DOCKER_CREATE_H

#include "fakes/docker/container.h"

struct create {
    struct docker *d;
    struct exchange *x;
    json_t *body, *config, *host, *image_config;
    bool host_given; /* the body has a HostConfig */
    bool mac_warned; /* of a MAC address that belongs elsewhere today */
    bool later;      /* the refusal comes after dockerd's search for a plugin */
    char *name;
    struct image *image;
    struct behaviour *b;
};

/* Reads config and host from the body; -1 and a problem. */
int create_read_body(struct create *r, struct problem *p);
/* What dockerd sets of a HostConfig that says nothing of it. */
void create_complete_host(struct create *r);
void create_release(struct create *r);

/* What dockerd refuses before it looks at the image, and behind it. */
int create_settings_wrong(struct create *r, struct problem *p);
int create_log_driver_wrong(struct create *r, struct problem *p);

/* Folders of volumes that are mounted alone, which older engines do not know. */
int create_subpaths_wrong(struct create *r, struct problem *p);
/* Fills in c->ports from ExposedPorts and PortBindings. */
void create_ports(struct create *r, struct container *c);
/* Fills in c->mounts; makes volumes. On failure they are given back. */
int create_mounts(struct create *r, struct container *c, struct problem *p);
void create_sort_mounts(struct container *c);

/* The body of a start call, which clients of 2014 send a HostConfig in: it takes the place of that
 * of the create call. Read first; to be applied to one that does not run. -1 and a problem. */
int late_config_read(struct create *r, struct problem *p);
int late_config_apply(struct create *r, struct container *c, struct problem *p);

#endif
