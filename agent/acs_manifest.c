/*
 * TaskManifestMessage and TaskStopVerificationAck; see acs_dispatch.h.
 */
#include <stdlib.h>

#include "agent/acs_dispatch.h"
#include "base/mem.h"
#include "base/str.h"

int acs_on_manifest(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    _cleanup_json_ json_t *candidates = NULL;
    json_t *verification;

    if (acs_need_ids(message, e) < 0)
        return -1;
    if (!json_is_array(json_object_get(message, "tasks")))
        return err_set(e, ERR_PARSE, "\"tasks\" is no array");
    if (!d->ops->manifest(d->user, message, &candidates))
        return err_set(e, ERR_CONFLICT, "its timeline is not newer than what is known");
    free(d->manifest_id);
    d->manifest_id = xstrdup(json_str(message, "messageId"));
    if (acs_ack(d, message, e) < 0)
        return -1;
    if (!json_array_size(candidates))
        return 0;
    verification = json_object();
    json_put_str(verification, "messageId", d->manifest_id);
    json_put(verification, "stopCandidates", json_incref(candidates));
    return acs_reply(d, ACS_TASK_STOP_VERIFICATION, verification, e);
}

int acs_on_stop_verification_ack(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    const char *id = json_str(message, "messageId");
    json_t *task;
    size_t i;

    if (!d->manifest_id || !str_eq(id, d->manifest_id))
        return err_set(e, ERR_CONFLICT, "it does not belong to the latest manifest");
    free(d->manifest_id);
    d->manifest_id = NULL;
    json_array_foreach (json_object_get(message, "stopTasks"), i, task) {
        const char *arn = json_str(task, "taskArn");

        if (!arn || d->ops->stop_task(d->user, arn) < 0)
            log_event(d->log, LOG_WARN, "Told to stop a task that is not here", "taskArn", arn,
                      NULL);
    }
    return 0;
}
