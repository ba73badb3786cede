/* What agents say to ACS: shapes, and the ledger it has to fit. */
#include "fakes/ecs/acs.h"

#include "base/str.h"
#include "fakes/aws/shape.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/update.h"
#include "proto/acs_message.h"

static const struct shape_member ack_members[] = {
    {"messageId", &shape_string, true},
    {"cluster", &shape_string, true},
    {"containerInstance", &shape_string, true},
    {0},
};
static const struct shape ack = SHAPE_OF(ack_members);

static const struct shape_member nack_members[] = {
    {"messageId", &shape_string, true},
    {"cluster", &shape_string, true},
    {"containerInstance", &shape_string, true},
    {"reason", &shape_string, true},
    {0},
};
static const struct shape nack = SHAPE_OF(nack_members);

static const struct shape_member heartbeat_ack_members[] = {
    {"messageId", &shape_string, true},
    {0},
};
static const struct shape heartbeat_ack = SHAPE_OF(heartbeat_ack_members);

static const struct shape_member credentials_ack_members[] = {
    {"messageId", &shape_string, true},
    {"expiration", &shape_string, true},
    {"credentialsId", &shape_string, true},
    {0},
};
static const struct shape credentials_ack = SHAPE_OF(credentials_ack_members);

static const struct shape_member candidate_members[] = {
    {"taskArn", &shape_string, true},
    {"taskClusterArn", &shape_string, false}, /* 1.36 does not send it */
    {"desiredStatus", &shape_string, true},
    {0},
};
static const struct shape candidate = SHAPE_OF(candidate_members);
static const struct shape candidates = SHAPE_LIST_OF(candidate);
static const struct shape_member verification_members[] = {
    {"messageId", &shape_string, true},
    {"stopCandidates", &candidates, true},
    {0},
};
static const struct shape verification = SHAPE_OF(verification_members);

static const struct frame_kind {
    const struct shape *shape;
    const char *group;
} kinds[ACS_MESSAGE_MAX] = {
    [ACS_ACK] = {&ack, "acks"},
    [ACS_HEARTBEAT_ACK] = {&heartbeat_ack, "acks"},
    [ACS_ROLE_CREDENTIALS_ACK] = {&credentials_ack, "acks"},
    [ACS_NACK] = {&nack, "nack"},
    [ACS_TASK_STOP_VERIFICATION] = {&verification, "manifest"},
};

/* Which of our messages a frame may answer. */
static bool may_answer(int frame, int sent)
{
    switch (frame) {
    case ACS_HEARTBEAT_ACK:
        return sent == ACS_HEARTBEAT;
    case ACS_ROLE_CREDENTIALS_ACK:
        return sent == ACS_ROLE_CREDENTIALS || sent == ACS_PAYLOAD;
    case ACS_TASK_STOP_VERIFICATION:
        return sent == ACS_TASK_MANIFEST;
    default:
        return sent != ACS_HEARTBEAT && sent != ACS_ROLE_CREDENTIALS;
    }
}

static int judge_ledger(const struct acs *a, struct session *s)
{
    const char *id = json_str(s->frame, "messageId");
    const char *credentials = json_str(s->frame, "credentialsId");
    const struct ledger_entry *en = ledger_find(&a->ledger, id);
    const char *frame = acs_message_name((enum acs_message)s->type);

    if (!en) {
        session_wrong(s, "%s for message \"%s\", which was never sent", frame, id);
        return -1;
    }
    if (!may_answer(s->type, en->type)) {
        session_wrong(s, "%s does not answer a %s (message \"%s\")", frame,
                      acs_message_name((enum acs_message)en->type), id);
        return -1;
    }
    if (s->type == ACS_ROLE_CREDENTIALS_ACK && !ledger_has_credentials(en, credentials)) {
        session_wrong(s, "%s for credentials \"%s\", which were not in message \"%s\"", frame,
                      credentials, id);
        return -1;
    }
    return 0;
}

const char *acs_judge(const struct acs *a, struct session *s)
{
    const struct frame_kind *k = &kinds[s->type];
    struct shape_error se;

    if (!k->shape) {
        session_wrong(s, "%s is not for an agent to send",
                      acs_message_name((enum acs_message)s->type));
        return NULL;
    }
    if (shape_check(k->shape, s->frame, &se) != SHAPE_FITS) {
        session_wrong(s, "%s: %s: %s", acs_message_name((enum acs_message)s->type), se.where,
                      se.text);
        return NULL;
    }
    return judge_ledger(a, s) < 0 ? NULL : k->group;
}

void acs_take(struct acs *a, struct session *s)
{
    struct ledger_entry *en = ledger_find(&a->ledger, json_str(s->frame, "messageId"));

    switch (s->type) {
    case ACS_ROLE_CREDENTIALS_ACK:
        ledger_credentials_acked(en, json_str(s->frame, "credentialsId"));
        break;
    case ACS_NACK:
        ledger_nacked(en);
        update_answered(a->base.plane, s->instance_arn, en->id, true);
        break;
    case ACS_TASK_STOP_VERIFICATION:
        launch_verify_stops(a->base.plane, s, json_str(s->frame, "messageId"),
                            json_object_get(s->frame, "stopCandidates"));
        break;
    default:
        ledger_acked(en);
        update_answered(a->base.plane, s->instance_arn, en->id, false);
    }
}
