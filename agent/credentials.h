/*
 * credentials.h - the agent's own credentials, of the first of these that has some:
 *
 *   on EC2       environment, shared file, role of the instance, rotating file
 *   external     environment, rotating file, shared file, role of the instance
 *
 * The shared file is AWS_SHARED_CREDENTIALS_FILE, the rotating one ROTATING_CREDENTIALS, which is
 * read again each minute. (credentials/providers/instance_credentials_provider.go)
 *
 * Life cycle: credentials_new(), credentials_fetch() once at start; from then
 * on those of a role are fetched again before they expire. credentials_sign()
 * lends what a signature needs; the texts stay valid until the loop runs again.
 *
 * Every secret is registered with the log before anybody can write it.
 */
#ifndef AGENT_CREDENTIALS_H
#define AGENT_CREDENTIALS_H

#include "agent/config.h"
#include "agent/http.h"
#include "agent/imds.h"
#include "base/log.h"

struct credentials;

/* e->code is ERR_NONE when there are credentials. */
typedef void (*credentials_fn)(const struct err *e, void *user);

struct credentials *credentials_new(struct loop *l, struct imds *m, const struct config *c,
                                    struct log *log);
void credentials_free(struct credentials *c);

/* Calls back once; at once when the environment or a file has them. */
void credentials_fetch(struct credentials *c, credentials_fn fn, void *user);

/* False while there are none. */
bool credentials_sign(const struct credentials *c, struct http_sign *ret);

#endif
