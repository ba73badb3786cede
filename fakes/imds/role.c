/* The instance role: credentials that come and go on the clock. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/credentials.h"
#include "fakes/aws/keyring.h"
#include "fakes/imds/tree.h"

/* EC2 has new credentials ready at least this long before the old ones expire. */
#define RENEW_BEFORE_NS (5 * 60 * NS_PER_S)

static void forget(struct imds_role *r)
{
    free(r->access_key);
    free(r->secret_key);
    free(r->token);
    r->access_key = r->secret_key = r->token = NULL;
}

void imds_role_rotate(struct imds *m)
{
    forget(&m->role);
}

void imds_role_release(struct imds *m)
{
    forget(&m->role);
    free(m->role.name);
    free(m->role.code);
    m->role.name = m->role.code = NULL;
}

void imds_role_set(struct imds *m, const char *name, int64_t lifetime, const char *code)
{
    imds_role_release(m);
    m->role.name = name && *name ? xstrdup(name) : NULL;
    m->role.code = xstrdup(code);
    m->role.lifetime = lifetime;
}

static void issue(struct imds *m)
{
    struct imds_role *r = &m->role;
    struct aws_credentials k;
    struct world *w = m->fake.world;
    struct err e = ERR_INIT;
    struct keyring *ring = keyring_of(w, &e);

    forget(r);
    aws_credentials_make(w, &k);
    r->access_key = k.access_key;
    r->secret_key = k.secret_key;
    r->token = k.token;
    r->issued = loop_wall(&w->loop);
    r->expires = r->issued + r->lifetime;

    char *arn =
        xasprintf("arn:aws:sts::%s:assumed-role/%s/%s", w->id.account, r->name, w->id.instance_id);
    struct keyring_new key = {.access_key = r->access_key,
                              .secret_key = r->secret_key,
                              .token = r->token,
                              .arn = arn,
                              .owner = m->fake.ops->name,
                              .expires = r->expires};

    if (!ring || keyring_put(ring, &key, &e) < 0)
        journal_note(&w->journal, m->fake.ops->name, "credentials are unknown to the keyring: %s",
                     e.text);
    free(arn);
}

void imds_credentials(struct imds *m, struct buf *out)
{
    struct imds_role *r = &m->role;
    int64_t now = loop_wall(fake_loop(&m->fake));
    int64_t early = r->lifetime / 4 < RENEW_BEFORE_NS ? r->lifetime / 4 : RENEW_BEFORE_NS;
    char updated[40], expires[40];

    if (r->code) {
        buf_addf(out,
                 "{\n  \"Code\" : \"%s\",\n"
                 "  \"Message\" : \"EC2 cannot assume the role %s. Please see documentation at "
                 "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
                 "troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc.\",\n"
                 "  \"LastUpdated\" : \"%s\"\n}",
                 r->code, r->name, str_format_time(now, 0, updated));
        return;
    }
    if (!r->access_key || now >= r->expires - early)
        issue(m);
    buf_addf(out,
             "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"%s\",\n"
             "  \"Type\" : \"AWS-HMAC\",\n  \"AccessKeyId\" : \"%s\",\n"
             "  \"SecretAccessKey\" : \"%s\",\n  \"Token\" : \"%s\",\n"
             "  \"Expiration\" : \"%s\"\n}",
             str_format_time(r->issued, 0, updated), r->access_key, r->secret_key, r->token,
             str_format_time(r->expires, 0, expires));
}

void imds_profile(struct imds *m, struct buf *out)
{
    char now[40];

    buf_addf(out,
             "{\n  \"Code\" : \"Success\",\n  \"LastUpdated\" : \"%s\",\n"
             "  \"InstanceProfileArn\" : \"arn:aws:iam::%s:instance-profile/%s\",\n"
             "  \"InstanceProfileId\" : \"AIPAECSIMEXAMPLE00001\"\n}",
             str_format_time(loop_wall(fake_loop(&m->fake)), 0, now), m->fake.world->id.account,
             m->role.name);
}
