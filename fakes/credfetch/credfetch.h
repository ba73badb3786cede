/*
 * credfetch.h - the fake "credfetch": credentials-fetcher, the daemon that gets Kerberos tickets of
 * group managed service accounts (gMSA) on Linux.
 *
 * gRPC over a unix socket, one service with seven methods (credentialsfetcher.proto); each is named
 * by its method in the journal. Bodies in the journal are JSON, with passwords and keys left out.
 * Behaviour and words of errors are from the source of the real daemon (1.3.6, api/src/
 * gmsa_service.cpp), its oddities as well:
 *
 *   every failure of a method has the status INTERNAL, whatever it is;
 *   one ticket for each account of a lease, however many specs name it;
 *   RenewNonDomainJoinedKerberosLease answers an empty list although it renews;
 *   DeleteKerberosLease of a lease that is not there succeeds, with no paths.
 *
 * Who is in the domain: without a word everybody - each account gets a ticket, each user may fetch
 * one, and the machine is joined. As soon as an account (or a user) is declared, only those are.
 *
 * ARN leases read the specs and the users' secrets that the fakes s3 and aws of this world hold.
 *
 * Commands (fake_ops.control):
 *   account  {name}                      a group managed service account of the domain
 *   user     {name, password?, domain?}  a user of the domain who may fetch tickets
 *   leases   {name}                      "empty": new ones are told without id and tickets; "usual"
 *   joined   {name}                      "yes" or "no": the machine is in the domain
 *   down     {socket?}                   the daemon ends; socket "stays": its socket is still
 * there, and connections are refused, as after a crash up                                   it is
 * back, with the leases it had
 */
#ifndef FAKES_CREDFETCH_CREDFETCH_H
#define FAKES_CREDFETCH_CREDFETCH_H

#include "base/map.h"
#include "fakes/core/fake.h"
#include "fakes/credfetch/lease.h"

/* Where the real one listens and keeps its tickets. */
#define CREDFETCH_SOCKET  "/var/credentials-fetcher/socket/credentials_fetcher.sock"
#define CREDFETCH_KRB_DIR "/var/credentials-fetcher/krbdir"

struct credfetch {
    struct fake fake;
    struct leases leases;
    struct map accounts; /* name -> itself */
    struct map users;    /* name -> struct credfetch_user */
    bool joined;
    bool empty_leases;
    int stale; /* the socket that a daemon which is gone left behind, or -1 */
};

extern const struct fake_ops credfetch_ops;

/* The i-th method, as it is named in the journal; NULL behind the last. */
const char *credfetch_method_name(size_t i);

/* Where tickets are made, as files; before the first lease. */
void credfetch_set_dir(struct fake *f, const char *dir);

#endif
