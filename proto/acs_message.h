/*
 * acs_message.h - the frames of the agent communication service (ACS).
 *
 * Every frame, both ways, is a WebSocket text frame that holds
 * {"type":"<name>","message":{...}}. This table has each name the agent knows
 * and who sends it; the members are the business of those who write and read.
 *
 * Source: the agent's list of recognised types (acs_client_types.go), seen on
 * the wire with releases 1.14.5 to 1.105.1.
 */
#ifndef PROTO_ACS_MESSAGE_H
#define PROTO_ACS_MESSAGE_H

#include "base/strtab.h"

enum acs_message {
    ACS_HEARTBEAT,
    ACS_HEARTBEAT_ACK,
    ACS_PAYLOAD,
    ACS_CLOSE,
    ACS_ACK,
    ACS_NACK,
    ACS_PERFORM_UPDATE,
    ACS_STAGE_UPDATE,
    ACS_ROLE_CREDENTIALS,
    ACS_ROLE_CREDENTIALS_ACK,
    ACS_ATTACH_TASK_ENI,
    ACS_ATTACH_INSTANCE_ENI,
    ACS_CONFIRM_ATTACHMENT,
    ACS_TASK_MANIFEST,
    ACS_TASK_STOP_VERIFICATION,
    ACS_TASK_STOP_VERIFICATION_ACK,
    ACS_ERROR,
    ACS_SERVER_EXCEPTION,
    ACS_BAD_REQUEST_EXCEPTION,
    ACS_INVALID_CLUSTER_EXCEPTION,
    ACS_INVALID_INSTANCE_EXCEPTION,
    ACS_ACCESS_DENIED_EXCEPTION,
    ACS_INACTIVE_INSTANCE_EXCEPTION,
    ACS_MESSAGE_MAX
};

enum acs_sender { ACS_FROM_SERVICE, ACS_FROM_AGENT };

STRTAB_DECLARE(acs_message, enum acs_message);

enum acs_sender acs_message_sender(enum acs_message m);

/* The two words of roleType in an IAMRoleCredentialsMessage. */
enum acs_role_type { ACS_ROLE_TASK_APPLICATION, ACS_ROLE_TASK_EXECUTION, ACS_ROLE_TYPE_MAX };
STRTAB_DECLARE(acs_role_type, enum acs_role_type);

/* Members of the query of the handshake; the agent sends them sorted by name. */
#define ACS_QUERY_AGENT_HASH       "agentHash"
#define ACS_QUERY_AGENT_VERSION    "agentVersion"
#define ACS_QUERY_CLUSTER          "clusterArn"
#define ACS_QUERY_INSTANCE         "containerInstanceArn"
#define ACS_QUERY_DOCKER_VERSION   "dockerVersion"
#define ACS_QUERY_PROTOCOL_VERSION "protocolVersion"
#define ACS_QUERY_SEND_CREDENTIALS "sendCredentials"
#define ACS_QUERY_SEQ_NUM          "seqNum"

#define ACS_PROTOCOL_VERSION 2

/* What stands before the engine's version in dockerVersion (ACS only, not TCS). */
#define ACS_DOCKER_VERSION_PREFIX "DockerVersion: "

/* The reason of the NackRequest when updates are not enabled. */
#define ACS_NACK_UPDATES_DISABLED "Updates are disabled"

#endif
