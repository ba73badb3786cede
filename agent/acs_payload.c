/*
 * PayloadMessage and IAMRoleCredentialsMessage; see acs_dispatch.h.
 */
#include "agent/acs_dispatch.h"
#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *member;
    enum acs_role_type role;
} sets[] = {
    {"roleCredentials", ACS_ROLE_TASK_APPLICATION},
    {"executionRoleCredentials", ACS_ROLE_TASK_EXECUTION},
};

static int ack_credentials(struct acs_dispatch *d, const json_t *message, const json_t *credentials,
                           struct err *e)
{
    json_t *ack = json_object();

    json_put_str(ack, "messageId", json_str(message, "messageId"));
    json_put_str(ack, "expiration", json_str(credentials, "expiration"));
    json_put_str(ack, "credentialsId", json_str(credentials, "credentialsId"));
    return acs_reply(d, ACS_ROLE_CREDENTIALS_ACK, ack, e);
}

/* Keeps the credentials of every task before the engine sees it: a container may ask at once. */
static int keep_credentials(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    json_t *task;
    size_t i;

    json_array_foreach (json_object_get(message, "tasks"), i, task) {
        const char *arn = json_str(task, "arn");

        for (size_t k = 0; k < ARRAY_SIZE(sets); k++) {
            const json_t *credentials = json_object_get(task, sets[k].member);

            if (arn && json_is_object(credentials) &&
                task_credentials_put(d->credentials, arn, sets[k].role, credentials, e) < 0)
                return -1;
        }
    }
    return 0;
}

int acs_on_payload(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    json_t *task;
    size_t i;

    if (acs_need_ids(message, e) < 0)
        return -1;
    if (!json_is_array(json_object_get(message, "tasks")))
        return err_set(e, ERR_PARSE, "\"tasks\" is no array");
    if (keep_credentials(d, message, e) < 0)
        return -1;
    if (!d->ops->payload(d->user, message, e))
        return err_wrap(e, "not acknowledged");
    if (acs_ack(d, message, e) < 0)
        return -1;
    json_array_foreach (json_object_get(message, "tasks"), i, task) {
        for (size_t k = 0; k < ARRAY_SIZE(sets); k++) {
            const json_t *credentials = json_object_get(task, sets[k].member);

            if (json_is_object(credentials) && ack_credentials(d, message, credentials, e) < 0)
                return -1;
        }
    }
    return 0;
}

int acs_on_role_credentials(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    const json_t *credentials = json_object_get(message, "roleCredentials");
    const char *arn, *role, *id;
    int type;

    if (json_need_str(message, "messageId", &id, e) < 0 ||
        json_need_str(message, "taskArn", &arn, e) < 0 ||
        json_need_str(message, "roleType", &role, e) < 0)
        return -1;
    type = acs_role_type_from(role);
    if (!*id || !*arn || type < 0)
        return err_set(e, ERR_PARSE, "messageId or taskArn is empty, or roleType is not known");
    if (!json_is_object(credentials) || json_need_str(credentials, "credentialsId", &id, e) < 0 ||
        !*id)
        return err_set(e, ERR_PARSE, "roleCredentials without a credentialsId");
    if (d->ops->task_credentials(d->user, arn, type == ACS_ROLE_TASK_EXECUTION, id) < 0)
        return err_set(e, ERR_NOT_FOUND, "there is no task %.120s", arn);
    if (task_credentials_put(d->credentials, arn, (enum acs_role_type)type, credentials, e) < 0)
        return -1;
    return ack_credentials(d, message, credentials, e);
}
