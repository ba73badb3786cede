#include "agent/acs_dispatch.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

void acs_dispatch_init(struct acs_dispatch *d, const struct acs_ops *ops, void *user,
                       acs_send_fn send, void *sender, struct log *log,
                       struct task_credentials *credentials)
{
    *d = (struct acs_dispatch){
        .ops = ops,
        .user = user,
        .send = send,
        .sender = sender,
        .log = log,
        .credentials = credentials,
    };
}

void acs_dispatch_release(struct acs_dispatch *d)
{
    free(d->manifest_id);
    d->manifest_id = NULL;
}

int acs_reply(struct acs_dispatch *d, enum acs_message type, json_t *message, struct err *e)
{
    _cleanup_free_ char *frame = wire_frame(acs_message_name(type), message);

    log_event(d->log, LOG_DEBUG, "Sending to ACS", "type", acs_message_name(type), NULL);
    return d->send(d->sender, frame, strlen(frame), e);
}

int acs_ack(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    json_t *ack = json_object();

    json_put_str(ack, "cluster", json_str(message, "clusterArn"));
    json_put_str(ack, "containerInstance", json_str(message, "containerInstanceArn"));
    json_put_str(ack, "messageId", json_str(message, "messageId"));
    return acs_reply(d, ACS_ACK, ack, e);
}

int acs_need_ids(const json_t *message, struct err *e)
{
    static const char *const members[] = {"messageId", "clusterArn", "containerInstanceArn"};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const char *value;

        if (json_need_str(message, members[i], &value, e) < 0)
            return -1;
        if (!*value)
            return err_set(e, ERR_PARSE, "%s is empty", members[i]);
    }
    return 0;
}

static int on_heartbeat(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    json_t *ack = json_object();

    d->ops->heartbeat(d->user);
    json_put_str(ack, "messageId", json_str(message, "messageId"));
    return acs_reply(d, ACS_HEARTBEAT_ACK, ack, e);
}

static int on_stage_update(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    (void)e;
    d->ops->stage_update(d->user, message);
    return 0;
}

static int on_perform_update(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    (void)e;
    d->ops->perform_update(d->user, message);
    return 0;
}

static int on_notice(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    const char *text = json_str(message, "message");

    (void)e;
    log_event(d->log, LOG_WARN, "ACS says", "message", text ? text : "nothing", NULL);
    return 0;
}

typedef int (*responder_fn)(struct acs_dispatch *d, const json_t *message, struct err *e);

static const responder_fn responders[ACS_MESSAGE_MAX] = {
    [ACS_HEARTBEAT] = on_heartbeat,
    [ACS_PAYLOAD] = acs_on_payload,
    [ACS_ROLE_CREDENTIALS] = acs_on_role_credentials,
    [ACS_TASK_MANIFEST] = acs_on_manifest,
    [ACS_TASK_STOP_VERIFICATION_ACK] = acs_on_stop_verification_ack,
    [ACS_ATTACH_TASK_ENI] = acs_on_attach_task_eni,
    [ACS_ATTACH_INSTANCE_ENI] = acs_on_attach_instance_eni,
    [ACS_CONFIRM_ATTACHMENT] = acs_on_confirm_attachment,
    [ACS_STAGE_UPDATE] = on_stage_update,
    [ACS_PERFORM_UPDATE] = on_perform_update,
    [ACS_CLOSE] = on_notice,
    [ACS_ERROR] = on_notice,
    [ACS_SERVER_EXCEPTION] = on_notice,
    [ACS_BAD_REQUEST_EXCEPTION] = on_notice,
    [ACS_INVALID_CLUSTER_EXCEPTION] = on_notice,
    [ACS_INVALID_INSTANCE_EXCEPTION] = on_notice,
    [ACS_ACCESS_DENIED_EXCEPTION] = on_notice,
    [ACS_INACTIVE_INSTANCE_EXCEPTION] = on_notice,
};

int acs_dispatch_frame(struct acs_dispatch *d, const char *text, size_t n, struct err *e)
{
    _cleanup_json_ json_t *frame = json_read(text, n, JSON_READ_PEER, e);
    const char *type;
    const json_t *message;
    int m;

    if (!frame)
        return err_wrap(e, "ACS frame");
    if (json_need_str(frame, "type", &type, e) < 0)
        return err_wrap(e, "ACS frame");
    message = json_object_get(frame, "message");
    m = acs_message_from(type);
    if (m < 0 || !responders[m])
        return err_set(e, ERR_PEER, "ACS frame of the unknown type \"%.60s\"", type);
    if (!json_is_object(message))
        return err_set(e, ERR_PARSE, "%s: \"message\" is no object", type);
    d->understood++;
    log_event(d->log, LOG_DEBUG, "Received from ACS", "type", type, "messageId",
              json_str(message, "messageId"), NULL);
    return responders[m](d, message, e) < 0 ? err_wrap(e, "%s", type) : 0;
}
