/*
 * methods.h: AddKerberosArnLease and RenewKerberosArnLease: the daemon is handed keys, and fetches
 * specs from S3 and their users from Secrets Manager by itself. Where the real one would speak with
 * AWS this one looks at what the fakes s3 and aws of its world hold.
 */
#include <credentialsfetcher.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/credfetch/grpc.h"
#include "fakes/credfetch/methods.h"
#include "fakes/credfetch/spec.h"
#include "fakes/s3/s3.h"
#include "fakes/s3/store.h"
#include "fakes/small/small.h"

typedef Credentialsfetcher__KerberosArnLeaseRequest arn_request;
typedef Credentialsfetcher__RenewKerberosArnLeaseRequest renew_arn_request;

#define OBJECT_MAX (64 << 10)

/* The object of arn:aws:s3:::BUCKET/KEY; to be freed, NULL: there is none. */
static char *object_text(const struct credfetch *c, const char *arn, size_t *ret_n)
{
    const struct fake *s3 = world_find(c->fake.world, "s3");
    const char *rest = str_after(arn, "arn:aws:s3:::"), *slash = rest ? strchr(rest, '/') : NULL;
    const struct s3_bucket *b;
    const struct s3_object *o;
    _cleanup_free_ char *bucket = NULL;
    struct buf text = BUF_INIT(OBJECT_MAX);
    char scratch[4096];
    const char *p;
    size_t n;

    if (!s3 || !slash)
        return NULL;
    bucket = xstrndup(rest, (size_t)(slash - rest));
    b = s3_bucket_find((const struct s3 *)s3, bucket);
    o = b ? s3_object_find(b, slash + 1) : NULL;
    for (uint64_t at = 0; o && at < o->content.size && !text.full; at += n) {
        n = s3_content_at(&o->content, at, scratch, sizeof(scratch), &p);
        if (!n || buf_add(&text, p, n) < 0)
            break;
    }
    *ret_n = buf_len(&text);
    return o && !text.full ? buf_steal(&text, NULL) : (buf_release(&text), NULL);
}

struct who {
    char *user, *password, *domain;
};

static void who_release(struct who *w)
{
    if (w->password)
        explicit_bzero(w->password, strlen(w->password));
    free(w->user);
    free(w->password);
    free(w->domain);
    *w = (struct who){0};
}

/* What the secret says; empty texts where it says nothing. */
static void read_who(const struct credfetch *c, const char *arn, struct who *ret)
{
    const struct fake *aws = world_find(c->fake.world, "aws");
    const char *text = aws ? small_secret_text((const struct small *)aws, arn) : NULL;
    _cleanup_json_ json_t *o =
        text ? json_read(text, strlen(text), JSON_READ_PEER, NULL) : json_object();

    ret->user = json_dup_str(o, "username");
    ret->password = json_dup_str(o, "password");
    ret->domain = json_dup_str(o, "domainName");
}

/* What both methods do with one spec. NULL: it is fine, and *s and *w are filled. */
static const char *read_spec(const struct credfetch *c, const char *arn, struct spec *s,
                             struct who *w)
{
    size_t n = 0;
    _cleanup_free_ char *text = object_text(c, arn, &n);

    if (!text)
        return "ERROR: credentialspec cannot be retrieved from s3";
    if (spec_read(text, n, s) < 0 || !*s->credential_arn)
        return "ERROR: invalid credentialspec fields";
    read_who(c, s->credential_arn, w);
    return credfetch_bad_user(w->user, w->password, w->domain, true);
}

/* ARN#LEASE/FOLDER. */
static const char *split(const char *arn, char **ret_arn, char **ret_lease, char **ret_path)
{
    const char *hash = strchr(arn, '#'), *slash;

    if (!*arn)
        return "ERROR: credentialspec arn should not be empty";
    if (!hash || strchr(hash + 1, '#'))
        return "ERROR: credentialspec arn is not valid";
    slash = strchr(hash + 1, '/');
    if (!slash || strchr(slash + 1, '/') || strstr(hash, "..") || !slash[1] || slash == hash + 1)
        return "ERROR: mount path is invalid";
    *ret_arn = xstrndup(arn, (size_t)(hash - arn));
    *ret_lease = xstrndup(hash + 1, (size_t)(slash - hash - 1));
    *ret_path = xstrdup(hash + 1);
    return NULL;
}

static const char *add_one(struct credfetch *c, struct lease **l, const char *text)
{
    _cleanup_free_ char *arn = NULL, *id = NULL, *path = NULL, *folder = NULL;
    const char *why = split(text, &arn, &id, &path);
    struct spec s = {0};
    struct who w = {0};
    struct err e = ERR_INIT;

    if (!why)
        why = read_spec(c, arn, &s, &w);
    if (!why && !*l)
        *l = lease_find(&c->leases, id) ? NULL : lease_add(&c->leases, id);
    if (!why && !*l)
        why = "ERROR: found duplicate mount paths";
    folder = why ? NULL : xasprintf("%s/%s", c->leases.dir, path);
    if (!why && lease_find_ticket(*l, folder))
        why = "ERROR: found duplicate mount paths";
    if (!why && !credfetch_knows_user(c, w.user, w.password, w.domain))
        why = "ERROR :-1: Cannot retrieve domainless user kerberos tickets";
    if (!why && !credfetch_knows_account(c, s.account))
        why = "ERROR: 0: Cannot get gMSA krb ticket";
    if (!why && !lease_ticket(
                    &c->leases, *l, path,
                    &(struct ticket){
                        .account = s.account, .domain = s.domain, .user = w.user, .spec_arn = arn},
                    &e))
        why = "ERROR: 0: Cannot get gMSA krb ticket";
    spec_release(&s);
    who_release(&w);
    return why;
}

void credfetch_add_arn_lease(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in)
{
    const arn_request *q = (const arn_request *)in;
    Credentialsfetcher__CreateKerberosArnLeaseResponse a =
        GRPC_INIT(Credentialsfetcher__CreateKerberosArnLeaseResponse,
                  credentialsfetcher__create_kerberos_arn_lease_response);
    Credentialsfetcher__KerberosTicketArnResponse one[LEASE_TICKETS_MAX], *list[LEASE_TICKETS_MAX];
    struct lease *l = NULL;
    const char *why = NULL;

    if (!*q->access_key_id || !*q->secret_access_key || !*q->session_token || !*q->region ||
        !q->n_credspec_arns)
        why = "Error: access credentials should not be empty";
    for (size_t i = 0; !why && i < q->n_credspec_arns; i++)
        why = add_one(c, &l, q->credspec_arns[i]);
    if (why) {
        if (l)
            lease_remove(&c->leases, l);
        grpc_refuse(x, GRPC_INTERNAL, why);
        return;
    }
    for (size_t i = 0; i < l->n; i++) {
        credentialsfetcher__kerberos_ticket_arn_response__init(&one[i]);
        one[i].credspec_arns = l->tickets[i].spec_arn;
        one[i].created_kerberos_file_paths = l->tickets[i].folder;
        list[i] = &one[i];
    }
    journal_state(fake_journal(&c->fake), c->fake.ops->name, l->id, "none", "held");
    a.lease_id = l->id;
    a.krb_ticket_response_map = list;
    a.n_krb_ticket_response_map = l->n;
    grpc_answer(x, &a.base);
}

void credfetch_renew_arn_lease(struct credfetch *c, struct exchange *x, const ProtobufCMessage *in)
{
    const renew_arn_request *q = (const renew_arn_request *)in;
    Credentialsfetcher__RenewKerberosArnLeaseResponse a =
        GRPC_INIT(Credentialsfetcher__RenewKerberosArnLeaseResponse,
                  credentialsfetcher__renew_kerberos_arn_lease_response);
    const char *why = NULL;
    struct list *pos;

    if (!*q->access_key_id || !*q->secret_access_key || !*q->session_token || !*q->region)
        why = "ERROR: invalid credentials/region";
    list_for_each (pos, &c->leases.all) {
        struct lease *l = container_of(pos, struct lease, link);

        for (size_t i = 0; !why && i < l->n; i++) {
            struct spec s = {0};
            struct who w = {0};

            if (!l->tickets[i].spec_arn)
                continue;
            why = read_spec(c, l->tickets[i].spec_arn, &s, &w);
            l->tickets[i].renewed += !why;
            spec_release(&s);
            who_release(&w);
        }
    }
    if (why) {
        grpc_refuse(x, GRPC_INTERNAL, why);
        return;
    }
    a.status = (char *)(uintptr_t) "successful";
    grpc_answer(x, &a.base);
}
