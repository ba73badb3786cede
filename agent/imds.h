/*
 * imds.h - instance metadata (IMDSv2, with a fall back to v1).
 *
 * The session token is fetched with the first request and kept; a 401 gets a
 * new one, once. A peer that refuses the connection or does not answer in
 * IMDS_TIMEOUT is `gone`: from then on every request fails at once, so a
 * machine that is no EC2 instance loses no time.
 *
 * imds_get() calls back exactly once, never from inside itself; imds_free()
 * drops requests without a call.
 */
#ifndef AGENT_IMDS_H
#define AGENT_IMDS_H

#include <stdbool.h>

#include "agent/http.h"
#include "base/err.h"

#define IMDS_TIMEOUT  (2 * NS_PER_S)
#define IMDS_BODY_MAX (64u << 10)

struct imds;

/* body: NUL-terminated, NULL with the reason in e (ERR_NOT_FOUND: there is no such path). */
typedef void (*imds_fn)(const char *body, const struct err *e, void *user);

/* blackholed: never asks anybody. */
struct imds *imds_new(struct loop *l, struct http *h, const char *endpoint, bool blackholed);
void imds_free(struct imds *m);

/* path below /latest/, such as "meta-data/instance-id". */
void imds_get(struct imds *m, const char *path, imds_fn fn, void *user);

/* Nobody is there. */
bool imds_gone(const struct imds *m);

#endif
