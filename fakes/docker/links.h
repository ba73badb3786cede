/*
 * links.h - names that a container has for others (HostConfig.Links), as dockerd
 * keeps them. Private to fakes/docker.
 *
 * "other:alias" of container `c` gives the other the name c/alias among all names of
 * containers, lists it there, and tells c's processes of its address and ports in
 * their environment and in /etc/hosts. Only on the default network: a network that
 * somebody made has names of its own, and links are not looked at.
 */
#ifndef FAKES_DOCKER_LINKS_H
#define FAKES_DOCKER_LINKS_H

#include "fakes/docker/container.h"

struct link {
    struct container *child; /* NULL: it was removed */
    char *alias;
    char *last_name; /* of one that was removed */
};

/* Makes the links of a new container whose id and name are set. -1 and a problem. */
int links_create(struct container *c, const json_t *links, struct problem *p);
/* What keeps a container from starting when its first network is connected, and when all are. */
int links_network_wrong(const struct container *c, struct problem *p);
int links_start_wrong(const struct container *c, struct problem *p);
/* Forgets those of a container that goes, and marks those that lead to it. */
void links_forget(struct container *c);
/* Removes the link of this name, "container/alias". -1 and a problem. */
int link_remove(struct docker *d, const char *name, struct problem *p);
/* The container has the new name now. */
void links_renamed(struct container *c, const char *old);
/* ["/other:/c/alias",...] as HostConfig shows it; null without any. */
void links_write(struct buf *b, const struct container *c);
/* All names of a container, as lists show them. */
void links_write_names(struct buf *b, const struct container *c);
/* What its processes are told: one variable, one line of /etc/hosts at a time. */
void links_each_variable(const struct container *c, void (*fn)(void *data, const char *kv),
                         void *data);
void links_add_hosts(struct buf *b, const struct container *c);

#endif
