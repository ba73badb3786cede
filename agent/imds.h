/*
 * imds.h - instance metadata (IMDSv2, with a fall back to v1).
 *
 * The session token is fetched with the first request and kept; a 401 gets a
 * new one, once. A peer that refuses the connection or does not answer in
 * IMDS_TIMEOUT is `gone`: for IMDS_REST every request fails at once, so a
 * machine that is no EC2 instance loses no time at its start; then the next
 * request asks again, so that one bad moment costs nobody his credentials.
 *
 * imds_get() calls back exactly once, never from inside itself; imds_cancel()
 * and imds_free() drop requests without a call.
 */
#ifndef AGENT_IMDS_H
#define AGENT_IMDS_H

#include <stdbool.h>

#include "agent/http.h"
#include "base/err.h"

#define IMDS_TIMEOUT  (2 * NS_PER_S)
#define IMDS_REST     (5 * NS_PER_S)
#define IMDS_BODY_MAX (64u << 10)

struct imds;
struct imds_get;

/* body: NUL-terminated, NULL with the reason in e (ERR_NOT_FOUND: there is no such path). */
typedef void (*imds_fn)(const char *body, const struct err *e, void *user);

/* blackholed: never asks anybody. */
struct imds *imds_new(struct loop *l, struct http *h, const char *endpoint, bool blackholed);
void imds_free(struct imds *m);

/* path below /latest/, such as "meta-data/instance-id". Good for imds_cancel() until it calls back.
 */
struct imds_get *imds_get(struct imds *m, const char *path, imds_fn fn, void *user);
void imds_cancel(struct imds_get *g); /* NULL is fine */

/* Nobody is there, or was a moment ago. */
bool imds_gone(struct imds *m);

#endif
