/*
 * tcs_message.h - the frames of the telemetry service (TCS).
 *
 * To the agent: plain {"type":"<name>","message":{...}}. From the agent: the
 * header lines of a signed GET of the session's URL whose body is the JSON
 * (Authorization, Host, X-Amz-Date, X-Amz-Security-Token with session
 * credentials; sorted by name, each ended by CRLF), an empty line, then the
 * JSON. A reader splits at the first CRLF CRLF.
 *
 * Source: client_types.go and client.go:signRequestFunc of the agent's tcs
 * client; the frame was seen on the wire with releases 1.14.5 to 1.105.1.
 */
#ifndef PROTO_TCS_MESSAGE_H
#define PROTO_TCS_MESSAGE_H

#include <stdbool.h>

#include "base/strtab.h"

enum tcs_message {
    TCS_HEARTBEAT,
    TCS_STOP_SESSION,
    TCS_ACK_PUBLISH_METRIC,
    TCS_ACK_PUBLISH_HEALTH,
    TCS_ACK_PUBLISH_INSTANCE_STATUS,
    TCS_PUBLISH_METRICS,
    TCS_PUBLISH_HEALTH,
    TCS_PUBLISH_INSTANCE_STATUS,
    TCS_START_SESSION,
    TCS_SERVER_EXCEPTION,
    TCS_BAD_REQUEST_EXCEPTION,
    TCS_RESOURCE_VALIDATION_EXCEPTION,
    TCS_INVALID_PARAMETER_EXCEPTION,
    TCS_MESSAGE_MAX
};

STRTAB_DECLARE(tcs_message, enum tcs_message);

/* Whether the message keeps the session alive: only the heartbeat and the acks do. */
bool tcs_message_keeps_alive(enum tcs_message m);

/* Members of the query of the handshake; dockerVersion has no prefix here. */
#define TCS_QUERY_AGENT_HASH     "agentHash"
#define TCS_QUERY_AGENT_VERSION  "agentVersion"
#define TCS_QUERY_CLUSTER        "cluster"
#define TCS_QUERY_INSTANCE       "containerInstance"
#define TCS_QUERY_DOCKER_VERSION "dockerVersion"

/* PublishInstanceStatusRequest: statuses[].type the agent reports, and its states. */
#define TCS_STATUS_CONTAINER_RUNTIME "ContainerRuntime"

enum tcs_instance_status {
    TCS_STATUS_INITIALIZING,
    TCS_STATUS_OK,
    TCS_STATUS_IMPAIRED,
    TCS_STATUS_INSUFFICIENT_DATA,
    TCS_INSTANCE_STATUS_MAX
};
STRTAB_DECLARE(tcs_instance_status, enum tcs_instance_status);

#endif
