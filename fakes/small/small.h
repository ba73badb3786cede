/*
 * small.h - the fake "aws": the services of which an agent needs a few calls each.
 *
 *   sts             GetCallerIdentity, AssumeRole, GetSessionToken
 *   ssm             parameters, SecureStrings among them
 *   secretsmanager  secrets and their versions
 *   ecr             GetAuthorizationToken, repositories and images
 *   ec2             DescribeTags
 *   credentials     GET /v2/credentials/ID, the endpoint of a container's role
 *
 * All behind one address: which service is meant follows from X-Amz-Target (JSON
 * 1.1), from Action and Version in a form (the query protocols), or from the path.
 * Every call is signed for its service and the world's region, but for credentials.
 * Requests have the shapes of the services' models; what is answered too (held
 * against botocore's models by ci/clients.d/small.py).
 *
 * One call is one line in a table of operations (small_ops()), with a handler. A call is
 * named "SERVICE.Operation" in the journal ("ssm.GetParameters"); its group is the service.
 *
 * Values of SecureStrings and secrets are secrets of the journal.
 *
 * Commands (fake_ops.control):
 *   parameter   {name, value, type?}     type String, StringList, SecureString
 *   secret      {name, value}            a new version of it, AWSCURRENT
 *   repository  {name, tag?}             of ECR; with an image of that tag (latest)
 *   tag         {name, value, resource?} tag of an EC2 instance (the world's) or another resource
 *   token       {name, lifetime?}        the password that ECR hands out from here on (name),
 *                                        and for how long each is good: 12h
 *   deny        {name}                   an action, "ssm:GetParameters", "ssm:*", or
 *                                        "kms:Decrypt": SecureStrings and secrets are not read
 *   allow       {name}                   takes that back
 *   role        {name, lifetime?, token?}   the container has a role (ARN): /v2/credentials/ID
 *                                        answers; token: the Authorization that has to come
 */
#ifndef FAKES_SMALL_SMALL_H
#define FAKES_SMALL_SMALL_H

#include "base/map.h"
#include "fakes/core/fake.h"

#define SMALL_THINGS_MAX 10000 /* parameters, secrets, repositories each */

struct small {
    struct fake fake;
    struct map parameters;   /* name -> struct small_parameter */
    struct map secrets;      /* name -> struct small_secret */
    struct map repositories; /* name -> struct small_repository */
    struct map denied;       /* glob over "service:Action" -> itself */
    json_t *tags;            /* list of {resourceId, resourceType, key, value} */
    char *role, *role_token; /* of the container, or NULL */
    int64_t role_lifetime;   /* ns */
    char *token;             /* the password of ECR, or NULL: another one each time */
    int64_t token_lifetime;  /* ns; 0: the usual */
};

extern const struct fake_ops small_ops;

/* The current value of a secret, by name or ARN, for another fake that reads it as a service of
 * its own would; NULL: there is none. */
const char *small_secret_text(const struct small *s, const char *id);

/* The name of the i-th call, as it is in the journal: "ssm.GetParameters". False behind the last.
 */
bool small_call_name(size_t i, char out[64]);

#endif
