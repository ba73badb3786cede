/*
 * lease.h - the leases of the fake credentials-fetcher, and the tickets under them.
 *
 * A ticket is a folder KRB_DIR/LEASE/ACCOUNT with a credential cache krb5cc in it: MIT's file
 * format, version 4, with its principal and no ticket that a real domain would have made. Paths are
 * told whether or not files are made (leases_init()).
 */
#ifndef FAKES_CREDFETCH_LEASE_H
#define FAKES_CREDFETCH_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

#define LEASES_MAX        10000
#define LEASE_TICKETS_MAX 100
#define LEASE_CACHE       "krb5cc"

struct ticket {
    char *folder; /* what an agent is told when it is made */
    char *account, *domain;
    char *user;     /* domainless: who fetched it; "" on a joined machine */
    char *spec_arn; /* of an ARN lease, or NULL */
    uint64_t renewed;
};

struct lease {
    struct list link;
    char *id;
    struct ticket tickets[LEASE_TICKETS_MAX];
    size_t n;
};

struct leases {
    struct list all;
    size_t n;
    char *dir;  /* KRB_DIR */
    bool files; /* make them */
};

void leases_init(struct leases *l, const char *dir, bool files);
void leases_clear(struct leases *l); /* with their files */
void leases_release(struct leases *l);

/* NULL when there are too many. */
struct lease *lease_add(struct leases *l, const char *id);
struct lease *lease_find(const struct leases *l, const char *id);
void lease_remove(struct leases *l, struct lease *one);

/* Below KRB_DIR/PATH. The texts are copied. NULL with the reason in e. */
struct ticket *lease_ticket(struct leases *l, struct lease *one, const char *path,
                            const struct ticket *like, struct err *e);
/* The ticket of that folder, or NULL. */
struct ticket *lease_find_ticket(struct lease *one, const char *folder);

#endif
