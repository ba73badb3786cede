#include "proto/acs_message.h"

static const char *const names[ACS_MESSAGE_MAX] = {
    [ACS_HEARTBEAT] = "HeartbeatMessage",
    [ACS_HEARTBEAT_ACK] = "HeartbeatAckRequest",
    [ACS_PAYLOAD] = "PayloadMessage",
    [ACS_CLOSE] = "CloseMessage",
    [ACS_ACK] = "AckRequest",
    [ACS_NACK] = "NackRequest",
    [ACS_PERFORM_UPDATE] = "PerformUpdateMessage",
    [ACS_STAGE_UPDATE] = "StageUpdateMessage",
    [ACS_ROLE_CREDENTIALS] = "IAMRoleCredentialsMessage",
    [ACS_ROLE_CREDENTIALS_ACK] = "IAMRoleCredentialsAckRequest",
    [ACS_ATTACH_TASK_ENI] = "AttachTaskNetworkInterfacesMessage",
    [ACS_ATTACH_INSTANCE_ENI] = "AttachInstanceNetworkInterfacesMessage",
    [ACS_CONFIRM_ATTACHMENT] = "ConfirmAttachmentMessage",
    [ACS_TASK_MANIFEST] = "TaskManifestMessage",
    [ACS_TASK_STOP_VERIFICATION] = "TaskStopVerificationMessage",
    [ACS_TASK_STOP_VERIFICATION_ACK] = "TaskStopVerificationAck",
    [ACS_ERROR] = "ErrorMessage",
    [ACS_SERVER_EXCEPTION] = "ServerException",
    [ACS_BAD_REQUEST_EXCEPTION] = "BadRequestException",
    [ACS_INVALID_CLUSTER_EXCEPTION] = "InvalidClusterException",
    [ACS_INVALID_INSTANCE_EXCEPTION] = "InvalidInstanceException",
    [ACS_ACCESS_DENIED_EXCEPTION] = "AccessDeniedException",
    [ACS_INACTIVE_INSTANCE_EXCEPTION] = "InactiveInstanceException",
};

STRTAB_DEFINE(acs_message, enum acs_message, names)

static const char *const role_types[ACS_ROLE_TYPE_MAX] = {
    [ACS_ROLE_TASK_APPLICATION] = "TaskApplication",
    [ACS_ROLE_TASK_EXECUTION] = "TaskExecution",
};

STRTAB_DEFINE(acs_role_type, enum acs_role_type, role_types)

enum acs_sender acs_message_sender(enum acs_message m)
{
    switch (m) {
    case ACS_HEARTBEAT_ACK:
    case ACS_ACK:
    case ACS_NACK:
    case ACS_ROLE_CREDENTIALS_ACK:
    case ACS_TASK_STOP_VERIFICATION:
        return ACS_FROM_AGENT;
    default:
        return ACS_FROM_SERVICE;
    }
}
