/*
 * ecr_auth.h - tokens of ECR: asked for once, used until half an hour before they end.
 *
 * A token is kept for whom, where and which registry it was asked (ECR_AUTH_MAX
 * of them, the least recently used goes first), until 30 to 60 minutes before
 * its expiresAt, and 12 hours at most; only in memory. One that a registry does
 * not take any more is forgotten by ecr_auth_forget(): the official agent goes
 * on using it until it expires. (dockerauth/ecr.go, ecr/client.go)
 *
 * The address is the payload's endpointOverride, https:// in front when it has
 * no scheme; else AWS_ENDPOINT_URL_ECR; else the region's:
 *   api.ecr.<region>.amazonaws.com, with AWS_USE_FIPS_ENDPOINT ecr-fips.<region>...,
 *   with AWS_USE_DUALSTACK_ENDPOINT ecr.<region>.api.aws, with both ecr-fips.<region>.api.aws
 */
#ifndef AGENT_ECR_AUTH_H
#define AGENT_ECR_AUTH_H

#include "agent/aws_call.h"
#include "agent/credentials.h"

#define ECR_AUTH_MAX 100

struct ecr_auth;
struct ecr_auth_call;

/* A container's ecrAuthData. who NULL: the agent itself asks. */
struct ecr_auth_question {
    const char *registry_id, *region, *endpoint; /* the last two may be NULL or "" */
    const char *image;
    const struct task_credential *who;
};

/* login: what X-Registry-Auth says; or e, the reason why there is none. Both borrowed. */
typedef void (*ecr_auth_fn)(const json_t *login, const struct err *e, void *user);

/* Everything is borrowed. */
struct ecr_auth *ecr_auth_new(struct loop *l, struct aws_caller *aws, const struct config *c,
                              const struct credentials *own, struct log *log);
void ecr_auth_free(struct ecr_auth *a); /* after every call is done or cancelled; NULL is fine */

/* NULL: fn was called already. Else it will be, once, unless the call is cancelled. */
struct ecr_auth_call *ecr_auth_get(struct ecr_auth *a, const struct ecr_auth_question *q,
                                   ecr_auth_fn fn, void *user);
void ecr_auth_cancel(struct ecr_auth_call *c); /* NULL is fine */

/* The registry has refused it. */
void ecr_auth_forget(struct ecr_auth *a, const struct ecr_auth_question *q);

/* The URL of ECR for these; to be freed. For ecr_auth.c and its tests. */
char *ecr_auth_url(const struct config *c, const char *region, const char *override);

/*
 * The one authorizationData of an answer: what X-Registry-Auth says (new reference) and when it
 * ends (ns since 1970; 0: not said). NULL with the reason in e. A proxyEndpoint that is another
 * than the image's is no reason any more (it was up to 1.90): names on on.aws have another.
 */
json_t *ecr_auth_read(const json_t *answer, const char *image, int64_t *ret_expires, struct err *e);

#endif
