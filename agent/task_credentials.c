#include <stdlib.h>

#include "agent/task_credentials.h"
#include "base/mem.h"
#include "base/str.h"

void task_credentials_init(struct task_credentials *t, struct log *log)
{
    map_init(&t->by_id);
    t->log = log;
}

static void clear(struct task_credential *c)
{
    free(c->role_arn);
    free(c->access_key);
    free(c->secret_key);
    free(c->session_token);
    free(c->expiration);
    c->role_arn = c->access_key = c->secret_key = c->session_token = c->expiration = NULL;
}

static void credential_free(struct task_credential *c)
{
    clear(c);
    free(c->id);
    free(c->task_arn);
    free(c);
}

void task_credentials_release(struct task_credentials *t)
{
    const char *key;
    void *value;

    for (size_t i = 0; map_next(&t->by_id, &i, &key, &value);)
        credential_free(value);
    map_release(&t->by_id);
}

static struct task_credential *entry(struct task_credentials *t, const char *task_arn,
                                     const char *id)
{
    struct task_credential *c = map_get(&t->by_id, id);

    if (!c) {
        c = new0(struct task_credential);
        c->id = xstrdup(id);
        map_set(&t->by_id, id, c);
    }
    if (!str_eq(c->task_arn, task_arn)) {
        free(c->task_arn);
        c->task_arn = xstrdup(task_arn);
    }
    return c;
}

int task_credentials_put(struct task_credentials *t, const char *task_arn, enum acs_role_type role,
                         const json_t *j, struct err *e)
{
    const char *id, *access, *secret;
    struct task_credential *c;

    if (json_need_str(j, "credentialsId", &id, e) < 0 ||
        json_need_str(j, "accessKeyId", &access, e) < 0 ||
        json_need_str(j, "secretAccessKey", &secret, e) < 0)
        return err_wrap(e, "roleCredentials");
    if (!*id)
        return err_set(e, ERR_PARSE, "roleCredentials: credentialsId is empty");
    if (map_count(&t->by_id) >= TASK_CREDENTIALS_MAX && !map_get(&t->by_id, id))
        return err_set(e, ERR_LIMIT, "credentials for more than %d ids", TASK_CREDENTIALS_MAX);
    log_secret(t->log, secret);
    log_secret(t->log, json_str(j, "sessionToken"));
    c = entry(t, task_arn, id);
    clear(c);
    c->role = role;
    c->role_arn = xstrdup(json_str(j, "roleArn"));
    c->access_key = xstrdup(access);
    c->secret_key = xstrdup(secret);
    c->session_token = xstrdup(json_str(j, "sessionToken"));
    c->expiration = xstrdup(json_str(j, "expiration"));
    return 0;
}

void task_credentials_know(struct task_credentials *t, const char *task_arn, const char *id)
{
    entry(t, task_arn, id);
}

const struct task_credential *task_credentials_get(const struct task_credentials *t, const char *id)
{
    return map_get(&t->by_id, id);
}

void task_credentials_drop(struct task_credentials *t, const char *task_arn)
{
    const char *key;
    void *value;

    for (size_t i = 0; map_next(&t->by_id, &i, &key, &value);) {
        struct task_credential *c = value;

        if (!str_eq(c->task_arn, task_arn))
            continue;
        map_remove(&t->by_id, c->id);
        credential_free(c);
    }
}
