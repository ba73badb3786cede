/*
 * imds.h - the fake "imds": EC2's instance metadata service, versions 1 and 2.
 *
 * A tree of paths below /latest (and below a dated version, which means the
 * same): meta-data/, dynamic/instance-identity/, user-data. What stands in it
 * follows from the world's identity; a scenario sets and unsets paths. A folder
 * answers with its names, with and without a trailing slash.
 *
 * Version 2: PUT /latest/api/token with X-aws-ec2-metadata-token-ttl-seconds
 * of 1..21600 answers a token that is good for so long on the world's clock.
 * A token that is not known or has expired is answered with 401 in either mode, a
 * missing one in mode v2. A PUT that passed a proxy (X-Forwarded-For) is
 * answered with 403. When the caller is more hops away than the limit, the
 * answer to the PUT never arrives, as its packets die on the way.
 *
 * Errors have the HTML page that the service shows. Every answer closes the
 * connection, as the service does.
 *
 * The identity document is what EC2 writes, member by member; its signatures are real (identity.h).
 *
 * The instance role hands out credentials that the world's keyring knows. They
 * expire on the clock; new ones come shortly before.
 *
 * Answered from the start: what a plain instance in a VPC has. Not there until
 * set: user-data, spot/, autoscaling/, ipv6, outpost-arn.
 *
 * Commands (fake_ops.control); what stands first may come as {name} too:
 *   set     {path, value}    value: text, or JSON that is written compactly. A path
 *                            that begins with none of meta-data/, dynamic/, user-data lies
 *                            below meta-data/
 *   unset   {path}           this path and all below it answer 404
 *   off     {}               nobody listens; connections are refused
 *   on      {}               back again
 *   version {mode}           "v1v2" (from the start) or "v2"
 *   hop     {limit, distance}  either may be absent; from the start 1 and 1; text or numbers
 *   role    {name, lifetime?, code?}  name "": no role. lifetime: a duration, 6h when
 *                            absent. code: what the service says instead of Success
 *                            ("AssumeRoleUnauthorizedAccess")
 *   rotate  {}               the next question for credentials gets new ones
 */
#ifndef FAKES_IMDS_IMDS_H
#define FAKES_IMDS_IMDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "fakes/core/fake.h"

/* Tokens that are alive at once; one more drops the oldest. */
#define IMDS_TOKENS_MAX 4096
/* Paths that a scenario has set. */
#define IMDS_SET_MAX 1024

struct imds_role {
    char *name; /* NULL: the instance has none */
    char *code; /* NULL: Success */
    int64_t lifetime;
    /* the credentials in use; access_key NULL: none handed out yet */
    char *access_key, *secret_key, *token;
    int64_t issued, expires; /* wall */
};

struct imds {
    struct fake fake;
    struct map set;    /* path below /latest -> value; what a scenario has set */
    struct map unset;  /* path below /latest -> itself; what a scenario has taken away */
    struct map tokens; /* token -> its end, an allocated int64_t (wall) */
    struct imds_role role;
    bool v2_only;
    int hop_limit, hop_distance;
};

extern const struct fake_ops imds_ops;

#endif
