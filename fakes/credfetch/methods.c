#include "fakes/credfetch/methods.h"

#include <credentialsfetcher.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/credfetch/grpc.h"
#include "fakes/credfetch/spec.h"

#define LEASE_ID_BYTES 10

typedef Credentialsfetcher__CreateKerberosLeaseRequest add_request;
typedef Credentialsfetcher__CreateNonDomainJoinedKerberosLeaseRequest add_domainless_request;
typedef Credentialsfetcher__RenewNonDomainJoinedKerberosLeaseRequest renew_request;
typedef Credentialsfetcher__DeleteKerberosLeaseRequest delete_request;

bool credfetch_knows_account(const struct credfetch *c, const char *name)
{
    return map_count(&c->accounts) == 0 || map_get(&c->accounts, name);
}

bool credfetch_knows_user(const struct credfetch *c, const char *name, const char *password,
                          const char *domain)
{
    const struct credfetch_user *u = map_get(&c->users, name);

    if (map_count(&c->users) == 0)
        return true;
    return u && (!u->password || str_eq(u->password, password)) &&
           (!u->domain || strcasecmp(u->domain, domain) == 0);
}

const char *credfetch_bad_user(const char *name, const char *password, const char *domain, bool arn)
{
    if (!spec_domain_ok(domain) || !spec_account_ok(name))
        return arn ? "ERROR: invalid domainName/username" : "Error: invalid domainName/username";
    if (!*name || !*password || strlen(name) >= SPEC_CREDENTIAL_MAX ||
        strlen(password) >= SPEC_CREDENTIAL_MAX || strlen(domain) >= SPEC_DOMAIN_MAX)
        return arn ? "ERROR: domainless AD user credentials is not valid/ credentials should not "
                     "be "
                     "more than 256 charaters"
                   : "Error: domainless AD user credentials is not valid/ credentials should not "
                     "be "
                     "more than 256 charaters";
    return NULL;
}

/* ---- leases ---- */

static void fail(struct credfetch *c, struct exchange *x, struct lease *l, const char *message)
{
    if (l)
        lease_remove(&c->leases, l);
    grpc_refuse(x, GRPC_INTERNAL, message);
}

/* Whom tickets are fetched as; user NULL: the machine itself. */
struct fetcher {
    const char *user, *password, *domain;
};

static const char *fetch_ticket(struct credfetch *c, struct lease *l, const struct spec *s,
                                const struct fetcher *who)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", l->id, s->account);
    _cleanup_free_ char *folder = xasprintf("%s/%s", c->leases.dir, path);
    const struct ticket like = {
        .account = s->account, .domain = s->domain, .user = (char *)(uintptr_t)who->user};
    struct err e = ERR_INIT;

    if (lease_find_ticket(l, folder))
        return NULL; /* the account has one */
    if (!who->user && !c->joined)
        return "ERROR: cannot get machine krb ticket";
    if (who->user && !credfetch_knows_user(c, who->user, who->password, who->domain))
        return "ERROR: -1: cannot retrieve domainless user kerberos tickets";
    if (!credfetch_knows_account(c, s->account))
        return who->user ? "ERROR: Cannot get gMSA krb ticket "
                         : "ERROR: Cannot get gMSA krb ticket";
    if (!lease_ticket(&c->leases, l, path, &like, &e))
        return "ERROR: Cannot get gMSA krb ticket";
    return NULL;
}

/* Reads all specs before it fetches a ticket. NULL: done. */
static const char *fetch_tickets(struct credfetch *c, struct lease *l, char *const *specs, size_t n,
                                 const struct fetcher *who)
{
    struct spec *s = new0_array(struct spec, n + 1);
    const char *why = NULL;

    for (size_t i = 0; !why && i < n; i++)
        if (who->user && !*specs[i])
            why = "Error: credentialspec content shouldn't be empty formatted";
        else if (spec_read(specs[i], strlen(specs[i]), &s[i]) < 0)
            why = "ERROR: invalid credentialspec fields";
    for (size_t i = 0; !why && i < n; i++)
        why = fetch_ticket(c, l, &s[i], who);
    for (size_t i = 0; i < n; i++)
        spec_release(&s[i]);
    free(s);
    return why;
}

static struct lease *new_lease(struct credfetch *c)
{
    char id[2 * LEASE_ID_BYTES + 1];

    world_hex(c->fake.world, LEASE_ID_BYTES, id);
    return lease_add(&c->leases, id);
}

static char **folders(const struct lease *l)
{
    char **list = new0_array(char *, l->n + 1);

    for (size_t i = 0; i < l->n; i++)
        list[i] = l->tickets[i].folder;
    return list;
}

static void note_lease(struct credfetch *c, const struct lease *l, const char *from, const char *to)
{
    journal_state(fake_journal(&c->fake), c->fake.ops->name, l->id, from, to);
}

/* id, n and paths are members of the answer a: two types have them. */
static void grant(struct credfetch *c, struct exchange *x, const struct lease *l,
                  const ProtobufCMessage *a, char **id, size_t *n, char ***paths)
{
    note_lease(c, l, "none", "held");
    *paths = folders(l);
    if (!c->empty_leases) {
        *id = l->id;
        *n = l->n;
    }
    grpc_answer(x, a);
    free(*paths);
}

static void add(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in)
{
    const add_request *q = (const add_request *)in;
    Credentialsfetcher__CreateKerberosLeaseResponse a =
        GRPC_INIT(Credentialsfetcher__CreateKerberosLeaseResponse,
                  credentialsfetcher__create_kerberos_lease_response);
    const struct fetcher machine = {NULL, NULL, NULL};
    struct lease *l = new_lease(c);
    const char *why =
        l ? fetch_tickets(c, l, q->credspec_contents, q->n_credspec_contents, &machine)
          : "ERROR: Cannot get gMSA krb ticket";

    if (why) {
        fail(c, x, l, why);
        return;
    }
    grant(c, x, l, &a.base, &a.lease_id, &a.n_created_kerberos_file_paths,
          &a.created_kerberos_file_paths);
}

static void add_domainless(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in)
{
    const add_domainless_request *q = (const add_domainless_request *)in;
    Credentialsfetcher__CreateNonDomainJoinedKerberosLeaseResponse a =
        GRPC_INIT(Credentialsfetcher__CreateNonDomainJoinedKerberosLeaseResponse,
                  credentialsfetcher__create_non_domain_joined_kerberos_lease_response);
    const struct fetcher who = {q->username, q->password, q->domain};
    const char *why = credfetch_bad_user(q->username, q->password, q->domain, false);
    struct lease *l = NULL;

    if (!why && !q->n_credspec_contents)
        why = "Error: domainless AD user credentials is not valid/ credentials should not be more "
              "than 256 charaters";
    if (!why && !(l = new_lease(c)))
        why = "ERROR: Cannot get gMSA krb ticket ";
    if (!why)
        why = fetch_tickets(c, l, q->credspec_contents, q->n_credspec_contents, &who);
    if (why) {
        fail(c, x, l, why);
        return;
    }
    grant(c, x, l, &a.base, &a.lease_id, &a.n_created_kerberos_file_paths,
          &a.created_kerberos_file_paths);
}

static void renew(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in)
{
    const renew_request *q = (const renew_request *)in;
    Credentialsfetcher__RenewNonDomainJoinedKerberosLeaseResponse a =
        GRPC_INIT(Credentialsfetcher__RenewNonDomainJoinedKerberosLeaseResponse,
                  credentialsfetcher__renew_non_domain_joined_kerberos_lease_response);
    const char *why = credfetch_bad_user(q->username, q->password, q->domain, false);
    struct list *pos;

    if (why) {
        fail(c, x, NULL, why);
        return;
    }
    list_for_each (pos, &c->leases.all) {
        struct lease *l = container_of(pos, struct lease, link);

        /* a password that the domain does not take renews nothing, and is no error */
        for (size_t i = 0; i < l->n; i++)
            if (str_eq(l->tickets[i].user, q->username) &&
                credfetch_knows_user(c, q->username, q->password, q->domain)) {
                l->tickets[i].renewed++;
                note_lease(c, l, "held", "renewed");
            }
    }
    grpc_answer(x, &a.base);
}

static void delete (struct credfetch *c, struct exchange *x, const ProtobufCMessage *in)
{
    const delete_request *q = (const delete_request *)in;
    Credentialsfetcher__DeleteKerberosLeaseResponse a =
        GRPC_INIT(Credentialsfetcher__DeleteKerberosLeaseResponse,
                  credentialsfetcher__delete_kerberos_lease_response);
    struct lease *l = lease_find(&c->leases, q->lease_id);
    char **paths = NULL;
    size_t n = l ? l->n : 0;

    if (!*q->lease_id) {
        fail(c, x, NULL, "Error: lease_id is not valid");
        return;
    }
    paths = new0_array(char *, n + 1);
    for (size_t i = 0; i < n; i++)
        paths[i] = xasprintf("%s/" LEASE_CACHE, l->tickets[i].folder);
    a.lease_id = q->lease_id;
    a.deleted_kerberos_file_paths = paths;
    a.n_deleted_kerberos_file_paths = n;
    if (l) {
        note_lease(c, l, "held", "deleted");
        lease_remove(&c->leases, l);
    }
    grpc_answer(x, &a.base);
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    free(paths);
}

static void health(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in)
{
    Credentialsfetcher__HealthCheckResponse a = GRPC_INIT(
        Credentialsfetcher__HealthCheckResponse, credentialsfetcher__health_check_response);

    (void)c;
    (void)in;
    a.status = (char *)(uintptr_t) "OK";
    grpc_answer(x, &a.base);
}

const struct credfetch_method credfetch_methods[] = {
    {"AddKerberosLease", "lease", add},
    {"AddNonDomainJoinedKerberosLease", "lease", add_domainless},
    {"RenewNonDomainJoinedKerberosLease", "renew", renew},
    {"DeleteKerberosLease", "delete", delete},
    {"HealthCheck", "health", health},
    {"AddKerberosArnLease", "arn", credfetch_add_arn_lease},
    {"RenewKerberosArnLease", "arn", credfetch_renew_arn_lease},
    {NULL, NULL, NULL},
};
