#include "proto/tcs_message.h"

static const char *const names[TCS_MESSAGE_MAX] = {
    [TCS_HEARTBEAT] = "HeartbeatMessage",
    [TCS_STOP_SESSION] = "StopTelemetrySessionMessage",
    [TCS_ACK_PUBLISH_METRIC] = "AckPublishMetric",
    [TCS_ACK_PUBLISH_HEALTH] = "AckPublishHealth",
    [TCS_ACK_PUBLISH_INSTANCE_STATUS] = "AckPublishInstanceStatus",
    [TCS_PUBLISH_METRICS] = "PublishMetricsRequest",
    [TCS_PUBLISH_HEALTH] = "PublishHealthRequest",
    [TCS_PUBLISH_INSTANCE_STATUS] = "PublishInstanceStatusRequest",
    [TCS_START_SESSION] = "StartTelemetrySessionRequest",
    [TCS_SERVER_EXCEPTION] = "ServerException",
    [TCS_BAD_REQUEST_EXCEPTION] = "BadRequestException",
    [TCS_RESOURCE_VALIDATION_EXCEPTION] = "ResourceValidationException",
    [TCS_INVALID_PARAMETER_EXCEPTION] = "InvalidParameterException",
};

STRTAB_DEFINE(tcs_message, enum tcs_message, names)

static const char *const statuses[TCS_INSTANCE_STATUS_MAX] = {
    [TCS_STATUS_INITIALIZING] = "INITIALIZING",
    [TCS_STATUS_OK] = "OK",
    [TCS_STATUS_IMPAIRED] = "IMPAIRED",
    [TCS_STATUS_INSUFFICIENT_DATA] = "INSUFFICIENT_DATA",
};

STRTAB_DEFINE(tcs_instance_status, enum tcs_instance_status, statuses)

bool tcs_message_keeps_alive(enum tcs_message m)
{
    return m == TCS_HEARTBEAT || m == TCS_ACK_PUBLISH_METRIC || m == TCS_ACK_PUBLISH_HEALTH ||
           m == TCS_ACK_PUBLISH_INSTANCE_STATUS;
}
