/*
 * task_credentials.h - credentials that the service sends for tasks, by id.
 *
 * They come with a PayloadMessage or an IAMRoleCredentialsMessage, are renewed
 * by the latter, live in memory only, and go when their task goes. An id that
 * is known from the saved state but was not sent again yet is "uninitialized".
 */
#ifndef AGENT_TASK_CREDENTIALS_H
#define AGENT_TASK_CREDENTIALS_H

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "proto/acs_message.h"

#define TASK_CREDENTIALS_MAX 10000

struct task_credential {
    char *id, *task_arn, *role_arn;
    char *access_key, *secret_key, *session_token; /* NULL: uninitialized */
    char *expiration;                              /* as sent */
    enum acs_role_type role;
};

struct task_credentials {
    struct map by_id;
    struct log *log; /* learns each secret */
};

void task_credentials_init(struct task_credentials *t, struct log *log);
void task_credentials_release(struct task_credentials *t);

/* Takes a roleCredentials object; an id that is there is renewed. -1 when a member is missing. */
int task_credentials_put(struct task_credentials *t, const char *task_arn, enum acs_role_type role,
                         const json_t *role_credentials, struct err *e);

/* Remembers an id from the saved state. */
void task_credentials_know(struct task_credentials *t, const char *task_arn, const char *id);

/* NULL: unknown. */
const struct task_credential *task_credentials_get(const struct task_credentials *t,
                                                   const char *id);

/* Forgets all that belong to the task. */
void task_credentials_drop(struct task_credentials *t, const char *task_arn);

#endif
