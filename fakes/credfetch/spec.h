/*
 * spec.h - what the daemon reads in a credentialspec, and what it lets pass. Private to
 * fakes/credfetch.
 *
 * From the source of the real one (api/src/gmsa_service.cpp): the domain is
 * DomainJoinConfig.DnsName, the account the first name among
 * ActiveDirectoryConfig.GroupManagedServiceAccounts; a domain is a name of RFC 1123, and an account
 * has none of some two dozen signs.
 */
#ifndef FAKES_CREDFETCH_SPEC_H
#define FAKES_CREDFETCH_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#define SPEC_CREDENTIAL_MAX 104 /* a user's name and password are shorter */
#define SPEC_DOMAIN_MAX     253

struct spec {
    char *domain, *account;
    char *credential_arn; /* of the user's secret; "": none is named */
};

/* -1: it is none, or lacks something. */
int spec_read(const char *text, size_t n, struct spec *ret);
void spec_release(struct spec *s);

bool spec_domain_ok(const char *s);
bool spec_account_ok(const char *s); /* of users, too */

#endif
